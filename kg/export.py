"""A closed subset of the graph as files: KGX TSV, GraphML or Parquet, with a manifest.

Closed means that both ends of every exported edge are exported: nothing dangles. Files are written
to a folder beside the target and renamed into place.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from kg.errors import FolderError, SchemaError
from kg.schema import EDGES, NODES
from kg.selection import Subset

Row = dict[str, Any]

_NODE_COLUMNS = ("id", "category", "name", "synonym", "xref", "node_type")
_EDGE_COLUMNS = (
    "id",
    "subject",
    "predicate",
    "object",
    "relation_name",
    "knowledge_level",
    "agent_type",
    "primary_knowledge_source",
    "aggregator_knowledge_source",
    "license",
    "publications",
    "qualifiers",
)
_LISTS = {"synonym", "xref", "publications"}


def export(subset: Subset, format_name: str, out: Path) -> dict[str, Any]:
    """Write ``subset`` to the folder ``out`` and return its manifest.

    Raises:
        SchemaError: no such format.
        FolderError: ``out`` holds something else than an earlier export.
    """
    if format_name not in FORMATS:
        raise SchemaError(f"no format {format_name!r}; choose from {', '.join(FORMATS)}")
    out = out.resolve()  # a link keeps pointing where it did
    if out.exists() and not _is_replaceable(out):
        raise FolderError(f"{out} holds something else than an export; choose another folder")
    out.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}.", suffix=".part"))
    try:
        FORMATS[format_name](subset, part)
        manifest = _manifest(subset, format_name, part)
        text = json.dumps(manifest, indent=1, ensure_ascii=False)
        (part / "manifest.json").write_text(text + "\n", encoding="utf-8")
        part.chmod(0o755)
        _swap(part, out)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return manifest


def node_rows(subset: Subset) -> list[Row]:
    """The nodes as KGX knows them, lists as lists."""
    graph = subset.graph
    result = []
    for node_type, rows in subset.nodes.items():
        for row in rows.tolist():
            node = graph.node(node_type, row)
            labels = graph.labels_of(node_type, row)
            result.append(
                {
                    "id": node.id,
                    "category": NODES[node_type].category,
                    "name": node.name,
                    "synonym": [label.text for label in labels if label.kind == "synonym"],
                    "xref": [label.text for label in labels if label.kind == "code"],
                    "node_type": node_type,
                }
            )
    return result


def edge_rows(subset: Subset) -> list[Row]:
    """The edges as KGX knows them: one row an assertion, lists as lists."""
    graph, selection = subset.graph, subset.selection
    result = []
    for edge_type, edges in subset.edges.items():
        table = graph.edges(edge_type)
        for edge, head in zip(edges.tolist(), table.head_of(edges).tolist(), strict=True):
            subject = graph.ids[edge_type.head][head].as_py()
            target = graph.ids[edge_type.tail][int(table.tail[edge])].as_py()
            for number, assertion in enumerate(graph.assertions(edge_type, edge)):
                provenance = assertion.provenance
                if selection.licences and provenance.licence not in selection.licences:
                    continue
                details = dict(assertion.details)
                references = details.pop("reference", [])
                result.append(
                    {
                        "id": f"{subject}|{edge_type.relation}|{target}|{number}",
                        "subject": subject,
                        "predicate": EDGES[edge_type].predicate,
                        "object": target,
                        "relation_name": edge_type.relation,
                        "knowledge_level": provenance.knowledge_level,
                        "agent_type": provenance.agent_type,
                        "primary_knowledge_source": provenance.primary_knowledge_source,
                        "aggregator_knowledge_source": f"infores:{provenance.source}",
                        "license": provenance.licence,
                        "publications": references,
                        "qualifiers": json.dumps(details, ensure_ascii=False) if details else "",
                    }
                )
    return result


def _manifest(subset: Subset, format_name: str, part: Path) -> dict[str, Any]:
    graph, selection = subset.graph, subset.selection
    rows = edge_rows(subset)
    try:
        program = version("pharmakon")
    except PackageNotFoundError:
        program = "not installed"
    return {
        "kind": "pharmakon-export",
        "version": 1,
        "program": program,
        "graph": graph.fingerprint,
        "format": format_name,
        "selection": {**selection.__dict__, "seeds": [seed.id for seed in subset.seeds]},
        "nodes": {t: len(rows) for t, rows in subset.nodes.items()},
        "edges": {str(e): len(edges) for e, edges in subset.edges.items()},
        "assertions": len(rows),
        "sources": sorted({row["primary_knowledge_source"] for row in rows}),
        "licences": sorted({row["license"] for row in rows}),
        "files": {
            path.name: {
                "bytes": path.stat().st_size,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            }
            for path in sorted(part.iterdir())
        },
    }


def _is_replaceable(out: Path) -> bool:
    """Whether ``out`` is an empty folder, or an export with no file of anyone else in it."""
    try:
        present = {path.name for path in out.iterdir()}
        if not present:
            return True
        manifest = json.loads((out / "manifest.json").read_bytes())
    except (OSError, ValueError):
        return False
    return (
        isinstance(manifest, dict)
        and manifest.get("kind") == "pharmakon-export"
        and isinstance(manifest.get("files"), dict)
        and present <= {"manifest.json", *manifest["files"]}
    )


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


def _tables(subset: Subset) -> Iterator[tuple[str, tuple[str, ...], list[Row]]]:
    yield "nodes", _NODE_COLUMNS, node_rows(subset)
    yield "edges", _EDGE_COLUMNS, edge_rows(subset)


def _write_kgx(subset: Subset, folder: Path) -> None:
    for name, columns, rows in _tables(subset):
        lines = ["\t".join(columns)]  # KGX is read without quoting; no cell holds a tab or line end
        lines += ["\t".join(str(_joined(row)[column]) for column in columns) for row in rows]
        (folder / f"{name}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")


def _write_parquet(subset: Subset, folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    for name, columns, rows in _tables(subset):
        types = ((c, pa.list_(pa.string()) if c in _LISTS else pa.string()) for c in columns)
        table = pa.Table.from_pylist(rows, schema=pa.schema(list(types)))
        pq.write_table(table, folder / f"{name}.parquet")


def _write_graphml(subset: Subset, folder: Path) -> None:
    import networkx as nx

    result: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    for row in node_rows(subset):
        result.add_node(row.pop("id"), **_joined(row))
    for row in edge_rows(subset):
        edge_id = row.pop("id")
        result.add_edge(row.pop("subject"), row.pop("object"), key=edge_id, **_joined(row))
    nx.write_graphml(result, folder / "graph.graphml")


def _joined(row: Row) -> Row:
    return {key: "|".join(v) if isinstance(v, list) else v for key, v in row.items()}


FORMATS: dict[str, Callable[[Subset, Path], None]] = {
    "graphml": _write_graphml,
    "kgx": _write_kgx,
    "parquet": _write_parquet,
}
