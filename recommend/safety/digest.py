"""One number for all rules of a graph: what a receipt names, so that a replay can tell them apart.

Rows and numbers that the rest of the graph moves do not enter: only identifiers, what is said of
them, and by whom.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from kg.graph import Graph
from kg.schema import EdgeType
from recommend.safety.pairs import ids_of

STATEMENTS = (
    "age",
    "allergy_families",
    "combinations",
    "coverage",
    "guidance",
    "guidance_pairs",
    "kidney",
    "lactation",
    "liver",
    "not_indicated",
    "partner_only",
    "pregnancy",
    "triples",
    "universes",
    "withdrawn",
)


def digest(graph: Graph, edges: Iterable[EdgeType], codes: Mapping[str, Iterable[str]]) -> str:
    """The SHA-256 of the rules that ``graph`` holds.

    Args:
        graph: any.
        edges: the edge types that are rules.
        codes: drug -> the codes that place it in its classes.
    """
    result = hashlib.sha256()
    for kind in STATEMENTS:
        rows = [dict(row) for row in graph.statements.get(kind, ())]
        result.update(json.dumps([kind, rows], sort_keys=True).encode())
    placed = {drug: sorted(of_drug) for drug, of_drug in codes.items()}
    result.update(json.dumps(placed, sort_keys=True).encode())
    for edge_type in edges:
        result.update(json.dumps([*edge_type]).encode())
        if edge_type in graph.edge_tables:
            for part in _edges(graph, edge_type):
                result.update(len(part).to_bytes(8, "little"))
                result.update(part)
    return result.hexdigest()


def _edges(graph: Graph, edge_type: EdgeType) -> Iterable[bytes]:
    """The columns of an edge type in their order, without any number that other content moves."""
    table, said = graph.edges(edge_type), graph.assertion_tables[edge_type]
    for side, rows in ((edge_type.head, table.head), (edge_type.tail, table.tail)):
        ids = ids_of(graph, side)
        # No identifier holds the mark between two of them.
        yield "\n".join(map(ids.__getitem__, rows.tolist())).encode()
    if said.uniform >= 0:
        yield graph.provenances[said.uniform].source.encode()
        return
    yield said.edge.astype("<i4").tobytes()
    yield from _coded(said.provenance, lambda rows: [graph.provenances[r].source for r in rows])
    yield from _coded(
        said.details,
        lambda rows: ["" if r < 0 else graph.details[r].as_py() for r in rows],
    )


def _coded(column: Any, texts_of: Any) -> Iterable[bytes]:
    """A column of numbers as the sorted texts that they stand for, and each row's place in them."""
    rows, places = np.unique(column, return_inverse=True)
    texts: Sequence[str] = texts_of(rows.tolist())
    distinct = sorted(set(texts))
    yield json.dumps(distinct).encode()
    rank = {text: i for i, text in enumerate(distinct)}
    yield np.array([rank[text] for text in texts], "<i4")[places].tobytes()
