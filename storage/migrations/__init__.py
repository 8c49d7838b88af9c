"""Bring an older store up to the schema of this program, whole or not at all.

Each revision is a file in ``versions``, run by Alembic inside one write
transaction: a migration that is killed or refused leaves the old store as it
was. A new store is made by ``storage.tables`` and marked with the newest
revision; a test holds the two ways to the same schema.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, inspect, select
from sqlalchemy.exc import DatabaseError

from storage import verification
from storage.audit import Clock, SignedState, label
from storage.backend import Backend
from storage.errors import NotFoundError, SchemaVersionError
from storage.keys import KeyRing
from storage.tables import REVISION, REVISION_TABLE
from storage.tombstones import FILE_NAME, Tombstones

FIRST = "0001"  # whose stores do not record it


def current_revision(connection: Connection) -> str | None:
    """The revision of the store's schema; None where there is no store."""
    tables = inspect(connection)
    if tables.has_table(REVISION_TABLE.name):
        return connection.scalar(select(REVISION_TABLE.c.version_num))
    return FIRST if tables.has_table("meta") else None


def upgrade(
    backend: Backend,
    ring: KeyRing,
    *,
    actor: str,
    clock: Clock = lambda: datetime.now(UTC),
) -> str:
    """Migrate the store to the newest revision; returns the revision that it had.

    The old store is verified first, down to the last sealed value, so that
    what somebody changed in it is not signed as good; the new one is verified
    before it is committed. Its audit entries keep
    their bytes: a head kept outside still shows what it showed. What was done
    is itself an entry of the log, ``store.migrate``. A store that is up to date
    is left as it is.

    Args:
        backend: where the store lies. Nobody else should be using it.
        ring: the store's key ring.
        actor: who migrates. A store of revision 0001 knows no actors: this
            one gets every role, and grants them to the others.
        clock: the time, for the audit entry.

    Raises:
        NotFoundError: there is no store.
        SchemaVersionError: the store is newer than this program.
        KeyRingError: ``ring`` is another store's.
        AuditError: the old store is not the one that was signed; nothing was changed.
        InvalidRecordError: ``actor`` cannot be logged.
        StoreBusyError: others held the store for too long.
        StoreUnavailableError: the database cannot be written.
    """
    label("actor", actor)
    if not backend.exists():
        raise NotFoundError(f"no patient store at {backend.name}: create one first")
    try:
        with backend.gate() as connection:
            before = current_revision(connection)
            if before is None:
                raise NotFoundError(f"no patient store at {backend.name}: create one first")
            if before > REVISION:
                raise SchemaVersionError(
                    f"{backend.name} has schema {before}, newer than {REVISION}: this program is "
                    "too old"
                )
            if before < REVISION:
                run(connection, {"ring": ring, "actor": actor, "clock": clock}, start=before)
                tombstones = Tombstones.open(ring.folder / FILE_NAME, ring)
                verification.verify(SignedState(connection, ring, None), tombstones)
                connection.commit()
    except DatabaseError as error:
        raise backend.error(error) from error
    return before


def run(
    connection: Connection,
    attributes: Mapping[str, Any],
    *,
    start: str | None = None,
    to: str = REVISION,
) -> None:
    """Run the revisions after ``start`` up to ``to`` in the caller's transaction.

    Args:
        connection: in a transaction, which the caller commits.
        attributes: what revisions need: ``ring``, ``actor`` and ``clock``.
        start: the revision that the database has; None for an empty one.
        to: the last one to run.
    """
    from alembic import command
    from alembic.config import Config

    if start is not None:
        REVISION_TABLE.create(connection, checkfirst=True)
        if connection.scalar(select(REVISION_TABLE.c.version_num)) is None:
            connection.execute(insert(REVISION_TABLE), {"version_num": start})
    config = Config()
    # Alembic reads the place as a template, in which % is special.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes.update(attributes, connection=connection)
    command.upgrade(config, to)
