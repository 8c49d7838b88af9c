"""What similar patients receive, and how much that counts beside the graph.

Learnt from a :class:`~recommend.cohorts.cohort.Cohort`; what is kept are arrays of weights and of
coarse counts, never of patients. Four parts:

* :class:`~recommend.models.prescribing.Prescribing`: which drugs are newly started in a situation;
* the item factors of alternating least squares: which drugs go together in a history;
* :class:`~recommend.cohorts.counts.Counts`: of how many patients with a condition a drug was given
  to how many, to be shown beside a suggestion;
* the weights with which these and the graph are added up, one set for each length of history,
  learnt on folds of patients whom the parts had not seen.

Loading and scoring need numpy and scipy alone; no patient is sorted, so ten thousand are scored by
a few products of matrices.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from recommend.cohorts.cohort import SEXES, Cohort, Rows, Situation, group_of, to_matrix
from recommend.cohorts.combination import PARTS, GraphPart, band_of
from recommend.cohorts.counts import Counts
from recommend.cohorts.learning import Learning, Learnt, MakeFactors, secret_share
from recommend.errors import ColdStartError, ModelError
from recommend.models.base import Arrays, Progress, import_training
from recommend.models.prescribing import (
    LEAST,
    Floats,
    Prescribing,
    Situations,
    unnamed,
)
from recommend.suggestion import SimilarPatients

# What a bundle that leaves the house learns from: with it the attack of evaluate.patients.attack
# stays below 0.6 at the upper end of its interval (615 synthetic patients); with 1 it reaches 0.82.
RELEASED_SHARE = 0.3
FEWEST = 5  # of the share, on whom a weight rests whatever the share is
_AT_ONCE = 1024  # patients; bounds the memory


@dataclass(frozen=True, eq=False)
class Collaborative:
    """The fitted parts; see the module.

    Attributes:
        prescribing: of the situation.
        factors: (n_drugs, n_factors) of the drugs, zeros where too few patients got one.
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
        make_factors: MakeFactors | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Learn from the patients of ``cohort``.

        Args:
            cohort: the patients.
            graph: of the same graph.
            seed: of the folds and of ALS.
            share: of the patients that are learnt from; which they are is drawn from the content of
                the cohort, so that who does not hold it cannot tell whether one was among them. A
                weight then rests on as many of them as 11 patients of the cohort are likely to be.
            make_factors: (n_drugs, n_factors) from histories of ones, such as
                :func:`recommend.cohorts.privacy.private_item_factors`; None for least squares.
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
        least = max(math.ceil(LEAST * share), FEWEST)
        words = unnamed(cohort, least)
        # A tiny problem is slower on many threads, and its sums would depend on their number.
        with import_training("threadpoolctl").threadpool_limits(1, "blas"):
            learning = Learning(words, least, seed, make_factors)
            penalty, weights = learning.choose(cohort, graph, progress)
            (fitted,) = learning.fit(cohort, (penalty,))
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

    def terms(self, seen: Situations, drug: int) -> list[tuple[str, float]]:
        """What each part of :meth:`patients_score` gives one drug for the first of ``seen``."""
        weights = self.weights[band_of(seen.n_history)[0]]
        parts = self._learnt.parts(seen, None)
        return [
            (name, float(weight) * float(part[0, drug]))
            for name, weight, part in zip(PARTS, weights, parts, strict=False)
        ]

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
            raise ColdStartError(
                "no drug of the history was taken by enough patients of the cohort"
            )
        return self._fold_in(known)

    def _fold_in(self, drugs: Sequence[int]) -> Floats:
        taken = to_matrix([np.unique(np.array(drugs, np.int64))], self.n_drugs)
        return np.asarray(self._learnt.fold_in(taken)[0])

    def similar(self, condition_row: int, drug_row: int) -> SimilarPatients | None:
        """To how many patients with a condition the drug was given; None where fewer than 11."""
        return self.counts.similar(condition_row, drug_row)

    def situations(self, seen: Sequence[Situation]) -> Situations:
        """Situations of patients, as what was learnt reads them."""
        held = [
            np.unique(np.array([*s.current, *map(self.condition_of, s.unnamed)], np.int64))
            for s in seen
        ]
        sex = np.array([SEXES.index(each.sex) for each in seen], np.int64)
        age = np.array([np.nan if s.age_years is None else s.age_years for s in seen])
        return Situations(
            to_matrix([np.array(each.recent, np.int64) for each in seen], self.n_conditions),
            to_matrix(held, self.n_conditions),
            to_matrix([np.array(each.taken, np.int64) for each in seen], self.n_drugs),
            group_of(sex, age),
        )

    def condition_of(self, digest: int) -> int:
        """The column of a condition without a node, by :func:`words_digest` of its words."""
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
    def _learnt(self) -> Learnt:
        return Learnt(self.prescribing, self.factors, self.regularization, self.alpha)

    def _add(self, seen: Situations, graph: GraphPart | None) -> Floats:
        result = np.zeros((len(seen), self.n_drugs), np.float32)
        weights = self.weights[band_of(seen.n_history)].astype(np.float32)
        for start in range(0, len(seen), _AT_ONCE):
            here = slice(start, start + _AT_ONCE)
            part_of = self._learnt.parts(seen.of(np.arange(len(seen))[here]), graph)
            for k, part in enumerate(part_of):
                result[here] += weights[here, k, None] * part
        return result
