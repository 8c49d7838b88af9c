"""The paths themselves along a metapath, heaviest first; ``counts`` says what a path weighs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.errors import SchemaError
from kg.filters import stated
from kg.graph import Graph, Node, Rows
from kg.paths.counts import DAMPING
from kg.paths.degrees import degrees, step_weights
from kg.paths.routes import Mask, cases, node_types
from kg.schema import Metapath, Step, abbreviate

MOST_PATHS = 5_000_000  # at once, about 300 MB; a metapath through hubs can have billions
JOINED = 500_000  # paths joined at once where two halves meet
_ALMOST = 1 - 1e-12  # products in another order may differ in the last digits


@dataclass(frozen=True)
class Path:
    """One path.

    Attributes:
        rows: the row of each node, one more than there are steps.
        edges: the edge number of each step.
        weight: the product of the edges' degree weights.
    """

    rows: tuple[int, ...]
    edges: tuple[int, ...]
    weight: float


def paths_from(
    graph: Graph,
    metapath: Metapath,
    source: int,
    *,
    through: Iterable[Node] = (),
    avoid: Iterable[Node] = (),
    provenances: Mask | None = None,
) -> dict[int, list[Path]]:
    """Every path along ``metapath`` from one node: target row -> paths, heaviest first.

    Args:
        graph: the graph.
        metapath: the steps.
        source: row of the first node.
        through: as for :func:`kg.paths.counts.pair`.
        avoid: likewise.
        provenances: likewise.

    Raises:
        SchemaError: there are more than ``MOST_PATHS`` of them at some step.
    """
    found: dict[int, list[Path]] = {}
    for masks in cases(graph, metapath, through, avoid):
        for path in _paths(_grow(graph, metapath, source, masks, provenances)):
            found.setdefault(path.rows[-1], []).append(path)
    for paths in found.values():
        paths.sort(key=lambda path: (-path.weight, path.rows))
    return found


def strongest_paths(
    graph: Graph,
    metapath: Metapath,
    source: int,
    target: int,
    *,
    limit: int = 3,
    through: Iterable[Node] = (),
    avoid: Iterable[Node] = (),
    provenances: Mask | None = None,
) -> list[Path]:
    """The heaviest paths between two nodes along ``metapath``; ties in the order of rows.

    Both ends are grown towards the middle and joined there, what can be heaviest first, until no
    path that is left can be among the heaviest: a hub in between costs little.

    Args:
        graph: the graph; an edge type that it lacks has no paths.
        metapath: the steps.
        source: row of the first node.
        target: row of the last node.
        limit: how many paths at most.
        through: as for :func:`kg.paths.counts.pair`.
        avoid: likewise.
        provenances: likewise.

    Raises:
        SchemaError: one of the two halves has more than ``MOST_PATHS`` paths at some step.
    """
    if any(step.edge_type not in graph.edge_tables for step in metapath):
        return []
    middle = (len(metapath) + 1) // 2
    back = tuple(Step(step.edge_type, not step.forward) for step in reversed(metapath[middle:]))
    types = node_types(metapath)
    paths: list[Path] = []
    for masks in cases(graph, metapath, through, avoid):
        left = _grow(graph, metapath[:middle], source, masks[: middle + 1], provenances)
        here = np.zeros(graph.n_nodes(types[middle]), bool)
        here[left.rows[:, -1]] = True
        meeting = [*reversed(masks[middle + 1 :]), here]
        right = _grow(graph, back, target, meeting, provenances)
        paths += _paths(_heaviest(left, right, types, limit))
    return sorted(paths, key=lambda path: (-path.weight, path.rows))[:limit]


@dataclass(frozen=True, eq=False)
class _Partial:
    """Paths in columns: (p, n + 1) rows, (p, n) edges, (p,) weights."""

    rows: Rows
    edges: Rows
    weight: NDArray[np.float64]

    def take(self, which: Any) -> "_Partial":
        return _Partial(self.rows[which], self.edges[which], self.weight[which])


def _grow(
    graph: Graph,
    metapath: Metapath,
    source: int,
    masks: list[Mask | None],
    provenances: Mask | None,
) -> _Partial:
    """All simple paths from ``source`` whose other nodes pass their position's mask."""
    partial = _Partial(np.array([[source]], np.int32), np.empty((1, 0), np.int32), np.ones(1))
    if any(step.edge_type not in graph.edge_tables for step in metapath):
        return partial.take([])
    if not metapath:  # nothing to grow: the first node is where the halves meet
        mask = masks[0]
        return partial if mask is None or mask[source] else partial.take([])
    types = [metapath[0].source]
    for number, step in enumerate(metapath):
        rows = partial.rows[:, -1]
        total = int(degrees(graph, step, rows).sum())
        if total > MOST_PATHS:
            raise SchemaError(
                f"more than {MOST_PATHS:,} paths along {abbreviate(metapath[: number + 1])} from "
                "this node; choose a shorter metapath, or one without such hubs"
            )
        origin, reached, edges = graph.spread(step, rows)
        mask = masks[number + 1]
        good = np.ones(len(edges), bool) if mask is None else mask[reached]
        if provenances is not None:
            good &= stated(graph, step.edge_type, edges, provenances)
        origin, reached, edges = origin[good], reached[good], edges[good]
        weight = step_weights(graph, step, rows[origin], reached, DAMPING)
        types.append(step.target)
        grown = _Partial(
            np.column_stack([partial.rows[origin], reached]),
            np.column_stack([partial.edges[origin], edges]),
            partial.weight[origin] * weight,
        )
        partial = grown.take(_simple(grown.rows, types))
    return partial


