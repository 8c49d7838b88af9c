"""A backup is one consistent state, taken while others work: recorded, owner-only, whole."""

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import storage.backup
from storage import Database, KeyRing
from storage.archive import ArchiveReader, ArchiveWriter
from storage.backup import TABLES, create_backup
from storage.errors import (
    AccessDeniedError,
    AuditError,
    BackupError,
    StoreUnavailableError,
)
from storage.tables import Base
from tests.storage.conftest import Tamper
from tests.storage.stores import NUMBER, RECORD, entries, erase, outcomes, store, suggest


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "backups" / "first"


def left_in(folder: Path) -> list[str]:
    return sorted(os.listdir(folder)) if folder.exists() else []


def rows_in(file: Path, ring: KeyRing) -> dict[str, list[tuple[Any, ...]]]:
    with file.open("rb") as stream:
        archive = ArchiveReader(stream, ring)
        archive.verify()
        return {
            table.name: [row for batch in archive.batches(table) for row in batch]
            for table in TABLES
        }


def test_a_backup_holds_every_row_of_every_table(
    database: Database, ada: str, file: Path, ring: KeyRing, tamper: Tamper
) -> None:
    suggest(database, ada, {"answer": 42})
    before = {
        name: tamper(f"SELECT {', '.join(c.name for c in table.columns)} FROM {name}")
        for name, table in Base.metadata.tables.items()
    }

    report = create_backup(database, file, actor="officer")

    found = rows_in(file, ring)
    assert {name: sorted(rows) for name, rows in found.items()} == {
        name: sorted(map(tuple, rows)) for name, rows in before.items()
    }
    assert report.n_rows == sum(map(len, before.values()))
    assert report.size == file.stat().st_size
    assert "keep both elsewhere" in str(report)


def test_a_backup_is_the_owners_alone(database: Database, ada: str, file: Path) -> None:
    create_backup(database, file, actor="officer")

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert left_in(file.parent) == [file.name]


def test_a_backup_holds_no_key_no_plaintext_and_no_list_of_erasures(
    database: Database, ada: str, file: Path, ring: KeyRing
) -> None:
    erase(database, store(database, [{"resourceType": "Patient"}], []))

    create_backup(database, file, actor="officer")

    content = file.read_bytes()
    assert NUMBER.value.encode() not in content
    assert "糖尿病".encode() not in content
    assert (ring.folder / "erasures.log").read_bytes().splitlines()[-1] not in content
    assert b"key_encryption_keys" not in content


def test_the_entry_names_what_left_by_its_digest(
    database: Database, ada: str, file: Path, ring: KeyRing
) -> None:
    report = create_backup(database, file, actor="officer")

    entry = entries(database)[-1]
    with file.open("rb") as stream:
        manifest = ArchiveReader(stream, ring).manifest_bytes
    assert (entry.action, entry.outcome, entry.actor) == ("backup.create", "ok", "officer")
    assert entry.purpose == "administration"
    assert entry.detail == hashlib.sha256(manifest).hexdigest()
    assert entry.index == report.entry


def test_a_backup_holds_the_state_of_its_beginning_while_others_write(
    database: Database, ada: str, file: Path, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    added: list[str] = []
    real = storage.backup._batches

    def meanwhile(*arguments: Any) -> Iterator[Any]:
        added.append(store(database, RECORD, []))
        suggest(database, ada, {"answer": 1})
        return real(*arguments)

    monkeypatch.setattr(storage.backup, "_batches", meanwhile)

    create_backup(database, file, actor="officer")

    found = rows_in(file, ring)
    assert len(added) == len(TABLES)
    assert [row[1] for row in found["patient"]] == [ada]
    assert found["suggestion"] == []


def test_a_patient_erased_meanwhile_is_not_in_a_backup_that_is_kept(
    database: Database, ada: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = storage.backup._batches

    def meanwhile(connection: Any, table: Any) -> Iterator[Any]:
        if table is TABLES[-1]:
            erase(database, ada)
        return real(connection, table)

    monkeypatch.setattr(storage.backup, "_batches", meanwhile)

    with pytest.raises(BackupError, match="a patient was erased while the backup was written"):
        create_backup(database, file, actor="officer")

    assert left_in(file.parent) == []


@pytest.mark.parametrize(
    "who",
    [
        ("dr.lee", "treatment"),
        ("dr.lee", "administration"),
        ("officer", "treatment"),
        ("nobody", "administration"),
    ],
)
def test_only_an_officer_or_a_service_backs_up_and_a_refusal_is_recorded(
    database: Database, ada: str, file: Path, who: tuple[str, str]
) -> None:
    actor, purpose = who

    with pytest.raises(AccessDeniedError):
        create_backup(database, file, actor=actor, purpose=purpose)

    assert left_in(file.parent) == []
    assert outcomes(database)[-1] == ("backup.create", "AccessDeniedError")
    create_backup(database, file, actor="importer")


def test_without_its_entry_there_is_no_backup(
    database: Database, ada: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StoreUnavailableError("the disk is full")

    monkeypatch.setattr(Database, "record", fail)

    with pytest.raises(StoreUnavailableError, match="the disk is full"):
        create_backup(database, file, actor="officer")

    assert left_in(file.parent) == []


def test_what_is_killed_before_its_entry_is_no_backup(
    database: Database, ada: str, file: Path, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    drafts: list[bytes] = []

    def look(*_: object, **__: object) -> None:
        (draft,) = file.parent.iterdir()
        drafts.append(draft.read_bytes())
        raise StoreUnavailableError("killed")

    monkeypatch.setattr(Database, "record", look)
    with pytest.raises(StoreUnavailableError):
        create_backup(database, file, actor="officer")

    file.write_bytes(drafts[0])
    with pytest.raises(BackupError):
        rows_in(file, ring)


def test_a_store_that_was_tampered_with_is_not_backed_up(
    database: Database, ada: str, file: Path, tamper: Tamper
) -> None:
    tamper("DELETE FROM resource WHERE position = 1")

    with pytest.raises(AuditError):
        create_backup(database, file, actor="officer")

    assert left_in(file.parent) == []
    assert outcomes(database)[-1] == ("backup.create", "AuditError")


def test_a_file_that_is_there_is_not_overwritten(database: Database, ada: str, file: Path) -> None:
    file.parent.mkdir()
    file.write_text("something else")

    with pytest.raises(BackupError, match="exists already; a backup is never overwritten"):
        create_backup(database, file, actor="officer")

    assert file.read_text() == "something else"


def test_a_full_disk_leaves_nothing(
    database: Database, ada: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ArchiveWriter, "finish", full)

    with pytest.raises(BackupError, match="cannot be written: No space left on device"):
        create_backup(database, file, actor="officer")

    assert left_in(file.parent) == []


def test_large_and_many_rows_are_written_in_several_batches(
    database: Database, file: Path, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.backup, "_ROWS", 3)
    monkeypatch.setattr(storage.backup, "_BATCH_BYTES", 500)
    for number in range(5):
        store(database, [{"resourceType": "Basic", "x": "y" * 100 * n} for n in range(number)], [])

    create_backup(database, file, actor="officer")

    with file.open("rb") as stream:
        archive = ArchiveReader(stream, ring)
        resources = next(table for table in TABLES if table.name == "resource")
        sizes = [len(batch) for batch in archive.batches(resources)]
    assert sum(sizes) == 10
    assert len(sizes) > 1
