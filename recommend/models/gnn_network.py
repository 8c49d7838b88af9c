"""The network and the training loop of :mod:`recommend.models.gnn`; needs torch.

Message passing multiplies sparse matrices: for each edge type and direction the mean over the
neighbours. torch's own backward pass transposes the matrix anew at every step, which takes twice as
long as the rest, so both orientations are kept.
"""

import json
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import safetensors.torch
import scipy.sparse as sp
import torch
import torch_geometric.nn as pyg
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from kg.folder import replace_file
from kg.schema import EdgeType, edge_spec
from recommend.errors import ModelError
from recommend.interactions import PALLIATES, TREATS, Pairs, TrainingData, to_pairs
from recommend.models.base import Progress
from recommend.models.gnn import GraphNetwork, resolve_device, supervision_split

if TYPE_CHECKING:
    from collections.abc import Iterator

NEGATIVES = 64  # drugs drawn for each treatment that is predicted
AUXILIARY = 512  # edges of every other type that are predicted beside, in each step

THREADED = 200_000  # edges; with fewer, threads wait for one another longer than they work

_MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # what Adam keeps of each parameter

Key = tuple[str, str, str]  # source type, relation, target type of one direction


class Adjacency(NamedTuple):
    """Mean over the neighbours, both ways round."""

    forward: Tensor  # (n_targets, n_sources) sparse CSR, rows sum to 1 or 0
    transposed: Tensor


class _Multiply(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, forward: Tensor, transposed: Tensor, x: Tensor) -> Tensor:
        ctx.transposed = transposed
        return forward @ x

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, Tensor]:
        return None, None, ctx.transposed @ gradients[0].contiguous()


