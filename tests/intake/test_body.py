"""Weight, liver class and observed symptoms: with unit and date, in so many words."""

from datetime import date
from typing import Any

import pytest

from intake import Resolver, to_profile
from intake.body import find_child_pugh, find_weight
from tests.graphs import make_graph
from tests.intake.samples import SNOMED, Json, concept, condition, observation

TODAY = date(2024, 6, 1)
NAUSEA = "MESH:D009325"
SYMPTOMS = Resolver(make_graph({"Symptom": {NAUSEA: "Nausea"}, "Disease": {"DOID:1": "gout"}}, {}))

PRESENT, ABSENT = concept("52101004", "Present", SNOMED), concept("2667000", "Absent", SNOMED)


def weight(value: object, unit: str = "kg", **fields: Any) -> Json:
    return observation("29463-7", valueQuantity={"value": value, "code": unit}, **fields)


@pytest.mark.parametrize(
    ("found", "age", "kg"),
    [
        (weight(80), 40, 80.0),
        (weight(3500, "g"), 0.1, 3.5),
        (weight(100, "[lb_av]"), 40, 45.359237),
        (weight(80, "stone"), 40, None),
        (weight(80, ""), 40, None),
        (weight(1000), 40, None),
        (weight(80, effectiveDateTime="2023-06-01"), 40, 80.0),
        (weight(80, effectiveDateTime="2023-05-31"), 40, None),
        (weight(20, effectiveDateTime="2024-03-02"), 6, 20.0),
        (weight(20, effectiveDateTime="2024-03-01"), 6, None),
        (weight(80, effectiveDateTime="2024-03-01"), None, None),
    ],
)
def test_a_weight_needs_its_unit_and_holds_a_year_and_for_a_child_a_quarter(
    found: Json, age: float | None, kg: float | None
) -> None:
    assert find_weight([found], today=TODAY, age_years=age) == (kg and pytest.approx(kg))


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({"valueCodeableConcept": {"text": "Class B"}}, "B"),
        ({"valueCodeableConcept": {"text": "Child-Pugh class C"}}, "C"),
        ({"valueString": "a"}, "A"),
        ({"valueInteger": 6}, "A"),
        ({"valueInteger": 7}, "B"),
        ({"valueQuantity": {"value": 10}}, "C"),
        ({"valueInteger": 4}, None),
        ({"valueInteger": True}, None),
        ({"valueString": "B or C"}, None),
        ({"valueString": "B", "effectiveDateTime": "2023-01-01"}, None),
        ({"valueString": "B", "code": {"text": "Blood group"}}, None),
        ({}, None),
    ],
)
def test_a_child_pugh_class_is_read_from_what_calls_itself_one(
    fields: Json, answer: str | None
) -> None:
    found = observation("x", **{"code": {"text": "Child-Pugh score"}, **fields})

    assert find_child_pugh([found], today=TODAY) == answer


def test_the_worse_class_of_the_newest_day_counts() -> None:
    def liver(value: str, day: str) -> Json:
        code = {"text": "Child-Turcotte-Pugh class"}
        return observation("x", code=code, valueString=value, effectiveDateTime=day)

    new = [liver("A", "2024-05-01"), liver("B", "2024-05-01")]

    assert find_child_pugh([liver("C", "2024-01-01"), *new], today=TODAY) == "B"
    assert find_child_pugh([*new, liver("?", "2024-05-01")], today=TODAY) is None


@pytest.mark.parametrize(
    ("fields", "is_found"),
    [
        ({"code": concept("422587007", "Nausea (finding)"), "valueBoolean": True}, True),
        ({"code": concept("422587007", "Nausea (finding)"), "valueBoolean": False}, False),
        ({"code": concept("1", "Nausea"), "valueCodeableConcept": PRESENT}, True),
        ({"code": concept("1", "Nausea"), "valueCodeableConcept": ABSENT}, False),
        ({"valueCodeableConcept": {"text": "nausea"}}, True),
        ({"valueCodeableConcept": {"text": "nausee"}}, False),
        ({"valueCodeableConcept": {"text": "nausea"}, "effectiveDateTime": "2024-01-01"}, False),
        ({"valueCodeableConcept": {"text": "nausea"}, "status": "entered-in-error"}, False),
    ],
)
def test_an_observed_symptom_is_there_and_named_exactly(fields: Json, is_found: bool) -> None:
    found = to_profile([observation("75325-1", **fields)], SYMPTOMS, today=TODAY)

    assert [fact.node for fact in found.symptoms] == [NAUSEA] * is_found


def test_a_symptom_among_the_problems_is_one_and_stays_unassessed_as_a_disease() -> None:
    nausea = condition(code=concept("1", "Nausea (finding)"), onsetDateTime="2010")

    found = to_profile([nausea], SYMPTOMS, today=TODAY)

    assert [(fact.node, fact.is_stale) for fact in found.symptoms] == [(NAUSEA, True)]
    assert [item.reason for item in found.unmapped] == ["it is a symptom, not a disease"]
