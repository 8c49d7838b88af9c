"""Records as they came, and the sorted columns that they become. The builder's second half."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kg.graph import AssertionTable, EdgeTable, Graph, LabelTable, Provenance, Rows
from kg.hashes import hash_texts
from kg.names import key
from kg.schema import EdgeType, edge_spec

_Number = TypeVar("_Number", bound=np.generic)
_Key = TypeVar("_Key")

SEVERITIES = ("contraindicated", "major", "moderate", "minor")  # worst first

LabelRecord = tuple[int, int, str, int, int]  # row, kind, text, distance, provenance


@dataclass
class NodeRecords:
    """The nodes of one type, in the order in which they came."""

    rows: dict[str, int] = field(default_factory=dict)  # id -> row
    ids: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    provenances: list[int] = field(default_factory=list)  # of the id and the name
    labels: set[LabelRecord] = field(default_factory=set)  # all others


@dataclass
class EdgeRecords:
    """Pieces of one edge type; provenance and details are one value or one an edge."""

    heads: list[Rows] = field(default_factory=list)
    tails: list[Rows] = field(default_factory=list)
    provenances: list[int] = field(default_factory=list)
    details: list[Rows | None] = field(default_factory=list)


def edge_table(
    edge_type: EdgeType,
    pieces: EdgeRecords,
    new_rows: Mapping[str, Rows],
    codes: tuple[Rows, Rows],
    order: tuple[Rows, Rows],
) -> tuple[EdgeTable, AssertionTable, int] | None:
    """The columns of one edge type, and how many records repeated another; None for no edge.

    Args:
        edge_type: what the records are of.
        pieces: the records as they came.
        new_rows: node type -> a row in the order of coming -> its row in the order of identifiers.
        codes: the numbers of provenances and details in the graph, by those in ``pieces``.
        order: see :func:`assertion_order`.
    """
    sizes = [len(piece) for piece in pieces.heads]
    if sum(sizes) == 0:
        return None
    n_heads, n_tails = len(new_rows[edge_type.head]), len(new_rows[edge_type.tail])
    head = new_rows[edge_type.head][np.concatenate(pieces.heads)]
    tail = new_rows[edge_type.tail][np.concatenate(pieces.tails)]
    if edge_spec(edge_type).symmetric:
        head, tail = np.minimum(head, tail), np.maximum(head, tail)
    pair = head.astype(np.int64) * n_tails + tail
    del head, tail
    by_pair = np.argsort(pair, kind="stable")
    pair = pair[by_pair]
    first = np.concatenate([[True], pair[1:] != pair[:-1]])
    unique = pair[first]
    tail = (unique % n_tails).astype(np.int32)
    head = (unique // n_tails).astype(np.int32)
    by_tail = np.argsort(tail, kind="stable").astype(np.int32)
    table = EdgeTable(
        tail=_frozen(tail),
        head_start=_starts(head, n_heads),
        by_tail=_frozen(by_tail),
        tail_start=_starts(tail, n_tails),
    )
    edge = np.cumsum(first, dtype=np.int32) - 1
    assertions = _assertions(pieces, sizes, by_pair, (edge, *codes), order)
    return table, assertions, len(first) - int(first.sum())


def label_table(
    ids: Mapping[str, pa.StringArray],
    records: Mapping[str, NodeRecords],
    new_rows: Mapping[str, Rows],
    codes: Rows,
) -> LabelTable:
    """Every text that leads to a node: identifiers, names, and all others.

    Args:
        ids: node type -> (n,) identifiers, sorted.
        records: node type -> the nodes as they came.
        new_rows: node type -> a row in the order of coming -> its row in ``ids``.
        codes: the numbers of provenances in the graph, by those in ``records``.
    """
    rows: list[LabelRecord] = []
    offset = 0
    for node_type, node_ids in ids.items():
        place = (new_rows[node_type] + offset).tolist()
        nodes = records[node_type]
        for i, node_id, name, old in zip(
            place, nodes.ids, nodes.names, nodes.provenances, strict=True
        ):
            rows.append((i, 0, node_id, 0, int(codes[old])))
            rows.append((i, 1, name, 0, int(codes[old])))
        rows += [
            (place[row], kind, text, distance, int(codes[old]))
            for row, kind, text, distance, old in nodes.labels
        ]
        offset += len(node_ids)
    rows.sort()
    node, kind, text, distance, provenance_of = zip(*rows, strict=True) if rows else ((),) * 5
    keys = pa.array(list(map(key, text)), pa.string())
    hashes = hash_texts(keys)
    by_key = np.argsort(hashes, kind="stable")
    return LabelTable(
        node=_frozen(np.array(node, np.int32)),
        kind=_frozen(np.array(kind, np.int8)),
        text=pa.array(text, pa.string()),
        key=keys,
        distance=_frozen(np.array(distance, np.int8)),
        provenance=_frozen(np.array(provenance_of, np.int16)),
        key_hash=_frozen(hashes[by_key]),
        by_key=_frozen(by_key.astype(np.int32)),
    )


def severities(graph: Graph) -> Iterator[tuple[str, str, str]]:
    """Edges whose assertions name different severities: the edge, what is shown first, another."""
    known = [json.loads(text).get("severity") for text in graph.details.to_pylist()]
    words = sorted({word for word in known if isinstance(word, str)})
    code_of = np.array([words.index(w) if w in words else -1 for w in known] + [-1], np.int32)
    for edge_type, table in graph.assertion_tables.items():
        code = code_of[table.details]
        edge, code = table.edge[code >= 0], code[code >= 0]
        first = np.concatenate([[True], edge[1:] != edge[:-1]]) if len(edge) else np.empty(0, bool)
        shown = code[first][np.cumsum(first) - 1]
        edges = graph.edges(edge_type)
        for i in np.flatnonzero(code != shown).tolist():
            head = graph.ids[edge_type.head][int(edges.head_of(edge[i : i + 1])[0])]
            tail = graph.ids[edge_type.tail][int(edges.tail[edge[i]])]
            yield f"{head} {edge_type.relation} {tail}", words[shown[i]], words[code[i]]


def _frozen(array: NDArray[_Number]) -> NDArray[_Number]:
    array.setflags(write=False)
    return array


def renumber(old: Mapping[_Key, int], new: Sequence[_Key]) -> Rows:
    """Old number -> new number; the last entry leaves -1, "none", as it is."""
    result = np.full(len(old) + 1, -1, np.int32)
    for number, value in enumerate(new):
        result[old[value]] = number
    return result


def _starts(rows: Rows, count: int) -> Rows:
    """Where the runs of each value begin when ``rows`` is sorted: (count + 1,)."""
    counts = np.bincount(rows, minlength=count)
    return _frozen(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))


def assertion_order(provenances: Sequence[Provenance], details: Sequence[str]) -> tuple[Rows, Rows]:
    """In which order the assertions of an edge stand: by source, then the worst severity first.

    Args:
        provenances: of the graph, by precedence of their sources.
        details: of the graph, as JSON.

    Returns:
        (p,) the place of each provenance's source, and (d + 1,) the place of each detail's
        severity, the last for none.
    """
    sources = list(dict.fromkeys(p.source for p in provenances))
    by_source = np.array([sources.index(p.source) for p in provenances], np.int32)
    known = [json.loads(text).get("severity") for text in details]
    place = {severity: i for i, severity in enumerate(SEVERITIES)}
    none = len(SEVERITIES)
    by_severity = [place.get(s, none) if isinstance(s, str) else none for s in known]
    return by_source, np.array([*by_severity, none], np.int32)


def _assertions(
    pieces: EdgeRecords,
    sizes: Sequence[int],
    by_pair: NDArray[np.int64],
    codes: tuple[Rows, Rows, Rows],
    order: tuple[Rows, Rows],
) -> AssertionTable:
    edge, of_provenance, of_details = codes
    sources = of_provenance[np.array(pieces.provenances)]
    plain = all(piece is None or (piece < 0).all() for piece in pieces.details)
    if plain and len(set(sources.tolist())) == 1:
        empty = _frozen(np.empty(0, np.int32))
        return AssertionTable(empty, _frozen(np.empty(0, np.int16)), empty, int(sources[0]))
    provenance = np.repeat(sources, sizes)[by_pair]
    pairs = zip(sizes, pieces.details, strict=True)
    given = [np.full(n, -1, np.int32) if piece is None else piece for n, piece in pairs]
    details = of_details[np.concatenate(given)[by_pair]]
    by_source, by_severity = order
    keys = (details, provenance, by_severity[details], by_source[provenance], edge)
    columns = np.stack([edge, provenance, details])[:, np.lexsort(keys)]
    # The same source saying the same thing twice is one assertion.
    kept = np.concatenate([[True], (np.diff(columns) != 0).any(axis=0)])
    edge, provenance, details = (np.ascontiguousarray(column) for column in columns[:, kept])
    return AssertionTable(_frozen(edge), _frozen(provenance.astype(np.int16)), _frozen(details))
