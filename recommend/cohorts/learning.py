"""From a cohort to the parts of ``collaborative``, and how they are weighed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommend.cohorts.cohort import Cohort, examples
from recommend.cohorts.combination import PARTS, GraphPart, band_of, graph_features, learn_weights
from recommend.errors import ModelError
from recommend.interactions import TrainingData
from recommend.models.als import AlternatingLeastSquares, fold_in_all
from recommend.models.base import Progress
from recommend.models.prescribing import Floats, Prescribing, Situations, situations

MakeFactors = Callable[[sp.csr_matrix], Floats]

N_FOLDS = 4
PENALTIES = (0.1, 0.3, 1.0)  # of Prescribing; the best on the folds is taken
FACTORS = 16


@dataclass(frozen=True, eq=False)
class Learnt:
    """What was learnt from some patients.

    Attributes:
        prescribing: of situations.
        factors: (n_drugs, n_factors) of the drugs.
        regularization: with which a history is folded in.
        alpha: confidence in a drug of the history.
    """

    prescribing: Prescribing
    factors: Floats
    regularization: float
    alpha: float

    def parts(self, seen: Situations, graph: GraphPart | None) -> Iterator[Floats]:
        """(n, n_drugs) for each of :data:`PARTS`, in order; without a graph only the first."""
        yield self.prescribing.score(seen)
        rare = np.ones(self.prescribing.n_drugs, np.float32)
        rare[self.prescribing.drugs] = 0
        yield np.broadcast_to(rare, (len(seen), len(rare)))
        yield self.fold_in(seen.taken)
        if graph is not None:
            yield from graph_features(graph, seen)

    def fold_in(self, taken: sp.csr_matrix) -> Floats:
        """(n, n_drugs) what goes with the drugs of each history; 0 where nothing is known."""
        return fold_in_all(
            self.factors, taken, regularization=self.regularization, alpha=self.alpha
        )


@dataclass(frozen=True, eq=False)
class Learning:
    """How to learn.

    Attributes:
        words: digests of the conditions without a node that are told apart.
        least: the patients on whom a weight must rest.
        seed: of folds and of least squares.
        make_factors: factors from histories of ones; None for least squares.
    """

    words: NDArray[np.int64]
    least: int
    seed: int
    make_factors: MakeFactors | None

    def fit(self, cohort: Cohort, penalties: Sequence[float]) -> list[Learnt]:
        """What is learnt of ``cohort`` with each of the penalties."""
        asked = examples(cohort)
        seen = situations(cohort, asked, self.words)
        als = AlternatingLeastSquares(factors=FACTORS)
        histories = well_known(cohort.histories(), self.least)
        factors = np.zeros((cohort.n_drugs, FACTORS), np.float32)
        if self.make_factors is not None:
            factors = self.make_factors(cohort.histories())
        elif histories.nnz:
            sizes = {"Drug": cohort.n_drugs, "Disease": cohort.n_diseases}
            als.fit(TrainingData(sizes, {}, histories), seed=self.seed)
            factors = als.item_factors.copy()
            factors[histories.getnnz(axis=0) == 0] = 0
        fit = partial(Prescribing.fit, seen, asked.started, asked.patient, least=self.least)
        return [
            Learnt(fit(penalty=penalty), factors, als.regularization, als.alpha)
            for penalty in penalties
        ]

    def choose(
        self, cohort: Cohort, graph: GraphPart, progress: Progress | None
    ) -> tuple[float, NDArray[np.float64]]:
        """The penalty and the weights that are best for patients whom the parts have not seen."""
        asked = examples(cohort)
        seen = situations(cohort, asked, self.words)
        fold = np.random.default_rng(self.seed).permutation(cohort.n_patients) % N_FOLDS
        drugs = cohort.vocabulary
        parts = np.zeros((len(PENALTIES), len(seen), len(drugs), len(PARTS)), np.float32)
        losses = np.zeros(len(PENALTIES))
        for number in range(N_FOLDS):
            inside = np.flatnonzero(fold[asked.patient] == number)
            here, answers = seen.of(inside), asked.started[inside]
            rest = cohort.of(np.flatnonzero(fold != number))
            for i, unseen in enumerate(self.fit(rest, PENALTIES)):
                losses[i] += unseen.prescribing.loss(here, answers)
                for k, part in enumerate(unseen.parts(here, graph)):
                    parts[i, inside, :, k] = part[:, drugs]
            if progress:
                progress("collaborative: folds", number + 1, N_FOLDS)
        best = int(losses.argmin())
        weights = learn_weights(
            parts[best],
            asked.started[:, drugs].toarray(),
            asked.taken[:, drugs].toarray() > 0,
            band_of(seen.n_history),
        )
        return PENALTIES[best], weights


def well_known(histories: sp.csr_matrix, least: int) -> sp.csr_matrix:
    """``histories`` without the drugs that fewer than ``least`` patients got."""
    known = histories.getnnz(axis=0) >= least
    kept = sp.csr_matrix(histories @ sp.diags_array(known.astype(np.float32)))
    kept.eliminate_zeros()
    return kept


def secret_share(cohort: Cohort, share: float) -> Cohort:
    """A share of the patients, drawn from what is recorded of all of them.

    Who does not hold the whole cohort can not repeat the draw, and so can not tell whether a
    patient was in it; who holds all of it but one patient could try both.

    Raises:
        ModelError: ``share`` is not more than 0 and at most 1.
    """
    if not 0 < share <= 1:
        raise ModelError(f"the share of the patients must be more than 0 and at most 1: {share}")
    if share == 1:
        return cohort
    rng = np.random.default_rng(list(bytes.fromhex(cohort.digest)))
    chosen = np.flatnonzero(rng.random(cohort.n_patients) < share)
    return replace(cohort.of(chosen), name=f"{len(chosen):,} of {cohort.name}")
