"""The tables of the store, the same on SQLite and PostgreSQL.

In clear are: pseudonyms, versions, times, counts and who acts.
All that is clinical or identifying is sealed, or a blind index. Times are
ISO 8601 text in UTC, because databases differ in what precision a time column
keeps and a hash over it would then not verify.

Every column of bytes says in its ``info`` what it holds, and the test of key
rotation fails for one that does not:

``sealed``    an envelope under the patient's data key
``wrapped``   a data key under a key-encryption key
``blind``     a keyed hash of an identifier, unique in its column
``digest``    a hash over sealed or signed values
``entry``     the canonical bytes of an audit entry
"""

from collections.abc import Callable
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

REVISION = "0002"  # of the newest migration
# Where Alembic keeps the revision; not in ``Base``, which is what it compares a database with.
REVISION_TABLE = Table(
    "alembic_version", MetaData(), Column("version_num", String(32), primary_key=True)
)

_COUNT = BigInteger().with_variant(Integer, "sqlite")  # SQLite's integers have 64 bits already

Holds = Literal["sealed", "wrapped", "blind", "digest", "entry"]


class Bytes(LargeBinary):
    """Bytes, and if a writer of a SQLite file put text or a number there, the bytes of that.

    So it fails to verify like any other change, and not with a type error.
    """

    cache_ok = True

    def result_processor(self, dialect: Dialect, _coltype: object) -> Callable[[Any], Any] | None:
        """Conversion of one value read."""
        if dialect.name != "sqlite":
            return None  # whose columns take bytes alone

        def to_bytes(value: Any) -> bytes | None:
            return value if value is None or isinstance(value, bytes) else str(value).encode()

        return to_bytes


class Words(String):
    """Text, and if a writer of a SQLite file put bytes or a number there, those as text."""

    cache_ok = True

    def result_processor(self, dialect: Dialect, _coltype: object) -> Callable[[Any], Any] | None:
        """Conversion of one value read."""
        if dialect.name != "sqlite":
            return None

        def to_text(value: Any) -> str | None:
            return value if value is None or isinstance(value, str) else repr(value)

        return to_text


_ID = Words(32)  # random UUID, hexadecimal
_TIME = Words(32)
_NAME = Words(200)


def _bytes(holds: Holds, **options: Any) -> Any:
    return mapped_column(Bytes, info={"holds": holds}, **options)


class Base(DeclarativeBase):
    """Names every constraint, so that a migration can speak of it."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class MetaRow(Base):
    """One row: which store this is. Its schema version is Alembic's (``alembic_version``)."""

    __tablename__ = "meta"

    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[str] = mapped_column(_ID)


class PatientRow(Base):
    """A patient: pseudonym, wrapped data key, and digests of what belongs to it.

    Erasing destroys ``wrapped_key``; the row stays as a tombstone. The row is
    leaf ``ordinal`` of the patient tree, whose root is in the signed head.
    """

    __tablename__ = "patient"

    ordinal: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(_ID, unique=True)
    version: Mapped[int]
    created: Mapped[str] = mapped_column(_TIME)
    erased_at: Mapped[str | None] = mapped_column(_TIME)
    wrapped_key: Mapped[bytes | None] = _bytes("wrapped")
    kek_version: Mapped[int] = mapped_column(index=True)  # for rotation; the envelope names its own
    data_key_version: Mapped[int]
    n_seals: Mapped[int] = mapped_column(_COUNT)  # envelopes made under the data key
    consent: Mapped[bytes | None] = _bytes("sealed")  # what the patient permits or denies
    identifiers_digest: Mapped[bytes] = _bytes("digest")
    resources_digest: Mapped[bytes] = _bytes("digest")
    suggestions_digest: Mapped[bytes] = _bytes("digest")


