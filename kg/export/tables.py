"""A subset as columns: one row a node, one row an assertion, everything repeated stored once.

What a row of an edge says beside its two ends follows from edge type, provenance and details. Each
such combination is one :class:`Statement`; an assertion points at it, so every writer renders a
statement once, however many edges share it, and no Python code runs for a single edge.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kg.errors import InvalidGraphError
from kg.export.nodes import SHOWN, label_rows, nodes_table, texts
from kg.graph import LABEL_KINDS, Graph, Provenance, Rows
from kg.schema import EdgeType, edge_spec
from kg.selection import Subset
from kg.sources.vocabularies.biolink import QUALIFIERS, qualifiers

if TYPE_CHECKING:
    import pyarrow as pa

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Statement:
    """What one provenance says with one set of details of edges of one type."""

    edge_type: EdgeType
    provenance: Provenance
    details: Mapping[str, Any]  # as the graph has them
    publications: Sequence[str]  # the references among them, as CURIEs where there are any

    @property
    def qualifiers(self) -> str:
        """The other details as a JSON object; empty for none."""
        apart = {"reference", *self._given}
        rest = {name: value for name, value in self.details.items() if name not in apart}
        return json.dumps(rest, ensure_ascii=False) if rest else ""

    @property
    def _given(self) -> dict[str, str]:
        """The details that Biolink has a column for, where they are plain words."""
        given = {name: self.details.get(name) for name in QUALIFIERS}
        return {
            name: value
            for name, value in given.items()
            if isinstance(value, str) and re.fullmatch(r"[A-Za-z][\w:.-]*", value)
        }

    def columns(self) -> dict[str, Any]:
        """Column -> value, as KGX calls them: all of an edge but its identifiers."""
        return {
            "predicate": edge_spec(self.edge_type).predicate,
            "relation_name": self.edge_type.relation,
            "knowledge_level": self.provenance.knowledge_level,
            "agent_type": self.provenance.agent_type,
            "primary_knowledge_source": self.provenance.primary_knowledge_source,
            "aggregator_knowledge_source": f"infores:{self.provenance.source}",
            "license": self.provenance.licence,
            "publications": list(self.publications),
            **dict.fromkeys(QUALIFIERS, ""),
            **qualifiers(self.edge_type),
            **self._given,
            "qualifiers": self.qualifiers,
        }


@dataclass(frozen=True, eq=False)
class Tables:
    """A subset, ready to be written.

    Attributes:
        subset: what was selected.
        nodes: one row a node: id, category, name, synonym, xref, node_type; by type, then id.
        subject: (a,) row of ``nodes`` where the assertion begins.
        object: (a,) row of ``nodes`` where it ends.
        number: (a,) which assertion of its edge it is, counted in the graph.
        statement: (a,) row of ``statements``.
        is_first: (a,) whether it is the first of its edge that was selected.
        statements: everything else that is said.
        label_row: (l,) row of ``nodes`` of each label of the graph; -1 for a label of another node,
            or one of a source, licence or evidence that was not asked for.
    """

    subset: Subset
    nodes: "pa.Table"
    subject: Rows
    object: Rows
    number: Rows
    statement: Rows
    is_first: Mask
    statements: Sequence[Statement]
    label_row: Rows

    def __len__(self) -> int:
        return len(self.subject)

    @cached_property
    def ids(self) -> list[str]:
        """The identifiers of ``nodes``."""
        values: list[str] = self.nodes["id"].to_pylist()
        return values

    @cached_property
    def statement_columns(self) -> list[dict[str, Any]]:
        """:meth:`Statement.columns` of every statement."""
        return [statement.columns() for statement in self.statements]

    def texts(self, *kinds: str) -> "pa.ListArray":
        """(n,) lists of each node's allowed labels of some kinds, each text once, sorted."""
        return texts(self.subset.graph, self.label_row, kinds, self.nodes.num_rows)

    def provenances(self, kinds: Sequence[str] = SHOWN) -> list[Provenance]:
        """Who says the assertions, and the nodes' texts of some kinds."""
        graph = self.subset.graph
        shown = np.isin(graph.labels.kind, [LABEL_KINDS.index(kind) for kind in kinds])
        rows = np.unique(graph.labels.provenance[shown & (self.label_row >= 0)]).tolist()
        said = {statement.provenance for statement in self.statements}
        return [p for i, p in enumerate(graph.provenances) if i in rows or p in said]

    @cached_property
    def edge_counts(self) -> dict[EdgeType, int]:
        """Edge type -> how many edges, not assertions."""
        types = [statement.edge_type for statement in self.statements]
        counts = np.bincount(self.statement[self.is_first], minlength=len(types))
        result: dict[EdgeType, int] = {}
        for edge_type, count in zip(types, counts.tolist(), strict=True):
            result[edge_type] = result.get(edge_type, 0) + count
        return {edge_type: count for edge_type, count in result.items() if count}

    @cached_property
    def edges(self) -> "pa.Table":
        """One row an assertion, as KGX knows it; what is repeated is a dictionary."""
        import pyarrow as pa

        from kg.export.lines import column

        relations = [statement.edge_type.relation for statement in self.statements]
        ids = self.nodes["id"].combine_chunks()
        columns: dict[str, Any] = {
            "id": column(
                len(self),
                [
                    (self.ids, self.subject), "~", (relations, self.statement), "~",
                    (self.ids, self.object), "~", (digits(self.number), self.number),
                ],
            ),
            "subject": pa.DictionaryArray.from_arrays(pa.array(self.subject), ids),
            "predicate": self._said("predicate"),
            "object": pa.DictionaryArray.from_arrays(pa.array(self.object), ids),
        }  # fmt: skip
        for name in EDGE_COLUMNS[4:]:
            columns[name] = self._said(name)
        return pa.table(columns)

    def _said(self, name: str) -> Any:
        """One column of the statements, spread over the assertions."""
        import pyarrow as pa

        values = [row[name] for row in self.statement_columns]
        if name in LISTS:
            lists = pa.array(values, pa.list_(pa.string()))
            return lists.take(pa.array(self.statement))
        distinct = {value: i for i, value in enumerate(dict.fromkeys(values))}
        codes = np.array([distinct[value] for value in values], np.int32)
        dictionary = pa.array(list(distinct), pa.string())
        return pa.DictionaryArray.from_arrays(pa.array(codes[self.statement]), dictionary)


