"""A picture in one HTML file: no server, no network, every assertion a click away.

The file holds a vendored cytoscape.js, our script and the data as JSON. Its content security policy
names the hashes of the two scripts and forbids everything else, the network above all. Data is
escaped so that no text in it can end its element, and the script writes texts only as text.

A picture of thousands of nodes shows nothing. Above :data:`MOST_NODES` the nodes nearest to the
seeds stay, of those equally near the ones with most edges; the page says what was left out.
"""

import base64
import hashlib
import html
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from kg.errors import FolderError
from kg.export.ends import Ends
from kg.export.layout import layout
from kg.export.tables import Tables
from kg.graph import Rows
from kg.paths.degrees import node_degrees
from kg.schema import edge_spec

MOST_NODES = 800
MOST_EDGES = 4000
_LABELLED = 24  # nodes whose labels show from afar

# On white and on near black, in the order of the schema's types.
_COLOURS = {
    "Anatomy": ("#8c6d31", "#d7b56d"),
    "BiologicalProcess": ("#3d8b37", "#8fd18a"),
    "CellularComponent": ("#0f8a7e", "#66cfc4"),
    "Disease": ("#c62828", "#ff8a80"),
    "Drug": ("#1565c0", "#82b1ff"),
    "DrugClass": ("#5e35b1", "#b39ddb"),
    "Entity": ("#6b7280", "#b6bdc9"),
    "Exposure": ("#827717", "#d4cf6a"),
    "Gene": ("#ef6c00", "#ffb74d"),
    "MolecularFunction": ("#00838f", "#6fd3de"),
    "Pathway": ("#ad1457", "#f48fb1"),
    "Phenotype": ("#7b1fa2", "#d59be6"),
    "SideEffect": ("#a1662f", "#dfab7b"),
    "Symptom": ("#558b2f", "#b5d98a"),
}
_ELSE = ("#6b7280", "#b6bdc9")


def write(tables: Tables, folder: Path) -> None:
    """``graph.html``."""
    page = files("kg.export").joinpath("page")
    library = files("kg.export").joinpath("vendor", "cytoscape.min.js").read_text(encoding="utf-8")
    script = page.joinpath("page.js").read_text(encoding="utf-8")
    nodes, edges = _shown(tables)
    parts = {
        "policy": _policy(library, script),
        "title": html.escape(_title(tables)),
        "counts": html.escape(_counts(tables)),
        "cut": html.escape(_cut(tables, nodes, edges)),
        "style": page.joinpath("page.css").read_text(encoding="utf-8"),
        "data": inert(_data(tables, nodes, edges)),
        "library": library,
        "script": script,
    }
    text = page.joinpath("page.html").read_text(encoding="utf-8")
    text = re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], text)
    (folder / "graph.html").write_text(text, encoding="utf-8", newline="\n")


def read(folder: Path) -> Ends:
    """The nodes and edges that the page draws."""
    text = (folder / "graph.html").read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    if found is None:
        raise FolderError("graph.html holds no data")
    data = json.loads(found[1])
    ids = [node["id"] for node in data["nodes"]]
    return Ends(
        ids,
        [(ids[edge["subject"]], ids[edge["object"]]) for edge in data["edges"]],
        [node["type"] for node in data["nodes"]],
        [edge["type"] for edge in data["edges"]],
    )


