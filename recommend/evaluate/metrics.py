"""Ranking figures of one list of scores, and intervals of their mean.

Each takes ``scores`` (n,) where higher is better and ``positives`` (n,) of booleans. Equal scores
are never broken in the positives' favour.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def auroc(scores: ArrayLike, positives: ArrayLike) -> float:
    """The chance that a positive scores above a negative; a tie counts half.

    Raises:
        ValueError: there is no positive or no negative.
    """
    good, bad = _split(scores, positives)
    below = np.searchsorted(bad, good, side="left")
    not_above = np.searchsorted(bad, good, side="right")
    return float((below + not_above).mean() / (2 * len(bad)))


def average_precision(scores: ArrayLike, positives: ArrayLike) -> float:
    """The mean over the positives of the precision at their score.

    All that score the same enter at once: a positive among ties has the precision at their end.

    Raises:
        ValueError: there is no positive or no negative.
    """
    good, bad = _split(scores, positives)
    good_at = len(good) - np.searchsorted(good, good, side="left")
    bad_at = len(bad) - np.searchsorted(bad, good, side="left")
    return float((good_at / (good_at + bad_at)).mean())


def ranks(scores: ArrayLike, positives: ArrayLike) -> NDArray[np.float64]:
    """(n_positives,) the rank of each positive among the negatives, from 1, best first.

    Filtered: other positives do not count. Among equals the mean of the optimistic and the
    pessimistic rank.

    Raises:
        ValueError: there is no positive or no negative.
    """
    good, bad = _split(scores, positives)
    above = len(bad) - np.searchsorted(bad, good, side="right")
    not_below = len(bad) - np.searchsorted(bad, good, side="left")
    return np.sort(1 + (above + not_below) / 2)


def mean_reciprocal_rank(scores: ArrayLike, positives: ArrayLike) -> float:
    """The mean of 1 / rank over the positives; see :func:`ranks`."""
    return float((1 / ranks(scores, positives)).mean())


def hits_at(k: int, scores: ArrayLike, positives: ArrayLike) -> float:
    """The share of positives whose rank is at most ``k``; see :func:`ranks`."""
    return float((ranks(scores, positives) <= k).mean())


def bootstrap_interval(
    values: Sequence[float] | NDArray[np.float64], *, seed: int, n_draws: int = 2000
) -> tuple[float, float]:
    """The 95 % percentile interval of the mean of ``values``, one value a disease.

    Whole diseases are drawn with replacement: their pairs are not independent.

    Raises:
        ValueError: there are no values.
    """
    numbers = np.asarray(values, np.float64)
    if not len(numbers):
        raise ValueError("an interval needs at least one value")
    rng = np.random.default_rng(seed)
    means = numbers[rng.integers(len(numbers), size=(n_draws, len(numbers)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def _split(
    scores: ArrayLike, positives: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The scores of the positives and of the negatives, each ascending."""
    numbers, mask = np.asarray(scores, np.float64), np.asarray(positives, np.bool_)
    if numbers.ndim != 1 or numbers.shape != mask.shape:
        raise ValueError(f"scores {numbers.shape} and positives {mask.shape} must be equal lists")
    if mask.all() or not mask.any():
        raise ValueError("a ranking needs at least one positive and one negative")
    return np.sort(numbers[mask]), np.sort(numbers[~mask])
