"""The network of :mod:`recommend.models.gnn`: embeddings and relational convolutions; needs torch.

Message passing multiplies sparse matrices. All edge types into one node type are one matrix (or all
out of it, where that is the larger side, so that the linear maps always act on the smaller side),
with 32-bit indices. torch's own backward pass transposes the matrix anew at every step, which takes
twice as long as the rest, so both orientations are kept.
"""

import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
import torch
import torch_geometric.nn as pyg
from torch import Tensor, nn
from torch.nn import functional

from kg.schema import EdgeType, edge_spec
from recommend.interactions import TrainingData

Key = tuple[str, str, str]  # source type, relation, target type of one direction


class Product(NamedTuple):
    """A sparse matrix to multiply with, in both orientations."""

    forward: Tensor  # (n_rows, n_columns) sparse CSR
    transposed: Tensor

    def __matmul__(self, x: Tensor) -> Tensor:
        """(n_rows, dim) float32, also under autocast: sparse products gain nothing from less."""
        return _Multiply.apply(*self, x)  # type: ignore[no-any-return, no-untyped-call]


class Block(NamedTuple):
    """Edge types that are multiplied at once: all into ``node_type``, or all out of it."""

    node_type: str
    keys: tuple[Key, ...]
    sizes: list[int]  # nodes at the other end, per key
    product: Product


class Messages(NamedTuple):
    """How edges pass messages: the mean over the neighbours for each edge type and direction."""

    into: list[Block]  # sources are mapped, laid one after the other, and averaged at once
    out_of: list[Block]  # sources are averaged at once, and the parts mapped


class _Multiply(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, forward: Tensor, transposed: Tensor, x: Tensor) -> Tensor:
        ctx.transposed = transposed
        with torch.autocast(x.device.type, enabled=False):
            return forward @ x.float()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, Tensor]:
        return None, None, ctx.transposed @ gradients[0].contiguous()


class RelationalConv(nn.Module):
    """A linear map of the mean of the neighbours for each edge type and direction, summed.

    With the same weights it gives what torch-geometric's ``RGCNConv`` gives, and so do its
    gradients.

    Args:
        keys: directions of edge types; others in the messages are refused with a KeyError.
        types: node types, each with a linear map of the node itself.
        dim: of sources and targets.
    """

    def __init__(self, keys: list[Key], types: list[str], dim: int) -> None:
        super().__init__()
        self.numbers = {key: number for number, key in enumerate(keys)}
        self.own = pyg.HeteroDictLinear(dict.fromkeys(types, dim), dim)
        self.weights = nn.Parameter(torch.empty(len(keys), dim, dim))
        nn.init.uniform_(self.weights, -(dim**-0.5), dim**-0.5)

    def forward(self, x: Mapping[str, Tensor], messages: list[Messages]) -> dict[str, Tensor]:
        """Node type -> (n, dim), from node type -> (n, dim)."""
        weights = self.weights.unbind()
        out: dict[str, Tensor] = self.own(x)
        for into, out_of in messages:
            for block in into:
                mapped = [x[key[0]] @ weights[self.numbers[key]] for key in block.keys]
                out[block.node_type] = out[block.node_type] + block.product @ torch.cat(mapped)
            for block in out_of:
                parts = torch.split(block.product @ x[block.node_type], block.sizes)
                for key, part in zip(block.keys, parts, strict=True):
                    out[key[2]] = torch.addmm(out[key[2]], part, weights[self.numbers[key]])
        return out


