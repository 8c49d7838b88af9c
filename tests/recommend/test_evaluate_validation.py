"""The report of a bundle: what the stack's views say of every row, beside the baselines."""

import numpy as np
import pytest

from recommend.errors import ModelError
from recommend.evaluate.metrics import auroc, average_precision
from recommend.evaluate.table import BASELINES
from recommend.evaluate.validation import validation_report
from recommend.interactions import TrainingData
from recommend.models.base import Scores
from recommend.models.stack import hidden_views
from tests.recommend.test_stack import AWAY, N_DISEASES, clinic

IDS = [f"DOID:{j}" for j in range(N_DISEASES)]


@pytest.fixture(scope="module")
def training() -> TrainingData:
    return clinic()


@pytest.fixture(scope="module")
def held_out(training: TrainingData) -> dict[str, Scores]:
    """The baselines know nothing, one member knows all, the stack much."""
    rng = np.random.default_rng(3)
    truth = training.treats.toarray()
    noise = {**dict.fromkeys(BASELINES, 100.0), "oracle": 0.0, "stack": 0.5}
    return {
        name: (truth + spread * rng.normal(size=truth.shape)).astype(np.float32)
        for name, spread in noise.items()
    }


def test_every_treated_disease_is_judged_once(
    training: TrainingData, held_out: dict[str, Scores]
) -> None:
    views = hidden_views(training, 0)

    report = validation_report(training, views, held_out, disease_ids=IDS, seed=0)

    assert report["diseases"] == [name for j, name in enumerate(IDS) if j not in AWAY]
    assert report["table"]["n_units"] == N_DISEASES - len(AWAY)
    assert str(N_DISEASES - len(AWAY)) in report["table"]["title"]
    assert report["skipped"] == ""


def test_each_row_has_the_mean_over_diseases_of_what_it_held_out(
    training: TrainingData, held_out: dict[str, Scores]
) -> None:
    truth = training.treats.toarray() > 0
    judged = np.setdiff1d(np.arange(N_DISEASES), AWAY)

    report = validation_report(
        training, hidden_views(training, 0), held_out, disease_ids=IDS, seed=0
    )

    rows = {row["model"]: row["figures"] for row in report["table"]["rows"]}
    assert set(rows) == set(held_out)
    for name, figures in rows.items():
        for figure, measure in (("AUROC", auroc), ("AP", average_precision)):
            expected = np.mean([measure(held_out[name][:, j], truth[:, j]) for j in judged])
            assert figures[figure]["value"] == pytest.approx(expected)
    assert rows["oracle"]["AUROC"]["value"] == 1
    assert rows["stack"]["AUROC"]["gain_low"] > 0


def test_without_the_baselines_there_is_no_report(
    training: TrainingData, held_out: dict[str, Scores]
) -> None:
    alone = {"stack": held_out["stack"]}

    with pytest.raises(ModelError, match="popularity"):
        validation_report(training, hidden_views(training, 0), alone, disease_ids=IDS, seed=0)


def test_without_views_the_report_says_why_there_is_no_table(training: TrainingData) -> None:
    report = validation_report(training, (), {}, disease_ids=IDS, seed=0)

    assert report == {"table": None, "diseases": [], "skipped": "too few diseases have a treatment"}
