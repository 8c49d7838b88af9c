"""The safety knowledge of one graph, as tables keyed by CURIE; one patient as the checks see one.

Read once from the graph's edges and statements. Every rule keeps the source that states it. A table
may *cover* drugs: its authors declare that, among covered drugs, what the table does not list is
not described in the works that they name. Outside that, a missing row says nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import numpy as np

from kg.graph import LABEL_KINDS, Assertion, Graph
from kg.schema import EdgeType
from recommend.profile import GRADES, Fact, PatientProfile
from recommend.suggestion import Severity

SEVERITIES: tuple[Severity, ...] = (
    "contraindicated",
    "major",
    "unknown",
    "moderate",
    "minor",
)  # worst first

CONTRAINDICATED = EdgeType("Drug", "contraindicated", "Disease")
INTERACTS = EdgeType("Drug", "interacts", "Drug")
INCLUDES = EdgeType("DrugClass", "includes", "Drug")
CROSS_REACTS = EdgeType("DrugClass", "cross_reacts", "DrugClass")
SUBCLASS_OF = EdgeType("Disease", "subclass_of", "Disease")

LEVEL_4 = len("ATC:C09AA")
_NAMED = ("Disease", "Drug", "DrugClass", "Gene")

# Groups whose members share a place of use or nothing at all, not a way of acting: dental, gut,
# haemorrhoids, skin, vagina, joints, nose, throat, eye and ear, various; "other cardiac".
_NO_CLASS = ("A01", "A07", "B05", "C01EB", "C05", "D", "G01", "G02C", "M02", "R01", "R02", "S", "V")


@dataclass(frozen=True)
class Rule:
    """What a source says of a drug and its partner."""

    severity: Severity
    text: str  # why, in the source's few words
    source: str  # "starter: bnf-86-warfarin"


@dataclass(frozen=True)
class Guidance:
    """What a guideline advises for a drug where a gene, or two together, have a phenotype."""

    gene: str
    phenotype: str
    population: str  # "general", or for whom the advice was written
    strength: str  # strong, moderate or optional
    advice: str
    source: str
    other_gene: str = ""
    other_phenotype: str = ""


@dataclass(frozen=True, eq=False)
class SafetyRules:
    """All rules of a graph."""

    graph: Graph
    names: Mapping[str, str]  # of diseases, drugs, classes and genes
    contraindicated: Mapping[str, Mapping[str, Rule]]  # drug -> disease
    judged_diseases: frozenset[str]  # diseases that the table has a row about
    interacts: Mapping[str, Mapping[str, Rule]]  # drug -> drug, both ways
    atc: Mapping[str, frozenset[str]]  # drug -> its full ATC codes, "ATC:C09AA03"
    classes: Mapping[str, frozenset[str]]  # drug -> its classes, ATC level 4 by its codes included
    cross_reacts: Mapping[str, Mapping[str, Rule]]  # class -> class, both ways
    broader: Mapping[str, frozenset[str]]  # disease -> all its ancestors
    combinations: frozenset[frozenset[str]]  # pairs of drugs meant to be taken together
    partner_only: Mapping[str, Rule]  # drugs given only together with another one
    families: Mapping[str, Mapping[str, Rule]]  # alike molecules: family -> drug
    covered: Mapping[str, Mapping[str, str]]  # table -> drugs that it covers -> who says so
    pregnancy: Mapping[str, Rule]  # drug
    kidney: Mapping[str, tuple[tuple[float, Rule], ...]]  # drug -> (eGFR below, rule), ascending
    age: Mapping[str, tuple[tuple[float, Rule], ...]]  # drug -> (years below, rule), ascending
    guidance: Mapping[str, tuple[Guidance, ...]]  # drug

    @classmethod
    def read(cls, graph: Graph) -> "SafetyRules":
        """Read the rules that ``graph`` holds; a table that it lacks is empty."""
        contraindicated = _table(graph, CONTRAINDICATED)
        atc = _atc_codes(graph)
        families: dict[str, dict[str, Rule]] = {}
        for row in graph.statements.get("allergy_families", ()):
            families.setdefault(row["family"], {})[row["drug"]] = _stated(row)
        covered: dict[str, dict[str, str]] = {}
        for row in graph.statements.get("coverage", ()):
            covered.setdefault(row["table"], {})[row["drug"]] = _stated(row).source
        return cls(
            graph=graph,
            names=_names(graph),
            contraindicated=contraindicated,
            judged_diseases=frozenset(d for rows in contraindicated.values() for d in rows),
            interacts=_table(graph, INTERACTS, both_ways=True),
            atc=atc,
            classes=_classes(graph, atc),
            cross_reacts=_table(graph, CROSS_REACTS, both_ways=True),
            broader=_ancestors((h, t) for h, t, _ in _edges(graph, SUBCLASS_OF)),
            combinations=frozenset(
                frozenset((row["drug_a"], row["drug_b"]))
                for row in graph.statements.get("combinations", ())
            ),
            partner_only={r["drug"]: _stated(r) for r in graph.statements.get("partner_only", ())},
            families=families,
            covered=covered,
            pregnancy={r["drug"]: _stated(r) for r in graph.statements.get("pregnancy", ())},
            kidney=_limits(graph, "kidney", "below"),
            age=_limits(graph, "age", "below_years"),
            guidance=_guidance(graph),
        )

    def name(self, node_id: str) -> str:
        """The name of a node, or its id where the graph does not have it."""
        return self.names.get(node_id, node_id)

    def groups(self, node_id: str) -> frozenset[str]:
        """The ATC groups that a drug or class may share with a like one.

        Of level 3; of level 4 where level 3 is only a place of use, such as the eye.
        """
        codes = {*self.atc.get(node_id, ()), *self.classes.get(node_id, ()), node_id}
        return frozenset(
            code[: LEVEL_4 if code[4:].startswith(_NO_CLASS) else LEVEL_4 - 1]
            for code in codes
            if code.startswith("ATC:")
        )

    def is_placed(self, node_id: str) -> bool:
        """Whether the node is an ATC class, or a drug whose place in the ATC is known."""
        groups = self.classes.get(node_id, ())
        return node_id in self.atc or any(g.startswith("ATC:") for g in (node_id, *groups))


@dataclass(frozen=True)
class PatientState:
    """A profile with what the checks ask for, each list once a node and in the order of the ids."""

    profile: PatientProfile
    rules: SafetyRules = field(repr=False)

    @cached_property
    def conditions(self) -> Mapping[str, tuple[Fact, bool]]:
        """Every disease the patient has, ancestors too: id -> the fact, whether it is an ancestor.

        Where several facts lead to a disease, the one with the best grade counts.
        """
        found: dict[str, list[tuple[Fact, bool]]] = {}
        for fact in self.recorded.values():
            found.setdefault(fact.node, []).append((fact, False))
            for ancestor in self.rules.broader.get(fact.node, ()):
                found.setdefault(ancestor, []).append((fact, True))
        return {
            disease: min(facts, key=lambda f: (GRADES.index(f[0].grade), f[1], f[0].node))
            for disease, facts in sorted(found.items())
        }

    @cached_property
    def recorded(self) -> Mapping[str, Fact]:
        """The conditions themselves, by id."""
        return _best(self.profile.conditions)

    @cached_property
    def drugs(self) -> Mapping[str, Fact]:
        """Current drugs by id."""
        return _best(self.profile.drugs)

    @cached_property
    def allergies(self) -> Mapping[str, Fact]:
        """Allergens by id: drugs and classes."""
        return _best(self.profile.allergies)

    @property
    def may_be_pregnant(self) -> bool:
        """Whether a pregnancy is possible: not male and 10 to 55, or the record speaks of one."""
        if self.doubts("pregnancy"):
            return True
        age = self.profile.age_years
        return self.profile.sex != "male" and (age is None or 10 <= age < 56)

    def unmapped(self, kind: str) -> list[str]:
        """What was recorded under ``kind`` that no node answers to, as recorded."""
        return sorted({item.text for item in self.profile.unmapped if item.kind == kind})

    def doubts(self, kind: str) -> list[str]:
        """What was recorded under ``kind`` and cannot be relied on, with the reasons."""
        items = [item for item in self.profile.unmapped if item.kind == kind]
        return sorted({f"{i.text} ({i.reason})" if i.text else i.reason for i in items})


def worst(severities: Iterable[Severity]) -> Severity:
    """The worst of ``severities``, which must not be empty."""
    return min(severities, key=SEVERITIES.index)


def _best(facts: Iterable[Fact]) -> dict[str, Fact]:
    """One fact a node, the one with the best grade, one that holds before one that does not."""
    result: dict[str, Fact] = {}

    def rank(fact: Fact) -> tuple[str, int, str, int, str]:
        return fact.node, GRADES.index(fact.grade), fact.ended, fact.distance, fact.basis

    for fact in sorted(facts, key=rank):
        result.setdefault(fact.node, fact)
    return result


def _names(graph: Graph) -> dict[str, str]:
    result: dict[str, str] = {}
    for node_type in _NAMED:
        if node_type in graph.ids:
            ids, names = graph.ids[node_type].to_pylist(), graph.names[node_type].to_pylist()
            result.update(zip(ids, names, strict=True))
    return result


def _atc_codes(graph: Graph) -> dict[str, frozenset[str]]:
    """The ATC codes among the drugs' labels."""
    n_drugs, offset = graph.n_nodes("Drug"), graph.offsets.get("Drug", 0)
    start, end = np.searchsorted(graph.labels.node, [offset, offset + n_drugs])
    kinds = graph.labels.kind[start:end]
    numbers = start + np.flatnonzero(kinds == LABEL_KINDS.index("code"))
    texts = graph.labels.text.take(numbers).to_pylist()
    ids = graph.ids["Drug"].to_pylist() if n_drugs else []
    result: dict[str, set[str]] = {}
    for number, text in zip(numbers.tolist(), texts, strict=True):
        if text.startswith("ATC:"):
            drug = ids[int(graph.labels.node[number]) - offset]
            result.setdefault(drug, set()).add(text)
    return {drug: frozenset(codes) for drug, codes in result.items()}


