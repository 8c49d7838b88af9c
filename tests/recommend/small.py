"""The models in small: what tests of other things train with."""

from functools import partial
from typing import Any

import pytest

from recommend.models import RankingModel, create_model

SMALL: dict[str, dict[str, Any]] = {
    "als": {"factors": 4},
    "bpr": {"factors": 4},
    "embedding": {"dim": 8, "epochs": 10},
    "gnn": {"dim": 16, "epochs": 60, "device": "cpu"},
    "stack": {"members": ("metapath", "similarity")},
    "trees": {"boosters": 2, "rounds": 10},
}


def train_lightly(patch: pytest.MonkeyPatch) -> None:
    """Let `train` learn from few pairs and grow few trees: every part is there, none is good."""

    def create(name: str, **options: Any) -> RankingModel:
        few = SMALL["trees"] if name == "trees" else {}
        return create_model(name, **few, **options)

    patch.setattr("recommend.train.create_model", create)
    patch.setattr("recommend.models.lessons.NEGATIVES", 1_000)


def train_in_a_moment(patch: pytest.MonkeyPatch) -> None:
    """As :func:`train_lightly`, for the program as a whole: nothing is validated either."""
    from recommend.train import train

    train_lightly(patch)
    patch.setattr("service.training.train", partial(train, epochs=2, validate=False))
