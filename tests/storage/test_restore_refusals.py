"""What cannot be restored is refused with one clear message, and leaves nothing behind."""

import io
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import storage.restore
from storage import Database, KeyRing
from storage.archive import ArchiveReader
from storage.backup import create_backup
from storage.errors import (
    AccessDeniedError,
    AuditError,
    BackupError,
    ErasedError,
    NotFoundError,
    StoreUnavailableError,
    TombstoneError,
)
from storage.restore import RestoreReport, restore_backup
from tests.storage.stores import NUMBER, RECORD, clinic, erase, read, store

pytestmark = pytest.mark.parametrize("location", ["sqlite"], indirect=True)

ROOT = Path(__file__).parents[2]

KILLED = """
import os, signal, sys
from pathlib import Path
import storage.restore
from storage import KeyRing

file, target, ring = map(Path, sys.argv[1:])

def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)

storage.restore.verification.verify = die
storage.restore.restore_backup(file, target, KeyRing.open(ring), actor="officer")
"""


@pytest.fixture
def backup(database: Database, ada: str, tmp_path: Path) -> Path:
    return back_up(database, tmp_path / "backup")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "bare" / "patients.db"


def back_up(database: Database, file: Path) -> Path:
    create_backup(database, file, actor="officer")
    return file


def restore(file: Path, target: Path, ring: KeyRing, **options: Any) -> RestoreReport:
    return restore_backup(file, target, ring, **{"actor": "officer", **options})


def left(target: Path) -> list[str]:
    return os.listdir(target.parent) if target.parent.exists() else []


def new_audit_key(database: Database) -> None:
    n_entries = database.checkpoint().n_entries
    database.ring.make_primary(database.ring.add_key("audit"), "audit", n_entries=n_entries)


def erasures(ring: KeyRing) -> Path:
    return ring.folder / "erasures.log"


def test_without_the_file_of_erasures(backup: Path, target: Path, ring: KeyRing) -> None:
    erasures(ring).unlink()

    with pytest.raises(TombstoneError, match=r"no file of erasures at .*erasures\.log"):
        restore(backup, target, ring)

    assert left(target) == []


def test_with_a_file_of_erasures_older_than_the_backup(
    database: Database, ada: str, target: Path, ring: KeyRing, tmp_path: Path
) -> None:
    old = erasures(ring).read_bytes()
    erase(database, ada)
    backup = back_up(database, tmp_path / "later")
    erasures(ring).write_bytes(old)

    with pytest.raises(TombstoneError, match="lists 0 erasures, the signed head knows of 1"):
        restore(backup, target, ring)

    assert left(target) == []


def test_a_file_of_erasures_older_than_a_head_kept_outside(
    database: Database, ada: str, backup: Path, target: Path, ring: KeyRing, tmp_path: Path
) -> None:
    old = erasures(ring).read_bytes()
    erase(database, ada)
    outside = database.checkpoint().text
    newest = erasures(ring).read_bytes()
    erasures(ring).write_bytes(old)

    with pytest.raises(TombstoneError, match="lists 0 erasures, the signed head knows of 1"):
        restore(backup, target, ring, checkpoint=outside)
    assert left(target) == []
    # Without a head from outside nobody can tell, which is why one should be kept.
    restore(backup, tmp_path / "rolled-back.db", ring)

    erasures(ring).write_bytes(newest)
    report = restore(backup, target, ring, checkpoint=outside)
    assert report.n_erased == 1
    assert report.n_lost == 2  # the backup's own entry, and the erasure's
    with Database.open(target, ring) as restored, pytest.raises(ErasedError):
        clinic(restored).get(ada)


def test_a_head_from_outside_of_another_history(
    database: Database, backup: Path, target: Path, ring: KeyRing, tmp_path: Path
) -> None:
    fork = tmp_path / "fork.db"
    restore(backup, fork, ring)
    with Database.open(fork, ring) as other:
        outside = other.checkpoint().text
    for _ in range(3):
        store(database, RECORD, [])
    later = back_up(database, tmp_path / "later")

    with pytest.raises(AuditError, match="are not those of the head signed at"):
        restore(later, target, ring, checkpoint=outside)

    assert left(target) == []


def test_an_edited_file_of_erasures(
    database: Database, ada: str, backup: Path, target: Path, ring: KeyRing
) -> None:
    erase(database, ada)
    content = erasures(ring).read_bytes()
    erasures(ring).write_bytes(content.replace(ada.encode(), b"0" * 32))

    with pytest.raises(TombstoneError, match=r"erasure 0 .* carries no signature"):
        restore(backup, target, ring)

    assert left(target) == []


def test_the_ring_of_another_store(backup: Path, target: Path, tmp_path: Path) -> None:
    other = KeyRing.create(tmp_path / "other" / "ring.json")

    with pytest.raises(BackupError, match="of another store than this key ring"):
        restore(backup, target, other)

    assert left(target) == []


def test_a_ring_that_lost_a_key_and_one_that_only_retired_it(
    database: Database, ada: str, backup: Path, target: Path, ring: KeyRing, tmp_path: Path
) -> None:
    ring.make_primary(ring.add_key())
    ring.retire(1)

    report = restore(backup, tmp_path / "retired.db", ring)
    assert report.old_keys == ("wrap 1",)
    assert "run keys rotate" in str(report)
    with Database.open(tmp_path / "retired.db", ring) as restored:
        assert read(restored, ada) == tuple(RECORD)

    ring.destroy(1)
    with pytest.raises(BackupError, match="needs wrap key 1, which this ring does not hold"):
        restore(backup, target, ring)
    assert left(target) == []


