"""Any networkx graph as columns: labels, order and attributes stay those of the graph.

The structure is read once; attributes are the graph's own dictionaries, behind a read-only view.
"""

from collections.abc import Hashable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from kg.nx.columns import Adjacency, Columns

if TYPE_CHECKING:
    import networkx as nx


class ForeignColumns(Columns):
    """Columns of a networkx graph as it was when they were made."""

    def __init__(self, graph: "nx.Graph[Any]") -> None:
        self.directed = graph.is_directed()
        self.multigraph = graph.is_multigraph()
        self.attributes = graph.graph
        self._labels: list[Any] = list(graph)
        self._positions = {label: i for i, label in enumerate(self._labels)}
        self.size = len(self._labels)
        self._nodes = [graph.nodes[label] for label in self._labels]
        self._data: list[Mapping[Any, Any]] = []  # along ``out``
        self._out = self._read(graph.adj, self._data)
        self._into = (
            self._read(cast("nx.DiGraph[Any]", graph).pred, []) if self.directed else self._out
        )

    @property
    def out(self) -> Adjacency:
        """Successors, in the graph's order."""
        return self._out

    @property
    def into(self) -> Adjacency:
        """Predecessors, in the graph's order."""
        return self._into

    @cached_property
    def multiplicity(self) -> NDArray[np.int64] | None:
        """(m,) parallel edges at each place of ``out``; None where each is one."""
        return np.array([len(d) for d in self._data], np.int64) if self.multigraph else None

    def label(self, position: int) -> Hashable:
        """The node as the graph calls it."""
        label: Hashable = self._labels[position]
        return label

    def labels(self) -> list[Any]:
        """All nodes, in the graph's order."""
        return self._labels

    def position(self, label: object) -> int | None:
        """The node called ``label``, or None.

        Raises:
            TypeError: ``label`` is not hashable.
        """
        return self._positions.get(label)

    def node(self, position: int) -> Mapping[str, Any]:
        """The attributes of a node: the graph's own dictionary."""
        return self._nodes[position]

    def edge(self, place: int) -> Mapping[Any, Any]:
        """The attributes of the edge at a place of ``out``: the graph's own dictionary."""
        return self._data[place]

    def weights(self, attribute: str | None) -> NDArray[np.float64]:
        """(m,) an attribute of the edges along ``out``, 1 where one has none, parallels summed."""
        if self.multigraph:
            parallel = (d.values() for d in self._data)
            values = [sum(d.get(attribute, 1) for d in edges) for edges in parallel]
        else:
            values = [d.get(attribute, 1) for d in self._data]
        return np.array(values, np.float64)

    def _read(self, adjacency: Mapping[Any, Any], data: list[Mapping[Any, Any]]) -> Adjacency:
        start, target = [0], []
        for neighbors in map(adjacency.__getitem__, self._labels):
            for label, edge in neighbors.items():
                target.append(self._positions[label])
                data.append(edge)
            start.append(len(target))
        return Adjacency(np.array(start, np.int64), np.array(target, np.int32))
