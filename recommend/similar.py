"""The nodes most like another, by the embeddings that the graph network learnt.

Every node is compared: a few thousand rows times one vector need no index and have no error.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.errors import SchemaError
from kg.graph import Graph, Node
from kg.paths.degrees import node_degrees
from kg.query import resolve
from kg.schema import check_node_type
from recommend.bundle import Bundle
from recommend.errors import BundleError

N_SHOWN = 3  # shared neighbours named


@dataclass(frozen=True)
class SimilarNode:
    """A node that is like the one asked for.

    Attributes:
        node: which.
        cosine: of the two embeddings, -1 to 1.
        n_shared: how many nodes are neighbours of both, by any relation.
        shared: some of these, those with the fewest neighbours first: they say most.
    """

    node: Node
    cosine: float
    n_shared: int
    shared: tuple[Node, ...]


@dataclass(frozen=True)
class Similar:
    """The answer: what was found for the text, and the nodes most like it, the most alike first."""

    node: Node
    grade: str
    basis: str
    others: tuple[Node, ...]  # further nodes that the text means
    type: str  # of the nodes that are listed
    nodes: tuple[SimilarNode, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return {
            **self.node._asdict(),
            "grade": self.grade,
            "basis": self.basis,
            "others": [node._asdict() for node in self.others],
            "similar": [
                {
                    "rank": rank,
                    **found.node._asdict(),
                    "cosine": found.cosine,
                    "n_shared": found.n_shared,
                    "shared": [node._asdict() for node in found.shared],
                }
                for rank, found in enumerate(self.nodes, start=1)
            ],
        }


def find_similar(
    graph: Graph, bundle: Bundle, text: str, *, to: str | None = None, limit: int = 10
) -> Similar:
    """The nodes whose embeddings point most in the direction of one node's; ties by identifier.

    Args:
        graph: the bundle's graph.
        bundle: whose embeddings are compared.
        text: the node: id, name, synonym or code.
        to: the type of the nodes that are listed; None for the node's own.
        limit: how many.

    Raises:
        UnknownNodeError: nothing is called so.
        SchemaError: ``to`` is no node type, or the graph has no such node.
        BundleError: nothing was learnt of the node.
    """
    match, *others = resolve(graph, text)
    wanted = match.node.type if to is None else check_node_type(to)
    if not graph.n_nodes(wanted):
        raise SchemaError(f"the graph has no {wanted} nodes; it has {', '.join(graph.node_types)}")
    row = graph.row(match.node.type, match.node.id)
    number = graph.offsets[match.node.type] + row
    vector, start = bundle.embeddings[number], graph.offsets[wanted]
    if not vector.any():
        raise BundleError(f"the bundle learnt nothing of {match.node.name}: it has no embedding")
    cosines = _cosines(vector, bundle.embeddings[start : start + graph.n_nodes(wanted)])
    if wanted == match.node.type:
        cosines[row] = np.nan
    n_listed = min(limit, int(np.isfinite(cosines).sum()))
    order = np.argsort(-cosines, kind="stable")[:n_listed]
    mine = _neighbors(graph, match.node.type, row)
    nodes = []
    for other in order.tolist():
        shared = np.intersect1d(mine, _neighbors(graph, wanted, other))
        nodes.append(
            SimilarNode(
                graph.node(wanted, other),
                round(float(cosines[other]), 4),
                len(shared),
                _rarest(graph, shared),
            )
        )
    also = tuple(other.node for other in others)
    return Similar(match.node, match.grade, match.basis, also, wanted, tuple(nodes))


def _cosines(vector: NDArray[np.float16], matrix: NDArray[np.float16]) -> NDArray[np.float32]:
    """(n,) cosines of ``vector`` with the rows of ``matrix``; NaN where one is zero."""
    one, many = vector.astype(np.float32), matrix.astype(np.float32)
    lengths = np.linalg.norm(many, axis=1) * np.linalg.norm(one)
    cosines = np.full(len(many), np.nan, np.float32)
    np.divide(many @ one, lengths, out=cosines, where=lengths > 0)
    return cosines


def _neighbors(graph: Graph, node_type: str, row: int) -> NDArray[np.int64]:
    """Global numbers of the nodes that an edge joins with one node, itself left out; sorted."""
    found = [
        graph.offsets[step.target] + graph.neighbors(step, row)[0].astype(np.int64)
        for step in graph.steps(node_type)
    ]
    itself = np.array([graph.offsets[node_type] + row])
    return np.setdiff1d(np.concatenate(found), itself) if found else itself[:0]


def _rarest(graph: Graph, numbers: NDArray[np.int64]) -> tuple[Node, ...]:
    """The nodes of these global numbers that have the fewest neighbours, ``N_SHOWN`` at most."""
    degrees = np.empty(len(numbers), np.int64)
    for node_type, start in graph.offsets.items():
        here = (numbers >= start) & (numbers < start + graph.n_nodes(node_type))
        rows = (numbers[here] - start).astype(np.int32)
        degrees[here] = node_degrees(graph, node_type, rows)
    rare = numbers[np.argsort(degrees, kind="stable")[:N_SHOWN]]
    return tuple(graph.node(*graph.locate(number)) for number in rare.tolist())
