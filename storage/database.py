"""The database of one store, and units of work: one transaction, rolled back unless committed."""

import logging
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from sqlalchemy import Engine, inspect, select
from sqlalchemy.exc import DatabaseError, IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from storage import verification
from storage.audit import OK, ROLLED_BACK, AuditEntry, AuditLog, Clock
from storage.checkpoint import Checkpoint
from storage.errors import (
    KeyRingError,
    NotFoundError,
    SchemaVersionError,
    StorageError,
    StoreUnavailableError,
)
from storage.files import new_file_beside, place
from storage.keys import KeyRing
from storage.proofs import AuditProof
from storage.records import PatientRepository
from storage.sqlite import (
    BUSY_SECONDS,
    engine_for,
    file_of,
    primary_code,
    store_error,
    write_empty_store,
)
from storage.tables import SCHEMA_VERSION, MetaRow
from storage.verification import AuditReport

logger = logging.getLogger(__name__)


class UnitOfWork:
    """One transaction for one actor and purpose.

    Only ``commit`` makes anything last; leaving the block without it rolls
    back. It can be committed once, and not used afterwards.
    """

    def __init__(
        self,
        session: Session,
        audit: AuditLog,
        patients: PatientRepository,
        *,
        after_erasure: Callable[[], None],
    ) -> None:
        self._session = session
        self._after_erasure = after_erasure
        self.audit = audit
        self.patients = patients
        self.is_committed = False

    def commit(self) -> Checkpoint:
        """Sign the head and make everything last, or nothing; returns the signed head."""
        head = self.audit.sign()
        self._session.commit()
        self.is_committed = True
        self._session.close()
        if self.patients.has_erased:
            self._after_erasure()
        return head


