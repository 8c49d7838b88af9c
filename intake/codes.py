"""FHIR codes to nodes: what the CodeableConcepts of a patient mean in one graph.

A concept may hold several codes for one thing; the best answer among them counts: complete and sure
before partial or near, then by grade, then the nearest, then in the order given. Its ``text`` is
asked only where no code answers.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Literal

from intake.allergens import NOTHING, find_allergen, find_atc_class, substance
from intake.resource import (
    MAX_LINKS,
    Resource,
    codings,
    contained,
    display,
    ingredients,
    label,
    own_keys,
    reference,
    reference_keys,
    text_of,
)
from kg.graph import Graph
from kg.identifiers import from_system
from kg.names import GRADES, Match, Resolution, key, lookup, resolve_coding
from kg.names.match import Grade

SNOMED = "http://snomed.info/sct"
_ABSENT = "absent-unknown-uv-ips"  # the International Patient Summary's own code system

List = Literal["conditions", "drugs", "allergies"]

# Codes that say of a whole list that it is empty. "No known food allergy" and the like are about
# something else and say nothing of drugs; "no information" says nothing at all.
_EMPTY: Mapping[str, List] = {
    "716186003": "allergies",  # no known allergy
    "160244002": "allergies",  # no known allergies (inactive since 2016, still in records)
    "409137002": "allergies",  # no known drug allergy
    "no-known-allergies": "allergies",
    "no-known-medication-allergies": "allergies",
    "160245001": "conditions",  # no current problems or disability
    "no-known-problems": "conditions",
    "787481004": "drugs",  # no known medications
    "no-known-medications": "drugs",
}
_IRRELEVANT = frozenset(
    ["428607008", "429625007", "no-known-environmental-allergies", "no-known-food-allergies",
     "no-allergy-info", "no-problem-info", "no-medication-info"]
)  # fmt: skip

# The same in words, for records that write it as text.
_NONE_KNOWN = re.compile(
    r"nkd?a|nkma|none known|no known (?:drug |medication |medicine )?allerg(?:y|ies)(?: situation)?"
)
_NONE_OF_SOME = re.compile(r"nkfa|no known [a-z ]+ allerg(?:y|ies)(?: situation)?")


class Resolver:
    """Names of one graph, each looked up once: keep one for a whole import.

    Args:
        graph: where to look.
        worst: the worst grade to give. With ``near`` a misspelling becomes a fact that a person has
            to confirm; with a better one what only it answers is unmapped.
    """

    def __init__(self, graph: Graph, *, worst: Grade = "near") -> None:
        self.graph = graph
        self.worst = worst
        self._known: dict[tuple[str, ...], Resolution] = {}

    def condition(self, concept: object) -> Resolution:
        """The Disease nodes of a condition's code."""
        return self._concept(concept, ("Disease",))

    def drug(self, concept: object) -> Resolution:
        """The Drug nodes of a medication's code, one an ingredient."""
        return self._concept(concept, ("Drug",))

    def medication(self, resource: Resource, others: Mapping[str, Resource]) -> Resolution:
        """The ingredients of a MedicationRequest or MedicationStatement.

        Args:
            resource: has ``medicationCodeableConcept`` or ``medicationReference``.
            others: the patient's Medication resources by what references may call them.
        """
        if "medicationReference" not in resource:
            return self.drug(resource.get("medicationCodeableConcept"))
        return self._referred(resource["medicationReference"], resource, others, {})

    def allergen(self, concept: object, *, near: bool) -> Resolution:
        """The Drug or DrugClass nodes of an allergy's code or substance.

        Args:
            concept: a CodeableConcept such as "Allergy to penicillin" or "Penicillin G".
            near: whether a misspelt drug is offered; senseless for food and pollen.
        """
        types = ("Drug", "DrugClass")
        for coding in codings(concept):
            found = self._coding(coding.system, coding.code, "", types)
            if not found.matches:
                found = self._atc_class(from_system(coding.system, coding.code) or "")
            if found.matches:
                return found
        for text in [coding.display for coding in codings(concept)] + [text_of(concept)]:
            found = self._allergen(substance(text), near=near)
            if found.matches:
                return found
        return NOTHING

    def gene(self, text: str) -> str | None:
        """The CURIE of the one Gene node that ``text`` names, or None."""
        found = self._remember(("gene", text), lambda: _found(lookup(self.graph, text, ("Gene",))))
        return found.matches[0].node.id if len(found.matches) == 1 else None

    def _concept(self, concept: object, types: Collection[str]) -> Resolution:
        found = [self._coding(*coding, types) for coding in codings(concept)]
        if not any(resolution.matches for resolution in found) and text_of(concept):
            found = [self._coding("", "", text_of(concept), types)]
        useful = [resolution for resolution in found if resolution.matches]
        unknown = Resolution((), False, tuple(filter(None, [label(concept)])))
        return min(useful, key=_rank, default=unknown)

    def _coding(self, system: str, code: str, text: str, types: Collection[str]) -> Resolution:
        return self._remember(
            (system, code, text, *types),
            lambda: resolve_coding(self.graph, system, code, text, types, worst=self.worst),
        )

    def _atc_class(self, curie: str) -> Resolution:
        return self._remember(("atc", curie), lambda: find_atc_class(self.graph, curie))

    def _allergen(self, text: str, *, near: bool) -> Resolution:
        def find() -> Resolution:
            return find_allergen(self.graph, text, near=near and self.worst == "near")

        return self._remember(("allergen", text, str(near)), find) if text else NOTHING

    def _referred(
        self,
        target: object,
        container: Resource,
        others: Mapping[str, Resource],
        known: dict[int, Resolution],
        depth: int = 0,
    ) -> Resolution:
        """What the Medication behind a reference consists of.

        Args:
            target: the Reference.
            container: the resource in which ``#id`` is looked up.
            others: Medications by what references may call them.
            known: Medications already read; one that is being read is in it as nothing.
            depth: how many references led here.
        """
        name = reference(target)
        if name.startswith("#"):
            medication = contained(container).get(name)
        else:
            medication = next((others[key] for key in reference_keys(name) if key in others), None)
            container = medication or container
        if medication is None:
            return self.drug({"text": display(target)})
        if id(medication) in known or depth >= MAX_LINKS:
            return known.get(id(medication), NOTHING)
        known[id(medication)] = NOTHING
        whole = self.drug(medication.get("code"))
        parts = [
            self._referred(item["itemReference"], container, others, known, depth + 1)
            if "itemReference" in item
            else self.drug(item.get("itemCodeableConcept"))
            for item in ([] if whole.is_sure else ingredients(medication))
        ]
        if any(part.matches for part in parts):
            unique = {match.node: match for part in parts for match in part.matches}
            whole = Resolution(
                tuple(unique.values()),
                all(part.complete for part in parts),
                tuple(text for part in parts for text in part.unresolved),
            )
        known[id(medication)] = whole
        return whole

    def _remember(self, key: tuple[str, ...], find: Callable[[], Resolution]) -> Resolution:
        if key not in self._known:
            self._known[key] = find()
        return self._known[key]


