"""Few and fast models in the place of the program's, one of which counts how often it is fitted."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from recommend.evaluate.table import FLOOR
from recommend.interactions import TrainingData
from recommend.models.als import AlternatingLeastSquares
from recommend.models.base import Baseline, Progress, RankingModel, Scores
from recommend.models.degree_product import DegreeProduct
from recommend.models.popularity import Popularity


class Floor(Baseline):
    """Counts how often it is fitted, in all tests of this file."""

    name = FLOOR
    fitted: ClassVar[list[tuple[int, TrainingData]]] = []

    def count(self, training: TrainingData) -> Scores:
        return np.zeros(training.shape, np.float32)

    def fit(
        self, training: TrainingData, *, seed: int = 0, progress: Progress | None = None
    ) -> "Floor":
        self.fitted.append((seed, training))
        if progress:
            progress("anything", 1, 1)
        return super().fit(training, seed=seed, progress=progress)


class OnDevice(Baseline):
    """A model that can choose a device."""

    name = "on-device"
    devices: ClassVar[list[str]] = []

    def __init__(self, *, device: str = "auto") -> None:
        super().__init__()
        self.devices.append(device)

    def count(self, training: TrainingData) -> Scores:
        return np.ones(training.shape, np.float32)


def use_few_models(patch: pytest.MonkeyPatch) -> None:
    """Register these models and no other, none of them fitted yet."""
    few: Mapping[str, type[RankingModel]] = {
        model.name: model
        for model in (Popularity, DegreeProduct, AlternatingLeastSquares, Floor, OnDevice)
    }
    patch.setattr("recommend.models.MODELS", few)
    patch.setattr("service.evaluating.DEFAULT_MODELS", (OnDevice.name,))
    Floor.fitted.clear()
    OnDevice.devices.clear()


def fitted(action: Callable[[], object]) -> int:
    """How often the floor is fitted by ``action``."""
    before = len(Floor.fitted)
    action()
    return len(Floor.fitted) - before


def table(path: Path, header: str, *rows: tuple[str, ...]) -> Path:
    path.write_text("\n".join([header, *map("\t".join, rows)]) + "\n")
    return path
