"""Conversions say the same as the columns, seen through other libraries."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from kg.builder import build
from kg.convert import to_matrix, to_networkx
from kg.errors import SchemaError
from kg.graph import Assertion, Graph, Provenance
from kg.schema import EDGES, EdgeType, Step, edge_spec
from kg.selection import Selection, select
from tests.graphs import Handmade, make_graph
from tests.kg.random_graphs import graphs

BINDS = EdgeType("Drug", "binds", "Gene")
INTERACTS = EdgeType("Gene", "interacts", "Gene")


@settings(max_examples=40, deadline=None)
@given(graphs())
def test_neighbors_are_those_of_networkx(graph: Graph) -> None:
    theirs = to_networkx(graph)

    for node_type in graph.node_types:
        for step in graph.steps(node_type):
            relation, symmetric = step.edge_type.relation, EDGES[step.edge_type].symmetric
            for row in range(graph.n_nodes(node_type)):
                node = graph.node(node_type, row).id
                expected = set()
                if step.forward or symmetric:
                    expected |= {
                        t for _, t, k in theirs.out_edges(node, keys=True) if k == relation
                    }
                if not step.forward or symmetric:
                    expected |= {h for h, _, k in theirs.in_edges(node, keys=True) if k == relation}
                expected = {n for n in expected if theirs.nodes[n]["type"] == step.target}
                rows, edges = graph.neighbors(step, row)
                assert [graph.node(step.target, r).id for r in rows] == sorted(expected)
                assert len(edges) == len(rows)


@settings(max_examples=40, deadline=None)
@given(graphs())
def test_each_edge_number_of_a_neighbor_leads_to_that_neighbor(graph: Graph) -> None:
    for edge_type in graph.edge_types:
        table = graph.edges(edge_type)
        for step in (Step(edge_type, True), Step(edge_type, False)):
            for row in range(graph.n_nodes(step.source)):
                for there, edge in zip(*graph.neighbors(step, row), strict=True):
                    ends = int(table.head[edge]), int(table.tail[edge])
                    walked = (row, int(there)) if step.forward else (int(there), row)
                    assert ends == walked or (EDGES[edge_type].symmetric and ends == walked[::-1])
                    assert graph.find_edge(edge_type, *ends) == edge


@settings(max_examples=40, deadline=None)
@given(graphs())
def test_a_matrix_has_a_one_for_each_edge_and_is_symmetric_where_the_relation_is(
    graph: Graph,
) -> None:
    for edge_type in graph.edge_types:
        table = graph.edges(edge_type)
        expected = np.zeros((graph.n_nodes(edge_type.head), graph.n_nodes(edge_type.tail)))
        expected[table.head, table.tail] = 1
        if EDGES[edge_type].symmetric:
            expected = np.maximum(expected, expected.T)

        matrix = to_matrix(graph, edge_type)

        assert matrix.dtype == np.float32
        np.testing.assert_array_equal(matrix.toarray(), expected)
        assert matrix.nnz == expected.sum()


def test_networkx_knows_names_types_and_who_says_an_edge() -> None:
    graph = make_graph(
        {"Drug": {"DRUGBANK:1": "one"}, "Gene": {"NCBIGene:1": "GENE", "NCBIGene:2": "alone"}},
        {"Drug-binds-Gene": [("DRUGBANK:1", "NCBIGene:1", {"reference": "PMID:1"})]},
    )

    converted = to_networkx(graph)

    assert converted.nodes["NCBIGene:2"] == {"type": "Gene", "name": "alone"}
    assert converted.edges["DRUGBANK:1", "NCBIGene:1", "binds"] == {
        "type": "Drug-binds-Gene",
        "symmetric": False,
        "sources": ["infores:test"],
        "assertions": [
            {
                "source": "test",
                "primary_knowledge_source": "infores:test",
                "licence": "CC0-1.0",
                "knowledge_level": "knowledge_assertion",
                "agent_type": "manual_agent",
                "details": {"reference": "PMID:1"},
            }
        ],
    }
    assert converted.graph["fingerprint"] == graph.fingerprint


def nodes_of(graph: Graph) -> dict[str, tuple[str, str]]:
    nodes = (graph.node(t, row) for t in graph.node_types for row in range(graph.n_nodes(t)))
    return {node.id: (node.type, node.name) for node in nodes}


def facts_of(graph: Graph) -> dict[tuple[str, str, str], list[Assertion]]:
    """Head, relation, tail -> who says so: read from the columns."""
    facts = {}
    for edge_type in graph.edge_types:
        table = graph.edges(edge_type)
        for edge in range(len(table)):
            head = graph.node(edge_type.head, int(table.head[edge])).id
            tail = graph.node(edge_type.tail, int(table.tail[edge])).id
            facts[head, edge_type.relation, tail] = list(graph.assertions(edge_type, edge))
    return facts


def facts_in(converted: Any) -> dict[tuple[str, str, str], list[Assertion]]:
    """The same, read from networkx alone."""
    return {
        (head, relation, tail): [
            Assertion(Provenance(**{k: v for k, v in a.items() if k != "details"}), a["details"])
            for a in edge["assertions"]
        ]
        for head, tail, relation, edge in converted.edges(keys=True, data=True)
    }


@settings(max_examples=40, deadline=None)
@given(graphs())
def test_every_fact_of_a_graph_comes_back_from_networkx(graph: Graph) -> None:
    converted = to_networkx(graph)

    assert {n: (d["type"], d["name"]) for n, d in converted.nodes.items()} == nodes_of(graph)
    assert facts_in(converted) == facts_of(graph)


OTHER = Provenance("other", "infores:other", "CC-BY-4.0", "prediction", "automated_agent")


class Other(Handmade):
    """A second source."""

    name = "other"


def told_twice() -> Graph:
    """Two sources: of five edges, both say one, and one is said twice by the first."""
    first = Handmade(
        {
            "Drug": {"DRUGBANK:1": "one", "DRUGBANK:2": "two"},
            "Gene": {"NCBIGene:1": "GENE", "NCBIGene:2": "alone"},
        },
        {
            "Drug-binds-Gene": [
                ("DRUGBANK:1", "NCBIGene:1", {"reference": "PMID:1"}),
                ("DRUGBANK:1", "NCBIGene:1", {"reference": "PMID:2"}),
                ("DRUGBANK:2", "NCBIGene:1", {"reference": "PMID:3"}),
            ],
            "Drug-interacts-Drug": [("DRUGBANK:2", "DRUGBANK:1", {"severity": "major"})],
            "Gene-regulates-Gene": [("NCBIGene:1", "NCBIGene:1")],
        },
    )
    second = Other(
        {"Gene": {"NCBIGene:1": "GENE"}},
        {
            "Drug-binds-Gene": [("DRUGBANK:1", "NCBIGene:1", {"affinity": 7})],
            "Gene-regulates-Gene": [("NCBIGene:2", "NCBIGene:1")],
        },
        provenance=OTHER,
    )
    return build([first, second]).graph


def test_every_assertion_of_several_sources_comes_back_from_networkx() -> None:
    graph = told_twice()

    converted = to_networkx(graph)

    facts = facts_of(graph)
    said = facts["DRUGBANK:1", "binds", "NCBIGene:1"]
    assert [(a.provenance.source, a.details) for a in said] == [
        ("test", {"reference": "PMID:1"}),
        ("test", {"reference": "PMID:2"}),
        ("other", {"affinity": 7}),
    ]
    assert facts_in(converted) == facts
    assert converted.edges["DRUGBANK:1", "NCBIGene:1", "binds"]["sources"] == [
        "infores:other",
        "infores:test",
    ]


def test_an_edge_keeps_its_direction_and_says_if_it_means_nothing(starter: Graph) -> None:
    converted = to_networkx(starter)

    assert converted.number_of_edges() == starter.n_edges()
    for head, tail, relation, edge in converted.edges(keys=True, data=True):
        edge_type = EdgeType(converted.nodes[head]["type"], relation, converted.nodes[tail]["type"])
        assert edge["type"] == str(edge_type)
        assert edge["symmetric"] == edge_spec(edge_type).symmetric
    assert facts_in(converted) == facts_of(starter)


def test_a_selection_has_its_nodes_its_edges_and_the_statements_that_pass() -> None:
    graph = told_twice()
    subset = select(graph, Selection(("DRUGBANK:1",), 2, sources=("infores:other",)))

    converted = to_networkx(subset)

    assert set(converted) == {"DRUGBANK:1", "NCBIGene:1", "NCBIGene:2"}
    assert facts_in(converted) == {
        ("DRUGBANK:1", "binds", "NCBIGene:1"): [Assertion(OTHER, {"affinity": 7})],
        ("NCBIGene:2", "regulates", "NCBIGene:1"): [Assertion(OTHER, {})],
    }
    assert converted.nodes["NCBIGene:2"] == {"type": "Gene", "name": "alone"}


def test_a_matrix_of_an_edge_type_that_is_not_there_is_refused() -> None:
    graph = make_graph({"Drug": {"DRUGBANK:1": "one"}}, {})

    with pytest.raises(SchemaError, match="no Drug-binds-Gene edges"):
        to_matrix(graph, BINDS)


def test_a_self_loop_is_one_entry_and_one_neighbor() -> None:
    graph = make_graph(
        {"Gene": {"NCBIGene:1": "a", "NCBIGene:2": "b"}},
        {"Gene-interacts-Gene": [("NCBIGene:2", "NCBIGene:2"), ("NCBIGene:2", "NCBIGene:1")]},
    )

    assert to_matrix(graph, INTERACTS).toarray().tolist() == [[0, 1], [1, 1]]
    rows, edges = graph.neighbors(Step(INTERACTS, True), 1)
    assert rows.tolist() == [0, 1]
    assert len(set(edges.tolist())) == 2
