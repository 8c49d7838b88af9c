"""What the plots of a report are drawn from: plain lists, so that a report is JSON as it stands.

``TrackReport.curves`` is a mapping from the name of a model to its :class:`Curves`. A kind of curve
that a track does not measure is left out, and the report then has no such plot.
"""

from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike


class PrecisionRecall(TypedDict):
    """Precision at each recall, over all pairs of a track; made by :func:`precision_recall`.

    Attributes:
        recall: 0..1, ascending.
        precision: 0..1, one for each recall.
        prevalence: the share of positives among the pairs: what chance reaches.
    """

    recall: list[float]
    precision: list[float]
    prevalence: float


class ReliabilityBin(TypedDict):
    """Pairs of nearly the same predicted probability.

    Attributes:
        predicted: 0..1, the mean of what was predicted for them.
        observed: 0..1, the share of them that is recorded.
        n: how many they are.
    """

    predicted: float
    observed: float
    n: int


class Reliability(TypedDict):
    """One line of the reliability diagram.

    Attributes:
        group: which pairs, for people to read: ``"all"``, or ``"low treats-degree"``.
        bins: of equal mass, by ascending prediction.
    """

    group: str
    bins: list[ReliabilityBin]


class RankByDegree(TypedDict):
    """Where the positives landed, against how well known their drug is.

    Attributes:
        degree: of the drug of each positive, in treats edges of the view that was trained on.
        rank: of the positive among the drugs of its disease, from 1, ties at their mean.
        n_ranked: how many drugs were ranked.
    """

    degree: list[int]
    rank: list[float]
    n_ranked: int


class Curves(TypedDict, total=False):
    """All curves of one model; each may be missing.

    Attributes:
        precision_recall: see :class:`PrecisionRecall`.
        reliability: see :class:`Reliability`; the line of all pairs first, then its parts.
        rank_by_degree: see :class:`RankByDegree`.
    """

    precision_recall: PrecisionRecall
    reliability: list[Reliability]
    rank_by_degree: RankByDegree


def precision_recall(scores: ArrayLike, positives: ArrayLike) -> PrecisionRecall:
    """One point for every score that a positive has, at the end of its ties.

    Args:
        scores: (n,) or (n_drugs, n_diseases), higher is better.
        positives: the same shape, of booleans.

    Raises:
        ValueError: another shape, or no positive.
    """
    numbers, right = np.asarray(scores, np.float64), np.asarray(positives, np.bool_)
    if numbers.shape != right.shape:
        raise ValueError(f"scores {numbers.shape} and positives {right.shape} must be of one shape")
    if not right.any():
        raise ValueError("a precision-recall curve needs at least one positive")
    good, everything = np.sort(numbers[right]), np.sort(numbers, axis=None)
    cuts = np.unique(good)[::-1]
    n_good = len(good) - np.searchsorted(good, cuts)
    n_all = len(everything) - np.searchsorted(everything, cuts)
    return {
        "recall": (n_good / len(good)).tolist(),
        "precision": (n_good / n_all).tolist(),
        "prevalence": len(good) / len(everything),
    }
