"""The terms of an ontology beside the nodes of a graph: what each lends, and to which node."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa

from kg.climb import chapter, holds_several, is_malignant, is_other, may_climb
from kg.columns import LabelRecord, NodeRecords
from kg.graph import LABEL_KINDS, Provenance
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


class Above(NamedTuple):
    """A node above a term that is none."""

    node: str
    name: str  # of the term that is this node
    distance: int  # is-a steps


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
                for above in self._nearest(term, places):
                    yield from _lend_up(term, above)
            elif place.by == "id":
                yield from _lend(term, place.node, ("synonym", "code"))
            else:
                yield from _lend(term._replace(codes=()), place.node, ("xref", "code"))

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

    def _nearest(self, term: Term, places: Mapping[str, Place]) -> Iterator[Above]:
        """The nearest nodes above a term that may be climbed to, each step by itself too."""
        ways: dict[str, list[tuple[str, ...]]] = {parent: [] for parent in term.parents}
        seen, found = {term.id}, set()
        for distance in range(1, _FURTHEST):
            higher: dict[str, list[tuple[str, ...]]] = {}
            for parent, between in ways.items():
                if parent in seen or parent not in self._terms:
                    continue
                seen.add(parent)
                above = self._terms[parent]
                if not may_climb(_texts(term), [above.name], *between):
                    continue
                if parent not in places:
                    for further in above.parents:
                        higher.setdefault(further, [*between, _texts(above)])
                elif places[parent].node not in found:
                    found.add(places[parent].node)
                    yield Above(places[parent].node, above.name, distance)
            if found or not higher:
                return
            ways = higher


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


def doubtful_codes(
    nodes: NodeRecords, provenances: Sequence[Provenance]
) -> tuple[set[LabelRecord], set[LabelRecord]]:
    """Codes of diseases that may not mean what they are listed at: as they came, and as they are.

    Where an ontology has put several diseases into one term, its codes are those of all of them:
    at best of something narrower. Of several codes of one system for a cancer one may be that of
    any tumour of the organ. What a code says by itself counts first: no ICD code of a benign tumour
    is one of a cancer, and one of a malignant tumour may be.

    Args:
        nodes: the diseases with all that sources say of them.
        provenances: whose each label's number is; lists taken from one ontology are one.
    """
    said: dict[tuple[int, str], list[LabelRecord]] = {}
    for record in nodes.labels:
        if record[1] in (_CODE, *_NAMES):
            ontology = provenances[record[4]].primary_knowledge_source
            said.setdefault((record[0], ontology), []).append(record)
    before, after = set(), set()
    for (row, _), records in said.items():
        name = nodes.names[row]
        steps = holds_several(name, (text for _, kind, text, _, _ in records if kind != _CODE))
        codes = {text for _, kind, text, _, _ in records if kind == _CODE}
        systems = Counter(code.partition(":")[0] for code in codes)
        for record in records:
            code, system = record[2], record[2].partition(":")[0]
            if record[1] != _CODE or system in _TERMS:
                continue
            words = chapter(code) if is_malignant(name) else ""
            is_vague = not words and is_malignant(name) and systems[system] > 1
            if words and not is_malignant(words):
                before.add(record)
            elif not words and (steps or is_vague):
                before.add(record)
                after.add((row, _BROADER_CODE, code, max(steps, 1), record[4]))
    return before, after


_CODE, _BROADER_CODE = LABEL_KINDS.index("code"), LABEL_KINDS.index("broader-code")
_NAMES = (LABEL_KINDS.index("synonym"), LABEL_KINDS.index("xref"))
_TERMS = ("DOID", "MONDO")  # systems whose codes are ontologies' own terms: each is one


def _texts(term: Term) -> tuple[str, ...]:
    return term.name, *term.synonyms


def _lend(term: Term, node: str, kinds: tuple[str, str], distance: int = 0) -> Iterator[Lent]:
    for text in _texts(term):
        yield Lent(term.line, node, kinds[0], text, distance)
    for code in (*term.codes, *([term.id] if term.id != node else [])):
        yield Lent(term.line, node, kinds[1], code, distance)


def _lend_up(term: Term, above: Above) -> Iterator[Lent]:
    """The texts and codes that by themselves may climb, too: a synonym may say less, or another."""
    for lent in _lend(term, above.node, ("broader", "broader-code"), above.distance):
        said = lent.text if lent.kind == "broader" else chapter(lent.text) or term.name
        if may_climb([said], [above.name]) and not is_other(said, term.name):
            yield lent
