"""Which edges of a graph count: the filters of a selection, looked up in one graph.

Sources, licences and evidence are properties of an assertion's provenance, so together they are one
boolean a row of ``Graph.provenances``; an edge counts when at least one of its assertions does.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kg.errors import SchemaError
from kg.graph import Assertion, Graph, Rows
from kg.schema import EdgeType, Step, check_node_type, edge_spec

Direction = Literal["out", "in", "both"]
DIRECTIONS: tuple[Direction, ...] = ("out", "in", "both")

# The values of Biolink's two enumerations; what is in neither is named with its kind.
_BIOLINK = {
    "knowledge_level": (
        "knowledge_assertion", "logical_entailment", "prediction", "statistical_association",
        "observation", "not_provided",
    ),
    "agent_type": (
        "manual_agent", "automated_agent", "data_analysis_pipeline", "computational_model",
        "text_mining_agent", "image_processing_agent", "manual_validation_of_automated_agent",
        "not_provided",
    ),
}  # fmt: skip

Evidence = dict[str, tuple[str, ...]]  # "knowledge_level" and "agent_type" -> values allowed


@dataclass(frozen=True, eq=False)
class Filters:
    """What may be followed and kept in one graph.

    Attributes:
        graph: where the values were looked up.
        types: node types to keep; all of the graph's if none was asked for.
        relations: relations to follow and keep, likewise.
        direction: ``out`` from head to tail, ``in`` back; symmetric edges are followed both ways.
        provenances: (p,) which rows of ``graph.provenances`` pass sources, licences and evidence.
    """

    graph: Graph
    types: frozenset[str]
    relations: frozenset[str]
    direction: Direction
    provenances: NDArray[np.bool_]

    def steps(self, node_type: str) -> list[Step]:
        """The ways to leave a node of ``node_type``."""
        return [
            step
            for step in self.graph.steps(node_type)
            if step.edge_type.relation in self.relations
            and step.target in self.types
            and (
                self.direction == "both"
                or step.forward == (self.direction == "out")
                or edge_spec(step.edge_type).symmetric
            )
        ]

    def spread(self, step: Step, rows: Rows) -> tuple[NDArray[np.int64], Rows, Rows]:
        """As :meth:`kg.graph.Graph.spread`, without the edges that nobody allowed states."""
        origin, reached, edges = self.graph.spread(step, rows)
        good = stated(self.graph, step.edge_type, edges, self.provenances)
        return origin[good], reached[good], edges[good]

    def assertions(self, edge_type: EdgeType, edge: int) -> list[Assertion]:
        """Who says this edge, of those that pass."""
        rows = zip(self.graph.provenances, self.provenances, strict=True)
        passing = {provenance for provenance, good in rows if good}
        stated_by = self.graph.assertions(edge_type, edge)
        return [assertion for assertion in stated_by if assertion.provenance in passing]


def look_up(
    graph: Graph,
    *,
    types: Iterable[str] = (),
    relations: Collection[str] = (),
    direction: str = "both",
    sources: Collection[str] = (),
    licences: Collection[str] = (),
    evidence: Iterable[str] = (),
) -> Filters:
    """The filters in ``graph``; what is empty lets everything pass.

    Args:
        graph: where to look.
        types: node types, in upper or lower case.
        relations: relations of edge types, e.g. ``treats``.
        direction: one of :data:`DIRECTIONS`.
        sources: names of sources, or the infores CURIEs of primary knowledge sources.
        licences: licences as the sources state them; what stands under several at once
            (``A AND B``) passes where all of these do. Some may be missing in the graph, so that
            one list of what is allowed serves many graphs, but not all.
        evidence: knowledge levels and agent types. One of the levels and one of the agents must
            hold, where any is given. A value of both kinds is written ``agent_type=not_provided``.

    Raises:
        SchemaError: a value that the graph does not have; the message lists what it has.
    """
    types = frozenset(map(check_node_type, types)) or frozenset(graph.node_types)
    known = {edge_type.relation for edge_type in graph.edge_types}
    _all_known("relation", relations, known)
    if direction not in DIRECTIONS:
        raise SchemaError(f"no direction {direction!r}; choose from {', '.join(DIRECTIONS)}")
    listed = graph.provenances
    names = {p.source for p in listed} | {p.primary_knowledge_source for p in listed}
    _all_known("source", sources, names)
    if licences and not any(allows(licences, p.licence) for p in listed):
        have_licences = {p.licence for p in listed}
        _all_known("licence", [" or ".join(licences)], have_licences)
    have = {kind: {getattr(p, kind) for p in listed} for kind in _BIOLINK}
    wanted = by_kind(evidence, have)
    passing = [
        (not sources or p.source in sources or p.primary_knowledge_source in sources)
        and (not licences or allows(licences, p.licence))
        and all(getattr(p, kind) in values for kind, values in wanted.items() if values)
        for p in listed
    ]
    return Filters(
        graph, types, frozenset(relations or known), direction, np.array(passing, bool)
    )  # fmt: skip


def by_kind(
    evidence: Iterable[str], have: "dict[str, set[str]] | dict[str, tuple[str, ...]]" = _BIOLINK
) -> Evidence:
    """Each value of ``evidence`` under its kind.

    Args:
        evidence: ``value`` or ``kind=value``.
        have: kind -> values there are; Biolink's if no graph is at hand.

    Raises:
        SchemaError: a value of no kind, or of both.
    """
    found: Evidence = dict.fromkeys(_BIOLINK, ())
    for text in evidence:
        kind, _, value = text.rpartition("=")
        kinds = [k for k, values in have.items() if value in values and kind in ("", k)]
        if len(kinds) > 1:
            which = " or ".join(f"{k}={value}" for k in kinds)
            raise SchemaError(f"evidence {text!r} is of two kinds; write {which}")
        if kinds:
            found[kinds[0]] += (value,)
        elif kind in found and have is _BIOLINK:
            found[kind] += (value,)
        else:
            known = "; ".join(f"{k}: {', '.join(sorted(v))}" for k, v in have.items())
            raise SchemaError(f"no evidence {text!r}; have {known}")
    return found


def stated(
    graph: Graph, edge_type: EdgeType, edges: Rows, provenances: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """(m,) which of ``edges`` have an assertion whose provenance passes.

    Args:
        graph: the graph.
        edge_type: of the edges.
        edges: (m,) edge numbers, in any order.
        provenances: (p,) which rows of ``graph.provenances`` pass.
    """
    table = graph.assertion_tables[edge_type]
    if provenances.all():
        return np.ones(len(edges), bool)
    if table.uniform >= 0:
        return np.full(len(edges), provenances[table.uniform])
    if 8 * len(edges) > len(table.edge):  # most of them: one pass over the column
        mask = np.zeros(len(graph.edges(edge_type)), bool)
        mask[table.edge[provenances[table.provenance]]] = True
        return mask[edges]
    start = np.searchsorted(table.edge, edges, side="left")
    stop = np.searchsorted(table.edge, edges, side="right")
    good = np.zeros(len(edges), bool)
    for i in range(int((stop - start).max(initial=0))):  # as often as an edge has assertions
        here = start + i < stop
        good[here] |= provenances[table.provenance[start[here] + i]]
    return good


def allows(allowed: Collection[str], licence: str) -> bool:
    """Whether a licence is allowed: itself, or each of those that hold together."""
    return licence in allowed or all(part in allowed for part in licence.split(" AND "))


def _all_known(what: str, given: Iterable[str], known: Collection[str]) -> None:
    for value in given:
        if value not in known:
            raise SchemaError(f"no {what} {value!r} in the graph; have {', '.join(sorted(known))}")
