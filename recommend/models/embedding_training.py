"""The training loop of :mod:`recommend.models.embedding`; needs torch.

torch-geometric's own loss draws one wrong node of any type for each edge. Here each edge is told
from many other tails of its own type: for all edges of a batch the same ones, so that the scores
are one matrix product. Every edge type is learnt in both directions, as two relations, and the
cubed norm of what a batch touches is held down, without which the treatments are learnt by heart
(Lacroix, Usunier, Obozinski 2018, "Canonical tensor decomposition for knowledge base completion").
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.nn import ComplEx

from kg.schema import EdgeType, edge_spec
from recommend.interactions import PALLIATES, TREATS, TrainingData, to_pairs
from recommend.models.base import Progress

BATCH = 2048  # edges, all of one type
CANDIDATES = 128  # other tails drawn for each batch
SEEN = 3  # batches of each type at most in an epoch: the many edges of genes would drown the others
REPEATS = {TREATS: 5, PALLIATES: 5}  # times that the few edges which matter most are seen in it
LEARNING_RATE = 0.03
NORM = 0.03  # weight of the cubed norm

Triples = tuple[Tensor, Tensor, Tensor]  # (n,) heads, relations, tails


@dataclass(frozen=True, eq=False)
class Relation:
    """An edge type in one direction; nodes have their global numbers."""

    edge_type: EdgeType
    inverse: bool
    edges: NDArray[np.int64]  # (n, 2) head, tail
    heads_of: sp.csr_matrix  # (n_nodes, n_nodes) a one at tail, head
    tails: NDArray[np.int64]  # that any edge has, sorted


class Bilinear(ComplEx):  # type: ignore[misc]
    """ComplEx that scores many tails at once: the product of a query and a point."""

    def queries(self, heads: Tensor, relation: Tensor) -> Tensor:
        """(n, 2 dim) what the scores of all tails are the products with."""
        real, imaginary = self.node_emb(heads), self.node_emb_im(heads)
        a, b = self.rel_emb(relation), self.rel_emb_im(relation)
        return torch.cat([real * a - imaginary * b, real * b + imaginary * a], dim=-1)

    def points(self, nodes: Tensor) -> Tensor:
        """(n, 2 dim) of nodes as tails."""
        return torch.cat([self.node_emb(nodes), self.node_emb_im(nodes)], dim=-1)

    def cubed_norm(self, heads: Tensor, relations: Tensor, tails: Tensor) -> Tensor:
        """The mean over the triples of the sum over the dimensions of |.|^3, for each part."""
        parts: list[Tensor] = [
            self.node_emb(heads).square() + self.node_emb_im(heads).square(),
            self.node_emb(tails).square() + self.node_emb_im(tails).square(),
            self.rel_emb(relations).square() + self.rel_emb_im(relations).square(),
        ]
        # A little is added because the gradient of a root at 0 is infinite.
        return torch.stack([(part + 1e-12).pow(1.5).sum(-1).mean() for part in parts]).mean()


def relations_of(training: TrainingData) -> list[Relation]:
    """All edge types in both directions; a symmetric one has a single direction."""
    n_nodes, starts = sum(training.n_nodes.values()), _starts(training)
    result = []
    for edge_type, matrix in training.matrices.items():
        edges = np.add(to_pairs(matrix), (starts[edge_type.head], starts[edge_type.tail]))
        for inverse in (False,) if edge_spec(edge_type).symmetric else (False, True):
            directed = edges[:, ::-1] if inverse else edges
            ones = np.ones(len(edges), np.int8)
            heads_of = sp.csr_matrix((ones, directed.T[::-1]), shape=(n_nodes, n_nodes))
            tails = np.unique(directed[:, 1])
            result.append(Relation(edge_type, inverse, directed, heads_of, tails))
    return result


def draw_candidates(
    relation: Relation, heads: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Tails to tell the recorded ones from, and which of them are recorded themselves.

    They are drawn among the tails that any edge of the relation has. Of the others, such as a
    disease without any treatment, nothing is known, and to score them down would hide them.

    Returns:
        (n,) the candidates; then (m,) places in ``heads`` and (m,) places in the candidates that
        are connected by a recorded edge.
    """
    tails = relation.tails
    if len(tails) > CANDIDATES:
        tails = tails[rng.integers(len(tails), size=CANDIDATES)]
    known = relation.heads_of[tails].tocsc()[:, heads].tocoo()
    return tails, known.col.astype(np.int64), known.row.astype(np.int64)


