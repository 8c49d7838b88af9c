"""One FHIR R4 resource and its small parts: codes, dates, references, statuses.

A resource is the JSON object as it came; nothing here changes one or trusts its shape. Texts are
cleaned for matching only.
"""

import calendar
import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

Resource = dict[str, Any]

# What is read; every other type is passed over.
KEPT = (
    "Patient",
    "Condition",
    "MedicationRequest",
    "MedicationStatement",
    "Medication",
    "AllergyIntolerance",
    "Observation",
)

URL_SYSTEM = "urn:ietf:rfc:3986"  # FHIR's system for identifiers that are URLs

MAX_LINKS = 8  # Medications that may refer to each other in a row
MAX_TEXT = 300  # characters of a display or code that are looked at

_CLINICAL = ("active", "recurrence", "relapse", "inactive", "remission", "resolved")
_VERIFICATION = ("unconfirmed", "provisional", "differential", "confirmed", "refuted",
                 "entered-in-error")  # fmt: skip

# The codes that R4 allows in the fields that decide whether an entry counts.
CODES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("Condition", "clinicalStatus"): _CLINICAL,
    ("Condition", "verificationStatus"): _VERIFICATION,
    ("AllergyIntolerance", "clinicalStatus"): ("active", "inactive", "resolved"),
    ("AllergyIntolerance", "verificationStatus"): (
        "unconfirmed", "confirmed", "refuted", "entered-in-error"),
    ("MedicationRequest", "status"): (
        "active", "on-hold", "cancelled", "completed", "entered-in-error", "stopped", "draft",
        "unknown"),
    ("MedicationRequest", "intent"): (
        "proposal", "plan", "order", "original-order", "reflex-order", "filler-order",
        "instance-order", "option"),
    ("MedicationStatement", "status"): (
        "active", "completed", "entered-in-error", "intended", "stopped", "on-hold", "unknown",
        "not-taken"),
    ("Observation", "status"): (
        "registered", "preliminary", "final", "amended", "corrected", "cancelled",
        "entered-in-error", "unknown"),
}  # fmt: skip

# Values of an identifier that stand for none, without what is neither letter nor digit.
_NO_VALUE = frozenset(
    ["123456789", "anonymous", "none", "null", "notapplicable", "notavailable", "notknown",
     "temp", "test", "unassigned", "undefined", "unknown"]
)  # fmt: skip

_DATE = re.compile(
    r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})"
    r"(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?:Z|[+-][0-9]{2}:[0-9]{2})?)?)?)?"
)
_TAIL = re.compile(r"(?:^|/)([A-Za-z]+/[A-Za-z0-9._\-]+)$")


class Coding(NamedTuple):
    """One code of a CodeableConcept, its texts cleaned."""

    system: str
    code: str
    display: str


class Span(NamedTuple):
    """The days that a FHIR date may mean; one day unless the date is partial."""

    first: date
    last: date


def clean(text: object) -> str:
    """``text`` as it reads: without zero-width, bidi and control characters; "" if no string."""
    if not isinstance(text, str):
        return ""
    if not (text.isascii() and text.isprintable()):
        text = text.translate(_VISIBLE)
    return " ".join(text.split())


