"""Others run their own splits with `train --hide` and `scores --out`: nothing hidden gets there."""

from pathlib import Path

import numpy as np
import pytest

from kg.graph import Graph
from kg.store import write_graph
from tests.recommend.planted import DISEASES, DRUGS, HELD_OUT, planted_graph
from tests.recommend.small import train_in_a_moment
from tests.shell import run

pytest.importorskip("torch_geometric", reason="the extra train is not installed")

AWAY = list(DISEASES)[3]


@pytest.fixture(autouse=True)
def hardly_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    train_in_a_moment(monkeypatch)


def scores_of(graph: Graph, folder: Path, *hide: str | Path) -> np.ndarray:
    """What `scores --out` writes of a bundle that was trained on ``graph``."""
    write_graph(graph, folder / "graph")
    assert run("train", *hide, "--device", "cpu", home=folder).status == 0
    assert run("scores", "--out", folder / "scores.npz", home=folder).status == 0
    return np.asarray(np.load(folder / "scores.npz")["scores"])


def test_scores_are_the_same_whether_what_is_hidden_was_recorded_or_not(tmp_path: Path) -> None:
    pairs, diseases = tmp_path / "pairs.tsv", tmp_path / "diseases.tsv"
    pairs.write_text("drug_id\tdisease_id\n" + "".join(f"{a}\t{b}\n" for a, b in HELD_OUT))
    diseases.write_text(f"disease_id\n{AWAY}\n")
    relief = [*HELD_OUT, (list(DRUGS)[1], AWAY)]

    recorded = planted_graph(HELD_OUT, palliates=relief)
    hidden = scores_of(recorded, tmp_path / "hidden", "--hide", pairs, "--hide-diseases", diseases)
    never = scores_of(planted_graph(without_diseases=(AWAY,)), tmp_path / "never")
    seen = scores_of(recorded, tmp_path / "seen")

    np.testing.assert_array_equal(hidden, never)
    assert not np.array_equal(hidden, seen)
