"""Back a store up into one file while others use it; ``storage.restore`` puts it back.

A backup is logical: it holds rows as they are stored, so it moves between SQLite and PostgreSQL,
and nothing in it is opened on the way. It holds neither the key ring nor the file of erasures:
without the ring it stays shut, and without the erasures nobody could tell who must not come back.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, Table, select

from storage import verification
from storage.access import Action
from storage.archive import ArchiveWriter, Manifest
from storage.audit import SignedState, timestamp
from storage.blind import under
from storage.checkpoint import ERASED, Checkpoint
from storage.database import Database
from storage.erasures import count_erased
from storage.errors import BackupError, StorageError
from storage.files import new_file_beside, place
from storage.operations import recorded
from storage.tables import REVISION, Base, IdentifierRow, PatientRow

TABLES: Sequence[Table] = Base.metadata.sorted_tables  # a row's owner before the row

_ROWS = 256  # fetched at once; a record may be megabytes
_BATCH_BYTES = 8 << 20


@dataclass(frozen=True)
class BackupReport:
    """A backup that was made.

    Attributes:
        file: where it lies.
        size: in bytes.
        n_rows: of all tables.
        head: the signed head that it holds.
        entry: number of the audit entry about it.
        n_erased: of the head's patients, those who are erased.
        digest: SHA-256 of the manifest, as the audit entry has it; hexadecimal.
    """

    file: Path
    size: int
    n_rows: int
    head: Checkpoint
    entry: int
    n_erased: int
    digest: str

    def __str__(self) -> str:
        patients = f"{self.head.n_patients:,} patients ({self.n_erased:,} erased)"
        return (
            f"{self.file}: {self.n_rows:,} rows of {patients}, {self.head.n_entries:,} audit "
            f"entries, {self.size:,} bytes. It holds neither the key ring nor the file of "
            "erasures: keep both elsewhere; without them it cannot be restored\n"
            f"SHA-256 of its manifest, as in the audit log: {self.digest}"
        )


def create_backup(
    database: Database, file: Path, *, actor: str, purpose: str = "administration"
) -> BackupReport:
    """Write everything that ``database`` holds now to the new ``file``, of mode 0600.

    What is read is one consistent state, checked whole before a byte of it is written, and others
    go on reading and writing. The file appears whole or not at all, and only once the audit entry
    about it is durable. Memory does not grow with the store.

    Raises:
        AccessDeniedError: ``actor`` may not.
        AuditError: the store is not the one that was signed; such a backup could not be restored.
        BackupError: ``file`` is taken or cannot be written, or a patient was erased meanwhile.
        StorageError: the store cannot be read, or the entry not be written.
    """
    try:
        draft = new_file_beside(file)
        try:
            report = _write(database, draft, file, actor, purpose)
            place(draft, file)
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError:
        raise BackupError(f"{file} exists already; a backup is never overwritten") from None
    except StorageError:
        raise
    except OSError as error:
        raise BackupError(f"{file} cannot be written: {error.strerror}") from error
    return report


def _write(database: Database, draft: Path, file: Path, actor: str, purpose: str) -> BackupReport:
    scope = database.scope(actor, purpose=purpose)
    with draft.open("wb") as stream:
        writer = ArchiveWriter(stream)
        with recorded(scope, Action.BACKUP_CREATE) as access:
            verification.verify(access.state, database.tombstones)
            n_erased = count_erased(access.state.connection)
            manifest = _write_tables(access.state, writer, timestamp(database.clock()))
            content = manifest.to_bytes(database.ring)
            access.detail = digest = hashlib.sha256(content).hexdigest()
        # The entry is durable; what was written becomes a backup only now.
        head, latest = Checkpoint.parse(manifest.head), database.checkpoint()
        if latest.parts[ERASED] != head.parts[ERASED]:
            raise BackupError(
                "a patient was erased while the backup was written; it was discarded: run it again"
            )
        writer.finish(content)
        size = stream.tell()
    entry = latest.n_entries - 1
    return BackupReport(file, size, manifest.n_rows, head, entry, n_erased, digest)


def _write_tables(state: SignedState, writer: ArchiveWriter, time: str) -> Manifest:
    for table in TABLES:
        writer.add(table, _batches(state.connection, table))
    return Manifest(
        store=state.ring.store_id,
        schema=REVISION,
        time=time,
        entries=state.head.n_entries,
        head=state.head.text,
        keys=_keys(state),
        tables=tuple(writer.tables),
    )


def _keys(state: SignedState) -> dict[str, tuple[int, ...]]:
    """Which versions of the ring's keys the rows are under."""
    wrapped = select(PatientRow.kek_version).where(PatientRow.wrapped_key.is_not(None)).distinct()
    index = (key.version for key in state.ring.status() if key.use == "index")
    row = select(IdentifierRow.patient).limit(1)
    return {
        "wrap": tuple(sorted(state.connection.scalars(wrapped))),
        "index": tuple(
            version
            for version in index
            if state.connection.execute(
                row.where(under(IdentifierRow.blind_index, version))
            ).first()
        ),
    }


def _batches(connection: Connection, table: Table) -> Iterator[Sequence[Row[Any]]]:
    """The rows of ``table`` by primary key, in batches of some megabytes."""
    rows = connection.execute(
        select(table).order_by(*table.primary_key), execution_options={"yield_per": _ROWS}
    )
    batch: list[Row[Any]] = []
    size = 0
    for part in rows.partitions():
        batch += part
        size += sum(len(value) for row in part for value in row if isinstance(value, bytes))
        if size > _BATCH_BYTES or len(batch) >= 100 * _ROWS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
