"""Training as a whole: what ends up in the bundle, and what a kill leaves."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kg.errors import FolderError
from recommend.bundle import Bundle, open_bundle
from recommend.cohorts.cohort import Cohort
from recommend.evaluate.table import BASELINES
from recommend.interactions import TrainingData, training_data, view_digest
from recommend.models.base import Scores
from recommend.models.popularity import Popularity
from recommend.models.stack import MEMBERS, hidden_views
from recommend.train import train
from tests.recommend.cohorts import planted_cohort
from tests.recommend.planted import DISEASES, HELD_OUT, N, planted_graph
from tests.recommend.small import train_lightly

pytest.importorskip("torch_geometric", reason="the extra train is not installed")

COHORT = replace(planted_cohort(), n_drugs=N, n_diseases=N)


class KilledError(Exception):
    """Stands for a kill in the middle of the training."""


def trained(path: Path, graph: Any = None, **options: Any) -> Bundle:
    quick = {"device": "cpu", "epochs": 25, "validate": False}
    with pytest.MonkeyPatch.context() as patch:
        train_lightly(patch)
        return train(graph or planted_graph(), path, **{**quick, **options})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle with everything, trained without interruption."""
    path = tmp_path_factory.mktemp("train") / "bundle"
    return trained(path, cohort=COHORT, validate=True)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """As :func:`whole`, without the validation."""
    return trained(tmp_path_factory.mktemp("train") / "bundle", cohort=COHORT)


def test_the_bundle_has_every_part(whole: Bundle) -> None:
    assert whole.members == tuple(sorted(MEMBERS))
    assert whole.absent == {}
    assert whole.card["cohort_size"] == COHORT.n_patients
    assert whole.card["versions"]["torch"]
    assert whole.embeddings.shape[0] == planted_graph().n_nodes()
    assert all(np.isfinite(whole.member_scores(name)).all() for name in whole.members)
    assert ((whole.scores() > 0) & (whole.scores() < 1)).all()
    assert whole.collaborative is not None
    assert whole.collaborative.history_scores(np.array([0])).shape == (N,)


def test_the_card_says_what_each_member_weighs_and_how_scores_were_calibrated(
    whole: Bundle, plain: Bundle
) -> None:
    for weights in (*whole.weights.values(), *plain.weights.values()):
        assert sorted(weights) == sorted(MEMBERS)
        assert sum(weights.values()) == pytest.approx(1)
    assert set(whole.weights) == set(whole.card["calibration"]) == {"new", "known"}
    assert whole.is_calibrated
    assert set(whole.card["calibration"].values()) <= {"platt", "isotonic"}


def test_without_validation_all_members_weigh_the_same_and_the_bundle_says_so(
    plain: Bundle,
) -> None:
    shares = {share for weights in plain.weights.values() for share in weights.values()}

    assert shares == {1 / len(MEMBERS)}
    assert not plain.is_calibrated
    assert plain.evaluation["table"] is None
    assert "asked to leave the validation out" in plain.evaluation["skipped"]


def test_the_report_has_the_baselines_beside_the_models(whole: Bundle) -> None:
    table = whole.evaluation["table"]
    rows = {row["model"]: row["figures"] for row in table["rows"]}

    assert set(rows) == {*MEMBERS, *BASELINES, "stack"}
    assert whole.evaluation["diseases"] == list(DISEASES)
    assert table["n_diseases"] == len(DISEASES)
    assert rows["stack"]["AUROC"]["value"] > rows["popularity"]["AUROC"]["value"]


def test_the_contributions_add_up_to_the_log_odds_of_the_member_that_explains(
    whole: Bundle,
) -> None:
    found = whole.contributions

    total = found.part.astype(np.float64).sum(axis=-1) + found.rest + found.base

    assert whole.explained_by == "trees"
    np.testing.assert_allclose(total, whole.member_scores("trees"), atol=0.01)


def test_what_is_judged_was_fitted_on_the_views_that_hide_the_diseases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = training_data(planted_graph())
    count, seen = Popularity.count, []

    def spy(model: Popularity, view: TrainingData) -> Scores:
        seen.append(view_digest(view))
        return count(model, view)

    monkeypatch.setattr(Popularity, "count", spy)

    trained(tmp_path / "bundle", epochs=1, validate=True)

    assert seen == [view_digest(hidden.view) for hidden in hidden_views(data, 0)]
    assert view_digest(data) not in seen


