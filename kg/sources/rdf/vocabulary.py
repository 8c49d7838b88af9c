"""What the predicates and classes of an RDF file mean here: ``rdf.toml``, and what needs none."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from kg import iris
from kg.errors import SourceError
from kg.identifiers import is_curie
from kg.schema import NODES, EdgeType, is_edge_type
from kg.sources.formats.owl import curie as from_obo
from kg.sources.formats.toml import check_keys, read_toml, text
from kg.sources.vocabularies.provenance import NOT_SAID, stated

_LABEL_KINDS = ("name", "synonym", "code", "product")
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


class Meaning(NamedTuple):
    """What a predicate stands for."""

    what: Literal["type", "label", "relation", "biolink"]
    word: str = ""  # label kind, our relation, or Biolink predicate


class Vocabulary:
    """The words of one folder's files; what is asked for once is remembered."""

    def __init__(self, settings: Path | None) -> None:
        given = read_toml(settings) if settings else {}
        where = settings.name if settings else ""
        check_keys(where, given, (*NOT_SAID, "prefixes", "types", "relations", "labels"))
        self.provenance = stated("rdf", where, {**NOT_SAID, **given})
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
            found = iris.to_curie(iri) or from_obo(iri)
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
        if iri.startswith(iris.TYPE):
            node_type = iri[len(iris.TYPE) :]
            return node_type if node_type in NODES else None
        biolink = iris.BIOLINK
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
        for what, base in (("relation", iris.RELATION), ("biolink", iris.BIOLINK)):
            word = predicate[len(base) :]
            if predicate.startswith(base) and is_edge_type(EdgeType("Drug", word, "Drug")):
                return Meaning("relation" if what == "relation" else "biolink", word)
        return None

    def _check(self, where: str) -> None:
        for base, prefix in self._bases:
            if not is_curie(f"{prefix}:x") or ":" not in base:
                raise SourceError(
                    f"{where}: [prefixes] {prefix} = {base!r} is not a CURIE's prefix and the "
                    "beginning of an IRI"
                )
        for name, known in ((self._types, tuple(NODES)), (self._labels, _LABEL_KINDS)):
            for iri, word in name.items():
                if word not in known:
                    raise SourceError(f"{where}: {iri} = {word!r}; choose from {', '.join(known)}")
        for iri, relation in self._relations.items():
            if not is_edge_type(EdgeType("Drug", relation, "Drug")):
                raise SourceError(f"{where}: {iri} = {relation!r} must be in snake case")


def _texts(where: str, given: Mapping[str, Any], section: str) -> dict[str, str]:
    table = given.get(section, {})
    if not isinstance(table, dict):
        raise SourceError(f"{where}: [{section}] must be a table of texts")
    return {key: text(f"{where}: [{section}]", table, key) for key in table}
