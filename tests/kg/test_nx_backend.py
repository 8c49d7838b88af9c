"""What networkx sends to the columns comes back as networkx itself would answer it."""

import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.convert import to_nx_view
from kg.graph import Graph
from kg.nx import backend as module
from kg.nx.backend import backend
from kg.nx.info import FUNCTIONS, backend_info
from tests.kg.random_graphs import graphs

ROOT = Path(__file__).parent.parent.parent
KINDS: list[Any] = [nx.Graph, nx.DiGraph, nx.MultiGraph, nx.MultiDiGraph]
LABELS: list[Any] = [0, 1, "two", (3, 3), "four", 5.5, frozenset([6])]


@st.composite
def networks(draw: st.DrawFn) -> Any:
    """Any kind of networkx graph: loops, parallel edges, weights, nodes alone, odd labels."""
    graph = draw(st.sampled_from(KINDS))(name="random")
    labels = draw(st.permutations(LABELS))[: draw(st.integers(0, len(LABELS)))]
    graph.add_nodes_from((label, {"rank": i}) for i, label in enumerate(labels))
    if labels:
        ends = st.sampled_from(labels)
        for head, tail in draw(st.lists(st.tuples(ends, ends), max_size=14)):
            values: dict[str, float] = draw(
                st.sampled_from([{}, {"weight": 2}, {"weight": 0.5, "other": 3}])
            )
            graph.add_edge(head, tail, **values)
    return graph


def native(graph: Any) -> Any:
    """A networkx graph with all that a view shows, made by networkx's public calls."""
    result: Any = nx.DiGraph() if graph.is_directed() else nx.Graph()
    result.add_nodes_from(graph)
    result.add_edges_from((head, tail) for head in graph for tail in graph[head])
    return result


