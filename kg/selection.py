"""Which part of the graph: seeds, hops and filters; the subset is closed, no edge dangles."""

from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from kg import names
from kg.errors import SchemaError, UnknownNodeError
from kg.filters import Direction, Filters, by_kind, look_up, stated
from kg.graph import Graph, Node, Rows
from kg.paths.degrees import node_degrees
from kg.schema import EdgeType, Step, check_node_type, edge_spec

Order = Literal["name", "degree"]
ORDERS: tuple[Order, ...] = ("name", "degree")
MOST_HOPS = 10

_Word = TypeVar("_Word", bound=str)


@dataclass(frozen=True)
class Selection:
    """A part of any graph, said in words; :func:`select` finds it in one.

    With seeds: the nodes at most ``hops`` edges away from one, and every edge between two of them;
    a seed stays also without an edge. Without: the whole graph, filtered; ``hops`` and
    ``direction`` say nothing, and a node without a kept edge stays unless edges are filtered. A
    filter that is empty lets everything pass.

    ``a & b`` passes what both let pass: of each field the values that both name, as written and in
    the order of ``a``; the smaller of limits, and of the hops of those that have seeds. Name a
    source in one way only: by its name in one and its infores CURIE in the other is nothing.

    Attributes:
        seeds: ids, names, codes or drug texts; all nodes that each means are begun with.
        hops: how many edges away from a seed a node may lie, 0 to 10.
        types: node types to keep and to walk through, seeds aside.
        relations: relations to follow and keep.
        licences: licences to allow, as the sources state them.
        sources: sources to allow: the name of one, or an infores CURIE.
        evidence: knowledge levels and agent types to allow, e.g. ``manual_agent``; one of the
            levels and one of the agents, where any is given. All filters of sources, licences and
            evidence together must be passed by one assertion; an edge stays with one such.
        direction: which way edges are followed from the seeds; symmetric ones go both ways.
        limit: how many nodes to keep, seeds aside; the nearest, then in ``order``. None for all.
        order: of nodes equally far away. ``name``: folded to lower case; ``degree``: most edges in
            the whole graph first, then by name. Ties go by type, then id.
    """

    seeds: tuple[str, ...] = ()
    hops: int = 1
    types: tuple[str, ...] = ()
    relations: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()
    _: KW_ONLY
    sources: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    direction: Direction = "both"
    limit: int | None = None
    order: Order = "name"

    def __and__(self, other: "Selection") -> "Selection":
        """What passes both.

        Raises:
            SchemaError: nothing can; or the orders differ.
        """
        hops = [s.hops for s in (self, other) if s.seeds] or [self.hops, other.hops]
        limits = [s.limit for s in (self, other) if s.limit is not None]
        return Selection(
            _common("seeds", self.seeds, other.seeds),
            min(hops),
            _common("types", *(tuple(map(check_node_type, s.types)) for s in (self, other))),
            _common("relations", self.relations, other.relations),
            _common("licences", self.licences, other.licences),
            sources=_common("sources", self.sources, other.sources),
            evidence=_common_evidence(self.evidence, other.evidence),
            direction=_either("directions", self.direction, other.direction, "both"),
            limit=min(limits, default=None),
            order=_either("orders", self.order, other.order, "name"),
        )


@dataclass(frozen=True, eq=False)
class Subset:
    """Selected rows and edges of a graph; every edge has both ends selected.

    Attributes:
        graph: the graph.
        selection: what was asked for.
        nodes: node type -> (n,) rows, ascending.
        edges: edge type -> (m,) edge numbers, ascending.
        seeds: what the seeds mean.
        provenances: (p,) which rows of ``graph.provenances`` pass sources, licences and evidence:
            the assertions of the edges that belong to the subset.
        distance: node type -> (n,) int8, edges from the nearest seed; 0 without seeds.
        total: nodes, seeds included, before the limit cut them.
    """

    graph: Graph
    selection: Selection
    nodes: dict[str, Rows]
    edges: dict[EdgeType, Rows]
    seeds: tuple[Node, ...]
    provenances: NDArray[np.bool_]
    distance: dict[str, NDArray[np.int8]]
    total: int


