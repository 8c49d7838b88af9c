"""Small graphs for tests, written as plain dictionaries."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from kg.builder import build
from kg.graph import Graph, Provenance
from kg.schema import EdgeType
from kg.sources.base import Batch, EdgeBatch, LabelBatch, NodeBatch, StatementBatch

TEST = Provenance("test", "infores:test", "CC0-1.0", "knowledge_assertion", "manual_agent")


class Handmade:
    """A source whose nodes and edges are given as dictionaries; see :func:`make_graph`."""

    name: ClassVar[str] = "test"
    licence: ClassVar[str] = "CC0-1.0"
    describes: ClassVar[str] = "nodes and edges written in a test"
    stage: ClassVar[int] = 0

    def __init__(
        self,
        nodes: Mapping[str, Mapping[str, str]],
        edges: Mapping[str, Sequence[tuple[Any, ...]]],
        labels: Sequence[tuple[str, str, str]] = (),
        statements: Mapping[str, Sequence[Mapping[str, str]]] | None = None,
        provenance: Provenance = TEST,
    ) -> None:
        self.nodes, self.edges, self.labels = nodes, edges, labels
        self.statements = statements or {}
        self.provenance = provenance

    def read(self) -> Iterator[Batch]:
        for node_type, names in self.nodes.items():
            ids = list(names)
            yield NodeBatch(
                node_type, "test", range(len(ids)), ids, ids, list(names.values()), self.provenance
            )
        labels = [(i, *row) for i, row in enumerate(self.labels)]
        yield LabelBatch("test", labels, self.provenance)
        for name, rows in self.edges.items():
            yield EdgeBatch(
                EdgeType(*name.split("-")),
                "test",
                range(len(rows)),
                pa.array([row[0] for row in rows], pa.string()),
                pa.array([row[1] for row in rows], pa.string()),
                self.provenance,
                [row[2] if len(row) > 2 else {} for row in rows],
            )
        for kind, statements in self.statements.items():
            yield StatementBatch(kind, "test", range(len(statements)), statements)

    def version(self) -> Mapping[str, Any]:
        return {"release": "test"}


def make_graph(
    nodes: Mapping[str, Mapping[str, str]],
    edges: Mapping[str, Sequence[tuple[Any, ...]]],
    labels: Sequence[tuple[str, str, str]] = (),
    statements: Mapping[str, Sequence[Mapping[str, str]]] | None = None,
) -> Graph:
    """A graph in memory.

    Args:
        nodes: node type -> CURIE -> name.
        edges: "Drug-treats-Disease" -> (head CURIE, tail CURIE[, details]).
        labels: (CURIE, label kind, text).
        statements: kind -> rows.
    """
    return build([Handmade(nodes, edges, labels, statements)]).graph


def starter_folder() -> Path:
    """Where the starter's files lie."""
    import kg

    return Path(kg.__file__).parent / "starter"
