"""Emergency access: one actor, one patient, for a time, with a reason, and never out of sight."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from storage import (
    AccessDeniedError,
    AuditError,
    Database,
    ErasedError,
    InvalidRecordError,
    NotFoundError,
)
from storage.break_glass import EmergencyAccess
from tests.storage.conftest import Tamper, only_sqlite
from tests.storage.people import (
    ANALYST,
    CLINICIAN,
    OFFICER,
    REASON,
    SERVICE,
    Clock,
    act,
    break_glass,
    grant,
    listed,
    log,
)
from tests.storage.stores import OWNER, RECORD, store


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def eve(database: Database, ada: str) -> str:
    """A patient who denies treatment."""
    act(database, OFFICER, "request", lambda unit: unit.consents.say(ada, {"treatment": "deny"}))
    return ada


def read(database: Database, patient_id: str, *, actor: str = CLINICIAN) -> object:
    return database.reading(actor, purpose="emergency").get(patient_id).resources


def review(database: Database, number: int, *, by: str = OFFICER) -> EmergencyAccess:
    return act(database, by, "audit", lambda unit: unit.emergencies.review(number))


def test_behind_broken_glass_a_denied_record_is_read_as_an_emergency(
    database: Database, eve: str
) -> None:
    with pytest.raises(AccessDeniedError, match="no emergency access"):
        read(database, eve)

    break_glass(database, eve)

    assert read(database, eve) == tuple(RECORD)
    opened, shown = log(database, 2)
    assert (opened.action, opened.subject, opened.purpose) == ("break-glass.open", eve, "emergency")
    assert (shown.action, shown.subject, shown.purpose) == ("patient.read", eve, "emergency")


@only_sqlite
def test_it_widens_nothing_but_the_emergency(database: Database, eve: str) -> None:
    break_glass(database, eve)

    for purpose in ("treatment", "request", "training", "audit"):
        with pytest.raises(AccessDeniedError):
            database.reading(CLINICIAN, purpose=purpose).get(eve)


def test_it_holds_for_this_actor_and_this_patient(database: Database, eve: str) -> None:
    bob = store(database, RECORD, [])
    break_glass(database, eve)

    with pytest.raises(AccessDeniedError):
        read(database, eve, actor="dr.fox")
    with pytest.raises(AccessDeniedError):
        read(database, bob)


def test_it_holds_up_to_its_end_and_not_at_it(database: Database, eve: str, clock: Clock) -> None:
    opening = break_glass(database, eve, minutes=5)
    assert opening.until == (clock.time + timedelta(minutes=5)).isoformat(timespec="microseconds")

    clock.move(minutes=5, microseconds=-1)
    read(database, eve)
    clock.move(microseconds=1)
    with pytest.raises(AccessDeniedError):
        read(database, eve)


@only_sqlite
def test_a_clock_set_back_before_the_opening_opens_nothing(
    database: Database, eve: str, clock: Clock
) -> None:
    break_glass(database, eve)
    clock.move(seconds=-1)

    with pytest.raises(AccessDeniedError):
        read(database, eve)


def test_an_actor_who_is_revoked_reads_no_further(database: Database, eve: str) -> None:
    break_glass(database, eve)
    act(database, OFFICER, "administration", lambda unit: unit.actors.revoke(CLINICIAN))

    with pytest.raises(AccessDeniedError):
        read(database, eve)


def test_an_opening_that_is_rolled_back_opens_nothing_but_is_recorded(
    database: Database, eve: str
) -> None:
    with database.unit(CLINICIAN, purpose="emergency") as unit:
        unit.emergencies.open(eve, REASON)

    with pytest.raises(AccessDeniedError):
        read(database, eve)
    assert listed(database) == ()
    assert ("break-glass.open", "rolled-back") in [(e.action, e.outcome) for e in log(database)]


@only_sqlite
@pytest.mark.parametrize(
    ("reason", "minutes"),
    [
        ("too short", 60),
        ("  padded   ", 60),
        ("x" * 1001, 60),
        (REASON, 0),
        (REASON, 1441),
        (REASON, -1),
        ("clear the screen \x1b[2J", 60),
        ("from right to left \u202e", 60),
        ("half a character \ud800", 60),
    ],
)
def test_without_a_usable_reason_and_time_nothing_is_opened(
    database: Database, eve: str, reason: str, minutes: int
) -> None:
    with pytest.raises(InvalidRecordError):
        break_glass(database, eve, reason=reason, minutes=minutes)

    assert listed(database) == ()


@only_sqlite
@pytest.mark.parametrize("reason", ["x" * 10, "x" * 1000])
@pytest.mark.parametrize("minutes", [1, 1440])
def test_the_bounds_of_reason_and_time_are_inside(
    database: Database, eve: str, reason: str, minutes: int
) -> None:
    break_glass(database, eve, reason=reason, minutes=minutes)

    assert [one.reason for one in listed(database)] == [reason]


@only_sqlite
@pytest.mark.parametrize("actor", [ANALYST, OFFICER, SERVICE, "nobody"])
def test_only_a_clinician_breaks_glass(database: Database, eve: str, actor: str) -> None:
    with pytest.raises(AccessDeniedError):
        break_glass(database, eve, actor=actor)

    assert listed(database) == ()


@only_sqlite
def test_of_who_is_not_there_nothing_is_opened(database: Database, ada: str) -> None:
    with pytest.raises(NotFoundError):
        break_glass(database, "f" * 32)
    act(database, OFFICER, "request", lambda unit: unit.patients.erase(ada))
    with pytest.raises(ErasedError):
        break_glass(database, ada)


def test_every_opening_is_listed_with_its_reason_until_reviewed(
    database: Database, eve: str
) -> None:
    first, second = break_glass(database, eve), break_glass(database, eve, actor="dr.fox")
    assert [one.reason for one in listed(database)] == [REASON, REASON]

    done = review(database, first.number)

    assert done.reviewed_by == OFFICER
    assert done.reason == REASON
    assert [one.number for one in listed(database, is_open_only=True)] == [second.number]
    assert [one.number for one in listed(database)] == [first.number, second.number]
    entries = {entry.action: entry for entry in log(database)}
    assert entries["break-glass.review"].subject == eve
    assert entries["break-glass.list"].subject == ""


def test_a_review_ends_an_access_that_is_still_open(database: Database, eve: str) -> None:
    opening = break_glass(database, eve)

    review(database, opening.number)

    with pytest.raises(AccessDeniedError):
        read(database, eve)


def test_nobody_reviews_their_own_emergency(database: Database, eve: str) -> None:
    opening = break_glass(database, eve, actor=OWNER)

    with pytest.raises(AccessDeniedError, match="nobody reviews their own"):
        review(database, opening.number, by=OWNER)

    assert len(listed(database, is_open_only=True)) == 1
    review(database, opening.number)


@only_sqlite
def test_nothing_is_reviewed_twice_or_that_is_not_there(database: Database, eve: str) -> None:
    opening = break_glass(database, eve)
    review(database, opening.number)

    with pytest.raises(InvalidRecordError, match="was reviewed on"):
        review(database, opening.number, by=OWNER)
    for number in (1, -1):
        with pytest.raises(NotFoundError):
            review(database, number)


def test_an_opening_outlives_its_patient_but_its_reason_does_not(
    database: Database, eve: str, tamper: Tamper
) -> None:
    opening = break_glass(database, eve)
    ((sealed,),) = tamper("SELECT reason FROM break_glass")
    act(database, OFFICER, "request", lambda unit: unit.patients.erase(eve))

    (left,) = listed(database, is_open_only=True)

    assert (left.patient_id, left.actor, left.reason) == (eve, CLINICIAN, None)
    assert tamper("SELECT reason FROM break_glass") == [(None,)]
    assert review(database, opening.number).reviewed_by == OFFICER
    database.verify_audit()
    tamper("UPDATE break_glass SET reason = ?", sealed)
    with pytest.raises(AuditError, match="of no patient"):
        database.verify_audit()


def test_the_reason_is_sealed_and_named_in_no_message_or_entry(
    database: Database, eve: str, tamper: Tamper
) -> None:
    break_glass(database, eve)

    ((sealed,),) = tamper("SELECT reason FROM break_glass")
    assert b"ambulance" not in bytes(sealed)
    assert "ambulance" not in "".join(map(str, log(database)))


def test_a_store_with_emergencies_verifies(database: Database, eve: str) -> None:
    for _ in range(3):
        review(database, break_glass(database, eve).number)

    database.verify_audit()


@pytest.fixture(params=["open", "list", "review"])
def operation(request: pytest.FixtureRequest) -> Callable[[Database, str], object]:
    return {
        "open": lambda database, patient: break_glass(database, patient, actor="temp"),
        "list": lambda database, _: act(database, "temp", "audit", lambda u: u.emergencies.list()),
        "review": lambda database, _: review(database, 0, by="temp"),
    }[request.param]


def test_a_role_that_has_ended_opens_lists_and_reviews_nothing(
    database: Database, eve: str, clock: Clock, operation: Callable[[Database, str], object]
) -> None:
    break_glass(database, eve)
    end = clock.time + timedelta(hours=1)
    grant(database, "temp", "clinician", "security-officer", until=end)
    clock.move(hours=1)

    with pytest.raises(AccessDeniedError):
        operation(database, eve)
