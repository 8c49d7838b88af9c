"""What the repository keeps, finds, replaces and records."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage import (
    Database,
    ErasedError,
    Identifier,
    InvalidRecordError,
    KeyRingError,
    NotFoundError,
    crypto,
)
from tests.storage.stores import (
    CONDITION,
    NUMBER,
    PATIENT,
    RECORD,
    clinic,
    entries,
    erase,
    office,
    outcomes,
    read,
    store,
    suggest,
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def test_resources_come_back_as_they_were_given_in_their_order(
    database: Database, ada: str
) -> None:
    assert list(read(database, ada)) == RECORD


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(value=JSON)
def test_any_json_comes_back_equal(database: Database, value: Any) -> None:
    patient_id = store(database, [{"resourceType": "Basic", "value": value}], [])

    assert read(database, patient_id)[0]["value"] == value


def test_a_patient_without_resources_or_identifiers_is_kept(database: Database) -> None:
    first, second = store(database, [], []), store(database, [], [])

    assert first != second
    assert read(database, first) == ()


def test_a_second_import_of_an_identifier_replaces_the_record(database: Database, ada: str) -> None:
    other = Identifier("urn:passport", "X")

    again = store(database, [CONDITION], [other, NUMBER])

    assert again == ada
    assert read(database, ada) == (CONDITION,)
    reading = clinic(database)
    assert reading.find(*other) == reading.find(*NUMBER) == ada
    assert [summary.version for summary in reading.list()] == [2]


def test_a_second_import_may_merge_with_what_is_stored(database: Database, ada: str) -> None:
    with database.unit("importer", purpose="administration") as unit:
        merged = unit.patients.add([PATIENT], [NUMBER], merge=lambda old: [*old, PATIENT])
        unit.commit()

    assert merged == ada
    assert read(database, ada) == (*RECORD, PATIENT)


def test_a_merge_that_refuses_changes_nothing(database: Database, ada: str) -> None:
    def refuse(_: object) -> list[Any]:
        raise InvalidRecordError("another person")

    with (
        pytest.raises(InvalidRecordError, match="another person"),
        database.unit("importer", purpose="administration") as unit,
    ):
        unit.patients.add([CONDITION], [NUMBER], merge=refuse)

    assert list(read(database, ada)) == RECORD
    assert ("patient.write", "InvalidRecordError") in outcomes(database)
    assert database.verify_audit().head.n_patients == 1


def test_a_new_patient_is_merged_with_nothing(database: Database) -> None:
    with database.unit("importer", purpose="administration") as unit:
        patient_id = unit.patients.add(RECORD, [NUMBER], merge=lambda old: pytest.fail("called"))
        unit.commit()

    assert list(read(database, patient_id)) == RECORD


def test_identifiers_of_two_patients_are_refused(database: Database, ada: str) -> None:
    other = Identifier("urn:hospital", "MRN-2")
    store(database, RECORD, [other])

    with pytest.raises(InvalidRecordError, match="2 different patients"):
        store(database, RECORD, [NUMBER, other])


def test_an_identifier_that_nobody_has_is_not_found(database: Database, ada: str) -> None:
    with pytest.raises(NotFoundError):
        clinic(database).find("urn:hospital", "MRN-9")


@pytest.mark.parametrize(
    "resource",
    [
        {},
        {"resourceType": 1},
        {"resourceType": ""},
        {"resourceType": "Two words"},
        {"resourceType": "A" * 65},
        {"resourceType": "Basic", "x": float("nan")},
        {"resourceType": "Basic", "x": b"bytes"},
        {"resourceType": "Basic", "x": "\ud800"},
        {"resourceType": "Basic", "x": {1, 2}},
    ],
)
def test_a_resource_that_cannot_be_kept_leaves_nothing(
    database: Database, resource: dict[str, Any]
) -> None:
    with database.unit("importer", purpose="administration") as unit:
        with pytest.raises(InvalidRecordError):
            unit.patients.add([PATIENT, resource], [NUMBER])
        unit.commit()

    assert clinic(database).list() == ()


def test_a_resource_nested_too_deeply_is_refused(database: Database) -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    with pytest.raises(InvalidRecordError, match="RecursionError"):
        store(database, [{"resourceType": "Basic", "x": deep}], [])


def test_a_refusal_does_not_quote_the_document(database: Database) -> None:
    with pytest.raises(InvalidRecordError) as caught:
        store(database, [{"resourceType": "Basic", "note": "secret", "x": b"secret"}], [])

    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("identifier", [Identifier("", "1"), Identifier("urn:x", "  ")])
def test_an_empty_identifier_is_refused(database: Database, identifier: Identifier) -> None:
    with pytest.raises(InvalidRecordError, match="system and a value"):
        store(database, RECORD, [identifier])


def test_suggestions_come_back_oldest_first(database: Database, ada: str) -> None:
    first, second = suggest(database, ada, {"drug": "DRUGBANK:DB00331"}, {"drug": "二甲双胍"})

    suggestions = clinic(database).suggestions(ada)

    assert [suggestion.id for suggestion in suggestions] == [first, second]
    assert clinic(database).suggestion(second) == suggestions[1]
    assert suggestions[1].document == {"drug": "二甲双胍"}
    assert suggestions[1].patient_id == ada


def test_suggestions_survive_a_second_import(database: Database, ada: str) -> None:
    [suggestion_id] = suggest(database, ada, {"drug": "x"})

    store(database, [PATIENT], [NUMBER])

    assert clinic(database).suggestion(suggestion_id).document == {"drug": "x"}


def test_unknown_ids_are_not_found_and_never_logged_as_typed(database: Database, ada: str) -> None:
    for unknown in ("Ada Lovelace", "0" * 32):
        with pytest.raises(NotFoundError):
            clinic(database).get(unknown)
        with pytest.raises(NotFoundError):
            clinic(database).suggestion(unknown)
        with pytest.raises(NotFoundError):
            suggest(database, unknown, {})
        with pytest.raises(NotFoundError):
            office(database).access_log(unknown)

    assert "Lovelace" not in str(entries(database))
    assert outcomes(database).count(("patient.read", "NotFoundError")) == 2


def test_every_access_leaves_one_entry(database: Database, ada: str) -> None:
    reading = clinic(database)
    reading.list()
    reading.find(*NUMBER)
    reading.get(ada)
    [suggestion_id] = suggest(database, ada, {})
    reading.suggestions(ada)
    reading.suggestion(suggestion_id)
    erase(database, ada)
    office(database).access_log(ada)

    assert outcomes(database) == [
        ("patient.write", "ok"),
        ("patient.list", "ok"),
        ("patient.find", "ok"),
        ("patient.read", "ok"),
        ("suggestion.write", "ok"),
        ("suggestion.read", "ok"),
        ("suggestion.read", "ok"),
        ("patient.erase", "ok"),
        ("patient.access-log", "ok"),
    ]


def test_operations_of_one_unit_leave_their_entries_in_order(database: Database, ada: str) -> None:
    with database.unit("dr.lee", purpose="treatment") as unit:
        suggestion_id = unit.patients.put_suggestion(ada, {"n": 1})
        assert unit.patients.suggestion(suggestion_id).document == {"n": 1}
        assert unit.patients.add([CONDITION], [NUMBER]) == ada
        assert unit.patients.get(ada).resources == (CONDITION,)
        unit.commit()

    assert [action for action, _ in outcomes(database)[1:]] == [
        "suggestion.write",
        "suggestion.read",
        "patient.write",
        "patient.read",
    ]
    database.verify_audit()


def test_a_patients_access_log_names_who_and_why(database: Database, ada: str) -> None:
    other = store(database, RECORD, [])
    read(database, ada)
    read(database, other)

    found = office(database).access_log(ada)

    assert [(entry.actor, entry.action, entry.purpose) for entry in found] == [
        ("importer", "patient.write", "administration"),
        ("dr.lee", "patient.read", "treatment"),
    ]


def test_an_erased_patient_is_gone_and_the_log_still_whole(database: Database, ada: str) -> None:
    [suggestion_id] = suggest(database, ada, {})

    erase(database, ada)

    with pytest.raises(ErasedError):
        clinic(database).get(ada)
    with pytest.raises(ErasedError):
        erase(database, ada)
    with pytest.raises(NotFoundError):
        clinic(database).suggestion(suggestion_id)
    with pytest.raises(NotFoundError):
        clinic(database).find(*NUMBER)
    assert clinic(database).list() == ()
    assert "patient.erase" in [entry.action for entry in office(database).access_log(ada)]
    assert database.verify_audit().head.n_patients == 1


def test_an_erased_patients_identifier_makes_a_new_patient(database: Database, ada: str) -> None:
    erase(database, ada)

    assert store(database, RECORD, [NUMBER]) != ada


def test_a_data_key_is_replaced_before_it_seals_beyond_its_bound(
    database: Database, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crypto, "SEALS_PER_KEY", 7)  # three are used by the import

    ids = [suggest(database, ada, {"n": n})[0] for n in range(2)]
    store(database, [CONDITION], [NUMBER])
    store(database, RECORD, [NUMBER, Identifier("urn:passport", "X")])

    assert list(read(database, ada)) == RECORD
    assert [each.id for each in clinic(database).suggestions(ada)] == ids
    assert clinic(database).find("urn:passport", "X") == clinic(database).find(*NUMBER) == ada
    database.verify_audit()


def test_a_refusal_half_way_leaves_no_half_patient_even_if_the_unit_goes_on(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crypto, "SEALS_PER_KEY", 2)

    with database.unit("importer", purpose="administration") as unit:
        with pytest.raises(KeyRingError, match="more values than one data key may seal"):
            unit.patients.add(RECORD, [NUMBER])
        patient_id = unit.patients.add([PATIENT], [NUMBER])
        unit.commit()

    assert read(database, patient_id) == (PATIENT,)
    assert database.verify_audit().head.n_patients == 1


def test_reprs_show_no_clinical_text(database: Database, ada: str) -> None:
    suggest(database, ada, {"note": "糖尿病"})

    shown = repr(clinic(database).get(ada)) + repr(clinic(database).suggestions(ada))

    assert "糖尿病" not in shown
    assert "1950" not in shown
    assert json.dumps("糖尿病")[1:-1] not in shown
