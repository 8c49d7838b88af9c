"""Whether examples show what could not be known, looked up in the record entry by entry."""

from collections import Counter

import numpy as np

from recommend.cohorts.cohort import OPEN, Cohort, Examples, Rows, rows_of

_TELLING = 3  # entries, that two patients do not share by chance


def check_leakage(cohort: Cohort, asked: Examples) -> list[str]:
    """A sentence for each way in which an example shows what could not be known; none if well.

    Looked up again in the record, entry by entry: whether what an example shows was on record by
    then, whether a drug that is asked for was given before, and whether a condition that is shown
    names the drug that is asked for. And whether two patients have the very same record: one of
    them would be learnt from while the other is asked about.
    """
    known = _earliest(cohort.condition_patient, cohort.condition_code, cohort.condition_known)
    began = _earliest(cohort.condition_patient, cohort.condition_code, cohort.condition_start)
    ordered = _earliest(cohort.order_patient, cohort.order_drug, cohort.order_day)
    named = set(map(tuple, cohort.code_names_drug.tolist()))
    late = Counter[str]()
    late["a patient who is there twice"] = _n_double(cohort)
    moments = zip(asked.patient.tolist(), asked.day.tolist(), strict=True)
    for i, (patient, day) in enumerate(moments):
        shown = [rows_of(asked.recent, i), rows_of(asked.current, i)]
        taken = [rows_of(m, i) for m in (asked.taken, asked.lately, asked.last)]
        answers = rows_of(asked.started, i)
        for code in np.unique(np.concatenate(shown)).tolist():
            own = patient, code
            late["a condition that was not on record yet"] += known.get(own, OPEN) > day
            late["a condition that had not begun yet"] += began.get(own, OPEN) > day
            for drug in answers.tolist():
                late["a condition that names the drug that is asked for"] += (code, drug) in named
        for drug in np.unique(np.concatenate(taken)).tolist():
            late["a drug that was not ordered yet"] += ordered.get((patient, drug), OPEN) >= day
        for drug in answers.tolist():
            early = ordered.get((patient, drug), OPEN) < day
            late["a drug is asked for that was ordered before"] += early
    return [f"{what}: {n} times" for what, n in late.items() if n]


def _n_double(cohort: Cohort) -> int:
    """How many patients have all that another has, and at least :data:`_TELLING` entries of it."""
    entries: list[list[tuple[int, ...]]] = [[] for _ in range(cohort.n_patients)]
    conditions = cohort.condition_patient, cohort.condition_code, cohort.condition_start
    orders = cohort.order_patient, cohort.order_drug, cohort.order_day
    for kind, columns in enumerate((conditions, orders)):
        for who, what, when in np.column_stack(columns).tolist():
            entries[who].append((kind, what, when))
    about = zip(cohort.sex.tolist(), cohort.born.tolist(), entries, strict=True)
    records = [(sex, born, *sorted(own)) for sex, born, own in about if len(own) >= _TELLING]
    return len(records) - len(set(records))


def _earliest(patient: Rows, what: Rows, day: Rows) -> dict[tuple[int, int], int]:
    found: dict[tuple[int, int], int] = {}
    for who, thing, when in zip(patient.tolist(), what.tolist(), day.tolist(), strict=True):
        found[who, thing] = min(found.get((who, thing), OPEN), when)
    return found
