"""OWL in RDF/XML, as far as names, cross-references and is-a go.

Checked by :mod:`kg.sources.formats.safe_xml`, then parsed by rdflib into a sink that keeps the few
predicates of interest, so that a large ontology never stands in memory as triples.
"""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from xml.etree import ElementTree

from kg.errors import SourceError
from kg.sources.base import Refusal
from kg.sources.formats.obo import Entry, Header
from kg.sources.formats.safe_xml import read_xml

if TYPE_CHECKING:
    from rdflib import Graph

_OBO = "http://purl.obolibrary.org/obo/"
_IN_OWL = "http://www.geneontology.org/formats/oboInOwl#"
_OWL = "http://www.w3.org/2002/07/owl#"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_RDFS = "http://www.w3.org/2000/01/rdf-schema#"
_TYPE = f"{_RDF}type"
_CLASS = f"{_OWL}Class"
_DEPRECATED = f"{_OWL}deprecated"
_LABEL = f"{_RDFS}label"
_NAMESPACE = f"{_IN_OWL}hasOBONamespace"
_LISTS = {
    f"{_IN_OWL}hasAlternativeId": "alt_ids",
    f"{_IN_OWL}hasDbXref": "xrefs",
    f"{_IN_OWL}hasExactSynonym": "synonyms",
    f"{_OBO}IAO_0100001": "replacements",
    f"{_RDFS}subClassOf": "parents",
}
_WANTED = frozenset([_TYPE, _DEPRECATED, _LABEL, _NAMESPACE, *_LISTS])
_NOWHERE = "urn:base:"  # what relative IRIs refer to: not a path of this machine


def read_header(path: Path) -> Header:
    """What the ``owl:Ontology`` element says.

    Raises:
        SourceError: the file cannot be read or is not safe XML.
    """
    content = read_xml(path)
    try:
        return _header(content)
    except (ElementTree.ParseError, ValueError) as error:
        raise SourceError(f"{path.name}: not RDF/XML ({_one_line(error)})") from None


def _header(content: bytes) -> Header:
    header = Header()
    base = ""
    for event, element in ElementTree.iterparse(  # noqa: S314 (what is unsafe has been refused)
        BytesIO(content), ("start", "end")
    ):
        if event == "start":
            base = base or element.get("{http://www.w3.org/XML/1998/namespace}base", "")
        elif element.tag == f"{{{_OWL}}}Ontology":
            header.id = _ontology_id(element.get(f"{{{_RDF}}}about") or base)
            _fill(header, element)
            break
        elif element.tag == f"{{{_OWL}}}Class":  # past the header
            break
    return header


def read_terms(path: Path) -> Iterator[Entry | Refusal]:
    """The named classes in order; one that cannot be used is a refusal with its line.

    Raises:
        SourceError: the file cannot be read, or is not safe XML or not RDF.
    """
    sink = _parse(path)
    for iri, entry in sink.entries.items():
        if iri not in sink.classes:
            continue
        entry.line = sink.classes[iri]
        if len(set(sink.labels.get(iri, ()))) > 1:
            names = " and ".join(map(repr, sorted(set(sink.labels[iri]))))
            yield Refusal(path.name, entry.line, f"{entry.id} has several names: {names}")
        else:
            entry.name = "".join(sink.labels.get(iri, ())[:1])
            yield entry


def curie(text: str) -> str:
    """``DOID:1`` for ``http://purl.obolibrary.org/obo/DOID_1``; other text as it is."""
    prefix, _, local = text.removeprefix(_OBO).rpartition("_")
    return f"{prefix}:{local}" if text.startswith(_OBO) and prefix and local else text


class _Sink:
    """What rdflib's parser writes to in place of a graph."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.labels: dict[str, list[str]] = {}
        self.classes: dict[str, int] = {}  # IRI to line
        self.locator: Any = None

    def bind(self, *_: object, **__: object) -> None:
        """Prefixes are of no interest."""

    def add(self, triple: tuple[Any, Any, Any]) -> None:
        from rdflib import BNode, Literal, URIRef

        subject, value, predicate = triple[0], triple[2], str(triple[1])
        if predicate not in _WANTED or not isinstance(subject, URIRef) or isinstance(value, BNode):
            return
        if isinstance(value, Literal) and not _is_english(value):
            return
        iri, text = str(subject), str(value).strip()
        entry = self.entries.setdefault(iri, Entry(0, curie(iri)))
        if predicate == _LABEL:
            self.labels.setdefault(iri, []).append(text)
        elif predicate == _NAMESPACE:
            entry.namespace = text
        elif predicate == _DEPRECATED:
            entry.is_obsolete = text.casefold() in ("true", "1")
        elif predicate in _LISTS:
            getattr(entry, _LISTS[predicate]).append(curie(text))
        elif text == _CLASS:
            self.classes.setdefault(iri, self.locator.getLineNumber())


def _parse(path: Path) -> _Sink:
    from xml.sax.xmlreader import InputSource

    from rdflib.plugins.parsers.rdfxml import create_parser

    sink = _Sink()
    document = InputSource(_NOWHERE)
    document.setByteStream(BytesIO(read_xml(path)))
    graph = cast("Graph", sink)  # bind and add are all that the parser asks of one
    parser = create_parser(document, graph)  # type: ignore[arg-type]
    sink.locator = parser
    try:
        parser.parse(document)
    except Exception as error:
        raise SourceError(f"{path.name}: not RDF/XML ({_one_line(error)})") from error
    return sink


def _is_english(literal: Any) -> bool:
    return not literal.language or literal.language.split("-")[0] == "en"


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]


def _ontology_id(iri: str) -> str:
    return iri.removeprefix(_OBO).removesuffix(".owl")


def _fill(header: Header, ontology: ElementTree.Element) -> None:
    for child in ontology:
        text = child.get(f"{{{_RDF}}}resource") or (child.text or "").strip()
        match child.tag.rpartition("}")[2]:
            case "versionInfo":
                header.version = text
            case "versionIRI":
                header.version = header.version or text
            case "default-namespace":
                header.namespace = text
            case "license" | "rights" | "comment":
                header.texts.append(text)