def objects(value: object) -> list[Resource]:
    """The JSON objects in a list; empty for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def codings(concept: object) -> list[Coding]:
    """The codes of a CodeableConcept, in order; empty for anything else."""
    return [
        Coding(*(clean(item.get(key))[:MAX_TEXT] for key in ("system", "code", "display")))
        for item in objects(concept.get("coding") if isinstance(concept, dict) else None)
    ]


def text_of(concept: object) -> str:
    """The ``text`` of a CodeableConcept."""
    return clean(concept.get("text"))[:MAX_TEXT] if isinstance(concept, dict) else ""


def label(concept: object) -> str:
    """How a CodeableConcept calls itself: a display, its text, or a code."""
    found = codings(concept)
    displays = [coding.display for coding in found] + [text_of(concept)]
    return next(filter(None, displays + [coding.code for coding in found]), "")


def status(resource: Resource, field: str) -> str:
    """The code of a status field, plain or CodeableConcept; "" where it is absent.

    Whether the code is one of R4, and the only one, is for :func:`intake.checks.complaint` to say.
    """
    value = resource.get(field)
    if isinstance(value, str):
        return value
    allowed = CODES.get((str(resource.get("resourceType")), field), ())
    found = {coding.code for coding in codings(value)} & set(allowed)
    return found.pop() if len(found) == 1 else ""


def span(value: object) -> Span | None:
    """The days meant by a FHIR date or dateTime in its own time zone; None for anything else."""
    match = _DATE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    year, month, day = (int(part) if part else None for part in match.groups())
    try:
        first = date(year or 0, month or 1, day or 1)
    except ValueError:  # the thirtieth of February, the year 0000
        return None
    last_month = month or 12
    last_day = day or calendar.monthrange(first.year, last_month)[1]
    return Span(first, date(first.year, last_month, last_day))


def period(resource: Resource, name: str) -> tuple[Span | None, Span | None]:
    """Start and end of a choice element such as ``onset[x]``, from its dateTime or Period form."""
    single = span(resource.get(f"{name}DateTime"))
    if single is not None:
        return single, None
    whole = resource.get(f"{name}Period")
    if not isinstance(whole, dict):
        return None, None
    return span(whole.get("start")), span(whole.get("end"))


def reference(value: object) -> str:
    """The ``reference`` of a Reference; "" where there is none."""
    return clean(value.get("reference")) if isinstance(value, dict) else ""


def display(value: object) -> str:
    """The ``display`` of a Reference; "" where there is none."""
    return clean(value.get("display"))[:MAX_TEXT] if isinstance(value, dict) else ""


def reference_keys(text: str) -> tuple[str, ...]:
    """What a reference may be filed under, without a version: as it is, then ``Type/id``."""
    text = text.partition("/_history/")[0]
    tail = _TAIL.search(text)
    return tuple(dict.fromkeys(filter(None, (text, tail.group(1) if tail else ""))))


def own_keys(resource: Resource) -> tuple[str, ...]:
    """What references may call this resource, from what it says itself."""
    own = clean(resource.get("id"))
    kind = resource.get("resourceType")
    found = [f"{kind}/{own}", f"urn:uuid:{own}"] if own else []
    if kind == "Medication":  # see intake.grouping: its URL is kept as an identifier
        found += [value for system, value in identifiers(resource) if system == URL_SYSTEM]
    return tuple(found)


def identifiers(resource: Resource) -> tuple[tuple[str, str], ...]:
    """System and value of each identifier that has a value."""
    found = [
        (clean(item.get("system")), clean(item.get("value")))
        for item in objects(resource.get("identifier"))
    ]
    return tuple(dict.fromkeys(pair for pair in found if pair[1]))


def person_identifiers(patient: Resource) -> tuple[tuple[str, str], ...]:
    """System and value of each identifier of a Patient that can tell one person from another.

    Not those that were given up (``old``) or made for a moment (``temp``), and not values that
    stand for none: shorter than four letters and digits, one of them repeated, "unknown".
    """
    kept = [
        item
        for item in objects(patient.get("identifier"))
        if item.get("use") not in ("old", "temp") and not _is_placeholder(clean(item.get("value")))
    ]
    return identifiers({"identifier": kept})


def _is_placeholder(value: str) -> bool:
    plain = "".join(filter(str.isalnum, value)).lower()
    return len(plain) < 4 or len(set(plain)) == 1 or plain in _NO_VALUE


def contained(resource: Resource) -> dict[str, Resource]:
    """The resources inside ``resource``, by their reference, ``#id``."""
    return {
        f"#{clean(item.get('id'))}": item
        for item in objects(resource.get("contained"))
        if clean(item.get("id"))
    }


def ingredients(medication: Resource) -> list[Resource]:
    """The ingredient objects of a Medication."""
    return objects(medication.get("ingredient"))


def allergens(resource: Resource) -> list[object]:
    """What an AllergyIntolerance is about: its code, else the substances of its reactions."""
    if label(resource.get("code")):
        return [resource["code"]]
    return [reaction.get("substance") for reaction in objects(resource.get("reaction"))]


class _Visible(dict[int, int | str]):
    """What each character reads as; filled in as characters are met."""

    def __missing__(self, code: int) -> int | str:
        category = unicodedata.category(chr(code))
        read: int | str = code
        if category in ("Cf", "Cs", "Cn", "Co"):
            read = ""
        elif category[0] in "CZ":
            read = " "
        if len(self) < 1 << 14:  # whoever sends all of Unicode does not fill the memory with it
            self[code] = read
        return read


_VISIBLE = _Visible()
