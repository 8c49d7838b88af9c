"""Neo4j: two CSV files for ``neo4j-admin database import`` and the command that imports them.

Every text is quoted. A cell that a spreadsheet would take for a formula (it begins with ``=``,
``+``, ``-``, ``@``, a tab or a carriage return) gets an apostrophe in front, in identifiers too, on
both sides alike, so nothing dangles. Lists are joined by the control character U+001F, which no
name holds.
"""

import csv
import re
from pathlib import Path
from typing import Any

import numpy as np

from kg.export.ends import Ends, ends
from kg.export.kgx import edge_id
from kg.export.lines import Piece, write_rows
from kg.export.tables import EDGE_COLUMNS, LISTS, NODE_COLUMNS, Tables

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_DELIMITER = "\x1f"
_SAID = ("predicate", *EDGE_COLUMNS[5:])
_README = """\
Two files for Neo4j 5 or newer, to be imported into a database that does not exist yet or is empty:

neo4j-admin database import full neo4j \\
  --nodes=neo4j-nodes.csv \\
  --relationships=neo4j-edges.csv \\
  --id-type=string --array-delimiter=U+001F --multiline-fields=true

One node a line with its type as label; one relationship a line and assertion, with who says it.
A text that a spreadsheet would run as a formula has an apostrophe in front.
"""


def cell(text: str) -> str:
    """``text`` as a quoted CSV cell that no spreadsheet runs."""
    return f'"{_inert(text)}"'


def write(tables: Tables, folder: Path) -> None:
    """``neo4j-nodes.csv``, ``neo4j-edges.csv`` and ``neo4j-import.txt``."""
    rows = [
        ",".join([*(cell(_text(row, name)) for name in NODE_COLUMNS), cell(row["node_type"])])
        + "\n"
        for row in tables.nodes.to_pylist()
    ]
    head = ["id:ID", *map(_typed, NODE_COLUMNS[1:]), ":LABEL"]
    numbers = np.arange(len(rows), dtype=np.int32)
    write_rows(folder / "neo4j-nodes.csv", _head(head), len(rows), [(rows, numbers)])
    ids = [cell(value) for value in tables.ids]
    bare = [value[1:-1] for value in ids]
    said = [
        ",".join([cell(row["relation_name"]), *(cell(_text(row, name)) for name in _SAID)])
        for row in tables.statement_columns
    ]
    edges: list[Piece] = [
        (ids, tables.subject), ",", (ids, tables.object), ",", (said, tables.statement),
        ',"', *edge_id(tables, bare, _inert), '"\n',
    ]  # fmt: skip
    head = [":START_ID", ":END_ID", ":TYPE", *map(_typed, _SAID), "id"]
    write_rows(folder / "neo4j-edges.csv", _head(head), len(tables), edges)
    (folder / "neo4j-import.txt").write_text(_README, encoding="utf-8")


def read(folder: Path) -> Ends:
    """What :func:`write` wrote."""
    tables = []
    for name in ("nodes", "edges"):
        with (folder / f"neo4j-{name}.csv").open(encoding="utf-8", newline="") as file:
            tables.append(list(csv.DictReader(file)))
    nodes, edges = tables
    return ends(
        (row["id:ID"] for row in nodes),
        (row[":LABEL"] for row in nodes),
        (row[":START_ID"] for row in edges),
        (row[":END_ID"] for row in edges),
        (row[":TYPE"] for row in edges),
    )


def _inert(text: str) -> str:
    text = text.replace('"', '""')
    return f"'{text}" if _FORMULA.match(text) else text


def _text(row: dict[str, Any], name: str) -> str:
    if name in LISTS:
        return _DELIMITER.join(value.replace(_DELIMITER, " ") for value in row[name])
    value: str = row[name]
    return value


def _typed(name: str) -> str:
    return f"{name}:string[]" if name in LISTS else name


def _head(names: list[str]) -> str:
    return ",".join(names) + "\n"