class Dropped(NamedTuple):
    """What one step does without; drawn by numpy, so that every device does without the same."""

    embeddings: Tensor  # (n_nodes, 1) 0 or 2: half of the nodes lose their embedding
    hidden: Tensor  # (n_nodes, dim) 0 or 2

    @classmethod
    def draw(cls, rng: np.random.Generator, n_nodes: int, dim: int, device: str) -> "Dropped":
        """One bit of chance a value, which is fifteen times as fast as torch's own dropout."""
        n_bytes = -(-n_nodes * (dim + 1) // 8)
        bits = np.unpackbits(np.frombuffer(rng.bytes(n_bytes), np.uint8))
        doubled = torch.as_tensor(bits[: n_nodes * (dim + 1)], device=device).float() * 2
        return cls(doubled[:n_nodes, None], doubled[n_nodes:].view(n_nodes, dim))


class Network(nn.Module):
    """Embeddings, two convolutions, and one vector an edge type for the bilinear decoder.

    Drugs and diseases have no embeddings of their own: they are what their neighbours make of
    them. A disease without any known treatment then looks like every other one, where an embedding
    of its own would be one that has never learnt anything.

    Attributes:
        sizes: node type -> number of nodes, in the order of the graph's global numbers.
        starts: node type -> its first global number.
    """

    def __init__(self, training: TrainingData, dim: int) -> None:
        super().__init__()
        self.sizes = dict(training.n_nodes)
        ends = np.cumsum(list(self.sizes.values())).tolist()
        self.starts = dict(zip(self.sizes, [0, *ends], strict=False))
        self.n_nodes: int = ends[-1]
        self.dim = dim
        types = list(self.sizes)
        self.embedded = [t for t in types if t not in ("Drug", "Disease")] or types
        n_embedded = sum(self.sizes[t] for t in self.embedded)
        self.embeddings = nn.Parameter(torch.randn(n_embedded, dim) * 0.1)
        keys = [key for edge_type in training.matrices for key in directions(edge_type)]
        self.convs = nn.ModuleList(RelationalConv(keys, types, dim) for _ in range(2))
        self.norms = nn.ModuleDict({t: nn.LayerNorm(dim) for t in types})
        self.edge_types = {edge_type: row for row, edge_type in enumerate(training.matrices)}
        self.relations = nn.Parameter(torch.ones(len(self.edge_types), dim))

    def forward(
        self, messages: list[Messages], dropped: Dropped | None = None
    ) -> dict[str, Tensor]:
        """Node type -> (n, dim) float32."""
        rows = list(self.sizes.values())
        x = self._inputs()
        if dropped:
            kept = torch.split(dropped.embeddings, rows)
            x = {t: x[t] * scale for t, scale in zip(self.sizes, kept, strict=True)}
        x = self.convs[0](x, messages)
        x = {t: functional.relu(self.norms[t](values)) for t, values in x.items()}
        if dropped:
            kept = torch.split(dropped.hidden, rows)
            x = {t: x[t] * scale for t, scale in zip(self.sizes, kept, strict=True)}
        x = self.convs[1](x, messages)
        return {t: x[t].float() for t in self.sizes}

    def _inputs(self) -> dict[str, Tensor]:
        sizes = [self.sizes[t] for t in self.embedded]
        x = dict(zip(self.embedded, torch.split(self.embeddings, sizes), strict=True))
        return {
            t: x[t] if t in x else self.embeddings.new_zeros(n, self.dim)
            for t, n in self.sizes.items()
        }

    def decode_all(self, edge_type: EdgeType, heads: Tensor, tails: Tensor) -> Tensor:
        """(n_heads, n_tails) scores by the bilinear decoder of ``edge_type``."""
        return (heads * self.relations[self.edge_types[edge_type]]) @ tails.T


def directions(edge_type: EdgeType) -> list[Key]:
    """The ways in which an edge type passes messages; a symmetric one has a single way."""
    forward = (edge_type.head, edge_type.relation, edge_type.tail)
    if edge_spec(edge_type).symmetric:
        return [forward]
    return [forward, (edge_type.tail, f"inverse_{edge_type.relation}", edge_type.head)]


def messages_of(matrices: Mapping[EdgeType, sp.csr_matrix], device: str) -> Messages:
    """The messages that ``matrices`` pass, in all directions."""
    towards = {}
    for edge_type, matrix in matrices.items():
        ways = (sp.csr_matrix(matrix.T), matrix)
        for key, way in zip(directions(edge_type), ways, strict=False):
            towards[key] = _normalised(way)
    into: dict[str, list[Key]] = {}
    out_of: dict[str, list[Key]] = {}
    for key, matrix in towards.items():
        if matrix.shape[1] <= matrix.shape[0]:
            into.setdefault(key[2], []).append(key)
        else:
            out_of.setdefault(key[0], []).append(key)

    def block(node_type: str, keys: list[Key], *, side: int) -> Block:
        stack = sp.hstack if side else sp.vstack
        matrix = stack([towards[key] for key in keys], format="csr")
        product = Product(_to_torch(matrix, device), _to_torch(matrix.T.tocsr(), device))
        return Block(node_type, tuple(keys), [towards[k].shape[side] for k in keys], product)

    return Messages(
        [block(t, keys, side=1) for t, keys in into.items()],
        [block(t, keys, side=0) for t, keys in out_of.items()],
    )


def _normalised(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """Rows that sum to 1, or 0 where there is no neighbour."""
    degrees = np.diff(matrix.indptr)
    return sp.csr_matrix(sp.diags_array(1 / np.maximum(degrees, 1)) @ matrix)


def _to_torch(matrix: sp.csr_matrix, device: str) -> Tensor:
    rows = matrix.astype(np.float32)
    rows.sort_indices()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta", UserWarning)
        tensor = torch.sparse_csr_tensor(
            torch.as_tensor(rows.indptr),  # 32 bits up to 2 billion edges
            torch.as_tensor(rows.indices),
            torch.as_tensor(rows.data),
            size=rows.shape,
            check_invariants=False,
        )
        return tensor.to(device)
