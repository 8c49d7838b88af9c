"""What is hidden is hidden from everything that a model is given."""

import numpy as np
import pytest
import scipy.sparse as sp

from kg.errors import UnknownNodeError
from kg.schema import EdgeType
from recommend.errors import ModelError
from recommend.interactions import (
    ALIKE_DISEASES,
    ALIKE_DRUGS,
    PALLIATES,
    TREATS,
    TrainingData,
    digest,
    from_pairs,
    to_pairs,
    training_data,
    view_digest,
)
from tests.graphs import make_graph
from tests.recommend.planted import DISEASES, DRUGS, HELD_OUT, planted_graph

DRUG, DISEASE = next(iter(DRUGS)), list(DISEASES)[2]  # recorded as treats in the planted graph


def same(one: TrainingData, other: TrainingData) -> bool:
    """Whether no model could tell the two apart."""
    return (
        list(one.n_nodes.items()) == list(other.n_nodes.items())
        and list(one.matrices) == list(other.matrices)
        and all(digest(m) == digest(other.matrices[e]) for e, m in one.matrices.items())
    )


def test_a_hidden_pair_leaves_the_same_data_as_a_graph_that_never_had_it() -> None:
    with_edges = planted_graph(HELD_OUT, palliates=HELD_OUT)

    hidden = training_data(with_edges, hide_pairs=HELD_OUT)

    assert same(hidden, training_data(planted_graph()))
    assert not same(training_data(with_edges), hidden)


def test_a_hidden_disease_leaves_the_same_data_as_a_graph_without_its_treatments() -> None:
    hidden = training_data(
        planted_graph(palliates=[(list(DRUGS)[1], DISEASE)]), hide_diseases=[DISEASE]
    )

    assert same(hidden, training_data(planted_graph(without_diseases=(DISEASE,))))


def test_hiding_leaves_contraindications_and_all_other_edges() -> None:
    nodes = {"Drug": {"DRUGBANK:DB00001": "a"}, "Disease": {"DOID:1": "b"}}
    pair = [("DRUGBANK:DB00001", "DOID:1")]
    graph = make_graph(nodes, {"Drug-treats-Disease": pair, "Drug-contraindicated-Disease": pair})

    data = training_data(graph, hide_pairs=pair, hide_diseases=["DOID:1"])

    assert list(data.matrices) == [EdgeType("Drug", "contraindicated", "Disease")]
    assert data.treats.shape == (1, 1)


def test_a_pair_may_be_named_in_a_sources_own_spelling() -> None:
    hidden = training_data(
        planted_graph(),
        hide_pairs=[(f"Compound::{DRUG.removeprefix('DRUGBANK:')}", f"Disease::{DISEASE}")],
    )

    assert same(hidden, training_data(planted_graph(), hide_pairs=[(DRUG, DISEASE)]))


@pytest.mark.parametrize("pair", [("DRUGBANK:DB99999", DISEASE), (DRUG, "DOID:0"), (DISEASE, DRUG)])
def test_a_hidden_identifier_that_the_graph_lacks_is_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(UnknownNodeError):
        training_data(planted_graph(), hide_pairs=[pair])


def test_an_unknown_hidden_disease_is_refused() -> None:
    with pytest.raises(UnknownNodeError, match="DOID:0"):
        training_data(planted_graph(), hide_diseases=["DOID:0"])


def test_hiding_does_not_change_the_data_it_was_asked_of() -> None:
    data = training_data(planted_graph(palliates=HELD_OUT))
    before = digest(data.treats), digest(data.palliates)

    data.without(pairs=data.positives, diseases=[0])

    assert (digest(data.treats), digest(data.palliates)) == before


def test_without_takes_the_pairs_and_the_diseases_out_of_treats_and_palliates() -> None:
    data = training_data(planted_graph(palliates=HELD_OUT))

    left = data.without(pairs=np.array([[0, 2], [0, 0]]), diseases=[1])

    for matrix, whole in ((left.treats, data.treats), (left.palliates, data.palliates)):
        expected = whole.toarray()
        expected[0, [0, 2]] = 0
        expected[:, 1] = 0
        np.testing.assert_array_equal(matrix.toarray(), expected)


