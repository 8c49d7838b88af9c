"""Rankings from histories to compare with: Bayesian personalised ranking, and item-item cosine.

Neither is part of a bundle: the table of item-item holds how many patients share two drugs.
"""

from collections.abc import Mapping
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

_STEPS = 50
_STEP = 0.5


class PersonalisedRanking(RankingModel):
    """BPR (Rendle et al. 2009): drugs that are taken rank above those that are not.

    A new patient's factors are found by descent on the same criterion with the drugs' factors held
    fixed, over all pairs of a drug that is taken and one that is not, so nothing is drawn.
    """

    name = "bpr"
    capabilities = frozenset({"scores-histories"})

    def __init__(
        self,
        *,
        factors: int = 32,
        learning_rate: float = 0.05,
        regularization: float = 0.01,
        iterations: int = 200,
    ) -> None:
        self.factors = factors
        self.learning_rate = learning_rate
        self.regularization = regularization
        self.iterations = iterations
        self._item_factors: NDArray[np.float32] = np.empty((0, factors + 1), np.float32)

    def fit(
        self, training: TrainingData, *, seed: int = 0, progress: Progress | None = None
    ) -> Self:
        """See :meth:`RankingModel.fit`.

        Raises:
            ModelError: no histories, or none with a drug.
        """
        histories = _histories(training, self.name)
        bpr = import_training("implicit.cpu.bpr")
        model = bpr.BayesianPersonalizedRanking(
            factors=self.factors,
            learning_rate=self.learning_rate,
            regularization=self.regularization,
            iterations=self.iterations,
            num_threads=1,  # the same result on every machine
            random_state=seed,
        )
        model.fit(histories, show_progress=False)
        if progress:
            progress(self.name, self.iterations, self.iterations)
        self._item_factors = np.asarray(model.item_factors, np.float32)
        return self

    def score_history(self, drugs: NDArray[np.int64]) -> NDArray[np.float32]:
        """See :meth:`RankingModel.score_history`."""
        taken = check_history(drugs, len(self._item_factors))
        items, usual = self._item_factors[:, :-1].astype(float), self._item_factors[:, -1]
        others = np.setdiff1d(np.arange(len(items)), taken)
        patient = np.zeros(items.shape[1])
        for _ in range(_STEPS if len(others) else 0):
            scores = items @ patient + usual
            wrong = 1 / (1 + np.exp(scores[taken][:, None] - scores[others][None, :]))
            up = wrong.sum(axis=1) @ items[taken] - wrong.sum(axis=0) @ items[others]
            patient += _STEP * (up / wrong.size - self.regularization * patient)
        return np.asarray(items @ patient + usual, np.float32)

    def save(self) -> Arrays:
        """See :meth:`RankingModel.save`."""
        return {
            "item_factors": self._item_factors,
            "regularization": np.array([self.regularization]),
        }

    @classmethod
    def load(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """See :meth:`RankingModel.load`."""
        items = arrays["item_factors"]
        model = cls(factors=items.shape[1] - 1, regularization=float(arrays["regularization"][0]))
        model._item_factors = items
        return model


class ItemItem(RankingModel):
    """Drugs that the same patients take: the sum of cosines with the drugs of the history."""

    name = "item-item"
    capabilities = frozenset({"scores-histories"})

    def __init__(self, *, neighbors: int = 20) -> None:
        self.neighbors = neighbors
        self._alike = sp.csr_matrix(np.empty((0, 0), np.float32))

    def fit(
        self,
        training: TrainingData,
        *,
        seed: int = 0,  # noqa: ARG002  nothing is drawn
        progress: Progress | None = None,
    ) -> Self:
        """See :meth:`RankingModel.fit`.

        Raises:
            ModelError: no histories, or none with a drug.
        """
        histories = _histories(training, self.name)
        nearest = import_training("implicit.nearest_neighbours")
        # CosineRecommender makes a coo_matrix of its own and then warns that it is none.
        sizes = np.sqrt(np.maximum(histories.getnnz(axis=0), 1))
        scaled = sp.csr_matrix(histories @ sp.diags_array(1 / sizes), dtype=np.float64)
        model = nearest.ItemItemRecommender(K=self.neighbors, num_threads=1)
        model.fit(scaled, show_progress=False)
        if progress:
            progress(self.name, 1, 1)
        self._alike = sp.csr_matrix(model.similarity, dtype=np.float32)
        return self

    def score_history(self, drugs: NDArray[np.int64]) -> NDArray[np.float32]:
        """See :meth:`RankingModel.score_history`."""
        taken = check_history(drugs, self._alike.shape[0])
        return np.asarray(self._alike[taken].sum(axis=0), np.float32).ravel()

    def save(self) -> Arrays:
        """See :meth:`RankingModel.save`."""
        return {
            "data": self._alike.data,
            "indices": self._alike.indices,
            "indptr": self._alike.indptr,
        }

    @classmethod
    def load(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """See :meth:`RankingModel.load`."""
        n_drugs = len(arrays["indptr"]) - 1
        parts = arrays["data"], arrays["indices"], arrays["indptr"]
        model = cls()
        model._alike = sp.csr_matrix(parts, shape=(n_drugs, n_drugs))
        return model


def _histories(training: TrainingData, name: str) -> sp.csr_matrix:
    histories = training.histories
    if histories is None or histories.nnz == 0:
        raise ModelError(f"{name} needs histories with at least one patient who takes a drug")
    return histories
