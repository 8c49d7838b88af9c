"""The terms of an ontology beside the nodes of a graph: what each lends, and to which node."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa

from kg.climb import may_climb
from kg.schema import EdgeType
from kg.sources.base import EdgeBatch, LabelRow, NodeBatch, Term, TermBatch

_FURTHEST = 127  # is-a steps: what a label's distance can hold


class Place(NamedTuple):
    """The node that a term is."""

    node: str
    by: str  # "id" or "xref"


class Lent(NamedTuple):
    """A text that a term lends to a node."""

    line: int
    node: str
    kind: str  # one of kg.graph.LABEL_KINDS
    text: str
    distance: int


class Hierarchy:
    """Terms by id, and the ways up from each. Unknown parents and circles do no harm."""

    def __init__(self, terms: Sequence[Term]) -> None:
        self._terms = {term.id: term for term in terms}

    def labels(self, places: Mapping[str, Place]) -> Iterator[Lent]:
        """What each term lends.

        A term that is a node by its id gives it synonyms and codes; one that a cross-reference
        equates with a node gives its names as such; any other gives all its texts to the nearest
        ancestors that are nodes and may be climbed to.

        Args:
            places: term id -> the node that it is; terms that are none are not in it.
        """
        for term in self._terms.values():
            place = places.get(term.id)
            if place is None:
                for node, distance in self._nearest(term, places):
                    yield from _lend(term, node, ("broader", "broader-code"), distance)
            elif place.by == "id":
                yield from _lend(term, place.node, ("synonym", "code"), 0)
            else:
                yield from _lend(term._replace(codes=()), place.node, ("xref", "code"), 0)

    def edges(self, batch: TermBatch, places: Mapping[str, Place]) -> EdgeBatch:
        """Is-a between nodes: from each term's node to those of its nearest ancestors."""
        pairs: dict[tuple[str, str], int] = {}
        for term in self._terms.values():
            if term.id in places:
                below = places[term.id].node
                for above in self._up(term, places):
                    if places[above].node != below:
                        pairs.setdefault((below, places[above].node), term.line)
        return EdgeBatch(
            type=EdgeType(batch.type, "subclass_of", batch.type),
            file=batch.file,
            lines=list(pairs.values()),
            heads=pa.array([below for below, _ in pairs], pa.string()),
            tails=pa.array([above for _, above in pairs], pa.string()),
            provenance=batch.provenance,
        )

    def _up(self, term: Term, places: Mapping[str, Place]) -> Iterator[str]:
        """The ids of the nearest ancestors that are nodes, on every way up."""
        seen, waiting = {term.id}, list(term.parents)
        for parent in waiting:
            if parent in seen or parent not in self._terms:
                continue
            seen.add(parent)
            if parent in places:
                yield parent
            else:
                waiting.extend(self._terms[parent].parents)

    def _nearest(self, term: Term, places: Mapping[str, Place]) -> list[tuple[str, int]]:
        """The nearest nodes above a term that may be climbed to, and how many steps away."""
        frontier = {parent: _texts(term) for parent in term.parents}
        seen = {term.id}
        for distance in range(1, _FURTHEST):
            found, higher = [], {}
            for parent, below in frontier.items():
                if parent in seen or parent not in self._terms:
                    continue
                seen.add(parent)
                above = self._terms[parent]
                if parent not in places:
                    higher.update(dict.fromkeys(above.parents, (*below, *_texts(above))))
                elif may_climb(below, [above.name]):
                    found.append((places[parent].node, distance))
            if found or not higher:
                return list(dict.fromkeys(found))
            frontier = higher
        return []


def as_nodes(batch: TermBatch) -> NodeBatch:
    """The terms of ``batch`` as nodes."""
    labels = [
        LabelRow(position, kind, text)
        for position, term in enumerate(batch.terms)
        for kind, texts in (("synonym", term.synonyms), ("code", term.codes))
        for text in texts
    ]
    ids = [term.id for term in batch.terms]
    lines = [term.line for term in batch.terms]
    names = [term.name for term in batch.terms]
    return NodeBatch(batch.type, batch.file, lines, ids, ids, names, batch.provenance, labels)


def _texts(term: Term) -> tuple[str, ...]:
    return term.name, *term.synonyms


def _lend(term: Term, node: str, kinds: tuple[str, str], distance: int) -> Iterator[Lent]:
    for text in _texts(term):
        yield Lent(term.line, node, kinds[0], text, distance)
    for code in (*term.codes, *([term.id] if term.id != node else [])):
        yield Lent(term.line, node, kinds[1], code, distance)
