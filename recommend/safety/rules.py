"""The safety knowledge of one graph, keyed by CURIE.

Every rule keeps the source that states it. Tables are read when they are first asked for, and kept.
A source may *cover* drugs: its authors declare its universe, and that they list all that its works
describe of a drug. Outside that, a missing row says nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from kg.graph import Graph
from kg.schema import EdgeType
from recommend.safety import tables
from recommend.safety.digest import digest
from recommend.safety.pairs import Ancestors, PairTable, pairs_of
from recommend.safety.state import PatientState
from recommend.safety.tables import SEVERITIES, Guidance, Rule
from recommend.suggestion import Severity

__all__ = [
    "CONTRAINDICATED",
    "INTERACTS",
    "LEVEL_4",
    "SEVERITIES",
    "Guidance",
    "PatientState",
    "Rule",
    "SafetyRules",
    "worst",
]

CONTRAINDICATED = EdgeType("Drug", "contraindicated", "Disease")
INTERACTS = EdgeType("Drug", "interacts", "Drug")
INCLUDES = EdgeType("DrugClass", "includes", "Drug")
CROSS_REACTS = EdgeType("DrugClass", "cross_reacts", "DrugClass")
SUBCLASS_OF = EdgeType("Disease", "subclass_of", "Disease")
RULES = (CONTRAINDICATED, INTERACTS, INCLUDES, CROSS_REACTS, SUBCLASS_OF)

LEVEL_4 = len("ATC:C09AA")
_NAMED = ("Disease", "Drug", "DrugClass", "Gene")

# Groups whose members share a place of use or nothing at all, not a way of acting: dental, gut,
# haemorrhoids, skin, vagina, joints, nose, throat, eye and ear, various; "other cardiac".
_NO_CLASS = ("A01", "A07", "B05", "C01EB", "C05", "D", "G01", "G02C", "M02", "R01", "R02", "S", "V")


@dataclass(frozen=True, eq=False)
class SafetyRules:
    """All rules of a graph; a table that it lacks is empty. Threads may share one."""

    graph: Graph

    @classmethod
    def read(cls, graph: Graph) -> "SafetyRules":
        """The rules that ``graph`` holds."""
        return cls(graph)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content of all rules, whatever else the graph holds."""
        return digest(self.graph, RULES, self.atc)

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Of diseases, drugs, classes and genes."""
        result: dict[str, str] = {}
        for node_type in _NAMED:
            if node_type in self.graph.ids:
                ids = self.graph.ids[node_type].to_pylist()
                result.update(zip(ids, self.graph.names[node_type].to_pylist(), strict=True))
        return result

    def name(self, node_id: str) -> str:
        """The name of a node, or its id where the graph does not have it."""
        return self.names.get(node_id, node_id)

    @cached_property
    def contraindicated(self) -> PairTable:
        """Drug -> disease."""
        return PairTable(self.graph, CONTRAINDICATED)

    @cached_property
    def interacts(self) -> PairTable:
        """Drug -> drug, both ways."""
        return PairTable(self.graph, INTERACTS, both_ways=True)

    @cached_property
    def cross_reacts(self) -> PairTable:
        """Class -> class, both ways."""
        return PairTable(self.graph, CROSS_REACTS, both_ways=True)

    @cached_property
    def cross_reacting(self) -> frozenset[str]:
        """The classes that the table of cross-reactivity names."""
        return frozenset(node for pair in pairs_of(self.graph, CROSS_REACTS) for node in pair)

    @cached_property
    def described_allergens(self) -> frozenset[str]:
        """Drugs and classes of which a table says with what they cross-react."""
        alike = {drug for members in self.families.values() for drug in members}
        groups = {group for drug in alike for group in self.classes.get(drug, ())}
        in_told = {drug for group in self.cross_reacting for drug in self.members.get(group, ())}
        return frozenset(alike | groups | self.cross_reacting | in_told)

    @cached_property
    def judged_diseases(self) -> Mapping[str, frozenset[str]]:
        """Source -> the diseases for which it says that it looked at every drug it covers."""
        result: dict[str, set[str]] = {}
        for row in self.graph.statements.get("judged", ()):
            result.setdefault(row["source"], set()).add(row["disease"])
        return {source: frozenset(diseases) for source, diseases in result.items()}

    @cached_property
    def broader(self) -> Ancestors:
        """Disease -> all its ancestors."""
        return Ancestors(self.graph, SUBCLASS_OF)

    @cached_property
    def atc(self) -> Mapping[str, frozenset[str]]:
        """Drug -> its full ATC codes, "ATC:C09AA03"."""
        return tables.atc_codes(self.graph)

    @cached_property
    def classes(self) -> Mapping[str, frozenset[str]]:
        """Drug -> its classes, ATC level 4 by its codes included."""
        result = {
            drug: {code[:LEVEL_4] for code in codes if len(code) >= LEVEL_4 and _is_class(code)}
            for drug, codes in self.atc.items()
        }
        for group, drug in pairs_of(self.graph, INCLUDES):
            result.setdefault(drug, set()).add(group)
        return {drug: frozenset(groups) for drug, groups in result.items()}

    @cached_property
    def members(self) -> Mapping[str, frozenset[str]]:
        """Class -> its drugs: :attr:`classes` from the other side."""
        result: dict[str, set[str]] = {}
        for drug, groups in self.classes.items():
            for group in groups:
                result.setdefault(group, set()).add(drug)
        return {group: frozenset(drugs) for group, drugs in result.items()}

    @cached_property
    def level_4(self) -> Mapping[str, frozenset[str]]:
        """Drug -> those of its classes that are an ATC level 4."""
        return {
            drug: frozenset(g for g in groups if g.startswith("ATC:") and len(g) == LEVEL_4)
            for drug, groups in self.classes.items()
        }

    @cached_property
    def combinations(self) -> frozenset[frozenset[str]]:
        """Pairs of drugs meant to be taken together."""
        rows = self.graph.statements.get("combinations", ())
        return frozenset(frozenset((row["drug_a"], row["drug_b"])) for row in rows)

    @cached_property
    def partner_only(self) -> Mapping[str, tuple[Rule, ...]]:
        """Drugs given only together with another one."""
        return tables.by_drug(self.graph, "partner_only")

    @cached_property
    def families(self) -> Mapping[str, Mapping[str, Rule]]:
        """Alike molecules: family -> drug."""
        result: dict[str, dict[str, Rule]] = {}
        for row in self.graph.statements.get("allergy_families", ()):
            result.setdefault(row["family"], {})[row["drug"]] = tables.to_rule(row)
        return result

    @cached_property
    def allergies(self) -> dict[tuple[str, str], Rule | None]:
        """What was found of allergen and drug so far; see :mod:`recommend.safety.allergy`."""
        return {}

    @cached_property
    def siblings(self) -> dict[tuple[str, str], str]:
        """What was found of two drugs so far; see :mod:`recommend.safety.interaction`."""
        return {}

    @cached_property
    def coverage(self) -> Mapping[str, Mapping[str, Mapping[str, bool]]]:
        """Table -> drug -> source that declares a universe -> whether all of the drug is listed."""
        result: dict[str, dict[str, dict[str, bool]]] = {}
        for row in self.graph.statements.get("coverage", ()):
            if (row["table"], row["source"]) in self.universes:
                sources = result.setdefault(row["table"], {}).setdefault(row["drug"], {})
                is_complete = row.get("extent", "") in ("", "complete")
                sources[row["source"]] = is_complete or sources.get(row["source"], False)
        return result

    @cached_property
    def universes(self) -> Mapping[tuple[str, str], str]:
        """Table and source -> what the source declares to cover, in words, with its date."""
        return {
            (row["table"], row["source"]): f"{row['source']} ({row['scope']}; {row['date']})"
            for row in self.graph.statements.get("universes", ())
        }

    def covers(self, table: str, drug: str) -> bool:
        """Whether a source declares that ``table`` lists everything of ``drug``."""
        return any(self.coverage.get(table, {}).get(drug, {}).values())

    @cached_property
    def covered(self) -> Mapping[str, frozenset[str]]:
        """Table -> the drugs of which a source declares to list everything."""
        return {
            table: frozenset(drug for drug in drugs if self.covers(table, drug))
            for table, drugs in self.coverage.items()
        }

    @cached_property
    def pregnancy(self) -> Mapping[str, tuple[Rule, ...]]:
        """Drug -> what speaks against it in pregnancy."""
        return tables.by_drug(self.graph, "pregnancy")

    @cached_property
    def pregnancy_compatible(self) -> Mapping[str, tuple[tables.Compatible, ...]]:
        """Drug -> who calls it compatible with pregnancy."""
        return tables.compatible(self.graph, "pregnancy")

    @cached_property
    def lactation(self) -> Mapping[str, tuple[Rule, ...]]:
        """Drug -> what speaks against it in breastfeeding."""
        return tables.by_drug(self.graph, "lactation")

    @cached_property
    def lactation_compatible(self) -> Mapping[str, tuple[tables.Compatible, ...]]:
        """Drug -> who calls it compatible with breastfeeding."""
        return tables.compatible(self.graph, "lactation")

    @cached_property
    def kidney(self) -> Mapping[str, tuple[tables.KidneyLimit, ...]]:
        """Drug -> its limits, ascending."""
        return tables.kidney_limits(self.graph)

    @cached_property
    def age(self) -> Mapping[str, tuple[tables.AgeLimit, ...]]:
        """Drug -> its limits, ascending."""
        return tables.age_limits(self.graph)

    @cached_property
    def liver(self) -> Mapping[str, tuple[tables.LiverLimit, ...]]:
        """Drug -> its limits, the mildest class first."""
        return tables.liver_limits(self.graph)

    @cached_property
    def triples(self) -> tuple[tables.Triple, ...]:
        """Three drugs that harm together."""
        return tables.triples(self.graph)

    @cached_property
    def triples_of(self) -> Mapping[str, tuple[tables.Triple, ...]]:
        """Drug -> the rules about three drugs in which it stands."""
        result: dict[str, list[tables.Triple]] = {}
        for triple in self.triples:
            for drug in sorted(frozenset().union(*triple.sides)):
                result.setdefault(drug, []).append(triple)
        return {drug: tuple(rows) for drug, rows in result.items()}

    @cached_property
    def guidance(self) -> Mapping[str, tuple[Guidance, ...]]:
        """Drug -> what guidelines advise by gene."""
        return tables.guidance(self.graph)

    @cached_property
    def withdrawn(self) -> Mapping[str, Rule]:
        """Drug -> where and when it was withdrawn."""
        return tables.withdrawn(self.graph)

    @cached_property
    def not_indicated(self) -> Mapping[str, Mapping[str, Rule]]:
        """Drug -> disease -> who says that it is no indication."""
        return tables.not_indicated(self.graph)

    @cached_property
    def _groups(self) -> dict[str, frozenset[str]]:
        return {}

    def groups(self, node_id: str) -> frozenset[str]:
        """The ATC groups that a drug or class may share with a like one.

        Of level 3; of level 4 where level 3 is only a place of use, such as the eye.
        """
        found = self._groups.get(node_id)
        if found is None:
            codes = {*self.atc.get(node_id, ()), *self.classes.get(node_id, ()), node_id}
            found = self._groups[node_id] = frozenset(
                code[: LEVEL_4 if code[4:].startswith(_NO_CLASS) else LEVEL_4 - 1]
                for code in codes
                if code.startswith("ATC:")
            )
        return found

    def is_placed(self, node_id: str) -> bool:
        """Whether the node is an ATC class, or a drug whose place in the ATC is known."""
        return bool(self.groups(node_id))


def worst(severities: Iterable[Severity]) -> Severity:
    """The worst of ``severities``, which must not be empty."""
    return min(severities, key=SEVERITIES.index)


def _is_class(code: str) -> bool:
    """Whether a code's level 4 is a class: no place of use, and no "other" (an X at its end)."""
    bare = code.removeprefix("ATC:")
    return not bare.startswith(_NO_CLASS) and bare[4] != "X"
