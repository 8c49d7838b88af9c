"""Kernel ridge over pairs: against plain linear algebra, a pair at a time."""

import numpy as np
import pytest
import scipy.sparse as sp

from kg.schema import EdgeType
from recommend.errors import ModelError
from recommend.interactions import ALIKE_DISEASES, PALLIATES, TREATS, TrainingData, training_data
from recommend.models.similarity import (
    DAMPING,
    Similarity,
    cosines,
    damped,
    disease_kernel,
    drug_kernel,
    pairwise_ridge,
)
from tests.recommend.planted import DISEASES, HELD_OUT, N, planted_graph, same_block

RIDGE = 0.7


def random_kernel(n: int, seed: int) -> np.ndarray:
    features = np.random.default_rng(seed).normal(size=(n, n + 1))
    return np.asarray(features @ features.T / n)


def left_out(
    values: np.ndarray, drugs: np.ndarray, diseases: np.ndarray, i: int, j: int
) -> np.ndarray:
    """The score of pair i, j from a regression on the pairs of ``values`` without that pair."""
    rows, columns = np.flatnonzero(values.any(axis=1)), np.flatnonzero(values.any(axis=0))
    pairs = [(a, b) for a in rows.tolist() for b in columns.tolist() if (a, b) != (i, j)]
    a, b = np.array(pairs).T
    kernel = drugs[np.ix_(a, a)] * diseases[np.ix_(b, b)]
    weights = np.linalg.solve(kernel + RIDGE * np.eye(len(pairs)), values[a, b])
    return np.asarray((drugs[i, a] * diseases[j, b]) @ weights)


def test_each_score_is_that_of_a_regression_which_has_not_seen_the_pair() -> None:
    drugs, diseases = random_kernel(5, 0), random_kernel(4, 1)
    values = np.zeros((5, 4))
    values[[0, 1, 1, 3], [2, 0, 2, 3]] = [1, 1, 0.3, 1]  # drugs 2 and 4, disease 1 have none

    scores = pairwise_ridge(values, drugs, diseases, RIDGE)

    expected = [[left_out(values, drugs, diseases, i, j) for j in range(4)] for i in range(5)]
    np.testing.assert_allclose(scores, expected, rtol=1e-8, atol=1e-10)


def test_a_kernel_that_is_not_of_full_rank_is_solved_as_well() -> None:
    drugs, diseases = np.ones((3, 3)), random_kernel(3, 2)
    values = np.eye(3)

    scores = pairwise_ridge(values, drugs, diseases, RIDGE)

    np.testing.assert_allclose(scores[0, 1], left_out(values, drugs, diseases, 0, 1))


def test_whether_a_pair_is_recorded_does_not_change_its_own_score() -> None:
    data = training_data(planted_graph())
    pair = data.positives[:1]

    seen, unseen = (Similarity().fit(d).score() for d in (data, data.without(pairs=pair)))

    (i, j), changed = pair[0], seen != unseen
    np.testing.assert_allclose(seen[i, j], unseen[i, j], rtol=1e-5)
    assert changed[i].any()
    assert changed[:, j].any()


def test_a_similarity_is_the_cosine_of_the_damped_neighbours() -> None:
    neighbours = sp.csr_matrix(np.array([[1, 1, 0], [1, 0, 1], [0, 0, 0]], np.float32))

    kernel = cosines(damped(neighbours))

    shared = 2.0 ** (-2 * DAMPING)
    np.testing.assert_allclose(kernel[0, 1], shared / (shared + 1), rtol=1e-6)
    np.testing.assert_allclose(kernel.diagonal(), [1, 1, 0], rtol=1e-6)


def test_the_kernels_are_symmetric_and_positive_semidefinite() -> None:
    data = training_data(planted_graph())

    for kernel in (drug_kernel(data), disease_kernel(data)):
        assert kernel.shape == (N, N)
        np.testing.assert_array_equal(kernel, kernel.T)
        assert np.linalg.eigvalsh(kernel).min() > -1e-12
        for j in range(N):
            same = [same_block(i, j) for i in range(N)]
            assert kernel[same, j].min() > kernel[np.invert(same), j].max()


def test_genes_of_one_pathway_make_diseases_alike() -> None:
    associates = sp.csr_matrix(np.eye(3, 3, dtype=np.float32))
    participates = sp.csr_matrix(np.array([[1], [1], [0]], np.float32))
    data = TrainingData(
        {"Drug": 1, "Disease": 3, "Gene": 3, "Pathway": 1},
        {
            EdgeType("Disease", "associates", "Gene"): associates,
            EdgeType("Gene", "participates", "Pathway"): participates,
        },
    )

    kernel = disease_kernel(data)

    assert kernel[0, 1] > 0
    assert kernel[0, 2] == kernel[1, 2] == 0


def test_diseases_that_resemble_each_other_are_alike_until_that_is_hidden() -> None:
    resembles = sp.csr_matrix(np.array([[0, 1], [1, 0]], np.float32))
    data = TrainingData({"Drug": 1, "Disease": 2}, {ALIKE_DISEASES: resembles})

    visible, hidden = data, data.without(diseases=[0], resemblance=True)

    assert disease_kernel(visible)[0, 1] > 0
    assert disease_kernel(hidden)[0, 1] == 0


def test_a_drug_like_one_that_treats_comes_before_one_like_one_that_palliates() -> None:
    causes = sp.csr_matrix(np.array([[1, 0], [0, 1], [1, 0], [0, 1]], np.float32))
    matrices = {
        TREATS: sp.csr_matrix(np.array([[1], [0], [0], [0]], np.float32)),
        PALLIATES: sp.csr_matrix(np.array([[0], [1], [0], [0]], np.float32)),
        EdgeType("Drug", "causes", "SideEffect"): causes,
    }
    data = TrainingData({"Drug": 4, "Disease": 1, "SideEffect": 2}, matrices)

    scores = Similarity().fit(data).score()[:, 0]

    assert scores[2] > scores[3] > 0


def test_a_disease_without_treatment_is_reached_through_its_genes() -> None:
    data = training_data(planted_graph(without_diseases=(list(DISEASES)[4],)))

    scores = Similarity().fit(data).score()[:, 4]

    assert scores[0::2].min() > scores[1::2].max()


def test_a_graph_of_treatments_alone_can_be_fitted() -> None:
    treats = sp.csr_matrix(np.eye(3, dtype=np.float32))

    scores = Similarity().fit(TrainingData({"Drug": 3, "Disease": 3}, {TREATS: treats})).score()

    np.testing.assert_array_equal(scores, np.zeros((3, 3), np.float32))


def test_a_saved_model_has_the_scores_it_was_saved_with() -> None:
    model = Similarity().fit(training_data(planted_graph(palliates=HELD_OUT)))

    again = Similarity.load(model.save())

    np.testing.assert_array_equal(again.score(), model.score(), strict=True)


def test_nothing_to_learn_from_is_refused() -> None:
    with pytest.raises(ModelError, match="treats"):
        Similarity().fit(training_data(planted_graph(), hide_diseases=DISEASES))
