"""Who is learnt from and who is asked about: folds of patients, or a cut in time."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from recommend.cohorts.cohort import Cohort, Examples, Rows
from recommend.errors import ModelError

LATEST = 0.2  # the share of encounters that a cut in time asks about


@dataclass(frozen=True, eq=False)
class Split:
    """What may be learnt from, and which examples of the whole cohort are asked."""

    known: Cohort
    asked: Rows  # positions among all examples


def patient_folds(cohort: Cohort, asked: Examples, *, folds: int, seed: int) -> Iterator[Split]:
    """Every patient is asked about once, by what was learnt from the patients of other folds.

    Raises:
        ModelError: fewer patients than folds, or fewer than two folds.
    """
    if folds < 2 or cohort.n_patients < folds:
        raise ModelError(f"{cohort.n_patients} patients cannot be dealt into {folds} folds")
    fold = np.random.default_rng(seed).permutation(cohort.n_patients) % folds
    for number in range(folds):
        known = cohort.of(np.flatnonzero(fold != number))
        yield Split(known, np.flatnonzero(fold[asked.patient] == number))


def latest(cohort: Cohort, asked: Examples) -> Split:
    """The latest encounters of all patients, by what was on record before the first of them.

    Raises:
        ModelError: no encounter lies before or after the cut.
    """
    if not len(asked):
        raise ModelError("no patient of the cohort newly starts a drug")
    day = int(np.quantile(asked.day, 1 - LATEST, method="higher"))
    known = cohort.before(day)
    if not len(known.order_drug):
        raise ModelError("all encounters are of one day: there is no earlier one to learn from")
    return Split(known, np.flatnonzero(asked.day >= day))
