"""Emergency accesses edited, copied or removed by somebody with the database and no keys."""

import pytest

from storage import AuditError, Database, DecryptionError, StaleRecordError
from tests.storage.conftest import Tamper
from tests.storage.people import CLINICIAN, Clock, break_glass, listed
from tests.storage.stores import OWNER, RECORD, store


@pytest.fixture
def clock() -> Clock:
    return Clock()


# What somebody with the database and no keys could do to see more, or to be seen less.
EDITS = {
    "prolonged": "UPDATE break_glass SET until = '2040' || substr(until, 5)",
    "another actor": "UPDATE break_glass SET actor = 'owner' WHERE ordinal = 0",
    "another patient": "UPDATE break_glass SET patient = 1 WHERE ordinal = 0",
    "copied": (
        "INSERT INTO break_glass SELECT 2, patient, 'owner', created, until, "
        "reviewed_by, reviewed_at, reason FROM break_glass WHERE ordinal = 0"
    ),
    "removed": "DELETE FROM break_glass WHERE ordinal = 0",
    "last removed": "DELETE FROM break_glass WHERE ordinal = 1",
    "faked review": "UPDATE break_glass SET reviewed_by = 'officer', reviewed_at = created",
    "reason removed": "UPDATE break_glass SET reason = NULL WHERE ordinal = 1",
    "reason exchanged": (
        "UPDATE break_glass SET reason = (SELECT b.reason FROM break_glass AS b "
        "WHERE b.ordinal = 1) WHERE ordinal = 0"
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_list_and_verification_show_every_change_made_without_the_keys(
    database: Database, ada: str, tamper: Tamper, edit: str
) -> None:
    store(database, RECORD, [])
    for _ in range(2):
        break_glass(database, ada)

    tamper(EDITS[edit])

    with pytest.raises((StaleRecordError, DecryptionError)):
        listed(database)
    with pytest.raises(AuditError):
        database.verify_audit()


@pytest.mark.parametrize(
    ("edit", "actor", "ordinal"),
    [
        ("prolonged", CLINICIAN, 0),
        ("another actor", OWNER, 0),
        ("another patient", CLINICIAN, 1),
        ("copied", OWNER, 0),
    ],
)
def test_no_change_made_without_the_keys_widens_anybody(
    database: Database,
    ada: str,
    tamper: Tamper,
    clock: Clock,
    edit: str,
    actor: str,
    ordinal: int,
) -> None:
    patients = [ada, store(database, RECORD, [])]
    for _ in range(2):
        break_glass(database, ada)
    if edit == "prolonged":
        clock.move(days=1)

    tamper(EDITS[edit])

    with pytest.raises(StaleRecordError):
        database.reading(actor, purpose="emergency").get(patients[ordinal])


def test_a_row_put_in_before_its_time_is_not_signed_over(
    database: Database, ada: str, tamper: Tamper
) -> None:
    break_glass(database, ada)
    tamper(EDITS["copied"].replace("SELECT 2,", "SELECT 1,"))

    with pytest.raises(StaleRecordError, match="never committed"):
        break_glass(database, ada)
