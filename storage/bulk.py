"""Many rows into a table at once: SQLite's ``executemany``, PostgreSQL's COPY."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import BigInteger, Connection, Integer, LargeBinary, Table

from storage.errors import StoreUnavailableError

Rows = Sequence[Sequence[Any]]


def insert_rows(connection: Connection, table: Table, batches: Iterable[Rows]) -> None:
    """Write rows as they are, values in the order of the columns.

    Raises:
        StoreUnavailableError: PostgreSQL refused them.
        DatabaseError: SQLite did.
    """
    names = ", ".join(column.name for column in table.columns)
    if connection.dialect.name == "postgresql":
        _copy(connection, table, names, batches)
        return
    marks = ", ".join("?" * len(table.columns))
    statement = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"  # noqa: S608 - our names
    for rows in batches:
        if rows:
            connection.exec_driver_sql(statement, list(map(tuple, rows)))


def _copy(connection: Connection, table: Table, names: str, batches: Iterable[Rows]) -> None:
    import psycopg

    driver: Any = connection.connection.driver_connection
    try:
        with (
            driver.cursor() as cursor,
            cursor.copy(f"COPY {table.name} ({names}) FROM STDIN (FORMAT BINARY)") as copy,
        ):
            copy.set_types([_type_name(column.type) for column in table.columns])
            for rows in batches:
                for row in rows:
                    copy.write_row(row)
    except psycopg.Error as error:
        # Not chained: the message may quote a row.
        raise StoreUnavailableError(
            f"PostgreSQL refused rows of table {table.name} (SQLSTATE {error.sqlstate})"
        ) from None


def _type_name(kind: Any) -> str:
    if isinstance(kind, LargeBinary):
        return "bytea"
    if isinstance(kind, BigInteger):
        return "int8"
    return "int4" if isinstance(kind, Integer) else "text"
