"""The graph network's training: when it stops, what it keeps, what survives a kill."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats

from recommend.errors import ModelError
from recommend.interactions import TrainingData, training_data
from recommend.models import gnn
from recommend.models.gnn import GraphNetwork, hold_out
from tests.recommend.planted import DISEASES, DRUGS, HELD_OUT, N, planted_graph

torch = pytest.importorskip("torch")
loop = gnn.import_loop()


class KilledError(Exception):
    """Stands for a kill in the middle of the training."""


def planted(**options: Any) -> TrainingData:
    return training_data(planted_graph(**options))


def say(monkeypatch: pytest.MonkeyPatch, values: list[float]) -> list[Any]:
    """Let the looks at the validation diseases find ``values``; the embeddings they looked at."""
    looked_at: list[Any] = []

    def validate(network: Any, seen: Any) -> float:
        looked_at.append(network.embeddings.detach().clone())
        return values[len(looked_at) - 1]

    monkeypatch.setattr(loop, "_validate", validate)
    return looked_at


def spy_states(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    states: list[Any] = []
    step = loop._step

    def spy(state: Any, *rest: Any) -> Any:
        states.append(state)
        return step(state, *rest)

    monkeypatch.setattr(loop, "_step", spy)
    return states


def test_training_stops_when_validation_gets_no_better_and_the_best_weights_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_at = say(monkeypatch, [0.2, 0.5, 0.4, 0.3, 0.9, 1.0])
    states = spy_states(monkeypatch)
    told: list[tuple[int, int]] = []

    GraphNetwork(dim=4, epochs=50, patience=10, device="cpu").fit(
        planted(), progress=lambda _, done, total: told.append((done, total))
    )

    assert len(states) == 20  # the best look is that after 10
    assert states[-1].best_epoch == 10
    assert torch.equal(states[-1].averaged.embeddings, looked_at[1])
    assert not torch.equal(looked_at[1], looked_at[3])
    assert told == [*((done, 50) for done in range(1, 21)), (50, 50)]


def test_a_disease_that_every_drug_treats_spoils_nothing() -> None:
    everyone = [(drug, next(iter(DISEASES))) for drug in list(DRUGS)[:1] + list(DRUGS)[1::2]]
    data = planted(extra=everyone)
    assert data.treats[:, 0].nnz == N

    model = GraphNetwork(dim=4, epochs=10, device="cpu").fit(data)

    assert np.isfinite(model.score()).all()
    assert 0 not in hold_out(data, np.random.default_rng([0]))


def test_too_few_diseases_to_hold_out_are_trained_on_to_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = planted(without_diseases=tuple(DISEASES)[:3])
    states = spy_states(monkeypatch)

    GraphNetwork(dim=4, epochs=12, patience=1, device="cpu").fit(data)

    assert len(hold_out(data, np.random.default_rng([0]))) == 0
    assert len(states) == 12
    assert not states[-1].best


def test_the_seed_draws_the_diseases_that_are_held_out() -> None:
    data = planted()

    drawn = {tuple(hold_out(data, np.random.default_rng([seed]))) for seed in (0, 0, 1, 2)}

    assert len(drawn) == 3
    assert all(len(set(rows)) == 2 for rows in drawn)


@pytest.mark.parametrize("patience", [10, 1000])
def test_a_killed_training_goes_on_and_ends_with_the_same_arrays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patience: int
) -> None:
    data = planted(palliates=HELD_OUT)  # never decoded: no gradient
    checkpoint = tmp_path / "gnn.checkpoint"
    steps: list[int] = []

    def kill(_: str, done: int, _total: int) -> None:
        steps.append(done)
        if done == 17:
            raise KilledError

    def make(path: Path | None) -> GraphNetwork:
        return GraphNetwork(
            dim=8, epochs=25, patience=patience, device="cpu", checkpoint=path, checkpoint_every=5
        )

    say(monkeypatch, [0.1, 0.6, 0.5])
    with pytest.raises(KilledError):
        make(checkpoint).fit(data, seed=1, progress=kill)
    say(monkeypatch, [0.4, 0.3])
    resumed = make(checkpoint).fit(data, seed=1, progress=lambda _, done, __: steps.append(done))
    say(monkeypatch, [0.1, 0.6, 0.5, 0.4, 0.3])
    whole = make(None).fit(data, seed=1)

    assert steps == [
        *range(1, 18),
        *range(16, 21 if patience == 10 else 26),
        *[25][: patience < 25],
    ]
    np.testing.assert_array_equal(resumed.score(), whole.score())
    np.testing.assert_array_equal(resumed.embeddings(), whole.embeddings())


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"\x08" + b"\0" * 7 + b"{}      "])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    checkpoint = tmp_path / "gnn.checkpoint"
    checkpoint.write_bytes(content)

    with pytest.raises(ModelError, match="not a checkpoint"):
        GraphNetwork(dim=8, epochs=5, checkpoint=checkpoint).fit(planted())


@pytest.mark.parametrize(
    ("options", "seed", "data"),
    [({"dim": 4}, 0, {}), ({"learning_rate": 0.1}, 0, {}), ({}, 1, {}),
     ({}, 0, {"palliates": HELD_OUT})],
)  # fmt: skip
def test_a_checkpoint_of_another_training_is_refused(
    tmp_path: Path, options: dict[str, Any], seed: int, data: dict[str, Any]
) -> None:
    settings: dict[str, Any] = {
        "dim": 8, "epochs": 5, "checkpoint": tmp_path / "gnn.checkpoint", "checkpoint_every": 4,
    }  # fmt: skip
    GraphNetwork(**settings).fit(planted())

    with pytest.raises(ModelError, match="not a checkpoint of this training"):
        GraphNetwork(**settings | options).fit(planted(**data), seed=seed)


def test_the_log_has_the_losses_of_every_epoch_and_every_look(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

    GraphNetwork(dim=4, epochs=10, device="cpu", log=tmp_path).fit(planted())

    events = accumulator.EventAccumulator(str(tmp_path)).Reload()
    steps = {tag: [e.step for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    assert steps == {
        "loss/treats": list(range(1, 11)),
        "loss/auxiliary": list(range(1, 11)),
        "validation/average precision": [5, 10],
    }


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_cuda_gives_the_ranking_of_the_cpu_up_to_rounding() -> None:
    data = planted()

    cpu, cuda = (
        GraphNetwork(dim=8, epochs=60, device=device).fit(data).score()
        for device in ("cpu", "cuda")
    )

    for disease in range(N):
        assert scipy.stats.spearmanr(cpu[:, disease], cuda[:, disease]).statistic > 0.99
