"""What someone who writes the database without keys can do to every cell of it, generated.

The cells come from the tables' own description, so a new column is attacked from the day it is
there. An attack is a list of edits; it can be undone, and what a store then shows can be compared
with what it showed before.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import LargeBinary, Table

from storage import Database, Identifier, KeyRing, StorageError
from storage.tables import REVISION_TABLE, Base
from tests.storage.stores import OWNER

TABLES: dict[str, Table] = {table.name: table for table in Base.metadata.sorted_tables}
TABLES[REVISION_TABLE.name] = REVISION_TABLE
Row = dict[str, Any]
# Nothing is ever concluded from these, and they are said to be so where they are declared.
STRANGE: tuple[Any, ...] = (None, "", "x", "0" * 32, b"", b"\x00" * 32, 0, 1, -1, 2**40, 0.5)


class Edit(NamedTuple):
    """One cell set to a value, or with ``column`` None a whole row put in or (None) taken out."""

    table: str
    key: tuple[Any, ...]
    column: str | None
    value: Any


@dataclass
class Attack:
    """Edits that are made together."""

    name: str
    edits: list[Edit]


@dataclass
class Victim:
    """A store with something in every table, what it holds, and what it held before."""

    location: str
    ring: KeyRing
    database: Database
    execute: "PlainSql"
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
        tables = {e.table for e in edits if e.column is None or e.column in _key_columns(e.table)}
        rows = {table: self.rows_of(table) for table in tables}
        for edit in (simple for each in edits for simple in self._simple(each)):
            before = self.at(edit)
            if edit.column is None:
                self._put(edit.table, edit.key, edit.value)
            else:
                self._set(edit)
            if _differ(before, self.at(edit)):
                undo.insert(0, Edit(edit.table, edit.key, edit.column, before))
        if rows and len(tables) == len({e.table for e in edits}):
            after = {table: self.rows_of(table) for table in tables}
            if all(not _differ_at_all(rows[table], after[table]) for table in tables):
                return []  # the database made it into what was there
        return undo

    def rows_of(self, table: str) -> list[Row]:
        """Every row of a table, by its key."""
        columns = [column.name for column in TABLES[table].columns]
        keys = ", ".join(_key_columns(table)) or "1"
        found = self.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY {keys}")
        return [dict(zip(columns, row, strict=True)) for row in found]

    def _simple(self, edit: Edit) -> list[Edit]:
        """The edit; one of a key is a row that goes and a row that comes."""
        if edit.column is None or edit.column not in _key_columns(edit.table):
            return [edit]
        row = self.at(Edit(edit.table, edit.key, None, None))
        if row is None or edit.value is None or not _differ(row[edit.column], edit.value):
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
            self.execute(
                f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", *row.values()
            )

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


def _differ(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return any(_differ(one[name], other[name]) for name in one)
    return type(one) is not type(other) or bool(one != other)


def _differ_at_all(some: list[Row], others: list[Row]) -> bool:
    return len(some) != len(others) or any(map(_differ, some, others))


def key_of(table: str, row: Row) -> tuple[Any, ...]:
    """Primary key of a row; of a table without one, every column."""
    return tuple(row[name] for name in _key_columns(table))


def _key_columns(table: str) -> list[str]:
    return [column.name for column in TABLES[table].primary_key] or []


def _where(table: str, key: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    columns = _key_columns(table)
    if not columns:
        return "", ()
    return "WHERE " + " AND ".join(f"{name} = ?" for name in columns), key


def build(location: str, ring: KeyRing) -> Victim:
    """A store with rows in every table, some of them changed, some erased."""
    database = Database.create(location, ring, owner=OWNER)
    ids: dict[str, str] = {}
    victim = Victim(location, ring, database, PlainSql(location), ids)

    def do(purpose: str, what: Callable[[Any], Any]) -> Any:
        with database.unit(OWNER, purpose=purpose) as unit:
            value = what(unit)
            unit.commit()
        victim.older.append(victim.look())
        return value

    for name in ("ada", "bob", "cyd", *(f"p{i}" for i in range(15))):
        ids[name] = do("treatment", lambda unit, name=name: unit.patients.add(*_record(name, 1)))
    for name in ("ada", "bob", "ada"):
        victim.suggestion = do(
            "treatment",
            lambda unit, name=name: unit.patients.put_suggestion(ids[name], {"drug": "d"}),
        )
    for name in ("ada", "bob"):
        do(
            "emergency",
            lambda unit, name=name: unit.emergencies.open(ids[name], "found without a word"),
        )
        do("request", lambda unit, name=name: unit.consents.say(ids[name], {"research": "deny"}))
    do("request", lambda unit: unit.consents.say(ids["ada"], {"research": "permit"}))
    until = datetime(2099, 1, 1, tzinfo=UTC)
    for actor in ("dr.lee", "dr.fox"):
        do(
            "administration",
            lambda unit, actor=actor: unit.actors.grant(actor, ["clinician"], until=until),
        )
    do("administration", lambda unit: unit.actors.revoke("dr.fox"))
    do("treatment", lambda unit: unit.patients.add(*_record("ada", 2)))
    do("request", lambda unit: unit.patients.erase(ids["cyd"]))
    do("treatment", lambda unit: [unit.patients.list() for _ in range(520)])
    victim.rows = victim.older.pop()
    assert all(victim.rows.values()), "a table without a row is not attacked"
    return victim


def _record(name: str, version: int) -> tuple[list[dict[str, Any]], list[Identifier]]:
    return (
        [
            {"resourceType": "Patient", "id": "same for all"},
            {"resourceType": "Condition", "note": f"version {version}"},
            {"resourceType": "Condition", "note": f"version {version}"},
        ],
        [Identifier("urn:a", name), Identifier("urn:b", name)],
    )


def chosen(victim: Victim, table: str, most: int) -> list[Row]:
    """At most ``most`` rows of a table: the first, the last, and evenly between."""
    rows = victim.rows[table]
    if len(rows) <= most:
        return rows
    return [rows[i * (len(rows) - 1) // max(1, most - 1)] for i in range(most)]


def is_bytes(table: str, column: str) -> bool:
    return isinstance(TABLES[table].columns[column].type, LargeBinary)


def exchanges(victim: Victim, most: int) -> Iterator[Attack]:
    """Each column's values exchanged between two rows."""
    for table in TABLES:
        for one, other in combinations(chosen(victim, table, most), 2):
            for column in one:
                if column in _key_columns(table) and len(_key_columns(table)) == 1:
                    continue  # two rows of one key: see ``row_attacks``
                a, b = key_of(table, one), key_of(table, other)
                yield Attack(
                    f"{table}.{column} exchanged between {a} and {b}",
                    [Edit(table, a, column, other[column]), Edit(table, b, column, one[column])],
                )


