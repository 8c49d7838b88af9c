"""What `evaluate` keeps of the scores that it made, and when it makes them anew."""

from pathlib import Path
from typing import Any

import pytest

from recommend.evaluate.table import FLOOR
from recommend.interactions import TrainingData, view_digest
from recommend.models.base import Baseline
from tests.recommend.planted import HELD_OUT
from tests.recommend.tracked import tracked
from tests.service.scored import Floor, fitted, table
from tests.shell import Outcome, run

pytestmark = pytest.mark.usefixtures("few_models")


def external(place: Path, labels: Path, *words: str | Path) -> Outcome:
    return run("evaluate", "external", "--labels", labels, *words, home=place)


def test_scores_are_kept_for_the_same_view_models_and_seed(
    place: Path, labels: Path, tmp_path: Path
) -> None:
    other = table(tmp_path / "o.tsv", "drug_id\tdisease_id", *HELD_OUT[3:])
    first = external(place, labels, "--json").json

    assert fitted(lambda: external(place, labels)) == 0
    assert external(place, labels, "--json").json == first
    assert fitted(lambda: external(place, other, "--models", "popularity")) == 0
    assert fitted(lambda: external(place, labels, "--seed", "1")) == 1
    assert Floor.fitted[-1][0] == 1


def test_a_run_that_was_killed_fits_only_what_it_had_not(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def zero_shot() -> Outcome:
        return run("evaluate", "zero-shot", "--folds", "4", "--json", home=place)

    def killed(self: Floor, training: TrainingData, **_: object) -> Floor:
        Floor.fitted.append((0, training))
        if len(Floor.fitted) == 3:
            raise KeyboardInterrupt
        return Baseline.fit(self, training)

    with monkeypatch.context() as patch:
        patch.setattr(Floor, "fit", killed)
        assert "interrupted" in zero_shot().err
    resumed: list[Any] = []

    assert fitted(lambda: resumed.append(zero_shot().json)) == 2
    for file in (place / "evaluate-cache").rglob("*.npz"):
        file.unlink()
    assert zero_shot().json == resumed[0]


def test_damaged_scores_are_made_again_and_those_of_another_program_go(
    place: Path, labels: Path
) -> None:
    external(place, labels)
    (cache,) = (place / "evaluate-cache").iterdir()
    (file,) = cache.glob(f"{FLOOR}-*.npz")
    file.write_bytes(file.read_bytes()[:-9])
    (cache.parent / "older").mkdir()

    assert fitted(lambda: external(place, labels)) == 1
    assert list(cache.parent.iterdir()) == [cache]


def test_a_change_of_the_program_finds_no_scores(
    place: Path, labels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    external(place, labels)
    monkeypatch.setattr("service.scoring.version", lambda name: f"{name} of tomorrow")

    assert fitted(lambda: external(place, labels)) == 1


def test_the_digest_of_a_view_tells_every_edge_apart() -> None:
    data = tracked()
    views = [
        data,
        data.without(diseases=[1]),
        data.without(diseases=[1], resemblance=True),
        data.without(pairs=data.positives[:1]),
        data.without(pairs=data.positives[1:2]),
        TrainingData(data.n_nodes, data.matrices, histories=data.treats.T.tocsr()),
    ]

    assert len({view_digest(view) for view in views}) == len(views)
    assert view_digest(data) == view_digest(tracked())
