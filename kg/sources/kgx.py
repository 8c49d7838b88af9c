"""KGX files of a folder (https://github.com/biolink/kgx): TSV or JSON Lines, plain or gzip.

Reads every ``*nodes`` and ``*edges`` file with the suffix ``.tsv`` or ``.jsonl``; there is nothing
to download. Licence: the ``license`` column, else ``licence`` in a ``kgx.toml`` beside the files,
else the edges say that none is stated.

- A node's type is ``node_type`` (our own export) where that fits its categories, else the first of
  ``biolink.CATEGORIES`` that is among them, else Entity. A protein becomes a Gene, a chemical
  a Drug. A node without a name is shown by its identifier.
- An edge's type is ``relation_name`` (our own export) where that fits the predicate; else the
  listed edge type with this predicate, if there is exactly one and the predicate means nothing
  wider; else an open edge type of the predicate's own name. ``affects`` with the qualifiers of a
  rise or fall of a gene's activity or abundance is ``upregulates`` or ``downregulates``.
- A negated edge never becomes a fact: its relation is ``not_`` and the relation.
- ``knowledge_level`` and ``agent_type`` are "not_provided" in older files, which lack them. A
  primary source that is no infores CURIE stays in the details; the provenance says not-provided.
- ``publications`` become the detail ``reference``, ``max_research_phase`` also the detail ``phase``
  ("2", "1 to 2"); a JSON object in ``qualifiers`` (our own export) and all other columns become
  details. Identifiers of edges are not kept.

What our own export loses, reading back cannot restore: product, xref, broader labels, who says a
label, statements, the adapter's name (kept as ``aggregator_knowledge_source``), the keys behind
PubMed ids; and in TSV ``|`` within a list.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from kg.errors import SourceError
from kg.graph import Provenance
from kg.schema import EdgeType
from kg.sources.base import Batch, EdgeBatch, LabelRow, NodeBatch, Refusal
from kg.sources.files import describe
from kg.sources.formats.kgx_records import Record, is_plain, read_records
from kg.sources.formats.toml import check_keys, read_toml
from kg.sources.vocabularies import biolink
from kg.sources.vocabularies.provenance import NOT_SAID, is_infores, stated

_BATCH = 50_000  # records
_MOST_PROVENANCES = 10_000

_LABELS = {
    "synonym": "synonym",
    "xref": "code",
    "equivalent_identifiers": "code",
    "same_as": "code",
}
_NOT_KEPT = frozenset(
    [
        "agent_type", "id", "knowledge_level", "license", "negated", "object", "predicate",
        "publications", "qualifiers", "relation_name", "subject",
    ]
)  # fmt: skip


class Kgx:
    """Nodes and edges as the Biolink Model describes them."""

    name: ClassVar[str] = "kgx"
    licence: ClassVar[str] = "LicenseRef-per-edge"
    describes: ClassVar[str] = "KGX nodes and edges, TSV or JSON Lines, from a folder"
    stage: ClassVar[int] = 0

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._files: list[Path] = []

    def read(self) -> Iterator[Batch]:
        """Yield the nodes of all files, then the edges; see the contract in ``base``."""
        nodes, edges = _find(self._folders, "nodes"), _find(self._folders, "edges")
        settings = [path for folder in self._folders if (path := folder / "kgx.toml").is_file()]
        self._files = [*nodes, *edges, *settings[:1]]
        reader = _Reader(_said(settings[0] if settings else None))
        for path in nodes:
            yield from reader.nodes(path)
        for path in edges:
            yield from reader.edges(path)

    def version(self) -> Mapping[str, Any]:
        """The files read, each with size and SHA-256."""
        return describe(self._files)


def _find(folders: Iterable[Path], what: str) -> list[Path]:
    found = [
        path
        for folder in folders
        for suffix in ("tsv", "jsonl", "tsv.gz", "jsonl.gz")
        for path in sorted(folder.glob(f"*{what}.{suffix}"))
        if path.is_file()
    ]
    if not found:
        where = ", ".join(map(str, folders))
        have = f"in {where}" if where else "without a folder: say --from DIR"
        raise SourceError(f"kgx: no *{what}.tsv or *{what}.jsonl {have}")
    stems = [path.name.split(".")[0] for path in found]
    if twice := [stem for stem in stems if stems.count(stem) > 1]:
        raise SourceError(f"kgx: several files are called {twice[0]}: which one is meant?")
    return found


def _said(settings: Path | None) -> Provenance:
    """What holds where a record says nothing."""
    given = read_toml(settings) if settings else {}
    where = settings.name if settings else ""
    check_keys(where, given, ("licence", "primary_knowledge_source"))
    return stated(Kgx.name, where, {**NOT_SAID, **given})


class _RecordError(ValueError):
    """A record that cannot be used, and why."""


class _Reader:
    def __init__(self, said: Provenance) -> None:
        self._licence, self._primary = said.licence, said.primary_knowledge_source
        self._types: dict[str, str] = {}  # node id -> node type
        self._provenances: dict[tuple[str, ...], Provenance] = {}
        self._edge_types: dict[tuple[Any, ...], EdgeType | None] = {}

    def nodes(self, path: Path) -> Iterator[Batch]:
        groups: dict[tuple[str, Provenance], list[tuple[int, Record]]] = {}
        count = 0
        for line, record in read_records(path, ("id", "category")):
            if isinstance(record, str):
                yield Refusal(path.name, line, record)
                continue
            try:
                key = self._node(record)
            except _RecordError as error:
                yield Refusal(path.name, line, str(error))
                continue
            groups.setdefault(key, []).append((line, record))
            count += 1
            if count % _BATCH == 0:
                yield from (_node_batch(path, *key, rows) for key, rows in groups.items())
                groups = {}
        yield from (_node_batch(path, *key, rows) for key, rows in groups.items())

    def edges(self, path: Path) -> Iterator[Batch]:
        groups: dict[tuple[EdgeType, Provenance], list[tuple[int, str, str, Record]]] = {}
        count = 0
        for line, record in read_records(path, ("subject", "predicate", "object")):
            if isinstance(record, str):
                yield Refusal(path.name, line, record)
                continue
            try:
                subject, edge_type, target = self._edge(record)
                details = _details(record)
                for name, value in biolink.qualifiers(edge_type).items():
                    if details.get(name) == value:  # says what the edge type says
                        del details[name]
                provenance = self._edge_provenance(record, details)
            except _RecordError as error:
                yield Refusal(path.name, line, str(error))
                continue
            groups.setdefault((edge_type, provenance), []).append((line, subject, target, details))
            count += 1
            if count % _BATCH == 0:
                yield from (_edge_batch(path, *key, rows) for key, rows in groups.items())
                groups = {}
        yield from (_edge_batch(path, *key, rows) for key, rows in groups.items())

    def _node(self, record: Record) -> tuple[str, Provenance]:
        node_id = _text(record, "id")
        found = biolink.node_type(_texts(record, "category"), _text(record, "node_type", ""))
        if self._types.setdefault(node_id, found) != found:
            raise _RecordError(f"node {node_id} is a {self._types[node_id]} above, here a {found}")
        for column in _LABELS:
            _texts(record, column)
        _text(record, "name", node_id)
        licence = _text(record, "license", self._licence)
        return found, self._provenance(self._primary, licence, "not_provided", "not_provided")

    def _edge(self, record: Record) -> tuple[str, EdgeType, str]:
        subject, target = _text(record, "subject"), _text(record, "object")
        types = [self._types.get(end) for end in (subject, target)]
        if None in types:
            missing = subject if types[0] is None else target
            raise _RecordError(f"edge to {missing!r}, which is in no nodes file")
        predicate = _text(record, "predicate")
        negated = str(record.get("negated", "false")).casefold()
        if negated not in ("true", "false"):
            raise _RecordError(f"negated is {negated[:40]!r}, neither true nor false")
        ours, effect = _text(record, "relation_name", ""), biolink.effect(record)
        if effect and ours in biolink.EFFECTS and ours != effect:
            raise _RecordError(f"relation_name {ours!r}, but its qualifiers say {effect}")
        key = (predicate, *types, ours or effect, negated == "true")
        if key not in self._edge_types:
            head, tail = map(str, types)
            self._edge_types[key] = biolink.edge_type(
                predicate, head, tail, ours=ours or effect, negated=negated == "true"
            )
        found = self._edge_types[key]
        if found is None:
            raise _RecordError(
                f"{predicate[:80]!r} is not a Biolink predicate such as biolink:treats"
            )
        return subject, found, target

    def _edge_provenance(self, record: Record, details: Record) -> Provenance:
        primary = _texts(record, "primary_knowledge_source") or [self._primary]
        if len(primary) == 1 and is_infores(primary[0]):
            details.pop("primary_knowledge_source", None)
        else:
            primary = [self._primary]
        level = _text(record, "knowledge_level", "not_provided")
        agent = _text(record, "agent_type", "not_provided")
        for what, value, known in (
            ("knowledge_level", level, biolink.LEVELS), ("agent_type", agent, biolink.AGENTS),
        ):  # fmt: skip
            if value not in known:
                raise _RecordError(f"{what} {value[:40]!r} is none of {', '.join(known)}")
        return self._provenance(primary[0], _text(record, "license", self._licence), level, agent)

    def _provenance(self, *columns: str) -> Provenance:
        if columns not in self._provenances:
            if len(self._provenances) == _MOST_PROVENANCES:
                raise SourceError(f"kgx: more than {_MOST_PROVENANCES:,} sources and licences")
            self._provenances[columns] = Provenance("kgx", *columns)
        return self._provenances[columns]


def _text(record: Record, key: str, default: str | None = None) -> str:
    value = record.get(key, default)
    if value is None:
        raise _RecordError(f"no {key}")
    if not isinstance(value, str) or not (value.strip() or value == default):
        raise _RecordError(f"{key} is not a text")
    return value.strip()


def _texts(record: Record, key: str) -> list[str]:
    value = record.get(key, [])
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(each, str) for each in values):
        raise _RecordError(f"{key} is neither a text nor a list of texts")
    return [each.strip() for each in values if each.strip()]


def _details(record: Record) -> Record:
    """What an edge says beside its ends, its relation and its provenance."""
    details = {key: value for key, value in record.items() if key not in _NOT_KEPT}
    if publications := _texts(record, "publications"):
        details["reference"] = publications
    if phase := biolink.phase(record):
        details.setdefault("phase", phase)
    qualifiers = record.get("qualifiers")
    if isinstance(qualifiers, str) and qualifiers.startswith("{"):
        try:
            own = json.loads(qualifiers)
        except (ValueError, RecursionError):
            raise _RecordError("qualifiers begin with { but are not JSON") from None
        if not is_plain(own):
            raise _RecordError("qualifiers are nested too deeply, or hold what is not text")
        return {**details, **own}
    return {**details, "qualifiers": qualifiers} if qualifiers else details


def _node_batch(
    path: Path, node_type: str, provenance: Provenance, rows: list[tuple[int, Record]]
) -> NodeBatch:
    ids = [record["id"].strip() for _, record in rows]
    labels = [
        LabelRow(position, kind, text)
        for position, (_, record) in enumerate(rows)
        for column, kind in _LABELS.items()
        for text in _texts(record, column)
        if text != ids[position]
    ]
    names = [record.get("name", node_id) for node_id, (_, record) in zip(ids, rows, strict=True)]
    lines = [line for line, _ in rows]
    return NodeBatch(node_type, path.name, lines, ids, ids, names, provenance, labels)


def _edge_batch(
    path: Path,
    edge_type: EdgeType,
    provenance: Provenance,
    rows: list[tuple[int, str, str, Record]],
) -> EdgeBatch:
    lines, heads, tails, details = zip(*rows, strict=True)
    return EdgeBatch(
        edge_type,
        path.name,
        lines,
        pa.array(heads, pa.string()),
        pa.array(tails, pa.string()),
        provenance,
        details if any(details) else None,
    )
