"""Whose an entry is; and that a bad entry never loses the others."""

from pathlib import Path
from typing import Any

import pytest

from intake.fhir import read_patients
from intake.grouping import Problem
from tests.intake.samples import (
    Json,
    allergy,
    bundle,
    condition,
    drug_text,
    medication,
    observation,
    patient,
    request,
    written,
)

URL = "https://a.example/fhir"


def read(path: Path, document: Json) -> tuple[list[Any], list[Problem]]:
    problems: list[Problem] = []
    found = list(read_patients([written(path / "a.json", document)], on_problem=problems.append))
    return found, problems


def entry(resource: Json, full_url: str) -> Json:
    return {"fullUrl": full_url, "resource": resource}


def entries(*items: Json) -> Json:
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(items)}


@pytest.mark.parametrize(
    ("own", "full_url", "reference"),
    [
        ("p1", "urn:uuid:39cc9d76", "urn:uuid:39cc9d76"),
        (None, "urn:uuid:39cc9d76", "urn:uuid:39cc9d76"),
        ("p1", f"{URL}/Patient/p1", "Patient/p1"),
        ("p1", f"{URL}/Patient/p1", f"{URL}/Patient/p1"),
        ("p1", f"{URL}/Patient/p1", f"{URL}/Patient/p1/_history/4"),
        (None, f"{URL}/Patient/p1", "Patient/p1"),
        ("p1", "", "Patient/p1"),
        ("p1", "", f"{URL}/Patient/p1"),
        ("39cc9d76", "", "urn:uuid:39cc9d76"),
    ],
)
def test_a_reference_finds_its_patient(
    tmp_path: Path, own: str | None, full_url: str, reference: str
) -> None:
    mine = condition(subject={"reference": reference})

    (found,), problems = read(
        tmp_path, entries(entry(mine, "urn:uuid:1"), entry(patient(id=own), full_url))
    )

    assert found.resources[1:] == [mine]
    assert found.problems == problems == []


def test_a_reference_by_identifier_alone_finds_its_patient(tmp_path: Path) -> None:
    mine = condition(subject={"identifier": {"system": "urn:mrn", "value": "ada-1"}})

    (found,), _ = read(tmp_path, bundle(patient(), mine))

    assert found.resources[1:] == [mine]


def test_the_same_id_on_another_server_is_another_patient(tmp_path: Path) -> None:
    other = condition(subject={"reference": "https://b.example/fhir/Patient/p1"})

    (found,), _ = read(
        tmp_path, entries(entry(patient(), f"{URL}/Patient/p1"), entry(other, "urn:uuid:1"))
    )

    assert len(found.resources) == 1
    assert [problem.place for problem in found.problems] == ["a.json: entry 2 (Condition)"]


def test_two_patients_of_one_bundle_get_their_own_entries(tmp_path: Path) -> None:
    bob = patient(id="p2", identifier=None)
    theirs = allergy(patient={"reference": "Patient/p2"})

    (ada, second), _ = read(tmp_path, bundle(patient(), bob, theirs, condition()))

    assert [r["resourceType"] for r in ada.resources] == ["Patient", "Condition"]
    assert [r["resourceType"] for r in second.resources] == ["Patient", "AllergyIntolerance"]


BAD = [
    (7, "entry 2", "must be an object"),
    (None, "entry 2", "has no resource"),
    ({}, "entry 2", "has no resourceType"),
    ({"resourceType": 5}, "entry 2", "has no resourceType"),
    (bundle(condition()), "entry 2 (Bundle)", "bundle in a bundle"),
    (condition(subject=None), "entry 2 (Condition)", "names no patient"),
    (condition(subject="p1"), "entry 2 (Condition)", "names no patient"),
    (condition(subject={"reference": "Patient/x"}), "entry 2 (Condition)", "is not here"),
    (condition(subject={"reference": "/_history/1"}), "entry 2 (Condition)", "is not here"),
    (condition(subject={"reference": "Group/p1"}), "entry 2 (Condition)", "is not here"),
    (condition(note=[{"text": "\ud800"}]), "entry 2 (Condition)", "left out"),
    (condition(code=None), "entry 2 (Condition)", "has no code"),
    (condition(code=[1]), "entry 2 (Condition)", "must be a CodeableConcept"),
    (condition(onsetDateTime="never"), "entry 2 (Condition)", "onsetDateTime is not used"),
    (condition(modifierExtension=[{"url": "x"}]), "entry 2 (Condition)", "modifierExtension"),
    (request(medication={"concept": {}}), "entry 2 (MedicationRequest)", "R5-shaped"),
    (
        request(medicationCodeableConcept=None, medicationReference={"reference": "Medication/0"}),
        "entry 2 (MedicationRequest)",
        "refers to a Medication that is not here",
    ),
    (observation("8302-2", status=[]), "entry 2 (Observation)", "has no status"),
]


@pytest.mark.parametrize(("bad", "place", "reason"), BAD)
def test_a_bad_entry_is_reported_with_its_place_and_loses_no_other(
    tmp_path: Path, bad: object, place: str, reason: str
) -> None:
    (found,), problems = read(tmp_path, bundle(patient(), bad, condition(id="last")))

    assert found.resources[0] == patient()
    assert found.resources[-1] == condition(id="last")
    assert [str(problem) for problem in found.problems] == [
        f"a.json: {place}: {found.problems[0].reason}"
    ]
    assert reason in found.problems[0].reason
    assert problems == []


def test_an_entry_that_cannot_be_used_is_kept_unless_it_says_left_out(tmp_path: Path) -> None:
    r5 = request(medicationCodeableConcept=None, medication={"concept": drug_text("Warfarin")})

    (found,), _ = read(tmp_path, bundle(patient(), r5))

    assert found.resources == [patient(), r5]


