"""What a store needs of its database: a view, a gate for writers, and its errors in words."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from storage.errors import StorageError


class Backend(Protocol):
    """One database that holds, or will hold, one store.

    Attributes:
        name: the database in words, for messages; never a password.
        dialect: ``"sqlite"`` or ``"postgresql"``.
    """

    name: str
    dialect: str

    def exists(self) -> bool:
        """Whether a store lies there."""
        ...

    def create(self, fill: Callable[[Connection], None]) -> None:
        """Make an empty database and let ``fill`` make the store in it, whole or not at all.

        Raises:
            StoreUnavailableError: there is something already, or it cannot be written.
        """
        ...

    def snapshot(self) -> AbstractContextManager[Connection]:
        """One consistent state to read; it holds up no writer."""
        ...

    def gate(self) -> AbstractContextManager[Connection]:
        """The one write transaction at a time, in the order of asking.

        Rolled back at the end of the block unless the caller committed.

        Raises:
            StoreBusyError: others held the gate for too long.
        """
        ...

    def error(self, error: DatabaseError) -> StorageError:
        """The error of this package that says what ``error`` means."""
        ...

    def after_commit(self, *, has_erased: bool) -> None:
        """Housekeeping outside the gate; after an erasure, remove what the log files still hold."""
        ...

    def close(self) -> None:
        """Close every connection."""
        ...
