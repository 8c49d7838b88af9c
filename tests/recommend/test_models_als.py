"""Folding in a patient with numpy gives what the training library would have given."""

import numpy as np
import pytest
import scipy.sparse as sp

from recommend.errors import ColdStartError
from recommend.interactions import TrainingData
from recommend.models.als import AlternatingLeastSquares, fold_in

implicit = pytest.importorskip("implicit")


def test_fold_in_agrees_with_implicits_own_recalculation() -> None:
    from implicit.cpu.als import AlternatingLeastSquares as Reference
    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng(1)
    histories = sp.csr_matrix((rng.random((40, 15)) < 0.3).astype(np.float32))
    history = np.array([2, 3, 11])
    row = sp.csr_matrix((np.ones(3, np.float32), ([0] * 3, history)), shape=(1, 15))

    with threadpool_limits(1, "blas"):
        reference = Reference(
            factors=6, regularization=0.3, alpha=7.0, num_threads=1, random_state=2
        )
        reference.fit(histories, show_progress=False)
        expected = reference.recalculate_user(0, row)
    factors = fold_in(reference.item_factors, history, regularization=0.3, alpha=7.0)

    np.testing.assert_allclose(factors, np.ravel(expected), rtol=1e-3, atol=1e-5)


def test_fold_in_solves_the_weighted_least_squares_problem() -> None:
    items = np.random.default_rng(3).normal(size=(8, 3)).astype(np.float32)
    taken, alpha, regularization = np.array([1, 6]), 5.0, 0.2
    preference = np.isin(np.arange(8), taken).astype(float)
    weights = np.where(preference > 0, alpha, 1.0)
    design = np.vstack([items * np.sqrt(weights)[:, None], np.eye(3) * np.sqrt(regularization)])
    target = np.concatenate([preference * np.sqrt(weights), np.zeros(3)])

    factors = fold_in(items, taken, regularization=regularization, alpha=alpha)

    np.testing.assert_allclose(factors, np.linalg.lstsq(design, target)[0], rtol=1e-5)


def test_a_repeated_drug_counts_once() -> None:
    items = np.eye(4, dtype=np.float32)

    once, twice = (
        fold_in(items, np.array(rows), regularization=0.1, alpha=2.0) for rows in ([1], [1, 1])
    )

    np.testing.assert_array_equal(once, twice)


def test_an_empty_history_is_a_cold_start() -> None:
    with pytest.raises(ColdStartError):
        fold_in(np.eye(4, dtype=np.float32), np.array([], np.int64), regularization=0.1, alpha=2.0)


def test_nothing_of_the_cohort_is_kept_but_the_drugs_factors() -> None:
    n_patients, n_drugs = 30, 9
    histories = sp.csr_matrix(np.indices((n_patients, n_drugs)).sum(axis=0) % 3 == 0)
    data = TrainingData({"Drug": n_drugs, "Disease": 1}, {}, histories)

    saved = AlternatingLeastSquares(factors=4).fit(data).save()

    assert {name: values.shape for name, values in saved.items()} == {
        "item_factors": (n_drugs, 4),
        "regularization": (1,),
        "alpha": (1,),
    }