def resolve(graph: Graph, text: str) -> tuple[names.Match, ...]:
    """The nodes that ``text`` means, the best match first.

    A drug text means all its ingredients, a disease text the nearest disease; a near match is a
    question and no answer.

    Raises:
        UnknownNodeError: no node has this id, name, synonym or code; it carries the closest names.
    """
    found = names.lookup(graph, text)
    if found:
        return found
    drug = names.resolve_drug(graph, text, worst="broader")
    if drug.complete:
        return drug.matches
    disease = names.resolve_disease(graph, text, worst="broader")
    if disease.complete:
        return disease.matches
    raise UnknownNodeError(text, [m.node.name for m in names.closest(graph, text)])


def select(graph: Graph, selection: Selection) -> Subset:
    """The subset that ``selection`` describes; the same every time.

    Raises:
        UnknownNodeError: a seed is not in the graph.
        SchemaError: a value that the graph does not have, the message lists what it has; hops or a
            limit out of bounds.
    """
    filters = filters_of(graph, selection)
    meant = [match.node for text in selection.seeds for match in resolve(graph, text)]
    seeds = tuple(dict.fromkeys(meant))
    if seeds:
        distance = reach(filters, seeds, selection.hops)
    else:
        distance = {
            t: np.full(graph.n_nodes(t), 0 if t in filters.types else -1, np.int8)
            for t in graph.node_types
        }
        if selection.relations or selection.sources or selection.licences or selection.evidence:
            _drop_isolated(distance, graph, _edges_between(filters, distance))
    total = sum(int((far >= 0).sum()) for far in distance.values())
    if selection.limit is not None:
        _cut(graph, distance, selection.limit, selection.order, seeds=bool(seeds))
    rows = {t: np.flatnonzero(far >= 0).astype(np.int32) for t, far in distance.items()}
    return Subset(
        graph,
        selection,
        {t: found for t, found in rows.items() if len(found)},
        _edges_between(filters, distance),
        seeds,
        filters.provenances,
        {t: distance[t][found] for t, found in rows.items() if len(found)},
        total,
    )


def filters_of(graph: Graph, selection: Selection) -> Filters:
    """The filters of ``selection``, seeds and hops aside, in one graph.

    Raises:
        SchemaError: as :func:`select`.
    """
    if not 0 <= selection.hops <= MOST_HOPS:
        raise SchemaError(f"hops must lie between 0 and {MOST_HOPS}, not {selection.hops}")
    if selection.limit is not None and selection.limit < 0:
        raise SchemaError(f"a limit must be 0 or more, not {selection.limit}")
    if selection.order not in ORDERS:
        raise SchemaError(f"no order {selection.order!r}; choose from {', '.join(ORDERS)}")
    return look_up(
        graph,
        types=selection.types,
        relations=selection.relations,
        direction=selection.direction,
        sources=selection.sources,
        licences=selection.licences,
        evidence=selection.evidence,
    )


def reach(filters: Filters, seeds: Iterable[Node], hops: int) -> dict[str, NDArray[np.int8]]:
    """Node type -> (n,) edges from the nearest seed, -1 where that is more than ``hops``."""
    graph = filters.graph
    distance = {t: np.full(graph.n_nodes(t), -1, np.int8) for t in graph.node_types}
    for seed in seeds:
        distance[seed.type][graph.row(seed.type, seed.id)] = 0
    for hop in range(hops):
        for node_type in graph.node_types:
            frontier = np.flatnonzero(distance[node_type] == hop).astype(np.int32)
            if not len(frontier):
                continue
            for step in filters.steps(node_type):
                far = distance[step.target]
                reached = filters.spread(step, frontier)[1]
                far[reached[far[reached] < 0]] = hop + 1
    return distance


