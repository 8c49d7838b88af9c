"""Filtration and creatinine with unit and date; where they contradict each other, it is said."""

from datetime import date
from typing import Any

import pytest

from intake.kidneys import CREATININE, read_kidneys
from recommend.profile import Sex
from tests.intake.samples import Json, observation

TODAY = date(2024, 6, 1)


def creatinine(value: object, unit: str = "mg/dL", code: str = "2160-0", **fields: Any) -> Json:
    return observation(code, valueQuantity={"value": value, "code": unit}, **fields)


def egfr(value: float, **fields: Any) -> Json:
    quantity = {"value": value, "code": "mL/min/{1.73_m2}"}
    return observation("33914-3", valueQuantity=quantity, **fields)


def read(*results: Json, age: float | None = 60, sex: Sex = "male") -> tuple[Any, Any, str]:
    return read_kidneys(results, today=TODAY, age_years=age, sex=sex)


@pytest.mark.parametrize("code", sorted(CREATININE))
@pytest.mark.parametrize(
    ("value", "unit", "level"),
    [
        (1.2, "mg/dL", 1.2),
        (88.42, "umol/L", 1.0),
        (176.84, "µmol/L", 2.0),
        (1.2, "mmol/L", None),
        (1.2, "", None),
        ("1.2", "mg/dL", None),
        (0, "mg/dL", None),
        (900, "mg/dL", None),
        (float("nan"), "mg/dL", None),
    ],
)
def test_a_creatinine_needs_its_unit_and_sense(
    code: str, value: object, unit: str, level: float | None
) -> None:
    found = read(creatinine(value, unit, code))[1]

    assert found == (level if level is None else pytest.approx(level))


@pytest.mark.parametrize(
    ("results", "level"),
    [
        ([("2024-01-01", 3.0), ("2024-03-01", 1.0)], 1.0),
        ([("2024-03-01", 1.0), ("2024-03-01", 1.5)], 1.5),
        ([("2024-01-01", 1.0), ("2024-03-01", "unreadable")], None),
        ([("2023-06-01", 1.0)], 1.0),
        ([("2023-05-31", 1.0)], None),
    ],
)
def test_the_worst_of_the_newest_day_counts_for_a_year(
    results: list[tuple[str, Any]], level: float | None
) -> None:
    assert read(*(creatinine(v, effectiveDateTime=day) for day, v in results))[1] == level


@pytest.mark.parametrize(
    ("rate", "level", "is_doubted"),
    [
        # A man of 60: 1.0 mg/dL gives 86, 3.0 gives 23.
        (86, 1.0, False),
        (100, 1.0, False),
        (111, 1.0, False),
        (113, 1.0, True),
        (66, 1.0, True),
        (67, 1.0, False),
        (86, 3.0, True),
        (37, 3.0, False),
        (39, 3.0, True),
        (23, 3.0, False),
    ],
)
def test_a_rate_that_the_creatinine_of_the_day_contradicts_is_doubted(
    rate: float, level: float, is_doubted: bool
) -> None:
    found = read(egfr(rate), creatinine(level))

    assert found[:2] == (rate, level)
    assert bool(found[2]) is is_doubted
    if is_doubted:
        assert (
            f"{rate:.0f} contradicts the creatinine of {level:.2g} mg/dL of the same day"
            in found[2]
        )


@pytest.mark.parametrize(
    ("rate", "level", "age", "is_doubted"),
    [(60, 2.1, 10, True), (60, 2.0, 10, False), (59, 2.1, 17.9, False), (60, 2.1, None, False)],
)
def test_a_childs_high_creatinine_contradicts_a_normal_rate(
    rate: float, level: float, age: float | None, is_doubted: bool
) -> None:
    found = read(egfr(rate), creatinine(level), age=age)[2]

    assert ("too high for a child" in found) is is_doubted
    assert not read(egfr(rate), creatinine(level, effectiveDateTime="2024-05-02"), age=10)[2]


@pytest.mark.parametrize(
    ("day", "says"),
    [("2024-04-23", ""), ("2024-04-24", "of the week before"), ("2024-05-08", "measured later")],
)
def test_a_creatinine_of_the_week_around_the_rate_casts_doubt_though_a_newer_one_agrees(
    day: str, says: str
) -> None:
    agrees = creatinine(1.0, effectiveDateTime="2024-05-20")

    found = read(egfr(86), creatinine(3.0, effectiveDateTime=day), agrees)[2]

    assert says in found
    assert bool(found) is bool(says)


@pytest.mark.parametrize("status", ["registered", "preliminary"])
@pytest.mark.parametrize(
    ("kind", "day", "is_doubted"),
    [
        ("eGFR", "2024-05-02", True),
        ("eGFR", "2024-05-01", False),
        ("creatinine", "2024-05-02", True),
        ("creatinine", "2024-04-30", False),
    ],
)
def test_a_newer_result_that_is_not_final_casts_doubt(
    status: str, kind: str, day: str, is_doubted: bool
) -> None:
    made = egfr(20) if kind == "eGFR" else creatinine(4.0)
    newer = {**made, "status": status, "effectiveDateTime": day}

    found = read(egfr(86), newer)

    assert found[0] == 86
    assert found[2] == (f"a newer {kind}, of {day}, is not final yet" if is_doubted else "")
    assert read({**newer, "status": "cancelled"}, egfr(86))[2] == ""
    assert read(newer) == (None, None, "")


@pytest.mark.parametrize(
    ("day", "is_doubted"), [("2024-05-02", True), ("2024-05-01", True), ("2024-04-30", False)]
)
@pytest.mark.parametrize("comparator", ["<", ">"])
def test_a_rate_given_as_a_limit_casts_doubt_unless_it_is_older(
    day: str, is_doubted: bool, comparator: str
) -> None:
    limit = egfr(30, effectiveDateTime=day)
    limit["valueQuantity"]["comparator"] = comparator

    rate, _, doubt = read(egfr(86), limit)

    assert rate == (None if is_doubted else 86)
    assert doubt == (
        f"the newest eGFR, of {day}, is given only as a limit (less or more than)"
        if is_doubted
        else ""
    )


def test_a_later_creatinine_casts_doubt_and_a_much_earlier_one_does_not() -> None:
    rate, level = egfr(90, effectiveDateTime="2024-03-01"), creatinine(4.0)

    assert "measured later" in read(rate, {**level, "effectiveDateTime": "2024-04-01"})[2]
    assert read(rate, {**level, "effectiveDateTime": "2024-02-01"})[2] == ""


@pytest.mark.parametrize(
    ("age", "sex", "is_doubted"),
    [
        (60, "male", True),
        (None, "male", False),
        (10, "male", True),
        (60, "unknown", True),
        (60, "other", True),
    ],
)
def test_without_an_age_there_is_nothing_to_compare(
    age: float | None, sex: Sex, is_doubted: bool
) -> None:
    assert bool(read(egfr(90), creatinine(4.0), age=age, sex=sex)[2]) is is_doubted


def test_without_a_sex_both_equations_must_disagree() -> None:
    results = egfr(66), creatinine(1.0)  # 65 of a woman, 86 of a man

    assert read(*results, sex="male")[2]
    assert not read(*results, sex="unknown")[2]
