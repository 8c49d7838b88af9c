"""Drugs that treat many diseases come first, whatever the disease: the first thing to beat."""

import numpy as np

from recommend.interactions import TrainingData
from recommend.models.base import Baseline, Scores


class Popularity(Baseline):
    """The number of diseases that the drug is recorded to treat."""

    name = "popularity"

    def count(self, training: TrainingData) -> Scores:
        """See :meth:`Baseline.count`."""
        degree = np.bincount(training.positives[:, 0], minlength=training.shape[0])
        return np.repeat(degree[:, None], training.shape[1], axis=1).astype(np.float32)
