"""Codes, texts and references to the nodes of ingredients."""

from datetime import date

import pytest

from intake.codes import Resolver
from intake.lists import PatientList, read_drugs
from recommend.profile import Fact
from tests.intake.samples import (
    ACETAMINOPHEN,
    METFORMIN,
    OXYCODONE,
    RXNORM,
    WARFARIN,
    Json,
    drug_text,
    medication,
    request,
    small_graph,
)

TODAY = date(2024, 6, 1)


def nodes(facts: list[Fact]) -> list[str]:
    return sorted(fact.node for fact in facts)


def current(resolver: Resolver, *entries: Json) -> PatientList:
    medications = [entry for entry in entries if entry["resourceType"] == "Medication"]
    others = [entry for entry in entries if entry["resourceType"] != "Medication"]
    return read_drugs(others, medications, resolver, today=TODAY)[0]


def test_each_ingredient_of_a_product_is_a_fact(resolver: Resolver) -> None:
    text = "Acetaminophen 325 MG / Oxycodone Hydrochloride 5 MG Oral Tablet"
    entry = request(medicationCodeableConcept=drug_text(text), authoredOn="2020-02-02T00:00:00Z")

    found = current(resolver, entry)

    assert nodes(found.facts) == sorted([OXYCODONE, ACETAMINOPHEN])
    assert {fact.start for fact in found.facts} == {date(2020, 2, 2)}
    assert found.unmapped == []


def test_a_product_of_which_a_part_is_unknown_says_so(resolver: Resolver) -> None:
    text = "Acetaminophen 325 MG / Wondermycin 5 MG Oral Tablet"

    found = current(resolver, request(medicationCodeableConcept=drug_text(text)))

    assert nodes(found.facts) == [ACETAMINOPHEN]
    assert [(u.kind, u.text) for u in found.unmapped] == [("drug", text)]
    assert "Wondermycin" in found.unmapped[0].reason


def test_a_misspelt_drug_is_kept_as_near(resolver: Resolver) -> None:
    text = "Simvistatin 10 MG Oral Tablet"

    found = current(resolver, request(medicationCodeableConcept=drug_text(text)))

    assert [(fact.node, fact.grade) for fact in found.facts] == [("DRUGBANK:DB00641", "near")]


def test_the_best_code_of_a_concept_counts(resolver: Resolver) -> None:
    several = {
        "coding": [
            {"system": "urn:local", "code": "x", "display": "Wondermycin"},
            {"system": RXNORM, "code": "860975"},
        ],
        "text": "Warfarin",
    }

    found = current(resolver, request(medicationCodeableConcept=several))

    assert [(fact.node, fact.grade) for fact in found.facts] == [(METFORMIN, "xref")]


def test_a_complete_code_beats_a_partial_one_of_better_grade(resolver: Resolver) -> None:
    several = {
        "coding": [
            {"system": "urn:local", "code": "x", "display": "Warfarin / Wondermycin"},
            {"system": RXNORM, "code": "860975"},
        ]
    }

    found = current(resolver, request(medicationCodeableConcept=several))

    assert nodes(found.facts) == [METFORMIN]
    assert found.unmapped == []


def referring(target: str, **fields: object) -> Json:
    link = {"reference": target, "display": "the blue one"}
    return request(medicationCodeableConcept=None, medicationReference=link, **fields)


@pytest.mark.parametrize(
    "entries",
    [
        [referring("Medication/med1"), medication()],
        [referring("https://a.example/fhir/Medication/med1/_history/1"), medication()],
        [referring("urn:uuid:med1"), medication()],
        [referring("#x", contained=[medication(id="x")])],
        [
            referring("Medication/med1"),
            medication(
                code=None, ingredient=[{"itemCodeableConcept": drug_text("Warfarin sodium")}]
            ),
        ],
        [
            referring("Medication/med1"),
            medication(
                code={"text": "local mixture 7"},
                ingredient=[{"itemReference": {"reference": "#s"}}],
                contained=[{"resourceType": "Substance", "id": "s", "code": drug_text("Warfarin")}],
            ),
        ],
        [
            referring("Medication/med1"),
            medication(code=None, ingredient=[{"itemReference": {"reference": "Medication/med2"}}]),
            medication(id="med2"),
        ],
    ],
)
def test_a_referred_medication_is_found_wherever_it_is(
    resolver: Resolver, entries: list[Json]
) -> None:
    found = current(resolver, *entries)

    assert nodes(found.facts) == [WARFARIN]
    assert found.unmapped == []


