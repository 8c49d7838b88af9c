"""Nothing of Safe Harbor's eighteen categories leaves, wherever it was put."""

import json
from datetime import date
from typing import Any

import pytest

from intake.deidentify import Extract, deidentify
from intake.deidentify.people import Levels, to_patient
from intake.errors import MixedPatientsError, NotFhirError
from tests.intake.deidentify_samples import (
    ALL_CANARIES,
    CANARIES,
    LOINC,
    RXNORM,
    SNOMED,
    concept,
    entries,
    patient,
    quantity,
    record,
    with_each_text_replaced,
)

TODAY = date(2026, 11, 20)
KEY = bytes(range(32))


def told(resources: list[dict[str, Any]], dates: Any = "shift") -> list[dict[str, Any]]:
    """What one patient's resources become at the finest levels."""
    safe = deidentify("p", resources, key=KEY, today=TODAY, dates=dates)
    return [to_patient(safe.id, safe.traits, Levels(), TODAY.year), *safe.entries]


def one(kind: str, resources: list[dict[str, Any]]) -> dict[str, Any]:
    """The only entry of a type."""
    (found,) = [resource for resource in resources if resource["resourceType"] == kind]
    return found


def test_there_is_a_canary_of_every_category() -> None:
    assert "".join(CANARIES) == "ABCDEFGHIJKLMNOPQR"


@pytest.mark.parametrize("dates", ["shift", "year"])
@pytest.mark.parametrize("letter", CANARIES)
def test_no_canary_leaves_from_any_text_or_key_of_an_entry(letter: str, dates: str) -> None:
    for canary in CANARIES[letter]:
        planted = [
            changed for entry in entries() for changed in with_each_text_replaced(entry, canary)
        ]

        found = json.dumps(told([patient(), *planted], dates))

        assert len(planted) > 400
        assert canary not in found
        assert json.dumps(canary)[1:-1] not in found


@pytest.mark.parametrize("letter", CANARIES)
def test_no_canary_leaves_from_any_text_or_key_of_the_patient(letter: str) -> None:
    for canary in CANARIES[letter]:
        for changed in with_each_text_replaced(patient(), canary):
            found = json.dumps(told([changed]))

            assert canary not in found


def test_no_canary_leaves_in_the_report_or_the_names_of_elements() -> None:
    extract = Extract(TODAY, "shift")
    for number in range(2):
        strange = [{"resourceType": text, text: text, "id": text} for text in ALL_CANARIES]
        planted = [
            changed
            for entry in entries()
            for changed in with_each_text_replaced(entry, ALL_CANARIES[number])
        ]
        extract.add(str(number), [patient(number), *strange, *planted])

    kept = json.dumps([sorted(map(str, extract.removed)), sorted(map(str, extract.dropped))])

    assert not [text for text in ALL_CANARIES if text in kept]
    assert "(other)" in kept


@pytest.mark.parametrize(
    "number", [6175550199, 78051120, 48151623, 20010708, 9782.0413, 123456789012]
)
@pytest.mark.parametrize(
    "field", ["valueQuantity", "valueInteger", "valueDecimal", "valueString", "valueDateTime"]
)
def test_a_number_that_was_given_to_a_person_does_not_leave_as_a_result(
    field: str, number: float
) -> None:
    value = {"value": number} if field == "valueQuantity" else number
    entry = {"resourceType": "Observation", "status": "final", "code": concept(LOINC, "8302-2")}

    found = told([patient(), {**entry, field: value}])

    assert str(number) not in json.dumps(found)


def test_what_is_needed_for_analysis_stays() -> None:
    found = told(record(), "year")

    assert one("Condition", found) == {
        "resourceType": "Condition",
        "id": one("Condition", found)["id"],
        "clinicalStatus": {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/condition-clinical",
                    "code": "active",
                }
            ]
        },
        "verificationStatus": {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/condition-ver-status",
                    "code": "confirmed",
                }
            ]
        },
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/condition-category",
                        "code": "problem-list-item",
                    }
                ]
            }
        ],
        "severity": {"coding": [{"system": SNOMED, "code": "24484000"}]},
        "code": {"coding": [{"system": SNOMED, "code": "44054006"}]},
        "bodySite": [{"coding": [{"system": SNOMED, "code": "113331007"}]}],
        "onsetDateTime": "2012",
        "recordedDate": "2012",
        "subject": {"reference": f"Patient/{one('Patient', found)['id']}"},
    }
    pressure = next(r for r in found if "component" in r)
    assert pressure["component"][0]["valueQuantity"] == quantity(121.5, "mm[Hg]")
    assert pressure["effectiveDateTime"] == "2020"
    statement = one("MedicationStatement", found)
    assert statement["dosage"][0]["timing"]["repeat"]["periodUnit"] == "d"
    assert statement["effectivePeriod"] == {"start": "2019", "end": "2019"}
    assert one("AllergyIntolerance", found)["reaction"][0]["severity"] == "severe"


