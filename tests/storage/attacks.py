"""What someone who writes the database without keys can do to every cell of it, generated.

The cells come from the tables' own description, so a new column is attacked from the day it is
there. An attack is a list of edits, which can be undone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from sqlalchemy import LargeBinary

from tests.storage.victim import TABLES, Edit, Row, Victim, differ, key_columns, key_of

STRANGE: tuple[Any, ...] = (None, "", "x", "0" * 32, b"", b"\x00" * 32, 0, 1, -1, 2**40, 0.5)


@dataclass
class Attack:
    """Edits that are made together."""

    name: str
    edits: list[Edit]


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
                if column in key_columns(table) and len(key_columns(table)) == 1:
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
        keys = key_columns(table)
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
                [
                    Edit(table, a, None, None),
                    Edit(table, b, None, as_b),
                    Edit(table, a, None, as_a),
                ],
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
                changed = [c for c in row if key not in now or differ(row[c], now[key][c])]
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
