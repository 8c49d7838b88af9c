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


def test_a_later_creatinine_casts_doubt_and_an_earlier_one_does_not() -> None:
    rate, level = egfr(90, effectiveDateTime="2024-03-01"), creatinine(4.0)

    assert "measured later" in read(rate, {**level, "effectiveDateTime": "2024-04-01"})[2]
    assert read(rate, {**level, "effectiveDateTime": "2024-02-01"})[2] == ""


@pytest.mark.parametrize(
    ("age", "sex", "is_doubted"),
    [
        (60, "male", True),
        (None, "male", False),
        (10, "male", False),
        (60, "unknown", True),
        (60, "other", True),
    ],
)
def test_without_age_or_for_children_there_is_nothing_to_compare(
    age: float | None, sex: Sex, is_doubted: bool
) -> None:
    assert bool(read(egfr(90), creatinine(4.0), age=age, sex=sex)[2]) is is_doubted


def test_without_a_sex_both_equations_must_disagree() -> None:
    results = egfr(66), creatinine(1.0)  # 65 of a woman, 86 of a man

    assert read(*results, sex="male")[2]
    assert not read(*results, sex="unknown")[2]
