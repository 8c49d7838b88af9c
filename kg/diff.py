"""What changed between two graphs: nodes, edges and statements added, removed and changed.

Nodes are the same where type and identifier are; edges where type and both ends are. A node is
changed if its name or the texts that lead to it differ; an edge if what is said of it does: by
whom, with which licence, level and agent, with which details. In what order, and who says a text of
a node, is no change. So ``diff(a, a)`` is empty, and ``diff(b, a)`` mirrors ``diff(a, b)``.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.graph import LABEL_KINDS, AssertionTable, Graph, Rows
from kg.schema import EdgeType

if TYPE_CHECKING:
    import pyarrow as pa

Codes = NDArray[np.int64]
Statement = Mapping[str, str]


class Change(NamedTuple):
    """What became of the nodes or edges of one type."""

    added: Rows  # rows or edge numbers in the new graph, ascending
    removed: Rows  # in the old graph, ascending
    changed: Rows  # (n, 2) the same node or edge in the old and in the new graph

    def sizes(self) -> dict[str, int]:
        """How many of each, where there are any."""
        sizes = {kind: len(rows) for kind, rows in self._asdict().items()}
        return {kind: size for kind, size in sizes.items() if size}


@dataclass(frozen=True, eq=False)
class Diff:
    """The difference of two graphs; types in which nothing changed are left out."""

    old: Graph
    new: Graph
    nodes: Mapping[str, Change]
    edges: Mapping[EdgeType, Change]
    added_statements: Mapping[str, Sequence[Statement]]  # kind -> rows that only the new graph has
    removed_statements: Mapping[str, Sequence[Statement]]

    @cached_property
    def counts(self) -> dict[str, dict[str, dict[str, int]]]:
        """nodes, edges, statements -> type -> added, removed, changed -> how many, as JSON."""
        statements: dict[str, dict[str, int]] = {}
        for change, rows in (
            ("added", self.added_statements),
            ("removed", self.removed_statements),
        ):
            for kind, each in rows.items():
                statements.setdefault(kind, {})[change] = len(each)
        return {
            "nodes": {node_type: change.sizes() for node_type, change in self.nodes.items()},
            "edges": {str(edge_type): change.sizes() for edge_type, change in self.edges.items()},
            "statements": statements,
        }

    @property
    def is_empty(self) -> bool:
        """Whether nothing changed."""
        return not any(self.counts.values())


def diff(old: Graph, new: Graph) -> Diff:
    """What one has to change in ``old`` to get ``new``."""
    places = {t: _places(old, new, t) for t in sorted({*old.node_types, *new.node_types})}
    relabelled = _relabelled(old, new, places)
    nodes = {t: _node_change(old, new, t, place, relabelled) for t, place in places.items()}
    codes = _assertion_codes(old, new)
    edge_types = sorted({*old.edge_types, *new.edge_types})
    edges = {e: _edge_change(old, new, e, places, codes) for e in edge_types}
    before = {kind: _counted(rows) for kind, rows in old.statements.items()}
    after = {kind: _counted(rows) for kind, rows in new.statements.items()}
    return Diff(
        old,
        new,
        {t: change for t, change in nodes.items() if change.sizes()},
        {e: change for e, change in edges.items() if change.sizes()},
        _more(after, before),
        _more(before, after),
    )


def _places(old: Graph, new: Graph, node_type: str) -> Rows:
    """The row in the new graph of every node of the old one, or -1."""
    import pyarrow as pa
    import pyarrow.compute as pc

    none = pa.array([], pa.string())
    found = pc.index_in(old.ids.get(node_type, none), value_set=new.ids.get(node_type, none))
    places: Rows = pc.fill_null(found, -1).to_numpy(zero_copy_only=False).astype(np.int32)
    return places


def _node_change(
    old: Graph, new: Graph, node_type: str, place: Rows, relabelled: NDArray[np.bool_]
) -> Change:
    import pyarrow as pa
    import pyarrow.compute as pc

    kept = np.flatnonzero(place >= 0)
    added = np.setdiff1d(np.arange(new.n_nodes(node_type), dtype=np.int32), place)
    changed = np.zeros(len(kept), bool)
    if len(kept):
        names = old.names[node_type].take(pa.array(kept))
        others = new.names[node_type].take(pa.array(place[kept]))
        changed = pc.not_equal(names, others).to_numpy(zero_copy_only=False)
        changed = changed | relabelled[new.offsets[node_type] + place[kept]]
    kept = kept[changed].astype(np.int32)
    removed = np.flatnonzero(place < 0).astype(np.int32)
    return Change(added, removed, np.stack([kept, place[kept]], axis=1))


def _relabelled(old: Graph, new: Graph, places: Mapping[str, Rows]) -> NDArray[np.bool_]:
    """(nodes of the new graph,) whether other texts lead to the node than in the old one."""
    number = np.full(old.n_nodes(), -1, np.int64)  # global in old -> global in new
    for node_type, start in old.offsets.items():
        place = places[node_type]
        there = new.offsets.get(node_type, 0)
        number[start : start + len(place)] = np.where(place < 0, -1, place + there)
    texts, n_texts = _joint(old.labels.text, new.labels.text)
    keys = []
    for graph, nodes, text in (
        (old, number[old.labels.node], texts[0]),
        (new, new.labels.node.astype(np.int64), texts[1]),
    ):
        labels = graph.labels
        key = (nodes * len(LABEL_KINDS) + labels.kind) * 128 + labels.distance
        keys.append(np.unique(key[nodes >= 0] * n_texts + text[nodes >= 0]))
    result = np.zeros(new.n_nodes(), bool)
    result[
        np.setxor1d(keys[0], keys[1], assume_unique=True) // (len(LABEL_KINDS) * 128 * n_texts)
    ] = True
    return result


def _joint(old: "pa.StringArray", new: "pa.StringArray") -> tuple[tuple[Codes, Codes], int]:
    """The same number for the same text in both, and how many there are (at least 1)."""
    import pyarrow as pa

    coded = pa.concat_arrays([old, new]).dictionary_encode()
    codes = coded.indices.to_numpy().astype(np.int64)
    return (codes[: len(old)], codes[len(old) :]), max(len(coded.dictionary), 1)


class _Said(NamedTuple):
    """The provenances and details of one graph, numbered as in the other."""

    provenances: Codes
    details: Codes  # the last entry stands for "none"
    n_details: int  # one more than there are in both graphs
    n_said: int  # how many pairs of both there can be

    def of(self, table: AssertionTable, number: Codes) -> Codes:
        """A key for each assertion of the edges that are in both graphs, sorted, each once.

        Args:
            table: the assertions of one edge type.
            number: (m,) a number for each edge that is in both, -1 for the others.
        """
        if table.uniform >= 0:
            edge = number[number >= 0]
            pair = np.full(len(edge), self._pair(table.uniform, -1))
        else:
            edge, pair = number[table.edge], self._pair(table.provenance, table.details)
            edge, pair = edge[edge >= 0], pair[edge >= 0]
        return np.unique(edge * self.n_said + pair)

    def _pair(self, provenance: Any, details: Any) -> Any:
        return self.provenances[provenance] * self.n_details + self.details[details]


def _assertion_codes(old: Graph, new: Graph) -> tuple[_Said, _Said]:
    numbers = {p: i for i, p in enumerate(dict.fromkeys([*old.provenances, *new.provenances]))}
    details, n_details = _joint(old.details, new.details)
    n_said = len(numbers) * (n_details + 1)
    said = [
        _Said(
            np.array([numbers[p] for p in graph.provenances], np.int64),
            np.append(codes, n_details),
            n_details + 1,
            n_said,
        )
        for graph, codes in zip((old, new), details, strict=True)
    ]
    return said[0], said[1]


def _edge_change(
    old: Graph,
    new: Graph,
    edge_type: EdgeType,
    places: Mapping[str, Rows],
    codes: tuple[_Said, _Said],
) -> Change:
    none = np.empty(0, np.int32)
    if edge_type not in new.edge_tables:
        return Change(none, _numbers(old, edge_type), none.reshape(0, 2))
    if edge_type not in old.edge_tables:
        return Change(_numbers(new, edge_type), none, none.reshape(0, 2))
    before, after = old.edges(edge_type), new.edges(edge_type)
    # Rows follow identifiers, so an edge that stays keeps its place among those that stay, and the
    # smaller end of a symmetric one stays the smaller.
    head, tail = places[edge_type.head][before.head], places[edge_type.tail][before.tail]
    n_tails = new.n_nodes(edge_type.tail)
    pairs = after.head.astype(np.int64) * n_tails + after.tail
    wanted = np.where((head < 0) | (tail < 0), -1, head.astype(np.int64) * n_tails + tail)
    if np.array_equal(pairs, wanted):  # the common case, without a search
        found = np.arange(len(pairs))
    else:
        found = np.searchsorted(pairs, wanted)
    same = (found < len(pairs)) & (pairs[np.minimum(found, len(pairs) - 1)] == wanted)
    kept_old = np.flatnonzero(same).astype(np.int32)
    kept_new = found[same].astype(np.int32)
    added = np.setdiff1d(_numbers(new, edge_type), kept_new, assume_unique=True)
    changed = _said_otherwise(old, new, edge_type, (kept_old, kept_new), codes)
    return Change(
        added,
        np.flatnonzero(~same).astype(np.int32),
        np.stack([kept_old[changed], kept_new[changed]], axis=1),
    )


def _said_otherwise(
    old: Graph, new: Graph, edge_type: EdgeType, kept: tuple[Rows, Rows], codes: tuple[_Said, _Said]
) -> Codes:
    """Which of the edges ``kept`` (in old, in new) have other assertions in the two graphs."""
    tables = old.assertion_tables[edge_type], new.assertion_tables[edge_type]
    if all(table.uniform >= 0 for table in tables):
        sources = [c.provenances[t.uniform] for c, t in zip(codes, tables, strict=True)]
        return np.arange(len(kept[0]) if sources[0] != sources[1] else 0)
    said = []
    for table, edges, code in zip(tables, kept, codes, strict=True):
        number = np.full(int(max(edges.max(initial=-1), table.edge.max(initial=-1))) + 1, -1)
        number[edges] = np.arange(len(edges))
        said.append(code.of(table, number))
    return np.unique(np.setxor1d(said[0], said[1], assume_unique=True) // codes[0].n_said)


def _numbers(graph: Graph, edge_type: EdgeType) -> Rows:
    return np.arange(len(graph.edges(edge_type)), dtype=np.int32)


def _counted(rows: Sequence[Statement]) -> Counter[str]:
    return Counter(json.dumps(row, sort_keys=True, ensure_ascii=False) for row in rows)


def _more(
    these: Mapping[str, Counter[str]], those: Mapping[str, Counter[str]]
) -> dict[str, list[Statement]]:
    """What ``these`` have more than ``those``, sorted."""
    more = {kind: rows - those.get(kind, Counter()) for kind, rows in sorted(these.items())}
    return {
        kind: [json.loads(text) for text in sorted(rows.elements())]
        for kind, rows in more.items()
        if rows
    }
