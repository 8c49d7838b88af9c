"""Breadth-first searches over an adjacency, level by level, in the order in which networkx walks.

Within a level, nodes come in the order in which they were first reached, and a node is reached
from the first of its neighbours in that order; so trees, paths and ties are those of networkx.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from kg.nx.columns import Adjacency, Positions


def levels(adjacency: Adjacency, source: int) -> Iterator[tuple[Positions, Positions]]:
    """Each further level around ``source``: from where each node was reached, and the nodes."""
    size = len(adjacency.start) - 1
    seen = np.zeros(size, bool)
    seen[source] = True
    slot = np.empty(size, np.int64)
    frontier, reached = np.array([source], np.int32), 1
    while len(frontier) and reached < size:
        origin, target = adjacency.spread(frontier)
        fresh = ~seen[target]
        origin, frontier = _firsts(origin[fresh], target[fresh], slot)
        seen[frontier] = True
        reached += len(frontier)
        if len(frontier):
            yield origin, frontier


def meet(out: Adjacency, into: Adjacency, source: int, target: int) -> list[int] | None:
    """A shortest path, found from both ends at once: its nodes; None if there is none."""
    if source == target:
        return [source]
    ends = [_End(out, source), _End(into, target)]
    while len(ends[0].frontier) and len(ends[1].frontier):
        forward = len(ends[0].frontier) <= len(ends[1].frontier)
        near, far = ends if forward else ends[::-1]
        step = near.advance(far)
        if step is not None:
            first, second = step if forward else step[::-1]
            return [*reversed(ends[0].way(first)), *ends[1].way(second)]
    return None


class _End:
    """The search from one end: the nodes seen, and for each level from where they were reached."""

    def __init__(self, adjacency: Adjacency, source: int) -> None:
        self.adjacency = adjacency
        self.seen = np.zeros(len(adjacency.start) - 1, bool)
        self.seen[source] = True
        self.frontier = np.array([source], np.int32)
        self.levels: list[tuple[Positions, Positions]] = []

    def advance(self, other: "_End") -> tuple[int, int] | None:
        """Walk one level; the first step that leads to where ``other`` has been, or None."""
        origin, target = self.adjacency.spread(self.frontier)
        hits = other.seen[target]
        if hits.any():
            hit = int(hits.argmax())
            return int(origin[hit]), int(target[hit])
        fresh = ~self.seen[target]
        origin, target = origin[fresh], target[fresh]
        if self.levels:  # the neighbours of one node do not repeat
            origin, target = _firsts(origin, target, np.empty(len(self.seen), np.int32))
        self.seen[target] = True
        self.frontier = target
        self.levels.append((origin, target))
        return None

    def way(self, position: int) -> list[int]:
        """From a node that was seen back to this end."""
        found = [position]
        for origin, target in reversed(self.levels):
            place = np.flatnonzero(target == found[-1])
            if len(place):
                found.append(int(origin[place[0]]))
        return found


def _firsts(
    origin: Positions, target: Positions, slot: NDArray[np.signedinteger]
) -> tuple[Positions, Positions]:
    """The first of the steps to each target, in order; ``slot`` is (n,) scratch."""
    order = np.arange(len(target))
    slot[target[::-1]] = order[::-1]  # of repeated indices, the last assignment stays
    first = slot[target] == order
    return origin[first], target[first]
