"""One patient's record to what may leave of it, still to be generalised among all patients."""

from collections import ChainMap, Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from intake.checks import forbidden
from intake.deidentify.dates import DatePolicy, Dates, days_back, new_id
from intake.deidentify.elements import ELEMENTS
from intake.deidentify.people import Traits, read_traits
from intake.deidentify.rules import Pass, Removed, has_all, is_over_89, parts
from intake.deidentify.safe_harbor import OLDEST
from intake.deidentify.sparse import without
from intake.errors import MixedPatientsError, NotFhirError
from intake.resource import Resource, codings, contained, objects, own_keys

Dropped = Counter[tuple[str, str]]  # (resource type, why) -> how many entries

NO_TYPE = "is of a type that does not leave"
FORBIDDEN = "has a modifierExtension or implicitRules"
NOT_USABLE = "has no code, status or value left that it needs"

_TYPES = (
    "Account AllergyIntolerance Binary CarePlan CareTeam Claim Condition Coverage Device "
    "DiagnosticReport DocumentReference Encounter ExplanationOfBenefit FamilyMemberHistory Goal "
    "ImagingStudy Immunization Location Media Medication MedicationRequest MedicationStatement "
    "Observation Organization Patient Person Practitioner PractitionerRole Procedure Provenance "
    "RelatedPerson ServiceRequest Specimen"
)
_KNOWN_TYPES = frozenset(_TYPES.split())
_FIRST_YEAR = 1850  # of births and deaths: what is older is a typing error

# LOINC: age; stated, reported, estimated, calculated; at death.
_AGES = frozenset(["30525-0", "21611-9", "21612-7", "29553-5", "29554-3", "39016-1"])


@dataclass(frozen=True)
class SafeRecord:
    """What may leave of one patient.

    Attributes:
        id: the patient's new id.
        traits: the quasi-identifiers, not yet generalised.
        entries: the other resources, with new ids, in the order of these.
        removed: (category, element path) -> how often it was removed.
        dropped: (resource type, why) -> how many entries were dropped whole.
    """

    id: str
    traits: Traits
    entries: list[Resource]
    removed: Removed
    dropped: Dropped

    def __repr__(self) -> str:
        return f"SafeRecord({len(self.entries)} entries)"


def deidentify(
    patient_id: str, resources: Sequence[Resource], *, key: bytes, today: date, dates: Dates
) -> SafeRecord:
    """What may leave of one patient's resources, and what was removed.

    Args:
        patient_id: what tells this patient from the others of the extract; it does not leave.
        resources: the patient's resources, one Patient among them.
        key: 32 random bytes of this extract, thrown away after it.
        today: the day of the extract; ages are counted to it.
        dates: how dates are written.

    Raises:
        MixedPatientsError: there is no Patient, or more than one.
        NotFhirError: the Patient has a modifier that is not understood.
    """
    people = [r for r in resources if r.get("resourceType") == "Patient"]
    if len(people) != 1:
        reason = f"holds {len(people)} Patient resources; a record is of one"
        raise MixedPatientsError("the record", reason)
    if forbidden(people[0]):
        raise NotFhirError("the record", f"its Patient {FORBIDDEN}, so it must not be used")
    removed = Removed()
    back = days_back(key, patient_id) if dates == "shift" else 0
    last_year = today.year + 1  # an order may reach into the next
    lifetime = DatePolicy(dates, back, _FIRST_YEAR, last_year)
    traits = read_traits(people[0], lifetime, today, removed)
    policy = DatePolicy(dates, back, traits.ended - OLDEST - 1, last_year)
    entries = _listed(resources, lambda *place: new_id(key, patient_id, *place))
    kept, dropped = _kept(entries, policy, removed)
    own_id = new_id(key, patient_id)
    for entry in kept:
        if entry["resourceType"] != "Medication":
            subject = "patient" if entry["resourceType"] == "AllergyIntolerance" else "subject"
            entry[subject] = {"reference": f"Patient/{own_id}"}
    return SafeRecord(own_id, traits, kept, removed, dropped)


@dataclass(frozen=True)
class _Entry:
    """A resource to go over; a Medication contained in another is one of its own."""

    resource: Resource
    id: str  # the new one
    inside: Mapping[str, str]  # what #id leads to in it

    @property
    def kind(self) -> str:
        return str(self.resource.get("resourceType"))


def _listed(resources: Sequence[Resource], named: Callable[..., str]) -> list[_Entry]:
    """The entries other than the Patient, with new ids by their place in the record."""
    listed: list[_Entry] = []
    for position, resource in enumerate(resources):
        medications = {
            place: inner
            for place, inner in contained(resource).items()
            if inner.get("resourceType") == "Medication"
        }
        ids = {place: named(str(position), place) for place in medications}
        inside = {place: f"Medication/{own_id}" for place, own_id in ids.items()}
        listed += (_Entry(inner, ids[place], inside) for place, inner in medications.items())
        listed.append(_Entry(resource, named(str(position)), inside))
    return [entry for entry in listed if entry.kind != "Patient"]


def _kept(
    listed: Sequence[_Entry], policy: DatePolicy, removed: Removed
) -> tuple[list[Resource], Dropped]:
    """The entries as they may leave, by new id, and how many of them may not."""
    names: dict[str, str] = {}
    for entry in listed:
        for own in own_keys(entry.resource):
            names.setdefault(own, f"{entry.kind}/{entry.id}")
    kept: list[Resource] = []
    dropped = Dropped()
    for entry in listed:
        shown = entry.kind if entry.kind in _KNOWN_TYPES else "(other)"
        if entry.kind not in ELEMENTS:
            dropped[shown, NO_TYPE] += 1
        elif forbidden(entry.resource):
            dropped[shown, FORBIDDEN] += 1
        else:
            under = Pass(policy, ChainMap(dict(entry.inside), names), removed, [entry.kind])
            body = _body(entry.kind, entry.resource, under)
            if body is not None:
                kept.append({"resourceType": entry.kind, "id": entry.id, **body})
            else:
                dropped[shown, NOT_USABLE] += 1
    left = without(sorted(kept, key=lambda entry: str(entry["id"])), ())
    dropped.update((entry["resourceType"], NOT_USABLE) for entry in kept)
    dropped.subtract((entry["resourceType"], NOT_USABLE) for entry in left)
    return left, +dropped


def _body(kind: str, resource: Resource, under: Pass) -> Resource | None:
    """The elements of one entry that may stay; None if it cannot be used without the others."""
    allowed = ELEMENTS[kind]
    read = {name: value for name, value in resource.items() if name not in ("subject", "patient")}
    read["contained"] = [
        item
        for item in objects(resource.get("contained"))
        if item.get("resourceType") != "Medication"
    ]
    kept = parts(allowed.rules, read, under)
    if any(name in resource and name not in kept for name in allowed.decisive):
        return None
    if "effectiveInstant" in kept:  # no time of day is left for an instant
        kept["effectiveDateTime"] = kept.pop("effectiveInstant")
    if _tells_age(kept) or any(map(_tells_age, objects(kept.get("component")))):
        under.removed["C", f"{kind}.value"] += 1
        return None
    return kept if has_all(kept, allowed.needs) else None


def _tells_age(part: Resource) -> bool:
    """Whether an observation or component, as it is left, is an age over 89 by its code."""
    if not any(coding.code in _AGES for coding in codings(part.get("code"))):
        return False
    amount = part.get("valueInteger", part.get("valueQuantity"))
    if isinstance(amount, dict):
        return is_over_89(amount.get("value"), amount.get("code", "a"))
    return is_over_89(amount, "a")
