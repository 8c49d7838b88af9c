"""Nodes by what names them exactly, or in other words: id, name, synonym, product or code."""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from kg.climb import is_other, may_climb
from kg.graph import LABEL_KINDS, Graph, Node
from kg.identifiers import is_curie, spellings
from kg.names.disease_words import NARROWING, TAILS
from kg.names.index import name_index
from kg.names.keys import bag, key
from kg.names.match import GRADES, Grade, Match, accepts


class Hit(NamedTuple):
    """One label that a text equals."""

    node: Node
    kind: str  # one of LABEL_KINDS
    text: str
    distance: int
    provenance: int  # row of Graph.provenances: the lower, the higher its precedence

    @property
    def grade(self) -> Grade:
        """How sure a label of this kind is."""
        if self.kind in ("broader", "broader-code"):
            return "broader"
        if self.kind in ("code", "xref") or (self.kind == "product" and is_curie(self.text)):
            return "xref"
        return "exact"

    @property
    def basis(self) -> str:
        """What matched, for people."""
        if self.kind in ("id", "name"):
            return self.kind
        if self.kind == "product" and not is_curie(self.text):
            return f"ingredient of {self.text!r}"
        if self.kind == "synonym":
            return f"synonym {self.text!r}"
        if self.kind == "xref":
            return f"cross-reference {self.text!r}"
        if self.grade == "broader":
            steps = f" by {self.distance} step{'s' * (self.distance != 1)}" if self.distance else ""
            return f"broader than {self.text!r}{steps}"
        return self.text

    def to_match(self) -> Match:
        """The node with grade, basis and distance."""
        return Match(self.node, self.grade, self.basis, 1.0, self.distance)


def lookup(
    graph: Graph, text: str, types: Collection[str] | None = None, *, worst: Grade = "near"
) -> tuple[Match, ...]:
    """The nodes that ``text`` names: id, name, synonym, product or code; best grade first.

    Of each node type the best grade is given: a text that is a node's own is not looked up as a
    cross-reference or as something narrower's. Of the nodes above something narrower the nearest
    are given, all of them if several are as near.

    Args:
        graph: where to look.
        text: a CURIE, a bare code, a source's own spelling, a name or a synonym in any language.
        types: node types to keep; None for all.
        worst: the worst grade to give; nothing here is ``near``.
    """
    found = labelled(graph, key(text), types, worst=worst)
    if not found:  # a bare code may be one in several systems: all that it means, in their order
        matches = (m for c in spellings(text) for m in labelled(graph, key(c), types, worst=worst))
        found = tuple({match.node: match for match in reversed([*matches])}.values())[::-1]
    return found


def labelled(
    graph: Graph, wanted: str, types: Collection[str] | None = None, *, worst: Grade = "near"
) -> tuple[Match, ...]:
    """The nodes that have a label of this key; see :func:`lookup`."""
    return _accepted(hits(graph, wanted, types), worst)


def in_other_words(
    graph: Graph, text: str, types: Collection[str] | None = None, *, worst: Grade = "near"
) -> tuple[Match, ...]:
    """The nodes of which a name has the same words as ``text``; see :func:`kg.names.keys.bag`."""
    return _accepted(reordered_hits(graph, text, types), worst)


def hits(graph: Graph, wanted: str, types: Collection[str] | None = None) -> list[Hit]:
    """Every label of this key."""
    return list(_hits(graph, graph.labels.with_key(wanted).tolist(), types))


def reordered_hits(graph: Graph, text: str, types: Collection[str] | None = None) -> list[Hit]:
    """Every name that has the same words as ``text``."""
    words = bag(text)
    if not words:
        return []
    found = _hits(graph, name_index(graph).with_bag(words).tolist(), types)
    return [hit for hit in found if bag(hit.text) == words]


def best_of(matches: Iterable[Match]) -> tuple[Match, ...]:
    """One match a node, and of each node type those of the best grade, and the nearest of these."""
    best: dict[Node, Match] = {}
    for match in matches:
        if match.node not in best or _rank(match) < _rank(best[match.node]):
            best[match.node] = match
    first: dict[str, tuple[int, int]] = {}  # of each node type
    for node, match in best.items():
        first[node.type] = min(first.get(node.type, _rank(match)), _rank(match))
    kept = [match for node, match in best.items() if _rank(match) == first[node.type]]
    return tuple(sorted(kept, key=lambda match: (*_rank(match), match.node)))


def _rank(match: Match) -> tuple[int, int]:
    return GRADES.index(match.grade), match.distance


def _hits(graph: Graph, found: Iterable[int], types: Collection[str] | None) -> Iterator[Hit]:
    labels = graph.labels
    nodes: dict[int, Node] = {}  # several sources say the same text of a node
    for label in found:
        number = int(labels.node[label])
        if number not in nodes:
            nodes[number] = graph.node(*graph.locate(number))
        node = nodes[number]
        if types is not None and node.type not in types:
            continue
        hit = Hit(
            node,
            LABEL_KINDS[labels.kind[label]],
            labels.text[label].as_py(),
            int(labels.distance[label]),
            int(labels.provenance[label]),
        )
        if node.type == "Disease" and hit.kind in ("synonym", "xref"):
            if is_other(hit.text, node.name):
                continue
            if _is_narrower(hit.text, node.name):
                hit = hit._replace(kind="broader", distance=1)
        narrower = node.type == "Disease" and hit.kind == "broader"
        if not narrower or may_climb([hit.text], [node.name]):
            yield hit


def _is_narrower(synonym: str, name: str) -> bool:
    """Whether a synonym is the name with more to it: "acute bronchitis" for bronchitis."""
    words = synonym.lower().replace(",", " ").split()
    if NARROWING.isdisjoint(words):
        return False
    words = TAILS.sub("", synonym).lower().replace(",", " ").split()
    rest = [word for word in words if word not in NARROWING]
    if len(rest) == len(words):
        return False
    return set(bag(" ".join(rest)).split()) ^ set(bag(name).split()) <= {"disease", "syndrome"}


def _accepted(found: Iterable[Hit], worst: Grade) -> tuple[Match, ...]:
    listed = list(found)
    own = [hit for hit in listed if hit.grade == "exact"]
    if own and len({hit.node for hit in listed}) == 1:  # the usual case, and the fast one
        return best_of(hit.to_match() for hit in own)
    accepted = [hit for hit in _foremost(listed, counted=False) if accepts(worst, hit.grade)]
    if len(accepted) < 2:
        return tuple(hit.to_match() for hit in accepted)
    kept = {match.node: match for match in best_of(hit.to_match() for hit in accepted)}
    said = {hit.node for hit in _foremost((h for h in accepted if h.node in kept), counted=True)}
    return tuple(match for match in kept.values() if match.node in said)


def _foremost(found: Iterable[Hit], *, counted: bool) -> list[Hit]:
    """Of each node type what is a node's own, and what one source says: that of most precedence.

    Args:
        found: hits of one text.
        counted: whether those found by counting steps up are chosen from, too; else they stay if
            no source says outright what the text means.
    """
    listed = list(found)
    first: dict[str, int] = {}
    for hit in listed:
        if hit.grade != "exact" and (counted or not hit.distance):
            first[hit.node.type] = min(first.get(hit.node.type, hit.provenance), hit.provenance)
    return [
        hit
        for hit in listed
        if hit.grade == "exact" or hit.provenance == first.get(hit.node.type, hit.provenance)
    ]
