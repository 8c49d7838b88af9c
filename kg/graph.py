"""The immutable graph: one table of columns a node type, one an edge type.

Nodes are numbered by *rows* within their type, sorted by identifier. Edges of one type are sorted
by head, then tail, so the forward adjacency is a slice; a permutation sorts them by tail. An edge
is one fact; who says it is a list of :class:`Assertion`. Arrays are read-only views of a memory map
or of the builder's result: nothing is copied when a stored graph is opened.

A graph is checked once, when it is built (:meth:`Graph.validate`); opening a stored one trusts its
manifest, so that it takes milliseconds.
"""

import bisect
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise, repeat
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.errors import InvalidGraphError, SchemaError, UnknownNodeError
from kg.hashes import hash_text
from kg.schema import EdgeType, Step, edge_spec

if TYPE_CHECKING:
    import pyarrow as pa

Rows = NDArray[np.int32]


class Node(NamedTuple):
    """A node as people see it."""

    type: str
    id: str
    name: str


class Label(NamedTuple):
    """A text that leads to a node."""

    kind: str  # one of LABEL_KINDS
    text: str
    distance: int = 0  # is-a steps from the narrower thing to the node, if that is known


# id and name: its own; synonym: another name; product: a brand, pack or clinical drug, whose nodes
# together are the complete set of ingredients; code: a CURIE in another system; xref: a name of
# what such a code stands for; broader and broader-code: a name and a code of something narrower
# that has no node of its own.
LABEL_KINDS = ("id", "name", "synonym", "product", "code", "xref", "broader", "broader-code")


@dataclass(frozen=True)
class Provenance:
    """Where an assertion comes from."""

    source: str  # name of the adapter
    primary_knowledge_source: str  # infores CURIE
    licence: str  # SPDX expression where there is one
    knowledge_level: str  # Biolink: knowledge_assertion, prediction, statistical_association, …
    agent_type: str  # Biolink: manual_agent, automated_agent, …


@dataclass(frozen=True)
class Assertion:
    """One source's statement of one edge, with its qualifiers (severity, reference, …)."""

    provenance: Provenance
    details: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class EdgeTable:
    """All edges of one type, sorted by head row, then tail row."""

    tail: Rows  # (m,) rows of the tail type
    head_start: Rows  # (n_heads + 1,) edges of head i are head_start[i]:head_start[i + 1]
    by_tail: Rows  # (m,) edge numbers sorted by tail, then head
    tail_start: Rows  # (n_tails + 1,) edges of tail j are by_tail[tail_start[j]:tail_start[j + 1]]

    def __len__(self) -> int:
        return len(self.tail)

    @cached_property
    def head(self) -> Rows:
        """(m,) rows of the head type."""
        counts = np.diff(self.head_start)
        return np.repeat(np.arange(len(counts), dtype=np.int32), counts)

    @cached_property
    def loops(self) -> Rows:
        """Rows that are both ends of an edge; means something where both ends are of one type."""
        loops: Rows = self.tail[self.head == self.tail]
        return loops

    def of_head(self, row: int) -> Rows:
        """Edge numbers whose head is ``row``."""
        return np.arange(self.head_start[row], self.head_start[row + 1], dtype=np.int32)

    def of_tail(self, row: int) -> Rows:
        """Edge numbers whose tail is ``row``."""
        return self.by_tail[self.tail_start[row] : self.tail_start[row + 1]]

    def head_of(self, edges: Rows) -> Rows:
        """Head rows of the given edge numbers, without building :attr:`head`."""
        return (np.searchsorted(self.head_start, edges, side="right") - 1).astype(np.int32)

    def find(self, head: int, tail: int) -> int | None:
        """The number of the edge from ``head`` to ``tail``, or None."""
        start, end = self.head_start[head], self.head_start[head + 1]
        edge = int(start + np.searchsorted(self.tail[start:end], tail))
        return edge if edge < end and self.tail[edge] == tail else None


@dataclass(frozen=True, eq=False)
class AssertionTable:
    """Who says the edges of one type. ``uniform`` means: each edge once, all by one provenance."""

    edge: Rows  # (a,) edge numbers, sorted; empty when uniform
    provenance: NDArray[np.int16]  # (a,) rows of Graph.provenances
    details: Rows  # (a,) rows of Graph.details, -1 for none
    uniform: int = -1  # row of Graph.provenances, or -1


