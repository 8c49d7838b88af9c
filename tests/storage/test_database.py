"""Opening and making stores; units of work that last only when committed."""

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from unittest.mock import Mock

import pytest
from sqlalchemy.exc import OperationalError

from storage import (
    AuditError,
    Database,
    ErasedError,
    KeyRing,
    KeyRingError,
    NotFoundError,
    SchemaVersionError,
    StorageError,
    StoreBusyError,
    StoreUnavailableError,
)
from storage.tables import REVISION
from tests.storage.conftest import Tamper, only_sqlite
from tests.storage.stores import (
    NUMBER,
    OWNER,
    RECORD,
    clinic,
    entries,
    erase,
    outcomes,
    read,
    store,
)


@only_sqlite
def test_a_store_is_its_owners_only_with_its_side_files(
    database: Database, ada: str, tmp_path: Path
) -> None:
    files = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.glob("*patients*")}

    ends = ("", "-gate", "-queue", "-shm", "-wal")
    assert files == {f"patients.db{end}": 0o600 for end in ends}


@only_sqlite
def test_a_store_that_others_can_use_is_closed_to_them_with_a_warning(
    database: Database,
    ada: str,
    ring: KeyRing,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for end in ("", "-shm", "-wal"):
        (tmp_path / f"patients.db{end}").chmod(0o644)

    with Database.open(tmp_path / "patients.db", ring) as again:
        assert list(read(again, ada)) == RECORD

    files = list(tmp_path.glob("patients.db*"))
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert "could be used by others (mode 0644)" in caplog.text


@only_sqlite
def test_a_store_opens_by_path_and_by_url(
    database: Database, ada: str, ring: KeyRing, location: str
) -> None:
    for place in (Path(location), location, f"sqlite:///{location}"):
        with Database.open(place, ring) as again:
            assert list(read(again, ada)) == RECORD


def test_a_store_is_never_overwritten(
    database: Database, ada: str, ring: KeyRing, location: str
) -> None:
    with pytest.raises(StoreUnavailableError, match="never overwritten"):
        Database.create(location, ring, owner=OWNER)
    assert list(read(database, ada)) == RECORD


def test_a_missing_store_says_so(tmp_path: Path, ring: KeyRing) -> None:
    with pytest.raises(NotFoundError, match="no patient store"):
        Database.open(tmp_path / "nowhere.db", ring)
    assert not (tmp_path / "nowhere.db").exists()


@pytest.mark.parametrize(
    "place", ["mysql://host/store", "sqlite://", "sqlite:///:memory:", "://", "http://host:port/x"]
)
def test_a_location_that_is_no_database_is_refused(place: str, ring: KeyRing) -> None:
    with pytest.raises(StoreUnavailableError):
        Database.open(place, ring)


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 100])
def test_another_file_is_not_taken_for_a_store(
    tmp_path: Path, ring: KeyRing, content: bytes
) -> None:
    (tmp_path / "other.db").write_bytes(content)

    with pytest.raises(SchemaVersionError, match="not a patient store"):
        Database.open(tmp_path / "other.db", ring)


def test_another_database_is_not_taken_for_a_store(tmp_path: Path, ring: KeyRing) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE recipe (name TEXT)")

    with pytest.raises(SchemaVersionError, match="not a patient store"):
        Database.open(tmp_path / "other.db", ring)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE alembic_version SET version_num = '0099'", "0099.*program is too old"),
        ("UPDATE alembic_version SET version_num = '0001'", "0001.*store migrate"),
        ("DROP TABLE alembic_version", "0001.*store migrate"),
        ("DELETE FROM alembic_version", "schema None"),
    ],
)
def test_another_schema_is_refused_by_name(
    database: Database,
    ring: KeyRing,
    tamper: Tamper,
    location: str,
    statement: str,
    message: str,
) -> None:
    tamper(statement)

    with pytest.raises(SchemaVersionError, match=message) as caught:
        Database.open(location, ring)
    assert REVISION in str(caught.value)


