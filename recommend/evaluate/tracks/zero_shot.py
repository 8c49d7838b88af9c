"""Diseases of which nothing is known yet: all that helps in them is hidden, all drugs are ranked.

The treated diseases are dealt into folds, groups of diseases that are alike together; each fold is
tested once by models that saw neither a *treats* nor a *palliates* edge of it. ``strict`` hides as
well what the test diseases resemble; ``random`` deals single diseases, which flatters and is there
to be compared with. What is only palliated counts as wrong: the question is what treats.
"""

import numpy as np

from recommend.errors import ModelError
from recommend.evaluate.curves import Curves, precision_recall
from recommend.evaluate.metrics import drug_entropy
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
from recommend.evaluate.tracks.tally import (
    Case,
    Tally,
    filtered_ranks,
    rank_by_degree,
)
from recommend.folds import Rows, disease_folds, disease_groups
from recommend.interactions import TrainingData
from recommend.models.base import Scores

NAME = "zero-shot"
TOP = 20  # drugs a list, of which the entropy is taken


def run(training: TrainingData, score: Scorer, options: Options) -> TrackReport:
    """See the module.

    Raises:
        ModelError: too few treated diseases for the folds, or a baseline is missing.
    """
    drugs, diseases = options.universe(training)
    truth = truth_of(training)
    tally, seen, leaks = Tally(), _Seen(drugs), dict[str, None]()
    seeds = options.seeds_of(1)
    deals = [
        (seed, fold)
        for seed in seeds
        for fold in disease_folds(
            training, options.folds, seed, grouped=not options.random, cut=options.cut
        )
    ]
    for seed, fold in options.steps(f"{NAME}: folds", deals):
        view = training.without(diseases=fold, resemblance=options.strict)
        hidden = pairs_of(truth, diseases=fold)
        leaks |= dict.fromkeys(tell_leaks(view, hidden, options, diseases=fold.tolist()))
        case = Case(view, score_view(score, view), truth, ~truth_of(view), drugs)
        tested = tally.add_diseases(case, np.intersect1d(fold, diseases), draw=seed)
        if seed == seeds[0] and len(tested):
            seen.add(case, tested)
    if not seen.tested:
        raise ModelError("no disease that is to be ranked has a recorded treatment to hide")
    kind = "random folds" if options.random else f"grouped folds (cut {options.cut:g})"
    hides = "resemblance hidden" if options.strict else "resemblance left"
    return TrackReport(
        track=NAME,
        settings={
            "folds": options.folds,
            "cut": None if options.random else options.cut,
            "random": options.random,
            "strict": options.strict,
            "seeds": seeds,
            "drugs": len(drugs),
            "diseases": len(seen.tested),
        },
        tables=(tally.table(f"zero-shot, {kind}, {hides}; means over diseases", seed=seeds[0]),),
        curves=seen.curves(),
        leaks=tuple(leaks),
        notes=(
            f"Every treated disease is tested once for each of {len(seeds)} seed(s) of the deal.",
            *([] if options.random else [_groups(training, options.cut)]),
            "A drug that is recorded only to palliate counts as wrong.",
            seen.entropy(),
        ),
    )


def _groups(training: TrainingData, cut: float) -> str:
    """How far the groups part diseases that are alike."""
    treated = np.unique(training.positives[:, 1])
    sizes = [len(group) for group in disease_groups(training, treated, cut)]
    return (
        f"The {len(treated)} treated diseases are dealt in {len(sizes)} groups, the largest of "
        f"{max(sizes)}; where no edge says which diseases are alike, each is a group of its own."
    )


class _Seen:
    """The scores of one deal of the folds, fold by fold, for what is drawn of them together."""

    def __init__(self, drugs: Rows) -> None:
        self._drugs = drugs
        self._scores: dict[str, list[Scores]] = {}
        self._right: list[Truth] = []
        self._ranks: dict[str, list[float]] = {}
        self._degrees: list[int] = []
        self.tested: list[int] = []

    def add(self, case: Case, tested: Rows) -> None:
        """Keep one fold."""
        cells = np.ix_(self._drugs, tested)
        right = case.truth[cells]
        pairs = np.argwhere(right)
        degree = np.diff(case.view.treats.indptr)[self._drugs]
        self._right.append(right)
        self._degrees += degree[pairs[:, 0]].tolist()
        self.tested += tested.tolist()
        for model, matrix in case.scores.items():
            ranked = matrix[cells]
            self._scores.setdefault(model, []).append(ranked)
            self._ranks.setdefault(model, []).extend(filtered_ranks(ranked, right, pairs))

    def curves(self) -> dict[str, Curves]:
        """The curves of each model."""
        right = np.concatenate(self._right, axis=1)
        return {
            model: {
                "precision_recall": precision_recall(np.concatenate(parts, axis=1), right),
                "rank_by_degree": rank_by_degree(
                    self._ranks[model], self._degrees, len(self._drugs)
                ),
            }
            for model, parts in self._scores.items()
        }

    def entropy(self) -> str:
        """A sentence on how different the lists of different diseases are."""
        bits = {
            model: drug_entropy(np.concatenate(parts, axis=1), TOP)
            for model, parts in self._scores.items()
        }
        listed = ", ".join(f"{model} {value:.1f}" for model, value in bits.items())
        least = np.log2(min(TOP, len(self._drugs)))
        return (
            f"Drug entropy of the first {TOP}, in bits ({least:.1f} where all diseases have the "
            f"same list): {listed}."
        )