def alike() -> TrainingData:
    """The planted graph with palliates edges, in which neighbours resemble each other."""
    data = training_data(planted_graph(palliates=HELD_OUT))
    near = np.array([(i, i + 1) for i in range(len(DRUGS) - 1)])
    both = from_pairs(np.concatenate([near, near[:, ::-1]]), (len(DRUGS), len(DRUGS)))
    return TrainingData(data.n_nodes, {**data.matrices, ALIKE_DRUGS: both, ALIKE_DISEASES: both})


def test_without_takes_all_edges_of_hidden_drugs_out_of_treats_and_palliates() -> None:
    data = alike()

    left = data.without(drugs=[1, 5])

    for edge_type, whole in data.matrices.items():
        expected = whole.toarray()
        if edge_type in (TREATS, PALLIATES):
            assert expected[[1, 5]].any()
            expected[[1, 5]] = 0
        np.testing.assert_array_equal(left.matrix(edge_type).toarray(), expected)


@pytest.mark.parametrize(
    ("hidden", "edge_type", "other"),
    [("drugs", ALIKE_DRUGS, ALIKE_DISEASES), ("diseases", ALIKE_DISEASES, ALIKE_DRUGS)],
)
def test_what_the_hidden_resemble_is_hidden_where_that_is_asked_for(
    hidden: str, edge_type: EdgeType, other: EdgeType
) -> None:
    data, rows = alike(), [0, 4]

    strict = data.without(**{hidden: rows}, resemblance=True)  # type: ignore[arg-type]
    lenient = data.without(**{hidden: rows})  # type: ignore[arg-type]

    expected = data.matrix(edge_type).toarray()
    np.testing.assert_array_equal(lenient.matrix(edge_type).toarray(), expected)
    expected[rows] = expected[:, rows] = 0
    np.testing.assert_array_equal(strict.matrix(edge_type).toarray(), expected)
    assert digest(strict.matrix(other)) == digest(data.matrix(other))
    assert digest(strict.treats) == digest(lenient.treats)


def test_a_type_of_which_everything_is_hidden_is_gone() -> None:
    left = alike().without(drugs=range(len(DRUGS)), resemblance=True)

    assert not {TREATS, PALLIATES, ALIKE_DRUGS} & set(left.matrices)
    assert ALIKE_DISEASES in left.matrices


def test_hiding_nothing_leaves_the_same_data() -> None:
    data = alike()

    assert view_digest(data.without(resemblance=True)) == view_digest(data)


def test_what_is_shared_is_made_once_for_all_views_that_must_agree_on_it() -> None:
    data = alike()
    made: list[TrainingData] = []

    def make(view: TrainingData) -> int:
        made.append(view)
        return len(made)

    hideable = {TREATS, PALLIATES, ALIKE_DRUGS, ALIKE_DISEASES}
    views = [data, data.without(diseases=[1]), data.without(drugs=[2], resemblance=True)]
    assert [view.shared("sum", hideable, make) for view in views] == [1, 1, 1]
    assert data.shared("other sum", hideable, make) == 2
    assert len(made) == 2


def test_what_is_shared_is_made_anew_where_it_depends_on_what_changed() -> None:
    data = alike()
    view = data.without(diseases=[1])

    def count(given: TrainingData) -> int:
        return sum(matrix.nnz for matrix in given.matrices.values())

    assert data.shared("edges", (), count) == count(data)
    assert view.shared("edges", (), count) == count(view) < count(data)
    assert data.shared("edges", (), count) == count(data)