def test_the_ring_of_another_store_is_refused(
    tmp_path: Path, database: Database, ring: KeyRing, location: str
) -> None:
    other = KeyRing.create(tmp_path / "other" / "ring.json")

    with pytest.raises(KeyRingError, match="created with") as caught:
        Database.open(location, other)
    assert ring.store_id in str(caught.value)


def test_a_ring_that_only_claims_the_stores_id_opens_nothing(
    tmp_path: Path, database: Database, ada: str, ring: KeyRing, location: str
) -> None:
    path = tmp_path / "other" / "ring.json"
    other = KeyRing.create(path)
    path.write_text(path.read_text().replace(other.store_id, ring.store_id))

    with pytest.raises(AuditError, match="no signature"):
        Database.open(location, KeyRing.open(path))


def test_leaving_a_unit_without_commit_rolls_back(database: Database) -> None:
    with database.unit("importer", purpose="administration") as unit:
        patient_id = unit.patients.add(RECORD, [NUMBER])

    with pytest.raises(NotFoundError):
        read(database, patient_id)
    assert database.verify_audit().head.n_patients == 0


def test_an_error_in_a_unit_rolls_back_and_is_recorded(database: Database, ada: str) -> None:
    def erase_and_fail() -> None:
        with database.unit("officer", purpose="request") as unit:
            unit.patients.erase(ada)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        erase_and_fail()

    assert list(read(database, ada)) == RECORD
    assert outcomes(database)[1:3] == [
        ("patient.erase", "rolled-back"),
        ("unit.failed", "ZeroDivisionError"),
    ]
    assert database.tombstones.count == 0
    database.verify_audit()


def test_what_a_forgotten_unit_had_read_is_recorded_all_the_same(
    database: Database, ada: str
) -> None:
    with database.unit("dr.fox", purpose="treatment") as unit:
        unit.patients.get(ada)

    last = entries(database)[-1]
    assert (last.actor, last.action, last.subject) == ("dr.fox", "patient.read", ada)
    assert last.outcome == "rolled-back"


def test_a_read_by_itself_is_recorded_once_it_returns(database: Database, ada: str) -> None:
    assert list(clinic(database).get(ada).resources) == RECORD

    assert [(e.action, e.subject, e.outcome) for e in entries(database)[1:]] == [
        ("patient.read", ada, "ok")
    ]


