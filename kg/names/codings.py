"""FHIR codings: the code first, then what is written beside it."""

from collections.abc import Collection

from kg.graph import Graph
from kg.identifiers import from_system
from kg.names.diseases import resolve_disease
from kg.names.drugs import resolve_code, resolve_drug
from kg.names.keys import key
from kg.names.lookup import labelled, lookup
from kg.names.match import Grade, Resolution


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
    if by_code is not None:
        return by_code
    if not key(display):
        return Resolution((), False, (curie or code,))
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


def _by_code(graph: Graph, curie: str, types: Collection[str], worst: Grade) -> Resolution | None:
    if "Drug" in types:
        drug = resolve_code(graph, curie, worst=worst)
        if drug is not None or len(types) == 1:
            return drug
    matches = labelled(graph, key(curie), types, worst=worst)
    return Resolution(matches, True) if matches else None
