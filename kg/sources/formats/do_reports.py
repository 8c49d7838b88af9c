"""The Disease Ontology's report tables, published between its releases: names, is-a and codes.

``HumanDO.tsv`` has a row for each term and parent, the parent by its name; ``allXREFinDO.tsv``, if
it lies beside, a row for each cross-reference. Neither has synonyms or obsolete terms.
"""

from collections.abc import Iterator
from pathlib import Path

from kg.sources.base import Refusal
from kg.sources.files import find
from kg.sources.formats.delimited import read_rows
from kg.sources.formats.obo import Entry, Header

TERMS = "HumanDO.tsv"
_XREFS = "allXREFinDO.tsv"


def read_header(_: Path) -> Header:
    """What the ontology says of itself elsewhere; the tables say nothing."""
    return Header(id="doid-reports", texts=["https://creativecommons.org/publicdomain/zero/1.0/"])


def files(path: Path) -> tuple[Path, ...]:
    """The tables that are read for ``path``: itself and, if there is one, that of codes."""
    xrefs = find([path.parent], _XREFS)
    return (path, xrefs) if xrefs else (path,)


def read_terms(path: Path) -> Iterator[Entry | Refusal]:
    """One entry a term, with the line of its first row; rows that cannot be used are refusals.

    Raises:
        SourceError: a file cannot be read, is not UTF-8, or lacks a column.
    """
    entries: dict[str, Entry] = {}
    above: list[tuple[Entry, str]] = []
    for item in read_rows(path, ("id", "label", "subClassOf")):
        if isinstance(item, Refusal):
            yield item
            continue
        term, name, parent = item.cells
        entry = entries.setdefault(term, Entry(item.line, term, name))
        if entry.name != name:
            yield Refusal(path.name, item.line, f"{term} has two names: {entry.name!r}, {name!r}")
        elif parent:
            above.append((entry, parent))
    ids = {entry.name: entry.id for entry in entries.values()}
    for entry, parent in above:
        if parent in ids:
            entry.parents.append(ids[parent])
    for xrefs in files(path)[1:]:
        for item in read_rows(xrefs, ("id", "xref")):
            if isinstance(item, Refusal):
                yield item
            elif item.cells[0] in entries:
                entries[item.cells[0]].xrefs.append(item.cells[1])
    yield from entries.values()
