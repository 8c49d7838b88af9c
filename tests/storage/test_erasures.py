"""What the log says of an erased patient: who learnt from it, and which copies there are."""

from pathlib import Path

import pytest

from storage import Database
from storage.access import Action
from storage.backup import create_backup
from storage.erasures import copies_of, erased_reads, is_extended
from storage.errors import AccessDeniedError, AuditError, ErasedError
from storage.operations import recorded
from storage.restore import restore_backup
from tests.storage.conftest import Tamper, only_sqlite
from tests.storage.stores import RECORD, clinic, erase, outcomes, read, store

DIGEST = "ab" * 32


def size(database: Database) -> int:
    return database.checkpoint().n_entries


def extract(database: Database, patient_id: str) -> None:
    """Open a patient for an extract."""
    scope = database.scope("analyst", purpose="research")
    with recorded(scope, Action.EXTRACT_CREATE, patient_id) as access:
        access.patient(patient_id)


def test_erased_patients_are_counted_by_the_reads_of_one_training(
    database: Database, ada: str
) -> None:
    ben = store(database, RECORD, [])
    training = database.reading("analyst", purpose="training")
    training.get(ben)
    first = size(database)
    training.get(ada)
    clinic(database).get(ben)
    stop = size(database)
    training.get(ben)
    assert erased_reads(database, 0, size(database), purpose="training") == 0

    erase(database, ada)
    assert erased_reads(database, first, stop, purpose="training") == 1
    assert erased_reads(database, stop, size(database), purpose="training") == 0
    assert erased_reads(database, first, first, purpose="training") == 0
    assert erased_reads(database, first, stop, purpose="treatment") == 0

    erase(database, ben)
    assert erased_reads(database, first, stop, purpose="training") == 1
    assert erased_reads(database, 0, size(database), purpose="training") == 2


def test_what_a_unit_had_read_that_was_rolled_back_counts(database: Database, ada: str) -> None:
    with database.unit("analyst", purpose="training") as unit:
        unit.patients.get(ada)  # and it is never committed

    erase(database, ada)

    assert erased_reads(database, 0, size(database), purpose="training") == 1


def test_a_refused_read_does_not_count(database: Database, ada: str) -> None:
    with pytest.raises(AccessDeniedError):
        database.reading("dr.lee", purpose="training").get(ada)

    erase(database, ada)

    assert erased_reads(database, 0, size(database), purpose="training") == 0


def test_a_read_that_was_edited_away_is_seen(database: Database, ada: str, tamper: Tamper) -> None:
    database.reading("analyst", purpose="training").get(ada)
    position = size(database) - 1
    erase(database, ada)
    ((entry,),) = tamper("SELECT entry FROM audit_entry WHERE position = ?", position)
    edited = bytes(entry).replace(b'"training"', b'"treatment"')
    tamper("UPDATE audit_entry SET entry = ? WHERE position = ?", edited, position)

    with pytest.raises(AuditError, match="is not the one that was signed"):
        erased_reads(database, 0, size(database), purpose="training")


def test_the_log_extends_what_it_was_and_nothing_else(database: Database, ada: str) -> None:
    earlier = database.checkpoint()
    clinic(database).get(ada)
    now = database.checkpoint()

    for head in (earlier, now):
        assert is_extended(database, head.n_entries, head.entries_root)
    assert not is_extended(database, earlier.n_entries, now.entries_root)
    assert not is_extended(database, now.n_entries + 1, now.entries_root)
    assert not is_extended(database, -1, now.entries_root)


def test_copies_are_the_backups_and_extracts_of_the_patients_time(
    database: Database, ada: str, tmp_path: Path
) -> None:
    ben = store(database, RECORD, [])
    held = [create_backup(database, tmp_path / "one", actor="officer").entry]
    extract(database, ben)
    database.append("analyst", "research", "extract.create", detail=DIGEST)  # without ada
    extract(database, ada)
    held.append(database.append("analyst", "research", "extract.create", detail=DIGEST).index)
    with pytest.raises(AccessDeniedError):
        create_backup(database, tmp_path / "two", actor="dr.lee")
    erase(database, ada)
    create_backup(database, tmp_path / "three", actor="officer")
    extract(database, ben)
    database.append("analyst", "research", "extract.create", detail=DIGEST)

    found = copies_of(database, ada, actor="officer")

    assert [entry.index for entry in found] == held
    assert [entry.action for entry in found] == ["backup.create", "extract.create"]


