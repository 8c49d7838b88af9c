"""How good a ranking and its probabilities are.

Most figures take ``scores`` (n,) where higher is better and ``positives`` (n,) of booleans: one
disease, or all pairs in one list. Equal scores are never broken in the positives' favour. What
removes the fame of a drug (:func:`degree_matched`, :func:`beyond_main_effects`) needs the whole
matrix. Figures with intervals over diseases are :mod:`~recommend.evaluate.samples`.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recommend.evaluate.curves import ReliabilityBin

N_BINS = 15  # of equal mass; the customary number (Guo et al. 2017, arXiv:1706.04599)


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


def recall_at(k: int, scores: ArrayLike, positives: ArrayLike) -> float:
    """The share of the positives that are among the ``k`` best of all.

    Not filtered: another positive takes a place too. Those that tie for the last places share them.

    Raises:
        ValueError: there is no positive or no negative, or ``k`` is less than 1.
    """
    good, bad = _split(scores, positives)
    everything = np.sort(np.concatenate([good, bad]))
    if k < 1:
        raise ValueError(f"a list of the best must have at least 1 place, not {k}")
    if k >= len(everything):
        return 1.0
    last = everything[-k]
    n_above, n_tied = _above(everything, last)
    good_above, good_tied = _above(good, last)
    return (good_above + good_tied * (k - n_above) / n_tied) / len(good)


def brier(probabilities: ArrayLike, positives: ArrayLike) -> float:
    """The mean squared difference between probability and outcome; 0 is perfect.

    Raises:
        ValueError: lists of two lengths or of none, or a probability outside 0..1.
    """
    forecast, outcome = _forecast(probabilities, positives)
    return float(((forecast - outcome) ** 2).mean())


def brier_skill(probabilities: ArrayLike, positives: ArrayLike) -> float:
    """By which share the Brier score is below that of saying the prevalence of every pair.

    1 is perfect, 0 or less is useless. The prevalence is that of these very pairs, which nobody
    knew beforehand: the yardstick is as strict as can be.

    Raises:
        ValueError: as :func:`brier`, or there is no positive or no negative.
    """
    prevalence = _forecast(probabilities, positives)[1].mean()
    if prevalence in {0, 1}:
        raise ValueError("a skill needs at least one positive and one negative")
    return float(1 - brier(probabilities, positives) / (prevalence * (1 - prevalence)))


def mass_bins(probabilities: ArrayLike, n_bins: int) -> NDArray[np.int64]:
    """(n,) the bin of each probability, from 0, ascending; equally many in each but for ties.

    Equal probabilities are in one bin, that in which the middle of them falls, so the order of the
    list does not matter. Bins that this leaves empty are not counted.
    """
    _, group, size = np.unique(
        np.asarray(probabilities, np.float64), return_inverse=True, return_counts=True
    )
    middle = np.cumsum(size) - size / 2
    bins = np.floor(middle * n_bins / len(group)).astype(np.int64)
    number = np.cumsum(np.diff(bins, prepend=-1) > 0) - 1  # again, without the empty ones
    return np.asarray(number, np.int64)[group]


def reliability(
    probabilities: ArrayLike, positives: ArrayLike, *, n_bins: int = N_BINS
) -> list[ReliabilityBin]:
    """What was predicted and what was observed, in bins of equal mass, by ascending probability.

    See :func:`mass_bins`.

    Raises:
        ValueError: as :func:`brier`.
    """
    forecast, outcome = _forecast(probabilities, positives)
    bins = mass_bins(forecast, n_bins)
    n = np.bincount(bins)
    predicted = np.bincount(bins, forecast) / n
    observed = np.bincount(bins, outcome) / n
    columns = zip(predicted.tolist(), observed.tolist(), n.tolist(), strict=True)
    return [{"predicted": p, "observed": o, "n": size} for p, o, size in columns]


def expected_calibration_error(
    probabilities: ArrayLike, positives: ArrayLike, *, n_bins: int = N_BINS
) -> float:
    """The mean over pairs of how far prediction and observation differ in their bin; 0 is perfect.

    Bins are those of :func:`reliability`. Saying the prevalence of every pair reaches 0, so it is
    read beside :func:`brier_skill`.

    Raises:
        ValueError: as :func:`brier`.
    """
    bins = reliability(probabilities, positives, n_bins=n_bins)
    apart = sum(b["n"] * abs(b["predicted"] - b["observed"]) for b in bins)
    return apart / sum(b["n"] for b in bins)


def drug_entropy(scores: NDArray[np.floating], n: int) -> float:
    """The entropy, in bits, of the drugs in the lists of the ``n`` best of each disease.

    ``log2(n)`` where all diseases have the same list, ``log2(n * n_diseases)`` where no drug is in
    two. Among equals the first rows are listed.

    Args:
        scores: (n_drugs, n_diseases), higher is better.
        n: how many drugs a list has, at most all.
    """
    best = np.argsort(-scores, axis=0, kind="stable")[:n]
    share = np.unique(best, return_counts=True)[1] / best.size
    return float(-(share * np.log2(share)).sum())


def drug_strata(
    treats_degree: NDArray[np.integer], gene_degree: NDArray[np.integer]
) -> NDArray[np.int64]:
    """(n_drugs,) the stratum of each drug: treats {0, 1, 2, 3+} x genes {0, 1-4, 5-14, 15+}.

    Args:
        treats_degree: (n_drugs,) treats edges of each in the view that was trained on.
        gene_degree: (n_drugs,) genes that each binds.
    """
    by_treats = np.searchsorted([1, 2, 3], treats_degree, side="right")
    by_genes = np.searchsorted([1, 5, 15], gene_degree, side="right")
    return by_treats * 4 + by_genes


def degree_matched(
    scores: NDArray[np.floating],
    positives: NDArray[np.bool_],
    strata: NDArray[np.int64],
    candidates: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Numerator and denominator of the degree-matched AUROC, each (n_diseases,).

    ``samples.Ratio(*degree_matched(...))`` is the figure with its bootstrap; without one it is
    ``numerator.sum() / denominator.sum()``. A positive is compared only with negatives of the same
    disease whose drug is of the same stratum; a tie counts half. A positive without such negatives
    does not count, all others count alike.

    Args:
        scores: (n_drugs, n_diseases), higher is better.
        positives: (n_drugs, n_diseases).
        strata: (n_drugs,) of :func:`drug_strata`, at least 0.
        candidates: (n_drugs, n_diseases) which pairs are ranked at all; None for all.

    Raises:
        ValueError: arrays of different shapes.
    """
    asked = np.ones(scores.shape, np.bool_) if candidates is None else candidates
    if not scores.shape == positives.shape == asked.shape or len(strata) != len(scores):
        raise ValueError(
            f"scores {scores.shape}, positives {positives.shape}, candidates {asked.shape} and "
            f"strata {strata.shape} must be of the same drugs and diseases"
        )
    drug, disease = np.nonzero(asked)
    value, right = scores[drug, disease], positives[drug, disease]
    group = disease * (strata.max(initial=0) + 1) + strata[drug]
    order = np.lexsort((value, group))
    value, right, group = value[order], right[order], group[order]
    n_bad = np.concatenate([[0], np.cumsum(~right)])  # negatives before each place
    new_group = _changes(group)
    start, end = _runs(new_group)
    tie_start, tie_end = _runs(new_group | _changes(value))
    in_group = n_bad[end] - n_bad[start]
    won = (n_bad[tie_start] + n_bad[tie_end]) / 2 - n_bad[start]
    counts = right & (in_group > 0)
    column, n_diseases = disease[order][counts], scores.shape[1]
    share = won[counts] / in_group[counts]
    numerator = np.bincount(column, share, minlength=n_diseases)
    denominator = np.bincount(column, minlength=n_diseases)
    return numerator.astype(np.float64), denominator.astype(np.float64)


