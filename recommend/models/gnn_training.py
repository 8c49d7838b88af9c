"""The training loop of :mod:`recommend.models.gnn`; needs torch.

Every step sees the whole graph. A part of the treated diseases is hidden from all steps, and the
weights that rank the drugs of these best are kept. All chance is drawn by numpy, or by torch on the
CPU, so that a seed draws the same on every device.

Nothing is compiled: torch.compile breaks the network apart at its sparse products; with Hetionet on
a CPU it took 17 s and more, and a step then took as long as before. Nor are bits halved unless that
is asked for: on a CPU it saves 3 % and the rankings drift (Spearman 0.98 a disease; rounding alone
leaves 0.9999). On CUDA neither has been measured.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from kg.schema import EdgeType
from recommend.evaluate.metrics import average_precision
from recommend.interactions import PALLIATES, TREATS, Pairs, TrainingData, digest, to_pairs
from recommend.models.base import Progress, import_training
from recommend.models.gnn import GraphNetwork, hold_out, resolve_device, supervision_split
from recommend.models.gnn_checkpoint import State
from recommend.models.gnn_network import Dropped, Messages, Network, messages_of

AUXILIARY = 512  # edges of every other type that are predicted beside, in each step
AUXILIARY_WEIGHT = 0.5  # of their loss, beside that of the treatments
LOOK_EVERY = 5  # epochs from one look at the validation diseases to the next

THREADED = 200_000  # edges; with fewer, threads wait for one another longer than they work


class Losses(NamedTuple):
    """What one step was wrong by."""

    treats: Tensor
    auxiliary: Tensor


@dataclass(frozen=True)
class Seen:
    """What a training sees.

    Attributes:
        view: everything but what helps in the validation diseases.
        validation: rows of these diseases; may be empty.
        truth: (n_drugs, n_validation) booleans, which drugs treat them.
        fixed: the messages of all edges that are never predicted as treatments.
        edges: edge type -> (n, 2) rows of the same; on the CPU, where they are drawn.
        device: where the tensors are.
        half: whether the linear maps are done in bfloat16; sparse products never are.
    """

    view: TrainingData
    validation: NDArray[np.int64]
    truth: NDArray[np.bool_]
    fixed: Messages
    edges: Mapping[EdgeType, Tensor]
    device: str
    half: bool


def train(
    settings: GraphNetwork, training: TrainingData, seed: int, progress: Progress | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Train to the end: scores (n_drugs, n_diseases) and embeddings (n_nodes, dim)."""
    n_threads = torch.get_num_threads()
    if sum(matrix.nnz for matrix in training.matrices.values()) < THREADED:
        torch.set_num_threads(1)
    try:
        return _train(settings, training, seed, progress)
    finally:
        torch.set_num_threads(n_threads)


