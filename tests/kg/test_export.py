"""Exports are closed, licensed as asked, described by their manifest, and never half written."""

import hashlib
import json
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.builder import build
from kg.errors import FolderError, InvalidGraphError, SchemaError
from kg.export import FORMATS, Format, check, edge_rows, export, node_rows, tables
from kg.folder import only_writer
from kg.graph import Graph
from kg.schema import EdgeType
from kg.selection import Selection, Subset, select
from tests.graphs import Handmade
from tests.kg.exported import NC, Strict, hard_graph, slow_edges, slow_nodes
from tests.kg.random_graphs import graphs

ROOT = Path(__file__).parent.parent.parent
EVERYTHING = Selection()


@pytest.fixture(scope="module")
def graph() -> Graph:
    return hard_graph()


@pytest.mark.parametrize(
    "selection",
    [
        EVERYTHING,
        Selection(("aspirin",), hops=2),
        Selection(("alone",), hops=0),
        Selection(licences=("CC0-1.0",)),
        Selection(("aspirin",), hops=3, licences=("CC-BY-NC-4.0",)),
        Selection(sources=("strict",)),
        Selection(sources=("infores:test",)),
        Selection(evidence=("manual_agent",)),
        Selection(("aspirin",), hops=2, sources=("test", "strict"), licences=("CC-BY-NC-4.0",)),
        Selection(types=("Gene",), relations=("binds",)),
    ],
)
def test_the_columns_hold_what_the_graph_says_one_by_one(
    graph: Graph, selection: Selection
) -> None:
    subset = select(graph, selection)

    assert {row["id"]: row for row in node_rows(subset)} == slow_nodes(subset)
    assert edge_rows(subset) == list(slow_edges(subset))


@settings(max_examples=30)
@given(graphs(), st.integers(0, 2), st.data())
def test_any_part_of_any_graph_is_closed_and_complete(
    graph: Graph, hops: int, data: st.DataObject
) -> None:
    everything = [graph.node(t, r) for t in graph.node_types for r in range(graph.n_nodes(t))]
    seeds = data.draw(st.lists(st.sampled_from(everything), max_size=2))
    subset = select(graph, Selection(tuple(seed.id for seed in seeds), hops))

    nodes, edges = node_rows(subset), edge_rows(subset)

    assert {row["id"]: row for row in nodes} == slow_nodes(subset)
    assert edges == list(slow_edges(subset))
    ids = {row["id"] for row in nodes}
    assert {row["subject"] for row in edges} | {row["object"] for row in edges} <= ids
    assert len({row["id"] for row in edges}) == len(edges)