def _classes(graph: Graph, atc: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    result = {
        drug: {code[:LEVEL_4] for code in codes if len(code) >= LEVEL_4 and _is_class(code)}
        for drug, codes in atc.items()
    }
    for group, drug, _ in _edges(graph, INCLUDES):
        result.setdefault(drug, set()).add(group)
    return {drug: frozenset(groups) for drug, groups in result.items()}


def _is_class(code: str) -> bool:
    """Whether a code's level 4 is a class: no place of use, and no "other" (an X at its end)."""
    bare = code.removeprefix("ATC:")
    return not bare.startswith(_NO_CLASS) and bare[4] != "X"


def _limits(graph: Graph, table: str, column: str) -> dict[str, tuple[tuple[float, Rule], ...]]:
    """The rows of a table of limits: drug -> (limit, rule), ascending."""
    limits: dict[str, list[tuple[float, Rule]]] = {}
    for row in graph.statements.get(table, ()):
        limits.setdefault(row["drug"], []).append((float(row[column]), _stated(row)))
    return {drug: tuple(sorted(rows, key=lambda row: row[0])) for drug, rows in limits.items()}


def _guidance(graph: Graph) -> dict[str, tuple[Guidance, ...]]:
    result: dict[str, list[Guidance]] = {}
    rows = [
        row for kind in ("guidance", "guidance_pairs") for row in graph.statements.get(kind, ())
    ]
    for row in rows:
        rule = Guidance(
            row["gene"],
            row["phenotype"],
            row["population"],
            row["strength"],
            row["recommendation"],
            _stated(row).source,
            row.get("other_gene", ""),
            row.get("other_phenotype", ""),
        )
        result.setdefault(row["drug"], []).append(rule)
    return {drug: tuple(rules) for drug, rules in result.items()}


def _table(
    graph: Graph, edge_type: EdgeType, *, both_ways: bool = False
) -> dict[str, dict[str, Rule]]:
    result: dict[str, dict[str, Rule]] = {}
    for head, tail, assertions in _edges(graph, edge_type):
        rule = _rule(assertions)
        result.setdefault(head, {})[tail] = rule
        if both_ways:  # a symmetric edge is stored once
            result.setdefault(tail, {})[head] = rule
    return result


def _edges(graph: Graph, edge_type: EdgeType) -> Iterable[tuple[str, str, tuple[Assertion, ...]]]:
    table = graph.edge_tables.get(edge_type)
    if table is None:
        return
    heads = graph.ids[edge_type.head].take(np.asarray(table.head)).to_pylist()
    tails = graph.ids[edge_type.tail].take(np.asarray(table.tail)).to_pylist()
    yield from zip(heads, tails, graph.all_assertions(edge_type), strict=True)


def _rule(assertions: Iterable[Assertion]) -> Rule:
    """The worst severity that a source states; unknown where none of them states any."""
    rules = [_stated({**a.details, "source": a.provenance.source}) for a in assertions]
    stated = [rule for rule in rules if rule.severity != "unknown"]
    return min(stated or rules, key=lambda rule: SEVERITIES.index(rule.severity))


def _stated(row: Mapping[str, Any]) -> Rule:
    severity = row.get("severity", "unknown")
    if severity not in SEVERITIES:
        severity = "unknown"
    references = row.get("reference", ())  # a list in assertions, joined with | in statements
    if isinstance(references, str):
        references = [key for key in references.split("|") if key]
    text = row.get("why") or row.get("effect") or row.get("mechanism") or ""
    if row.get("effect") and row.get("mechanism"):
        text = f"{str(row['effect']).rstrip('.')} ({row['mechanism']})"
    source = f"{row['source']}: {', '.join(references)}" if references else str(row["source"])
    return Rule(cast(Severity, severity), str(text), source)


def _ancestors(pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    parents: dict[str, set[str]] = {}
    for child, parent in pairs:
        parents.setdefault(child, set()).add(parent)
    result = {}
    for child, direct in parents.items():
        seen: set[str] = set()
        stack = list(direct)
        while stack:
            node = stack.pop()
            if node not in seen:
                seen.add(node)
                stack.extend(parents.get(node, ()))
        result[child] = frozenset(seen - {child})
    return result
