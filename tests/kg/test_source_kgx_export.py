"""Our own KGX export, read back: the same nodes, names, labels, edges and assertions."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from kg.builder import build
from kg.export import export, select
from kg.graph import Graph
from kg.selection import Selection
from kg.sources.kgx import Kgx
from tests.graphs import make_graph
from tests.kg.random_graphs import graphs


def facts(graph: Graph) -> dict[str, Any]:
    """All that KGX carries of a graph, without the adapter's name."""
    result: dict[str, Any] = {}
    for node_type, ids in graph.ids.items():
        for row, node_id in enumerate(ids.to_pylist()):
            labels = {(x.kind, x.text) for x in graph.labels_of(node_type, row)}
            result[node_id] = (node_type, graph.node(node_type, row).name, labels)
    for edge_type in graph.edge_types:
        table = graph.edges(edge_type)
        for edge, (head, tail) in enumerate(zip(table.head, table.tail, strict=True)):
            said = []
            for assertion in graph.assertions(edge_type, edge):
                details = dict(assertion.details)
                details.pop("aggregator_knowledge_source", None)
                p = assertion.provenance
                said.append(
                    (p.primary_knowledge_source, p.licence, p.knowledge_level, p.agent_type,
                     json.dumps(details, sort_keys=True))
                )  # fmt: skip
            ends = graph.node(edge_type.head, head).id, graph.node(edge_type.tail, tail).id
            result[f"{edge_type} {ends}"] = sorted(said)
    return result


def round_trip(graph: Graph, kind: str, folder: Path) -> Graph:
    export(select(graph, Selection()), [kind], folder)
    result = build([Kgx(folder)])
    assert result.report.refused == []
    return result.graph


@pytest.mark.parametrize("kind", ["kgx", "kgx-jsonl"])
def test_our_own_export_reads_back_to_the_same_graph(tmp_path: Path, kind: str) -> None:
    graph = make_graph(
        {
            "Drug": {"DRUGBANK:DB1": "=cmd()", "DRUGBANK:DB2": "'=b", "DRUGBANK:DB3": "二甲双胍"},
            "DrugClass": {"NDFRT:1": "class", "NDFRT:2": "other"},
            "Disease": {"DOID:1": "one", "DOID:2": "two"},
            "Gene": {"NCBIGene:1": "gene"},
            "SideEffect": {"UMLS:C1": "rash"},
            "Symptom": {"MESH:D1": "fever"},
            "Entity": {"X:1": "thing"},
        },
        {
            "Drug-treats-Disease": [
                (
                    "DRUGBANK:DB1",
                    "DOID:1",
                    {"severity": "major", "reference": ["PMID:1", "PMID:2"]},
                ),
                ("DRUGBANK:DB1", "DOID:1", {"severity": "minor"}),
            ],
            "Drug-not_treats-Disease": [("DRUGBANK:DB2", "DOID:1")],
            "Drug-off_label-Disease": [("DRUGBANK:DB2", "DOID:2", {"deep": {"a": [1, 2.5, True]}})],
            "Drug-upregulates-Disease": [("DRUGBANK:DB3", "DOID:2")],
            "Drug-upregulates-Gene": [
                ("DRUGBANK:DB1", "NCBIGene:1"),
                ("DRUGBANK:DB2", "NCBIGene:1", {"object_aspect_qualifier": "expression"}),
            ],
            "Disease-downregulates-Gene": [("DOID:1", "NCBIGene:1", {"z_score": "-2"})],
            "Drug-not_downregulates-Gene": [("DRUGBANK:DB1", "NCBIGene:1")],
            "Drug-affects-Gene": [
                (
                    "DRUGBANK:DB3",
                    "NCBIGene:1",
                    {
                        "object_aspect_qualifier": "degradation",
                        "object_direction_qualifier": "increased",
                        "qualified_predicate": "two words",
                    },
                )
            ],
            "Drug-causes-SideEffect": [("DRUGBANK:DB3", "UMLS:C1")],
            "Disease-presents-Symptom": [("DOID:1", "MESH:D1")],
            "Disease-subclass_of-Disease": [("DOID:1", "DOID:1"), ("DOID:2", "DOID:1")],
            "DrugClass-cross_reacts-DrugClass": [("NDFRT:2", "NDFRT:1")],
            "Entity-knows_of-Drug": [("X:1", "DRUGBANK:DB1", {"provided_by": ["a", "b"]})],
        },
        [
            ("DRUGBANK:DB1", "synonym", "+f(x)"),
            ("DRUGBANK:DB1", "synonym", "second"),
            ("DRUGBANK:DB1", "code", "ATC:A10BA02"),
            ("DOID:1", "code", "ICD10CM:E11"),
        ],
    )

    assert facts(round_trip(graph, kind, tmp_path / "out")) == facts(graph)


@settings(max_examples=15, deadline=None)
@given(graph=graphs())
def test_any_graph_reads_back_to_the_same_graph(
    graph: Graph, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = tmp_path_factory.mktemp("round") / "out"

    assert facts(round_trip(graph, "kgx", out)) == facts(graph)


def test_the_starter_comes_back_from_kgx_but_for_what_is_documented(
    starter: Graph, tmp_path: Path
) -> None:
    before, after = facts(starter), facts(round_trip(starter, "kgx-jsonl", tmp_path / "out"))

    assert set(before) == set(after)
    lost = ("product", "broader", "broader-code")
    for node_id, (node_type, name, labels) in ((k, v) for k, v in before.items() if " " not in k):
        kept = {(kind, text) for kind, text in labels if kind not in lost}
        assert after[node_id] == (node_type, name, kept)
    for edge in (key for key in before if " " in key):
        assert [said[:4] for said in after[edge]] == [said[:4] for said in before[edge]]
