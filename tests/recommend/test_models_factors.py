"""Factorisation of the treatments, and what it cannot do."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from kg.schema import EdgeType
from recommend.errors import ModelError
from recommend.interactions import TREATS, TrainingData, training_data
from recommend.models.factors import Factors, Method
from tests.recommend.planted import DISEASES, HELD_OUT, N, planted_graph, same_block

pytest.importorskip("implicit")
METHODS: list[Method] = ["als", "bpr"]


@pytest.mark.parametrize("method", METHODS)
def test_a_held_out_drug_of_the_right_block_comes_before_all_of_the_wrong_one(
    method: Method,
) -> None:
    scores = Factors(method=method).fit(training_data(planted_graph())).score()

    assert scores.shape == (N, N)
    for j in range(N):
        wrong = [scores[i, j] for i in range(N) if not same_block(i, j)]
        assert scores[j, j] > max(wrong)


@pytest.mark.parametrize("method", METHODS)
def test_only_treatments_are_learnt_from(method: Method) -> None:
    treats = training_data(planted_graph()).treats
    binds = sp.csr_matrix(np.ones((N, 2), np.float32))
    alone = TrainingData({"Drug": N, "Disease": N}, {TREATS: treats})
    beside = TrainingData(
        {"Drug": N, "Disease": N, "Gene": 2},
        {TREATS: treats, EdgeType("Drug", "binds", "Gene"): binds},
    )
    palliating = training_data(planted_graph(palliates=HELD_OUT))

    first, *others = (Factors(method=method).fit(d).score() for d in (alone, beside, palliating))

    for other in others:
        np.testing.assert_array_equal(first, other)


@pytest.mark.parametrize("method", METHODS)
def test_all_drugs_tie_for_a_disease_without_treatment(method: Method) -> None:
    data = training_data(planted_graph(), hide_diseases=[list(DISEASES)[4]])

    scores = Factors(method=method).fit(data).score()[:, 4]

    np.testing.assert_array_equal(scores, np.zeros(N, np.float32))


@pytest.mark.parametrize("method", METHODS)
def test_the_seed_decides_every_bit(method: Method) -> None:
    data = training_data(planted_graph())

    one, again, other = (Factors(method=method).fit(data, seed=s).score() for s in (1, 1, 2))

    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("method", METHODS)
def test_one_treatment_is_enough(method: Method) -> None:
    data = training_data(planted_graph())

    scores = Factors(method=method).fit(data.without(pairs=data.positives[1:])).score()

    assert np.isfinite(scores).all()


@pytest.mark.parametrize("method", METHODS)
def test_progress_counts_to_the_end(method: Method) -> None:
    steps: list[tuple[Any, ...]] = []

    Factors(method=method).fit(
        training_data(planted_graph()), progress=lambda *step: steps.append(step)
    )

    total = steps[0][2]
    assert steps == [("factors", done, total) for done in range(1, total + 1)]


def test_a_saved_model_has_the_scores_it_was_saved_with() -> None:
    model = Factors(factors=3).fit(training_data(planted_graph()))

    again = Factors.load(model.save())

    np.testing.assert_array_equal(again.score(), model.score(), strict=True)


def test_another_method_is_refused() -> None:
    with pytest.raises(ModelError, match=r"'svd'.*als or bpr"):
        Factors(method="svd")  # type: ignore[arg-type]