def test_an_extract_that_was_never_finished_is_no_copy(database: Database, ada: str) -> None:
    extract(database, ada)
    assert copies_of(database, ada, actor="officer") == ()

    refused = {"subject": "", "outcome": "NotAnonymousError", "detail": ""}
    database.record("analyst", "research", "extract.create", **refused)
    assert copies_of(database, ada, actor="officer") == ()


def test_of_a_patient_that_is_still_there_copies_are_told_too(
    database: Database, ada: str, tmp_path: Path
) -> None:
    entry = create_backup(database, tmp_path / "one", actor="officer").entry

    assert [copy.index for copy in copies_of(database, ada, actor="officer")] == [entry]


@only_sqlite
def test_the_backup_that_a_store_was_restored_from_is_a_copy_too(
    database: Database, ada: str, tmp_path: Path
) -> None:
    made = create_backup(database, tmp_path / "one", actor="officer")
    restored = str(tmp_path / "restored.db")
    restore_backup(tmp_path / "one", restored, database.ring, actor="officer")

    with Database.open(restored, database.ring) as opened:
        later = store(opened, RECORD, [])
        erase(opened, ada)
        (copy,) = copies_of(opened, ada, actor="officer")
        assert (copy.action, copy.detail) == ("backup.restore", made.digest)
        assert copies_of(opened, later, actor="officer") == ()


def test_only_an_officer_is_told_and_it_is_recorded(database: Database, ada: str) -> None:
    with pytest.raises(AccessDeniedError):
        copies_of(database, ada, actor="dr.lee")
    copies_of(database, ada, actor="officer")

    assert outcomes(database)[-2:] == [
        ("patient.access-log", "AccessDeniedError"),
        ("patient.access-log", "ok"),
    ]


def test_of_who_was_never_stored_there_is_no_copy(database: Database) -> None:
    assert copies_of(database, "0" * 32, actor="officer") == ()


def test_an_erasure_that_a_crash_cut_off_is_completed_when_the_store_is_opened(
    database: Database, ada: str, location: str, tamper: Tamper
) -> None:
    ben = store(database, RECORD, [])
    database.tombstones.append(ada, "2030-01-01T00:00:00.000000+00:00")  # and then the power went
    database.close()

    with Database.open(location, database.ring) as opened:
        with pytest.raises(ErasedError):
            clinic(opened).get(ada)
        assert read(opened, ben) == tuple(RECORD)
        opened.verify_audit()
        assert ("patient.erase", "ok") in outcomes(opened)
    assert tamper("SELECT wrapped_key FROM patient WHERE id = ?", ada) == [(None,)]


def test_an_erasure_that_another_process_left_half_done_is_completed_by_the_next_commit(
    database: Database, ada: str, location: str
) -> None:
    with Database.open(location, database.ring) as other:
        other.tombstones.append(ada, "2030-01-01T00:00:00.000000+00:00")

    store(database, RECORD, [])

    with pytest.raises(ErasedError):
        clinic(database).get(ada)
    database.verify_audit()


def test_an_erasure_that_is_not_committed_leaves_no_tombstone(database: Database, ada: str) -> None:
    before = (database.ring.folder / "erasures.log").read_bytes()

    with database.unit("officer", purpose="request") as unit:
        unit.patients.erase(ada)

    assert (database.ring.folder / "erasures.log").read_bytes() == before
    assert read(database, ada) == tuple(RECORD)


def test_who_has_long_had_the_store_open_verifies_what_others_erased(
    database: Database, ada: str, location: str
) -> None:
    with Database.open(location, database.ring) as other:
        erase(other, ada)

    database.verify_audit()
    assert list(database.tombstones.ids) == [ada]


@only_sqlite
def test_what_completes_an_erasure_clears_the_write_ahead_log(
    database: Database, ada: str, location: str, tamper: Tamper
) -> None:
    ((wrapped,),) = tamper("SELECT wrapped_key FROM patient WHERE id = ?", ada)
    with Database.open(location, database.ring) as other:
        other.tombstones.append(ada, "2030-01-01T00:00:00.000000+00:00")

    store(database, RECORD, [])

    folder = Path(location).parent
    assert not [file for file in folder.glob("patients.db*") if wrapped in file.read_bytes()]
