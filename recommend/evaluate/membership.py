"""Whether a bundle gives away who was in its cohort: a likelihood-ratio attack, measured.

The attack is LiRA (Carlini et al. 2022, "Membership Inference Attacks From First Principles"),
online and with several statistics at once. The attacker has a person's whole history, what the
bundle holds, the way in which bundles are made, and other patients of the same kind; the question
is whether this person was among those that the bundle was made from.

1. *Shadow* bundles are made, each from a random share of the patients.
2. A bundle is read for one patient at a time by a few statistics, such as how well it reproduces
   the history. Over the shadow bundles each patient gets one normal distribution of them with the
   patient in, one with the patient out, and their common covariance.
3. *Target* bundles are made from other random shares. How much more likely their statistics are
   with the patient in than out is the attacker's evidence.

The targets leave some patients out, or there would be nobody to confuse the members with: the
figures are of bundles made as the real one is, from a share of its patients. Another attack may
find more: the figures are of this one and bound no other.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommend.errors import ModelError
from recommend.evaluate.samples import Figures, PooledAuroc, Weights
from recommend.models.base import Arrays, Progress

ATTACK = "online LiRA, Gaussian, on how bundles made with and without a patient fit the history"
FALSE_POSITIVES = 0.01

Members = NDArray[np.bool_]  # (n_patients,) who is in the cohort
Statistics = NDArray[np.float64]  # (n_patients, n_statistics)
Release = Callable[[Members], Mapping[str, NDArray[Any]]]
Read = Callable[[Mapping[str, NDArray[Any]]], Statistics]

_MIN_MODELS = 8  # shadows with, and shadows without each patient, that a mean is taken over
_RIDGE = 0.01  # share of the cohort's covariance in a patient's: a few shadows cannot invert it


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95 % percentile interval over patients."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Membership:
    """What the attack achieved.

    Attributes:
        auc: the chance that a member looks more like one than a non-member; 0.5 is a coin.
        sensitivity: the share of the members that are named when 1 % of the others are named, too.
        n_patients: whose membership was asked for, once a target.
        n_shadows: bundles that the attacker made.
        n_targets: bundles that were attacked.
        share: of the patients, in each bundle that was attacked.
    """

    auc: Estimate
    sensitivity: Estimate
    n_patients: int
    n_shadows: int
    n_targets: int
    share: float

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""

        def spread(figure: Estimate) -> dict[str, float]:
            return {"value": figure.value, "low": figure.low, "high": figure.high}

        return {
            "attack": ATTACK,
            "auc": spread(self.auc),
            "true_positive_rate_at_1_percent": spread(self.sensitivity),
            "n_patients": self.n_patients,
            "n_shadows": self.n_shadows,
            "n_targets": self.n_targets,
            "share": self.share,
        }


def infer_membership(
    release: Release,
    read: Read,
    n_patients: int,
    *,
    share: float = 0.8,
    imitate: Release | None = None,
    imitate_share: float | None = None,
    n_shadows: int = 128,
    n_targets: int = 32,
    n_draws: int = 1000,
    seed: int = 0,
    progress: Progress | None = None,
) -> Membership:
    """Attack what ``release`` makes of a cohort.

    Args:
        release: makes what a bundle would hold of the patients that are in. Where it draws random
            numbers that an attacker could not know, each call draws its own; where it starts from
            a published seed, each call starts from that one.
        read: what the attacker sees in it of each patient, in or not. Finite.
        n_patients: how many patients there are.
        share: of them, in each bundle.
        imitate: how shadows are made, if not by ``release``. Where a release learns from a part of
            the members only, the attacker's best shadows learn from all that they are given.
        imitate_share: of the patients, in each shadow; as ``share`` if None. For an attack on what
            learns from a part, the share of all patients that this is.
        n_shadows: bundles for the attacker; the attack is weaker with fewer than about 100.
        n_targets: bundles to attack.
        n_draws: of the bootstrap over patients.
        seed: of who is in which bundle, and of the bootstrap.
        progress: called after each bundle.

    Raises:
        ModelError: too few patients or shadows to say anything, or a statistic that is not finite.
    """
    of_shadow = share if imitate_share is None else imitate_share
    if not (0 < share < 1 and 0 < of_shadow < 1) or n_patients < 2 or n_targets < 1:
        raise ModelError("an attack needs 2 patients, a target, and shares between 0 and 1")
    rng = np.random.default_rng(seed)
    n_in = round(of_shadow * n_shadows)
    if min(n_in, n_shadows - n_in) < _MIN_MODELS:
        raise ModelError(
            f"{n_shadows} shadows with a share of {of_shadow} leave {n_in} with a patient and "
            f"{n_shadows - n_in} without; {_MIN_MODELS} of each are needed"
        )
    # Each patient is in as many shadows as any other; a target's members are drawn one by one.
    shadows = rng.random((n_shadows, n_patients)).argsort(axis=0) < n_in
    targets = rng.random((n_targets, n_patients)) < share
    steps = n_shadows + n_targets

    def look(make: Release, members: NDArray[np.bool_], done: int) -> NDArray[np.float64]:
        found = []
        for number, row in enumerate(members, done + 1):
            statistics = np.asarray(read(make(row)), np.float64)
            if statistics.shape[:1] != (n_patients,) or not np.isfinite(statistics).all():
                raise ModelError(
                    f"the statistics of a bundle must be finite, a row for each of {n_patients} "
                    f"patients; got the shape {statistics.shape}"
                )
            found.append(statistics)
            if progress is not None:
                progress("membership", number, steps)
        return np.array(found)

    known = look(imitate or release, shadows, 0)
    evidence = log_likelihood_ratios(known, shadows, look(release, targets, n_shadows))
    weights = rng.multinomial(n_patients, np.full(n_patients, 1 / n_patients), size=n_draws)
    units = np.tile(np.arange(n_patients), n_targets)
    everyone = np.vstack([np.ones(n_patients), weights])
    pairs = evidence.ravel(), targets.ravel(), units
    return Membership(
        auc=_estimate(PooledAuroc(*pairs, n_patients).under(everyone)),
        sensitivity=_estimate(sensitivities(*pairs, everyone, FALSE_POSITIVES)),
        n_patients=n_patients,
        n_shadows=n_shadows,
        n_targets=n_targets,
        share=share,
    )


def log_likelihood_ratios(
    known: NDArray[np.float64], members: NDArray[np.bool_], seen: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How much more likely what was seen is with each patient in than out.

    Args:
        known: (n_shadows, n_patients, n_statistics) of bundles whose members are known.
        members: (n_shadows, n_patients) who is in which; each patient in some and out of some.
        seen: (n_targets, n_patients, n_statistics) of bundles whose members are asked for.

    Returns:
        (n_targets, n_patients) natural logarithms; 0 where a statistic never changes.
    """
    is_in = members[:, :, None]
    mean_in = (known * is_in).sum(axis=0) / is_in.sum(axis=0)
    mean_out = (known * ~is_in).sum(axis=0) / (~is_in).sum(axis=0)
    rest = known - np.where(is_in, mean_in, mean_out)
    spread = np.sqrt((rest**2).sum(axis=0) / (len(known) - 2))  # (n_patients, n_statistics)
    usual = spread.mean(axis=0)
    scale = np.sqrt(spread**2 + _RIDGE * usual**2)
    scale = np.where(scale > 0, scale, 1.0)
    rest = rest / scale
    correlation = np.einsum("kpi,kpj->pij", rest, rest) / (len(known) - 2)
    correlation[:, *np.diag_indices(known.shape[2])] = 1.0 + _RIDGE
    away = (mean_in - mean_out) / scale
    direction = np.linalg.solve(correlation, away[:, :, None])[:, :, 0]
    middle = (mean_in + mean_out) / 2
    result = np.einsum("tpi,pi->tp", (seen - middle) / scale, direction)
    return np.asarray(result, np.float64)


