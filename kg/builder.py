"""Sources to one graph: nodes merged by CURIE, edges by head, relation and tail.

An edge that several sources assert is stored once, with every assertion. Rows that cannot be used
are refused with file, line and reason, and the build goes on. Where a node is given two names, the
one read first is shown and the other becomes a synonym; the report lists the pair. That apart, the
order of the rows in a source leaves no trace in the graph or its fingerprint.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from kg.columns import EdgeRecords, NodeRecords, edge_table, label_table, renumber
from kg.errors import SourceError
from kg.graph import (
    LABEL_KINDS,
    Graph,
    Provenance,
    Rows,
)
from kg.identifiers import is_curie
from kg.names import key
from kg.schema import EDGES, NODES, EdgeType
from kg.sources.base import (
    EdgeBatch,
    LabelBatch,
    NodeBatch,
    Refusal,
    Source,
    StatementBatch,
)
from kg.store import fingerprint

Progress = Callable[[str, int], None]  # what was read, how many rows of it
Place = tuple[str, int]  # file, line

_FEW = 20  # refused rows, up to which nobody doubts the whole source
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # unprintable, and not allowed in XML


class Conflict(NamedTuple):
    """A node to which two names were given."""

    file: str  # where the second name stands
    line: int
    node: str
    shown: str  # the first, which is shown
    other: str  # the second, which became a synonym


@dataclass
class BuildReport:
    """What was read, merged and refused.

    Attributes:
        read: (source, node or edge type) -> rows read.
        merged: (source, node or edge type) -> rows that repeated an earlier one.
        conflicts: nodes to which two names were given.
        refused: rows left out.
    """

    read: Counter[tuple[str, str]] = field(default_factory=Counter)
    merged: Counter[tuple[str, str]] = field(default_factory=Counter)
    conflicts: list[Conflict] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Counts as JSON values."""
        return {
            "read": {"/".join(k): n for k, n in sorted(self.read.items())},
            "merged": {"/".join(k): n for k, n in sorted(self.merged.items())},
            "conflicts": len(self.conflicts),
            "refused": len(self.refused),
        }


@dataclass(frozen=True)
class BuildResult:
    """A graph in memory and the report of how it came about."""

    graph: Graph
    report: BuildReport


def build(sources: Sequence[Source], *, progress: Progress | None = None) -> BuildResult:
    """Read ``sources`` in order and merge them into one graph.

    Args:
        sources: adapters; the earlier ones' names are shown where they differ.
        progress: called with a source's name and a number of rows after each batch.

    Raises:
        SourceError: a source is not what it says, or nothing was read at all.
    """
    builder = _Builder()
    for source in sources:
        builder.begin()
        n_rows = 0
        for batch in source.read():
            rows = builder.add(source.name, batch)
            n_rows += rows
            if progress is not None:
                progress(source.name, rows)
        builder.end(source.name, n_rows)
        builder.sources[source.name] = {"licence": source.licence, **source.version()}
    graph = builder.finish()
    if graph.n_nodes() == 0:
        raise SourceError("the sources gave no node at all")
    return BuildResult(graph, builder.report)


