"""Each figure against a slow, obvious count."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from recommend.evaluate.metrics import (
    auroc,
    average_precision,
    beyond_main_effects,
    brier,
    brier_skill,
    degree_matched,
    drug_entropy,
    drug_strata,
    expected_calibration_error,
    hits_at,
    mass_bins,
    mean_reciprocal_rank,
    ranks,
    recall_at,
    reliability,
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


@settings(max_examples=50)
@given(rankings, st.integers(1, 30))
def test_recall_is_that_of_the_list_in_the_mean_of_all_orders_of_equals(
    rows: Ranking, k: int
) -> None:
    n_good = sum(positive for _, positive in rows)
    places = {score: [p for s, p in rows if s == score] for score in {s for s, _ in rows}}
    found, left = 0.0, k
    for score in sorted(places, reverse=True):
        found += sum(places[score]) * min(1.0, left / len(places[score]))
        left = max(0, left - len(places[score]))

    assert recall_at(k, *columns(rows)) == pytest.approx(found / n_good)


def test_a_list_without_places_has_no_recall() -> None:
    with pytest.raises(ValueError, match="at least 1 place, not 0"):
        recall_at(0, [1.0, 2.0], [True, False])


@settings(max_examples=50)
@given(rankings, st.integers(1, 4))
def test_a_rising_function_of_the_scores_changes_no_ranking_figure(rows: Ranking, k: int) -> None:
    scores, positives = columns(rows)
    other = np.exp(2 * scores.astype(np.float64)) - 7

    for figure in (auroc, average_precision, mean_reciprocal_rank):
        assert figure(scores, positives) == figure(other, positives)
    assert recall_at(k, scores, positives) == recall_at(k, other, positives)
    assert hits_at(k, scores, positives) == hits_at(k, other, positives)


@settings(max_examples=50)
@given(rankings)
def test_the_brier_score_and_its_skill_are_those_of_the_library(rows: Ranking) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    scores, positives = columns(rows)
    probabilities = scores / 4

    expected = metrics.brier_score_loss(positives, probabilities)
    baseline = metrics.brier_score_loss(positives, np.full(len(rows), positives.mean()))

    assert brier(probabilities, positives) == pytest.approx(expected)
    assert brier_skill(probabilities, positives) == pytest.approx(1 - expected / baseline, abs=1e-6)


def test_the_prevalence_has_no_skill_and_no_calibration_error() -> None:
    positives = np.array([True] + [False] * 9)
    prevalence = np.full(10, 0.1)

    assert brier_skill(prevalence, positives) == pytest.approx(0)
    assert expected_calibration_error(prevalence, positives) == pytest.approx(0)
    assert brier_skill(positives, positives) == 1


def test_bins_hold_equally_many_and_never_part_equals() -> None:
    rng = np.random.default_rng(0)
    distinct = rng.permutation(60) / 60

    assert np.bincount(mass_bins(distinct, 15)).tolist() == [4] * 15
    assert mass_bins(distinct, 15)[np.argsort(distinct)].tolist() == sorted([*range(15)] * 4)
    assert mass_bins(np.array([0.2, 0.1, 0.2, 0.2, 0.9, 0.2]), 3).tolist() == [1, 0, 1, 1, 2, 1]
    assert mass_bins(np.full(50, 0.3), 15).tolist() == [0] * 50


def test_the_calibration_error_is_the_gap_of_each_bin_by_its_size() -> None:
    rng = np.random.default_rng(1)
    probabilities = rng.permutation(np.linspace(0.01, 0.99, 90))
    positives = rng.random(90) < probabilities**2
    order = np.argsort(probabilities)
    parts = [(probabilities[part], positives[part]) for part in np.split(order, 9)]

    bins = reliability(probabilities, positives, n_bins=9)

    assert [b["predicted"] for b in bins] == pytest.approx([p.mean() for p, _ in parts])
    assert [b["observed"] for b in bins] == pytest.approx([y.mean() for _, y in parts])
    assert [b["n"] for b in bins] == [10] * 9
    error = np.mean([abs(p.mean() - y.mean()) for p, y in parts])
    assert expected_calibration_error(probabilities, positives, n_bins=9) == pytest.approx(error)
    assert error > 0.1


def test_what_is_no_probability_is_refused() -> None:
    for figure in (brier, brier_skill, expected_calibration_error):
        with pytest.raises(ValueError, match=r"outside 0\.\.1"):
            figure([0.5, 1.5], [True, False])
        with pytest.raises(ValueError, match="equal lists"):
            figure([0.5], [True, False])
    with pytest.raises(ValueError, match="at least one positive and one negative"):
        brier_skill([0.5, 0.5], [False, False])


def test_entropy_tells_one_list_for_all_from_a_list_for_each() -> None:
    same = np.repeat(np.arange(8.0)[:, None], 4, axis=1)
    own = np.zeros((8, 4))
    own[[0, 1, 2, 3, 4, 5, 6, 7], [0, 0, 1, 1, 2, 2, 3, 3]] = 1

    assert drug_entropy(same, 2) == pytest.approx(1)
    assert drug_entropy(own, 2) == pytest.approx(3)
    assert drug_entropy(np.zeros((8, 4)), 2) == pytest.approx(1)


def test_strata_are_those_of_the_protocol() -> None:
    treats, genes = np.indices((5, 20)).reshape(2, -1)

    strata = drug_strata(treats, genes)

    by_hand = [
        min(t, 3) * 4 + (0 if g == 0 else 1 if g <= 4 else 2 if g <= 14 else 3)
        for t, g in zip(treats.tolist(), genes.tolist(), strict=True)
    ]
    assert strata.tolist() == by_hand
    assert set(by_hand) == set(range(16))


Cells = NDArray[np.int64]
cells = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).integers(0, [[[4]], [[3]], [[5]]], size=(3, 12, 5))
)


@settings(max_examples=40)
@given(cells)
def test_a_degree_matched_figure_compares_within_disease_and_stratum_alone(cells: Cells) -> None:
    scores, positives, candidates = cells[0].astype(np.float32), cells[1] == 0, cells[2] > 0
    strata = np.arange(12) % 3
    won, counted = np.zeros(5), np.zeros(5)
    for drug, disease in np.argwhere(positives & candidates):
        rivals = [
            other
            for other in range(12)
            if strata[other] == strata[drug]
            and candidates[other, disease]
            and not positives[other, disease]
        ]
        wins = [
            (scores[drug, disease] > scores[other, disease])
            + (scores[drug, disease] == scores[other, disease]) / 2
            for other in rivals
        ]
        if wins:
            won[disease] += np.mean(wins)
            counted[disease] += 1

    numerator, denominator = degree_matched(scores, positives, strata, candidates)

    np.testing.assert_allclose(numerator, won)
    np.testing.assert_array_equal(denominator, counted)


def test_with_one_stratum_it_is_the_auroc_of_each_disease_by_its_positives() -> None:
    rng = np.random.default_rng(2)
    scores, positives = rng.normal(size=(30, 4)), rng.random((30, 4)) < 0.3

    numerator, denominator = degree_matched(scores, positives, np.zeros(30, np.int64))

    of_diseases = [auroc(scores[:, j], positives[:, j]) for j in range(4)]
    np.testing.assert_allclose(numerator / denominator, of_diseases)
    np.testing.assert_array_equal(denominator, positives.sum(axis=0))


def test_a_score_that_knows_only_the_stratum_is_worth_nothing_there() -> None:
    rng = np.random.default_rng(3)
    strata = rng.integers(0, 4, 80)
    positives = rng.random((80, 6)) < strata[:, None] / 5

    for scores in (np.zeros((80, 6)), np.repeat(strata[:, None], 6, axis=1).astype(float)):
        numerator, denominator = degree_matched(scores, positives, strata)
        assert numerator.sum() / denominator.sum() == 0.5
    assert auroc(np.repeat(strata, 6), positives.ravel()) > 0.6


def test_a_matrix_of_other_drugs_is_refused() -> None:
    with pytest.raises(ValueError, match="same drugs and diseases"):
        degree_matched(np.zeros((3, 2)), np.zeros((3, 2), np.bool_), np.zeros(4, np.int64))


def test_nothing_is_left_of_scores_that_are_the_fame_of_drugs_and_diseases() -> None:
    rng = np.random.default_rng(5)
    fame = rng.normal(size=(40, 1)) + np.zeros((1, 6))
    taste = rng.normal(size=(40, 6))

    np.testing.assert_allclose(beyond_main_effects(fame), 0, atol=1e-12)
    np.testing.assert_allclose(beyond_main_effects(np.ones((4, 3))), 0, atol=1e-12)
    left = beyond_main_effects(fame + taste)
    np.testing.assert_allclose(left.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(left.mean(axis=1), 0, atol=1e-12)
    assert np.corrcoef(left.ravel(), taste.ravel())[0, 1] > 0.8


def test_what_is_left_does_not_depend_on_the_scale_of_the_scores() -> None:
    scores = np.random.default_rng(6).normal(size=(20, 5))

    np.testing.assert_array_equal(beyond_main_effects(scores), beyond_main_effects(np.exp(scores)))
