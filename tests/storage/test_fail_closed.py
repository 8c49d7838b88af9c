"""No access without a record: where the audit entry cannot be written, nothing is done or shown."""

import resource
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from storage import (
    AccessDeniedError,
    Database,
    KeyRing,
    KeyRingError,
    NotFoundError,
    StorageError,
    StoreUnavailableError,
)
from storage.access import Action
from tests.storage.conftest import Tamper, only_sqlite
from tests.storage.every_operation import (
    DENIALS,
    ELSEWHERE,
    OPERATIONS,
    Stage,
    failing,
    stage,
)

Break = Callable[[Database, Tamper, pytest.MonkeyPatch], Any]


@pytest.fixture
def ready(database: Database, tmp_path: Path) -> Stage:
    return stage(database, tmp_path)


def statement(broken: str, *repaired: str) -> Break:
    """Broken by one statement of plain SQL; mended by others."""

    @contextmanager
    def breaking(_database: Database, tamper: Tamper, _patch: object) -> Iterator[None]:
        tamper(broken)
        try:
            yield
        finally:
            for each in repaired:
                tamper(each)

    return breaking


def trigger(event_: str, table: str, how: str) -> Break:
    """A trigger that refuses (``ABORT``) or silently leaves out (``IGNORE``) what is written."""

    @contextmanager
    def breaking(database: Database, tamper: Tamper, _patch: object) -> Iterator[None]:
        if database.backend.dialect == "sqlite":
            what = "RAISE(IGNORE)" if how == "IGNORE" else f"RAISE({how}, 'no')"
            tamper(f"CREATE TRIGGER broken BEFORE {event_} ON {table} BEGIN SELECT {what}; END")
        else:
            body = "RETURN NULL;" if how == "IGNORE" else "RAISE EXCEPTION 'no';"
            tamper(
                "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN {body} END $$"
            )
            tamper(
                f"CREATE TRIGGER broken BEFORE {event_} ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION broken()"
            )
        try:
            yield
        finally:
            if database.backend.dialect == "sqlite":
                tamper("DROP TRIGGER broken")
            else:
                tamper("DROP FUNCTION broken CASCADE")

    return breaking


@contextmanager
def no_disk(database: Database, _tamper: Tamper, _patch: object) -> Iterator[None]:
    """No file can grow, as on a full disk."""
    if database.backend.dialect != "sqlite":
        pytest.skip("the server has another disk")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@contextmanager
def held_gate(database: Database, _tamper: Tamper, _patch: object) -> Iterator[None]:
    """Another writer does not leave."""
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with database.backend.gate():
            entered.set()
            leave.wait()

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(hold)
        entered.wait()
        try:
            yield
        finally:
            leave.set()
            held.result()


@contextmanager
def held_file(database: Database, _tamper: Tamper, _patch: object) -> Iterator[None]:
    """A writer that knows no gate does not leave."""
    if database.backend.dialect != "sqlite":
        pytest.skip("of SQLite alone")
    with closing(sqlite3.connect(database.backend.name, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.rollback()


@contextmanager
def no_signature(_database: Database, _tamper: Tamper, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """A ring that does not sign."""

    def refuse(_ring: KeyRing, _message: bytes) -> bytes:
        raise KeyRingError("the signing key is not to be had")

    with patch.context() as patched:
        patched.setattr(KeyRing, "sign", refuse)
        yield


BREAKS: dict[str, Break] = {
    "a trigger refuses entries": trigger("INSERT", "audit_entry", "ABORT"),
    "a trigger swallows entries": trigger("INSERT", "audit_entry", "IGNORE"),
    "a trigger refuses the head": trigger("UPDATE", "audit_head", "ABORT"),
    "a trigger swallows the head": trigger("UPDATE", "audit_head", "IGNORE"),
    "the head is broken": statement(
        "UPDATE audit_head SET checkpoint = '!' || checkpoint",
        "UPDATE audit_head SET checkpoint = substr(checkpoint, 2)",
    ),
    "the head is gone": statement(
        "UPDATE audit_head SET id = -id, checkpoint = ''",
        "UPDATE audit_head SET id = -id, checkpoint = (SELECT checkpoint FROM kept)",
    ),
    "the log goes on beyond the head": statement(
        "INSERT INTO audit_entry (position, entry, subject, leaf) "
        "SELECT max(position) + 1, x'00', '', x'00' FROM audit_entry",
        "DELETE FROM audit_entry WHERE entry = x'00'",
    ),
    "the disk is full": no_disk,
    "the gate is held": held_gate,
    "the file is held": held_file,
    "the ring does not sign": no_signature,
}


SOME = ("get", "list", "add", "erase", "backup", "get by a stranger", "find of nobody")


def test_every_action_of_the_table_is_tried() -> None:
    tried = {action for action, _ in OPERATIONS.values()}
    assert tried | ELSEWHERE == set(Action)


@pytest.mark.parametrize("broken", BREAKS)
def test_what_cannot_be_recorded_is_neither_done_nor_shown(
    broken: str, ready: Stage, tamper: Tamper, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for _, operation in OPERATIONS.values():
        operation(ready)  # each can be done; and what it needs is there
    with ready.database.unit("owner", purpose="treatment") as unit:
        patient = unit.patients.add([])
        unit.commit()
    ready.linked.append(patient)
    tamper("CREATE TABLE kept AS SELECT checkpoint FROM audit_head")
    before, files = ready.database.checkpoint(), kept_files(tmp_path)

    shown = {}
    with BREAKS[broken](ready.database, tamper, monkeypatch):
        for name, (_, operation) in list({**OPERATIONS, **DENIALS}.items()):
            if "held" in broken and name not in SOME:
                continue  # each waits
            try:
                shown[name] = operation(ready)
            except StorageError as error:
                if name in DENIALS and isinstance(error, NotFoundError | AccessDeniedError):
                    shown[name] = error  # that there is nobody, that one may not: an answer too

    assert shown == {}
    assert ready.database.checkpoint() == before
    assert kept_files(tmp_path) == files
    ready.database.verify_audit()
    for _, operation in OPERATIONS.values():
        operation(ready)  # and all goes on


def kept_files(folder: Path) -> dict[str, bytes]:
    """Ring, erasures, backups: all but the database itself."""
    return {
        str(path): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith("patients.db")
    }


def test_every_operation_leaves_an_entry_of_its_action(ready: Stage) -> None:
    for name, (action, operation) in {**OPERATIONS, **DENIALS}.items():
        size, outcome = ready.database.checkpoint().n_entries, "ok"
        try:
            operation(ready)
        except StorageError as error:
            outcome = type(error).__name__

        assert (outcome == "ok") == (name in OPERATIONS), name
        log = ready.reading("audit").audit_entries(size, size + 100)
        assert (action, outcome) in [(entry.action, entry.outcome) for entry in log], name


@only_sqlite
@pytest.mark.parametrize("name", SOME)
def test_an_operation_that_fails_at_any_step_shows_nothing_unrecorded(
    ready: Stage, name: str
) -> None:
    action, operation = {**OPERATIONS, **DENIALS}[name]
    number = 1
    while True:
        size = ready.database.checkpoint().n_entries
        try:
            with failing(number):
                operation(ready)
        except StoreUnavailableError:
            pass
        except StorageError:
            break  # the denial itself
        else:
            break
        number += 1 + number // 4
    assert number > 10  # it did fail
    log = ready.reading("audit").audit_entries(size, size + 100)
    assert action in [entry.action for entry in log]
    ready.database.verify_audit()