def transplants(victim: Victim) -> Iterator[Attack]:
    """A value of each column of bytes put into each other column of bytes."""
    cells = [
        (table, key_of(table, row), column, row[column])
        for table in TABLES
        for row in chosen(victim, table, 1)
        for column in row
        if is_bytes(table, column) and row[column] is not None
    ]
    for from_table, _, from_column, value in cells:
        for table, key, column, _ in cells:
            if (table, column) != (from_table, from_column):
                yield Attack(
                    f"{from_table}.{from_column} put into {table}.{column}",
                    [Edit(table, key, column, value)],
                )


def strange_values(victim: Victim, most: int) -> Iterator[Attack]:
    """Every column of some rows set to what does not belong there."""
    for table in TABLES:
        for row in chosen(victim, table, most):
            for column, value in row.items():
                for strange in (*STRANGE, *_near(value)):
                    yield Attack(
                        f"{table}.{column} of {key_of(table, row)} set to {strange!r:.40}",
                        [Edit(table, key_of(table, row), column, strange)],
                    )


def _near(value: Any) -> list[Any]:
    if isinstance(value, int):
        return [value + 1, value - 1]
    if isinstance(value, bytes):
        return [value[:-1], value[1:], value + b"\x00", b"\x00" + value]
    if isinstance(value, str):
        # A string that stands in the entry at the same place and says something else.
        return [value[:-1], value + " ", " " + value, value.upper(), value + '","time":"']
    return [b"\x01", "2030-01-01T00:00:00.000000+00:00"]


