"""Learning from a cohort: what it finds, what it must not hold, and how it weighs the graph."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from recommend.cohorts.cohort import OPEN, Situation, examples, words_digest
from recommend.cohorts.collaborative import Collaborative
from recommend.cohorts.combination import BANDS, PARTS, band_of, graph_part, learn_weights
from recommend.cohorts.learning import secret_share, well_known
from recommend.errors import ColdStartError, ModelError
from recommend.models.prescribing import LEAST, Prescribing, design, situations, unnamed
from tests.recommend.cohorts import (
    N_DISEASES,
    N_DRUGS,
    a_cohort,
    no_graph,
    planted_cohort,
    telling_graph,
)

pytest.importorskip("implicit")


@pytest.fixture(scope="module")
def fitted() -> Collaborative:
    return Collaborative.fit(planted_cohort(), no_graph())


def best(model: Collaborative, **known: Any) -> int:
    seen = model.situations([Situation(age_years=40, **known)])
    return int(model.score(seen, no_graph())[0].argmax())


def test_a_new_condition_leads_to_what_others_got_for_it(fitted: Collaborative) -> None:
    assert best(fitted, recent=(0,), current=(0,), sex="female") == 0


def test_sex_decides_where_it_did_for_others(fitted: Collaborative) -> None:
    assert best(fitted, recent=(1,), current=(1,), sex="female") == 1
    assert best(fitted, recent=(1,), current=(1,), sex="male") == 2


def test_a_condition_without_a_node_is_known_by_its_words(fitted: Collaborative) -> None:
    cold = fitted.condition_of(words_digest("A  cold"))

    assert cold >= N_DISEASES
    by_words, by_column = (
        fitted.patients_score(fitted.situations([known]))
        for known in (Situation(unnamed=(words_digest("a cold"),)), Situation(current=(cold,)))
    )
    np.testing.assert_array_equal(by_words, by_column)
    assert best(fitted, recent=(cold,), current=(cold,), sex="female") == 3


def test_the_history_leads_to_what_goes_with_it(fitted: Collaborative) -> None:
    assert best(fitted, current=(0,), taken=(0,), sex="female") == 4


def test_item_factors_fold_a_history_in_and_refuse_an_empty_one(fitted: Collaborative) -> None:
    scores = fitted.history_scores(np.array([0]))

    assert scores.shape == (N_DRUGS,)
    assert scores[4] > scores[[1, 2, 3, 5, 6, 7]].max()
    for history in ([], [7]):  # 7: one patient only
        with pytest.raises(ColdStartError, match="enough patients"):
            fitted.history_scores(np.array(history, np.int64))


def test_many_patients_score_as_each_alone_would(fitted: Collaborative) -> None:
    cohort = planted_cohort(40, seed=5)
    seen = situations(cohort, examples(cohort), fitted.words)

    together = fitted.score(seen, telling_graph())

    for i in range(0, len(seen), 7):
        alone = fitted.score(seen.of(np.array([i])), telling_graph())
        np.testing.assert_allclose(together[i], alone[0], rtol=1e-5, atol=1e-5)


def test_of_what_patients_tell_too_little_the_graph_tells() -> None:
    graph = telling_graph()
    conditions = [(p, 2 if p < 10 else 0, 500, OPEN) for p in range(60)]
    orders = [(p, 5 if p < 10 else 0, 500, p) for p in range(60)]
    cohort = a_cohort(conditions, orders, [500] * 60, n_patients=60)
    model = Collaborative.fit(cohort, graph)
    seen = model.situations([Situation((2,), (2,), (), "female", 40)])

    assert 5 not in model.prescribing.drugs
    assert model.score(seen, graph)[0].argmax() == 5
    assert model.patients_score(seen)[0].argmax() != 5


def test_scores_come_back_to_the_bit_from_arrays(fitted: Collaborative) -> None:
    cohort = planted_cohort(20, seed=9)
    seen = situations(cohort, examples(cohort), fitted.words)

    again = Collaborative.load(fitted.save())

    assert np.array_equal(again.score(seen, no_graph()), fitted.score(seen, no_graph()))
    assert again.similar(0, 0) == fitted.similar(0, 0)
    assert again.condition_of(words_digest("a cold")) == fitted.condition_of(words_digest("a cold"))


def test_two_fits_are_equal_to_the_bit(fitted: Collaborative) -> None:
    again = Collaborative.fit(planted_cohort(), no_graph()).save()

    assert all(np.array_equal(again[name], array) for name, array in fitted.save().items())


def test_no_array_has_a_row_for_each_patient(fitted: Collaborative) -> None:
    n_patients = planted_cohort().n_patients

    shapes = {name: array.shape for name, array in fitted.save().items()}

    assert not [name for name, shape in shapes.items() if n_patients in shape]
    assert not [name for name, array in fitted.save().items() if array.dtype.kind in "OUS"]


def test_what_one_patient_alone_has_leaves_no_weight(fitted: Collaborative) -> None:
    """The planted cohort has one condition and one drug that a single patient has."""
    cohort = planted_cohort()
    without = cohort.of(np.arange(1, cohort.n_patients))

    for known in (cohort, without):
        asked = examples(known)
        words = unnamed(known)
        model = Prescribing.fit(situations(known, asked, words), asked.started, asked.patient)
        assert 7 not in model.drugs
        assert words_digest("a rare thing") not in words
    assert not fitted.factors[7].any()
    assert 7 not in fitted.counts.cells[:, 1]


def test_every_weight_rests_on_eleven_patients_or_on_as_many_to_be_expected() -> None:
    cohort = planted_cohort(150, seed=3)
    asked = examples(cohort)
    seen = situations(cohort, asked, unnamed(cohort))
    model = Prescribing.fit(seen, asked.started, asked.patient)
    x, y = design(seen)[:, model.inputs].toarray() > 0, asked.started[:, model.drugs].toarray()

    for i in range(len(model.inputs)):
        assert len(np.unique(asked.patient[x[:, i]])) >= LEAST
        for j in np.flatnonzero(model.weights[i]).tolist():
            together = len(np.unique(asked.patient[x[:, i] & (y[:, j] > 0)]))
            assert together >= LEAST or x[:, i].sum() * y[:, j].mean() >= LEAST


@pytest.mark.parametrize("n_patients", [1, 10])
def test_from_ten_patients_nothing_is_learnt(n_patients: int) -> None:
    with pytest.raises(ModelError, match="11 at least"):
        Collaborative.fit(planted_cohort(n_patients), no_graph())


def test_a_cohort_in_which_nobody_starts_a_drug_is_refused() -> None:
    with pytest.raises(ModelError, match="0 patients"):
        Collaborative.fit(a_cohort([(0, 0, 1, OPEN)], [], []), no_graph())


def test_what_eleven_patients_hardly_share_has_no_weight() -> None:
    """Eleven patients of several conditions: something is fitted, and nearly nothing of it kept."""
    arrays: Mapping[str, NDArray[Any]] = Collaborative.fit(planted_cohort(11), no_graph()).save()

    assert len(arrays["prescribing.drugs"]) <= 1
    assert not len(arrays["words"])


def test_a_secret_share_is_the_same_each_time_and_changes_with_one_entry() -> None:
    cohort = planted_cohort()
    other = cohort.of(np.arange(cohort.n_patients - 1))

    first, again = (secret_share(cohort, 0.6) for _ in range(2))

    assert np.array_equal(first.born, again.born)
    assert 0.45 < first.n_patients / cohort.n_patients < 0.75
    assert not np.array_equal(first.born[:50], secret_share(other, 0.6).born[:50])
    assert secret_share(cohort, 1.0) is cohort
    with pytest.raises(ModelError, match="share"):
        secret_share(cohort, 0.0)


def test_what_is_learnt_of_a_share_rests_on_as_many_as_eleven_of_all_would_be() -> None:
    cohort = planted_cohort()
    part = secret_share(cohort, 0.4)
    model = Collaborative.fit(cohort, no_graph(), share=0.4)

    n_patients = part.histories().getnnz(axis=0)

    assert n_patients[model.prescribing.drugs].min() >= 5  # 11 x 0.4, rounded up
    assert n_patients[model.factors.any(axis=1)].min() >= 5
    assert model.counts.cells[:, 3].min() >= 11
    assert model.counts.cohort.endswith("of a test")


def test_drugs_of_ten_patients_leave_the_histories() -> None:
    orders = [(p, 1, 5, 0) for p in range(11)] + [(p, 2, 5, 0) for p in range(10)]
    histories = a_cohort([], orders, [5], n_patients=11).histories()

    assert well_known(histories, LEAST).getnnz(axis=0).tolist() == [0, 11, 0, 0, 0, 0, 0, 0]


def parts_of(n_examples: int) -> NDArray[np.float32]:
    """All parts the same for all drugs, but for two that are drawn."""
    parts = np.zeros((n_examples, 6, len(PARTS)), np.float32)
    parts[:, :, [0, 2]] = np.random.default_rng(2).normal(size=(n_examples, 6, 2))
    return parts


def test_weights_prefer_the_part_that_tells_and_each_band_its_own() -> None:
    parts = parts_of(900)
    band = np.arange(900) % 2
    telling = parts[np.arange(900), :, 2 * band]  # another part in every other encounter
    started = (telling == telling.max(axis=1, keepdims=True)).astype(np.float32)

    weights = learn_weights(parts, started, np.zeros(started.shape, np.bool_), band)

    assert weights.shape == (len(BANDS) + 1, len(PARTS))
    assert weights[0, 0] > weights[0, 2] + 1
    assert weights[1, 2] > weights[1, 0] + 1


def test_a_part_that_speaks_against_what_was_started_gets_no_weight() -> None:
    parts = parts_of(300)
    against = parts[:, :, 2]
    started = (against == against.min(axis=1, keepdims=True)).astype(np.float32)

    weights = learn_weights(
        parts, started, np.zeros(started.shape, np.bool_), np.zeros(300, np.int64)
    )

    assert weights[0, 2] == 0
    assert (np.delete(weights, PARTS.index("rare"), axis=1) >= 0).all()


def test_bands_begin_at_one_three_and_six_drugs() -> None:
    assert band_of(np.array([0, 1, 2, 3, 5, 6, 60])).tolist() == [0, 1, 1, 2, 2, 3, 3]


def test_graph_scores_that_are_no_probabilities_are_refused() -> None:
    with pytest.raises(ModelError, match="probabilities"):
        graph_part(np.full((2, 2), 1.5), np.zeros((2, 2), np.bool_))
    with pytest.raises(ModelError, match="differ"):
        graph_part(np.zeros((2, 2)), np.zeros((2, 3), np.bool_))