NODE_COLUMNS = ("id", "category", "name", "synonym", "xref", "node_type")
EDGE_COLUMNS = (
    "id",
    "subject",
    "predicate",
    "object",
    "relation_name",
    "knowledge_level",
    "agent_type",
    "primary_knowledge_source",
    "aggregator_knowledge_source",
    "license",
    "publications",
    *QUALIFIERS,
    "qualifiers",
)
LISTS = frozenset({"synonym", "xref", "publications"})


def tables(subset: Subset) -> Tables:
    """The columns of ``subset``.

    Raises:
        InvalidGraphError: an edge of the subset has an end outside it.
    """
    graph = subset.graph
    place = {t: np.full(graph.n_nodes(t), -1, np.int32) for t in graph.node_types}
    start = 0
    for node_type, rows in subset.nodes.items():
        place[node_type][rows] = np.arange(start, start + len(rows), dtype=np.int32)
        start += len(rows)
    pieces: list[tuple[Rows, Rows, Rows, Rows, Mask]] = []
    statements: list[Statement] = []
    read = _reader(graph)
    for edge_type, edges in subset.edges.items():
        edge, number, provenance, details = _assertions(graph, edge_type, edges, subset.provenances)
        table = graph.edges(edge_type)
        subject = place[edge_type.head][table.head_of(edge)]
        target = place[edge_type.tail][table.tail[edge]]
        if len(edge) and min(subject.min(), target.min()) < 0:
            raise InvalidGraphError(f"the subset is not closed: an end of a {edge_type} is missing")
        n_details = len(graph.details) + 1
        keys, codes = np.unique(
            provenance.astype(np.int64) * n_details + details + 1, return_inverse=True
        )
        first = np.diff(edge, prepend=np.int32(-1)) != 0
        pieces.append((subject, target, number, (codes + len(statements)).astype(np.int32), first))
        for key in keys.tolist():
            row, detail = divmod(key, n_details)
            statements.append(Statement(edge_type, graph.provenances[row], *read(detail - 1)))
    label_row = label_rows(subset, place)

    def column(index: int) -> Any:
        kind = bool if index == 4 else np.int32
        return np.concatenate([np.empty(0, kind), *(piece[index] for piece in pieces)])

    return Tables(
        subset=subset,
        nodes=nodes_table(subset, label_row),
        subject=column(0),
        object=column(1),
        number=column(2),
        statement=column(3),
        is_first=column(4),
        statements=statements,
        label_row=label_row,
    )


def digits(numbers: Rows) -> list[str]:
    """The decimal spelling of 0 to the largest of ``numbers``, to be taken by number."""
    return [str(i) for i in range(int(numbers.max()) + 1)] if len(numbers) else []


def _assertions(
    graph: Graph, edge_type: EdgeType, edges: Rows, good: Mask
) -> tuple[Rows, Rows, Rows, Rows]:
    """The allowed assertions of ``edges``: edge, number within the edge, provenance, details."""
    table = graph.assertion_tables[edge_type]
    if table.uniform >= 0:
        kept = edges if good[table.uniform] else edges[:0]
        zero = np.zeros(len(kept), np.int32)
        return kept, zero, zero + table.uniform, zero - 1
    wanted = np.zeros(len(graph.edges(edge_type)), bool)
    wanted[edges] = True
    rows = np.flatnonzero(wanted[table.edge] & good[table.provenance])
    edge = table.edge[rows]
    number = rows - np.searchsorted(table.edge, edge)
    provenance = table.provenance[rows].astype(np.int32)
    return edge, number.astype(np.int32), provenance, table.details[rows]


def _reader(graph: Graph) -> Callable[[int], tuple[Mapping[str, Any], Sequence[str]]]:
    """A function from a row of ``Graph.details`` to these and the publications among them."""
    known = {
        row["key"]: f"PMID:{row['pmid']}"
        for row in graph.statements.get("references", ())
        if row.get("pmid") and row.get("key")
    }

    def read(row: int) -> tuple[Mapping[str, Any], Sequence[str]]:
        if row < 0:
            return {}, ()
        details = json.loads(graph.details[row].as_py())
        given = details.get("reference", [])
        references = given if isinstance(given, list) else [given]
        return details, tuple(known.get(str(key), str(key)) for key in references)

    return read
