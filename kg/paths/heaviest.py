"""The heaviest path between two nodes, without growing the others.

``listing`` grows every path of both halves before it joins them: through pathways or processes
these are hundreds of thousands. Here each edge within reach is looked at once, from the end, for
the most that the rest of a path can weigh behind it. Then paths are extended best first (A*, Hart,
Nilsson & Raphael 1968, IEEE Trans Syst Sci Cybern 4:100), so that the first to arrive is heaviest.
"""

from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from kg.errors import SchemaError
from kg.graph import Graph, Rows
from kg.paths.counts import DAMPING
from kg.paths.degrees import degrees, step_weights
from kg.paths.listing import Path
from kg.paths.routes import Mask, node_types, without_ends
from kg.schema import Metapath, Step, abbreviate

MOST_TRIED = 200_000  # beginnings of paths, about a second
_DIGITS = 9  # of a cost: sums in another order differ in later ones, and must tie all the same


def heaviest_path(graph: Graph, metapath: Metapath, source: int, target: int) -> Path | None:
    """The heaviest path along ``metapath`` from one node to another, or None if there is no path.

    The first of what ``strongest_paths`` gives, in milliseconds also where that takes a second.

    Args:
        graph: the graph; an edge type that it lacks has no paths.
        metapath: any number of steps.
        source: row of the first node.
        target: row of the last node.

    Raises:
        SchemaError: more than ``MOST_TRIED`` walks that come back to a node weigh more than it.
    """
    types = node_types(metapath)
    if any(step.edge_type not in graph.edge_tables for step in metapath):
        return None
    if types[0] == types[-1] and source == target:
        return None
    layers = _layers(graph, metapath, source, target)
    if not layers or not len(layers[0].edge):
        return None
    # By cost, then by rows. An entry stands for its whole row of siblings, the cheapest first.
    heap = [_entry((source,), (), 0.0, layers[0], 0)]
    for _ in range(MOST_TRIED):
        if not heap:
            return None
        _, rows, edges, spent, place = heappop(heap)
        depth = len(edges)
        layer = layers[depth]
        if place + 1 < layer.first[rows[depth] + 1]:
            heappush(heap, _entry(rows[:-1], edges, spent, layer, place + 1))
        row = rows[-1]
        if any(row == rows[i] and types[i] == types[depth + 1] for i in range(depth + 1)):
            continue
        edges = (*edges, int(layer.edge[place]))
        spent += float(layer.cost[place])
        if len(edges) == len(metapath):
            return Path(rows, edges, float(np.exp(-spent)))
        after = layers[depth + 1]
        heappush(heap, _entry(rows, edges, spent, after, int(after.first[row])))
    raise SchemaError(
        f"more than {MOST_TRIED:,} walks along {abbreviate(metapath)} come back to a node; "
        "choose a metapath that meets fewer types twice"
    )


@dataclass(frozen=True, eq=False)
class _Layer:
    """Edges of one step that lie on a walk between the two ends.

    Sorted by the row that they leave, then by what the cheapest walk over them costs from there.
    """

    there: Rows  # (m,) the row that they reach
    edge: Rows  # (m,)
    cost: NDArray[np.float64]  # (m,) minus the logarithm of the weight
    total: NDArray[np.float64]  # (m,) of the cheapest walk over this edge to the end
    first: NDArray[np.int64]  # (n + 1,) edges of row i are first[i]:first[i + 1]


_Entry = tuple[float, tuple[int, ...], tuple[int, ...], float, int]


def _entry(
    rows: tuple[int, ...], edges: tuple[int, ...], spent: float, layer: _Layer, place: int
) -> _Entry:
    """A path to be extended by the edge at ``place``: its cost at best, then its rows with it."""
    cost = round(spent + float(layer.total[place]), _DIGITS)
    return cost, (*rows, int(layer.there[place])), edges, spent, place


def _layers(graph: Graph, metapath: Metapath, source: int, target: int) -> list[_Layer]:
    """The edges of each step that a walk from ``source`` to ``target`` can take; none: nothing."""
    layers: list[_Layer] = []
    left = np.full(graph.n_nodes(metapath[-1].target), np.inf)  # cost from each row to the end
    left[target] = 0
    between = _edges_between(graph, metapath, source, target)
    if not between:
        return []
    for step, way in zip(reversed(metapath), reversed(between), strict=True):
        rows, there, edges = (column[np.isfinite(left[way[1]])] for column in way)
        cost = -np.log(step_weights(graph, step, rows, there, DAMPING))
        total = cost + left[there]
        order = np.lexsort((there, total.round(_DIGITS), rows))
        size = graph.n_nodes(step.source)
        first = np.append(0, np.bincount(rows, minlength=size).cumsum())
        layers.append(_Layer(there[order], edges[order], cost[order], total[order], first))
        left = np.full(size, np.inf)
        np.minimum.at(left, rows, total)
    return layers[::-1]


_Edges = tuple[Rows, Rows, Rows]  # (m,) the row that each leaves, the row it reaches, its number


def _edges_between(graph: Graph, metapath: Metapath, source: int, target: int) -> list[_Edges]:
    """The edges of each step within reach of both ends, and some that are dead ends.

    Nothing where the ends cannot meet. They are spread towards each other, always the one with
    fewer edges ahead, so that they meet where neither has to pass a hub.
    """
    types = node_types(metapath)
    n_steps = len(metapath)
    reached = [np.zeros(graph.n_nodes(node_type), bool) for node_type in types]
    reached[0][source] = reached[n_steps][target] = True
    masks = without_ends(graph, types, [None] * len(types), {0: source, n_steps: target})
    found: dict[int, _Edges] = {}
    low, high = 0, n_steps  # positions that the two ends have come to
    while low < high:
        ahead, behind = metapath[low], metapath[high - 1]
        back = Step(behind.edge_type, not behind.forward)
        begin, end = _rows(reached[low]), _rows(reached[high])
        is_left = degrees(graph, ahead, begin).sum() <= degrees(graph, back, end).sum()
        at, step, rows = (low + 1, ahead, begin) if is_left else (high - 1, back, end)
        origin, there, edges = graph.spread(step, rows)
        mask = masks[at] if high - low > 1 else reached[at]  # the last step must meet the other end
        good = np.ones(len(edges), bool) if mask is None else mask[there]
        here, there, edges = rows[origin[good]], there[good], edges[good]
        if not len(edges):
            return []
        reached[at][there] = True
        if is_left:
            found[low] = here, there, edges
            low += 1
        else:
            found[high - 1] = there, here, edges
            high -= 1
    return [found[i] for i in range(n_steps)]


def _rows(mask: Mask) -> Rows:
    return np.flatnonzero(mask).astype(np.int32)
