"""Dose in a few words, and the route that an order states or its drug's name has."""

import pytest

from intake import Resolver, to_profile
from intake.dosages import dose_of, route_of
from kg.graph import Graph
from recommend.profile import Fact, Route
from tests.graphs import make_graph
from tests.intake.samples import SNOMED, Json, concept, drug_text, request, statement
from tests.intake.test_profile import RESOLVER, TODAY

DAILY = {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}
TWICE = {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}}


@pytest.mark.parametrize(
    ("dosage", "dose"),
    [
        ({"text": "one at night", "timing": TWICE}, "one at night"),
        ({"timing": DAILY, "doseAndRate": [{"doseQuantity": {"value": 10, "unit": "mg"}}]},
         "10 mg, once a day"),
        ({"timing": TWICE, "doseAndRate": [{"doseQuantity": {"value": 0.5, "code": "g"}}]},
         "0.5 g, 2 times a day"),
        ({"timing": {"repeat": {"frequency": 1, "period": 8, "periodUnit": "h"}}},
         "once every 8 hours"),
        ({"timing": {"code": {"text": "BID"}}, "asNeededBoolean": True}, "BID, as needed"),
        ({"timing": {"repeat": {"frequency": True, "period": "x"}}}, ""),
        ({"timing": [], "doseAndRate": [{"doseQuantity": {"value": float("nan")}}]}, ""),
        ({"text": "x" * 200}, "x" * 119 + "…"),
        ({}, ""),
    ],
)  # fmt: skip
def test_a_dose_is_the_text_or_quantity_and_timing(dosage: Json, dose: str) -> None:
    assert dose_of(request(dosageInstruction=[dosage])) == dose
    assert dose_of(statement(dosage=[dosage])) == dose


@pytest.mark.parametrize(
    ("routes", "name", "route"),
    [
        ([], "Timolol 2.5 MG/ML Ophthalmic Solution", "eye"),
        ([concept("26643006", "Oral route")], "Timolol Ophthalmic Solution", "oral"),
        ([concept("54485002", "")], "Timolol", "eye"),
        ([concept("45890007", "Transdermal route")], "Lidocaine Topical Cream", ""),
        ([concept("54485002", ""), concept("26643006", "")], "Timolol", "oral"),
        ([{"text": "by mouth"}], "Timolol", "oral"),
        ([{"coding": [], "text": ""}], "Timolol eye drops", "eye"),
    ],
)
def test_a_stated_route_goes_before_the_form(routes: list[Json], name: str, route: Route) -> None:
    order = request(dosageInstruction=[{"route": each} for each in routes])

    assert route_of(order, [name]) == route


def drugs(graph: Graph | Resolver, *orders: Json) -> tuple[Fact, ...]:
    return to_profile(orders, graph, today=TODAY).drugs


def test_the_facts_of_a_record_have_dose_and_route() -> None:
    (fact,) = drugs(
        RESOLVER,
        request(
            dosageInstruction=[
                {"text": "one a day", "route": {"coding": [{"system": SNOMED, "code": "26643006"}]}}
            ]
        ),
    )

    assert (fact.dose, fact.route) == ("one a day", "oral")


def test_a_drug_taken_in_two_ways_counts_as_taken_in_the_systemic_one() -> None:
    eye, mouth = (
        request(id=name, medicationCodeableConcept=drug_text(f"Warfarin {name}"), authoredOn=day)
        for name, day in (("Ophthalmic Solution", "2024-05-01"), ("Oral Tablet", "2024-01-01"))
    )
    old = {**mouth, "authoredOn": "2010-01-01"}

    assert [fact.route for fact in drugs(RESOLVER, eye, mouth)] == ["oral"]
    assert [fact.route for fact in drugs(RESOLVER, mouth, eye)] == ["oral"]
    # The old order may still be taken: a check for the whole body must not be left out.
    assert [(f.route, f.is_stale) for f in drugs(RESOLVER, eye, old)] == [("oral", False)]


def test_a_newer_order_makes_a_drug_current_again() -> None:
    old, new = request(authoredOn="2013-01-01"), request(id="2", authoredOn="2024-05-01")

    assert [fact.is_stale for fact in drugs(RESOLVER, old)] == [True]
    assert [fact.is_stale for fact in drugs(RESOLVER, old, new)] == [False]
    assert [str(fact.start) for fact in drugs(RESOLVER, old, new)] == ["2024-05-01"]


def test_a_drug_given_locally_to_act_elsewhere_is_not_local() -> None:
    graph = make_graph({"Drug": {"DRUGBANK:DB00624": "Testosterone"}}, {})
    order = request(medicationCodeableConcept=drug_text("Testosterone Topical Gel"))

    (fact,) = drugs(graph, order)

    assert (fact.is_local, fact.dose) == (False, "skin, to act in the whole body")
