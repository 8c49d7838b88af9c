"""What changed between two graphs: known answers, the mirror, and an obvious oracle."""

import csv
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from kg.builder import build
from kg.diff import Diff, diff
from kg.diff_files import write_diff
from kg.errors import FolderError
from kg.graph import Graph, Provenance
from kg.sources import create_source
from tests.graphs import Handmade, make_graph
from tests.kg.random_graphs import graphs

NODES = {
    "Drug": {"DRUGBANK:DB1": "one", "DRUGBANK:DB3": "three"},
    "Disease": {"DOID:1": "sick"},
    "Gene": {"NCBIGene:1": "G1"},
}
EDGES: Mapping[str, Any] = {
    "Drug-treats-Disease": [("DRUGBANK:DB1", "DOID:1", {"line": 1})],
    "Drug-interacts-Drug": [("DRUGBANK:DB1", "DRUGBANK:DB3")],
    "Drug-binds-Gene": [("DRUGBANK:DB1", "NCBIGene:1")],
}
LABELS = [("DRUGBANK:DB1", "synonym", "uno"), ("DOID:1", "code", "ICD10CM:E11")]


def changes(found: Diff) -> dict[str, Any]:
    """What changed, by identifier."""
    result: dict[str, Any] = {}
    for node_type, change in found.nodes.items():
        for kind, graph, rows in (
            ("added", found.new, change.added),
            ("removed", found.old, change.removed),
            ("changed", found.new, change.changed[:, 1]),
        ):
            for row in rows.tolist():
                result[graph.node(node_type, row).id] = kind
    for edge_type, change in found.edges.items():
        for kind, graph, edges in (
            ("added", found.new, change.added),
            ("removed", found.old, change.removed),
            ("changed", found.new, change.changed[:, 1]),
        ):
            for edge in edges.tolist():
                result[edge_key(graph, edge_type, edge)] = kind
    return result


def edge_key(graph: Graph, edge_type: Any, edge: int) -> str:
    table = graph.edges(edge_type)
    head = graph.node(edge_type.head, int(table.head[edge])).id
    tail = graph.node(edge_type.tail, int(table.tail[edge])).id
    return f"{head} {edge_type.relation} {tail}"


def slow(old: Graph, new: Graph) -> dict[str, Any]:
    """The same, by dictionaries."""
    before, after = said(old), said(new)
    result = {key: "added" for key in after if key not in before}
    result |= {key: "removed" for key in before if key not in after}
    return result | {k: "changed" for k in after if k in before and before[k] != after[k]}


def said(graph: Graph) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for node_type, ids in graph.ids.items():
        for row, node_id in enumerate(ids.to_pylist()):
            labels = {(x.kind, x.text, x.distance) for x in graph.labels_of(node_type, row)}
            result[node_id] = (graph.node(node_type, row).name, labels)
    for edge_type in graph.edge_types:
        for edge in range(len(graph.edges(edge_type))):
            assertions = graph.assertions(edge_type, edge)
            result[edge_key(graph, edge_type, edge)] = sorted(
                (*vars(a.provenance).values(), json.dumps(a.details, sort_keys=True))
                for a in assertions
            )
    return result


MIRROR = {"added": "removed", "removed": "added", "changed": "changed"}


def both(old: Graph, new: Graph) -> dict[str, Any]:
    """The changes, checked against the oracle and the mirror."""
    forth, back = changes(diff(old, new)), changes(diff(new, old))
    assert forth == slow(old, new)
    assert back == {key: MIRROR[kind] for key, kind in forth.items()}
    return forth


def test_equal_graphs_differ_in_nothing() -> None:
    first, second = make_graph(NODES, EDGES, LABELS), make_graph(NODES, EDGES, LABELS)

    found = diff(first, second)

    assert found.is_empty
    assert found.counts == {"nodes": {}, "edges": {}, "statements": {}}


