"""Which drug is newly started by whom: a softmax regression on the situation at an encounter.

The situation is what :mod:`recommend.cohorts.cohort` says may be seen: conditions that began in the
last days and older ones, drugs given before, sex and age band. The answer is a score a drug; the
softmax of the scores over the drugs that the patient has not had is the share of new starts that it
is.

No number rests on fewer patients than asked for (:data:`LEAST`): a condition, drug or group that
fewer share has no weight at all, and neither has a pair of which fewer patients are seen together,
unless at least as many were to be expected by chance. What is rare is left to the graph.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self, cast

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommend.cohorts.cohort import (
    AGES,
    N_GROUPS,
    SEXES,
    Cohort,
    Examples,
    Matrix,
    Rows,
    to_matrix,
)
from recommend.models.base import Arrays

LEAST = 11  # patients; smaller groups are not published (the customary cell size rule)
PENALTY = 0.3  # L2, where none is chosen on folds of patients
_DEMOGRAPHIC = 0.7  # size of the inputs of sex and age, of which a patient has three
_N_STEPS = 60
_N_BANDS = len(AGES) + 2

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Situations:
    """What is known of some patients at the moment of prediction, without who they are.

    A condition is a Disease row, or, where it has no node, ``n_diseases`` plus the position of its
    words' digest among those that the model knows; all others are one more, the last.

    Attributes:
        recent: (n, n_conditions) float32 of ones: began in the last days.
        current: (n, n_conditions) all that hold, the recent ones too.
        taken: (n, n_drugs) drugs given before.
        group: (n,) sex and age band, see :func:`recommend.cohorts.cohort.group_of`.
    """

    recent: Matrix
    current: Matrix
    taken: Matrix
    group: Rows

    def __len__(self) -> int:
        return len(self.group)

    def of(self, chosen: Rows) -> "Situations":
        """Those at these positions."""
        return Situations(*(column[chosen] for column in vars(self).values()))

    @property
    def n_history(self) -> Rows:
        """(n,) how many drugs each patient was given."""
        return np.diff(self.taken.indptr).astype(np.int64)


def situations(cohort: Cohort, asked: Examples, words: NDArray[np.int64]) -> Situations:
    """The situations of ``asked``.

    Args:
        cohort: whose examples these are.
        asked: the moments.
        words: sorted digests of conditions without a node.
    """
    conditions = conditions_of(cohort, words)

    def named(codes: Matrix) -> Matrix:
        found = sp.csr_matrix(codes @ conditions)
        found.sum_duplicates()
        found.data[:] = 1
        return found

    return Situations(named(asked.recent), named(asked.current), asked.taken, asked.group)


def conditions_of(cohort: Cohort, words: NDArray[np.int64]) -> Matrix:
    """(n_codes, n_diseases + n_words + 1) what each recorded condition counts as."""
    rows: list[list[int]] = [[] for _ in range(cohort.n_codes)]
    for code, row in cohort.code_rows.tolist():
        rows[code].append(row)
    for code, digest in enumerate(cohort.code_words.tolist()):
        place = int(np.searchsorted(words, digest))
        if not rows[code]:
            is_known = place < len(words) and words[place] == digest
            rows[code].append(cohort.n_diseases + (place if is_known else len(words)))
    return to_matrix([np.unique(own) for own in rows], cohort.n_diseases + len(words) + 1)


def unnamed(cohort: Cohort, least: int = LEAST) -> NDArray[np.int64]:
    """The digests of conditions without a node that at least so many patients have."""
    has_row = np.zeros(cohort.n_codes, np.bool_)
    has_row[cohort.code_rows[:, 0]] = True
    pairs = np.stack([cohort.code_words[cohort.condition_code], cohort.condition_patient], axis=1)
    pairs = np.unique(pairs[~has_row[cohort.condition_code]], axis=0)
    digests, n_patients = np.unique(pairs[:, 0], return_counts=True)
    return digests[n_patients >= least]


def design(seen: Situations) -> sp.csr_matrix:
    """(n, n_inputs) float32: one, group, age band, sex, conditions recent and older, drugs, none.

    The last inputs are for patients without a recent condition, whose older ones say more.
    """
    everyone = np.arange(len(seen))
    sex, band = seen.group // _N_BANDS, seen.group % _N_BANDS
    none = np.flatnonzero(np.diff(seen.recent.indptr) == 0)
    n_conditions = seen.recent.shape[1]
    recent, current = _entries(seen.recent), _entries(seen.current)
    older = np.setdiff1d(current @ [n_conditions, 1], recent @ [n_conditions, 1])
    blocks = (  # how many inputs, size, patients, which input
        (1, 1.0, everyone, np.zeros_like(everyone)),
        (N_GROUPS, _DEMOGRAPHIC, everyone, seen.group),
        (_N_BANDS, _DEMOGRAPHIC, everyone, band),
        (len(SEXES), _DEMOGRAPHIC, everyone, sex),
        (n_conditions, 1.0, recent[:, 0], recent[:, 1]),
        (n_conditions, 1.0, older // n_conditions, older % n_conditions),
        (seen.taken.shape[1], 1.0, *_entries(seen.taken).T),
        (1, 1.0, none, np.zeros_like(none)),
        (_N_BANDS, 1.0, none, band[none]),
    )
    starts = np.cumsum([0, *(n for n, _, _, _ in blocks)])
    rows = np.concatenate([who for _, _, who, _ in blocks])
    columns = np.concatenate(
        [which + start for start, (_, _, _, which) in zip(starts, blocks, strict=False)]
    )
    sizes = np.repeat(
        np.array([size for _, size, _, _ in blocks], np.float32),
        [len(who) for _, _, who, _ in blocks],
    )
    return sp.csr_matrix((sizes, (rows, columns)), shape=(len(seen), int(starts[-1])))


def _entries(matrix: Matrix) -> NDArray[np.int64]:
    """(n, 2) row and column of each entry."""
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return np.column_stack([rows, matrix.indices]).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Prescribing:
    """The fitted regression: weights of the inputs and drugs that enough patients share.

    Attributes:
        inputs: (n_kept,) the columns of :func:`design` that have a weight.
        drugs: (n_known,) the drug rows that have one, sorted.
        weights: (n_kept, n_known) float32.
        n_drugs: of the graph.
    """

    inputs: NDArray[np.int64]
    drugs: NDArray[np.int64]
    weights: Floats
    n_drugs: int
    _spread: Floats | None = field(default=None, init=False, repr=False)

    @classmethod
    def fit(
        cls,
        seen: Situations,
        started: Matrix,
        patient: Rows,
        *,
        penalty: float = PENALTY,
        least: int = LEAST,
    ) -> Self:
        """Learn from situations and what was started in them; nothing is drawn.

        Args:
            seen: (n) situations.
            started: (n, n_drugs) the answers.
            patient: (n,) whose they are, to count patients.
            penalty: the L2 penalty of a weight.
            least: the patients on whom a weight must rest.
        """
        x = design(seen)
        inputs = np.flatnonzero(_n_patients(x, patient) >= least)
        drugs = np.flatnonzero(np.bincount(started.indices, minlength=started.shape[1]) >= least)
        y = started[:, drugs].toarray()
        asked = y.sum(axis=1) > 0
        if not asked.any() or not len(inputs):
            empty = np.empty((0, 0), np.float32)
            return cls(inputs[:0], drugs[:0], empty, started.shape[1])
        x, y = x[asked][:, inputs].toarray(), y[asked]
        had = seen.taken[asked][:, drugs].toarray() > 0
        together = (x > 0).astype(np.float64).T @ y
        expected = (x > 0).sum(axis=0)[:, None] * y.mean(axis=0)
        free = (together >= least) | (expected >= least)
        weights = _maximise(x, y, had, free, penalty)
        return cls(inputs, drugs, weights, started.shape[1])

    def score(self, seen: Situations) -> Floats:
        """(n, n_drugs) float32; drugs without a weight have the logarithm of the mean odds."""
        result = np.zeros((len(seen), self.n_drugs), np.float32)
        if not len(self.drugs):
            return result
        known = design(seen) @ self._of_all_inputs(seen)
        top = known.max(axis=1, keepdims=True)
        result[:] = top + np.log(np.exp(known - top).mean(axis=1, keepdims=True))
        result[:, self.drugs] = known
        return result

    def _of_all_inputs(self, seen: Situations) -> Floats:
        """(n_inputs, n_known) the weights, zeros where there is none."""
        n_inputs = 2 + N_GROUPS + 2 * _N_BANDS + len(SEXES)
        n_inputs += 2 * seen.recent.shape[1] + seen.taken.shape[1]
        if self._spread is None or len(self._spread) != n_inputs:
            spread = np.zeros((n_inputs, len(self.drugs)), np.float32)
            spread[self.inputs] = self.weights
            object.__setattr__(self, "_spread", spread)  # a value that only depends on the others
        return cast(Floats, self._spread)

    def loss(self, seen: Situations, started: Matrix) -> float:
        """The sum over situations of minus the mean log share of what was started in each.

        Over the drugs that have a weight and that the patient had not had.
        """
        if not len(self.drugs):
            return 0.0
        known = self.score(seen)[:, self.drugs].astype(np.float64)
        known[seen.taken[:, self.drugs].toarray() > 0] = -1e4
        top = known.max(axis=1, keepdims=True)
        logs = known - top - np.log(np.exp(known - top).sum(axis=1, keepdims=True))
        right = started[:, self.drugs].toarray()
        n_right = right.sum(axis=1)
        return float(-(logs * right).sum(axis=1)[n_right > 0] @ (1 / n_right[n_right > 0]))

    def save(self) -> Arrays:
        """Everything that :meth:`load` needs."""
        return {
            "inputs": self.inputs,
            "drugs": self.drugs,
            "weights": self.weights,
            "n_drugs": np.array([self.n_drugs]),
        }

    @classmethod
    def load(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """What :meth:`save` was called on."""
        return cls(arrays["inputs"], arrays["drugs"], arrays["weights"], int(arrays["n_drugs"][0]))


def _n_patients(x: sp.csr_matrix, patient: Rows) -> NDArray[np.int64]:
    """(n_inputs,) how many patients have each input."""
    entries = x.tocoo()
    pairs = np.unique(np.stack([entries.col, patient[entries.row]], axis=1), axis=0)
    return np.bincount(pairs[:, 0], minlength=x.shape[1])


def _maximise(
    x: Floats, y: Floats, had: NDArray[np.bool_], free: NDArray[np.bool_], penalty: float
) -> Floats:
    """The weights of the largest penalised likelihood; those that are not ``free`` stay 0."""
    from scipy.optimize import minimize

    shut = np.where(had, np.float32(-1e4), np.float32(0))
    wanted = y / y.sum(axis=1, keepdims=True)
    price = np.full((x.shape[1], 1), penalty, np.float32)
    price[0] /= 10  # how usual a drug is at all

    def spread(flat: NDArray[np.float64]) -> Floats:
        weights = np.zeros(free.shape, np.float32)
        weights[free] = flat
        return weights

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = spread(flat)
        z = x @ weights + shut
        z -= z.max(axis=1, keepdims=True)
        odds = np.exp(z)
        total = odds.sum(axis=1, keepdims=True)
        value = -(wanted * (z - np.log(total))).sum() + (price * weights**2).sum() / 2
        slope = x.T @ (odds / total - wanted) + price * weights
        return float(value), slope[free].astype(np.float64)

    found = minimize(
        loss,
        np.zeros(int(free.sum())),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": _N_STEPS},
    )
    return spread(found.x)
