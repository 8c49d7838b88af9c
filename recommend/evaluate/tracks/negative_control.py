"""The whole pipeline on graphs that mean nothing: what it still finds there is degree.

XSwap permutes each edge type and keeps every degree; treats itself is permuted, so even the right
answers mean nothing. Each of several permutations is trained on twice, without one fold of whole
diseases and without the validation and test part of one split of pairs, and so is the graph as it
is: the same folds, the same seeds. A model whose figures stay on the permuted graph lives off fame.
"""

from collections.abc import Sequence

import numpy as np

from recommend.evaluate.permute import permute, unchanged
from recommend.evaluate.table import Table, TrackReport
from recommend.evaluate.tracks.base import (
    LEAST_SEEDS,
    Options,
    Scorer,
    score_view,
    truth_of,
)
from recommend.evaluate.tracks.tally import Case, Tally
from recommend.folds import disease_folds, pair_splits
from recommend.interactions import TrainingData

NAME = "negative-control"
GRAPHS = ("the graph as it is", "permuted graphs")
SPLITS = ("zero-shot", "transductive")


def run(training: TrainingData, score: Scorer, options: Options) -> TrackReport:
    """See the module.

    Raises:
        ModelError: fewer seeds than five, too few treated diseases or pairs, or a baseline is
            missing.
    """
    drugs, diseases = options.universe(training)
    seeds = options.seeds_of(LEAST_SEEDS)
    folds = disease_folds(
        training, options.folds, options.seed, grouped=not options.random, cut=options.cut
    )
    tallies = {(split, graph): Tally() for split in SPLITS for graph in GRAPHS}
    kept: dict[str, list[float]] = {}
    runs = [(i, graph) for i in range(len(seeds)) for graph in GRAPHS]
    for i, graph in options.steps(f"{NAME}: graphs", runs):
        data = training
        if graph == GRAPHS[1]:
            data = permute(training, seeds[i])
            for edge_type, share in unchanged(training, data).items():
                kept.setdefault("-".join(edge_type), []).append(share)
        fold = folds[i % len(folds)]
        view = data.without(diseases=fold, resemblance=options.strict)
        case = Case(view, score_view(score, view), truth_of(data), ~truth_of(view), drugs)
        tallies[SPLITS[0], graph].add_diseases(case, np.intersect1d(fold, diseases), draw=seeds[i])
        parts = pair_splits(data, seeds[i])
        view = data.without(pairs=np.concatenate([parts.validation, parts.test]))
        asked = ~truth_of(view)
        asked[parts.validation[:, 0], parts.validation[:, 1]] = False
        case = Case(view, score_view(score, view), truth_of(data), asked, drugs)
        tallies[SPLITS[1], graph].add_diseases(case, diseases, draw=seeds[i])
    tables = tuple(
        tally.table(f"{split}, {graph}; means over diseases", seed=seeds[0])
        for (split, graph), tally in tallies.items()
    )
    same = ", ".join(f"{name} {np.mean(shares):.0%}" for name, shares in sorted(kept.items()))
    return TrackReport(
        track=NAME,
        settings={"folds": options.folds, "cut": None if options.random else options.cut,
                  "random": options.random, "strict": options.strict, "seeds": seeds,
                  "drugs": len(drugs), "diseases": len(diseases)},
        tables=tables,
        notes=(
            *_compare(tables),
            f"{len(seeds)} permutations; with each, one of the {len(folds)} folds and one split.",
            f"Edges that a permutation left where they were, on average: {same}.",
        ),
    )  # fmt: skip


def _compare(tables: Sequence[Table]) -> list[str]:
    """A sentence a model and split: its AUROC on the graph and on the permuted ones."""
    notes = []
    for split, real, permuted in zip(SPLITS, tables[::2], tables[1::2], strict=True):
        parts = []
        for row in real.rows:
            value = row.figures["AUROC"].value
            other = permuted.row(row.model).figures["AUROC"].value
            parts.append(f"{row.model} {value:.3f} and {other:.3f}")
        notes.append(f"{split}, AUROC on the graph and on permuted ones: {', '.join(parts)}.")
    return notes
