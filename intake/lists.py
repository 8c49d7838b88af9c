"""The lists of a profile: which conditions, drugs and allergies count, and as which nodes.

What counts (statuses as recorded; what is too old to be believed is marked, see
``intake.staleness``):

* Conditions: ``active``, ``recurrence``, ``relapse``, or no clinicalStatus and no abatement. Not
  ``refuted`` or ``entered-in-error``. An unconfirmed, provisional or differential one counts, and
  says so in ``verification``. Those that are over (``inactive``, ``remission``, ``resolved``;
  ``resolved`` too where only an abatement or "history of" says so) are kept with that status: a
  past stroke speaks against drugs. Diseases of the family are not the patient's.
* Current drugs: requests that are orders (not proposals, plans, options or ``doNotPerform``) and
  statements, with the status ``active``. ``on-hold`` and ``unknown`` count too, with that status:
  what may be taken must be seen by the safety checks. ``intended`` is only planned.
* Past drugs: ``completed`` and ``stopped``.
* Allergies: not ``inactive``, ``resolved``, ``refuted`` or ``entered-in-error``; intolerances too.

A list is *known* if it has a current entry, *known empty* only if the record says so ("no known
allergy"), else *unknown*: resolved conditions alone do not say that there is no other.

A partial date is its first day as ``start`` and its last as ``end``; an onset given as age, range
or text is no date.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal, get_args

from intake.checks import complaint, forbidden
from intake.codes import (
    Resolver,
    medication_label,
    medications_of,
    says_nothing,
    stated_empty,
)
from intake.dosages import dose_of, names_of, route_of
from intake.history import REASONS, whose
from intake.pregnancy_words import of_concept
from intake.resource import (
    Resource,
    Span,
    allergens,
    clean,
    codings,
    label,
    objects,
    period,
    span,
    status,
    text_of,
)
from intake.routes import elsewhere, local_only
from intake.staleness import is_stale_order, is_stale_problem
from intake.symptoms import find_symptoms
from kg.names import Match, Resolution
from recommend.profile import Criticality, Fact, Knowledge, Reaction, Unmapped

Kind = Literal["condition", "drug", "allergy"]

_ORDERS = ("order", "original-order", "reflex-order", "filler-order", "instance-order")
_MAY_BE_TAKEN = ("active", "on-hold", "unknown")
_WAS_TAKEN = ("completed", "stopped")
_NOT_TRUE = ("refuted", "entered-in-error")
_HELD = ("active", "recurrence", "relapse")
# Past injuries that no rule of a drug asks about; those of the head and the like are listed.
_HEALED = re.compile(
    r"^(?!.*\b(?:skull|head|brain|spinal|vertebra\w*|hip|femur|organ|intra\w+)\b)"
    r".*\b(?:sprain|laceration|contusion|bruise|whiplash|fracture|dislocation|"
    r"(?:first|second) degree burn)\b",
    re.IGNORECASE,
)
_FINDING = re.compile(r"\((?:finding|situation)\)$", re.IGNORECASE)  # as SNOMED CT tags them


@dataclass
class PatientList:
    """One list of the profile, as it was read."""

    facts: list[Fact] = field(default_factory=list)
    unmapped: list[Unmapped] = field(default_factory=list)
    n_current: int = 0
    n_past: int = 0
    n_unusable: int = 0
    is_stated_empty: bool = False

    def known(self) -> Knowledge:
        """What is known of the list."""
        if self.n_current:
            return Knowledge.KNOWN
        if self.is_stated_empty and not self.n_unusable:
            return Knowledge.KNOWN if self.n_past else Knowledge.EMPTY
        return Knowledge.UNKNOWN


def read_conditions(
    entries: list[Resource], resolver: Resolver, *, today: date
) -> tuple[PatientList, list[Fact]]:
    """The conditions, past ones too, and the current symptoms that are listed among them.

    A symptom that no disease has the name of stays ``unmapped`` as well: it is no disease that was
    assessed.
    """
    result, symptoms = PatientList(), list[Fact]()
    for entry in _usable(entries, "condition", result):
        verification = status(entry, "verificationStatus")
        if verification in _NOT_TRUE:
            continue
        concept = entry.get("code")
        if _is_statement(entry, "conditions", result):
            continue
        names = [*filter(None, (*(c.display for c in codings(concept)), text_of(concept)))]
        histories = {history.whose: history for history in map(whose, names)}
        elsewhere_held = histories.get("family") or histories.get("none")
        if elsewhere_held:
            reason = REASONS[elsewhere_held.whose]
            result.unmapped.append(Unmapped("condition", label(concept), reason))
            continue
        past = histories.get("past")
        state = "resolved" if past and not _ended(entry) else _clinical(entry)
        is_past = bool(past or _ended(entry))
        onset, _ = period(entry, "onset")
        abatement, abatement_end = period(entry, "abatement")
        found = resolver.condition(concept)
        if past and not found.matches:
            found = resolver.condition({"text": past.name})
        called = names or [match.node.name for match in found.matches]
        fact = Fact(
            "",
            status=state,
            verification=verification,
            start=_first(onset),
            end=_last(abatement_end or abatement),
            is_stale=not is_past and is_stale_problem(entry, called, today),
        )
        missing = "no disease node has its code or name"
        if not found.matches:
            named = find_symptoms(resolver, concept)
            if is_past and (named or of_concept(concept) or _leaves_nothing(names)):
                continue  # over, and no disease
            old = is_stale_problem(entry, names, today, is_symptom=True)
            symptoms += (of_match(replace(fact, is_stale=old), match) for match in named)
            missing = "it is a symptom, not a disease" if named else missing
            missing += "; recorded as a past one" if is_past else ""
        unmapped = Unmapped("condition", label(concept), missing)
        _add(result, found, fact, unmapped, is_past=is_past)
    return result, symptoms


def _leaves_nothing(names: list[str]) -> bool:
    """Whether what is over and has these names was no disease, or an injury that heals."""
    return bool(names) and all(_FINDING.search(name) or _HEALED.search(name) for name in names)


def _ended(condition: Resource) -> str:
    """The status of a Condition that is over, or nothing."""
    clinical = status(condition, "clinicalStatus")
    if clinical:
        return "" if clinical in _HELD else clinical
    return "resolved" if any(key.startswith("abatement") for key in condition) else ""


def _clinical(condition: Resource) -> str:
    return _ended(condition) or status(condition, "clinicalStatus")


def read_drugs(
    entries: list[Resource], medications: list[Resource], resolver: Resolver, *, today: date
) -> tuple[PatientList, list[Fact]]:
    """Current drugs with what is known of the list, and the facts of past ones."""
    current, past = PatientList(), PatientList()
    usable = [
        medication
        for medication in medications
        if not complaint(medication) and medication.get("status") != "entered-in-error"
    ]
    others = medications_of(usable)
    for entry in _usable(entries, "drug", current):
        state = status(entry, "status")
        is_request = entry["resourceType"] == "MedicationRequest"
        if is_request and (entry.get("doNotPerform") or status(entry, "intent") not in _ORDERS):
            continue
        if state not in _MAY_BE_TAKEN + _WAS_TAKEN:
            continue
        if _is_statement(entry, "drugs", current if state == "active" else past):
            continue
        start, end = (
            (span(entry.get("authoredOn")), None) if is_request else period(entry, "effective")
        )
        found, name = resolver.medication(entry, others), medication_label(entry, others)
        route = route_of(entry, [*names_of(entry.get("medicationCodeableConcept")), name])
        dose, absorbed = dose_of(entry), local_only(route, (m.node.name for m in found.matches))
        fact = Fact(
            "",
            status=state,
            start=_first(start),
            end=_last(end),
            dose=dose if absorbed == route else elsewhere(dose, route),
            route=absorbed,
            is_stale=state in _MAY_BE_TAKEN and is_stale_order(entry, today),
        )
        _add(
            current if state in _MAY_BE_TAKEN else past,
            found,
            fact,
            Unmapped("drug", name, "no drug node has its code or name"),
        )
    return current, past.facts


def read_allergies(entries: list[Resource], resolver: Resolver) -> PatientList:
    """The allergies and intolerances that hold."""
    result = PatientList()
    for entry in _usable(entries, "allergy", result):
        verification = status(entry, "verificationStatus")
        clinical = status(entry, "clinicalStatus")
        if verification in _NOT_TRUE or clinical in ("inactive", "resolved"):
            continue
        if _is_statement(entry, "allergies", result):
            continue
        categories = ", ".join(_categories(entry)) or "category not stated"
        onset, _ = period(entry, "onset")
        _add(
            result,
            resolve_allergy(entry, resolver),
            Fact(
                "",
                status=clinical,
                verification=verification,
                start=_first(onset),
                criticality=_criticality(entry),
                reaction=_reaction(entry),
            ),
            Unmapped(
                "allergy",
                next(filter(None, map(label, allergens(entry))), ""),
                f"no drug or drug class has its code or name ({categories})",
            ),
        )
    return result


def resolve_allergy(entry: Resource, resolver: Resolver) -> Resolution:
    """The nodes of what an AllergyIntolerance is about."""
    categories = _categories(entry)
    near = not categories or bool({"medication", "biologic"} & set(categories))
    found = [resolver.allergen(concept, near=near) for concept in allergens(entry)]
    unique = {match.node: match for part in found for match in part.matches}
    return Resolution(tuple(unique.values()), bool(found) and all(part.complete for part in found))


def _criticality(entry: Resource) -> Criticality:
    stated = entry.get("criticality")
    return next((known for known in get_args(Criticality) if known == stated), "")


def _reaction(entry: Resource) -> Reaction:
    """The worst severity of the reactions that are recorded."""
    stated = [clean(reaction.get("severity")) for reaction in objects(entry.get("reaction"))]
    return next((known for known in reversed(get_args(Reaction)) if known in stated), "")


def _categories(entry: Resource) -> list[str]:
    listed = entry.get("category")
    return [text for text in map(clean, listed if isinstance(listed, list) else ()) if text]


def _usable(entries: list[Resource], kind: Kind, result: PatientList) -> Iterator[Resource]:
    """The entries that can be used; the others go to ``unmapped`` with the reason."""
    for entry in entries:
        wrong = complaint(entry)
        if wrong is None:
            yield entry
            continue
        if not forbidden(entry) and "entered-in-error" in (
            status(entry, "status"),
            status(entry, "verificationStatus"),
        ):  # such entries may have been emptied; there is nothing to miss
            continue
        result.n_unusable += 1
        result.unmapped.append(Unmapped(kind, "", f"a {entry['resourceType']} {wrong}"))


def _is_statement(entry: Resource, name: str, result: PatientList) -> bool:
    """Whether the entry only says that something is absent; notes it if that is the whole list."""
    concept = entry.get("code", entry.get("medicationCodeableConcept"))
    stated = stated_empty(concept)
    is_over = entry.get("resourceType") == "Condition" and _ended(entry)
    is_sure = status(entry, "verificationStatus") in ("", "confirmed")
    if stated == name and is_sure and not is_over:
        result.is_stated_empty = True
    return stated is not None or says_nothing(concept)


def _add(
    result: PatientList,
    resolution: Resolution,
    template: Fact,
    missing: Unmapped,
    *,
    is_past: bool = False,
) -> None:
    """File what an entry resolved to: a fact a node, and what is left over as unmapped.

    Args:
        result: the list to add to.
        resolution: the nodes.
        template: status and dates of the facts.
        missing: what to say if there is no node at all.
        is_past: whether it is over; the list is not known by it.
    """
    result.n_past += is_past
    result.n_current += not is_past
    result.facts += (of_match(template, match) for match in resolution.matches)
    if not resolution.matches:
        result.unmapped.append(missing)
    elif resolution.unresolved:
        parts = ", ".join(map(repr, resolution.unresolved))
        reason = f"not all of it has a node: {parts}"
        result.unmapped.append(replace(missing, reason=reason))
    elif not resolution.complete and all(match.grade != "near" for match in resolution.matches):
        result.unmapped.append(replace(missing, reason="it is not certain what all of it means"))


def of_match(template: Fact, match: Match) -> Fact:
    """``template`` as a fact of the node that matched."""
    return replace(
        template,
        node=match.node.id,
        grade=match.grade,
        basis=match.basis,
        distance=match.distance,
    )


def _first(stated: Span | None) -> date | None:
    return stated.first if stated else None


def _last(stated: Span | None) -> date | None:
    return stated.last if stated else None
