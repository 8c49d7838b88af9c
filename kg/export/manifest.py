"""The manifest of an export: what was selected from which graph, and the hash of every file.

It carries a checksum of its own contents too. Together they show damage, slips and hurried edits;
whoever means to deceive computes all of them anew, and no checksum that lies beside the files can
show that. To know who made an export, compare ``manifest_sha256`` with one from elsewhere.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from kg.errors import FolderError
from kg.export.ends import Ends
from kg.export.formats import FORMATS, Format
from kg.export.tables import Tables

KIND = "pharmakon-export"
VERSION = 3
NAME = "manifest.json"
SEAL = "manifest_sha256"


def describe(tables: Tables, formats: Sequence[str], folder: Path) -> dict[str, Any]:
    """The manifest of the files in ``folder``."""
    subset = tables.subset
    try:
        program = version("pharmakon")
    except PackageNotFoundError:
        program = "not installed"
    kinds = {kind for name in formats for kind in FORMATS[name].texts}
    said = tables.provenances(sorted(kinds))
    manifest: dict[str, Any] = {
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
    return manifest | {SEAL: _digest(manifest)}


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

    The manifest has its own SHA-256; every file is there with its own, none is a link, and no other
    file is; each format holds as many nodes and edges as the manifest says, type by type where it
    names types, no node twice, and no edge without both of its ends. That finds damage and slips,
    not somebody who changes files and computes every checksum anew.

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
    if file.is_symlink():
        raise FolderError(f"{file} is a link; an export holds its files itself")
    try:
        manifest = json.loads(file.read_bytes())
        digest = _digest(manifest)
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
    if digest != manifest[SEAL]:
        raise FolderError(
            f"{file} was changed: its contents have SHA-256 {digest}, not {manifest[SEAL]}"
        )
    return manifest


def _digest(manifest: Any) -> str:
    """SHA-256 of a manifest as canonical JSON: sorted keys, no spaces, ASCII; its own left out."""
    if isinstance(manifest, dict):
        manifest = {key: value for key, value in manifest.items() if key != SEAL}
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _is_text(value: object) -> bool:
    return isinstance(value, str)


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
    SEAL: _is_text,
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
        if path.is_symlink():
            yield f"{name} is a link"
        elif not path.is_file():
            yield f"{name} is missing"
        elif path.stat().st_size != entry["bytes"]:
            yield f"{name} is {path.stat().st_size} bytes long, not {entry['bytes']}"
        elif (digest := _sha256(path)) != entry["sha256"]:
            yield f"{name} has SHA-256 {digest}, not {entry['sha256']}"


def _content_faults(folder: Path, manifest: Mapping[str, Any], name: str) -> Iterator[str]:
    written: Format = FORMATS[name]
    try:
        yield from list(_faults(written.read(folder), manifest, written))
    except FolderError as error:
        yield str(error)
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError, OSError) as error:
        yield f"cannot be read: {type(error).__name__}: {error}"


def _faults(found: Ends, manifest: Mapping[str, Any], written: Format) -> Iterator[str]:
    faults = list(_count_faults(found, manifest, written))
    faults += [f"node {node!r} stands twice" for node in found.twice()]
    faults += [f"an edge ends at {node!r}, which is no node" for node in found.dangling()]
    yield from faults
    if not faults:  # else types say the same once more
        nodes, edges = manifest["nodes"], manifest["edges"]
        drawn = len(found.nodes) + len(found.edges)
        whole = written.holds != "some edges" or drawn == sum([*nodes.values(), *edges.values()])
        yield from found.mistyped(nodes, edges, whole=whole)


def _count_faults(found: Ends, manifest: Mapping[str, Any], written: Format) -> Iterator[str]:
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


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
