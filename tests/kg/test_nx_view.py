"""A view reads like a networkx graph of the same nodes and edges, and cannot be changed."""

import copy
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.convert import to_networkx, to_nx_view
from kg.graph import Graph
from kg.selection import Selection, Subset, select
from tests.graphs import make_graph
from tests.kg.random_graphs import graphs


def collapsed(selection: Graph | Subset, *, directed: bool) -> Any:
    """The oracle: the conversion with parallel edges together, in the order of the view."""
    converted = to_networkx(selection)
    result: Any = nx.DiGraph() if directed else nx.Graph()
    result.add_nodes_from(converted.nodes(data=True))
    pairs: dict[tuple[str, str], set[str]] = {}
    for head, tail, edge in converted.edges(data=True):
        pairs.setdefault((head, tail), set()).add(edge["type"])
        if edge["symmetric"] or not directed:
            pairs.setdefault((tail, head), set()).add(edge["type"])
    order = {node: i for i, node in enumerate(converted)}
    for head, tail in sorted(pairs, key=lambda pair: (order[pair[0]], order[pair[1]])):
        result.add_edge(head, tail, relations=tuple(sorted(pairs[head, tail])))
    return result


@st.composite
def selections(draw: st.DrawFn) -> Graph | Subset:
    """A random graph, or a selection of one."""
    graph = draw(graphs())
    if draw(st.booleans()):
        return graph
    seeds = draw(st.sets(st.sampled_from(["DRUGBANK:0", "NCBIGene:0", "DOID:0"]), min_size=1))
    relations = draw(st.sampled_from([(), ("interacts", "binds"), ("associates",)]))
    known = {edge_type.relation for edge_type in graph.edge_types}
    wanted = tuple(relation for relation in relations if relation in known)
    return select(graph, Selection(tuple(sorted(seeds)), draw(st.integers(0, 2)), (), wanted))


def same(view: Any, expected: Any) -> None:
    """Everything that a reader can ask, asked of both."""
    assert list(view) == list(expected)
    assert len(view) == len(expected)
    assert dict(view.nodes(data=True)) == dict(expected.nodes(data=True))
    assert list(view.edges(data=True)) == list(expected.edges(data=True))
    assert {n: list(view[n]) for n in view} == {n: list(expected[n]) for n in expected}
    assert dict(view.degree()) == dict(expected.degree())
    assert (view.number_of_edges(), view.size("weight")) == (
        expected.number_of_edges(),
        expected.size("weight"),
    )
    for head in expected:
        for tail in expected:
            assert view.has_edge(head, tail) == expected.has_edge(head, tail)
            assert view.number_of_edges(head, tail) == expected.number_of_edges(head, tail)
            assert view.get_edge_data(head, tail) == expected.get_edge_data(head, tail)


@settings(max_examples=60, deadline=None)
@given(selections())
def test_a_view_reads_as_the_conversion_with_parallel_edges_together(
    selection: Graph | Subset,
) -> None:
    same(to_nx_view(selection), collapsed(selection, directed=False))


@settings(max_examples=60, deadline=None)
@given(selections())
def test_a_directed_view_keeps_directions_and_walks_symmetric_relations_both_ways(
    selection: Graph | Subset,
) -> None:
    view, expected = to_nx_view(selection, directed=True), collapsed(selection, directed=True)

    same(view, expected)
    assert {n: list(view.pred[n]) for n in view} == {n: list(expected.pred[n]) for n in expected}
    assert list(view.in_edges(data=True)) == list(expected.in_edges(data=True))
    assert dict(view.in_degree()) == dict(expected.in_degree())
    assert dict(view.out_degree()) == dict(expected.out_degree())


@pytest.fixture
def graph() -> Graph:
    return make_graph(
        {
            "Disease": {"DOID:1": "ill"},
            "Drug": {"DRUGBANK:1": "one", "DRUGBANK:2": "two"},
            "Gene": {"NCBIGene:1": "alone"},
        },
        {
            "Drug-treats-Disease": [("DRUGBANK:1", "DOID:1")],
            "Drug-palliates-Disease": [("DRUGBANK:1", "DOID:1")],
            "Drug-interacts-Drug": [("DRUGBANK:2", "DRUGBANK:1"), ("DRUGBANK:2", "DRUGBANK:2")],
        },
    )


def test_nodes_and_edges_say_what_they_are(graph: Graph) -> None:
    view = to_nx_view(graph)

    assert isinstance(view, nx.Graph)
    assert view.nodes["DRUGBANK:1"] == {"type": "Drug", "name": "one"}
    assert view.edges["DOID:1", "DRUGBANK:1"] == {
        "relations": ("Drug-palliates-Disease", "Drug-treats-Disease")
    }
    assert view.edges["DRUGBANK:1", "DRUGBANK:2"]["relations"] == ("Drug-interacts-Drug",)
    assert view.graph == {"fingerprint": graph.fingerprint}
    assert repr(view.nodes["NCBIGene:1"]) == "{'type': 'Gene', 'name': 'alone'}"