def _edges_between(filters: Filters, distance: dict[str, NDArray[np.int8]]) -> dict[EdgeType, Rows]:
    """The edges that pass and whose ends both have a distance."""
    graph = filters.graph
    selected = {t: far >= 0 for t, far in distance.items()}
    rows = {t: np.flatnonzero(mask).astype(np.int32) for t, mask in selected.items()}
    result = {}
    for edge_type in graph.edge_types:
        head, relation, tail = edge_type
        if relation not in filters.relations or not (len(rows[head]) and len(rows[tail])):
            continue
        table = graph.edges(edge_type)
        by_head = int((table.head_start[rows[head] + 1] - table.head_start[rows[head]]).sum())
        by_tail = int((table.tail_start[rows[tail] + 1] - table.tail_start[rows[tail]]).sum())
        if by_head == by_tail == len(table):
            edges = np.arange(len(table), dtype=np.int32)
        elif 4 * min(by_head, by_tail) > len(table):  # most of them: one pass over the column
            of_head = np.repeat(selected[head], np.diff(table.head_start))
            edges = np.flatnonzero(of_head & selected[tail][table.tail]).astype(np.int32)
        else:
            forward = by_head <= by_tail or edge_spec(edge_type).symmetric
            step = Step(edge_type, forward)
            _, reached, found = graph.spread(step, rows[step.source])
            edges = np.unique(found[selected[step.target][reached]])
        edges = edges[stated(graph, edge_type, edges, filters.provenances)]
        if len(edges):
            result[edge_type] = edges
    return result


def _drop_isolated(
    distance: dict[str, NDArray[np.int8]], graph: Graph, edges: dict[EdgeType, Rows]
) -> None:
    joined = {t: np.zeros(len(far), bool) for t, far in distance.items()}
    for edge_type, numbers in edges.items():
        table = graph.edges(edge_type)
        joined[edge_type.head] |= np.diff(np.searchsorted(numbers, table.head_start)) > 0
        joined[edge_type.tail][table.tail[numbers]] = True
    for node_type, far in distance.items():
        far[~joined[node_type]] = -1


def _cut(
    graph: Graph,
    distance: dict[str, NDArray[np.int8]],
    limit: int,
    order: Order,
    *,
    seeds: bool,
) -> None:
    """Leave ``limit`` nodes, seeds aside; nearer ones first, so what stays hangs together."""
    for hop in range(1 if seeds else 0, MOST_HOPS + 1):
        level = [
            (node_type, row)
            for node_type, far in distance.items()
            for row in np.flatnonzero(far == hop).tolist()
        ]
        if len(level) > limit:
            for node_type, row in ranked(graph, level, order)[limit:]:
                distance[node_type][row] = -1
        limit = max(0, limit - len(level))


def ranked(graph: Graph, nodes: Iterable[tuple[str, int]], order: Order) -> list[tuple[str, int]]:
    """Nodes, given by type and row, in ``order``; see :class:`Selection`."""
    rows: dict[str, list[int]] = {}
    for node_type, row in nodes:
        rows.setdefault(node_type, []).append(row)
    keys = []
    for node_type, of_type in rows.items():
        known = graph.names[node_type]
        first = np.zeros(len(of_type), np.int64)
        if order == "degree":
            first -= node_degrees(graph, node_type, np.array(of_type, np.int32))
        for row, key in zip(of_type, first.tolist(), strict=True):
            keys.append((key, known[row].as_py().casefold(), node_type, row))
    return [(node_type, row) for _, _, node_type, row in sorted(keys)]


def _common(what: str, one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    if not one or not other:
        return one or other
    both = tuple(value for value in one if value in other)
    if not both:
        raise SchemaError(f"no {what} in common: {', '.join(one)} and {', '.join(other)}")
    return both


def _common_evidence(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    if not one or not other:
        return one or other
    kinds, others = by_kind(one), by_kind(other)
    return tuple(
        f"{kind}={value}"
        for kind in kinds
        for value in _common("evidence", kinds[kind], others[kind])
    )


def _either(what: str, one: _Word, other: _Word, default: _Word) -> _Word:
    if default in (one, other):
        return other if one == default else one
    if one != other:
        raise SchemaError(f"two {what}: {one} and {other}")
    return one
