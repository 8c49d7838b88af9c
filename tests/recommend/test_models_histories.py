"""What the models of histories promise beyond the contract that all models share."""

import numpy as np
import pytest
import scipy.sparse as sp

from recommend.interactions import TrainingData
from recommend.models.als import fold_in, fold_in_all
from recommend.models.histories import ItemItem, PersonalisedRanking

pytest.importorskip("implicit")


def data(histories: object) -> TrainingData:
    matrix = sp.csr_matrix(np.asarray(histories, np.float32))
    return TrainingData({"Drug": matrix.shape[1], "Disease": 1}, {}, matrix)


def test_item_item_adds_up_the_cosines_with_the_drugs_of_the_history() -> None:
    histories = (np.random.default_rng(1).random((30, 6)) < 0.4).astype(float)
    unit = histories / np.linalg.norm(histories, axis=0)
    cosines = unit.T @ unit

    scores = ItemItem(neighbors=6).fit(data(histories)).score_history(np.array([1, 4]))

    np.testing.assert_allclose(scores, cosines[[1, 4]].sum(axis=0), rtol=1e-5)


def test_bpr_ranks_what_the_same_patients_take_above_the_rest() -> None:
    even = np.indices((40, 10)).sum(axis=0) % 2 == 0

    scores = PersonalisedRanking(factors=4).fit(data(even)).score_history(np.array([0, 4]))

    assert scores[[2, 6, 8]].min() > scores[[1, 3, 5, 7, 9]].max()


def test_many_patients_are_folded_in_as_each_alone_would_be() -> None:
    items = np.random.default_rng(3).normal(size=(9, 4)).astype(np.float32)
    histories = [[0, 3], [5], [1, 2, 8]]
    taken = np.zeros((3, 9), np.float32)
    for i, drugs in enumerate(histories):
        taken[i, drugs] = 1

    together = fold_in_all(items, sp.csr_matrix(taken), regularization=0.2, alpha=7.0)

    for i, drugs in enumerate(histories):
        alone = items @ fold_in(items, np.array(drugs), regularization=0.2, alpha=7.0)
        np.testing.assert_allclose(together[i], alone, rtol=1e-4, atol=1e-5)


def test_who_takes_nothing_scores_nothing() -> None:
    items = np.ones((4, 2), np.float32)

    nothing = sp.csr_matrix(np.zeros((2, 4), np.float32))

    scores = fold_in_all(items, nothing, regularization=0.1, alpha=5)

    assert not scores.any()
