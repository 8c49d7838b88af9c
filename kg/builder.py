"""Merge what the sources yield into one graph.

Nodes are merged by CURIE. An edge that several sources assert is stored once, with every assertion.
Rows that cannot be used are refused with file, line and reason, and the build goes on. Sources that
speak of nodes which others bring (their ``stage`` says so) are read after these, and what they say
of nodes that nobody brings is left out and counted. Where a node is given two names or an edge two
severities, all are kept, the report lists them, and the source named first is shown first. That
apart, the order of the rows in a source leaves no trace in the graph or its fingerprint.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa

from kg.columns import (
    EdgeRecords,
    assertion_order,
    edge_table,
    label_table,
    renumber,
    severities,
)
from kg.errors import SourceError
from kg.graph import Graph, Provenance, Rows
from kg.names import key
from kg.names.index import index_names
from kg.register import Register, is_text
from kg.schema import NODES, EdgeType, is_edge_type
from kg.sources.base import (
    EdgeBatch,
    LabelBatch,
    NodeBatch,
    Refusal,
    Source,
    StatementBatch,
    Term,
    TermBatch,
)
from kg.store import fingerprint
from kg.terms import Hierarchy, Place, as_nodes, doubtful_codes

Progress = Callable[[str, int], None]  # what was read, how many rows of it

_FEW = 20  # refused rows, up to which nobody doubts the whole source


class Conflict(NamedTuple):
    """Two sources, or two rows of one, that say different things of one node or edge."""

    what: str  # "two names" or "two severities"
    file: str  # where the second name stands; empty for edges
    line: int
    subject: str  # a node, or head, relation and tail of an edge
    shown: str  # by precedence
    other: str


@dataclass
class BuildReport:
    """What was read, merged, left out and refused.

    Attributes:
        read: (source, node or edge type) -> rows read.
        merged: (source, node or edge type) -> rows that repeated an earlier one.
        left_out: (source, identifier or name) -> rows about a node that no source brings.
        conflicts: where sources differ.
        refused: rows that cannot be used.
    """

    read: Counter[tuple[str, str]] = field(default_factory=Counter)
    merged: Counter[tuple[str, str]] = field(default_factory=Counter)
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)
    conflicts: list[Conflict] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Counts as JSON values."""
        left_out: Counter[str] = Counter()
        for (source, _), n in self.left_out.items():
            left_out[source] += n
        return {
            "read": {"/".join(k): n for k, n in sorted(self.read.items())},
            "merged": {"/".join(k): n for k, n in sorted(self.merged.items())},
            "left_out": dict(sorted(left_out.items())),
            "conflicts": dict(sorted(Counter(c.what for c in self.conflicts).items())),
            "refused": len(self.refused),
        }


@dataclass(frozen=True)
class BuildResult:
    """A graph in memory and the report of how it came about."""

    graph: Graph
    report: BuildReport


Terms = Literal["auto", "names", "nodes"]


def build(
    sources: Sequence[Source], *, terms: Terms = "auto", progress: Progress | None = None
) -> BuildResult:
    """Read ``sources`` and merge them into one graph.

    Args:
        sources: adapters in the order of their precedence: what an earlier one says is shown first.
        terms: what the terms of an ontology become. ``nodes``: nodes. ``names``: names of nodes
            that other sources bring; a term without a node of its own leads, graded as broader, to
            its nearest ancestors that have one (:func:`kg.climb.may_climb` permitting). ``auto``:
            names where a source brings nodes of the type, else nodes.
        progress: called with a source's name and a number of rows after each batch.

    Raises:
        SourceError: a source is not what it says, or nothing was read at all.
    """
    builder = _Builder([source.name for source in sources], terms)
    for source in sorted(sources, key=lambda source: source.stage):
        builder.begin(source.name, source.stage)
        n_rows = 0
        for batch in source.read():
            rows = builder.add(batch)
            n_rows += rows
            if progress is not None:
                progress(source.name, rows)
        builder.end(n_rows)
        builder.sources[source.name] = {"licence": source.licence, **source.version()}
    graph = builder.finish()
    if graph.n_nodes() == 0:
        raise SourceError("the sources gave no node at all")
    return BuildResult(graph, builder.report)


