"""A store in a temporary place of each kind of database, and plain SQL into it without keys."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from storage import Database, KeyRing
from tests.storage.server import NoServerError, Place, Server, running_server
from tests.storage.stores import ACTORS, NUMBER, OWNER, RECORD, admit, store

Tamper = Callable[..., list[tuple[Any, ...]]]

_NO_SERVER = pytest.StashKey[str]()
_RAN = pytest.StashKey[str]()


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A PostgreSQL server for this run; without one, the tests that need it are skipped."""
    try:
        with running_server() as started:
            request.config.stash[_RAN] = started.version
            yield started
    except NoServerError as error:
        request.config.stash[_NO_SERVER] = str(error)
        pytest.skip(str(error))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say whether the PostgreSQL half of the suite ran: a skip that nobody sees is a hole."""
    if reason := config.stash.get(_NO_SERVER, None):
        terminalreporter.write_line(
            f"WARNING: the PostgreSQL half of the storage tests was SKIPPED: {reason}",
            yellow=True,
            bold=True,
        )
    elif version := config.stash.get(_RAN, None):
        terminalreporter.write_line(f"storage tests ran on SQLite and PostgreSQL {version}")


@pytest.fixture
def place(server: Server) -> Iterator[Place]:
    """Somewhere empty on the PostgreSQL server, for one store."""
    with server.place() as found:
        yield found


@pytest.fixture(params=["sqlite", "postgresql"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the test's store lies: the same tests run on each kind of database.

    A test for one kind alone says so: ``@pytest.mark.parametrize("location", ["sqlite"],
    indirect=True)``.
    """
    if request.param == "sqlite":
        return str(tmp_path / "patients.db")
    found: Place = request.getfixturevalue("place")
    return found.url


only_sqlite = pytest.mark.parametrize("location", ["sqlite"], indirect=True)


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
def database(location: str, ring: KeyRing, clock: Callable[[], datetime]) -> Iterator[Database]:
    with Database.create(location, ring, owner=OWNER, clock=clock, busy_seconds=0.2) as opened:
        admit(opened, ACTORS)
        yield opened


@pytest.fixture
def ada(database: Database) -> str:
    """Id of a stored patient."""
    return store(database, RECORD, [NUMBER])


@pytest.fixture
def tamper(location: str) -> Tamper:
    """Run one statement as someone who can write the database but has no keys.

    Placeholders are question marks, and bytes are ``bytes``, on both kinds.
    """

    def run(statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        with raw(location) as execute:
            return execute(statement, parameters)

    return run


@contextmanager
def raw(location: str) -> Iterator[Callable[[str, tuple[object, ...]], list[tuple[Any, ...]]]]:
    """One connection without the program's help."""
    if "://" not in location:
        with closing(sqlite3.connect(location)) as connection, connection:
            yield lambda statement, parameters: list(connection.execute(statement, parameters))
        return
    import psycopg

    with psycopg.connect(location.replace("+psycopg", "", 1)) as session:

        def execute(statement: str, parameters: tuple[object, ...]) -> list[tuple[Any, ...]]:
            # `%` is psycopg's own where there are parameters; x'00' is SQLite's way to write bytes.
            query = statement.replace("%", "%%").replace("?", "%s") if parameters else statement
            result = session.execute(re.sub(r"(?<=[\s(,])x'", r"'\\x", query), parameters or None)
            return list(result) if result.description else []

        yield execute
