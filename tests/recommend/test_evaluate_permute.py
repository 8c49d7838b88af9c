"""XSwap: all degrees stay, everything else goes, and no graph is likelier than another."""

from collections import Counter
from itertools import combinations, product

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kg.graph import Graph
from kg.schema import EdgeType, edge_spec
from recommend.evaluate.permute import permute, unchanged
from recommend.interactions import PALLIATES, TREATS, TrainingData, from_pairs, training_data
from tests.kg.random_graphs import graphs

BINDS = EdgeType("Drug", "binds", "Gene")
INTERACTS = EdgeType("Gene", "interacts", "Gene")
REGULATES = EdgeType("Gene", "regulates", "Gene")

Edges = list[tuple[int, int]]


def training(edges: dict[EdgeType, Edges], n: int) -> TrainingData:
    """``n`` nodes of every type; edges of symmetric types are written once."""
    matrices = {}
    for edge_type, pairs in edges.items():
        both = pairs + [(j, i) for i, j in pairs] if edge_spec(edge_type).symmetric else pairs
        matrices[edge_type] = from_pairs(np.array(both), (n, n))
    return TrainingData(dict.fromkeys(("Drug", "Disease", "Gene"), n), matrices)


def random_edges(n: int, m: int, seed: int = 0) -> Edges:
    cells = np.random.default_rng(seed).choice(n * n, m, replace=False)
    return list(zip(*(part.tolist() for part in np.divmod(cells, n)), strict=True))


def check_kept(before: sp.csr_matrix, after: sp.csr_matrix) -> None:
    for axis in (0, 1):
        expected = before.toarray().sum(axis=axis)
        np.testing.assert_array_equal(after.toarray().sum(axis=axis), expected)
    assert after.nnz == before.nnz
    assert after.dtype == np.float32
    assert set(after.data) <= {1}
    assert after.has_sorted_indices


@settings(max_examples=25)
@given(graph=graphs(most_edges=14), seed=st.integers(0, 50))
def test_every_node_keeps_its_degree_in_every_edge_type(graph: Graph, seed: int) -> None:
    before = training_data(graph)

    after = permute(before, seed)

    assert set(after.matrices) == set(before.matrices)
    assert after.n_nodes == before.n_nodes
    for edge_type, matrix in before.matrices.items():
        swapped = after.matrices[edge_type]
        if edge_type.head == edge_type.tail:
            np.testing.assert_array_equal(swapped.diagonal(), matrix.diagonal())
        check_kept(matrix, swapped)
        if edge_spec(edge_type).symmetric:
            np.testing.assert_array_equal(swapped.toarray(), swapped.toarray().T)


@pytest.mark.parametrize("edge_type", [BINDS, INTERACTS, REGULATES])
def test_hundreds_of_edges_move_and_degrees_stay(edge_type: EdgeType) -> None:
    n = 60
    pairs = [(i, j) for i, j in random_edges(n, 300) if i < j] if edge_type == INTERACTS else []
    before = training({edge_type: pairs or [(i, j) for i, j in random_edges(n, 300) if i != j]}, n)

    after = permute(before, 0)

    check_kept(before.matrices[edge_type], after.matrices[edge_type])
    if edge_type != BINDS:
        assert after.matrices[edge_type].diagonal().sum() == 0
    assert unchanged(before, after)[edge_type] < 0.3


def test_the_graph_that_was_given_is_not_changed() -> None:
    edges = random_edges(20, 80)
    before = training({BINDS: edges}, 20)

    permute(before, 0)

    assert unchanged(training({BINDS: edges}, 20), before) == {BINDS: 1}


def test_the_same_seed_gives_the_same_graph_and_another_seed_another() -> None:
    before = training({BINDS: random_edges(20, 80)}, 20)

    first, again, second = (permute(before, seed) for seed in (4, 4, 5))

    assert unchanged(first, again) == {BINDS: 1}
    assert unchanged(first, second)[BINDS] < 0.6


def test_leaving_an_edge_type_out_changes_no_other() -> None:
    edges = {BINDS: random_edges(20, 80), REGULATES: random_edges(20, 70, 1)}

    both = permute(training(edges, 20), 0)
    alone = permute(training({BINDS: edges[BINDS]}, 20), 0)

    assert unchanged(alone, both) == {BINDS: 1}


def test_two_edge_types_with_the_same_edges_are_permuted_apart() -> None:
    edges = random_edges(20, 80)
    after = permute(training({TREATS: edges, PALLIATES: edges}, 20), 0)

    shared = after.treats.multiply(after.palliates).nnz

    assert 0 < shared < 60


def test_without_swaps_all_stays() -> None:
    before = training({BINDS: random_edges(20, 80)}, 20)

    assert unchanged(before, permute(before, 0, multiplier=0)) == {BINDS: 1}


def test_what_cannot_be_elsewhere_stays() -> None:
    full = list(product(range(3), range(3)))
    before = training({BINDS: full, TREATS: [(1, 2)]}, 3)

    assert unchanged(before, permute(before, 0)) == {BINDS: 1, TREATS: 1}


def test_patients_keep_their_number_of_drugs_and_lose_which() -> None:
    histories = from_pairs(np.array(random_edges(30, 200)), (30, 30))
    before = TrainingData({"Drug": 30, "Disease": 1}, {}, histories)

    after = permute(before, 0).histories

    assert after is not None
    check_kept(histories, after)
    assert after.multiply(histories).nnz < 120
    assert permute(TrainingData({"Drug": 30, "Disease": 1}, {}), 0).histories is None


def bipartite(matrix: NDArray[np.float32]) -> list[tuple[int, ...]]:
    """All 0/1 matrices of 3 x 3 with the row and column sums of ``matrix``."""
    found = []
    for cells in product((0, 1), repeat=9):
        other = np.array(cells).reshape(3, 3)
        if (other.sum(0) == matrix.sum(0)).all() and (other.sum(1) == matrix.sum(1)).all():
            found.append(cells)
    return found


def undirected(matrix: NDArray[np.float32]) -> list[tuple[int, ...]]:
    """All graphs on the nodes of ``matrix`` with its degrees."""
    n = len(matrix)
    found = []
    possible = list(combinations(range(n), 2))
    for chosen in combinations(possible, int(matrix.sum() / 2)):
        other = np.zeros((n, n), int)
        for i, j in chosen:
            other[i, j] = other[j, i] = 1
        if (other.sum(0) == matrix.sum(0)).all():
            found.append(tuple(other.ravel().tolist()))
    return found


@pytest.mark.parametrize(
    ("edge_type", "n", "edges"),
    [
        (BINDS, 3, [(0, 0), (0, 1), (1, 0), (2, 2)]),
        (INTERACTS, 5, [(0, 1), (0, 2), (1, 2), (3, 4)]),
    ],
)
def test_all_graphs_with_these_degrees_are_equally_likely(
    edge_type: EdgeType, n: int, edges: Edges
) -> None:
    before = training({edge_type: edges}, n)
    dense = before.matrices[edge_type].toarray()
    possible = (undirected if edge_type == INTERACTS else bipartite)(dense)
    n_draws = 100 * len(possible)

    seen = Counter(
        tuple(permute(before, seed, 5).matrices[edge_type].toarray().astype(int).ravel().tolist())
        for seed in range(n_draws)
    )

    assert len(possible) > 4
    assert set(seen) == set(possible)
    # Each count is binomial around 100: five standard deviations are 50.
    assert max(abs(count - 100) for count in seen.values()) < 50
