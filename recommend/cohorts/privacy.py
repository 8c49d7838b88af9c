"""Drugs' factors that a formal guarantee covers: differential privacy for each patient of a cohort.

What is promised. Two cohorts are neighbours if one has a single patient more, with whatever
history; what is published then differs by no more than (epsilon, delta)-differential privacy
allows. Whoever asks whether a patient was in the cohort is right with a chance that this bounds,
whatever else is known and however clever the attack; noise alone, without this accounting, bounds
nothing.

How. A patient's row is bounded before anything is added up: at most ``most_drugs`` drugs, chosen by
the row alone, then divided by its Euclidean length. So a patient adds at most 1, in Euclidean
length, to the sum of the rows, and at most 1, in Frobenius norm, to the sum of the rows' outer
products (drug x drug). Each of the two sums gets Gaussian noise: the first says which drugs there
are (no unnoised list of drugs is used), the second, of those drugs alone, how they go together. The
two are Gaussian mechanisms in a row, whose zero-concentrated budgets rho add up (Bun and Steinke
2016). Everything after that reads noisy sums only: the strongest eigenvectors, those below what
noise alone would show being dropped, are the factors.

The noise is OpenDP's, from its own cryptographically secure source: nobody can repeat it, so two
runs give two results. A seed that reproduced it would let anyone take it off again.

The guarantee covers this one release. A second bundle of the same patients is a second release, and
the epsilons add up; so do counts and weights that are published beside.
"""

from statistics import NormalDist
from types import ModuleType
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommend.errors import ModelError

SENSITIVITY = 1 + 1e-6  # Euclidean, of each sum; the rest is what floating point may add to 1
MAX_EPSILON = 100  # more is no promise
COUNT_SHARE = 0.2  # of the budget rho, for which drugs there are

Floats = NDArray[np.float64]


DELTA = 1e-6  # far below one over the patients of any cohort at hand


