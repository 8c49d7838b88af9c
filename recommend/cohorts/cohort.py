"""Patients from whom is learnt and on whom is measured: rows of the graph and days, no identity.

A :class:`Cohort` holds what was recorded of each patient and when. :func:`examples` turns it into
questions: at the start of an encounter, which drugs are newly started in it? What may be seen then:

* conditions that were on record by the end of the day on which the encounter starts, its own new
  diagnoses among them: they are what is treated;
* drugs that were ordered before that day. No other order, and never the reason that an order gives;
* the end of a condition only where it came before that day;
* no condition whose text names a drug: it may have been written because of the drug.

A drug is newly started where a patient is first known to get it: a patient starts a drug once.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from kg.names import key
from recommend.errors import ModelError
from recommend.profile import Sex

Rows = NDArray[np.int64]
Matrix = sp.csr_matrix  # (n_examples, n) float32 of ones

RECENT_DAYS = 14  # a condition that began at most so long ago is what the encounter is about
LATELY_DAYS = 365
OPEN = 10**7  # the end of what has not ended
YEAR = 365.25
SEXES: tuple[Sex, ...] = ("unknown", "female", "male", "other")
AGES = (2, 6, 12, 18, 30, 45, 60, 75)  # years at which the next age band begins
N_GROUPS = len(SEXES) * (len(AGES) + 2)  # of sex and age band, the last band being "not known"


@dataclass(frozen=True, eq=False)
class Cohort:
    """What was recorded of some patients. Rows of patients are numbers that mean nothing else.

    Days count from a day that the cohort does not say, the same for all patients. A recorded
    condition is an opaque number, so that conditions without a node can be counted as well.

    Attributes:
        name: what cohort it is, for people to read.
        n_drugs: Drug nodes of the graph.
        n_diseases: Disease nodes of the graph.
        sex: (n_patients,) positions in :data:`SEXES`.
        born: (n_patients,) day of birth, or ``OPEN`` where it is not known.
        condition_patient: (n_conditions,) whose.
        condition_code: (n_conditions,) the recorded condition.
        condition_start: (n_conditions,) the day on which it began.
        condition_known: (n_conditions,) the day since which it is on record.
        condition_end: (n_conditions,) the day on which it ended, or ``OPEN``.
        code_words: (n_codes,) a digest of what each recorded condition is called; see
            :func:`words_digest`.
        code_rows: (n, 2) recorded condition, Disease row: the nodes that it surely means.
        code_names_drug: (n, 2) recorded condition, Drug row that its text names.
        order_patient: (n_orders,) whose.
        order_drug: (n_orders,) Drug row; an order of two ingredients is two.
        order_day: (n_orders,) when it was written.
        order_encounter: (n_orders,) in which encounter, a number of this cohort.
        encounter_start: (n_encounters,) the day on which each began.
        is_synthetic: whether the records say that a program made them up.

    Raises:
        ModelError: columns of different lengths, or a number outside its range.
    """

    name: str
    n_drugs: int
    n_diseases: int
    sex: Rows
    born: Rows
    condition_patient: Rows
    condition_code: Rows
    condition_start: Rows
    condition_known: Rows
    condition_end: Rows
    code_words: Rows
    code_rows: Rows
    code_names_drug: Rows
    order_patient: Rows
    order_drug: Rows
    order_day: Rows
    order_encounter: Rows
    encounter_start: Rows
    is_synthetic: bool = False

    def __post_init__(self) -> None:
        for prefix in ("condition_", "order_"):
            lengths = {len(v) for k, v in vars(self).items() if k.startswith(prefix)}
            if len(lengths) != 1:
                raise ModelError(f"the {prefix}… columns of a cohort must be equally long")
        if len(self.sex) != len(self.born):
            raise ModelError("a cohort needs a sex and a birth for each patient")
        for column, size in (
            (self.condition_patient, self.n_patients),
            (self.order_patient, self.n_patients),
            (self.order_drug, self.n_drugs),
            (self.order_encounter, len(self.encounter_start)),
            (self.condition_code, self.n_codes),
            (self.code_rows[:, 0], self.n_codes),
            (self.code_names_drug[:, 0], self.n_codes),
            (self.code_rows[:, 1], self.n_diseases),
            (self.code_names_drug[:, 1], self.n_drugs),
        ):
            if len(column) and not (column.min() >= 0 and column.max() < size):
                raise ModelError(f"a number of the cohort lies outside [0, {size})")

    def __repr__(self) -> str:
        return f"Cohort({self.name!r}, {self.n_patients} patients)"  # no clinical value

    @property
    def n_patients(self) -> int:
        """How many patients."""
        return len(self.sex)

    @property
    def digest(self) -> str:
        """A SHA-256 of everything in it."""
        content = hashlib.sha256(f"{self.n_drugs} {self.n_diseases}".encode())
        for column in vars(self).values():
            if isinstance(column, np.ndarray):
                content.update(np.ascontiguousarray(column).tobytes())
        return content.hexdigest()

    @property
    def n_codes(self) -> int:
        """How many different conditions are recorded."""
        return len(self.code_words)

    @property
    def vocabulary(self) -> Rows:
        """The rows of the drugs that somebody started, sorted."""
        return np.unique(self.order_drug)

    def histories(self) -> sp.csr_matrix:
        """(n_patients, n_drugs) float32 of ones: who ever got what."""
        ones = np.ones(len(self.order_drug), np.float32)
        shape = (self.n_patients, self.n_drugs)
        matrix = sp.csr_matrix((ones, (self.order_patient, self.order_drug)), shape=shape)
        matrix.sum_duplicates()
        matrix.data[:] = 1
        return matrix

    def of(self, patients: Rows) -> "Cohort":
        """The part of these patients, numbered anew in the order given."""
        number = np.full(self.n_patients, -1, np.int64)
        number[patients] = np.arange(len(patients))
        columns: dict[str, Any] = {"sex": self.sex[patients], "born": self.born[patients]}
        for prefix in ("condition_", "order_"):
            kept = number[getattr(self, f"{prefix}patient")] >= 0
            for name in vars(self):
                if name.startswith(prefix):
                    columns[name] = getattr(self, name)[kept]
            columns[f"{prefix}patient"] = number[columns[f"{prefix}patient"]]
        return replace(self, **columns)

    def before(self, day: int) -> "Cohort":
        """What was on record before ``day``, and ended before it; all patients stay."""
        known = self.condition_known < day
        ordered = self.order_day < day
        columns: dict[str, Any] = {
            name: column[known if name.startswith("condition_") else ordered]
            for name, column in vars(self).items()
            if name.startswith(("condition_", "order_"))
        }
        ended = columns["condition_end"]
        columns["condition_end"] = np.where(ended < day, ended, OPEN)
        return replace(self, **columns)


@dataclass(frozen=True, eq=False)
class Examples:
    """Questions with their answers, one an encounter in which a drug is newly started.

    Attributes:
        patient: (n,) row of the cohort.
        encounter: (n,) number of the cohort.
        day: (n,) the moment of prediction: the day on which the encounter starts.
        group: (n,) sex and age band, see :func:`group_of`.
        age: (n,) years, NaN where not known.
        recent: (n, n_codes) conditions that began at most :data:`RECENT_DAYS` ago.
        current: (n, n_codes) conditions on record that have not ended, the recent ones too.
        taken: (n, n_drugs) drugs ordered before the moment.
        lately: (n, n_drugs) those of the last :data:`LATELY_DAYS`: what may still be taken.
        last: (n, n_drugs) those of the last day on which any was ordered.
        started: (n, n_drugs) the answers.
    """

    patient: Rows
    encounter: Rows
    day: Rows
    group: Rows
    age: NDArray[np.float64]
    recent: Matrix
    current: Matrix
    taken: Matrix
    lately: Matrix
    last: Matrix
    started: Matrix

    def __len__(self) -> int:
        return len(self.patient)

    def of(self, chosen: Rows) -> "Examples":
        """The examples at these positions."""
        return Examples(**{name: column[chosen] for name, column in vars(self).items()})

    @property
    def n_history(self) -> Rows:
        """(n,) how many drugs each patient had been given."""
        return np.diff(self.taken.indptr).astype(np.int64)


class Situation(NamedTuple):
    """What may be seen of one patient at the moment of prediction, in rows of the graph."""

    recent: tuple[int, ...] = ()  # Disease rows that began in the last RECENT_DAYS days
    current: tuple[int, ...] = ()  # all that hold, the recent ones too
    taken: tuple[int, ...] = ()  # Drug rows of what was given before
    sex: Sex = "unknown"
    age_years: float | None = None
    unnamed: tuple[int, ...] = ()  # words_digest of conditions that hold and have no node


def words_digest(text: str) -> int:
    """A number that says which words a condition is called by, and not which they are."""
    content = hashlib.sha256(key(text).encode()).digest()
    return int.from_bytes(content[:8], "big") >> 1


def group_of(sex: NDArray[np.int64], age: NDArray[np.float64]) -> Rows:
    """(n,) the number of the group of each sex (position in :data:`SEXES`) and age in years."""
    band = np.where(np.isnan(age), len(AGES) + 1, np.searchsorted(AGES, age, side="right"))
    return np.asarray(sex * (len(AGES) + 2) + band, np.int64)


def examples(cohort: Cohort) -> Examples:
    """Every encounter in which a patient newly starts a drug, by patient, then day; see the module.

    A drug belongs to the encounter of its first order. Orders of one day in two encounters do not
    see each other, and neither do diagnoses that another encounter makes later.
    """
    units: dict[tuple[int, int, int], list[int]] = {}
    for who, encounter, drug in _first_orders(cohort).tolist():
        when = int(cohort.encounter_start[encounter])
        units.setdefault((who, when, encounter), []).append(drug)
    keys = np.array(sorted(units), np.int64).reshape(-1, 3)
    patient, day = keys[:, 0], keys[:, 1]
    born = cohort.born[patient]
    age = np.where(born < OPEN, (day - born) / YEAR, np.nan)
    seen = [view(cohort, who, when) for who, when in keys[:, :2].tolist()]
    return Examples(
        patient,
        keys[:, 2],
        day,
        group_of(cohort.sex[patient], age),
        age,
        to_matrix([one.recent for one in seen], cohort.n_codes),
        to_matrix([one.current for one in seen], cohort.n_codes),
        to_matrix([one.taken for one in seen], cohort.n_drugs),
        to_matrix([one.lately for one in seen], cohort.n_drugs),
        to_matrix([one.last for one in seen], cohort.n_drugs),
        to_matrix([np.unique(units[unit]) for unit in sorted(units)], cohort.n_drugs),
    )


class View(NamedTuple):
    """What may be seen of one patient at one moment; see the module."""

    recent: Rows
    current: Rows
    taken: Rows
    lately: Rows
    last: Rows


def view(cohort: Cohort, patient: int, day: int) -> View:
    """What may be seen of ``patient`` at the start of an encounter of that day."""
    own = cohort.condition_patient == patient
    own &= (cohort.condition_known <= day) & (cohort.condition_start <= day)
    own &= cohort.condition_end >= day
    own &= ~np.isin(cohort.condition_code, cohort.code_names_drug[:, 0])
    new = own & (cohort.condition_start >= day - RECENT_DAYS)
    ordered = (cohort.order_patient == patient) & (cohort.order_day < day)
    days = cohort.order_day[ordered]
    last = ordered & (cohort.order_day == days.max()) if len(days) else ordered
    return View(
        np.unique(cohort.condition_code[new]),
        np.unique(cohort.condition_code[own]),
        np.unique(cohort.order_drug[ordered]),
        np.unique(cohort.order_drug[ordered & (cohort.order_day >= day - LATELY_DAYS)]),
        np.unique(cohort.order_drug[last]),
    )


def rows_of(matrix: Matrix, i: int) -> Rows:
    """The columns of the entries in row ``i``."""
    start, end = matrix.indptr[i : i + 2]
    return np.asarray(matrix.indices[start:end], np.int64)


def to_matrix(rows: Sequence[Rows], n_columns: int) -> Matrix:
    """(len(rows), n_columns) float32 with a one at each of the columns of each row."""
    starts = np.cumsum([0, *map(len, rows)])
    columns = np.concatenate([np.empty(0, np.int64), *rows]).astype(np.int64)
    ones = np.ones(len(columns), np.float32)
    return sp.csr_matrix((ones, columns, starts), shape=(len(rows), n_columns))


def _first_orders(cohort: Cohort) -> Rows:
    """(n, 3) patient, encounter, drug of the first order of each drug for each patient."""
    order = np.lexsort((cohort.order_encounter, cohort.order_day))
    pair = cohort.order_patient[order] * cohort.n_drugs + cohort.order_drug[order]
    first = order[np.unique(pair, return_index=True)[1]]
    columns = cohort.order_patient, cohort.order_encounter, cohort.order_drug
    return np.stack([column[first] for column in columns], axis=1)
