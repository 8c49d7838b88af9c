"""Figures under weights: the same as those of lists in which each disease stands so often."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from recommend.errors import ModelError
from recommend.evaluate import metrics, samples
from recommend.evaluate.samples import (
    PooledAuroc,
    PooledCalibration,
    PooledPrecision,
    PooledSkill,
    Ratio,
    Sample,
    mean_of,
)

N_UNITS = 6
Draw = tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]


def draw(seed: int) -> Draw:
    """Scores with many ties, positives, the unit of each pair, and how often each unit counts."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 8, 60) / 8
    positives = rng.random(60) < 0.1 + scores / 2
    positives[:2] = True, False
    return scores, positives, rng.integers(0, N_UNITS, 60), rng.integers(0, 4, (3, N_UNITS))


draws = st.integers(0, 2**32 - 1).map(draw)


def repeated(
    given: Draw, weights: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The pairs of each unit as often as it was drawn."""
    scores, positives, units, _ = given
    return np.repeat(scores, weights[units]), np.repeat(positives, weights[units])


@pytest.mark.parametrize(
    ("pooled", "figure"),
    [
        (PooledAuroc, metrics.auroc),
        (PooledPrecision, metrics.average_precision),
        (PooledSkill, metrics.brier_skill),
    ],
)
@settings(max_examples=30)
@given(draws)
def test_a_pooled_figure_under_weights_is_that_of_the_repeated_pairs(
    pooled: Callable[..., Sample], figure: Callable[..., float], given: Draw
) -> None:
    scores, positives, units, weights = given

    under = pooled(scores, positives, units, N_UNITS).under(weights.astype(np.float64))

    for value, once in zip(under, weights, strict=True):
        pairs = repeated(given, once)
        if pairs[1].any() and not pairs[1].all():
            assert value == pytest.approx(figure(*pairs))


@settings(max_examples=30)
@given(draws)
def test_the_calibration_error_under_weights_keeps_the_bins_of_all_pairs(given: Draw) -> None:
    scores, positives, units, weights = given
    bins = metrics.mass_bins(scores, metrics.N_BINS)

    sample = PooledCalibration(scores, positives, units, N_UNITS)

    for once in weights:
        n = once[units]
        gaps = [abs((n * (scores - positives))[bins == b].sum()) for b in np.unique(bins)]
        if n.any():
            (value,) = sample.under(once[None].astype(np.float64))
            assert value == pytest.approx(sum(gaps) / n.sum())
    (whole,) = sample.under(np.ones((1, N_UNITS)))
    assert whole == pytest.approx(metrics.expected_calibration_error(scores, positives))


@settings(max_examples=30)
@given(draws)
def test_a_rising_function_of_the_scores_changes_no_pooled_ranking(given: Draw) -> None:
    scores, positives, units, weights = given

    for pooled in (PooledAuroc, PooledPrecision):
        one, other = (
            pooled(values, positives, units, N_UNITS).under(weights.astype(np.float64))
            for values in (scores, np.exp(scores) - 5)
        )
        np.testing.assert_array_equal(one, other)


def test_draws_are_taken_in_parts_without_losing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, positives, units, _ = draw(0)
    weights = np.random.default_rng(0).integers(1, 4, (25, N_UNITS)).astype(np.float64)
    sample = PooledPrecision(scores, positives, units, N_UNITS)
    at_once = sample.under(weights)

    monkeypatch.setattr(samples, "DRAWS_AT_ONCE", 10)

    np.testing.assert_allclose(sample.under(weights), at_once)


def test_a_constant_score_tells_nothing_under_any_draw() -> None:
    _, positives, units, _ = draw(1)
    weights = np.random.default_rng(0).integers(1, 4, (20, N_UNITS)).astype(np.float64)
    shares = [np.repeat(positives, w.astype(int)[units]).mean() for w in weights]

    assert set(PooledAuroc(np.zeros(60), positives, units, N_UNITS).under(weights)) == {0.5}
    precision = PooledPrecision(np.zeros(60), positives, units, N_UNITS).under(weights)
    assert precision == pytest.approx(shares)


def test_a_draw_without_a_positive_or_without_a_negative_has_no_ranking() -> None:
    weights = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 0], [1, 1, 0]])

    for pooled in (PooledAuroc, PooledSkill):
        under = pooled([0.1, 0.2, 0.9], [False, False, True], [0, 0, 1], 3).under(weights)
        assert np.isnan(under).tolist() == [True, True, True, False]


def test_a_ratio_is_of_sums_and_not_a_mean_of_ratios() -> None:
    ratio = Ratio(np.array([1.0, 9.0, 0.0]), np.array([1.0, 18.0, 0.0]))

    under = ratio.under(np.array([[1.0, 1, 1], [2, 1, 0], [0, 0, 5]]))

    assert under[:2] == pytest.approx([10 / 19, 11 / 20])
    assert np.isnan(under[2])


def test_a_mean_leaves_out_the_units_without_a_value() -> None:
    mean = mean_of([1.0, np.nan, 4.0])

    assert mean.under(np.array([[1.0, 1, 1], [2, 7, 1]])) == pytest.approx([2.5, 2.0])
    assert mean.support.tolist() == [1, 0, 1]


def test_pairs_are_counted_by_unit() -> None:
    sample = PooledAuroc([0.1, 0.2, 0.3, 0.4], [True, False, False, True], [2, 0, 0, 2], 3)

    assert sample.support.tolist() == [[2, 0, 0], [0, 0, 2]]


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (([0.1, 0.2], [True], [0, 0]), "equal lists"),
        (([0.1, 0.2], [True, True], [0, 0]), "at least one positive and one negative"),
        (([0.1, np.nan], [True, False], [0, 0]), "not finite"),
        (([0.1, 0.2], [True, False], [0, 2]), r"must lie in \[0, 2\)"),
        (([0.1, 0.2], [True, False], [-1, 0]), r"must lie in \[0, 2\)"),
    ],
)
def test_pairs_that_are_none_are_refused(
    pairs: tuple[list[float], list[bool], list[int]], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        PooledAuroc(*pairs, 2)


def test_only_probabilities_are_calibrated() -> None:
    for pooled in (PooledCalibration, PooledSkill):
        with pytest.raises(ModelError, match=r"outside 0\.\.1"):
            pooled([0.5, 1.5], [True, False], [0, 0], 1)


@pytest.mark.parametrize(
    ("numerator", "denominator", "message"),
    [
        ([1.0, 2.0], [1.0], "equal lists"),
        ([1.0, np.inf], [1.0, 1.0], "not finite"),
        ([1.0, 2.0], [1.0, -1.0], "less than 0"),
    ],
)
def test_sums_that_cannot_be_divided_are_refused(
    numerator: list[float], denominator: list[float], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        Ratio(np.array(numerator), np.array(denominator))
