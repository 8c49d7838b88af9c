"""Which conditions, drugs and allergies count, as which nodes, and what is known of each list."""

from datetime import date

import pytest

from intake.codes import Resolver
from intake.lists import PatientList, read_allergies, read_conditions, read_drugs
from recommend.profile import Fact, Knowledge
from tests.intake.samples import (
    ACETAMINOPHEN,
    AMOXICILLIN,
    ASPIRIN,
    DIABETES,
    HYPERTENSION,
    METFORMIN,
    OXYCODONE,
    PENICILLINS,
    RXNORM,
    WARFARIN,
    Json,
    allergy,
    concept,
    condition,
    drug_text,
    medication,
    request,
    statement,
)


def nodes(facts: list[Fact]) -> list[str]:
    return sorted(fact.node for fact in facts)


def current(resolver: Resolver, *entries: Json) -> PatientList:
    medications = [entry for entry in entries if entry["resourceType"] == "Medication"]
    others = [entry for entry in entries if entry["resourceType"] != "Medication"]
    return read_drugs(others, medications, resolver)[0]


def coded(code: str) -> Json:
    return concept(code, "")


@pytest.mark.parametrize(
    ("fields", "counts"),
    [
        ({}, True),
        ({"clinicalStatus": coded("recurrence")}, True),
        ({"clinicalStatus": coded("relapse")}, True),
        ({"clinicalStatus": None}, True),
        ({"clinicalStatus": None, "abatementDateTime": "2020"}, False),
        ({"clinicalStatus": None, "abatementString": "in childhood"}, False),
        ({"clinicalStatus": coded("inactive")}, False),
        ({"clinicalStatus": coded("remission")}, False),
        ({"clinicalStatus": coded("resolved")}, False),
        ({"verificationStatus": coded("confirmed")}, True),
        ({"verificationStatus": coded("differential")}, True),
        ({"verificationStatus": coded("refuted")}, False),
        ({"clinicalStatus": None, "verificationStatus": coded("entered-in-error")}, False),
    ],
)
def test_a_condition_counts_by_its_statuses(resolver: Resolver, fields: Json, counts: bool) -> None:
    found = read_conditions([condition(**fields)], resolver)

    assert nodes(found.facts) == [DIABETES] * counts
    assert found.known() is (Knowledge.KNOWN if counts else Knowledge.UNKNOWN)
    assert found.unmapped == []


def test_a_condition_keeps_grade_basis_statuses_and_dates(resolver: Resolver) -> None:
    entry = condition(
        code=concept("59621000", "Essential hypertension"),
        verificationStatus=coded("provisional"),
        onsetDateTime="2019-03",
        abatementPeriod={"start": "2020", "end": "2021"},
    )

    (fact,) = read_conditions([entry], resolver).facts

    assert fact == Fact(
        HYPERTENSION, "broader", "SNOMEDCT:59621000", "active", "provisional",
        date(2019, 3, 1), date(2021, 12, 31),
    )  # fmt: skip


@pytest.mark.parametrize(
    "onset",
    [
        {"onsetAge": {"value": 30, "unit": "a"}},
        {"onsetString": "as a child"},
        {"onsetRange": {"low": {"value": 3}}},
        {"onsetDateTime": "2020-13-45"},
    ],
)
def test_an_onset_that_is_no_date_costs_only_the_date(resolver: Resolver, onset: Json) -> None:
    (fact,) = read_conditions([condition(**onset)], resolver).facts

    assert (fact.node, fact.start) == (DIABETES, None)


def test_a_condition_without_a_node_is_listed_not_lost(resolver: Resolver) -> None:
    unknown = condition(code=concept("1", "Hut\u200bchinson's \u202etooth"))

    found = read_conditions([unknown], resolver)

    assert found.facts == []
    assert [(u.kind, u.text) for u in found.unmapped] == [("condition", "Hutchinson's tooth")]
    assert found.known() is Knowledge.KNOWN


