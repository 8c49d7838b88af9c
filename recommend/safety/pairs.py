"""The rules that a graph's edges hold, a node at a time.

An edge table of a merged graph holds a hundred thousand pairs, and a patient asks about a few of
them; so a pair's rules are made when one of its nodes is first asked for, and kept.
"""

import json
from collections.abc import Iterable, Mapping

import numpy as np

from kg.errors import UnknownNodeError
from kg.graph import Graph, Rows
from kg.schema import EdgeType
from recommend.safety.tables import SEVERITIES, Rule, to_rule


class PairTable:
    """What sources say of pairs of nodes: the assertions of one edge type as rules."""

    def __init__(self, graph: Graph, edge_type: EdgeType, *, both_ways: bool = False) -> None:
        """The rules of a graph.

        Args:
            graph: may lack the edge type; the table is then empty.
            edge_type: whose assertions state severities.
            both_ways: whether a pair is found from either of its nodes.
        """
        self._graph, self._type, self._both_ways = graph, edge_type, both_ways
        self._table = graph.edge_tables.get(edge_type)
        self._of: dict[str, Mapping[str, tuple[Rule, ...]]] = {}
        self._to: dict[str, Mapping[str, tuple[Rule, ...]]] = {}
        self._rules: dict[tuple[int, int], Rule] = {}  # details row, provenance row
        self._ids = {
            side: ids_of(graph, side) for side in dict.fromkeys((edge_type.head, edge_type.tail))
        }

    def of(self, node_id: str) -> Mapping[str, tuple[Rule, ...]]:
        """Partner -> what is said of the pair, for a head node, or either where both ways."""
        found = self._of.get(node_id)
        if found is None:
            found = self._of[node_id] = self._read(node_id, True, self._both_ways)
        return found

    def to(self, node_id: str) -> Mapping[str, tuple[Rule, ...]]:
        """Head -> what is said of the pair, for a tail node."""
        found = self._to.get(node_id)
        if found is None:
            found = self._to[node_id] = self._read(node_id, False, True)
        return found

    def __len__(self) -> int:
        return 0 if self._table is None else len(self._table)

    def _read(self, node_id: str, as_head: bool, as_tail: bool) -> dict[str, tuple[Rule, ...]]:
        if self._table is None:
            return {}
        result: dict[str, tuple[Rule, ...]] = {}
        if as_head and (row := _row(self._graph, self._type.head, node_id)) is not None:
            edges = self._table.of_head(row)
            result |= self._said(self._type.tail, self._table.tail[edges], edges)
        if as_tail and (row := _row(self._graph, self._type.tail, node_id)) is not None:
            edges = self._table.of_tail(row)
            result |= self._said(self._type.head, self._table.head_of(edges), edges)
        return result

    def _said(self, node_type: str, partners: Rows, edges: Rows) -> dict[str, tuple[Rule, ...]]:
        """The rules of ``edges`` by the partner at each one's other end."""
        ids = list(map(self._ids[node_type].__getitem__, partners.tolist()))
        said = self._graph.assertion_tables[self._type]
        if said.uniform >= 0:
            return dict.fromkeys(ids, (self._rule(-1, said.uniform),))
        starts = np.searchsorted(said.edge, edges).tolist()
        ends = np.searchsorted(said.edge, edges, side="right").tolist()
        return {
            partner: tuple(
                self._rule(int(said.details[i]), int(said.provenance[i])) for i in range(start, end)
            )
            for partner, start, end in zip(ids, starts, ends, strict=True)
        }

    def _rule(self, details: int, provenance: int) -> Rule:
        key = (details, provenance)
        if key not in self._rules:
            row = json.loads(self._graph.details[details].as_py()) if details >= 0 else {}
            source = self._graph.provenances[provenance].source
            self._rules[key] = to_rule({**row, "source": source})
        return self._rules[key]


class Ancestors:
    """Node -> everything that an is-a relation puts above it, found when asked for."""

    def __init__(self, graph: Graph, edge_type: EdgeType) -> None:
        self._graph, self._type = graph, edge_type
        self._seen: dict[str, frozenset[str]] = {}

    def get(self, node_id: str, default: frozenset[str] = frozenset()) -> frozenset[str]:
        """The ancestors; ``default`` for a node without any."""
        found = self._seen.get(node_id)
        if found is None:
            found = self._seen[node_id] = self._climb(node_id)
        return found or default

    def _climb(self, node_id: str) -> frozenset[str]:
        table = self._graph.edge_tables.get(self._type)
        start = _row(self._graph, self._type.head, node_id)
        if table is None or start is None:
            return frozenset()
        seen: set[int] = set()
        stack = [start]
        while stack:
            direct = table.tail[table.of_head(stack.pop())].tolist()
            stack += [row for row in direct if row not in seen]
            seen.update(direct)
        ids = self._graph.ids[self._type.tail]
        return frozenset(ids[row].as_py() for row in seen - {start})


def decide(rules: Iterable[Rule]) -> Rule | None:
    """The worst that is stated, with all who state it; None where nobody says anything.

    A severity that a source leaves open counts only where no source states one.
    """
    said = list(rules)
    if not said:
        return None
    stated = [rule for rule in said if rule.severity != "unknown"] or said
    if len(stated) == 1:
        return stated[0]
    first = min(stated, key=lambda rule: SEVERITIES.index(rule.severity))
    same = [rule for rule in stated if rule.severity == first.severity]
    sources = "; ".join(dict.fromkeys(rule.source for rule in same))
    return Rule(first.severity, first.text, sources, first.topical, first.stated_by)


def pairs_of(graph: Graph, edge_type: EdgeType) -> list[tuple[str, str]]:
    """Head and tail of every edge of a small table."""
    table = graph.edge_tables.get(edge_type)
    if table is None:
        return []
    heads, tails = ids_of(graph, edge_type.head), ids_of(graph, edge_type.tail)
    rows = zip(table.head.tolist(), table.tail.tolist(), strict=True)
    return [(heads[head], tails[tail]) for head, tail in rows]


def ids_of(graph: Graph, node_type: str) -> list[str]:
    """The identifiers of a node type by row. Cheaper than the column's own ``take``.

    That one imports pyarrow.compute, which takes longer than all rules together.
    """
    ids = graph.ids.get(node_type)
    return [] if ids is None else ids.to_pylist()


def _row(graph: Graph, node_type: str, node_id: str) -> int | None:
    try:
        return graph.row(node_type, node_id)
    except UnknownNodeError:
        return None
