"""One adjacency in compressed rows, with the labels and attributes of its nodes and edges.

Nodes are *positions* 0 to n - 1; a *label* is what the outside calls a node (a CURIE, or any
hashable of a networkx graph). Two nodes are joined at most once: parallel relations fall together.
"""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Adjacency:
    """Who follows whom: the *places* ``start[i]:start[i + 1]`` are the neighbours of node i."""

    start: NDArray[np.int64]  # (n + 1,)
    target: Positions  # (m,)

    @cached_property
    def origin(self) -> Positions:
        """(m,) whose neighbour stands at each place."""
        counts = np.diff(self.start)
        return np.repeat(np.arange(len(counts), dtype=np.int32), counts)

    @cached_property
    def degree(self) -> NDArray[np.int64]:
        """(n,) neighbours of each node; a self-loop counts once."""
        return np.diff(self.start)

    def of(self, position: int) -> Positions:
        """The neighbours of one node."""
        return self.target[self.start[position] : self.start[position + 1]]

    def place(self, position: int, neighbor: int) -> int | None:
        """Where ``neighbor`` stands among the neighbours of ``position``, or None."""
        found = np.flatnonzero(self.of(position) == neighbor)
        return int(self.start[position] + found[0]) if len(found) else None

    def spread(self, positions: Positions) -> tuple[Positions, Positions]:
        """Every step away from ``positions``, in their order: from where, to where."""
        if len(positions) == 1:
            target = self.of(int(positions[0]))
            return np.full(len(target), positions[0], np.int32), target
        begin = self.start[positions]
        counts = self.start[positions.astype(np.int64) + 1] - begin
        ends = np.cumsum(counts)
        if not len(ends) or not ends[-1]:
            return np.empty(0, np.int32), np.empty(0, np.int32)
        places = np.arange(ends[-1]) + np.repeat(begin - ends + counts, counts)
        return np.repeat(positions, counts), self.target[places]


class Columns(ABC):
    """A homogeneous graph in columns. ``into`` is ``out`` where edges have no direction."""

    directed: bool
    multigraph: bool = False
    size: int  # number of nodes
    attributes: Mapping[str, Any]  # of the graph itself
    edge_keys: tuple[str, ...] | None = None  # of all edges' attributes, where all have the same

    @property
    @abstractmethod
    def out(self) -> Adjacency:
        """Successors; all neighbours where edges have no direction."""

    @property
    @abstractmethod
    def into(self) -> Adjacency:
        """Predecessors."""

    @property
    @abstractmethod
    def multiplicity(self) -> NDArray[np.int64] | None:
        """(m,) parallel edges at each place of ``out``; None where each is one."""

    @abstractmethod
    def label(self, position: int) -> Hashable:
        """What the outside calls the node."""

    @abstractmethod
    def labels(self) -> Sequence[Any]:
        """All labels, in the order of positions."""

    @abstractmethod
    def position(self, label: object) -> int | None:
        """The node called ``label``, or None.

        Raises:
            TypeError: ``label`` is not hashable.
        """

    @abstractmethod
    def node(self, position: int) -> Mapping[str, Any]:
        """The attributes of a node."""

    @abstractmethod
    def edge(self, place: int) -> Mapping[Any, Any]:
        """The attributes of the edge at a place of ``out``; of parallel ones, by their keys."""

    @abstractmethod
    def weights(self, attribute: str | None) -> NDArray[np.float64]:
        """(m,) an attribute of the edges along ``out``, 1 where one has none, parallels summed."""

    def labels_at(self, positions: Positions) -> list[Any]:
        """The labels of some nodes, in their order."""
        if 20 * len(positions) > self.size:  # all at once is then cheaper than one by one
            labels = self.labels()
            return [labels[i] for i in positions.tolist()]
        return [self.label(i) for i in positions.tolist()]