class MeanConv(nn.Module):
    """A linear map of the mean of the neighbours; one edge type in one direction."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(dim, dim, bias=False)

    def reset_parameters(self) -> None:
        """Draw the weights anew."""
        self.linear.reset_parameters()

    def forward(self, x: Tensor | tuple[Tensor, Tensor], adjacency: Adjacency) -> Tensor:
        """(n_targets, dim) from the sources' (n_sources, dim), given alone or with the targets'."""
        sources = x[0] if isinstance(x, tuple) else x
        mean = _Multiply.apply(  # type: ignore[no-untyped-call]
            adjacency.forward, adjacency.transposed, sources
        )
        return self.linear(mean)  # type: ignore[no-any-return]


class Network(nn.Module):
    """Embeddings, two layers, and one vector an edge type for the bilinear decoder."""

    def __init__(self, training: TrainingData, dim: int) -> None:
        super().__init__()
        self.embeddings = nn.ParameterDict(
            {t: nn.Parameter(torch.randn(n, dim) * 0.1) for t, n in training.n_nodes.items()}
        )
        keys = [key for edge_type in training.matrices for key in directions(edge_type)]
        self.convs = nn.ModuleList(_hetero({key: MeanConv(dim) for key in keys}) for _ in range(2))
        self.own = nn.ModuleList(
            pyg.HeteroDictLinear(dict.fromkeys(training.n_nodes, dim), dim) for _ in range(2)
        )
        self.norms = nn.ModuleDict({t: nn.LayerNorm(dim) for t in training.n_nodes})
        self.relations = nn.ParameterDict(
            {str(edge_type): nn.Parameter(torch.ones(dim)) for edge_type in training.matrices}
        )

    def forward(self, adjacencies: Mapping[Key, Adjacency]) -> dict[str, Tensor]:
        """Node type -> (n, dim)."""
        x: dict[str, Tensor] = dict(self.embeddings.items())
        for layer in range(2):
            messages = self.convs[layer](x, adjacencies)
            own = self.own[layer](x)
            x = {t: own[t] + messages[t] if t in messages else own[t] for t in own}
            if layer == 0:
                x = {t: functional.relu(self.norms[t](values)) for t, values in x.items()}
        return x

    def decode(self, edge_type: EdgeType, heads: Tensor, tails: Tensor) -> Tensor:
        """Scores of pairs of embeddings, broadcast over all but the last dimension."""
        relation: Tensor = self.relations[str(edge_type)]
        return (heads * relation * tails).sum(-1)


def directions(edge_type: EdgeType) -> list[Key]:
    """The ways in which an edge type passes messages; a symmetric one has a single way."""
    forward = (edge_type.head, edge_type.relation, edge_type.tail)
    if edge_spec(edge_type).symmetric:
        return [forward]
    return [forward, (edge_type.tail, f"inverse_{edge_type.relation}", edge_type.head)]


def adjacencies_of(matrices: Mapping[EdgeType, sp.csr_matrix], device: str) -> dict[Key, Adjacency]:
    """The message passing matrices of ``matrices``, in all directions."""
    result = {}
    for edge_type, matrix in matrices.items():
        for key, towards in zip(
            directions(edge_type), (sp.csr_matrix(matrix.T), matrix), strict=False
        ):
            degrees = np.diff(towards.indptr)
            mean = sp.csr_matrix(sp.diags_array(1 / np.maximum(degrees, 1)) @ towards)
            result[key] = Adjacency(
                _to_torch(mean, device), _to_torch(sp.csr_matrix(mean.T), device)
            )
    return result


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
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate, weight_decay=1e-5)
    start = _resume(settings, network, optimizer)
    fixed = {e: m for e, m in training.matrices.items() if e not in (TREATS, PALLIATES)}
    fixed_adjacencies = adjacencies_of(fixed, device)
    edges = {e: torch.as_tensor(to_pairs(m), device=device) for e, m in fixed.items()}
    for epoch in range(start, settings.epochs):
        rng = np.random.default_rng([seed, epoch])
        pairs, rest = supervision_split(training, rng, whole_diseases=epoch % 2 == 1)
        helping = {e: m for e, m in rest.matrices.items() if e in (TREATS, PALLIATES)}
        x = network(fixed_adjacencies | adjacencies_of(helping, device))
        loss = _treats_loss(network, x, pairs, training, rng)
        loss = loss + 0.5 * _auxiliary_loss(network, x, edges, rng)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        done = epoch + 1
        if done % settings.checkpoint_every == 0 and done < settings.epochs:
            _write_checkpoint(settings, network, optimizer, done)
        if progress:
            progress("gnn", done, settings.epochs)
    with torch.no_grad():
        x = network(adjacencies_of(training.matrices, device))
        scores = (x["Drug"] * network.relations[str(TREATS)]) @ x["Disease"].T
    return scores.cpu().numpy(), torch.cat([x[t] for t in training.n_nodes]).cpu().numpy()


def _treats_loss(
    network: Network,
    x: Mapping[str, Tensor],
    pairs: Pairs,
    training: TrainingData,
    rng: np.random.Generator,
) -> Tensor:
    """Cross-entropy of the treating drug against drugs not recorded for the disease."""
    drugs = rng.integers(training.shape[0], size=(len(pairs), NEGATIVES))
    diseases_of = np.broadcast_to(pairs[:, 1:], drugs.shape)
    known = np.asarray(training.treats[drugs.ravel(), diseases_of.ravel()]).reshape(drugs.shape) > 0
    device = x["Drug"].device
    candidates = torch.as_tensor(np.concatenate([pairs[:, :1], drugs], axis=1), device=device)
    diseases = torch.as_tensor(pairs[:, 1:], device=device)
    logits = network.decode(TREATS, x["Drug"][candidates], x["Disease"][diseases])
    excluded = np.concatenate([np.zeros((len(pairs), 1), bool), known], axis=1)
    logits = logits.masked_fill(torch.as_tensor(excluded, device=device), -torch.inf)
    return -functional.log_softmax(logits, dim=1)[:, 0].mean()


def _auxiliary_loss(
    network: Network,
    x: Mapping[str, Tensor],
    edges: Mapping[EdgeType, Tensor],
    rng: np.random.Generator,
) -> Tensor:
    """How badly edges of the other types are told from edges with another tail; mean over types.

    Without it only what lies near a treatment would be trained.
    """
    losses = []
    for edge_type, pairs in edges.items():
        size = min(AUXILIARY, len(pairs))
        chosen = pairs[torch.as_tensor(rng.integers(len(pairs), size=size), device=pairs.device)]
        n_tails = len(x[edge_type.tail])
        other = torch.as_tensor(rng.integers(n_tails, size=size), device=pairs.device)
        heads = x[edge_type.head][chosen[:, 0]]
        true = network.decode(edge_type, heads, x[edge_type.tail][chosen[:, 1]])
        false = network.decode(edge_type, heads, x[edge_type.tail][other])
        losses.append(functional.softplus(-true).mean() + functional.softplus(false).mean())
    if not losses:
        return torch.zeros((), device=x["Drug"].device)
    return torch.stack(losses).mean()


def _write_checkpoint(
    settings: GraphNetwork, network: Network, optimizer: torch.optim.Adam, epoch: int
) -> None:
    if settings.checkpoint is None:
        return
    tensors = {name: values.detach().cpu() for name, values in _state(network, optimizer)}
    content = safetensors.torch.save(tensors, metadata={"epoch": json.dumps(epoch)})
    replace_file(settings.checkpoint, content)


def _resume(settings: GraphNetwork, network: Network, optimizer: torch.optim.Adam) -> int:
    """Put the checkpoint's values in place; the number of epochs done, 0 without a checkpoint."""
    if settings.checkpoint is None or not settings.checkpoint.exists():
        return 0
    try:
        with safetensors.safe_open(settings.checkpoint, framework="pt") as file, torch.no_grad():
            epoch = int(json.loads(file.metadata()["epoch"]))
            stored = set(file.keys())
            for name, parameter in network.named_parameters():
                parameter.copy_(file.get_tensor(f"value/{name}"))
                # Adam has none for a parameter that has never had a gradient.
                moments = {key: f"{key}/{name}" for key in _MOMENTS if f"{key}/{name}" in stored}
                if moments:
                    optimizer.state[parameter] = {
                        key: file.get_tensor(where).to("cpu" if key == "step" else parameter.device)
                        for key, where in moments.items()
                    }
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"{settings.checkpoint} is not a checkpoint of this training; remove it to start anew"
        ) from error
    return epoch


def _state(network: Network, optimizer: torch.optim.Adam) -> "Iterator[tuple[str, Tensor]]":
    for name, parameter in network.named_parameters():
        yield f"value/{name}", parameter
        for key, moment in optimizer.state.get(parameter, {}).items():
            yield f"{key}/{name}", moment


def _hetero(convs: dict[Key, MeanConv]) -> nn.Module:
    with warnings.catch_warnings():
        # A node type may only send: it is then updated from itself alone.
        warnings.filterwarnings("ignore", "There exist node types", UserWarning)
        return pyg.HeteroConv(convs, aggr="sum")  # type: ignore[no-any-return]


def _to_torch(matrix: sp.csr_matrix, device: str) -> Tensor:
    rows = sp.csr_matrix(matrix, dtype=np.float32)
    rows.sort_indices()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta", UserWarning)
        tensor = torch.sparse_csr_tensor(
            torch.as_tensor(rows.indptr),
            torch.as_tensor(rows.indices),
            torch.as_tensor(rows.data),
            size=rows.shape,
            check_invariants=False,
        )
        return tensor.to(device)
