"""Stores of every earlier revision, brought up to today's: whole, unforged, or not at all."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect
from sqlalchemy.exc import OperationalError

from storage import AuditError, Database, KeyRing, KeyRingError, SchemaVersionError, migrations
from storage.audit import AuditEntry
from storage.backend import Backend
from storage.checkpoint import ENTRIES, PATIENTS, Checkpoint, Part
from storage.database import backend_for
from storage.errors import InvalidRecordError, NotFoundError
from storage.merkle import EMPTY_ROOT, Frontier, leaf_hash
from storage.migrations import second
from storage.tables import REVISION, Base
from tests.storage.conftest import Tamper, only_sqlite
from tests.storage.old_stores import (
    CHECKPOINT,
    ERASED,
    IDS,
    N_ENTRIES,
    NUMBERS,
    old_ring,
    put_old_store,
    record,
    rows,
)
from tests.storage.server import Server
from tests.storage.stores import OWNER, admit, read

Clock = Callable[[], datetime]


@pytest.fixture
def kept_ring(tmp_path: Path) -> KeyRing:
    return old_ring(tmp_path / "old-keys")


@pytest.fixture
def old(location: str) -> Iterator[Backend]:
    """The kept store of revision 0001."""
    put_old_store(location)
    with closing(backend_for(location)) as backend:
        yield backend


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def actions(database: Database) -> list[str]:
    log = database.reading(OWNER, purpose="audit").audit_log(1000)
    return [entry.action for entry in log]


@pytest.fixture
def migrated(old: Backend, location: str, kept_ring: KeyRing, clock: Clock) -> Iterator[Database]:
    migrations.upgrade(old, kept_ring, actor=OWNER, clock=clock)
    with Database.open(location, kept_ring, clock=clock) as database:
        admit(database, {"dr.lee": ["clinician"], "importer": ["service"]})
        yield database


def test_every_patient_reads_as_before(migrated: Database) -> None:
    for number in (0, 1, 2, 4):
        assert read(migrated, IDS[number]) == record(number)

    summaries = migrated.reading("dr.lee", purpose="treatment").list()
    assert [summary.id for summary in summaries] == [i for i in IDS if i != ERASED]
    assert [summary.version for summary in summaries] == [1, 1, 2, 1]


def test_suggestions_keep_their_ids_and_their_order(migrated: Database) -> None:
    reader = migrated.reading("dr.lee", purpose="treatment")

    found = reader.suggestions(IDS[1])

    assert [suggestion.document for suggestion in found] == [
        {"drug": "metformin", "n": 1},
        {"drug": "insulin", "n": 2},
    ]
    assert [reader.suggestion(suggestion.id) for suggestion in found] == list(found)


def test_every_patient_is_found_by_the_identifiers_of_before(migrated: Database) -> None:
    reader = migrated.reading("dr.lee", purpose="treatment")

    assert {number: reader.find(*number) for number in NUMBERS} == NUMBERS


def test_the_log_still_extends_the_head_that_was_kept_outside(migrated: Database) -> None:
    kept = Checkpoint.parse(CHECKPOINT)

    report = migrated.verify_audit(CHECKPOINT)

    assert report.checkpoint == kept
    proof = migrated.consistency_proof(kept.n_entries)
    assert len(proof) > 0


def test_the_migration_is_an_entry_of_the_log(
    old: Backend, location: str, kept_ring: KeyRing, clock: Clock
) -> None:
    assert migrations.upgrade(old, kept_ring, actor=OWNER, clock=clock) == "0001"

    with Database.open(location, kept_ring) as database:
        assert database.checkpoint().n_entries == N_ENTRIES + 1
        entry = database.reading(OWNER, purpose="audit").prove(N_ENTRIES).entry
    assert (entry.actor, entry.action, entry.outcome) == (OWNER, "store.migrate", "ok")


def test_the_old_entries_keep_their_bytes(old: Backend, kept_ring: KeyRing, tamper: Tamper) -> None:
    statement = "SELECT position, entry, subject FROM audit_entry ORDER BY position"
    before = tamper(statement)

    migrations.upgrade(old, kept_ring, actor=OWNER)

    assert tamper(statement)[:N_ENTRIES] == before


def test_the_erased_patient_stays_erased_and_is_in_the_file_of_erasures(
    migrated: Database, tamper: Tamper
) -> None:
    assert tamper("SELECT wrapped_key FROM patient WHERE id = ?", ERASED) == [(None,)]
    assert list(migrated.tombstones.ids) == [ERASED]


def test_no_old_envelope_remains(migrated: Database, tamper: Tamper) -> None:
    versions = {bytes(sealed)[:6] for (sealed,) in tamper("SELECT sealed FROM resource")}

    assert versions == {bytes([1, 1, 0, 0, 0, 2])}  # all under the second data key


def test_a_migrated_store_is_worked_with_like_any_other(migrated: Database) -> None:
    with migrated.unit("importer", purpose="administration") as unit:
        new = unit.patients.add([{"resourceType": "Patient", "id": "p-9"}])
        same = unit.patients.add([{"resourceType": "Patient", "id": "p-0"}], [next(iter(NUMBERS))])
        unit.commit()

    assert (same, new in IDS) == (IDS[0], False)
    assert read(migrated, IDS[0]) == ({"resourceType": "Patient", "id": "p-0"},)
    migrated.verify_audit(CHECKPOINT)


@only_sqlite
def test_a_long_log_is_carried_over_with_the_tree_above_it(
    old: Backend, location: str, kept_ring: KeyRing, tamper: Tamper
) -> None:
    n_entries, tree = 1100, Frontier()
    time = "2030-01-01T00:00:00.000000+00:00"
    for table in ("resource", "suggestion", "patient_identifier", "patient", "audit_entry"):
        tamper(f"DELETE FROM {table}")
    values = []
    for index in range(n_entries):
        entry = AuditEntry(index, time, "dr.lee", "patient.list", "", "treatment", "ok", "")
        tree.append(leaf_hash(entry.to_bytes()))
        values.append((index, entry.to_bytes(), time, *("dr.lee", "patient.list", "", "treatment")))
    with closing(sqlite3.connect(location)) as connection, connection:
        connection.executemany("INSERT INTO audit_entry VALUES (?, ?, ?, ?, ?, ?, ?, 'ok')", values)
    parts = {ENTRIES: Part(n_entries, tree.root()), PATIENTS: Part(0, EMPTY_ROOT)}
    kept = Checkpoint(kept_ring.store_id, time, parts, 1).sign(kept_ring)
    tamper("UPDATE audit_head SET checkpoint = ?", kept.text)

    migrations.upgrade(old, kept_ring, actor=OWNER)

    with Database.open(location, kept_ring) as database:
        database.verify_audit(kept.text)
        assert all(
            database.reading(OWNER, purpose="audit").prove(index).holds(kept_ring.audit_public_key)
            for index in (0, 700, 1100)
        )


def test_a_migration_is_done_once(old: Backend, location: str, kept_ring: KeyRing) -> None:
    migrations.upgrade(old, kept_ring, actor=OWNER)

    assert migrations.upgrade(old, kept_ring, actor=OWNER) == REVISION
    with Database.open(location, kept_ring) as database:
        assert actions(database).count("store.migrate") == 1


class Stopped(BaseException):
    """Stands for a kill: nothing of the package catches it."""


STEPS = [
    "storage.migrations.second.first.read_head",
    "storage.migrations.second._Patients.write",
    "storage.migrations.second.Tombstones.append",
    "storage.migrations.second.StateTree.write",
    "storage.migrations.second.actors.add_owner",
    "storage.migrations.second.AuditLog.sign",
]


@pytest.mark.parametrize("step", STEPS)
def test_a_migration_that_is_stopped_leaves_the_old_store_and_can_be_done_again(
    old: Backend, location: str, kept_ring: KeyRing, tamper: Tamper, step: str
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise Stopped

    before = rows(tamper)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(step, stop)
        with pytest.raises(Stopped):
            migrations.upgrade(old, kept_ring, actor=OWNER)
    assert rows(tamper) == before

    migrations.upgrade(old, kept_ring, actor=OWNER)
    with Database.open(location, kept_ring) as database:
        database.verify_audit(CHECKPOINT)
        assert list(database.tombstones.ids) == [ERASED]


KILLED = """
import os, signal, sys
from pathlib import Path
from storage import KeyRing, migrations
from storage.database import backend_for
from storage.merkle import EMPTY_ROOT, Frontier, leaf_hash
from storage.migrations import second

