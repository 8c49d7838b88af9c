"""What makes a resource unusable, and that the reason never quotes it."""

from typing import Any

import pytest

from intake.checks import MAX_DEPTH, complaint, damage, forbidden, remarks
from tests.intake.samples import (
    Json,
    allergy,
    concept,
    condition,
    drug_text,
    medication,
    observation,
    patient,
    request,
    statement,
)

MODIFIED = {"modifierExtension": [{"url": "http://a.example/not", "valueBoolean": True}]}


@pytest.mark.parametrize(
    "resource",
    [
        patient(), condition(), request(), statement(), medication(), allergy(),
        observation("8302-2"), condition(clinicalStatus=None), request(doNotPerform=False),
        medication(code=None, ingredient=[{"itemCodeableConcept": drug_text("Warfarin")}]),
        allergy(code=None, reaction=[{"substance": drug_text("Warfarin")}]),
    ],
    ids=lambda resource: resource["resourceType"],
)  # fmt: skip
def test_a_plain_resource_is_usable(resource: Json) -> None:
    assert (complaint(resource), remarks(resource), damage(resource)) == (None, [], None)


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        (condition(**MODIFIED), "modifierExtension"),
        (request(dosageInstruction=[{"timing": MODIFIED}]), "modifierExtension"),
        (condition(implicitRules="http://a.example/rules"), "implicitRules"),
        (condition(code=None), "no code"),
        (condition(code={"coding": [{"system": "http://snomed.info/sct"}]}), "no code"),
        (condition(code={"text": "\u200b "}), "no code"),
        (condition(code="diabetes"), "code must be a CodeableConcept"),
        (condition(code={"coding": {"code": "1"}}), "code must be a CodeableConcept"),
        (condition(code={"coding": [{"code": 44054006}]}), "code must be a CodeableConcept"),
        (condition(clinicalStatus="active"), "a bare code is not R4"),
        (condition(clinicalStatus=concept("burning", "")), "one of active"),
        (condition(verificationStatus=concept("maybe", "")), "one of unconfirmed"),
        (request(medication={"concept": drug_text("Warfarin")}), "R5-shaped"),
        (request(medicationCodeableConcept=None), "neither"),
        (request(medicationCodeableConcept={}), "without a code"),
        (request(medicationReference={"reference": "Medication/1"}), "both"),
        (request(status=None), "has no status"),
        (request(status="recorded"), "status must be one of"),
        (request(intent=None), "has no intent"),
        (request(doNotPerform="true"), "doNotPerform must be true or false"),
        (statement(status="recorded"), "status must be one of"),
        (medication(code=None), "no code"),
        (allergy(code=None), "no code"),
        (observation("8302-2", status=None), "has no status"),
        (observation("8302-2", component={"code": {}}), "component must be a list of objects"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_unusable_resource_is_named_as_such(resource: Json, reason: str) -> None:
    assert reason in str(complaint(resource))


def contained_request(*medications: Json) -> Json:
    target = {"reference": "#a"}
    return request(
        medicationCodeableConcept=None, medicationReference=target, contained=list(medications)
    )


def linked(own: str, *others: str) -> Json:
    parts = [{"itemReference": {"reference": f"#{other}"}} for other in others]
    return medication(id=own, ingredient=parts)


def test_contained_medications_may_share_an_ingredient_but_not_go_round() -> None:
    shared = contained_request(linked("a", "b", "c"), linked("b", "c"), linked("c"))
    circle = contained_request(linked("a", "b"), linked("b", "c"), linked("c", "a"))
    own = contained_request(linked("a", "a"))
    missing = contained_request(linked("b"))

    assert complaint(shared) is None
    assert "circle" in str(complaint(circle))
    assert "circle" in str(complaint(own))
    assert "nothing contained" in str(complaint(missing))


def test_an_empty_modifier_extension_modifies_nothing() -> None:
    assert forbidden(condition(modifierExtension=[])) is None


def test_a_wrong_date_costs_the_date_only() -> None:
    wrong = condition(onsetDateTime="2020-02-30")

    assert complaint(wrong) is None
    assert remarks(wrong) == ["onsetDateTime is not used: it must be a date"]


def test_a_patient_with_wrong_fields_is_still_a_patient() -> None:
    wrong = patient(birthDate="last spring", gender=1, deceasedBoolean="no")

    assert complaint(wrong) is None
    assert len(remarks(wrong)) == 3


def test_what_cannot_be_written_as_text_is_damaged() -> None:
    deep: Any = "x"
    for _ in range(MAX_DEPTH):
        deep = [deep]

    assert "lone surrogate" in str(damage(condition(note=[{"text": "a\udc00"}])))
    assert "lone surrogate" in str(damage(condition(**{"a\udc00": 1})))
    assert "nested" in str(damage(condition(extension=deep)))


def test_a_reason_never_quotes_the_record() -> None:
    secret = "hush-hush"
    fields = ("code", "clinicalStatus", "verificationStatus", "subject", "onsetDateTime")
    for field in fields:
        resource = condition(**{field: secret})
        assert secret not in f"{complaint(resource)} {remarks(resource)}"
    for field in ("status", "intent", "doNotPerform", "medicationReference"):
        resource = request(**{field: secret})
        assert secret not in f"{complaint(resource)} {remarks(resource)}"
