"""Regularised logistic regression on the metapath columns: the floor with six of them, and all.

Every coefficient and every contribution can be read. Columns are taken as arcsinh of the value over
its mean, in units of standard deviations of the rows that were learnt from.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

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
from recommend.models.features import feature_names
from recommend.models.lessons import Lessons, Regime, lessons, mask_of, regimes_of, rows_of

# The six of the regression that no figure may be shown without, and two degrees.
SIX = (
    "CbGbCtD",
    "CiPCiCtD",
    "CbGaD",
    "CtDrD",
    "CtDtCtD",
    "CpDpCtD",
    "Drug-binds-Gene degree of Drug",
    "Disease-associates-Gene degree of Disease",
)
_FURTHEST = 8.0  # standard deviations; what lies beyond counts as that


class MetapathRegression(RankingModel):
    """An L2-regularised logistic regression a regime, on all columns.

    Attributes:
        features: the columns that it uses, by name.
        coefficients: (3, n_features) on the scaled columns, one row a :class:`Regime`; 0 for a
            regime that the training data did not have.
        intercepts: (3,)
        scales: (3, 3, n_features) of each regime: the column's mean, and mean and standard
            deviation of the arcsinh.
    """

    name: ClassVar[str] = "metapath"
    capabilities = frozenset({"scores-diseases", "explains-pairs"})
    columns: ClassVar[Sequence[str] | None] = None  # None for all
    strength: ClassVar[float] = 0.01  # inverse of the regularisation

    def __init__(self) -> None:
        self.features: tuple[str, ...] = ()
        self.coefficients: NDArray[np.float64] = np.empty((3, 0))
        self.intercepts: NDArray[np.float64] = np.zeros(3)
        self.scales: NDArray[np.float64] = np.empty((3, 3, 0))
        self._scores: Scores = np.empty((0, 0), np.float32)

    def fit(
        self, training: TrainingData, *, seed: int = 0, progress: Progress | None = None
    ) -> Self:
        """See :meth:`RankingModel.fit`."""
        training.positives  # noqa: B018  refuses data without any
        names = feature_names(training)
        wanted = self.columns or names
        chosen = [i for i, name in enumerate(names) if name in wanted]
        self.features = tuple(names[i] for i in chosen)
        self.coefficients = np.zeros((3, len(chosen)))
        self.intercepts = np.zeros(3)
        self.scales = np.ones((3, 3, len(chosen)))
        regimes = regimes_of(training)
        scores = np.zeros(training.shape)
        present = [regime for regime in Regime if (regimes == regime).any()]
        for done, regime in enumerate(present):
            learnt = lessons(training, regime, seed)
            if learnt is not None:
                self._learn(regime, learnt, chosen)
                mask = mask_of(training, regimes == regime)
                parts = self.parts(regime, rows_of(training, mask)[0][:, chosen])
                scores[mask] = self.intercepts[regime] + parts.sum(axis=1)
            if progress:
                progress(self.name, done + 1, len(present))
        self._scores = check_scores(scores, training.shape)
        return self

    def _learn(self, regime: Regime, learnt: Lessons, chosen: Sequence[int]) -> None:
        linear = import_training("sklearn.linear_model")
        threadpools = import_training("threadpoolctl")
        rows = learnt.columns[:, chosen].astype(np.float64)
        mean = rows.mean(axis=0)
        mean[mean == 0] = 1
        curved = np.arcsinh(rows / mean)
        deviation = curved.std(axis=0)
        deviation[deviation == 0] = 1
        self.scales[regime] = mean, curved.mean(axis=0), deviation
        regression = linear.LogisticRegression(C=self.strength, max_iter=1000, tol=1e-4)
        with threadpools.threadpool_limits(1):  # the same result on every machine
            regression.fit(self._scaled(regime, rows), learnt.labels, sample_weight=learnt.weights)
        self.coefficients[regime] = regression.coef_[0]
        self.intercepts[regime] = regression.intercept_[0]

    def _scaled(self, regime: Regime, rows: NDArray[Any]) -> NDArray[np.float64]:
        mean, centre, deviation = self.scales[regime]
        scaled = (np.arcsinh(rows / mean) - centre) / deviation
        return np.asarray(np.clip(scaled, -_FURTHEST, _FURTHEST))

    def parts(self, regime: Regime, rows: NDArray[Any]) -> NDArray[np.float64]:
        """(n, n_features) what each column adds to the log-odds, besides the intercept.

        Args:
            regime: of the disease.
            rows: (n, n_features) raw values of :attr:`features`.
        """
        return np.asarray(self._scaled(regime, rows) * self.coefficients[regime])

    def contributions(self, training: TrainingData) -> Iterator[NDArray[np.float32]]:
        """(n_diseases, n_features) of one drug after the other; exact.

        With the intercept of the disease's regime they add up to its scores.

        Args:
            training: what the model was fitted on.
        """
        names = feature_names(training)
        chosen = [names.index(name) for name in self.features]
        regimes = regimes_of(training)
        values = np.zeros((*training.shape, len(chosen)), np.float32)
        for regime in Regime:
            mask = mask_of(training, regimes == regime)
            if mask.any():
                values[mask] = self.parts(regime, rows_of(training, mask)[0][:, chosen])
        yield from values

    def score(self) -> Scores:
        """See :meth:`RankingModel.score`; log-odds."""
        return self._scores

    def save(self) -> Arrays:
        """See :meth:`RankingModel.save`."""
        return {
            "scores": self._scores,
            "coefficients": self.coefficients,
            "intercepts": self.intercepts,
            "scales": self.scales,
            "features": np.frombuffer("\n".join(self.features).encode(), np.uint8),
        }

    @classmethod
    def load(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """See :meth:`RankingModel.load`."""
        model = cls()
        model._scores = arrays.get("scores", model._scores)
        model.coefficients = arrays["coefficients"]
        model.intercepts = arrays["intercepts"]
        model.scales = arrays["scales"]
        model.features = tuple(bytes(arrays["features"]).decode().split("\n"))
        return model


class SixMetapaths(MetapathRegression):
    """The regression that every figure is compared with: six metapaths and two degrees."""

    name: ClassVar[str] = "six-metapath"
    columns: ClassVar[Sequence[str] | None] = SIX
    strength: ClassVar[float] = 1.0
