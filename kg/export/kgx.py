"""KGX: two TSV files, two JSON Lines files, or two Parquet files with the same columns.

KGX TSV is read without quoting. So a tab or line end in a text becomes a space, and in a list,
whose members are joined by ``|``, a ``|`` becomes ``¦``. A spreadsheet would run a cell that begins
with ``=`` or ``@``, or with ``+`` or ``-`` and holds a call or a link (``(``, ``|``, ``!``): such a
cell gets an apostrophe in front, and so does one that already begins with apostrophes before such a
text, so that taking one apostrophe away gives the text back (:func:`from_cell`). Names such as
``-`` or ``+-limonene`` stand as they are.
"""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kg.errors import FolderError
from kg.export.ends import Ends, ends
from kg.export.lines import Piece, write_rows
from kg.export.tables import EDGE_COLUMNS, LISTS, NODE_COLUMNS, Tables, digits

_READ = {"nodes": ("id", "node_type"), "edges": ("subject", "object", "relation_name")}
_RUNS = re.compile(r"'*(?:[=@]|[+\-].*[(|!])")


def cell(text: str) -> str:
    """``text`` as it may stand in KGX TSV."""
    text = re.sub(r"[\t\r\n]", " ", text)
    return f"'{text}" if _RUNS.match(text) else text


def from_cell(text: str) -> str:
    """The text that :func:`cell` was given, tabs and line ends aside."""
    return text[1:] if text.startswith("'") and _RUNS.match(text) else text


def write_tsv(tables: Tables, folder: Path) -> None:
    """``nodes.tsv`` and ``edges.tsv``."""
    nodes = _node_texts(tables, _tsv_value)
    head = "\t".join(NODE_COLUMNS) + "\n"
    write_rows(folder / "nodes.tsv", head, *_rows(nodes, "\n"))
    ids = [cell(value) for value in tables.ids]
    said = [
        {name: _tsv_value(name, value) for name, value in row.items()}
        for row in tables.statement_columns
    ]
    rest = ["\t".join(row[name] for name in EDGE_COLUMNS[4:]) for row in said]
    pieces: list[Piece] = [
        *edge_id(tables, ids),
        "\t", (ids, tables.subject),
        "\t", ([row["predicate"] for row in said], tables.statement),
        "\t", (ids, tables.object),
        "\t", (rest, tables.statement), "\n",
    ]  # fmt: skip
    write_rows(folder / "edges.tsv", "\t".join(EDGE_COLUMNS) + "\n", len(tables), pieces)


def write_jsonl(tables: Tables, folder: Path) -> None:
    """``nodes.jsonl`` and ``edges.jsonl``: lists as lists, empty values left out."""
    rows = [_filled({**row, "category": [row["category"]]}) for row in tables.nodes.to_pylist()]
    write_rows(folder / "nodes.jsonl", "", *_rows([to_json(row) for row in rows], "\n"))
    ids = [to_json(value)[1:-1] for value in tables.ids]
    rest = [
        to_json(_filled({name: row[name] for name in EDGE_COLUMNS[4:]} | _aggregators(row)))[1:]
        for row in tables.statement_columns
    ]
    predicates = [to_json(row["predicate"]) for row in tables.statement_columns]
    pieces: list[Piece] = [
        '{"id": "', *edge_id(tables, ids, lambda text: to_json(text)[1:-1]),
        '", "subject": "', (ids, tables.subject),
        '", "predicate": ', (predicates, tables.statement),
        ', "object": "', (ids, tables.object),
        '", ', (rest, tables.statement), "\n",
    ]  # fmt: skip
    write_rows(folder / "edges.jsonl", "", len(tables), pieces)


def write_parquet(tables: Tables, folder: Path) -> None:
    """``nodes.parquet`` and ``edges.parquet``: lists as lists, repeated texts as dictionaries."""
    import pyarrow.parquet as pq

    pq.write_table(tables.nodes, folder / "nodes.parquet")
    repeated = [name for name in EDGE_COLUMNS if name != "id"]
    pq.write_table(tables.edges, folder / "edges.parquet", use_dictionary=repeated)


def edge_id(tables: Tables, ids: Sequence[str], encode: Callable[[str], str] = str) -> list[Piece]:
    """Subject, relation, object and number of every assertion: one text that names it.

    Args:
        tables: the subset.
        ids: the identifiers of its nodes as the format spells them.
        encode: spells a relation.
    """
    relations = [encode(statement.edge_type.relation) for statement in tables.statements]
    return [
        (ids, tables.subject), "~", (relations, tables.statement), "~",
        (ids, tables.object), "~", (digits(tables.number), tables.number),
    ]  # fmt: skip


def to_json(value: object) -> str:
    """JSON on one line, letters as they are."""
    return json.dumps(value, ensure_ascii=False)


def read_tsv(folder: Path) -> Ends:
    """What ``write_tsv`` wrote."""
    columns: dict[str, list[str]] = {}
    for name in ("nodes", "edges"):
        lines = (folder / f"{name}.tsv").read_text(encoding="utf-8").split("\n")
        head = lines[0].split("\t")
        for key in _READ[name]:
            place = head.index(key)
            columns[key] = [line.split("\t")[place] for line in lines[1:-1]]
    return ends(*columns.values())


def read_jsonl(folder: Path) -> Ends:
    """What ``write_jsonl`` wrote."""
    tables = []
    for name in ("nodes", "edges"):
        with (folder / f"{name}.jsonl").open(encoding="utf-8", newline="\n") as file:
            tables.append([json.loads(line) for line in file])
    nodes, edges = tables
    return ends(
        (row["id"] for row in nodes),
        (row["node_type"] for row in nodes),
        (row["subject"] for row in edges),
        (row["object"] for row in edges),
        (row["relation_name"] for row in edges),
    )


def read_parquet(folder: Path) -> Ends:
    """What ``write_parquet`` wrote.

    Raises:
        FolderError: a file is not Parquet.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        tables = [
            pq.read_table(folder / f"{name}.parquet", columns=list(_READ[name])) for name in _READ
        ]
    except pa.ArrowException as error:
        raise FolderError(f"nodes.parquet or edges.parquet is damaged: {error}") from error
    nodes, edges = tables
    columns = [nodes[name] for name in _READ["nodes"]] + [edges[name] for name in _READ["edges"]]
    return ends(*(column.to_pylist() for column in columns))


def _tsv_value(name: str, value: Any) -> str:
    return cell("|".join(v.replace("|", "¦") for v in value) if name in LISTS else value)


def _node_texts(tables: Tables, spell: Callable[[str, Any], str]) -> list[str]:
    columns = tables.nodes.to_pydict()
    spelled = [[spell(name, value) for value in columns[name]] for name in NODE_COLUMNS]
    return ["\t".join(row) for row in zip(*spelled, strict=True)]


def _rows(texts: list[str], end: str) -> tuple[int, list[Piece]]:
    """Rows that are all different, as :func:`write_rows` takes them."""
    return len(texts), [(texts, np.arange(len(texts), dtype=np.int32)), end]


def _aggregators(row: dict[str, Any]) -> dict[str, Any]:
    return {"aggregator_knowledge_source": [row["aggregator_knowledge_source"]]}


def _filled(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value not in ("", [], None)}
