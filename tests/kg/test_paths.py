"""Path counts against a walker over plain dictionaries that knows nothing of matrices."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.convert import to_matrix
from kg.graph import Graph
from kg.paths import DAMPING, Path, degrees, metapath_matrix, paths_from, strongest_paths
from kg.schema import EDGES, EdgeType, Metapath, Step, abbreviate, parse_metapath
from tests.graphs import make_graph
from tests.kg.random_graphs import EDGE_TYPES, graphs

STEPS = [Step(edge_type, forward) for edge_type in EDGE_TYPES for forward in (True, False)]
STEPS = [step for step in STEPS if step.forward or not EDGES[step.edge_type].symmetric]


class Walker:
    """Every path by hand: sets of pairs, one dictionary a degree, recursion."""

    def __init__(self, graph: Graph) -> None:
        self.pairs: dict[EdgeType, set[tuple[int, int]]] = {}
        for edge_type in graph.edge_types:
            table = graph.edges(edge_type)
            pairs = set(zip(table.head.tolist(), table.tail.tolist(), strict=True))
            if EDGES[edge_type].symmetric:
                pairs |= {(tail, head) for head, tail in pairs}
            self.pairs[edge_type] = pairs

    def walk(self, metapath: Metapath, row: int) -> Iterator[tuple[tuple[int, ...], float]]:
        types = [metapath[0].source, *(step.target for step in metapath)]
        yield from self._walk(metapath, types, (row,), 1.0)

    def _walk(
        self, metapath: Metapath, types: list[str], rows: tuple[int, ...], weight: float
    ) -> Iterator[tuple[tuple[int, ...], float]]:
        done = len(rows) - 1
        if done == len(metapath):
            yield rows, weight
            return
        step = metapath[done]
        pairs = self.pairs.get(step.edge_type, set())
        heads, tails = Counter(head for head, _ in pairs), Counter(tail for _, tail in pairs)
        for head, tail in pairs:
            here, there = (head, tail) if step.forward else (tail, head)
            seen = {(types[i], row) for i, row in enumerate(rows)}
            if here == rows[-1] and (step.target, there) not in seen:
                edge_weight = (heads[head] * tails[tail]) ** -DAMPING
                yield from self._walk(metapath, types, (*rows, there), weight * edge_weight)


def all_metapaths(longest: int) -> list[Metapath]:
    found: list[Metapath] = [(step,) for step in STEPS]
    for metapath in found:
        if len(metapath) < longest:
            found += [(*metapath, step) for step in STEPS if step.source == metapath[-1].target]
    return found


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


@settings(max_examples=60, deadline=None)
@given(graphs(), st.sampled_from(METAPATHS), st.integers(1, 4), st.data())
def test_the_strongest_paths_are_the_head_of_all_paths_sorted(
    graph: Graph, metapath: Metapath, limit: int, data: st.DataObject
) -> None:
    source = data.draw(st.integers(0, graph.n_nodes(metapath[0].source) - 1))
    target = data.draw(st.integers(0, graph.n_nodes(metapath[-1].target) - 1))

    found = strongest_paths(graph, metapath, source, target, limit=limit)

    paths = [p for p in Walker(graph).walk(metapath, source) if p[0][-1] == target]
    strengths = sorted((weight for _, weight in paths), reverse=True)
    np.testing.assert_allclose([p.weight for p in found], strengths[:limit])
    assert {p.rows for p in found} <= {rows for rows, _ in paths}
    assert len({p.rows for p in found}) == len(found)
    for path in found:
        check_edges(graph, metapath, path)


@settings(max_examples=60, deadline=None)
@given(graphs(), st.sampled_from(METAPATHS), st.data())
def test_paths_from_a_node_are_all_its_paths_heaviest_first(
    graph: Graph, metapath: Metapath, data: st.DataObject
) -> None:
    source = data.draw(st.integers(0, graph.n_nodes(metapath[0].source) - 1))

    found = paths_from(graph, metapath, source)

    flat = {path.rows: path.weight for paths in found.values() for path in paths}
    expected = dict(Walker(graph).walk(metapath, source))
    assert flat.keys() == expected.keys()
    np.testing.assert_allclose([flat[r] for r in sorted(flat)], [expected[r] for r in sorted(flat)])
    for target, paths in found.items():
        assert {path.rows[-1] for path in paths} == {target}
        assert paths == sorted(paths, key=lambda path: (-path.weight, path.rows))


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
