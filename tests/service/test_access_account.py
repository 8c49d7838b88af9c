"""What a patient reads of who was in their record."""

from service.access_account import account
from tests.service.logged import entry

REFUSED = " REFUSED, it was not allowed; nothing was shown or changed"
BACK = " taken back, nothing was changed"


def test_an_account_says_who_did_what_when_why_and_how_it_ended() -> None:
    entries = [
        entry(0),
        entry(1, "break-glass.open", purpose="emergency"),
        entry(2, outcome="AccessDeniedError", purpose="research"),
        entry(3, "patient.access-log", actor="officer", purpose="request"),
        entry(4, purpose="test", outcome="rolled-back"),
    ]

    assert list(account(entries)) == [
        "2030-01-01 00:00:00 UTC: dr.lee read the record, for treatment",
        "2030-01-01 00:00:01 UTC: dr.lee opened an emergency access to the record, in an emergency",
        "2030-01-01 00:00:02 UTC: dr.lee read the record, for research:" + REFUSED,
        "2030-01-01 00:00:03 UTC: officer read this list of accesses, at the patient's request",
        "2030-01-01 00:00:04 UTC: dr.lee read the record, stated purpose: test:" + BACK,
    ]
