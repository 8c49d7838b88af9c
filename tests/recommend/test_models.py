"""What every registered model promises, checked on each of them."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from recommend.errors import ColdStartError, ModelError, UnknownModelError
from recommend.interactions import TrainingData, training_data
from recommend.models import MODELS, create_model
from tests.recommend.planted import DISEASES, DRUGS, HELD_OUT, N, planted_graph, same_block
from tests.recommend.small import SMALL

# Popularity and degree product cannot tell one disease's drugs from another's: that is their point.
# Factors know a disease by its drugs alone: all drugs tie for one that has none.
LEARNERS = {"embedding", "gnn", "metapath", "similarity", "six-metapath", "stack", "trees"}

DISEASE_MODELS = sorted(n for n, m in MODELS.items() if "scores-diseases" in m.capabilities)
HISTORY_MODELS = sorted(n for n, m in MODELS.items() if "scores-histories" in m.capabilities)

# Even patients take even drugs and odd take odd.
HISTORIES = sp.csr_matrix(np.indices((20, N)).sum(axis=0) % 2 == 0)


def planted(**options: Any) -> TrainingData:
    return training_data(planted_graph(**options), histories=HISTORIES)


def fitted(name: str, data: TrainingData, seed: int = 0) -> Any:
    return create_model(name, **SMALL.get(name, {})).fit(data, seed=seed)


def test_the_registry_has_the_models_under_their_own_names() -> None:
    assert sorted(MODELS) == [
        "als", "bpr", "degree-product", "embedding", "factors", "gnn", "item-item", "metapath",
        "popularity", "similarity", "six-metapath", "stack", "trees",
    ]  # fmt: skip
    assert all(name == model.name for name, model in MODELS.items())


def test_an_unknown_model_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownModelError, match="did you mean 'popularity'"):
        create_model("popularty")


@pytest.mark.parametrize("name", DISEASE_MODELS)
def test_scores_are_finite_float32_of_all_drugs_and_diseases(name: str) -> None:
    scores = fitted(name, planted()).score()

    assert scores.shape == (N, N)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("name", sorted(MODELS))
def test_two_fits_with_one_seed_are_equal_to_the_bit(name: str) -> None:
    first, second = (fitted(name, planted(), seed=3).save() for _ in range(2))

    assert list(first) == list(second)
    for key, values in first.items():
        np.testing.assert_array_equal(values, second[key], strict=True)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_model_comes_back_as_it_was_saved(name: str) -> None:
    saved = fitted(name, planted()).save()

    again = MODELS[name].load(saved).save()

    assert list(again) == list(saved)
    for key, values in saved.items():
        np.testing.assert_array_equal(again[key], values, strict=True)


@pytest.mark.parametrize("name", sorted(LEARNERS))
def test_held_out_drugs_of_the_right_block_come_before_all_of_the_wrong_one(name: str) -> None:
    scores = fitted(name, planted()).score()

    for j in range(N):
        wrong = [scores[i, j] for i in range(N) if not same_block(i, j)]
        assert scores[j, j] > max(wrong)


@pytest.mark.parametrize("name", sorted(LEARNERS))
def test_a_disease_without_any_known_treatment_gets_the_drugs_of_its_block(name: str) -> None:
    data = planted(without_diseases=(list(DISEASES)[4],))

    scores = fitted(name, data).score()[:, 4]

    assert scores[0::2].min() > scores[1::2].max()


@pytest.mark.parametrize("name", DISEASE_MODELS)
def test_hidden_edges_change_no_bit_of_the_scores(name: str) -> None:
    hidden = training_data(planted_graph(HELD_OUT, palliates=HELD_OUT), hide_pairs=HELD_OUT)
    never_there = training_data(planted_graph())

    one, other = fitted(name, hidden).score(), fitted(name, never_there).score()

    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", DISEASE_MODELS)
def test_a_hidden_disease_changes_no_bit_of_the_scores(name: str) -> None:
    disease = list(DISEASES)[5]
    hidden = training_data(planted_graph(), hide_diseases=[disease])
    never_there = training_data(planted_graph(without_diseases=(disease,)))

    one, other = fitted(name, hidden).score(), fitted(name, never_there).score()

    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", DISEASE_MODELS)
def test_a_model_refuses_data_without_treatments(name: str) -> None:
    data = training_data(planted_graph(), hide_diseases=DISEASES)

    with pytest.raises(ModelError, match="treats"):
        fitted(name, data)


@pytest.mark.parametrize("name", DISEASE_MODELS)
def test_one_treatment_is_enough_to_fit(name: str) -> None:
    data = planted()

    scores = fitted(name, data.without(pairs=data.positives[1:])).score()

    assert np.isfinite(scores).all()


@pytest.mark.parametrize("name", sorted(set(MODELS) - set(DISEASE_MODELS)))
def test_a_model_that_does_not_declare_diseases_refuses_to_score_them(name: str) -> None:
    with pytest.raises(ModelError, match="does not declare 'scores-diseases'"):
        fitted(name, planted()).score()


@pytest.mark.parametrize("name", sorted(set(MODELS) - set(HISTORY_MODELS)))
def test_a_model_that_does_not_declare_histories_refuses_them(name: str) -> None:
    with pytest.raises(ModelError, match="does not declare 'scores-histories'"):
        fitted(name, planted()).score_history(np.array([0]))


@pytest.mark.parametrize("name", HISTORY_MODELS)
def test_a_history_gets_the_drugs_of_similar_patients(name: str) -> None:
    scores = fitted(name, planted()).score_history(np.array([0, 4]))

    assert scores[0::2].min() > scores[1::2].max()


@pytest.mark.parametrize("name", HISTORY_MODELS)
def test_an_empty_history_is_a_cold_start_not_a_row_of_zeros(name: str) -> None:
    with pytest.raises(ColdStartError):
        fitted(name, planted()).score_history(np.array([], np.int64))


@pytest.mark.parametrize("name", HISTORY_MODELS)
@pytest.mark.parametrize("row", [-1, N])
def test_a_drug_outside_the_graph_is_refused(name: str, row: int) -> None:
    with pytest.raises(ModelError, match="drug rows"):
        fitted(name, planted()).score_history(np.array([0, row]))


@pytest.mark.parametrize("name", HISTORY_MODELS)
@pytest.mark.parametrize("histories", [None, sp.csr_matrix((3, N))])
def test_histories_without_any_drug_cannot_be_learnt_from(name: str, histories: Any) -> None:
    with pytest.raises(ModelError, match="histories"):
        fitted(name, training_data(planted_graph(), histories=histories))


def test_popularity_counts_treated_diseases_and_the_product_multiplies_degrees() -> None:
    data = planted(extra=[(next(iter(DRUGS)), list(DISEASES)[1])])

    popularity, product = (fitted(n, data).score() for n in ("popularity", "degree-product"))

    assert popularity[0].tolist() == [6] * N
    assert popularity[1].tolist() == [5] * N
    assert product[0, 1] == 7 * 7
    assert product[3, 2] == 6 * 6


def test_importing_the_models_loads_no_training_library() -> None:
    heavy = "{'torch', 'torch_geometric', 'implicit', 'sklearn', 'lightgbm'} & set(sys.modules)"
    code = f"import sys, recommend.models, recommend.train; sys.exit(str({heavy} or '') or 0)"

    result = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)

    assert result.returncode == 0, result.stderr.decode()
