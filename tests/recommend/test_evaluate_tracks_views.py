"""What each track lets the models see: nothing of what it asks them for, and all the rest."""

import numpy as np
import pytest

from recommend.evaluate.tracks import TRACKS, Options
from recommend.folds import pair_splits
from recommend.interactions import ALIKE_DISEASES, ALIKE_DRUGS, PALLIATES, TREATS, TrainingData
from tests.recommend.tracked import (
    ASSOCIATES,
    BINDS,
    N_DISEASES,
    Spy,
    missing_columns,
    missing_rows,
    same,
    tracked,
)

DATA = tracked()
TREATED = list(range(N_DISEASES - 2))


def views(track: str, **options: object) -> list[TrainingData]:
    """What the models were given in one run of the track."""
    spy = Spy()
    TRACKS[track](DATA, spy, Options(**options))  # type: ignore[arg-type]
    return spy.views


@pytest.mark.parametrize("random", [False, True])
@pytest.mark.parametrize("strict", [False, True])
def test_zero_shot_hides_all_that_helps_in_a_fold_and_nothing_else(
    strict: bool, random: bool
) -> None:
    tested: list[int] = []

    for view in views("zero-shot", strict=strict, random=random, folds=4):
        fold = missing_columns(view, DATA)
        rest = [j for j in range(N_DISEASES) if j not in fold]
        tested += fold
        assert view.palliates[:, fold].nnz == 0
        assert same(view.treats, DATA.treats, rest)
        assert same(view.palliates, DATA.palliates, rest)
        assert same(view.matrix(BINDS), DATA.matrix(BINDS))
        assert same(view.matrix(ASSOCIATES), DATA.matrix(ASSOCIATES))
        alike, whole = view.matrix(ALIKE_DISEASES), DATA.matrix(ALIKE_DISEASES)
        assert alike[fold].nnz == (0 if strict else whole[fold].nnz)
        assert alike[:, fold].nnz == (0 if strict else whole[:, fold].nnz)
        assert same(alike[rest][:, rest], whole[rest][:, rest])
    assert sorted(tested) == TREATED


def test_a_disease_is_never_asked_for_while_one_of_its_group_is_seen() -> None:
    for view in views("zero-shot", folds=3):
        fold = missing_columns(view, DATA)
        assert {j ^ 1 for j in fold} & set(TREATED) == set(fold)  # 0-1, 2-3, … are alike


def test_more_seeds_deal_zero_shot_folds_anew() -> None:
    folds = [tuple(missing_columns(view, DATA)) for view in views("zero-shot", seeds=3, folds=3)]

    assert len(folds) == 9
    assert len(set(folds)) > 3


def test_cold_drug_hides_all_that_a_fold_of_drugs_does_and_what_it_resembles() -> None:
    tested: list[int] = []

    for view in views("cold-drug", folds=3):
        fold = missing_rows(view, DATA)
        rest = [i for i in range(DATA.shape[0]) if i not in fold]
        tested += fold
        assert view.palliates[fold].nnz == 0
        assert view.matrix(ALIKE_DRUGS)[fold].nnz == view.matrix(ALIKE_DRUGS)[:, fold].nnz == 0
        assert same(view.treats[rest], DATA.treats[rest])
        assert same(view.palliates[rest], DATA.palliates[rest])
        assert same(view.matrix(BINDS), DATA.matrix(BINDS))
    assert sorted(tested) == np.unique(DATA.positives[:, 0]).tolist()


def test_transductive_models_see_the_training_part_alone() -> None:
    given = views("transductive", seed=7)

    assert len(given) == 5
    for seed, view in enumerate(given, start=7):
        split = pair_splits(DATA, seed)
        np.testing.assert_array_equal(view.positives, split.train)
        hidden = np.concatenate([split.validation, split.test])
        assert not view.palliates.toarray()[hidden[:, 0], hidden[:, 1]].any()


def test_a_palliates_edge_beside_a_hidden_treats_edge_is_hidden_too() -> None:
    matrices = {**DATA.matrices, PALLIATES: DATA.matrix(TREATS)}
    beside, spy = TrainingData(DATA.n_nodes, matrices), Spy()

    TRACKS["transductive"](beside, spy, Options())

    for view in spy.views:
        assert same(view.palliates, view.treats)


def test_calibration_hides_what_is_tested_and_what_is_fitted_on() -> None:
    given = views("calibration", folds=4, random=True)

    missing = [missing_columns(view, DATA) for view in given]
    times = np.bincount(np.concatenate(missing), minlength=N_DISEASES)
    assert times[TREATED].tolist() == [2] * len(TREATED)  # tested once, fitted on once
    for view, hidden in zip(given, missing, strict=True):
        assert view.palliates[:, hidden].nnz == 0
    for fold, following in zip(missing, [*missing[1:], missing[0]], strict=True):
        assert set(fold) & set(following)  # what one is calibrated on, the next is tested on


def test_external_models_see_everything() -> None:
    labels = np.argwhere(DATA.treats.toarray() + DATA.palliates.toarray() == 0)[:20]

    (view,) = views("external", labels=labels)

    assert view is DATA


def test_the_negative_control_hides_folds_and_splits_of_permuted_graphs_as_of_the_real_one() -> (
    None
):
    given = views("negative-control", folds=4)

    assert len(given) == 4 * 5
    for start in range(0, len(given), 4):
        of_fold, of_split, permuted_fold, permuted_split = given[start : start + 4]
        fold = missing_columns(of_fold, DATA)
        assert fold == missing_columns(permuted_fold, DATA)
        assert permuted_fold.palliates[:, fold].nnz == 0
        assert of_split.treats.nnz == permuted_split.treats.nnz == round(0.64 * DATA.treats.nnz)
        for matrix, real in ((permuted_fold.matrix(BINDS), DATA.matrix(BINDS)),):
            assert not same(matrix, real)
            np.testing.assert_array_equal(matrix.sum(axis=0), real.sum(axis=0))
            np.testing.assert_array_equal(matrix.sum(axis=1), real.sum(axis=1))
