"""Well-known drugs for well-known diseases: two numbers that are hard to beat.

The product of treats-degrees comes close to what was published for Hetionet, which is why no figure
is shown without it. Within one disease its order is that of popularity.
"""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from recommend.interactions import TrainingData
from recommend.models.base import Arrays, Progress, RankingModel, Scores


class DegreeProduct(RankingModel):
    """(treats-degree of the drug + 1) * (treats-degree of the disease + 1)."""

    name = "degree-product"
    capabilities = frozenset({"scores-diseases"})

    def __init__(self) -> None:
        self._scores: Scores = np.empty((0, 0), np.float32)

    def fit(
        self,
        training: TrainingData,
        *,
        seed: int = 0,  # noqa: ARG002  nothing is drawn
        progress: Progress | None = None,  # noqa: ARG002  done at once
    ) -> Self:
        """See :meth:`RankingModel.fit`."""
        drugs, diseases = training.positives.T
        drug_degree = np.bincount(drugs, minlength=training.shape[0])
        disease_degree = np.bincount(diseases, minlength=training.shape[1])
        self._scores = np.outer(drug_degree + 1, disease_degree + 1).astype(np.float32)
        return self

    def score(self) -> Scores:
        """See :meth:`RankingModel.score`."""
        return self._scores

    def save(self) -> Arrays:
        """See :meth:`RankingModel.save`."""
        return {"scores": self._scores}

    @classmethod
    def load(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """See :meth:`RankingModel.load`."""
        model = cls()
        model._scores = arrays["scores"]
        return model
