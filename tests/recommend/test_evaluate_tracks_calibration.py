"""Probabilities: how scores become them, and how the calibration track judges them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from recommend.errors import ModelError
from recommend.evaluate.table import TrackReport
from recommend.evaluate.tracks import TRACKS, Options
from recommend.evaluate.tracks.calibration import all_folds, terciles
from recommend.interactions import TrainingData
from recommend.models.calibration import KINDS, choose, fit
from tests.recommend.tracked import N_DISEASES, Spy, knows, tracked

DATA = tracked(share=0.3)
TRUTH = DATA.treats.toarray() > 0


def drawn(n: int, a: float, b: float, seed: int = 0) -> tuple[Any, Any]:
    """Scores, and outcomes that come true with probability expit(a + b * score)."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(5, 3, n)
    return scores, rng.random(n) < expit(a + b * scores)


def test_platt_is_the_least_log_loss_with_smoothed_targets() -> None:
    scores, truth = drawn(400, -4, 0.5)
    good, bad = truth.sum(), (~truth).sum()
    target = np.where(truth, (good + 1) / (good + 2), 1 / (bad + 2))

    def loss(weights: Any) -> float:
        z = weights[0] + weights[1] * scores
        return float(-(target * log_expit(z) + (1 - target) * log_expit(-z)).sum())

    best = minimize(loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-8}).x

    np.testing.assert_allclose(
        fit("platt", scores, truth)(scores), expit(best[0] + best[1] * scores), atol=1e-4
    )


@pytest.mark.parametrize("a", [-12.0, -7.0, -3.0])
def test_platt_finds_the_probabilities_at_any_prevalence(a: float) -> None:
    scores, truth = drawn(200_000, a, 0.9)

    found = fit("platt", scores, truth)(np.array([0.0, 5.0, 10.0]))

    np.testing.assert_allclose(found, expit(a + 0.9 * np.array([0, 5, 10])), rtol=0.3)


def test_platt_reads_shares_as_probabilities() -> None:
    """A model that says p when 2 p / 3 comes true nearly everywhere: straight on the logit."""
    rng = np.random.default_rng(1)
    said = expit(rng.normal(-3, 2, 100_000))
    truth = rng.random(100_000) < expit(np.log(said / (1 - said)) - 0.4)

    found = fit("platt", said, truth)(np.array([0.01, 0.5]))

    np.testing.assert_allclose(found, expit(np.array([np.log(0.01 / 0.99), 0]) - 0.4), rtol=0.1)


@settings(max_examples=40)
@given(
    arrays(np.float64, 12, elements=st.integers(-3, 3).map(float)),
    arrays(np.bool_, 12),
    st.sampled_from(KINDS),
)
def test_calibrators_give_probabilities(scores: Any, truth: Any, kind: Any) -> None:
    truth[0], truth[1] = True, False

    calibrate = fit(kind, scores, truth)
    found = calibrate(np.linspace(-1e6, 1e6, 41).reshape(1, -1))

    assert found.shape == (1, 41)
    assert ((found >= 0) & (found <= 1)).all()
    if kind == "isotonic":
        assert (np.diff(found[0]) >= 0).all()
        assert calibrate(scores).mean() == pytest.approx(truth.mean())


def test_platt_keeps_the_order_of_scores_that_are_worse_than_chance() -> None:
    scores = np.linspace(-2.0, 2.0, 200)
    truth = scores < -1.5

    probabilities = fit("platt", scores, truth)(scores)

    assert (np.diff(probabilities) > 0).all()
    assert probabilities.mean() == pytest.approx(truth.mean(), abs=0.01)


def test_equal_scores_become_the_prevalence() -> None:
    truth = np.arange(1000) < 20

    for kind in KINDS:
        found = fit(kind, np.full(1000, 7.0), truth)(np.array([7.0]))
        assert found[0] == pytest.approx(0.02, abs=0.002)


def test_the_kind_is_chosen_by_diseases_it_was_not_fitted_on() -> None:
    rng = np.random.default_rng(2)
    scores = rng.normal(size=(150, 20))
    steps = rng.random(scores.shape) < np.where(np.abs(scores) < 0.5, 0.5, scores > 0)
    smooth = rng.random((8, 20)) < expit(scores[:8])

    assert choose(scores, steps)[0] == "isotonic"
    assert choose(scores[:8], smooth)[0] == "platt"


