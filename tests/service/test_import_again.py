"""A record imported again: merged with what is stored, or refused as another person's."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from service.merging import merge_records
from storage import InvalidRecordError
from tests.shell import Outcome, run

MRN = {"system": "http://hospital.example", "value": "MRN-77"}
SSN = "http://hl7.org/fhir/sid/us-ssn"
ANN = {"resourceType": "Patient", "id": "a", "gender": "female", "birthDate": "1950-02-03"}
PENICILLIN = {"resourceType": "AllergyIntolerance", "id": "al1", "code": {"text": "Penicillin"},
              "patient": {"reference": "Patient/a"}}  # fmt: skip
HYPERTENSION = {"resourceType": "Condition", "id": "c1", "code": {"text": "hypertension"},
                "subject": {"reference": "Patient/a"}}  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A home with keys and nothing else."""
    run("keys", "init", home=tmp_path / "home")
    return tmp_path / "home"


def put(home: Path, name: str, *resources: dict[str, Any]) -> Outcome:
    """Import one bundle of these resources."""
    entries = [{"resource": resource} for resource in resources]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    file = home.parent / f"{name}.json"
    file.write_text(json.dumps(bundle))
    return run("patient", "import", file, "--json", home=home)


def patients(home: Path) -> int:
    return len(run("patient", "list", "--json", home=home).json)


def person(*identifiers: dict[str, str], **fields: str) -> dict[str, Any]:
    return {**ANN, "identifier": list(identifiers), **fields}


def test_an_import_replaces_what_has_its_id_adds_what_is_new_and_keeps_the_rest(
    store: Path,
) -> None:
    first = put(store, "one", person(MRN), PENICILLIN, HYPERTENSION).json
    resolved = {**HYPERTENSION, "code": {"text": "hypertension, cured"}}
    strep = {**HYPERTENSION, "id": "c2", "code": {"text": "strep throat"}}

    again = put(store, "two", person(MRN), resolved, strep).json

    assert (first["added"], first["replaced"], first["kept"]) == (3, 0, 0)
    assert again["patients"] == first["patients"]
    assert (again["added"], again["replaced"], again["kept"]) == (1, 1, 2)
    assert patients(store) == 1


def test_the_same_import_twice_changes_nothing() -> None:
    nameless: dict[str, Any] = {"resourceType": "Condition", "code": {"text": "gout"}}
    record: list[dict[str, Any]] = [ANN, PENICILLIN, nameless]

    merged, counts = merge_records(record, [*record, {**nameless, "code": {"text": "asthma"}}])

    assert merged == [*record, {**nameless, "code": {"text": "asthma"}}]
    assert dict(counts) == {"added": 1, "kept": 3}


def test_the_patient_is_replaced_whatever_its_id() -> None:
    merged, counts = merge_records([ANN, PENICILLIN], [{**ANN, "id": "b"}])

    assert merged == [{**ANN, "id": "b"}, PENICILLIN]
    assert counts["replaced"] == 1


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"birthDate": "1990-05-05"}, "birth date"),
        ({"gender": "male"}, "sex"),
        ({"birthDate": "1951", "gender": "male"}, "birth date and sex"),
    ],
)
def test_another_person_under_a_stored_identifier_is_refused_and_overwrites_nobody(
    store: Path, fields: dict[str, str], what: str
) -> None:
    put(store, "one", person(MRN), PENICILLIN)

    outcome = put(store, "two", person(MRN, **fields))

    assert outcome.status == 1
    assert "two.json: entry 1 (Patient): the patient is not stored" in outcome.out
    assert f"has another {what};" in outcome.out
    summary = run("patient", "list", "--json", home=store).json
    assert [row["version"] for row in summary] == [1]


@pytest.mark.parametrize(
    "fields", [{"birthDate": "1950"}, {"birthDate": "x"}, {"gender": "unknown"}]
)
def test_what_is_not_stated_or_only_in_part_is_no_difference(fields: dict[str, str]) -> None:
    assert merge_records([ANN], [{**ANN, **fields}])[1]["replaced"] == 1


def test_different_people_are_an_error_that_names_no_value() -> None:
    with pytest.raises(InvalidRecordError) as error:
        merge_records([ANN], [{**ANN, "birthDate": "1990-05-05"}])
    assert "19" not in str(error.value)


@pytest.mark.parametrize(
    "shared",
    [
        {"system": SSN, "value": "999-99-9999"},
        {"system": SSN, "value": "unknown"},
        {"system": SSN, "value": "12"},
        {**MRN, "use": "old"},
        {**MRN, "use": "temp"},
    ],
)
def test_an_identifier_that_tells_nobody_apart_joins_no_records(
    store: Path, shared: dict[str, str]
) -> None:
    put(store, "one", person(shared), PENICILLIN)

    assert put(store, "two", person(shared)).status == 0
    assert patients(store) == 2


def test_a_birth_date_in_the_future_is_reported(store: Path) -> None:
    outcome = put(store, "one", person(MRN, birthDate="2999-01-01"))

    assert outcome.json["problems"] == [
        "one.json: entry 1 (Patient): birthDate is not used: it lies in the future"
    ]


def test_an_altered_record_is_not_imported_over(store: Path) -> None:
    put(store, "one", person(MRN), PENICILLIN)
    with closing(sqlite3.connect(store / "patients.db")) as connection, connection:
        connection.execute("UPDATE resource SET sealed = x'00' WHERE position = 1")

    outcome = put(store, "two", person(MRN), HYPERTENSION)

    assert outcome.status == 1
    assert "two.json: entry 1 (Patient): the patient is not stored" in outcome.out