def outcome(call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """What a call gives, order included, or the error that it raises."""
    try:
        found = call(*arguments, **options)
        if not isinstance(found, dict | list | bool):
            found = [dict(v) if isinstance(v, dict) else v for v in found]
    except (nx.NetworkXException, ZeroDivisionError) as error:
        return type(error), str(error) if isinstance(error, nx.NetworkXException) else ""
    return list(found.items()) if isinstance(found, dict) else found


def ask_everything(ours: Any, theirs: Any) -> None:
    """Every function on columns, with each argument, for every pair of nodes."""
    nodes = [*theirs, "nobody"]
    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [("shortest_path", (), {})]
    for node in nodes:
        calls += [
            ("shortest_path", (node,), {}),
            ("shortest_path", (), {"target": node}),
            ("bfs_edges", (node,), {}),
            ("bfs_edges", (node,), {"reverse": True}),
            ("bfs_edges", (node,), {"depth_limit": 1}),
            ("bfs_edges", (node,), {"sort_neighbors": lambda found: sorted(found, key=str)}),
        ]
    for source, target in itertools.product(nodes, nodes):
        calls += [("shortest_path", (source, target), {}), ("has_path", (source, target), {})]
    calls += [("degree_centrality", (), {})]
    if not theirs.is_directed():
        calls += [("connected_components", (), {})]
    for name, arguments, options in calls:
        expected = outcome(_plain(name), theirs, *arguments, **options)
        found = outcome(getattr(backend, name), ours, *arguments, **options)
        assert found == expected, (name, arguments, options)


def ask_pagerank(ours: Any, theirs: Any, **options: Any) -> None:
    expected = outcome(_plain("pagerank"), theirs, **options)
    found = outcome(backend.pagerank, ours, **options)
    if isinstance(expected, tuple):
        assert found == expected
    else:
        assert [node for node, _ in found] == [node for node, _ in expected]
        assert [rank for _, rank in found] == pytest.approx([rank for _, rank in expected])
        assert all(type(rank) is float for _, rank in found)


def _plain(name: str) -> Callable[..., Any]:
    """networkx's own function, whatever backends are there."""
    return lambda *arguments, **options: getattr(nx, name)(
        *arguments, backend="networkx", **options
    )


@settings(max_examples=60, deadline=None)
@given(networks())
def test_any_networkx_graph_gets_the_answers_of_networkx_in_its_order(network: Any) -> None:
    ask_everything(backend.convert_from_nx(network), network)


@settings(max_examples=40, deadline=None)
@given(graphs(largest=3), st.booleans())
def test_a_view_gets_the_answers_of_networkx_on_the_same_graph(
    graph: Graph, directed: bool
) -> None:
    view: Any = to_nx_view(graph, directed=directed)

    ask_everything(view, native(view))
    ask_pagerank(view, native(view))


@settings(max_examples=60, deadline=None)
@given(networks(), st.data())
def test_pagerank_takes_every_argument_as_networkx_does(network: Any, data: st.DataObject) -> None:
    ours = backend.convert_from_nx(network)
    values = st.none()
    if len(network):
        some = st.dictionaries(st.sampled_from(list(network)), st.integers(1, 5), min_size=1)
        values = st.one_of(values, some)

    ask_pagerank(
        ours,
        network,
        alpha=data.draw(st.sampled_from([0.5, 0.85])),
        personalization=data.draw(values),
        nstart=data.draw(values),
        dangling=data.draw(values),
        weight=data.draw(st.sampled_from(["weight", "other", None])),
    )
    ask_pagerank(ours, network, personalization={"nobody": 1})
    ask_pagerank(ours, network, max_iter=0)


@settings(max_examples=60, deadline=None)
@given(networks())
def test_weighted_paths_are_those_of_networkx(network: Any) -> None:
    ours = backend.convert_from_nx(network)
    for source, target in itertools.product(network, network):
        for method in ("dijkstra", "bellman-ford"):
            options = {"weight": "weight", "method": method}
            expected = outcome(_plain("shortest_path"), network, source, target, **options)
            assert outcome(backend.shortest_path, ours, source, target, **options) == expected
    with pytest.raises(ValueError, match="method not supported: guess"):
        backend.shortest_path(ours, 1, 2, method="guess")


@settings(max_examples=60, deadline=None)
@given(networks())
def test_a_networkx_graph_comes_back_from_columns_as_it_was(network: Any) -> None:
    view = backend.convert_from_nx(network)

    back = backend.convert_to_nx(view)

    assert type(back) is type(network)
    for graph in (view, back):
        assert graph.graph == network.graph
        assert list(graph.nodes(data=True)) == list(network.nodes(data=True))
        assert list(graph.edges(data=True)) == list(network.edges(data=True))
        assert {n: list(graph[n]) for n in graph} == {n: list(network[n]) for n in network}
        assert graph.number_of_edges() == network.number_of_edges()
        assert dict(graph.degree(weight="weight")) == dict(network.degree(weight="weight"))
    if network.is_directed():
        assert {n: list(back.pred[n]) for n in back} == {n: list(network.pred[n]) for n in network}
    back.add_edge("new", 1, weight=9)
    assert "new" not in network


def test_a_graph_without_nodes_is_answered() -> None:
    ask_everything(backend.convert_from_nx(nx.Graph()), nx.Graph())
    ask_pagerank(backend.convert_from_nx(nx.DiGraph()), nx.DiGraph())


def test_components_of_a_directed_graph_are_refused_as_by_networkx() -> None:
    with pytest.raises(nx.NetworkXNotImplemented, match="directed"):
        list(backend.connected_components(backend.convert_from_nx(nx.DiGraph([(1, 2)]))))


def test_what_networkx_does_not_have_cannot_run() -> None:
    assert backend.can_run("pagerank", (), {}) is True
    assert backend.can_run("betweenness_centrality", (), {}) is True
    assert backend.can_run("page_rank", (), {}) == "networkx has no code for page_rank"
    assert not hasattr(backend, "page_rank")


def test_only_pagerank_is_worth_a_conversion() -> None:
    assert backend.should_run("pagerank", (), {}) is True
    assert "costs more" in str(backend.should_run("shortest_path", (), {}))


def test_a_function_that_does_not_run_on_columns_gets_the_graph_itself() -> None:
    network = nx.path_graph(3)

    assert backend.convert_from_nx(network, name="density") is network
    changed = backend.convert_from_nx(network, name="relabel_nodes")
    changed.remove_node(0)
    assert 0 in network
    assert backend.convert_to_nx([1, 2]) == [1, 2]


def test_networkx_is_told_of_each_function_that_runs_on_columns() -> None:
    own = {name for name in vars(module.Backend) if not name.startswith("_")}
    other = {"can_run", "should_run", "convert_from_nx", "convert_to_nx"}

    assert own - other == set(FUNCTIONS)
    assert set(backend_info()["functions"]) == set(FUNCTIONS)  # type: ignore[call-overload]


def test_the_package_registers_the_backend_and_its_description() -> None:
    found = {
        group: {entry.name: entry.value for entry in entry_points(group=group)}.get("pharmakon")
        for group in ("networkx.backends", "networkx.backend_info")
    }

    assert found == {
        "networkx.backends": "kg.nx.backend:backend",
        "networkx.backend_info": "kg.nx.info:backend_info",
    }, "install the project again: pip install --no-deps -e ."


def test_networkx_sends_a_view_here_and_a_graph_of_its_own_when_asked(
    monkeypatch: pytest.MonkeyPatch, starter: Graph
) -> None:
    called = []
    for name in FUNCTIONS:
        original = getattr(module.Backend, name)

        def counting(self: Any, *arguments: Any, _name: str = name, _call: Any = original) -> Any:
            called.append(_name)
            return _call(self, *arguments)

        monkeypatch.setattr(module.Backend, name, counting)
    view: Any = to_nx_view(starter)
    a, b = next(iter(view.edges))

    assert nx.shortest_path(view, a, b) == [a, b]
    assert nx.has_path(view, a, b)
    assert next(nx.bfs_edges(view, a))[0] == a
    assert sum(map(len, nx.connected_components(view))) == len(view)
    assert len(nx.degree_centrality(view)) == len(nx.pagerank(view)) == len(view)
    assert set(called) == set(FUNCTIONS)
    called.clear()
    assert nx.has_path(nx.path_graph(3), 0, 2, backend="pharmakon")
    assert called[0] == "has_path"


def test_upstream_tests_pass_with_the_backend_switched_on() -> None:
    done = subprocess.run(
        [sys.executable, "benchmarks/check_networkx.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert found["wrong"] == []
    assert found["with_backend"] == found["without_backend"]
    assert set(found["with_backend"]) <= {"passed", "skipped"}
    assert all(function["on_columns"] > 0 for function in found["functions"].values())
