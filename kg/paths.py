"""Metapaths: path counts, degree-weighted path counts (DWPC), and the paths themselves.

DWPC as in Himmelstein & Baranzini 2015 (PLOS Comput Biol 11:e1004259): each edge of a path weighs
``(degree of its head * degree of its tail) ** -damping``, degrees taken within the edge type; the
weights of a path are multiplied, paths are summed. Paths visit no node twice: where a node type
occurs again, the walks that come back to a node are taken off.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kg.errors import SchemaError
from kg.graph import Graph, Rows
from kg.schema import EDGES, EdgeType, Metapath, Step, abbreviate

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

DAMPING = 0.4
MOST_PATHS = 5_000_000  # at once, about 300 MB; a metapath through hubs can have billions


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


def metapath_matrix(
    metapath: Metapath,
    matrices: "Mapping[EdgeType, csr_matrix]",
    *,
    damping: float = DAMPING,
) -> "csr_matrix":
    """DWPC of every pair: (n_sources, n_targets) float64, sparse. ``damping=0`` counts paths.

    An entry is stored where there is a path, and only there.

    Exact for metapaths of up to four steps; a longer one still counts walks that come back over
    more than one node type, and is refused.

    Args:
        metapath: the steps.
        matrices: edge type -> (n_heads, n_tails) of ones; symmetric types as symmetric matrices.
        damping: 0 to 1; 0.4 is the published choice.

    Raises:
        ValueError: more than four steps.
    """
    from scipy.sparse import csr_matrix

    if len(metapath) > 4:
        raise ValueError(f"a metapath may have up to 4 steps, not {len(metapath)}")
    steps = [_weighted(step, matrices, damping) for step in metapath]
    types = [metapath[0].source, *(step.target for step in metapath)]
    result: csr_matrix = _without_returns(steps, types)
    return result


def _weighted(step: Step, matrices: "Mapping[EdgeType, csr_matrix]", damping: float) -> Any:
    from scipy.sparse import csr_matrix, diags_array

    matrix = matrices[step.edge_type].astype(np.float64)
    if not step.forward:
        matrix = csr_matrix(matrix.T)
    if damping == 0:
        return matrix
    rows = _power(np.asarray(matrix.sum(axis=1)).ravel(), damping)
    columns = _power(np.asarray(matrix.sum(axis=0)).ravel(), damping)
    return csr_matrix(diags_array(rows) @ matrix @ diags_array(columns))


def _power(degrees: Any, damping: float) -> Any:
    with np.errstate(divide="ignore"):
        powers = degrees**-damping
    return np.where(degrees > 0, powers, 0.0)


def _without_returns(steps: list[Any], types: list[str]) -> Any:
    """The product of ``steps`` without the walks that visit a node twice, as a csr_matrix.

    Inclusion-exclusion over which equal-typed positions coincide: every set partition of the
    positions into same-typed blocks contributes its walk count with the Moebius sign.
    """
    from scipy.sparse import csr_matrix

    total = walks = _coincident(steps, [(i,) for i in range(len(types))])
    for blocks in _partitions(list(range(len(types))), types):
        if len(blocks) == len(types):
            continue
        sign = 1
        for block in blocks:
            sign *= (-1) ** (len(block) - 1) * _factorial(len(block) - 1)
        total = total + sign * _coincident(steps, blocks)
    if total is not walks:  # what rounding left of pairs whose walks all come back
        total = total.multiply(total > 1e-10 * walks)
    total = csr_matrix(total)
    total.eliminate_zeros()
    return total


def _factorial(n: int) -> int:
    return 1 if n < 2 else n * _factorial(n - 1)


def _partitions(positions: list[int], types: list[str]) -> list[list[tuple[int, ...]]]:
    """Set partitions whose blocks hold positions of one type."""
    if not positions:
        return [[]]
    first, *rest = positions
    result = []
    for partition in _partitions(rest, types):
        result.append([(first,), *partition])
        for i, block in enumerate(partition):
            if types[block[0]] == types[first]:
                result.append([*partition[:i], (first, *block), *partition[i + 1 :]])
    return result


def _coincident(steps: list[Any], blocks: list[tuple[int, ...]]) -> Any:
    """Walk sums with the positions of each block held equal: (n_sources, n_targets) sparse."""
    from scipy.sparse import csr_matrix, diags_array

    n = len(steps)
    block_of = {position: i for i, block in enumerate(blocks) for position in block}
    # Parallel edges between the same two blocks merge by elementwise product; loops become a
    # diagonal.
    between: dict[tuple[int, int], Any] = {}
    loops: dict[int, Any] = {}
    for i, matrix in enumerate(steps):
        a, b = block_of[i], block_of[i + 1]
        if a == b:
            diagonal = matrix.diagonal()
            loops[a] = diagonal if a not in loops else loops[a] * diagonal
            continue
        if (b, a) in between:
            a, b, matrix = b, a, csr_matrix(matrix.T)  # noqa: PLW2901
        between[a, b] = matrix if (a, b) not in between else between[a, b].multiply(matrix).tocsr()
    source, target = block_of[0], block_of[n]
    inner = [i for i in range(len(blocks)) if i not in {source, target}]
    while inner:
        inner.sort(key=lambda i: sum(i in pair for pair in between))
        _eliminate(inner.pop(0), between, loops)
    if source == target:
        return csr_matrix(diags_array(loops.get(source, np.ones(steps[0].shape[0]))))
    matrix = between[source, target] if (source, target) in between else between[target, source].T
    if source in loops:
        matrix = diags_array(loops[source]) @ matrix
    if target in loops:
        matrix = matrix @ diags_array(loops[target])
    return csr_matrix(matrix)


def _eliminate(block: int, between: dict[tuple[int, int], Any], loops: dict[int, Any]) -> None:
    """Sum over all nodes of a block with one or two neighbours."""
    from scipy.sparse import csr_matrix, diags_array

    pairs = [pair for pair in between if block in pair]
    scale = loops.pop(block, None)
    oriented = []
    for pair in pairs:
        matrix = between.pop(pair)
        other = pair[0] if pair[1] == block else pair[1]
        oriented.append((other, matrix if pair[1] == block else csr_matrix(matrix.T)))
    if len(oriented) == 1:
        other, matrix = oriented[0]
        weights = matrix.sum(axis=1) if scale is None else matrix @ scale
        weights = np.asarray(weights).ravel()
        loops[other] = weights if other not in loops else loops[other] * weights
    elif len(oriented) == 2:
        (left, a), (right, b) = oriented
        product = (a if scale is None else a @ diags_array(scale)) @ csr_matrix(b.T)
        if (right, left) in between:
            left, right, product = right, left, csr_matrix(product.T)
        known = between.get((left, right))
        between[left, right] = product if known is None else known.multiply(product).tocsr()
    else:
        raise ValueError("a metapath of this shape cannot be counted exactly")


def paths_from(graph: Graph, metapath: Metapath, row: int) -> dict[int, list[Path]]:
    """Every path along ``metapath`` from one node: target row -> paths, heaviest first.

    Raises:
        SchemaError: there are more than ``MOST_PATHS`` of them at some step.
    """
    found: dict[int, list[Path]] = {}
    for path in _paths(_grow(graph, metapath, row)):
        found.setdefault(path.rows[-1], []).append(path)
    for paths in found.values():
        paths.sort(key=lambda path: (-path.weight, path.rows))
    return found


def strongest_paths(
    graph: Graph, metapath: Metapath, source: int, target: int, *, limit: int = 3
) -> list[Path]:
    """The heaviest paths between two nodes along ``metapath``; ties in the order of rows.

    Both ends are grown towards the middle and joined there, so that a hub in between costs little.
    """
    if any(step.edge_type not in graph.edge_tables for step in metapath):
        return []
    middle = (len(metapath) + 1) // 2
    back = tuple(Step(step.edge_type, not step.forward) for step in reversed(metapath[middle:]))
    left = _grow(graph, metapath[:middle], source)
    right = _grow(graph, back, target, keep=np.unique(left.rows[:, -1]))
    joined = _join(left, right)
    types = [metapath[0].source, *(step.target for step in metapath)]
    joined = joined.take(_simple(joined.rows, types))
    best = np.argsort(-joined.weight, kind="stable")
    if len(best) > limit:  # equal weights at the cut: all of them take part in the tie-break
        best = best[joined.weight[best] >= joined.weight[best[limit - 1]]]
    paths = sorted(_paths(joined.take(best)), key=lambda path: (-path.weight, path.rows))
    return paths[:limit]


def degrees(graph: Graph, step: Step, rows: Rows) -> NDArray[np.int64]:
    """(n,) how many edges lead from each of ``rows`` by ``step``; a self-loop is one."""
    table = graph.edges(step.edge_type)
    rows = np.asarray(rows)
    forward = table.head_start[rows + 1] - table.head_start[rows] if _leaves(step, True) else 0
    backward = table.tail_start[rows + 1] - table.tail_start[rows] if _leaves(step, False) else 0
    twice = np.isin(rows, table.loops) if EDGES[step.edge_type].symmetric else 0
    return np.asarray(forward + backward - twice, np.int64)


@dataclass(frozen=True, eq=False)
class _Partial:
    """Paths in columns: (p, n + 1) rows, (p, n) edges, (p,) weights."""

    rows: Rows
    edges: Rows
    weight: NDArray[np.float64]

    def take(self, which: Any) -> "_Partial":
        return _Partial(self.rows[which], self.edges[which], self.weight[which])


def _leaves(step: Step, forward: bool) -> bool:
    return step.forward == forward or EDGES[step.edge_type].symmetric


def _grow(graph: Graph, metapath: Metapath, row: int, keep: Rows | None = None) -> _Partial:
    """All simple paths from ``row``; with ``keep``, only those that end in one of these rows."""
    partial = _Partial(np.array([[row]], np.int32), np.empty((1, 0), np.int32), np.ones(1))
    types = [metapath[0].source] if metapath else []
    if any(step.edge_type not in graph.edge_tables for step in metapath):
        return partial.take([])
    for number, step in enumerate(metapath):
        rows = partial.rows[:, -1]
        total = int(degrees(graph, step, rows).sum())
        if total > MOST_PATHS:
            raise SchemaError(
                f"more than {MOST_PATHS:,} paths along {abbreviate(metapath[: number + 1])} from "
                "this node; choose a shorter metapath, or one without such hubs"
            )
        origin, reached, edges = graph.spread(step, rows)
        if keep is not None and number == len(metapath) - 1:
            good = np.isin(reached, keep)
            origin, reached, edges = origin[good], reached[good], edges[good]
        back = Step(step.edge_type, not step.forward)
        product = degrees(graph, step, rows)[origin] * degrees(graph, back, reached)
        types.append(step.target)
        grown = _Partial(
            np.column_stack([partial.rows[origin], reached]),
            np.column_stack([partial.edges[origin], edges]),
            partial.weight[origin] * product.astype(np.float64) ** -DAMPING,
        )
        partial = grown.take(_simple(grown.rows, types))
    if keep is not None and not metapath:
        partial = partial.take(np.isin(partial.rows[:, -1], keep))
    return partial


def _join(left: _Partial, right: _Partial) -> _Partial:
    """Paths of ``left`` continued by those of ``right`` walked backwards."""
    order = np.argsort(right.rows[:, -1], kind="stable")
    ends = right.rows[order, -1]
    start = np.searchsorted(ends, left.rows[:, -1], side="left")
    stop = np.searchsorted(ends, left.rows[:, -1], side="right")
    origin = np.repeat(np.arange(len(left.weight)), stop - start)
    shift = start - np.concatenate([[0], np.cumsum(stop - start)[:-1]]) if len(start) else start
    partner = order[shift[origin] + np.arange(len(origin))]
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


def _paths(partial: _Partial) -> list[Path]:
    return [
        Path(tuple(rows), tuple(edges), weight)
        for rows, edges, weight in zip(
            partial.rows.tolist(), partial.edges.tolist(), partial.weight.tolist(), strict=True
        )
    ]
