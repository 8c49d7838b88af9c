"""Similar nodes are those of the largest cosine, of one type, with what they share."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kg.errors import SchemaError, UnknownNodeError
from kg.graph import Graph
from recommend.bundle import Bundle, write_bundle
from recommend.contributions import top_contributions
from recommend.errors import BundleError
from recommend.similar import find_similar
from tests.recommend.planted import CLASSES, DRUGS, GENES, N, planted_graph

RNG = np.random.default_rng(1)


@pytest.fixture(scope="module")
def graph() -> Graph:
    return planted_graph()


def bundle_of(path: Path, graph: Graph, embeddings: NDArray[np.float16]) -> Bundle:
    return write_bundle(
        path,
        graph,
        card={
            "members": {"gnn": {}},
            "weights": {},
            "calibration": {"new": "none"},
            "explained_by": "gnn",
            "absent": {"collaborative": ""},
        },
        scores={"gnn": np.zeros((N, N), np.float32)},
        contributions=top_contributions([], [np.empty((N * N, 0))], base=np.zeros(N), shape=(N, N)),
        linear={},
        embeddings=embeddings,
        collaborative=None,
        evaluation={},
    )


@pytest.fixture(scope="module")
def bundle(graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Random embeddings, but for drug 3, of which nothing was learnt."""
    embeddings = RNG.normal(size=(graph.n_nodes(), 5)).astype(np.float16)
    embeddings[graph.offsets["Drug"] + 3] = 0
    return bundle_of(tmp_path_factory.mktemp("similar") / "bundle", graph, embeddings)


def cosine(graph: Graph, bundle: Bundle, *nodes: str) -> float:
    a, b = (
        bundle.embeddings[graph.offsets[found[0]] + found[1]].astype(float)
        for found in map(graph.find, nodes)
        if found
    )
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def test_the_nearest_of_its_own_type_come_first_and_never_itself(
    graph: Graph, bundle: Bundle
) -> None:
    drug, silent = next(iter(DRUGS)), list(DRUGS)[3]
    found = find_similar(graph, bundle, "drug 0", limit=100)

    others = [other for other in DRUGS if other not in (drug, silent)]
    expected = sorted(others, key=lambda other: -cosine(graph, bundle, drug, other))
    assert [similar.node.id for similar in found.nodes] == expected
    for similar in found.nodes:
        right = cosine(graph, bundle, drug, similar.node.id)
        assert similar.cosine == pytest.approx(right, abs=1e-4)
    assert (found.node.id, found.grade, found.type) == (drug, "exact", "Drug")


def test_nodes_of_another_type_are_listed_when_asked_for(graph: Graph, bundle: Bundle) -> None:
    found = find_similar(graph, bundle, "drug 0", to="gene", limit=3)

    drug = next(iter(DRUGS))
    expected = sorted(GENES, key=lambda gene: -cosine(graph, bundle, drug, gene))[:3]
    assert [similar.node.id for similar in found.nodes] == expected
    assert found.type == "Gene"


def test_shared_neighbours_are_counted_and_the_rarest_are_named(
    graph: Graph, bundle: Bundle
) -> None:
    found = find_similar(graph, bundle, "drug 2", limit=100)

    by_name = {similar.node.name: similar for similar in found.nodes}
    same = by_name["drug 4"]  # four genes and a class, and four diseases that both treat
    assert same.n_shared == 9
    assert [node.name for node in same.shared] == ["even drugs", "disease 0", "disease 6"]
    assert by_name["drug 5"].n_shared == 0
    assert by_name["drug 5"].shared == ()


def test_equal_nodes_stand_by_identifier(graph: Graph, tmp_path: Path) -> None:
    bundle = bundle_of(tmp_path / "bundle", graph, np.ones((graph.n_nodes(), 2), np.float16))

    found = find_similar(graph, bundle, "drug 1", limit=3)

    assert [similar.node.name for similar in found.nodes] == ["drug 0", "drug 2", "drug 3"]
    assert {similar.cosine for similar in found.nodes} == {1.0}


def test_the_answer_is_json(graph: Graph, bundle: Bundle) -> None:
    document = find_similar(graph, bundle, next(iter(CLASSES)), limit=1).to_json()

    (row,) = document.pop("similar")
    assert document == {
        "type": "DrugClass", "id": "NDFRT:N0000000001", "name": "even drugs",
        "grade": "exact", "basis": "id", "others": [],
    }  # fmt: skip
    assert (row["rank"], row["name"], row["n_shared"], row["shared"]) == (1, "odd drugs", 0, [])


def test_what_cannot_be_compared_is_refused(graph: Graph, bundle: Bundle) -> None:
    for text, to, error, message in (
        ("drug 3", None, BundleError, "learnt nothing of drug 3"),
        ("drug 0", "Pathway", SchemaError, "no Pathway nodes; it has Disease, Drug"),
        ("drug 0", "Drugs", SchemaError, "no node type 'Drugs'"),
        ("nothing", None, UnknownNodeError, "nothing"),
    ):
        with pytest.raises(error, match=message):
            find_similar(graph, bundle, text, to=to)


def test_embeddings_of_another_number_of_nodes_are_not_written(
    graph: Graph, tmp_path: Path
) -> None:
    with pytest.raises(BundleError, match="3 embeddings; the graph has 34 nodes"):
        bundle_of(tmp_path / "bundle", graph, np.ones((3, 2), np.float16))
