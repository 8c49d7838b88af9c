"""What is particular to SQLite: the file, the gate, how it begins, and what its errors mean."""

import logging
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError

from storage.errors import (
    NotFoundError,
    SchemaVersionError,
    StorageError,
    StoreBusyError,
    StoreUnavailableError,
)
from storage.files import new_file_beside, place
from storage.gate import FileGate, hold_alone
from storage.statements import driver_of, translated
from storage.tables import MetaRow

logger = logging.getLogger(__name__)

BUSY_SECONDS = 30.0
_LOG_BYTES = 4 * 1024 * 1024  # as long as SQLite lets it grow by itself
_FOLD_SECONDS = 0.5  # at least between two foldings, whoever does them


class SqliteBackend:
    """One store in one file of mode 0600, with its log and gate files beside it.

    Write transactions begin at once as writers (``BEGIN IMMEDIATE``): a deferred
    one that reads and then writes fails where another has written meanwhile.
    """

    dialect = "sqlite"

    def __init__(self, path: Path, *, busy_seconds: float = BUSY_SECONDS) -> None:
        """Prepare to open ``path``; a writer waits at most ``busy_seconds`` for others."""
        self.path = path
        self.name = str(path)
        self._busy_seconds = busy_seconds
        self._gate = FileGate(path)
        self._log = path.with_name(path.name + "-wal")
        self._fold_file = path.with_name(path.name + "-fold")
        self._folding = threading.Lock()
        self._engine = _engine(path, busy_seconds, "synchronous=FULL", "wal_autocheckpoint=0")
        self._reader = self._engine.execution_options(storage_begin="DEFERRED")

    def __repr__(self) -> str:
        return f"SqliteBackend({self.name!r})"

    def exists(self) -> bool:
        """Whether a store lies there; a file that others could use is made the owner's alone.

        Raises:
            SchemaVersionError: there is something else.
            StoreUnavailableError: a folder lies there, or others can use the file, and that
                cannot be changed.
        """
        if self.path.is_dir():
            raise StoreUnavailableError(
                f"{self.path} is a folder; a store is a file: name one in it, such as "
                f"{self.path / 'patients.db'}"
            )
        if not self.path.is_file():
            return False
        self._close_to_others()
        try:
            with self._reader.connect() as connection:
                is_store = inspect(connection).has_table(MetaRow.__tablename__)
        except DatabaseError as error:
            if _primary_code(error) != sqlite3.SQLITE_NOTADB:
                raise self.error(error) from error
            is_store = False
        if not is_store:
            raise SchemaVersionError(f"{self.path} is not a patient store")
        return True

    def create(self, fill: Callable[[Connection], None]) -> None:
        """Let ``fill`` make the store in a draft, which is then placed whole.

        Raises:
            StoreUnavailableError: the file exists, or cannot be written.
        """
        try:
            draft = new_file_beside(self.path)
            try:
                self._fill(draft, fill)
                place(draft, self.path)
            finally:
                for end in ("", "-journal", "-wal", "-shm"):
                    draft.with_name(draft.name + end).unlink(missing_ok=True)
        except FileExistsError:
            raise StoreUnavailableError(
                f"{self.path} exists already; a store is never overwritten"
            ) from None
        except StorageError:
            raise
        except OSError as error:
            raise StoreUnavailableError(f"no store can be made at {self.path}: {error}") from error

    def _fill(self, draft: Path, fill: Callable[[Connection], None]) -> None:
        # Nobody else uses a draft, and ``place`` waits until all of it is on disk.
        engine = _engine(draft, self._busy_seconds, "synchronous=OFF", "journal_mode=MEMORY")
        try:
            with engine.connect() as connection:
                fill(connection)
                connection.commit()
            raw = engine.raw_connection()
            try:
                raw.cursor().execute("PRAGMA journal_mode=WAL")
            finally:
                raw.close()
        except sqlite3.Error as error:
            raise StoreUnavailableError(f"no store can be made at {self.path}: {error}") from error
        except DatabaseError as error:
            raise self.error(error) from error
        finally:
            engine.dispose()

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """One consistent state to read; it holds up no writer."""
        with self._reader.connect() as connection:
            yield connection

    @contextmanager
    def gate(self) -> Iterator[Connection]:
        """The one write transaction at a time, in the order of asking.

        Raises:
            StoreBusyError: others held the gate for too long.
        """
        with ExitStack() as stack:
            try:
                is_inside = stack.enter_context(self._gate.hold(self._busy_seconds))
            except FileNotFoundError:
                raise NotFoundError(f"the folder of {self.path} is gone") from None
            except OSError as error:
                raise StoreUnavailableError(
                    f"the gate files beside {self.path} cannot be used: {error.strerror}"
                ) from error
            if not is_inside:
                raise self._busy()
            connection = stack.enter_context(self._engine.connect())
            try:
                yield connection
            except (DatabaseError, StorageError) as error:
                if isinstance(error.__cause__ or error, DatabaseError):
                    # A commit that failed may leave its transaction open, and closing
                    # does not end it while somebody holds the error and its cursor.
                    with suppress(sqlite3.Error):
                        driver_of(connection).rollback()
                    connection.invalidate()
                raise

    def error(self, error: DatabaseError) -> StorageError:
        """The error of this package that says what ``error`` means."""
        if _primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return self._busy()
        return StoreUnavailableError(f"the store {self.path} cannot be used: {error.orig}")

    def after_commit(self, *, has_erased: bool) -> None:
        """Fold the write-ahead log into the file where it has grown long.

        After an erasure, empty it: it still holds the erased key.
        """
        if has_erased:
            with self._folding:
                is_busy = self._checkpoint("TRUNCATE")
            if is_busy:
                logger.warning(
                    "the write-ahead log of %s was not cleared after an erasure; "
                    "it is cleared when the store is next closed",
                    self.path,
                )
        elif self._is_long() and self._folding.acquire(blocking=False):
            # SQLite would do it in whose commit it falls due, behind the gate, and all would wait.
            threading.Thread(target=self._fold, name="storage-fold", daemon=True).start()

    def _fold(self) -> None:
        """Move what is in the log while others write, and the rest while nobody does."""
        try:
            with hold_alone(self._fold_file) as is_alone:
                if is_alone:
                    os.utime(self._fold_file)
                    self._checkpoint("PASSIVE")
                    with self._gate.hold(self._busy_seconds):
                        self._checkpoint("PASSIVE")  # now the next writer begins the log anew
        except OSError as error:
            logger.warning("the write-ahead log of %s was not folded: %s", self.path, error)
        finally:
            self._folding.release()

    def _checkpoint(self, mode: str) -> bool:
        """Whether it could not be done, or not wholly."""
        try:
            raw = self._engine.raw_connection()
            try:
                cursor = raw.cursor()
                cursor.execute(f"PRAGMA wal_checkpoint({mode})")
                is_busy, *_ = cursor.fetchone() or (1,)
            finally:
                raw.close()
        except (sqlite3.Error, DatabaseError) as error:
            logger.warning("folding the write-ahead log of %s failed: %s", self.path, error)
            return True
        return bool(is_busy)

    def _is_long(self) -> bool:
        """Whether the log has been as long as it should get, and nobody folded it just now."""
        try:
            if self._log.stat().st_size <= _LOG_BYTES:  # it never gets shorter again
                return False
            return time.time() - self._fold_file.stat().st_mtime > _FOLD_SECONDS
        except FileNotFoundError:
            return self._log.exists()
        except OSError:
            return False

    def close(self) -> None:
        """Close every connection."""
        with self._folding:
            self._engine.dispose()

    def _busy(self) -> StoreBusyError:
        return StoreBusyError(
            f"the store {self.path} is in use by another writer and was not free "
            f"within {self._busy_seconds:g} seconds: try again"
        )

    def _close_to_others(self) -> None:
        """Take the rights of group and others from the store and its log files."""
        for file in (
            self.path,
            *(self.path.with_name(self.path.name + e) for e in ("-wal", "-shm")),
        ):
            try:
                mode = stat.S_IMODE(file.stat().st_mode)
                if mode & 0o077:
                    os.chmod(file, mode & 0o700)
                    logger.warning(
                        "%s could be used by others (mode %04o): closed to them", file, mode
                    )
            except FileNotFoundError:
                continue
            except OSError as error:
                raise StoreUnavailableError(
                    f"{file} can be used by others and that cannot be changed "
                    f"({error.strerror}): run chmod 600 on it"
                ) from error


def _engine(path: Path, busy_seconds: float, *pragmas: str) -> Engine:
    """An engine that begins its own transactions and hides parameters from errors and logs."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": busy_seconds},
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # no implicit BEGIN by the driver: see _begin
        for pragma in (
            *pragmas,
            "foreign_keys=ON",
            "secure_delete=ON",
            "temp_store=MEMORY",
            "trusted_schema=OFF",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        mode = connection.get_execution_options().get("storage_begin", "IMMEDIATE")
        try:
            driver_of(connection).execute(f"BEGIN {mode}")
        except sqlite3.Error as error:
            raise translated(error, connection, "BEGIN") from error

    return engine


def _primary_code(error: DatabaseError) -> int:
    """SQLite's primary result code."""
    return int(getattr(error.orig, "sqlite_errorcode", 0)) & 0xFF
