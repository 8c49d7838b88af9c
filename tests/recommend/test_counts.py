"""What is told of similar patients: right where it is told, and never a count under 11."""

from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from recommend.cohorts.cohort import OPEN, Cohort
from recommend.cohorts.counts import ALL, LEAST, Counts, group_of_counts
from recommend.suggestion import SimilarPatients
from tests.recommend.cohorts import CODE_ROWS, a_cohort


def ward(n_with: int, n_given: int, *, code: int = 0, drug: int = 1) -> Cohort:
    """Patients with one condition, of whom some get one drug, all of one sex and age."""
    conditions = [(patient, code, 10, OPEN) for patient in range(n_with)]
    orders = [(patient, drug, 20, patient) for patient in range(n_given)]
    return a_cohort(conditions, orders, [20] * n_given, n_patients=n_with)


def exact(cohort: Cohort) -> dict[tuple[int, int, int], int]:
    """The counts, one patient after another."""
    patients: dict[tuple[int, int, int], set[int]] = {}
    rows = dict(CODE_ROWS)
    for i, code in enumerate(cohort.condition_code.tolist()):
        if code not in rows:
            continue
        patient = int(cohort.condition_patient[i])
        born, start = int(cohort.born[patient]), int(cohort.condition_start[i])
        group = group_of_counts(int(cohort.sex[patient]), start - born)
        drugs = {ALL}
        for j in range(len(cohort.order_drug)):
            during = cohort.condition_known[i] <= cohort.order_day[j] <= cohort.condition_end[i]
            if cohort.order_patient[j] == patient and during:
                drugs.add(int(cohort.order_drug[j]))
        for drug in drugs:
            for part in (group, ALL):
                patients.setdefault((rows[code], drug, part), set()).add(patient)
    return {cell: len(who) for cell, who in patients.items()}


def test_what_eleven_received_is_told_and_what_ten_received_is_not() -> None:
    told = Counts.of(ward(30, 11)).similar(0, 1)

    assert told == SimilarPatients(received=11, of=22, cohort="a test")
    assert Counts.of(ward(30, 10)).similar(0, 1) is None
    assert Counts.of(ward(10, 10)).similar(0, 1) is None


def test_an_order_after_the_end_of_the_condition_does_not_count() -> None:
    cohort = a_cohort(
        [(p, 0, 10, 15) for p in range(20)],
        [(p, 1, 20, p) for p in range(20)],
        [20] * 20,
        n_patients=20,
    )

    assert Counts.of(cohort).similar(0, 1) is None


def test_a_condition_without_a_node_is_counted_nowhere() -> None:
    assert len(Counts.of(ward(50, 50, code=3)).cells) == 0


def test_nothing_is_lost_on_the_way_through_the_arrays() -> None:
    counts = Counts.of(ward(40, 25))

    again = Counts.load(counts.save())

    assert again.similar(0, 1) == counts.similar(0, 1) == SimilarPatients(22, 33, "a test")
    assert np.array_equal(again.cells, counts.cells)


@st.composite
def cohorts(draw: st.DrawFn) -> Cohort:
    n = draw(st.integers(1, 90))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    conditions = [
        (p, int(code), 10, OPEN if rng.random() < 0.8 else 15)
        for p in range(n)
        for code in np.flatnonzero(rng.random(4) < 0.6)
    ]
    drugs = [
        (p, int(d), int(rng.integers(5, 30)), 0) for p in range(n) for d in rng.integers(0, 3, 2)
    ]
    return a_cohort(
        conditions,
        drugs,
        [0],
        n_patients=n,
        sex=rng.integers(0, 4, n).tolist(),
        born=(-rng.integers(0, 30_000, n)).tolist(),
    )


@given(cohorts())
@settings(max_examples=25)
def test_every_count_is_the_true_one_rounded_down_to_a_multiple_of_eleven(cohort: Cohort) -> None:
    told = {tuple(cell): n for *cell, n in Counts.of(cohort).cells.tolist()}

    assert told == {cell: n // LEAST * LEAST for cell, n in exact(cohort).items() if n >= LEAST}


@given(cohorts())
@settings(max_examples=25)
def test_no_difference_of_counts_tells_a_count_under_eleven(cohort: Cohort) -> None:
    """Of any two nested counts, what is told fits a difference of 0 to 10 only as a whole range."""
    counts = Counts.of(cohort)
    told = {tuple(cell): n for *cell, n in counts.cells.tolist()}
    whole_and_parts = [
        (told.get((disease, drug, ALL), 0), [n for (d, x, g), n in told.items()
                                             if (d, x) == (disease, drug) and g != ALL])
        for disease in range(cohort.n_diseases) for drug in range(-1, cohort.n_drugs)
    ]  # fmt: skip
    whole_and_parts += [
        (told[disease, ALL, group], [n])
        for (disease, drug, group), n in told.items()
        if drug != ALL
    ]

    for whole, parts in whole_and_parts:
        for size in range(1, len(parts) + 1):
            for some in combinations(parts, size):
                # The true whole lies in [whole, whole + 10], each part likewise; the rest is what
                # is left, and nobody can tell which of the values between these it is.
                least = max(0, whole - sum(some) - (LEAST - 1) * size)
                most = whole + LEAST - 1 - sum(some)
                assert least >= LEAST or most - least >= LEAST - 1