def stated_empty(concept: object) -> List | None:
    """Which list the concept says is empty ("no known allergy"), or None."""
    found = next((_EMPTY[code] for code in _statements(concept) if code in _EMPTY), None)
    return found or ("allergies" if _all_say(concept, _NONE_KNOWN) else None)


def says_nothing(concept: object) -> bool:
    """Whether the concept is a statement of absence about something that is not read here."""
    is_coded = any(code in _IRRELEVANT for code in _statements(concept))
    return is_coded or _all_say(concept, _NONE_OF_SOME)


def medications_of(resources: Collection[Resource]) -> dict[str, Resource]:
    """The Medication resources, by everything that references may call them."""
    found: dict[str, Resource] = {}
    for resource in resources:
        if resource.get("resourceType") == "Medication":
            for key in own_keys(resource):
                found.setdefault(key, resource)
    return found


def medication_label(resource: Resource, others: Mapping[str, Resource]) -> str:
    """How the medication of a request or statement is called, where it is said."""
    if "medicationReference" not in resource:
        return label(resource.get("medicationCodeableConcept"))
    name = reference(resource["medicationReference"])
    found = contained(resource).get(name) or next(
        (others[key] for key in reference_keys(name) if key in others), {}
    )
    return label(found.get("code")) or display(resource.get("medicationReference"))


def worst(matches: Collection[Match]) -> Grade:
    """The weakest grade among matches; there is at least one."""
    return max((match.grade for match in matches), key=GRADES.index)


def _statements(concept: object) -> list[str]:
    return [c.code for c in codings(concept) if c.system == SNOMED or _ABSENT in c.system]


def _all_say(concept: object, pattern: re.Pattern[str]) -> bool:
    """Whether the concept has a text and every one it has is such a statement."""
    texts = {key(coding.display) for coding in codings(concept)} | {key(text_of(concept))}
    return bool(texts - {""}) and all(map(pattern.fullmatch, texts - {""}))


def _rank(resolution: Resolution) -> tuple[bool, int, int]:
    furthest = max(match.distance for match in resolution.matches)
    return not resolution.is_sure, GRADES.index(worst(resolution.matches)), furthest


def _found(matches: tuple[Match, ...]) -> Resolution:
    return Resolution(matches, bool(matches))
