"""An operator with the database, and even with the signing key, who goes back, forks or rewrites.

What only a head that is kept outside can show is shown with one, and that nothing within can is
said too.
"""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from storage import AuditError, Database, DecryptionError, Identifier, KeyRing, StorageError
from storage.merkle import is_consistent, is_included, leaf_hash
from storage.rotation import rotate
from tests.storage.stores import OWNER


class Copies:
    """A store in a file, and whole copies of it: what an operator can do with files."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "patients.db"
        self.ring = KeyRing.create(folder / "keys" / "ring.json")
        Database.create(self.file, self.ring, owner=OWNER).close()

    def open(self) -> Database:
        return Database.open(self.file, self.ring)

    def add(self, times: int = 1) -> str:
        """Patients more; returns the text of the head then."""
        with self.open() as database:
            for i in range(times):
                with database.unit(OWNER, purpose="treatment") as unit:
                    unit.patients.add([{"resourceType": "Patient"}], [Identifier("n", f"{i}")])
                    unit.commit()
            return database.checkpoint().text

    def sql(self, statement: str, *parameters: object) -> list[tuple[object, ...]]:
        """As someone with the file and no keys."""
        with closing(sqlite3.connect(self.file)) as connection, connection:
            return list(connection.execute(statement, parameters))

    def kept(self) -> bytes:
        return self.file.read_bytes()


@pytest.fixture
def copies(tmp_path: Path) -> Copies:
    return Copies(tmp_path)


def test_an_older_whole_database_is_seen_only_against_a_head_kept_outside(copies: Copies) -> None:
    copies.add()
    older = copies.kept()
    head = copies.add()
    copies.file.write_bytes(older)

    with copies.open() as database:
        database.verify_audit()  # nothing within tells: this is why a head is kept outside
        with pytest.raises(AuditError, match="cut, or an older database"):
            database.verify_audit(head)


def test_two_copies_that_both_go_on_are_seen_against_the_head_of_the_other(copies: Copies) -> None:
    head_before = copies.add()
    common = copies.kept()
    head_of_one = copies.add()
    one = copies.kept()
    copies.file.write_bytes(common)
    head_of_other = copies.add(2)

    with copies.open() as database:
        database.verify_audit()
        database.verify_audit(head_before)  # both extend what was common
        database.verify_audit(head_of_other)
        with pytest.raises(AuditError, match="rewritten, or the head was exchanged"):
            database.verify_audit(head_of_one)
    copies.file.write_bytes(one)
    with copies.open() as database, pytest.raises(AuditError):
        database.verify_audit(head_of_other)


def test_a_history_rewritten_with_the_signing_key_is_seen_against_a_head_kept_outside(
    copies: Copies, tmp_path: Path
) -> None:
    """The operator has everything: the store is made again from the start, without one access."""
    empty = copies.kept()
    head = copies.add(3)
    copies.file.write_bytes(empty)
    copies.add(2)
    copies.add(1)

    with copies.open() as database:
        database.verify_audit()
        with pytest.raises(AuditError):
            database.verify_audit(head)


def test_a_head_signed_by_another_key_is_refused(copies: Copies, tmp_path: Path) -> None:
    copies.add()
    document = copies.ring.folder / "ring.json"
    other = tmp_path / "other" / "ring.json"
    other.parent.mkdir(mode=0o700)
    stranger = KeyRing.create(other)
    with copies.open() as database:
        head = database.checkpoint()
    forged = head.sign(stranger)
    copies.sql("UPDATE audit_head SET checkpoint = ?", forged.text)

    assert document.exists()
    with pytest.raises(AuditError, match="no signature of this store"):
        copies.open().close()


def test_another_stores_file_in_its_place_is_refused(copies: Copies, tmp_path: Path) -> None:
    other = Copies(tmp_path / "elsewhere")
    head = copies.add()
    other.add()
    shutil.copy(other.file, copies.file)
    for name in ("erasures.log",):
        shutil.copy(other.ring.folder / name, copies.ring.folder / name)

    with pytest.raises(StorageError):
        copies.open().close()
    with other.open() as database, pytest.raises(AuditError, match="is of store"):
        database.verify_audit(head)


@pytest.mark.parametrize("are_data_keys_new", [False, True])
def test_a_wrapped_key_of_before_a_rotation_opens_nothing_that_it_did_not(
    copies: Copies, are_data_keys_new: bool
) -> None:
    """The same data key under an older key tells nothing new; an older data key opens nothing."""
    copies.add()
    columns = "wrapped_key, kek_version"
    (before,) = copies.sql(f"SELECT {columns} FROM patient")
    with copies.open() as database:
        reading = database.reading(OWNER, purpose="treatment")
        patient = reading.list()[0].id
        record = reading.get(patient)
        rotate(database, OWNER, data_keys=are_data_keys_new)
        assert reading.get(patient) == record
    copies.sql("UPDATE patient SET wrapped_key = ?, kek_version = ?", *before)

    with copies.open() as database:
        reading = database.reading(OWNER, purpose="treatment")
        if are_data_keys_new:
            with pytest.raises(DecryptionError):
                reading.get(patient)
            with pytest.raises(AuditError):
                database.verify_audit()
        else:
            assert reading.get(patient) == record


def test_proofs_hold_and_forged_ones_do_not(copies: Copies) -> None:
    heads = [copies.add() for _ in range(9)]
    with copies.open() as database:
        size = database.checkpoint().n_entries
        public = copies.ring.audit_public_key
        proofs = [database.reading(OWNER, purpose="audit").prove(i) for i in range(size)]
        assert all(proof.holds(public) for proof in proofs)
        for i, proof in enumerate(proofs):
            leaf, head = leaf_hash(proof.entry.to_bytes()), proof.head
            for j in range(size + 2):
                held = is_included(leaf, j, head.n_entries, proof.path, head.entries_root)
                assert held == (i == j)
            for forged in forged_paths(proof.path):
                assert not is_included(leaf, i, head.n_entries, forged, head.entries_root)
        size, root = database.checkpoint().n_entries, database.checkpoint().entries_root
        for text in heads:
            old = database.verify_audit(text).checkpoint
            assert old is not None
            path = database.consistency_proof(old.n_entries)
            sizes = (old.n_entries, size)
            assert is_consistent(*sizes, path, old.entries_root, root)
            if path:
                for forged in forged_paths(path):
                    assert not is_consistent(*sizes, forged, old.entries_root, root)
            assert not is_consistent(*sizes, path, leaf_hash(b"another"), root)
            assert not is_consistent(*sizes, path, old.entries_root, leaf_hash(b"another"))


def forged_paths(path: tuple[bytes, ...]) -> Iterator[list[bytes]]:
    """The path with one hash changed, left out, doubled, exchanged or added."""
    for i, step in enumerate(path):
        yield [*path[:i], bytes([step[0] ^ 1]) + step[1:], *path[i + 1 :]]
        yield [*path[:i], *path[i + 1 :]]
        yield [*path[:i], step, *path[i:]]
        if i:
            yield [*path[: i - 1], step, path[i - 1], *path[i + 1 :]]
    yield [*path, bytes(32)]
