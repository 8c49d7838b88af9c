"""The functions that networkx sends here: answers from the columns, equal to networkx's own.

networkx calls this object for every graph that names the backend ``pharmakon`` (see ``view``), and
for any graph with ``backend="pharmakon"``. Six functions run on the columns. Every other function,
and an argument that the columns cannot serve (a weight of a path, an order of neighbours), runs
networkx's own code, which reads the view as it reads any graph.
"""
# ruff: noqa: N803  (networkx calls the graph G, by keyword too)

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from kg.nx.columns import Adjacency, Columns
from kg.nx.foreign import ForeignColumns
from kg.nx.info import FUNCTIONS
from kg.nx.view import view_of
from kg.nx.walk import levels, meet


class Backend:
    """What networkx expects of a backend."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return _networkx(name)

    def can_run(self, name: str, args: Any, kwargs: Any) -> bool | str:
        """Whether the function may be sent here, or why not."""
        del args, kwargs
        known = _functions().get(name)
        has_code = known is not None and "networkx" in known.backends
        return has_code or f"networkx has no code for {name}"

    def should_run(self, name: str, args: Any, kwargs: Any) -> bool | str:
        """Whether it pays to convert a networkx graph for this call, or why not."""
        del args, kwargs
        return name == "pagerank" or "converting the graph costs more than the answer"

    def convert_from_nx(self, graph: Any, *, name: str | None = None, **_: object) -> Any:
        """A read-only view of columns with the graph's nodes, edges, attributes and order.

        A function that does not run on columns gets the graph itself, or a copy that it may change.
        """
        if name is not None and name not in FUNCTIONS:
            return graph.copy() if _functions()[name].mutates_input else graph
        return view_of(ForeignColumns(graph))

    def convert_to_nx(self, result: Any, *, name: str | None = None) -> Any:
        """A networkx graph with all that a view shows; anything else as it is."""
        del name
        return _copy(result) if isinstance(getattr(result, "columns", None), Columns) else result

    def shortest_path(
        self,
        G: Any,
        source: Any = None,
        target: Any = None,
        weight: Any = None,
        method: str = "dijkstra",
    ) -> Any:
        """As ``networkx.shortest_path``."""
        if weight is not None or method not in ("dijkstra", "bellman-ford"):
            return _networkx("shortest_path")(G, source, target, weight, method)
        columns = _columns(G)
        if source is None and target is None:
            return ((label, _paths(columns, columns.out, label)) for label in columns.labels())
        if target is None:
            return _paths(columns, columns.out, source)
        if source is None:
            found = _paths(columns, columns.into, target)
            return {label: path[::-1] for label, path in found.items()}
        here = _known(columns, source, f"Source {source} is")
        there = _known(columns, target, f"Target {target} is")
        path = meet(columns.out, columns.into, here, there)
        if path is None:
            raise nx.NetworkXNoPath(f"No path between {source} and {target}.")
        return [columns.label(position) for position in path]

    def has_path(self, G: Any, source: Any, target: Any) -> bool:
        """As ``networkx.has_path``."""
        try:
            self.shortest_path(G, source, target)
        except nx.NetworkXNoPath:
            return False
        return True

    def bfs_edges(
        self,
        G: Any,
        source: Any,
        reverse: bool = False,
        depth_limit: int | None = None,
        sort_neighbors: Any = None,
    ) -> Iterator[tuple[Any, Any]]:
        """As ``networkx.bfs_edges``."""
        if sort_neighbors is not None:
            yield from _networkx("bfs_edges")(G, source, reverse, depth_limit, sort_neighbors)
            return
        columns = _columns(G)
        backward = reverse and columns.directed
        position = columns.position(source)
        if position is None:
            (G.predecessors if backward else G.neighbors)(source)  # raises what networkx raises
            return
        walk = levels(columns.into if backward else columns.out, position)
        depth = 0
        while (depth_limit is None or depth < depth_limit) and (level := next(walk, None)):
            yield from zip(*map(columns.labels_at, level), strict=True)
            depth += 1

    def connected_components(self, G: Any) -> Iterator[set[Any]]:
        """As ``networkx.connected_components``: the component of the first node first."""
        from scipy.sparse import csgraph

        if G.is_directed():
            raise nx.NetworkXNotImplemented("not implemented for directed type")
        columns = _columns(G)
        if not columns.size:
            return
        # Every edge is there both ways: strongly connected is connected, and found without a copy.
        matrix = _matrix(columns.out, None)
        _, component = csgraph.connected_components(matrix, directed=True, connection="strong")
        _, first, inverse = np.unique(component, return_index=True, return_inverse=True)
        rank = np.argsort(np.argsort(first))[inverse]
        order = np.argsort(rank, kind="stable")
        labels = columns.labels()
        for piece in np.split(order, np.flatnonzero(np.diff(rank[order])) + 1):
            yield {labels[i] for i in piece.tolist()}

    def degree_centrality(self, G: Any) -> dict[Any, float]:
        """As ``networkx.degree_centrality``."""
        columns = _columns(G)
        if columns.size <= 1:
            return dict.fromkeys(columns.labels(), 1)
        share = 1.0 / (columns.size - 1.0)
        return dict(zip(columns.labels(), (_degrees(columns) * share).tolist(), strict=True))

    def pagerank(  # noqa: PLR0917  (networkx's own signature)
        self,
        G: Any,
        alpha: float = 0.85,
        personalization: Mapping[Any, float] | None = None,
        max_iter: int = 100,
        tol: float = 1.0e-6,
        nstart: Mapping[Any, float] | None = None,
        weight: str | None = "weight",
        dangling: Mapping[Any, float] | None = None,
    ) -> dict[Any, float]:
        """As ``networkx.pagerank``."""
        columns = _columns(G)
        n = columns.size
        if not n:
            return {}
        labels = columns.labels()
        matrix = _matrix(columns.out, columns.weights(weight))
        total = matrix.sum(axis=1)
        share = np.divide(1.0, total, out=np.zeros(n), where=total != 0)
        matrix.data *= np.repeat(share, columns.out.degree)
        step = matrix.T.tocsr()
        even = np.full(n, 1.0 / n)
        start = even if nstart is None else _vector(nstart, labels)
        jump = even if personalization is None else _vector(personalization, labels)
        fall = jump if dangling is None else _vector(dangling, labels)
        stuck = np.flatnonzero(total == 0)
        rank = start
        for _ in range(max_iter):
            before = rank
            rank = alpha * (step @ before + before[stuck].sum() * fall) + (1 - alpha) * jump
            if np.abs(rank - before).sum() < n * tol:
                return dict(zip(labels, rank.tolist(), strict=True))
        raise nx.PowerIterationFailedConvergence(max_iter)


def _functions() -> Mapping[str, Any]:
    """Every function that networkx may send to a backend, by name."""
    functions: Mapping[str, Any] = nx.utils.backends._registered_algorithms  # type: ignore[attr-defined]
    return functions


def _networkx(name: str) -> Callable[..., Any]:
    """The code of networkx itself for a function.

    Raises:
        AttributeError: networkx sends no such function to backends.
    """
    if name not in _functions():
        raise AttributeError(f"networkx has no function {name}")
    code: Callable[..., Any] = _functions()[name].orig_func
    return code


def _columns(graph: Any) -> Columns:
    columns = getattr(graph, "columns", None)
    return columns if isinstance(columns, Columns) else ForeignColumns(graph)


def _known(columns: Columns, label: Any, called: str) -> int:
    """The position of a node.

    Raises:
        NodeNotFound: there is none; said as networkx says it.
    """
    try:
        position = columns.position(label)
    except TypeError:  # not hashable
        position = None
    if position is None:
        raise nx.NodeNotFound(f"{called} not in G")
    return position


def _paths(columns: Columns, adjacency: Adjacency, source: Any) -> dict[Any, list[Any]]:
    """A shortest path to every node that can be reached, in the order of reaching."""
    position = _known(columns, source, f"Source {source}")
    paths = {source: [source]}
    for level in levels(adjacency, position):
        for before, label in zip(*map(columns.labels_at, level), strict=True):
            paths[label] = [*paths[before], label]
    return paths


def _degrees(columns: Columns) -> NDArray[np.int64]:
    """(n,) ends of edges at each node: a self-loop counts twice, each parallel edge too."""
    out, many = columns.out, columns.multiplicity
    at_head = np.bincount(out.origin, many, columns.size)
    if columns.directed:
        at_tail = np.bincount(out.target, many, columns.size)
    else:  # the other ends are in the rows of their own nodes already
        loops = np.flatnonzero(out.origin == out.target)
        at_tail = np.bincount(
            out.target[loops], None if many is None else many[loops], columns.size
        )
    return (at_head + at_tail).astype(np.int64)


def _matrix(adjacency: Adjacency, weights: NDArray[np.float64] | None) -> Any:
    from scipy.sparse import csr_array

    n = len(adjacency.start) - 1
    values = np.ones(len(adjacency.target)) if weights is None else weights
    start = adjacency.start.astype(np.int32)  # as the targets, or scipy copies these
    return csr_array((values, adjacency.target, start), shape=(n, n))


def _vector(values: Mapping[Any, float], labels: Any) -> NDArray[np.float64]:
    """The values in the order of ``labels``, 0 where there is none, scaled to a sum of 1.

    Raises:
        ZeroDivisionError: they sum to 0.
    """
    vector = np.array([values.get(label, 0) for label in labels], np.float64)
    total = float(vector.sum())
    if total == 0:
        raise ZeroDivisionError("the values for the graph's nodes sum to 0")
    vector /= total
    return vector


def _copy(view: Any) -> Any:
    """A networkx graph of its own, neighbours in the order of the view."""
    copy = view.plain()
    copy.graph.update(view.graph)
    copy.add_nodes_from((label, dict(attributes)) for label, attributes in view.nodes.items())
    for label, neighbors in view._adj.items():
        for neighbor, edge in neighbors.items():
            back = None if view.columns.directed else copy._adj[neighbor].get(label)
            if back is None:
                many = view.columns.multigraph
                back = {k: dict(d) for k, d in edge.items()} if many else dict(edge)
            copy._adj[label][neighbor] = back
    if view.columns.directed:
        for label, neighbors in view._pred.items():
            for neighbor in neighbors:
                copy._pred[label][neighbor] = copy._adj[neighbor][label]
    return copy


backend = Backend()