def test_a_mixture_with_an_unknown_ingredient_is_not_complete(resolver: Resolver) -> None:
    parts = [{"itemCodeableConcept": drug_text(name)} for name in ("Warfarin", "Wondermycin")]

    found = current(resolver, referring("Medication/med1"), medication(code=None, ingredient=parts))

    assert nodes(found.facts) == [WARFARIN]
    assert "Wondermycin" in found.unmapped[0].reason


@pytest.mark.parametrize(
    "others",
    [
        [],
        [medication(code=None, ingredient=[{"itemReference": {"reference": "Medication/med1"}}])],
        [medication(modifierExtension=[{"url": "x"}])],
        [medication(status="entered-in-error")],
    ],
    ids=["missing", "circle", "modified", "in error"],
)
def test_a_medication_that_cannot_be_followed_is_listed(
    resolver: Resolver, others: list[Json]
) -> None:
    found = current(resolver, referring("Medication/med1"), *others)

    assert found.facts == []
    assert [u.kind for u in found.unmapped] == ["drug"]


def test_shared_ingredients_are_read_once_however_often_they_are_named(resolver: Resolver) -> None:
    twice = 40 * [{"itemReference": {"reference": "Medication/m1"}}]
    layers = [
        medication(
            id=f"m{n}",
            code=None,
            ingredient=[{"itemReference": {"reference": f"Medication/m{n + 1}"}}] * 40,
        )
        for n in range(1, 6)
    ]

    found = current(
        resolver,
        referring("Medication/m0"),
        medication(id="m0", code=None, ingredient=twice),
        *layers,
        medication(id="m6"),
    )

    assert nodes(found.facts) == [WARFARIN]
    assert found.unmapped == []


def test_a_row_of_medications_is_followed_for_some_steps_only(resolver: Resolver) -> None:
    row = [
        medication(
            id=f"m{n}",
            code=None,
            ingredient=[{"itemReference": {"reference": f"Medication/m{n + 1}"}}],
        )
        for n in range(5000)
    ]

    found = current(resolver, referring("Medication/m0"), *row)

    assert found.facts == []
    assert [u.kind for u in found.unmapped] == ["drug"]


def test_who_accepts_no_near_match_finds_the_misspelt_drug_unmapped() -> None:
    text = "Simvistatin 10 MG Oral Tablet"
    strict = Resolver(small_graph(), worst="broader")

    found = current(strict, request(medicationCodeableConcept=drug_text(text)))

    assert found.facts == []
    assert [u.text for u in found.unmapped] == [text]


def test_a_misspelt_medication_still_says_its_ingredients(resolver: Resolver) -> None:
    """A name that only looks like a drug does not hide what the Medication lists."""
    concept = drug_text("Metformine")
    listed = medication(code=concept, ingredient=[{"itemCodeableConcept": drug_text("Warfarin")}])
    entry = request(
        medicationCodeableConcept=None, medicationReference={"reference": "Medication/med1"}
    )

    found = current(resolver, listed, entry)

    assert nodes(found.facts) == [WARFARIN]


def test_of_several_codes_the_sure_one_counts_before_the_near_one(resolver: Resolver) -> None:
    concept = {"coding": [{"display": "Metformine"}, {"display": "Warfarin"}]}

    found = current(resolver, request(medicationCodeableConcept=concept))

    assert [(fact.node, fact.grade) for fact in found.facts] == [(WARFARIN, "exact")]


def test_a_condition_is_read_by_its_words_and_says_how_far_it_climbed(resolver: Resolver) -> None:
    found = resolver.condition({"text": "Severe type 2 diabetes mellitus"})

    assert [(m.grade, m.distance) for m in found.matches] == [("broader", 1)]
