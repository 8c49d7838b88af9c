"""What the predicates and classes of an RDF file mean here: ``rdf.toml``, and what needs none."""

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

from kg.errors import SourceError
from kg.graph import Provenance
from kg.identifiers import is_curie
from kg.schema import NODES, EdgeType, is_edge_type
from kg.sources.biolink import AGENTS, LEVELS
from kg.sources.owl import curie as from_obo
from kg.sources.settings import check_keys, read_toml, text

NAMES_OF_KINDS = ("name", "synonym", "code", "product")
_RDFS = "http://www.w3.org/2000/01/rdf-schema#"
_SKOS = "http://www.w3.org/2004/02/skos/core#"
_IN_OWL = "http://www.geneontology.org/formats/oboInOwl#"
_KINDS = {
    f"{_RDFS}label": "name",
    f"{_SKOS}prefLabel": "name",
    f"{_SKOS}altLabel": "synonym",
    f"{_IN_OWL}hasExactSynonym": "synonym",
    f"{_SKOS}exactMatch": "code",
    f"{_IN_OWL}hasDbXref": "code",
    "urn:pharmakon:product": "product",
}
_SAID = {  # who says what the files say, where they do not tell themselves
    "licence": "LicenseRef-no-licence-stated",
    "primary_knowledge_source": "infores:not-provided",
    "knowledge_level": "not_provided",
    "agent_type": "not_provided",
}


class Meaning(NamedTuple):
    """What a predicate stands for."""

    what: Literal["type", "label", "relation", "biolink"]
    word: str = ""  # label kind, our relation, or Biolink predicate


class Vocabulary:
    """The words of one folder's files; what is asked for once is remembered."""

    def __init__(self, settings: Path | None) -> None:
        given = read_toml(settings) if settings else {}
        where = settings.name if settings else ""
        check_keys(where, given, (*_SAID, "prefixes", "types", "relations", "labels"))
        self.provenance = provenance(where, {**_SAID, **_flat(given)})
        self._types = _texts(where, given, "types")
        self._relations = _texts(where, given, "relations")
        self._labels = {**_KINDS, **_texts(where, given, "labels")}
        prefixes = _texts(where, given, "prefixes")
        self._bases = sorted(((base, prefix) for prefix, base in prefixes.items()), reverse=True)
        self._meanings: dict[str, Meaning | None] = {}
        self._check(where)

    def curie(self, iri: str) -> str | None:
        """The CURIE of an IRI: by ``[prefixes]`` first, then as :mod:`kg.sparql` has it."""
        found = next((f"{p}:{iri[len(b) :]}" for b, p in self._bases if iri.startswith(b)), None)
        if found is None:
            found = self._iris.to_curie(iri) or from_obo(iri)
        return found if is_curie(found) and found != iri else None

    def meaning(self, predicate: str) -> Meaning | None:
        """What a predicate stands for, or None if nobody says."""
        if predicate not in self._meanings:
            self._meanings[predicate] = self._meaning(predicate)
        return self._meanings[predicate]

    def node_class(self, iri: str) -> str | None:
        """Our node type or the Biolink class (with its prefix) that an ``rdf:type`` stands for."""
        if iri in self._types:
            return self._types[iri]
        if iri.startswith(self._iris.TYPE):
            node_type = iri[len(self._iris.TYPE) :]
            return node_type if node_type in NODES else None
        biolink = self._iris.BIOLINK
        return f"biolink:{iri[len(biolink) :]}" if iri.startswith(biolink) else None

    def type_of_prefix(self, curie: str) -> str | None:
        """The node type that ``[types]`` gives to all CURIEs of a prefix."""
        return self._types.get(curie.partition(":")[0])

    def _meaning(self, predicate: str) -> Meaning | None:
        if predicate in self._relations:
            return Meaning("relation", self._relations[predicate])
        if predicate in self._labels:
            return Meaning("label", self._labels[predicate])
        if predicate == "http://www.w3.org/1999/02/22-rdf-syntax-ns#type":
            return Meaning("type")
        for what, base in (("relation", self._iris.RELATION), ("biolink", self._iris.BIOLINK)):
            word = predicate[len(base) :]
            if predicate.startswith(base) and is_edge_type(EdgeType("Drug", word, "Drug")):
                return Meaning("relation" if what == "relation" else "biolink", word)
        return None

    @cached_property
    def _iris(self) -> Any:
        from kg.sparql import iris

        return iris

    def _check(self, where: str) -> None:
        for base, prefix in self._bases:
            if not is_curie(f"{prefix}:x") or ":" not in base:
                raise SourceError(
                    f"{where}: [prefixes] {prefix} = {base!r} is not a CURIE's prefix and the "
                    "beginning of an IRI"
                )
        for name, known in ((self._types, tuple(NODES)), (self._labels, NAMES_OF_KINDS)):
            for iri, word in name.items():
                if word not in known:
                    raise SourceError(f"{where}: {iri} = {word!r}; choose from {', '.join(known)}")
        for iri, relation in self._relations.items():
            if not is_edge_type(EdgeType("Drug", relation, "Drug")):
                raise SourceError(f"{where}: {iri} = {relation!r} must be in snake case")


def provenance(where: str, said: Mapping[str, str]) -> Provenance:
    """The provenance that ``said`` describes.

    Raises:
        SourceError: no infores CURIE, or a level or agent that Biolink does not have.
    """
    primary = text(where, said, "primary_knowledge_source")
    if not re.fullmatch(r"infores:[a-z0-9._-]+", primary):
        raise SourceError(f"{where}: {primary!r} is not of the form infores:st-elsewhere")
    for key, known in (("knowledge_level", LEVELS), ("agent_type", AGENTS)):
        if said[key] not in known:
            raise SourceError(f"{where}: {key} = {said[key]!r}; choose from {', '.join(known)}")
    licence = text(where, said, "licence")
    return Provenance("rdf", primary, licence, said["knowledge_level"], said["agent_type"])


def _flat(given: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key in _SAID}


def _texts(where: str, given: Mapping[str, Any], section: str) -> dict[str, str]:
    table = given.get(section, {})
    if not isinstance(table, dict):
        raise SourceError(f"{where}: [{section}] must be a table of texts")
    return {key: text(f"{where}: [{section}]", table, key) for key in table}
