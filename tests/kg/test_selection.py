"""Selections: closed, and exactly what was asked for; against loops over plain dictionaries."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.builder import build
from kg.errors import SchemaError, UnknownNodeError
from kg.filters import DIRECTIONS
from kg.graph import EdgeTable, Graph
from kg.schema import edge_spec
from kg.selection import ORDERS, Selection, Subset, select
from tests.graphs import Handmade, make_graph
from tests.kg.random_sources import PROVENANCES, sourced_graphs

EVIDENCE = ("manual_agent", "computational_model", "prediction", "knowledge_assertion")
Place = tuple[str, int]  # node type and row


def selections(graph: Graph, *, seeded: bool) -> st.SearchStrategy[Selection]:
    everything = [graph.node(t, r).id for t in graph.node_types for r in range(graph.n_nodes(t))]
    relations = sorted({e.relation for e in graph.edge_types})

    def some(values: Any) -> Any:
        chosen = st.lists(st.sampled_from(sorted(values)), max_size=2, unique=True)
        return chosen.map(tuple) if values else st.just(())

    used = [*graph.provenances]
    return st.builds(
        Selection,
        st.lists(st.sampled_from(everything), min_size=1, max_size=2).map(tuple)
        if seeded
        else st.just(()),
        st.integers(0, 3),
        some(graph.node_types),
        some(relations),
        some({p.licence for p in used}),
        sources=some({p.source for p in used} | {p.primary_knowledge_source for p in used}),
        evidence=some({p.knowledge_level for p in used} | {p.agent_type for p in used}),
        direction=st.sampled_from(DIRECTIONS),
        limit=st.none() | st.integers(0, 6),
        order=st.sampled_from(ORDERS),
    )


class Slow:
    """The same by hand: one edge after the other, sets and loops."""

    def __init__(self, graph: Graph, selection: Selection) -> None:
        self.graph, self.selection = graph, selection
        self.types = set(selection.types or graph.node_types)
        self.ends: dict[tuple[Any, int], tuple[Place, Place]] = {}  # edges that pass
        for edge_type in graph.edge_types:
            table = graph.edges(edge_type)
            for edge, (h, t) in enumerate(
                zip(table.head.tolist(), table.tail.tolist(), strict=True)
            ):
                said = graph.assertions(edge_type, edge)
                if (not selection.relations or edge_type.relation in selection.relations) and any(
                    self.passes(a.provenance) for a in said
                ):
                    self.ends[edge_type, edge] = ((edge_type.head, h), (edge_type.tail, t))
        self.distance = self.near() if selection.seeds else self.all()
        self.total = len(self.distance)
        self.cut()
        self.edges = {key for key, (a, b) in self.ends.items() if {a, b} <= self.distance.keys()}

    def passes(self, provenance: Any) -> bool:
        wanted = self.selection
        levels = {"prediction", "knowledge_assertion"} & set(wanted.evidence)
        agents = {"manual_agent", "computational_model"} & set(wanted.evidence)
        return (
            (not wanted.licences or provenance.licence in wanted.licences)
            and (
                not wanted.sources
                or bool(
                    {provenance.source, provenance.primary_knowledge_source} & set(wanted.sources)
                )
            )
            and (not levels or provenance.knowledge_level in levels)
            and (not agents or provenance.agent_type in agents)
        )

    def all(self) -> dict[Place, int]:
        graph, wanted = self.graph, self.selection
        places = {(t, r) for t in self.types for r in range(graph.n_nodes(t))}
        if wanted.relations or wanted.licences or wanted.sources or wanted.evidence:
            places = {p for a, b in self.ends.values() if {a, b} <= places for p in (a, b)}
        return dict.fromkeys(places, 0)

    def near(self) -> dict[Place, int]:
        distance = {self.graph.find(seed): 0 for seed in self.selection.seeds}
        for hop in range(self.selection.hops):
            for (edge_type, _), (head, tail) in self.ends.items():
                for here, there, way in ((head, tail, "out"), (tail, head, "in")):
                    follows = self.selection.direction in ("both", way)
                    if (
                        (follows or edge_spec(edge_type).symmetric)
                        and distance.get(here) == hop
                        and there[0] in self.types
                    ):
                        distance.setdefault(there, hop + 1)
        return {place: far for place, far in distance.items() if place is not None}

    def cut(self) -> None:
        limit = self.selection.limit
        seeds = {self.graph.find(seed) for seed in self.selection.seeds}
        others = sorted(set(self.distance) - seeds, key=self.rank)
        for place in others[len(others) if limit is None else limit :]:
            del self.distance[place]

    def rank(self, place: Place) -> tuple[Any, ...]:
        degree = 0
        for edge_type in self.graph.edge_types if self.selection.order == "degree" else ():
            table = self.graph.edges(edge_type)
            for h, t in zip(table.head.tolist(), table.tail.tolist(), strict=True):
                ends = [(edge_type.head, h), (edge_type.tail, t)]
                if edge_spec(edge_type).symmetric:
                    ends = list(dict.fromkeys(ends))
                degree += ends.count(place)
        return self.distance[place], -degree, self.graph.node(*place).name.casefold(), place


def check(graph: Graph, selection: Selection) -> None:
    subset, slow = select(graph, selection), Slow(graph, selection)

    distance = {
        (node_type, row): far
        for node_type, rows in subset.nodes.items()
        for row, far in zip(rows.tolist(), subset.distance[node_type].tolist(), strict=True)
    }
    assert distance == slow.distance
    assert {(e, i) for e, edges in subset.edges.items() for i in edges.tolist()} == slow.edges
    assert subset.total == slow.total
    assert [bool(good) for good in subset.provenances] == list(map(slow.passes, graph.provenances))
    for numbers in (*subset.nodes.values(), *subset.edges.values()):
        assert numbers.dtype == np.int32
        assert all(a < b for a, b in pairwise(numbers.tolist()))
        assert len(numbers)


@settings(max_examples=60, deadline=None)
@given(sourced_graphs(), st.booleans(), st.data())
def test_a_subset_is_what_was_asked_for_and_closed(
    graph: Graph, seeded: bool, data: st.DataObject
) -> None:
    check(graph, data.draw(selections(graph, seeded=seeded)))


@settings(max_examples=30, deadline=None)
@given(sourced_graphs(), st.data())
def test_both_of_two_filters_pass_what_each_of_them_passes(
    graph: Graph, data: st.DataObject
) -> None:
    one, other = (
        data.draw(selections(graph, seeded=False).map(lambda s: Selection(
            types=s.types, licences=s.licences, evidence=s.evidence,
            sources=tuple(text for text in s.sources if text.startswith("infores:")),
        )))
        for _ in range(2)
    )  # fmt: skip
    try:
        both = one & other
    except SchemaError:  # they have nothing in common; see below
        return

    passing = [select(graph, s).provenances for s in (one, other, both)]

    assert (passing[2] == (passing[0] & passing[1])).all()
    edges = [
        {(e, i) for e, numbers in select(graph, s).edges.items() for i in numbers.tolist()}
        for s in (one, other, both)
    ]
    assert edges[2] <= edges[0] & edges[1]


@pytest.fixture
def graph() -> Graph:
    nodes = {
        "Disease": {"DOID:1": "one", "DOID:2": "two"},
        "Drug": {"DRUGBANK:A": "Aspirin", "DRUGBANK:B": "Bosentan", "DRUGBANK:C": "alone"},
    }
    first, second, _ = PROVENANCES
    return build(
        [
            Handmade(
                nodes,
                {
                    "Drug-treats-Disease": [("DRUGBANK:A", "DOID:1")],
                    "Drug-interacts-Drug": [("DRUGBANK:B", "DRUGBANK:A")],
                },
                provenance=first,
            ),
            Handmade(
                {},
                {"Drug-treats-Disease": [("DRUGBANK:A", "DOID:1"), ("DRUGBANK:B", "DOID:2")]},
                provenance=second,
            ),
        ]
    ).graph


def ids(subset: Subset) -> set[str]:
    return {subset.graph.node(t, r).id for t, rows in subset.nodes.items() for r in rows.tolist()}


def test_without_seeds_it_is_the_whole_graph_and_with_a_filter_on_edges_their_ends(
    graph: Graph,
) -> None:
    assert ids(select(graph, Selection())) == {
        "DOID:1", "DOID:2", "DRUGBANK:A", "DRUGBANK:B", "DRUGBANK:C",
    }  # fmt: skip
    assert ids(select(graph, Selection(types=("drug",)))) == {
        "DRUGBANK:A", "DRUGBANK:B", "DRUGBANK:C",
    }  # fmt: skip
    assert ids(select(graph, Selection(sources=("one",)))) == {
        "DOID:1", "DRUGBANK:A", "DRUGBANK:B",
    }  # fmt: skip


def test_a_seed_stays_though_its_type_and_its_edges_are_filtered_away(graph: Graph) -> None:
    subset = select(graph, Selection(("alone", "aspirin"), types=("Disease",)))

    assert ids(subset) == {"DRUGBANK:A", "DRUGBANK:C", "DOID:1"}
    assert [seed.name for seed in subset.seeds] == ["alone", "Aspirin"]


def test_one_assertion_must_pass_all_filters_together(graph: Graph) -> None:
    # Each of the two holds for one of the edge's assertions; both hold for neither.
    mixed = Selection(licences=("CC0-1.0",), evidence=("computational_model",))
    fitting = Selection(licences=("CC0-1.0",), evidence=("manual_agent",))

    assert select(graph, mixed).edges == {}
    assert sum(map(len, select(graph, fitting).edges.values())) == 2


def test_edges_are_followed_in_their_direction_and_symmetric_ones_both_ways(graph: Graph) -> None:
    assert ids(select(graph, Selection(("DOID:1",), direction="out"))) == {"DOID:1"}
    assert ids(select(graph, Selection(("DOID:1",), direction="in"))) == {"DOID:1", "DRUGBANK:A"}
    for direction in DIRECTIONS:
        near = select(graph, Selection(("aspirin",), relations=("interacts",), direction=direction))
        assert ids(near) == {"DRUGBANK:A", "DRUGBANK:B"}


def test_a_limit_keeps_the_nearest_and_says_how_many_there_were(graph: Graph) -> None:
    def kept(limit: int, order: Any) -> set[str]:
        subset = select(graph, Selection(("DOID:1",), 3, limit=limit, order=order))
        assert subset.total == 4
        return ids(subset) - {"DOID:1"}

    assert kept(1, "name") == {"DRUGBANK:A"}
    assert kept(2, "degree") == {"DRUGBANK:A", "DRUGBANK:B"}
    assert kept(9, "name") == {"DRUGBANK:A", "DRUGBANK:B", "DOID:2"}
    assert kept(0, "name") == set()


def test_of_equally_far_nodes_the_order_decides() -> None:
    hub = make_graph(
        {
            "Drug": {"DRUGBANK:1": "b", "DRUGBANK:2": "A", "DRUGBANK:3": "c"},
            "Gene": {"NCBIGene:1": "g", "NCBIGene:2": "h"},
        },
        {"Drug-binds-Gene": [(f"DRUGBANK:{i}", "NCBIGene:1") for i in (1, 2, 3)]
         + [("DRUGBANK:3", "NCBIGene:2")]},
    )  # fmt: skip

    def kept(order: Any) -> set[str]:
        return ids(select(hub, Selection(("g",), limit=1, order=order))) - {"NCBIGene:1"}

    assert kept("name") == {"DRUGBANK:2"}
    assert kept("degree") == {"DRUGBANK:3"}


def test_two_selections_combine_to_what_both_let_pass() -> None:
    near = Selection(("aspirin",), 3, relations=("treats", "interacts"), limit=9)
    few = Selection(types=("drug", "gene"), relations=("interacts",), limit=5, order="degree")
    made = Selection(evidence=("manual_agent", "prediction"))
    other = Selection(types=("Drug",), evidence=("prediction", "observation"), direction="out")

    assert near & few == Selection(
        ("aspirin",), 3, ("Drug", "Gene"), ("interacts",), limit=5, order="degree"
    )
    assert few & other == Selection(
        (), 1, ("Drug",), ("interacts",), evidence=other.evidence, direction="out", limit=5,
        order="degree",
    )  # fmt: skip
    assert (made & other).evidence == ("knowledge_level=prediction", "agent_type=manual_agent")
    assert near & Selection() == near == Selection() & near
    assert (Selection(("a", "b"), 2) & Selection(("b", "c"), 1)) == Selection(("b",), 1)


@pytest.mark.parametrize(
    ("one", "other", "says"),
    [
        (Selection(types=("Gene",)), Selection(types=("Drug",)), "no types in common: Gene and"),
        (Selection(("a",)), Selection(("b",)), "no seeds in common: a and b"),
        (Selection(direction="in"), Selection(direction="out"), "two directions: in and out"),
        (
            Selection(evidence=("prediction",)),
            Selection(evidence=("observation",)),
            "no evidence in common",
        ),
        (Selection(evidence=("x",)), Selection(evidence=("x",)), "no evidence 'x'; have knowl"),
    ],
)
def test_selections_that_exclude_each_other_do_not_combine(
    one: Selection, other: Selection, says: str
) -> None:
    with pytest.raises(SchemaError, match=says):
        one & other


@pytest.mark.parametrize(
    ("selection", "says"),
    [
        (Selection(("aspirin",), hops=11), "between 0 and 10, not 11"),
        (Selection(("aspirin",), limit=-1), "0 or more, not -1"),
        (Selection(("aspirin",), order="size"), "no order 'size'; choose from name, degree"),  # type: ignore[arg-type]
        (Selection(direction="up"), "no direction 'up'; choose from out, in, both"),  # type: ignore[arg-type]
        (Selection(types=("Planet",)), "no node type 'Planet'; choose from"),
        (Selection(relations=("cures",)), "no relation 'cures' in the graph; have interacts, tr"),
        (Selection(licences=("MIT",)), "no licence 'MIT' in the graph; have CC-BY-4.0, CC0-1.0"),
        (Selection(sources=("three",)), "no source 'three' in the graph; have infores:one, inf"),
        (
            Selection(evidence=("guess",)),
            "no evidence 'guess'; have knowledge_level: knowledge_assertion, prediction; agent",
        ),
    ],
)
def test_what_the_graph_does_not_have_is_refused_with_what_it_has(
    graph: Graph, selection: Selection, says: str
) -> None:
    with pytest.raises(SchemaError, match=says):
        select(graph, selection)


def test_an_unknown_seed_is_refused_with_the_closest_names(graph: Graph) -> None:
    with pytest.raises(UnknownNodeError, match="Aspirin"):
        select(graph, Selection(("asprin",)))


def test_a_value_of_both_kinds_of_evidence_is_named_with_its_kind() -> None:
    first = PROVENANCES[0]
    unclear = type(first)("x", "infores:x", "CC0-1.0", "not_provided", "not_provided")
    edges = {"Drug-interacts-Drug": [("DRUGBANK:1", "DRUGBANK:2")]}
    nodes = {"Drug": {"DRUGBANK:1": "a", "DRUGBANK:2": "b"}}
    graph = build([Handmade(nodes, edges, provenance=unclear)]).graph

    with pytest.raises(SchemaError, match="write knowledge_level=not_provided or agent_type=not"):
        select(graph, Selection(evidence=("not_provided",)))
    assert select(graph, Selection(evidence=("agent_type=not_provided",))).edges


def test_a_small_selection_builds_no_column_of_heads(
    starter: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: EdgeTable) -> None:
        raise AssertionError("a column as long as the edge table was built")

    monkeypatch.setattr(EdgeTable, "head", property(refuse))

    assert select(starter, Selection(("metformin",))).total > 10
