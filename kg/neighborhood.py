"""The surroundings of a node: what lies how far away, and over which edges it is reached."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.errors import SchemaError
from kg.filters import Filters
from kg.graph import Graph, Node, Rows
from kg.paths.degrees import node_degrees
from kg.query import Voices, said, words_of
from kg.schema import Step
from kg.selection import Selection, filters_of, ranked, select

N_LINKS = 3  # shown a node; a hub is reached over hundreds


@dataclass(frozen=True)
class Link(Voices):
    """An edge that leads to a node from one that is one step nearer."""

    origin: Node
    words: str  # the relation read away from the seeds: "treats", "treated by", …


@dataclass(frozen=True)
class Reached:
    """A node that is not a seed.

    Attributes:
        node: it.
        distance: edges from the nearest seed.
        degree: its edges in the whole graph.
        n_links: edges that lead to it from nodes one step nearer.
        links: the first of them, by type and id of the nearer node, then relation.
    """

    node: Node
    distance: int
    degree: int
    n_links: int
    links: tuple[Link, ...]


@dataclass(frozen=True)
class Neighborhood:
    """The nodes around seeds, nearest first, then in the order of the selection.

    Attributes:
        seeds: what the seeds mean.
        total: how many nodes are near enough, whatever the limit; seeds aside.
        nodes: at most the selection's limit.
    """

    seeds: tuple[Node, ...]
    total: int
    nodes: tuple[Reached, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return {
            "seeds": [seed._asdict() for seed in self.seeds],
            "total": self.total,
            "nodes": [
                {
                    **reached.node._asdict(),
                    "distance": reached.distance,
                    "degree": reached.degree,
                    "n_links": reached.n_links,
                    "links": [
                        {
                            "from": link.origin._asdict(),
                            "relation": link.words,
                            "said": [said._asdict() for said in link.said],
                        }
                        for link in reached.links
                    ],
                }
                for reached in self.nodes
            ],
        }


def explore(graph: Graph, selection: Selection) -> Neighborhood:
    """The nodes that ``selection`` selects around its seeds, with the edges that led there.

    Raises:
        UnknownNodeError: a seed is not in the graph.
        SchemaError: no seeds; or as :func:`kg.selection.select`.
    """
    if not selection.seeds:
        raise SchemaError("a neighbourhood needs at least one seed")
    subset = select(graph, selection)
    filters = filters_of(graph, selection)
    distance = {t: np.full(graph.n_nodes(t), -1, np.int8) for t in graph.node_types}
    for node_type, rows in subset.nodes.items():
        distance[node_type][rows] = subset.distance[node_type]
    nodes: list[Reached] = []
    for hop in range(1, selection.hops + 1):
        level = {t: np.flatnonzero(d == hop).astype(np.int32) for t, d in distance.items()}
        found = {
            (reached.node.type, row): reached
            for node_type, rows in level.items()
            if len(rows)
            for row, reached in zip(
                rows.tolist(), _reached(filters, distance, node_type, rows), strict=True
            )
        }
        nodes += [found[key] for key in ranked(graph, found, selection.order)]
    return Neighborhood(subset.seeds, subset.total - len(subset.seeds), tuple(nodes))


def _reached(
    filters: Filters, distance: dict[str, NDArray[np.int8]], node_type: str, rows: Rows
) -> list[Reached]:
    """One for each of ``rows``, all of which lie equally far away."""
    graph, hop = filters.graph, int(distance[node_type][rows[0]])
    steps = [s for t in graph.node_types for s in filters.steps(t) if s.target == node_type]
    pieces = []
    for number, step in enumerate(steps):
        back = Step(step.edge_type, not step.forward)
        position, origin, edges = filters.spread(back, rows)
        near = distance[step.source][origin] == hop - 1
        here = np.full(int(near.sum()), number)
        pieces.append(np.stack([position[near], here, origin[near], edges[near]]))
    position, number, origin, edges = np.concatenate(pieces, axis=1)
    place = {t: i for i, t in enumerate(graph.node_types)}
    types = np.array([place[step.source] for step in steps])[number]
    relations = np.argsort(np.argsort([words_of(step) for step in steps], kind="stable"))
    order = np.lexsort([relations[number], origin, types, position])
    n_links = np.bincount(position, minlength=len(rows)).tolist()
    start = np.concatenate([[0], np.cumsum(n_links)]).tolist()
    found = []
    for i, degree in enumerate(node_degrees(graph, node_type, rows).tolist()):
        links = []
        for j in order[start[i] : min(start[i + 1], start[i] + N_LINKS)].tolist():
            step = steps[number[j]]
            links.append(
                Link(
                    said(filters, step, int(edges[j])),
                    graph.node(step.source, int(origin[j])),
                    words_of(step),
                )
            )
        node = graph.node(node_type, int(rows[i]))
        found.append(Reached(node, hop, degree, n_links[i], tuple(links)))
    return found