class _Builder:
    def __init__(self) -> None:
        self.report = BuildReport()
        self.sources: dict[str, Mapping[str, Any]] = {}
        self._nodes: dict[str, NodeRecords] = {}
        self._types: dict[str, str] = {}  # id -> node type
        self._edges: dict[EdgeType, EdgeRecords] = {}
        self._provenances: dict[Provenance, int] = {}
        self._details: dict[str, int] = {}
        self._statements: dict[str, list[Mapping[str, str]]] = {}
        self._keys: dict[str, dict[str, int]] = {}  # of the source being read
        self._value_sets: dict[str, tuple[pa.Array, Rows]] = {}
        self._refused_before = 0

    def begin(self) -> None:
        self._keys = {}
        self._value_sets = {}
        self._refused_before = len(self.report.refused)

    def end(self, source: str, n_rows: int) -> None:
        refused = self.report.refused[self._refused_before :]
        if len(refused) > _FEW and 2 * len(refused) > n_rows:
            raise SourceError(
                f"{source}: {len(refused):,} of {n_rows:,} rows cannot be used: not what it says "
                f"it is; the first is {refused[0].file} line {refused[0].line}: "
                f"{refused[0].reason}"
            )

    def add(self, source: str, batch: object) -> int:
        match batch:
            case NodeBatch():
                self._add_nodes(source, batch)
                return len(batch.ids)
            case EdgeBatch():
                self._add_edges(source, batch)
                return len(batch.heads)
            case LabelBatch():
                self._add_labels(source, batch)
                return len(batch.rows)
            case StatementBatch():
                self._add_statements(source, batch)
                return len(batch.rows)
            case Refusal():
                self.report.refused.append(batch)
                return 1
        raise TypeError(f"a source yielded {type(batch).__name__}, not a batch")

    def _add_nodes(self, source: str, batch: NodeBatch) -> None:
        if batch.type not in NODES:
            raise SourceError(
                f"{batch.file}: nobody knows the node kind {batch.type!r}; "
                f"known are {', '.join(NODES)}"
            )
        nodes = self._nodes.setdefault(batch.type, NodeRecords())
        keys = self._keys.setdefault(batch.type, {})
        self._value_sets.pop(batch.type, None)
        place: list[int] = []
        merged = 0
        for line, native, node_id, name in zip(
            batch.lines, batch.keys, batch.ids, batch.names, strict=True
        ):
            reason = self._refuse_node(batch.type, node_id, name)
            if reason:
                self.report.refused.append(Refusal(batch.file, int(line), reason))
                place.append(-1)
                continue
            row = nodes.rows.get(node_id)
            if row is None:
                row = nodes.rows[node_id] = len(nodes.names)
                nodes.names.append(name)
                self._types[node_id] = batch.type
            else:
                merged += 1
                self._merge_name(nodes, row, node_id, name, (batch.file, int(line)))
            keys[native] = row
            place.append(row)
        for position, kind, text in batch.labels:
            if _CONTROL.search(text):
                line, reason = int(batch.lines[position]), f"{kind} with a control character"
                self.report.refused.append(Refusal(batch.file, line, reason))
            elif place[position] >= 0:
                nodes.labels.add((place[position], LABEL_KINDS.index(kind), text))
        self.report.read[source, batch.type] += len(batch.ids)
        if merged:
            self.report.merged[source, batch.type] += merged

    def _refuse_node(self, node_type: str, node_id: str, name: str) -> str | None:
        if not is_curie(node_id):
            return f"identifier {node_id!r} is not a CURIE such as DRUGBANK:DB00331"
        if not (name.isascii() and name.strip()) and not key(name):
            return f"node {node_id} has no name"
        if _CONTROL.search(name):
            return f"the name of node {node_id} holds a control character"
        known = self._types.get(node_id)
        if known is not None and known != node_type:
            return f"node {node_id} is a {known} elsewhere, here a {node_type}"
        return None

    def _merge_name(
        self, nodes: NodeRecords, row: int, node_id: str, name: str, place: Place
    ) -> None:
        shown = nodes.names[row]
        if key(name) != key(shown):
            self.report.conflicts.append(Conflict(*place, node_id, shown, name))
        if name != shown:
            nodes.labels.add((row, LABEL_KINDS.index("synonym"), name))

    def _add_edges(self, source: str, batch: EdgeBatch) -> None:
        if batch.type not in EDGES:
            raise SourceError(f"{batch.file}: nobody knows the edge type {batch.type}")
        heads = self._rows(batch.type.head, batch.heads)
        tails = self._rows(batch.type.tail, batch.tails)
        good = (heads >= 0) & (tails >= 0)
        if not good.all():
            for i in np.flatnonzero(~good).tolist():
                missing = batch.heads[i] if heads[i] < 0 else batch.tails[i]
                node_type = batch.type.head if heads[i] < 0 else batch.type.tail
                self.report.refused.append(
                    Refusal(
                        batch.file,
                        int(batch.lines[i]),
                        f"{batch.type.relation} edge to unknown {node_type} {missing.as_py()!r}",
                    )
                )
            heads, tails = heads[good], tails[good]
        pieces = self._edges.setdefault(batch.type, EdgeRecords())
        details = None
        if batch.details is not None:
            codes = [self._detail(d) for d, ok in zip(batch.details, good, strict=True) if ok]
            details = np.array(codes, np.int32)
        pieces.heads.append(heads)
        pieces.tails.append(tails)
        pieces.provenances.append(
            self._provenances.setdefault(batch.provenance, len(self._provenances))
        )
        pieces.details.append(details)
        self.report.read[source, str(batch.type)] += len(good)

    def _rows(self, node_type: str, keys: pa.Array) -> Rows:
        """Rows of ``keys``: the source's own identifiers first, then CURIEs of any source."""
        import pyarrow.compute as pc

        if node_type not in self._value_sets:
            table = dict(self._nodes[node_type].rows) if node_type in self._nodes else {}
            table.update(self._keys.get(node_type, {}))
            self._value_sets[node_type] = (
                pa.array(list(table), pa.string()),
                np.fromiter(table.values(), np.int32, len(table)),
            )
        values, rows = self._value_sets[node_type]
        if not len(values):
            return np.full(len(keys), -1, np.int32)
        if not pa.types.is_dictionary(keys.type):
            keys = keys.dictionary_encode()
        found = pc.index_in(keys.dictionary, value_set=values)
        positions = pc.fill_null(found, len(rows)).to_numpy(zero_copy_only=False)
        by_word = np.append(rows, np.int32(-1))[positions]
        indices: pa.Array = keys.indices
        if indices.null_count:
            by_word = np.append(by_word, np.int32(-1))
            indices = pc.fill_null(indices, len(by_word) - 1)
        result: Rows = by_word[indices.to_numpy(zero_copy_only=False)]
        return result

    def _detail(self, detail: Mapping[str, Any]) -> int:
        if not detail:
            return -1
        text = json.dumps(detail, ensure_ascii=False, sort_keys=True)
        return self._details.setdefault(text, len(self._details))

    def _add_labels(self, source: str, batch: LabelBatch) -> None:
        for line, node_id, kind, text in batch.rows:
            node_type = self._types.get(node_id)
            if node_type is None or not key(text) or _CONTROL.search(text):
                reason = f"unknown node {node_id!r}" if node_type is None else "an unprintable text"
                self.report.refused.append(Refusal(batch.file, line, f"{kind} for {reason}"))
                continue
            nodes = self._nodes[node_type]
            nodes.labels.add((nodes.rows[node_id], LABEL_KINDS.index(kind), text))
        self.report.read[source, "labels"] += len(batch.rows)

    def _add_statements(self, source: str, batch: StatementBatch) -> None:
        rows = self._statements.setdefault(batch.kind, [])
        for line, row in zip(batch.lines, batch.rows, strict=True):
            missing = [row[name] for name in batch.nodes if row[name] not in self._types]
            if missing:
                reason = f"{batch.kind} statement about unknown node {missing[0]!r}"
                self.report.refused.append(Refusal(batch.file, line, reason))
            else:
                rows.append({**row, "source": source})
        self.report.read[source, batch.kind] += len(batch.rows)

    def finish(self) -> Graph:
        new_rows: dict[str, Rows] = {}
        ids: dict[str, pa.StringArray] = {}
        names: dict[str, pa.StringArray] = {}
        for node_type in sorted(t for t, nodes in self._nodes.items() if nodes.names):
            nodes = self._nodes[node_type]
            ordered = sorted(nodes.rows, key=str.encode)
            old = np.fromiter((nodes.rows[i] for i in ordered), np.int32, len(ordered))
            new_rows[node_type] = np.empty(len(ordered), np.int32)
            new_rows[node_type][old] = np.arange(len(ordered), dtype=np.int32)
            ids[node_type] = pa.array(ordered, pa.string())
            names[node_type] = pa.array([nodes.names[row] for row in old.tolist()], pa.string())
        came = list(dict.fromkeys(p.source for p in self._provenances))
        provenances = sorted(self._provenances, key=lambda p: (came.index(p.source), astuple(p)))
        details = sorted(self._details)
        codes = (renumber(self._provenances, provenances), renumber(self._details, details))
        edge_tables, assertion_tables = {}, {}
        for edge_type in sorted(self._edges):
            built = edge_table(edge_type, self._edges.pop(edge_type), new_rows, codes)
            if built is None:
                continue
            edge_tables[edge_type], assertion_tables[edge_type], repeats = built
            if repeats:
                self.report.merged["all sources", str(edge_type)] += repeats
        labels = {
            t: [(int(rows[old]), kind, text) for old, kind, text in self._nodes[t].labels]
            for t, rows in new_rows.items()
        }
        graph = Graph(
            ids=ids,
            names=names,
            edge_tables=edge_tables,
            assertion_tables=assertion_tables,
            provenances=provenances,
            details=pa.array(details, pa.string()),
            labels=label_table(ids, names, labels),
            statements={
                kind: sorted(rows, key=lambda row: sorted(row.items()))
                for kind, rows in sorted(self._statements.items())
            },
            sources=self.sources,
            fingerprint="",
        )
        graph.validate()
        return replace(graph, fingerprint=fingerprint(graph))