def test_nodes_and_edges_come_and_go() -> None:
    # DB2 lies between the others, so every row after it moves.
    nodes = {
        **NODES,
        "Drug": {**NODES["Drug"], "DRUGBANK:DB2": "two"},
        "SideEffect": {"UMLS:C1": "rash"},
    }
    del nodes["Gene"]
    edges = {
        "Drug-treats-Disease": [*EDGES["Drug-treats-Disease"], ("DRUGBANK:DB2", "DOID:1")],
        "Drug-interacts-Drug": [
            ("DRUGBANK:DB3", "DRUGBANK:DB1"),  # the other way round: the same edge
            ("DRUGBANK:DB3", "DRUGBANK:DB2"),
        ],
        "Drug-causes-SideEffect": [("DRUGBANK:DB2", "UMLS:C1")],
    }

    found = both(make_graph(NODES, EDGES), make_graph(nodes, edges))

    assert found == {
        "DRUGBANK:DB2": "added",
        "UMLS:C1": "added",
        "NCBIGene:1": "removed",
        "DRUGBANK:DB2 treats DOID:1": "added",
        "DRUGBANK:DB2 interacts DRUGBANK:DB3": "added",
        "DRUGBANK:DB2 causes UMLS:C1": "added",
        "DRUGBANK:DB1 binds NCBIGene:1": "removed",
    }


def test_a_new_name_or_label_changes_a_node_and_nothing_else() -> None:
    nodes = {**NODES, "Disease": {"DOID:1": "ill"}}
    labels = [*LABELS[1:], ("DRUGBANK:DB1", "product", "uno"), ("NCBIGene:1", "code", "HGNC:5")]

    found = both(make_graph(NODES, EDGES, LABELS), make_graph(nodes, EDGES, labels))

    assert found == {"DOID:1": "changed", "DRUGBANK:DB1": "changed", "NCBIGene:1": "changed"}


def test_other_details_or_another_source_change_an_edge() -> None:
    edges = {
        **EDGES,
        "Drug-treats-Disease": [("DRUGBANK:DB1", "DOID:1", {"line": 2})],
        "Drug-binds-Gene": [*EDGES["Drug-binds-Gene"], ("DRUGBANK:DB1", "NCBIGene:1", {"a": "b"})],
    }

    found = both(make_graph(NODES, EDGES), make_graph(NODES, edges))

    assert found == {
        "DRUGBANK:DB1 treats DOID:1": "changed",
        "DRUGBANK:DB1 binds NCBIGene:1": "changed",
    }


def test_another_licence_changes_every_edge_and_no_node() -> None:
    other = Provenance("test", "infores:test", "CC-BY-4.0", "knowledge_assertion", "manual_agent")
    new = build([Handmade(NODES, EDGES, provenance=other)]).graph

    found = both(make_graph(NODES, EDGES), new)

    assert set(found.values()) == {"changed"}
    assert len(found) == 3


def test_statements_are_told_apart_by_all_that_they_say() -> None:
    rows = [{"drug": "DRUGBANK:DB1", "below": "12"}, {"drug": "DRUGBANK:DB3", "below": "2"}]
    old = make_graph(NODES, {}, statements={"age": rows, "old": [{"a": "b"}]})
    new = make_graph(NODES, {}, statements={"age": [rows[0], {**rows[1], "below": "3"}]})

    found = diff(old, new)

    assert found.counts["statements"] == {
        "age": {"added": 1, "removed": 1},
        "old": {"removed": 1},
    }
    assert [row["below"] for row in found.added_statements["age"]] == ["3"]
    assert diff(new, old).added_statements == found.removed_statements


@settings(max_examples=40, deadline=None)
@given(old=graphs(), new=graphs())
def test_any_two_graphs_differ_as_the_oracle_says(old: Graph, new: Graph) -> None:
    both(old, new)


