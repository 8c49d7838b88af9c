"""What similar patients receive, and how much that counts beside the graph.

Learnt from a :class:`~recommend.cohort.Cohort`; what is kept are arrays of weights and of coarse
counts, never of patients. Four parts:

* :class:`~recommend.models.prescribing.Prescribing`: which drugs are newly started in a situation;
* the item factors of alternating least squares: which drugs go together in a history;
* :class:`~recommend.counts.Counts`: of how many patients with a condition a drug was given to how
  many, to be shown beside a suggestion;
* the weights with which these and the graph are added up, one set for each length of history,
  learnt on folds of patients whom the parts had not seen.

Loading and scoring need numpy and scipy alone; no patient is sorted, so ten thousand are scored by
a few products of matrices.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommend.cohort import Cohort, Rows, examples, group_of, to_matrix
from recommend.combination import (
    GRAPH_PARTS,
    PARTS,
    GraphPart,
    band_of,
    graph_features,
    graph_part,
    learn_weights,
)
from recommend.counts import Counts
from recommend.errors import ColdStartError, ModelError
from recommend.interactions import TrainingData
from recommend.models.als import AlternatingLeastSquares, fold_in_all
from recommend.models.base import Arrays, Progress, import_training
from recommend.models.prescribing import (
    LEAST,
    Floats,
    Prescribing,
    Situations,
    one_situation,
    situations,
    unnamed,
)
from recommend.suggestion import SimilarPatients

N_FOLDS = 4
PENALTIES = (0.1, 0.3, 1.0)  # of Prescribing; the best on the folds is taken
RELEASED_SHARE = 0.6  # the largest with which the attack of evaluate.membership stays below 0.6
_FACTORS = 16
_AT_ONCE = 1024  # patients; bounds the memory


@dataclass(frozen=True, eq=False)
class Collaborative:
    """The fitted parts; see the module.

    Attributes:
        prescribing: of the situation.
        factors: (n_drugs, n_factors) of the drugs, zeros where fewer than 11 patients got one.
        regularization: with which a history is folded in.
        alpha: confidence in a drug of the history.
        words: sorted digests of the conditions without a node that it knows.
        weights: (n_bands, n_parts) of :data:`PARTS`.
        counts: to be shown.
    """

    prescribing: Prescribing
    factors: Floats
    regularization: float
    alpha: float
    words: NDArray[np.int64]
    weights: NDArray[np.float64]
    counts: Counts

    @property
    def n_drugs(self) -> int:
        """Drugs of the graph."""
        return len(self.factors)

    @property
    def n_conditions(self) -> int:
        """Columns of the conditions of :class:`Situations`."""
        return self.counts.n_diseases + len(self.words) + 1

    @classmethod
    def fit(
        cls,
        cohort: Cohort,
        graph: GraphPart,
        *,
        seed: int = 0,
        share: float = 1.0,
        progress: Progress | None = None,
    ) -> Self:
        """Learn from the patients of ``cohort``.

        Args:
            cohort: the patients.
            graph: of the same graph.
            seed: of the folds and of ALS.
            share: of the patients that are learnt from; which they are is drawn from the content of
                the cohort, so that who does not hold it cannot tell whether one was among them.
            progress: called with what is being done, steps done, steps in all.

        Raises:
            ModelError: fewer than 11 patients start a drug, or the extra ``train`` is not
                installed.
        """
        cohort = secret_share(cohort, share)
        n_patients = len(np.unique(cohort.order_patient))
        if n_patients < LEAST:
            raise ModelError(
                f"{n_patients} patients of the cohort got a drug that the graph knows; what "
                f"patients receive is learnt from {LEAST} at least"
            )
        words = unnamed(cohort)
        # A tiny problem is slower on many threads, and its sums would depend on their number.
        with import_training("threadpoolctl").threadpool_limits(1, "blas"):
            penalty, weights = _choose(cohort, graph, words, seed, progress)
            (fitted,) = _fit_parts(cohort, words, (penalty,), seed)
        return cls(
            fitted.prescribing,
            fitted.factors,
            fitted.regularization,
            fitted.alpha,
            words,
            weights,
            Counts.of(cohort),
        )

    def score(self, seen: Situations, graph: GraphPart) -> Floats:
        """(n, n_drugs) float32: how usual it would be to start each drug now, higher is more.

        Graph and patients together, on a scale of logarithms: a softmax over the drugs that a
        patient has not had gives shares of new starts.
        """
        return self._add(seen, graph)

    def patients_score(self, seen: Situations) -> Floats:
        """(n, n_drugs) float32: the part of :meth:`score` that similar patients give."""
        return self._add(seen, None)

    def history_scores(self, drugs: Rows) -> Floats:
        """(n_drugs,) what patients with a similar history take, by ALS alone.

        Raises:
            ColdStartError: ``drugs`` is empty, or none of them is known well enough.
        """
        known = [drug for drug in np.unique(drugs).tolist() if self.factors[drug].any()]
        if not known:
            raise ColdStartError("no drug of the history was taken by 11 patients of the cohort")
        return self._fold_in(known)

    def combine(self, graph_scores: NDArray[Any], history_rows: Rows) -> Floats:
        """(n_drugs,) the graph's scores of one condition with what the history says.

        Args:
            graph_scores: (n_drugs,) probabilities, 0 to 1.
            history_rows: drugs taken before; may be empty, then the graph speaks alone.
        """
        column = graph_part(graph_scores[:, None], np.zeros((self.n_drugs, 1), np.bool_)).log_odds
        seen = self.situation(taken=history_rows.tolist())
        weights = self.weights[band_of(seen.n_history)[0]]
        graph = sum(weights[PARTS.index(name)] for name in GRAPH_PARTS[:2])
        own = weights[PARTS.index("history")] * self._fold_in(history_rows.tolist())
        return np.asarray(graph * column[0] + own, np.float32)

    def _fold_in(self, drugs: Sequence[int]) -> Floats:
        taken = to_matrix([np.unique(np.array(drugs, np.int64))], self.n_drugs)
        scores = fold_in_all(
            self.factors, taken, regularization=self.regularization, alpha=self.alpha
        )
        return np.asarray(scores[0])

    def similar(self, condition_row: int, drug_row: int) -> SimilarPatients | None:
        """To how many patients with a condition the drug was given; None where fewer than 11."""
        return self.counts.similar(condition_row, drug_row)

    def situation(
        self,
        *,
        recent: Sequence[int] = (),
        current: Sequence[int] = (),
        taken: Sequence[int] = (),
        sex: int = 0,
        age_years: float | None = None,
    ) -> Situations:
        """The situation of one patient.

        Args:
            recent: conditions that began in the last 14 days: Disease rows, or
                :meth:`condition_of` the words of one without a node.
            current: all that hold.
            taken: Drug rows of what was given before.
            sex: its position in :data:`recommend.cohort.SEXES`.
            age_years: None where not known.
        """
        age = np.array([np.nan if age_years is None else age_years])
        group = int(group_of(np.array([sex]), age)[0])
        return one_situation(
            recent, current, taken, group, n_conditions=self.n_conditions, n_drugs=self.n_drugs
        )

    def condition_of(self, digest: int) -> int:
        """The column of a condition without a node, by :func:`recommend.cohort.words_digest`."""
        place = int(np.searchsorted(self.words, digest))
        is_known = place < len(self.words) and self.words[place] == digest
        return self.counts.n_diseases + (place if is_known else len(self.words))

    def save(self) -> Arrays:
        """Everything that :meth:`load` needs: no patient, no identifier, no count under 11."""
        return {
            **{f"prescribing.{name}": a for name, a in self.prescribing.save().items()},
            **{f"counts.{name}": a for name, a in self.counts.save().items()},
            "factors": self.factors,
            "history": np.array([self.regularization, self.alpha]),
            "words": self.words,
            "weights": self.weights,
        }

    @classmethod
    def load(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """What :meth:`save` was called on."""

        def of(part: str) -> dict[str, NDArray[Any]]:
            return {k.removeprefix(part): a for k, a in arrays.items() if k.startswith(part)}

        return cls(
            Prescribing.load(of("prescribing.")),
            arrays["factors"],
            float(arrays["history"][0]),
            float(arrays["history"][1]),
            arrays["words"],
            arrays["weights"],
            Counts.load(of("counts.")),
        )

    @property
    def _learnt(self) -> "_Learnt":
        return _Learnt(self.prescribing, self.factors, self.regularization, self.alpha)

    def _add(self, seen: Situations, graph: GraphPart | None) -> Floats:
        result = np.zeros((len(seen), self.n_drugs), np.float32)
        weights = self.weights[band_of(seen.n_history)].astype(np.float32)
        for start in range(0, len(seen), _AT_ONCE):
            here = slice(start, start + _AT_ONCE)
            part_of = _parts(self._learnt, seen.of(np.arange(len(seen))[here]), graph)
            for k, part in enumerate(part_of):
                result[here] += weights[here, k, None] * part
        return result


@dataclass(frozen=True, eq=False)
class _Learnt:
    """What was learnt from some patients."""

    prescribing: Prescribing
    factors: Floats
    regularization: float
    alpha: float


def _choose(
    cohort: Cohort,
    graph: GraphPart,
    words: NDArray[np.int64],
    seed: int,
    progress: Progress | None,
) -> tuple[float, NDArray[np.float64]]:
    """The penalty and the weights that are best for patients whom the parts have not seen."""
    asked = examples(cohort)
    seen = situations(cohort, asked, words)
    fold = np.random.default_rng(seed).permutation(cohort.n_patients) % N_FOLDS
    drugs = cohort.vocabulary
    parts = np.zeros((len(PENALTIES), len(seen), len(drugs), len(PARTS)), np.float32)
    losses = np.zeros(len(PENALTIES))
    for number in range(N_FOLDS):
        inside = np.flatnonzero(fold[asked.patient] == number)
        here, answers = seen.of(inside), asked.started[inside]
        rest = cohort.of(np.flatnonzero(fold != number))
        for i, unseen in enumerate(_fit_parts(rest, words, PENALTIES, seed)):
            losses[i] += unseen.prescribing.loss(here, answers)
            for k, part in enumerate(_parts(unseen, here, graph)):
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


def _fit_parts(
    cohort: Cohort, words: NDArray[np.int64], penalties: Sequence[float], seed: int
) -> list[_Learnt]:
    """What is learnt of ``cohort`` with each of the penalties."""
    asked = examples(cohort)
    seen = situations(cohort, asked, words)
    histories = well_known(cohort.histories())
    als = AlternatingLeastSquares(factors=_FACTORS)
    factors = np.zeros((cohort.n_drugs, _FACTORS), np.float32)
    if histories.nnz:
        data = TrainingData({"Drug": cohort.n_drugs, "Disease": cohort.n_diseases}, {}, histories)
        factors = als.fit(data, seed=seed).item_factors.copy()
        factors[histories.getnnz(axis=0) == 0] = 0
    return [
        _Learnt(
            Prescribing.fit(seen, asked.started, asked.patient, penalty=penalty),
            factors,
            als.regularization,
            als.alpha,
        )
        for penalty in penalties
    ]


def well_known(histories: sp.csr_matrix) -> sp.csr_matrix:
    """``histories`` without the drugs that fewer than :data:`LEAST` patients got."""
    known = histories.getnnz(axis=0) >= LEAST
    kept = sp.csr_matrix(histories @ sp.diags_array(known.astype(np.float32)))
    kept.eliminate_zeros()
    return kept


def _parts(learnt: _Learnt, seen: Situations, graph: GraphPart | None) -> Iterator[Floats]:
    """(n, n_drugs) for each of :data:`PARTS`, in their order; without a graph only the first."""
    yield learnt.prescribing.score(seen)
    rare = np.ones(learnt.prescribing.n_drugs, np.float32)
    rare[learnt.prescribing.drugs] = 0
    yield np.broadcast_to(rare, (len(seen), len(rare)))
    yield fold_in_all(
        learnt.factors, seen.taken, regularization=learnt.regularization, alpha=learnt.alpha
    )
    if graph is not None:
        yield from graph_features(graph, seen)


def secret_share(cohort: Cohort, share: float) -> Cohort:
    """A share of the patients, drawn from what is recorded of all of them.

    Raises:
        ModelError: ``share`` is not more than 0 and at most 1.
    """
    if not 0 < share <= 1:
        raise ModelError(f"the share of the patients must be more than 0 and at most 1: {share}")
    if share == 1:
        return cohort
    content = hashlib.sha256()
    for column in vars(cohort).values():
        if isinstance(column, np.ndarray):
            content.update(np.ascontiguousarray(column).tobytes())
    rng = np.random.default_rng(list(content.digest()))
    chosen = np.flatnonzero(rng.random(cohort.n_patients) < share)
    part = cohort.of(chosen)
    return replace(part, name=f"{len(chosen):,} of {cohort.name}")
