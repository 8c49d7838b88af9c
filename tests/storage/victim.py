"""A store with something in every table, plain SQL into it, and everything it can be asked.

What is changed by plain SQL can be undone, and what the store then shows can be compared with what
it showed before.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Table

from storage import Database, Identifier, KeyRing, StorageError
from storage.tables import REVISION_TABLE, Base
from tests.storage.stores import OWNER

TABLES: dict[str, Table] = {table.name: table for table in Base.metadata.sorted_tables}
TABLES[REVISION_TABLE.name] = REVISION_TABLE
Row = dict[str, Any]


class Edit(NamedTuple):
    """One cell set to a value, or with ``column`` None a whole row put in or (None) taken out."""

    table: str
    key: tuple[Any, ...]
    column: str | None
    value: Any


class PlainSql:
    """SQL on one connection, each statement by itself; what the database does not take is left."""

    def __init__(self, location: str) -> None:
        self._is_file = "://" not in location
        if self._is_file:
            self._connection: Any = sqlite3.connect(location, isolation_level=None)
            self._connection.execute("PRAGMA synchronous=OFF")
            self._refusals: type[Exception] = sqlite3.IntegrityError
        else:
            import psycopg

            url = location.replace("+psycopg", "", 1)
            self._connection = psycopg.connect(url, autocommit=True)
            self._refusals = psycopg.Error

    def __call__(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """The rows that a statement gives; question marks stand for parameters."""
        if not self._is_file:
            statement = statement.replace("?", "%s")
        try:
            result = self._connection.execute(statement, parameters)
        except self._refusals:
            return []
        return list(result) if result.description else []

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@dataclass
class Victim:
    """A store with something in every table, what it holds, and what it held before."""

    location: str
    ring: KeyRing
    database: Database
    execute: PlainSql
    ids: dict[str, str]
    suggestion: str = ""
    rows: dict[str, list[Row]] = field(default_factory=dict)
    older: list[dict[str, list[Row]]] = field(default_factory=list)

    @property
    def file(self) -> Path | None:
        """The store's file, if it is in one."""
        return None if "://" in self.location else Path(self.location)

    @property
    def dialect(self) -> str:
        """Of the database."""
        return "postgresql" if self.file is None else "sqlite"

    def close(self) -> None:
        """Close every connection."""
        self.database.close()
        self.execute.close()

    @contextmanager
    def copy(self, folder: Path) -> Iterator["Victim"]:
        """The same store in another file, to be damaged; its ``database`` is not open."""
        folder.mkdir()
        file = folder / "patients.db"
        self.execute("VACUUM INTO ?", str(file))
        execute = PlainSql(str(file))
        execute("PRAGMA journal_mode=WAL")
        try:
            yield replace(self, location=str(file), execute=execute)
        finally:
            execute.close()

    def apply(self, edits: Iterable[Edit]) -> list[Edit]:
        """Make the edits; returns those that undo what was changed by them (none: no effect)."""
        undo: list[Edit] = []
        edits = list(edits)
        tables = {e.table for e in edits if e.column is None or e.column in key_columns(e.table)}
        rows = {table: self.rows_of(table) for table in tables}
        for edit in (simple for each in edits for simple in self._simple(each)):
            before = self.at(edit)
            if edit.column is None:
                self._put(edit.table, edit.key, edit.value)
            else:
                self._set(edit)
            if differ(before, self.at(edit)):
                undo.insert(0, Edit(edit.table, edit.key, edit.column, before))
        if rows and len(tables) == len({e.table for e in edits}):
            after = {table: self.rows_of(table) for table in tables}
            if all(not differ_at_all(rows[table], after[table]) for table in tables):
                return []  # the database made it into what was there
        return undo

    def rows_of(self, table: str) -> list[Row]:
        """Every row of a table, by its key."""
        columns = [column.name for column in TABLES[table].columns]
        keys = ", ".join(key_columns(table)) or "1"
        found = self.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY {keys}")
        return [dict(zip(columns, row, strict=True)) for row in found]

    def _simple(self, edit: Edit) -> list[Edit]:
        """The edit; one of a key is a row that goes and a row that comes."""
        if edit.column is None or edit.column not in key_columns(edit.table):
            return [edit]
        row = self.at(Edit(edit.table, edit.key, None, None))
        if row is None or edit.value is None or not differ(row[edit.column], edit.value):
            return []
        if self.file is None and type(edit.value) is not type(row[edit.column]):
            return []  # PostgreSQL would refuse it, or make another value of it
        moved = {**row, edit.column: edit.value}
        there = Edit(edit.table, key_of(edit.table, moved), None, moved)
        return [Edit(edit.table, edit.key, None, None), there]

    def at(self, edit: Edit) -> Any:
        """What is where the edit is to be."""
        where, key = _where(edit.table, edit.key)
        columns = [edit.column] if edit.column else [c.name for c in TABLES[edit.table].columns]
        found = self.execute(f"SELECT {', '.join(columns)} FROM {edit.table} {where}", *key)
        if not found:
            return None
        return found[0][0] if edit.column else dict(zip(columns, found[0], strict=True))

    def _set(self, edit: Edit) -> None:
        where, key = _where(edit.table, edit.key)
        self.execute(f"UPDATE {edit.table} SET {edit.column} = ? {where}", edit.value, *key)

    def _put(self, table: str, key: tuple[Any, ...], row: Row | None) -> None:
        where, values = _where(table, key)
        self.execute(f"DELETE FROM {table} {where}", *values)
        if row is not None:
            marks = ", ".join("?" * len(row))
            self.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", *row.values())

    def look(self) -> dict[str, list[Row]]:
        """Every row of every table."""
        return {table: self.rows_of(table) for table in TABLES}

    def is_seen(self) -> bool:
        """Whether a check of the whole store refuses it."""
        try:
            self.database.verify_audit()
        except StorageError:
            return True
        return False


