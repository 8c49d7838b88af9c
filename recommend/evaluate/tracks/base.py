"""What every track is given, and the few steps that all of them share.

A track hides something, has it scored by models that it does not know, and says how well that went.
It sees models only as a function from a view (training data without what is hidden) to scores.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from kg.schema import EdgeType
from recommend.errors import ModelError
from recommend.evaluate.leaks import find_leaks
from recommend.evaluate.metrics import drug_strata
from recommend.folds import CUT, N_FOLDS, Rows
from recommend.interactions import Pairs, TrainingData
from recommend.models.base import Progress, Scores, check_scores

Scorer = Callable[[TrainingData], Mapping[str, Scores]]  # fits all rows of the table on a view
Truth = NDArray[np.bool_]  # (n_drugs, n_diseases) or a part of it
T = TypeVar("T")

BINDS = EdgeType("Drug", "binds", "Gene")
LEAST_SEEDS = 5  # of splits and permutations: fewer are an anecdote


@dataclass(frozen=True, eq=False)
class Options:
    """What a track is asked for; what it has no use for, it does not read.

    The graph is trained on as a whole, whatever is ranked.

    Attributes:
        drugs: rows that are ranked, sorted; None for all.
        diseases: rows for which they are ranked, sorted; None for all.
        labels: (n, 2) the positives of the external track: drug rows, disease rows.
        exclude: (n, 2) pairs that the external track does not rank either.
        strict: hide what the test diseases resemble as well.
        random: deal single diseases into folds instead of groups of diseases that are alike.
        folds: how many.
        cut: how alike two neighbouring diseases must be to share a fold; see :mod:`..folds`.
        seeds: how often what is random is drawn anew; None for as often as the track needs.
        seed: the first of these seeds, and that of the bootstrap.
        names: node type -> the name of each of its rows; leaks are told and found by them.
        progress: called with what is being done, steps done, steps in all.
    """

    drugs: Rows | None = None
    diseases: Rows | None = None
    labels: Pairs | None = None
    exclude: Pairs = field(default_factory=lambda: np.empty((0, 2), np.int64))
    strict: bool = False
    random: bool = False
    folds: int = N_FOLDS
    cut: float = CUT
    seeds: int | None = None
    seed: int = 0
    names: Mapping[str, Sequence[str]] | None = None
    progress: Progress | None = None

    def universe(self, training: TrainingData) -> tuple[Rows, Rows]:
        """The rows of the drugs that are ranked, and of the diseases for which they are."""
        n_drugs, n_diseases = training.shape
        drugs = np.arange(n_drugs) if self.drugs is None else np.unique(self.drugs)
        diseases = np.arange(n_diseases) if self.diseases is None else np.unique(self.diseases)
        return drugs, diseases

    def steps(self, what: str, items: Sequence[T]) -> Iterator[T]:
        """``items`` one by one; ``progress`` hears of each that is done."""
        for done, item in enumerate(items):
            if self.progress:
                self.progress(what, done, len(items))
            yield item
        if self.progress:
            self.progress(what, len(items), len(items))

    def seeds_of(self, least: int) -> list[int]:
        """The seeds of what is random: as many as asked for, else ``least``.

        Raises:
            ModelError: fewer than ``least`` were asked for.
        """
        n = least if self.seeds is None else self.seeds
        if n < least:
            raise ModelError(
                f"this track draws at random and takes at least {least} seeds, not {n}"
            )
        return [self.seed + i for i in range(n)]


def score_view(score: Scorer, view: TrainingData) -> dict[str, Scores]:
    """What ``score`` makes of ``view``, by model.

    Raises:
        ModelError: scores of another shape, or one that is not finite.
    """
    result = {}
    for name, scores in score(view).items():
        try:
            result[name] = check_scores(np.asarray(scores), view.shape)
        except ModelError as error:
            error.add_note(f"of the model {name!r}")
            raise
    return result


def strata_of(view: TrainingData) -> NDArray[np.int64]:
    """(n_drugs,) the stratum of each drug for degree-matched figures, by what ``view`` shows."""
    treats, genes = view.treats, view.matrix(BINDS)
    return drug_strata(np.diff(treats.indptr), np.diff(genes.indptr))


def truth_of(training: TrainingData) -> Truth:
    """(n_drugs, n_diseases) whether the drug is recorded to treat the disease."""
    return np.asarray(training.treats.toarray() > 0)


def pairs_of(truth: Truth, *, drugs: Rows | None = None, diseases: Rows | None = None) -> Pairs:
    """(n, 2) the true pairs of these drugs, or of these diseases."""
    pairs = np.argwhere(truth).astype(np.int64)
    if drugs is not None:
        pairs = pairs[np.isin(pairs[:, 0], drugs)]
    if diseases is not None:
        pairs = pairs[np.isin(pairs[:, 1], diseases)]
    return pairs


def total_degree(view: TrainingData) -> NDArray[np.int64]:
    """(n_drugs,) the number of edges of each drug, of all types."""
    degree = np.zeros(view.shape[0], np.int64)
    for edge_type, matrix in view.matrices.items():
        if edge_type.head == "Drug":
            degree += np.diff(matrix.indptr)
        elif edge_type.tail == "Drug":
            degree += np.bincount(matrix.indices, minlength=len(degree))
    return degree


def tell_leaks(
    view: TrainingData,
    hidden: Pairs,
    options: Options,
    *,
    diseases: Iterable[int] = (),
    drugs: Iterable[int] = (),
) -> list[str]:
    """A sentence for each way in which ``view`` gives ``hidden`` away; see :mod:`..leaks`."""
    found = find_leaks(view, hidden, diseases=diseases, drugs=drugs, names=options.names)
    return [f"{leak.kind}: {leak.what} ({leak.evidence})" for leak in found]
