"""Abstention: the promise holds on data that keep to its assumption, and is not idle."""

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from recommend.answers.conformal import Abstention, Stratum, calibrate, hidden_ranks, stratify
from recommend.interactions import TrainingData, training_data
from recommend.models.stack import Hidden, hidden_views
from tests.recommend.planted import planted_graph

DRAWS = 300


def draw(rng: np.random.Generator, n_diseases: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Diseases that differ in how well their treatments rank, and in how many they have."""
    sizes = rng.integers(1, 12, size=n_diseases)
    hardness = rng.gamma(1.0, 4.0, size=n_diseases) + 0.2
    whose = np.repeat(np.arange(n_diseases), sizes)
    return whose, rng.beta(hardness[whose], 1.0)


@pytest.mark.parametrize("miss_rate", [0.1, 0.25, 0.5])
def test_a_set_misses_no_more_than_it_promises(miss_rate: float) -> None:
    rng = np.random.default_rng(0)
    held, sizes = [], []
    for _ in range(DRAWS):
        whose, ranks = draw(rng, 41)
        known = whose < 40
        rule = stratify(whose[known], np.zeros(known.sum(), np.int64), ranks[known])
        threshold = rule.threshold(0, miss_rate)
        held.append(float((ranks[~known] >= threshold).mean()))
        sizes.append(1 - threshold)

    # Three standard errors, of diseases and not of pairs; and it is not met by keeping everything.
    assert np.mean(held) >= 1 - miss_rate - 3 * np.std(held) / DRAWS**0.5
    assert np.mean(held) <= 1 - miss_rate + 0.06
    assert np.mean(sizes) < 1 - 0.6 * miss_rate


def test_pairs_taken_for_independent_would_promise_too_much() -> None:
    # What the weights are for: without them the diseases with many easy pairs decide.
    rng = np.random.default_rng(1)
    held = []
    for _ in range(1000):
        hard = rng.random(31) < 0.3
        sizes = np.where(hard, 1, 30)
        whose = np.repeat(np.arange(31), sizes)
        ranks = np.where(hard[whose], rng.random(len(whose)), 0.9 + rng.random(len(whose)) / 10)
        known = whose < 30
        rule = stratify(whose[known], np.zeros(known.sum(), np.int64), ranks[known])
        plain = np.quantile(ranks[known], 0.1)
        held.append(
            ((ranks[~known] >= rule.threshold(0, 0.1)).mean(), (ranks[~known] >= plain).mean())
        )

    weighted, plainly = np.mean(held, axis=0)
    assert weighted >= 0.9 - 3 * 0.01
    assert plainly < 0.8


def test_a_promise_that_so_few_diseases_cannot_back_keeps_every_drug() -> None:
    few = stratify(np.arange(9), np.zeros(9, np.int64), np.linspace(0.9, 0.99, 9))

    assert few.threshold(0, 0.05) == 0
    assert few.threshold(0, 0.1) == 0.9  # nine of ten, the unseen one counted
    assert few.threshold(0, 0.2) == pytest.approx(0.91125)
    assert Abstention(()).threshold(3, 0.5) == 0


def test_strata_go_by_degree_and_small_ones_are_pooled_with_the_next_lower_one() -> None:
    degrees = np.repeat([0, 1, 2, 4, 7], [30, 20, 10, 5, 40])
    ranks = np.linspace(0, 1, len(degrees))
    rule = stratify(np.arange(len(degrees)), degrees, ranks)

    assert [(s.least, len(s.ranks)) for s in rule.strata] == [(0, 30), (1, 35), (6, 40)]
    assert rule.threshold(5, 0.3) == rule.threshold(1, 0.3) < rule.threshold(6, 0.3)
    assert rule.threshold(100, 0.3) == rule.threshold(6, 0.3)
    first_small = stratify(np.arange(45), np.repeat([0, 1], [5, 40]), np.linspace(0, 1, 45))
    assert [(s.least, len(s.ranks)) for s in first_small.strata] == [(0, 45)]


@pytest.mark.parametrize("rate", [0, 1, -0.1, 1.5, float("nan"), True, "x", None])
def test_what_is_no_rate_is_refused(rate: Any) -> None:
    with pytest.raises(ValueError, match="above 0 and below 1"):
        Abstention(()).threshold(0, rate)


def test_json_brings_the_same_thresholds_back() -> None:
    rng = np.random.default_rng(2)
    whose, ranks = draw(rng, 50)
    rule = stratify(whose, rng.integers(8, size=len(whose)), ranks)

    assert Abstention.from_json(json.loads(json.dumps(rule.to_json()))) == rule
    with pytest.raises(ValueError, match="ascending"):
        Abstention.from_json(Abstention((Stratum(0, 2, (0.5, 0.2), (1.0, 1.0)),)).to_json())


@pytest.fixture(scope="module")
def training() -> TrainingData:
    return training_data(planted_graph())


def test_hidden_treatments_are_ranked_among_what_the_view_does_not_show(
    training: TrainingData,
) -> None:
    truth = training.treats.toarray() > 0
    hidden = hidden_views(training, 0)[0]
    rng = np.random.default_rng(3)
    scores = rng.random(truth.shape) + 2 * truth
    found = hidden_ranks(hidden, scores, truth)

    gone = truth & ~(hidden.view.treats.toarray() > 0)
    assert len(found) == gone.sum() > 0
    assert sorted(found[:, 0].astype(int)) == sorted(np.nonzero(gone)[1])
    left = hidden.view.treats.toarray().sum(axis=0)
    assert (found[:, 1] == left[found[:, 0].astype(int)]).all()
    assert found[:, 2].mean() > 0.7


def test_thresholds_are_learnt_on_every_view_with_the_weights_of_its_kind(
    training: TrainingData,
) -> None:
    views: list[Hidden] = hidden_views(training, 0)
    truth = training.treats.toarray() > 0
    asked = []

    def score(name: str, view: TrainingData) -> NDArray[np.float32]:
        asked.append(name)
        sign = 1 if name == "good" else -1
        return (sign * truth + np.random.default_rng(0).random(truth.shape)).astype(np.float32)

    good = {"good": 1.0, "bad": 0.0}
    weights = {"new": good, "known": good}
    rule = calibrate(training, views, score, weights)

    assert set(asked) == {"good"}
    hidden = sum(int((truth & ~(v.view.treats.toarray() > 0)).sum()) for v in views)
    assert sum(len(s.ranks) for s in rule.strata) == hidden
    wrong = calibrate(training, views, score, {"new": {"bad": 1.0}, "known": {"bad": 1.0}})
    assert rule.threshold(0, 0.5) > 0.5 > wrong.threshold(0, 0.5)
    assert calibrate(training, (), score, weights) == Abstention(())
