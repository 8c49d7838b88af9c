"""Which allergies count, as which drugs or classes, and when none is known."""

import pytest

from intake.codes import Resolver
from intake.lists import read_allergies
from recommend.profile import Fact, Knowledge
from tests.graphs import make_graph
from tests.intake.samples import (
    AMOXICILLIN,
    ASPIRIN,
    PENICILLINS,
    WARFARIN,
    Json,
    allergy,
    concept,
    drug_text,
)


def nodes(facts: list[Fact]) -> list[str]:
    return sorted(fact.node for fact in facts)


def coded(code: str) -> Json:
    return concept(code, "")


@pytest.mark.parametrize(
    ("fields", "found_nodes"),
    [
        ({}, [AMOXICILLIN]),
        ({"code": concept("1", "Penicillin allergy")}, [PENICILLINS]),
        ({"code": concept("1", "Allergy to penicillins (finding)")}, [PENICILLINS]),
        ({"code": concept("1", "Hypersensitivity to aspirin")}, [ASPIRIN]),
        ({"code": concept("1", "Aspirin (substance)")}, [ASPIRIN]),
        ({"code": drug_text("Warfarin sodium 5 MG Oral Tablet")}, [WARFARIN]),
        ({"code": None, "reaction": [{"substance": drug_text("Warfarin")}]}, [WARFARIN]),
        ({"criticality": "low"}, [AMOXICILLIN]),
        ({"criticality": "high"}, [AMOXICILLIN]),
        ({"criticality": "unable-to-assess"}, [AMOXICILLIN]),
        ({"type": "intolerance"}, [AMOXICILLIN]),
        ({"clinicalStatus": None, "verificationStatus": None}, [AMOXICILLIN]),
        ({"verificationStatus": coded("unconfirmed")}, [AMOXICILLIN]),
        ({"verificationStatus": coded("refuted")}, []),
        ({"verificationStatus": coded("entered-in-error"), "clinicalStatus": None}, []),
        ({"clinicalStatus": coded("inactive")}, []),
        ({"clinicalStatus": coded("resolved")}, []),
    ],
)
def test_an_allergy_counts_by_its_statuses_and_leads_to_drug_or_class(
    resolver: Resolver, fields: Json, found_nodes: list[str]
) -> None:
    found = read_allergies([allergy(**fields)], resolver)

    assert nodes(found.facts) == found_nodes
    assert found.unmapped == []


@pytest.mark.parametrize(
    ("fields", "criticality", "reaction"),
    [
        ({}, "", ""),
        ({"criticality": "high"}, "high", ""),
        ({"criticality": "unable-to-assess"}, "unable-to-assess", ""),
        ({"criticality": "deadly"}, "", ""),
        ({"criticality": "low", "reaction": [{"severity": "severe"}]}, "low", "severe"),
        ({"reaction": [{"severity": "mild"}, {"severity": "moderate"}, {}]}, "", "moderate"),
        ({"reaction": [{"severity": 3}, {"severity": "awful"}]}, "", ""),
    ],
)
def test_criticality_is_one_thing_and_the_worst_reaction_another(
    resolver: Resolver, fields: Json, criticality: str, reaction: str
) -> None:
    (fact,) = read_allergies([allergy(**fields)], resolver).facts

    assert (fact.criticality, fact.reaction) == (criticality, reaction)


def test_an_allergen_without_a_node_is_listed_with_its_category(resolver: Resolver) -> None:
    shellfish = allergy(category=["food"], code=concept("300913006", "Shellfish allergy"))

    found = read_allergies([shellfish], resolver)

    assert [(u.kind, u.text) for u in found.unmapped] == [("allergy", "Shellfish allergy")]
    assert "food" in found.unmapped[0].reason


def test_a_misspelt_drug_is_offered_for_a_drug_allergy_but_not_for_food(resolver: Resolver) -> None:
    misspelt = concept("1", "Allergy to amoxicilin")

    drug = read_allergies([allergy(code=misspelt)], resolver)
    food = read_allergies([allergy(code=misspelt, category=["food"])], resolver)

    assert [(f.node, f.grade) for f in drug.facts] == [(AMOXICILLIN, "near")]
    assert food.facts == []
    assert len(food.unmapped) == 1


