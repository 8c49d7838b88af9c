"""Training as a whole: what ends up in the bundle, and what a kill leaves."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from kg.errors import FolderError
from recommend.bundle import Bundle, open_bundle
from recommend.evaluate.holdout import FLOOR
from recommend.models.stack import combine
from recommend.train import train
from tests.recommend.planted import DISEASES, HELD_OUT, N, planted_graph

pytest.importorskip("torch")

HISTORIES = sp.csr_matrix(np.indices((20, N)).sum(axis=0) % 2 == 0)


class KilledError(Exception):
    """Stands for a kill in the middle of the training."""


def trained(path: Path, graph: Any = None, **options: Any) -> Bundle:
    return train(graph or planted_graph(), path, **{"device": "cpu", "epochs": 25, **options})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle with everything, trained without interruption."""
    return trained(tmp_path_factory.mktemp("train") / "bundle", histories=HISTORIES)


def test_the_bundle_has_every_part(whole: Bundle) -> None:
    assert whole.members == ("gnn", "metapath", "popularity")
    assert whole.absent == {}
    assert whole.card["cohort_size"] == 20
    assert whole.card["versions"]["torch"]
    assert whole.embeddings.shape[0] == planted_graph().n_nodes()
    assert np.isfinite(whole.scores()).all()
    members = {name: whole.member_scores(name) for name in whole.members}
    np.testing.assert_array_equal(whole.scores(), combine(members, whole.weights))
    assert whole.history_scores(np.array([0])).shape == (N,)


def test_the_report_has_the_baselines_beside_the_models(whole: Bundle) -> None:
    rows = {row["model"]: row for row in whole.evaluation["rows"]}

    assert list(rows) == ["popularity", "degree-product", FLOOR, "metapath", "gnn", "stack"]
    assert set(whole.evaluation["diseases"]) < set(DISEASES)
    assert rows["metapath"]["auroc"] > rows["popularity"]["auroc"]


def test_only_the_bundle_is_left(whole: Bundle) -> None:
    path = whole.folder.path

    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("label", "done"),
    [("hold-out gnn", 22), ("hold-out metapath", 2), ("gnn", 21), ("metapath", 1), ("als", 3)],
)
def test_a_killed_training_goes_on_and_ends_with_the_same_bundle(
    tmp_path: Path, whole: Bundle, label: str, done: int
) -> None:
    out = tmp_path / "bundle"
    finished_before: list[str] = []
    seen_after: list[str] = []

    def kill(what: str, step: int, _total: int) -> None:
        if (what, step) == (label, done):
            raise KilledError
        finished_before.append(what)

    with pytest.raises(KilledError):
        trained(out, histories=HISTORIES, progress=kill)
    assert not out.exists()
    bundle = trained(
        out, histories=HISTORIES, progress=lambda what, step, total: seen_after.append(what)
    )

    assert bundle.fingerprint == whole.fingerprint
    assert not (set(finished_before) - {label}) & set(seen_after)
    assert label in seen_after


def test_a_kill_leaves_the_earlier_bundle_whole(tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    earlier = trained(out, epochs=2, evaluate=False)

    def kill(*_: object) -> None:
        raise KilledError

    with pytest.raises(KilledError):
        trained(out, epochs=3, evaluate=False, progress=kill)

    graph = planted_graph()
    assert open_bundle(out, graph, verify=True).fingerprint == earlier.fingerprint
    assert trained(out, epochs=2, evaluate=False).fingerprint == earlier.fingerprint


def test_work_of_other_settings_is_not_taken_over(tmp_path: Path) -> None:
    def kill(what: str, *_: int) -> None:
        if what == "metapath":
            raise KilledError

    with pytest.raises(KilledError):
        trained(tmp_path / "bundle", epochs=2, evaluate=False, progress=kill)
    other = trained(tmp_path / "bundle", epochs=2, evaluate=False, seed=1)

    alone = trained(tmp_path / "alone", epochs=2, evaluate=False, seed=1)
    assert other.fingerprint == alone.fingerprint


def test_hidden_edges_change_no_bit_of_any_score(tmp_path: Path) -> None:
    leaky = planted_graph(HELD_OUT, palliates=HELD_OUT)

    hidden = trained(tmp_path / "a", leaky, epochs=3, evaluate=False, hide_pairs=HELD_OUT)
    never_there = trained(tmp_path / "b", epochs=3, evaluate=False)

    np.testing.assert_array_equal(hidden.scores(), never_there.scores())
    np.testing.assert_array_equal(hidden.embeddings, never_there.embeddings)
    assert hidden.card["hidden_pairs"] == len(HELD_OUT)


def test_a_hidden_disease_changes_no_bit_of_any_score_or_figure(tmp_path: Path) -> None:
    disease = list(DISEASES)[3]
    without = planted_graph(without_diseases=(disease,))

    hidden = trained(tmp_path / "a", epochs=3, hide_diseases=[disease])
    never_there = trained(tmp_path / "b", without, epochs=3)

    np.testing.assert_array_equal(hidden.scores(), never_there.scores())
    assert hidden.evaluation == never_there.evaluation
    assert disease not in hidden.evaluation["diseases"]


@pytest.mark.parametrize(
    ("histories", "reason"), [(None, "no patient histories"), (sp.csr_matrix((4, N)), "has a drug")]
)
def test_without_histories_the_collaborative_part_is_declared_absent(
    tmp_path: Path, histories: Any, reason: str
) -> None:
    bundle = trained(tmp_path / "bundle", epochs=1, evaluate=False, histories=histories)

    assert reason in bundle.absent["als"]
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
            trained(tmp_path / "bundle", epochs=1, evaluate=False)
    (part,) = tmp_path.glob(".bundle.work-*/popularity.safetensors")
    part.write_bytes(b"noise")

    bundle = trained(tmp_path / "bundle", epochs=1, evaluate=False)

    assert np.isfinite(bundle.member_scores("popularity")).all()
