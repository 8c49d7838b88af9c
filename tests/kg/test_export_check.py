"""``check`` finds every way in which an export may no longer be what its manifest says."""

import contextlib
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kg.errors import FolderError
from kg.export import FORMATS, check, export
from kg.selection import Selection, Subset, select
from tests.kg.exported import hard_graph


@pytest.fixture(scope="module")
def subset() -> Subset:
    return select(hard_graph(), Selection())


@pytest.fixture
def out(subset: Subset, tmp_path: Path) -> Path:
    """An export in all formats."""
    export(subset, FORMATS, tmp_path / "out")
    return tmp_path / "out"


@pytest.fixture(scope="module")
def sealed(subset: Subset, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of an export, without Parquet."""
    out = tmp_path_factory.mktemp("whole") / "out"
    export(subset, [name for name in FORMATS if name != "parquet"], out)
    return {path.name: path.read_bytes() for path in out.iterdir()}


def reseal(out: Path, **changes: Any) -> None:
    """Make the manifest agree with the files as they are now, as somebody who lies would."""
    manifest = json.loads((out / "manifest.json").read_text())
    for name in list(manifest["files"]):
        content = (out / name).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        manifest["files"][name] = {"bytes": len(content), "sha256": digest}
    sign(out, manifest | changes)


def sign(out: Path, manifest: dict[str, Any]) -> None:
    """Write a manifest that agrees with itself."""
    bare = {key: value for key, value in manifest.items() if key != "manifest_sha256"}
    text = json.dumps(bare, sort_keys=True, separators=(",", ":"))
    bare["manifest_sha256"] = hashlib.sha256(text.encode()).hexdigest()
    (out / "manifest.json").write_text(json.dumps(bare))


def test_a_whole_export_passes_and_gives_its_manifest(out: Path, subset: Subset) -> None:
    assert check(out)["graph"] == subset.graph.fingerprint
    assert check(str(out))["formats"] == list(FORMATS)


@pytest.mark.parametrize("name", sorted({f for written in FORMATS.values() for f in written.files}))
def test_a_single_changed_byte_in_any_file_is_found(out: Path, name: str) -> None:
    content = bytearray((out / name).read_bytes())
    content[len(content) // 2] ^= 1
    (out / name).write_bytes(content)

    with pytest.raises(FolderError, match=f"{name} has SHA-256 [0-9a-f]{{64}}, not [0-9a-f]{{64}}"):
        check(out)


def test_missing_foreign_cut_and_unlisted_files_are_named(out: Path) -> None:
    (out / "graph.sif").unlink()
    (out / "notes.txt").write_text("mine")
    (out / "graph.nt").write_text("short")
    manifest = json.loads((out / "manifest.json").read_text())
    del manifest["files"]["nodes.tsv"]
    sign(out, manifest)

    with pytest.raises(FolderError) as caught:
        check(out)
    for fault in (
        "graph.sif is missing", "notes.txt is foreign", "graph.nt is 5 bytes long, not",
        "the manifest does not list nodes.tsv", "nodes.tsv is foreign",
    ):  # fmt: skip
        assert fault in str(caught.value)


def drop_line(name: str, begins: str) -> Callable[[Path], None]:
    """Leave out the lines of a file that begin with a text."""

    def change(out: Path) -> None:
        lines = (out / name).read_text(encoding="utf-8").split("\n")
        kept = [line for line in lines if not line.startswith(begins)]
        assert len(kept) == len(lines) - 1
        (out / name).write_text("\n".join(kept), encoding="utf-8", newline="")

    return change


@pytest.mark.parametrize(
    ("change", "format_name"),
    [
        (drop_line("nodes.tsv", "NCBIGene:1"), "kgx"),
        (drop_line("nodes.jsonl", '{"id": "NCBIGene:1"'), "kgx-jsonl"),
        (drop_line("graph.graphml", '<node id="NCBIGene:1"'), "graphml"),
        (drop_line("neo4j-nodes.csv", '"NCBIGene:1"'), "neo4j"),
        (drop_line("graph.ttl", "NCBIGene:1 rdfs:label"), "turtle"),
        (drop_line("graph.nt", "<https://identifiers.org/ncbigene:1> "
                               "<http://www.w3.org/2000/01/rdf-schema#label>"), "nt"),
    ],
)  # fmt: skip
def test_an_edge_without_its_end_is_found_even_under_a_true_checksum(
    out: Path, change: Callable[[Path], None], format_name: str
) -> None:
    change(out)
    reseal(out)

    with pytest.raises(FolderError) as caught:
        check(out)
    assert f"{format_name}: 6 nodes, not 7" in str(caught.value)
    assert "an edge ends at" in str(caught.value)


def test_more_edges_or_nodes_than_the_manifest_counts_are_found(out: Path) -> None:
    reseal(out, assertions=9, nodes={"Gene": 8}, edges={})

    with pytest.raises(FolderError) as caught:
        check(out)
    assert "cytoscape: 7 nodes, not 8" in str(caught.value)
    assert "cytoscape: 8 assertions, not 9" in str(caught.value)
    assert re.search(r"and \d+ more", str(caught.value))


def test_a_node_that_stands_twice_is_found(subset: Subset, tmp_path: Path) -> None:
    out = tmp_path / "out"
    manifest = export(subset, "kgx", out)
    with (out / "nodes.tsv").open("a", encoding="utf-8") as file:
        file.write("NCBIGene:1\t\t\t\t\t\n")
    reseal(out, nodes={**manifest["nodes"], "Gene": 2})

    with pytest.raises(FolderError, match="kgx: node 'NCBIGene:1' stands twice"):
        check(out)


NO_NAMES = (
    '<script type="application/json" id="data">'
    '{"nodes": [{"id": [], "type": 1}], "edges": []}</script>'
)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("graph.cyjs", "[" * 100_000, "cytoscape: cannot be read"),
        ("graph.cyjs", "{}", "cytoscape: cannot be read: KeyError"),
        ("graph.graphml", '<!DOCTYPE a [<!ENTITY b "c">]><graphml/>', "declares a document type"),
        ("graph.graphml", "<graphml>", "graphml: graph.graphml is not XML"),
        ("graph.html", "<p>", "graph.html holds no data"),
        ("graph.html", NO_NAMES, "html: cannot be read: TypeError"),
        ("nodes.parquet", "PAR1", "parquet: nodes.parquet or edges.parquet is damaged"),
        ("pyg.safetensors", "\xff" * 20, "pyg.* in .* are damaged"),
        ("nodes.tsv", "", "kgx: cannot be read"),
        ("graph.nt", "what\n", "nt: cannot be read"),
    ],
)
def test_a_file_that_is_not_its_format_is_named_and_nothing_crashes(
    out: Path, name: str, content: str, says: str
) -> None:
    (out / name).write_text(content, encoding="latin-1")
    reseal(out)

    with pytest.raises(FolderError, match=says):
        check(out)


TEXTS = ["edges.jsonl", "edges.tsv", "graph.cyjs", "graph.graphml", "graph.html", "graph.nt",
         "graph.sif", "graph.ttl", "neo4j-edges.csv", "nodes.jsonl", "nodes.tsv", "pyg.json",
         "pyg.safetensors", "manifest.json"]  # fmt: skip


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(TEXTS), st.integers(0, 2**20), st.binary(max_size=6), st.integers(0, 40))
def test_whatever_becomes_of_a_file_the_check_passes_or_names_a_fault(
    sealed: dict[str, bytes], tmp_path: Path, name: str, place: int, new: bytes, cut: int
) -> None:
    for file, content in sealed.items():
        (tmp_path / file).write_bytes(content)
    old = sealed[name]
    at = place % (len(old) + 1)
    if name == "graph.html":  # most of it is the library
        at = old.index(b'id="data">') + place % 2000
    (tmp_path / name).write_bytes(old[:at] + new + old[at + cut :])
    if name != "manifest.json":
        reseal(tmp_path)

    with contextlib.suppress(FolderError):
        assert set(check(tmp_path)["files"]) == set(sealed) - {"manifest.json"}


@pytest.mark.parametrize(
    ("manifest", "says"),
    [
        (None, "is not an export: it has no manifest.json"),
        ("{", "manifest.json is not JSON"),
        ("[" * 100_000, "manifest.json is not JSON"),
        ("[]", "its manifest says None"),
        ('{"kind": "pharmakon-graph"}', "says 'pharmakon-graph', not 'pharmakon-export'"),
        ('{"kind": "pharmakon-export", "version": 2}', "format version 2; this program checks"),
        ('{"kind": "pharmakon-export", "version": 3}', "'formats' is missing or malformed"),
    ],
)
def test_a_folder_that_is_no_export_is_refused(
    tmp_path: Path, manifest: str | None, says: str
) -> None:
    if manifest is not None:
        (tmp_path / "manifest.json").write_text(manifest)

    with pytest.raises(FolderError, match=says):
        check(tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("formats", ["owl"]),
        ("formats", [["kgx"]]),
        ("nodes", {"Gene": -1}),
        ("nodes", {"Gene": True}),
        ("edges", []),
        ("assertions", "8"),
        ("files", {"../manifest.json": {"bytes": 1, "sha256": ""}}),
        ("files", {"graph.nt": {"bytes": "1", "sha256": ""}}),
    ],
)
def test_a_manifest_with_values_of_the_wrong_kind_is_refused(
    out: Path, key: str, value: object
) -> None:
    manifest = json.loads((out / "manifest.json").read_text())
    sign(out, manifest | {key: value})

    with pytest.raises(FolderError, match=f"'{key}' is missing or malformed"):
        check(out)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match=r"it has no manifest\.json"):
        check(tmp_path / "nowhere")
