"""Of how many patients with a condition a drug was given to how many: coarse, to be shown.

Every count is rounded down to a multiple of 11, so what is under 11 becomes 0 and is not kept. Any
count may be up to 10 more than it says; so a sum or a difference of counts that are kept never
tells a count under 11, not even that it is 0: all that can be concluded leaves a range of at least
11 values (``tests/recommend/test_counts.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from recommend.cohorts.cohort import SEXES, YEAR, Cohort, Rows
from recommend.models.base import Arrays
from recommend.suggestion import SimilarPatients

LEAST = 11
ALL = -1  # no drug: patients with the condition; no group: all groups together
GROUP_AGES = (18, 65)
N_AGES = len(GROUP_AGES) + 1


@dataclass(frozen=True, eq=False)
class Counts:
    """Counts of patients by condition, drug and group.

    Attributes:
        cells: (n, 4) Disease row, Drug row or ``ALL``, group or ``ALL``, count; sorted, the count a
            multiple of 11 and at least 11.
        n_diseases: of the graph.
        cohort: whose patients.
    """

    cells: NDArray[np.int64]
    n_diseases: int
    cohort: str

    @classmethod
    def of(cls, cohort: Cohort) -> Self:
        """The counts of ``cohort``.

        A patient counts with a condition that the record has at any time, and with a drug where it
        was ordered while the condition was on record and had not ended.
        """
        return cls(_coarse(patients_of(cohort)), cohort.n_diseases, cohort.name)

    def similar(
        self, condition_row: int, drug_row: int, group: int = ALL
    ) -> SimilarPatients | None:
        """The counts of a condition and a drug; None where either is under 11."""
        received = self._cell(condition_row, drug_row, group)
        of = self._cell(condition_row, ALL, group)
        if not received or not of:
            return None
        return SimilarPatients(received, of, self.cohort)

    def save(self) -> Arrays:
        """Everything that :meth:`load` needs."""
        name = np.frombuffer(self.cohort.encode(), np.uint8)
        return {"cells": self.cells, "n_diseases": np.array([self.n_diseases]), "cohort": name}

    @classmethod
    def load(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """What :meth:`save` was called on."""
        name = arrays["cohort"].tobytes().decode()
        return cls(arrays["cells"], int(arrays["n_diseases"][0]), name)

    def _cell(self, disease: int, drug: int, group: int) -> int:
        first, last = np.searchsorted(self.cells[:, 0], [disease, disease + 1])
        own = self.cells[first:last]
        found = own[(own[:, 1] == drug) & (own[:, 2] == group), 3]
        return int(found[0]) if len(found) else 0


def group_of_counts(sex: int, age_days: int) -> int:
    """The group of a patient: sex, and whether under 18, 18 to 64, or older (or not known)."""
    years = age_days / YEAR
    band = int(np.searchsorted(GROUP_AGES, years, side="right")) if years >= 0 else N_AGES
    return sex * (N_AGES + 1) + band


N_GROUPS = len(SEXES) * (N_AGES + 1)


def patients_of(cohort: Cohort) -> Rows:
    """(n, 4) patient, Disease row, Drug row or ``ALL``, group: who is counted where; sorted."""
    given = set()
    orders: dict[int, list[tuple[int, int]]] = {}
    columns = cohort.order_patient, cohort.order_drug, cohort.order_day
    for patient, drug, day in zip(*(column.tolist() for column in columns), strict=True):
        orders.setdefault(patient, []).append((day, drug))
    for patient, disease, known, end, start in _episodes(cohort).tolist():
        group = group_of_counts(int(cohort.sex[patient]), start - int(cohort.born[patient]))
        given.add((patient, disease, ALL, group))
        given |= {
            (patient, disease, drug, group)
            for day, drug in orders.get(patient, ())
            if known <= day <= end
        }
    return np.array(sorted(given), np.int64).reshape(-1, 4)


def _episodes(cohort: Cohort) -> Rows:
    """(n, 5) patient, disease, day since when on record, day of its end, day of its beginning."""
    by_code: dict[int, list[int]] = {}
    for code, row in cohort.code_rows.tolist():
        by_code.setdefault(code, []).append(row)
    columns = (
        cohort.condition_patient,
        cohort.condition_code,
        cohort.condition_known,
        cohort.condition_end,
        cohort.condition_start,
    )
    entries = zip(*(column.tolist() for column in columns), strict=True)
    found = [
        (patient, row, known, end, start)
        for patient, code, known, end, start in entries
        for row in by_code.get(code, ())
    ]
    return np.array(found, np.int64).reshape(-1, 5)


def _coarse(given: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n, 4) cells from (n, 4) patient, disease, drug, group: by group, and all together."""
    together = given.copy()
    together[:, 3] = ALL
    every = np.unique(np.concatenate([given, together]), axis=0)
    cells, sizes = np.unique(every[:, 1:], axis=0, return_counts=True)
    sizes = sizes // LEAST * LEAST
    kept = sizes > 0
    return np.column_stack([cells[kept], sizes[kept]]).astype(np.int64)