def test_the_digest_of_a_view_tells_apart_whatever_a_model_can_read() -> None:
    data = alike()
    some = sp.csr_matrix(np.eye(2, len(DRUGS), dtype=np.float32))
    binds = EdgeType("Drug", "binds", "Gene")
    genes = remove_last(data.matrix(binds))
    others = [
        data.without(diseases=[1]),
        data.without(diseases=[1], resemblance=True),
        data.without(pairs=data.positives[:1]),
        TrainingData(data.n_nodes, {**data.matrices, binds: genes}),
        TrainingData(data.n_nodes, data.matrices, some),
        TrainingData({**data.n_nodes, "Gene": 99}, data.matrices),
    ]

    digests = [view_digest(view) for view in (data, *others)]

    assert len(set(digests)) == len(digests)
    backwards = dict(reversed(list(data.matrices.items())))
    assert view_digest(TrainingData(data.n_nodes, backwards)) == digests[0]
    assert view_digest(alike()) == digests[0]


def remove_last(matrix: sp.csr_matrix) -> sp.csr_matrix:
    return from_pairs(to_pairs(matrix)[:-1], matrix.shape)


def test_symmetric_edges_are_symmetric_and_all_entries_are_one() -> None:
    matrix = training_data(planted_graph()).matrix(EdgeType("Gene", "interacts", "Gene")).toarray()

    np.testing.assert_array_equal(matrix, matrix.T)
    assert matrix.sum() == 4


def test_an_edge_type_that_is_not_there_is_an_empty_matrix() -> None:
    data = training_data(planted_graph())

    assert PALLIATES not in data.matrices
    assert data.palliates.shape == data.treats.shape
    assert data.palliates.nnz == 0


def test_data_without_treatments_says_that_there_is_nothing_to_learn() -> None:
    data = training_data(planted_graph(), hide_diseases=DISEASES)

    with pytest.raises(ModelError, match="treats"):
        _ = data.positives


def test_a_graph_without_diseases_is_refused() -> None:
    with pytest.raises(ModelError, match="no Disease"):
        training_data(make_graph({"Drug": DRUGS}, {}))


def test_histories_must_have_the_graphs_drugs_as_columns() -> None:
    with pytest.raises(ModelError, match="3 drugs"):
        training_data(planted_graph(), histories=sp.csr_matrix(np.ones((2, 3))))


def test_histories_say_whether_not_how_often() -> None:
    counts = np.zeros((2, len(DRUGS)))
    counts[0, 3] = 7

    histories = training_data(planted_graph(), histories=sp.csr_matrix(counts)).histories

    assert histories is not None
    np.testing.assert_array_equal(histories.toarray(), np.minimum(counts, 1))


def test_pairs_and_matrices_are_two_ways_to_write_the_same() -> None:
    treats = training_data(planted_graph()).matrices[TREATS]

    back = from_pairs(to_pairs(treats)[::-1], treats.shape)

    assert digest(back) == digest(treats)
    assert to_pairs(from_pairs(np.empty((0, 2), np.int64), (2, 3))).shape == (0, 2)


def test_the_digest_tells_matrices_apart_by_entries_and_by_shape() -> None:
    one = from_pairs(np.array([[0, 1]]), (2, 3))
    others = [
        from_pairs(np.array([[0, 2]]), (2, 3)),
        from_pairs(np.array([[0, 1]]), (3, 3)),
        from_pairs(np.array([[0, 1], [1, 1]]), (2, 3)),
        None,
    ]

    assert digest(one) not in [digest(other) for other in others]


def test_trials_are_no_lesson() -> None:
    nodes = {"Drug": {"DRUGBANK:DB1": "a"}, "Disease": {"DOID:1": "x", "DOID:2": "y"}}
    edges = {"Drug-treats-Disease": [("DRUGBANK:DB1", "DOID:1")]}
    trials = {"Drug-in_clinical_trials_for-Disease": [("DRUGBANK:DB1", "DOID:2")]}

    found = training_data(make_graph(nodes, {**edges, **trials}))

    assert view_digest(found) == view_digest(training_data(make_graph(nodes, edges)))
