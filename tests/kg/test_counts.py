"""Counts without listing, against a walker that lists, and against published values."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg import paths
from kg.builder import build
from kg.convert import to_matrix
from kg.errors import SchemaError, UnknownNodeError
from kg.graph import Graph, Node, Provenance
from kg.paths import counts, strongest_paths
from kg.paths.counts import PathCount, metapath_matrix, pair, row
from kg.schema import Metapath, parse_metapath
from kg.sources import create_source
from tests.graphs import make_graph
from tests.kg.random_sources import PROVENANCES, dense_graph, sourced_graphs
from tests.kg.walker import Walker, all_metapaths

METAPATHS = all_metapaths(4)


def nodes_of(graph: Graph, types: Collection[str]) -> list[Node]:
    return [
        graph.node(t, r) for t in graph.node_types if t in types for r in range(graph.n_nodes(t))
    ]


def check_counts(
    graph: Graph,
    metapath: Metapath,
    source: int,
    through: Collection[Node],
    avoid: Collection[Node],
    stated_by: Collection[Provenance],
) -> int:
    """Compare one row and all its pairs with a walker; how many paths there are."""
    passing = np.array([provenance in stated_by for provenance in graph.provenances])

    found = row(graph, metapath, source, through=through, avoid=avoid, provenances=passing)
    pairs = [
        pair(graph, metapath, source, target, through=through, avoid=avoid, provenances=passing)
        for target in range(graph.n_nodes(metapath[-1].target))
    ]

    n_paths, weight = np.zeros(len(pairs)), np.zeros(len(pairs))
    walker = Walker(graph, stated_by)
    for rows, path_weight in walker.walk(metapath, source, through=through, avoid=avoid):
        n_paths[rows[-1]] += 1
        weight[rows[-1]] += path_weight
    assert [count.n_paths for count in pairs] == n_paths.tolist()
    np.testing.assert_allclose([count.weight for count in pairs], weight, rtol=1e-9)
    assert found.targets.tolist() == np.flatnonzero(n_paths).tolist()
    assert found.n_paths.tolist() == n_paths[found.targets].tolist()
    np.testing.assert_allclose(found.weight, weight[found.targets], rtol=1e-9)
    return int(n_paths.sum())


def check_at_random(graph: Graph, metapath: Metapath, rng: np.random.Generator) -> int:
    inner = nodes_of(graph, {step.target for step in metapath[:-1]})
    through, avoid = (
        [inner[i] for i in rng.choice(len(inner), rng.integers(0, 3))] if inner else []
        for _ in range(2)
    )
    chosen = rng.random(len(PROVENANCES)) < 0.7
    stated_by = [p for p, good in zip(PROVENANCES, chosen, strict=True) if good]
    return check_counts(graph, metapath, 0, through, avoid, stated_by)


@settings(max_examples=40, deadline=None)
@given(sourced_graphs(), st.sampled_from(METAPATHS), st.data())
def test_counts_of_a_pair_and_a_row_are_those_of_a_walker(
    graph: Graph, metapath: Metapath, data: st.DataObject
) -> None:
    inner = nodes_of(graph, {step.target for step in metapath[:-1]})
    through = data.draw(st.lists(st.sampled_from(inner), max_size=2)) if inner else []
    avoid = data.draw(st.lists(st.sampled_from(nodes_of(graph, graph.node_types)), max_size=2))
    stated_by = data.draw(st.sets(st.sampled_from(PROVENANCES), min_size=1))
    source = data.draw(st.integers(0, graph.n_nodes(metapath[0].source) - 1))

    check_counts(graph, metapath, source, through, avoid, stated_by)


def test_every_metapath_of_up_to_four_steps_is_counted_exactly() -> None:
    edge_types = ("Drug-interacts-Drug", "Drug-binds-Gene", "Gene-regulates-Gene")
    graph = dense_graph(3, edge_types, size=5, share=0.3)
    inside = [m for m in METAPATHS if {str(step.edge_type) for step in m} <= set(edge_types)]
    rng = np.random.default_rng(1)

    n_paths = [check_at_random(graph, metapath, rng) for metapath in inside]

    assert len(inside) > 100
    assert np.count_nonzero(n_paths) > len(inside) / 2


@pytest.mark.parametrize("text", ["GiGr>GiGiGr>GiG", "Gr>GiG<rGiGiGiG", "CiCiCiCbGiGr>G"])
def test_six_steps_over_one_node_type_are_counted_exactly(text: str) -> None:
    edge_types = (
        "Drug-interacts-Drug", "Drug-binds-Gene", "Gene-interacts-Gene", "Gene-regulates-Gene",
    )  # fmt: skip
    graph = dense_graph(5, edge_types, size=7, share=0.2)
    rng = np.random.default_rng(2)

    assert max(check_at_random(graph, parse_metapath(text), rng) for _ in range(3)) > 20


@settings(max_examples=30, deadline=None)
@given(sourced_graphs(), st.sampled_from(METAPATHS), st.sampled_from([0.0, 0.4, 1.0]))
def test_rows_make_up_the_matrix_of_all_pairs(
    graph: Graph, metapath: Metapath, damping: float
) -> None:
    if any(step.edge_type not in graph.edge_types for step in metapath):
        return
    matrices = {e: to_matrix(graph, e) for e in graph.edge_types}

    matrix = metapath_matrix(metapath, matrices, damping=damping).toarray()

    for source, expected in enumerate(matrix):
        found = row(graph, metapath, source, damping=damping)
        weights = np.zeros(len(expected))
        weights[found.targets] = found.weight
        np.testing.assert_allclose(weights, expected, rtol=1e-9)


@pytest.fixture
def graph() -> Graph:
    genes = {f"NCBIGene:{i}": f"g{i}" for i in range(4)}
    return make_graph(
        {"Drug": {"DRUGBANK:1": "a"}, "Gene": genes, "Disease": {"DOID:1": "d", "DOID:2": "e"}},
        {
            "Drug-binds-Gene": [("DRUGBANK:1", gene) for gene in genes],
            "Disease-associates-Gene": [("DOID:1", gene) for gene in genes],
            "Gene-interacts-Gene": [("NCBIGene:0", "NCBIGene:1"), ("NCBIGene:1", "NCBIGene:2")],
        },
    )


def test_paths_are_those_through_any_and_around_all_of_the_nodes_named(graph: Graph) -> None:
    metapath = parse_metapath("CbGaD")
    one, two = graph.node("Gene", 1), graph.node("Gene", 2)

    def n_paths(through: list[Node], avoid: list[Node]) -> int:
        return pair(graph, metapath, 0, 0, through=through, avoid=avoid).n_paths

    assert n_paths([], []) == 4
    assert n_paths([one], []) == 1
    assert n_paths([one, two], []) == 2
    assert n_paths([], [one]) == 3
    assert n_paths([], [one, two]) == 2
    assert n_paths([one, two], [one]) == 1
    assert n_paths([one], [one]) == 0


def test_an_end_is_neither_through_nor_avoided(graph: Graph) -> None:
    metapath = parse_metapath("GiGiG")
    first, last = graph.node("Gene", 0), graph.node("Gene", 2)

    assert pair(graph, metapath, 0, 2, avoid=[first, last]).n_paths == 1
    assert pair(graph, metapath, 0, 2, through=[first, last]).n_paths == 0


def test_what_a_path_weighs_does_not_depend_on_what_is_left_out(graph: Graph) -> None:
    metapath, hub = parse_metapath("CbGaD"), graph.node("Gene", 3)

    whole = pair(graph, metapath, 0, 0)
    without, only = (
        pair(graph, metapath, 0, 0, avoid=[hub]), pair(graph, metapath, 0, 0, through=[hub])
    )  # fmt: skip

    assert whole.weight == pytest.approx(without.weight + only.weight)
    assert only.weight == pytest.approx(whole.weight / 4)


def test_a_question_about_nodes_that_cannot_be_met_is_refused(graph: Graph) -> None:
    metapath = parse_metapath("CbGaD")

    with pytest.raises(SchemaError, match="CbGaD has Gene between its ends; it cannot pass"):
        pair(graph, metapath, 0, 0, through=[graph.node("Disease", 1)])
    with pytest.raises(SchemaError, match="CbG has no node between its ends"):
        row(graph, parse_metapath("CbG"), 0, through=[graph.node("Gene", 1)])
    with pytest.raises(UnknownNodeError, match="NCBIGene:99"):
        pair(graph, metapath, 0, 0, avoid=[Node("Gene", "NCBIGene:99", "?")])
    with pytest.raises(SchemaError, match="has 7 steps; paths are counted along up to 6"):
        row(graph, parse_metapath("GiGiGiGiGiGiGiG"), 0)
    assert pair(graph, metapath, 0, 0, avoid=[graph.node("Disease", 1)]).n_paths == 4


def test_along_edges_that_the_graph_lacks_there_is_nothing(graph: Graph) -> None:
    metapath = parse_metapath("CbGr>GaD")

    assert pair(graph, metapath, 0, 0) == PathCount(0, 0.0)
    assert row(graph, metapath, 0).targets.tolist() == []


def test_a_hub_is_counted_without_listing_its_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "MOST_PATHS", 0)
    genes = {f"NCBIGene:{i}": f"g{i}" for i in range(300)}
    graph = make_graph(
        {"Drug": {"DRUGBANK:1": "a"}, "Gene": genes, "Disease": {"DOID:1": "d"}},
        {
            "Drug-binds-Gene": [("DRUGBANK:1", gene) for gene in genes],
            "Gene-regulates-Gene": [(a, b) for a in genes for b in list(genes)[:50]],
            "Disease-associates-Gene": [("DOID:1", gene) for gene in genes],
        },
    )

    found = pair(graph, parse_metapath("CbGr>Gr>GaD"), 0, 0)

    # 50 genes regulate and are regulated; the first gene may be any third one.
    assert found.n_paths == 50 * 49 * 298
    assert row(graph, parse_metapath("CbGr>Gr>GaD"), 0).n_paths.tolist() == [found.n_paths]


@pytest.fixture(scope="module")
def hetionet(data: Path) -> Graph:
    return build([create_source("hetionet", data / "hetionet")]).graph


def test_bupropion_and_nicotine_dependence_have_the_published_paths(hetionet: Graph) -> None:
    # The traversal of hetio's neo4j notebooks, pinned by hetmatpy's tests/test_path_count.py:
    # 142 paths, DWPC 0.03287590886921623 at damping 0.4.
    metapath = parse_metapath("CbGpPWpGaD")
    drug, disease = (
        hetionet.row("Drug", "DRUGBANK:DB01156"),
        hetionet.row("Disease", "DOID:0050742"),
    )

    found = pair(hetionet, metapath, drug, disease)

    assert found.n_paths == 142
    assert found.weight == pytest.approx(0.03287590886921623, rel=1e-12)
    of_drug = row(hetionet, metapath, drug)
    at = of_drug.targets.tolist().index(disease)
    assert (of_drug.n_paths[at], of_drug.weight[at]) == (142, pytest.approx(found.weight))
    listed = strongest_paths(hetionet, metapath, drug, disease, limit=1000)
    assert len(listed) == 142
    assert sum(path.weight for path in listed) == pytest.approx(found.weight)
    assert counts.DAMPING == 0.4