@pytest.mark.parametrize(
    "text",
    ["PCN", "penicillins", "Penicillin antibiotics", "Penicillin drugs", "penicillin class"],
)
def test_a_class_is_found_as_charts_write_it(resolver: Resolver, text: str) -> None:
    found = read_allergies([allergy(code={"text": text})], resolver)

    assert [(fact.node, fact.grade) for fact in found.facts] == [(PENICILLINS, "exact")]


def test_a_misspelt_class_is_offered(resolver: Resolver) -> None:
    found = read_allergies([allergy(code={"text": "penicilins"})], resolver)

    assert [(fact.node, fact.grade) for fact in found.facts] == [(PENICILLINS, "near")]
    assert read_allergies([allergy(code={"text": "pencils"})], resolver).facts == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("J01C", [("ATC:J01C", "exact")]),
        ("C09A", [("ATC:C09AA", "xref"), ("ATC:C09AB", "xref")]),
        ("J01CA", [("ATC:J01C", "broader")]),
        ("J01CA99", []),
        ("Z99", []),
        ("J", []),
    ],
)
def test_an_atc_code_of_a_class_means_the_classes_at_its_level(
    code: str, expected: list[tuple[str, str]]
) -> None:
    classes = {"ATC:J01C": "Penicillins", "ATC:C09AA": "ACE inhibitors", "ATC:C09AB": "Others"}
    graph = make_graph({"DrugClass": classes}, {}, [])
    entry = allergy(code=concept(code, "", "http://www.whocc.no/atc"))

    found = read_allergies([entry], Resolver(graph))

    assert sorted((fact.node, fact.grade) for fact in found.facts) == expected


IPS = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips"
NO_ALLERGY = concept("716186003", "No known allergy (situation)")


@pytest.mark.parametrize(
    ("entries", "known"),
    [
        ([], Knowledge.UNKNOWN),
        ([allergy(code=NO_ALLERGY)], Knowledge.EMPTY),
        ([allergy(code=NO_ALLERGY, verificationStatus=None)], Knowledge.EMPTY),
        ([allergy(code=concept("409137002", "No known drug allergy"))], Knowledge.EMPTY),
        ([allergy(code=concept("no-known-allergies", "", IPS))], Knowledge.EMPTY),
        ([allergy(code=NO_ALLERGY, verificationStatus=coded("unconfirmed"))], Knowledge.UNKNOWN),
        ([allergy(code=NO_ALLERGY, verificationStatus=coded("refuted"))], Knowledge.UNKNOWN),
        ([allergy(code=NO_ALLERGY, clinicalStatus=coded("resolved"))], Knowledge.UNKNOWN),
        ([allergy(code=concept("716186003", "", "urn:local"))], Knowledge.KNOWN),
        ([allergy(code=concept("429625007", "No known food allergy"))], Knowledge.UNKNOWN),
        ([allergy(code=concept("no-allergy-info", "", IPS))], Knowledge.UNKNOWN),
        ([allergy(code={"text": "NKDA"})], Knowledge.EMPTY),
        ([allergy(code={"text": "No known drug allergies."})], Knowledge.EMPTY),
        ([allergy(code={"text": "No Known Allergies"})], Knowledge.EMPTY),
        ([allergy(code=concept("716186003", "No known allergy", "urn:local"))], Knowledge.EMPTY),
        ([allergy(code={**concept("1", "Penicillin"), "text": "NKDA"})], Knowledge.KNOWN),
        ([allergy(code={"text": "no known food allergies"})], Knowledge.UNKNOWN),
        ([allergy(code=NO_ALLERGY), allergy()], Knowledge.KNOWN),
        ([allergy(code=NO_ALLERGY), allergy(clinicalStatus=coded("resolved"))], Knowledge.EMPTY),
        ([allergy(code=NO_ALLERGY), allergy(code=None)], Knowledge.UNKNOWN),
    ],
)
def test_an_empty_list_is_known_to_be_empty_only_if_the_record_says_so(
    resolver: Resolver, entries: list[Json], known: Knowledge
) -> None:
    assert read_allergies(entries, resolver).known() is known
