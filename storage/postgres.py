"""What is particular to PostgreSQL: the connection, the gate, and what its errors mean.

A store takes one schema of a database that an administrator has made: the one
its role's search path names first. The role needs no more than the rights to
make tables there and to use them.
"""

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy import Connection, Engine, create_engine, inspect, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError, DataError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from storage.errors import (
    InvalidRecordError,
    StorageError,
    StoreBusyError,
    StoreUnavailableError,
)
from storage.postgres_location import checked, in_words
from storage.tables import Base, MetaRow

logger = logging.getLogger(__name__)

BUSY_SECONDS = 30.0

# Advisory locks are each database's own, and wait in the order of asking.
_ENTER = text("SELECT pg_advisory_xact_lock(hashtextextended('pharmakon/' || current_schema(), 0))")
# Plain VACUUM moves rows together and leaves the bytes behind them: seen to keep the wrapped key in
# 16 of 30 erasures. FULL writes the small table of patients anew.
_ERASED = ("VACUUM (FULL) patient", "VACUUM patient_identifier, resource, suggestion, break_glass")

_BUSY = frozenset(
    {
        "40001",  # serialization_failure
        "40P01",  # deadlock_detected
        "53300",  # too_many_connections
        "55P03",  # lock_not_available: lock_timeout
        "57014",  # query_canceled: a statement_timeout of the server's
    }
)


class PostgresBackend:
    """One store in one schema of a PostgreSQL database.

    Writers queue at an advisory lock, in the order of asking, across threads,
    processes and machines. Each then sees what the one before it committed: the
    write transaction is READ COMMITTED, because a snapshot taken on the way in
    would be older than the lock. Nobody else writes, so its reads agree with
    each other, and it cannot fail to serialize.
    """

    dialect = "postgresql"

    def __init__(self, location: str, *, busy_seconds: float = BUSY_SECONDS) -> None:
        """Prepare to connect; the first use does.

        Args:
            location: ``postgresql+psycopg://user@host:port/database``, with
                ``host`` (for a Unix socket), ``passfile`` and libpq's ``ssl…``
                parameters after a question mark.
            busy_seconds: how long a writer waits for others.

        Raises:
            StoreUnavailableError: not such a location, one that would go
                unverified to another machine, or psycopg is not installed.
        """
        url, addresses = checked(location)
        self.name = in_words(url, addresses.get("host"))
        self._busy_seconds = busy_seconds
        options = {
            # On the server: 0 would be no limit.
            "lock_timeout": f"{max(1, round(1000 * busy_seconds))}ms",
            # What was acknowledged is on disk, whatever the role's or database's default.
            "synchronous_commit": "on",
            # A writer's machine that vanished must not hold the gate for hours.
            "tcp_keepalives_idle": "10",
            "tcp_keepalives_interval": "5",
            "tcp_keepalives_count": "3",
        }
        arguments = {
            "application_name": "pharmakon",
            "connect_timeout": max(2, math.ceil(busy_seconds)),
            "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
            **addresses,
        }
        # Two pools: someone who reads and then writes holds one of each, and whoever waits for
        # the gate takes no connection from those who read.
        self._writers = _engine(url, arguments, "READ COMMITTED", busy_seconds)
        self._readers = _engine(url, arguments, "REPEATABLE READ", busy_seconds).execution_options(
            postgresql_readonly=True
        )

    def __repr__(self) -> str:
        return f"PostgresBackend({self.name!r})"

    def exists(self) -> bool:
        """Whether a store lies there.

        Raises:
            StoreUnavailableError: the database cannot be reached, or its server
                would lose what it acknowledges.
        """
        with self.snapshot() as connection:
            try:
                _check_server(connection)
                return inspect(connection).has_table(MetaRow.__tablename__)
            except DatabaseError as error:
                raise self.error(error) from error

    def create(self, fill: Callable[[Connection], None]) -> None:
        """Let ``fill`` make the store, in one transaction.

        Raises:
            StoreUnavailableError: there is a store already, the database
                cannot be written, or its server would lose what it acknowledges.
        """
        with self.gate() as connection:
            try:
                _check_server(connection)
                ours = {*Base.metadata.tables, "alembic_version"}
                if taken := sorted(ours.intersection(inspect(connection).get_table_names())):
                    raise StoreUnavailableError(
                        f"{self.name} holds a table {taken[0]!r} already; a store is never "
                        "overwritten: give it a database or a schema of its own"
                    )
                fill(connection)
                connection.commit()
            except DatabaseError as error:
                raise self.error(error) from error

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """One consistent state to read; it holds up no writer and waits for none.

        Raises:
            StoreUnavailableError: the database cannot be reached.
            StoreBusyError: every connection was in use for too long.
        """
        with self._connected(self._readers) as connection:
            yield connection

    @contextmanager
    def gate(self) -> Iterator[Connection]:
        """The one write transaction at a time, in the order of asking.

        Rolled back at the end of the block unless the caller committed.

        Raises:
            StoreBusyError: others held the gate for too long.
            StoreUnavailableError: the database cannot be reached.
        """
        with self._connected(self._writers) as connection:
            try:
                connection.execute(_ENTER)
            except DatabaseError as error:
                raise self.error(error) from error
            yield connection

    def error(self, error: DatabaseError) -> StorageError:
        """The error of this package that says what ``error`` means.

        Quotes no more of it than the server's first line: what follows there
        (``DETAIL``) can hold a row.
        """
        if isinstance(error, DataError):
            # Also NUL in a text, which PostgreSQL cannot hold and the driver refuses.
            return InvalidRecordError(
                f"a value is not of the form that its column in {self.name} holds"
            )
        if error.connection_invalidated and error.statement is None:
            return StoreUnavailableError(
                f"the connection to {self.name} was lost while committing: whether the change was "
                "made is not known; read the record before doing it again"
            )
        state = getattr(error.orig, "sqlstate", None)
        if state in _BUSY:
            return StoreBusyError(
                f"the store {self.name} is in use by others and was not free within "
                f"{self._busy_seconds:g} seconds (SQLSTATE {state}): try again"
            )
        return StoreUnavailableError(f"the store {self.name} cannot be used: {_reason(error)}")

    def after_commit(self, *, has_erased: bool) -> None:
        """After an erasure, free the row versions that still hold the destroyed key.

        PostgreSQL overwrites them at its leisure, and its write-ahead log and
        replicas keep them longer: until the key-encryption key is rotated and
        the old one retired, they open with it.
        """
        if not has_erased:
            return
        engine = self._writers.execution_options(isolation_level="AUTOCOMMIT")
        try:
            with self._connected(engine) as connection:
                for statement in _ERASED:
                    connection.exec_driver_sql(statement)
        except (DatabaseError, StorageError) as error:
            logger.warning(
                "%s was not vacuumed after an erasure (%s): run %s",
                self.name,
                error,
                "; ".join(_ERASED),
            )

    def close(self) -> None:
        """Close every connection."""
        self._writers.dispose()
        self._readers.dispose()

    @contextmanager
    def _connected(self, engine: Engine) -> Iterator[Connection]:
        try:
            connection = engine.connect()
        except PoolTimeoutError as error:
            raise StoreBusyError(
                f"all of this process's connections to {self.name} were in use for "
                f"{self._busy_seconds:g} seconds: try again"
            ) from error
        except DatabaseError as error:
            raise StoreUnavailableError(
                f"the store {self.name} cannot be reached: {_reason(error)}"
            ) from error
        with connection:
            yield connection


