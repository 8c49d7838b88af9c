"""What the sealed store is compared with: the same rows in clear, as a competent developer would.

SQLAlchemy 2 Core with statements built once and executemany; JSON as text; the same foreign keys
and as many indexes as the sealed store; WAL and ``synchronous=FULL``; an audit row in the commit of
each access. No signature, no tree, no digest, no second look at what was read. With a ``key`` the
same on SQLCipher (the package ``sqlcipher3``), which encrypts the file's pages.
"""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    create_engine,
    delete,
    event,
    insert,
    select,
    update,
)
from sqlalchemy.engine import URL, make_url

METADATA = MetaData()
PATIENT = Table(
    "patient",
    METADATA,
    Column("ordinal", Integer, primary_key=True),
    Column("id", String(32), unique=True, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created", String(32), nullable=False),
)
IDENTIFIER = Table(
    "patient_identifier",
    METADATA,
    Column("system", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("patient", ForeignKey("patient.ordinal"), index=True, nullable=False),
)
RESOURCE = Table(
    "resource",
    METADATA,
    Column("patient", ForeignKey("patient.ordinal"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("document", Text, nullable=False),
)
SUGGESTION = Table(
    "suggestion",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("patient", ForeignKey("patient.ordinal"), index=True, nullable=False),
    Column("created", String(32), nullable=False),
    Column("document", Text, nullable=False),
)
AUDIT = Table(
    "audit_entry",
    METADATA,
    Column("position", Integer, primary_key=True),
    Column("time", String(32), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(32), index=True, nullable=False),
    Column("purpose", String(200), nullable=False),
    Column("outcome", String(64), nullable=False),
)

_BY_ID = select(PATIENT.c.ordinal, PATIENT.c.version).where(PATIENT.c.id == bindparam("id"))
_BY_IDENTIFIER = (
    select(PATIENT.c.ordinal, PATIENT.c.id, PATIENT.c.version)
    .join_from(IDENTIFIER, PATIENT)
    .where(IDENTIFIER.c.system == bindparam("system"), IDENTIFIER.c.value == bindparam("value"))
)
_RESOURCES = (
    select(RESOURCE.c.document)
    .where(RESOURCE.c.patient == bindparam("ordinal"))
    .order_by(RESOURCE.c.position)
)
_CLEAR = delete(RESOURCE).where(RESOURCE.c.patient == bindparam("ordinal"))
_RAISE = (
    update(PATIENT)
    .where(PATIENT.c.ordinal == bindparam("old"))
    .values(version=bindparam("version"))
)
_ADD_PATIENT, _ADD_IDENTIFIERS, _ADD_RESOURCES, _ADD_SUGGESTION, _ADD_AUDIT = (
    insert(table) for table in (PATIENT, IDENTIFIER, RESOURCE, SUGGESTION, AUDIT)
)


class PlainStore:
    """Patients in clear for one actor; one transaction an access."""

    def __init__(self, location: str | Path, *, actor: str, key: bytes = b"") -> None:
        """Make the tables in an empty database; ``key``: 32 bytes for SQLCipher."""
        options: dict[str, Any] = {}
        url = URL.create("sqlite", database=str(location))
        if "://" in str(location):
            url = make_url(str(location))
        if key:
            import sqlcipher3  # type: ignore[import-not-found]

            options["module"] = sqlcipher3
        self.engine = create_engine(url, **options)
        if self.engine.dialect.name == "sqlite":
            _prepare_sqlite(self.engine, key)
        METADATA.create_all(self.engine)
        self._actor = actor

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def get(self, patient_id: str) -> list[dict[str, Any]]:
        """A patient's resources."""
        with self.engine.begin() as connection:
            ordinal, _ = connection.execute(_BY_ID, {"id": patient_id}).one()
            rows = connection.execute(_RESOURCES, {"ordinal": ordinal})
            resources = [json.loads(document) for (document,) in rows]
            self._record(connection, "patient.read", patient_id, "treatment")
        return resources

    def add(
        self, resources: Sequence[Mapping[str, Any]], identifiers: Iterable[tuple[str, str]]
    ) -> str:
        """Store a patient, or replace the resources of the one with these identifiers."""
        links = [{"system": system, "value": value} for system, value in identifiers]
        with self.engine.begin() as connection:
            known = None
            for link in links:
                known = connection.execute(_BY_IDENTIFIER, link).first() or known
            if known is None:
                patient_id, version = uuid.uuid4().hex, 1
                values = {"id": patient_id, "version": version, "created": _now()}
                ordinal = connection.execute(_ADD_PATIENT, values).inserted_primary_key[0]  # type: ignore[index]
                connection.execute(
                    _ADD_IDENTIFIERS, [{**link, "patient": ordinal} for link in links]
                )
            else:
                ordinal, patient_id, version = known[0], known[1], known[2] + 1
                connection.execute(_RAISE, {"old": ordinal, "version": version})
                connection.execute(_CLEAR, {"ordinal": ordinal})
            connection.execute(
                _ADD_RESOURCES,
                [
                    {
                        "patient": ordinal,
                        "position": position,
                        "version": version,
                        "document": _text(resource),
                    }
                    for position, resource in enumerate(resources)
                ],
            )
            self._record(connection, "patient.write", patient_id, "administration")
        return str(patient_id)

    def put_suggestion(self, patient_id: str, document: Mapping[str, Any]) -> str:
        """Store one suggestion."""
        own_id = uuid.uuid4().hex
        with self.engine.begin() as connection:
            ordinal, _ = connection.execute(_BY_ID, {"id": patient_id}).one()
            values = {"id": own_id, "patient": ordinal, "created": _now()}
            connection.execute(_ADD_SUGGESTION, {**values, "document": _text(document)})
            self._record(connection, "suggestion.write", patient_id, "treatment")
        return own_id

    def _record(self, connection: Connection, action: str, subject: str, purpose: str) -> None:
        connection.execute(
            _ADD_AUDIT,
            {
                "time": _now(),
                "actor": self._actor,
                "action": action,
                "subject": subject,
                "purpose": purpose,
                "outcome": "ok",
            },
        )


def _prepare_sqlite(engine: Any, key: bytes) -> None:
    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        if key:
            connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)
