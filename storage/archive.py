"""The file format of a backup: the rows of each table as they are stored, under a signed manifest.

::

    pharmakon-backup/1 and a line feed
    for each table an Arrow IPC stream of its rows
    the manifest: signed JSON, with the place, size and SHA-256 of each table
    8 bytes: length of the manifest (big endian), and the first line again

Arrow streams because every column keeps its type, batch after batch in constant memory, and because
anybody's Arrow reads them. Like Parquet, and unlike zip or tar, the file has its directory at the
end and signed: nothing that is not signed is ever parsed, but for one JSON of limited size.
"""

import hashlib
import io
import os
import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Self, cast

from sqlalchemy import Integer, LargeBinary, String, Table

from storage.errors import BackupError
from storage.keys import KeyRing
from storage.signed import from_signed, is_signed, to_signed

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = "pharmakon-backup/1"

_MARK = FORMAT.encode() + b"\n"
_ANY_MARK = re.compile(rb"pharmakon-backup/[0-9]+\n")
_LENGTH = struct.Struct(">Q")
_LONGEST_MANIFEST = 1 << 20
_CHUNK = 1 << 20
_TYPES: Mapping[str, set[type]] = {"int64": {int}, "string": {str}, "binary": {bytes}}
_NULL: Mapping[bool, set[type]] = {True: {type(None)}, False: set()}

Row = Sequence[Any]


@dataclass(frozen=True)
class TableEntry:
    """One table in the file."""

    name: str
    rows: int
    offset: int
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a backup holds; signed by the ring of its store.

    Attributes:
        store: id of the store.
        schema: revision of its tables.
        time: when the rows were read, ISO 8601.
        entries: size of the audit log.
        head: text of the signed head that the rows belong to.
        keys: use (``wrap`` or ``index``) -> versions of the ring's keys that the rows are under.
        tables: in the order of the file.
    """

    store: str
    schema: str
    time: str
    entries: int
    head: str
    keys: Mapping[str, tuple[int, ...]]
    tables: tuple[TableEntry, ...]

    @property
    def n_rows(self) -> int:
        """Rows of all tables."""
        return sum(table.rows for table in self.tables)

    def to_bytes(self, ring: KeyRing) -> bytes:
        """Signed JSON."""
        return to_signed({"format": FORMAT, **asdict(self)}, ring, kind=FORMAT)

    @classmethod
    def from_bytes(cls, data: bytes, ring: KeyRing) -> Self:
        """The manifest that ``to_bytes`` gave, if ``ring`` signed it.

        Raises:
            BackupError: it is damaged, of another store, or not signed by ``ring``.
        """
        try:
            fields, signature = from_signed(data)
            store, n_entries = fields["store"], fields["entries"]
        except (ValueError, LookupError):
            raise BackupError("the backup is damaged: its manifest cannot be read") from None
        if store != ring.store_id:
            raise BackupError(
                f"the backup is of another store than this key ring (store {ring.store_id}): "
                "restore it with the ring of its own store"
            )
        size = n_entries if isinstance(n_entries, int) else None
        if size is None or not is_signed(fields, signature, ring, kind=FORMAT, n_entries=size):
            raise BackupError(
                "the manifest of the backup carries no signature of this key ring: it was edited, "
                "or the ring is an older copy that lacks the audit key which signed it"
            )
        del fields["format"]  # from here on, it is what this program wrote
        tables = tuple(TableEntry(**entry) for entry in cast("list[Any]", fields.pop("tables")))
        under = cast("Mapping[str, list[int]]", fields.pop("keys"))
        keys = {use: tuple(versions) for use, versions in under.items()}
        return cls(tables=tables, keys=keys, **fields)  # type: ignore[arg-type]


class ArchiveWriter:
    """Writes tables one after the other; without ``finish`` the file is no backup."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._file.write(_MARK)
        self.tables: list[TableEntry] = []

    def add(self, table: Table, batches: Iterable[Sequence[Row]]) -> None:
        """Write the rows of ``table``, a batch at a time; columns in the table's order.

        Raises:
            BackupError: a value is not of its column's type.
        """
        import pyarrow as pa

        offset, n_rows = self._file.tell(), 0
        schema = arrow_schema(table)
        sink = _HashingSink(self._file)
        with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), schema) as stream:
            for rows in batches:
                stream.write_batch(_to_batch(table.name, rows, schema))
                n_rows += len(rows)
        size = self._file.tell() - offset
        self.tables.append(TableEntry(table.name, n_rows, offset, size, sink.sha256.hexdigest()))

    def finish(self, manifest: bytes) -> None:
        """Write the manifest's bytes, which make the file a backup."""
        self._file.write(manifest + _LENGTH.pack(len(manifest)) + _MARK)
        self._file.flush()


