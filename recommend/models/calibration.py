"""Scores made into probabilities by a monotone function of one number: Platt's or isotonic.

Platt, "Probabilistic outputs for support vector machines" (1999), with his smoothed targets;
Zadrozny and Elkan, "Transforming classifier scores into accurate multiclass probability estimates"
(2002) for the isotonic one. Neither changes the order within a disease, but for ties.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.special import expit, logit

Numbers = NDArray[np.float64]
Truth = NDArray[np.bool_]
Calibrator = Callable[[Numbers], Numbers]  # scores -> probabilities, of any one shape
Kind = Literal["platt", "isotonic"]
KINDS: tuple[Kind, ...] = ("platt", "isotonic")

PARTS = 5  # of the validation diseases, between which the kind is chosen
_FLAT = 1e-3  # the least slope, per standard deviation
_LEAST_STEP = 1e-10
_EDGE = 1e-6  # what a probability is kept away from 0 and 1 before it is made a logit


def fit(kind: Kind, scores: Numbers, truth: Truth) -> Calibrator:
    """The calibrator of this kind for these pairs.

    Args:
        kind: see :data:`KINDS`.
        scores: (n,) finite.
        truth: (n,) with at least one positive and one negative.
    """
    return _platt(scores, truth) if kind == "platt" else _isotonic(scores, truth)


def choose(scores: Numbers, truth: Truth) -> tuple[Kind, Calibrator]:
    """The kind with the lower Brier score on diseases it was not fitted on, fitted on all of them.

    By Brier score, because an isotonic calibrator says 0 where it saw no positive, and there one
    positive makes a log loss infinite.

    Args:
        scores: (n_drugs, n_diseases) of the validation diseases.
        truth: the same shape.
    """
    by_positives = np.argsort(-truth.sum(axis=0), kind="stable")
    part = np.empty(scores.shape[1], np.int64)
    part[by_positives] = np.arange(scores.shape[1]) % PARTS
    losses = {kind: _loss(kind, scores, truth, part) for kind in KINDS}
    kind = min(KINDS, key=losses.__getitem__)
    return kind, fit(kind, scores.ravel(), truth.ravel())


def _loss(kind: Kind, scores: Numbers, truth: Truth, part: NDArray[np.int64]) -> float:
    """The summed squared error over the parts whose complement can be fitted on."""
    loss = 0.0
    for number in np.unique(part):
        here = part == number
        seen = truth[:, ~here]
        if seen.any() and not seen.all():
            calibrator = fit(kind, scores[:, ~here].ravel(), seen.ravel())
            loss += float(np.square(calibrator(scores[:, here]) - truth[:, here]).sum())
    return loss


def _platt(scores: Numbers, truth: Truth) -> Calibrator:
    """A logistic regression on the score, by Newton's method; on its logit where it is a share."""
    is_share = bool(scores.min() >= 0 and scores.max() <= 1)
    centre, spread = 0.0, 1.0

    def column(values: Numbers) -> Numbers:
        if is_share:
            values = logit(np.clip(values, _EDGE, 1 - _EDGE))
        return np.asarray((values - centre) / spread, np.float64)

    raw = column(scores)
    centre, spread = float(raw.mean()), float(raw.std()) or 1.0
    n_good, n_bad = int(truth.sum()), int((~truth).sum())
    target = np.where(truth, (n_good + 1) / (n_good + 2), 1 / (n_bad + 2))
    design = np.stack([np.ones(len(scores)), column(scores)], axis=1)
    # A ridge far below one observation: it decides only where all scores are the same.
    ridge = np.array([0.0, 1e-6])

    def loss(weights: Numbers) -> float:
        linear = design @ weights
        fitted = np.logaddexp(0, linear) - target * linear
        return float(fitted.sum() + ridge @ weights**2 / 2)

    weights = np.array([logit(target.mean()), 0.0])
    for _ in range(100):
        p = expit(design @ weights)
        gradient = design.T @ (p - target) + ridge * weights
        hessian = (design * (p * (1 - p))[:, None]).T @ design + np.diag(ridge)
        step = np.linalg.solve(hessian, gradient)
        # A full step overshoots where hardly any pair is a positive: it is halved until it helps.
        size, now = 1.0, loss(weights)
        while size > _LEAST_STEP and loss(weights - size * step) > now:
            size /= 2
        weights = weights - size * step
        if np.abs(size * step).max() < 1e-9:
            break
    if weights[1] <= 0:  # scores that are worse than chance here: their order is kept all the same
        weights = np.array([logit(target.mean()), _FLAT])
    return lambda values: np.asarray(expit(weights[0] + weights[1] * column(values)), np.float64)


def _isotonic(scores: Numbers, truth: Truth) -> Calibrator:
    """The nearest rising step function, with straight lines between its steps."""
    values, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    share = np.bincount(inverse, weights=truth.astype(np.float64)) / counts
    fitted = isotonic_regression(share, weights=counts).x
    return lambda given: np.asarray(np.interp(given, values, fitted), np.float64)
