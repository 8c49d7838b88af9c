"""What the log says of an erased patient: who learnt from it, and which copies there are."""

from pathlib import Path

import pytest

from storage import Database
from storage.access import Action
from storage.backup import create_backup
from storage.erasures import copies_of, erased_reads, is_extended
from storage.errors import AccessDeniedError, AuditError
from tests.storage.conftest import Tamper
from tests.storage.stores import RECORD, clinic, erase, outcomes, store

DIGEST = "ab" * 32


def size(database: Database) -> int:
    return database.checkpoint().n_entries


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
    analyst = database.reading("analyst", purpose="research")
    analyst.get(ben, action=Action.EXTRACT_CREATE)
    database.append("analyst", "research", "extract.create", detail=DIGEST)  # without ada
    analyst.get(ada, action=Action.EXTRACT_CREATE)
    held.append(database.append("analyst", "research", "extract.create", detail=DIGEST).index)
    with pytest.raises(AccessDeniedError):
        create_backup(database, tmp_path / "two", actor="dr.lee")
    erase(database, ada)
    create_backup(database, tmp_path / "three", actor="officer")
    analyst.get(ben, action=Action.EXTRACT_CREATE)
    database.append("analyst", "research", "extract.create", detail=DIGEST)

    found = copies_of(database, ada, actor="officer")

    assert [entry.index for entry in found] == held
    assert [entry.action for entry in found] == ["backup.create", "extract.create"]


def test_an_extract_that_was_never_finished_is_no_copy(database: Database, ada: str) -> None:
    analyst = database.reading("analyst", purpose="research")
    analyst.get(ada, action=Action.EXTRACT_CREATE)
    assert copies_of(database, ada, actor="officer") == ()

    refused = {"subject": "", "outcome": "NotAnonymousError", "detail": ""}
    database.record("analyst", "research", "extract.create", **refused)
    assert copies_of(database, ada, actor="officer") == ()


def test_of_a_patient_that_is_still_there_copies_are_told_too(
    database: Database, ada: str, tmp_path: Path
) -> None:
    entry = create_backup(database, tmp_path / "one", actor="officer").entry

    assert [copy.index for copy in copies_of(database, ada, actor="officer")] == [entry]


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
