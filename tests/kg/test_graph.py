"""The columns: validity is established once, and a broken column is named."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings

from kg.errors import InvalidGraphError, SchemaError, UnknownNodeError
from kg.graph import AssertionTable, EdgeTable, Graph, Label, Node
from kg.schema import EdgeType, Step
from tests.graphs import make_graph
from tests.kg.random_graphs import graphs

TREATS = EdgeType("Drug", "treats", "Disease")
INTERACTS = EdgeType("Drug", "interacts", "Drug")


@pytest.fixture
def graph() -> Graph:
    return make_graph(
        {
            "Disease": {"DOID:10": "ten", "DOID:2": "two", "DOID:é": "accent"},
            "Drug": {"DRUGBANK:A": "a", "DRUGBANK:B": "b", "DRUGBANK:C": "c"},
        },
        {
            str(TREATS): [
                ("DRUGBANK:A", "DOID:2"), ("DRUGBANK:A", "DOID:10"), ("DRUGBANK:C", "DOID:2"),
            ],
            str(INTERACTS): [("DRUGBANK:C", "DRUGBANK:A", {"severity": "major"})],
        },
        labels=[("DRUGBANK:B", "synonym", "bee"), ("DRUGBANK:B", "code", "ATC:B")],
    )  # fmt: skip


def test_nodes_are_numbered_by_identifier_in_bytes(graph: Graph) -> None:
    assert graph.ids["Disease"].to_pylist() == ["DOID:10", "DOID:2", "DOID:é"]
    assert graph.node("Disease", 1) == Node("Disease", "DOID:2", "two")
    for node_type in graph.node_types:
        for row, node_id in enumerate(graph.ids[node_type].to_pylist()):
            assert graph.row(node_type, node_id) == row
            assert graph.find(node_id) == (node_type, row)
            assert graph.locate(graph.offsets[node_type] + row) == (node_type, row)


def test_an_unknown_node_or_edge_type_is_named(graph: Graph) -> None:
    for node_type, node_id in (("Drug", "DOID:2"), ("Gene", "DOID:2"), ("Drug", "")):
        with pytest.raises(UnknownNodeError, match="no node is called") as caught:
            graph.row(node_type, node_id)
        assert caught.value.text == node_id
    assert graph.find("DOID:3") is None
    with pytest.raises(SchemaError, match="has no Drug-binds-Gene edges"):
        graph.edges(EdgeType("Drug", "binds", "Gene"))
    assert graph.find_edge(EdgeType("Drug", "binds", "Gene"), 0, 0) is None


def test_counts_are_by_type_and_in_all(graph: Graph) -> None:
    assert (graph.n_nodes(), graph.n_nodes("Drug"), graph.n_nodes("Gene")) == (6, 3, 0)
    assert graph.n_edges() == 4
    assert graph.edge_types == (INTERACTS, TREATS)
    assert "6 nodes of 2 types, 4 edges of 2 types" in repr(graph)


def test_labels_come_in_the_order_of_their_kinds(graph: Graph) -> None:
    assert graph.labels_of("Drug", 1) == [
        Label("id", "DRUGBANK:B"), Label("name", "b"), Label("synonym", "bee"),
        Label("code", "ATC:B"),
    ]  # fmt: skip


def test_every_way_out_of_a_node_is_listed_once(graph: Graph) -> None:
    assert list(graph.steps("Drug")) == [Step(INTERACTS, True), Step(TREATS, True)]
    assert list(graph.steps("Disease")) == [Step(TREATS, False)]
    assert list(graph.steps("Gene")) == []


@settings(max_examples=40, deadline=None)
@given(graphs())
def test_a_built_graph_is_valid_and_both_directions_agree(graph: Graph) -> None:
    graph.validate()

    for edge_type, table in graph.edge_tables.items():
        everything = np.arange(len(table), dtype=np.int32)
        np.testing.assert_array_equal(table.head_of(everything), table.head)
        for edge, (head, tail) in enumerate(zip(table.head, table.tail, strict=True)):
            assert table.find(int(head), int(tail)) == edge
            assert edge in table.of_head(int(head))
            assert edge in table.of_tail(int(tail))
            assert graph.assertions(edge_type, edge)


def edge_table(**columns: Any) -> Callable[[Graph], Graph]:
    def change(graph: Graph) -> Graph:
        table: EdgeTable = replace(graph.edges(TREATS), **columns)
        return replace(graph, edge_tables={**graph.edge_tables, TREATS: table})

    return change


def assertion_table(**columns: Any) -> Callable[[Graph], Graph]:
    def change(graph: Graph) -> Graph:
        table: AssertionTable = replace(graph.assertion_tables[INTERACTS], **columns)
        return replace(graph, assertion_tables={**graph.assertion_tables, INTERACTS: table})

    return change


def rows(*values: int) -> Any:
    return np.array(values, np.int32)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (edge_table(tail=rows(0, 1, 3)), "tail rows must lie in"),
        (edge_table(tail=rows(0, 1, -1)), "tail rows must lie in"),
        (edge_table(tail=rows(1, 0, 1)), "not unique and sorted by head, tail"),
        (edge_table(tail=rows(0, 0, 1)), "not unique and sorted by head, tail"),
        (edge_table(head_start=rows(0, 2, 2)), "head starts do not cover 3 nodes"),
        (edge_table(head_start=rows(0, 2, 2, 4)), "head starts do not cover 3 nodes"),
        (edge_table(head_start=rows(1, 2, 2, 3)), "head starts do not cover 3 nodes"),
        (edge_table(head_start=rows(0, 3, 2, 3)), "head starts decrease"),
        (edge_table(tail_start=rows(0, 2, 1, 3)), "tail starts decrease"),
        (edge_table(tail_start=rows(0, 2, 3, 3)), "by_tail does not sort"),
        (edge_table(by_tail=rows(0, 1, 1)), "not a permutation"),
        (edge_table(by_tail=rows(1, 0, 2)), "by_tail does not sort"),
        (assertion_table(edge=rows(1)), "an edge has no assertion"),
        (assertion_table(edge=rows(0, 0)), "different lengths"),
        (assertion_table(details=rows(1)), "points at unknown details"),
        (assertion_table(provenance=np.array([7], np.int16)), "unknown provenance"),
        (assertion_table(uniform=7), "unknown provenance"),
        (lambda g: replace(g, provenances=[]), "unknown provenance"),
        (lambda g: replace(g, labels=replace(g.labels, node=g.labels.node + 1)), "a label points"),
        (
            lambda g: replace(g, ids={**g.ids, "Drug": pa.array(["X:1", "X:1", "X:2"])}),
            "Drug identifiers are not unique and sorted",
        ),
        (
            lambda g: replace(g, names={**g.names, "Drug": pa.array(["x"])}),
            "Drug has 3 ids, not as many names",
        ),
    ],
)
def test_columns_that_contradict_each_other_are_refused_by_name(
    graph: Graph, change: Callable[[Graph], Graph], says: str
) -> None:
    graph.validate()

    with pytest.raises(InvalidGraphError, match=says):
        change(graph).validate()


@given(graphs())
def test_all_assertions_are_those_of_each_edge_in_turn(graph: Graph) -> None:
    for edge_type in graph.edge_types:
        each = [graph.assertions(edge_type, i) for i in range(len(graph.edges(edge_type)))]
        assert list(graph.all_assertions(edge_type)) == each


def test_all_assertions_keep_details_and_sources(starter: Graph) -> None:
    edge_type = EdgeType("Drug", "interacts", "Drug")
    each = [starter.assertions(edge_type, i) for i in range(len(starter.edges(edge_type)))]
    assert list(starter.all_assertions(edge_type)) == each
