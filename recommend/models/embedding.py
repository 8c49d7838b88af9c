"""A knowledge-graph embedding, ComplEx, of the whole graph; a baseline.

Trained with torch-geometric (:mod:`recommend.models.embedding_training`), which is imported when
fitting starts; what is kept are arrays. Always on the CPU: its steps are too small for another
device to pay.
"""

import warnings
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from recommend.interactions import TrainingData
from recommend.models.base import (
    Arrays,
    Progress,
    RankingModel,
    Scores,
    check_scores,
    import_training,
)


class Embedding(RankingModel):
    """Complex vectors for nodes and edge types (Trouillon et al. 2016), learnt from all edges."""

    name = "embedding"
    capabilities = frozenset({"scores-diseases"})

    def __init__(self, *, dim: int = 64, epochs: int = 4) -> None:
        """Choose the settings.

        Args:
            dim: complex numbers a node; twice as many real ones.
            epochs: in each, about 6000 edges of every type are seen, treatments five times.
        """
        self.dim = dim
        self.epochs = epochs
        self._scores: Scores = np.empty((0, 0), np.float32)

    def fit(
        self, training: TrainingData, *, seed: int = 0, progress: Progress | None = None
    ) -> Self:
        """See :meth:`RankingModel.fit`."""
        training.positives  # noqa: B018  refuses data without any
        scores = _import_training().train(
            training, dim=self.dim, epochs=self.epochs, seed=seed, progress=progress
        )
        self._scores = check_scores(scores, training.shape)
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


def _import_training() -> ModuleType:
    with warnings.catch_warnings():
        # torch-geometric still scripts a class when it is imported, of which torch warns.
        warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", DeprecationWarning)
        return import_training("recommend.models.embedding_training")
