"""The same graph with all meaning but the degrees taken out: the negative control.

XSwap (Hanhijärvi, Garriga and Puolamäki, "Randomization techniques for graphs", SDM 2009): two
random edges of one type exchange their tails unless that makes an edge twice or joins a node to
itself. Every node keeps its degree in every edge type. What a model still finds on the result is
degree.

Swaps are proposed in batches, on a random matching of the edges. A proposal is dropped if an edge
that it would make is there, or if any of its four edges (two old, two new) is also one of another
proposal's. Neither test can tell a batch from the batch that undoes it, so batches are as likely
one way as back, and all graphs that can be reached become equally likely, as with swaps one by one.
"""

import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from kg.schema import EdgeType, edge_spec
from recommend.interactions import Pairs, TrainingData, from_pairs, to_pairs

MULTIPLIER = 10  # swaps tried per edge, as Himmelstein et al. did for the permuted hetnets
TRIED = 0.25  # swaps tried per edge in a batch, on average; a batch can hold half as many as edges


def permute(training: TrainingData, seed: int, multiplier: float = MULTIPLIER) -> TrainingData:
    """A copy in which each edge type is permuted alone, keeping all degrees exactly.

    Symmetric types stay symmetric matrices: swaps work on the unordered edges. Edges from a node
    to itself stay where they are and none is made. *treats* and *palliates* are two types, so a
    pair may be in both afterwards, even if none was before. Histories are permuted too: each
    patient keeps the number of drugs, each drug that of patients.

    Args:
        training: what to permute; it is not changed.
        seed: the same seed gives the same graph; each edge type draws on its own, so leaving one
            out changes no other.
        multiplier: swaps tried per edge; 0 returns the same edges.
    """
    matrices = {
        edge_type: _permute_matrix(
            matrix,
            np.random.default_rng([seed, zlib.crc32(str(edge_type).encode())]),
            multiplier,
            one_type=edge_type.head == edge_type.tail,
            symmetric=edge_spec(edge_type).symmetric,
        )
        for edge_type, matrix in training.matrices.items()
    }
    histories = training.histories
    if histories is not None:
        histories = _permute_matrix(histories, np.random.default_rng(seed), multiplier)
    return replace(training, matrices=matrices, histories=histories)


def unchanged(before: TrainingData, after: TrainingData) -> Mapping[EdgeType, float]:
    """Edge type -> the share of its edges of ``before`` that ``after`` has too, 0 to 1.

    Dense types keep some: with high degrees some edges cannot be elsewhere.
    """
    shares = {}
    for edge_type, matrix in before.matrices.items():
        kept = matrix.multiply(after.matrix(edge_type)).nnz
        shares[edge_type] = kept / matrix.nnz
    return shares


def _permute_matrix(
    matrix: sp.csr_matrix,
    rng: np.random.Generator,
    multiplier: float,
    *,
    one_type: bool = False,
    symmetric: bool = False,
) -> sp.csr_matrix:
    pairs = to_pairs(matrix)
    fixed = pairs[:, 0] == pairs[:, 1] if one_type else np.zeros(len(pairs), np.bool_)
    loops, edges = pairs[fixed], pairs[~fixed]
    if symmetric:
        edges = edges[edges[:, 0] < edges[:, 1]]
    for _ in range(math.ceil(multiplier / TRIED)):
        _swap(edges, matrix.shape[1], rng, one_type=one_type, symmetric=symmetric)
    if symmetric:
        edges = np.concatenate([edges, edges[:, ::-1]])
    return from_pairs(np.concatenate([edges, loops]), matrix.shape)


def _swap(
    edges: Pairs, n_columns: int, rng: np.random.Generator, *, one_type: bool, symmetric: bool
) -> None:
    """Try one batch of swaps on ``edges``, in place."""

    def keys(heads: NDArray[np.int64], tails: NDArray[np.int64]) -> NDArray[np.int64]:
        if symmetric:
            heads, tails = np.minimum(heads, tails), np.maximum(heads, tails)
        return heads * n_columns + tails

    matching = rng.permutation(len(edges))
    # Were every pair tried, two edges would swap back and forth and end as they began.
    n_tried = rng.binomial(len(edges) // 2, 2 * TRIED)
    first, second = matching[: 2 * n_tried].reshape(2, n_tried)
    a, b = edges[first].T
    c, d = edges[second].T
    if symmetric:  # an edge has no direction: either end may be the tail
        turned = rng.random(n_tried) < 0.5
        c, d = np.where(turned, d, c), np.where(turned, c, d)
    old, new = (keys(a, b), keys(c, d)), (keys(a, d), keys(c, b))
    repeated = _repeated(np.concatenate([keys(*edges.T), *new]))
    fine = np.ones(n_tried, np.bool_)
    if one_type:
        fine &= (a != d) & (c != b)
    for each in (*old, *new):
        fine &= ~repeated(each)
    edges[first[fine]] = np.stack([a, d], axis=1)[fine]
    edges[second[fine]] = np.stack([c, b], axis=1)[fine]


def _repeated(
    keys: NDArray[np.int64],
) -> Callable[[NDArray[np.int64]], NDArray[np.bool_]]:
    """Whether each of some keys is in ``keys`` more than once.

    The answer is looked up by hash, as a search would cost thirty times as much. Where two hashes
    meet it may be yes without reason: that swap is not made, which is as likely as its undoing.
    """
    in_order = np.sort(keys)
    twice = in_order[1:][in_order[1:] == in_order[:-1]]
    slots = np.zeros(1 << max(16, (16 * len(keys)).bit_length()), np.bool_)
    slots[twice & (len(slots) - 1)] = True
    return lambda some: slots[some & (len(slots) - 1)]