def test_zero_width_characters_do_not_hide_a_name(resolver: Resolver) -> None:
    hidden = condition(code={"text": "\u200btype 2 dia\u200bbetes mellitus\u202c"})

    assert nodes(read_conditions([hidden], resolver).facts) == [DIABETES]


@pytest.mark.parametrize(
    ("entry", "is_current", "is_past"),
    [
        (request(), True, False),
        (request(intent="instance-order"), True, False),
        (request(intent="filler-order"), True, False),
        (request(intent="proposal"), False, False),
        (request(intent="plan"), False, False),
        (request(intent="option"), False, False),
        (request(doNotPerform=True), False, False),
        (request(status="on-hold"), True, False),
        (request(status="unknown"), True, False),
        (request(status="completed"), False, True),
        (request(status="stopped"), False, True),
        (request(status="stopped", intent="plan"), False, False),
        (request(status="cancelled"), False, False),
        (request(status="draft"), False, False),
        (request(status="entered-in-error"), False, False),
        (statement(), True, False),
        (statement(status="completed"), False, True),
        (statement(status="intended"), False, False),
        (statement(status="not-taken"), False, False),
        (statement(status="entered-in-error"), False, False),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_a_drug_is_current_past_or_neither_by_its_status(
    resolver: Resolver, entry: Json, is_current: bool, is_past: bool
) -> None:
    now, past = read_drugs([entry], [], resolver)

    assert len(now.facts) == is_current
    assert len(past) == is_past
    assert now.known() is (Knowledge.KNOWN if is_current else Knowledge.UNKNOWN)
    assert all(fact.status == entry["status"] for fact in now.facts + past)


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


def test_a_medication_that_is_not_there_is_read_from_the_reference_s_own_words(
    resolver: Resolver,
) -> None:
    for link in ({"reference": "Medication/0", "display": "Warfarin"}, {"display": "Warfarin"}):
        entry = request(medicationCodeableConcept=None, medicationReference=link)

        assert nodes(current(resolver, entry).facts) == [WARFARIN]


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
        ([allergy(code=NO_ALLERGY), allergy()], Knowledge.KNOWN),
        ([allergy(code=NO_ALLERGY), allergy(clinicalStatus=coded("resolved"))], Knowledge.EMPTY),
        ([allergy(code=NO_ALLERGY), allergy(code=None)], Knowledge.UNKNOWN),
    ],
)
def test_an_empty_list_is_known_to_be_empty_only_if_the_record_says_so(
    resolver: Resolver, entries: list[Json], known: Knowledge
) -> None:
    assert read_allergies(entries, resolver).known() is known


def test_no_known_problems_and_no_known_medications_are_statements(resolver: Resolver) -> None:
    no_drug = statement(medicationCodeableConcept=concept("787481004", "No known medications"))
    no_problem = condition(code=concept("160245001", "No current problems or disability"))

    drugs = current(resolver, no_drug)
    conditions = read_conditions([no_problem], resolver)

    assert (drugs.known(), drugs.unmapped) == (Knowledge.EMPTY, [])
    assert (conditions.known(), conditions.unmapped) == (Knowledge.EMPTY, [])
    assert current(resolver, {**no_drug, "status": "completed"}).known() is Knowledge.UNKNOWN


@pytest.mark.parametrize(
    "entry",
    [
        condition(code=None),
        condition(modifierExtension=[{"url": "x"}]),
        condition(clinicalStatus="active"),
    ],
)
def test_an_entry_that_cannot_be_used_is_not_used_and_said(resolver: Resolver, entry: Json) -> None:
    found = read_conditions([entry], resolver)

    assert found.facts == []
    assert [(u.kind, u.text) for u in found.unmapped] == [("condition", "")]


def test_an_emptied_entry_in_error_is_not_missed(resolver: Resolver) -> None:
    emptied = request(status="entered-in-error", medicationCodeableConcept=None)

    assert current(resolver, emptied).unmapped == []
