"""What the columns of a person's own table mean: nodes, edges or labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import pyarrow as pa

from kg.errors import SchemaError, SourceError
from kg.graph import Provenance
from kg.identifiers import is_curie
from kg.names import key
from kg.schema import EdgeType, check_node_type, edge_spec
from kg.sources.base import (
    Batch,
    EdgeBatch,
    LabelBatch,
    LabelRow,
    NodeBatch,
    is_between_two,
)
from kg.sources.formats.toml import named, text, texts
from kg.sources.table.rows import Row

KINDS = ("synonym", "product", "code", "xref", "broader", "broader-code")


class RowError(ValueError):
    """A row that cannot be used, and why."""


class Meaning(Protocol):
    """How one kind of table is read."""

    @property
    def columns(self) -> Sequence[str]:
        """The columns to read."""

    def read(self, row: Row) -> tuple[Any, ...]:
        """What the row says, as :meth:`batch` wants it.

        Raises:
            RowError: a cell is empty that must not be, or is no identifier.
        """

    def batch(
        self, file: str, lines: Sequence[int], rows: Sequence[Any], provenance: Provenance
    ) -> Batch:
        """What all ``rows`` say."""


@dataclass(frozen=True)
class _Ids:
    """A column of identifiers; with a prefix, bare ones."""

    column: str
    prefix: str

    @classmethod
    def of(cls, where: str, given: Mapping[str, Any], key: str) -> "_Ids":
        prefix = text(where, given, f"{key}_prefix").rstrip(":") if f"{key}_prefix" in given else ""
        if prefix and not is_curie(f"{prefix}:1"):
            raise SourceError(f"{where}: {key}_prefix {prefix!r} is not a prefix such as DRUGBANK")
        return cls(text(where, given, key), prefix)

    def read(self, row: Row) -> str:
        cell = _filled(row, self.column)
        if not self.prefix or cell.startswith(f"{self.prefix}:"):
            found = cell
        else:
            found = f"{self.prefix}:{cell}"
        if not is_curie(found):
            hint = "" if self.prefix else ": DRUGBANK:DB00331 is; a prefix can be given"
            raise RowError(f"{self.column} {cell[:80]!r} is not an identifier{hint}")
        return found


@dataclass(frozen=True)
class Nodes:
    """Rows that bring nodes of one type; a cell of names or codes may hold several, joined by |."""

    type: str
    id: _Ids
    name: str
    synonyms: Sequence[str]
    codes: Mapping[str, str]  # column -> prefix, empty where cells are CURIEs

    @classmethod
    def of(cls, where: str, given: Mapping[str, Any]) -> "Nodes":
        """Read the part of a ``[[table]]`` that is about nodes."""
        try:
            node_type = check_node_type(text(where, given, "type"))
        except SchemaError as error:
            raise SourceError(f"{where}: {error}") from None
        codes = given.get("codes", [])
        bare = named(where, given, "codes") if isinstance(codes, dict) else {}
        return cls(
            node_type,
            _Ids.of(where, given, "id"),
            text(where, given, "name"),
            texts(where, given, "synonyms"),
            bare or dict.fromkeys(texts(where, given, "codes"), ""),
        )

    @property
    def columns(self) -> Sequence[str]:
        """The columns to read."""
        return [self.id.column, self.name, *self.synonyms, *self.codes]

    def read(self, row: Row) -> tuple[Any, ...]:
        """What the row says; see :meth:`Meaning.read`."""
        labels = [("synonym", each) for column in self.synonyms for each in _several(row, column)]
        for column, prefix in self.codes.items():
            ids = _Ids(column, prefix)
            labels += [("code", ids.read({column: each})) for each in _several(row, column)]
        return self.id.read(row), _filled(row, self.name), labels

    def batch(
        self, file: str, lines: Sequence[int], rows: Sequence[Any], provenance: Provenance
    ) -> Batch:
        """What all ``rows`` say."""
        ids = [row[0] for row in rows]
        labels = [LabelRow(i, *label) for i, row in enumerate(rows) for label in row[2]]
        names = [row[1] for row in rows]
        return NodeBatch(self.type, file, lines, ids, ids, names, provenance, labels)


@dataclass(frozen=True)
class Edges:
    """Rows that state edges of one type, between nodes of any source."""

    type: EdgeType
    head: _Ids
    tail: _Ids
    by: Literal["id", "name"]
    details: Mapping[str, str]  # detail -> column

    @classmethod
    def of(cls, where: str, given: Mapping[str, Any]) -> "Edges":
        """Read the part of a ``[[table]]`` that is about edges."""
        words = text(where, given, "edge").split("-")
        if len(words) != 3:
            raise SourceError(f"{where}: edge must look like 'Drug-contraindicated-Disease'")
        try:
            edge_type = EdgeType(check_node_type(words[0]), words[1], check_node_type(words[2]))
            edge_spec(edge_type)
        except SchemaError as error:
            raise SourceError(f"{where}: {error}") from None
        by = text(where, given, "by", "id")
        if by not in ("id", "name"):
            raise SourceError(f"{where}: by = {by!r}; choose 'id' or 'name'")
        if by == "name" and {"head_prefix", "tail_prefix"} & set(given):
            raise SourceError(f"{where}: names have no prefix; leave by or the prefixes out")
        head, tail = _Ids.of(where, given, "head"), _Ids.of(where, given, "tail")
        details = named(where, given, "details")
        return cls(edge_type, head, tail, "name" if by == "name" else "id", details)

    @property
    def columns(self) -> Sequence[str]:
        """The columns to read."""
        return [self.head.column, self.tail.column, *self.details.values()]

    def read(self, row: Row) -> tuple[Any, ...]:
        """What the row says; see :meth:`Meaning.read`."""
        details = {name: row[column] for name, column in self.details.items() if row[column]}
        if self.by == "name":
            head, tail = _filled(row, self.head.column), _filled(row, self.tail.column)
        else:
            head, tail = self.head.read(row), self.tail.read(row)
        if is_between_two(self.type) and key(head) == key(tail):
            raise RowError(f"{head[:80]!r} {self.type.relation} itself")
        return head, tail, details

    def batch(
        self, file: str, lines: Sequence[int], rows: Sequence[Any], provenance: Provenance
    ) -> Batch:
        """What all ``rows`` say."""
        heads, tails, details = zip(*rows, strict=True)
        return EdgeBatch(
            self.type,
            file,
            lines,
            pa.array(heads, pa.string()),
            pa.array(tails, pa.string()),
            provenance,
            details if any(details) else None,
            self.by,
        )


@dataclass(frozen=True)
class Labels:
    """Rows that give further names or codes to nodes of any source."""

    id: _Ids
    kind: str
    text: _Ids

    @classmethod
    def of(cls, where: str, given: Mapping[str, Any]) -> "Labels":
        """Read the part of a ``[[table]]`` that is about labels."""
        kind = text(where, given, "kind", "synonym")
        if kind not in KINDS:
            raise SourceError(f"{where}: kind = {kind!r}; choose from {', '.join(KINDS)}")
        if "code" not in kind and "text_prefix" in given:
            raise SourceError(f"{where}: only codes have a prefix; leave text_prefix out")
        return cls(_Ids.of(where, given, "id"), kind, _Ids.of(where, given, "text"))

    @property
    def columns(self) -> Sequence[str]:
        """The columns to read."""
        return [self.id.column, self.text.column]

    def read(self, row: Row) -> tuple[Any, ...]:
        """What the row says; see :meth:`Meaning.read`."""
        is_code = "code" in self.kind
        said = self.text.read(row) if is_code else _filled(row, self.text.column)
        return self.id.read(row), self.kind, said

    def batch(
        self, file: str, lines: Sequence[int], rows: Sequence[Any], provenance: Provenance
    ) -> Batch:
        """What all ``rows`` say."""
        return LabelBatch(file, [(n, *row) for n, row in zip(lines, rows, strict=True)], provenance)


def _filled(row: Row, column: str) -> str:
    if not row[column]:
        raise RowError(f"{column} is empty")
    return row[column]


def _several(row: Row, column: str) -> list[str]:
    return [each.strip() for each in row[column].split("|") if each.strip()]