@dataclass(frozen=True, eq=False)
class LabelTable:
    """Every text that leads to a node, sorted by node; one row for each source that says it."""

    node: Rows  # (l,) global node numbers, sorted
    kind: NDArray[np.int8]  # (l,) rows of LABEL_KINDS
    text: "pa.StringArray"  # (l,)
    key: "pa.StringArray"  # (l,) the text as names.key() folds it
    distance: NDArray[np.int8]  # (l,) is-a steps from a broader label's own thing to the node
    provenance: NDArray[np.int16]  # (l,) rows of Graph.provenances
    key_hash: NDArray[np.uint64]  # (l,) hashes of the keys, sorted
    by_key: Rows  # (l,) the label of each hash

    def with_key(self, key: str) -> Rows:
        """Numbers of the labels whose key equals ``key``, ascending."""
        wanted = np.uint64(hash_text(key))
        start = self.key_hash.searchsorted(wanted)
        end = self.key_hash.searchsorted(wanted, "right")
        found = self.by_key[start:end]
        same = [i for i in found.tolist() if self.key[i].as_py() == key]
        return found if len(same) == len(found) else np.array(same, np.int32)

    def of_node(self, node: int) -> range:
        """Numbers of the labels of one node."""
        start, end = np.searchsorted(self.node, [node, node + 1])
        return range(int(start), int(end))


