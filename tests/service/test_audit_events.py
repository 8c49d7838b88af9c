"""The audit log as FHIR: every action coded, every required element there, nothing editable."""

import copy
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from service.access_account import REASONS, WORDS
from service.audit_codes import EVENTS, PROFILE
from service.audit_events import check_event, to_event
from storage import AuditError
from storage.access import Action, Purpose
from storage.merkle import leaf_hash
from tests.service.logged import (
    OF_NOBODY,
    PATIENT,
    PUBLIC,
    STORE,
    entry,
    head_of,
    log,
    path_of,
)

Json = dict[str, Any]


def codes(elements: list[Json]) -> set[tuple[str, str]]:
    return {(element["system"], element["code"]) for element in elements}


def leaves(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value that is neither object nor list."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from leaves(inner, (*way, key))
    else:
        yield way


def test_every_action_of_the_vocabulary_is_coded_and_has_words() -> None:
    assert set(EVENTS) == set(WORDS) == set(Action)
    assert set(REASONS) == set(Purpose)


# BALP 1.1, written down by hand from the profiles: type, subtype, action, the code of the program,
# of the store and of the user as agents, codes of type and role of every entity.
_REST, _FHIR = "http://terminology.hl7.org/CodeSystem/audit-event-type", "http://hl7.org/fhir/"
_IN, _OUT = {"110152"}, {"110153"}
_MADE_BY = {"AUT", "INF", "CST"}
_WHO, _WHAT, _ASKED = ("1", "1"), ("2", "4"), ("2", "24")
_REQUIRED: dict[str, tuple[set[str], str, set[str], set[str], set[str], set[tuple[str, str]]]] = {
    "PatientRead": ({"read", "vread"}, "R", _IN, _OUT, {"IRCP"}, {_WHO, _WHAT}),
    "PatientCreate": ({"create"}, "C", _OUT, _IN, _MADE_BY, {_WHO, _WHAT}),
    "PatientUpdate": ({"update", "patch"}, "U", _OUT, _IN, _MADE_BY, {_WHO, _WHAT}),
    "PatientDelete": ({"delete"}, "D", {"110150"}, {"custodian"}, _MADE_BY, {_WHO, _WHAT}),
    "PatientQuery": ({"search"}, "E", _OUT, _IN, {"IRCP"}, {_WHO, _ASKED}),
    "Query": ({"search"}, "E", _OUT, _IN, {"IRCP"}, {_ASKED}),
}  # fmt: skip
_PROFILED = {
    "patient.write": "PatientUpdate", "patient.read": "PatientRead", "patient.list": "Query",
    "patient.find": "PatientQuery", "patient.erase": "PatientDelete",
    "patient.consent": "PatientUpdate", "suggestion.write": "PatientCreate",
    "suggestion.read": "PatientRead", "actor.list": "Query",
}  # fmt: skip


@pytest.mark.parametrize("action", Action)
def test_a_success_has_what_its_profile_requires(action: str) -> None:
    event = to_event(entry(action=action), STORE)

    claimed = [url.removeprefix(PROFILE) for url in event.get("meta", {}).get("profile", [])]
    assert claimed == ([_PROFILED[action]] if action in _PROFILED else [])
    for profile in claimed:
        subtypes, verb, client, server, user, entities = _REQUIRED[profile]
        assert (event["type"]["system"], event["type"]["code"]) == (_REST, "rest")
        assert codes(event["subtype"]) <= {(f"{_FHIR}restful-interaction", s) for s in subtypes}
        assert len(event["subtype"]) == 1
        assert event["action"] == verb
        first, second, third = event["agent"]
        kinds = [agent["type"]["coding"][0]["code"] for agent in (first, second, third)]
        assert [{kind} for kind in kinds[1:]] == [client, server]
        assert kinds[0] in user
        assert "network" not in first
        assert all(agent["who"] and agent["network"] for agent in (second, third))
        found = [(e["type"]["code"], e["role"]["code"]) for e in event["entity"]]
        assert sorted(found) == sorted(entities)
        for part in event["entity"]:
            is_query = part["role"]["code"] == "24"
            assert ("query" in part, "what" in part) == (is_query, not is_query)


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("outcome", ["ok", "rolled-back", "AccessDeniedError", "NotFoundError"])
def test_every_event_has_what_r4_requires(action: str, outcome: str) -> None:
    event = to_event(entry(3, action, outcome=outcome), STORE)

    assert event["resourceType"] == "AuditEvent"
    assert event["type"]["code"]
    assert event["recorded"] == "2030-01-01T00:00:03.000000+00:00"
    assert event["action"] in "CRUDE"
    assert [agent["requestor"] for agent in event["agent"]] == [True, False, False]
    assert event["source"]["observer"]["identifier"]["value"].endswith(STORE)
    patients = [e for e in event.get("entity", []) if e["type"]["code"] == "1"]
    assert [p["what"]["reference"] for p in patients] == (
        [] if action.startswith(OF_NOBODY) else [f"Patient/{PATIENT}"]
    )
    assert event["outcome"] == {"ok": "0", "AccessDeniedError": "8"}.get(outcome, "4")
    assert event.get("outcomeDesc", "ok") == outcome
    assert outcome == "ok" or "meta" not in event


def test_a_refusal_is_an_authorisation_decision() -> None:
    event = to_event(entry(action="patient.read", outcome="AccessDeniedError"), STORE)

    assert event["type"]["code"] == "110113"
    assert "AuthZ-Consent" in {code for _, code in codes(event["subtype"])}
    assert "patient.read" in {code for _, code in codes(event["subtype"])}


def test_a_success_that_names_no_patient_claims_no_profile_of_patients() -> None:
    event = to_event(entry(action="suggestion.read", subject="", detail=""), STORE)

    assert "meta" not in event


@pytest.mark.parametrize(("purpose", "code"), [("emergency", "ETREAT"), ("request", "PATRQT")])
def test_a_purpose_of_use_is_coded(purpose: str, code: str) -> None:
    who, *_ = to_event(entry(purpose=purpose), STORE)["agent"]

    assert who["purposeOfUse"][0]["coding"][0]["code"] == code
    assert who["purposeOfUse"][0]["text"] == purpose


def test_an_unknown_purpose_of_an_old_log_is_carried_as_text() -> None:
    who, *_ = to_event(entry(purpose="test"), STORE)["agent"]

    assert who["purposeOfUse"] == [{"text": "test"}]


def test_an_action_that_a_later_version_made_is_still_exported() -> None:
    event = to_event(entry(action="patient.future"), STORE)

    assert (event["type"]["code"], event["subtype"][0]["code"]) == ("110100", "patient.future")


def test_the_leaf_hash_can_be_had_from_the_event_without_this_program() -> None:
    one = entry(5, actor="Dr. Ødegård 李")
    parts = to_event(one, STORE)["extension"][0]["extension"]
    values = {part["url"]: part.get("valueString") for part in parts}

    digest = hashlib.sha256(b"\x00" + values["bytes"].encode()).hexdigest()

    assert digest == values["leaf"] == leaf_hash(one.to_bytes()).hex()


def test_an_event_with_its_proof_holds_against_the_head_for_every_size_and_index() -> None:
    for size in range(1, 9):
        entries = log(size)
        head = head_of(entries)
        for index, one in enumerate(entries):
            event = to_event(one, STORE, path=path_of(entries, index))
            received = {**json.loads(json.dumps(event)), "id": "9", "meta": {"versionId": "1"}}

            assert check_event(received, head, PUBLIC) == one


def test_no_value_of_an_event_can_be_changed() -> None:
    entries = log()
    event = to_event(entries[1], STORE, path=path_of(entries, 1))
    event = {key: value for key, value in event.items() if key not in ("id", "meta")}
    head = head_of(entries)
    n_tried = 0
    for way in leaves(event):
        changed = copy.deepcopy(event)
        place: Any = changed
        for step in way[:-1]:
            place = place[step]
        place[way[-1]] = not place[way[-1]] if isinstance(place[way[-1]], bool) else "x"

        with pytest.raises(AuditError):
            check_event(changed, head, PUBLIC)
        n_tried += 1
    assert n_tried > 40


def test_an_event_of_another_log_or_another_key_is_refused() -> None:
    entries = log()
    event = to_event(entries[2], STORE, path=path_of(entries, 2))
    others = [*entries[:-1], entry(6, actor="mallory")]

    with pytest.raises(AuditError, match="carries no proof"):
        check_event(event, head_of(others), PUBLIC)
    stranger = Ed25519PrivateKey.generate()
    with pytest.raises(AuditError, match="not signed by this key"):
        check_event(event, head_of(entries, stranger), PUBLIC)
    with pytest.raises(AuditError, match="carries no proof"):
        check_event(to_event(entries[2], STORE), head_of(entries), PUBLIC)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(
        st.sampled_from(["url", "extension", "valueString", "bytes"]), inner, max_size=3
    ),
)  # fmt: skip


@settings(max_examples=100)
@given(JSON)
def test_what_is_no_event_is_refused_and_nothing_else(value: Any) -> None:
    with pytest.raises(AuditError):
        check_event({"extension": value}, head_of(log()), PUBLIC)
