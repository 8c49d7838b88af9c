"""Questions and answers: complete, ordered, and with the closest names where nothing is found."""

from dataclasses import replace
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.builder import build
from kg.convert import to_networkx
from kg.errors import SchemaError, UnknownNodeError
from kg.graph import Graph
from kg.paths import paths_from
from kg.query import describe, follow, neighborhood, path_in_words, resolve
from kg.schema import abbreviate, parse_metapath
from kg.selection import Selection
from tests.graphs import Handmade, make_graph
from tests.kg.random_graphs import graphs
from tests.kg.random_sources import PROVENANCES


@pytest.fixture
def graph() -> Graph:
    return make_graph(
        {
            "Disease": {"DOID:1": "beta disease", "DOID:2": "Alpha disease"},
            "Drug": {"DRUGBANK:A": "Metformin", "DRUGBANK:B": "Glipizide"},
            "Gene": {"NCBIGene:1": "ONE", "NCBIGene:2": "TWO"},
        },
        {
            "Drug-treats-Disease": [
                ("DRUGBANK:A", "DOID:1", {"line": "1"}), ("DRUGBANK:A", "DOID:2"),
            ],
            "Drug-interacts-Drug": [("DRUGBANK:B", "DRUGBANK:A", {"severity": "major"})],
            "Drug-binds-Gene": [("DRUGBANK:A", "NCBIGene:1"), ("DRUGBANK:A", "NCBIGene:2")],
            "Disease-associates-Gene": [
                ("DOID:1", "NCBIGene:1"), ("DOID:1", "NCBIGene:2"), ("DOID:2", "NCBIGene:2"),
            ],
        },
    )  # fmt: skip


def test_a_node_is_described_with_its_neighbours_by_relation_and_name(graph: Graph) -> None:
    view = describe(graph, "metformin")

    assert (view.node.id, view.grade, view.basis) == ("DRUGBANK:A", "exact", "name")
    assert [(r.words, r.type, r.total) for r in view.relations] == [
        ("treats", "Disease", 2), ("interacts", "Drug", 1), ("binds", "Gene", 2),
    ]  # fmt: skip
    treats = view.relations[0].neighbors
    assert [n.node.name for n in treats] == ["Alpha disease", "beta disease"]
    assert [n.details for n in treats] == [{}, {"line": "1"}]
    assert treats[0].sources == ("infores:test",)


def test_a_relation_is_read_in_its_direction_and_a_symmetric_one_from_both_ends(
    graph: Graph,
) -> None:
    disease, drug = describe(graph, "DOID:1"), describe(graph, "glipizide")

    assert ("treated by", "Drug") in [(r.words, r.type) for r in disease.relations]
    (interacts,) = drug.relations
    assert interacts.neighbors[0].node.id == "DRUGBANK:A"
    assert interacts.neighbors[0].details == {"severity": "major"}


def test_only_neighbours_of_the_type_asked_for_are_listed(graph: Graph) -> None:
    assert {r.type for r in describe(graph, "metformin", to="Gene").relations} == {"Gene"}
    assert describe(graph, "glipizide", to="Symptom").relations == ()
    assert {r.type for r in describe(graph, "metformin", to="gene").relations} == {"Gene"}
    with pytest.raises(SchemaError, match="no node type 'Genes'; choose from Anatomy"):
        describe(graph, "metformin", to="Genes")


def test_a_limit_cuts_the_list_but_not_the_total() -> None:
    genes = {f"NCBIGene:{i}": f"g{(i * 7919) % 3001:04d}" for i in range(3001)}
    edges = [("DRUGBANK:A", gene) for gene in genes]
    hub = make_graph({"Drug": {"DRUGBANK:A": "hub"}, "Gene": genes}, {"Drug-binds-Gene": edges})

    (relation,) = describe(hub, "hub", limit=3).relations

    assert relation.total == 3001
    assert [n.node.name for n in relation.neighbors] == ["g0000", "g0001", "g0002"]


def test_an_unknown_name_gets_the_closest_names(graph: Graph) -> None:
    with pytest.raises(UnknownNodeError, match="closest names: Metformin") as caught:
        describe(graph, "metfromin")

    assert caught.value.closest[0] == "Metformin"
    with pytest.raises(UnknownNodeError, match=r"no node is called 'qqqq'$"):
        resolve(graph, "qqqq")


