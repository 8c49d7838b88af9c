"""Drugs of which no use is known yet: all that they treat and palliate is hidden.

The drugs that treat something are dealt into folds; what the drugs of the tested fold resemble is
hidden as well, since a near copy of a known drug would be no new one. Two questions: which diseases
does a new drug treat, among all diseases; and where do the new drugs that treat a disease stand
among all drugs, but for those that the models were told to treat it.
"""

import numpy as np

from recommend.errors import ModelError
from recommend.evaluate.curves import Curves, precision_recall
from recommend.evaluate.table import TrackReport
from recommend.evaluate.tracks.base import (
    Options,
    Scorer,
    Truth,
    pairs_of,
    score_view,
    tell_leaks,
    truth_of,
)
from recommend.evaluate.tracks.tally import Case, Tally, of_query
from recommend.folds import drug_folds
from recommend.interactions import TrainingData
from recommend.models.base import Scores

NAME = "cold-drug"


def run(training: TrainingData, score: Scorer, options: Options) -> TrackReport:
    """See the module.

    Raises:
        ModelError: too few drugs for the folds, nothing to rank, or a baseline is missing.
    """
    drugs, diseases = options.universe(training)
    truth = truth_of(training)
    of_drug, of_disease, leaks = Tally(), Tally(), dict[str, None]()
    pooled: dict[str, list[Scores]] = {}
    right: list[Truth] = []
    seeds = options.seeds_of(1)
    deals = [(seed, i, fold) for seed in seeds
             for i, fold in enumerate(drug_folds(training, options.folds, seed))]  # fmt: skip
    for seed, i, fold in options.steps(f"{NAME}: folds", deals):
        view = training.without(drugs=fold, resemblance=True)
        hidden = pairs_of(truth, drugs=fold)
        leaks |= dict.fromkeys(tell_leaks(view, hidden, options, drugs=fold.tolist()))
        tested = np.intersect1d(fold, drugs)
        n_right = truth[np.ix_(tested, diseases)].sum(axis=1)
        askable = tested[(n_right > 0) & (n_right < len(diseases))]
        scores = score_view(score, view)
        for model, matrix in scores.items():
            for drug in askable.tolist():
                figures = of_query(matrix[drug, diseases], truth[drug, diseases])
                of_drug.add(model, (seed, drug), figures, cluster=drug)
            if seed == seeds[0]:
                pooled.setdefault(model, []).append(matrix[np.ix_(tested, diseases)])
        case = Case(view, scores, truth, ~truth_of(view), drugs)
        of_disease.add_diseases(case, diseases, draw=seed * options.folds + i)
        if seed == seeds[0]:
            right.append(truth[np.ix_(tested, diseases)])
    if not any(part.any() for part in right):
        raise ModelError("no drug that is to be ranked has a recorded use to hide")
    curves: dict[str, Curves] = {
        model: {"precision_recall": precision_recall(np.concatenate(parts), np.concatenate(right))}
        for model, parts in pooled.items()
    }
    first = seeds[0]
    return TrackReport(
        track=NAME,
        settings={"folds": options.folds, "seeds": seeds, "drugs": len(drugs),
                  "diseases": len(diseases)},
        tables=(
            of_drug.table("cold-drug, diseases for each new drug; means over drugs", seed=first),
            of_disease.table("cold-drug, new drugs among all for each disease; means over "
                             "diseases and folds", seed=first),
        ),
        curves=curves,
        leaks=tuple(leaks),
        notes=(
            "The first table's intervals are by bootstrap over drugs, the second's over diseases.",
            "A new drug has no treats-degree, so the popularity of drugs puts it last.",
        ),
    )  # fmt: skip
