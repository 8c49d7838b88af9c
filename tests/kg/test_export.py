"""Exports are closed, licensed as asked, readable by others, and never half written."""

import csv
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import networkx as nx
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.builder import build
from kg.convert import to_networkx
from kg.errors import FolderError, SchemaError, UnknownNodeError
from kg.export import FORMATS, Selection, Subset, edge_rows, export, node_rows, select
from kg.graph import Graph
from kg.schema import NODES, EdgeType
from tests.graphs import TEST, Handmade
from tests.kg.random_graphs import EDGE_TYPES, graphs

NC = replace(TEST, licence="CC-BY-NC-4.0", primary_knowledge_source="infores:strict")
ODD = 'back\\slash here | "quoted" & <b>\u2028二甲'


@pytest.fixture
def graph() -> Graph:
    nodes = {
        "Disease": {"DOID:1": "one", "DOID:2": "two"},
        "Drug": {"DRUGBANK:A": "Aspirin", "DRUGBANK:B": "Bosentan", "DRUGBANK:C": "alone"},
    }
    free: dict[str, list[tuple[Any, ...]]] = {
        "Drug-treats-Disease": [("DRUGBANK:A", "DOID:1", {"line": "1", "reference": ["x", "y"]})],
        "Drug-interacts-Drug": [("DRUGBANK:A", "DRUGBANK:B", {"severity": ODD})],
    }
    strict: dict[str, list[tuple[Any, ...]]] = {
        "Drug-treats-Disease": [("DRUGBANK:A", "DOID:1"), ("DRUGBANK:B", "DOID:2")],
    }
    labels = [("DRUGBANK:A", "synonym", ODD), ("DRUGBANK:A", "code", "ATC:A")]
    return build([Handmade(nodes, free, labels), Handmade({}, strict, provenance=NC)]).graph


def read_back(folder: Path, format_name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Nodes and edges by id, lists joined, as a stranger's library reads them."""
    if format_name == "graphml":
        found: Any = nx.read_graphml(folder / "graph.graphml", force_multigraph=True)
        nodes = {i: {"id": i, **row} for i, row in found.nodes(data=True)}
        edges = {
            k: {"id": k, "subject": h, "object": t, **row}
            for h, t, k, row in found.edges(keys=True, data=True)
        }
        return nodes, edges
    if format_name == "kgx":
        tables = []
        for name in ("nodes", "edges"):
            with (folder / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
                tables.append(list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)))
    else:
        tables = [pq.read_table(folder / f"{n}.parquet").to_pylist() for n in ("nodes", "edges")]
    nodes, edges = ({row["id"]: joined(row) for row in table} for table in tables)
    return nodes, edges


def joined(row: dict[str, Any]) -> dict[str, Any]:
    return {k: "|".join(v) if isinstance(v, list) else v for k, v in row.items()}


@pytest.mark.parametrize("format_name", sorted(FORMATS))
def test_what_is_exported_is_what_is_read_back(
    graph: Graph, tmp_path: Path, format_name: str
) -> None:
    subset = select(graph, Selection(("aspirin",), hops=2))

    manifest = export(subset, format_name, tmp_path / "out")

    nodes, edges = read_back(tmp_path / "out", format_name)
    assert nodes == {row["id"]: joined(row) for row in node_rows(subset)}
    assert edges == {row["id"]: joined(row) for row in edge_rows(subset)}
    assert len(nodes) == 4
    assert len(edges) == manifest["assertions"] == 4
    assert {e["subject"] for e in edges.values()} | {e["object"] for e in edges.values()} <= set(
        nodes
    )
    assert nodes["DRUGBANK:A"]["synonym"] == ODD


@pytest.mark.parametrize("format_name", sorted(FORMATS))
def test_an_export_without_edges_is_still_a_readable_file(
    graph: Graph, tmp_path: Path, format_name: str
) -> None:
    export(select(graph, Selection(("alone",), hops=0)), format_name, tmp_path / "out")

    nodes, edges = read_back(tmp_path / "out", format_name)
    assert list(nodes) == ["DRUGBANK:C"]
    assert edges == {}
    if format_name == "kgx":
        assert (tmp_path / "out" / "edges.tsv").read_text().startswith("id\tsubject\tpredicate")
    if format_name == "parquet":
        assert "subject" in pq.read_table(tmp_path / "out" / "edges.parquet").column_names


@settings(max_examples=60, deadline=None)
@given(graphs(), st.integers(0, 3), st.data())
def test_a_subset_is_closed_and_holds_exactly_what_is_near_enough(
    graph: Graph, hops: int, data: st.DataObject
) -> None:
    everything = [graph.node(t, r) for t in graph.node_types for r in range(graph.n_nodes(t))]
    seeds = data.draw(st.lists(st.sampled_from(everything), min_size=1, max_size=2))
    types = data.draw(st.lists(st.sampled_from(sorted(NODES)), max_size=2))
    present = sorted({e.relation for e in EDGE_TYPES} & {e.relation for e in graph.edge_types})
    relations = data.draw(st.lists(st.sampled_from(present), max_size=2)) if present else []
    ids = tuple(seed.id for seed in seeds)

    subset = select(graph, Selection(ids, hops, tuple(types), tuple(relations)))

    theirs = to_networkx(graph).to_undirected()
    unwanted = [
        (h, t, k) for h, t, k in theirs.edges(keys=True) if relations and k not in relations
    ]
    theirs.remove_edges_from(unwanted)
    allowed = [
        n for n, row in theirs.nodes(data=True) if n in ids or not types or row["type"] in types
    ]
    reach: set[str] = set()
    for seed in ids:
        reach |= set(
            nx.single_source_shortest_path_length(theirs.subgraph(allowed), seed, cutoff=hops)
        )
    nodes = {row["id"] for row in node_rows(subset)}
    edges = edge_rows(subset)
    assert nodes == reach
    assert {e["subject"] for e in edges} | {e["object"] for e in edges} <= nodes
    assert {frozenset((e["subject"], e["object"], e["relation_name"])) for e in edges} == {
        frozenset((h, t, k)) for h, t, k in theirs.subgraph(reach).edges(keys=True)
    }