@dataclass(frozen=True, eq=False)
class Graph:
    """An immutable heterogeneous graph; see the module's text for its shape."""

    ids: Mapping[str, "pa.StringArray"]  # node type -> (n,) CURIEs, sorted by UTF-8 bytes
    names: Mapping[str, "pa.StringArray"]  # node type -> (n,)
    edge_tables: Mapping[EdgeType, EdgeTable]
    assertion_tables: Mapping[EdgeType, AssertionTable]
    provenances: Sequence[Provenance]
    details: "pa.StringArray"  # JSON objects that assertions point at
    labels: LabelTable
    statements: Mapping[str, Sequence[Mapping[str, str]]]  # kind -> rows of more than two parties
    sources: Mapping[str, Mapping[str, Any]]  # source name -> version, licence, files read
    fingerprint: str  # SHA-256 of the content
    index: Mapping[str, NDArray[Any]] = field(default_factory=dict)  # see kg.names.index

    @property
    def node_types(self) -> tuple[str, ...]:
        """Node types with at least one node, sorted."""
        return tuple(self.ids)

    @property
    def edge_types(self) -> tuple[EdgeType, ...]:
        """Edge types with at least one edge, sorted."""
        return tuple(self.edge_tables)

    @cached_property
    def offsets(self) -> Mapping[str, int]:
        """Global number of each type's first node: global = offset + row."""
        result, total = {}, 0
        for node_type, ids in self.ids.items():
            result[node_type] = total
            total += len(ids)
        return result

    def n_nodes(self, node_type: str | None = None) -> int:
        """The number of nodes, of one type or of all; 0 for a type that is not in the graph."""
        if node_type is not None:
            return len(self.ids.get(node_type, ()))
        return sum(len(ids) for ids in self.ids.values())

    def n_edges(self) -> int:
        """The number of edges of all types."""
        return sum(len(table) for table in self.edge_tables.values())

    def edges(self, edge_type: EdgeType) -> EdgeTable:
        """The table of ``edge_type``.

        Raises:
            SchemaError: the graph has no such edges.
        """
        try:
            return self.edge_tables[edge_type]
        except KeyError:
            raise SchemaError(f"the graph has no {'-'.join(edge_type)} edges") from None

    def row(self, node_type: str, node_id: str) -> int:
        """The row of one node.

        Raises:
            UnknownNodeError: no node of that type has the identifier.
        """
        ids = self.ids.get(node_type, ())
        position = _position(ids, node_id)
        if position is None:
            raise UnknownNodeError(node_id)
        return position

    def find(self, node_id: str) -> tuple[str, int] | None:
        """Node type and row of the node with this CURIE, or None."""
        for node_type, ids in self.ids.items():
            position = _position(ids, node_id)
            if position is not None:
                return node_type, position
        return None

    def node(self, node_type: str, row: int) -> Node:
        """The node at ``row``."""
        node_id, name = self.ids[node_type][int(row)], self.names[node_type][int(row)]
        return Node(node_type, node_id.as_py(), name.as_py())

    def locate(self, number: int) -> tuple[str, int]:
        """Node type and row of a global node number."""
        types = self.node_types
        starts = list(self.offsets.values())
        index = bisect.bisect_right(starts, number) - 1
        return types[index], number - starts[index]

    def labels_of(self, node_type: str, row: int) -> list[Label]:
        """All texts that lead to the node, in the order of LABEL_KINDS."""
        labels = self.labels
        found = {
            Label(LABEL_KINDS[labels.kind[i]], labels.text[i].as_py(), int(labels.distance[i]))
            for i in labels.of_node(self.offsets[node_type] + row)
        }
        return sorted(found, key=lambda label: (LABEL_KINDS.index(label.kind), label.text))

    def steps(self, node_type: str) -> Iterator[Step]:
        """Every way to leave a node of ``node_type``; a symmetric edge type is one way."""
        for edge_type in self.edge_tables:
            if edge_type.head == node_type:
                yield Step(edge_type, True)
            if edge_type.tail == node_type and not edge_spec(edge_type).symmetric:
                yield Step(edge_type, False)

    def neighbors(self, step: Step, row: int) -> tuple[Rows, Rows]:
        """Rows reached from ``row`` by ``step``, ascending, and the edges that lead there."""
        _, rows, edges = self.spread(step, np.array([row], np.int32))
        order = np.argsort(rows, kind="stable")
        return rows[order], edges[order]

    def spread(self, step: Step, rows: Rows) -> tuple[NDArray[np.int64], Rows, Rows]:
        """Every edge that leaves ``rows`` by ``step``: position in ``rows``, row reached, edge.

        A symmetric edge type is walked both ways; a self-loop once.
        """
        table = self.edges(step.edge_type)
        symmetric = edge_spec(step.edge_type).symmetric
        pieces = []
        if step.forward or symmetric:
            origin, edges = _ranges(table.head_start, rows)
            pieces.append((origin, table.tail[edges], edges))
        if not step.forward or symmetric:
            origin, places = _ranges(table.tail_start, rows)
            edges = table.by_tail[places]
            heads = table.head_of(edges)
            if symmetric:
                other = heads != rows[origin]
                origin, heads, edges = origin[other], heads[other], edges[other]
            pieces.append((origin, heads, edges))
        if len(pieces) == 1:
            return pieces[0]
        (origin, reached, edges), (origin_back, reached_back, edges_back) = pieces
        return (
            np.concatenate([origin, origin_back]),
            np.concatenate([reached, reached_back]),
            np.concatenate([edges, edges_back]),
        )

    def find_edge(self, edge_type: EdgeType, head: int, tail: int) -> int | None:
        """The edge's number, in either order for a symmetric type; None if there is none."""
        table = self.edge_tables.get(edge_type)
        if table is None:
            return None
        edge = table.find(head, tail)
        if edge is None and edge_spec(edge_type).symmetric:
            edge = table.find(tail, head)
        return edge

    def assertions(self, edge_type: EdgeType, edge: int) -> tuple[Assertion, ...]:
        """Who says this edge, in the order of the sources at build."""
        table = self.assertion_tables[edge_type]
        if table.uniform >= 0:
            return (Assertion(self.provenances[table.uniform], {}),)
        start, end = np.searchsorted(table.edge, [edge, edge + 1])
        return tuple(
            Assertion(
                self.provenances[table.provenance[i]],
                json.loads(self.details[int(table.details[i])].as_py())
                if table.details[i] >= 0
                else {},
            )
            for i in range(start, end)
        )

    def all_assertions(self, edge_type: EdgeType) -> Iterator[tuple[Assertion, ...]]:
        """:meth:`assertions` of every edge of a type in turn; much faster than one by one."""
        size, table = len(self.edges(edge_type)), self.assertion_tables[edge_type]
        if table.uniform >= 0:
            yield from repeat((Assertion(self.provenances[table.uniform], {}),), size)
            return
        numbers = np.unique(table.details[table.details >= 0]).tolist()
        details = {i: json.loads(self.details[i].as_py()) for i in numbers}
        rows = zip(table.provenance.tolist(), table.details.tolist(), strict=True)
        said = [Assertion(self.provenances[p], details.get(d, {})) for p, d in rows]
        starts = np.searchsorted(table.edge, np.arange(size + 1)).tolist()
        yield from (tuple(said[start:end]) for start, end in pairwise(starts))

    def validate(self) -> None:
        """Check everything that other modules rely on.

        Raises:
            InvalidGraphError: columns disagree, or an edge points outside its table.
        """
        for node_type, ids in self.ids.items():
            values = [value.encode() for value in ids.to_pylist()]
            if any(a >= b for a, b in pairwise(values)):
                raise InvalidGraphError(f"{node_type} identifiers are not unique and sorted")
            if len(self.names[node_type]) != len(ids):
                raise InvalidGraphError(f"{node_type} has {len(ids)} ids, not as many names")
        for edge_type, table in self.edge_tables.items():
            n_heads, n_tails = self.n_nodes(edge_type.head), self.n_nodes(edge_type.tail)
            _check_edges(str(edge_type), table, n_heads, n_tails)
            assertions = self.assertion_tables[edge_type]
            _check_assertions(str(edge_type), len(table), assertions)
            codes = np.append(assertions.provenance, max(assertions.uniform, 0))
            if not _within(codes, 0, len(self.provenances)):
                raise InvalidGraphError(f"{edge_type}: an assertion has an unknown provenance")
            if not _within(assertions.details, -1, len(self.details)):
                raise InvalidGraphError(f"{edge_type}: an assertion points at unknown details")
        if not _within(self.labels.node, 0, self.n_nodes()):
            raise InvalidGraphError("a label points at a node that does not exist")
        if not _within(self.labels.provenance, 0, len(self.provenances)):
            raise InvalidGraphError("a label has an unknown provenance")

    def __repr__(self) -> str:
        return (
            f"Graph({self.n_nodes():,} nodes of {len(self.ids)} types, "
            f"{self.n_edges():,} edges of {len(self.edge_tables)} types, {self.fingerprint[:12]})"
        )


