"""The audit log as FHIR R4 AuditEvents that a receiver can check against a kept head.

Each event carries the canonical bytes of its entry, their leaf hash and their index in one
extension, and all else in it follows from those bytes: :func:`check_event` writes the event again
and compares all but ``id`` and ``meta``, which FHIR servers rewrite: what these two say is no
evidence. Files of events are :mod:`service.audit_export`'s.

Not in an event, because no entry holds it: the network address of who acted, and a request id.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from service import audit_codes
from service.audit_codes import OWN, PROFILE, TERMS, Code, Event
from storage import AuditError
from storage.access import PURPOSE_CODES, PURPOSE_SYSTEM
from storage.audit import OK, AuditEntry
from storage.merkle import is_included, leaf_hash

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from storage.checkpoint import Checkpoint

Json = dict[str, Any]

EXTENSION = f"{OWN}entry"

_URI = "urn:ietf:rfc:3986"
_PERSON = Code(f"{TERMS}audit-entity-type", "1", "Person")
_OBJECT = Code(f"{TERMS}audit-entity-type", "2", "System Object")
_PATIENT = Code(f"{TERMS}object-role", "1", "Patient")
_DOMAIN = Code(f"{TERMS}object-role", "4", "Domain Resource")
_QUERY = Code(f"{TERMS}object-role", "24", "Query")
_SERVER = Code(f"{TERMS}security-source-type", "4", "Application Server")
_NOT_RECORDED = {
    "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
    "valueCode": "unknown",
}


def to_event(entry: AuditEntry, store_id: str, *, path: Sequence[bytes] = ()) -> Json:
    """The entry as an AuditEvent.

    Args:
        entry: the entry.
        store_id: id of the store whose log it is in.
        path: its inclusion proof, for :func:`check_event`.
    """
    if entry.outcome == "AccessDeniedError":
        coded = audit_codes.refusal(entry.action, of_patient=bool(entry.subject))
    else:
        coded = audit_codes.coded(entry.action)
    is_patients = coded.profile.startswith("Patient")
    event: Json = {"resourceType": "AuditEvent", "id": f"{store_id}-{entry.index}"}
    if coded.profile and entry.outcome == OK and is_patients == bool(entry.subject):
        event["meta"] = {"profile": [PROFILE + coded.profile]}
    event |= {
        "extension": [_evidence(entry, path)],
        "type": _coding(coded.type),
        "subtype": [_coding(code) for code in coded.subtypes],
        "action": coded.action,
        "recorded": entry.time,
        "outcome": audit_codes.outcome_code(entry.outcome),
    }
    if entry.outcome != OK:
        event["outcomeDesc"] = entry.outcome
    event["agent"] = _agents(entry, coded, store_id)
    event["source"] = {"observer": _store(store_id), "type": [_coding(_SERVER)]}
    entities = list(_entities(entry, coded))
    if entities:
        event["entity"] = entities
    return event


def check_event(
    event: Mapping[str, Any], head: "Checkpoint", public_key: "Ed25519PublicKey"
) -> AuditEntry:
    """The entry that ``event`` shows, proven by the path it carries to be in the log of ``head``.

    Args:
        event: what :func:`to_event` made with the inclusion proof for ``head``.
        head: a signed head, best one kept outside the store.
        public_key: of the store's audit key.

    Raises:
        AuditError: the head is not signed by that key, the event says another thing than the entry
            in it (``id`` and ``meta`` aside, which a server may set), or the entry is not in that
            log.
    """
    check_signature(head, public_key)
    entry, path = read_event(event, head.store_id)
    leaf = leaf_hash(entry.to_bytes())
    if not is_included(leaf, entry.index, head.n_entries, path, head.entries_root):
        raise AuditError(
            f"the event of audit entry {entry.index} carries no proof that it is in the log of "
            f"{head.n_entries} entries signed at {head.time}",
            index=entry.index,
        )
    return entry


def check_signature(head: "Checkpoint", public_key: "Ed25519PublicKey") -> None:
    """Pass only a head that ``public_key`` signed.

    Raises:
        AuditError: it did not.
    """
    from cryptography.exceptions import InvalidSignature

    try:
        public_key.verify(head.signature, head.body)
    except InvalidSignature:
        raise AuditError("the audit head is not signed by this key") from None


def read_event(event: Mapping[str, Any], store_id: str) -> tuple[AuditEntry, list[bytes]]:
    """The entry inside an event that says nothing else, and its proof, unchecked.

    Raises:
        AuditError: the event says another thing than the entry in it.
    """
    try:
        (evidence,) = event["extension"]
        parts = [(part["url"], part) for part in evidence["extension"]]
        (data,) = (part["valueString"] for url, part in parts if url == "bytes")
        path = [bytes.fromhex(part["valueString"]) for url, part in parts if url == "path"]
        entry = AuditEntry.from_bytes(data.encode())
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError):
        raise AuditError("an event does not carry the bytes of an audit entry") from None
    if _facts(to_event(entry, store_id, path=path)) != _facts(event):
        raise AuditError(
            f"the event of audit entry {entry.index} says another thing than the entry itself",
            index=entry.index,
        )
    return entry, path


def _facts(event: Mapping[str, Any]) -> Json:
    """All but what a FHIR server puts in when it takes an event over."""
    return {name: value for name, value in event.items() if name not in ("id", "meta")}


def _evidence(entry: AuditEntry, path: Sequence[bytes]) -> Json:
    """What ties an event to the log: SHA-256 of 0x00 and ``bytes`` in UTF-8 is ``leaf``."""
    data = entry.to_bytes()
    return {
        "url": EXTENSION,
        "extension": [
            {"url": "index", "valueUnsignedInt": entry.index},
            {"url": "bytes", "valueString": data.decode()},
            {"url": "leaf", "valueString": leaf_hash(data).hex()},
            *({"url": "path", "valueString": step.hex()} for step in path),
        ],
    }


def _agents(entry: AuditEntry, coded: Event, store_id: str) -> list[Json]:
    store = _store(store_id)
    address = store["identifier"]["value"]
    return [
        {
            "type": _concept(coded.agents.user),
            "who": {"identifier": {"system": f"{OWN}actor", "value": entry.actor}},
            "requestor": True,
            "purposeOfUse": [_purpose(entry.purpose)],
        },
        {
            "type": _concept(coded.agents.client),
            "who": {"display": "Pharmakon"},
            "requestor": False,
            "network": {"extension": [_NOT_RECORDED]},
        },
        {
            "type": _concept(coded.agents.server),
            "who": store,
            "requestor": False,
            "network": {"address": address, "type": "5"},  # a URI
        },
    ]


def _entities(entry: AuditEntry, coded: Event) -> Iterator[Json]:
    if entry.subject:
        yield {
            "what": {"reference": f"Patient/{entry.subject}", "type": "Patient"},
            "type": _coding(_PERSON),
            "role": _coding(_PATIENT),
        }
    if coded.is_query:
        # The words of the request are not recorded: they would be identifiers.
        query = _base64(entry.action)
        yield {"type": _coding(_OBJECT), "role": _coding(_QUERY), "query": query}
    elif entry.subject or entry.detail:
        state = {"identifier": {"system": f"{OWN}state", "value": entry.detail}}
        what = state if entry.detail else {"display": "state not recorded"}
        yield {"what": what, "type": _coding(_OBJECT), "role": _coding(_DOMAIN)}


def _store(store_id: str) -> Json:
    return {"identifier": {"system": _URI, "value": f"urn:pharmakon:store:{store_id}"}}


def _purpose(purpose: str) -> Json:
    """The code with the word that was logged; schema version 1 took any word."""
    found = PURPOSE_CODES.get(purpose)  # type: ignore[call-overload]
    if found is None:
        return {"text": purpose}
    return {**_concept(Code(PURPOSE_SYSTEM, *found)), "text": purpose}


def _coding(code: Code) -> Json:
    return {"system": code.system, "code": code.code, "display": code.display}


def _concept(code: Code) -> Json:
    return {"coding": [_coding(code)]}


def _base64(text: str) -> str:
    import base64

    return base64.b64encode(text.encode()).decode()
