"""Questions and answers: complete, ordered, and with the closest names where nothing is found."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg import paths
from kg.convert import to_networkx
from kg.errors import SchemaError, UnknownNodeError
from kg.graph import Graph
from kg.paths import paths_from
from kg.query import describe, follow, neighborhood, path_in_words, resolve
from kg.schema import abbreviate, parse_metapath
from tests.graphs import make_graph
from tests.kg.random_graphs import graphs


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


def test_a_metapath_through_hubs_is_refused_before_it_fills_the_memory(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "MOST_PATHS", 0)

    with pytest.raises(SchemaError, match="more than 0 paths along CbG from this node"):
        follow(graph, "metformin", "Drug-binds-Gene")


def test_the_words_of_a_page_can_be_typed_as_a_metapath(graph: Graph) -> None:
    assert follow(graph, "DOID:1", "disease-treated by-drug") == follow(
        graph, "DOID:1", "Disease-treats-Drug"
    )


def test_what_no_encoding_can_say_is_an_unknown_name(graph: Graph) -> None:
    with pytest.raises(UnknownNodeError):
        resolve(graph, "\udcff\udcfe")
