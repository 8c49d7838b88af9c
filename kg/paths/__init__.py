"""Metapaths: how many paths lead where, what they weigh, and the paths themselves.

A tour. ``counts`` counts and weighs paths without listing them: :func:`pair` for two nodes,
:func:`row` for one and all that it reaches, :func:`metapath_matrix` for all pairs; behind it
``products`` sums over paths as sparse products, ``routes`` leads them through some nodes and around
others, ``degrees`` is what an edge weighs. ``listing`` gives the paths themselves, heaviest first;
``heaviest`` finds the one heaviest much faster.
"""

from kg.paths.counts import DAMPING, PathCount, RowCounts, metapath_matrix, pair, row
from kg.paths.degrees import degrees
from kg.paths.heaviest import heaviest_path
from kg.paths.listing import MOST_PATHS, Path, paths_from, strongest_paths

__all__ = [
    "DAMPING",
    "MOST_PATHS",
    "Path",
    "PathCount",
    "RowCounts",
    "degrees",
    "heaviest_path",
    "metapath_matrix",
    "pair",
    "paths_from",
    "row",
    "strongest_paths",
]
