"""Each figure against a slow, obvious count."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from recommend.evaluate.metrics import (
    auroc,
    average_precision,
    bootstrap_interval,
    hits_at,
    mean_reciprocal_rank,
    ranks,
)

# Few distinct scores, so that ties are the rule.
rankings = st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=2, max_size=25).filter(
    lambda rows: 0 < sum(positive for _, positive in rows) < len(rows)
)
Ranking = list[tuple[int, bool]]


def columns(rows: Ranking) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    return np.array([s for s, _ in rows], np.float32), np.array([p for _, p in rows])


def split(rows: Ranking) -> tuple[list[int], list[int]]:
    return [s for s, p in rows if p], [s for s, p in rows if not p]


@settings(deadline=None)
@given(rankings)
def test_auroc_is_the_share_of_pairs_in_the_right_order(rows: Ranking) -> None:
    good, bad = split(rows)
    wins = sum((g > b) + (g == b) / 2 for g in good for b in bad)

    assert auroc(*columns(rows)) == pytest.approx(wins / (len(good) * len(bad)))


@settings(deadline=None)
@given(rankings)
def test_average_precision_is_the_mean_precision_at_each_positives_score(rows: Ranking) -> None:
    good, _ = split(rows)
    precisions = [
        sum(p for s, p in rows if s >= g) / sum(1 for s, _ in rows if s >= g) for g in good
    ]

    assert average_precision(*columns(rows)) == pytest.approx(np.mean(precisions))


@settings(deadline=None)
@given(rankings)
def test_ranks_are_the_mean_of_the_best_and_the_worst_case_among_negatives(rows: Ranking) -> None:
    good, bad = split(rows)
    expected = [(1 + sum(b > g for b in bad) + 1 + sum(b >= g for b in bad)) / 2 for g in good]

    assert ranks(*columns(rows)).tolist() == sorted(expected)
    assert mean_reciprocal_rank(*columns(rows)) == pytest.approx(np.mean([1 / r for r in expected]))
    assert hits_at(3, *columns(rows)) == pytest.approx(np.mean([r <= 3 for r in expected]))


@settings(deadline=None)
@given(rankings)
def test_the_library_agrees(rows: Ranking) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    scores, positives = columns(rows)

    assert auroc(scores, positives) == pytest.approx(metrics.roc_auc_score(positives, scores))
    expected = metrics.average_precision_score(positives, scores)
    assert average_precision(scores, positives) == pytest.approx(expected)


def test_a_constant_score_is_worth_nothing() -> None:
    positives = np.array([True] + [False] * 9)
    scores = np.zeros(10)

    assert auroc(scores, positives) == 0.5
    assert average_precision(scores, positives) == pytest.approx(0.1)
    assert ranks(scores, positives).tolist() == [5.5]
    assert hits_at(5, scores, positives) == 0


@pytest.mark.parametrize("positives", [[True, True], [False, False]])
def test_a_list_without_both_kinds_has_no_figure(positives: list[bool]) -> None:
    for figure in (auroc, average_precision, ranks):
        with pytest.raises(ValueError, match="at least one positive and one negative"):
            figure([1.0, 2.0], positives)


def test_lists_of_two_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="equal lists"):
        auroc([1.0, 2.0, 3.0], [True, False])


def test_the_interval_is_that_of_a_mean_of_many() -> None:
    values = np.random.default_rng(4).normal(3.0, 2.0, size=400)

    low, high = bootstrap_interval(values, seed=0)

    half_width = 1.96 * values.std() / np.sqrt(400)
    assert low == pytest.approx(values.mean() - half_width, abs=0.05)
    assert high == pytest.approx(values.mean() + half_width, abs=0.05)
    assert bootstrap_interval(values, seed=0) == (low, high)
    assert bootstrap_interval([0.5], seed=0) == (0.5, 0.5)


def test_an_interval_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one value"):
        bootstrap_interval([], seed=0)
