"""Ways to compute training features: the wrong ones are found, hiding whole folds is not."""

import numpy as np
import pytest
from numpy.typing import NDArray

from recommend.errors import ModelError
from recommend.evaluate.own_edge import Compute, own_edge_leaks
from recommend.interactions import Pairs, TrainingData, from_pairs
from tests.recommend.test_evaluate_leaks import ASSOCIATES, BINDS, data

FEATURES = ("drug's degree", "disease's degree", "genes of the drug")
METAPATHS = ("CbGbCtD", "CtDtCtD", "CbGaD")


def degrees(training: TrainingData, pairs: Pairs) -> NDArray[np.float64]:
    """(n, 3) FEATURES of whatever is there."""
    treats, binds = training.treats, training.matrices[BINDS]
    drugs, diseases = pairs.T
    columns = [treats.sum(1).A1[drugs], treats.sum(0).A1[diseases], binds.sum(1).A1[drugs]]
    return np.stack(columns, axis=1).astype(np.float64)


def paths(training: TrainingData, pairs: Pairs) -> NDArray[np.float32]:
    """(n, 3) how many walks of METAPATHS there are."""
    treats, binds = training.treats, training.matrices[BINDS]
    joined = binds @ training.matrices[ASSOCIATES].T
    walks = (binds @ (binds.T @ treats), treats @ (treats.T @ treats), joined)
    return np.stack([matrix.toarray()[tuple(pairs.T)] for matrix in walks], axis=1)


def hiding_the_rows(compute: Compute) -> Compute:
    """As the models do: the rows of a fold are all hidden, then all computed."""
    return lambda training, pairs: compute(training.without(pairs=pairs), pairs)


def hiding_each_alone(compute: Compute) -> Compute:
    """The tempting way: of each row its own edge is taken off, and of the others nothing."""

    def computed(training: TrainingData, pairs: Pairs) -> NDArray[np.floating]:
        rows = [compute(training.without(pairs=pair), pair) for pair in pairs[:, None]]
        return np.concatenate(rows)

    return computed


def dense() -> TrainingData:
    """Every other drug binds one gene, so that drugs of a disease are joined."""
    return data(planted=(BINDS, [(drug, 0) for drug in range(0, 1500, 2)]))


def some(training: TrainingData, n: int = 12) -> Pairs:
    return training.positives[::5][:n]


def found(compute: Compute, features: tuple[str, ...] = FEATURES) -> set[tuple[str, str]]:
    training = dense()
    leaks = own_edge_leaks(compute, training, some(training), features=features)
    return {(leak.kind, leak.what.removeprefix("feature ")) for leak in leaks}


def test_features_of_the_whole_graph_hold_the_own_edge() -> None:
    assert ("own-edge", "drug's degree") in found(degrees)
    assert ("own-edge", "disease's degree") in found(degrees)
    assert {what for _, what in found(degrees)} == set(FEATURES[:2])


def test_paths_of_the_whole_graph_hold_the_own_edge() -> None:
    leaks = found(paths, METAPATHS)

    assert {what for kind, what in leaks if kind == "own-edge"} == {"CbGbCtD", "CtDtCtD"}
    assert "CbGaD" not in {what for _, what in leaks}


@pytest.mark.parametrize("compute", [degrees, paths])
def test_hiding_all_rows_of_a_fold_is_clean(compute: Compute) -> None:
    training = dense()

    assert own_edge_leaks(hiding_the_rows(compute), training, some(training)) == []


def test_taking_the_own_edge_off_the_positives_marks_them() -> None:
    leaks = found(hiding_each_alone(degrees))

    assert ("marked-positive", "disease's degree") in leaks
    assert not {kind for kind, _ in leaks} & {"own-edge"}
    assert "genes of the drug" not in {what for _, what in leaks}


def test_a_change_in_some_pairs_only_is_counted() -> None:
    training = data()
    pairs = some(training)

    def of_one_drug(given: TrainingData, asked: Pairs) -> NDArray[np.float64]:
        return np.asarray(degrees(given, asked)[:, :1] * (asked[:, :1] == pairs[0, 0]), np.float64)

    (leak,) = own_edge_leaks(of_one_drug, training, pairs)

    assert leak.what == "feature 0"
    assert leak.evidence == f"changes with the own edge of 1 of {len(pairs)} pairs"


def test_rounding_is_no_leak() -> None:
    training = data()
    rng = np.random.default_rng(0)

    def noisy(_: TrainingData, asked: Pairs) -> NDArray[np.float64]:
        noise = 1e-6 * rng.random((len(asked), 1))
        return np.concatenate([5 + noise, 1e-5 * noise], axis=1)

    assert own_edge_leaks(noisy, training, some(training)) == []


def test_what_parts_only_a_few_pairs_may_be_chance() -> None:
    training = data()
    pairs = some(training)

    def is_asked(_: TrainingData, asked: Pairs) -> NDArray[np.float64]:
        right = from_pairs(pairs, training.shape)
        return np.asarray(right.toarray()[tuple(asked.T)][:, None], np.float64)

    every = own_edge_leaks(is_asked, training, pairs)

    assert [leak.kind for leak in every] == ["marked-positive"] * 2
    assert "other drugs of the same disease" in every[0].evidence
    assert "other diseases of the same drug" in every[1].evidence
    assert own_edge_leaks(is_asked, training, pairs[:2]) == []


def test_what_cannot_be_probed_is_said() -> None:
    training = data()
    pairs = some(training)

    with pytest.raises(ModelError, match="no treats edge"):
        own_edge_leaks(degrees, training.without(pairs=pairs[:1]), pairs)
    with pytest.raises(ModelError, match="nothing to probe"):
        own_edge_leaks(degrees, training, pairs[:0])
    with pytest.raises(ModelError, match=r"shape \(1, 3\), not \(1, 2\)"):
        own_edge_leaks(degrees, training, pairs, features=FEATURES[:2])
    with pytest.raises(ModelError, match=r"shape \(1,\)"):
        own_edge_leaks(lambda *_: np.zeros(1), training, pairs)
