"""FHIR codings: the code first, then what is written beside it."""

import re
from collections.abc import Collection, Iterator
from dataclasses import replace

from kg.climb import chapter, may_climb
from kg.graph import Graph, Node
from kg.identifiers import from_system
from kg.names.diseases import resolve_disease
from kg.names.drugs import resolve_code, resolve_drug
from kg.names.keys import key
from kg.names.lookup import hits, labelled, lookup
from kg.names.match import Grade, Match, Resolution, accepts
from kg.schema import EdgeType, Step

DISEASE = ("Disease",)

# A subdivided code of a disease. Symptoms, injuries, their causes and reasons for a visit (R to Z;
# V and E in ICD-9) are no diseases of whose parents anything would follow.
_SUBDIVIDED = re.compile(
    r"(?:ICD10(?:CM)?:[A-Q]\d[0-9A-Z]|ICD9CM:[1-7]\d\d|ICD9CM:0\d\d)\.[0-9A-Z]+"
)
_UNSEEN = re.compile(  # a border that a code does not show, between it and its parent's node
    r"\b(?:familial|hereditary|congenital|juvenile|secondary|drug[- ]induced)\b", re.IGNORECASE
)
_IS_A = Step(EdgeType("Disease", "subclass_of", "Disease"), True)


def resolve_coding(
    graph: Graph,
    system: str,
    code: str,
    display: str,
    types: Collection[str],
    *,
    worst: Grade = "near",
) -> Resolution:
    """What a FHIR coding means: its code first, then, if no node has the code, its display.

    Where the display surely means something else than the code, both are given, graded near: a
    question to a person. Where it names the very node that is said to be broader than the code, the
    code is one of the node. An ICD code that neither answers leads to the node of its parent code.

    Args:
        graph: where to look.
        system: the code system's URI.
        code: the code.
        display: the text beside it; may be empty.
        types: node types that make sense here; with ``Drug`` the display is read as a drug text,
            with ``Disease`` as the name of a disease.
        worst: the worst grade to give.
    """
    curie = from_system(system, code)
    by_code = _by_code(graph, curie, types, worst) if curie else None
    if curie and by_code is not None:
        if not key(display) or not by_code.complete:
            return by_code
        words = _by_display(graph, display, types, "xref")  # nothing broader or near: quick, sure
        if not _agree(graph, by_code, words):
            return _doubt(by_code, words, f"{curie} with the display {display!r}", worst)
        counted = any(match.distance for match in by_code.matches)
        is_clear = words.complete and _nodes(words) <= _nodes(by_code)
        return words if counted and is_clear else by_code
    by_display = _by_display(graph, display, types, worst) if key(display) else None
    if by_display is None or not by_display.is_sure:
        above = _above(graph, curie or "", worst) if "Disease" in types else None
        if above is not None:
            return Resolution((above,), True)
    return by_display or Resolution((), False, (curie or code,))


def _by_code(graph: Graph, curie: str, types: Collection[str], worst: Grade) -> Resolution | None:
    if "Drug" in types:
        drug = resolve_code(graph, curie, worst=worst)
        if drug is not None or len(types) == 1:
            return drug
    matches = labelled(graph, key(curie), types, worst=worst)
    return Resolution(matches, True) if matches else None


def _by_display(graph: Graph, display: str, types: Collection[str], worst: Grade) -> Resolution:
    if "Drug" in types:
        drug = resolve_drug(graph, display, worst=worst)
        if drug.matches or len(types) == 1:
            return drug
    if "Disease" in types:
        disease = resolve_disease(graph, display, worst=worst)
        if disease.matches or len(types) == 1:
            return disease
    matches = lookup(graph, display, types, worst=worst)
    return Resolution(matches, bool(matches), () if matches else (display,))


def _agree(graph: Graph, by_code: Resolution, by_display: Resolution) -> bool:
    """Whether the display does not surely mean something else than the code."""
    coded, said = _nodes(by_code), _nodes(by_display)
    if not by_display.complete or said <= coded or coded <= said:
        return True
    return _are_kin(graph, said, coded)


def _nodes(resolution: Resolution) -> set[Node]:
    return {match.node for match in resolution.matches}


def _doubt(by_code: Resolution, by_display: Resolution, doubt: str, worst: Grade) -> Resolution:
    """Both meanings as a question, or none for who takes no questions."""
    if not accepts(worst, "near"):
        return Resolution((), False, (doubt,))
    both = {match.node: match for match in (*by_code.matches, *by_display.matches)}
    matches = (
        replace(match, grade="near", basis=f"{doubt}: {match.basis}", distance=0)
        for match in both.values()
    )
    return Resolution(tuple(matches), False)


def _are_kin(graph: Graph, some: set[Node], others: set[Node]) -> bool:
    """Whether one of the diseases is below one of the others, or beside it."""
    up = {node: _upward(graph, node) for node in some | others}
    return any(
        a in up[b] or b in up[a] or _parents(graph, a) & _parents(graph, b)
        for a in some
        for b in others
        if a.type == b.type == "Disease"
    )


def _parents(graph: Graph, node: Node) -> set[Node]:
    if node.type != "Disease" or _IS_A.edge_type not in graph.edge_types:
        return set()
    rows, _ = graph.neighbors(_IS_A, graph.row(node.type, node.id))
    return {graph.node(node.type, row) for row in rows.tolist()}


def _upward(graph: Graph, node: Node) -> set[Node]:
    found, waiting = {node}, [node]
    for below in waiting:
        new = _parents(graph, below) - found
        found |= new
        waiting.extend(new)
    return found


def _above(graph: Graph, curie: str, worst: Grade) -> Match | None:
    """The node of the nearest parent of an ICD code that has one node, and may be climbed to."""
    if not accepts(worst, "broader"):
        return None
    for parent, steps in _parent_codes(curie):
        found = labelled(graph, key(parent), DISEASE)
        spelt = {hit.node for hit in hits(graph, key(parent), DISEASE) if hit.text == parent}
        found = tuple(match for match in found if match.node in spelt)
        if found:
            (match, *others), words = found, chapter(curie)
            name = match.node.name
            if others or match.distance or _UNSEEN.search(name):
                return None
            if words and not may_climb([words], [name]):
                return None
            basis = f"broader than {curie!r} by its code: {parent}"
            return Match(match.node, "broader", basis, 1.0, steps)
    return None


def _parent_codes(curie: str) -> Iterator[tuple[str, int]]:
    """``E11.65`` has the parents ``E11.6`` and ``E11``, one step and two steps away."""
    if _SUBDIVIDED.fullmatch(curie):
        stem, _, rest = curie.partition(".")
        for steps in range(1, len(rest)):
            yield f"{stem}.{rest[:-steps]}", steps
        yield stem, len(rest)