def sensitivities(
    scores: NDArray[np.float64],
    positives: NDArray[np.bool_],
    units: NDArray[np.int64],
    weights: Weights,
    false_positives: float,
) -> Figures:
    """The largest share of positives above a threshold that at most so many negatives exceed.

    Args:
        scores: (n_pairs,) higher is more likely positive; ties are above or below together.
        positives: (n_pairs,).
        units: (n_pairs,) the column of ``weights`` of each pair.
        weights: (n_draws, n_units) how often each unit counts.
        false_positives: the share of the negatives that may lie above.

    Returns:
        (n_draws,); NaN for a draw without positives or without negatives.
    """
    order = np.argsort(-scores, kind="stable")
    ordered, good, unit = scores[order], positives[order], units[order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    result = np.full(len(weights), np.nan)
    for draw, weight in enumerate(weights):
        of_pair = weight[unit].astype(np.float64)
        named = np.cumsum(of_pair * good)
        wrong = np.cumsum(of_pair * ~good)
        if named[-1] > 0 and wrong[-1] > 0:
            allowed = np.searchsorted(wrong[ends], false_positives * wrong[-1], side="right")
            result[draw] = named[ends[allowed - 1]] / named[-1] if allowed else 0.0
    return result


def read_factors(arrays: Mapping[str, NDArray[Any]], histories: sp.csr_matrix) -> Statistics:
    """What drugs' factors say of each history, whoever it belongs to.

    Args:
        arrays: what :meth:`AlternatingLeastSquares.save` returns: ``item_factors``
            (n_drugs, n_factors), ``regularization`` (1,) and ``alpha`` (1,).
        histories: (n_patients, n_drugs) of ones; a row without a drug has only zeros.

    Returns:
        (n_patients, 3): the loss with which the folded-in patient fits the own history; the mean
        score of a drug when it is left out of the history; how alike the drugs' factors are.
    """
    items = np.asarray(arrays["item_factors"], np.float64)
    alpha, regularization = (float(arrays[name][0]) for name in ("alpha", "regularization"))
    gram = items.T @ items
    base = gram + regularization * np.eye(len(gram))
    result = np.zeros((histories.shape[0], 3))
    for row in range(len(result)):
        taken = items[histories.indices[histories.indptr[row] : histories.indptr[row + 1]]]
        if not len(taken):
            continue
        solved = np.linalg.solve(base + (alpha - 1) * (taken.T @ taken), taken.T)
        patient = alpha * solved.sum(axis=1)
        scores = taken @ patient
        own = np.minimum(alpha * np.einsum("ij,ji->i", taken, solved), 1 - 1e-6)
        loss = alpha * ((1 - scores) ** 2).sum() - (scores**2).sum() + patient @ base @ patient
        left_out = (scores - own) / (1 - own)
        together = taken.sum(axis=0)
        result[row] = loss / len(taken), left_out.mean(), together @ together / len(taken) ** 2
    return result


def attack_factors(
    make: Callable[[sp.csr_matrix], Arrays], histories: sp.csr_matrix, **options: Any
) -> Membership:
    """Attack drugs' factors that ``make`` learns from the histories that are in.

    Args:
        make: the arrays of :func:`read_factors` from (n_members, n_drugs) histories.
        histories: (n_patients, n_drugs) of ones, of everyone.
        **options: of :func:`infer_membership`.

    Raises:
        ModelError: see :func:`infer_membership`.
    """
    return infer_membership(
        lambda members: make(histories[np.flatnonzero(members)]),
        lambda arrays: read_factors(arrays, histories),
        histories.shape[0],
        **options,
    )


def _estimate(figures: Figures) -> Estimate:
    """Of the sample itself, first, and of its draws."""
    low, high = np.nanpercentile(figures[1:], [2.5, 97.5])
    return Estimate(float(figures[0]), float(low), float(high))