class Database:
    """A store and the key ring that opens it. Made by ``create`` or ``open``; close it after use.

    Every unit of work is a write transaction, because every read writes its
    audit entry; SQLite lets one of them in at a time, in the order of asking
    only roughly.
    """

    def __init__(
        self, engine: Engine, path: Path, ring: KeyRing, *, clock: Clock, busy_seconds: float
    ) -> None:
        """Take parts that fit; ``open`` is the door for callers."""
        self.path = path
        self._engine = engine
        self._reader = engine.execution_options(storage_begin="DEFERRED")
        self._ring = ring
        self._clock = clock
        self._busy_seconds = busy_seconds

    @classmethod
    def create(
        cls,
        location: str | Path,
        ring: KeyRing,
        *,
        clock: Clock = lambda: datetime.now(UTC),
        busy_seconds: float = BUSY_SECONDS,
    ) -> Self:
        """Make an empty store for ``ring`` in a new file of mode 0600, whole or not at all.

        Raises:
            StoreUnavailableError: the file exists, or cannot be written.
        """
        path = file_of(location)
        try:
            draft = new_file_beside(path)
            try:
                write_empty_store(draft, ring, clock)
                place(draft, path)
            finally:
                draft.unlink(missing_ok=True)
        except FileExistsError:
            raise StoreUnavailableError(
                f"{path} exists already; a store is never overwritten"
            ) from None
        except OSError as error:
            raise StoreUnavailableError(f"no store can be made at {path}: {error}") from error
        except DatabaseError as error:
            raise store_error(error, path, busy_seconds) from error
        return cls.open(path, ring, clock=clock, busy_seconds=busy_seconds)

    @classmethod
    def open(
        cls,
        location: str | Path,
        ring: KeyRing,
        *,
        clock: Clock = lambda: datetime.now(UTC),
        busy_seconds: float = BUSY_SECONDS,
    ) -> Self:
        """Open an existing store; a file that others could use is made the owner's alone.

        Args:
            location: path of the SQLite file, or its ``sqlite:///`` URL.
            ring: the store's key ring.
            clock: the time, for entries and rows.
            busy_seconds: how long a unit waits for another writer.

        Raises:
            NotFoundError: there is no such file.
            SchemaVersionError: it is not a store, or of an unknown version.
            KeyRingError: ``ring`` is another store's.
            StoreUnavailableError: others can use the file, and that cannot be changed.
        """
        path = file_of(location)
        if not path.is_file():
            raise NotFoundError(f"no patient store at {path}: create one first")
        _close_to_others(path)
        engine = engine_for(path, busy_seconds)
        database = cls(engine, path, ring, clock=clock, busy_seconds=busy_seconds)
        try:
            database._check_meta()
        except BaseException:
            database.close()
            raise
        return database

    def __repr__(self) -> str:
        return f"Database({str(self.path)!r}, store_id={self._ring.store_id!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextmanager
    def unit(self, actor: str, *, purpose: str) -> Iterator[UnitOfWork]:
        """One transaction for ``actor``, rolled back unless ``commit`` is called in the block.

        What a rolled-back unit had read, it has seen: its entries are written
        again in a transaction of their own, with the outcome ``rolled-back``,
        and after an error one more, ``unit.failed``, with the error's name.

        Raises:
            StoreBusyError: another writer did not finish in time.
            StoreUnavailableError: the database cannot be read or written.
            AuditError: the log is not the one that was signed; nothing is
                done on top of it.
            InvalidRecordError: ``actor`` or ``purpose`` cannot be logged.
        """
        with self._translated(), Session(self._engine, close_resets_only=False) as session:
            audit = AuditLog(session, self._ring, actor=actor, purpose=purpose, clock=self._clock)
            patients = PatientRepository(session, self._ring, audit)
            unit = UnitOfWork(session, audit, patients, after_erasure=self._clear_write_ahead_log)
            try:
                yield unit
            except BaseException as error:
                if not unit.is_committed:
                    session.close()
                    self._record_after_error(actor, purpose, audit.appended, error)
                raise
            if not unit.is_committed:
                session.close()
                self._record(actor, purpose, audit.appended)

    def verify_audit(self, checkpoint: str | None = None) -> AuditReport:
        """Check the whole log, its head and every patient's row against each other.

        Args:
            checkpoint: text of a head kept elsewhere, which the log must extend.

        Raises:
            AuditError: the first thing that does not hold; its ``index`` names
                the entry where one can be named.
        """
        earlier = None if checkpoint is None else Checkpoint.parse(checkpoint)
        with self._reading() as session:
            return verification.verify(session, self._ring, earlier)

    def audit_log(self, limit: int = 50) -> tuple[AuditEntry, ...]:
        """The last ``limit`` entries, oldest first, each checked against the tree.

        Raises:
            AuditError: one is missing or not the one that was signed.
        """
        with self._reading() as session:
            return self._log(session).latest(limit)

    def checkpoint(self) -> Checkpoint:
        """The signed head; keep its ``text`` elsewhere.

        Raises:
            AuditError: it is missing, or does not fit the stored trees.
        """
        with self._reading() as session:
            return self._log(session).head

    def prove(self, index: int) -> AuditProof:
        """Evidence that entry ``index`` is in the log, which needs no database to check.

        Raises:
            NotFoundError: the log has no such entry.
            AuditError: it is not the one that was signed.
        """
        with self._reading() as session:
            log = self._log(session)
            if not 0 <= index < log.entries.size:
                raise NotFoundError(f"the log has entries 0 to {log.entries.size - 1}, not {index}")
            return AuditProof(log.entry(index), tuple(log.entries.inclusion_proof(index)), log.head)

    def consistency_proof(self, n_entries: int) -> tuple[bytes, ...]:
        """Hashes that show a holder of an old head of ``n_entries`` that the log extends it.

        To be checked with ``storage.merkle.is_consistent``.

        Raises:
            NotFoundError: the log is shorter.
        """
        with self._reading() as session:
            log = self._log(session)
            if not 0 <= n_entries <= log.entries.size:
                raise NotFoundError(f"the log has {log.entries.size} entries, not {n_entries}")
            return tuple(log.entries.consistency_proof(n_entries))

    def _log(self, session: Session) -> AuditLog:
        return AuditLog(session, self._ring, actor="storage", purpose="audit", clock=self._clock)

    def _check_meta(self) -> None:
        try:
            with self._reader.connect() as connection:
                if not inspect(connection).has_table(MetaRow.__tablename__):
                    raise SchemaVersionError(f"{self.path} is not a patient store")
                meta = connection.execute(select(MetaRow.schema_version, MetaRow.store_id)).first()
        except DatabaseError as error:
            if primary_code(error) == sqlite3.SQLITE_NOTADB:
                raise SchemaVersionError(f"{self.path} is not a patient store") from None
            raise store_error(error, self.path, self._busy_seconds) from error
        version, store_id = meta or (None, None)
        if version != SCHEMA_VERSION:
            raise SchemaVersionError(
                f"{self.path} has schema version {version}; this program knows {SCHEMA_VERSION}"
            )
        if store_id != self._ring.store_id:
            raise KeyRingError(
                f"this key ring is of store {self._ring.store_id}, but {self.path} "
                f"is store {store_id}: use the ring it was created with"
            )

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        """One consistent view of the database that holds up no writer."""
        with self._translated(), Session(self._reader) as session:
            yield session

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Failures of the database as errors of this package; bugs stay what they are."""
        try:
            yield
        except DatabaseError as error:
            if isinstance(error, IntegrityError | ProgrammingError):
                raise
            raise store_error(error, self.path, self._busy_seconds) from error

    def _record(
        self, actor: str, purpose: str, seen: list[AuditEntry], failure: str | None = None
    ) -> None:
        """Write the entries of a unit that was rolled back, in a transaction of their own."""
        if not seen and failure is None:
            return
        with Session(self._engine) as session:
            audit = AuditLog(session, self._ring, actor=actor, purpose=purpose, clock=self._clock)
            for entry in seen:
                outcome = ROLLED_BACK if entry.outcome == OK else entry.outcome
                audit.append(
                    entry.action, subject=entry.subject, outcome=outcome, detail=entry.detail
                )
            if failure is not None:
                audit.append("unit.failed", outcome=failure)
            audit.sign()
            session.commit()

    def _record_after_error(
        self, actor: str, purpose: str, seen: list[AuditEntry], error: BaseException
    ) -> None:
        try:
            self._record(actor, purpose, seen, failure=type(error).__name__)
        except (StorageError, DatabaseError) as second:
            error.add_note(f"and the audit log could not record it: {type(second).__name__}")

    def _clear_write_ahead_log(self) -> None:
        """Move the log's pages into the database and empty it: it still holds the erased key."""
        connection = self._engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            is_busy, *_ = cursor.fetchone() or (1,)
        finally:
            connection.close()
        if is_busy:
            logger.warning(
                "the write-ahead log of store %s is in use and was not cleared after an erasure; "
                "it is cleared when the store is next closed",
                self._ring.store_id,
            )


def _close_to_others(path: Path) -> None:
    """Take the rights of group and others from the store and its log files."""
    for file in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        try:
            mode = stat.S_IMODE(file.stat().st_mode)
            if mode & 0o077:
                os.chmod(file, mode & 0o700)
                logger.warning("%s could be used by others (mode %04o): closed to them", file, mode)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StoreUnavailableError(
                f"{file} can be used by others and that cannot be changed ({error.strerror}): "
                "run chmod 600 on it"
            ) from error
