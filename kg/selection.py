"""Which part of the graph: seeds, hops and filters; the subset is closed, no edge dangles."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from kg.errors import SchemaError
from kg.graph import Graph, Node, Rows
from kg.query import resolve
from kg.schema import EdgeType, check_node_type


@dataclass(frozen=True)
class Selection:
    """What to export.

    Attributes:
        seeds: ids, names, codes or drug texts; all nodes that each means are begun with.
        hops: how many edges away from a seed a node may lie.
        types: node types to keep, seeds aside; empty for all.
        relations: relations to follow and keep; empty for all.
        licences: licences to allow, as the sources state them; empty for all.
    """

    seeds: tuple[str, ...]
    hops: int = 1
    types: tuple[str, ...] = ()
    relations: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Subset:
    """Selected rows and edges of a graph; every edge has both ends selected."""

    graph: Graph
    selection: Selection
    nodes: dict[str, Rows]  # node type -> rows
    edges: dict[EdgeType, Rows]  # edge type -> edge numbers
    seeds: tuple[Node, ...] = field(default=())


def select(graph: Graph, selection: Selection) -> Subset:
    """The subset that ``selection`` describes.

    Raises:
        UnknownNodeError: a seed is not in the graph.
        SchemaError: an unknown node type or relation, or a licence that no source states.
    """
    selection = replace(selection, types=tuple(map(check_node_type, selection.types)))
    _check(graph, selection)
    meant = [match.node for text in selection.seeds for match in resolve(graph, text)]
    seeds = tuple(dict.fromkeys(meant))
    allowed = {e: _allowed_edges(graph, e, selection) for e in graph.edge_types}
    seen = {t: np.zeros(graph.n_nodes(t), bool) for t in graph.node_types}
    for seed in seeds:
        seen[seed.type][graph.row(seed.type, seed.id)] = True
    for _ in range(selection.hops):
        reached = {t: mask.copy() for t, mask in seen.items()}
        for edge_type, mask in allowed.items():
            if mask is None:
                continue
            table = graph.edges(edge_type)
            for here, there, near, far in (
                (table.head, table.tail, edge_type.head, edge_type.tail),
                (table.tail, table.head, edge_type.tail, edge_type.head),
            ):
                if not selection.types or far in selection.types:
                    reached[far][there[seen[near][here] & mask]] = True
        seen = reached
    edges = {}
    for edge_type, mask in allowed.items():
        if mask is None:
            continue
        table = graph.edges(edge_type)
        kept = mask & seen[edge_type.head][table.head] & seen[edge_type.tail][table.tail]
        if kept.any():
            edges[edge_type] = np.flatnonzero(kept).astype(np.int32)
    nodes = {t: np.flatnonzero(mask).astype(np.int32) for t, mask in seen.items() if mask.any()}
    return Subset(graph, selection, nodes, edges, seeds)


def _check(graph: Graph, selection: Selection) -> None:
    if not selection.seeds:
        raise SchemaError("an export needs at least one seed")
    if not 0 <= selection.hops <= 10:
        raise SchemaError(f"hops must lie between 0 and 10, not {selection.hops}")
    relations = {edge_type.relation for edge_type in graph.edge_types}
    _all_known("relation", selection.relations, relations)
    _all_known("licence", selection.licences, {p.licence for p in graph.provenances})


def _all_known(what: str, given: Sequence[str], known: Collection[str]) -> None:
    for value in given:
        if value not in known:
            raise SchemaError(f"no {what} {value!r} in the graph; have {', '.join(sorted(known))}")


def _allowed_edges(
    graph: Graph, edge_type: EdgeType, selection: Selection
) -> NDArray[np.bool_] | None:
    """Which edges of a type may be followed; None for no edge at all."""
    if selection.relations and edge_type.relation not in selection.relations:
        return None
    table = graph.assertion_tables[edge_type]
    size = len(graph.edges(edge_type))
    if not selection.licences:
        return np.ones(size, bool)
    good = np.array([p.licence in selection.licences for p in graph.provenances])
    if table.uniform >= 0:
        return np.ones(size, bool) if good[table.uniform] else None
    mask = np.zeros(size, bool)
    mask[table.edge[good[table.provenance]]] = True
    return mask if mask.any() else None
