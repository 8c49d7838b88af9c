"""Sums over paths that visit no node twice, as sparse products.

Walks are counted by multiplying the steps' matrices. The walks that come back to a node are taken
off by inclusion-exclusion over which equal-typed positions coincide: every set partition of the
positions into same-typed blocks contributes its sum of walks with the Moebius sign. A walk whose
positions coincide is a small network of blocks, summed up block by block.
"""

from collections.abc import Iterator, Sequence
from math import factorial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Blocks = list[tuple[int, ...]]  # positions that are one node, each position once


def sum_of_pairs(steps: "Sequence[csr_matrix]", types: Sequence[str]) -> "csr_matrix":
    """(n_sources, n_targets) sums over all paths; exact for up to four steps.

    Args:
        steps: one matrix a step, (nodes of the step's source, nodes of its target).
        types: the node type of each position, one more than there are steps.
    """
    from scipy.sparse import csr_matrix

    (_, finest), *others = _terms(types)
    walks: Any = _pairs(steps, finest)
    total = walks
    for sign, blocks in others:
        total = total + sign * _pairs(steps, blocks)
    if others:  # what rounding left of pairs whose walks all come back
        total = total.multiply(total > 1e-10 * walks)
    result = csr_matrix(total)
    result.eliminate_zeros()
    return result


def sum_from(
    steps: "Sequence[csr_matrix]",
    types: Sequence[str],
    start: NDArray[np.float64],
    end: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Sums over all paths that begin with the weights ``start``; exact for up to five steps.

    Args:
        steps: one matrix a step; none for paths of one node.
        types: the node type of each position, one more than there are steps.
        start: (n_first,) weight of each node of the first position.
        end: (n_last,) weight of each node of the last position.

    Returns:
        (n_last,) a sum for each last node; with ``end`` a single number, of shape ().
    """
    total: Any = 0
    for sign, blocks in _terms(types):
        between, loops, block_of = _network(steps, blocks)
        _scale(loops, block_of[0], start)
        last = block_of[len(types) - 1]
        if end is not None:
            _scale(loops, last, end)
        _contract(between, loops, [i for i in range(len(blocks)) if i != last])
        total = total + sign * (loops[last] if end is None else loops[last].sum())
    return np.asarray(total, np.float64)


def _terms(types: Sequence[str]) -> Iterator[tuple[int, Blocks]]:
    """Sign and blocks of every partition; first the one of all walks."""
    finest: Blocks = [(i,) for i in range(len(types))]
    yield 1, finest
    for blocks in _partitions(list(range(len(types))), types):
        if len(blocks) < len(types):
            sign = 1
            for block in blocks:
                sign *= (-1) ** (len(block) - 1) * factorial(len(block) - 1)
            yield sign, blocks


def _partitions(positions: list[int], types: Sequence[str]) -> list[Blocks]:
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


def _pairs(steps: "Sequence[csr_matrix]", blocks: Blocks) -> Any:
    """Walk sums with the positions of each block held equal: (n_sources, n_targets) sparse."""
    from scipy.sparse import csr_matrix, diags_array

    between, loops, block_of = _network(steps, blocks)
    source, target = block_of[0], block_of[len(steps)]
    _contract(between, loops, [i for i in range(len(blocks)) if i not in {source, target}])
    if source == target:
        return csr_matrix(diags_array(loops.get(source, np.ones(steps[0].shape[0]))))
    matrix = between[source, target] if (source, target) in between else between[target, source].T
    if source in loops:
        matrix = diags_array(loops[source]) @ matrix
    if target in loops:
        matrix = matrix @ diags_array(loops[target])
    return csr_matrix(matrix)


def _network(
    steps: "Sequence[csr_matrix]", blocks: Blocks
) -> tuple[dict[tuple[int, int], Any], dict[int, Any], dict[int, int]]:
    """Matrices between two blocks, weights of a block's nodes, and the block of each position.

    Parallel steps between the same two blocks merge by elementwise product; a step inside one block
    leaves its diagonal.
    """
    from scipy.sparse import csr_matrix

    block_of = {position: i for i, block in enumerate(blocks) for position in block}
    between: dict[tuple[int, int], Any] = {}
    loops: dict[int, Any] = {}
    for i, matrix in enumerate(steps):
        a, b = block_of[i], block_of[i + 1]
        if a == b:
            _scale(loops, a, matrix.diagonal())
            continue
        if (b, a) in between:
            a, b, matrix = b, a, csr_matrix(matrix.T)  # noqa: PLW2901
        known = between.get((a, b))
        between[a, b] = matrix if known is None else known.multiply(matrix).tocsr()
    return between, loops, block_of


def _contract(
    between: dict[tuple[int, int], Any], loops: dict[int, Any], blocks: list[int]
) -> None:
    """Sum over all nodes of ``blocks``, the least joined first."""
    while blocks:
        blocks.sort(key=lambda block: sum(block in pair for pair in between))
        _eliminate(blocks.pop(0), between, loops)


def _eliminate(block: int, between: dict[tuple[int, int], Any], loops: dict[int, Any]) -> None:
    """Sum over all nodes of a block with one or two neighbours."""
    from scipy.sparse import csr_matrix, diags_array

    pairs = [pair for pair in between if block in pair]
    weights = loops.pop(block, None)
    oriented = []
    for pair in pairs:
        matrix = between.pop(pair)
        other = pair[0] if pair[1] == block else pair[1]
        oriented.append((other, matrix if pair[1] == block else csr_matrix(matrix.T)))
    if len(oriented) == 1:
        other, matrix = oriented[0]
        sums = matrix.sum(axis=1) if weights is None else matrix @ weights
        _scale(loops, other, np.asarray(sums).ravel())
    elif len(oriented) == 2:
        (left, a), (right, b) = oriented
        product = (a if weights is None else a @ diags_array(weights)) @ csr_matrix(b.T)
        if (right, left) in between:
            left, right, product = right, left, csr_matrix(product.T)
        known = between.get((left, right))
        between[left, right] = product if known is None else known.multiply(product).tocsr()
    else:
        raise ValueError("a metapath of this shape cannot be counted exactly")


def _scale(loops: dict[int, Any], block: int, weights: Any) -> None:
    loops[block] = weights if block not in loops else loops[block] * weights