def test_the_files_say_what_changed_before_and_after(tmp_path: Path) -> None:
    nodes = {**NODES, "Disease": {"DOID:1": "ill"}, "Drug": {"DRUGBANK:DB1": "one"}}
    edges = {
        "Drug-treats-Disease": [("DRUGBANK:DB1", "DOID:1", {"line": 2})],
        "Drug-binds-Gene": EDGES["Drug-binds-Gene"],
        "Drug-palliates-Disease": [("DRUGBANK:DB1", "DOID:1")],
    }
    old = make_graph(NODES, EDGES, LABELS, {"age": [{"drug": "DRUGBANK:DB1", "why": "=1\t2"}]})
    new = make_graph(nodes, edges, LABELS)

    manifest = write_diff(diff(old, new), tmp_path / "diff")

    tables = {}
    for name in ("nodes", "edges", "statements"):
        with (tmp_path / "diff" / f"{name}.tsv").open(newline="") as file:
            tables[name] = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    who = (
        '{"source": "test", "primary_knowledge_source": "infores:test", "licence": "CC0-1.0", '
        '"knowledge_level": "knowledge_assertion", "agent_type": "manual_agent"'
    )
    assert tables["nodes"] == [
        ["change", "type", "id", "before", "after"],
        ["changed", "Disease", "DOID:1", '{"name": "sick"}', '{"name": "ill"}'],
        ["removed", "Drug", "DRUGBANK:DB3", '{"name": "three"}', ""],
    ]
    assert tables["edges"] == [
        ["change", "type", "subject", "object", "before", "after"],
        ["removed", "Drug-interacts-Drug", "DRUGBANK:DB1", "DRUGBANK:DB3", f"[{who}}}]", ""],
        ["added", "Drug-palliates-Disease", "DRUGBANK:DB1", "DOID:1", "", f"[{who}}}]"],
        ["changed", "Drug-treats-Disease", "DRUGBANK:DB1", "DOID:1",
         f'[{who}, "details": {{"line": 1}}}}]', f'[{who}, "details": {{"line": 2}}}}]'],
    ]  # fmt: skip
    (row,) = tables["statements"][1:]
    assert row[:2] == ["removed", "age"]
    assert json.loads(row[2])["why"] == "=1\t2"
    assert manifest["nodes"] == {"Disease": {"changed": 1}, "Drug": {"removed": 1}}
    assert manifest["old"]["graph"] == old.fingerprint
    assert manifest["new"]["graph"] == new.fingerprint
    for name, entry in manifest["files"].items():
        content = (tmp_path / "diff" / name).read_bytes()
        assert entry == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert json.loads((tmp_path / "diff" / "manifest.json").read_text()) == manifest


def test_only_the_texts_that_differ_are_written(tmp_path: Path) -> None:
    old = make_graph(NODES, {}, LABELS)
    new = make_graph(NODES, {}, [*LABELS, ("DOID:1", "synonym", "malady")])

    write_diff(diff(old, new), tmp_path / "diff")

    assert (tmp_path / "diff" / "nodes.tsv").read_text().splitlines()[1:] == [
        'changed\tDisease\tDOID:1\t{"name": "sick"}\t{"name": "sick", "synonym": ["malady"]}'
    ]


def test_an_earlier_diff_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    found = diff(make_graph(NODES, EDGES), make_graph(NODES, {}))
    write_diff(found, tmp_path / "diff")
    write_diff(found, tmp_path / "diff")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["diff"]

    (tmp_path / "diff" / "mine.txt").write_text("mine")
    with pytest.raises(FolderError, match="holds something else than a diff"):
        write_diff(found, tmp_path / "diff")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "manifest.json").write_text('{"kind": "pharmakon-graph"}')
    with pytest.raises(FolderError, match="holds something else than a diff"):
        write_diff(found, tmp_path / "other")


def test_hetionet_with_the_starter_differs_from_hetionet_by_the_starter(data: Path) -> None:
    folder = data / "hetionet"
    alone = build([create_source("hetionet", folder)]).graph
    together = build([create_source("hetionet", folder), create_source("starter")]).graph

    found = diff(alone, together)

    assert diff(alone, alone).is_empty
    for change in [*found.nodes.values(), *found.edges.values()]:
        assert not len(change.removed)
    n_new = sum(len(change.added) for change in found.edges.values())
    assert n_new == together.n_edges() - alone.n_edges()