def _engine(url: URL, arguments: dict[str, Any], isolation: Any, busy_seconds: float) -> Engine:
    return create_engine(
        url,
        connect_args=arguments,
        isolation_level=isolation,
        hide_parameters=True,
        pool_size=4,
        max_overflow=12,
        pool_timeout=busy_seconds,
        pool_pre_ping=True,  # a server that was restarted is not noticed by whoever comes next
        use_native_hstore=False,
    )


def _check_server(connection: Connection) -> None:
    """Refuse a server on which a store's promises do not hold.

    Raises:
        StoreUnavailableError: it loses what it acknowledged, cannot hold every
            name, or leads the role to no schema.
    """
    fsync, pages, encoding, schema = connection.execute(
        text(
            "SELECT current_setting('fsync'), current_setting('full_page_writes'),"
            " current_setting('server_encoding'), current_schema()"
        )
    ).one()
    if "off" in (fsync, pages):
        raise StoreUnavailableError(
            f"the server runs with fsync={fsync} and full_page_writes={pages}: it can lose what it "
            "acknowledged; both must be on"
        )
    if encoding != "UTF8":
        raise StoreUnavailableError(
            f"the database is encoded in {encoding}; a store needs one in UTF8"
        )
    if schema is None:
        raise StoreUnavailableError("the search path of this role leads to no schema")


def _reason(error: DatabaseError) -> str:
    """The server's first line and its SQLSTATE, or the driver's where no server answered."""
    diagnosis = getattr(error.orig, "diag", None)
    primary = cast("str | None", getattr(diagnosis, "message_primary", None))
    state = getattr(error.orig, "sqlstate", None)
    if primary is None:
        return " ".join(str(error.orig).split())
    return f"{primary} (SQLSTATE {state})"
