"""A selection of the graph as one homogeneous adjacency: relations fall together, types too."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kg.errors import UnknownNodeError
from kg.graph import Graph, Rows
from kg.nx.columns import Adjacency, Columns
from kg.schema import EdgeType, edge_spec

if TYPE_CHECKING:
    from kg.selection import Subset


class SelectionColumns(Columns):
    """Columns of a selection or of a whole graph; labels are CURIEs, in the order of the graph.

    Where edges have a direction, a symmetric relation leads both ways. Nothing is built before it
    is asked for, and nothing but the merged adjacency is kept.
    """

    multiplicity = None
    edge_keys = ("relations",)

    def __init__(self, selection: "Graph | Subset", *, directed: bool) -> None:
        self.directed = directed
        self._edges: Mapping[EdgeType, Rows | None]  # None: all of them
        self._rows: Mapping[str, Rows | None]
        if isinstance(selection, Graph):
            self.graph = selection
            self._rows = dict.fromkeys(self.graph.node_types)
            self._edges = dict.fromkeys(self.graph.edge_types)
        else:
            self.graph = selection.graph
            self._rows, self._edges = selection.nodes, selection.edges
        self._first: dict[str, int] = {}  # node type -> position of its first node
        self.size = 0
        for node_type, rows in self._rows.items():
            self._first[node_type] = self.size
            self.size += self.graph.n_nodes(node_type) if rows is None else len(rows)
        self._types, self._starts = tuple(self._first), tuple(self._first.values())
        self.attributes = {"fingerprint": self.graph.fingerprint}
        self._next = 0

    @cached_property
    def out(self) -> Adjacency:
        """Successors; all neighbours where edges have no direction. Neighbours are ascending."""
        pieces = [pairs for _, pairs in self._pairs()]
        return _adjacency(np.concatenate([np.empty(0, np.int64), *pieces]), self.size)

    @cached_property
    def into(self) -> Adjacency:
        """Predecessors, ascending."""
        if not self.directed:
            return self.out
        backward = self.out.target.astype(np.int64) * self.size + self.out.origin
        return _adjacency(backward, self.size)

    def label(self, position: int) -> str:
        """The CURIE of a node."""
        node_type, row = self._locate(position)
        curie: str = self.graph.ids[node_type][row].as_py()
        return curie

    def labels(self) -> list[str]:
        """All CURIEs, in the order of positions."""
        found: list[str] = []
        for node_type, rows in self._rows.items():
            curies = self.graph.ids[node_type].to_pylist()
            found += curies if rows is None else [curies[row] for row in rows.tolist()]
        return found

    def position(self, label: object) -> int | None:
        """The node with this CURIE, or None.

        Raises:
            TypeError: ``label`` is not hashable.
        """
        hash(label)
        if not isinstance(label, str):
            return None
        # networkx walks the nodes in order and looks each up again.
        guess = self._next
        if guess < self.size and self.label(guess) == label:
            self._next = guess + 1
            return guess
        wanted = label.encode(errors="replace")
        for node_type, (first, last) in self._spans.items():
            if first <= wanted <= last:
                position = self._position_in(node_type, label)
                if position is not None:
                    self._next = position + 1
                    return position
        return None

    def node(self, position: int) -> dict[str, Any]:
        """``type`` and ``name`` of a node."""
        node_type, row = self._locate(position)
        return {"type": node_type, "name": self.graph.node(node_type, row).name}

    def edge(self, place: int) -> dict[str, Any]:
        """``relations``: the edge types that join the two, such as ``Drug-treats-Disease``."""
        groups, group = self._relations
        return {"relations": groups[group[place]]}

    def weights(self, attribute: str | None) -> NDArray[np.float64]:
        """(m,) ones: the edges of a selection have no weight."""
        del attribute
        return np.ones(len(self.out.target))

    @cached_property
    def _spans(self) -> dict[str, tuple[bytes, bytes]]:
        """Node type -> its first and last CURIE."""
        ids = self.graph.ids
        return {
            t: (bytes(ids[t][0].as_buffer()), bytes(ids[t][-1].as_buffer())) for t in self._rows
        }

    def _position_in(self, node_type: str, curie: str) -> int | None:
        try:
            row = self.graph.row(node_type, curie)
        except UnknownNodeError:
            return None
        rows = self._rows[node_type]
        place = row if rows is None else _find(rows, row)
        return None if place is None else self._first[node_type] + place

    def _locate(self, position: int) -> tuple[str, int]:
        index = bisect_right(self._starts, position) - 1
        node_type, place = self._types[index], position - self._starts[index]
        rows = self._rows[node_type]
        return node_type, place if rows is None else int(rows[place])

    @cached_property
    def _relations(self) -> tuple[list[tuple[str, ...]], NDArray[np.int32]]:
        """The sets of edge types that join any two nodes, and (m,) which joins those of ``out``."""
        groups: list[tuple[str, ...]] = [()]
        group = np.zeros(len(self.out.target), np.int32)
        known = self.out.origin.astype(np.int64) * self.size + self.out.target
        for edge_type, pairs in self._pairs():
            places = np.unique(np.searchsorted(known, pairs))
            before, which = np.unique(group[places], return_inverse=True)
            group[places] = len(groups) + which
            groups += [(*groups[i], str(edge_type)) for i in before.tolist()]
        return groups, group

    def _pairs(self) -> Iterator[tuple[EdgeType, NDArray[np.int64]]]:
        """The edges of each type, as the view reads them: head position * size + tail position."""
        for edge_type, chosen in self._edges.items():
            table = self.graph.edges(edge_type)
            edges = slice(None) if chosen is None else chosen
            head = self._positions(edge_type.head, table.head[edges])
            tail = self._positions(edge_type.tail, table.tail[edges])
            pairs = [head * self.size + tail]
            if not self.directed or edge_spec(edge_type).symmetric:
                pairs.append(tail * self.size + head)
            yield edge_type, np.concatenate(pairs)

    def _positions(self, node_type: str, rows: Rows) -> NDArray[np.int64]:
        chosen = self._rows[node_type]
        places = rows if chosen is None else np.searchsorted(chosen, rows)
        return self._first[node_type] + places.astype(np.int64)


def _adjacency(pairs: NDArray[np.int64], size: int) -> Adjacency:
    """Head * size + tail of each edge as rows, repetitions left out, neighbours ascending."""
    pairs = np.sort(pairs)
    if len(pairs):
        pairs = pairs[np.concatenate([[True], pairs[1:] != pairs[:-1]])]
    origin, target = np.divmod(pairs, max(size, 1))
    start = np.searchsorted(origin, np.arange(size + 1))
    return Adjacency(start, target.astype(np.int32))


def _find(values: Rows, value: int) -> int | None:
    """Where ``value`` stands in sorted ``values``, or None."""
    place = int(np.searchsorted(values, value))
    return place if place < len(values) and values[place] == value else None
