"""Features that know whether a training row is a positive, because its own edge is in them.

A probe of the way in which a model computes its features, not of a graph. What the probe cannot
see is a feature of another pair that this pair's edge went into; hiding whole folds closes both.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from recommend.errors import ModelError
from recommend.evaluate.leaks import CHANCE, Leak, is_in
from recommend.interactions import Pairs, TrainingData, to_pairs

BESIDE = 50  # unrecorded drugs of a disease that its positives are compared with
ROUNDING = 1e-4  # relative: what sums of float32 in another order may change
LEAST = 1e-9  # what is smaller is 0: subtracting leaves rounding behind

Compute = Callable[[TrainingData, Pairs], NDArray[np.floating]]


def own_edge_leaks(
    compute: Compute,
    training: TrainingData,
    pairs: Pairs,
    *,
    features: Sequence[str] | None = None,
) -> list[Leak]:
    """The features of training rows that know whether the row is a positive.

    Two ways are tried. *own-edge*: the features of a pair, once with its own treats edge in what
    ``compute`` is given and once without; all else is equal, so nothing may change.
    *marked-positive*: a feature of which all of ``pairs`` lie on one side of all other drugs of
    the same disease (or of all other diseases of the same drug): what is left where the own edge
    was taken off the positives alone.

    Args:
        compute: the features of training rows, by the very way in which a model gets them:
            ``compute(training, pairs)`` is (n_pairs, n_features) and hides what the model hides.
            It must hide the same other edges whether or not the own edge is there.
        training: treats edges, the positives among them.
        pairs: (n, 2) some positives; two calls of ``compute`` a pair.
        features: their names; numbers without.

    Raises:
        ModelError: no pair, one that is no treats edge, or features of another shape than named.
    """
    pairs = np.asarray(pairs, np.int64).reshape(-1, 2)
    if not is_in(pairs, to_pairs(training.treats), training.shape).all():
        raise ModelError("a pair to be probed is no treats edge of the training data")
    if not len(pairs):
        raise ModelError("no pair is given: there is nothing to probe")
    changed: list[NDArray[np.bool_]] = []
    for pair in pairs[:, None]:
        with_edge = _compute(compute, training, pair, features)
        without = _compute(compute, training.without(pairs=pair), pair, features)
        changed.append(~np.isclose(with_edge[0], without[0], rtol=ROUNDING, atol=LEAST))

    def name(feature: int) -> str:
        return f"feature {features[feature] if features else feature}"

    leaks = [
        Leak("own-edge", name(i), f"changes with the own edge of {n} of {len(pairs)} pairs")
        for i, n in enumerate(np.sum(changed, axis=0))
        if n
    ]
    for side, what in ((1, "drugs of the same disease"), (0, "diseases of the same drug")):
        rows, positive = _beside(training, pairs, side)
        values = _compute(compute, training, rows, features)
        for i in range(values.shape[1]):
            chance = _parted(values[:, i], positive, rows[:, side])
            if chance < CHANCE:
                evidence = f"parts all {len(pairs)} pairs from other {what} (chance {chance:.0e})"
                leaks.append(Leak("marked-positive", name(i), evidence))
    return leaks


def _compute(
    compute: Compute, training: TrainingData, pairs: Pairs, features: Sequence[str] | None
) -> NDArray[np.float64]:
    values = np.asarray(compute(training, pairs), np.float64)
    n = len(features) if features is not None else (values.shape[-1] if values.ndim else 0)
    if values.shape != (len(pairs), n):
        raise ModelError(f"the features have shape {values.shape}, not {(len(pairs), n)}")
    return values


def _beside(training: TrainingData, pairs: Pairs, side: int) -> tuple[Pairs, NDArray[np.bool_]]:
    """``pairs`` and unrecorded pairs of the same diseases (1) or drugs (0); which are the first."""
    recorded = (training.treats + training.palliates).toarray() > 0
    recorded = recorded if side == 1 else recorded.T
    rows = [pairs]
    for end in np.unique(pairs[:, side]):
        others = np.flatnonzero(~recorded[:, end])
        # Evenly spaced: no chance in what is found.
        others = others[np.linspace(0, len(others) - 1, min(BESIDE, len(others))).astype(np.int64)]
        same = np.full_like(others, end)
        rows.append(np.stack([others, same] if side == 1 else [same, others], axis=1))
    every = np.concatenate(rows)
    return every, np.arange(len(every)) < len(pairs)


def _parted(
    values: NDArray[np.float64], positive: NDArray[np.bool_], group: NDArray[np.int64]
) -> float:
    """The chance that in each group all positives lie above all others (or below); 1 if not so."""
    logarithm = math.log(2)
    above = below = True
    for each in np.unique(group):
        good, bad = values[positive & (group == each)], values[~positive & (group == each)]
        if len(bad):
            above &= bool(good.min() > bad.max())
            below &= bool(good.max() < bad.min())
            logarithm -= math.log(math.comb(len(good) + len(bad), len(good)))
    return math.exp(logarithm) if above or below else 1.0
