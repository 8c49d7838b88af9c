"""The tracks of the evaluation, by name: what is hidden, how often, and which figures are taken.

Each track is a function of the training data, of a scorer and of :class:`Options` that returns a
:class:`~recommend.evaluate.table.TrackReport`. A scorer fits all models on a *view*, the training
data from which the track has hidden what it asks for; tracks know no model by itself.
"""

from recommend.evaluate.tracks.base import Options
from recommend.evaluate.tracks.registry import TAKES, TRACKS

__all__ = ["TAKES", "TRACKS", "Options"]