class ArchiveReader:
    """A backup whose manifest is signed by ``ring``. Its tables are checked by ``verify``."""

    def __init__(self, file: BinaryIO, ring: KeyRing) -> None:
        """Read the manifest of ``file``, which stays the caller's to close.

        Raises:
            BackupError: not a backup, cut, damaged, edited, or of another store.
        """
        self._file = file
        self.manifest_bytes = self._read_manifest()
        self.manifest = Manifest.from_bytes(self.manifest_bytes, ring)

    def verify(self) -> None:
        """Read every table and compare its SHA-256 with the manifest.

        Raises:
            BackupError: one differs.
        """
        for entry in self.manifest.tables:
            section = _Section(self._file, entry)
            digest = hashlib.sha256()
            while chunk := section.read(_CHUNK):
                digest.update(chunk)
            if digest.hexdigest() != entry.sha256:
                raise BackupError(
                    f"the backup is damaged: table {entry.name} is not the one that was written"
                )

    def batches(self, table: Table) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of ``table``, a batch at a time. Call ``verify`` first.

        Raises:
            BackupError: the backup lacks the table, or has other columns or another number of rows.
        """
        import pyarrow as pa

        entry = next((e for e in self.manifest.tables if e.name == table.name), None)
        if entry is None:
            raise BackupError(f"the backup has no table {table.name}")
        n_rows = 0
        with pa.ipc.open_stream(pa.PythonFile(_Section(self._file, entry), mode="r")) as stream:
            if stream.schema != arrow_schema(table):
                raise BackupError(f"table {table.name} of the backup has other columns")
            for batch in stream:
                n_rows += batch.num_rows
                yield list(zip(*(column.to_pylist() for column in batch.columns), strict=True))
        if n_rows != entry.rows:
            raise BackupError(
                f"table {table.name} has {n_rows} rows, its manifest says {entry.rows}"
            )

    def _read_manifest(self) -> bytes:
        size = self._file.seek(0, os.SEEK_END)
        self._file.seek(0)
        mark = self._file.read(len(_MARK))
        if mark != _MARK:
            if _ANY_MARK.match(mark):
                raise BackupError(f"this program reads backups of format {FORMAT} only")
            raise BackupError("this is not a backup")
        end = size - _LENGTH.size - len(_MARK)
        self._file.seek(max(0, end))
        footer = self._file.read(_LENGTH.size + len(_MARK))
        (length,) = _LENGTH.unpack(footer[: _LENGTH.size].ljust(_LENGTH.size, b"\0"))
        longest = min(_LONGEST_MANIFEST, end - len(_MARK))
        if not footer.endswith(_MARK) or not 0 < length <= longest:
            raise BackupError("the backup is cut or damaged: it does not end with its manifest")
        self._file.seek(end - length)
        return self._file.read(length)


def arrow_schema(table: Table) -> "pa.Schema":
    """The columns of ``table`` as Arrow types."""
    import pyarrow as pa

    def kind(column: Any) -> "pa.DataType":
        if isinstance(column.type, LargeBinary):
            return pa.binary()
        if isinstance(column.type, String):
            return pa.string()
        if isinstance(column.type, Integer):
            return pa.int64()
        raise TypeError(f"no Arrow type for {column}")  # a new kind of column: to be added here

    return pa.schema(
        [pa.field(column.name, kind(column), nullable=column.nullable) for column in table.columns]
    )


def _to_batch(name: str, rows: Sequence[Row], schema: "pa.Schema") -> "pa.RecordBatch":
    import pyarrow as pa

    arrays = []
    try:
        for column, field in zip(zip(*rows, strict=True), schema, strict=True):
            # Arrow itself would round a number and encode a text, silently.
            if not _TYPES[str(field.type)].issuperset({*map(type, column)} - _NULL[field.nullable]):
                raise TypeError(f"column {field.name}")
            arrays.append(pa.array(column, field.type))
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        # Not chained: the cause would quote the value.
        raise BackupError(
            f"table {name} holds a value of another type than its column: run audit verify"
        ) from None
    return pa.record_batch(arrays, schema=schema)


class _HashingSink(io.RawIOBase):
    """Writes through to a file and keeps the SHA-256 of what passes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.sha256.update(data)
        return self._file.write(data)


class _Section(io.RawIOBase):
    """The bytes of one table, and none behind them."""

    def __init__(self, file: BinaryIO, entry: TableEntry) -> None:
        self._file = file
        self._file.seek(entry.offset)
        self._left = entry.size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._file.read(wanted)
        self._left -= len(data)
        return data
