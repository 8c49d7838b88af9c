"""One patient as the checks see one: each list once a node, in the order of the ids."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from recommend.profile import GRADES, LOCAL_ROUTES, Fact, PatientProfile, Route

if TYPE_CHECKING:
    from recommend.safety.rules import SafetyRules

_PLACES: Mapping[Route, str] = {
    "skin": "on the skin",
    "eye": "in the eye",
    "ear": "in the ear",
    "nasal": "in the nose",
    "vaginal": "in the vagina",
    "mouth": "in the mouth",
}


class Taken(NamedTuple):
    """A current drug."""

    node: str
    name: str
    fact: Fact
    is_certain: bool
    is_local: bool


@dataclass(frozen=True)
class PatientState:
    """A profile with what the checks ask for.

    Attributes:
        route: how the drug in question would be used; empty is systemic use.
    """

    profile: PatientProfile
    rules: "SafetyRules" = field(repr=False)
    route: Route = ""

    @property
    def is_local(self) -> bool:
        """Whether the drug in question would be used only where it acts."""
        return self.route in LOCAL_ROUTES

    @cached_property
    def conditions(self) -> Mapping[str, tuple[Fact, bool]]:
        """Every disease the patient has, ancestors too: id -> the fact, whether it is an ancestor.

        Where several facts lead to a disease, the most certain one counts.
        """
        return self._with_ancestors(fact for fact in self.recorded.values() if not fact.ended)

    @cached_property
    def past(self) -> Mapping[str, tuple[Fact, bool]]:
        """As :attr:`conditions`, of what is recorded as over; some of it speaks against drugs."""
        return self._with_ancestors(fact for fact in self.recorded.values() if fact.ended)

    def _with_ancestors(self, facts: Iterable[Fact]) -> Mapping[str, tuple[Fact, bool]]:
        found: dict[str, list[tuple[Fact, bool]]] = {}
        for fact in facts:
            found.setdefault(fact.node, []).append((fact, False))
            for ancestor in self.rules.broader.get(fact.node):
                found.setdefault(ancestor, []).append((fact, True))
        return {
            disease: min(facts, key=lambda f: (_certainty(f[0]), f[1], f[0].node))
            for disease, facts in sorted(found.items())
        }

    @cached_property
    def recorded(self) -> Mapping[str, Fact]:
        """The conditions themselves, by id, those that are over included."""
        return _best(self.profile.conditions, lasting=True)

    @cached_property
    def drugs(self) -> Mapping[str, Fact]:
        """Current drugs by id; of several uses of one a systemic one counts."""
        return _best(self.profile.drugs)

    @cached_property
    def taken(self) -> tuple["Taken", ...]:
        """:attr:`drugs` with what the checks ask of each again and again."""
        return tuple(
            Taken(node, self.rules.name(node), fact, fact.is_certain, fact.is_local)
            for node, fact in self.drugs.items()
        )

    @cached_property
    def allergies(self) -> Mapping[str, Fact]:
        """Allergens by id: drugs and classes."""
        return _best(self.profile.allergies)

    @cached_property
    def severe_allergies(self) -> frozenset[str]:
        """Allergens with a severe reaction on record, or one whose next may be dangerous."""
        return frozenset(
            fact.node
            for fact in self.profile.allergies
            if fact.reaction == "severe" or fact.criticality == "high"
        )

    @property
    def is_of_childbearing_age(self) -> bool:
        """Whether the patient is not male and 10 to 59, as far as is known."""
        age = self.profile.age_years
        return self.profile.sex != "male" and (age is None or 10 <= age < 60)

    @property
    def may_be_pregnant(self) -> bool:
        """Whether a pregnancy is possible, or the record speaks of one."""
        return bool(self.doubts("pregnancy")) or self.is_of_childbearing_age

    @cached_property
    def diseases(self) -> frozenset[str]:
        """The conditions that hold and everything broader."""
        nodes = frozenset(node for node, fact in self.recorded.items() if not fact.ended)
        return nodes.union(*map(self.rules.broader.get, nodes))

    def unmapped(self, kind: str) -> list[str]:
        """What was recorded under ``kind`` that no node answers to, as recorded."""
        return [*self._unmapped.get(kind, ())]

    @cached_property
    def _unmapped(self) -> Mapping[str, list[str]]:
        kinds = {item.kind for item in self.profile.unmapped}
        return {
            kind: sorted({item.text for item in self.profile.unmapped if item.kind == kind})
            for kind in kinds
        }

    def doubts(self, kind: str) -> list[str]:
        """What was recorded under ``kind`` and cannot be relied on, with the reasons."""
        if kind not in self._unmapped:
            return []
        items = [item for item in self.profile.unmapped if item.kind == kind]
        return sorted({f"{i.text} ({i.reason})" if i.text else i.reason for i in items})


def doubt(fact: Fact, what: str) -> str:
    """What is to be confirmed of a fact before it is believed, to stand behind a text; or nothing.

    Args:
        fact: of the patient.
        what: ``"drug"``, ``"diagnosis"`` or ``"allergen"``.
    """
    if fact.confirmed:
        return ""
    text = f"; a near match: confirm the {what}" if fact.grade == "near" else ""
    if fact.is_stale:
        year = f" in {fact.start.year}" if fact.start else " long ago"
        done, asked = ("recorded", "that it still holds")
        if what == "drug":
            done, asked = ("ordered", "that it is taken")
        text += f"; {done}{year} and never ended: confirm {asked}"
    return text


def place(route: Route) -> str:
    """Where a local route applies a drug: "on the skin", "in the eye"."""
    return _PLACES[route]


def _best(facts: Iterable[Fact], *, lasting: bool = False) -> dict[str, Fact]:
    """One fact a node: the one that says most, of systemic before local use, and most surely.

    Args:
        facts: of one list.
        lasting: what holds comes before what is over, however sure that is.
    """
    result: dict[str, Fact] = {}

    def rank(fact: Fact) -> tuple[Any, ...]:
        words = (fact.basis, fact.route, fact.reaction, fact.criticality, str(fact.start))
        is_over = lasting and bool(fact.ended)
        sure = _certainty(fact)
        return fact.node, is_over, fact.is_local, sure, fact.ended, fact.distance, words

    for fact in sorted(facts, key=rank):
        result.setdefault(fact.node, fact)
    return result


def _certainty(fact: Fact) -> tuple[bool, bool, int, bool]:
    """Smallest for what is surest: what is certain, not old, of the best grade, confirmed."""
    is_old = fact.is_stale and not fact.confirmed
    return not fact.is_certain, is_old, GRADES.index(fact.grade), not fact.confirmed
