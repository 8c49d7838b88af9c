"""A knowledge-graph embedding, ComplEx, of the whole graph; a baseline.

Trained with torch-geometric (:mod:`recommend.models.embedding_training`), which is imported when
fitting starts; what is kept are arrays. Always on the CPU: its steps are too small for another
device to pay.
"""

import warnings
from types import ModuleType
from typing import Self

from recommend.interactions import TrainingData
from recommend.models.base import (
    Progress,
    ScoredModel,
    check_scores,
    import_training,
)


class Embedding(ScoredModel):
    """Complex vectors for nodes and edge types (Trouillon et al. 2016), learnt from all edges."""

    name = "embedding"

    def __init__(self, *, dim: int = 64, epochs: int = 4) -> None:
        """Choose the settings.

        Args:
            dim: complex numbers a node; twice as many real ones.
            epochs: in each, about 6000 edges of every type are seen, treatments five times.
        """
        self.dim = dim
        self.epochs = epochs

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


def _import_training() -> ModuleType:
    with warnings.catch_warnings():
        # torch-geometric still scripts a class when it is imported, of which torch warns.
        warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", DeprecationWarning)
        return import_training("recommend.models.embedding_training")
