"""Answers to questions about the graph, as data: a node and its neighbours, nodes along a metapath.

Everything is ordered: neighbours by name, metapath targets by weight, ties by identifier, so that
two runs say the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from kg import names
from kg.errors import SchemaError
from kg.filters import Filters, look_up
from kg.graph import Graph, Label, Node, Rows
from kg.paths import Path, counts, strongest_paths
from kg.paths.routes import node_types
from kg.schema import Metapath, Step, abbreviate, check_node_type, edge_spec, parse_metapath
from kg.selection import Selection, filters_of, reach, resolve

__all__ = [
    "Neighbor",
    "NodeView",
    "Relation",
    "Said",
    "Target",
    "Voices",
    "describe",
    "follow",
    "neighborhood",
    "path_in_words",
    "resolve",
    "said",
    "words_of",
]

EVERYTHING = Selection()


class Said(NamedTuple):
    """What one source says of an edge."""

    source: str  # the primary knowledge source
    details: dict[str, Any]  # qualifiers: severity, reference, …


@dataclass(frozen=True)
class Voices:
    """Who says an edge, by precedence."""

    said: tuple[Said, ...]

    @property
    def details(self) -> dict[str, Any]:
        """The qualifiers of the first who states some; others may state different ones."""
        return next((said.details for said in self.said if said.details), {})

    @property
    def sources(self) -> tuple[str, ...]:
        """All who say so, each once."""
        return tuple(dict.fromkeys(said.source for said in self.said))


@dataclass(frozen=True)
class Neighbor(Voices):
    """A node at the other end of an edge."""

    node: Node


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
    statements: Mapping[str, tuple[Mapping[str, str], ...]] = field(default_factory=dict)  # by kind

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return {
            **self.node._asdict(),
            "grade": self.grade,
            "basis": self.basis,
            "others": [node._asdict() for node in self.others],
            "labels": [label._asdict() for label in self.labels],
            "statements": {kind: list(rows) for kind, rows in self.statements.items()},
            "relations": [
                {
                    "relation": relation.words,
                    "type": relation.type,
                    "total": relation.total,
                    "neighbors": [
                        {**n.node._asdict(), "said": [s._asdict() for s in n.said]}
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
    paths: tuple[str, ...]  # the strongest, in names; none where they are too many to list


def describe(
    graph: Graph,
    text: str,
    *,
    to: str | None = None,
    only: Selection = EVERYTHING,
    limit: int = 10,
) -> NodeView:
    """One node, its texts, its neighbours by relation and, without ``to``, the statements on it.

    Args:
        graph: where to look.
        text: id, name, synonym or code.
        to: only neighbours of this node type.
        only: its types, relations, direction, sources, licences and evidence are those of the edges
            that are shown; of their assertions only those that pass are named.
        limit: neighbours listed a relation; totals count all.

    Raises:
        UnknownNodeError: nothing is called so.
        SchemaError: ``to`` is no node type, or a filter names what the graph does not have.
    """
    if to is not None:
        to = check_node_type(to)
    filters = filters_of(graph, only)
    match, *others = resolve(graph, text)
    row = graph.row(match.node.type, match.node.id)
    relations = [
        relation
        for step in filters.steps(match.node.type)
        if (to is None or step.target == to) and (relation := _relation(filters, step, row, limit))
    ]
    relations.sort(key=lambda relation: (relation.type, relation.words))
    labels = tuple(graph.labels_of(match.node.type, row))
    also = tuple(other.node for other in others)
    about = {
        kind: found
        for kind, rows in graph.statements.items()
        if to is None and (found := tuple(row for row in rows if match.node.id in row.values()))
    }
    return NodeView(match.node, match.grade, match.basis, labels, tuple(relations), also, about)


def follow(
    graph: Graph,
    text: str,
    metapath: str,
    *,
    to_node: str | None = None,
    through: Iterable[str] = (),
    avoid: Iterable[str] = (),
    only: Selection = EVERYTHING,
    limit: int = 10,
) -> list[Target]:
    """The nodes at the end of ``metapath`` from one node, heaviest first, then by identifier.

    Paths are counted, not listed: hubs are no trouble. What a path weighs never depends on what is
    asked for; see :mod:`kg.paths.counts`.

    Args:
        graph: where to look.
        text: the first node: id, name, synonym or code.
        metapath: in full or in short, up to six steps.
        to_node: the last node; its paths alone, ``limit`` of them in words.
        through: only paths with one of these between their ends.
        avoid: only paths with none of these between their ends.
        only: its sources, licences and evidence are those of the edges that are walked.
        limit: how many targets, each with its three strongest paths.

    Raises:
        UnknownNodeError: nothing is called ``text``, or so.
        SchemaError: the metapath is malformed, not in the graph, begins or ends with another node
            type, or has none of the types of ``through`` inside; a filter names what the graph does
            not have.
    """
    steps = parse_metapath(metapath, graph.edge_types)
    for step in steps:
        graph.edges(step.edge_type)
    name = abbreviate(steps)
    types = node_types(steps)
    first = find_node(graph, text, types[:1], f"{name} begins with")
    source = graph.row(first.type, first.id)
    inner = f"between its ends {name} has"
    wanted = [find_node(graph, word, types[1:-1], inner) for word in through]
    unwanted = [find_node(graph, word, types[1:-1], inner) for word in avoid]
    provenances = filters_of(graph, only).provenances
    n_listed = 3
    if to_node is None:
        found = counts.row(
            graph, steps, source, through=wanted, avoid=unwanted, provenances=provenances
        )
        order = sorted(
            zip(found.targets.tolist(), found.n_paths.tolist(), found.weight.tolist(), strict=True),
            key=lambda item: (-float(f"{item[2]:.9g}"), item[0]),  # rounding noise breaks no tie
        )[:limit]
    else:
        last = find_node(graph, to_node, types[-1:], f"{name} ends with")
        target = graph.row(last.type, last.id)
        both = counts.pair(
            graph, steps, source, target, through=wanted, avoid=unwanted, provenances=provenances
        )
        order = [(target, both.n_paths, both.weight)] if both.n_paths else []
        n_listed = limit

    def strongest(target: int) -> tuple[str, ...]:
        try:
            paths = strongest_paths(
                graph, steps, source, target, limit=n_listed,
                through=wanted, avoid=unwanted, provenances=provenances,
            )  # fmt: skip
        except SchemaError:  # too many to list; they are counted all the same
            return ()
        return tuple(path_in_words(graph, steps, path) for path in paths)

    return [
        Target(graph.node(types[-1], target), round(weight, 6), n_paths, strongest(target))
        for target, n_paths, weight in order
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
    distance = reach(look_up(graph), [graph.node(node_type, row)], hops)
    rows = {t: np.flatnonzero(far >= 0).astype(np.int32) for t, far in distance.items()}
    return {t: found for t, found in rows.items() if len(found)}


def find_node(graph: Graph, text: str, types: Sequence[str], says: str) -> Node:
    """The best match of ``text`` among nodes of ``types``.

    Args:
        graph: where to look.
        text: a name, a code or an identifier.
        types: node types that will do.
        says: how an error begins, e.g. "a metapath from Drug begins at".

    Raises:
        UnknownNodeError: nothing is called so.
        SchemaError: only nodes of other types are.
    """
    for match in (*names.lookup(graph, text, types), *resolve(graph, text)):
        if match.node.type in types:
            return match.node
    node = resolve(graph, text)[0].node
    kinds = " or ".join(dict.fromkeys(types))
    have = f"a {kinds}" if kinds else "no node"
    raise SchemaError(f"{says} {have}; {node.name} is a {node.type}")


def _relation(filters: Filters, step: Step, row: int, limit: int) -> Relation | None:
    graph = filters.graph
    _, rows, edges = filters.spread(step, np.array([row], np.int32))
    if not len(rows):
        return None
    names_of_type = graph.names[step.target]  # one by one: take() loads pyarrow's compute module
    found = [names_of_type[i].as_py() for i in rows.tolist()]
    order = sorted(range(len(rows)), key=lambda i: (found[i].casefold(), rows[i]))  # rows: by id
    neighbors = [
        Neighbor(said(filters, step, int(edges[i])), graph.node(step.target, rows[i]))
        for i in order[:limit]
    ]
    return Relation(words_of(step), step.target, len(rows), tuple(neighbors))


def said(filters: Filters, step: Step, edge: int) -> tuple[Said, ...]:
    """Who says an edge, with which qualifiers, by precedence; of the assertions that pass."""
    return tuple(
        Said(assertion.provenance.primary_knowledge_source, dict(assertion.details))
        for assertion in filters.assertions(step.edge_type, edge)
    )


def words_of(step: Step) -> str:
    """The relation as it reads in the direction of the step: ``treats``, ``treated by``."""
    relation = step.edge_type.relation
    return (relation if step.forward else edge_spec(step.edge_type).inverse).replace("_", " ")