def test_a_licence_filter_drops_edges_and_assertions_of_other_licences(graph: Graph) -> None:
    subset = select(graph, Selection(("aspirin",), hops=3, licences=("CC0-1.0",)))

    rows = edge_rows(subset)
    assert {row["license"] for row in rows} == {"CC0-1.0"}
    assert len(rows) == 2
    assert "DOID:2" not in {row["id"] for row in node_rows(subset)}
    strict = select(graph, Selection(("aspirin",), hops=3, licences=("CC-BY-NC-4.0",)))
    assert [row["object"] for row in edge_rows(strict)] == ["DOID:1"]
    both = Selection(("aspirin",), hops=3, licences=("CC0-1.0", "CC-BY-NC-4.0"))
    assert len(edge_rows(select(graph, both))) == 4


def test_no_hop_keeps_the_seeds_and_the_edges_between_them(graph: Graph) -> None:
    alone = select(graph, Selection(("aspirin",), hops=0))
    pair = select(graph, Selection(("aspirin", "bosentan"), hops=0))

    assert [row["id"] for row in node_rows(alone)] == ["DRUGBANK:A"]
    assert edge_rows(alone) == []
    assert list(pair.edges) == [EdgeType("Drug", "interacts", "Drug")]


@pytest.mark.parametrize(
    ("selection", "error", "says"),
    [
        (Selection(()), SchemaError, "at least one seed"),
        (Selection(("asprin",)), UnknownNodeError, "closest names: Aspirin"),
        (Selection(("aspirin",), hops=-1), SchemaError, "between 0 and 10, not -1"),
        (Selection(("aspirin",), types=("Planet",)), SchemaError, "no node type 'Planet'"),
        (Selection(("aspirin",), relations=("cures",)), SchemaError, "no relation 'cures'"),
        (Selection(("aspirin",), licences=("MIT",)), SchemaError, "no licence 'MIT' in the graph"),
    ],
)
def test_a_selection_that_means_nothing_is_refused(
    graph: Graph, selection: Selection, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        select(graph, selection)


@pytest.mark.parametrize("format_name", sorted(FORMATS))
def test_the_manifest_names_graph_selection_sources_and_checksums(
    graph: Graph, tmp_path: Path, format_name: str
) -> None:
    out = tmp_path / "out"
    export(select(graph, Selection(("aspirin",))), format_name, out)

    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["graph"] == graph.fingerprint
    assert manifest["selection"]["seeds"] == ["DRUGBANK:A"]
    assert manifest["sources"] == ["infores:strict", "infores:test"]
    assert manifest["licences"] == ["CC-BY-NC-4.0", "CC0-1.0"]
    assert set(manifest["files"]) == {p.name for p in out.iterdir()} - {"manifest.json"}
    for name, entry in manifest["files"].items():
        content = (out / name).read_bytes()
        assert entry == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def test_an_export_replaces_an_earlier_one_or_an_empty_folder_but_nothing_else(
    graph: Graph, tmp_path: Path
) -> None:
    subset, out = select(graph, Selection(("aspirin",))), tmp_path / "out"
    out.mkdir()
    export(subset, "kgx", out)
    export(subset, "parquet", out)
    assert sorted(p.name for p in out.iterdir()) == [
        "edges.parquet", "manifest.json", "nodes.parquet",
    ]  # fmt: skip

    (out / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "manifest.json").write_text('{"kind": "pharmakon-graph"}')
    for place in (out, tmp_path / "file", foreign):
        with pytest.raises(FolderError, match="choose another folder"):
            export(subset, "kgx", place)
    assert (out / "notes.txt").read_text() == (tmp_path / "file").read_text() == "mine"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "foreign", "out"]


@pytest.mark.parametrize("when", ["writing", "renaming"])
def test_an_interrupted_export_leaves_the_earlier_one(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    subset, out = select(graph, Selection(("aspirin",))), tmp_path / "out"
    before = export(subset, "kgx", out)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    rename = Path.rename

    def rename_once(self: Path, target: Path) -> Path:
        if self.suffix == ".part":
            raise KeyboardInterrupt
        return rename(self, target)

    if when == "writing":
        monkeypatch.setitem(FORMATS, "graphml", interrupted)
    else:
        monkeypatch.setattr(Path, "rename", rename_once)
    with pytest.raises(KeyboardInterrupt):
        export(subset, "graphml", out)

    assert json.loads((out / "manifest.json").read_text()) == json.loads(json.dumps(before))
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_an_unknown_format_is_refused_with_what_there_is(graph: Graph, tmp_path: Path) -> None:
    subset: Subset = select(graph, Selection(("aspirin",)))

    with pytest.raises(SchemaError, match="'owl'; choose from graphml, kgx, parquet"):
        export(subset, "owl", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
