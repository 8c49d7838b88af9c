"""Figures that can be computed again when a disease counts more, less or not at all.

A bootstrap over diseases gives each unit (a disease; a disease of one seed or one split) a weight.
A :class:`Sample` is what one row of a table measured, kept so that its figure under thousands of
such weights is a product of matrices: nothing is sorted twice.

- :class:`Ratio`: a sum over units divided by a sum over units; a mean (:func:`mean_of`) is one.
- :class:`PooledAuroc`, :class:`PooledPrecision`: of the pairs of all units in one ranking.
- :class:`PooledCalibration`, :class:`PooledSkill`: of the probabilities of all pairs.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recommend.errors import ModelError
from recommend.evaluate.metrics import N_BINS, mass_bins

Weights = NDArray[np.float64]  # (n_draws, n_units) how often each unit was drawn
Figures = NDArray[np.float64]  # (n_draws,)

DRAWS_AT_ONCE = 200  # bounds the memory: 5,600 positives take 9 MB an array


class Sample(Protocol):
    """What one row of a table measured by one figure, unit by unit."""

    @property
    def n_units(self) -> int:
        """How many units it has."""

    @property
    def support(self) -> NDArray[Any]:
        """What was counted: equal for all models that were asked the same, as rows of a table."""

    def under(self, weights: Weights) -> Figures:
        """(n_draws,) the figure when each unit counts so often; NaN where nothing is left."""


@dataclass(frozen=True, eq=False)
class Ratio:
    """A sum over units divided by a sum over units.

    Attributes:
        numerator: (n_units,) finite.
        denominator: (n_units,) finite, at least 0, not of the model; 0 where a unit has nothing
            to say.

    Raises:
        ModelError: arrays of two lengths, or values other than these.
    """

    numerator: NDArray[np.float64]
    denominator: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.numerator.ndim != 1 or self.numerator.shape != self.denominator.shape:
            raise ModelError(
                f"numerators {self.numerator.shape} and denominators {self.denominator.shape} "
                "must be equal lists, one value a unit"
            )
        if not (np.isfinite(self.numerator).all() and np.isfinite(self.denominator).all()):
            raise ModelError("a numerator or a denominator is not finite; 0 / 0 says nothing")
        if (self.denominator < 0).any():
            raise ModelError("a denominator is less than 0")

    @property
    def n_units(self) -> int:
        """How many units it has."""
        return len(self.numerator)

    @property
    def support(self) -> NDArray[np.float64]:
        """(n_units,) the denominator."""
        return self.denominator

    def under(self, weights: Weights) -> Figures:
        """See :meth:`Sample.under`."""
        return _divide(weights @ self.numerator, weights @ self.denominator)


def mean_of(values: ArrayLike) -> Ratio:
    """The mean of one value a unit; NaN for a unit that has none, such as one without positives.

    Args:
        values: (n_units,) floats.
    """
    numbers = np.asarray(values, np.float64)
    has_value = ~np.isnan(numbers)
    return Ratio(np.where(has_value, numbers, 0.0), has_value.astype(np.float64))


class _Pooled(ABC):
    """The pairs of all units in one list.

    Attributes:
        n_units: how many units there are.
        support: (2, n_units) the number of negatives and of positives of each unit.
    """

    def __init__(
        self, scores: ArrayLike, positives: ArrayLike, units: ArrayLike, n_units: int
    ) -> None:
        """Count what :meth:`under` needs; the arguments are not kept.

        Args:
            scores: (n_pairs,) finite, higher is better.
            positives: (n_pairs,) booleans.
            units: (n_pairs,) the unit of each pair, in 0..n_units-1.
            n_units: how many units there are.

        Raises:
            ModelError: lists of different lengths, a unit outside the range, a score that is not
                finite or no probability where one is needed, or no positive or no negative.
        """
        value, right = np.asarray(scores, np.float64), np.asarray(positives, np.bool_)
        unit = np.asarray(units, np.int64)
        if value.ndim != 1 or not value.shape == right.shape == unit.shape:
            raise ModelError(
                f"scores {value.shape}, positives {right.shape} and units {unit.shape} "
                "must be equal lists, one entry a pair"
            )
        if right.all() or not right.any():
            raise ModelError("pooled pairs need at least one positive and one negative")
        if not np.isfinite(value).all():
            raise ModelError("a score is not finite")
        if unit.min() < 0 or unit.max() >= n_units:
            raise ModelError(f"the units of the pairs must lie in [0, {n_units})")
        self.n_units = n_units
        self.support = _count_cells(right.astype(np.int64), unit, (2, n_units))
        self._count(value, right, unit)

    @abstractmethod
    def _count(
        self, value: NDArray[np.float64], right: NDArray[np.bool_], unit: NDArray[np.int64]
    ) -> None:
        """Keep what the figure is made of."""

    @abstractmethod
    def under(self, weights: Weights) -> Figures:
        """See :meth:`Sample.under`."""


class PooledAuroc(_Pooled):
    """The area under the ROC curve of the pairs of all units in one ranking; a tie counts half."""

    def _count(
        self, value: NDArray[np.float64], right: NDArray[np.bool_], unit: NDArray[np.int64]
    ) -> None:
        order = np.lexsort((value, unit))
        good, bad = order[right[order]], order[~right[order]]
        good = good[np.argsort(value[good])]  # searched in order, for the cache
        bad_values = np.split(value[bad], np.searchsorted(unit[bad], np.arange(1, self.n_units)))
        # won[u, v]: how often a positive of unit u beats a negative of unit v.
        self._won = np.zeros((self.n_units, self.n_units))
        for other, values in enumerate(bad_values):
            below = np.searchsorted(values, value[good], side="left")
            not_above = np.searchsorted(values, value[good], side="right")
            self._won[:, other] = np.bincount(
                unit[good], (below + not_above) / 2, minlength=self.n_units
            )

    def under(self, weights: Weights) -> Figures:
        """See :meth:`Sample.under`."""
        won = ((weights @ self._won) * weights).sum(axis=1)
        n_bad, n_good = self.support @ weights.T
        return _divide(won, n_bad * n_good)


class PooledPrecision(_Pooled):
    """The average precision of the pairs of all units in one ranking, ties entering at once."""

    def _count(
        self, value: NDArray[np.float64], right: NDArray[np.bool_], unit: NDArray[np.int64]
    ) -> None:
        cuts = np.unique(value[right])[::-1]
        # The first cut that lets a pair in; pairs below all cuts never enter.
        entry = len(cuts) - np.searchsorted(cuts[::-1], value, side="right")
        enters = entry < len(cuts)
        shape = (len(cuts), self.n_units)
        self._good = _count_cells(entry[right], unit[right], shape)
        self._reached = np.cumsum(_count_cells(entry[enters], unit[enters], shape), axis=0)

    def under(self, weights: Weights) -> Figures:
        """See :meth:`Sample.under`."""
        blocks = [weights[at : at + DRAWS_AT_ONCE] for at in range(0, len(weights), DRAWS_AT_ONCE)]
        return np.concatenate([self._of_block(block.T) for block in blocks])

    def _of_block(self, weights: Weights) -> Figures:
        good = self._good @ weights  # (n_cuts, n_draws) weight of the positives that enter
        reached = self._reached @ weights
        precision = np.cumsum(good, axis=0) / np.where(reached > 0, reached, 1)
        return _divide((good * precision).sum(axis=0), good.sum(axis=0))


class PooledCalibration(_Pooled):
    """The expected calibration error of the pairs of all units; the scores are probabilities.

    The bins of equal mass are those of all pairs, whatever the draw. A draw adds noise to each bin,
    so intervals lie above the value rather than around it.
    """

    def _count(
        self, value: NDArray[np.float64], right: NDArray[np.bool_], unit: NDArray[np.int64]
    ) -> None:
        bins = mass_bins(_check_probabilities(value), N_BINS)
        shape = (int(bins.max()) + 1, self.n_units)
        self._apart = _count_cells(bins, unit, shape, value - right)

    def under(self, weights: Weights) -> Figures:
        """See :meth:`Sample.under`."""
        apart = np.abs(self._apart @ weights.T).sum(axis=0)
        return _divide(apart, weights @ self.support.sum(axis=0))


class PooledSkill(_Pooled):
    """The Brier skill of the pairs of all units against their prevalence in the draw.

    The scores are probabilities.
    """

    def _count(
        self, value: NDArray[np.float64], right: NDArray[np.bool_], unit: NDArray[np.int64]
    ) -> None:
        error = (_check_probabilities(value) - right) ** 2
        self._error = np.bincount(unit, error, minlength=self.n_units)

    def under(self, weights: Weights) -> Figures:
        """See :meth:`Sample.under`."""
        n_bad, n_good = self.support @ weights.T
        # n times the Brier score of the prevalence: n * (good / n) * (bad / n)
        yardstick = _divide(n_bad * n_good, n_bad + n_good)
        return 1 - _divide(weights @ self._error, yardstick)


def _divide(numerator: Figures, denominator: Figures) -> Figures:
    """Their ratio; NaN where the denominator is not above 0."""
    known = denominator > 0
    return np.where(known, numerator / np.where(known, denominator, 1), np.nan)


def _count_cells(
    row: NDArray[np.int64],
    column: NDArray[np.int64],
    shape: tuple[int, int],
    values: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """The matrix of how many entries (or the sum of which values) fall in each cell."""
    flat = np.bincount(row * shape[1] + column, values, minlength=shape[0] * shape[1])
    return flat.reshape(shape).astype(np.float64)


def _check_probabilities(values: NDArray[np.float64]) -> NDArray[np.float64]:
    if values.min() < 0 or values.max() > 1:
        raise ModelError("a probability lies outside 0..1; were these scores calibrated?")
    return values
