"""A stored graph: the same graph after reading, or one clear refusal."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
from hypothesis import given, settings

from kg.errors import FolderError
from kg.folder import MANIFEST, Writer, write_folder
from kg.graph import Graph
from kg.names import lookup
from kg.schema import EdgeType
from kg.store import KIND, fingerprint, open_graph, write_graph
from tests.graphs import make_graph
from tests.kg.random_graphs import graphs

TREATS = EdgeType("Drug", "treats", "Disease")


@pytest.fixture
def small() -> Graph:
    return make_graph(
        {
            "Disease": {"DOID:9352": "type 2 diabetes mellitus", "DOID:1": "lonely"},
            "Drug": {"DRUGBANK:DB00331": "Metformin", "DRUGBANK:DB00001": "Other"},
        },
        {
            "Drug-treats-Disease": [("DRUGBANK:DB00331", "DOID:9352", {"line": "1"})],
            "Drug-interacts-Drug": [("DRUGBANK:DB00331", "DRUGBANK:DB00001")],
        },
        labels=[("DRUGBANK:DB00331", "synonym", "二甲双胍")],
        statements={"kidney": [{"drug": "DRUGBANK:DB00331", "egfr_below": "30"}]},
    )


def as_data(graph: Graph) -> dict[str, Any]:
    """Everything a graph says, as plain Python."""
    return {
        "ids": {t: ids.to_pylist() for t, ids in graph.ids.items()},
        "names": {t: names.to_pylist() for t, names in graph.names.items()},
        "edges": {
            e: [
                (int(h), int(t), graph.assertions(e, i))
                for i, (h, t) in enumerate(zip(table.head, table.tail, strict=True))
            ]
            for e, table in graph.edge_tables.items()
        },
        "labels": {
            graph.node(t, row).id: graph.labels_of(t, row)
            for t in graph.node_types
            for row in range(graph.n_nodes(t))
        },
        "statements": {
            kind: [dict(row) for row in rows] for kind, rows in graph.statements.items()
        },
        "sources": graph.sources,
        "fingerprint": graph.fingerprint,
    }


def test_a_graph_comes_back_as_it_was(tmp_path: Path, small: Graph) -> None:
    write_graph(small, tmp_path / "graph")

    found = open_graph(tmp_path / "graph", verify=True)

    assert as_data(found) == as_data(small)
    found.validate()
    assert lookup(found, "二甲双胍")[0].node.name == "Metformin"


@settings(max_examples=20, deadline=None)
@given(graphs())
def test_any_graph_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, graph: Graph
) -> None:
    found = write_graph(graph, tmp_path_factory.mktemp("graph"))

    assert as_data(found) == as_data(graph)
    assert fingerprint(found) == graph.fingerprint


def test_a_graph_can_be_replaced_while_it_is_open(tmp_path: Path, small: Graph) -> None:
    opened = write_graph(small, tmp_path)
    other = make_graph({"Drug": {"DRUGBANK:1": "another"}}, {})

    write_graph(other, tmp_path)

    assert as_data(opened) == as_data(small)
    assert open_graph(tmp_path).fingerprint == other.fingerprint
    assert as_data(write_graph(opened, tmp_path)) == as_data(small)


def test_opened_and_built_arrays_cannot_be_changed(tmp_path: Path, small: Graph) -> None:
    for graph in (small, write_graph(small, tmp_path)):
        for table in graph.edge_tables.values():
            for array in (table.tail, table.head_start, table.by_tail, table.tail_start):
                with pytest.raises(ValueError, match="read-only"):
                    array[:] = 0
        with pytest.raises(ValueError, match="read-only"):
            graph.labels.node[:] = 0


def test_the_report_is_kept_beside_the_graph_and_outside_its_fingerprint(
    tmp_path: Path, small: Graph
) -> None:
    one = write_graph(small, tmp_path / "one", report={"refused": 3})
    two = write_graph(small, tmp_path / "two")

    assert json.loads((tmp_path / "one" / MANIFEST).read_text())["report"] == {"refused": 3}
    assert one.fingerprint == two.fingerprint


def data_files(path: Path) -> list[Path]:
    return [file for file in sorted(path.iterdir()) if file.name != MANIFEST]


def test_a_flipped_byte_in_any_file_is_found_by_verify(tmp_path: Path, small: Graph) -> None:
    write_graph(small, tmp_path)

    for file in data_files(tmp_path):
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        replaced = file.with_suffix(".new")
        replaced.write_bytes(content)
        original = file.read_bytes()
        replaced.replace(file)
        with pytest.raises(FolderError, match=file.name):
            open_graph(tmp_path, verify=True)
        file.write_bytes(original)
    open_graph(tmp_path, verify=True)


def test_a_truncated_file_is_refused_without_verify(tmp_path: Path, small: Graph) -> None:
    write_graph(small, tmp_path)

    for file in data_files(tmp_path):
        content = file.read_bytes()
        file.write_bytes(content[:-1])
        with pytest.raises(FolderError, match=f"{file.name} is {len(content) - 1} bytes long"):
            open_graph(tmp_path)
        file.write_bytes(content)


def rewritten(path: Path, change: Any) -> None:
    """Change the logical files of a stored graph, hashes and sizes included."""
    manifest = json.loads((path / MANIFEST).read_text())
    files = {n: (path / e["file"]).read_bytes() for n, e in manifest.pop("files").items()}
    header = {k: manifest.pop(k) for k in ("sources", "report", "node_types", "edge_types")}
    change(files, header)

    def writer(content: bytes) -> Writer:
        def write(file: BinaryIO) -> None:
            file.write(content)

        return write

    writers = {name: writer(content) for name, content in files.items()}
    write_folder(path, kind=KIND, version=2, files=writers, header=header)


@pytest.mark.parametrize(
    "name",
    ["nodes.arrow", "edges.arrow", "starts.arrow", "assertions.arrow", "details.arrow",
     "labels.arrow", "statements.json", "types.json"],
)  # fmt: skip
def test_a_graph_whose_file_is_missing_or_something_else_is_refused(
    tmp_path: Path, small: Graph, name: str
) -> None:
    write_graph(small, tmp_path)
    other = "nodes.arrow" if name == "labels.arrow" else "labels.arrow"
    for change in (
        lambda files, _: files.pop(name),
        lambda files, _: files.update({name: b""}),
        lambda files, _: files.update({name: b"not a table"}),
        lambda files, _: files.update({name: files[other]}),
    ):
        folder = tmp_path / "copy"
        write_graph(small, folder)
        rewritten(folder, change)
        with pytest.raises(FolderError, match=f"{folder}"):
            open_graph(folder)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t["node_types"].update({"Planet": 1}), "does not know: Planet"),
        (lambda t: t["edge_types"][0].update(relation="Orbits"), "not know: Drug-Orbits-Drug"),
        (lambda t: t["label_kinds"].append("rumour"), "does not know: rumour"),
        (lambda t: t["label_kinds"].reverse(), "does not know"),
        (lambda t: t["edge_types"][0].pop("head"), "is damaged: KeyError"),
        (lambda t: t["edge_types"].append(t["edge_types"][0]), "is damaged"),
        (lambda t: t["provenances"][0].update(moon=1), "is damaged: TypeError"),
        (lambda t: t.update(node_types=None), "is damaged"),
    ],
)
def test_a_graph_of_types_that_nobody_knows_is_refused_by_name(
    tmp_path: Path, small: Graph, change: Any, says: str
) -> None:
    write_graph(small, tmp_path)

    def change_types(files: dict[str, bytes], _: object) -> None:
        types = json.loads(files["types.json"])
        change(types)
        files["types.json"] = json.dumps(types).encode()

    rewritten(tmp_path, change_types)

    with pytest.raises(FolderError, match=says):
        open_graph(tmp_path)


def test_another_version_is_refused_by_name(tmp_path: Path, small: Graph) -> None:
    write_graph(small, tmp_path)
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    (tmp_path / MANIFEST).write_text(json.dumps({**manifest, "version": 99}))

    with pytest.raises(FolderError, match="format version 99; this program reads version 2"):
        open_graph(tmp_path)


KILLED = """
import os, signal, sys
from pathlib import Path
import kg.folder
from kg.store import open_graph, write_graph
from tests.graphs import make_graph
left = int(sys.argv[2])
replace = os.replace
def replace_or_die(source, target):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)
kg.folder.os.replace = replace_or_die
write_graph(make_graph({"Drug": {"DRUGBANK:1": "new"}}, {}), Path(sys.argv[1]))
"""


@pytest.mark.parametrize("renames", [0, 4, 8])
def test_a_process_killed_while_it_writes_leaves_the_old_graph(
    tmp_path: Path, small: Graph, renames: int
) -> None:
    write_graph(small, tmp_path / "graph")
    command = [sys.executable, "-c", KILLED, str(tmp_path / "graph"), str(renames)]
    root = str(Path(__file__).parents[2])

    killed = subprocess.run(command, check=False, env={**os.environ, "PYTHONPATH": root})

    assert killed.returncode == -signal.SIGKILL
    assert as_data(open_graph(tmp_path / "graph", verify=True)) == as_data(small)


def test_an_interrupt_while_a_graph_is_written_leaves_the_old_graph(
    tmp_path: Path, small: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_graph(small, tmp_path)
    other = make_graph({"Drug": {"DRUGBANK:1": "new"}}, {})

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("kg.folder.os.fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write_graph(other, tmp_path)

    assert as_data(open_graph(tmp_path, verify=True)) == as_data(small)
    assert len(data_files(tmp_path)) == 9


def test_empty_tables_and_isolated_nodes_are_stored(tmp_path: Path) -> None:
    graph = make_graph({"Gene": {"NCBIGene:1": "alone"}}, {"Gene-interacts-Gene": []})

    found = write_graph(graph, tmp_path)

    assert found.n_nodes() == 1
    assert found.n_edges() == 0
    assert np.array_equal(found.labels.node, graph.labels.node)