def differ(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return any(differ(one[name], other[name]) for name in one)
    return type(one) is not type(other) or bool(one != other)


def differ_at_all(some: list[Row], others: list[Row]) -> bool:
    return len(some) != len(others) or any(map(differ, some, others))


def key_of(table: str, row: Row) -> tuple[Any, ...]:
    """Primary key of a row; of a table without one, every column."""
    return tuple(row[name] for name in key_columns(table))


def key_columns(table: str) -> list[str]:
    return [column.name for column in TABLES[table].primary_key] or []


def _where(table: str, key: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    columns = key_columns(table)
    if not columns:
        return "", ()
    return "WHERE " + " AND ".join(f"{name} = ?" for name in columns), key


class _Builder:
    """Does one thing after the other in a store, and keeps what every row was before each."""

    def __init__(self, victim: Victim) -> None:
        self.victim = victim

    def do(self, purpose: str, what: Callable[[Any], Any]) -> Any:
        """``what`` in a unit of its own."""
        with self.victim.database.unit(OWNER, purpose=purpose) as unit:
            value = what(unit)
            unit.commit()
        self.victim.older.append(self.victim.look())
        return value

    def add(self, name: str, version: int) -> None:
        """A patient, or the next version of one."""
        record = [
            {"resourceType": "Patient", "id": "same for all"},
            {"resourceType": "Condition", "note": f"version {version}"},
            {"resourceType": "Condition", "note": f"version {version}"},
        ]
        links = [Identifier("urn:a", name), Identifier("urn:b", name)]
        self.victim.ids[name] = self.do("treatment", lambda unit: unit.patients.add(record, links))

    def suggest(self, name: str) -> None:
        """A suggestion for a patient."""
        patient = self.victim.ids[name]
        self.victim.suggestion = self.do(
            "treatment", lambda unit: unit.patients.put_suggestion(patient, {"drug": "d"})
        )

    def oversee(self, name: str) -> None:
        """An emergency access to a patient, and a denial."""
        patient = self.victim.ids[name]
        self.do("emergency", lambda unit: unit.emergencies.open(patient, "found without a word"))
        self.do("request", lambda unit: unit.consents.say(patient, {"research": "deny"}))


def build(location: str, ring: KeyRing) -> Victim:
    """A store with rows in every table, some of them changed, some erased."""
    database = Database.create(location, ring, owner=OWNER)
    victim = Victim(location, ring, database, PlainSql(location), {})
    builder = _Builder(victim)
    for name in ("ada", "bob", "cyd", *(f"p{i}" for i in range(15))):
        builder.add(name, 1)
    for name in ("ada", "bob", "ada"):
        builder.suggest(name)
    for name in ("ada", "bob"):
        builder.oversee(name)
    ada, cyd = victim.ids["ada"], victim.ids["cyd"]
    builder.do("request", lambda unit: unit.consents.say(ada, {"research": "permit"}))
    until = datetime(2099, 1, 1, tzinfo=UTC)
    clinicians = {"dr.lee": until, "dr.fox": None}
    builder.do(
        "administration",
        lambda unit: [unit.actors.grant(n, ["clinician"], until=u) for n, u in clinicians.items()],
    )
    builder.do("administration", lambda unit: unit.actors.revoke("dr.fox"))
    builder.add("ada", 2)
    builder.do("request", lambda unit: unit.patients.erase(cyd))
    builder.do("treatment", lambda unit: [unit.patients.list() for _ in range(520)])
    victim.rows = victim.older.pop()
    assert all(victim.rows.values()), "a table without a row is not attacked"
    return victim


def questions(victim: Victim, database: Database) -> dict[str, Callable[[], Any]]:
    """Everything that the store can be asked; the answers are about what was there at first."""
    treating = database.reading(OWNER, purpose="treatment")
    auditing = database.reading(OWNER, purpose="audit")
    n_entries = len(victim.rows["audit_entry"])

    def in_unit(purpose: str, ask: Callable[[Any], Any]) -> Any:
        with database.unit(OWNER, purpose=purpose) as unit:
            answer = ask(unit)
            unit.commit()
        return answer

    def log_of(patient: str) -> Any:
        return [entry for entry in auditing.access_log(patient) if entry.index < n_entries]

    def consent_of(patient: str) -> Any:
        return in_unit("request", lambda unit: unit.consents.of(patient))

    asked: dict[str, Callable[[], Any]] = {
        "list": treating.list,
        "suggestion": partial(treating.suggestion, victim.suggestion),
        "log": partial(auditing.audit_entries, 0, n_entries),
        "actors": partial(in_unit, "audit", lambda unit: unit.actors.list()),
        "emergencies": partial(in_unit, "audit", lambda unit: unit.emergencies.list()),
    }
    for name in ("ada", "bob", "cyd", "p0", "p14"):
        patient = victim.ids[name]
        asked |= {
            f"get {name}": partial(treating.get, patient),
            f"find {name}": partial(treating.find, "urn:a", name),
            f"find {name} too": partial(treating.find, "urn:b", name),
            f"suggestions {name}": partial(treating.suggestions, patient),
            f"log of {name}": partial(log_of, patient),
            f"consent {name}": partial(consent_of, patient),
        }
    return asked
