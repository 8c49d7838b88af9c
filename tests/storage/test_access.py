"""The decision table, asked in every combination and compared with the page in words.

The oracle shares nothing with the code: it reads ``docs/access.md``, which is
arranged by action where the code is arranged by role.
"""

import inspect
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage import (
    AccessDeniedError,
    Database,
    InvalidRecordError,
    PatientReader,
    PatientRepository,
    UnitOfWork,
    access,
)
from storage.access import Action, Condition, Purpose, Role, condition, decide
from tests.storage.conftest import only_sqlite
from tests.storage.people import ANALYST, CLINICIAN, OFFICER, SERVICE, act, log
from tests.storage.stores import NUMBER, RECORD, suggest

PAGE = Path(__file__).parents[2] / "docs" / "access.md"
SAID = (None, "permit", "deny")


def tables() -> dict[str, list[dict[str, str]]]:
    """The tables of the page by the head of their first column, each a list of rows."""
    found: dict[str, list[dict[str, str]]] = {}
    heads: list[str] = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            heads = []
            continue
        cells = [cell.strip(" `") for cell in line.strip().strip("|").split("|")]
        if not heads:
            heads = cells
            found[heads[0]] = []
        elif set(cells[0]) != {"-"}:
            found[heads[0]].append(dict(zip(heads, cells, strict=True)))
    return found


TABLES = tables()
ACTIONS = {row["action"]: row for row in TABLES["action"]}
ASKED = {row["purpose"]: row['"unless denied" asks for consent to'] for row in TABLES["purpose"]}
ROLES = [row["role"] for row in TABLES["role"]]


def allowed_by_the_page(
    roles: tuple[str, ...], purpose: str, action: str, consent: dict[str, str], *, glass: bool
) -> bool:
    """What somebody reading the page would say."""
    cell = ACTIONS[action][purpose]
    names, _, asks = cell.partition(" unless ") if " unless " in cell else cell.partition(" while ")
    if not any(role in names.split(", ") for role in roles):
        return False
    if asks == "denied":
        return consent.get(ASKED[purpose]) != "deny"
    if asks == "open":
        return glass
    assert asks == "", f"the page says {cell!r}"
    return True


def role_sets() -> Iterator[tuple[str, ...]]:
    for size in range(len(ROLES) + 1):
        yield from itertools.combinations(ROLES, size)


def consents() -> Iterator[dict[str, str]]:
    """Everything a patient can have said."""
    for said in itertools.product(SAID, repeat=3):
        pairs = zip(("treatment", "training", "research"), said, strict=True)
        yield {use: answer for use, answer in pairs if answer}


def test_the_page_and_the_program_use_the_same_words() -> None:
    assert list(Role) == ROLES
    assert set(Action) == set(ACTIONS)
    assert set(Purpose) == set(ASKED) == set(TABLES["action"][0]) - {"action"}


def test_every_combination_is_decided_as_the_page_says() -> None:
    said, n_asked, n_allowed = list(consents()), 0, 0

    for roles, purpose, action in itertools.product(role_sets(), ASKED, ACTIONS):
        for consent, glass in itertools.product(said, (False, True)):
            decision = decide(roles, purpose, action, consent=consent, has_broken_glass=glass)
            expected = allowed_by_the_page(roles, purpose, action, consent, glass=glass)
            assert decision.is_allowed == expected, (roles, purpose, action, consent, glass)
            n_asked += 1
            n_allowed += expected

    assert n_asked == 16 * 7 * 23 * 27 * 2
    assert 0 < n_allowed < n_asked / 4


def test_more_roles_never_allow_less_and_never_more_than_each_alone() -> None:
    for roles, purpose, action in itertools.product(role_sets(), Purpose, Action):
        together = decide(roles, purpose, action, consent={}, has_broken_glass=True)
        alone = [
            decide([role], purpose, action, consent={}, has_broken_glass=True) for role in roles
        ]
        assert together.is_allowed == any(one.is_allowed for one in alone)


def test_one_action_asks_the_same_of_every_role_for_one_purpose() -> None:
    # Else somebody with two roles could choose the one that asks less.
    for purpose, action in itertools.product(Purpose, Action):
        asked = {condition([role], purpose, action) for role in Role} - {None}
        assert len(asked) <= 1


def test_every_row_that_asks_for_consent_has_a_purpose_that_can_be_denied() -> None:
    asking = {rule.purpose for rule in access.TABLE if rule.condition is Condition.CONSENT}

    assert asking == set(access.CONSENT_ASKED)


def test_no_row_of_the_table_repeats_another() -> None:
    rows = [(rule.role, rule.purpose, action) for rule in access.TABLE for action in rule.actions]

    assert len(rows) == len(set(rows))


@pytest.mark.parametrize("purpose", ["", "test", "Treatment", "treatment ", "TREAT"])
def test_a_purpose_that_does_not_exist_is_refused_and_not_repeated(purpose: str) -> None:
    decision = decide(Role, purpose, "patient.read", consent={}, has_broken_glass=True)

    assert decision.reason == f"the purpose of use is not one of: {', '.join(Purpose)}"


def test_an_action_that_does_not_exist_is_refused_and_not_repeated() -> None:
    decision = decide(Role, "treatment", "Ada Smith", consent={}, has_broken_glass=True)

    assert not decision.is_allowed
    assert "Ada" not in decision.reason


def test_a_role_that_does_not_exist_allows_nothing_and_is_not_repeated() -> None:
    decision = decide(["admin"], "treatment", "patient.read", consent={}, has_broken_glass=True)

    assert decision.reason.startswith("the actor holds no role")