def kill(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

location, ring, where, step = sys.argv[1:]
setattr(getattr(second, where), step, kill)
migrations.upgrade(backend_for(location), KeyRing.open(Path(ring)), actor="owner")
"""


@pytest.mark.parametrize(("where", "step"), [("_Patients", "write"), ("AuditLog", "sign")])
def test_a_migration_that_is_killed_leaves_the_old_store_and_can_be_done_again(
    old: Backend, location: str, kept_ring: KeyRing, tamper: Tamper, where: str, step: str
) -> None:
    before = rows(tamper)
    path = kept_ring.folder / "ring.json"

    killed = subprocess.run(
        [sys.executable, "-c", KILLED, location, path, where, step],
        cwd=Path(migrations.__file__).parent.parent.parent,
        check=False,
    )

    assert killed.returncode == -signal.SIGKILL
    assert rows(tamper) == before
    migrations.upgrade(old, kept_ring, actor=OWNER)
    with Database.open(location, kept_ring) as database:
        database.verify_audit(CHECKPOINT)


def test_a_migration_that_writes_what_does_not_verify_is_not_committed(
    old: Backend, kept_ring: KeyRing, tamper: Tamper, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows(tamper)
    monkeypatch.setattr(second, "identifiers_digest", lambda _: bytes(32))

    with pytest.raises(AuditError, match=f"records of patient {IDS[0]} were changed"):
        migrations.upgrade(old, kept_ring, actor=OWNER)

    assert rows(tamper) == before


def test_who_was_erased_since_stays_erased_when_an_older_copy_is_migrated(
    migrated: Database, clock: Clock, tmp_path: Path
) -> None:
    ring = migrated.ring
    with migrated.unit(OWNER, purpose="request") as unit:
        unit.patients.erase(IDS[0])
        unit.commit()
    copy = str(tmp_path / "copy.db")
    put_old_store(copy)

    with closing(backend_for(copy)) as backend:
        migrations.upgrade(backend, ring, actor=OWNER, clock=clock)

    with Database.open(copy, ring, clock=clock) as again:
        again.verify_audit(CHECKPOINT)
        assert actions(again)[N_ENTRIES : N_ENTRIES + 2] == ["patient.erase", "store.migrate"]
    with closing(sqlite3.connect(copy)) as connection:
        kept = connection.execute("SELECT id FROM patient WHERE wrapped_key IS NOT NULL")
        assert {row for (row,) in kept} == set(IDS) - {IDS[0], ERASED}


def test_another_ring_is_refused(old: Backend, ring: KeyRing) -> None:
    with pytest.raises(KeyRingError, match="use the ring it was created with"):
        migrations.upgrade(old, ring, actor=OWNER)


def test_who_migrates_must_have_a_name_that_can_be_logged(old: Backend, kept_ring: KeyRing) -> None:
    with pytest.raises(InvalidRecordError, match="actor must be"):
        migrations.upgrade(old, kept_ring, actor="a\0b")


def test_where_there_is_no_store_nothing_is_migrated(location: str, ring: KeyRing) -> None:
    with closing(backend_for(location)) as backend, pytest.raises(NotFoundError):
        migrations.upgrade(backend, ring, actor=OWNER)


def test_an_older_store_is_opened_with_the_advice_to_migrate(
    old: Backend, location: str, kept_ring: KeyRing
) -> None:
    with pytest.raises(SchemaVersionError, match="schema 0001, not 0002: `store migrate`"):
        Database.open(location, kept_ring)


def test_a_newer_store_is_neither_opened_nor_migrated(
    database: Database, location: str, tamper: Tamper
) -> None:
    tamper("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(SchemaVersionError, match="too old"):
        Database.open(location, database.ring)
    with pytest.raises(SchemaVersionError, match="too old"):
        migrations.upgrade(database.backend, database.ring, actor=OWNER)


def test_a_full_disk_leaves_the_old_store(
    old: Backend, kept_ring: KeyRing, tamper: Tamper, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_full(*_: object) -> None:
        raise OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

    before = rows(tamper)
    monkeypatch.setattr(second._Patients, "write", is_full)

    with pytest.raises(OSError, match="disk is full"):
        migrations.upgrade(old, kept_ring, actor=OWNER)

    assert rows(tamper) == before


def shape(connection: Connection) -> dict[tuple[str, str], object]:
    """All that an inspector tells of every table, names of constraints and indexes included."""
    tables = inspect(connection)
    return {
        (name, what): sorted(map(str, found)) if isinstance(found, list) else str(found)
        for name in tables.get_table_names()
        for what in ("columns", "pk_constraint", "foreign_keys", "unique_constraints", "indexes")
        for found in [getattr(tables, f"get_{what}")(name)]
    }


def differences(connection: Connection) -> object:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return compare_metadata(context, Base.metadata)


def test_a_migrated_store_and_a_new_one_have_the_same_schema(
    migrated: Database, request: pytest.FixtureRequest, ring: KeyRing, tmp_path: Path
) -> None:
    if migrated.backend.dialect == "sqlite":
        location = str(tmp_path / "new.db")
    else:
        server: Server = request.getfixturevalue("server")
        location = request.getfixturevalue("stack").enter_context(server.place()).url

    with (
        Database.create(location, ring, owner=OWNER) as new,
        new.backend.snapshot() as one,
        migrated.backend.snapshot() as two,
    ):
        assert differences(two) == []
        assert shape(one) == shape(two)


def test_a_new_store_is_marked_with_the_newest_revision(database: Database) -> None:
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(Path(migrations.__file__).parent))

    with database.backend.snapshot() as connection:
        assert migrations.current_revision(connection) == script.get_current_head() == REVISION
        assert differences(connection) == []
