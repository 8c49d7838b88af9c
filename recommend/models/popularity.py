"""Drugs that treat many diseases come first, whatever the disease: the first thing to beat."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from recommend.interactions import TrainingData
from recommend.models.base import Arrays, Progress, RankingModel, Scores


class Popularity(RankingModel):
    """The number of diseases that the drug is recorded to treat."""

    name = "popularity"
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
        degree = np.bincount(training.positives[:, 0], minlength=training.shape[0])
        self._scores = np.repeat(degree[:, None], training.shape[1], axis=1).astype(np.float32)
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