def test_a_contained_medication_leaves_as_an_entry_of_its_own() -> None:
    found = told(record())

    medication = one("Medication", found)
    assert medication["code"] == {"coding": [{"system": RXNORM, "code": "860975"}]}
    assert set(medication) == {"resourceType", "id", "code"}
    request = one("MedicationRequest", found)
    assert request["medicationReference"] == {"reference": f"Medication/{medication['id']}"}


def test_references_lead_to_new_ids_and_never_out_of_the_record() -> None:
    linked = {
        "resourceType": "Observation",
        "id": "panel",
        "status": "final",
        "code": concept(LOINC, "85354-9"),
        "hasMember": [{"reference": "Observation/h-0"}, {"reference": "Observation/of-another"}],
    }

    found = told([*record(), linked])

    panel = next(r for r in found if "hasMember" in r)
    height = next(r for r in found if "valueQuantity" in r)
    assert panel["hasMember"] == [{"reference": f"Observation/{height['id']}"}]


def test_ids_are_others_in_another_extract() -> None:
    first = deidentify("p", record(), key=KEY, today=TODAY, dates="shift")
    again = deidentify("p", record(), key=KEY, today=TODAY, dates="shift")
    other = deidentify("p", record(), key=KEY[::-1], today=TODAY, dates="shift")

    assert first == again
    assert not {e["id"] for e in first.entries} & {e["id"] for e in other.entries}
    assert first.id != other.id


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("Condition", {"verificationStatus": {"text": "refuted, says her mother"}}),
        ("Condition", {"clinicalStatus": {"coding": [{"code": "resolved"}]}}),
        ("Condition", {"modifierExtension": [{"url": "x", "valueBoolean": True}]}),
        ("Condition", {"implicitRules": "https://hospital.example/negated"}),
        ("Condition", {"code": {"text": "diabetes"}}),
        ("MedicationRequest", {"doNotPerform": "yes"}),
        ("MedicationRequest", {"status": "stopped by Dr. Jacobs"}),
        ("MedicationRequest", {"contained": []}),
        ("AllergyIntolerance", {"code": {"coding": [{"system": "urn:own", "code": "1"}]}}),
    ],
)
def test_an_entry_whose_meaning_would_change_is_dropped_whole(
    kind: str, change: dict[str, Any]
) -> None:
    changed = [
        {**entry, **change} if entry["resourceType"] == kind else entry for entry in entries()
    ]

    found = told([patient(), *changed])

    assert kind in {entry["resourceType"] for entry in told(record())}
    assert kind not in {entry["resourceType"] for entry in found}


def test_a_drug_of_several_ingredients_is_not_told_as_one_of_fewer() -> None:
    both = [{"itemCodeableConcept": concept(RXNORM, code)} for code in ("6809", "593411")]
    medication = {"resourceType": "Medication", "id": "m", "ingredient": both}
    own = [both[0], {"itemCodeableConcept": {"text": "a trial drug"}}]

    assert len(one("Medication", told([patient(), medication]))["ingredient"]) == 2
    assert len(told([patient(), {**medication, "ingredient": own}])) == 1


def test_a_record_is_refused_that_is_not_of_one_patient_or_must_not_be_used() -> None:
    with pytest.raises(MixedPatientsError, match="holds 2 Patient"):
        told([patient(1), patient(2)])
    with pytest.raises(MixedPatientsError, match="holds 0 Patient"):
        told(entries())
    with pytest.raises(NotFhirError, match="modifierExtension"):
        told([patient(modifierExtension=[{"url": "urn:test-person"}])])
