"""Ontologies: names, exact synonyms, cross-references and is-a, from OBO and OWL files.

Reads every ``*.obo`` and ``*.owl`` and the Disease Ontology's report tables (``do_reports``), plain
or gzip; without a folder it downloads the Disease Ontology of Hetionet's time and the Symptom
Ontology, pinned by SHA-256. Of several files of one ontology one is read (the whole before a
subset, the newest before older ones, OBO before OWL); :meth:`Ontology.version` names the others.
The reports are an ontology of their own: they bring the codes of ten further years.

Left out: RELATED, NARROW and BROAD synonyms, which mean something else; relationships and logical
definitions; obsolete terms, but the id of a replaced one becomes a code of what replaces it.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, NamedTuple

from kg.errors import SourceError
from kg.graph import Provenance
from kg.identifiers import is_curie
from kg.sources.base import Batch, Refusal, Term, TermBatch
from kg.sources.files import Download, describe, locate
from kg.sources.formats import do_reports, obo, owl
from kg.sources.formats.obo import Entry, Header
from kg.sources.vocabularies.provenance import UNSTATED, licence_of
from kg.sources.vocabularies.xrefs import to_code

_GITHUB = "https://github.com"
_PINNED = {
    "HumanDO.obo": Download(
        f"{_GITHUB}/dhimmel/disease-ontology/raw/052ffcc960f5897a0575f5feff904ca84b7d2c1d/"
        "download/HumanDO.obo",
        "220921d830b1b8c71054e5e3fc73f0774ce35e2406f4e33eda18021a50535364",
    ),
    "symp.obo": Download(
        f"{_GITHUB}/DiseaseOntology/SymptomOntology/raw/7a295d98/src/ontology/symp.obo",
        "09ac08ff1595e671826c6a4b8a5141f4609bea7f71e8393a1fea997bceabcc2b",
    ),
}

# The node type of a term, by the prefix of its id.
_TYPES = {
    "CHEBI": "Drug",
    "DOID": "Disease",
    "HP": "Phenotype",
    "MONDO": "Disease",
    "SYMP": "Symptom",
    "UBERON": "Anatomy",
}
# The Gene Ontology is three in one, told apart by namespace.
_GO = {
    "biological_process": "BiologicalProcess",
    "cellular_component": "CellularComponent",
    "molecular_function": "MolecularFunction",
}

_INFORES = {
    "chebi": "infores:chebi",
    "doid": "infores:disease-ontology",
    "doid-reports": "infores:disease-ontology",
    "go": "infores:go",
    "hp": "infores:hpo",
    "mondo": "infores:mondo",
    "uberon": "infores:uberon",
}


class _Document(NamedTuple):
    path: Path
    reader: ModuleType  # one of kg.sources.formats.obo, owl and do_reports
    header: Header

    @property
    def ontology(self) -> str:
        return self.header.id.partition("/")[0].casefold() or self.path.name.partition(".")[0]

    @property
    def files(self) -> tuple[Path, ...]:
        """All that is read for it."""
        return do_reports.files(self.path) if self.reader is do_reports else (self.path,)

    @property
    def rank(self) -> tuple[bool, str, bool, str]:
        """The greatest of an ontology's documents is the one to read."""
        is_whole = "/" not in self.header.id
        return is_whole, _date(self.header.version), self.reader is obo, self.path.name


class Ontology:
    """The terms of any number of ontologies, as :class:`kg.sources.base.TermBatch`."""

    name: ClassVar[str] = "ontology"
    licence: ClassVar[str] = "LicenseRef-per-ontology"
    describes: ClassVar[str] = (
        "OBO and OWL ontologies: names, exact synonyms, cross-references, hierarchy"
    )
    stage: ClassVar[int] = 1

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._read: list[_Document] = []
        self._left_out: dict[str, str] = {}

    def read(self) -> Iterator[Batch]:
        """Yield the refusals and terms of one ontology after the other; see ``base``."""
        self._choose()
        for document in self._read:
            yield from _batches(document)

    def version(self) -> Mapping[str, Any]:
        """Release of each ontology, files read with size and SHA-256, files left out and why."""
        releases = {d.ontology: d.header.version for d in self._read}
        files = describe(path for document in self._read for path in document.files)
        return {"releases": releases, "left_out": dict(self._left_out), **files}

    def _choose(self) -> None:
        best: dict[str, _Document] = {}
        documents = [_open(path) for path in self._paths()]
        for document in documents:
            rival = best.setdefault(document.ontology, document)
            if document.rank > rival.rank:
                best[document.ontology] = document
        self._read = [best[ontology] for ontology in sorted(best)]
        self._left_out = {
            d.path.name: f"{best[d.ontology].path.name} is read for {d.ontology}"
            for d in documents
            if d is not best[d.ontology]
        }

    def _paths(self) -> list[Path]:
        if not self._folders:
            return [locate(self.name, (), name, pinned) for name, pinned in _PINNED.items()]
        paths = [
            path
            for folder in self._folders
            for path in sorted(folder.iterdir())
            if _reader(path) and path.is_file()
        ]
        if not paths:
            names = ", ".join(map(str, self._folders))
            raise SourceError(f"{self.name}: no *.obo or *.owl, plain or gzip, in {names}")
        return paths


