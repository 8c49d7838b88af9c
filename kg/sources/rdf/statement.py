"""One reified edge: an ``rdf:Statement`` with its ends, its predicate and who says it."""

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote

from kg.errors import SourceError
from kg.graph import Provenance
from kg.sources.formats.triples import Triple
from kg.sources.rdf.vocabulary import Meaning, Vocabulary
from kg.sources.vocabularies.provenance import licence_of, stated

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XSD = "http://www.w3.org/2001/XMLSchema#"
_BIOLINK = "https://w3id.org/biolink/vocab/"
_OWN = "urn:pharmakon:relation"
_DETAIL = "urn:pharmakon:detail:"
_LICENCE = "http://purl.org/dc/terms/license"
_PRIMARY = f"{_BIOLINK}primary_knowledge_source"
_PUBLICATIONS = f"{_BIOLINK}publications"
_LEVEL = f"{_BIOLINK}knowledge_level"
_AGENT = f"{_BIOLINK}agent_type"


class StatementError(ValueError):
    """A statement that cannot be used, and why."""


class Statement(NamedTuple):
    """An edge and what is said of it."""

    subject: str  # IRI
    target: Triple  # its value is the edge's tail
    meaning: Meaning
    provenance: Provenance
    details: Mapping[str, Any]


def read_statement(group: list[Triple], vocabulary: Vocabulary) -> Statement | str:
    """The edge that ``group``, all triples of one subject, states; or why it is left out.

    Raises:
        StatementError: not exactly one subject, object or relation, or an unknown provenance.
    """
    found: dict[str, list[Triple]] = {}
    for triple in group:
        found.setdefault(triple.predicate, []).append(triple)
    subject = _one(found, f"{_RDF}subject")
    target = _one(found, f"{_RDF}object")
    predicate = _one(found, _OWN if _OWN in found else f"{_RDF}predicate")
    meaning = None if predicate.is_text else vocabulary.meaning(predicate.value)
    if meaning is None or meaning.what not in ("relation", "biolink"):
        return f"statements of {predicate.value}"
    return Statement(
        subject.value,
        target,
        meaning,
        _provenance(found, vocabulary),
        _details(found),
    )


def _one(found: Mapping[str, list[Triple]], predicate: str) -> Triple:
    triples = found.get(predicate, [])
    if len({triple.value for triple in triples}) != 1:
        word = predicate.rpartition("#")[2]
        raise StatementError(f"an rdf:Statement with {len(triples)} of {word}, not 1")
    return triples[0]


def _provenance(found: Mapping[str, list[Triple]], vocabulary: Vocabulary) -> Provenance:
    default = vocabulary.provenance
    licence, primary = default.licence, default.primary_knowledge_source
    level, agent = default.knowledge_level, default.agent_type
    if _LICENCE in found:
        value = _one(found, _LICENCE).value
        licence = licence_of(value) or value
    if _PRIMARY in found:
        value = _one(found, _PRIMARY).value
        primary = vocabulary.curie(value) or value
    if _LEVEL in found:
        level = _one(found, _LEVEL).value
    if _AGENT in found:
        agent = _one(found, _AGENT).value
    return _checked(licence, primary, level, agent)


@lru_cache(maxsize=1024)
def _checked(licence: str, primary: str, level: str, agent: str) -> Provenance:
    said = {
        "licence": licence,
        "primary_knowledge_source": primary,
        "knowledge_level": level,
        "agent_type": agent,
    }
    try:
        return stated("rdf", "an rdf:Statement", said)
    except SourceError as error:
        raise StatementError(str(error)) from None


def _details(found: Mapping[str, list[Triple]]) -> dict[str, Any]:
    details: dict[str, Any] = {}
    for predicate, triples in found.items():
        if predicate == _PUBLICATIONS:
            details["reference"] = [triple.value for triple in triples]
        elif predicate.startswith(_DETAIL):
            values = [_value(triple) for triple in triples]
            details[unquote(predicate[len(_DETAIL) :])] = values[0] if len(values) == 1 else values
    return details


def _value(triple: Triple) -> Any:
    """A literal as a JSON value."""
    kind = triple.datatype.removeprefix(_XSD) if triple.datatype.startswith(_XSD) else ""
    try:
        if kind in ("integer", "int", "long"):
            return int(triple.value)
        if kind in ("decimal", "double", "float"):
            number = float(triple.value)
            return number if math.isfinite(number) else triple.value
    except ValueError:
        return triple.value
    return triple.value == "true" if kind == "boolean" else triple.value