def private_item_factors(
    histories: sp.csr_matrix,
    *,
    factors: int = 32,
    epsilon: float,
    delta: float,
    most_drugs: int = 10,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Drugs' factors of a cohort, (epsilon, delta)-differentially private for each patient.

    They stand where those of alternating least squares do: a new patient is folded in.

    Args:
        histories: (n_patients, n_drugs) of ones. The number of drugs is public: all of the graph.
        factors: numbers a drug; those that would only show noise are 0.
        epsilon: above 0, at most 100; below 1 is strong, above 10 says little.
        delta: above 0 and well below one in the number of patients.
        most_drugs: of a patient with more, so many are drawn.
        seed: of that draw alone; the noise has none.

    Returns:
        (n_drugs, factors) float32; a drug with too few patients to be told from noise has zeros.

    Raises:
        ModelError: OpenDP is not installed, a number out of its range, or a budget so small that
            no drug stands out.
    """
    if not 0 < epsilon <= MAX_EPSILON or not 0 < delta < 1:
        raise ModelError(
            f"epsilon {epsilon} must be above 0 and at most {MAX_EPSILON}, "
            f"and delta {delta} between 0 and 1"
        )
    if factors < 1 or most_drugs < 1:
        raise ModelError(f"factors {factors} and most_drugs {most_drugs} must be at least 1")
    noise = _Noise(epsilon, delta)
    rows = bounded_rows(histories, most_drugs=most_drugs, seed=seed)
    counts = noise.add(np.asarray(rows.sum(axis=0), np.float64).ravel(), COUNT_SHARE)
    # So high that noise alone lifts about one drug of all above it.
    least = noise.scale(COUNT_SHARE) * NormalDist().inv_cdf(1 - 1 / max(len(counts), 2))
    drugs = np.flatnonzero(counts > least)
    if not len(drugs):
        raise ModelError(
            f"with epsilon {epsilon} no drug of these histories stands out from the noise: "
            "a larger epsilon or more patients are needed"
        )
    upper = noise.add(upper_triangle(rows[:, drugs]), 1 - COUNT_SHARE)
    found = _eigenvectors(upper, len(drugs), factors, noise.scale(1 - COUNT_SHARE))
    result = np.zeros((histories.shape[1], factors), np.float32)
    result[drugs, : found.shape[1]] = found
    return result


def bounded_rows(histories: sp.csr_matrix, *, most_drugs: int, seed: int) -> sp.csr_matrix:
    """The histories with rows of length 1 and at most so many drugs; empty rows stay empty.

    Which drugs stay is drawn from the seed and the row's own drugs: it must not depend on other
    patients, nor on the place of the row among them.

    Args:
        histories: (n_patients, n_drugs) of ones.
        most_drugs: in a row, at least 1.
        seed: of the draw.

    Returns:
        (n_patients, n_drugs) float64.
    """
    parts = np.split(histories.indices, histories.indptr[1:-1]) if histories.shape[0] else []
    kept: list[NDArray[np.int64]] = []
    for part in parts:
        drugs = np.unique(part).astype(np.int64)
        if len(drugs) > most_drugs:
            rng = np.random.default_rng([seed, *drugs.tolist()])
            drugs = np.sort(rng.choice(drugs, most_drugs, replace=False))
        kept.append(drugs)
    lengths = [len(drugs) for drugs in kept]
    values = np.concatenate([np.full(n, n**-0.5) for n in lengths if n] or [np.empty(0)])
    columns = np.concatenate([*kept, np.empty(0, np.int64)])
    return sp.csr_matrix((values, columns, np.cumsum([0, *lengths])), shape=histories.shape)


def upper_triangle(rows: sp.csr_matrix) -> Floats:
    """The sum of the rows' outer products, each pair of drugs once.

    Off-diagonal entries are multiplied by the root of 2, so that the Euclidean length is the
    Frobenius norm of the whole matrix, and a patient's part has the length of the row, squared.

    Args:
        rows: (n_patients, n_drugs).

    Returns:
        (n_drugs * (n_drugs + 1) / 2,) in the order of :func:`numpy.triu_indices`.
    """
    gram = (rows.T @ rows).toarray()
    first, second = np.triu_indices(len(gram))
    return np.asarray(gram[first, second] * np.where(first == second, 1.0, np.sqrt(2)), np.float64)


class _Noise:
    """Gaussian noise for two sums of sensitivity 1 that share one budget."""

    def __init__(self, epsilon: float, delta: float) -> None:
        """Find how much noise a single release of all of the budget would need."""
        self._dp = _import_opendp()

        def whole(scale: float) -> object:
            pure = self._dp.c.make_zCDP_to_approxDP(self._gaussian(scale))
            return self._dp.c.make_fix_delta(pure, delta=delta)

        self._whole: float = self._dp.binary_search_param(
            whole, d_in=SENSITIVITY, d_out=(epsilon, delta), T=float
        )

    def scale(self, share: float) -> float:
        """The standard deviation for this share of rho, which is proportional to its square."""
        return float(self._whole / share**0.5)

    def add(self, values: Floats, share: float) -> Floats:
        """``values`` with noise, for this share of rho."""
        return np.asarray(self._gaussian(self.scale(share))(values.tolist()), np.float64)

    def _gaussian(self, scale: float) -> Any:
        dp = self._dp
        domain = dp.vector_domain(dp.atom_domain(T=float, nan=False))
        divergence = "ZeroConcentratedDivergence"
        return dp.m.make_gaussian(domain, dp.l2_distance(T=float), scale=scale, MO=divergence)


def _import_opendp() -> ModuleType:
    from importlib import import_module

    try:
        dp = import_module("opendp.prelude")
    except ModuleNotFoundError as error:
        raise ModelError(
            f"privacy needs {error.name}, which is not installed: pip install 'pharmakon[privacy]'"
        ) from error
    dp.enable_features("contrib")  # OpenDP's word for what its proofs cover but no audit yet
    return dp


def _eigenvectors(upper: Floats, n_drugs: int, most: int, scale: float) -> Floats:
    """(n_drugs, at most ``most``) eigenvectors times the roots of what is left of their values.

    Args:
        upper: see :func:`upper_triangle`, with noise.
        n_drugs: rows of the matrix.
        most: how many to return.
        scale: standard deviation of the noise.
    """
    matrix = np.zeros((n_drugs, n_drugs))
    first, second = np.triu_indices(n_drugs)
    matrix[first, second] = upper / np.where(first == second, 1.0, np.sqrt(2))
    matrix[second, first] = matrix[first, second]
    values, vectors = np.linalg.eigh(matrix)
    strongest = np.argsort(-values)[:most]
    values, vectors = values[strongest], vectors[:, strongest]
    # Noise alone reaches the edge; it lifts an eigenvalue x above it to x + edge^2 / 4x.
    edge = scale * np.sqrt(2 * n_drugs)
    shown = values > edge
    shown[0] = True  # there is nothing else to say
    lifted = np.maximum(values[shown], edge)
    values = (lifted + np.sqrt(lifted**2 - edge**2)) / 2
    return np.asarray(vectors[:, shown] * np.sqrt(values), np.float64)
