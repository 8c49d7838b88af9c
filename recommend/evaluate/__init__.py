"""How good a ranking is, and how sure one may be of that.

A tour. :mod:`~recommend.folds` deals out what is hidden; :mod:`~recommend.evaluate.tracks`
are the protocol, one file a track: they hide something, have it scored by models that they do not
know, and judge. :mod:`~recommend.evaluate.metrics` are the figures of one ranking,
:mod:`~recommend.evaluate.samples` figures that can be recomputed for a bootstrap draw of diseases,
:mod:`~recommend.evaluate.table` rows side by side, refused without the baselines.
:mod:`~recommend.evaluate.leaks` and :mod:`~recommend.evaluate.own_edge` look for what gives the
answer away, :mod:`~recommend.evaluate.permute` makes graphs in which only degrees are left, and
:mod:`~recommend.evaluate.report` writes a page. :mod:`~recommend.evaluate.validation` is the report
that every bundle carries.
"""

from recommend.evaluate.leaks import Leak, find_leaks
from recommend.evaluate.own_edge import own_edge_leaks
from recommend.evaluate.permute import permute, unchanged
from recommend.evaluate.table import BASELINES, FLOOR, Table, TrackReport, make_table, to_rows

__all__ = [
    "BASELINES",
    "FLOOR",
    "Leak",
    "Table",
    "TrackReport",
    "find_leaks",
    "make_table",
    "own_edge_leaks",
    "permute",
    "to_rows",
    "unchanged",
]
