"""Training data and scorers whose figures are known, for the tests of the tracks."""

from collections.abc import Callable, Iterable

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from kg.schema import EdgeType
from recommend.evaluate.table import FLOOR
from recommend.interactions import (
    ALIKE_DISEASES,
    ALIKE_DRUGS,
    PALLIATES,
    TREATS,
    TrainingData,
    from_pairs,
)
from recommend.models.base import Scores

N_DRUGS, N_DISEASES, N_GENES = 30, 14, 9
BINDS = EdgeType("Drug", "binds", "Gene")
ASSOCIATES = EdgeType("Disease", "associates", "Gene")


def drawn(shape: tuple[int, int], share: float, seed: int) -> sp.csr_matrix:
    """A matrix of ones in that share of its cells."""
    chosen = np.random.default_rng(seed).random(shape) < share
    return from_pairs(np.argwhere(chosen).astype(np.int64), shape)


def ring(n: int) -> sp.csr_matrix:
    """Each node alike the next one of its pair: 0-1, 2-3, …"""
    pairs = [(i, i ^ 1) for i in range(n) if i ^ 1 < n]
    return from_pairs(np.array(pairs, np.int64), (n, n))


def tracked(*, seed: int = 0, share: float = 0.25) -> TrainingData:
    """30 drugs and 14 diseases, the last two untreated; pairs of neighbours resemble each other."""
    treats = drawn((N_DRUGS, N_DISEASES), share, seed).toarray()
    treats[:, -2:] = 0
    treats[0, :-2] = 1  # no treated disease without a drug
    palliates = drawn((N_DRUGS, N_DISEASES), 0.1, seed + 1).toarray()
    palliates[treats > 0] = 0
    palliates[0, -1] = 1
    return TrainingData(
        {"Drug": N_DRUGS, "Disease": N_DISEASES, "Gene": N_GENES},
        {
            TREATS: sp.csr_matrix(treats, dtype=np.float32),
            PALLIATES: sp.csr_matrix(palliates, dtype=np.float32),
            ALIKE_DRUGS: ring(N_DRUGS),
            ALIKE_DISEASES: ring(N_DISEASES),
            BINDS: drawn((N_DRUGS, N_GENES), 0.3, seed + 2),
            ASSOCIATES: drawn((N_DISEASES, N_GENES), 0.3, seed + 3),
        },
    )


class Spy:
    """A scorer that keeps the views that it was given; scores come from ``rows``."""

    def __init__(self, **rows: Callable[[TrainingData], NDArray[np.floating]]) -> None:
        self.rows = rows
        self.views: list[TrainingData] = []

    def __call__(self, view: TrainingData) -> dict[str, Scores]:
        self.views.append(view)
        baselines = {
            "popularity": by_degree(view),
            "degree-product": by_degree(view) + view.treats.sum(axis=0, dtype=np.float32),
            FLOOR: np.zeros(view.shape, np.float32),
        }
        own = {name: np.asarray(row(view), np.float32) for name, row in self.rows.items()}
        return {**baselines, **own}


def by_degree(view: TrainingData) -> Scores:
    """(n_drugs, n_diseases) the number of diseases that the drug treats."""
    degree = np.diff(view.treats.indptr).astype(np.float32)
    return np.repeat(degree[:, None], view.shape[1], axis=1)


def knows(training: TrainingData) -> Callable[[TrainingData], NDArray[np.float32]]:
    """A row that knows the truth of ``training``, whatever it is given."""
    return lambda _: np.asarray(training.treats.toarray(), np.float32)


def missing_columns(view: TrainingData, training: TrainingData) -> list[int]:
    """The diseases that are treated in ``training`` and not in ``view``."""
    return [
        j
        for j in range(training.shape[1])
        if training.treats[:, [j]].nnz and not view.treats[:, [j]].nnz
    ]


def missing_rows(view: TrainingData, training: TrainingData) -> list[int]:
    """The drugs that treat something in ``training`` and nothing in ``view``."""
    return [
        i for i in range(training.shape[0]) if training.treats[[i]].nnz and not view.treats[[i]].nnz
    ]


def same(one: sp.csr_matrix, other: sp.csr_matrix, columns: Iterable[int] | None = None) -> bool:
    """Whether two matrices have the same entries (in these columns)."""
    chosen = slice(None) if columns is None else list(columns)
    return bool((one.toarray()[:, chosen] == other.toarray()[:, chosen]).all())