def test_a_metapath_lists_its_ends_by_weight_with_paths_in_words(graph: Graph) -> None:
    found = follow(graph, "metformin", "Drug-binds-Gene-associates-Disease")

    assert [(t.node.name, t.n_paths) for t in found] == [("beta disease", 2), ("Alpha disease", 1)]
    assert found[0].weight > found[1].weight
    assert found[0].paths[0] == "Metformin –binds→ ONE ←associates– beta disease"
    assert follow(graph, "metformin", "CbGaD") == found
    assert follow(graph, "metformin", "CbGaD", limit=1) == found[:1]
    assert follow(graph, "glipizide", "CbGaD") == []


@pytest.mark.parametrize(
    ("text", "metapath", "error", "says"),
    [
        ("metformin", "DaG", SchemaError, "DaG begins with a Disease; Metformin is a Drug"),
        ("metformin", "CcSE", SchemaError, "no Drug-causes-SideEffect edges"),
        ("metformin", "Drug-eats-Gene", SchemaError, "not joined by 'eats'"),
        ("metfromin", "CbGaD", UnknownNodeError, "closest names: Metformin"),
    ],
)
def test_a_question_that_cannot_be_asked_says_why(
    graph: Graph, text: str, metapath: str, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        follow(graph, text, metapath)


def test_a_backward_step_of_a_directed_relation_is_an_arrow_back(graph: Graph) -> None:
    metapath = parse_metapath("Gene-binds-Drug-treats-Disease")
    (path,) = paths_from(graph, metapath, 0)[0]

    assert abbreviate(metapath) == "GbCtD"
    assert path_in_words(graph, metapath, path) == "ONE ←binds– Metformin –treats→ beta disease"


@settings(max_examples=40, deadline=None)
@given(graphs(), st.integers(0, 4), st.data())
def test_a_neighbourhood_is_that_of_networkx(graph: Graph, hops: int, data: st.DataObject) -> None:
    node_type = data.draw(st.sampled_from(graph.node_types))
    row = data.draw(st.integers(0, graph.n_nodes(node_type) - 1))

    found = neighborhood(graph, node_type, row, hops)

    start = graph.node(node_type, row).id
    reached = nx.single_source_shortest_path_length(
        to_networkx(graph).to_undirected(), start, cutoff=hops
    )
    assert {graph.node(t, r).id for t, rows in found.items() for r in rows} == set(reached)
    assert all((np.diff(rows) > 0).all() for rows in found.values())


def test_the_starter_answers_the_questions_of_the_readme(starter: Graph) -> None:
    assert describe(starter, "二甲双胍").node.id == "DRUGBANK:DB00331"
    words = {relation.words for relation in describe(starter, "metformin").relations}
    assert {"treats", "causes"} <= words
    targets = follow(starter, "metformin", "Drug-treats-Disease-presents-Symptom")
    assert all(target.node.type == "Symptom" and target.paths for target in targets)
    assert targets


def test_a_product_means_all_its_ingredients_and_so_does_a_clinical_drug(starter: Graph) -> None:
    for text in ("Janumet", "Metformin hydrochloride 500 MG / sitagliptin 50 MG Oral Tablet"):
        view = describe(starter, text)

        assert {view.node.name, *(node.name for node in view.others)} == {
            "Metformin",
            "Sitagliptin",
        }


def test_paths_too_many_to_list_are_counted_all_the_same(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = follow(graph, "metformin", "Drug-binds-Gene")
    monkeypatch.setattr("kg.paths.listing.MOST_PATHS", 0)

    counted = follow(graph, "metformin", "Drug-binds-Gene")

    assert counted == [replace(target, paths=()) for target in listed]
    assert listed[0].paths


def test_the_words_of_a_page_can_be_typed_as_a_metapath(graph: Graph) -> None:
    assert follow(graph, "DOID:1", "disease-treated by-drug") == follow(
        graph, "DOID:1", "Disease-treats-Drug"
    )


def test_what_no_encoding_can_say_is_an_unknown_name(graph: Graph) -> None:
    with pytest.raises(UnknownNodeError):
        resolve(graph, "\udcff\udcfe")


@pytest.fixture
def disputed() -> Graph:
    nodes = {
        "Disease": {"DOID:1": "beta disease"},
        "Drug": {"DRUGBANK:A": "Metformin", "DRUGBANK:B": "Glipizide"},
        "Gene": {"NCBIGene:1": "ONE", "NCBIGene:2": "TWO"},
    }
    first, second, _ = PROVENANCES
    stated: dict[str, list[tuple[Any, ...]]] = {
        "Drug-binds-Gene": [("DRUGBANK:A", "NCBIGene:1"), ("DRUGBANK:A", "NCBIGene:2")],
        "Disease-associates-Gene": [("DOID:1", "NCBIGene:1"), ("DOID:1", "NCBIGene:2")],
        "Drug-treats-Disease": [("DRUGBANK:A", "DOID:1", {"line": "1"})],
    }
    guessed: dict[str, list[tuple[Any, ...]]] = {
        "Drug-binds-Gene": [("DRUGBANK:A", "NCBIGene:1"), ("DRUGBANK:B", "NCBIGene:1")],
        "Drug-treats-Disease": [("DRUGBANK:A", "DOID:1", {"line": "2"})],
    }
    return build(
        [Handmade(nodes, stated, provenance=first), Handmade({}, guessed, provenance=second)]
    ).graph


def test_a_page_shows_what_the_sources_asked_for_say(disputed: Graph) -> None:
    view = describe(disputed, "metformin", only=Selection(sources=("infores:two",)))

    assert [(r.words, r.total) for r in view.relations] == [("treats", 1), ("binds", 1)]
    treats = view.relations[0].neighbors[0]
    assert (treats.details, treats.sources) == ({"line": "2"}, ("infores:two",))
    with pytest.raises(SchemaError, match="no source 'three' in the graph; have infores:one"):
        describe(disputed, "metformin", only=Selection(sources=("three",)))


def test_a_page_shows_the_relations_and_the_direction_asked_for(disputed: Graph) -> None:
    def words(text: str, only: Selection) -> list[str]:
        return [relation.words for relation in describe(disputed, text, only=only).relations]

    assert words("metformin", Selection(relations=("binds",))) == ["binds"]
    assert words("ONE", Selection(direction="out")) == []
    assert words("ONE", Selection(direction="in", types=("Drug",))) == ["bound by"]


def test_a_metapath_is_walked_through_around_and_by_what_was_asked(disputed: Graph) -> None:
    def paths_of(**asked: Any) -> list[str]:
        targets = follow(disputed, "metformin", "CbGaD", **asked)
        assert [target.n_paths for target in targets] == [len(t.paths) for t in targets]
        return [path for target in targets for path in target.paths]

    over_one = "Metformin –binds→ ONE ←associates– beta disease"
    over_two = "Metformin –binds→ TWO ←associates– beta disease"
    assert sorted(paths_of()) == [over_one, over_two]
    assert paths_of(through=["one"]) == [over_one]
    assert sorted(paths_of(through=["one", "two"])) == [over_one, over_two]
    assert paths_of(avoid=["NCBIGene:1"]) == [over_two]
    assert paths_of(avoid=["one", "two"]) == []
    assert sorted(paths_of(to_node="beta disease")) == [over_one, over_two]
    assert paths_of(to_node="DOID:1", only=Selection(sources=("two",))) == []


def test_one_target_is_shown_with_as_many_paths_as_the_limit(disputed: Graph) -> None:
    (target,) = follow(disputed, "metformin", "CbGaD", to_node="beta disease", limit=1)

    assert (target.n_paths, len(target.paths)) == (2, 1)
    assert follow(disputed, "glipizide", "CbGaD", to_node="beta disease", avoid=["one"]) == []


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"to_node": "metformin"}, "CbGaD ends with a Disease; Metformin is a Drug"),
        ({"through": ["glipizide"]}, "between its ends CbGaD has a Gene; Glipizide is a Drug"),
        ({"avoid": ["beta disease"]}, "CbGaD has a Gene; beta disease is a Disease"),
        ({"through": ["three"]}, "no node is called 'three'"),
        ({"only": Selection(licences=("MIT",))}, "no licence 'MIT' in the graph; have CC-BY-4.0"),
    ],
)
def test_a_metapath_with_nodes_that_cannot_stand_there_is_refused(
    disputed: Graph, asked: dict[str, Any], says: str
) -> None:
    with pytest.raises((SchemaError, UnknownNodeError), match=says):
        follow(disputed, "metformin", "CbGaD", **asked)


def test_a_metapath_may_use_the_open_edge_types_of_the_graph() -> None:
    graph = make_graph(
        {"Drug": {"DRUGBANK:A": "a"}, "Gene": {"NCBIGene:1": "g"}},
        {"Drug-sensitizes_to-Gene": [("DRUGBANK:A", "NCBIGene:1")]},
    )

    (target,) = follow(graph, "a", "Drug-sensitizes_to-Gene")

    assert (target.node.name, target.n_paths) == ("g", 1)
    assert describe(graph, "g").relations[0].words == "sensitizes to (from)"