class IdentifierRow(Base):
    """Blind index of an identifier from outside -> patient."""

    __tablename__ = "patient_identifier"

    blind_index: Mapped[bytes] = _bytes("blind", primary_key=True)
    patient: Mapped[int] = mapped_column(ForeignKey("patient.ordinal"), index=True)
    # The identifier itself, so that the index can be made anew under another key; null in rows
    # that schema version 1 wrote.
    sealed: Mapped[bytes | None] = _bytes("sealed")


class ResourceRow(Base):
    """One FHIR resource, sealed; its type and its own id are inside."""

    __tablename__ = "resource"

    patient: Mapped[int] = mapped_column(ForeignKey("patient.ordinal"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)  # order in which they were given
    version: Mapped[int]  # the patient's, when this was sealed
    sealed: Mapped[bytes] = _bytes("sealed")


class SuggestionRow(Base):
    """One suggestion with its receipt, sealed; only a new data key writes it again."""

    __tablename__ = "suggestion"
    __table_args__ = (Index(None, "patient", "position", unique=True),)

    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    patient: Mapped[int] = mapped_column(ForeignKey("patient.ordinal"))
    position: Mapped[int]
    created: Mapped[str] = mapped_column(_TIME)
    sealed: Mapped[bytes] = _bytes("sealed")


class ActorRow(Base):
    """Who may act, in which roles and until when; leaf ``ordinal`` of the actor tree."""

    __tablename__ = "actor"

    ordinal: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(_NAME, unique=True)
    roles: Mapped[str] = mapped_column(_NAME)  # sorted, with spaces between; empty once revoked
    until: Mapped[str] = mapped_column(_TIME)  # empty: no end
    version: Mapped[int]


class BreakGlassRow(Base):
    """One emergency access: who opened whose record, why, until when, and who reviewed it.

    Leaf ``ordinal`` of the break-glass tree.
    """

    __tablename__ = "break_glass"

    ordinal: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    patient: Mapped[int] = mapped_column(ForeignKey("patient.ordinal"), index=True)
    actor: Mapped[str] = mapped_column(_NAME)
    created: Mapped[str] = mapped_column(_TIME)
    until: Mapped[str] = mapped_column(_TIME)
    reviewed_by: Mapped[str] = mapped_column(_NAME)  # empty: not yet
    reviewed_at: Mapped[str] = mapped_column(_TIME)
    reason: Mapped[bytes | None] = _bytes("sealed")  # null once the patient is erased


class AuditEntryRow(Base):
    """One entry. ``entry`` is the truth; the other columns are derived from it.

    ``subject`` finds a patient's entries, ``leaf`` is the entry's hash in the
    audit tree: it tells which entry was changed.
    """

    __tablename__ = "audit_entry"

    position: Mapped[int] = mapped_column(_COUNT, primary_key=True, autoincrement=False)
    entry: Mapped[bytes] = _bytes("entry")
    subject: Mapped[str] = mapped_column(_ID, index=True)
    leaf: Mapped[bytes] = _bytes("digest")


class AuditNodeRow(Base):
    """Hash of one perfect subtree of the audit tree, from level 8 (256 entries) upwards.

    What lies below is computed from the entries' leaves.
    """

    __tablename__ = "audit_node"

    level: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(_COUNT, primary_key=True, autoincrement=False)
    hash: Mapped[bytes] = _bytes("digest")


class StateTileRow(Base):
    """Up to 16 neighbouring hashes of one level of a state tree (``storage.tree.StateTree``)."""

    __tablename__ = "state_tile"

    tree: Mapped[str] = mapped_column(Words(16), primary_key=True)
    place: Mapped[int] = mapped_column(_COUNT, primary_key=True, autoincrement=False)
    hashes: Mapped[bytes] = _bytes("digest")


class AuditHeadRow(Base):
    """One row: the signed head of all trees as text, and the trees' frontiers behind its roots."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(primary_key=True)
    checkpoint: Mapped[str] = mapped_column(Words)
    frontiers: Mapped[bytes] = _bytes("digest")
