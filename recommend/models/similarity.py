"""Similar drugs help in similar diseases: kernel ridge regression over pairs, in closed form.

A pair's kernel is the product of a drug kernel and a disease kernel, so that two small
eigendecompositions solve for all pairs at once, and a disease without any treatment is reached
through its kernel (Stock et al. 2018, "A comparative study of pairwise learning methods based on
kernel ridge regression"). Each pair is scored as if its own value had not been seen: a treatment
that is missing from the records counts as "no" everywhere but in its own score.

Weights, damping, and ridge were chosen on validation folds of Hetionet, coarsely; a kernel of the
treats profiles and one of shared anatomy were tried and made it worse.
"""

from typing import Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from kg.schema import EdgeType
from recommend.interactions import ALIKE_DISEASES, ALIKE_DRUGS, TrainingData
from recommend.models.base import (
    Progress,
    ScoredModel,
    check_scores,
    import_training,
)

DAMPING = 0.2  # a shared neighbour counts by its degree to this negative power, in each of the two
PALLIATING = 0.3  # what a pair is worth that is recorded to palliate, where treating is worth 1

Kernel = NDArray[np.float64]  # (n, n) symmetric, positive semidefinite


class Similarity(ScoredModel):
    """Kernel ridge regression over the Kronecker product of two mean similarities."""

    name = "similarity"

    def __init__(self, *, ridge: float = 1.0) -> None:
        """Choose the settings.

        Args:
            ridge: how strongly scores are drawn towards 0; above 0.
        """
        self.ridge = ridge

    def fit(
        self,
        training: TrainingData,
        *,
        seed: int = 0,  # noqa: ARG002  nothing is drawn
        progress: Progress | None = None,  # noqa: ARG002  done in less than a second
    ) -> Self:
        """See :meth:`RankingModel.fit`."""
        training.positives  # noqa: B018  refuses data without any
        threadpools = import_training("threadpoolctl")
        with threadpools.threadpool_limits(1, "blas"):  # the same bits on every machine
            values = np.maximum(
                training.treats.toarray(), PALLIATING * training.palliates.toarray()
            ).astype(np.float64)
            scores = pairwise_ridge(
                values, drug_kernel(training), disease_kernel(training), self.ridge
            )
        self._scores = check_scores(scores, training.shape)
        return self


def pairwise_ridge(
    values: NDArray[np.float64], drug_kernel: Kernel, disease_kernel: Kernel, ridge: float
) -> NDArray[np.float64]:
    """What the other pairs say of each pair.

    Learnt from all pairs of a drug and a disease that have any value: of the others nothing is
    known, so their zeros are no evidence. Where a pair was learnt from, its score is what it would
    be without it: (f - h y) / (1 - h), where h is the share of its own value y in the fit f. A drug
    or disease that has no other value is still learnt from: its zeros draw that score down.

    Args:
        values: (n_drugs, n_diseases) with at least one that is not 0.
        drug_kernel: (n_drugs, n_drugs).
        disease_kernel: (n_diseases, n_diseases).
        ridge: above 0.

    Returns:
        (n_drugs, n_diseases).
    """
    drugs, diseases = np.flatnonzero(values.any(axis=1)), np.flatnonzero(values.any(axis=0))
    learnt = np.ix_(drugs, diseases)
    drug_values, drug_vectors = _eigen(drug_kernel[np.ix_(drugs, drugs)])
    disease_values, disease_vectors = _eigen(disease_kernel[np.ix_(diseases, diseases)])
    eigenvalues = np.outer(drug_values, disease_values)
    rotated = drug_vectors.T @ values[learnt] @ disease_vectors
    weights = drug_vectors @ (rotated / (eigenvalues + ridge)) @ disease_vectors.T
    scores = drug_kernel[:, drugs] @ weights @ disease_kernel[diseases]
    own = drug_vectors**2 @ (eigenvalues / (eigenvalues + ridge)) @ (disease_vectors**2).T
    scores[learnt] = (scores[learnt] - own * values[learnt]) / (1 - own)
    return np.asarray(scores)


def drug_kernel(training: TrainingData) -> Kernel:
    """(n_drugs, n_drugs) how alike two drugs are by what they bind, regulate, cause, and are."""
    kinds = [
        (1, training.matrix(EdgeType("Drug", "binds", "Gene"))),
        (1, training.matrix(EdgeType("Drug", "upregulates", "Gene"))),
        (1, training.matrix(EdgeType("Drug", "downregulates", "Gene"))),
        (3, training.matrix(EdgeType("Drug", "causes", "SideEffect"))),
        (1, sp.csr_matrix(training.matrix(EdgeType("DrugClass", "includes", "Drug")).T)),
        (1, _with_itself(training.matrix(ALIKE_DRUGS))),
    ]
    return _mean([(weight, damped(neighbours)) for weight, neighbours in kinds])


def disease_kernel(training: TrainingData) -> Kernel:
    """(n_diseases, n_diseases) how alike two diseases are by genes, pathways, and symptoms."""
    genes = damped(training.matrix(EdgeType("Disease", "associates", "Gene")))
    pathways = damped(training.matrix(EdgeType("Gene", "participates", "Pathway")))
    symptoms = damped(training.matrix(EdgeType("Disease", "presents", "Symptom")))
    alike = damped(_with_itself(training.matrix(ALIKE_DISEASES)))
    return _mean([(3, genes), (2, genes @ pathways), (1, symptoms), (1, alike)])


def damped(neighbours: sp.csr_matrix) -> sp.csr_matrix:
    """``neighbours`` with each column weighted down by how many rows have it."""
    degrees = np.asarray(neighbours.sum(axis=0), np.float64).ravel()
    return sp.csr_matrix(neighbours @ sp.diags_array(np.maximum(degrees, 1) ** -DAMPING))


def cosines(features: sp.csr_matrix) -> Kernel:
    """(n, n) the cosine between the rows; 0 with a row that is empty."""
    products = (features @ features.T).toarray()
    lengths = np.sqrt(products.diagonal())
    lengths[lengths == 0] = 1
    return np.asarray(products / np.outer(lengths, lengths), np.float64)


def _mean(kinds: list[tuple[float, sp.csr_matrix]]) -> Kernel:
    total = sum(weight for weight, _ in kinds)
    return np.asarray(sum(weight * cosines(features) for weight, features in kinds) / total)


def _with_itself(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """So that two that resemble each other share both."""
    return sp.csr_matrix(matrix + sp.eye_array(matrix.shape[0], dtype=np.float32))


def _eigen(kernel: Kernel) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    values, vectors = np.linalg.eigh(kernel)
    return np.maximum(values, 0), vectors  # rounding makes some of the zeros negative
