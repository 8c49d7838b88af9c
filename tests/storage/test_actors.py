"""Who may act: granted, ended, revoked, and not to be changed without the keys."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from storage import (
    AccessDeniedError,
    AuditError,
    Database,
    InvalidRecordError,
    KeyRing,
    NotFoundError,
    StaleRecordError,
    UnitOfWork,
)
from tests.storage.conftest import Tamper, only_sqlite
from tests.storage.people import ANALYST, CLINICIAN, OFFICER, Clock, act, grant, log
from tests.storage.stores import ACTORS, OWNER


@pytest.fixture
def clock() -> Clock:
    return Clock()


def list_patients(database: Database, actor: str) -> object:
    return database.reading(actor, purpose="treatment").list()


def roles(database: Database) -> dict[str, str]:
    found = act(database, OWNER, "audit", lambda unit: unit.actors.list())
    return {actor.name: actor.roles for actor in found}


def test_the_owner_of_a_new_store_holds_every_role(database: Database) -> None:
    assert roles(database)[OWNER] == "analyst clinician security-officer service"


def test_a_grant_replaces_what_was_held(database: Database) -> None:
    grant(database, "lee", "clinician", "analyst")
    grant(database, "lee", "service")

    assert roles(database)["lee"] == "service"
    with pytest.raises(AccessDeniedError):
        list_patients(database, "lee")


def test_the_log_says_to_whom_what_was_granted_also_once_it_was_replaced(
    database: Database,
) -> None:
    end = datetime(2031, 2, 3, tzinfo=UTC)
    act(database, OWNER, "administration", lambda u: u.actors.grant("lee", ["service"], until=end))
    grant(database, "lee", "clinician", "analyst")
    act(database, OWNER, "administration", lambda unit: unit.actors.revoke("lee"))

    said = [entry.grant for entry in log(database, 50) if entry.grant]
    assert said == [
        "lee: service until 2031-02-03T00:00:00.000000+00:00",
        "lee: analyst, clinician",
        "lee: no role",
    ]
    database.verify_audit()


def test_a_grant_to_the_longest_name_is_recorded(database: Database) -> None:
    grant(database, "x" * 200, "clinician", "analyst", "service", "security-officer")

    assert log(database, 1)[0].grant.startswith("x" * 200 + ": analyst, clinician")


def test_a_grant_that_is_rolled_back_gives_nothing(database: Database) -> None:
    with database.unit(OWNER, purpose="administration") as unit:
        unit.actors.grant("lee", ["clinician"])

    with pytest.raises(AccessDeniedError):
        list_patients(database, "lee")


def test_an_unknown_actor_is_refused_and_recorded(database: Database) -> None:
    with pytest.raises(AccessDeniedError, match="unknown, revoked or past its end"):
        list_patients(database, "nobody")

    (entry,) = log(database, 1)
    assert (entry.actor, entry.action, entry.outcome) == (
        "nobody",
        "patient.list",
        "AccessDeniedError",
    )


def test_a_revoked_actor_is_refused_at_once_by_a_store_that_knew_them(database: Database) -> None:
    list_patients(database, CLINICIAN)

    act(database, OFFICER, "administration", lambda unit: unit.actors.revoke(CLINICIAN))

    with pytest.raises(AccessDeniedError):
        list_patients(database, CLINICIAN)
    assert roles(database)[CLINICIAN] == ""


def test_a_revocation_counts_at_once_in_a_store_that_another_process_has_open(
    database: Database, reopened: Callable[[], Database]
) -> None:
    with reopened() as other:
        list_patients(other, CLINICIAN)
        act(database, OFFICER, "administration", lambda unit: unit.actors.revoke(CLINICIAN))

        with pytest.raises(AccessDeniedError):
            list_patients(other, CLINICIAN)


def test_a_store_goes_on_by_the_row_that_it_compared_with_the_signed_tree(
    database: Database, tamper: Tamper
) -> None:
    list_patients(database, CLINICIAN)

    tamper("UPDATE actor SET roles = 'analyst' WHERE name = ?", CLINICIAN)

    list_patients(database, CLINICIAN)
    with pytest.raises(AccessDeniedError):
        database.reading(CLINICIAN, purpose="training").list()


def test_a_row_put_in_before_its_time_is_not_signed_over(
    database: Database, tamper: Tamper
) -> None:
    tamper(f"INSERT INTO actor VALUES ({len(ACTORS) + 1}, 'mallory', 'clinician', '', 1)")

    with pytest.raises(StaleRecordError, match="not the one last committed"):
        grant(database, "lee", "clinician")


def test_a_role_counts_up_to_its_end_and_not_at_it(database: Database, clock: Clock) -> None:
    grant(database, "lee", "clinician", until=clock.time + timedelta(hours=1))

    clock.move(hours=1, microseconds=-1)
    list_patients(database, "lee")
    clock.move(microseconds=1)
    with pytest.raises(AccessDeniedError):
        list_patients(database, "lee")


@only_sqlite
@pytest.mark.parametrize(
    ("name", "granted", "problem"),
    [
        ("lee", [], "roles must be"),
        ("lee", ["clinician", "admin"], "roles must be"),
        ("", ["clinician"], "printable"),
        ("lee\n", ["clinician"], "printable"),
        (" lee", ["clinician"], "white space"),
        ("\u202elee", ["clinician"], "printable"),
    ],
)
def test_a_grant_that_cannot_be_used_is_refused(
    database: Database, name: str, granted: list[str], problem: str
) -> None:
    with pytest.raises(InvalidRecordError, match=problem):
        grant(database, name, *granted)

    assert set(roles(database)) == {OWNER, *ACTORS}


@only_sqlite
@pytest.mark.parametrize("until", [datetime(2040, 1, 1), datetime.min, Clock().time])
def test_an_end_has_a_time_zone_and_lies_in_the_future(database: Database, until: datetime) -> None:
    with pytest.raises(InvalidRecordError, match="the end of a grant"):
        grant(database, "lee", "clinician", until=until)


def test_nobody_widens_their_own_roles(database: Database) -> None:
    with pytest.raises(AccessDeniedError, match="nobody widens"):
        grant(database, OFFICER, "clinician", "security-officer", by=OFFICER)

    assert roles(database)[OFFICER] == "security-officer"


@only_sqlite
@pytest.mark.parametrize("hours", [None, 3])
def test_nobody_moves_their_own_end(database: Database, clock: Clock, hours: int | None) -> None:
    grant(database, "sam", "security-officer", until=clock.time + timedelta(hours=2))
    later = None if hours is None else clock.time + timedelta(hours=hours)

    with pytest.raises(AccessDeniedError, match="moves their own end"):
        grant(database, "sam", "security-officer", until=later, by="sam")

    grant(database, "sam", "security-officer", until=clock.time + timedelta(hours=1), by="sam")


def test_the_owner_may_give_up_roles_once_another_officer_is_there(database: Database) -> None:
    grant(database, OWNER, "clinician", by=OWNER)

    with pytest.raises(AccessDeniedError):
        grant(database, "lee", "clinician", by=OWNER)
    grant(database, "lee", "clinician", by=OFFICER)


@only_sqlite
@pytest.mark.parametrize("how", ["revoke", "narrow", "end"])
def test_the_last_security_officer_without_an_end_stays(
    database: Database, clock: Clock, how: str
) -> None:
    # One whose role ends is not enough: nobody could grant after that.
    act(database, OWNER, "administration", lambda unit: unit.actors.revoke(OFFICER))
    end = clock.time + timedelta(hours=1)
    grant(database, "sam", "security-officer", until=end)

    changes: dict[str, Callable[[UnitOfWork], object]] = {
        "revoke": lambda unit: unit.actors.revoke(OWNER),
        "narrow": lambda unit: unit.actors.grant(OWNER, ["clinician"]),
        "end": lambda unit: unit.actors.grant(OWNER, ["security-officer"], until=end),
    }
    with pytest.raises(AccessDeniedError, match="last security officer"):
        act(database, "sam", "administration", changes[how])

    assert "security-officer" in roles(database)[OWNER]


@only_sqlite
def test_who_is_not_known_cannot_be_revoked(database: Database) -> None:
    with pytest.raises(NotFoundError):
        act(database, OWNER, "administration", lambda unit: unit.actors.revoke("nobody"))


# Each gives the analyst more than was granted, as somebody without the keys could.
EDITS = {
    "text": ["UPDATE actor SET roles = 'analyst clinician' WHERE name = 'analyst'"],
    "copied": [
        "UPDATE actor SET roles = (SELECT roles FROM actor WHERE ordinal = 1) WHERE ordinal = 6"
    ],
    "renamed": [
        "UPDATE actor SET name = 'old' WHERE name = 'analyst'",
        "UPDATE actor SET name = 'analyst' WHERE name = 'dr.lee'",
    ],
    "added": [
        "DELETE FROM actor WHERE name = 'analyst'",
        "INSERT INTO actor VALUES (99, 'analyst', 'clinician', '', 1)",
    ],
}


@pytest.mark.parametrize("edit", EDITS)
def test_rows_changed_without_the_keys_widen_nobody(
    database: Database, reopened: Callable[[], Database], tamper: Tamper, edit: str
) -> None:
    for statement in EDITS[edit]:
        tamper(statement)

    with reopened() as fresh:
        with pytest.raises(StaleRecordError):
            list_patients(fresh, ANALYST)
        assert log(fresh, 1)[0].outcome == "StaleRecordError"
        with pytest.raises(StaleRecordError):
            roles(fresh)
        with pytest.raises((AuditError, StaleRecordError)):
            fresh.verify_audit()
    # A store that has been open decides by what it compared with the signed tree.
    with pytest.raises((AccessDeniedError, StaleRecordError)):
        list_patients(database, ANALYST)


def test_an_older_row_put_back_does_not_undo_a_revocation(
    database: Database, reopened: Callable[[], Database], tamper: Tamper
) -> None:
    old = tamper("SELECT roles, until, version FROM actor WHERE name = ?", CLINICIAN)[0]
    act(database, OFFICER, "administration", lambda unit: unit.actors.revoke(CLINICIAN))

    tamper("UPDATE actor SET roles = ?, until = ?, version = ? WHERE name = ?", *old, CLINICIAN)

    for store in (database, reopened()):
        with store, pytest.raises(StaleRecordError):
            list_patients(store, CLINICIAN)


def test_an_end_removed_without_the_keys_is_refused(
    database: Database, reopened: Callable[[], Database], tamper: Tamper, clock: Clock
) -> None:
    grant(database, "lee", "clinician", until=clock.time + timedelta(hours=1))

    tamper("UPDATE actor SET until = '' WHERE name = 'lee'")

    with reopened() as fresh, pytest.raises(StaleRecordError):
        list_patients(fresh, "lee")


def test_an_actor_whose_row_was_removed_is_unknown_and_the_list_refuses(
    database: Database, reopened: Callable[[], Database], tamper: Tamper
) -> None:
    tamper("DELETE FROM actor WHERE name = ?", CLINICIAN)

    with reopened() as fresh:
        with pytest.raises(AccessDeniedError):
            list_patients(fresh, CLINICIAN)
        with pytest.raises(StaleRecordError):
            roles(fresh)


@pytest.fixture
def reopened(location: str, ring: KeyRing, clock: Clock) -> Callable[[], Database]:
    """The store as another process would open it, which remembers no actor."""
    return lambda: Database.open(location, ring, clock=clock)


@pytest.mark.parametrize("name", ["DR.LEE", "dr․lee", "dr\u200b.lee", "ｄr.lee", "storage"])
def test_a_name_that_reads_like_another_is_refused(database: Database, name: str) -> None:
    with pytest.raises(InvalidRecordError):
        grant(database, name, "clinician")
