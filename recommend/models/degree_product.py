"""Well-known drugs for well-known diseases: two numbers that are hard to beat.

The product of treats-degrees comes close to what was published for Hetionet, which is why no figure
is shown without it. Within one disease its order is that of popularity.
"""

import numpy as np

from recommend.interactions import TrainingData
from recommend.models.base import Baseline, Scores


class DegreeProduct(Baseline):
    """(treats-degree of the drug + 1) * (treats-degree of the disease + 1)."""

    name = "degree-product"

    def count(self, training: TrainingData) -> Scores:
        """See :meth:`Baseline.count`."""
        drugs, diseases = training.positives.T
        drug_degree = np.bincount(drugs, minlength=training.shape[0])
        disease_degree = np.bincount(diseases, minlength=training.shape[1])
        return np.outer(drug_degree + 1, disease_degree + 1).astype(np.float32)
