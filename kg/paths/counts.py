"""Path counts and degree-weighted path counts (DWPC) without listing paths.

DWPC as in Himmelstein & Baranzini 2015 (PLOS Comput Biol 11:e1004259): each edge of a path weighs
``(degree of its head * degree of its tail) ** -damping``, degrees taken within the edge type; the
weights of a path are multiplied, paths are summed. Paths visit no node twice: where a node type
occurs again, the walks that come back to a node are taken off.

Degrees are always those of the whole graph, whatever is asked for: leaving a hub out, or a source,
changes which paths are summed and never what a path weighs.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kg.errors import SchemaError
from kg.filters import stated
from kg.graph import Graph, Node, Rows
from kg.paths.degrees import step_weights
from kg.paths.products import sum_from, sum_of_pairs
from kg.paths.routes import Mask, cases, node_types, without_ends
from kg.schema import EdgeType, Metapath, Step, abbreviate

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

DAMPING = 0.4
MOST_STEPS = 6  # of a pair or a row; of all pairs 4


@dataclass(frozen=True)
class PathCount:
    """How many paths lead from one node to another, and what they weigh together."""

    n_paths: int
    weight: float  # DWPC


@dataclass(frozen=True, eq=False)
class RowCounts:
    """The paths from one node, by the node where they end."""

    targets: Rows  # (t,) rows with at least one path, ascending
    n_paths: NDArray[np.int64]  # (t,)
    weight: NDArray[np.float64]  # (t,) DWPC


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
    if len(metapath) > 4:
        raise ValueError(f"a metapath may have up to 4 steps, not {len(metapath)}")
    steps = [_weighted(step, matrices, damping) for step in metapath]
    return sum_of_pairs(steps, node_types(metapath))


def pair(
    graph: Graph,
    metapath: Metapath,
    source: int,
    target: int,
    *,
    through: Iterable[Node] = (),
    avoid: Iterable[Node] = (),
    provenances: Mask | None = None,
    damping: float = DAMPING,
) -> PathCount:
    """Number and DWPC of the paths between two nodes along ``metapath``.

    Nothing is enumerated: a hub in the middle costs a product of sparse matrices.

    Args:
        graph: the graph; an edge type that it lacks has no paths.
        metapath: up to six steps.
        source: row of the first node.
        target: row of the last node.
        through: only paths with at least one of these as an inner node.
        avoid: only paths with none of these as an inner node; the ends may be among them.
        provenances: (p,) which rows of ``graph.provenances`` count; only edges that one of them
            states are walked. None for all. See :attr:`kg.filters.Filters.provenances`.
        damping: 0 to 1; degrees are those of the whole graph.

    Raises:
        SchemaError: more than six steps.
    """
    _check_length(metapath)
    types = node_types(metapath)
    n_paths = weight = 0.0
    if types[0] == types[-1] and source == target:  # such a path would visit its end twice
        return PathCount(0, 0.0)
    for masks in cases(graph, metapath, through, avoid):
        keep = without_ends(graph, types, masks, {0: source, len(types) - 1: target})
        steps = _meet(graph, metapath, (source, target), keep, provenances)
        if steps is None:
            continue
        n_paths += _sum_between(steps, types, source, target, 0.0)
        weight += _sum_between(steps, types, source, target, damping)
    return PathCount(round(n_paths), weight if n_paths else 0.0)


def row(
    graph: Graph,
    metapath: Metapath,
    source: int,
    *,
    through: Iterable[Node] = (),
    avoid: Iterable[Node] = (),
    provenances: Mask | None = None,
    damping: float = DAMPING,
) -> RowCounts:
    """Number and DWPC of the paths from one node along ``metapath``, by the node where they end.

    Args:
        graph: the graph; an edge type that it lacks has no paths.
        metapath: up to six steps.
        source: row of the first node.
        through: as for :func:`pair`.
        avoid: as for :func:`pair`; it may list ends.
        provenances: as for :func:`pair`.
        damping: 0 to 1; degrees are those of the whole graph.

    Raises:
        SchemaError: more than six steps.
    """
    _check_length(metapath)
    types = node_types(metapath)
    size = graph.n_nodes(types[-1])
    n_paths, weight = np.zeros(size), np.zeros(size)
    for masks in cases(graph, metapath, through, avoid):
        keep = without_ends(graph, types, masks, {0: source})
        steps = _spread(graph, metapath, source, keep, provenances)
        if steps is None:
            continue
        for power, total in ((0.0, n_paths), (damping, weight)):
            first, *others = (step.matrix(power) for step in steps)
            np.add(total, sum_from(others, types[1:], first[[source]].toarray().ravel()), out=total)
    targets = np.flatnonzero(n_paths > 0.5).astype(np.int32)
    return RowCounts(targets, np.rint(n_paths[targets]).astype(np.int64), weight[targets])


@dataclass(frozen=True, eq=False)
class _StepEdges:
    """Edges that paths may take at one step, from row to row."""

    graph: Graph
    step: Step
    rows: Rows
    reached: Rows

    def matrix(self, damping: float) -> "csr_matrix":
        from scipy.sparse import csr_matrix

        shape = self.graph.n_nodes(self.step.source), self.graph.n_nodes(self.step.target)
        weights = (
            step_weights(self.graph, self.step, self.rows, self.reached, damping)
            if damping
            else np.ones(len(self.rows))
        )
        return csr_matrix((weights, (self.rows, self.reached)), shape=shape)


def _spread(
    graph: Graph,
    metapath: Sequence[Step],
    source: int,
    keep: Sequence[Mask | None],
    provenances: Mask | None,
) -> list[_StepEdges] | None:
    """The edges within reach of ``source``, step by step; None if some step has none."""
    found = []
    rows = np.array([source], np.int32)
    for step, mask in zip(metapath, keep[1:], strict=True):
        if step.edge_type not in graph.edge_tables:
            return None
        origin, reached, edges = graph.spread(step, rows)
        good = np.ones(len(edges), bool) if mask is None else mask[reached]
        if provenances is not None:
            good &= stated(graph, step.edge_type, edges, provenances)
        here, there = rows[origin[good]], reached[good]
        if not len(there):
            return None
        found.append(_StepEdges(graph, step, here, there))
        rows = np.unique(there)
    return found


def _meet(
    graph: Graph,
    metapath: Metapath,
    ends: tuple[int, int],
    keep: list[Mask | None],
    provenances: Mask | None,
) -> list[_StepEdges] | None:
    """The edges within reach of both ends, each end spread to the middle; None if they miss."""
    source, target = ends
    middle = (len(metapath) + 1) // 2
    left = _spread(graph, metapath[:middle], source, keep[: middle + 1], provenances)
    if left is None:
        return None
    types = node_types(metapath)
    here = np.zeros(graph.n_nodes(types[middle]), bool)
    here[left[-1].reached] = True
    if middle == len(metapath):
        return left if here[target] else None
    back = [Step(step.edge_type, not step.forward) for step in reversed(metapath[middle:])]
    masks = [*reversed(keep[middle + 1 :]), here]
    right = _spread(graph, back, target, masks, provenances)
    if right is None:
        return None
    turned = [
        _StepEdges(graph, step, edges.reached, edges.rows)
        for step, edges in zip(metapath[middle:], reversed(right), strict=True)
    ]
    return [*left, *turned]


def _sum_between(
    steps: list[_StepEdges], types: list[str], source: int, target: int, damping: float
) -> float:
    matrices = [step.matrix(damping) for step in steps]
    start = matrices[0][[source]].toarray().ravel()
    if len(matrices) == 1:
        return float(start[target])
    end = matrices[-1][:, [target]].toarray().ravel()
    return float(sum_from(matrices[1:-1], types[1:-1], start, end))


def _check_length(metapath: Metapath) -> None:
    if len(metapath) > MOST_STEPS:
        raise SchemaError(
            f"{abbreviate(metapath)} has {len(metapath)} steps; "
            f"paths are counted along up to {MOST_STEPS}"
        )


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


def _power(values: Any, damping: float) -> Any:
    with np.errstate(divide="ignore"):
        powers = values**-damping
    return np.where(values > 0, powers, 0.0)
