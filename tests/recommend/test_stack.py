"""The combination: what it is learnt from, what each member is worth, what its numbers mean."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from recommend.answers.degrees import percentiles
from recommend.errors import ModelError
from recommend.interactions import (
    ALIKE_DISEASES,
    PALLIATES,
    TREATS,
    TrainingData,
    from_pairs,
    training_data,
    view_digest,
)
from recommend.models.base import Scores
from recommend.models.calibration import fit
from recommend.models.stack import Stack, hidden_views, scale
from tests.recommend.planted import DISEASES, planted_graph

N_DRUGS, N_DISEASES = 60, 24
AWAY = [5, 17]  # diseases of which nothing is recorded


def clinic(seed: int = 0, *, absent: Sequence[int] = AWAY) -> TrainingData:
    """Chance, in which two of ten pairs are recorded, and some diseases resemble others."""
    rng = np.random.default_rng(seed)
    shape = N_DRUGS, N_DISEASES
    treats = np.argwhere(rng.random(shape) < 0.15)
    palliates = np.argwhere(rng.random(shape) < 0.05)
    alike = np.array([(0, 1), (1, 0), (5, 6), (6, 5)])
    matrices = {
        TREATS: from_pairs(treats, shape),
        PALLIATES: from_pairs(palliates, shape),
        ALIKE_DISEASES: from_pairs(alike, (N_DISEASES, N_DISEASES)),
    }
    whole = TrainingData({"Drug": N_DRUGS, "Disease": N_DISEASES}, matrices)
    return whole.without(diseases=absent)


class Members:
    """Members whose scores are known, and what they were fitted on."""

    def __init__(self, training: TrainingData, **noise: float) -> None:
        rng = np.random.default_rng(1)
        truth = training.treats.toarray()
        self.scores = {
            name: (truth + spread * rng.normal(size=truth.shape)).astype(np.float32)
            for name, spread in noise.items()
        }
        self.seen: list[tuple[str, TrainingData]] = []

    def __call__(self, name: str, view: TrainingData) -> Scores:
        self.seen.append((name, view))
        return self.scores[name]


def stacked(training: TrainingData, members: Members, **options: object) -> Stack:
    names = tuple(members.scores)
    return Stack(members=names, score_member=members, **options).fit(training)  # type: ignore[arg-type]


def test_a_percentile_is_the_share_of_drugs_beaten_and_ties_count_half() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 5, size=(9, 4)).astype(np.float32)

    result = percentiles(scores)

    for (i, j), value in np.ndenumerate(result):
        column = scores[:, j]
        wins = (column < scores[i, j]).sum() + (column == scores[i, j]).sum() / 2
        assert value == pytest.approx(wins / 9)
    np.testing.assert_array_equal(percentiles(scores[:, 2]), result[:, 2])


def test_a_member_that_knows_nothing_gives_everyone_a_half() -> None:
    assert percentiles(np.zeros(5, np.float32)).tolist() == [0.5] * 5


def test_every_treated_disease_is_hidden_in_exactly_one_view() -> None:
    training = clinic()

    views = hidden_views(training, 0)

    assert len(views) == 4
    assert (np.sum([hidden.diseases for hidden in views], axis=0) == 1).all()
    for hidden in views:
        assert hidden.diseases.sum() < N_DISEASES / 2
        assert not hidden.pairs[:, hidden.diseases].any()
        assert hidden.pairs.any()


def test_nothing_that_a_view_hides_is_left_in_it_and_the_rest_stays() -> None:
    training = clinic()

    for hidden in hidden_views(training, 0):
        away = hidden.pairs | hidden.diseases
        for edge_type in (TREATS, PALLIATES):
            left, whole = (t.matrix(edge_type).toarray() > 0 for t in (hidden.view, training))
            np.testing.assert_array_equal(left, whole & ~away)


def test_where_diseases_resemble_nothing_half_the_views_hide_resemblance() -> None:
    hides = []
    for hidden in hidden_views(clinic(), 0):
        left = hidden.view.matrix(ALIKE_DISEASES).toarray() > 0
        whole = clinic().matrix(ALIKE_DISEASES).toarray() > 0
        touched = whole & (hidden.diseases | hidden.diseases[:, None])
        np.testing.assert_array_equal(left[~touched], whole[~touched])
        if touched.any():
            hides.append(not (left & touched).any())

    assert True in hides
    assert False in hides


def test_the_views_are_drawn_by_the_seed() -> None:
    def digests(seed: int) -> list[str]:
        return [view_digest(hidden.view) for hidden in hidden_views(clinic(), seed)]

    assert digests(3) == digests(3)
    assert not set(digests(3)) & set(digests(4))


def test_members_see_the_views_and_all_that_may_be_learnt_from_and_nothing_else() -> None:
    training = clinic()
    members = Members(training, one=0.5, two=0.5)

    stack = stacked(training, members, beside=("two",))

    views = [hidden.view for hidden in stack.views]
    for name, seen in (("one", views), ("two", [v for v in views for _ in "ab"])):
        fitted_on = [view for n, view in members.seen if n == name]
        assert fitted_on == [*seen, training]
    assert view_digest(stack.views[0].view) == view_digest(hidden_views(training, 0)[0].view)


@pytest.mark.parametrize("noise", [{"only": 0.5}, {"a": 0.3, "b": 0.6, "c": 2.0}])
def test_weights_sum_to_one_and_none_is_negative(noise: Mapping[str, float]) -> None:
    training = clinic()

    weights = stacked(training, Members(training, **noise)).weights()

    assert set(weights) == {"new", "known"}
    for shares in weights.values():
        assert sorted(shares) == sorted(noise)
        assert sum(shares.values()) == pytest.approx(1)
        assert min(shares.values()) >= 0


def test_a_member_that_adds_nothing_gets_about_no_weight() -> None:
    training = clinic()
    members = Members(training, good=0.4, bad=50.0, useless=50.0)

    for shares in stacked(training, members).weights().values():
        assert shares["good"] > 0.75
        assert shares["bad"] < 0.15
        assert shares["useless"] < 0.15


def test_members_that_are_equally_good_weigh_about_the_same() -> None:
    training = clinic()

    weights = stacked(training, Members(training, one=0.7, two=0.7)).weights()

    for shares in weights.values():
        assert 0.3 < shares["one"] < 0.7


@pytest.mark.parametrize("spread", [0.1, 0.5, 3.0])
def test_scores_are_probabilities(spread: float) -> None:
    training = clinic()

    stack = stacked(training, Members(training, one=spread, two=2 * spread))

    scores = stack.score()
    assert scores.dtype == np.float32
    assert ((scores > 0) & (scores < 1)).all()
    assert set(stack.calibration()) == {"new", "known"}
    assert set(stack.calibration().values()) <= {"platt", "isotonic"}


def test_the_mean_of_the_scores_is_the_share_that_is_recorded() -> None:
    training = clinic(absent=())
    treats = training.treats.toarray() > 0

    stack = stacked(training, Members(training, one=0.5, two=0.5), beside=("one",))

    assert stack.score().mean() == pytest.approx(treats.mean(), abs=0.03)
    assert stack.held_out["stack"].mean() == pytest.approx(treats.mean(), abs=0.03)


def test_calibration_keeps_the_order_of_a_single_member() -> None:
    training = clinic()
    members = Members(training, only=0.5)

    scores = stacked(training, members).score()

    known = np.setdiff1d(np.arange(N_DISEASES), AWAY)
    for columns in (AWAY, known):
        order = np.argsort(members.scores["only"][:, columns].ravel())
        ranked = scores[:, columns].ravel()[order]
        assert (np.diff(ranked) >= 0).all()
        assert len(np.unique(ranked)) > 0.9 * len(ranked)


def test_the_scale_of_a_member_does_not_matter() -> None:
    training = clinic()
    members = Members(training, one=0.5, two=0.8)
    stretched = Members(training, one=0.5, two=0.8)
    stretched.scores["one"] = 1000 * stretched.scores["one"] + 7

    one, other = (stacked(training, m).score() for m in (members, stretched))

    np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("views", [(), []])
def test_without_views_all_members_weigh_the_same(views: Sequence[object]) -> None:
    training = clinic()
    members = Members(training, good=0.1, bad=50.0, other=1.0)

    stack = stacked(training, members, views=views)

    assert len(members.seen) == 3
    assert all(view is training for _, view in members.seen)
    assert stack.combinations == (None, None)
    assert stack.held_out == {}
    assert stack.calibration() == {"new": "none", "known": "none"}
    for shares in stack.weights().values():
        assert set(shares.values()) == {1 / 3}
    assert ((stack.score() > 0) & (stack.score() < 1)).all()


def test_a_single_treated_disease_cannot_teach_weights() -> None:
    training = training_data(planted_graph(without_diseases=tuple(list(DISEASES)[1:])))

    stack = Stack(members=("metapath", "similarity")).fit(training)

    assert stack.views == []
    assert stack.calibration() == {"new": "none", "known": "none"}
    assert np.isfinite(stack.score()).all()


def test_held_out_scores_are_those_of_the_view_that_hides_the_disease() -> None:
    training = clinic()
    fresh: dict[int, Scores] = {}

    def score(_: str, view: TrainingData) -> Scores:
        rng = np.random.default_rng(len(fresh))
        scores = training.treats.toarray() + rng.normal(size=view.shape)
        return fresh.setdefault(id(view), scores.astype(np.float32))

    stack = Stack(members=("one",), beside=("beside",), score_member=score).fit(training)

    assert set(stack.held_out) == {"one", "beside", "stack"}
    for hidden in stack.views:
        given = fresh[id(hidden.view)][:, hidden.diseases]
        kept = stack.held_out["one"][:, hidden.diseases]
        np.testing.assert_allclose(kept, (given - given.mean()) / given.std(), atol=1e-5)
        probabilities = stack.held_out["stack"][:, hidden.diseases]
        order = np.argsort(given.ravel())
        assert (np.diff(probabilities.ravel()[order]) >= 0).all()


def test_what_is_held_out_of_a_disease_does_not_depend_on_its_own_treatments() -> None:
    training = clinic()
    members = Members(training, one=0.5, two=0.9)
    views = hidden_views(training, 0)
    here = views[1].diseases
    other = swapped(training, here)

    before, after = (
        stacked(data, members, views=views, beside=("one",)).held_out["stack"]
        for data in (training, other)
    )

    np.testing.assert_array_equal(before[:, here], after[:, here])
    assert not np.array_equal(before[:, ~here], after[:, ~here])


def swapped(training: TrainingData, diseases: NDArray[np.bool_]) -> TrainingData:
    """Other drugs treat ``diseases``, as many as before."""
    treats = training.treats.toarray() > 0
    treats[:, diseases] = treats[::-1, diseases]
    changed = from_pairs(np.argwhere(treats), training.shape)
    return TrainingData(training.n_nodes, {**training.matrices, TREATS: changed})


def test_a_loaded_stack_has_the_scores_and_nothing_held_out() -> None:
    training = clinic()
    stack = stacked(training, Members(training, one=0.5, two=0.9))

    again = Stack.load(stack.save())

    np.testing.assert_array_equal(again.score(), stack.score())
    assert again.held_out == {}


def test_progress_comes_to_its_end_and_a_stack_needs_treatments() -> None:
    training = clinic()
    heard: list[tuple[int, int]] = []
    members = Members(training, one=0.5)

    Stack(members=("one",), score_member=members).fit(
        training, progress=lambda _, done, total: heard.append((done, total))
    )

    assert heard == [(done, 5) for done in range(6)]
    with pytest.raises(ModelError, match="treats"):
        Stack(members=("one",), score_member=members).fit(
            training.without(diseases=range(N_DISEASES))
        )


def test_a_disease_without_a_record_is_likelier_to_have_none_missing() -> None:
    training = clinic()
    treated = np.diff(training.treats.tocsc().indptr) > 0

    def noise(_: str, view: TrainingData) -> Scores:
        return np.random.default_rng(0).normal(size=view.shape).astype(np.float32)

    scores = Stack(members=("noise",), score_member=noise).fit(training).score()

    assert 0 < treated.sum() < len(treated)
    assert scores[:, ~treated].mean() < scores[:, treated].mean()


def test_diseases_of_which_a_member_says_nothing_do_not_narrow_its_scale() -> None:
    rng = np.random.default_rng(0)
    told = rng.normal(2, 3, size=(50, 4)).astype(np.float32)
    scores = np.concatenate([told, np.full((50, 90), 0.5, np.float32)], axis=1)
    where = np.ones(scores.shape, np.bool_)
    where[:, 0] = False

    found = scale(scores, where)

    assert found == pytest.approx((told[:, 1:].mean(), told[:, 1:].std()), rel=1e-5)
    assert scale(scores[:, 4:], where[:, 4:]) == (0.5, 1.0)


@pytest.mark.parametrize("rare", [0.0005, 0.005, 0.05])
def test_platts_curve_is_the_likeliest_one_however_rare_the_positives(rare: float) -> None:
    from scipy.optimize import minimize

    rng = np.random.default_rng(1)
    scores = rng.standard_t(3, size=40_000)
    truth = rng.random(40_000) < 1 / (1 + np.exp(-(np.log(rare) + 1.04 * scores)))
    calibrator = fit("platt", scores, truth)

    target = np.where(truth, (truth.sum() + 1) / (truth.sum() + 2), 1 / ((~truth).sum() + 2))

    def loss(weights: NDArray[np.float64]) -> float:
        linear = weights[0] + weights[1] * scores
        return float((np.logaddexp(0, linear) - target * linear).sum())

    best = minimize(loss, [np.log(rare), 0.5], method="Nelder-Mead", options={"xatol": 1e-6})
    at = np.array([-3.0, 0.0, 3.0, 8.0])
    expected = 1 / (1 + np.exp(-(best.x[0] + best.x[1] * at)))
    np.testing.assert_allclose(calibrator(at), expected, rtol=0.01)
