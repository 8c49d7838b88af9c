"""Which tracks there are, and what each of them may be asked."""

from collections.abc import Callable, Mapping

from recommend.evaluate.table import TrackReport
from recommend.evaluate.tracks import (
    calibration,
    cold_drug,
    external,
    negative_control,
    transductive,
    zero_shot,
)
from recommend.evaluate.tracks.base import Options, Scorer
from recommend.interactions import TrainingData

Run = Callable[[TrainingData, Scorer, Options], TrackReport]

TRACKS: Mapping[str, Run] = {
    module.NAME: module.run
    for module in (external, transductive, zero_shot, cold_drug, calibration, negative_control)
}

# What each track reads of its options beside the universe and the first seed; to give it another
# would say nothing.
_FOLDS = {"strict", "random", "folds", "cut"}
TAKES: Mapping[str, frozenset[str]] = {
    external.NAME: frozenset({"labels", "exclude"}),
    transductive.NAME: frozenset({"seeds"}),
    zero_shot.NAME: frozenset({*_FOLDS, "seeds"}),
    cold_drug.NAME: frozenset({"folds", "seeds"}),
    calibration.NAME: frozenset(_FOLDS),
    negative_control.NAME: frozenset({*_FOLDS, "seeds"}),
}
