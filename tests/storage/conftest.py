"""A store in a temporary folder, and a second way into it: plain SQL without keys."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from storage import Database, KeyRing
from tests.storage.stores import NUMBER, RECORD, store

Tamper = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing.create(tmp_path / "keys" / "ring.json")


@pytest.fixture
def clock() -> Callable[[], datetime]:
    """A clock that moves one second each time it is read."""
    start = datetime(2030, 1, 1, tzinfo=UTC)
    ticks = iter(range(10**9))
    return lambda: start + timedelta(seconds=next(ticks))


@pytest.fixture
def database(tmp_path: Path, ring: KeyRing, clock: Callable[[], datetime]) -> Iterator[Database]:
    with Database.create(tmp_path / "patients.db", ring, clock=clock, busy_seconds=0.2) as opened:
        yield opened


@pytest.fixture
def ada(database: Database) -> str:
    """Id of a stored patient."""
    return store(database, RECORD, [NUMBER])


@pytest.fixture
def tamper(database: Database) -> Tamper:
    """Run one statement as someone who can write the database but has no keys."""

    def run(statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(database.path)) as connection, connection:
            return list(connection.execute(statement, parameters))

    return run
