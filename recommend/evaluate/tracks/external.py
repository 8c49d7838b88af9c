"""Train on everything that is recorded, and be judged by labels that come from elsewhere.

Ranked are all drugs for all diseases, but for the pairs that the graph records (treats, palliates)
and those that the user excludes; of what is left, the pairs of the labels are right and all others
wrong. Nothing here can be chosen by these labels: they are read once, by the figures.
"""

import numpy as np
from numpy.typing import NDArray

from recommend.errors import ModelError
from recommend.evaluate.curves import Curves, precision_recall
from recommend.evaluate.metrics import auroc, beyond_main_effects, degree_matched
from recommend.evaluate.samples import PooledAuroc, PooledPrecision, Ratio, Sample, mean_of
from recommend.evaluate.table import TrackReport, make_table
from recommend.evaluate.tracks.base import (
    Options,
    Scorer,
    Truth,
    score_view,
    strata_of,
    tell_leaks,
    truth_of,
)
from recommend.evaluate.tracks.tally import DEGREE_MATCHED, filtered_ranks, rank_by_degree
from recommend.evaluate.tracks.transductive import within
from recommend.interactions import Pairs, TrainingData
from recommend.models.base import Scores

NAME = "external"


def run(training: TrainingData, score: Scorer, options: Options) -> TrackReport:
    """See the module.

    Raises:
        ModelError: no labels were given, none is left to be judged by, or a baseline is missing.
    """
    if options.labels is None:
        raise ModelError(
            "the external track is judged by labels: give a file of drug_id, disease_id"
        )
    drugs, diseases = options.universe(training)
    asked, right, told = judge_by(training, options.labels, options)
    hidden = np.argwhere(right)
    pairs = np.stack([drugs[hidden[:, 0]], diseases[hidden[:, 1]]], axis=1)
    leaks = tell_leaks(training, pairs, options)
    strata = strata_of(training)[drugs]
    degree = np.diff(training.treats.indptr)[drugs]
    samples: dict[str, dict[str, Sample]] = {}
    curves: dict[str, Curves] = {}
    for model, matrix in score_view(score, training).items():
        scores = matrix[np.ix_(drugs, diseases)]
        samples[model] = _samples(scores, asked, right, strata)
        ranks = filtered_ranks(scores, right | ~asked, hidden)
        curves[model] = {
            "precision_recall": precision_recall(scores[asked], right[asked]),
            "rank_by_degree": rank_by_degree(
                ranks.tolist(), degree[hidden[:, 0]].tolist(), len(drugs)
            ),
        }
    n_right, n_asked = int(right.sum()), int(asked.sum())
    table = make_table(
        f"external, {n_right:,} positives among {n_asked:,} pairs",
        samples,
        units=diseases.tolist(),
        seed=options.seed,
    )
    return TrackReport(
        track=NAME,
        settings={"drugs": len(drugs), "diseases": len(diseases), "pairs": n_asked,
                  "positives": n_right, "seed": options.seed},
        tables=(table,),
        curves=curves,
        leaks=tuple(leaks),
        notes=(
            *told,
            "Above main effects: of scores without the means of their drug and of their disease.",
        ),
    )  # fmt: skip


def judge_by(
    training: TrainingData, labels: Pairs, options: Options
) -> tuple[Truth, Truth, tuple[str, ...]]:
    """Which of the drugs x diseases are asked for, which of these are right, and what fell away.

    Raises:
        ModelError: nothing is right, or everything.
    """
    drugs, diseases = options.universe(training)
    labels = np.unique(labels.reshape(-1, 2), axis=0)
    given = truth_of(training) | (training.palliates.toarray() > 0)
    n_recorded = int(given[labels[:, 0], labels[:, 1]].sum())
    given[options.exclude[:, 0], options.exclude[:, 1]] = True
    n_excluded = int(given[labels[:, 0], labels[:, 1]].sum()) - n_recorded
    asked = ~given[np.ix_(drugs, diseases)]
    right = np.zeros(asked.shape, np.bool_)
    places = within(labels, drugs, diseases)
    right[places[:, 0], places[:, 1]] = True
    right &= asked
    n_right = int(right.sum())
    told = (
        f"{n_right} of {len(labels)} labels are judged; {n_recorded} are recorded in the graph.",
        f"{n_excluded} more labels are excluded, {len(labels) - len(places)} are not ranked.",
    )
    if not n_right:
        raise ModelError(f"no label is left to be judged by: {' '.join(told)}")
    if n_right == asked.sum():
        raise ModelError("every pair that is ranked is among the labels: nothing is wrong")
    return asked, right, told


def _samples(
    scores: Scores, asked: Truth, right: Truth, strata: NDArray[np.int64]
) -> dict[str, Sample]:
    """What one model reached; the units are the diseases."""
    positives, units, n_units = right[asked], np.nonzero(asked)[1], right.shape[1]
    beyond = beyond_main_effects(scores)
    return {
        "AUROC": PooledAuroc(scores[asked], positives, units, n_units),
        "AUPRC": PooledPrecision(scores[asked], positives, units, n_units),
        DEGREE_MATCHED: Ratio(*degree_matched(scores, right, strata, asked)),
        "macro AUROC": mean_of([_of_disease(*column) for column in zip(
            scores.T, right.T, asked.T, strict=True)]),
        "AUROC above main effects": PooledAuroc(beyond[asked], positives, units, n_units),
    }  # fmt: skip


def _of_disease(
    scores: NDArray[np.float32], right: NDArray[np.bool_], asked: NDArray[np.bool_]
) -> float:
    """The AUROC of one disease; NaN where nothing is right or nothing is wrong."""
    n_right = right[asked].sum()
    return auroc(scores[asked], right[asked]) if 0 < n_right < asked.sum() else np.nan
