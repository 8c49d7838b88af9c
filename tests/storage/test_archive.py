"""The file of a backup: what goes in comes out, and nothing else is taken for one."""

import io
import os
import struct
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Float, Integer, LargeBinary, MetaData, String, Table

from storage.archive import FORMAT, ArchiveReader, ArchiveWriter, Manifest
from storage.errors import BackupError
from storage.keys import KeyRing
from storage.signed import to_signed

TABLE = Table(
    "things",
    MetaData(),
    Column("number", Integer, primary_key=True),
    Column("name", String(20), nullable=False),
    Column("sealed", LargeBinary, nullable=True),
)
EMPTY = Table("nothing", MetaData(), Column("id", Integer, primary_key=True))
MARK = FORMAT.encode() + b"\n"

rows = st.tuples(
    st.integers(-(2**63), 2**63 - 1),
    st.text(st.characters(codec="utf-8"), max_size=5),
    st.none() | st.binary(max_size=5),
)


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    return KeyRing.create(tmp_path_factory.mktemp("archive") / "keys" / "ring.json")


@pytest.fixture(scope="module")
def backup(ring: KeyRing) -> bytes:
    """Two tables, one of them empty."""
    return written(ring, [[(1, "a", b"x"), (2, "鸟", None)], [(3, "", b"")]])


def written(ring: KeyRing, batches: Sequence[Sequence[tuple[Any, ...]]], **fields: Any) -> bytes:
    """A backup of :data:`TABLE` with these rows and of an empty table."""
    file = io.BytesIO()
    writer = ArchiveWriter(file)
    writer.add(TABLE, batches)
    writer.add(EMPTY, [])
    writer.finish(manifest_of(ring, writer, **fields).to_bytes(ring))
    return file.getvalue()


def manifest_of(ring: KeyRing, writer: ArchiveWriter, **fields: Any) -> Manifest:
    given = {"store": ring.store_id, "schema": "1", "time": "2030", "entries": 7, "head": "of it"}
    return Manifest(**{**given, "keys": {"wrap": (1, 2)}, "tables": tuple(writer.tables), **fields})


def resigned(backup: bytes, manifest: Manifest, ring: KeyRing, *, kind: str) -> bytes:
    """``backup`` with ``manifest`` signed by ``ring`` as a document of ``kind``."""
    signed = to_signed({"format": FORMAT, **asdict(manifest)}, ring, kind=kind)
    tables = backup[: backup.index(b'{"entries"')]
    return tables + signed + struct.pack(">Q", len(signed)) + MARK


def read(data: bytes, ring: KeyRing) -> list[tuple[Any, ...]]:
    reader = ArchiveReader(io.BytesIO(data), ring)
    reader.verify()
    assert list(reader.batches(EMPTY)) == []
    return [row for batch in reader.batches(TABLE) for row in batch]


@settings(max_examples=30, deadline=None)
@given(batches=st.lists(st.lists(rows, min_size=1, max_size=4), max_size=4))
def test_every_row_comes_back_in_order(ring: KeyRing, batches: list[list[Any]]) -> None:
    expected = [row for batch in batches for row in batch]

    assert read(written(ring, batches), ring) == expected


def test_the_manifest_says_what_is_in_the_file(ring: KeyRing, backup: bytes) -> None:
    manifest = ArchiveReader(io.BytesIO(backup), ring).manifest

    assert (manifest.store, manifest.schema, manifest.head) == (ring.store_id, "1", "of it")
    assert manifest.keys == {"wrap": (1, 2)}
    assert [(table.name, table.rows) for table in manifest.tables] == [
        ("things", 3),
        ("nothing", 0),
    ]
    assert manifest.n_rows == 3


def test_any_cut_is_seen(ring: KeyRing, backup: bytes) -> None:
    for end in range(len(backup)):
        with pytest.raises(BackupError, match=r"not a backup|cut or damaged"):
            ArchiveReader(io.BytesIO(backup[:end]), ring)


def test_any_changed_byte_is_seen_before_a_table_is_read(ring: KeyRing, backup: bytes) -> None:
    for place in range(len(backup)):
        changed = backup[:place] + bytes([backup[place] ^ 0x20]) + backup[place + 1 :]
        with pytest.raises(BackupError):
            ArchiveReader(io.BytesIO(changed), ring).verify()


def test_a_tail_is_seen(ring: KeyRing, backup: bytes) -> None:
    for tail in (b"\0", b"x" * 100, MARK):
        with pytest.raises(BackupError, match="cut or damaged"):
            ArchiveReader(io.BytesIO(backup + tail), ring)


