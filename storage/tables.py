"""The tables of the store.

In clear are: pseudonyms, resource types, versions, times and counts. All that
is clinical or identifying is sealed, or a blind index. Times are ISO 8601 text
in UTC, because databases differ in what precision a time column keeps and a
hash over it would then not verify.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SCHEMA_VERSION = 1

_ID = String(32)  # random UUID, hexadecimal
_TIME = String(32)
_COUNT = BigInteger().with_variant(Integer, "sqlite")  # SQLite's integers have 64 bits already


class Bytes(LargeBinary):
    """Bytes, and if a writer of the database put text or a number there, the bytes of that.

    So it fails to verify like any other change, and not with a type error.
    """

    cache_ok = True

    def result_processor(self, *_: object) -> Callable[[Any], bytes | None]:
        """Conversion of one value read."""

        def to_bytes(value: Any) -> bytes | None:
            if value is None or isinstance(value, bytes):
                return value
            return str(value).encode()

        return to_bytes


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
    """One row: which store this is, and in which version."""

    __tablename__ = "meta"

    id: Mapped[int] = mapped_column(primary_key=True)
    schema_version: Mapped[int]
    store_id: Mapped[str] = mapped_column(_ID)
    created: Mapped[str] = mapped_column(_TIME)


class PatientRow(Base):
    """A patient: pseudonym, wrapped data key, and digests of what belongs to it.

    Erasing destroys ``wrapped_key``; the row stays as a tombstone. The row is
    leaf ``ordinal`` of the patient tree, whose root is in the signed head.
    """

    __tablename__ = "patient"

    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    ordinal: Mapped[int] = mapped_column(unique=True)
    version: Mapped[int]
    created: Mapped[str] = mapped_column(_TIME)
    erased_at: Mapped[str | None] = mapped_column(_TIME)
    wrapped_key: Mapped[bytes | None] = mapped_column(Bytes)
    kek_version: Mapped[int] = mapped_column(index=True)  # for rotation; the envelope names its own
    data_key_version: Mapped[int]
    n_seals: Mapped[int] = mapped_column(_COUNT)  # envelopes made under the data key
    identifiers_digest: Mapped[bytes] = mapped_column(Bytes(32))
    resources_digest: Mapped[bytes] = mapped_column(Bytes(32))
    suggestions_digest: Mapped[bytes] = mapped_column(Bytes(32))


class IdentifierRow(Base):
    """Blind index of an identifier from outside -> patient."""

    __tablename__ = "patient_identifier"

    blind_index: Mapped[bytes] = mapped_column(Bytes(32), primary_key=True)
    patient_id: Mapped[str] = mapped_column(_ID, ForeignKey("patient.id"), index=True)


class ResourceRow(Base):
    """One FHIR resource, sealed; its own id is inside."""

    __tablename__ = "resource"
    __table_args__ = (Index(None, "patient_id", "position", unique=True),)

    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    patient_id: Mapped[str] = mapped_column(_ID, ForeignKey("patient.id"))
    position: Mapped[int]  # order in which the patient's resources were given
    resource_type: Mapped[str] = mapped_column(String(64))
    version: Mapped[int]
    sealed: Mapped[bytes] = mapped_column(Bytes)


class SuggestionRow(Base):
    """One suggestion with its receipt, sealed; never changed once written."""

    __tablename__ = "suggestion"
    __table_args__ = (Index(None, "patient_id", "position", unique=True),)

    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    patient_id: Mapped[str] = mapped_column(_ID, ForeignKey("patient.id"))
    position: Mapped[int]
    version: Mapped[int]
    created: Mapped[str] = mapped_column(_TIME)
    sealed: Mapped[bytes] = mapped_column(Bytes)


class AuditEntryRow(Base):
    """One entry. ``entry`` is the truth; the other columns are derived from it, for queries."""

    __tablename__ = "audit_entry"

    position: Mapped[int] = mapped_column(_COUNT, primary_key=True, autoincrement=False)
    entry: Mapped[bytes] = mapped_column(Bytes)
    time: Mapped[str] = mapped_column(_TIME)
    actor: Mapped[str] = mapped_column(String(200))
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(_ID, index=True)
    purpose: Mapped[str] = mapped_column(String(200))
    outcome: Mapped[str] = mapped_column(String(64))


class TreeNodeRow(Base):
    """Hash of one perfect subtree, leaves included, of the audit or the patient tree."""

    __tablename__ = "tree_node"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 - SQLAlchemy's own attribute

    tree: Mapped[str] = mapped_column(String(8), primary_key=True)
    level: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(_COUNT, primary_key=True, autoincrement=False)
    hash: Mapped[bytes] = mapped_column(Bytes(32))


class AuditHeadRow(Base):
    """One row: the signed head of both trees, as text."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(primary_key=True)
    checkpoint: Mapped[str] = mapped_column(Text)