def report(data: TrainingData = DATA, /, rows: Any = None, **options: Any) -> TrackReport:
    spy = Spy(**(rows or {"oracle": knows(data)}))
    return TRACKS["calibration"](data, spy, Options(**{"folds": 4, **options}))


def value(found: TrackReport, model: str, figure: str) -> float:
    return found.tables[0].row(model).figures[figure].value


def test_who_knows_the_truth_is_certain_and_right() -> None:
    found = report()

    assert value(found, "oracle", "Brier skill") > 0.97
    assert value(found, "oracle", "ECE") < 0.03
    assert value(found, "six-metapath", "Brier skill") < 0.05  # it says the same of every pair


def test_all_diseases_are_judged_at_the_prevalence_that_is_true() -> None:
    found = report()

    assert found.tables[0].n_units == N_DISEASES
    assert f"{TRUTH.sum()} of {TRUTH.size} pairs are right: {TRUTH.mean():.2%}" in found.notes[0]


def test_folds_hold_every_disease_once_treated_or_not() -> None:
    folds = all_folds(DATA, np.arange(N_DISEASES), Options(folds=3))

    assert sorted(np.concatenate(folds).tolist()) == list(range(N_DISEASES))
    assert max(map(len, folds)) - min(map(len, folds)) <= 1


def test_the_stack_is_judged_as_it_is_beside_its_calibrated_self() -> None:
    boasts = np.where(TRUTH, 0.99, 0.6)

    found = report(rows={"stack": lambda _: boasts})

    assert value(found, "stack (as it is)", "ECE") == pytest.approx(
        np.abs(boasts - TRUTH).mean(), abs=1e-6
    )
    assert value(found, "stack", "ECE") < 0.1
    assert "stack (as it is)" in found.curves


def test_scores_that_are_no_probabilities_are_not_judged_as_such() -> None:
    found = report(rows={"stack": lambda _: 3.0 * TRUTH, "gnn": lambda _: 1.0 * TRUTH})

    models = [row.model for row in found.tables[0].rows]
    assert "stack" in models
    assert not [name for name in models if "as it is" in name]


def test_a_fold_is_calibrated_by_the_answers_of_the_next_one_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    columns = np.tile(np.arange(N_DISEASES, dtype=np.float32), (len(TRUTH), 1))
    given: list[tuple[list[int], Any]] = []

    def spy(scores: Any, truth: Any) -> Any:
        given.append((scores[0].astype(int).tolist(), truth))
        return choose(scores, truth)

    monkeypatch.setattr("recommend.evaluate.tracks.calibration.choose", spy)
    report(rows={"columns": lambda _: columns})

    folds = [fold.tolist() for fold in all_folds(DATA, np.arange(N_DISEASES), Options(folds=4))]
    told = given[3::4]  # after the three baselines
    assert [diseases for diseases, _ in told] == [*folds[1:], folds[0]]
    for diseases, truth in told:
        np.testing.assert_array_equal(truth, TRUTH[:, diseases])


def test_reliability_is_drawn_for_all_and_for_drugs_by_degree() -> None:
    lines = report().curves["oracle"]["reliability"]

    assert [line["group"] for line in lines] == [
        "all", "low degree", "middle degree", "high degree",
    ]  # fmt: skip
    assert [sum(b["n"] for b in line["bins"]) for line in lines] == [
        TRUTH.size, TRUTH.size // 3, TRUTH.size // 3, TRUTH.size // 3,
    ]  # fmt: skip


def test_terciles_do_not_look_at_what_is_to_be_predicted() -> None:
    without = DATA.without(diseases=range(N_DISEASES))

    np.testing.assert_array_equal(terciles(DATA), terciles(without))
    assert np.bincount(terciles(DATA)).tolist() == [10, 10, 10]


def test_two_folds_are_too_few() -> None:
    with pytest.raises(ModelError, match="one to train on"):
        report(folds=2)
