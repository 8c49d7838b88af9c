"""Every path by hand: sets of pairs, counters, recursion; nothing of matrices or columns."""

from collections import Counter
from collections.abc import Collection, Iterator

from kg.graph import Graph, Node, Provenance
from kg.paths.counts import DAMPING
from kg.schema import EdgeType, Metapath, Step, edge_spec
from tests.kg.random_graphs import EDGE_TYPES

STEPS = [
    Step(edge_type, forward)
    for edge_type in EDGE_TYPES
    for forward in (True, False)
    if forward or not edge_spec(edge_type).symmetric
]


def all_metapaths(longest: int) -> list[Metapath]:
    """Every metapath of up to ``longest`` steps over the edge types of the random graphs."""
    found: list[Metapath] = [(step,) for step in STEPS]
    for metapath in found:
        if len(metapath) < longest:
            found += [(*metapath, step) for step in STEPS if step.source == metapath[-1].target]
    return found


class Walker:
    """Walks a graph, all of it or only what some provenances state."""

    def __init__(self, graph: Graph, stated_by: Collection[Provenance] | None = None) -> None:
        self.graph = graph
        self.pairs: dict[EdgeType, set[tuple[int, int]]] = {}  # whatever the source: for degrees
        self.walked: dict[EdgeType, set[tuple[int, int]]] = {}
        for edge_type in graph.edge_types:
            table = graph.edges(edge_type)
            pairs = list(zip(table.head.tolist(), table.tail.tolist(), strict=True))
            walked = {
                pair
                for edge, pair in enumerate(pairs)
                if stated_by is None
                or any(a.provenance in stated_by for a in graph.assertions(edge_type, edge))
            }
            self.pairs[edge_type] = self._both_ways(edge_type, set(pairs))
            self.walked[edge_type] = self._both_ways(edge_type, walked)

    def walk(
        self,
        metapath: Metapath,
        row: int,
        *,
        through: Collection[Node] = (),
        avoid: Collection[Node] = (),
    ) -> Iterator[tuple[tuple[int, ...], float]]:
        """Rows and weight of each path; only those that meet ``through``, none of ``avoid``."""
        types = [metapath[0].source, *(step.target for step in metapath)]
        for rows, weight in self._walk(metapath, types, (row,), 1.0):
            places = list(zip(types, rows, strict=True))
            inner = {self.graph.node(node_type, row) for node_type, row in places[1:-1]}
            if (not through or inner & set(through)) and not inner & set(avoid):
                yield rows, weight

    def _walk(
        self, metapath: Metapath, types: list[str], rows: tuple[int, ...], weight: float
    ) -> Iterator[tuple[tuple[int, ...], float]]:
        done = len(rows) - 1
        if done == len(metapath):
            yield rows, weight
            return
        step = metapath[done]
        pairs = self.pairs.get(step.edge_type, set())
        heads, tails = Counter(head for head, _ in pairs), Counter(tail for _, tail in pairs)
        seen = {(types[i], row) for i, row in enumerate(rows)}
        for head, tail in self.walked.get(step.edge_type, set()):
            here, there = (head, tail) if step.forward else (tail, head)
            if here == rows[-1] and (step.target, there) not in seen:
                edge_weight = (heads[head] * tails[tail]) ** -DAMPING
                yield from self._walk(metapath, types, (*rows, there), weight * edge_weight)

    @staticmethod
    def _both_ways(edge_type: EdgeType, pairs: set[tuple[int, int]]) -> set[tuple[int, int]]:
        if edge_spec(edge_type).symmetric:
            return pairs | {(tail, head) for head, tail in pairs}
        return pairs
