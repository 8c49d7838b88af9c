"""Conversions of the graph: scipy matrices, networkx.

Free functions; each imports what it needs when it is called.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from kg.graph import Graph
from kg.schema import EDGES, EdgeType

if TYPE_CHECKING:
    import networkx as nx
    from scipy.sparse import csr_matrix


def to_matrix(graph: Graph, edge_type: EdgeType, *, dtype: Any = np.float32) -> "csr_matrix":
    """The adjacency of one edge type as ones: (n_heads, n_tails), symmetric for a symmetric type.

    Raises:
        SchemaError: the graph has no such edges.
    """
    from scipy.sparse import csr_matrix

    table = graph.edges(edge_type)
    shape = (graph.n_nodes(edge_type.head), graph.n_nodes(edge_type.tail))
    matrix = csr_matrix((np.ones(len(table), dtype), table.tail, table.head_start), shape=shape)
    if EDGES[edge_type].symmetric:
        matrix = csr_matrix(matrix.maximum(matrix.T))
        matrix.sort_indices()
    return matrix


def to_networkx(graph: Graph) -> "nx.MultiDiGraph[str]":
    """Every node and edge as networkx sees them: node = CURIE, edge key = relation.

    Nodes carry ``type`` and ``name``; edges carry ``sources``. For a whole Hetionet this takes
    hundreds of megabytes: convert a subset (:func:`kg.export.select`) where that is enough.
    """
    import networkx as nx

    result: nx.MultiDiGraph[str] = nx.MultiDiGraph(fingerprint=graph.fingerprint)
    ids = {node_type: graph.ids[node_type].to_pylist() for node_type in graph.node_types}
    for node_type in graph.node_types:
        names = graph.names[node_type].to_pylist()
        result.add_nodes_from(
            (i, {"type": node_type, "name": n}) for i, n in zip(ids[node_type], names, strict=True)
        )
    for edge_type in graph.edge_types:
        table = graph.edges(edge_type)
        heads, tails = ids[edge_type.head], ids[edge_type.tail]
        for edge, (head, tail) in enumerate(
            zip(table.head.tolist(), table.tail.tolist(), strict=True)
        ):
            sources = sorted(
                {a.provenance.primary_knowledge_source for a in graph.assertions(edge_type, edge)}
            )
            result.add_edge(heads[head], tails[tail], key=edge_type.relation, sources=sources)
    return result
