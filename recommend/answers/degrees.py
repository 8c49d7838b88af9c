"""Ranks: among all drugs, and among drugs of equal degree, beyond how often each is recorded.

A drug that treats many diseases scores well for every disease. Compared only with drugs that treat
about as many, it has to do better than its fame. Degrees are pooled from the highest down until a
group has enough drugs to be a rank among.

Hypotheses stand by their place in their group, first by first, then by score: the best of each
group come before the second of any. (The share of its group that a drug beats was tried in its
stead: nine of ten drugs treat nothing that is recorded, and the best of so many beat a greater
share than the best of a hundred can. See ``docs/evaluation.md``.)
"""

import numpy as np
from numpy.typing import NDArray

GROUP = 100  # drugs in a group, at least: one place is one percent of it at most


def percentiles(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """The share of drugs that each drug beats, column by column; a tie counts half.

    Args:
        scores: (n_drugs,) or (n_drugs, n_diseases).

    Returns:
        The same shape, strictly between 0 and 1; 0.5 throughout where all scores are equal.
    """
    columns = scores.reshape(len(scores), -1)
    result = np.empty(columns.shape, np.float32)
    for j in range(columns.shape[1]):
        ordered = np.sort(columns[:, j])
        below = np.searchsorted(ordered, columns[:, j], side="left")
        not_above = np.searchsorted(ordered, columns[:, j], side="right")
        result[:, j] = (below + not_above) / (2 * len(ordered))
    return result.reshape(scores.shape)


def degree_groups(degrees: NDArray[np.integer], *, least: int = GROUP) -> NDArray[np.int64]:
    """(n_drugs,) the group of each drug; group 0 has the lowest degrees.

    Equal degrees share a group. Every group has ``least`` drugs, unless there are fewer in all.

    Args:
        degrees: (n_drugs,) how many diseases each is recorded to treat.
        least: drugs in a group.
    """
    values, counts = np.unique(degrees, return_counts=True)
    bounds, size = [], 0  # lowest degree of each group, highest group first
    for value, count in zip(values[::-1].tolist(), counts[::-1].tolist(), strict=True):
        size += count
        if size >= least:
            bounds.append(value)
            size = 0
    if size and bounds:
        bounds[-1] = values[0]  # what is left joins the lowest group
    edges = np.array(bounds[::-1] or [values[0] if len(values) else 0])
    return np.asarray(np.searchsorted(edges, degrees, side="right") - 1, np.int64)


def degree_ranks(
    scores: NDArray[np.floating], groups: NDArray[np.int64], candidates: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """(n_drugs,) the share of candidates of its own group that each beats; a tie counts half.

    Strictly between 0 and 1 for candidates, 0 for all others.

    Args:
        scores: (n_drugs,) for one disease, higher is better.
        groups: (n_drugs,) of :func:`degree_groups`.
        candidates: (n_drugs,) which drugs are compared.
    """
    result = np.zeros(len(scores), np.float32)
    for group in np.unique(groups[candidates]).tolist():
        rows = np.flatnonzero(candidates & (groups == group))
        values = scores[rows]
        ordered = np.sort(values)
        below = np.searchsorted(ordered, values, side="left")
        not_above = np.searchsorted(ordered, values, side="right")
        result[rows] = (below + not_above) / (2 * len(rows))
    return result


def standing(
    scores: NDArray[np.floating], groups: NDArray[np.int64], candidates: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """(n_drugs,) the share of candidates that stand behind each, by place in its group.

    Candidates of equal place stand by score, then by row. Strictly between 0 and 1 and all
    different for candidates, 0 for all others.

    Args:
        scores: (n_drugs,) for one disease, higher is better.
        groups: (n_drugs,) of :func:`degree_groups`.
        candidates: (n_drugs,) which drugs are compared.
    """
    rows = np.flatnonzero(candidates)
    best_first = rows[np.argsort(-scores[rows], kind="stable")]
    places = np.empty(len(rows), np.int64)
    for group in np.unique(groups[rows]).tolist():
        here = groups[best_first] == group
        places[here] = np.arange(here.sum())
    order = best_first[np.argsort(places, kind="stable")]
    result = np.zeros(len(scores), np.float32)
    result[order] = 1 - (np.arange(len(order)) + 0.5) / max(len(order), 1)
    return result
