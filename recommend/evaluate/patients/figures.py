"""How good rankings of all drugs are, one ranking an encounter.

A drug that is not suggested has the score minus infinity and never counts as found. Drugs that the
patient had before can not be newly started and are not ranked, by whatever row. Equal scores are
ordered by row: the rows break their ties by popularity, so that chance decides nothing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]  # (n, n_drugs)
Mask = NDArray[np.bool_]  # (n, n_drugs)

AT = (1, 5, 10)
DEPTH = 10
LIST = 5  # drugs of a list that is judged as a set


@dataclass(frozen=True, eq=False)
class Ranked:
    """The drugs of each encounter, best first.

    Attributes:
        order: (n, n_drugs) columns, best first.
        right: (n, n_drugs) whether the drug in that place was started.
        n_right: (n,) how many were started.
        n_listed: (n,) how many are suggested at all; the first so many places.
    """

    order: NDArray[np.int64]
    right: Mask
    n_right: NDArray[np.int64]
    n_listed: NDArray[np.int64]


def rank(scores: Scores, started: Mask, had: Mask) -> Ranked:
    """Rank all drugs that a patient has not had.

    Args:
        scores: (n, n_drugs) higher is better, minus infinity for what is not suggested.
        started: (n, n_drugs) at least one in each row, none of them in ``had``.
        had: (n, n_drugs) given before.
    """
    shown = np.where(had, -np.inf, scores)
    order = np.argsort(-shown, axis=1, kind="stable")
    listed = np.isfinite(np.take_along_axis(shown, order, axis=1))
    right = np.take_along_axis(started, order, axis=1) & listed
    return Ranked(order, right, started.sum(axis=1), listed.sum(axis=1))


def figures(ranked: Ranked) -> dict[str, NDArray[np.float64]]:
    """(n,) for each figure of one encounter's ranking.

    NDCG with a gain of 1 and the discount 1 / log2(1 + place), against the best order there is;
    MAP over all places; Jaccard and F1 of the first :data:`LIST` drugs as a set.
    """
    right, n_right = ranked.right, ranked.n_right
    places = np.arange(1, right.shape[1] + 1)
    found = np.cumsum(right, axis=1, dtype=np.int64)
    result = {f"Recall@{k}": _at(found, k) / n_right for k in AT}
    discount = 1 / np.log2(1 + np.arange(1, DEPTH + 1))
    best = np.cumsum(discount)
    top = right[:, :DEPTH]
    gained = top @ discount[: top.shape[1]]
    result[f"NDCG@{DEPTH}"] = gained / best[np.minimum(n_right, DEPTH) - 1]
    result["MAP"] = (right * found / places).sum(axis=1) / n_right
    hits = _at(found, LIST)
    size = np.minimum(ranked.n_listed, LIST)
    result[f"Jaccard@{LIST}"] = hits / (size + n_right - hits)
    result[f"F1@{LIST}"] = 2 * hits / (size + n_right)
    return result


def _at(found: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    return np.asarray(found[:, min(k, found.shape[1]) - 1], np.int64)


def shares(scores: Scores, had: Mask) -> NDArray[np.float64]:
    """(n, n_drugs) scores as shares of new starts that add up to 1, so that encounters compare.

    For the precision-recall curve over all pairs; a softmax, for scores that are logarithms.
    """
    shown = np.where(had, -np.inf, scores)
    odds = np.exp(shown - shown.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def interacting(
    ranked: Ranked, lately: Mask, interacts: Mask, *, depth: NDArray[np.int64]
) -> NDArray[np.int64]:
    """(n,) how many of the first ``depth`` drugs interact with a drug that is taken, or each other.

    Args:
        ranked: the rankings.
        lately: (n, n_drugs) what may be taken.
        interacts: (n_drugs, n_drugs) symmetric, contraindicated or major.
        depth: (n,) how many places; as many as were actually started, so that both compare.
    """
    result = np.zeros(len(depth), np.int64)
    for i, order in enumerate(ranked.order):
        chosen = order[: min(depth[i], ranked.n_listed[i])]
        beside = lately[i].copy()
        beside[chosen] = True
        result[i] = interacts[chosen][:, beside].any(axis=1).sum()
    return result
