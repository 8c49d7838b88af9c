"""Boosted trees: reasons that add up to the score, and the same result on every machine."""

import numpy as np
import pytest

from recommend.interactions import TrainingData
from recommend.models import trees as module
from recommend.models.features import feature_names
from recommend.models.lessons import Regime, regimes_of
from recommend.models.trees import Trees
from tests.recommend.planted import DISEASES, N
from tests.recommend.test_models_metapath import planted

AWAY = (list(DISEASES)[4], list(DISEASES)[N - 1])


@pytest.fixture(scope="module")
def data() -> TrainingData:
    """All regimes: one disease is known by what it resembles only, one by nothing."""
    return planted(without_diseases=AWAY)


@pytest.fixture(scope="module")
def model(data: TrainingData) -> Trees:
    return Trees(boosters=2, rounds=20).fit(data)


def test_contributions_add_up_to_the_score(model: Trees, data: TrainingData) -> None:
    assert set(regimes_of(data)) == set(Regime)

    parts = np.stack(list(model.contributions(data)))

    assert parts.shape == (*data.shape, len(feature_names(data)) + 1)
    np.testing.assert_allclose(parts.sum(axis=-1), model.score(), rtol=1e-4, atol=1e-4)
    assert parts[..., :-1].any()


def test_the_base_is_the_same_for_all_drugs_of_a_disease(model: Trees, data: TrainingData) -> None:
    base = np.stack(list(model.contributions(data)))[..., -1]

    np.testing.assert_array_equal(base, np.broadcast_to(base[:1], base.shape))


def test_trees_come_back_with_their_reasons(model: Trees, data: TrainingData) -> None:
    again = Trees.load(model.save())

    assert again.features == model.features == feature_names(data)
    np.testing.assert_array_equal(again.score(), model.score())
    for one, other in zip(again.contributions(data), model.contributions(data), strict=True):
        np.testing.assert_array_equal(one, other)


def test_ten_and_more_boosters_come_back_in_their_order(data: TrainingData) -> None:
    """Every second booster is grown on relative columns, so their order decides."""
    model = Trees(boosters=11, rounds=3).fit(data)

    again = Trees.load(model.save())

    total = np.stack(list(again.contributions(data))).sum(axis=-1)
    np.testing.assert_allclose(total, model.score(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("cores", [1, 4, None])
def test_the_number_of_threads_changes_no_bit(
    model: Trees, data: TrainingData, cores: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "cpu_count", lambda: cores)

    again = Trees(boosters=2, rounds=20).fit(data)

    saved, expected = again.save(), model.save()
    assert list(saved) == list(expected)
    for name, values in saved.items():
        np.testing.assert_array_equal(values, expected[name])
    for one, other in zip(again.contributions(data), model.contributions(data), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_seed_and_the_settings_change_the_scores(model: Trees, data: TrainingData) -> None:
    others = (
        Trees(boosters=2, rounds=20).fit(data, seed=1),
        Trees(boosters=2, rounds=5).fit(data),
        Trees(boosters=1, rounds=20).fit(data),
    )

    for other in others:
        assert not np.array_equal(other.score(), model.score())


def test_boosters_on_the_same_columns_differ(model: Trees, data: TrainingData) -> None:
    four = Trees(boosters=4, rounds=20).fit(data)

    assert not np.allclose(four.score(), model.score())


def test_a_regime_that_cannot_be_learnt_scores_all_drugs_alike() -> None:
    """One treated disease: nothing can be hidden to learn what new diseases look like."""
    data = planted(without_diseases=tuple(list(DISEASES)[1:]))
    model = Trees(boosters=2, rounds=5).fit(data)

    new = regimes_of(data) != Regime.KNOWN

    assert new.any()
    assert not model.score()[:, new].any()
    assert not np.stack(list(model.contributions(data)))[:, new].any()
