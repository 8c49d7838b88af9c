"""The track of patients: nothing of a patient reaches what is asked of that patient."""

import json
from dataclasses import replace

import numpy as np
import pytest

from recommend.cohorts.cohort import OPEN, Cohort, examples
from recommend.errors import ModelError
from recommend.evaluate.patients import NAME, PatientOptions, rows, run
from recommend.evaluate.patients.figures import figures, rank
from recommend.evaluate.patients.splits import latest, patient_folds
from recommend.evaluate.patients.track import BASELINES, MODEL, PRESCRIBED, RELEASED
from recommend.evaluate.report import to_html
from recommend.evaluate.table import TrackReport
from tests.recommend.cohorts import N_DRUGS, a_cohort, no_graph, planted_cohort

pytest.importorskip("implicit")

DRUGS = np.arange(N_DRUGS)


@pytest.fixture(scope="module")
def report() -> TrackReport:
    interacts = np.zeros((N_DRUGS, N_DRUGS), np.bool_)
    interacts[0, 4] = interacts[4, 0] = True
    return run(planted_cohort(), no_graph(), interacts, PatientOptions(folds=2))


def value(report: TrackReport, row: str, figure: str, table: int = 0) -> float:
    return report.tables[table].row(row).figures[figure].value


def test_every_patient_is_asked_about_once_and_never_learnt_from() -> None:
    cohort = planted_cohort(31)
    asked = examples(cohort)
    splits = list(patient_folds(cohort, asked, folds=4, seed=3))

    everything = np.sort(np.concatenate([split.asked for split in splits]))

    assert everything.tolist() == list(range(len(asked)))
    for split in splits:
        inside = set(cohort.born[np.unique(asked.patient[split.asked])].tolist())
        assert not inside & set(split.known.born.tolist())
        assert split.known.n_patients + len(inside) == cohort.n_patients


def test_a_cut_in_time_learns_from_nothing_that_is_later() -> None:
    cohort = planted_cohort(50)
    asked = examples(cohort)

    split = latest(cohort, asked)

    day = asked.day[split.asked].min()
    assert 0.1 < len(split.asked) / len(asked) < 0.3
    assert split.known.order_day.max() < day
    assert split.known.condition_known.max() < day
    assert (np.setdiff1d(asked.day, asked.day[split.asked]) < day).all()


def test_repeating_the_last_prescriptions_finds_no_new_start(report: TrackReport) -> None:
    for figure in ("Recall@10", "NDCG@10", "MAP", "Jaccard@5", "F1@5"):
        assert value(report, rows.REPEAT, figure) == 0


def test_what_was_planted_is_found_by_the_model_and_not_by_popularity(report: TrackReport) -> None:
    assert value(report, MODEL, "NDCG@10") > 0.85
    assert value(report, MODEL, "NDCG@10") > value(report, rows.POPULARITY, "NDCG@10") + 0.2


def test_the_row_to_beat_is_the_floor_and_the_baselines_are_there(report: TrackReport) -> None:
    table = report.tables[0]

    assert table.floor == rows.FLOOR
    assert {row.model for row in table.rows} >= {
        *BASELINES, MODEL, RELEASED, "als", "bpr", "item-item", "graph-alone", "patients-alone",
    }  # fmt: skip
    assert table.row(rows.FLOOR).figures["NDCG@10"].gain == 0
    assert table.n_diseases == planted_cohort().n_patients  # drawn are patients
    assert report.notes[0].startswith("Primary end point: NDCG@10 of model minus that of recent")


def test_interactions_stand_beside_those_of_what_was_prescribed(report: TrackReport) -> None:
    """Drug 4 follows drug 0 within the year, and the pair interacts: two of each seven starts."""
    table = report.tables[2]

    assert table.floor == PRESCRIBED
    assert 0.1 < value(report, PRESCRIBED, "interacting", 2) < 0.5
    assert rows.REPEAT not in {row.model for row in table.rows}


def test_strata_add_up_and_say_what_they_could_have_found(report: TrackReport) -> None:
    asked = examples(planted_cohort())

    said = [note for note in report.notes if "would have been found" in note]

    assert len(said) == len(report.tables[3].figures)
    sexes = [note for note in said if note.startswith(("female", "male"))]
    numbers = [int(note.split(": ")[1].split(" ")[0].replace(",", "")) for note in sexes]
    assert sum(numbers) == len(asked)


def test_the_page_is_called_what_it_is(report: TrackReport) -> None:
    page = to_html(report)

    assert report.track == NAME
    assert "<h1>Evaluation: recovery of the modules of a synthetic-patient generator" in page
    assert "difference to recent-condition-counts" in page
    assert report.leaks == ()
    json.dumps(report.to_json(), allow_nan=False)


def test_records_of_people_are_not_called_synthetic() -> None:
    cohort = replace(planted_cohort(90), is_synthetic=False)

    found = run(cohort, no_graph(), np.zeros((N_DRUGS, N_DRUGS), np.bool_), PatientOptions(folds=2))

    assert "synthetic" not in found.title
    assert "not what is right" in found.title


def test_a_cohort_in_which_nobody_starts_a_drug_is_refused() -> None:
    nobody = a_cohort([(0, 0, 1, OPEN)], [], [])

    with pytest.raises(ModelError, match="newly starts"):
        run(nobody, no_graph(), np.zeros((N_DRUGS, N_DRUGS), np.bool_))


def ndcg(cohort: Cohort, fit: rows.Fit, known: Cohort) -> float:
    asked = examples(cohort)
    scores = fit(known, examples(known), DRUGS, 0)(asked)
    started, had = asked.started.toarray() > 0, asked.taken.toarray() > 0
    return float(figures(rank(scores, started, had))["NDCG@10"].mean())


def test_rows_that_know_conditions_are_better_than_popularity() -> None:
    cohort, known = planted_cohort(150, seed=4), planted_cohort(150, seed=8)

    popular, counted, grouped = (
        ndcg(cohort, fit, known)
        for fit in (rows.popularity, rows.condition_counts, rows.recent_condition_counts)
    )

    assert popular + 0.1 < min(counted, grouped)


def test_recent_counts_are_those_of_the_same_condition_and_group() -> None:
    """Slowly: for one encounter, who with the same condition, sex and age band started what."""
    known, cohort = planted_cohort(80, seed=1), planted_cohort(5, seed=2)
    history, asked = examples(known), examples(cohort)

    scores = rows.recent_condition_counts(known, history, DRUGS, 0)(asked)

    shown = asked.recent.toarray() > 0
    counts = np.zeros(N_DRUGS)
    for j in range(len(history)):
        same = shown[0] & (history.recent[j].toarray()[0] > 0)
        counts += (
            same.sum() * (history.group[j] == asked.group[0]) * history.started[j].toarray()[0]
        )
    first = counts == counts.max()
    assert counts.max() > 0
    assert first[scores[0].argmax()]
    assert scores[0][first].min() > scores[0][~first].max()
