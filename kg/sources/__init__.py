"""Where the graph's facts come from: one adapter a file, found by name.

Each adapter is a class with the shape of :class:`kg.sources.base.Source`. To add one, write the
file and name it in ``_SOURCES``; ``tests/kg/test_sources.py`` runs the common contract on every
name here.
"""

from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from kg.errors import SourceError
from kg.sources.base import (
    EdgeBatch,
    LabelBatch,
    LabelRow,
    NodeBatch,
    Refusal,
    Source,
    StatementBatch,
    Term,
    TermBatch,
)

__all__ = [
    "EdgeBatch",
    "LabelBatch",
    "LabelRow",
    "NodeBatch",
    "Refusal",
    "Source",
    "SourceInfo",
    "StatementBatch",
    "Term",
    "TermBatch",
    "create_source",
    "list_sources",
    "source_names",
]

_SOURCES = {
    "hetionet": ("kg.sources.hetionet", "Hetionet"),
    "indications": ("kg.sources.indications", "Indications"),
    "interactions": ("kg.sources.interactions", "Interactions"),
    "kgx": ("kg.sources.kgx", "Kgx"),
    "names": ("kg.sources.names", "Names"),
    "ontology": ("kg.sources.ontology", "Ontology"),
    "pharmacogenomics": ("kg.sources.pharmacogenomics", "Pharmacogenomics"),
    "primekg": ("kg.sources.primekg", "PrimeKG"),
    "rdf": ("kg.sources.rdf", "Rdf"),
    "side-effects": ("kg.sources.side_effects", "SideEffects"),
    "starter": ("kg.sources.starter", "Starter"),
    "table": ("kg.sources.table", "Table"),
}


def source_names() -> tuple[str, ...]:
    """The names that :func:`create_source` knows, sorted."""
    return tuple(sorted(_SOURCES))


class SourceInfo(NamedTuple):
    """What an adapter says of itself."""

    name: str
    brings: str
    licence: str
    describes: str


_BRINGS = ("nodes and edges", "names and hierarchy of nodes", "facts about nodes")  # by stage


def list_sources() -> tuple[SourceInfo, ...]:
    """Every adapter, those that bring nodes first, then by name."""
    adapters = [getattr(import_module(module), name) for module, name in _SOURCES.values()]
    adapters.sort(key=lambda adapter: (adapter.stage, adapter.name))
    return tuple(SourceInfo(a.name, _BRINGS[a.stage], a.licence, a.describes) for a in adapters)


def create_source(name: str, *folders: Path) -> Source:
    """The adapter called ``name``, reading from ``folders``.

    Raises:
        SourceError: no source has this name, or one of ``folders`` is not a folder.
    """
    if name not in _SOURCES:
        raise SourceError(f"no source is called {name!r}; choose from {', '.join(source_names())}")
    for folder in folders:
        if not folder.is_dir():
            raise SourceError(f"source {name!r}: {folder} is not a folder")
    module, attribute = _SOURCES[name]
    source: Source = getattr(import_module(module), attribute)(*folders)
    return source