def _position(ids: Any, node_id: str) -> int | None:
    wanted = node_id.encode(errors="replace")

    def value(position: int) -> bytes:
        return bytes(ids[position].as_buffer())

    index = bisect.bisect_left(range(len(ids)), wanted, key=value)
    return index if index < len(ids) and value(index) == wanted else None


def _within(values: NDArray[Any], low: int, high: int) -> bool:
    """Whether all ``values`` lie in [low, high)."""
    return not len(values) or bool(values.min() >= low and values.max() < high)


def _ranges(starts: Rows, rows: Rows) -> tuple[NDArray[np.int64], Rows]:
    """The positions ``starts[r]:starts[r + 1]`` of all ``rows``; first, whose each one is."""
    begin = starts[rows]
    counts = starts[rows + 1] - begin
    origin = np.repeat(np.arange(len(rows)), counts)
    shift = begin - np.concatenate([[0], np.cumsum(counts)[:-1]]) if len(rows) else begin
    return origin, (shift[origin] + np.arange(len(origin))).astype(np.int32)


def _check_edges(name: str, table: EdgeTable, n_heads: int, n_tails: int) -> None:
    size = len(table)
    for start, count, side in (
        (table.head_start, n_heads, "head"),
        (table.tail_start, n_tails, "tail"),
    ):
        if len(start) != count + 1 or start[0] != 0 or start[-1] != size:
            raise InvalidGraphError(f"{name}: {side} starts do not cover {count} nodes")
        if (np.diff(start) < 0).any():
            raise InvalidGraphError(f"{name}: {side} starts decrease")
    if not _within(table.tail, 0, n_tails):
        raise InvalidGraphError(f"{name}: tail rows must lie in [0, {n_tails})")
    keys = table.head.astype(np.int64) * n_tails + table.tail
    if (np.diff(keys) <= 0).any():
        raise InvalidGraphError(f"{name}: edges are not unique and sorted by head, tail")
    if not np.array_equal(np.sort(table.by_tail), np.arange(size)):
        raise InvalidGraphError(f"{name}: by_tail is not a permutation of the edges")
    places = np.repeat(np.arange(n_tails), np.diff(table.tail_start))
    if not np.array_equal(table.tail[table.by_tail], places):
        raise InvalidGraphError(f"{name}: by_tail does not sort the edges by tail")


def _check_assertions(name: str, size: int, table: AssertionTable) -> None:
    if not len(table.edge) == len(table.provenance) == len(table.details):
        raise InvalidGraphError(f"{name}: assertion columns have different lengths")
    if table.uniform < 0 and not (
        (np.diff(table.edge) >= 0).all() and np.array_equal(np.unique(table.edge), np.arange(size))
    ):
        raise InvalidGraphError(f"{name}: an edge has no assertion, or they are not sorted")