def test_only_the_bundle_is_left(whole: Bundle) -> None:
    path = whole.folder.path

    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("label", "done", "kind"),
    [
        ("trees on view", 1, "whole"),
        ("gnn", 21, "plain"),
        ("trees", 1, "plain"),
    ],
)
def test_a_killed_training_goes_on_and_ends_with_the_same_bundle(
    tmp_path: Path, request: pytest.FixtureRequest, label: str, done: int, kind: str
) -> None:
    out = tmp_path / "bundle"
    options = {"cohort": COHORT, "validate": kind == "whole"}
    finished_before: set[str] = set()
    seen_after: set[str] = set()

    def kill(what: str, step: int, _total: int) -> None:
        if what.startswith(label) and step == done:
            finished_before.discard(what)
            raise KilledError
        finished_before.add(what)

    with pytest.raises(KilledError):
        trained(out, progress=kill, **options)
    assert not out.exists()
    reads = {"first": 7}  # the patients were read again
    bundle = trained(
        out, progress=lambda what, *_: seen_after.add(what), read_from=reads, **options
    )

    assert bundle.read_from == reads
    assert bundle.fingerprint == request.getfixturevalue(kind).fingerprint
    assert not finished_before & seen_after
    assert any(what.startswith(label) for what in seen_after)


def test_a_kill_leaves_the_earlier_bundle_whole(tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    earlier = trained(out, epochs=2)

    def kill(*_: object) -> None:
        raise KilledError

    with pytest.raises(KilledError):
        trained(out, epochs=3, progress=kill)

    graph = planted_graph()
    assert open_bundle(out, graph, verify=True).fingerprint == earlier.fingerprint
    assert trained(out, epochs=2).fingerprint == earlier.fingerprint


def test_work_of_other_settings_is_not_taken_over(tmp_path: Path) -> None:
    def kill(what: str, *_: int) -> None:
        if what == "metapath":
            raise KilledError

    with pytest.raises(KilledError):
        trained(tmp_path / "bundle", epochs=2, progress=kill)
    other = trained(tmp_path / "bundle", epochs=2, seed=1)

    alone = trained(tmp_path / "alone", epochs=2, seed=1)
    assert other.fingerprint == alone.fingerprint


def test_hidden_edges_change_no_bit_of_any_score(tmp_path: Path) -> None:
    leaky = planted_graph(HELD_OUT, palliates=HELD_OUT)

    hidden = trained(tmp_path / "a", leaky, epochs=3, hide_pairs=HELD_OUT)
    never_there = trained(tmp_path / "b", epochs=3)

    np.testing.assert_array_equal(hidden.scores(), never_there.scores())
    np.testing.assert_array_equal(hidden.embeddings, never_there.embeddings)
    assert hidden.card["hidden_pairs"] == len(HELD_OUT)


def test_a_hidden_disease_changes_no_bit_of_any_score_or_figure(tmp_path: Path) -> None:
    disease = list(DISEASES)[3]
    without = planted_graph(without_diseases=(disease,))

    hidden = trained(tmp_path / "a", epochs=3, hide_diseases=[disease], validate=True)
    never_there = trained(tmp_path / "b", without, epochs=3, validate=True)

    np.testing.assert_array_equal(hidden.scores(), never_there.scores())
    assert hidden.evaluation == never_there.evaluation
    assert disease not in hidden.evaluation["diseases"]


@pytest.mark.parametrize(
    ("cohort", "reason"),
    [(None, "no patients were given"), (COHORT.of(np.arange(3)), "of the cohort got a drug")],
)
def test_without_enough_patients_the_collaborative_part_is_declared_absent(
    tmp_path: Path, cohort: Cohort | None, reason: str
) -> None:
    bundle = trained(tmp_path / "bundle", epochs=1, cohort=cohort, read_from={"first": 1})

    assert reason in bundle.absent["collaborative"]
    assert bundle.read_from is None  # nothing was learnt from them
    assert bundle.card["cohort_size"] == 0
    assert bundle.evaluation["skipped"]


def test_a_foreign_folder_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")

    with pytest.raises(FolderError, match="not a pharmakon-bundle"):
        trained(tmp_path, progress=lambda *_: pytest.fail("it has begun"))

    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


def test_the_same_training_twice_at_once_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def again(*_: object, **__: object) -> Bundle:
        return trained(tmp_path / "bundle")

    monkeypatch.setattr("recommend.train._train", again)

    with pytest.raises(FolderError, match="is being written by another process; wait for it"):
        trained(tmp_path / "bundle")


def test_a_damaged_part_of_a_killed_training_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr("recommend.train.write_bundle", killed)
        with pytest.raises(KilledError):
            trained(tmp_path / "bundle", epochs=1)
    (part,) = tmp_path.glob(".bundle.work-*/similarity.safetensors")
    part.write_bytes(b"noise")

    bundle = trained(tmp_path / "bundle", epochs=1)

    assert np.isfinite(bundle.member_scores("similarity")).all()