def inert(value: object) -> str:
    """JSON that may stand within an HTML script element: no ``<``, ``>`` or ``&``."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return re.sub(r"[<>&\u2028\u2029]", lambda match: f"\\u{ord(match[0]):04x}", text)


def _shown(tables: Tables) -> tuple[Rows, Rows]:
    """Rows of the nodes that are drawn, the middle first, and of the first assertions of edges."""
    n_nodes = tables.nodes.num_rows
    distances = [tables.subset.distance[t] for t in tables.subset.nodes]
    distance = np.concatenate(distances) if distances else np.empty(0, np.int8)
    first = np.flatnonzero(tables.is_first).astype(np.int32)
    subject, target = tables.subject[first], tables.object[first]
    degree = np.bincount(subject, minlength=n_nodes) + np.bincount(target, minlength=n_nodes)
    nodes = np.lexsort((-degree, distance))[:MOST_NODES].astype(np.int32)
    rank = np.full(n_nodes, n_nodes, np.int64)
    rank[nodes] = np.arange(len(nodes))
    farther = np.maximum(rank[subject], rank[target])
    order = np.lexsort((np.minimum(rank[subject], rank[target]), farther))
    order = order[: int((farther < n_nodes).sum())]
    # Every node's edge to the nearest other comes before any second edge, so all hang together.
    which = np.arange(len(order)) - np.searchsorted(farther[order], farther[order])
    return nodes, first[order[np.argsort(which, kind="stable")]][:MOST_EDGES]


def _data(tables: Tables, nodes: Rows, edges: Rows) -> dict[str, Any]:
    place = np.full(tables.nodes.num_rows, -1, np.int32)
    place[nodes] = np.arange(len(nodes), dtype=np.int32)
    ends = np.stack([place[tables.subject[edges]], place[tables.object[edges]]], 1)
    degree = np.bincount(ends.ravel(), minlength=len(nodes))
    sizes = np.clip(16 + 5 * np.sqrt(degree), 18, 64)
    rows = tables.nodes.take(nodes).to_pylist()
    letters = np.array([min(len(row["name"]), 30) for row in rows], float)
    boxes = np.stack([np.maximum(sizes + 14, letters * 7.2), sizes + 28], 1)
    seeds = {seed.id for seed in tables.subset.seeds}
    meant = np.array([row["id"] in seeds for row in rows], bool)
    known = np.lexsort((-degree, ~meant))[:_LABELLED]
    # Letters that can be read when everything is in view.
    big = max(15.0, float(np.sqrt(1.6 * boxes.prod(1).sum())) / 62)
    high = big * np.where(meant[known], 1.3, 1)  # a seed's letters are bold and larger
    boxes[known] = np.stack([letters[known] * high * 0.6, sizes[known] + high * 1.4], 1)
    n_selected, n_known = _degrees(tables, nodes)
    places = layout(len(rows), ends, boxes.astype(np.float32), known.tolist())
    from_afar = set(known.tolist())
    counts: dict[str, int] = {}
    for i, (row, (x, y)) in enumerate(zip(rows, places.tolist(), strict=True)):
        row.update(type=row.pop("node_type"), x=round(x, 1), y=round(y, 1))
        row.update(size=round(float(sizes[i]), 1), seed=row["id"] in seeds, known=i in from_afar)
        row.update(n_selected=n_selected[i], n_known=n_known[i])
        counts[row["type"]] = counts.get(row["type"], 0) + 1
    drawn, used = _edges(tables, ends.tolist(), edges)
    return {
        "nodes": rows,
        "edges": drawn,
        "statements": [tables.statement_columns[i] for i in used],
        "types": [
            {"name": name, "count": count, "colours": _COLOURS.get(name, _ELSE)}
            for name, count in sorted(counts.items())
        ],
        "big": round(big, 1),
    }


def _degrees(tables: Tables, nodes: Rows) -> tuple[list[int], list[int]]:
    """How many edges each of ``nodes`` has in the selection and in the graph; a loop is one."""
    graph, size = tables.subset.graph, tables.nodes.num_rows
    subject, target = tables.subject[tables.is_first], tables.object[tables.is_first]
    selected = np.bincount(subject, minlength=size)
    selected += np.bincount(target[target != subject], minlength=size)
    known = np.zeros(size, np.int64)
    start = 0
    for node_type, rows in tables.subset.nodes.items():
        drawn = nodes[(nodes >= start) & (nodes < start + len(rows))]
        of_type = rows[drawn - start]
        known[drawn] = node_degrees(graph, node_type, of_type)
        for step in graph.steps(node_type):
            one_way = step.forward and not edge_spec(step.edge_type).symmetric
            if one_way and step.source == step.target:  # its loops were met at both ends
                known[drawn] -= np.isin(of_type, graph.edges(step.edge_type).loops)
        start += len(rows)
    return selected[nodes].tolist(), known[nodes].tolist()


def _edges(
    tables: Tables, ends: list[list[int]], edges: Rows
) -> tuple[list[dict[str, Any]], list[int]]:
    """The edges as the page reads them, and the statements that they use, in its numbers."""
    starts = np.flatnonzero(tables.is_first)
    stops = np.append(starts[1:], len(tables))[np.searchsorted(starts, edges)]
    number: dict[int, int] = {}
    result = []
    for (subject, target), start, stop in zip(ends, edges.tolist(), stops.tolist(), strict=True):
        said = tables.statement[start:stop].tolist()
        edge_type = tables.statements[said[0]].edge_type
        spec = edge_spec(edge_type)
        result.append(
            {
                "subject": subject,
                "object": target,
                "relation": edge_type.relation,
                "predicate": spec.predicate,
                "type": str(edge_type),
                "symmetric": spec.symmetric,
                "said": [number.setdefault(row, len(number)) for row in said],
            }
        )
    return result, list(number)


def _title(tables: Tables) -> str:
    seeds = tables.subset.seeds
    if not seeds:
        return "A part of the knowledge graph"
    names = dict(zip(tables.ids, tables.nodes["name"].to_pylist(), strict=True))
    shown = ", ".join(names.get(seed.id, seed.id) for seed in seeds[:3])
    more = f" and {len(seeds) - 3} more" if len(seeds) > 3 else ""
    hops = tables.subset.selection.hops
    return f"{shown}{more}: {hops} hop{'' if hops == 1 else 's'} around"


def _counts(tables: Tables) -> str:
    n_edges = int(tables.is_first.sum())
    licences = ", ".join(sorted({p.licence for p in tables.provenances()}))
    return (
        f"{tables.nodes.num_rows:,} nodes, {n_edges:,} edges, {len(tables):,} assertions. "
        f"Licences: {licences or 'none'}. Graph {tables.subset.graph.fingerprint[:12]}."
    )


def _cut(tables: Tables, nodes: Rows, edges: Rows) -> str:
    n_nodes, n_edges = tables.nodes.num_rows, int(tables.is_first.sum())
    if len(nodes) == n_nodes and len(edges) == n_edges:
        return ""
    near = "nearest to the seeds" if tables.subset.seeds else "with most edges"
    some = f"{len(nodes):,} of the {n_nodes:,} nodes, those {near},"
    return (
        f"Drawn are {'all nodes' if len(nodes) == n_nodes else some} and {len(edges):,} of the "
        f"{n_edges:,} edges. A narrower selection shows everything."
    )


def _policy(*scripts: str) -> str:
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in scripts
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
