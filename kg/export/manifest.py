"""The manifest of an export: what was selected from which graph, and the hash of every file."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from kg.errors import FolderError
from kg.export.formats import FORMATS, Format
from kg.export.tables import Tables

KIND = "pharmakon-export"
VERSION = 2
NAME = "manifest.json"


def describe(tables: Tables, formats: Sequence[str], folder: Path) -> dict[str, Any]:
    """The manifest of the files in ``folder``."""
    subset = tables.subset
    try:
        program = version("pharmakon")
    except PackageNotFoundError:
        program = "not installed"
    kinds = {kind for name in formats for kind in FORMATS[name].texts}
    said = tables.provenances(sorted(kinds))
    return {
        "kind": KIND,
        "version": VERSION,
        "program": program,
        "graph": subset.graph.fingerprint,
        "formats": list(formats),
        "selection": {**asdict(subset.selection), "seeds": [seed.id for seed in subset.seeds]},
        "nodes": {node_type: len(rows) for node_type, rows in subset.nodes.items()},
        "edges": {str(edge_type): count for edge_type, count in tables.edge_counts.items()},
        "assertions": len(tables),
        "sources": sorted({p.primary_knowledge_source for p in said}),
        "licences": sorted({p.licence for p in said}),
        "built_from": {
            name: subset.graph.sources.get(name, {}) for name in sorted({p.source for p in said})
        },
        "files": {
            path.name: {"bytes": path.stat().st_size, "sha256": _sha256(path)}
            for path in sorted(folder.iterdir())
        },
    }


def is_ours(folder: Path) -> bool:
    """Whether ``folder`` is empty, or an export with no file of anyone else in it."""
    try:
        present = {path.name for path in folder.iterdir()}
        if not present:
            return True
        manifest = json.loads((folder / NAME).read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return (
        isinstance(manifest, dict)
        and manifest.get("kind") == KIND
        and isinstance(manifest.get("files"), dict)
        and present <= {NAME, *manifest["files"]}
    )


def check(folder: Path | str) -> dict[str, Any]:
    """Verify an export against its manifest, and return the manifest.

    Every file is there with its SHA-256 and no other file is; each format holds as many nodes and
    edges as the manifest says, no node twice, and no edge without both of its ends.

    Raises:
        FolderError: it is no export, of an unknown version, or not what its manifest says; the
            message lists up to five faults.
    """
    folder = Path(folder)
    manifest = _read(folder)
    faults = list(_file_faults(folder, manifest))
    if not faults:
        for name in manifest["formats"]:
            faults += [f"{name}: {fault}" for fault in _content_faults(folder, manifest, name)]
    if faults:
        more = f"; and {len(faults) - 5} more" if len(faults) > 5 else ""
        raise FolderError(f"{folder} is not what its manifest says: {'; '.join(faults[:5])}{more}")
    return manifest


def _read(folder: Path) -> dict[str, Any]:
    file = folder / NAME
    try:
        manifest = json.loads(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise FolderError(f"{folder} is not an export: it has no {NAME}") from None
    except OSError as error:
        raise FolderError(f"{file} cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise FolderError(f"{file} is not JSON") from None
    if not isinstance(manifest, dict) or manifest.get("kind") != KIND:
        found = manifest.get("kind") if isinstance(manifest, dict) else None
        raise FolderError(f"{folder} is not an export: its manifest says {found!r}, not {KIND!r}")
    if manifest.get("version") != VERSION:
        raise FolderError(
            f"{folder} is an export of format version {manifest.get('version')!r}; "
            f"this program checks version {VERSION}"
        )
    for key, is_good in _SHAPE.items():
        if not is_good(manifest.get(key)):
            raise FolderError(f"{file}: {key!r} is missing or malformed")
    return manifest


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _are_counts(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_count, value.values()))


def _are_formats(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(f, str) and f in FORMATS for f in value)


def _are_files(value: object) -> bool:
    return isinstance(value, dict) and all(
        re.fullmatch(r"\w[\w.-]*", name)  # never a path
        and isinstance(entry, dict)
        and _is_count(entry.get("bytes"))
        and isinstance(entry.get("sha256"), str)
        for name, entry in value.items()
    )


_SHAPE = {
    "formats": _are_formats,
    "nodes": _are_counts,
    "edges": _are_counts,
    "assertions": _is_count,
    "files": _are_files,
}


def _file_faults(folder: Path, manifest: Mapping[str, Any]) -> Iterator[str]:
    files: Mapping[str, Any] = manifest["files"]
    present = {path.name for path in folder.iterdir()} - {NAME}
    expected = {name for format_name in manifest["formats"] for name in FORMATS[format_name].files}
    for name in sorted(expected - set(files)):
        yield f"the manifest does not list {name}"
    for name in sorted(present - set(files)):
        yield f"{name} is foreign"
    for name, entry in files.items():
        path = folder / name
        if not path.is_file():
            yield f"{name} is missing"
        elif path.stat().st_size != entry["bytes"]:
            yield f"{name} is {path.stat().st_size} bytes long, not {entry['bytes']}"
        elif (digest := _sha256(path)) != entry["sha256"]:
            yield f"{name} has SHA-256 {digest}, not {entry['sha256']}"


def _content_faults(folder: Path, manifest: Mapping[str, Any], name: str) -> Iterator[str]:
    written: Format = FORMATS[name]
    try:
        found = written.read(folder)
    except FolderError as error:
        yield str(error)
        return
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError, OSError) as error:
        yield f"cannot be read: {type(error).__name__}: {error}"
        return
    n_nodes, n_edges = sum(manifest["nodes"].values()), sum(manifest["edges"].values())
    expected = manifest["assertions"] if written.holds == "assertions" else n_edges
    if written.holds == "some edges":
        if len(found.nodes) > n_nodes or len(found.edges) > expected:
            yield f"{len(found.nodes)} nodes, {len(found.edges)} edges: more than were selected"
    else:
        if len(found.nodes) != n_nodes:
            yield f"{len(found.nodes)} nodes, not {n_nodes}"
        if len(found.edges) != expected:
            yield f"{len(found.edges)} {written.holds}, not {expected}"
    for node in found.twice():
        yield f"node {node!r} stands twice"
    for node in found.dangling():
        yield f"an edge ends at {node!r}, which is no node"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
