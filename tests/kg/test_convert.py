"""Conversions say the same as the columns, seen through other libraries."""

import numpy as np
import pytest
from hypothesis import given, settings

from kg.convert import to_matrix, to_networkx
from kg.errors import SchemaError
from kg.graph import Graph
from kg.schema import EDGES, EdgeType, Step
from tests.graphs import make_graph
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
        {"Drug-binds-Gene": [("DRUGBANK:1", "NCBIGene:1")]},
    )

    converted = to_networkx(graph)

    assert converted.nodes["NCBIGene:2"] == {"type": "Gene", "name": "alone"}
    assert converted.edges["DRUGBANK:1", "NCBIGene:1", "binds"] == {"sources": ["infores:test"]}
    assert converted.graph["fingerprint"] == graph.fingerprint


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