def test_an_unforeseen_error_while_reading_is_recorded(
    database: Database, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("storage.sealed.SealedPatient.resources", fail)
    with pytest.raises(MemoryError):
        read(database, ada)

    assert outcomes(database)[-1] == ("patient.read", "MemoryError")


def test_an_interrupt_rolls_back_and_is_recorded(database: Database) -> None:
    def add_and_interrupt() -> None:
        with database.unit("importer", purpose="administration") as unit:
            unit.patients.add(RECORD)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        add_and_interrupt()

    assert outcomes(database)[-1] == ("unit.failed", "KeyboardInterrupt")


def test_an_error_after_the_commit_takes_nothing_back(database: Database) -> None:
    def add_and_fail() -> None:
        with database.unit("importer", purpose="administration") as unit:
            unit.patients.add(RECORD, [NUMBER])
            unit.commit()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        add_and_fail()

    assert list(read(database, clinic(database).find(*NUMBER))) == RECORD
    assert ("unit.failed", "ZeroDivisionError") not in outcomes(database)


def test_a_committed_unit_cannot_be_used_again(database: Database, ada: str) -> None:
    with database.unit("dr.lee", purpose="treatment") as unit:
        unit.patients.get(ada)
        unit.commit()
        with pytest.raises(StoreUnavailableError, match="is over"):
            unit.patients.get(ada)


def test_a_unit_that_does_nothing_leaves_no_entry(database: Database) -> None:
    with database.unit("dr.lee", purpose="treatment"):
        pass

    assert entries(database) == []


def test_a_second_writer_is_told_in_one_sentence_that_the_store_is_busy(
    database: Database, ring: KeyRing, location: str
) -> None:
    with (
        Database.open(location, ring, busy_seconds=0.05) as second,
        database.unit("dr.lee", purpose="treatment"),
        pytest.raises(StoreBusyError, match=r"in use by .*0\.05 seconds"),
        second.unit("dr.fox", purpose="treatment"),
    ):
        pass


def test_who_gave_up_waiting_holds_up_nobody_afterwards(
    database: Database, ada: str, ring: KeyRing, location: str
) -> None:
    with Database.open(location, ring, busy_seconds=0.05) as second:
        for _ in range(3):
            with database.unit("dr.lee", purpose="treatment"), pytest.raises(StoreBusyError):
                read(second, ada)
            assert list(read(second, ada)) == RECORD


def test_the_log_can_be_verified_while_a_unit_is_open(database: Database, ada: str) -> None:
    with database.unit("dr.lee", purpose="treatment") as unit:
        unit.patients.get(ada)
        assert database.verify_audit().head.n_entries == 2
        unit.commit()

    assert database.verify_audit().head.n_entries == 3


@only_sqlite  # which spells triggers its own way
def test_a_read_whose_entry_cannot_be_written_is_refused(
    database: Database, ada: str, tamper: Tamper
) -> None:
    tamper("CREATE TRIGGER t BEFORE INSERT ON audit_entry BEGIN SELECT RAISE(ABORT, 'full'); END")

    with pytest.raises(StorageError):
        read(database, ada)
    with pytest.raises(StorageError):
        erase(database, ada)
    tamper("DROP TRIGGER t")
    assert list(read(database, ada)) == RECORD
    assert database.tombstones.count == 0


def test_a_step_that_failed_half_way_cannot_be_committed(
    database: Database, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    with database.unit("importer", purpose="administration") as unit:
        monkeypatch.setattr("storage.sealed.SealedPatient.replace_resources", fail)
        with pytest.raises(MemoryError):
            unit.patients.add(RECORD, [NUMBER])
        with pytest.raises(AuditError, match="half-way"):
            unit.commit()
    monkeypatch.undo()
    assert list(read(database, ada)) == RECORD


def test_errors_of_the_database_show_no_parameters(
    database: Database, ada: str, tamper: Tamper
) -> None:
    tamper("ALTER TABLE patient_identifier RENAME TO elsewhere")

    with pytest.raises(StoreUnavailableError) as caught:
        store(database, RECORD, [NUMBER])
    said = str(caught.value) + repr(caught.value.__cause__) + str(caught.value.__cause__)
    assert "patient_identifier" in said
    assert "\\x" not in said


def test_nothing_is_left_where_a_store_cannot_be_made(tmp_path: Path, ring: KeyRing) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreUnavailableError, match="no store can be made"):
        Database.create(tmp_path / "file" / "patients.db", ring, owner=OWNER)
    assert sorted(os.listdir(tmp_path)) == ["file", "keys"]


def test_a_store_can_be_closed_and_taken_up_again(
    database: Database, ada: str, ring: KeyRing, location: str
) -> None:
    database.close()

    with Database.open(location, ring) as again:
        read(again, ada)
        store(again, RECORD, [])
        assert again.verify_audit().head.n_entries == 4
    assert "store_id" in repr(database)


@only_sqlite
def test_a_process_that_has_the_store_open_notices_that_an_older_one_was_put_in_its_place(
    database: Database, ada: str, location: str, tmp_path: Path
) -> None:
    older = tmp_path / "older.db"
    with closing(sqlite3.connect(location)) as source, closing(sqlite3.connect(older)) as copy:
        source.backup(copy)
    read(database, ada)
    with closing(sqlite3.connect(older)) as source, closing(sqlite3.connect(location)) as copy:
        source.backup(copy)

    with pytest.raises(AuditError, match="an older database was put in place"):
        read(database, ada)


def test_a_refusal_in_a_unit_that_cannot_be_recorded_is_not_given(
    database: Database, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StoreUnavailableError("the disk is full")

    def ask_for_nobody() -> None:
        with database.unit("officer", purpose="request") as unit:
            monkeypatch.setattr("storage.audit.AuditLog.sign", fail)
            unit.patients.erase("0" * 32)

    with pytest.raises(StoreUnavailableError, match="disk is full"):
        ask_for_nobody()


def test_a_thread_does_not_wait_for_itself(database: Database, ada: str) -> None:
    with database.unit("dr.lee", purpose="treatment") as unit:
        inner = database.unit("dr.fox", purpose="treatment")
        with pytest.raises(StoreBusyError, match="in a unit of work already"), inner:
            pass
        with pytest.raises(StoreBusyError, match="in a unit of work already"):
            clinic(database).get(ada)
        unit.patients.get(ada)
        unit.commit()

    assert list(read(database, ada)) == RECORD


@only_sqlite
def test_an_erasure_is_cleared_from_the_log_files_though_an_error_follows_its_commit(
    database: Database, ada: str, tamper: Tamper, tmp_path: Path
) -> None:
    ((wrapped,),) = tamper("SELECT wrapped_key FROM patient")

    def erase_and_fail() -> None:
        with database.unit("officer", purpose="request") as unit:
            unit.patients.erase(ada)
            unit.commit()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        erase_and_fail()

    assert not [file for file in tmp_path.glob("patients.db*") if wrapped in file.read_bytes()]


@only_sqlite
def test_a_long_write_ahead_log_is_folded_beside_the_writers(
    database: Database,
    ada: str,
    ring: KeyRing,
    location: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("storage.sqlite._LOG_BYTES", 100_000)
    monkeypatch.setattr("storage.sqlite._FOLD_SECONDS", 0.0)
    log = tmp_path / "patients.db-wal"

    for _ in range(300):
        read(database, ada)
        for thread in threading.enumerate():
            if thread.name == "storage-fold":
                thread.join()

    assert (tmp_path / "patients.db-fold").stat().st_mode & 0o777 == 0o600
    assert log.stat().st_size < 300_000  # 300 entries are above 2 MB of log
    database.verify_audit()
    database.close()
    with Database.open(location, ring) as again:
        assert list(read(again, ada)) == RECORD


def test_who_has_the_store_open_reads_nobody_whom_another_process_erases(
    database: Database, ada: str, ring: KeyRing, location: str, tamper: Tamper
) -> None:
    with Database.open(location, ring) as other:
        # The line of an erasure is in the file before the transaction that erases commits.
        other.tombstones.append(ada, "2030-01-01T00:00:00+00:00")

        with pytest.raises(ErasedError, match="by the file of erasures"):
            read(database, ada)


def test_a_store_is_not_carried_over_a_fork(
    database: Database, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = os.getpid() + 1
    monkeypatch.setattr("storage.database.os.getpid", lambda: child)

    for use in (lambda: read(database, ada), database.checkpoint):
        with pytest.raises(StoreUnavailableError, match="forked"):
            use()


@only_sqlite
def test_who_is_interrupted_while_waiting_for_the_gate_leaves_it_free(
    database: Database, ada: str, ring: KeyRing, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> bool:
        raise KeyboardInterrupt

    with Database.open(location, ring, busy_seconds=5) as second:
        with database.unit("dr.lee", purpose="treatment"):
            monkeypatch.setattr("storage.gate._Waiting.reached", interrupt)
            with pytest.raises(KeyboardInterrupt):
                read(second, ada)
            monkeypatch.undo()
        for _ in range(3):
            assert list(read(second, ada)) == RECORD


def test_an_erasure_whose_commit_fails_says_that_it_is_still_to_come(
    database: Database, ada: str, ring: KeyRing, location: str
) -> None:
    def erase_in_vain() -> None:
        with database.unit("officer", purpose="request") as unit:
            unit.patients.erase(ada)
            with pytest.MonkeyPatch.context() as patch:
                failure = OperationalError("COMMIT", None, sqlite3.OperationalError("disk full"))
                patch.setattr("sqlalchemy.Connection.commit", Mock(side_effect=failure))
                unit.commit()

    with pytest.raises(StoreUnavailableError, match="is completed when the store is next opened"):
        erase_in_vain()
    with Database.open(location, ring) as again, pytest.raises(ErasedError):
        read(again, ada)