def _heaviest(left: _Partial, right: _Partial, types: list[str], limit: int) -> _Partial:
    """The ``limit`` heaviest joined paths and what ties with the last of them; no node twice."""
    order = np.lexsort((-right.weight, right.rows[:, -1]))  # by meeting row, the heaviest first
    right = right.take(order)
    ends = right.rows[:, -1]
    start = np.searchsorted(ends, left.rows[:, -1], side="left")
    stop = np.searchsorted(ends, left.rows[:, -1], side="right")
    met = np.flatnonzero(stop > start)
    bound = left.weight[met] * right.weight[start[met]]  # no path of this left half weighs more
    order = np.argsort(-bound, kind="stable")
    met, bound = met[order], bound[order]
    sizes = np.cumsum(stop[met] - start[met])
    best = _join(left, right, met[:0], start, stop)
    at = 0
    while at < len(met):
        if len(best.weight) >= limit and bound[at] < best.weight.min() * _ALMOST:
            break
        done = sizes[at - 1] if at else 0
        until = max(at + 1, int(np.searchsorted(sizes, done + JOINED, side="right")))
        joined = _join(left, right, met[at:until], start, stop)
        joined = joined.take(_simple(joined.rows, types))
        both = _Partial(
            np.concatenate([best.rows, joined.rows]),
            np.concatenate([best.edges, joined.edges]),
            np.concatenate([best.weight, joined.weight]),
        )
        best = both
        if len(both.weight) > limit:  # equal weights at the cut: all take part in the tie-break
            cut = np.partition(both.weight, -limit)[-limit]
            best = both.take(both.weight >= cut)
        at = until
    return best


def _join(left: _Partial, right: _Partial, which: Any, start: Any, stop: Any) -> _Partial:
    """Paths ``which`` of ``left``, each continued by ``right[start:stop]`` walked backwards."""
    sizes = stop[which] - start[which]
    origin = np.repeat(which, sizes)
    within = np.arange(len(origin)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    partner = start[origin] + within
    return _Partial(
        np.concatenate([left.rows[origin], right.rows[partner, -2::-1]], axis=1)
        if right.rows.shape[1] > 1
        else left.rows[origin],
        np.concatenate([left.edges[origin], right.edges[partner, ::-1]], axis=1),
        left.weight[origin] * right.weight[partner],
    )


def _simple(rows: Rows, types: list[str]) -> NDArray[np.bool_]:
    """Which paths visit no node twice."""
    good = np.ones(len(rows), bool)
    for i in range(len(types)):
        for j in range(i):
            if types[i] == types[j]:
                good &= rows[:, i] != rows[:, j]
    return good


def _paths(partial: _Partial) -> Iterator[Path]:
    for rows, edges, weight in zip(
        partial.rows.tolist(), partial.edges.tolist(), partial.weight.tolist(), strict=True
    ):
        yield Path(tuple(rows), tuple(edges), weight)
