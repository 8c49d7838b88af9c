"""Anyone's RDF: N-Triples, Turtle and JSON-LD, and an ``rdf.toml`` that says what the words mean.

Reads every ``*.nt``, ``*.ttl`` and ``*.jsonld`` of a folder, plain or gzip, and its ``rdf.toml``;
there is nothing to download::

    licence = "CC-BY-4.0"
    primary_knowledge_source = "infores:st-elsewhere"
    knowledge_level = "knowledge_assertion"
    agent_type = "manual_agent"

    [prefixes]                      # what begins with this IRI becomes FORM:...
    FORM = "https://formulary.example.org/drug/"

    [types]                         # an rdf:type, or a CURIE's prefix, and our node type
    "https://formulary.example.org/Drug" = "Drug"
    DOID = "Disease"

    [relations]                     # what else relates two nodes
    "https://formulary.example.org/treats" = "treats"

    [labels]                        # what else is a name, synonym, code or product
    "http://schema.org/name" = "name"

Understood without it: ``rdfs:label`` and SKOS labels, OBO's synonyms and cross-references,
Biolink's classes and predicates, and what :mod:`kg.export` writes: its provenance comes back
through the ``rdf:Statement`` of each edge.

Quirks: texts in other languages than English, blank nodes, and predicates that nobody explains are
left out and counted in :meth:`Rdf.version`. So are labels of narrower things, whose distance RDF
does not say. The triples of one ``rdf:Statement`` must stand together in N-Triples.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from kg.errors import SourceError
from kg.sources.base import Batch, Refusal
from kg.sources.files import describe
from kg.sources.formats.triples import SUFFIXES, Triple, read_triples
from kg.sources.rdf.collector import Collector
from kg.sources.rdf.vocabulary import Vocabulary

_SETTINGS = "rdf.toml"


class Rdf:
    """Nodes, edges and labels from triples."""

    name: ClassVar[str] = "rdf"
    licence: ClassVar[str] = "LicenseRef-per-file"
    describes: ClassVar[str] = "RDF files (N-Triples, Turtle, JSON-LD), by an rdf.toml beside them"
    stage: ClassVar[int] = 0

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._files: list[Path] = []
        self._left_out: dict[str, int] = {}

    def read(self) -> Iterator[Batch]:
        """Yield refusals file by file, then all nodes, labels and edges; see ``base``."""
        self._files = []
        collector = Collector()
        for folder in self._folders:
            settings = folder / _SETTINGS
            vocabulary = Vocabulary(settings if settings.is_file() else None)
            self._files += [settings] if settings.is_file() else []
            for path in sorted(folder.iterdir()):
                if path.name.removesuffix(".gz").endswith(SUFFIXES) and path.is_file():
                    self._files.append(path)
                    yield from _collect(path, vocabulary, collector)
        if not collector.files:
            where = ", ".join(map(str, self._folders)) or "no folder: say which with --from"
            raise SourceError(f"{self.name}: no *.nt, *.ttl or *.jsonld in {where}")
        yield from collector.batches()
        self._left_out = dict(collector.left_out.most_common())

    def version(self) -> Mapping[str, Any]:
        """The files read, each with size and SHA-256, and what of them was left out."""
        return {**describe(self._files), "left_out": self._left_out}


def _collect(path: Path, vocabulary: Vocabulary, collector: Collector) -> Iterator[Refusal]:
    """Hand over the triples of one subject at a time."""
    collector.begin(path.name, vocabulary)
    group: list[Triple] = []
    for item in read_triples(path):
        if isinstance(item, Refusal):
            yield item
            continue
        if group and item.subject != group[0].subject:
            yield from collector.add(group)
            group = []
        group.append(item)
    if group:
        yield from collector.add(group)
