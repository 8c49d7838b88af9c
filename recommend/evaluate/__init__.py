"""How good a ranking is, and how sure one may be of that.

:mod:`~recommend.evaluate.metrics` are the figures; :mod:`~recommend.evaluate.holdout` is the report
that every bundle carries: whole diseases hidden, the trivial baselines beside the models.
"""

from recommend.evaluate.holdout import Evaluation, evaluate_holdout, to_rows
from recommend.evaluate.metrics import (
    auroc,
    average_precision,
    bootstrap_interval,
    hits_at,
    mean_reciprocal_rank,
    ranks,
)

__all__ = [
    "Evaluation",
    "auroc",
    "average_precision",
    "bootstrap_interval",
    "evaluate_holdout",
    "hits_at",
    "mean_reciprocal_rank",
    "ranks",
    "to_rows",
]
