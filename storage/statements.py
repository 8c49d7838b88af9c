"""Statements that run often: compiled once by SQLAlchemy, then run on the driver's own cursor.

SQLAlchemy takes 12 to 40 microseconds for each execution of a statement, SQLite one or two. An
audited read is seven statements: without this, they cost more than its encryption, its tree and its
signature together. Transactions are SQLAlchemy's, as everywhere.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ClauseElement, Connection, Dialect, LargeBinary, Select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.visitors import iterate

Values = Mapping[str, Any]
Row = tuple[Any, ...]


class Statement:
    """A SELECT, INSERT, UPDATE or DELETE that is built once, at import.

    It runs in the connection's transaction, and raises what SQLAlchemy would.
    """

    def __init__(self, statement: ClauseElement, *columns: str) -> None:
        """Take a Core statement with at most one expanding parameter.

        Args:
            statement: its parameters are named; of what it selects, no column has a type that
                SQLAlchemy would convert, but ``Bytes`` and ``Words``.
            columns: of an UPDATE without values of its own, the columns to set.
        """
        self._statement = statement
        self._columns = columns or None
        parameters = [e for e in iterate(statement) if isinstance(e, BindParameter)]
        self._list = next((p.key for p in parameters if p.expanding), None)
        self._compiled: dict[tuple[str, int], _Compiled] = {}

    def all(self, connection: Connection, values: Values | None = None) -> list[Row]:
        """Every row."""
        compiled, cursor = self._executed(connection, values or {})
        return compiled.converted(cursor.fetchall())

    def batches(self, connection: Connection, size: int) -> Generator[list[Row], None, None]:
        """Every row, ``size`` at a time and no more in memory; to be closed if it is left early."""
        compiled = self._for(connection.dialect, 0)
        driver = _begun(connection)
        try:
            # PostgreSQL's cursors hold all rows in memory, but for those with a name.
            named = {} if connection.dialect.name == "sqlite" else {"name": f"batches_{id(self)}"}
            with closing(driver.cursor(**named)) as cursor:
                cursor.execute(compiled.sql, compiled.bound({}))
                while rows := cursor.fetchmany(size):
                    yield compiled.converted(rows)
        except connection.dialect.loaded_dbapi.Error as error:
            raise translated(error, connection, compiled.sql) from error

    def first(self, connection: Connection, values: Values | None = None) -> Row | None:
        """The first row, if there is one."""
        rows = self.all(connection, values)
        return rows[0] if rows else None

    def scalars(self, connection: Connection, values: Values | None = None) -> list[Any]:
        """The first column of every row."""
        return [row[0] for row in self.all(connection, values)]

    def scalar(self, connection: Connection, values: Values | None = None) -> Any:
        """The first column of the first row, or None."""
        rows = self.all(connection, values)
        return rows[0][0] if rows else None

    def run(self, connection: Connection, values: Values) -> int:
        """Execute what returns no rows; how many were changed."""
        _, cursor = self._executed(connection, values)
        return int(cursor.rowcount)

    def run_many(self, connection: Connection, rows: Sequence[Values]) -> int:
        """Execute what returns no rows, once for each of ``rows``; how many were changed."""
        compiled = self._for(connection.dialect, 0)
        values = [compiled.bound(row) for row in rows]
        cursor = _begun(connection).cursor()
        try:
            cursor.executemany(compiled.sql, values)
        except connection.dialect.loaded_dbapi.Error as error:
            raise translated(error, connection, compiled.sql) from error
        return int(cursor.rowcount)

    def _executed(self, connection: Connection, values: Values) -> "tuple[_Compiled, Any]":
        n_values = len(values[self._list]) if self._list else 0
        compiled = self._for(connection.dialect, n_values)
        driver = _begun(connection)
        try:
            return compiled, driver.execute(compiled.sql, compiled.bound(values))
        except connection.dialect.loaded_dbapi.Error as error:
            raise translated(error, connection, compiled.sql) from error

    def _for(self, dialect: Dialect, n_values: int) -> "_Compiled":
        compiled = self._compiled.get((dialect.name, n_values))
        if compiled is None:
            compiled = _compile(self._statement, self._columns, dialect, self._list, n_values)
            self._compiled[dialect.name, n_values] = compiled
        return compiled


@contextmanager
def savepoint(connection: Connection) -> Iterator[None]:
    """What the block did is undone if it fails; what the transaction did before it stays."""
    driver = _begun(connection)
    try:
        driver.execute("SAVEPOINT operation")
        try:
            yield
        except BaseException:
            # After an I/O error the whole transaction may be gone: the first error is the reason.
            with suppress(connection.dialect.loaded_dbapi.Error):
                driver.execute("ROLLBACK TO SAVEPOINT operation")
                driver.execute("RELEASE SAVEPOINT operation")
            raise
        driver.execute("RELEASE SAVEPOINT operation")
    except connection.dialect.loaded_dbapi.Error as error:
        raise translated(error, connection, "SAVEPOINT") from error


def driver_of(connection: Connection) -> Any:
    """The driver's connection."""
    return connection.connection.driver_connection


def _begun(connection: Connection) -> Any:
    if not connection.in_transaction():
        connection.begin()
    return driver_of(connection)


class _Compiled(NamedTuple):
    """SQL of one dialect, and what its driver wants to be given."""

    sql: str
    order: Sequence[str] | None  # of positional parameters; None: by name
    constants: Values  # values that are part of the statement
    parts: Sequence[str]  # names of the values of a list
    list_name: str | None
    conversions: Sequence[tuple[int, type, Any]]  # of columns that may hold another type

    def converted(self, rows: list[Row]) -> list[Row]:
        """The rows with what a writer of a SQLite file put in the place of bytes or text."""
        for place, kind, convert in self.conversions:  # hardly ever needed
            if any(type(row[place]) is not kind and row[place] is not None for row in rows):
                rows = [(*row[:place], convert(row[place]), *row[place + 1 :]) for row in rows]
        return rows

    def bound(self, values: Values) -> Any:
        """The values as the driver takes them."""
        if self.constants or self.list_name:
            values = {**self.constants, **values}
            if self.list_name:
                values.update(zip(self.parts, values.pop(self.list_name), strict=True))
        return values if self.order is None else [values[name] for name in self.order]


def _compile(
    statement: Any, columns: Sequence[str] | None, dialect: Dialect, name: str | None, n_values: int
) -> _Compiled:
    compiled = statement.compile(dialect=dialect, column_keys=columns)
    constants = {
        key: value for key, value in compiled.params.items() if value is not None and key != name
    }
    conversions = []
    if isinstance(statement, Select):
        for place, column in enumerate(statement.selected_columns):
            convert = column.type.dialect_impl(dialect).result_processor(dialect, None)
            if convert is not None:
                kind = bytes if isinstance(column.type, LargeBinary) else str
                conversions.append((place, kind, convert))
    if name is None:
        return _Compiled(compiled.string, compiled.positiontup, constants, (), None, conversions)
    values = {**compiled.params, name: [b""] * n_values}
    expanded = compiled.construct_expanded_state(values)
    parts = expanded.parameter_expansion[name]
    order = expanded.positiontup
    return _Compiled(expanded.statement, order, constants, parts, name, conversions)


def translated(error: Exception, connection: Connection, sql: str) -> BaseException:
    """The exception that SQLAlchemy raises for one of the driver's; it shows no values."""
    base = connection.dialect.loaded_dbapi.Error
    return DBAPIError.instance(
        sql, None, error, base, hide_parameters=True, dialect=connection.dialect
    )
