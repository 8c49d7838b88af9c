"""Known diseases, known drugs, a fifth of the pairs hidden: can the gaps be filled?

Random splits of the treats edges, 64 % to train on, 16 % for validation, 20 % to test. Models see
the first part only; validation pairs are hidden as well, though nothing here chooses by them, so
that others who do may compare. Each test pair is ranked twice: the disease among all diseases of
its drug, and the drug among all drugs of its disease. Filtered: other pairs that are true, in
whatever part, are no candidates. Equals get the mean of the optimistic and the pessimistic rank.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from recommend.errors import ModelError
from recommend.evaluate.curves import Curves
from recommend.evaluate.table import TrackReport
from recommend.evaluate.tracks.base import (
    LEAST_SEEDS,
    Options,
    Scorer,
    Truth,
    score_view,
    tell_leaks,
    truth_of,
)
from recommend.evaluate.tracks.tally import Part, Tally, filtered_ranks, rank_by_degree
from recommend.folds import Rows, pair_splits
from recommend.interactions import Pairs, TrainingData
from recommend.models.base import Scores

NAME = "transductive"
HITS = (1, 3, 10)


def run(training: TrainingData, score: Scorer, options: Options) -> TrackReport:
    """See the module.

    Raises:
        ModelError: fewer seeds than five, too few pairs to split, or a baseline is missing.
    """
    drugs, diseases = options.universe(training)
    known = truth_of(training)[np.ix_(drugs, diseases)]
    of_drug, of_disease, leaks = Tally(), Tally(), dict[str, None]()
    ranks: dict[str, list[float]] = {}
    degrees: list[int] = []
    n_test: list[int] = []
    seeds = options.seeds_of(LEAST_SEEDS)
    for seed in options.steps(f"{NAME}: splits", seeds):
        split = pair_splits(training, seed)
        hidden = np.concatenate([split.validation, split.test])
        view = training.without(pairs=hidden)
        leaks |= dict.fromkeys(tell_leaks(view, hidden, options))
        pairs = within(split.test, drugs, diseases)
        n_test.append(len(pairs))
        if not len(pairs):
            raise ModelError("no pair of the test part is among the drugs and diseases ranked")
        degrees += np.diff(view.treats.indptr)[drugs[pairs[:, 0]]].tolist()
        for model, matrix in score_view(score, view).items():
            scores = matrix[np.ix_(drugs, diseases)]
            drug_ranks, disease_ranks = both_ranks(scores, known, pairs)
            ranks.setdefault(model, []).extend(drug_ranks.tolist())
            for tally, found in ((of_disease, drug_ranks), (of_drug, disease_ranks)):
                for column in np.unique(pairs[:, 1]).tolist():
                    figures = rank_figures(found[pairs[:, 1] == column])
                    tally.add(model, (seed, column), figures, cluster=column)
    curves: dict[str, Curves] = {
        model: {"rank_by_degree": rank_by_degree(found, degrees, len(drugs))}
        for model, found in ranks.items()
    }
    first = seeds[0]
    return TrackReport(
        track=NAME,
        settings={"seeds": seeds, "drugs": len(drugs), "diseases": len(diseases)},
        tables=(
            of_drug.table("transductive, tail = disease: the disease of each drug", seed=first),
            of_disease.table("transductive, tail = drug: the drug of each disease", seed=first),
        ),
        curves=curves,
        leaks=tuple(leaks),
        notes=(
            f"{sum(n_test)} test pairs in {len(seeds)} random splits 64/16/20; means over pairs.",
            "Popularity is that of drugs; that of diseases orders as the degree product does.",
        ),
    )


def within(pairs: Pairs, drugs: Rows, diseases: Rows) -> Pairs:
    """Those of ``pairs`` in drugs x diseases, by their places in these."""
    kept = pairs[np.isin(pairs[:, 0], drugs) & np.isin(pairs[:, 1], diseases)]
    places = [np.searchsorted(drugs, kept[:, 0]), np.searchsorted(diseases, kept[:, 1])]
    return np.stack(places, axis=1).astype(np.int64)


def both_ranks(
    scores: Scores, known: Truth, pairs: Pairs
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n_pairs,) the rank of the drug for the disease, and that of the disease for the drug."""
    return (
        filtered_ranks(scores, known, pairs),
        filtered_ranks(scores.T, known.T, pairs[:, ::-1]),
    )


def rank_figures(ranks: NDArray[np.float64]) -> Mapping[str, Part]:
    """What the ranks of one unit add to the figures: a mean over all ranks of all units."""
    n = float(len(ranks))
    figures: dict[str, Part] = {"MRR": (float((1 / ranks).sum()), n)}
    return figures | {f"Hits@{k}": (float((ranks <= k).sum()), n) for k in HITS}
