"""Ask networkx the same of a view of Hetionet and of a networkx graph of it, in turns, as ratios.

    python benchmarks/time_networkx.py GRAPH       (a stored graph, such as `build` writes)

The networkx graph holds the same nodes and collapsed edges, without attributes: what is compared
is the search, not the conversion, whose cost is recorded beside it. Answers must be equal.
"""

import gc
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
from record import record

from kg.convert import to_nx_view
from kg.store import open_graph

RUNS = 5
PAIRS = 100


def plain(view: Any) -> Any:
    """A networkx graph with the nodes and edges of the view."""
    labels, out = view.columns.labels(), view.columns.out
    graph = view.plain()
    graph.add_nodes_from(labels)
    heads, tails = out.origin.tolist(), out.target.tolist()
    graph.add_edges_from((labels[h], labels[t]) for h, t in zip(heads, tails, strict=True))
    return graph


def seconds(call: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[float, Any]:
    start = time.perf_counter()
    answer = call(*arguments, **options)
    return time.perf_counter() - start, answer


def questions(view: Any) -> dict[str, Callable[[Any], Any]]:
    nodes, out = view.columns.labels(), view.columns.out
    picked = np.random.default_rng(0).choice(len(nodes), (PAIRS, 2))
    pairs = [(nodes[a], nodes[b]) for a, b in picked.tolist()]
    source = nodes[int(np.argmax(out.degree))]

    def lengths(graph: Any) -> list[int]:
        found = []
        for here, there in pairs:
            try:
                found.append(len(nx.shortest_path(graph, here, there)))
            except nx.NetworkXNoPath:
                found.append(0)
        return found

    asked: dict[str, Callable[[Any], Any]] = {
        "shortest_path": lengths,
        "has_path": lambda graph: [nx.has_path(graph, *pair) for pair in pairs],
        "shortest_path_from_one": lambda graph: nx.shortest_path(graph, source),
        "bfs_edges": lambda graph: list(nx.bfs_edges(graph, source)),
        "degree_centrality": nx.degree_centrality,
        "pagerank": nx.pagerank,
    }
    if not view.is_directed():
        asked["connected_components"] = lambda graph: list(nx.connected_components(graph))
    return asked


def equal(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, dict) and isinstance(next(iter(ours.values())), float):
        gap = max(abs(ours[node] - theirs[node]) for node in theirs)
        return list(ours) == list(theirs) and gap < 1e-9
    if isinstance(ours, dict):  # ties may be broken otherwise: the networkx graph has another order
        return {n: len(p) for n, p in ours.items()} == {n: len(p) for n, p in theirs.items()}
    if ours and isinstance(ours[0], tuple):
        return {child for _, child in ours} == {child for _, child in theirs}
    return bool(ours == theirs)


def main(path: str) -> None:
    graph = open_graph(Path(path))
    for directed in (False, True):
        kind = "directed" if directed else "undirected"
        opened, view = seconds(to_nx_view, graph, directed=directed)
        merged, edges = seconds(view.number_of_edges)
        out, into = view.columns.out, view.columns.into
        held = {id(c): c.nbytes for a in (out, into) for c in vars(a).values()}
        converted, theirs = seconds(plain, view)
        record(f"nx.{kind}.open", 1000 * opened, "ms", nodes=len(view), edges=edges)
        record(f"nx.{kind}.first_use.ratio_to_networkx", merged / converted, "ratio",
               ours_ms=round(1000 * merged), networkx_ms=round(1000 * converted),
               view_mb=round(sum(held.values()) / 2**20, 1))  # fmt: skip
        gc.collect()
        gc.freeze()  # or the collector walks millions of networkx's dictionaries at random times
        for name, ask in questions(view).items():
            runs = [(seconds(ask, view), seconds(ask, theirs)) for _ in range(RUNS)]
            if not all(equal(ours[1], other[1]) for ours, other in runs):
                raise SystemExit(f"{name}: the answers differ")
            ratio = statistics.median(ours[0] / other[0] for ours, other in runs)
            record(f"nx.{kind}.{name}.ratio_to_networkx", ratio, "ratio",
                   ours_ms=round(1000 * statistics.median(r[0][0] for r in runs), 2),
                   networkx_ms=round(1000 * statistics.median(r[1][0] for r in runs), 2),
                   of=PAIRS if name in ("shortest_path", "has_path") else 1)  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1])
