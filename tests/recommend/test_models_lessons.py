"""Rows to learn from: no pair sees its own record, and each stands for others like it."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from recommend.evaluate.own_edge import own_edge_leaks
from recommend.interactions import (
    ALIKE_DISEASES,
    BROADER_DISEASES,
    PALLIATES,
    TREATS,
    Pairs,
    TrainingData,
    from_pairs,
)
from recommend.models import lessons as module
from recommend.models.features import feature_columns, feature_names
from recommend.models.lessons import Regime, lessons, mask_of, regimes_of, rows_of
from tests.recommend.test_evaluate_leaks import data as ward
from tests.recommend.test_models_features import SIZES, small

Seen = list[tuple[TrainingData, NDArray[np.bool_]]]  # views, and the pairs that are their rows


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """What rows are made of."""
    found: Seen = []

    def spy(view: TrainingData, wanted: NDArray[np.bool_]) -> object:
        found.append((view, wanted.copy()))
        return rows_of(view, wanted)

    monkeypatch.setattr(module, "rows_of", spy)
    return found


def recorded(training: TrainingData) -> NDArray[np.bool_]:
    return np.asarray((training.treats + training.palliates).toarray() > 0)


@pytest.mark.parametrize("regime", Regime)
def test_no_view_shows_the_record_of_a_pair_that_is_its_row(regime: Regime, seen: Seen) -> None:
    training = small()

    lessons(training, regime, seed=1)

    assert len(seen) >= 5
    for view, rows in seen:
        assert not (recorded(view) & rows).any()
        assert (recorded(training) & rows).any()


@pytest.mark.parametrize("regime", Regime)
def test_every_treatment_is_a_row_in_two_views(regime: Regime, seen: Seen) -> None:
    training = small(absent=(BROADER_DISEASES,))  # which would leave a single group
    treats = training.treats.toarray() > 0

    lessons(training, regime, seed=2)

    times = np.sum([rows for _, rows in seen], axis=0)
    assert (times[treats] == 2).all()


def test_a_view_for_new_diseases_shows_none_of_their_records(seen: Seen) -> None:
    training = small()

    lessons(training, Regime.NEW, seed=0)

    for view, rows in seen:
        asked = rows.any(axis=0)
        assert not recorded(view)[:, asked].any()
        np.testing.assert_array_equal(recorded(view)[:, ~asked], recorded(training)[:, ~asked])
        alike = view.matrix(ALIKE_DISEASES), training.matrix(ALIKE_DISEASES)
        np.testing.assert_array_equal(alike[0].toarray(), alike[1].toarray())


def test_a_view_for_diseases_alone_shows_nothing_that_they_resemble(seen: Seen) -> None:
    training = small()

    lessons(training, Regime.ALONE, seed=0)

    for view, rows in seen:
        asked = rows.any(axis=0)
        alike = view.matrix(ALIKE_DISEASES).toarray()
        assert not recorded(view)[:, asked].any()
        assert not alike[asked].any()
        assert not alike[:, asked].any()


def test_rows_for_known_diseases_are_of_treated_ones_and_half_the_views_hide_whole_drugs(
    seen: Seen,
) -> None:
    training = small().without(diseases=[2])

    lessons(training, Regime.KNOWN, seed=0)

    assert not any(rows[:, 2].any() for _, rows in seen)
    whole = [not recorded(view)[rows.any(axis=1)].any() for view, rows in seen]
    assert sum(whole) >= 4


@pytest.mark.parametrize("regime", Regime)
def test_the_rows_are_those_of_a_graph_that_never_had_what_is_hidden(
    regime: Regime, seen: Seen
) -> None:
    learnt = lessons(small(), regime, seed=0)

    never = [rows_of(TrainingData(v.n_nodes, dict(v.matrices)), rows) for v, rows in seen]

    assert learnt is not None
    np.testing.assert_array_equal(learnt.columns, np.concatenate([raw for raw, _ in never]))
    np.testing.assert_array_equal(learnt.relative, np.concatenate([part for _, part in never]))


@pytest.mark.parametrize("regime", Regime)
@pytest.mark.parametrize("drawn", [2_000, 10**6])
def test_weights_add_up_to_the_pairs_of_the_views(
    regime: Regime, drawn: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = ward()
    monkeypatch.setattr(module, "NEGATIVES", drawn)
    monkeypatch.setattr(module, "rows_of", lambda _, rows: [np.zeros((rows.sum(), 1))] * 2)
    treats, known = training.treats.toarray() > 0, recorded(training)

    learnt = lessons(training, regime, seed=0)

    negatives = 2 * (~known[:, treats.any(axis=0)]).sum()
    if regime is Regime.KNOWN:
        n_diseases = known.any(axis=0).sum()
        n_pairs = 5 * len(known) * n_diseases + known.any(axis=1).sum() * n_diseases
        negatives = n_pairs - 6 * known.sum()
    assert learnt is not None
    assert learnt.labels.sum() == 2 * treats.sum()
    assert (learnt.weights[learnt.labels] == 1).all()
    assert learnt.weights[~learnt.labels].sum() == pytest.approx(negatives, rel=1e-4)
    n_drawn = (~learnt.labels).sum()
    assert n_drawn == pytest.approx(min(drawn, negatives), rel=0.1)


@pytest.mark.parametrize("regime", Regime)
def test_what_is_only_palliated_is_neither_right_nor_wrong(regime: Regime, seen: Seen) -> None:
    training = small()
    relief_alone = recorded(training) & ~(training.treats.toarray() > 0)
    assert relief_alone.any()

    lessons(training, regime, seed=0)

    assert not any((rows & relief_alone).any() for _, rows in seen)


def test_relative_values_are_shares_of_the_greatest_of_the_disease() -> None:
    view = small(4)
    wanted = np.random.default_rng(0).random(view.shape) < 0.5

    raw, relative = rows_of(view, wanted)

    assert relative.min() >= 0
    assert relative.max() == 1
    pairs = np.argwhere(wanted)
    for j, column in enumerate(feature_columns(view)):
        for i, (drug, disease) in enumerate(pairs):
            greatest = column[:, disease].max()
            assert raw[i, j] == pytest.approx(column[drug, disease], rel=1e-5)
            share = column[drug, disease] / greatest if greatest else 0
            assert relative[i, j] == pytest.approx(share, abs=1e-5)


def test_a_regime_is_what_is_known_of_a_disease() -> None:
    shape = (SIZES["Drug"], SIZES["Disease"])
    alike = from_pairs(np.array([(0, 3), (3, 0), (1, 4), (4, 1)]), (SIZES["Disease"],) * 2)
    matrices = {
        TREATS: from_pairs(np.array([(0, 0), (1, 2)]), shape),
        PALLIATES: from_pairs(np.array([(5, 1)]), shape),
        ALIKE_DISEASES: alike,
    }
    view = TrainingData(SIZES, matrices)

    regimes = regimes_of(view)

    known, new, alone = Regime.KNOWN, Regime.NEW, Regime.ALONE
    assert regimes.tolist() == [known, known, known, new, new, alone]
    assert mask_of(view, regimes == Regime.ALONE).sum(axis=0).tolist() == [0, 0, 0, 0, 0, 7]
    hidden = view.without(diseases=[0, 1], resemblance=True)
    assert regimes_of(hidden).tolist() == [alone, alone, known, alone, alone, alone]


@pytest.mark.parametrize("regime", Regime)
def test_the_seed_draws_the_rows(regime: Regime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NEGATIVES", 30)

    one, again, other = (lessons(small(), regime, seed) for seed in (0, 0, 1))

    assert one is not None
    assert again is not None
    assert other is not None
    np.testing.assert_array_equal(one.columns, again.columns)
    assert one.columns.shape != other.columns.shape or (one.columns != other.columns).any()


@pytest.mark.parametrize("regime", [Regime.ALONE, Regime.NEW])
def test_with_a_single_treated_disease_there_is_nothing_to_hide(regime: Regime) -> None:
    training = small(1)
    (_, *others) = np.unique(training.positives[:, 1]).tolist()
    training = training.without(diseases=others)
    assert training.treats.nnz

    assert lessons(training, regime, seed=0) is None


def test_where_no_pair_is_wrong_there_is_nothing_to_learn() -> None:
    training = small()
    every = np.argwhere(np.ones(training.shape, bool))
    full = TrainingData(SIZES, {**training.matrices, TREATS: from_pairs(every, training.shape)})

    assert lessons(full, Regime.KNOWN, seed=0) is None


Hide = Callable[[TrainingData, Pairs], TrainingData]
WAYS: dict[str, Hide] = {
    "alone": lambda t, pairs: t.without(diseases=pairs[:, 1].tolist(), resemblance=True),
    "new": lambda t, pairs: t.without(diseases=pairs[:, 1].tolist()),
    "pairs": lambda t, pairs: t.without(pairs=pairs),
    "drugs": lambda t, pairs: t.without(drugs=pairs[:, 0].tolist()),
}


def rows_in_order(view: TrainingData, pairs: Pairs) -> NDArray[np.float32]:
    """Raw and relative values of ``pairs``, in their order."""
    wanted = np.zeros(view.shape, bool)
    wanted[tuple(pairs.T)] = True
    place = np.cumsum(wanted).reshape(wanted.shape) - 1
    values = np.concatenate(rows_of(view, wanted), axis=1)
    return np.asarray(values[place[tuple(pairs.T)]])


@pytest.mark.parametrize("way", WAYS)
def test_no_column_of_a_hidden_fold_knows_which_row_is_recorded(way: str) -> None:
    training = ward()
    names = [*feature_names(training), *(f"relative {n}" for n in feature_names(training))]
    pairs = training.positives[::40]

    leaks = own_edge_leaks(
        lambda t, asked: rows_in_order(WAYS[way](t, asked), asked), training, pairs, features=names
    )

    assert leaks == []


def test_columns_without_anything_hidden_do_know() -> None:
    training = ward()

    leaks = own_edge_leaks(rows_in_order, training, training.positives[::40])

    assert {leak.kind for leak in leaks} >= {"own-edge"}
