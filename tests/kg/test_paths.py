"""Path counts against a walker over plain dictionaries that knows nothing of matrices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.convert import to_matrix
from kg.graph import Graph, Node
from kg.paths import Path, degrees, metapath_matrix, paths_from, strongest_paths
from kg.paths import listing as paths_module
from kg.schema import Metapath, abbreviate, parse_metapath
from tests.graphs import make_graph
from tests.kg.random_graphs import graphs
from tests.kg.random_sources import PROVENANCES, dense_graph, sourced_graphs
from tests.kg.walker import Walker, all_metapaths

METAPATHS = all_metapaths(4)


def expected_matrix(
    graph: Graph, metapath: Metapath, *, weighted: bool
) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    walker = Walker(graph)
    shape = graph.n_nodes(metapath[0].source), graph.n_nodes(metapath[-1].target)
    result = np.zeros(shape)
    for row in range(shape[0]):
        for rows, weight in walker.walk(metapath, row):
            result[row, rows[-1]] += weight if weighted else 1
    return result


def check_matrix(graph: Graph, metapath: Metapath) -> None:
    if any(step.edge_type not in graph.edge_types for step in metapath):
        return
    matrices = {e: to_matrix(graph, e) for e in graph.edge_types}
    counts = metapath_matrix(metapath, matrices, damping=0)
    weights = metapath_matrix(metapath, matrices)

    expected = expected_matrix(graph, metapath, weighted=False)
    np.testing.assert_array_equal(counts.toarray(), expected, err_msg=abbreviate(metapath))
    np.testing.assert_allclose(
        weights.toarray(),
        expected_matrix(graph, metapath, weighted=True),
        rtol=1e-9,
        err_msg=abbreviate(metapath),
    )
    # Nothing but paths is stored: rounding leaves no entry behind.
    np.testing.assert_array_equal(weights.toarray() > 0, expected > 0)
    assert weights.nnz == counts.nnz == np.count_nonzero(expected)


@settings(max_examples=60, deadline=None)
@given(graphs(), st.sampled_from(METAPATHS))
def test_path_counts_are_those_of_a_walker(graph: Graph, metapath: Metapath) -> None:
    check_matrix(graph, metapath)


def test_every_metapath_of_up_to_four_steps_is_counted_exactly() -> None:
    rng = np.random.default_rng(7)
    prefixes = {"Drug": "DRUGBANK", "Gene": "NCBIGene", "Disease": "DOID"}
    nodes = {t: {f"{p}:{i}": f"{t} {i}" for i in range(4)} for t, p in prefixes.items()}
    edge_types = ["Drug-interacts-Drug", "Drug-binds-Gene", "Gene-regulates-Gene"]
    edges = {}
    for name in edge_types:
        head, _, tail = name.split("-")
        chosen = rng.random((4, 4)) < 0.6
        edges[name] = [
            (f"{prefixes[head]}:{i}", f"{prefixes[tail]}:{j}") for i, j in np.argwhere(chosen)
        ]
    graph = make_graph(nodes, edges)
    inside = [m for m in METAPATHS if all(s.edge_type in graph.edge_types for s in m)]

    for metapath in inside:
        check_matrix(graph, metapath)

    assert len(inside) > 100


def some_nodes(graph: Graph, data: st.DataObject) -> list[Node]:
    everything = [graph.node(t, r) for t in graph.node_types for r in range(graph.n_nodes(t))]
    return data.draw(st.lists(st.sampled_from(everything), max_size=3))


@pytest.mark.parametrize("joined", [1, paths_module.JOINED])
@settings(max_examples=30, deadline=None)
@given(sourced_graphs(), st.sampled_from(METAPATHS), st.integers(1, 4), st.data())
def test_listed_paths_are_those_of_a_walker_whatever_is_asked(
    joined: int, graph: Graph, metapath: Metapath, limit: int, data: st.DataObject
) -> None:
    source = data.draw(st.integers(0, graph.n_nodes(metapath[0].source) - 1))
    target = data.draw(st.integers(0, graph.n_nodes(metapath[-1].target) - 1))
    avoid = some_nodes(graph, data)
    inner = {step.target for step in metapath[:-1]}
    through = [node for node in some_nodes(graph, data) if node.type in inner]
    stated_by = data.draw(st.sets(st.sampled_from(PROVENANCES), min_size=1))
    passing = np.array([provenance in stated_by for provenance in graph.provenances])

    every = paths_from(graph, metapath, source, through=through, avoid=avoid, provenances=passing)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths_module, "JOINED", joined)
        strongest = strongest_paths(
            graph, metapath, source, target, limit=limit,
            through=through, avoid=avoid, provenances=passing,
        )  # fmt: skip

    walker = Walker(graph, stated_by)
    expected = dict(walker.walk(metapath, source, through=through, avoid=avoid))
    found = {path.rows: path.weight for paths in every.values() for path in paths}
    assert found == pytest.approx(expected)
    for end, paths in every.items():
        assert {path.rows[-1] for path in paths} == {end}
        assert paths == sorted(paths, key=lambda path: (-path.weight, path.rows))
    between = {rows: weight for rows, weight in expected.items() if rows[-1] == target}
    heaviest = sorted(between.values(), reverse=True)[:limit]
    assert [path.weight for path in strongest] == pytest.approx(heaviest)
    assert len({path.rows for path in strongest}) == len(strongest)
    for path in strongest:
        assert path.rows in between
        check_edges(graph, metapath, path)


@pytest.mark.parametrize("text", ["CbGaD", "GiGr>GiG", "CbGr>GaD", "CbGiG<rGaD"])
@pytest.mark.parametrize("limit", [1, 4, 1000])
def test_the_heaviest_are_found_though_halves_are_joined_one_by_one(
    text: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge_types = (
        "Drug-binds-Gene", "Gene-interacts-Gene", "Gene-regulates-Gene", "Disease-associates-Gene",
    )  # fmt: skip
    graph, metapath = dense_graph(11, edge_types, size=8, share=0.12), parse_metapath(text)
    monkeypatch.setattr(paths_module, "JOINED", 1)
    walker = Walker(graph)

    for source in range(8):
        every = list(walker.walk(metapath, source))
        for target in range(8):
            found = strongest_paths(graph, metapath, source, target, limit=limit)

            weights = sorted((w for rows, w in every if rows[-1] == target), reverse=True)
            assert [path.weight for path in found] == pytest.approx(weights[:limit])


def check_edges(graph: Graph, metapath: Metapath, path: Path) -> None:
    for step, edge, ends in zip(
        metapath, path.edges, zip(path.rows, path.rows[1:], strict=False), strict=True
    ):
        assert graph.find_edge(step.edge_type, *(ends if step.forward else ends[::-1])) == edge


def test_equal_paths_come_in_the_order_of_rows_whatever_the_limit() -> None:
    graph = make_graph(
        {
            "Drug": {"DRUGBANK:1": "a"},
            "Gene": {f"NCBIGene:{i}": f"g{i}" for i in range(6)},
            "Disease": {"DOID:1": "d"},
        },
        {
            "Drug-binds-Gene": [("DRUGBANK:1", f"NCBIGene:{i}") for i in range(6)],
            "Disease-associates-Gene": [("DOID:1", f"NCBIGene:{i}") for i in range(6)],
        },
    )
    metapath = parse_metapath("CbGaD")

    every = strongest_paths(graph, metapath, 0, 0, limit=6)

    assert [path.rows[1] for path in every] == list(range(6))
    assert strongest_paths(graph, metapath, 0, 0, limit=2) == every[:2]


def test_a_self_loop_counts_once_in_a_degree_and_never_in_a_path() -> None:
    graph = make_graph(
        {"Gene": {"NCBIGene:1": "a", "NCBIGene:2": "b"}},
        {"Gene-interacts-Gene": [("NCBIGene:1", "NCBIGene:1"), ("NCBIGene:1", "NCBIGene:2")]},
    )
    metapath = parse_metapath("GiG")

    assert degrees(graph, metapath[0], np.array([0, 1], np.int32)).tolist() == [2, 1]
    assert [p.rows for p in strongest_paths(graph, metapath, 0, 1)] == [(0, 1)]
    assert strongest_paths(graph, metapath, 0, 0) == []


def test_a_metapath_of_five_steps_is_refused() -> None:
    graph = make_graph(
        {"Gene": {"NCBIGene:1": "a", "NCBIGene:2": "b"}},
        {"Gene-regulates-Gene": [("NCBIGene:1", "NCBIGene:2")]},
    )
    matrices = {e: to_matrix(graph, e) for e in graph.edge_types}

    with pytest.raises(ValueError, match="up to 4 steps, not 5"):
        metapath_matrix(parse_metapath("Gr>Gr>Gr>Gr>Gr>G"), matrices)


def test_paths_along_edges_that_the_graph_lacks_are_none() -> None:
    graph = make_graph({"Drug": {"DRUGBANK:1": "a"}, "Gene": {"NCBIGene:1": "g"}}, {})

    assert strongest_paths(graph, parse_metapath("CbG"), 0, 0) == []
    assert paths_from(graph, parse_metapath("CbG"), 0) == {}
