"""The attack finds members of a bundle that tells on them, and finds nothing where nothing is."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import multivariate_normal

from recommend.errors import ModelError
from recommend.evaluate.membership import (
    attack_factors,
    infer_membership,
    log_likelihood_ratios,
    read_factors,
    sensitivities,
)
from recommend.interactions import TrainingData
from recommend.models.als import AlternatingLeastSquares, fold_in
from recommend.models.base import Arrays


def random_histories(n_patients: int, n_drugs: int, seed: int = 0) -> sp.csr_matrix:
    rng = np.random.default_rng(seed)
    taken = rng.random((n_patients, n_drugs)) < 0.15
    taken[np.arange(n_patients), rng.integers(n_drugs, size=n_patients)] = True
    return sp.csr_matrix(taken.astype(np.float32))


def learn(histories: sp.csr_matrix, **options: float) -> Arrays:
    training = TrainingData({"Drug": histories.shape[1], "Disease": 1}, {}, histories=histories)
    return AlternatingLeastSquares(iterations=5, **options).fit(training).save()  # type: ignore[arg-type]


def test_a_bundle_made_to_tell_on_its_patients_does() -> None:
    pytest.importorskip("implicit")
    histories = random_histories(60, 40)

    found = attack_factors(
        lambda members: learn(members, factors=64, regularization=1e-3),
        histories, n_shadows=64, n_targets=8, n_draws=200,
    )  # fmt: skip

    assert found.auc.value >= 0.7
    assert found.auc.low <= found.auc.value <= found.auc.high
    assert found.sensitivity.value > 0.01


def test_factors_that_nobody_was_asked_for_tell_nothing() -> None:
    histories = random_histories(80, 20)
    rng = np.random.default_rng(3)

    def make(_: sp.csr_matrix) -> Arrays:
        return {
            "item_factors": rng.normal(size=(20, 4)),
            "alpha": np.array([10.0]),
            "regularization": np.array([0.1]),
        }

    found = attack_factors(make, histories, n_shadows=64, n_targets=16, n_draws=200)

    assert found.auc.low <= 0.5 <= found.auc.high
    assert found.auc.high < 0.6


def test_a_list_of_the_members_is_read_off() -> None:
    found = infer_membership(
        lambda members: {"members": members},
        lambda bundle: bundle["members"][:, None].astype(float),
        30, share=0.5, n_shadows=20, n_targets=4, n_draws=50,
    )  # fmt: skip

    assert (found.auc.value, found.sensitivity.value) == (1.0, 1.0)
    assert found.to_json()["auc"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert "LiRA" in found.to_json()["attack"]


def test_the_same_seed_gives_the_same_figures() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(400, 25))

    def attack(seed: int) -> object:
        draws = iter(noise)
        return infer_membership(
            lambda members: {"seen": members + next(draws)},
            lambda bundle: bundle["seen"][:, None],
            25, n_shadows=64, n_targets=4, n_draws=20, seed=seed,
        )  # fmt: skip

    assert attack(1) == attack(1)
    assert attack(1) != attack(2)


def test_an_attacker_who_draws_the_part_that_is_learnt_from_sees_more() -> None:
    def attack(*, draws_itself: bool) -> float:
        rng = np.random.default_rng(7)

        def learn_all(members: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
            return {"seen": members + rng.normal(0, 0.3, size=60)}

        found = infer_membership(
            lambda members: learn_all(members & (rng.random(60) < 0.5)),
            lambda bundle: bundle["seen"][:, None],
            60, share=0.8, n_shadows=40, n_targets=20, n_draws=10,
            imitate=learn_all if draws_itself else None,
            imitate_share=0.4 if draws_itself else None,
        )  # fmt: skip
        return found.auc.value

    # A member is told from others only where it is in the half that was learnt from.
    assert attack(draws_itself=True) == pytest.approx(0.75, abs=0.03)
    assert attack(draws_itself=False) <= attack(draws_itself=True) + 0.01


def test_too_few_shadows_are_refused() -> None:
    with pytest.raises(ModelError, match="13 with a patient and 3 without; 8 of each"):
        infer_membership(lambda _: {}, lambda _: np.zeros((5, 1)), 5, n_shadows=16)


@pytest.mark.parametrize("statistics", [np.zeros((4, 1)), np.full((5, 1), np.nan)])
def test_statistics_that_are_none_are_refused(statistics: np.ndarray) -> None:
    with pytest.raises(ModelError, match="must be finite, a row for each of 5 patients"):
        infer_membership(lambda _: {}, lambda _: statistics, 5)


def test_the_evidence_is_the_ratio_of_two_normal_densities() -> None:
    rng = np.random.default_rng(5)
    covariance = np.array([[2.0, 0.6], [0.6, 0.5]])
    means = {True: np.array([1.0, 0.5]), False: np.array([-0.5, 0.2])}
    members = rng.random((20_000, 1)) < 0.7
    noise = rng.multivariate_normal([0, 0], covariance, size=(20_000, 1))
    known = noise + np.where(members[:, :, None], means[True], means[False])
    seen = rng.normal(size=(50, 1, 2))

    ratios = log_likelihood_ratios(known, members, seen)

    densities = {
        side: multivariate_normal(mean, covariance).logpdf(seen[:, 0])
        for side, mean in means.items()
    }
    np.testing.assert_allclose(ratios[:, 0], densities[True] - densities[False], atol=0.15)


def test_a_statistic_that_never_changes_is_no_evidence() -> None:
    members = np.arange(20)[:, None] % 2 == 0

    ratios = log_likelihood_ratios(np.ones((20, 1, 2)), members, np.full((3, 1, 2), 1.0))

    assert not ratios.any()


@settings(max_examples=30)
@given(st.data())
def test_sensitivity_is_that_of_the_best_threshold(data: st.DataObject) -> None:
    n = data.draw(st.integers(2, 12))
    scores = np.array(data.draw(st.lists(st.integers(0, 4), min_size=n, max_size=n)), float)
    positives = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    units = np.array(data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)))
    weights = np.array(data.draw(st.lists(st.integers(0, 3), min_size=3, max_size=3)))
    allowed = data.draw(st.sampled_from([0.0, 0.2, 0.5]))
    of_pair = weights[units]

    (found,) = sensitivities(scores, positives, units, weights[None].astype(float), allowed)

    good, bad = of_pair[positives].sum(), of_pair[~positives].sum()
    if not good or not bad:
        assert np.isnan(found)
        return
    best = 0.0
    for threshold in (*scores, np.inf):
        named = of_pair * (scores >= threshold)
        if named[~positives].sum() <= allowed * bad:
            best = max(best, named[positives].sum() / good)
    assert found == pytest.approx(best)


def test_what_is_read_of_a_history_is_what_folding_in_gives() -> None:
    items = np.random.default_rng(2).normal(size=(9, 3)).astype(np.float32)
    drugs, alpha, regularization = np.array([1, 4, 7]), 6.0, 0.3
    history = np.isin(np.arange(9), drugs)
    bundle = {
        "item_factors": items,
        "alpha": np.array([alpha]),
        "regularization": np.array([regularization]),
    }

    rows = sp.csr_matrix(np.stack([history, np.zeros(9)]).astype(np.float32))
    seen, empty = read_factors(bundle, rows)

    patient = fold_in(items, drugs, regularization=regularization, alpha=alpha)
    scores = items @ patient
    weights = np.where(history, alpha, 1.0)
    loss = (weights * (history - scores) ** 2).sum() + regularization * patient @ patient
    assert seen[0] == pytest.approx(loss / 3, rel=1e-4)
    left_out = []
    for drug in drugs:  # without the drug's row in the least-squares problem
        others = np.delete(np.arange(9), drug)
        taken = history[others]
        part = items[others].astype(float)
        normal = (part.T * np.where(taken, alpha, 1.0)) @ part + regularization * np.eye(3)
        left_out.append(items[drug] @ np.linalg.solve(normal, alpha * part[taken].sum(axis=0)))
    assert seen[1] == pytest.approx(np.mean(left_out), rel=1e-3)
    assert seen[2] == pytest.approx((items[drugs] @ items[drugs].T).mean(), rel=1e-4)
    assert not empty.any()
