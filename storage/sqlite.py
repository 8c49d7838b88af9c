"""What is particular to SQLite: where a store is, how it begins, and what its errors mean."""

import sqlite3
from datetime import UTC
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError
from sqlalchemy.orm import Session

from storage.audit import Clock, start_log
from storage.errors import StorageError, StoreBusyError, StoreUnavailableError
from storage.keys import KeyRing
from storage.tables import SCHEMA_VERSION, Base, MetaRow

BUSY_SECONDS = 30.0


def file_of(location: str | Path) -> Path:
    """The SQLite file that ``location`` names."""
    if isinstance(location, Path) or "://" not in location:
        return Path(location)
    try:
        url = make_url(location)
    except ArgumentError:
        raise StoreUnavailableError("the location of the store is not a valid URL") from None
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        raise StoreUnavailableError(
            f"a store is a SQLite file (sqlite:///path), not {url.get_backend_name()}"
        )
    return Path(url.database)


def engine_for(path: Path, busy_seconds: float) -> Engine:
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
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
            "temp_store=MEMORY",
            "trusted_schema=OFF",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A deferred transaction that reads and then writes fails at once where
        # another has written meanwhile; an immediate one waits at its start.
        mode = connection.get_execution_options().get("storage_begin", "IMMEDIATE")
        connection.exec_driver_sql(f"BEGIN {mode}")

    return engine


def write_empty_store(path: Path, ring: KeyRing, clock: Clock) -> None:
    """Fill the empty file at ``path``: tables, store id, and the signed head of an empty log."""
    engine = engine_for(path, BUSY_SECONDS)
    created = clock().astimezone(UTC).isoformat(timespec="microseconds")
    try:
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA journal_mode=WAL")
        finally:
            connection.close()
        with Session(engine) as session:
            Base.metadata.create_all(session.connection())
            session.add(
                MetaRow(
                    id=1, schema_version=SCHEMA_VERSION, store_id=ring.store_id, created=created
                )
            )
            start_log(session, ring, time=created)
            session.commit()
    finally:
        engine.dispose()  # the last connection folds the write-ahead log into the file


def primary_code(error: DatabaseError) -> int:
    """SQLite's primary result code."""
    return int(getattr(error.orig, "sqlite_errorcode", 0)) & 0xFF


def store_error(error: DatabaseError, path: Path, busy_seconds: float) -> StorageError:
    """The error of this package that tells what ``error`` means."""
    if primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreBusyError(
            f"the store {path} is in use by another writer and was not free "
            f"within {busy_seconds:g} seconds: try again"
        )
    return StoreUnavailableError(f"the store {path} cannot be used: {error.orig}")