def test_a_ring_that_lost_an_index_key(
    database: Database, ada: str, backup: Path, target: Path, ring: KeyRing, tmp_path: Path
) -> None:
    first = next(key.version for key in ring.status() if key.use == "index")
    ring.make_primary(ring.add_key("index"), "index")
    ring.retire(first, "index")

    report = restore(backup, tmp_path / "retired.db", ring)
    assert report.old_keys == (f"index {first}",)
    with Database.open(tmp_path / "retired.db", ring) as restored:
        assert clinic(restored).find(*NUMBER) == ada

    ring.destroy(first, "index")
    with pytest.raises(BackupError, match=f"needs index key {first}, which this ring does not"):
        restore(backup, target, ring)
    assert left(target) == []


def test_an_old_copy_of_the_ring_that_lacks_the_audit_key(
    database: Database, target: Path, ring: KeyRing, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(ring.folder, copy)
    new_audit_key(database)
    store(database, RECORD, [])  # signs under it
    backup = back_up(database, tmp_path / "later")

    with pytest.raises(BackupError, match="lacks the audit key which signed it"):
        restore(backup, target, KeyRing.open(copy / "ring.json"))
    assert left(target) == []


def test_a_backup_signed_by_an_audit_key_that_was_retired_since_is_fine(
    database: Database, ada: str, backup: Path, target: Path, ring: KeyRing
) -> None:
    new_audit_key(database)
    store(database, RECORD, [])
    ring.retire(1, "audit")

    restore(backup, target, ring)

    with Database.open(target, ring) as restored:
        restored.verify_audit()
        assert read(restored, ada) == tuple(RECORD)


def test_a_file_damaged_anywhere(backup: Path, target: Path, ring: KeyRing) -> None:
    whole = backup.read_bytes()
    for place in range(0, len(whole), 499):
        backup.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(BackupError):
            restore(backup, target, ring)
    for end in range(0, len(whole), 499):
        backup.write_bytes(whole[:end])
        with pytest.raises(BackupError):
            restore(backup, target, ring)

    assert left(target) == []


def test_a_file_that_is_not_there_or_is_a_folder(
    database: Database, target: Path, ring: KeyRing, tmp_path: Path
) -> None:
    for path, reason in ((tmp_path / "none", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(BackupError, match=f"cannot be read: {reason}"):
            restore(path, target, ring)


def test_a_place_that_is_taken(
    database: Database, ada: str, backup: Path, location: str, target: Path, ring: KeyRing
) -> None:
    with pytest.raises(StoreUnavailableError, match="a store is never overwritten"):
        restore(backup, Path(location), ring)
    assert read(database, ada) == tuple(RECORD)

    target.parent.mkdir()
    target.write_text("something else")
    with pytest.raises(StoreUnavailableError, match="a store is never overwritten"):
        restore(backup, target, ring)
    assert target.read_text() == "something else"


@pytest.mark.parametrize("actor", ["dr.lee", "importer", "nobody"])
def test_an_actor_who_is_no_officer_in_the_backup(
    backup: Path, target: Path, ring: KeyRing, actor: str
) -> None:
    with pytest.raises(AccessDeniedError, match="in the store of the backup"):
        restore(backup, target, ring, actor=actor)

    assert left(target) == []


def test_another_schema(
    backup: Path, target: Path, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.restore, "REVISION", "9999")

    with pytest.raises(BackupError, match="schema 0002, this program restores 9999"):
        restore(backup, target, ring)

    assert left(target) == []


def test_rows_that_are_not_those_of_the_signed_head(
    database: Database, ada: str, backup: Path, target: Path, ring: KeyRing, tmp_path: Path
) -> None:
    # Only who holds the signing key can make such a file: the rows of one backup under the head
    # of another.
    store(database, RECORD, [])
    later = back_up(database, tmp_path / "later")
    old, new = (
        ArchiveReader(io.BytesIO(file.read_bytes()), ring).manifest for file in (backup, later)
    )
    forged = replace(new, tables=old.tables).to_bytes(ring)
    body = backup.read_bytes()[: old.tables[-1].offset + old.tables[-1].size]
    end = later.read_bytes()[-len(b"pharmakon-backup/1\n") :]
    later.write_bytes(body + forged + len(forged).to_bytes(8, "big") + end)

    with pytest.raises(BackupError, match="not that of its manifest"):
        restore(later, target, ring)

    assert left(target) == []


def test_a_row_left_out_by_who_holds_the_signing_key(
    database: Database, backup: Path, target: Path, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ArchiveReader.batches

    def batches(self: ArchiveReader, table: Any) -> Any:
        return (
            [rows[1:] for rows in real(self, table)]
            if table.name == "resource"
            else real(self, table)
        )

    monkeypatch.setattr(ArchiveReader, "batches", batches)

    with pytest.raises(AuditError, match=r"the sealed records of patient .* were changed"):
        restore(backup, target, ring)

    assert left(target) == []


def test_a_failure_half_way(
    backup: Path, target: Path, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("storage.restore.verification.verify", fail)
    with pytest.raises(ZeroDivisionError):
        restore(backup, target, ring)
    assert left(target) == []
    monkeypatch.undo()

    restore(backup, target, ring)
    assert target.is_file()


def test_killed_half_way_it_leaves_nothing_that_looks_like_a_store(
    ada: str, backup: Path, target: Path, ring: KeyRing
) -> None:
    arguments = [str(backup), str(target), str(ring.folder / "ring.json")]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments], cwd=ROOT, check=False, capture_output=True
    )

    assert done.returncode == -signal.SIGKILL
    assert not target.exists()
    assert all(name.startswith(".") for name in left(target))
    with pytest.raises(NotFoundError):
        Database.open(target, ring)
    restore(backup, target, ring)
    with Database.open(target, ring) as restored:
        assert read(restored, ada) == tuple(RECORD)
