"""A closed subset of the graph as files, in any set of formats, with one manifest.

A tour. :mod:`kg.selection` finds the subset; closed means that both ends of every exported edge are
exported: nothing dangles. ``tables`` turns it into columns once; each format reads those:

- ``kgx``: KGX TSV, KGX JSON Lines, Parquet;
- ``rdf``: N-Triples and Turtle with the IRIs of :mod:`kg.sparql`;
- ``graphs``: GraphML, Cytoscape JSON, SIF;
- ``neo4j``: CSV for neo4j-admin;
- ``pyg``: safetensors for PyTorch Geometric, and their reader;
- ``picture``: one HTML file that draws the subset without network.

:data:`FORMATS` names them. Direction is kept, a symmetric edge stands once, and every assertion
carries who says it. Texts of nodes follow the filters of sources, licences and evidence too: a
name, synonym or code that only others give is left out; the identifier stands for such a name.

:func:`export` writes all files beside the target and renames them into place; :func:`check`
compares an export with its manifest.

>>> export(select(graph, Selection(("metformin",))), ["kgx", "html"], Path("metformin"))
"""

import json
import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kg.errors import FolderError, SchemaError
from kg.export.formats import FORMATS, Format
from kg.export.manifest import NAME, check, describe, is_ours
from kg.export.pyg import read_pyg
from kg.export.tables import Statement, Tables, tables
from kg.folder import only_writer
from kg.selection import Selection, Subset, select

__all__ = [
    "FORMATS",
    "Format",
    "Selection",
    "Statement",
    "Subset",
    "Tables",
    "check",
    "edge_rows",
    "export",
    "node_rows",
    "read_pyg",
    "select",
    "tables",
]


def export(subset: Subset, formats: str | Iterable[str], out: Path | str) -> dict[str, Any]:
    """Write ``subset`` to the folder ``out`` and return its manifest.

    What an export to the same place left behind when it was killed is removed.

    Args:
        subset: what to write.
        formats: names of :data:`FORMATS`; all are written in one pass.
        out: a folder: new, empty, or an earlier export, which is replaced as a whole.

    Raises:
        SchemaError: no such format.
        FolderError: ``out`` holds something else than an earlier export.
        InvalidGraphError: the subset is not closed.
    """
    names = list(dict.fromkeys([formats] if isinstance(formats, str) else formats))
    for name in names:
        if name not in FORMATS:
            raise SchemaError(f"no format {name!r}; choose from {', '.join(FORMATS)}")
    if not names:
        raise SchemaError(f"an export needs a format; choose from {', '.join(FORMATS)}")
    out = Path(out).resolve()  # a link keeps pointing where it did
    out.parent.mkdir(parents=True, exist_ok=True)
    with only_writer(out.parent):
        _tidy(out)
        if out.exists() and not is_ours(out):
            raise FolderError(f"{out} holds something else than an export; choose another folder")
        part = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}.", suffix=".part"))
        lock = only_writer(part, wait=False)
        lock.__enter__()
    try:
        content = tables(subset)
        for name in names:
            FORMATS[name].write(content, part)
        manifest = describe(content, names, part)
        text = json.dumps(manifest, indent=1, ensure_ascii=False)
        (part / NAME).write_text(text + "\n", encoding="utf-8")
        for path in part.iterdir():
            path.chmod(0o644)
        part.chmod(0o755)
        with only_writer(out.parent):
            _swap(part, out)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    finally:
        lock.__exit__(None, None, None)
    return manifest


def node_rows(subset: Subset) -> list[dict[str, Any]]:
    """The nodes as KGX knows them, lists as lists."""
    rows: list[dict[str, Any]] = tables(subset).nodes.to_pylist()
    return rows


def edge_rows(subset: Subset) -> list[dict[str, Any]]:
    """The edges as KGX knows them: one row an assertion, lists as lists."""
    rows: list[dict[str, Any]] = tables(subset).edges.to_pylist()
    return rows


def _tidy(out: Path) -> None:
    """Undo what killed exports to ``out`` left: unfinished folders, and a swap half done."""
    pattern = re.compile(rf"\.{re.escape(out.name)}\.\w{{8}}\.(part|old)")
    for path in sorted(out.parent.iterdir()):
        match = pattern.fullmatch(path.name)
        if match is None or not path.is_dir() or path.is_symlink():
            continue
        if match[1] == "old" and not out.exists():
            path.rename(out)  # killed between the two renames
            continue
        try:
            with only_writer(path, wait=False):
                shutil.rmtree(path)
        except FolderError:  # another process is writing it now
            continue


def _swap(part: Path, out: Path) -> None:
    """Put ``part`` in the place of ``out``; if that fails, ``out`` is what it was."""
    if not out.exists():
        part.rename(out)
        return
    old = part.with_suffix(".old")
    out.rename(old)
    try:
        part.rename(out)
    except BaseException:
        old.rename(out)
        raise
    shutil.rmtree(old)