def loss_of(
    model: Bilinear, batch: Triples, relation: Relation, rng: np.random.Generator
) -> Tensor:
    """Cross-entropy of the recorded tails against candidates, and the cubed norm."""
    heads, relations, tails = batch
    others, rows, columns = draw_candidates(relation, heads.numpy(), rng)
    queries = model.queries(heads, relations[0])
    right = (queries * model.points(tails)).sum(-1, keepdim=True)
    wrong = queries @ model.points(torch.from_numpy(others)).T
    excluded = torch.tensor(-torch.inf)
    wrong = wrong.index_put((torch.from_numpy(rows), torch.from_numpy(columns)), excluded)
    entropy = torch.logsumexp(torch.cat([right, wrong], dim=1), dim=1) - right[:, 0]
    return entropy.mean() + NORM * model.cubed_norm(heads, relations[:1], tails)


def train(
    training: TrainingData, *, dim: int, epochs: int, seed: int, progress: Progress | None
) -> NDArray[np.float32]:
    """Train to the end; (n_drugs, n_diseases) the scores of *treats*, mean of both directions."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the steps are small: threads would wait for one another
    try:
        # The gradients of rows are well-formed; left open, torch warns that nobody checks.
        with torch.sparse.check_sparse_tensor_invariants(False):  # type: ignore[no-untyped-call]
            return _train(training, dim, epochs, seed, progress)
    finally:
        torch.set_num_threads(n_threads)


def _train(
    training: TrainingData, dim: int, epochs: int, seed: int, progress: Progress | None
) -> NDArray[np.float32]:
    relations = relations_of(training)
    with torch.random.fork_rng(devices=[]):  # weights are drawn from torch's global state
        torch.manual_seed(seed)
        model = Bilinear(sum(training.n_nodes.values()), len(relations), dim, sparse=True)
    optimizer = torch.optim.Adagrad(model.parameters(), lr=LEARNING_RATE)
    rng = np.random.default_rng(seed)
    batches = [_batches(model, number, relation, seed) for number, relation in enumerate(relations)]
    for epoch in range(epochs):
        for number in rng.permutation(_turns(relations)).tolist():
            loss = loss_of(model, next(batches[number]), relations[number], rng)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        if progress:
            progress("embedding", epoch + 1, epochs)
    return treats_scores(model, relations, training)


@torch.no_grad()
def treats_scores(
    model: Bilinear, relations: list[Relation], training: TrainingData
) -> NDArray[np.float32]:
    """(n_drugs, n_diseases) the mean of what both directions of *treats* give."""
    starts = _starts(training)
    drugs, diseases = (
        torch.arange(training.n_nodes[node_type]) + starts[node_type]
        for node_type in ("Drug", "Disease")
    )
    total = torch.zeros(training.shape)
    for number, relation in enumerate(relations):
        if relation.edge_type != TREATS:
            continue
        heads, tails = (diseases, drugs) if relation.inverse else (drugs, diseases)
        scores = model.queries(heads, torch.tensor(number)) @ model.points(tails).T
        total += (scores.T if relation.inverse else scores) / 2
    return total.numpy()


def _starts(training: TrainingData) -> dict[str, int]:
    """Node type -> the global number of its first node."""
    ends = np.cumsum(list(training.n_nodes.values())).tolist()
    return dict(zip(training.n_nodes, [0, *ends[:-1]], strict=True))


def _turns(relations: list[Relation]) -> NDArray[np.int64]:
    """The number of each relation, as often as it has a batch in an epoch."""
    turns = [
        min(-(-len(relation.edges) // BATCH), SEEN) * REPEATS.get(relation.edge_type, 1)
        for relation in relations
    ]
    return np.repeat(np.arange(len(relations)), turns)


def _batches(model: Bilinear, number: int, relation: Relation, seed: int) -> Iterator[Triples]:
    """Batches of the relation's edges without end; all are seen before one is seen again."""
    heads, tails = torch.from_numpy(np.ascontiguousarray(relation.edges.T))
    loader = model.loader(
        heads,
        torch.full_like(heads, number),
        tails,
        batch_size=BATCH,
        shuffle=True,
        generator=torch.Generator().manual_seed(seed),
    )
    while True:
        yield from loader
