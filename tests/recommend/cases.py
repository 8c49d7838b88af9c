"""Patients and drugs of the starter graph, by name, as a textbook writes them."""

from collections.abc import Iterable
from typing import Any

from kg.graph import Graph
from kg.names import lookup
from recommend.profile import Fact, GenePhenotype, Knowledge, PatientProfile
from recommend.safety import PatientState, SafetyRules, check_drug
from recommend.suggestion import Outcome, Verdict

KNOWN: dict[str, Any] = dict.fromkeys(
    ("conditions_known", "drugs_known", "allergies_known"), Knowledge.KNOWN
)


def find(graph: Graph, name: str, *types: str) -> str:
    """The CURIE of the one node that is called ``name``."""
    found = lookup(graph, name, types)
    assert len(found) == 1, f"{name}: {found}"
    assert found[0].grade == "exact", f"{name}: {found}"
    return found[0].node.id


def facts(graph: Graph, names: Iterable[str], *types: str) -> tuple[Fact, ...]:
    return tuple(Fact(find(graph, name, *types)) for name in names)


def patient(
    graph: Graph,
    *,
    conditions: Iterable[str] = (),
    drugs: Iterable[str] = (),
    allergies: Iterable[str] = (),
    genes: Iterable[tuple[str, str]] = (),
    **more: Any,
) -> PatientProfile:
    """A profile whose lists are complete, unless ``more`` says otherwise."""
    return PatientProfile(
        conditions=facts(graph, conditions, "Disease"),
        drugs=facts(graph, drugs, "Drug"),
        allergies=facts(graph, allergies, "Drug", "DrugClass"),
        genes=tuple(GenePhenotype(find(graph, gene, "Gene"), name) for gene, name in genes),
        **{"sex": "male", "age_years": 50.0, **KNOWN, **more},
    )


def verdicts_on(rules: SafetyRules, profile: PatientProfile, drug: str) -> tuple[Verdict, ...]:
    """All verdicts on the drug called ``drug``."""
    return check_drug(rules, PatientState(profile, rules), find(rules.graph, drug, "Drug"))


def of_check(verdicts: Iterable[Verdict], check: str) -> list[Verdict]:
    return [verdict for verdict in verdicts if verdict.check == check]


def severities(verdicts: Iterable[Verdict], check: str) -> set[str | None]:
    """The severities of the hits of one check."""
    return {v.severity for v in of_check(verdicts, check) if v.outcome is Outcome.HIT}
