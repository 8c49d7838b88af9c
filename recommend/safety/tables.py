"""The rules that a graph's statements hold, a table at a time, and what a rule is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Any, NamedTuple, cast

import numpy as np

from kg.errors import SchemaError
from kg.graph import LABEL_KINDS, Graph
from recommend.profile import ChildPugh
from recommend.suggestion import Severity

SEVERITIES: tuple[Severity, ...] = (
    "contraindicated",
    "major",
    "unknown",
    "moderate",
    "minor",
)  # worst first

ANY = "any"  # in the place of a drug: the rule holds for local use of any of its drugs


@dataclass(frozen=True)
class Rule:
    """What a source says of a drug, or of a drug and its partner."""

    severity: Severity
    text: str  # why, in the source's few words
    source: str  # "starter: bnf-86-warfarin"
    topical: frozenset[str] = frozenset()  # drugs whose local use counts as well, or "any"
    stated_by: str = ""  # the name of the source alone

    def holds(self, local: Iterable[str]) -> bool:
        """Whether the rule holds where the drugs ``local`` are used only where they act."""
        return all(drug in self.topical or ANY in self.topical for drug in local)


@dataclass(frozen=True)
class Compatible:
    """A source's word that a drug is compatible with pregnancy or breastfeeding."""

    text: str
    source: str
    is_for_local: bool  # said of local use as well


class Guidance(NamedTuple):
    """What a guideline advises for a drug where a gene, or two together, have a phenotype."""

    gene: str
    phenotype: str
    population: str  # "general", or for whom the advice was written
    strength: str  # strong, moderate or optional
    advice: str
    source: str
    other_gene: str = ""
    other_phenotype: str = ""


class KidneyLimit(NamedTuple):
    """A drug's limit in one of the two measures of the kidneys."""

    measure: str  # "eGFR" (mL/min/1.73 m²) or "CrCl": Cockcroft-Gault (mL/min)
    below: float
    rule: Rule


class AgeLimit(NamedTuple):
    """A drug's limit in years; one of the two is None."""

    below: float | None
    from_years: float | None
    rule: Rule


class LiverLimit(NamedTuple):
    """The Child-Pugh class from which on a rule holds."""

    child_pugh: ChildPugh
    rule: Rule


class Triple(NamedTuple):
    """Three drugs, one of each side, that harm together."""

    sides: tuple[frozenset[str], frozenset[str], frozenset[str]]
    rule: Rule

    def completed_by(self, drug: str, others: Iterable[str]) -> list[tuple[str, str]]:
        """The pairs among ``others``, ascending, that make up the three with ``drug``."""
        member = frozenset().union(*self.sides)
        if drug not in member:
            return []
        known = sorted(member.intersection(others) - {drug})
        return [
            pair
            for pair in combinations(known, 2)
            if any(
                drug in a and pair[0] in b and pair[1] in c for a, b, c in permutations(self.sides)
            )
        ]


def to_rule(row: Mapping[str, Any]) -> Rule:
    """The rule that the details of an assertion, or a statement, amount to."""
    severity = row.get("severity", "unknown")
    if severity not in SEVERITIES:
        severity = "unknown"
    text = row.get("why") or row.get("effect") or row.get("mechanism") or ""
    if row.get("effect") and row.get("mechanism"):
        text = f"{str(row['effect']).rstrip('.')} ({row['mechanism']})"
    topical = {"yes": ANY}.get(cell := str(row.get("topical", "")), cell)
    local = frozenset(drug.strip() for drug in topical.split("|") if drug.strip())
    return Rule(cast(Severity, severity), str(text), _cited(row), local, str(row["source"]))


def by_drug(graph: Graph, table: str) -> dict[str, tuple[Rule, ...]]:
    """The statements of a table that speak against drugs: drug -> rules, in the sources' order."""
    result: dict[str, list[Rule]] = {}
    for row in graph.statements.get(table, ()):
        if row.get("severity") != "none":
            result.setdefault(row["drug"], []).append(to_rule(row))
    return {drug: tuple(rules) for drug, rules in result.items()}


def compatible(graph: Graph, table: str) -> dict[str, tuple[Compatible, ...]]:
    """The statements of a table with severity ``none``: drug -> who calls it compatible."""
    result: dict[str, list[Compatible]] = {}
    for row in graph.statements.get(table, ()):
        if row.get("severity") == "none":
            said = Compatible(row.get("why", ""), _cited(row), row.get("topical") == "yes")
            result.setdefault(row["drug"], []).append(said)
    return {drug: tuple(rows) for drug, rows in result.items()}


def kidney_limits(graph: Graph) -> dict[str, tuple[KidneyLimit, ...]]:
    """Drug -> its limits, ascending.

    Raises:
        SchemaError: the graph was built before kidney rules named their measure.
    """
    result: dict[str, list[KidneyLimit]] = {}
    for row in graph.statements.get("kidney", ()):
        if "measure" not in row:
            raise SchemaError("the graph's kidney rules name no measure: build the graph again")
        limit = KidneyLimit(row["measure"], float(row["below"]), to_rule(row))
        result.setdefault(row["drug"], []).append(limit)
    return {drug: tuple(sorted(rows, key=lambda r: r[:2])) for drug, rows in result.items()}


