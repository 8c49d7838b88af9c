"""What is exported is what strangers' libraries read, in every format, whatever the texts hold."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pyarrow.parquet as pq
import pytest
import rdflib
from hypothesis import given
from hypothesis import strategies as st

from kg.builder import build
from kg.errors import FolderError
from kg.export import edge_rows, export, kgx, neo4j, node_rows, read_pyg
from kg.graph import Graph
from kg.schema import edge_spec
from kg.selection import Selection, Subset, select
from kg.sources import create_source
from kg.sparql import Store
from tests.graphs import make_graph
from tests.kg.exported import ODD, QUALIFIERS, hard_graph

Rows = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def subset() -> Subset:
    return select(hard_graph(), Selection())


@pytest.fixture(scope="module")
def expected(subset: Subset) -> tuple[Rows, Rows]:
    """Nodes and edges by id."""
    nodes, edges = node_rows(subset), edge_rows(subset)
    assert len(nodes) == 7
    assert len(edges) == 8
    return {row["id"]: row for row in nodes}, {row["id"]: row for row in edges}


def joined(row: dict[str, Any], by: str = "|") -> dict[str, Any]:
    return {k: by.join(v) if isinstance(v, list) else v for k, v in row.items()}


def test_kgx_tsv_is_read_without_quoting(
    subset: Subset, expected: tuple[Rows, Rows], tmp_path: Path
) -> None:
    export(subset, "kgx", tmp_path / "out")

    for name, rows in zip(("nodes", "edges"), expected, strict=True):
        with (tmp_path / "out" / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
            found = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        for row in found:
            wanted = joined(
                {k: [v.replace("|", "¦") for v in value] if isinstance(value, list) else value
                 for k, value in rows[row["id"]].items()}
            )  # fmt: skip
            assert {k: kgx.from_cell(v) for k, v in row.items()} == wanted
        assert len(found) == len(rows)


def test_kgx_json_lines_hold_lists_and_leave_out_what_is_empty(
    subset: Subset, expected: tuple[Rows, Rows], tmp_path: Path
) -> None:
    export(subset, "kgx-jsonl", tmp_path / "out")

    for name, rows in zip(("nodes", "edges"), expected, strict=True):
        text = (tmp_path / "out" / f"{name}.jsonl").read_text(encoding="utf-8")
        found = [json.loads(line) for line in text.split("\n")[:-1]]
        for row in found:
            wanted = {k: v for k, v in rows[row["id"]].items() if v not in ("", [])}
            several = "category" if name == "nodes" else "aggregator_knowledge_source"
            wanted[several] = [wanted[several]]
            assert row == wanted
        assert len(found) == len(rows)


@pytest.mark.parametrize("format_name", ["kgx", "kgx-jsonl"])
def test_a_kgx_export_is_a_source_that_brings_the_same_nodes_and_edges(
    subset: Subset, expected: tuple[Rows, Rows], tmp_path: Path, format_name: str
) -> None:
    export(subset, format_name, tmp_path / "out")

    again = select(build([create_source("kgx", tmp_path / "out")]).graph, Selection())

    bar = "¦" if format_name == "kgx" else "|"  # the one character that TSV cannot hold in a list
    for row in node_rows(again):
        wanted = dict(expected[0][row["id"]])
        wanted["synonym"] = [text.replace("|", bar) for text in wanted["synonym"]]
        assert row == wanted
    assert said(edge_rows(again)) == said(list(expected[1].values()))


@pytest.mark.parametrize("format_name", ["kgx", "kgx-jsonl", "parquet"])
def test_up_and_down_are_told_apart_in_biolinks_qualifiers(
    subset: Subset, tmp_path: Path, format_name: str
) -> None:
    """Both are ``biolink:affects``; a reader that knows only Biolink must not lose which."""
    out = tmp_path / "out"
    export(subset, format_name, out)

    rows: list[dict[str, Any]]
    if format_name == "kgx":
        with (out / "edges.tsv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    elif format_name == "kgx-jsonl":
        lines = (out / "edges.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
        rows = [json.loads(line) for line in lines]
        assert sum("qualified_predicate" in row for row in rows) == 2
    else:
        rows = pq.read_table(out / "edges.parquet").to_pylist()
    found = {row["relation_name"]: tuple(row.get(name, "") for name in QUALIFIERS) for row in rows}
    causes = ("biolink:causes", "activity_or_abundance")
    assert found.pop("upregulates") == (*causes, "increased")
    assert found.pop("downregulates") == (*causes, "decreased")
    assert set(found.values()) == {("", "", "")}


def said(rows: list[dict[str, Any]]) -> list[str]:
    """What edges say, without what reading KGX does not keep: their number, and the adapter."""
    result = []
    for row in rows:
        qualifiers = json.loads(row["qualifiers"] or "{}")
        qualifiers.pop("aggregator_knowledge_source", None)
        lost = {"id": "", "aggregator_knowledge_source": "", "qualifiers": qualifiers}
        result.append(json.dumps(row | lost, sort_keys=True))
    return sorted(result)


def test_parquet_holds_the_rows_as_they_are(
    subset: Subset, expected: tuple[Rows, Rows], tmp_path: Path
) -> None:
    export(subset, "parquet", tmp_path / "out")

    for name, rows in zip(("nodes", "edges"), expected, strict=True):
        found = pq.read_table(tmp_path / "out" / f"{name}.parquet").to_pylist()
        assert {row["id"]: row for row in found} == rows


def test_graphml_is_a_directed_multigraph_for_networkx(
    subset: Subset, expected: tuple[Rows, Rows], tmp_path: Path
) -> None:
    export(subset, "graphml", tmp_path / "out")

    found: Any = nx.read_graphml(tmp_path / "out" / "graph.graphml", force_multigraph=True)
    assert found.is_directed()
    filled = {i: {k: v for k, v in joined(row).items() if v} for i, row in expected[0].items()}
    read = {
        i: {"id": i, **{k: v for k, v in row.items() if v}} for i, row in found.nodes(data=True)
    }
    assert read == filled
    edges = {
        k: {"id": k, "subject": h, "object": t, **{n: v for n, v in row.items() if v}}
        for h, t, k, row in found.edges(keys=True, data=True)
    }
    assert edges == {i: {k: v for k, v in joined(r).items() if v} for i, r in expected[1].items()}


def test_graphml_holds_no_character_that_xml_forbids(tmp_path: Path) -> None:
    graph = make_graph(
        {"Drug": {"DRUGBANK:A": "a"}, "Disease": {"DOID:1": "b"}},
        {"Drug-treats-Disease": [("DRUGBANK:A", "DOID:1", {"note": "\x00 \x1b \ufffe <&>"})]},
    )
    export(select(graph, Selection()), "graphml", tmp_path / "out")

    ((*_, row),) = nx.read_graphml(tmp_path / "out" / "graph.graphml").edges(data=True)
    assert json.loads(row["qualifiers"]) == {"note": "\x00 \x1b \ufffd <&>"}


def test_cytoscape_json_is_a_network_for_networkx(
    subset: Subset, expected: tuple[Rows, Rows], tmp_path: Path
) -> None:
    export(subset, "cytoscape", tmp_path / "out")

    data = json.loads((tmp_path / "out" / "graph.cyjs").read_text(encoding="utf-8"))
    nodes = {row["data"]["id"]: row["data"] for row in data["elements"]["nodes"]}
    assert nodes == {i: {**row, "value": i} for i, row in expected[0].items()}
    edges = {row["data"]["id"]: row["data"] for row in data["elements"]["edges"]}
    for i, row in expected[1].items():
        wanted = {**row, "source": row["subject"], "target": row["object"]}
        del wanted["subject"], wanted["object"]
        assert edges[i].items() >= wanted.items()
        assert edges[i]["interaction"] == row["relation_name"]
    found = nx.cytoscape_graph(data)
    assert (len(found), found.size()) == (7, 8)


def test_sif_holds_each_edge_once_and_each_node_without_one(subset: Subset, tmp_path: Path) -> None:
    export(subset, "sif", tmp_path / "out")

    lines = (tmp_path / "out" / "graph.sif").read_text(encoding="utf-8").splitlines()
    assert lines == [
        "DRUGBANK:A\tbinds\tNCBIGene:1",
        "DRUGBANK:B\tdownregulates\tNCBIGene:1",
        "DRUGBANK:A\tinteracts\tDRUGBANK:B",
        "DRUGBANK:A\ttreats\tDOID:1",
        "DRUGBANK:E\ttreats\tDOID:2",
        "DRUGBANK:B\tupregulates\tNCBIGene:1",
        "NCBIGene:1\tregulates\tNCBIGene:1",
        "DRUGBANK:C",
    ]


def test_neo4j_gets_quoted_cells_types_in_the_header_and_a_command(
    subset: Subset, expected: tuple[Rows, Rows], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export(subset, "neo4j", out)

    with (out / "neo4j-nodes.csv").open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == [
        "id:ID", "category", "name", "synonym:string[]", "xref:string[]", "node_type", ":LABEL",
    ]  # fmt: skip
    found = {row[0]: row for row in rows}
    assert found["NCBIGene:1"][2] == "'=1+1"
    assert found["DOID:2"][2] == "'-"
    assert found["DRUGBANK:B"][3] == "'+1"
    assert found["DRUGBANK:A"][3].split("\x1f") == [ODD, "strict name"]
    assert {row[6] for row in rows} == {"Disease", "Drug", "Gene"}
    with (out / "neo4j-edges.csv").open(encoding="utf-8", newline="") as file:
        edges = list(csv.DictReader(file))
    for row in edges:
        wanted = expected[1][row["id"]]
        assert (row[":START_ID"], row[":TYPE"], row[":END_ID"]) == (
            wanted["subject"], wanted["relation_name"], wanted["object"],
        )  # fmt: skip
        assert row["license"] == wanted["license"]
        assert row["qualifiers"] == wanted["qualifiers"]
    assert len(edges) == len(expected[1])
    command = (out / "neo4j-import.txt").read_text()
    assert all(name in command for name in ("neo4j-nodes.csv", "neo4j-edges.csv", "U+001F"))


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "+cmd|'/c calc'!A1", "-HYPERLINK(1)", "'=1"])
def test_a_cell_that_a_spreadsheet_would_run_is_escaped_and_comes_back(text: str) -> None:
    assert kgx.cell(text) == f"'{text}"
    assert kgx.from_cell(kgx.cell(text)) == text
    assert neo4j.cell(text) == f'"\'{text}"'


@pytest.mark.parametrize("text", ["-", "+", "-omics", "'de novo' folding", "(-)-menthol", "5'-AMP"])
def test_a_name_that_is_no_formula_stands_as_it_is_in_tsv(text: str) -> None:
    assert kgx.cell(text) == kgx.from_cell(text) == text


@given(st.text())
def test_every_text_comes_back_from_its_cell(text: str) -> None:
    written = kgx.cell(text)

    assert kgx.from_cell(written) == re.sub(r"[\t\r\n]", " ", text)
    assert not re.search(r"[\t\r\n]", written)
    assert written[:1] not in ("=", "@")
    ((read,),) = csv.reader([neo4j.cell(text.replace("\r", " ").replace("\n", " "))])
    assert read[:1] not in tuple("=+-@\t\r")


@pytest.mark.parametrize(
    "selection",
    [Selection(), Selection(relations=("interacts", "regulates")), Selection(("alone",), hops=0)],
)
def test_both_rdf_formats_hold_the_triples_that_sparql_answers_from(
    selection: Selection, tmp_path: Path
) -> None:
    graph = hard_graph()
    subset = select(graph, selection)
    export(subset, ["nt", "turtle"], tmp_path / "out")

    lines, turtle = rdflib.Graph(), rdflib.Graph()
    lines.parse(tmp_path / "out" / "graph.nt", format="nt")
    turtle.parse(tmp_path / "out" / "graph.ttl", format="turtle")

    assert set(lines) == set(turtle)
    everything = set(rdflib.Graph(store=Store(graph)))
    assert set(lines) <= everything
    if selection == Selection():
        assert set(lines) == everything
    labels, said = lines.subjects(rdflib.RDFS.label), lines.subjects(rdflib.RDF.subject)
    assert len(list(labels)) == sum(map(len, subset.nodes.values()))
    assert len(list(said)) == len(edge_rows(subset))


def test_the_starters_rdf_is_what_sparql_answers_from(starter: Graph, tmp_path: Path) -> None:
    subset = select(starter, Selection(("metformin", "asthma")))
    export(subset, "turtle", tmp_path / "out")

    found = rdflib.Graph()
    found.parse(tmp_path / "out" / "graph.ttl", format="turtle")
    store = rdflib.Graph(store=Store(starter))
    assert all(triple in store for triple in found)
    assert len(set(found.subjects(rdflib.RDFS.label))) == sum(map(len, subset.nodes.values()))
    n_edges = sum(len(e) * (2 if edge_spec(t).symmetric else 1) for t, e in subset.edges.items())
    relations = [p for _, p, _ in found if str(p).startswith("urn:pharmakon:relation:")]
    assert len(relations) == n_edges


def test_pyg_reads_its_export_as_hetero_data(
    subset: Subset, expected: tuple[Rows, Rows], tmp_path: Path
) -> None:
    pytest.importorskip("torch_geometric")
    export(subset, "pyg", tmp_path / "out")

    data = read_pyg(tmp_path / "out")

    assert data.validate(raise_on_error=True)
    assert data.node_types == ["Disease", "Drug", "Gene"]
    assert sorted("-".join(t) for t in data.edge_types) == sorted(map(str, subset.edges))
    said = []
    for head, relation, tail in data.edge_types:
        store = data[head, relation, tail]
        ends = store.edge_index.numpy()
        assert np.array_equal(np.unique(store.assertion_edge), np.arange(ends.shape[1]))
        for edge, row in zip(
            store.assertion_edge.tolist(), store.assertion_statement.tolist(), strict=True
        ):
            subject = data[head].node_id[ends[0, edge]]
            target = data[tail].node_id[ends[1, edge]]
            said.append({"subject": subject, "object": target, **data.statements[row]})
    wanted = [{k: v for k, v in row.items() if k != "id"} for row in expected[1].values()]
    assert sorted(map(repr_of, said)) == sorted(map(repr_of, wanted))
    assert data["Drug"].name == [row["name"] for row in expected[0].values()
                                 if row["node_type"] == "Drug"]  # fmt: skip


def repr_of(row: dict[str, Any]) -> str:
    return json.dumps(row, sort_keys=True)


def test_a_damaged_pyg_export_is_refused(subset: Subset, tmp_path: Path) -> None:
    pytest.importorskip("torch_geometric")
    out = tmp_path / "out"
    export(subset, "pyg", out)
    texts = json.loads((out / "pyg.json").read_text())

    texts["nodes"]["Gene"]["id"] = []
    (out / "pyg.json").write_text(json.dumps(texts))
    with pytest.raises(
        FolderError, match=r"Drug-binds-Gene/edge_index\[1\] points outside \[0, 0\)"
    ):
        read_pyg(out)
    (out / "pyg.json").write_text("{}")
    with pytest.raises(FolderError, match="damaged"):
        read_pyg(out)
    with pytest.raises(FolderError, match="holds no export in the format pyg"):
        read_pyg(tmp_path)
