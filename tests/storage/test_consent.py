"""What a patient denies is refused, and what was said cannot be changed without the keys."""

from collections.abc import Callable

import pytest

from storage import (
    AccessDeniedError,
    Database,
    ErasedError,
    InvalidRecordError,
    NotFoundError,
    StaleRecordError,
    UnitOfWork,
)
from tests.storage.conftest import Tamper, only_sqlite
from tests.storage.people import ANALYST, CLINICIAN, OFFICER, SERVICE, act, log
from tests.storage.stores import CONDITION, NUMBER, RECORD, store


def say(database: Database, patient_id: str, **says: str) -> dict[str, str]:
    return act(database, OFFICER, "request", lambda unit: unit.consents.say(patient_id, says))


def said(database: Database, patient_id: str) -> dict[str, str]:
    return act(database, OFFICER, "request", lambda unit: unit.consents.of(patient_id))


def test_what_was_not_said_is_permitted(database: Database, ada: str) -> None:
    assert said(database, ada) == {}
    assert database.reading(CLINICIAN, purpose="treatment").get(ada).resources == tuple(RECORD)
    assert database.reading(ANALYST, purpose="training").get(ada).resources == tuple(RECORD)


def test_what_is_said_is_kept_purpose_by_purpose(database: Database, ada: str) -> None:
    assert say(database, ada, treatment="deny", training="deny") == {
        "training": "deny",
        "treatment": "deny",
    }
    say(database, ada, treatment="permit")

    assert said(database, ada) == {"training": "deny", "treatment": "permit"}


USES: dict[str, Callable[[UnitOfWork, str], object]] = {
    "read": lambda unit, patient: unit.patients.get(patient),
    "suggestions": lambda unit, patient: unit.patients.suggestions(patient),
    "suggest": lambda unit, patient: unit.patients.put_suggestion(patient, {}),
    "write": lambda unit, _: unit.patients.add([CONDITION], [NUMBER]),
    "write-merged": lambda unit, _: unit.patients.add(
        [CONDITION], [NUMBER], merge=lambda _: pytest.fail("the stored record was shown")
    ),
}


@pytest.mark.parametrize("use", USES)
def test_a_denied_treatment_refuses_every_use_of_the_record_and_records_it(
    database: Database, ada: str, use: str
) -> None:
    say(database, ada, treatment="deny")

    with pytest.raises(AccessDeniedError, match="denies the use of the record for treatment"):
        act(database, CLINICIAN, "treatment", lambda unit: USES[use](unit, ada))

    refused, failed = log(database, 2)
    assert (refused.actor, refused.subject) == (CLINICIAN, ada)
    assert refused.outcome == failed.outcome == "AccessDeniedError"


@only_sqlite
@pytest.mark.parametrize("use", ["read", "suggestions"])
def test_a_request_is_no_way_around_a_denied_treatment(
    database: Database, ada: str, use: str
) -> None:
    say(database, ada, treatment="deny")

    with pytest.raises(AccessDeniedError):
        act(database, CLINICIAN, "request", lambda unit: USES[use](unit, ada))


def test_a_denied_training_hides_the_record_from_training_only(
    database: Database, ada: str
) -> None:
    say(database, ada, training="deny")

    with pytest.raises(AccessDeniedError, match="for training"):
        database.reading(ANALYST, purpose="training").get(ada)
    database.reading(CLINICIAN, purpose="treatment").get(ada)


@only_sqlite
def test_one_patients_denial_is_not_anothers(database: Database, ada: str) -> None:
    bob = store(database, RECORD, [])
    say(database, ada, treatment="deny")

    database.reading(CLINICIAN, purpose="treatment").get(bob)


def test_an_import_goes_on_and_keeps_the_denial(database: Database, ada: str) -> None:
    say(database, ada, treatment="deny")

    act(database, SERVICE, "administration", lambda unit: unit.patients.add(RECORD, [NUMBER]))

    assert said(database, ada) == {"treatment": "deny"}


@only_sqlite
@pytest.mark.parametrize(
    "says", [{}, {"audit": "deny"}, {"treatment": "DENY"}, {"emergency": "deny"}, {"": ""}]
)
def test_another_purpose_or_answer_is_refused(
    database: Database, ada: str, says: dict[str, str]
) -> None:
    with pytest.raises(InvalidRecordError, match="consent is"):
        act(database, OFFICER, "request", lambda unit: unit.consents.say(ada, says))

    assert said(database, ada) == {}


@only_sqlite
@pytest.mark.parametrize("actor", [CLINICIAN, ANALYST, SERVICE])
def test_only_a_security_officer_records_consent(database: Database, ada: str, actor: str) -> None:
    say(database, ada, treatment="deny")

    for operation in (
        lambda unit: unit.consents.say(ada, {"treatment": "permit"}),
        lambda unit: unit.consents.of(ada),
    ):
        with pytest.raises(AccessDeniedError):
            act(database, actor, "request", operation)

    assert said(database, ada) == {"treatment": "deny"}


@only_sqlite
def test_of_who_is_not_there_nothing_is_said(database: Database, ada: str) -> None:
    with pytest.raises(NotFoundError):
        said(database, "f" * 32)
    act(database, OFFICER, "request", lambda unit: unit.patients.erase(ada))
    with pytest.raises(ErasedError):
        say(database, ada, treatment="deny")


def test_what_was_said_is_sealed_and_goes_with_the_patient(
    database: Database, ada: str, tamper: Tamper
) -> None:
    say(database, ada, treatment="deny")
    ((sealed,),) = tamper("SELECT consent FROM patient")
    assert b"deny" not in bytes(sealed)

    act(database, OFFICER, "request", lambda unit: unit.patients.erase(ada))

    assert tamper("SELECT consent FROM patient") == [(None,)]


@pytest.mark.parametrize("attack", ["removed", "put back", "another's"])
def test_a_denial_cannot_be_lifted_without_the_keys(
    database: Database, ada: str, tamper: Tamper, attack: str
) -> None:
    bob = store(database, RECORD, [])
    say(database, ada, treatment="permit")
    say(database, bob, treatment="permit")
    ((earlier,),) = tamper("SELECT consent FROM patient WHERE id = ?", ada)
    say(database, ada, treatment="deny")

    ((others,),) = tamper("SELECT consent FROM patient WHERE id = ?", bob)
    instead = {"removed": None, "put back": earlier, "another's": others}[attack]
    tamper("UPDATE patient SET consent = ? WHERE id = ?", instead, ada)

    with pytest.raises(StaleRecordError):
        database.reading(CLINICIAN, purpose="treatment").get(ada)
    assert log(database, 1)[0].outcome == "StaleRecordError"
