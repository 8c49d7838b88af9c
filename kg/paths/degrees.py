"""How many edges a node has, and what an edge of a path weighs for it."""

import numpy as np
from numpy.typing import NDArray

from kg.graph import Graph, Rows
from kg.schema import Step, edge_spec


def degrees(graph: Graph, step: Step, rows: Rows) -> NDArray[np.int64]:
    """(n,) how many edges lead from each of ``rows`` by ``step``; a self-loop is one."""
    table = graph.edges(step.edge_type)
    rows = np.asarray(rows)
    symmetric = edge_spec(step.edge_type).symmetric
    total = np.zeros(len(rows), np.int64)
    if step.forward or symmetric:
        total += table.head_start[rows + 1] - table.head_start[rows]
    if not step.forward or symmetric:
        total += table.tail_start[rows + 1] - table.tail_start[rows]
    return total - np.isin(rows, table.loops) if symmetric else total


def node_degrees(graph: Graph, node_type: str, rows: Rows) -> NDArray[np.int64]:
    """(n,) how many edges each of ``rows`` has, of all types and in both directions."""
    total = np.zeros(len(rows), np.int64)
    for step in graph.steps(node_type):
        total += degrees(graph, step, rows)
    return total


def step_weights(
    graph: Graph, step: Step, rows: Rows, reached: Rows, damping: float
) -> NDArray[np.float64]:
    """(m,) the weight of each edge from ``rows`` to ``reached`` by ``step``."""
    back = Step(step.edge_type, not step.forward)
    product = _degrees_of(graph, step, rows) * _degrees_of(graph, back, reached)
    weights: NDArray[np.float64] = product.astype(np.float64) ** -damping
    return weights


def _degrees_of(graph: Graph, step: Step, rows: Rows) -> NDArray[np.int64]:
    n_nodes = graph.n_nodes(step.source)
    if len(rows) < n_nodes:
        return degrees(graph, step, rows)
    return degrees(graph, step, np.arange(n_nodes, dtype=np.int32))[rows]
