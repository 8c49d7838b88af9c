"""Gradient-boosted trees over the metapath columns: the strongest single model, and the reasons.

LightGBM grows the trees; its exact TreeSHAP values say what each column contributes to a pair's
log-odds. What is kept are the scores and, where they are asked for, the contributions.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
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
from recommend.models.features import feature_names
from recommend.models.lessons import Lessons, Regime, lessons, mask_of, regimes_of, rows_of

# Chosen on validation folds of Hetionet; see docs/evaluation.md. One thread a booster: several
# grow side by side, and the result is the same on every machine.
SETTINGS = {
    "objective": "binary",
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 40,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 63,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}

_AT_ONCE = 16  # diseases whose contributions are in memory in full


class Trees(RankingModel):
    """The mean of several boosters a regime, half on raw columns, half on relative ones."""

    name = "trees"
    capabilities = frozenset({"scores-diseases", "explains-pairs"})

    def __init__(self, *, boosters: int = 2, rounds: int = 100) -> None:
        """Choose the settings.

        Args:
            boosters: how many a regime; even numbers take both kinds of columns alike.
            rounds: trees of each.
        """
        self.boosters = boosters
        self.rounds = rounds
        self.features: tuple[str, ...] = ()
        self._grown: dict[Regime, list[Any]] = {}
        self._scores: Scores = np.empty((0, 0), np.float32)

    def fit(
        self, training: TrainingData, *, seed: int = 0, progress: Progress | None = None
    ) -> Self:
        """See :meth:`RankingModel.fit`."""
        training.positives  # noqa: B018  refuses data without any
        self.features = feature_names(training)
        regimes = regimes_of(training)
        scores = np.zeros(training.shape)
        present = [regime for regime in Regime if (regimes == regime).any()]
        for done, regime in enumerate(present):
            learnt = lessons(training, regime, seed)
            if learnt is not None:
                self._grown[regime] = boosters = self._grow(learnt, seed)
                mask = mask_of(training, regimes == regime)
                rows = rows_of(training, mask)
                found = [b.predict(rows[i % 2], raw_score=True) for i, b in enumerate(boosters)]
                scores[mask] = np.mean(found, axis=0)
            if progress:
                progress("trees", done + 1, len(present))
        self._scores = check_scores(scores, training.shape)
        return self

    def contributions(self, training: TrainingData) -> Iterator[NDArray[np.float32]]:
        """(n_diseases, n_features + 1) of one drug after the other: TreeSHAP values, then the base.

        Each row adds up to the pair's score: the values are exact for the trees.

        Args:
            training: what the model was fitted on.
        """
        regimes = regimes_of(training)
        values = np.zeros((*training.shape, len(self.features) + 1), np.float32)
        for regime, boosters in self._grown.items():
            diseases = np.flatnonzero(regimes == regime)
            for some in np.array_split(diseases, range(_AT_ONCE, len(diseases), _AT_ONCE)):
                mask = mask_of(training, np.isin(np.arange(len(regimes)), some))
                rows = rows_of(training, mask)
                jobs = [(b, rows[i % 2]) for i, b in enumerate(boosters)]
                with ThreadPoolExecutor(min(len(jobs), cpu_count() or 1)) as pool:
                    found = pool.map(lambda job: job[0].predict(job[1], pred_contrib=True), jobs)
                    values[mask] = sum(found) / len(jobs)
        yield from values

    def _grow(self, learnt: Lessons, seed: int) -> list[Any]:
        lightgbm = import_training("lightgbm")

        def bin_values(rows: NDArray[np.float32]) -> Any:
            labels = learnt.labels.astype(np.int8)
            return lightgbm.Dataset(
                rows, labels, weight=learnt.weights, params=SETTINGS
            ).construct()

        def grow(i: int) -> Any:
            settings = {**SETTINGS, "seed": seed * 1000 + i}
            return lightgbm.train(settings, binned[i % 2], self.rounds)

        with ThreadPoolExecutor(min(self.boosters, cpu_count() or 1)) as pool:
            binned = list(pool.map(bin_values, (learnt.columns, learnt.relative)))
            return list(pool.map(grow, range(self.boosters)))

    def score(self) -> Scores:
        """See :meth:`RankingModel.score`; log-odds."""
        return self._scores

    def save(self) -> Arrays:
        """See :meth:`RankingModel.save`."""
        boosters = {
            f"{regime.name} {i}": np.frombuffer(booster.model_to_string().encode(), np.uint8)
            for regime, grown in self._grown.items()
            for i, booster in enumerate(grown)
        }
        features = np.frombuffer("\n".join(self.features).encode(), np.uint8)
        return {"scores": self._scores, "features": features, **boosters}

    @classmethod
    def load(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """See :meth:`RankingModel.load`; the trees themselves are read when they are needed."""
        model = cls()
        model._scores = arrays["scores"]
        model.features = tuple(bytes(arrays["features"]).decode().split("\n"))
        names = set(arrays) - {"scores", "features"}
        for name in sorted(names, key=lambda name: int(name.split()[1])):
            text = bytes(arrays[name]).decode()
            grown = model._grown.setdefault(Regime[name.split()[0]], [])
            grown.append(import_training("lightgbm").Booster(model_str=text))
        return model