def test_a_subset_that_is_not_closed_is_refused(graph: Graph, tmp_path: Path) -> None:
    subset = select(graph, EVERYTHING)
    torn = replace(subset, nodes={t: rows for t, rows in subset.nodes.items() if t != "Gene"})

    with pytest.raises(InvalidGraphError, match="not closed: an end of a Drug-binds-Gene"):
        export(torn, "kgx", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_one_pass_writes_all_formats_under_one_manifest(graph: Graph, tmp_path: Path) -> None:
    subset, out = select(graph, Selection(("aspirin",), hops=2)), tmp_path / "out"

    manifest = export(subset, FORMATS, out)

    assert manifest["formats"] == list(FORMATS)
    assert manifest["graph"] == graph.fingerprint
    assert manifest["selection"]["seeds"] == ["DRUGBANK:A"]
    assert manifest["nodes"] == {"Disease": 1, "Drug": 2, "Gene": 1}
    assert manifest["edges"] == {
        "Drug-binds-Gene": 1, "Drug-downregulates-Gene": 1, "Drug-interacts-Drug": 1,
        "Drug-treats-Disease": 1, "Drug-upregulates-Gene": 1, "Gene-regulates-Gene": 1,
    }  # fmt: skip
    assert manifest["assertions"] == 7
    assert manifest["sources"] == ["infores:strict", "infores:test"]
    assert manifest["licences"] == ["CC-BY-NC-4.0", "CC0-1.0"]
    assert manifest["built_from"]["test"] == graph.sources["test"]
    assert json.loads((out / "manifest.json").read_text()) == json.loads(json.dumps(manifest))
    files = {name for written in FORMATS.values() for name in written.files}
    assert set(manifest["files"]) == files
    assert {p.name for p in out.iterdir()} == files | {"manifest.json"}
    for name, entry in manifest["files"].items():
        content = (out / name).read_bytes()
        assert entry == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        assert (out / name).stat().st_mode & 0o777 == 0o644
    assert check(out) == json.loads(json.dumps(manifest))


def test_the_manifest_names_the_licences_of_the_texts_that_are_written(tmp_path: Path) -> None:
    nodes = {"Drug": {"DRUGBANK:A": "Aspirin"}}
    other = Strict({}, {}, [("DRUGBANK:A", "product", "Pill")], provenance=NC)
    graph = build([Handmade(nodes, {}), other]).graph
    subset = select(graph, Selection())

    assert export(subset, "kgx", tmp_path / "out")["licences"] == ["CC0-1.0"]
    assert export(subset, "nt", tmp_path / "out")["licences"] == ["CC-BY-NC-4.0", "CC0-1.0"]
    assert "Pill" in (tmp_path / "out" / "graph.nt").read_text()
    alone = export(select(hard_graph(), Selection(("exclusive",), hops=0)), "sif", tmp_path / "b")
    assert alone["licences"] == ["CC-BY-NC-4.0"]
    assert list(alone["built_from"]) == ["strict"]
    assert alone["assertions"] == 0


@pytest.mark.parametrize("format_name", FORMATS)
def test_the_same_subset_gives_the_same_bytes(
    graph: Graph, tmp_path: Path, format_name: str
) -> None:
    subset = select(graph, EVERYTHING)
    first = export(subset, format_name, tmp_path / "a")
    second = export(select(hard_graph(), EVERYTHING), [format_name], tmp_path / "b")

    assert first == second


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
        monkeypatch.setitem(FORMATS, "sif", replace(FORMATS["sif"], write=interrupted))
    else:
        monkeypatch.setattr(Path, "rename", rename_once)
    with pytest.raises(KeyboardInterrupt):
        export(subset, ["kgx", "sif"], out)

    assert json.loads((out / "manifest.json").read_text()) == json.loads(json.dumps(before))
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_what_a_killed_export_left_is_removed_and_nothing_else(
    graph: Graph, tmp_path: Path
) -> None:
    subset, out = select(graph, Selection(("aspirin",))), tmp_path / "out"
    killed, running = tmp_path / ".out.abcd1234.part", tmp_path / ".out.efgh5678.part"
    other = tmp_path / ".out2.abcd1234.part"
    for folder in (killed, running, other):
        folder.mkdir()
        (folder / "nodes.tsv").write_text("half")

    with only_writer(running):
        export(subset, "kgx", out)

    assert sorted(p.name for p in tmp_path.iterdir()) == [
        ".out.efgh5678.part", ".out2.abcd1234.part", "out",
    ]  # fmt: skip


def test_an_export_killed_between_its_two_renames_is_put_back(graph: Graph, tmp_path: Path) -> None:
    subset, out = select(graph, Selection(("aspirin",))), tmp_path / "out"
    export(subset, "kgx", out)
    out.rename(tmp_path / ".out.abcd1234.old")
    shutil.copytree(tmp_path / ".out.abcd1234.old", tmp_path / ".out.abcd1234.part")

    with pytest.raises(InvalidGraphError):
        export(replace(subset, nodes={}), "kgx", out)

    assert check(out)["formats"] == ["kgx"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


KILLED = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
from kg.export import FORMATS, export
from kg.selection import Selection, select
from tests.kg.exported import hard_graph
def die(tables, folder):
    (folder / "graph.sif").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
FORMATS["sif"] = replace(FORMATS["sif"], write=die)
export(select(hard_graph(), Selection()), ["kgx", "sif"], Path(sys.argv[1]))
"""


def test_a_process_killed_while_it_writes_leaves_the_old_export_and_no_trouble(
    graph: Graph, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    before = export(select(graph, EVERYTHING), "kgx", out)

    killed = subprocess.run([sys.executable, "-c", KILLED, str(out)], cwd=ROOT, check=False)

    assert killed.returncode == -signal.SIGKILL
    assert check(out) == json.loads(json.dumps(before))
    assert len(list(tmp_path.iterdir())) == 2
    export(select(graph, EVERYTHING), "sif", out)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert check(out)["formats"] == ["sif"]


def test_exports_to_one_place_at_the_same_time_leave_one_of_them_whole(
    graph: Graph, tmp_path: Path
) -> None:
    subset, out = select(graph, EVERYTHING), tmp_path / "out"
    names = ["kgx", "parquet", "sif", "graphml"] * 3

    with ThreadPoolExecutor(6) as pool:
        manifests = list(pool.map(lambda name: export(subset, name, out), names))

    assert check(out) in json.loads(json.dumps(manifests))
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_an_unknown_format_is_refused_with_what_there_is(graph: Graph, tmp_path: Path) -> None:
    subset: Subset = select(graph, Selection(("aspirin",)))

    with pytest.raises(SchemaError, match="'owl'; choose from cytoscape, graphml, html, kgx"):
        export(subset, ["kgx", "owl"], tmp_path / "out")
    with pytest.raises(SchemaError, match="an export needs a format"):
        export(subset, [], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_statement_is_kept_once_however_many_edges_share_it(starter: Graph) -> None:
    content = tables(select(starter, EVERYTHING))

    assert len(content) > 5000
    assert len(content.statements) < len(content) / 3
    assert content.edge_counts[EdgeType("Drug", "treats", "Disease")] == 1222
    assert np.array_equal(np.unique(content.statement), np.arange(len(content.statements)))


def test_every_format_says_what_it_is() -> None:
    assert list(FORMATS) == sorted(FORMATS)
    assert all(isinstance(f, Format) and f.describes and f.files for f in FORMATS.values())
    names = [name for written in FORMATS.values() for name in written.files]
    assert len(names) == len(set(names))