class _Builder:
    def __init__(self, order: Sequence[str], terms: Terms) -> None:
        self.report = BuildReport()
        self.sources: dict[str, Mapping[str, Any]] = {}
        self._ranks = {name: rank for rank, name in enumerate(dict.fromkeys(order))}
        self._terms = terms
        self._register = Register()
        self._edges: dict[EdgeType, EdgeRecords] = {}
        self._provenances: dict[Provenance, int] = {}  # the reverse of _said
        self._said: list[Provenance] = []
        self._details: dict[str, int] = {}
        self._statements: dict[str, list[Mapping[str, str]]] = {}
        # Of the source being read:
        self._source = ""
        self._stage = 0
        self._brought: frozenset[str] = frozenset()  # node types, by sources of stage 0
        self._refused_before = 0

    def begin(self, source: str, stage: int) -> None:
        if stage and not self._stage:
            self._brought = frozenset(t for t, nodes in self._register.types.items() if nodes.names)
        self._source, self._stage = source, stage
        self._register.begin()
        self._refused_before = len(self.report.refused)

    def end(self, n_rows: int) -> None:
        refused = self.report.refused[self._refused_before :]
        if len(refused) > _FEW and 2 * len(refused) > n_rows:
            raise SourceError(
                f"{self._source}: {len(refused):,} of {n_rows:,} rows cannot be used: not what it "
                f"says it is; the first is {refused[0].file} line {refused[0].line}: "
                f"{refused[0].reason}"
            )

    def add(self, batch: object) -> int:
        match batch:
            case NodeBatch():
                self._add_nodes(batch)
                return len(batch.ids)
            case EdgeBatch():
                self._add_edges(batch)
                return len(batch.heads)
            case LabelBatch():
                self._add_labels(batch)
                return len(batch.rows)
            case TermBatch():
                self._add_terms(batch)
                return len(batch.terms)
            case StatementBatch():
                self._add_statements(batch)
                return len(batch.rows)
            case Refusal():
                self.report.refused.append(batch)
                return 1
        raise TypeError(f"a source yielded {type(batch).__name__}, not a batch")

    def _refuse(self, file: str, line: int, reason: str) -> None:
        self.report.refused.append(Refusal(file, int(line), reason))

    def _unknown(self, file: str, line: int, what: str, node_type: str, given: str) -> None:
        """Refuse a row about a node that nobody brings, or count it as left out."""
        if self._stage:
            self.report.left_out[self._source, given] += 1
        else:
            self._refuse(file, line, f"{what} unknown {node_type} {given!r}")

    def _provenance(self, provenance: Provenance) -> int:
        if provenance not in self._provenances:
            self._provenances[provenance] = len(self._said)
            self._said.append(provenance)
        return self._provenances[provenance]

    def _add_nodes(self, batch: NodeBatch) -> None:
        if batch.type not in NODES:
            raise SourceError(
                f"{batch.file}: nobody knows the node kind {batch.type!r}; "
                f"known are {', '.join(NODES)}"
            )
        nodes = self._register.of_type(batch.type)
        provenance = self._provenance(batch.provenance)
        place: list[int] = []
        merged = 0
        for line, native, node_id, name in zip(
            batch.lines, batch.keys, batch.ids, batch.names, strict=True
        ):
            reason = self._register.refuse(batch.type, node_id, name)
            if reason:
                self._refuse(batch.file, line, reason)
                place.append(-1)
                continue
            known = len(nodes.names)
            row = self._register.add(batch.type, native, node_id, name, provenance)
            place.append(row)
            if row < known:
                merged += 1
                place_of_name = (batch.file, int(line))
                self._merge_name(batch.type, row, (node_id, name, provenance), place_of_name)
        for position, kind, text in batch.labels:
            if place[position] >= 0:
                reason = self._register.label((batch.type, place[position]), kind, text, provenance)
                if reason:
                    self._refuse(batch.file, batch.lines[position], reason)
        self.report.read[self._source, batch.type] += len(batch.ids)
        if merged:
            self.report.merged[self._source, batch.type] += merged

    def _merge_name(
        self, node_type: str, row: int, given: tuple[str, str, int], place: tuple[str, int]
    ) -> None:
        node_id, name, provenance = given
        nodes = self._register.of_type(node_type)
        if self._rank(provenance) < self._rank(nodes.provenances[row]):  # it is shown instead
            name, nodes.names[row] = nodes.names[row], name
            provenance, nodes.provenances[row] = nodes.provenances[row], provenance
        shown = nodes.names[row]
        if key(name) != key(shown):
            self.report.conflicts.append(Conflict("two names", *place, node_id, shown, name))
        if provenance != nodes.provenances[row]:
            self._register.label((node_type, row), "id", node_id, provenance)
        if name != shown:
            self._register.label((node_type, row), "synonym", name, provenance)
        elif provenance != nodes.provenances[row]:
            self._register.label((node_type, row), "name", name, provenance)

    def _rank(self, provenance: int) -> int:
        """The place of a provenance's source in the order of precedence."""
        return self._ranks.get(self._said[provenance].source, len(self._ranks))

    def _add_labels(self, batch: LabelBatch) -> None:
        provenance = self._provenance(batch.provenance)
        for line, node_id, kind, text in batch.rows:
            found = self._register.find(node_id)
            if found is None:
                self._unknown(batch.file, line, f"{kind} for", "node", node_id)
                continue
            reason = self._register.label(found, kind, text, provenance)
            if reason:
                self._refuse(batch.file, line, reason)
        self.report.read[self._source, "labels"] += len(batch.rows)

    def _add_terms(self, batch: TermBatch) -> None:
        hierarchy = Hierarchy(batch.terms)
        if self._terms == "nodes" or (self._terms == "auto" and batch.type not in self._brought):
            self._add_nodes(as_nodes(batch))
            self._add_edges(hierarchy.edges(batch, {t.id: Place(t.id, "id") for t in batch.terms}))
            return
        places = {
            term.id: place for term in batch.terms if (place := self._place(batch.type, term))
        }
        provenance = self._provenance(batch.provenance)
        nodes = self._register.of_type(batch.type)
        for line, node, kind, text, distance in hierarchy.labels(places):
            reason = self._register.label(
                (batch.type, nodes.rows[node]), kind, text, provenance, distance
            )
            if reason:
                self._refuse(batch.file, line, reason)
        self._add_edges(hierarchy.edges(batch, places))
        self.report.read[self._source, batch.type] += len(batch.terms)

    def _place(self, node_type: str, term: Term) -> Place | None:
        """The node that a term is: by its id, or by a cross-reference to or from one node."""
        if term.id in self._register.of_type(node_type).rows:
            return Place(term.id, "id")
        rows = {self._register.find_code(node_type, term.id)}
        rows |= {self._register.of_type(node_type).rows.get(code) for code in term.codes}
        found = [row for row in rows if row is not None]
        return Place(self._register.id_of(node_type, found[0]), "xref") if len(found) == 1 else None

    def _add_edges(self, batch: EdgeBatch) -> None:
        if not is_edge_type(batch.type):
            raise SourceError(f"{batch.file}: nobody knows the edge type {batch.type}")
        heads = self._register.rows(batch.type.head, batch.heads, batch.by)
        tails = self._register.rows(batch.type.tail, batch.tails, batch.by)
        good = (heads >= 0) & (tails >= 0)
        if not good.all():
            for i in np.flatnonzero(~good).tolist():
                missing = batch.heads[i] if heads[i] < 0 else batch.tails[i]
                node_type = batch.type.head if heads[i] < 0 else batch.type.tail
                what = f"{batch.type.relation} edge to"
                self._unknown(
                    batch.file, int(batch.lines[i]), what, node_type, str(missing.as_py())
                )
            heads, tails = heads[good], tails[good]
        pieces = self._edges.setdefault(batch.type, EdgeRecords())
        details = None
        if batch.details is not None:
            codes = [self._detail(d) for d, ok in zip(batch.details, good, strict=True) if ok]
            details = np.array(codes, np.int32)
        pieces.heads.append(heads)
        pieces.tails.append(tails)
        pieces.provenances.append(self._provenance(batch.provenance))
        pieces.details.append(details)
        self.report.read[self._source, str(batch.type)] += len(good)

    def _detail(self, detail: Mapping[str, Any]) -> int:
        if not detail:
            return -1
        text = json.dumps(detail, ensure_ascii=False, sort_keys=True)
        return self._details.setdefault(text, len(self._details))

    def _add_statements(self, batch: StatementBatch) -> None:
        rows = self._statements.setdefault(batch.kind, [])
        by_name = {
            column: self._register.rows(
                node_type, pa.array([row[column] for row in batch.rows], pa.string()), "name"
            ).tolist()
            for column, node_type in batch.names.items()
        }
        for i, (line, row) in enumerate(zip(batch.lines, batch.rows, strict=True)):
            found = {name: self._register.find(row[name]) for name in batch.nodes}
            for column, places in by_name.items():
                found[column] = (batch.names[column], places[i]) if places[i] >= 0 else None
            missing = [row[name] for name, place in found.items() if place is None]
            if missing:
                self._unknown(batch.file, line, f"{batch.kind} statement about", "node", missing[0])
                continue
            if not all(map(is_text, row.values())):
                self._refuse(batch.file, line, f"{batch.kind} statement with half a character")
                continue
            ids = {name: self._register.id_of(*place) for name, place in found.items() if place}
            rows.append({**row, **ids, "source": self._source})
        self.report.read[self._source, batch.kind] += len(batch.rows)

    def finish(self) -> Graph:
        new_rows: dict[str, Rows] = {}
        ids: dict[str, pa.StringArray] = {}
        names: dict[str, pa.StringArray] = {}
        types = self._register.types
        before, after = doubtful_codes(self._register.of_type("Disease"), self._said)
        types["Disease"].labels = types["Disease"].labels - before | after
        for node_type in sorted(t for t, nodes in types.items() if nodes.names):
            nodes = types[node_type]
            ordered = sorted(nodes.rows, key=str.encode)
            old = np.fromiter((nodes.rows[i] for i in ordered), np.int32, len(ordered))
            new_rows[node_type] = np.empty(len(ordered), np.int32)
            new_rows[node_type][old] = np.arange(len(ordered), dtype=np.int32)
            ids[node_type] = pa.array(ordered, pa.string())
            names[node_type] = pa.array([nodes.names[row] for row in old.tolist()], pa.string())
        provenances = sorted(
            self._said, key=lambda p: (self._ranks.get(p.source, len(self._ranks)), astuple(p))
        )
        details = sorted(self._details)
        codes = (renumber(self._provenances, provenances), renumber(self._details, details))
        order = assertion_order(provenances, details)
        edge_tables, assertion_tables = {}, {}
        for edge_type in sorted(self._edges):
            built = edge_table(edge_type, self._edges.pop(edge_type), new_rows, codes, order)
            if built is None:
                continue
            edge_tables[edge_type], assertion_tables[edge_type], repeats = built
            if repeats:
                self.report.merged["all sources", str(edge_type)] += repeats
        graph = Graph(
            ids=ids,
            names=names,
            edge_tables=edge_tables,
            assertion_tables=assertion_tables,
            provenances=provenances,
            details=pa.array(details, pa.string()),
            labels=label_table(ids, types, new_rows, codes[0]),
            statements={
                kind: sorted(rows, key=lambda row: sorted(row.items()))
                for kind, rows in sorted(self._statements.items())
            },
            sources={name: self.sources[name] for name in self._ranks},
            fingerprint="",
        )
        graph.validate()
        told = dict.fromkeys(severities(graph))
        self.report.conflicts += [Conflict("two severities", "", 0, *row) for row in told]
        graph = replace(graph, index=index_names(graph).to_arrays())
        return replace(graph, fingerprint=fingerprint(graph))