def _train(
    settings: GraphNetwork, training: TrainingData, seed: int, progress: Progress | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    device = resolve_device(settings.device)
    with torch.random.fork_rng(devices=[]):  # initial weights are drawn from torch's global state
        torch.manual_seed(seed)
        network = Network(training, settings.dim)
    network.to(device)
    optimizer = torch.optim.Adam(
        network.parameters(), lr=settings.learning_rate, weight_decay=1e-5, fused=True
    )
    state = State(network, deepcopy(network), optimizer)
    about = _about(settings, training, seed)
    if settings.checkpoint is not None and settings.checkpoint.exists():
        state.read(settings.checkpoint, about)
    seen = _seen(settings, training, seed, device)
    with _Log(settings.log, state.epoch) as log:
        while state.epoch < settings.epochs and not state.waited(settings.patience):
            losses = _step(state, seen, np.random.default_rng([seed, state.epoch]))
            log.add("loss", losses._asdict(), state.epoch)
            if state.epoch % LOOK_EVERY == 0 and len(seen.validation):
                value = _validate(state.averaged, seen)
                state.keep_if_better(value)
                log.add("validation", {"average precision": value}, state.epoch)
            if settings.checkpoint is not None and state.epoch % settings.checkpoint_every == 0:
                state.write(settings.checkpoint, about)
            if progress:
                progress("gnn", state.epoch, settings.epochs)
    if progress and state.epoch < settings.epochs:
        progress("gnn", settings.epochs, settings.epochs)
    state.restore_best()
    with torch.no_grad():
        x = _embed(state.averaged, seen, training)
        scores = state.averaged.decode_all(TREATS, x["Drug"], x["Disease"])
    return scores.cpu().numpy(), torch.cat(list(x.values())).cpu().numpy()


def _seen(settings: GraphNetwork, training: TrainingData, seed: int, device: str) -> Seen:
    validation = hold_out(training, np.random.default_rng([seed]))
    view = training.without(diseases=validation.tolist())
    fixed = {e: m for e, m in training.matrices.items() if e not in (TREATS, PALLIATES)}
    return Seen(
        view,
        validation,
        training.treats[:, validation].toarray() > 0,
        messages_of(fixed, device),
        {e: torch.as_tensor(to_pairs(m)) for e, m in fixed.items()},
        device,
        settings.half,
    )


def _step(state: State, seen: Seen, rng: np.random.Generator) -> Losses:
    """One epoch: the edges of the supervised treatments pass no messages in it."""
    network = state.network
    pairs, rest = supervision_split(seen.view, rng, whole_diseases=state.epoch % 2 == 1)
    dropped = Dropped.draw(rng, network.n_nodes, network.dim, seen.device)
    x = _embed(network, seen, rest, dropped)
    losses = Losses(_treats_loss(network, x, pairs, seen), _auxiliary_loss(network, x, seen, rng))
    state.optimizer.zero_grad()
    (losses.treats + AUXILIARY_WEIGHT * losses.auxiliary).backward()  # type: ignore[no-untyped-call]
    state.optimizer.step()
    state.average()
    state.epoch += 1
    return Losses(*(loss.detach() for loss in losses))


def _embed(
    network: Network, seen: Seen, helping: TrainingData, dropped: Dropped | None = None
) -> dict[str, Tensor]:
    """Node type -> (n, dim), where of treats and palliates only ``helping`` passes messages."""
    matrices = {e: m for e, m in helping.matrices.items() if e in (TREATS, PALLIATES)}
    with torch.autocast(seen.device, torch.bfloat16, enabled=seen.half):
        x: dict[str, Tensor] = network([seen.fixed, messages_of(matrices, seen.device)], dropped)
    return x


def _validate(network: Network, seen: Seen) -> float:
    """The mean average precision over the validation diseases, of which nothing is known."""
    with torch.no_grad():
        x = _embed(network, seen, seen.view)
        diseases = torch.as_tensor(seen.validation, device=seen.device)
        scores = network.decode_all(TREATS, x["Drug"], x["Disease"][diseases]).cpu().numpy()
    columns = zip(scores.T, seen.truth.T, strict=True)
    return float(np.mean([average_precision(*column) for column in columns]))


def _treats_loss(network: Network, x: Mapping[str, Tensor], pairs: Pairs, seen: Seen) -> Tensor:
    """Cross-entropy of each treating drug against all drugs not recorded for the disease."""
    diseases, column_of = np.unique(pairs[:, 1], return_inverse=True)
    recorded = torch.as_tensor(seen.view.treats[:, diseases].toarray() > 0, device=seen.device)
    rows, columns = (torch.as_tensor(part, device=seen.device) for part in (pairs[:, 0], column_of))
    heads, tails = x["Drug"], x["Disease"][torch.as_tensor(diseases, device=seen.device)]
    logits = network.decode_all(TREATS, heads, tails)
    # Not infinite: the gradient would be no number where all drugs are recorded.
    others = logits.masked_fill(recorded, -1e9).logsumexp(dim=0)[columns]
    return functional.softplus(others - logits[rows, columns]).mean()


def _auxiliary_loss(
    network: Network, x: Mapping[str, Tensor], seen: Seen, rng: np.random.Generator
) -> Tensor:
    """How badly edges of the other types are told from edges with another tail; mean over types.

    Without it only what lies near a treatment would be trained.
    """
    if not seen.edges:
        return torch.zeros((), device=seen.device)
    heads, tails, others = [], [], []
    for edge_type, pairs in seen.edges.items():
        chosen = pairs[torch.as_tensor(rng.integers(len(pairs), size=AUXILIARY))]
        random = rng.integers(network.sizes[edge_type.tail], size=AUXILIARY)
        heads.append(chosen[:, 0] + network.starts[edge_type.head])
        tails.append(chosen[:, 1] + network.starts[edge_type.tail])
        others.append(torch.as_tensor(random) + network.starts[edge_type.tail])
    nodes = torch.cat([*heads, *tails, *others]).to(seen.device)
    # One look-up for all: each would have a gradient of the size of the whole graph.
    found = functional.embedding(nodes, torch.cat(list(x.values())))
    head, tail, other = found.view(3, len(seen.edges), AUXILIARY, -1)
    head = head * network.relations[[network.edge_types[e] for e in seen.edges]][:, None]
    true, false = (head * tail).sum(-1), (head * other).sum(-1)
    return (functional.softplus(-true) + functional.softplus(false)).mean()


def _about(settings: GraphNetwork, training: TrainingData, seed: int) -> dict[str, Any]:
    """What a checkpoint must have in common with the training that goes on from it."""
    return {
        "seed": seed,
        "dim": settings.dim,
        "learning_rate": settings.learning_rate,
        "half": settings.half,
        "treats": digest(training.treats),
        "palliates": digest(training.palliates),
        "edges": sum(matrix.nnz for matrix in training.matrices.values()),
    }


class _Log:
    """Figures for TensorBoard, or nothing where no folder was asked for."""

    def __init__(self, folder: Path | None, epoch: int) -> None:
        self._writer: Any = None
        if folder is not None:
            board = import_training("torch.utils.tensorboard")
            self._writer = board.SummaryWriter(str(folder), purge_step=epoch + 1)

    def __enter__(self) -> "_Log":
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def add(self, group: str, values: Mapping[str, Tensor | float], epoch: int) -> None:
        """Write ``values`` of one epoch."""
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(f"{group}/{name}", float(value), epoch)