def bit_flips(victim: Victim, most: int, stride: int) -> Iterator[Attack]:
    """One bit of every ``stride``-th byte of every value of bytes (and of the head's text)."""
    for table in TABLES:
        for row in chosen(victim, table, most):
            for column, value in row.items():
                if not isinstance(value, bytes) and column != "checkpoint":
                    continue
                data = value if isinstance(value, bytes) else value.encode()
                for place in range(0, len(data), stride):
                    flipped = bytearray(data)
                    flipped[place] ^= 1 << place % 7
                    changed = bytes(flipped) if isinstance(value, bytes) else flipped.decode()
                    yield Attack(
                        f"bit of byte {place} of {table}.{column}",
                        [Edit(table, key_of(table, row), column, changed)],
                    )


def row_attacks(victim: Victim, most: int) -> Iterator[Attack]:
    """Rows taken out, put in again under another key, and exchanged whole."""
    for table in TABLES:
        keys = _key_columns(table)
        for row in chosen(victim, table, most):
            key = key_of(table, row)
            yield Attack(f"row {key} of {table} removed", [Edit(table, key, None, None)])
            for column in keys:
                new = {**row, column: _other_key(row[column])}
                edits = [Edit(table, key_of(table, new), None, new)]
                yield Attack(f"row {key} of {table} copied to another {column}", edits)
                edits = [Edit(table, key, None, None), *edits]
                yield Attack(f"row {key} of {table} moved to another {column}", edits)
        for one, other in combinations(chosen(victim, table, most), 2):
            a, b = key_of(table, one), key_of(table, other)
            as_b = {**one, **dict(zip(keys, b, strict=True))}
            as_a = {**other, **dict(zip(keys, a, strict=True))}
            yield Attack(
                f"rows {a} and {b} of {table} exchanged",
                [Edit(table, a, None, None), Edit(table, b, None, as_b), Edit(table, a, None, as_a)],
            )


def _other_key(value: Any) -> Any:
    if isinstance(value, int):
        return value + 1_000
    return value[::-1] if value[::-1] != value else value + value[:1]


def older_rows(victim: Victim) -> Iterator[Attack]:
    """What each row was before, put back: cell by cell, row by row, and table by table."""
    for older in victim.older:
        for table, rows in older.items():
            now = {key_of(table, row): row for row in victim.rows[table]}
            edits = []
            for row in rows:
                key = key_of(table, row)
                changed = [c for c in row if key not in now or _differ(row[c], now[key][c])]
                if not changed:
                    continue
                edits.append(Edit(table, key, None, row))
                yield Attack(f"an older row {key} of {table}", edits[-1:])
                if key in now:
                    for column in changed:
                        yield Attack(
                            f"an older {table}.{column} of {key}",
                            [Edit(table, key, column, row[column])],
                        )
            gone = {key_of(table, row) for row in rows}
            edits += [Edit(table, key, None, None) for key in now if key not in gone]
            if edits:
                yield Attack(f"all of an older {table}", edits)


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


def questions(victim: Victim, database: Database) -> dict[str, Callable[[], Any]]:
    """Everything that the store can be asked; what is asked last does not show in the first."""
    treating = database.reading(OWNER, purpose="treatment")
    auditing = database.reading(OWNER, purpose="audit")
    n_entries = len(victim.rows["audit_entry"])

    def in_unit(purpose: str, ask: Callable[[Any], Any]) -> Any:
        with database.unit(OWNER, purpose=purpose) as unit:
            answer = ask(unit)
            unit.commit()
        return answer

    def log_of(name: str) -> Any:
        found = auditing.access_log(victim.ids[name])
        return [entry for entry in found if entry.index < n_entries]

    asked: dict[str, Callable[[], Any]] = {
        "list": treating.list,
        "suggestion": lambda: treating.suggestion(victim.suggestion),
        "log": lambda: auditing.audit_entries(0, n_entries),
        "actors": lambda: in_unit("audit", lambda unit: unit.actors.list()),
        "emergencies": lambda: in_unit("audit", lambda unit: unit.emergencies.list()),
    }
    for name in ("ada", "bob", "cyd", "p0", "p14"):
        patient = victim.ids[name]
        asked |= {
            f"get {name}": lambda patient=patient: treating.get(patient),
            f"find {name}": lambda name=name: treating.find("urn:a", name),
            f"find {name} too": lambda name=name: treating.find("urn:b", name),
            f"suggestions {name}": lambda patient=patient: treating.suggestions(patient),
            f"log of {name}": lambda name=name: log_of(name),
            f"consent {name}": lambda patient=patient: in_unit(
                "request", lambda unit: unit.consents.of(patient)
            ),
        }
    return asked
