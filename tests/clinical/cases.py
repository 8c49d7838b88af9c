"""The clinical cases: read from JSON, run through the profile reader and the safety rules."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from intake.codes import Resolver
from intake.profile_file import read_profile
from kg.graph import Graph
from recommend.profile import PatientProfile
from recommend.safety import PatientState, SafetyRules, check_drug
from recommend.suggestion import Outcome, Verdict

FOLDER = Path(__file__).parent
SEVERITIES = ("minor", "moderate", "major", "contraindicated")  # mildest first
SERIOUS = frozenset({"major", "contraindicated", "unknown"})
SURE = frozenset({"exact", "xref"})


@dataclass(frozen=True)
class Expected:
    """What the textbook says of the drug for this patient.

    Attributes:
        check: which check must answer.
        outcome: ``hit`` or ``not covered``.
        at_least: the mildest severity that is right; empty where nothing is covered.
        partner: name of the drug that the hit must name; empty where that is open.
    """

    check: str
    outcome: str
    at_least: str = ""
    partner: str = ""


@dataclass(frozen=True)
class Case:
    """One patient, one drug, and the reference that says what is right.

    Attributes:
        expected: None where nothing serious may be found.
    """

    id: str
    title: str
    profile: dict[str, Any]
    drug: str
    expected: Expected | None
    reference: str


class Pharmacist:
    """Asks the rules of one graph about cases; names are looked up as in a profile file."""

    def __init__(self, graph: Graph) -> None:
        self.resolver = Resolver(graph)
        self.rules = SafetyRules.read(graph)

    def misses(self, case: Case) -> list[str]:
        """What is wrong with the answers to the case, one sentence each; nothing if all is right.

        A drug, an allergy or a gene without a node of its own is a miss. A condition may be a
        stranger to a small graph; a wrong verdict names those that are.
        """
        profile = read_profile(case.profile, self.resolver)
        drug = self.drug(case.drug)
        strangers = list(unresolved(profile))
        wrong = [text for kind, text in strangers if kind != "condition"]
        if drug is None:
            wrong.append(f"name: no drug is called {case.drug!r}")
        if wrong or drug is None:
            return wrong
        verdicts = check_drug(self.rules, PatientState(profile, self.rules), drug)
        if case.expected is None:
            return [f"alarm: {v.check}: {v.severity}: {v.text}" for v in verdicts if _serious(v)]
        wrong = list(self._wrong(case.expected, verdicts))
        return [*wrong, *(text for _, text in strangers)] if wrong else []

    def drug(self, name: str) -> str | None:
        """The one node that ``name`` surely means."""
        found = self.resolver.drug({"text": name}).matches
        sure = {match.node.id for match in found if match.grade in SURE}
        return sure.pop() if len(found) == 1 and sure else None

    def _wrong(self, expected: Expected, verdicts: tuple[Verdict, ...]) -> Iterator[str]:
        own = [v for v in verdicts if v.check == expected.check]
        outcomes = {str(v.outcome) for v in own}
        if expected.outcome == "not covered":
            if "not covered" not in outcomes or "clear" in outcomes:
                yield f"{expected.check} must be not covered, and says {_said(own)}"
            return
        hits = [v for v in own if v.outcome is Outcome.HIT]
        if expected.partner:
            node = self.drug(expected.partner)
            hits = [v for v in hits if node is not None and v.partner == node]
        enough = SEVERITIES[SEVERITIES.index(expected.at_least) :]
        if not any(v.severity in enough for v in hits):
            asked = f"a hit, {expected.at_least} at least"
            asked += f", with {expected.partner}" if expected.partner else ""
            yield f"{expected.check} must be {asked}, and says {_said(own)}"


def unresolved(profile: PatientProfile) -> Iterator[tuple[str, str]]:
    """The names without a sure node: of what kind, and what is wrong with them."""
    for item in profile.unmapped:
        yield item.kind, f"name: {item.kind} {item.text!r}: {item.reason}"
    for kind in ("condition", "drug"):
        for fact in getattr(profile, f"{kind}s"):
            if fact.grade not in SURE:
                yield kind, f"name: {fact.basis!r} is only {fact.grade} to {fact.node}"
    for fact in profile.allergies:
        if fact.grade not in SURE:
            yield "allergy", f"name: {fact.basis!r} is only {fact.grade} to {fact.node}"


def load(name: str) -> list[Case]:
    """The cases of ``dangerous`` or ``unremarkable``, as written."""
    listed = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return [_case(item) for item in listed]


def with_reversed(cases: list[Case]) -> Iterator[Case]:
    """Each case, and after one of two drugs the same pair asked from the other side.

    In a case of three drugs each of them is asked about in turn.
    """
    for case in cases:
        yield case
        expected = case.expected
        if (
            expected
            and expected.outcome == "hit"
            and expected.check in ("interaction", "duplicate")
        ):
            for current in case.profile["drugs"]:
                partner = current if isinstance(current, str) else current["name"]
                if expected.partner in ("", partner):
                    yield _reversed(case, expected, partner)


def _reversed(case: Case, expected: Expected, partner: str) -> Case:
    drugs = [d for d in case.profile["drugs"] if partner not in (d, *_named(d))]
    return replace(
        case,
        id=f"{case.id}:{partner}",
        profile=case.profile | {"drugs": [*drugs, case.drug]},
        drug=partner,
        expected=replace(expected, partner=case.drug if expected.partner else ""),
    )


def _named(drug: str | dict[str, str]) -> tuple[str, ...]:
    return () if isinstance(drug, str) else (drug["name"],)


def _case(item: dict[str, Any]) -> Case:
    known = {"id", "title", "profile", "drug", "expect", "reference"}
    if set(item) - known:
        raise ValueError(f"unknown fields in case {item['id']}: {sorted(set(item) - known)}")
    stated = {k: v for k, v in item.get("expect", {}).items() if v is not None}
    return Case(
        id=item["id"],
        title=item["title"],
        profile=item["profile"],
        drug=item["drug"],
        expected=Expected(**stated) if stated else None,
        reference=item["reference"],
    )


def _serious(verdict: Verdict) -> bool:
    return verdict.outcome is Outcome.HIT and verdict.severity in SERIOUS


def _said(verdicts: list[Verdict]) -> str:
    said = [f"{v.outcome} ({v.severity}, {v.partner}): {v.text}" for v in verdicts]
    return "; ".join(said) or "nothing"
