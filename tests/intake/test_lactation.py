"""Breastfeeding is known, known not to be, or unknown."""

from datetime import date
from typing import Any

import pytest

from intake.lactation import find_lactation
from recommend.profile import Sex
from tests.intake.samples import LOINC, SNOMED, Json, concept, condition, observation

TODAY = date(2024, 6, 1)
YES, NO = concept("LA29252-6", "", LOINC), concept("LA29253-4", "", LOINC)


def lactation(
    *resources: Json, sex: Sex = "female", age: float | None = 30, today: date = TODAY
) -> str:
    observations = [r for r in resources if r["resourceType"] == "Observation"]
    conditions = [r for r in resources if r["resourceType"] == "Condition"]
    return find_lactation(observations, conditions, today=today, sex=sex, age_years=age)


def status(value: Json | bool, day: str = "2024-05-20", **fields: Any) -> Json:
    kind = "valueBoolean" if isinstance(value, bool) else "valueCodeableConcept"
    return {**observation("63895-7", effectiveDateTime=day), kind: value, **fields}


def problem(text: str = "Breastfeeding", **fields: Any) -> Json:
    return condition(**{"code": {"text": text}, "onsetDateTime": "2024-01-01", **fields})


@pytest.mark.parametrize(
    ("resource", "answer"),
    [
        (status(YES), "breastfeeding"),
        (status(NO), "not breastfeeding"),
        (status(True), "breastfeeding"),
        (status(False), "not breastfeeding"),
        (status(concept("373066001", "", SNOMED)), "breastfeeding"),
        (status(concept("1", "whatever")), "unknown"),
        (status(YES, "2022-06-01"), "breastfeeding"),
        (status(YES, "2022-05-31"), "unknown"),
        (status(NO, "2024-05-04"), "not breastfeeding"),
        (status(NO, "2024-05-03"), "unknown"),
        (status(YES, code=concept("413712001", "Breastfeeding (mother)")), "breastfeeding"),
        (problem(), "breastfeeding"),
        (problem("Lactating mother"), "breastfeeding"),
        (problem(code=concept("413712001", "")), "breastfeeding"),
        (problem("Lactose intolerance"), "unknown"),
        (problem(onsetDateTime="2022-05-31"), "unknown"),
        (problem(onsetDateTime=None), "unknown"),
        (problem(clinicalStatus=concept("resolved", "")), "unknown"),
        (problem(verificationStatus=concept("refuted", "")), "unknown"),
    ],
)
def test_breastfeeding_is_said_by_a_status_or_a_problem_while_it_can_hold(
    resource: Json, answer: str
) -> None:
    assert lactation(resource) == answer


def test_the_newest_answer_counts_and_two_of_a_day_are_none() -> None:
    assert lactation(problem(), status(False)) == "not breastfeeding"
    assert lactation(problem(onsetDateTime="2024-05-25"), status(False)) == "breastfeeding"
    assert lactation(status(True), status(False)) == "unknown"


@pytest.mark.parametrize(
    ("sex", "age", "answer"),
    [
        ("male", 30, "not breastfeeding"),
        ("female", 9, "not breastfeeding"),
        ("female", 60, "not breastfeeding"),
        ("female", 59, "unknown"),
        ("female", None, "unknown"),
        ("unknown", 30, "unknown"),
    ],
)
def test_who_cannot_be_pregnant_does_not_breastfeed(
    sex: Sex, age: float | None, answer: str
) -> None:
    assert lactation(sex=sex, age=age) == answer