def beyond_main_effects(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """(n_drugs, n_diseases) what a pair has above the mean of its drug and of its disease.

    Fame of a drug lifts its whole row and is taken away. Taken on the logit of the rank among all
    pairs (equals at their mean), so that the scale of the scores does not matter.

    Args:
        scores: (n_drugs, n_diseases), higher is better.
    """
    _, group, size = np.unique(scores, return_inverse=True, return_counts=True)
    quantile = ((np.cumsum(size) - size / 2) / scores.size)[group].reshape(scores.shape)
    logit = np.log(quantile / (1 - quantile))
    drug, disease = logit.mean(axis=1, keepdims=True), logit.mean(axis=0, keepdims=True)
    return np.asarray(logit - drug - disease + logit.mean(), np.float64)


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


def _above(ascending: NDArray[np.float64], score: float) -> tuple[int, int]:
    """How many are above ``score``, and how many are equal to it."""
    not_above = int(np.searchsorted(ascending, score, side="right"))
    return len(ascending) - not_above, not_above - int(np.searchsorted(ascending, score))


def _forecast(
    probabilities: ArrayLike, positives: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The probabilities, and the outcomes as 0 and 1."""
    forecast, outcome = np.asarray(probabilities, np.float64), np.asarray(positives, np.bool_)
    if forecast.ndim != 1 or forecast.shape != outcome.shape or not len(forecast):
        raise ValueError(
            f"probabilities {forecast.shape} and positives {outcome.shape} must be equal lists"
        )
    if not ((forecast >= 0) & (forecast <= 1)).all():
        raise ValueError("a probability lies outside 0..1; were these scores calibrated?")
    return forecast, outcome.astype(np.float64)


def _changes(values: NDArray[Any]) -> NDArray[np.bool_]:
    """(n,) where a value is not that of the place before; the first always."""
    return np.concatenate([[True], values[1:] != values[:-1]])[: len(values)]


def _runs(is_first: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(n,) where the run of each place begins and ends, given where runs begin."""
    bounds = np.append(np.flatnonzero(is_first), len(is_first))
    run = np.cumsum(is_first) - 1
    return bounds[run], bounds[run + 1]