def test_a_consent_that_is_neither_yes_nor_no_counts_as_no() -> None:
    decision = decide(
        ["clinician"],
        "treatment",
        "patient.read",
        consent={"treatment": "Deny"},
        has_broken_glass=False,
    )

    assert decision.reason == "the patient denies the use of the record for treatment"


@pytest.mark.parametrize(
    ("roles", "asked", "reason"),
    [
        ([], "patient.read for treatment", "the actor holds no role in this store"),
        (["clinician"], "patient.read for treatment", "the patient denies the use of the record"),
        (["clinician"], "patient.read for emergency", "this actor has no emergency access"),
        (
            ["service", "analyst"],
            "audit.read for audit",
            "audit.read for audit is not allowed to analyst, service",
        ),
    ],
)
def test_a_refusal_names_the_rule(roles: list[str], asked: str, reason: str) -> None:
    action, _, purpose = asked.split()

    decision = decide(roles, purpose, action, consent={"treatment": "deny"}, has_broken_glass=False)

    assert decision.reason.startswith(reason)


def test_a_service_takes_nothing_out_and_a_security_officer_reads_no_record() -> None:
    for purpose, action in itertools.product(Purpose, ("patient.read", "suggestion.read")):
        for role in ("service", "security-officer"):
            assert condition([role], purpose, action) is None


def test_nobody_who_reads_records_can_lift_a_denial_with_the_same_role() -> None:
    for role in Role:
        reads = any(condition([role], purpose, "patient.read") for purpose in Purpose)
        lifts = any(condition([role], purpose, "patient.consent") for purpose in Purpose)
        assert not (reads and lifts)


def test_each_purpose_has_the_code_that_the_page_names() -> None:
    named = {row["purpose"]: row["HL7 v3 PurposeOfUse"] for row in TABLES["purpose"]}

    assert {purpose: code for purpose, (code, _) in access.PURPOSE_CODES.items()} == named


ACTORS = {
    CLINICIAN: "clinician",
    ANALYST: "analyst",
    OFFICER: "security-officer",
    SERVICE: "service",
}
READS: dict[str, Callable[[PatientReader, str], object]] = {
    "patient.read": lambda reader, patient: reader.get(patient),
    "patient.list": lambda reader, _: reader.list(),
    "patient.find": lambda reader, _: reader.find(*NUMBER),
    "patient.access-log": lambda reader, patient: reader.access_log(patient),
    "suggestion.read": lambda reader, patient: reader.suggestions(patient),
    "audit.read": lambda reader, _: reader.audit_log(1),
}
UNITS: dict[str, Callable[[UnitOfWork, str], object]] = {
    "patient.write": lambda unit, _: unit.patients.add(RECORD, [NUMBER]),
    "patient.erase": lambda unit, patient: unit.patients.erase(patient),
    "patient.consent": lambda unit, patient: unit.consents.say(patient, {"training": "deny"}),
    "suggestion.write": lambda unit, patient: unit.patients.put_suggestion(patient, {}),
    "break-glass.open": lambda unit, patient: unit.emergencies.open(patient, "chest pain, shock"),
    "break-glass.list": lambda unit, _: unit.emergencies.list(),
    "break-glass.review": lambda unit, _: unit.emergencies.review(0),
    "actor.grant": lambda unit, _: unit.actors.grant("new", ["clinician"]),
    "actor.revoke": lambda unit, _: unit.actors.revoke("dr.fox"),
    "actor.list": lambda unit, _: unit.actors.list(),
}


def is_allowed(database: Database, actor: str, purpose: str, action: str, patient: str) -> bool:
    """Try one operation; what it would change is rolled back."""
    try:
        if action in READS:
            READS[action](database.reading(actor, purpose=purpose), patient)
        else:
            with database.unit(actor, purpose=purpose) as unit:
                UNITS[action](unit, patient)
    except AccessDeniedError:
        return False
    return True


def test_the_store_allows_what_the_page_says_and_records_each_refusal(
    database: Database, ada: str
) -> None:
    suggest(database, ada, {"drug": "x"})
    act(database, "dr.fox", "emergency", lambda unit: unit.emergencies.open(ada, "an accident"))

    refused = []
    for (actor, role), purpose in itertools.product(ACTORS.items(), Purpose):
        for action in [*READS, *UNITS]:
            expected = allowed_by_the_page((role,), purpose, action, {}, glass=False)
            tried = (actor, purpose, action)
            assert is_allowed(database, actor, purpose, action, ada) == expected, tried
            if not expected:
                refused.append(tried)

    entries = [entry for entry in log(database, 10_000) if entry.action != "unit.failed"]
    denied = [entry for entry in entries if entry.outcome == "AccessDeniedError"]
    assert [(entry.actor, entry.purpose, entry.action) for entry in denied] == refused


@only_sqlite
def test_a_purpose_that_does_not_exist_begins_nothing(database: Database) -> None:
    with pytest.raises(InvalidRecordError, match="purpose of use must be one of"):
        database.reading(CLINICIAN, purpose="curiosity").list()


def test_a_refusal_does_not_tell_whether_a_patient_exists(database: Database, ada: str) -> None:
    reader = database.reading(OFFICER, purpose="treatment")

    with pytest.raises(AccessDeniedError) as of_ada:
        reader.get(ada)
    with pytest.raises(AccessDeniedError) as of_nobody:
        reader.get("f" * 32)

    assert str(of_ada.value) == str(of_nobody.value)


@pytest.mark.parametrize("reader", [PatientReader, PatientRepository])
def test_no_caller_names_the_action_that_the_table_is_asked_about(reader: type) -> None:
    # Else a record could be opened as what asks for less, such as finding it.
    for name, method in inspect.getmembers(reader, inspect.isfunction):
        if not name.startswith("_"):
            assert "action" not in inspect.signature(method).parameters, name
