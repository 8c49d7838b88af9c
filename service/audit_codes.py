"""What every action of the audit log is in the codes of FHIR, DICOM and IHE.

The profiles are those of IHE's Basic Audit Log Patterns (BALP, 1.1). Each describes a *success*:
what failed or was refused is coded alike but claims no profile, and a refusal is an authorisation
decision. BALP's profile of such decisions wants the user's organisation and the consent that
decided, which the log does not hold, so it is not claimed either.
"""

from typing import Literal, NamedTuple

BALP = "https://profiles.ihe.net/ITI/BALP/"
PROFILE = f"{BALP}StructureDefinition/IHE.BasicAudit."
TERMS = "http://terminology.hl7.org/CodeSystem/"
DICOM = "http://dicom.nema.org/resources/ontology/DCM"
REST = "http://hl7.org/fhir/restful-interaction"
OWN = "urn:pharmakon:audit:"


class Code(NamedTuple):
    """One code of a system."""

    system: str
    code: str
    display: str


class Agents(NamedTuple):
    """How the program, the store and the actor take part."""

    client: Code
    server: Code
    user: Code


class Event(NamedTuple):
    """How an action is written as an AuditEvent."""

    type: Code
    action: Literal["C", "R", "U", "D", "E"]
    subtypes: tuple[Code, ...]
    agents: Agents
    profile: str = ""  # of BALP; the name that follows PROFILE
    is_query: bool = False  # what was asked for is an entity of its own


_SOURCE = Code(DICOM, "110153", "Source Role ID")
_DESTINATION = Code(DICOM, "110152", "Destination Role ID")
_RECIPIENT = Code(f"{TERMS}v3-ParticipationType", "IRCP", "information recipient")
_AUTHOR = Code(f"{TERMS}v3-ParticipationType", "AUT", "author (originator)")
# Data flows to who reads; a query and what is written flow from who asks.
_READS = Agents(_DESTINATION, _SOURCE, _RECIPIENT)
_ASKS = Agents(_SOURCE, _DESTINATION, _RECIPIENT)
_WRITES = Agents(_SOURCE, _DESTINATION, _AUTHOR)
_DELETES = Agents(
    Code(DICOM, "110150", "Application"),
    Code(f"{TERMS}provenance-participant-type", "custodian", "Custodian"),
    _AUTHOR,
)

_RESTFUL = Code(f"{TERMS}audit-event-type", "rest", "Restful Operation")
_ACTIVITY = Code(DICOM, "110100", "Application Activity")
_LOG_USED = Code(DICOM, "110101", "Audit Log Used")
_EXPORT = Code(DICOM, "110106", "Export")
_IMPORT = Code(DICOM, "110107", "Import")
_ALERT = Code(DICOM, "110113", "Security Alert")

_SOFTWARE = Code(DICOM, "110131", "Software Configuration")
_SECURITY = Code(DICOM, "110129", "Security Configuration")
_USER_CHANGED = Code(DICOM, "110137", "User Security Attributes Changed")
_OVERRIDE = Code(DICOM, "110127", "Emergency Override Started")


def own(action: str) -> Code:
    """The action itself as a code."""
    return Code(f"{OWN}action", action, action)


def _rest(code: str) -> tuple[Code, ...]:
    return (Code(REST, code, code),)


def _lifecycle(code: str, display: str) -> tuple[Code, ...]:
    return (Code(f"{TERMS}iso-21089-lifecycle", code, f"{display} Record Lifecycle Event"),)


EVENTS: dict[str, Event] = {
    # A write makes a patient or changes one; the entry does not say which, and FHIR's update may
    # do both.
    "patient.write": Event(_RESTFUL, "U", _rest("update"), _WRITES, "PatientUpdate"),
    "patient.read": Event(_RESTFUL, "R", _rest("read"), _READS, "PatientRead"),
    "patient.list": Event(_RESTFUL, "E", _rest("search"), _ASKS, "Query", is_query=True),
    "patient.find": Event(_RESTFUL, "E", _rest("search"), _ASKS, "PatientQuery", is_query=True),
    "patient.erase": Event(_RESTFUL, "D", _rest("delete"), _DELETES, "PatientDelete"),
    "patient.access-log": Event(_LOG_USED, "R", (own("patient.access-log"),), _READS),
    "patient.consent": Event(_RESTFUL, "U", _rest("update"), _WRITES, "PatientUpdate"),
    "suggestion.write": Event(_RESTFUL, "C", _rest("create"), _WRITES, "PatientCreate"),
    "suggestion.read": Event(_RESTFUL, "R", _rest("read"), _READS, "PatientRead"),
    "break-glass.open": Event(_ALERT, "E", (_OVERRIDE,), _READS),
    "break-glass.review": Event(_ALERT, "U", (own("break-glass.review"),), _WRITES),
    "break-glass.list": Event(_LOG_USED, "R", (own("break-glass.list"),), _READS),
    "actor.grant": Event(_ALERT, "U", (_USER_CHANGED, own("actor.grant")), _WRITES),
    "actor.revoke": Event(_ALERT, "U", (_USER_CHANGED, own("actor.revoke")), _WRITES),
    "actor.list": Event(_RESTFUL, "E", _rest("search"), _ASKS, "Query", is_query=True),
    "audit.read": Event(_LOG_USED, "R", (own("audit.read"),), _READS),
    "keys.rotate": Event(_ALERT, "U", (_SECURITY, own("keys.rotate")), _WRITES),
    "backup.create": Event(_EXPORT, "R", _lifecycle("archive", "Archive"), _READS),
    "backup.restore": Event(_IMPORT, "C", _lifecycle("restore", "Restore"), _WRITES),
    "extract.create": Event(
        _EXPORT, "R", _lifecycle("deidentify", "De-Identify (Anononymize)"), _READS
    ),
    "store.create": Event(_ACTIVITY, "C", (_SOFTWARE, own("store.create")), _WRITES),
    "store.migrate": Event(_ACTIVITY, "U", (_SOFTWARE, own("store.migrate")), _WRITES),
    "unit.failed": Event(_ACTIVITY, "E", (own("unit.failed"),), _WRITES),
}


def coded(action: str) -> Event:
    """How ``action`` is written; one that is not in the table is an activity of the program."""
    return EVENTS.get(action) or Event(_ACTIVITY, "E", (own(action),), _WRITES)


def refusal(action: str, *, of_patient: bool) -> Event:
    """How it is written that ``action`` was not allowed."""
    code, by = ("AuthZ-Consent", "Roles and Consent") if of_patient else ("AuthZ-Role", "Roles")
    decision = Code(f"{BALP}CodeSystem/AuthZsubType", code, f"Authorization Decision using {by}")
    return Event(_ALERT, "E", (decision, own(action)), _READS)


_MINOR = ("rolled-back", "NotFoundError", "ErasedError", "InvalidRecordError")


def outcome_code(outcome: str) -> Literal["0", "4", "8"]:
    """FHIR's code of how it ended: success, a fault of the request, a serious failure."""
    if outcome == "ok":
        return "0"
    return "4" if outcome in _MINOR else "8"
