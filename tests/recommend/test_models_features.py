"""The columns: each is the path count that its name says, in every view, and none is forgotten."""

from collections.abc import Iterator

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kg.graph import Graph
from kg.paths import metapath_matrix
from kg.schema import EdgeType, Metapath, Step, abbreviate, edge_spec, parse_metapath
from recommend.contributions import is_metapath
from recommend.evaluate import permute
from recommend.interactions import (
    PALLIATES,
    TREATS,
    TrainingData,
    from_pairs,
    training_data,
)
from recommend.models import features
from recommend.models.features import EVIDENCE, HIDEABLE, feature_columns, feature_names
from recommend.models.metapath import SIX
from tests.kg.random_graphs import graphs

SIZES = {
    "Anatomy": 3, "Disease": 6, "Drug": 7, "DrugClass": 3, "Gene": 5, "Pathway": 3, "SideEffect": 4,
    "Symptom": 4,
}  # fmt: skip
EDGE_TYPES = [
    EdgeType(*words.split("-"))
    for words in (
        "Anatomy-expresses-Gene", "Disease-associates-Gene", "Disease-localizes-Anatomy",
        "Disease-presents-Symptom", "Disease-resembles-Disease", "Disease-subclass_of-Disease",
        "Disease-upregulates-Gene", "Drug-binds-Gene", "Drug-causes-SideEffect",
        "Drug-contraindicated-Disease", "Drug-downregulates-Gene", "Drug-interacts-Drug",
        "Drug-palliates-Disease", "Drug-resembles-Drug", "Drug-treats-Disease",
        "DrugClass-includes-Drug", "Gene-covaries-Gene", "Gene-interacts-Gene",
        "Gene-participates-Pathway", "Gene-regulates-Gene",
    )
]  # fmt: skip


def small(
    seed: int = 0, *, absent: tuple[EdgeType, ...] = (), density: float = 0.3
) -> TrainingData:
    """Chance in every edge type but those that are ``absent``; self-loops among it."""
    rng = np.random.default_rng(seed)
    matrices = {}
    for edge_type in EDGE_TYPES:
        shape = SIZES[edge_type.head], SIZES[edge_type.tail]
        dense = rng.random(shape) < density
        if edge_spec(edge_type).symmetric:
            dense |= dense.T
        if edge_type not in absent:
            matrices[edge_type] = from_pairs(np.argwhere(dense), shape)
    return TrainingData(SIZES, matrices)


def named(view: TrainingData) -> dict[str, NDArray[np.float32]]:
    return dict(zip(feature_names(view), feature_columns(view), strict=True))


def expected(name: str, view: TrainingData) -> NDArray[np.float64]:
    """The column in the slow way, by the sums over paths that `query` uses."""
    if not is_metapath(name):
        words, _, end = name.partition(" degree of ")
        edge_type = EdgeType(*words.split("-"))
        degrees = view.matrix(edge_type).toarray().sum(axis=1 if end == edge_type.head else 0)
        across = degrees[:, None] if end == "Drug" else degrees[None, :]
        return np.broadcast_to(across, view.shape).astype(np.float64)
    metapath = parse_metapath(name, view.matrices)
    if len(metapath) <= 4:
        return weighted(metapath, view)
    (use,) = (i for i, step in enumerate(metapath) if step.edge_type in (TREATS, PALLIATES))
    parts = (metapath[:use], metapath[use : use + 1], metapath[use + 1 :])
    left, middle, right = (weighted(part, view) for part in parts)
    return (left @ middle if parts[0] else middle) @ (right if parts[2] else np.eye(view.shape[1]))


def weighted(metapath: Metapath, view: TrainingData) -> NDArray[np.float64]:
    if not metapath:
        return np.empty((0, 0))
    matrices = {step.edge_type: view.matrix(step.edge_type) for step in metapath}
    return np.asarray(metapath_matrix(metapath, matrices).toarray())