def test_what_is_not_there_raises_what_networkx_raises(graph: Graph) -> None:
    view: Any = to_nx_view(graph)

    assert "DOID:9" not in view
    assert 7 not in view
    assert ["DOID:1"] not in view
    assert not view.has_edge("DOID:9", "DOID:1")
    for mapping, key in ((view, "DOID:9"), (view.nodes, "DOID:9"), (view, 7)):
        with pytest.raises(KeyError):
            mapping[key]
    with pytest.raises(KeyError):
        view["DOID:1"]["NCBIGene:1"]
    with pytest.raises(nx.NetworkXError, match="DOID:9"):
        view.neighbors("DOID:9")


CHANGES = {
    "add_node": ("x",), "add_nodes_from": (["x"],), "remove_node": ("DOID:1",),
    "remove_nodes_from": (["DOID:1"],), "add_edge": ("a", "b"), "add_edges_from": ([("a", "b")],),
    "add_weighted_edges_from": ([("a", "b", 1)],), "remove_edge": ("DOID:1", "DRUGBANK:1"),
    "remove_edges_from": ([("DOID:1", "DRUGBANK:1")],), "update": ([("a", "b")],), "clear": (),
    "clear_edges": (),
}  # fmt: skip


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("change", sorted(CHANGES))
def test_a_change_is_refused_as_networkx_refuses_one_of_a_frozen_graph(
    graph: Graph, change: str, directed: bool
) -> None:
    view: Any = to_nx_view(graph, directed=directed)
    before = sorted(view.edges), list(view)

    with pytest.raises(nx.NetworkXError, match="Frozen graph can't be modified"):
        getattr(view, change)(*CHANGES[change])

    assert nx.is_frozen(view)
    assert (sorted(view.edges), list(view)) == before


def test_attributes_cannot_be_changed_either(graph: Graph) -> None:
    view: Any = to_nx_view(graph)

    for attributes in (view.nodes["DOID:1"], view.edges["DOID:1", "DRUGBANK:1"], view.graph):
        with pytest.raises(nx.NetworkXError, match="Frozen"):
            attributes["note"] = "x"
        with pytest.raises(nx.NetworkXError, match="Frozen"):
            attributes.update(note="x")
    with pytest.raises(nx.NetworkXError, match="Frozen"):
        nx.set_node_attributes(view, {"DOID:1": "x"}, "note")
    with pytest.raises(nx.NetworkXError, match="Frozen"):
        nx.add_path(view, ["DOID:1", "NCBIGene:1"])


@pytest.mark.parametrize("directed", [False, True])
def test_copies_and_parts_of_a_view_are_networkx_graphs_of_their_own(
    graph: Graph, directed: bool
) -> None:
    view: Any = to_nx_view(graph, directed=directed)
    expected = collapsed(graph, directed=directed)

    same(view.copy(), expected)
    same(view.to_directed(), expected.to_directed())
    same(view.to_undirected(), expected.to_undirected())
    same(view.subgraph(["DRUGBANK:1", "DOID:1"]), expected.subgraph(["DRUGBANK:1", "DOID:1"]))
    same(type(view)(expected), expected)
    if directed:
        same(view.reverse(), expected.reverse())
        same(view.reverse(copy=False), expected.reverse(copy=False))
    changed = view.copy()
    changed.add_edge("DOID:1", "NCBIGene:1")
    assert not view.has_edge("DOID:1", "NCBIGene:1")
    assert copy.deepcopy(view.nodes["DOID:1"]) == {"type": "Disease", "name": "ill"}


def test_opening_a_view_builds_nothing(starter: Graph) -> None:
    view: Any = to_nx_view(starter)

    node = starter.node("Drug", 0)
    assert len(view) == starter.n_nodes()
    assert view.nodes[node.id]["name"] == node.name

    assert "out" not in vars(view.columns)


def test_a_view_keeps_no_python_object_for_a_node_or_edge(starter: Graph) -> None:
    view: Any = to_nx_view(starter)
    list(view.edges)
    nx.pagerank(view)

    kept = vars(view.columns)
    adjacency = vars(kept["out"]).values()

    assert all(isinstance(column, np.ndarray) for column in adjacency)
    sizes = [len(v) for v in kept.values() if isinstance(v, dict | list | tuple | set)]
    assert max(sizes) < 50 < len(view)


@pytest.mark.parametrize("directed", [False, True])
def test_functions_that_do_not_run_on_columns_read_the_view(starter: Graph, directed: bool) -> None:
    part = select(starter, Selection(("metformin",), 1))
    view: Any = to_nx_view(part, directed=directed)
    expected = collapsed(part, directed=directed)

    assert nx.density(view) == nx.density(expected)
    assert nx.betweenness_centrality(view) == nx.betweenness_centrality(expected)
    assert nx.clustering(view) == nx.clustering(expected)
    assert list(nx.descendants(view, next(iter(view)))) == list(
        nx.descendants(expected, next(iter(view)))
    )
