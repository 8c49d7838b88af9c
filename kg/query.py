"""Answers to questions about the graph, as data: a node and its neighbours, nodes along a metapath.

Everything is ordered: neighbours by name, metapath targets by weight, ties by identifier, so that
two runs say the same.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kg import names
from kg.errors import SchemaError, UnknownNodeError
from kg.graph import Graph, Label, Node, Rows
from kg.paths import Path, paths_from
from kg.schema import EDGES, Metapath, Step, abbreviate, check_node_type, parse_metapath


@dataclass(frozen=True)
class Neighbor:
    """A node at the other end of an edge."""

    node: Node
    details: dict[str, Any]  # qualifiers of the first assertion that has some
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Relation:
    """The neighbours of a node by one edge type and direction."""

    words: str  # "treats", "treated by", …
    type: str  # of the neighbours
    total: int
    neighbors: tuple[Neighbor, ...]  # at most the limit asked for


@dataclass(frozen=True)
class NodeView:
    """What the graph knows of one node."""

    node: Node
    grade: str
    basis: str
    labels: tuple[Label, ...]
    relations: tuple[Relation, ...]
    others: tuple[Node, ...] = ()  # further nodes that the text means, e.g. other ingredients

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return {
            **self.node._asdict(),
            "grade": self.grade,
            "basis": self.basis,
            "others": [node._asdict() for node in self.others],
            "labels": [label._asdict() for label in self.labels],
            "relations": [
                {
                    "relation": relation.words,
                    "type": relation.type,
                    "total": relation.total,
                    "neighbors": [
                        {**n.node._asdict(), "details": n.details, "sources": n.sources}
                        for n in relation.neighbors
                    ],
                }
                for relation in self.relations
            ],
        }


@dataclass(frozen=True)
class Target:
    """A node at the end of a metapath."""

    node: Node
    weight: float  # degree-weighted path count, damping 0.4
    n_paths: int
    paths: tuple[str, ...]  # the strongest, in names


def resolve(graph: Graph, text: str) -> tuple[names.Match, ...]:
    """The nodes that ``text`` means, the best match first; a drug text means all its ingredients.

    Raises:
        UnknownNodeError: no node has this id, name, synonym or code; it carries the closest names.
    """
    found = names.lookup(graph, text)
    if found:
        return found
    drug = names.resolve_drug(graph, text)
    if drug.complete:
        return drug.matches
    raise UnknownNodeError(text, [m.node.name for m in names.closest(graph, text)])


def describe(graph: Graph, text: str, *, to: str | None = None, limit: int = 10) -> NodeView:
    """One node, its texts and its neighbours by relation.

    Args:
        graph: where to look.
        text: id, name, synonym or code.
        to: only neighbours of this node type.
        limit: neighbours listed a relation; totals count all.

    Raises:
        UnknownNodeError: nothing is called so.
        SchemaError: ``to`` is no node type.
    """
    if to is not None:
        to = check_node_type(to)
    match, *others = resolve(graph, text)
    row = graph.row(match.node.type, match.node.id)
    relations = [
        relation
        for step in graph.steps(match.node.type)
        if (to is None or step.target == to) and (relation := _relation(graph, step, row, limit))
    ]
    relations.sort(key=lambda relation: (relation.type, relation.words))
    labels = tuple(graph.labels_of(match.node.type, row))
    also = tuple(other.node for other in others)
    return NodeView(match.node, match.grade, match.basis, labels, tuple(relations), also)


def follow(graph: Graph, text: str, metapath: str, *, limit: int = 10) -> list[Target]:
    """The nodes at the end of ``metapath`` from one node, heaviest first.

    Raises:
        UnknownNodeError: nothing is called ``text``.
        SchemaError: the metapath is malformed, not in the graph, or begins with another node type.
    """
    steps = parse_metapath(metapath)
    for step in steps:
        graph.edges(step.edge_type)
    found = names.lookup(graph, text, (steps[0].source,))
    if not found:
        match = resolve(graph, text)[0]
        raise SchemaError(
            f"{abbreviate(steps)} begins with a {steps[0].source}; "
            f"{match.node.name} is a {match.node.type}"
        )
    row = graph.row(found[0].node.type, found[0].node.id)
    reached = [
        (sum(path.weight for path in paths), target, paths)
        for target, paths in paths_from(graph, steps, row).items()
    ]
    reached.sort(key=lambda item: (-item[0], item[1]))
    return [
        Target(
            graph.node(steps[-1].target, target),
            round(weight, 6),
            len(paths),
            tuple(path_in_words(graph, steps, path) for path in paths[:3]),
        )
        for weight, target, paths in reached[:limit]
    ]


def path_in_words(graph: Graph, metapath: Metapath, path: Path) -> str:
    """``Metformin –binds→ PRKAB1 ←associates– type 2 diabetes mellitus``."""
    text = graph.node(metapath[0].source, path.rows[0]).name
    for step, row in zip(metapath, path.rows[1:], strict=True):
        relation = step.edge_type.relation.replace("_", " ")
        arrow = f"–{relation}→" if step.forward else f"←{relation}–"
        text += f" {arrow} {graph.node(step.target, row).name}"
    return text


def neighborhood(graph: Graph, node_type: str, row: int, hops: int) -> dict[str, Rows]:
    """All nodes at most ``hops`` edges away: node type -> rows, ascending; the start included."""
    seen = {t: np.zeros(graph.n_nodes(t), bool) for t in graph.node_types}
    seen[node_type][row] = True
    frontier = {node_type: np.array([row], np.int32)}
    for _ in range(hops):
        reached: dict[str, list[Rows]] = {}
        for source, rows in frontier.items():
            for step in graph.steps(source):
                reached.setdefault(step.target, []).append(graph.spread(step, rows)[1])
        frontier = {}
        for target, pieces in reached.items():
            fresh = np.zeros(len(seen[target]), bool)
            for piece in pieces:
                fresh[piece] = True
            fresh &= ~seen[target]
            if fresh.any():
                seen[target] |= fresh
                frontier[target] = np.flatnonzero(fresh).astype(np.int32)
    return {t: np.flatnonzero(mask).astype(np.int32) for t, mask in seen.items() if mask.any()}


def _relation(graph: Graph, step: Step, row: int, limit: int) -> Relation | None:
    rows, edges = graph.neighbors(step, row)
    if not len(rows):
        return None
    names_of_type = graph.names[step.target]  # one by one: take() loads pyarrow's compute module
    found = [names_of_type[i].as_py() for i in rows.tolist()]
    order = sorted(range(len(rows)), key=lambda i: (found[i].casefold(), rows[i]))  # rows: by id
    neighbors = []
    for i in order[:limit]:
        assertions = graph.assertions(step.edge_type, int(edges[i]))
        details = next((dict(a.details) for a in assertions if a.details), {})
        sources = tuple(dict.fromkeys(a.provenance.primary_knowledge_source for a in assertions))
        neighbors.append(Neighbor(graph.node(step.target, rows[i]), details, sources))
    spec = EDGES[step.edge_type]
    words = step.edge_type.relation if step.forward else spec.inverse
    return Relation(words.replace("_", " "), step.target, len(rows), tuple(neighbors))