def assert_all_as_expected(view: TrainingData) -> None:
    for name, values in named(view).items():
        np.testing.assert_allclose(values, expected(name, view), rtol=2e-4, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("seed", range(2))
def test_every_column_is_the_path_count_that_its_name_says(seed: int) -> None:
    assert_all_as_expected(small(seed))


@settings(max_examples=10)
@given(graphs())
def test_graphs_with_few_edge_types_and_repeats_give_the_same_counts(graph: Graph) -> None:
    assert_all_as_expected(training_data(graph))


def metapaths(edge_types: list[EdgeType], longest: int) -> Iterator[Metapath]:
    """Everything that leads from Drug to Disease, found by walking."""
    steps = [Step(e, True) for e in edge_types]
    steps += [Step(e, False) for e in edge_types if not edge_spec(e).symmetric]
    begun: list[Metapath] = [()]
    for _ in range(longest):
        begun = [
            (*walk, step)
            for walk in begun
            for step in steps
            if step.source == (walk[-1].target if walk else "Drug")
        ]
        yield from (walk for walk in begun if walk[-1].target == "Disease")


def test_all_metapaths_of_two_and_three_steps_over_evidence_are_columns() -> None:
    evidence = [
        edge_type
        for edge_type in EDGE_TYPES
        if edge_type.relation in EVIDENCE and str(edge_type) != "Drug-interacts-Drug"
    ]
    assert len(evidence) == len(EDGE_TYPES) - 3

    every = [m for m in metapaths(evidence, 3) if len(m) > 1]

    wanted = {abbreviate(m) for m in every}
    assert len(wanted) > 50
    assert wanted <= set(feature_names(small()))


def test_no_column_walks_over_what_is_no_evidence_or_over_one_edge_alone() -> None:
    names = feature_names(small())

    assert len(set(names)) == len(names)
    assert set(SIX) <= set(names)
    for name in filter(is_metapath, names):
        steps = parse_metapath(name, EDGE_TYPES)
        assert len(steps) in range(2, 6)
        assert (steps[0].source, steps[-1].target) == ("Drug", "Disease")
        assert {step.edge_type.relation for step in steps} <= EVIDENCE
        assert "Drug-interacts-Drug" not in {str(step.edge_type) for step in steps}


@pytest.mark.parametrize("n", range(3))
def test_what_is_not_there_counts_nothing(n: int) -> None:
    assert_all_as_expected(small(absent=tuple(EDGE_TYPES[n::3])))


def test_a_view_that_lost_the_last_edge_of_a_type_has_the_same_columns() -> None:
    whole = small()
    drugs, diseases = map(range, whole.shape)

    bare = whole.without(drugs=drugs, resemblance=True).without(diseases=diseases, resemblance=True)

    assert not HIDEABLE & set(bare.matrices)
    assert feature_names(bare) == feature_names(whole)
    columns = named(bare)
    gone = [name for name in columns if "t" in name.split(" ")[0] and is_metapath(name)]
    assert "CbGbCtD" in gone
    assert not any(columns[name].any() for name in gone)
    assert columns["CbGaD"].any()


@pytest.mark.parametrize("diseases", [[], [4], [5, 0, 3]])
def test_the_columns_of_some_diseases_are_those_of_the_whole(diseases: list[int]) -> None:
    view = small(1)

    some = feature_columns(view, np.array(diseases, np.int64))

    for name, whole, part in zip(feature_names(view), feature_columns(view), some, strict=True):
        np.testing.assert_allclose(part, whole[:, diseases], rtol=1e-5, atol=1e-7, err_msg=name)


def test_a_self_loop_is_never_walked() -> None:
    loops = {
        edge_type: from_pairs(np.argwhere(matrix.toarray() + np.eye(matrix.shape[0])), matrix.shape)
        for edge_type, matrix in small().matrices.items()
        if edge_type.head == edge_type.tail
    }
    view = TrainingData(SIZES, {**small().matrices, **loops})

    assert len(loops) == 7
    assert_all_as_expected(view)


def test_views_of_one_graph_share_what_no_hiding_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[TrainingData] = []
    fixed = features._fixed

    def counted(view: TrainingData) -> object:
        made.append(view)
        return fixed(view)

    monkeypatch.setattr(features, "_fixed", counted)
    data = small()

    feature_columns(data)
    feature_names(data)
    feature_columns(data.without(diseases=[0], resemblance=True))
    feature_columns(data.without(drugs=[1]).without(pairs=np.array([[2, 3]])))

    assert made == [data]
    feature_columns(small())  # another graph, though equal
    assert len(made) == 2


def test_what_is_shared_is_never_stale() -> None:
    data = small(2)
    feature_columns(data)
    binds = EdgeType("Drug", "binds", "Gene")
    changed = TrainingData(
        data.n_nodes,
        {**data.matrices, binds: sp.csr_matrix(1 - data.matrix(binds).toarray(), dtype=np.float32)},
        _shared=data._shared,
    )

    assert_all_as_expected(changed)
    assert_all_as_expected(permute(data, seed=0))


@settings(max_examples=10)
@given(st.data())
def test_hiding_changes_the_columns_as_never_having_had_the_edges_would(
    data: st.DataObject,
) -> None:
    whole = small(3)
    n_drugs, n_diseases = whole.shape
    diseases = data.draw(st.sets(st.integers(0, n_diseases - 1), max_size=3))
    drugs = data.draw(st.sets(st.integers(0, n_drugs - 1), max_size=2))
    feature_columns(whole)  # so that something is shared

    hidden = whole.without(diseases=diseases, drugs=drugs, resemblance=data.draw(st.booleans()))
    never = TrainingData(hidden.n_nodes, dict(hidden.matrices))

    for one, other in zip(feature_columns(hidden), feature_columns(never), strict=True):
        np.testing.assert_array_equal(one, other)
