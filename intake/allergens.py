"""What an allergy is about: texts and ATC codes to Drug and DrugClass nodes."""

import re

from kg.graph import Graph
from kg.names import Match, Resolution, key, lookup, misspelt, resolve_drug
from kg.names.match import Grade

NOTHING = Resolution((), False)

_TAG = re.compile(r"\s*\([a-z /]+\)$")
_ALLERGY = re.compile(
    r"(?:drug\s+)?(?:allergy|allergic reaction|hypersensitivity|intolerance|adverse reaction)\s+"
    r"(?:to|caused by)\s+(.+)"
    r"|(?:medicinal\s+)?product containing\s+(?:only\s+)?(.+)"
    r"|(.+?)\s+(?:allergy|hypersensitivity|intolerance|adverse reaction)",
    re.IGNORECASE,
)
_GROUP = re.compile(r"\s+(?:antibiotics?|drugs?|medications?|medicines?|agents?|class)$", re.I)
_SHORT = {"pcn": "penicillin"}  # as charts abbreviate
_ATC_CLASS = re.compile(r"ATC:([A-Z][0-9]{2}(?:[A-Z]{1,2})?)")


def substance(text: str) -> str:
    """What an allergy's display is about: "Allergy to penicillin (disorder)" gives "penicillin"."""
    text = _TAG.sub("", text)
    match = _ALLERGY.fullmatch(text)
    return next(filter(None, match.groups())) if match else text


def find_allergen(graph: Graph, text: str, *, near: bool) -> Resolution:
    """The drug, the class, or both that ``text`` names.

    Args:
        graph: where to look.
        text: a substance or class, in the singular or plural, with or without "drugs".
        near: whether a misspelt drug or class is offered.
    """
    text = _SHORT.get(key(text), text)
    for candidate in dict.fromkeys((text, _GROUP.sub("", text))):
        found = _named(graph, candidate)
        if found:
            return Resolution(found, True)
    drug = resolve_drug(graph, text, worst="near" if near else "broader")
    usable = [*drug.matches]
    if near and not any(match.grade != "near" for match in usable):
        group = misspelt(graph, text, ("DrugClass",))
        usable += [group] if group else []
    return Resolution(tuple(usable), drug.complete, drug.unresolved) if usable else NOTHING


def find_atc_class(graph: Graph, curie: str) -> Resolution:
    """The classes that an ATC code of level 2 to 4 means where no node has it.

    Those below it, which together are it; else the nearest one above it, graded ``broader``.
    """
    match = _ATC_CLASS.fullmatch(curie)
    if match is None or "DrugClass" not in graph.node_types:
        return NOTHING
    nodes = [graph.node("DrugClass", row) for row in range(graph.n_nodes("DrugClass"))]
    groups = [node for node in nodes if node.id.startswith("ATC:")]
    grade: Grade = "xref"
    found = [node for node in groups if node.id.startswith(curie)]
    if not found:
        grade = "broader"
        above = [node for node in groups if curie.startswith(node.id)]
        found = [max(above, key=lambda node: len(node.id))] if above else []
    return Resolution(tuple(Match(node, grade, curie) for node in found), bool(found))


def _named(graph: Graph, text: str) -> tuple[Match, ...]:
    """Drugs and classes of this name; classes have plural names, their synonyms may have none."""
    both = {
        match.node: match
        for match in (
            *lookup(graph, f"{text}s", ("DrugClass",)),
            *(lookup(graph, text[:-1], ("DrugClass",)) if text.lower().endswith("s") else ()),
            *lookup(graph, text, ("Drug", "DrugClass")),
        )
    }
    return tuple(both.values())