def _open(path: Path) -> _Document:
    reader = _reader(path) or obo
    return _Document(path, reader, reader.read_header(path))


def _reader(path: Path) -> ModuleType | None:
    name = path.name.removesuffix(".gz")
    if name == do_reports.TERMS:
        return do_reports
    return {".obo": obo, ".owl": owl}.get(name[-4:])


def _batches(document: _Document) -> Iterator[Batch]:
    file = document.path.name
    entries: dict[str, Entry] = {}
    refused: list[Refusal] = []
    for item in document.reader.read_terms(document.path):
        if isinstance(item, Refusal):
            refused.append(item)
        elif not is_curie(item.id):
            refused.append(Refusal(file, item.line, f"term id {item.id!r} is not a CURIE"))
        elif item.id in entries:
            reason = f"a second term {item.id}; the first is on line {entries[item.id].line}"
            refused.append(Refusal(file, item.line, reason))
        elif not item.name and not item.is_obsolete:
            refused.append(Refusal(file, item.line, f"term {item.id} has no name"))
        else:
            entries[item.id] = item
    live = {key: entry for key, entry in entries.items() if not entry.is_obsolete}
    if not live and refused:
        raise SourceError(
            f"{file} holds no term that can be used; refused: {len(refused):,}, the first on line "
            f"{refused[0].line}: {refused[0].reason}"
        )
    if not live:
        raise SourceError(f"{file} holds no term that is in use; is it an ontology?")
    yield from refused
    former = _replaced(entries)
    types = {key: _type(entry, document.header) for key, entry in live.items()}
    provenance = _provenance(document)
    for node_type in sorted(set(types.values())):
        terms = [
            _term(entry, former.get(key, ()), types, node_type)
            for key, entry in live.items()
            if types[key] == node_type
        ]
        yield TermBatch(node_type, file, terms, provenance)


def _term(
    entry: Entry, former: tuple[str, ...] | list[str], types: Mapping[str, str], node_type: str
) -> Term:
    other = [code for code in (*entry.alt_ids, *former) if is_curie(code)]
    found = [code for code in map(to_code, entry.xrefs) if code]
    return Term(
        line=entry.line,
        id=entry.id,
        name=entry.name,
        synonyms=_unique(text for text in entry.synonyms if text and text != entry.name),
        # The id of a term that is in use is never a code of another one.
        codes=_unique(code for code in (*other, *found) if code not in types),
        parents=_unique(
            parent
            for parent in entry.parents
            if parent != entry.id and types.get(parent) == node_type
        ),
    )


def _unique(texts: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _replaced(entries: Mapping[str, Entry]) -> dict[str, list[str]]:
    """Term in use -> ids of the obsolete terms that it replaces, through any number of steps."""
    former: dict[str, list[str]] = {}
    for key, entry in entries.items():
        seen = {key}
        now = entry
        while now.is_obsolete and len(set(now.replacements)) == 1:
            following = now.replacements[0]
            if following in seen or following not in entries:
                break
            seen.add(following)
            now = entries[following]
        if entry.is_obsolete and not now.is_obsolete:
            former.setdefault(now.id, []).append(key)
            former[now.id] += entry.alt_ids
    return former


def _type(entry: Entry, header: Header) -> str:
    prefix = entry.id.partition(":")[0]
    if prefix == "GO":
        return _GO.get(entry.namespace or header.namespace, "Entity")
    return _TYPES.get(prefix, "Entity")


def _provenance(document: _Document) -> Provenance:
    ontology = document.ontology
    return Provenance(
        source=Ontology.name,
        primary_knowledge_source=_INFORES.get(ontology, f"infores:{ontology}"),
        licence=next(filter(None, map(licence_of, document.header.texts)), UNSTATED),
        knowledge_level="knowledge_assertion",
        agent_type="manual_agent",
    )


def _date(version: str) -> str:
    """The date in a version, such as releases/2026-07-30 or 14:05:2015 16:40, year first; or ""."""
    found = re.search(r"(\d{4})-(\d\d)-(\d\d)", version)
    if found:
        return found[0]
    found = re.search(r"(\d\d):(\d\d):(\d{4})", version)
    return f"{found[3]}-{found[2]}-{found[1]}" if found else ""