@pytest.mark.parametrize("length", [0, 1, 10**6 + 10**5, 2**40, 2**64 - 1])
def test_a_giant_manifest_is_not_read(ring: KeyRing, backup: bytes, length: int) -> None:
    forged = backup[: -8 - len(MARK)] + struct.pack(">Q", length) + MARK

    with pytest.raises(BackupError):
        ArchiveReader(io.BytesIO(forged), ring)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        MARK,
        MARK * 3,
        os.urandom(4096),
        b"PK\x03\x04" + bytes(4096),
        b"SQLite format 3\0" + bytes(4096),
        MARK + bytes(20) + MARK,
        MARK + b"{}" + struct.pack(">Q", 2) + MARK,
        MARK + b"[[[[" + struct.pack(">Q", 4) + MARK,
        MARK + b'{"store":1,"signature":""}' + struct.pack(">Q", 26) + MARK,
    ],
)
def test_other_files_are_no_backups(ring: KeyRing, data: bytes) -> None:
    with pytest.raises(BackupError):
        ArchiveReader(io.BytesIO(data), ring)


def test_another_version_of_the_format_is_named(ring: KeyRing, backup: bytes) -> None:
    newer = backup.replace(b"pharmakon-backup/1\n", b"pharmakon-backup/2\n")

    with pytest.raises(BackupError, match="reads backups of format pharmakon-backup/1 only"):
        ArchiveReader(io.BytesIO(newer), ring)


def test_another_stores_ring_is_told_apart_from_an_edited_manifest(
    ring: KeyRing, backup: bytes, tmp_path: Path
) -> None:
    other = KeyRing.create(tmp_path / "other" / "ring.json")
    with pytest.raises(BackupError, match="of another store than this key ring"):
        ArchiveReader(io.BytesIO(backup), other)

    manifest = ArchiveReader(io.BytesIO(backup), ring).manifest
    with pytest.raises(BackupError, match="carries no signature of this key ring"):
        ArchiveReader(io.BytesIO(resigned(backup, manifest, other, kind=FORMAT)), ring)


def test_a_signature_over_another_kind_of_document_does_not_count(
    ring: KeyRing, backup: bytes
) -> None:
    manifest = ArchiveReader(io.BytesIO(backup), ring).manifest
    assert read(resigned(backup, manifest, ring, kind=FORMAT), ring)

    with pytest.raises(BackupError, match="carries no signature"):
        ArchiveReader(
            io.BytesIO(resigned(backup, manifest, ring, kind="pharmakon-erasures/1")), ring
        )


def test_other_columns_tables_or_counts_than_the_manifests_are_refused(
    ring: KeyRing, backup: bytes
) -> None:
    reader = ArchiveReader(io.BytesIO(backup), ring)
    other = Table("things", MetaData(), Column("number", Integer, primary_key=True))
    with pytest.raises(BackupError, match="table things of the backup has other columns"):
        list(reader.batches(other))
    with pytest.raises(BackupError, match="has no table missing"):
        list(reader.batches(Table("missing", MetaData(), Column("a", Integer))))

    tables = tuple(replace(table, rows=table.rows + 1) for table in reader.manifest.tables)
    lying = written(ring, [[(1, "a", b"x")]], tables=tables)
    with pytest.raises(BackupError):
        read(lying, ring)


@pytest.mark.parametrize("row", [("1", "a", b""), (1, 2, b""), (1, "a", "text"), (1, None, b""),
                                 (2**63, "a", b""), (1.5, "a", b"")])  # fmt: skip
def test_a_value_of_another_type_is_refused_and_not_quoted(
    ring: KeyRing, row: tuple[Any, ...]
) -> None:
    with pytest.raises(BackupError, match="table things holds a value of another type") as caught:
        written(ring, [[row]])

    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_new_kind_of_column_cannot_be_forgotten() -> None:
    table = Table("new", MetaData(), Column("weight", Float))

    with pytest.raises(TypeError, match=r"no Arrow type for new\.weight"):
        ArchiveWriter(io.BytesIO()).add(table, [])


def test_without_its_end_a_file_is_no_backup(ring: KeyRing) -> None:
    file = io.BytesIO()
    ArchiveWriter(file).add(TABLE, [[(1, "a", b"x")]])

    with pytest.raises(BackupError, match="does not end with its manifest"):
        ArchiveReader(file, ring)
