"""Conversions of the graph: scipy matrices, networkx.

Free functions; each imports what it needs when it is called.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from itertools import compress
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from kg.graph import Assertion, Graph, Provenance, Rows
from kg.schema import EdgeType, edge_spec

if TYPE_CHECKING:
    import networkx as nx
    from scipy.sparse import csr_matrix

    from kg.selection import Subset


def to_matrix(graph: Graph, edge_type: EdgeType, *, dtype: Any = np.float32) -> "csr_matrix":
    """The adjacency of one edge type as ones: (n_heads, n_tails), symmetric for a symmetric type.

    Raises:
        SchemaError: the graph has no such edges.
    """
    from scipy.sparse import csr_matrix

    table = graph.edges(edge_type)
    shape = (graph.n_nodes(edge_type.head), graph.n_nodes(edge_type.tail))
    matrix = csr_matrix((np.ones(len(table), dtype), table.tail, table.head_start), shape=shape)
    if edge_spec(edge_type).symmetric:
        matrix = csr_matrix(matrix.maximum(matrix.T))
        matrix.sort_indices()
    return matrix


def to_networkx(selection: "Graph | Subset") -> "nx.MultiDiGraph[str]":
    """All that a selection, or a whole graph, says, as networkx holds it.

    A node is its CURIE and carries ``type`` and ``name``. An edge leads from head to tail, its key
    is the relation, and it carries ``type`` (such as ``Drug-treats-Disease``), ``symmetric``
    (whether its direction means nothing), ``sources`` (primary knowledge sources, sorted) and
    ``assertions``: for each statement of it ``source``, ``primary_knowledge_source``, ``licence``,
    ``knowledge_level``, ``agent_type`` and the ``details`` that it adds, in the order of the graph;
    of a selection, only the statements that pass its filters. The graph carries its
    ``fingerprint``.

    Everything becomes a Python object: a whole Hetionet takes gigabytes. :func:`to_nx_view` copies
    nothing.
    """
    import networkx as nx

    graph, rows_of, edges_of, passes = _parts(selection)
    result: nx.MultiDiGraph[str] = nx.MultiDiGraph(fingerprint=graph.fingerprint)
    ids = {node_type: graph.ids[node_type].to_pylist() for node_type in graph.node_types}
    for node_type, rows in rows_of.items():
        names = graph.names[node_type].to_pylist()
        result.add_nodes_from(
            (ids[node_type][row], {"type": node_type, "name": names[row]}) for row in rows.tolist()
        )
    who = {provenance: asdict(provenance) for provenance in passes}
    for edge_type, edges in edges_of.items():
        table, symmetric = graph.edges(edge_type), edge_spec(edge_type).symmetric
        heads, tails = table.head_of(edges).tolist(), table.tail[edges].tolist()
        assertions = _assertions(graph, edge_type, edges)
        for said_by_all, head, tail in zip(assertions, heads, tails, strict=True):
            said = [a for a in said_by_all if a.provenance in passes]
            result.add_edge(
                ids[edge_type.head][head],
                ids[edge_type.tail][tail],
                key=edge_type.relation,
                type=str(edge_type),
                symmetric=symmetric,
                sources=sorted({a.provenance.primary_knowledge_source for a in said}),
                assertions=[{**who[a.provenance], "details": dict(a.details)} for a in said],
            )
    return result


@overload
def to_nx_view(
    selection: "Graph | Subset", *, directed: Literal[False] = False
) -> "nx.Graph[str]": ...


@overload
def to_nx_view(selection: "Graph | Subset", *, directed: Literal[True]) -> "nx.DiGraph[str]": ...


@overload
def to_nx_view(selection: "Graph | Subset", *, directed: bool) -> "nx.Graph[str]": ...


def to_nx_view(selection: "Graph | Subset", *, directed: bool = False) -> "nx.Graph[str]":
    """A selection, or a whole graph, as a read-only networkx graph over the columns.

    Nodes are CURIEs with ``type`` and ``name``, whatever their type. Two nodes are joined once,
    whatever joins them: ``view.edges[a, b]["relations"]`` lists the edge types. Directed, an edge
    leads from head to tail, one of a symmetric relation both ways. Nothing is copied into Python
    objects; changes raise ``networkx.NetworkXError``; ``view.copy()`` is a graph of its own.

    networkx sends ``shortest_path``, ``has_path``, ``bfs_edges``, ``connected_components``,
    ``degree_centrality`` and ``pagerank`` of a view to :mod:`kg.nx.backend`, which answers from the
    columns. All its other functions read the view with networkx's own code, which is slower than on
    a copy: a node is looked up by its CURIE at each step.

    Args:
        selection: what to see.
        directed: whether the view is a ``networkx.DiGraph``.
    """
    from kg.nx.selection import SelectionColumns
    from kg.nx.view import view_of

    view: nx.Graph[str] = view_of(SelectionColumns(selection, directed=directed))
    return view


def _parts(
    selection: "Graph | Subset",
) -> tuple[Graph, Mapping[str, Rows], Mapping[EdgeType, Rows], frozenset[Provenance]]:
    """The graph, the rows by type, the edges by type, and whose statements count."""
    if not isinstance(selection, Graph):
        stated = zip(selection.graph.provenances, selection.provenances, strict=True)
        passes = frozenset(provenance for provenance, is_kept in stated if is_kept)
        return selection.graph, selection.nodes, selection.edges, passes
    rows = {t: np.arange(selection.n_nodes(t), dtype=np.int32) for t in selection.node_types}
    edges = {t: np.arange(len(e), dtype=np.int32) for t, e in selection.edge_tables.items()}
    return selection, rows, edges, frozenset(selection.provenances)


def _assertions(graph: Graph, edge_type: EdgeType, edges: Rows) -> Iterable[tuple[Assertion, ...]]:
    """Who says each of ``edges``, which ascend."""
    size = len(graph.edges(edge_type))
    if 4 * len(edges) < size:
        return (graph.assertions(edge_type, edge) for edge in edges.tolist())
    wanted = np.zeros(size, bool)
    wanted[edges] = True
    return compress(graph.all_assertions(edge_type), wanted.tolist())
