"""Who is trained on and who is tested: diseases, drugs or pairs dealt into folds.

A disease that resembles a test disease gives its drugs away, so grouped folds deal whole groups of
diseases: the connected components of those resembles and subclass_of edges whose two ends have
nearly the same company. Without the cut nearly all diseases hang together. All functions say rows
only; hiding them is :meth:`recommend.interactions.TrainingData.without`.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommend.errors import ModelError
from recommend.interactions import (
    ALIKE_DISEASES,
    BROADER_DISEASES,
    Pairs,
    TrainingData,
    from_pairs,
    to_pairs,
)

CUT = 0.4  # on Hetionet: 33 groups of the 77 treated diseases, the largest of 9
N_FOLDS = 5
SHARES = (0.64, 0.16, 0.20)  # of the treats edges: train, validation, test

Rows = NDArray[np.int64]  # (n,) sorted


class PairSplit(NamedTuple):
    """The treats edges in three parts without a pair in common, each sorted.

    Attributes:
        train: (n, 2) 64 %.
        validation: (n, 2) 16 %.
        test: (n, 2) 20 %.
    """

    train: Pairs
    validation: Pairs
    test: Pairs


def disease_groups(training: TrainingData, diseases: Iterable[int], cut: float = CUT) -> list[Rows]:
    """``diseases`` in groups that must stay together, in the order of their least rows.

    Two of them are joined by a resembles or subclass_of edge whose ends' closed neighbourhoods (a
    disease and all that such edges join it to, whether among ``diseases`` or not) have a Jaccard
    index of at least ``cut``; a group is a connected component among ``diseases``.

    Args:
        training: these edges; nothing may be hidden of them yet.
        diseases: rows; repeated ones count once.
        cut: 0 joins along every such edge, above 1 along none.
    """
    rows = np.unique(np.fromiter(diseases, np.int64))
    broader = training.matrix(BROADER_DISEASES)
    alike = sp.csr_matrix(training.matrix(ALIKE_DISEASES) + broader + broader.T)
    alike.data[:] = 1
    closed = (alike + sp.eye_array(alike.shape[0], format="csr")).tocsr()
    closed.data[:] = 1
    heads, tails = to_pairs(alike).T
    shared = np.asarray(closed[heads].multiply(closed[tails]).sum(axis=1)).ravel()
    sizes = np.diff(closed.indptr)
    close = shared / (sizes[heads] + sizes[tails] - shared) >= cut
    joined = from_pairs(np.stack([heads[close], tails[close]], axis=1), alike.shape)
    _, labels = sp.csgraph.connected_components(joined[rows][:, rows], directed=False)
    # Labels are dealt in the order of first appearance: that of the least rows.
    return [rows[labels == label] for label in dict.fromkeys(labels.tolist())]


def disease_folds(
    training: TrainingData,
    n: int = N_FOLDS,
    seed: int = 0,
    *,
    grouped: bool = True,
    cut: float = CUT,
) -> list[Rows]:
    """The treated diseases in ``n`` folds of nearly equal numbers, each disease in exactly one.

    Groups are dealt from the largest, each to the fold that has fewest diseases; among equals the
    order is drawn.

    Args:
        training: treats edges, and the resembles edges that make the groups.
        n: how many folds, at least 2.
        seed: draws the order.
        grouped: keep the groups of :func:`disease_groups` together; otherwise each disease is
            dealt alone.
        cut: see :func:`disease_groups`.

    Raises:
        ModelError: fewer than two folds, or fewer treated diseases (or groups of them) than folds.
    """
    treated = np.unique(to_pairs(training.treats)[:, 1])
    if grouped:
        groups = disease_groups(training, treated, cut)
    else:
        groups = [treated[i : i + 1] for i in range(len(treated))]
    what = "treated diseases" + (f" in groups (cut {cut:g})" if grouped else "")
    return _deal(groups, n, seed, what)


def drug_folds(training: TrainingData, n: int = N_FOLDS, seed: int = 0) -> list[Rows]:
    """The drugs that treat something in ``n`` folds of nearly equal numbers, drawn by ``seed``.

    Raises:
        ModelError: fewer than two folds, or fewer such drugs than folds.
    """
    drugs = np.unique(to_pairs(training.treats)[:, 0])
    return _deal([drugs[i : i + 1] for i in range(len(drugs))], n, seed, "drugs that treat")


def pair_splits(training: TrainingData, seed: int = 0) -> PairSplit:
    """The treats edges in 64 % train, 16 % validation and 20 % test, drawn by ``seed``.

    Raises:
        ModelError: too few edges for one in each part.
    """
    pairs = to_pairs(training.treats)
    train, validation = np.round(np.cumsum(SHARES[:2]) * len(pairs)).astype(np.int64)
    if not 0 < train < validation < len(pairs):
        raise ModelError(
            f"{len(pairs)} treats edges cannot be split into train, validation and test: "
            "each part needs at least one"
        )
    order = np.random.default_rng([seed, len(pairs)]).permutation(len(pairs))
    parts = np.split(order, [train, validation])
    return PairSplit(*(pairs[np.sort(part)] for part in parts))


def _deal(groups: Sequence[Rows], n: int, seed: int, what: str) -> list[Rows]:
    """``groups`` in ``n`` folds, the largest first, each to the fold with fewest members."""
    if n < 2:
        raise ModelError(f"{n} folds leave nothing to train on: it takes at least 2")
    if len(groups) < n:
        raise ModelError(f"{len(groups)} {what} cannot fill {n} folds: use fewer folds")
    rng = np.random.default_rng([seed, len(groups)])
    order = rng.permutation(len(groups)).tolist()
    order.sort(key=lambda i: -len(groups[i]))  # stable: equals stay in the drawn order
    folds: list[list[Rows]] = [[] for _ in range(n)]
    sizes = np.zeros(n, np.int64)
    for i in order:
        fold = int(sizes.argmin())
        folds[fold].append(groups[i])
        sizes[fold] += len(groups[i])
    return [np.sort(np.concatenate(fold)) for fold in folds]
