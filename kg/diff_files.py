"""A difference of two graphs as files: TSV for people and spreadsheets, and a manifest."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np

from kg.diff import Diff
from kg.errors import FolderError
from kg.graph import Graph, Rows
from kg.schema import EdgeType

KIND = "pharmakon-diff"
NAME = "manifest.json"
FILES = {
    "nodes.tsv": ("change", "type", "id", "before", "after"),
    "edges.tsv": ("change", "type", "subject", "object", "before", "after"),
    "statements.tsv": ("change", "kind", "before", "after"),
}


def write_diff(found: Diff, out: Path | str) -> dict[str, Any]:
    """Write ``found`` to the folder ``out`` and return its manifest.

    ``change`` is added, removed or changed. ``before`` and ``after`` hold JSON: of a node the name
    and, where it is changed, only the texts that differ; of an edge the list of what is said of it.
    The manifest has both fingerprints, the counts by type and the hash of every file.

    Args:
        found: what to write.
        out: a new or empty folder, or an earlier difference, which is replaced as a whole.

    Raises:
        FolderError: ``out`` holds something else.
    """
    out = Path(out).resolve()
    if not _is_ours(out):
        raise FolderError(f"{out} holds something else than a diff; choose another folder")
    out.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}.", suffix=".part"))
    try:
        rows = {"nodes.tsv": _nodes(found), "edges.tsv": _edges(found)}
        rows["statements.tsv"] = _statements(found)
        for name, columns in FILES.items():
            _write(part / name, columns, rows[name])
        manifest = _manifest(found, part)
        text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
        (part / NAME).write_text(text, encoding="utf-8")
        part.chmod(0o755)
        if out.exists():
            shutil.rmtree(out)
        part.rename(out)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return manifest


def _is_ours(out: Path) -> bool:
    """Whether ``out`` is not there, empty, or a difference with no file of anyone else in it."""
    if not out.exists():
        return True
    try:
        present = {path.name for path in out.iterdir()}
        manifest = json.loads((out / NAME).read_bytes()) if present else {"kind": KIND}
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(manifest, dict) and manifest.get("kind") == KIND and present <= {NAME, *FILES}


def _manifest(found: Diff, part: Path) -> dict[str, Any]:
    return {
        "kind": KIND,
        "version": 1,
        "old": {"graph": found.old.fingerprint, "sources": found.old.sources},
        "new": {"graph": found.new.fingerprint, "sources": found.new.sources},
        **found.counts,
        "files": {
            name: {
                "bytes": (part / name).stat().st_size,
                "sha256": hashlib.sha256((part / name).read_bytes()).hexdigest(),
            }
            for name in FILES
        },
    }


def _write(path: Path, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    # A cell is a word, an identifier or JSON: it holds no tab or line end, and begins with nothing
    # that a spreadsheet would run.
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("\t".join(columns) + "\n")
        file.writelines("\t".join(row) + "\n" for row in rows)


def _nodes(found: Diff) -> Iterator[tuple[str, ...]]:
    for node_type, change in found.nodes.items():
        for row in change.added.tolist():
            node = found.new.node(node_type, row)
            yield "added", node_type, node.id, "", _json({"name": node.name})
        for row in change.removed.tolist():
            node = found.old.node(node_type, row)
            yield "removed", node_type, node.id, _json({"name": node.name}), ""
        for before, after in change.changed.tolist():
            old, new = _texts(found.old, node_type, before), _texts(found.new, node_type, after)
            names = (found.old.node(node_type, before), found.new.node(node_type, after))
            yield (
                "changed", node_type, names[0].id,
                _json({"name": names[0].name, **_only(old, new)}),
                _json({"name": names[1].name, **_only(new, old)}),
            )  # fmt: skip


def _texts(graph: Graph, node_type: str, row: int) -> set[tuple[str, str]]:
    return {
        (f"{label.kind} {label.distance}" if label.distance else label.kind, label.text)
        for label in graph.labels_of(node_type, row)
    }


def _only(these: set[tuple[str, str]], those: set[tuple[str, str]]) -> dict[str, list[str]]:
    result: dict[str, list[str]] = {}
    for kind, text in sorted(these - those):
        if kind not in ("id", "name"):
            result.setdefault(kind, []).append(text)
    return result


def _edges(found: Diff) -> Iterator[tuple[str, ...]]:
    for edge_type, change in found.edges.items():
        name = str(edge_type)
        said = _said(found.new, edge_type, change.added)
        for ends, after in zip(_ends(found.new, edge_type, change.added), said, strict=True):
            yield "added", name, *ends, "", after
        said = _said(found.old, edge_type, change.removed)
        for ends, before in zip(_ends(found.old, edge_type, change.removed), said, strict=True):
            yield "removed", name, *ends, before, ""
        old, new = change.changed[:, 0], change.changed[:, 1]
        yield from (
            ("changed", name, *ends, before, after)
            for ends, before, after in zip(
                _ends(found.new, edge_type, new),
                _said(found.old, edge_type, old),
                _said(found.new, edge_type, new),
                strict=True,
            )
        )


def _ends(graph: Graph, edge_type: EdgeType, edges: Rows) -> Iterator[tuple[str, str]]:
    if not len(edges):
        return
    table = graph.edges(edge_type)
    heads = graph.ids[edge_type.head].take(table.head_of(edges)).to_pylist()
    tails = graph.ids[edge_type.tail].take(table.tail[edges]).to_pylist()
    yield from zip(heads, tails, strict=True)


def _said(graph: Graph, edge_type: EdgeType, edges: Rows) -> Iterator[str]:
    """JSON of all assertions of each edge: who says it, and its details."""
    if not len(edges):
        return
    table = graph.assertion_tables[edge_type]
    known: dict[tuple[int, int], str] = {}

    def one(provenance: int, details: int) -> str:
        if (provenance, details) not in known:
            said = dict(zip(_WHO, astuple(graph.provenances[provenance]), strict=True))
            if details >= 0:
                said["details"] = json.loads(graph.details[details].as_py())
            known[provenance, details] = _json(said)
        return known[provenance, details]

    if table.uniform >= 0:
        yield from (f"[{one(table.uniform, -1)}]" for _ in range(len(edges)))
        return
    starts = np.searchsorted(table.edge, edges).tolist()
    ends = np.searchsorted(table.edge, edges, side="right").tolist()
    provenances, details = table.provenance.tolist(), table.details.tolist()
    for start, end in zip(starts, ends, strict=True):
        pairs = zip(provenances[start:end], details[start:end], strict=True)
        yield f"[{', '.join(one(*pair) for pair in pairs)}]"


_WHO = ("source", "primary_knowledge_source", "licence", "knowledge_level", "agent_type")


def _statements(found: Diff) -> Iterator[tuple[str, ...]]:
    for kind, rows in found.added_statements.items():
        yield from (("added", kind, "", _json(row)) for row in rows)
    for kind, rows in found.removed_statements.items():
        yield from (("removed", kind, _json(row), "") for row in rows)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
