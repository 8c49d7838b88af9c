"""Degree-weighted path counts under a logistic regression: the floor, and the explanation.

No pair may see its own edge: a *treats* edge between a drug and a disease is part of paths and
degrees that describe this very pair. Subtracting it from the positive pairs alone would mark them
(their degrees would be one lower than everyone else's), so whole folds are hidden instead and all
features of a fold are computed anew without any of its edges. That is exact whatever the features.

A disease with recorded treatments and one without are different questions: for the first, the drugs
like those that treat it are the best evidence; for the second, no path ends that way. So there are
two regressions. The first learns from folds of pairs, the second from folds of whole diseases; in
both, each positive is compared with the other drugs of its disease in the same view of the graph.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from kg.paths import metapath_matrix
from kg.schema import EdgeType, parse_metapath
from recommend.interactions import TrainingData, to_pairs
from recommend.models.base import (
    Arrays,
    Progress,
    RankingModel,
    Scores,
    check_scores,
    import_training,
)

# The six of the regression that no published figure may be shown without.
SIX = ("CbGbCtD", "CiPCiCtD", "CbGaD", "CtDrD", "CtDtCtD", "CpDpCtD")
# And drugs of diseases that share genes, symptoms, sites or expression, and of resembling drugs.
# Side effects are left out on purpose: an indication is often recorded as one.
METAPATHS = (*SIX, "CtDaGaD", "CtDpSpD", "CtDlAlD", "CtDuGuD", "CtDdGdD", "CrCtD")
DEGREES = (EdgeType("Drug", "binds", "Gene"), EdgeType("Disease", "associates", "Gene"))

N_FOLDS = 5

Features = NDArray[np.float32]  # (n_features, n_drugs, n_diseases)
Mask = NDArray[np.bool_]  # (n_drugs, n_diseases)


class MetapathRegression(RankingModel):
    """Two L2-regularised logistic regressions on arcsinh-scaled DWPC features of every pair.

    Metapaths that walk an edge type the training data lacks are left out. Pairs recorded as
    *palliates* only are neither positive nor negative. No class weights.

    Attributes:
        features: metapaths in short form, then ``"Drug-binds-Gene degree"`` and the like.
        coefficients: (2, n_features) on the scaled features; row 0 for diseases without recorded
            treatments, row 1 for the others.
        intercepts: (2,)
        regime: (n_diseases,) the row that holds for each disease.
    """

    name = "metapath"
    capabilities = frozenset({"scores-diseases", "explains-pairs"})

    def __init__(self, *, metapaths: Sequence[str] = METAPATHS) -> None:
        """Take ``metapaths`` in short or long form, from Drug to Disease, of up to four steps."""
        self.metapaths = tuple(metapaths)
        self.features: tuple[str, ...] = ()
        self.coefficients: NDArray[np.float64] = np.empty((2, 0))
        self.intercepts: NDArray[np.float64] = np.empty(2)
        self.regime: NDArray[np.int8] = np.empty(0, np.int8)
        self._scores: Scores = np.empty((0, 0), np.float32)
        self._contributions: NDArray[np.float16] = np.empty((0, 0, 0), np.float16)

    def fit(
        self, training: TrainingData, *, seed: int = 0, progress: Progress | None = None
    ) -> Self:
        """See :meth:`RankingModel.fit`."""
        positives = training.positives
        rng = np.random.default_rng(seed)
        metapaths = [m for m in self.metapaths if _walkable(m, training)]
        values = compute_features(training, metapaths)
        scales = _scales(values)
        linear = import_training("sklearn.linear_model")
        threadpools = import_training("threadpoolctl")
        rows_of_regimes = (
            self._rows(training, metapaths, scales, _deal_diseases(training, rng)),
            self._rows(training, metapaths, scales, _deal_pairs(training, rng)),
        )
        self.coefficients = np.zeros((2, len(values)))
        self.intercepts = np.zeros(2)
        for regime, (rows, labels) in enumerate(rows_of_regimes):
            if labels.all():
                continue  # every drug treats: nothing to tell apart
            regression = linear.LogisticRegression(max_iter=1000, tol=1e-6)
            with threadpools.threadpool_limits(1):  # the same result on every machine
                regression.fit(rows, labels)
            self.coefficients[regime] = regression.coef_[0]
            self.intercepts[regime] = regression.intercept_[0]
            if progress:
                progress("metapath", regime + 1, 2)
        self.features = (*metapaths, *(f"{edge_type} degree" for edge_type in DEGREES))
        treated = np.bincount(positives[:, 1], minlength=training.shape[1]) > 0
        self.regime = treated.astype(np.int8)
        weights = self.coefficients[self.regime].T.astype(np.float32)
        parts = scale(values, scales) * weights[:, None, :]
        logits = self.intercepts[self.regime] + parts.sum(axis=0, dtype=np.float64)
        self._scores = check_scores(logits, training.shape)
        self._contributions = parts.astype(np.float16)
        return self

    def _rows(
        self,
        training: TrainingData,
        metapaths: Sequence[str],
        scales: NDArray[np.float64],
        folds: Sequence[Mask],
    ) -> tuple[Features, NDArray[np.bool_]]:
        """(n_rows, n_features) scaled features and (n_rows,) labels, each fold in its own view."""
        positive = training.treats.toarray() > 0
        recorded = positive | (training.palliates.toarray() > 0)
        rows, labels = [], []
        for fold in folds:
            positive_here = positive & fold
            compared = ~recorded & np.asarray(positive_here.any(axis=0))
            use = positive_here | compared
            if not use.any():
                continue
            hidden = to_pairs(sp.csr_matrix(fold & recorded))
            view = compute_features(training.without(pairs=hidden), metapaths)
            rows.append(scale(view, scales)[:, use].T)
            labels.append(positive_here[use])
        return np.concatenate(rows), np.concatenate(labels)

    def score(self) -> Scores:
        """See :meth:`RankingModel.score`; log-odds."""
        return self._scores

    def contributions(self) -> NDArray[np.float16]:
        """(n_features, n_drugs, n_diseases): with the disease's intercept they sum to the score."""
        return self._contributions

    def save(self) -> Arrays:
        """See :meth:`RankingModel.save`."""
        return {
            "scores": self._scores,
            "contributions": self._contributions,
            "coefficients": self.coefficients,
            "intercepts": self.intercepts,
            "regime": self.regime,
            "features": np.frombuffer("\n".join(self.features).encode(), np.uint8),
        }

    @classmethod
    def load(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """See :meth:`RankingModel.load`."""
        model = cls()
        model._scores = arrays["scores"]
        model._contributions = arrays["contributions"]
        model.coefficients = arrays["coefficients"]
        model.intercepts = arrays["intercepts"]
        model.regime = arrays["regime"]
        model.features = tuple(bytes(arrays["features"]).decode().split("\n"))
        return model


def compute_features(training: TrainingData, metapaths: Sequence[str]) -> Features:
    """(n_features, n_drugs, n_diseases) float32: DWPC of each metapath, then the two degrees."""
    result = np.zeros((len(metapaths) + len(DEGREES), *training.shape), np.float32)
    for i, metapath in enumerate(metapaths):
        if _walkable(metapath, training):  # a fold may have hidden the last edge of a type
            counts = metapath_matrix(parse_metapath(metapath), training.matrices).toarray()
            # Walks that return are taken off by subtraction, which leaves rounding behind.
            result[i] = np.where(counts > 1e-9, counts, 0)
    for i, edge_type in enumerate(DEGREES, start=len(metapaths)):
        degree = np.diff(training.matrix(edge_type).indptr)
        result[i] = degree[:, None] if edge_type.head == "Drug" else degree[None, :]
    return result


def scale(values: Features, scales: NDArray[np.float64]) -> Features:
    """Take the arcsinh of the features over their means, over its standard deviation; 0 stays 0.

    Args:
        values: (n_features, n_drugs, n_diseases).
        scales: (n_features, 2) mean, and standard deviation of the arcsinh.
    """
    mean, deviation = scales.T.astype(np.float32)[:, :, None, None]
    return np.arcsinh(values / mean) / deviation  # type: ignore[no-any-return]


def _deal_pairs(training: TrainingData, rng: np.random.Generator) -> list[Mask]:
    """Folds of the recorded pairs."""
    recorded = to_pairs(training.treats + training.palliates)
    dealt = rng.permutation(len(recorded)) % N_FOLDS
    folds = np.zeros((N_FOLDS, *training.shape), np.bool_)
    folds[dealt, recorded[:, 0], recorded[:, 1]] = True
    return list(folds)


def _deal_diseases(training: TrainingData, rng: np.random.Generator) -> list[Mask]:
    """Folds of the treated diseases, each with all its pairs."""
    treated = np.unique(training.positives[:, 1])
    dealt = rng.permutation(len(treated)) % N_FOLDS
    folds = np.zeros((N_FOLDS, *training.shape), np.bool_)
    folds[dealt, :, treated] = True
    return list(folds)


def _scales(values: Features) -> NDArray[np.float64]:
    mean = values.mean(axis=(1, 2), dtype=np.float64)
    mean[mean == 0] = 1
    deviation = np.arcsinh(values / mean[:, None, None]).std(axis=(1, 2))
    deviation[deviation == 0] = 1
    return np.stack([mean, deviation], axis=1)


def _walkable(metapath: str, training: TrainingData) -> bool:
    return all(step.edge_type in training.matrices for step in parse_metapath(metapath))