def age_limits(graph: Graph) -> dict[str, tuple[AgeLimit, ...]]:
    """Drug -> its limits, those of youth first, each ascending."""
    result: dict[str, list[AgeLimit]] = {}
    for row in graph.statements.get("age", ()):
        below, above = row.get("below_years", ""), row.get("from_years", "")
        limit = AgeLimit(
            float(below) if below else None, float(above) if above else None, to_rule(row)
        )
        result.setdefault(row["drug"], []).append(limit)

    def order(limit: AgeLimit) -> tuple[bool, float]:
        return limit.below is None, limit.below or limit.from_years or 0.0

    return {drug: tuple(sorted(rows, key=order)) for drug, rows in result.items()}


def liver_limits(graph: Graph) -> dict[str, tuple[LiverLimit, ...]]:
    """Drug -> its limits, the mildest class first."""
    result: dict[str, list[LiverLimit]] = {}
    for row in graph.statements.get("liver", ()):
        limit = LiverLimit(cast(ChildPugh, row["child_pugh"]), to_rule(row))
        result.setdefault(row["drug"], []).append(limit)
    return {drug: tuple(sorted(rows, key=lambda r: r[0])) for drug, rows in result.items()}


def triples(graph: Graph) -> tuple[Triple, ...]:
    """The rules about three drugs."""
    return tuple(
        Triple(
            (
                frozenset(row["a"].split("|")),
                frozenset(row["b"].split("|")),
                frozenset(row["c"].split("|")),
            ),
            to_rule(row),
        )
        for row in graph.statements.get("triples", ())
    )


def guidance(graph: Graph) -> dict[str, tuple[Guidance, ...]]:
    """Drug -> what guidelines advise by gene, and by two genes together."""
    result: dict[str, list[Guidance]] = {}
    for kind in ("guidance", "guidance_pairs"):
        for row in graph.statements.get(kind, ()):
            advice = Guidance(
                row["gene"],
                row["phenotype"],
                row["population"],
                row["strength"],
                row["recommendation"],
                _cited(row),
                row.get("other_gene", ""),
                row.get("other_phenotype", ""),
            )
            result.setdefault(row["drug"], []).append(advice)
    return {drug: tuple(rows) for drug, rows in result.items()}


def atc_codes(graph: Graph) -> dict[str, frozenset[str]]:
    """The ATC codes among the drugs' labels."""
    n_drugs, offset = graph.n_nodes("Drug"), graph.offsets.get("Drug", 0)
    start, end = np.searchsorted(graph.labels.node, [offset, offset + n_drugs])
    kinds = graph.labels.kind[start:end]
    numbers = np.flatnonzero(kinds == LABEL_KINDS.index("code"))
    # Not take: it imports pyarrow.compute, which takes longer than all the rest.
    texts = graph.labels.text.slice(start, end - start).to_pylist()
    ids = graph.ids["Drug"].to_pylist() if n_drugs else []
    rows = (graph.labels.node[start + numbers] - offset).tolist()
    result: dict[str, set[str]] = {}
    for row, number in zip(rows, numbers.tolist(), strict=True):
        if texts[number].startswith("ATC:"):
            result.setdefault(ids[row], set()).add(texts[number])
    return {drug: frozenset(codes) for drug, codes in result.items()}


def withdrawn(graph: Graph) -> dict[str, Rule]:
    """Drug -> where and when it was withdrawn."""
    rows: dict[str, list[Mapping[str, str]]] = {}
    for row in graph.statements.get("withdrawn", ()):
        rows.setdefault(row["drug"], []).append(row)
    result = {}
    for drug, told in rows.items():
        places = dict.fromkeys(" ".join(filter(None, (r.get("where"), r["year"]))) for r in told)
        sources = "; ".join(dict.fromkeys(map(_cited, told)))
        result[drug] = Rule("contraindicated", f"withdrawn: {'; '.join(places)}", sources)
    return result


def not_indicated(graph: Graph) -> dict[str, dict[str, Rule]]:
    """Drug -> disease -> who says that it is no indication."""
    result: dict[str, dict[str, Rule]] = {}
    for row in graph.statements.get("not_indicated", ()):
        rule = Rule("contraindicated", "no indication by the catalogue's own words", _cited(row))
        result.setdefault(row["drug"], {})[row["disease"]] = rule
    return result


def _cited(row: Mapping[str, Any]) -> str:
    references = row.get("reference", ())  # a list in assertions, joined with | in statements
    if isinstance(references, str):
        references = [key for key in references.split("|") if key]
    return f"{row['source']}: {', '.join(references)}" if references else str(row["source"])
