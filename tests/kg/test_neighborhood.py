"""Neighbourhoods: who is near, how far, and over which edges; complete, ordered, filtered."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.builder import build
from kg.errors import SchemaError
from kg.filters import DIRECTIONS
from kg.graph import Graph
from kg.neighborhood import N_LINKS, Neighborhood, explore
from kg.query import words_of
from kg.schema import Step, edge_spec
from kg.selection import ORDERS, Selection, select
from tests.graphs import Handmade, make_graph
from tests.kg.random_sources import PROVENANCES, sourced_graphs


@settings(max_examples=40, deadline=None)
@given(
    sourced_graphs(),
    st.integers(1, 3),
    st.sampled_from(DIRECTIONS),
    st.sampled_from(ORDERS),
    st.none() | st.integers(0, 4),
    st.data(),
)
def test_every_edge_from_a_nearer_node_is_counted_and_only_those(
    graph: Graph, hops: int, direction: Any, order: Any, limit: int | None, data: st.DataObject
) -> None:
    everything = [graph.node(t, r) for t in graph.node_types for r in range(graph.n_nodes(t))]
    seed = data.draw(st.sampled_from(everything))
    licence = data.draw(st.sampled_from([p.licence for p in graph.provenances]))
    selection = Selection(
        (seed.id,), hops, licences=(licence,), direction=direction, order=order, limit=limit
    )

    found = explore(graph, selection)

    subset = select(graph, selection)
    distance = {
        graph.node(t, row): int(far)
        for t, rows in subset.nodes.items()
        for row, far in zip(rows, subset.distance[t], strict=True)
    }
    assert {r.node: r.distance for r in found.nodes} == {
        node: far for node, far in distance.items() if far
    }
    assert found.total == subset.total - 1
    expected: dict[Any, list[tuple[Any, str, tuple[str, ...]]]] = {r.node: [] for r in found.nodes}
    for edge_type in graph.edge_types:
        table = graph.edges(edge_type)
        for edge, (h, t) in enumerate(zip(table.head.tolist(), table.tail.tolist(), strict=True)):
            sources = tuple(
                dict.fromkeys(
                    a.provenance.primary_knowledge_source
                    for a in graph.assertions(edge_type, edge)
                    if a.provenance.licence == licence
                )
            )
            ends = graph.node(edge_type.head, h), graph.node(edge_type.tail, t)
            for here, there, way in ((*ends, "out"), (*ends[::-1], "in")):
                follows = direction in ("both", way) or edge_spec(edge_type).symmetric
                nearer = there in distance and distance.get(here) == distance[there] - 1
                if sources and follows and nearer:
                    words = words_of(Step(edge_type, way == "out"))
                    expected[there].append((here, words, sources))
    for reached in found.nodes:
        links = [(link.origin, link.words, link.sources) for link in reached.links]
        assert reached.n_links == len(expected[reached.node])
        assert links == sorted(expected[reached.node])[:N_LINKS]
    json.dumps(found.to_json())


@pytest.fixture
def graph() -> Graph:
    nodes: Mapping[str, Mapping[str, str]] = {
        "Drug": {"DRUGBANK:1": "seed", "DRUGBANK:2": "Beta", "DRUGBANK:3": "alpha"},
        "Gene": {"NCBIGene:1": "hub", "NCBIGene:2": "rare"},
    }
    first, second, _ = PROVENANCES
    return build(
        [
            Handmade(
                nodes,
                {
                    "Drug-interacts-Drug": [("DRUGBANK:1", "DRUGBANK:2", {"severity": "major"})],
                    "Drug-binds-Gene": [("DRUGBANK:1", "NCBIGene:1"), ("DRUGBANK:2", "NCBIGene:1"),
                                        ("DRUGBANK:3", "NCBIGene:1")],
                },
                provenance=first,
            ),
            Handmade(
                {},
                {"Drug-binds-Gene": [("DRUGBANK:1", "NCBIGene:2"), ("DRUGBANK:1", "NCBIGene:1")]},
                provenance=second,
            ),
        ]
    ).graph  # fmt: skip


def listed(found: Neighborhood) -> list[tuple[str, int]]:
    return [(reached.node.name, reached.distance) for reached in found.nodes]


def test_nearer_nodes_come_first_then_the_order_asked_for(graph: Graph) -> None:
    by_name = explore(graph, Selection(("seed",), 2))
    by_degree = explore(graph, Selection(("seed",), 2, order="degree"))

    assert listed(by_name) == [("Beta", 1), ("hub", 1), ("rare", 1), ("alpha", 2)]
    assert listed(by_degree) == [("hub", 1), ("Beta", 1), ("rare", 1), ("alpha", 2)]
    assert [reached.degree for reached in by_degree.nodes] == [3, 2, 1, 1]


def test_an_edge_that_leads_there_is_told_with_its_words_details_and_sources(
    graph: Graph,
) -> None:
    beta, hub, _, alpha = explore(graph, Selection(("seed",), 2)).nodes

    assert [(link.words, link.details) for link in beta.links] == [
        ("interacts", {"severity": "major"})
    ]
    assert hub.links[0].sources == ("infores:one", "infores:two")
    assert [(link.origin.name, link.words) for link in alpha.links] == [("hub", "bound by")]


def test_only_the_sources_that_pass_are_told(graph: Graph) -> None:
    found = explore(graph, Selection(("seed",), 2, sources=("two",)))

    assert listed(found) == [("hub", 1), ("rare", 1)]
    assert {source for r in found.nodes for link in r.links for source in link.sources} == {
        "infores:two"
    }


def test_a_limit_cuts_the_list_but_not_the_total(graph: Graph) -> None:
    found = explore(graph, Selection(("seed",), 2, limit=1))

    assert listed(found) == [("Beta", 1)]
    assert found.total == 4


def test_a_node_reached_over_many_edges_shows_a_few_and_counts_all() -> None:
    genes = {f"NCBIGene:{i}": f"g{i}" for i in range(9)}
    graph = make_graph(
        {"Drug": {"DRUGBANK:1": "a", "DRUGBANK:2": "b"}, "Gene": genes},
        {"Drug-binds-Gene": [(drug, g) for drug in ("DRUGBANK:1", "DRUGBANK:2") for g in genes]},
    )

    far = explore(graph, Selection(("a",), 2)).nodes[-1]

    assert (far.node.name, far.n_links) == ("b", 9)
    assert [link.origin.name for link in far.links] == ["g0", "g1", "g2"]


def test_a_neighbourhood_of_nothing_is_refused(graph: Graph) -> None:
    with pytest.raises(SchemaError, match="at least one seed"):
        explore(graph, Selection(types=("Gene",)))
