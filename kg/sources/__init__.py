"""Where the graph's facts come from: one adapter a file, found by name.

Each adapter is a class with the shape of :class:`kg.sources.base.Source`. To add one, write the
file and name it in ``_SOURCES``; ``tests/kg/test_sources.py`` runs the common contract on every
name here.
"""

from importlib import import_module
from pathlib import Path

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
    "StatementBatch",
    "Term",
    "TermBatch",
    "create_source",
    "source_names",
]

_SOURCES = {
    "hetionet": ("kg.sources.hetionet", "Hetionet"),
    "starter": ("kg.sources.starter", "Starter"),
}


def source_names() -> tuple[str, ...]:
    """The names that :func:`create_source` knows, sorted."""
    return tuple(sorted(_SOURCES))


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
