"""Matrix factorisation of the recorded treatments alone; what collaborative filtering can do.

With a few hundred treatments there is little to factorise, and a disease or drug without any
scores 0 everywhere. It is here so that this can be measured. Palliating drugs are left out
because adding them made it worse on validation splits.
"""

from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommend.errors import ModelError
from recommend.interactions import TrainingData
from recommend.models.base import (
    Arrays,
    Progress,
    RankingModel,
    Scores,
    check_scores,
    import_training,
)

Method = Literal["als", "bpr"]


class Factors(RankingModel):
    """Implicit-feedback factorisation of the drug x disease matrix, by one of two losses."""

    name = "factors"
    capabilities = frozenset({"scores-diseases"})

    def __init__(self, *, method: Method = "als", factors: int = 8) -> None:
        """Choose the settings.

        Args:
            method: ``als``, weighted least squares (Hu, Koren, Volinsky 2008), or ``bpr``,
                Bayesian personalised ranking (Rendle et al. 2009).
            factors: numbers a drug and a disease.

        Raises:
            ModelError: another method.
        """
        if method not in ("als", "bpr"):
            raise ModelError(f"no method {method!r} of factorisation; choose als or bpr")
        self.method: Method = method
        self.factors = factors
        self._drugs: NDArray[np.float32] = np.empty((0, factors), np.float32)
        self._diseases: NDArray[np.float32] = np.empty((0, factors), np.float32)

    def fit(
        self, training: TrainingData, *, seed: int = 0, progress: Progress | None = None
    ) -> Self:
        """See :meth:`RankingModel.fit`."""
        training.positives  # noqa: B018  refuses data without any
        threadpools = import_training("threadpoolctl")
        # implicit's own threads and OpenBLAS's fight over the cores, of which it warns when made.
        with threadpools.threadpool_limits(1, "blas"):
            model = self._als(seed) if self.method == "als" else self._bpr(seed)
            model.fit(
                sp.csr_matrix(training.treats.T),  # diseases choose among drugs
                show_progress=False,
                callback=lambda done, *_: (
                    progress and progress("factors", done + 1, model.iterations)
                ),
            )
        self._drugs, self._diseases = np.array(model.item_factors), np.array(model.user_factors)
        # bpr would leave them as they were drawn.
        self._drugs[np.asarray(training.treats.sum(axis=1)).ravel() == 0] = 0
        self._diseases[np.asarray(training.treats.sum(axis=0)).ravel() == 0] = 0
        check_scores(self.score(), training.shape)
        return self

    def _als(self, seed: int) -> Any:
        return import_training("implicit.cpu.als").AlternatingLeastSquares(
            factors=self.factors,
            regularization=3.0,
            alpha=3.0,
            iterations=20,
            dtype=np.float32,
            num_threads=1,  # the same result on every machine
            random_state=seed,
        )

    def _bpr(self, seed: int) -> Any:
        return import_training("implicit.cpu.bpr").BayesianPersonalizedRanking(
            factors=self.factors,
            learning_rate=0.05,
            regularization=0.01,
            iterations=50,  # more of them learn the treatments by heart
            dtype=np.float32,
            num_threads=1,  # with more, no two runs are alike
            random_state=seed,
        )

    def score(self) -> Scores:
        """See :meth:`RankingModel.score`."""
        return np.asarray(self._drugs @ self._diseases.T, np.float32)

    def save(self) -> Arrays:
        """See :meth:`RankingModel.save`."""
        return {"drugs": self._drugs, "diseases": self._diseases}

    @classmethod
    def load(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """See :meth:`RankingModel.load`."""
        model = cls(factors=arrays["drugs"].shape[1])
        model._drugs, model._diseases = arrays["drugs"], arrays["diseases"]
        return model
