"""The attack reads all that a bundle holds of a cohort, and finds members that it gives away."""

import numpy as np
import pytest

from recommend.cohorts.cohort import OPEN, Cohort, examples
from recommend.cohorts.collaborative import Collaborative
from recommend.cohorts.combination import PARTS
from recommend.cohorts.counts import Counts
from recommend.evaluate.membership_cohort import attack_cohort, read_collaborative
from recommend.interactions import TrainingData
from recommend.models.als import AlternatingLeastSquares
from recommend.models.prescribing import Prescribing, design, situations, unnamed

N_DRUGS, N_DISEASES, N_BANDS = 30, 4, 4


def make_cohort(n_patients: int, seed: int = 0) -> Cohort:
    """Patients with two conditions and some five drugs in three encounters."""
    rng = np.random.default_rng(seed)
    patients = np.arange(n_patients)
    taken = rng.random((n_patients, N_DRUGS)) < 0.15
    taken[patients, rng.integers(N_DRUGS, size=n_patients)] = True
    patient, drug = np.nonzero(taken)
    visit = patient * 3 + rng.integers(3, size=len(patient))
    visits = np.sort(rng.integers(1000, size=n_patients * 3))
    first = rng.integers(2, size=n_patients)
    codes = np.concatenate([first, 2 + first])
    began = rng.integers(1000, size=2 * n_patients)
    return Cohort(
        name="some",
        n_drugs=N_DRUGS,
        n_diseases=N_DISEASES,
        sex=rng.integers(1, 3, size=n_patients),
        born=rng.integers(-20_000, -5_000, size=n_patients),
        condition_patient=np.concatenate([patients, patients]),
        condition_code=codes,
        condition_start=began,
        condition_known=began,
        condition_end=np.full(2 * n_patients, OPEN),
        code_words=np.arange(4) + 100,
        code_rows=np.array([[0, 0], [1, 1], [2, 3]]),  # the last has no node
        code_names_drug=np.empty((0, 2), np.int64),
        order_patient=patient,
        order_drug=drug,
        order_day=visits[visit],
        order_encounter=visit,
        encounter_start=visits,
    )


def make(cohort: Cohort, *, factors: int, regularization: float) -> Collaborative:
    """Fitted quickly: the weights are not learnt."""
    training = TrainingData({"Drug": N_DRUGS, "Disease": 1}, {}, histories=cohort.histories())
    als = AlternatingLeastSquares(factors=factors, regularization=regularization, iterations=5)
    saved = als.fit(training).save()
    asked, words = examples(cohort), unnamed(cohort)
    prescribing = Prescribing.fit(situations(cohort, asked, words), asked.started, asked.patient)
    weights = np.ones((N_BANDS, len(PARTS)))
    return Collaborative(
        prescribing,
        saved["item_factors"],
        regularization,
        10.0,
        words,
        weights,
        Counts.of(cohort),
    )


def test_a_cohort_with_telling_factors_is_given_away() -> None:
    pytest.importorskip("implicit")
    cohort = make_cohort(40)

    found = attack_cohort(
        lambda part: make(part, factors=64, regularization=1e-3),
        cohort, n_shadows=40, n_targets=4, n_draws=100,
    )  # fmt: skip

    assert found.auc.value >= 0.7
    assert found.n_patients == 40


def test_what_is_read_is_what_a_slow_reading_finds() -> None:
    pytest.importorskip("implicit")
    cohort = make_cohort(160, seed=1)
    model = make(cohort, factors=8, regularization=0.1)
    asked = examples(cohort)

    seen = read_collaborative(model, cohort, asked)

    situation = situations(cohort, asked, model.words)
    assert len(model.prescribing.inputs)
    assert design(situation).shape[0] == len(asked)
    for column, scores in (
        (3, model.prescribing.score(situation)),
        (4, model.patients_score(situation)),
    ):
        for patient in range(cohort.n_patients):
            logs = []
            for i in np.flatnonzero(asked.patient == patient):
                free = asked.taken[[i]].toarray()[0] == 0
                odds = np.exp(scores[i].astype(float)) * free
                started = np.flatnonzero(asked.started[[i]].toarray()[0])
                logs.append(np.mean([np.log(odds[drug] / odds.sum()) for drug in started]))
            assert seen[patient, column] == pytest.approx(np.mean(logs), rel=1e-4)
    for patient in range(cohort.n_patients):
        own = cohort.condition_code[cohort.condition_patient == patient]
        rows = [row for code in own for row in (0, 1, 3)[code : code + 1]]
        drugs = np.unique(cohort.order_drug[cohort.order_patient == patient])
        found = [model.similar(row, drug) for row in rows for drug in drugs]
        counts = [similar.received if similar else 0 for similar in found]
        assert seen[patient, 5] == pytest.approx(np.mean(counts))
    assert seen[:, 5].any()


def test_a_patient_without_any_entry_is_read_as_nothing() -> None:
    pytest.importorskip("implicit")
    cohort = make_cohort(60, seed=1)
    model = make(cohort, factors=8, regularization=0.1)
    patients = np.append(np.arange(60), 0)
    silent = cohort.of(np.arange(60))
    silent = Cohort(**(vars(silent) | {"sex": silent.sex[patients], "born": silent.born[patients]}))

    seen = read_collaborative(model, silent, examples(silent))

    assert not seen[60].any()
    assert np.isfinite(seen).all()
