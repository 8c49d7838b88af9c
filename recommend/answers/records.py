"""Who records a use of a drug, or a trial of it, and of which year the work is."""

import re
from collections.abc import Mapping

from kg.graph import Graph
from kg.schema import EdgeType
from recommend.explain import PALLIATES, TREATS
from recommend.suggestion import Kind, Record

TRIALS = EdgeType("Drug", "in_clinical_trials_for", "Disease")

# The kinds of which a source says something, the strongest first.
RECORDED: Mapping[Kind, EdgeType] = {
    Kind.INDICATION: TREATS,
    Kind.SYMPTOMATIC: PALLIATES,
    Kind.UNDER_STUDY: TRIALS,
}

LINES = ("1", "2", "3", "", "adjunct")  # of therapy, best first

# Of sources whose edges cite no reference. PharmacotherapyDB 1.0, which is all of Hetionet's
# treats and palliates, was compiled in 2015 and published in March 2016.
_YEARS: Mapping[str, str] = {"infores:pharmacotherapydb": "2016"}

_NUMBER = re.compile(r"\d")


def reference_years(graph: Graph) -> dict[str, str]:
    """Key of a reference -> the year of its work, where the graph states one."""
    rows = graph.statements.get("references", ())
    return {row["key"]: row["year"] for row in rows if row.get("year")}


def records(
    graph: Graph, years: Mapping[str, str], kind: Kind, drug: int, disease: int
) -> tuple[Record, ...]:
    """Every source that records the use, in the graph's order; nothing for a hypothesis.

    Args:
        graph: that has the edges.
        years: of :func:`reference_years`.
        kind: whose edge is asked for.
        drug: row.
        disease: row.
    """
    edge_type = RECORDED.get(kind)
    if edge_type is None or edge_type not in graph.edge_tables:
        return ()
    edge = graph.find_edge(edge_type, drug, disease)
    found = []
    for assertion in graph.assertions(edge_type, edge) if edge is not None else ():
        primary = assertion.provenance.primary_knowledge_source
        keys = tuple(assertion.details.get("reference", ()))
        stated = max((years[key] for key in keys if key in years), default="")
        year = stated or _YEARS.get(primary, "")
        phase = str(assertion.details.get("phase", ""))
        found.append(Record(primary.removeprefix("infores:"), year, keys, phase))
    return tuple(dict.fromkeys(found))


def line_of_therapy(graph: Graph, kind: Kind, drug: int, disease: int) -> str:
    """The best line that a source states, or nothing."""
    edge_type = RECORDED[kind]
    edge = graph.find_edge(edge_type, drug, disease)
    assertions = graph.assertions(edge_type, edge) if edge is not None else ()
    stated = {str(a.details.get("line", "")) for a in assertions} & set(LINES)
    return min(stated - {""}, key=LINES.index, default="")


def phase(found: tuple[Record, ...]) -> int:
    """The highest phase among records of trials, 0 to 9; 0 where none is stated."""
    return max((int(n) for record in found for n in _NUMBER.findall(record.phase)), default=0)
