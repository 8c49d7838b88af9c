"""What may be seen of a patient at the start of an encounter, and what may not."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from recommend.cohorts.cohort import (
    AGES,
    N_GROUPS,
    OPEN,
    Cohort,
    Examples,
    examples,
    group_of,
    rows_of,
    to_matrix,
)
from recommend.errors import ModelError
from recommend.evaluate.patients.leakage import check_leakage
from tests.recommend.cohorts import a_cohort, planted_cohort


def seen(cohort: Cohort, name: str) -> list[int]:
    """What the last example shows."""
    asked = examples(cohort)
    return [int(row) for row in rows_of(getattr(asked, name), len(asked) - 1)]


def test_a_condition_of_the_day_is_seen_and_one_of_the_next_day_is_not() -> None:
    cohort = a_cohort([(0, 0, 100, OPEN), (0, 1, 101, OPEN)], [(0, 3, 100, 0)], [100])

    assert seen(cohort, "recent") == [0]
    assert seen(cohort, "current") == [0]


def test_a_condition_that_began_early_and_was_recorded_late_is_not_seen_before() -> None:
    cohort = a_cohort([(0, 0, 50, OPEN)], [(0, 3, 100, 0)], [100], known=[101])

    assert seen(cohort, "current") == []


def test_a_condition_is_recent_for_fourteen_days_and_current_until_it_ends() -> None:
    conditions = [(0, 0, 86, OPEN), (0, 1, 85, OPEN), (0, 2, 85, 99), (0, 3, 85, 100)]
    cohort = a_cohort(conditions, [(0, 3, 100, 0)], [100])

    assert seen(cohort, "recent") == [0]
    assert seen(cohort, "current") == [0, 1, 3]


def test_an_order_of_the_same_day_is_not_part_of_the_history() -> None:
    orders = [(0, 1, 50, 0), (0, 2, 99, 1), (0, 3, 100, 2), (0, 4, 100, 3)]
    cohort = a_cohort([], orders, [50, 99, 100, 100])

    asked = examples(cohort)

    assert [rows_of(asked.started, i).tolist() for i in range(4)] == [[1], [2], [3], [4]]
    assert [rows_of(asked.taken, i).tolist() for i in range(4)] == [[], [1], [1, 2], [1, 2]]
    assert seen(cohort, "last") == [2]


def test_the_moment_is_the_start_of_the_encounter_even_where_the_order_comes_later() -> None:
    orders = [(0, 1, 105, 1), (0, 2, 120, 0)]
    cohort = a_cohort([(0, 0, 110, OPEN)], orders, [100, 105])

    asked = examples(cohort)

    assert asked.day.tolist() == [100, 105]
    assert rows_of(asked.started, 0).tolist() == [2]
    assert rows_of(asked.taken, 0).tolist() == []
    assert asked.current.nnz == 0


def test_a_drug_is_started_once_where_it_was_ordered_first() -> None:
    orders = [(0, 1, 50, 0), (0, 1, 60, 1), (0, 2, 60, 1), (1, 1, 70, 2)]
    asked = examples(a_cohort([], orders, [50, 60, 70]))

    started = [rows_of(asked.started, i).tolist() for i in range(len(asked))]

    assert started == [[1], [2], [1]]
    assert asked.patient.tolist() == [0, 0, 1]


def test_only_the_last_year_may_still_be_taken() -> None:
    orders = [(0, 1, 0, 0), (0, 2, 100, 1), (0, 3, 465, 2)]

    assert seen(a_cohort([], orders, [0, 100, 465]), "lately") == [2]


def test_a_condition_that_names_a_drug_is_hidden() -> None:
    cohort = a_cohort(
        [(0, 0, 90, OPEN), (0, 1, 90, OPEN)], [(0, 3, 100, 0)], [100], names_drug=[(1, 3)]
    )

    assert seen(cohort, "current") == [0]


def test_no_example_of_an_honest_cohort_leaks() -> None:
    cohort = planted_cohort()

    assert check_leakage(cohort, examples(cohort)) == []


def planted(asked: Examples, name: str, column: int) -> Examples:
    matrix = sp.lil_matrix(getattr(asked, name))
    matrix[0, column] = 1
    changes: dict[str, Any] = {name: sp.csr_matrix(matrix)}
    return replace(asked, **changes)


@pytest.mark.parametrize(
    ("name", "column", "what"),
    [
        ("recent", 1, "a condition that was not on record yet"),
        ("current", 1, "a condition that had not begun yet"),
        ("current", 2, "a condition that names the drug that is asked for"),
        ("taken", 4, "a drug that was not ordered yet"),
        ("lately", 3, "a drug that was not ordered yet"),
        ("started", 1, "a drug is asked for that was ordered before"),
    ],
)
def test_a_planted_leak_is_found(name: str, column: int, what: str) -> None:
    cohort = a_cohort(
        [(0, 0, 90, OPEN), (0, 1, 101, OPEN), (0, 2, 90, OPEN)],
        [(0, 1, 50, 0), (0, 3, 100, 1), (0, 4, 101, 2)],
        [50, 100, 101],
        names_drug=[(2, 3)],
    )
    asked = examples(cohort).of(np.array([1]))
    assert check_leakage(cohort, asked) == []

    found = check_leakage(cohort, planted(asked, name, column))

    assert f"{what}: 1 times" in found


def test_a_patient_who_is_there_twice_is_found() -> None:
    conditions = [(p, c, 10 + c, OPEN) for p in range(2) for c in range(2)]
    orders = [(p, 1, 20, p) for p in range(2)]
    twice = a_cohort(conditions, orders, [20, 20])
    other = replace(twice, born=np.array([-20_000, -19_999]))

    assert check_leakage(other, examples(other)) == []
    assert check_leakage(twice, examples(twice)) == ["a patient who is there twice: 1 times"]


def test_patients_taken_out_are_numbered_anew_and_keep_their_examples() -> None:
    cohort = planted_cohort(30)
    chosen = np.array([7, 3])

    part, whole = examples(cohort.of(chosen)), examples(cohort)

    for new, old in enumerate(chosen.tolist()):
        mine, theirs = np.flatnonzero(part.patient == new), np.flatnonzero(whole.patient == old)
        for name in ("recent", "current", "taken", "started"):
            assert (getattr(part, name)[mine] != getattr(whole, name)[theirs]).nnz == 0
        assert part.group[mine].tolist() == whole.group[theirs].tolist()


def test_what_is_before_a_day_ends_only_where_the_end_is_before_it() -> None:
    cohort = a_cohort(
        [(0, 0, 10, 40), (0, 1, 10, 60), (0, 2, 50, OPEN)], [(0, 1, 20, 0), (0, 2, 50, 1)], [20, 50]
    )

    part = cohort.before(50)

    assert part.condition_code.tolist() == [0, 1]
    assert part.condition_end.tolist() == [40, OPEN]
    assert part.order_drug.tolist() == [1]


def test_every_sex_and_age_has_a_group_of_its_own_and_no_age_is_one() -> None:
    ages = [0.0, *(float(age) for age in AGES), 120.0, np.nan]
    sexes = np.repeat(np.arange(4), len(ages))

    groups = group_of(sexes, np.tile(ages, 4))

    assert len(np.unique(groups)) == 4 * (len(AGES) + 2) == N_GROUPS
    assert groups.max() < N_GROUPS


def test_a_drug_outside_the_graph_is_refused() -> None:
    with pytest.raises(ModelError, match="outside"):
        a_cohort([], [(0, 99, 10, 0)], [10])


def test_rows_come_back_from_a_matrix() -> None:
    rows = [np.array([], np.int64), np.array([0, 4]), np.array([2])]

    matrix = to_matrix(rows, 5)

    assert [rows_of(matrix, i).tolist() for i in range(3)] == [[], [0, 4], [2]]


def test_a_cohort_prints_no_clinical_value() -> None:
    assert repr(planted_cohort(3)) == "Cohort('a test', 3 patients)"