def test_an_entry_with_a_modifier_is_left_out(tmp_path: Path) -> None:
    document = bundle(patient(), condition())
    document["entry"][1]["modifierExtension"] = [{"url": "x"}]

    (found,), _ = read(tmp_path, document)

    assert found.resources == [patient()]
    assert found.problems[0].place == "a.json: entry 2"


def test_a_patient_that_must_not_be_used_takes_all_entries_along(tmp_path: Path) -> None:
    found, problems = read(tmp_path, bundle(patient(modifierExtension=[{"url": "x"}]), condition()))

    assert found == []
    assert [problem.place for problem in problems] == ["a.json: entry 1 (Patient)"]
    assert "all entries about them are left out" in problems[0].reason


def test_a_repeated_entry_counts_once_and_a_changed_one_is_reported(tmp_path: Path) -> None:
    changed = condition(code=drug_text("something else"))

    (found,), _ = read(tmp_path, bundle(patient(), condition(), condition(), changed, patient()))

    assert found.resources == [patient(), condition()]
    assert [problem.place for problem in found.problems] == ["a.json: entry 4 (Condition)"]


def test_a_changed_copy_of_a_patient_is_reported(tmp_path: Path) -> None:
    (found,), _ = read(tmp_path, bundle(patient(), patient(gender="male"), condition()))

    assert found.resources == [patient(), condition()]
    assert "repeats an earlier entry" in found.problems[0].reason


def test_two_people_of_one_id_are_never_mixed(tmp_path: Path) -> None:
    stranger = patient(identifier=[{"system": "urn:mrn", "value": "bob-2"}])

    found, problems = read(tmp_path, bundle(patient(), condition(), stranger))

    assert found == []
    assert [problem.place for problem in problems] == [
        "a.json: entry 1 (Patient)", "a.json: entry 3 (Patient)",
    ]  # fmt: skip


def referring(target: str) -> Json:
    return request(medicationCodeableConcept=None, medicationReference={"reference": target})


def test_a_medication_follows_whoever_refers_to_it(tmp_path: Path) -> None:
    part = [{"itemReference": {"reference": "Medication/med2"}}]
    first, second = medication(ingredient=part), medication(id="med2")
    unused = medication(id="med3")

    (found,), _ = read(
        tmp_path, bundle(first, second, unused, patient(), referring("Medication/med1"))
    )

    assert found.resources[2:] == [first, second]
    assert found.problems == []


def test_a_medication_known_by_its_url_alone_stays_reachable(tmp_path: Path) -> None:
    plain = medication(id=None)

    (found,), _ = read(
        tmp_path,
        entries(
            entry(patient(), "urn:uuid:1"),
            entry(referring("urn:uuid:2"), "urn:uuid:3"),
            entry(plain, "urn:uuid:2"),
        ),
    )

    named = [{"system": "urn:ietf:rfc:3986", "value": "urn:uuid:2"}]
    assert found.resources[2] == {**plain, "identifier": named}


def test_medications_in_a_circle_are_reported_once_and_kept(tmp_path: Path) -> None:
    first = medication(ingredient=[{"itemReference": {"reference": "Medication/med2"}}])
    second = medication(id="med2", ingredient=[{"itemReference": {"reference": "Medication/med1"}}])

    (found,), _ = read(tmp_path, bundle(patient(), referring("Medication/med1"), first, second))

    assert len(found.resources) == 4
    assert [problem.place for problem in found.problems] == ["a.json: entry 3 (Medication)"]
    assert "circle" in found.problems[0].reason


def test_a_row_of_medications_is_followed_for_some_steps_only(tmp_path: Path) -> None:
    row = [
        medication(
            id=f"m{n}", ingredient=[{"itemReference": {"reference": f"Medication/m{n + 1}"}}]
        )
        for n in range(50)
    ]

    (found,), _ = read(tmp_path, bundle(patient(), referring("Medication/m0"), *row))

    assert len(found.resources) == 2 + 8
    assert "more than 8 steps" in found.problems[0].reason


@pytest.mark.parametrize(
    ("own", "full_url", "identifiers"),
    [
        (None, "urn:uuid:1", (("urn:ietf:rfc:3986", "urn:uuid:1"),)),
        ("p1", "", (("", "Patient/p1"),)),
        (None, "", ()),
    ],
)
def test_a_patient_without_identifier_is_known_by_url_or_id(
    tmp_path: Path, own: str | None, full_url: str, identifiers: tuple[tuple[str, str], ...]
) -> None:
    nameless = patient(id=own, identifier=[{"system": "urn:mrn"}])

    (found,), _ = read(tmp_path, entries(entry(nameless, full_url)))

    assert found.identifiers == identifiers


@pytest.mark.parametrize(
    "shared",
    [
        {"system": "urn:ssn", "value": "999-99-9999"},
        {"system": "urn:ssn", "value": "N/A"},
        {"system": "urn:ssn", "value": "Unknown"},
        {"system": "urn:ssn", "value": "123-45-6789"},
        {"system": "urn:ssn", "value": "77"},
        {"system": "urn:mrn", "value": "old-number", "use": "old"},
        {"system": "urn:mrn", "value": "ward-bed-4", "use": "temp"},
    ],
)
def test_an_identifier_that_tells_nobody_apart_is_stored_and_not_matched_by(
    tmp_path: Path, shared: dict[str, str]
) -> None:
    kept = {"system": "urn:mrn", "value": "ada-1", "use": "usual"}

    (found,), _ = read(tmp_path, bundle(patient(identifier=[shared, kept])))

    assert found.identifiers == (("urn:mrn", "ada-1"),)
    assert found.resources[0]["identifier"] == [shared, kept]
    assert found.place == "a.json: entry 1 (Patient)"
