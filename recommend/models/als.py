"""What similar patients take: alternating least squares on patient x drug histories.

Only the drugs' factors are kept. A new patient's factors are solved for from the drugs in the
history, used, and forgotten; that of the cohort are discarded after training.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommend.errors import ModelError
from recommend.interactions import TrainingData
from recommend.models.base import (
    Arrays,
    Progress,
    RankingModel,
    check_history,
    import_training,
)


def fold_in(
    item_factors: NDArray[np.float32],
    drugs: NDArray[np.int64],
    *,
    regularization: float,
    alpha: float,
    gram: NDArray[np.float64] | None = None,
) -> NDArray[np.float32]:
    """The factors of a patient who was not in the training, by one least-squares step.

    The normal equations of implicit feedback (Hu, Koren, Volinsky 2008, equation 4), where a drug
    that is taken has confidence ``alpha`` and preference 1, every other confidence 1 and
    preference 0.

    Args:
        item_factors: (n_drugs, n_factors).
        drugs: rows of the drugs that the patient takes or took; repetitions do not count.
        regularization: added to the diagonal.
        alpha: confidence in a drug that is taken.
        gram: (n_factors, n_factors) the product of ``item_factors`` with itself, for who folds in
            many patients; made here if not given.

    Returns:
        (n_factors,) float32.

    Raises:
        ColdStartError: ``drugs`` is empty.
        ModelError: a row lies outside ``item_factors``.
    """
    rows = check_history(drugs, len(item_factors))
    taken = item_factors[rows].astype(np.float64)
    normal = (_gram(item_factors) if gram is None else gram) + (alpha - 1) * (taken.T @ taken)
    normal[np.diag_indices_from(normal)] += regularization
    return np.linalg.solve(normal, alpha * taken.sum(axis=0)).astype(np.float32)


def fold_in_all(
    item_factors: NDArray[np.float32],
    taken: sp.csr_matrix,
    *,
    regularization: float,
    alpha: float,
) -> NDArray[np.float32]:
    """(n, n_drugs) the scores of many patients at once, each folded in as by :func:`fold_in`.

    Args:
        item_factors: (n_drugs, n_factors).
        taken: (n, n_drugs) of ones; who takes nothing, or nothing that has factors, scores 0.
        regularization: added to the diagonal.
        alpha: confidence in a drug that is taken.
    """
    used = np.unique(taken.indices)
    factors, n_factors = item_factors[used].astype(np.float64), item_factors.shape[1]
    given = sp.csr_matrix(
        (taken.data, np.searchsorted(used, taken.indices), taken.indptr),
        shape=(taken.shape[0], len(used)),
    )
    squares = np.einsum("di,dj->dij", factors, factors).reshape(len(used), n_factors**2)
    normal = _gram(item_factors) + (alpha - 1) * (given @ squares).reshape(-1, n_factors, n_factors)
    normal += regularization * np.eye(n_factors)
    patients = np.linalg.solve(normal, alpha * (given @ factors)[:, :, None])[:, :, 0]
    return np.asarray(patients.astype(np.float32) @ item_factors.T)


def _gram(item_factors: NDArray[np.float32]) -> NDArray[np.float64]:
    factors = item_factors.astype(np.float64)
    return np.asarray(factors.T @ factors)


class AlternatingLeastSquares(RankingModel):
    """Implicit-feedback matrix factorisation; ranks drugs for a history, not for a disease."""

    name = "als"
    capabilities = frozenset({"scores-histories"})

    def __init__(
        self,
        *,
        factors: int = 32,
        regularization: float = 0.1,
        alpha: float = 10.0,
        iterations: int = 20,
    ) -> None:
        self.factors = factors
        self.regularization = regularization
        self.alpha = alpha
        self.iterations = iterations
        self._item_factors: NDArray[np.float32] = np.empty((0, factors), np.float32)

    def fit(
        self, training: TrainingData, *, seed: int = 0, progress: Progress | None = None
    ) -> Self:
        """See :meth:`RankingModel.fit`.

        Raises:
            ModelError: no histories, or none with a drug.
        """
        histories = training.histories
        if histories is None or histories.nnz == 0:
            raise ModelError("als needs histories with at least one patient who takes a drug")
        als = import_training("implicit.cpu.als")
        threadpools = import_training("threadpoolctl")
        # implicit's own threads and OpenBLAS's fight over the cores, of which it warns when made.
        with threadpools.threadpool_limits(1, "blas"):
            model = als.AlternatingLeastSquares(
                factors=self.factors,
                regularization=self.regularization,
                alpha=self.alpha,
                iterations=self.iterations,
                dtype=np.float32,
                num_threads=1,  # the same result on every machine
                random_state=seed,
            )
            model.fit(
                histories,
                show_progress=False,
                callback=lambda done, *_: progress and progress("als", done + 1, self.iterations),
            )
        self._item_factors = np.asarray(model.item_factors, np.float32)
        self.__dict__.pop("_item_gram", None)  # of an earlier fit
        return self

    def score_history(self, drugs: NDArray[np.int64]) -> NDArray[np.float32]:
        """See :meth:`RankingModel.score_history`."""
        patient = fold_in(
            self._item_factors,
            drugs,
            regularization=self.regularization,
            alpha=self.alpha,
            gram=self._item_gram,
        )
        return self._item_factors @ patient

    @property
    def item_factors(self) -> NDArray[np.float32]:
        """(n_drugs, n_factors) of the drugs, not copied."""
        return self._item_factors

    @cached_property
    def _item_gram(self) -> NDArray[np.float64]:
        return _gram(self._item_factors)

    def save(self) -> Arrays:
        """See :meth:`RankingModel.save`."""
        return {
            "item_factors": self._item_factors,
            "regularization": np.array([self.regularization]),
            "alpha": np.array([self.alpha]),
        }

    @classmethod
    def load(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """See :meth:`RankingModel.load`."""
        item_factors = arrays["item_factors"]
        model = cls(
            factors=item_factors.shape[1],
            regularization=float(arrays["regularization"][0]),
            alpha=float(arrays["alpha"][0]),
        )
        model._item_factors = item_factors
        return model
