"""One patient's rows: sealed cell by cell, and summed up in digests that the tree signs."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, Self

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from storage import crypto
from storage.crypto import EMPTY_CHAIN, AeadKey, Context, chain
from storage.documents import Document, StoredSuggestion, from_json
from storage.errors import DecryptionError, KeyRingError, StaleRecordError
from storage.keys import KeyRing
from storage.merkle import leaf_hash
from storage.tables import (
    SCHEMA_VERSION,
    IdentifierRow,
    PatientRow,
    ResourceRow,
    SuggestionRow,
)

_STALE = (
    "the stored rows are not the ones last committed: one was put back, removed or exchanged; "
    "restore the database from a backup"
)


class SealedPatient:
    """A patient's row with what belongs to it, inside the caller's transaction.

    Invariant: the digests in the row are those of the rows this object wrote
    or has found; ``leaf`` sums up the row, and whoever holds the signed tree
    must have compared it before trusting anything here.
    """

    def __init__(self, session: Session, ring: KeyRing, row: PatientRow) -> None:
        self.row = row
        self._session = session
        self._ring = ring

    @classmethod
    def new(cls, session: Session, ring: KeyRing, *, ordinal: int, now: str) -> Self:
        """A patient without rows yet, under a new pseudonym and a new data key."""
        row = PatientRow(
            id=uuid.uuid4().hex,
            ordinal=ordinal,
            version=1,
            created=now,
            erased_at=None,
            kek_version=ring.primary_version,
            data_key_version=1,
            n_seals=0,
            identifiers_digest=EMPTY_CHAIN,
            resources_digest=EMPTY_CHAIN,
            suggestions_digest=EMPTY_CHAIN,
        )
        row.wrapped_key = ring.wrap(
            AeadKey.generate(version=1), context=data_key_context(ring.store_id, row.id, 1)
        )
        session.add(row)
        session.flush()
        return cls(session, ring, row)

    def leaf(self) -> bytes:
        """Leaf hash of the current state."""
        return patient_leaf(self.row)

    def identifiers(self) -> Sequence[bytes]:
        """Blind indexes of the patient.

        Raises:
            StaleRecordError: they are not those last committed.
        """
        found = self._session.scalars(
            select(IdentifierRow.blind_index).where(IdentifierRow.patient_id == self.row.id)
        ).all()
        same(identifiers_digest(found), self.row.identifiers_digest)
        return found

    def add_identifiers(self, blind_indexes: set[bytes]) -> None:
        """Add those that are new."""
        known = self.identifiers()
        new = sorted(blind_indexes.difference(known))
        if new:
            rows = [{"blind_index": index, "patient_id": self.row.id} for index in new]
            self._session.execute(insert(IdentifierRow), rows)
            self.row.identifiers_digest = identifiers_digest([*known, *new])

    def replace_resources(self, documents: Sequence[tuple[str, bytes]]) -> None:
        """Make (resource type, plaintext) pairs the patient's only resources, in this order."""
        key = self._data_key()
        self._session.execute(delete(ResourceRow).where(ResourceRow.patient_id == self.row.id))
        digest, rows = EMPTY_CHAIN, []
        for position, (kind, plaintext) in enumerate(documents):
            values: dict[str, Any] = {
                "id": uuid.uuid4().hex,
                "position": position,
                "version": self.row.version,
                "resource_type": kind,
            }
            values["sealed"] = self._seal(key, plaintext, "resource", values)
            digest = chain(digest, *values.values())
            rows.append({"patient_id": self.row.id, **values})
        if rows:
            self._session.execute(insert(ResourceRow), rows)
        self.row.resources_digest = digest

    def resources(self) -> tuple[Document, ...]:
        """The patient's resources, opened.

        Raises:
            DecryptionError: a row was altered or moved, or its key is gone.
            StaleRecordError: the rows open but are not those last committed.
        """
        key = self._data_key()
        documents, digest = [], EMPTY_CHAIN
        for stored in self._rows(ResourceRow):
            context = self._place("resource", stored.id, stored.version)
            documents.append(from_json(key.open(stored.sealed, context=context)))
            digest = chain(digest, *stored)
        same(digest, self.row.resources_digest)
        return tuple(documents)

    def add_suggestion(self, plaintext: bytes, *, now: str) -> str:
        """Seal one suggestion behind the others; returns its id."""
        last = self._session.scalar(
            select(SuggestionRow.position)
            .where(SuggestionRow.patient_id == self.row.id)
            .order_by(SuggestionRow.position.desc())
            .limit(1)
        )
        values: dict[str, Any] = {
            "id": uuid.uuid4().hex,
            "position": 0 if last is None else last + 1,
            "version": 1,
            "created": now,
        }
        values["sealed"] = self._seal(self._data_key(), plaintext, "suggestion", values)
        self._session.execute(insert(SuggestionRow), [{"patient_id": self.row.id, **values}])
        self.row.suggestions_digest = chain(self.row.suggestions_digest, *values.values())
        return str(values["id"])

    def suggestions(self) -> tuple[StoredSuggestion, ...]:
        """The patient's suggestions, opened, oldest first.

        Raises:
            DecryptionError, StaleRecordError: as ``resources``.
        """
        key = self._data_key()
        found, digest = [], EMPTY_CHAIN
        for stored in self._rows(SuggestionRow):
            context = self._place("suggestion", stored.id, stored.version)
            document = from_json(key.open(stored.sealed, context=context))
            found.append(StoredSuggestion(stored.id, self.row.id, stored.created, document))
            digest = chain(digest, *stored)
        same(digest, self.row.suggestions_digest)
        return tuple(found)

    def erase(self, *, now: str) -> None:
        """Destroy the data key and every row but the patient's own, which stays as a tombstone."""
        for table in (ResourceRow, SuggestionRow, IdentifierRow):
            self._session.execute(delete(table).where(table.patient_id == self.row.id))
        self.row.wrapped_key = None
        self.row.erased_at = now
        self.row.version += 1
        self.row.identifiers_digest = EMPTY_CHAIN
        self.row.resources_digest = EMPTY_CHAIN
        self.row.suggestions_digest = EMPTY_CHAIN

    def check(self) -> None:
        """Pass only if the sealed rows are those last committed and the data key opens.

        Opens no record: the digests are over the rows as they are sealed.

        Raises:
            StaleRecordError: a row was changed, put back or removed, or the key's version was.
            DecryptionError: the data key was altered or moved.
        """
        for table, signed in (
            (ResourceRow, self.row.resources_digest),
            (SuggestionRow, self.row.suggestions_digest),
        ):
            digest = EMPTY_CHAIN
            for stored in self._rows(table):
                digest = chain(digest, *stored)
            same(digest, signed)
        if self.row.erased_at is None:
            self._data_key()
            if crypto.key_version(self.row.wrapped_key or b"") != self.row.kek_version:
                raise StaleRecordError(_STALE)
        elif self.row.wrapped_key is not None:
            raise StaleRecordError(_STALE)

    def _rows(self, table: type[ResourceRow] | type[SuggestionRow]) -> Iterable[Any]:
        """The patient's rows in order, their columns in the order of the digest."""
        clear = table.resource_type if table is ResourceRow else SuggestionRow.created
        return self._session.execute(
            select(table.id, table.position, table.version, clear, table.sealed)
            .where(table.patient_id == self.row.id)
            .order_by(table.position)
        )

    def _seal(self, key: AeadKey, plaintext: bytes, table: str, values: dict[str, Any]) -> bytes:
        if self.row.n_seals >= crypto.SEALS_PER_KEY:
            raise KeyRingError(
                f"the data key of patient {self.row.id} has sealed {self.row.n_seals} values, "
                "as many as are safe under one key; it must be replaced before it can seal more"
            )
        self.row.n_seals += 1
        context = self._place(table, values["id"], values["version"])
        return key.seal(plaintext, context=context)

    def _data_key(self) -> AeadKey:
        if self.row.wrapped_key is None:
            raise DecryptionError
        context = data_key_context(self._ring.store_id, self.row.id, self.row.data_key_version)
        return self._ring.unwrap(self.row.wrapped_key, context=context)

    def _place(self, table: str, row_id: str, version: int) -> Context:
        return Context(
            self._ring.store_id, table, "sealed", row_id, self.row.id, SCHEMA_VERSION, version
        )


def data_key_context(store_id: str, patient_id: str, version: int) -> Context:
    """The place of a patient's wrapped data key of this version."""
    return Context(
        store_id, "patient", "wrapped_key", patient_id, patient_id, SCHEMA_VERSION, version
    )


def patient_leaf(row: PatientRow) -> bytes:
    """Leaf hash of a patient's current state in the patient tree.

    Leaves out the wrapped key and the version of its key-encryption key: the
    wrapping is authenticated by itself, and rotation need not touch the tree.
    """
    return leaf_hash(
        crypto.length_prefixed(
            "pharmakon/patient",
            row.id,
            row.ordinal,
            row.version,
            row.created,
            row.erased_at or "",
            row.data_key_version,
            row.n_seals,
            row.identifiers_digest,
            row.resources_digest,
            row.suggestions_digest,
        )
    )


def identifiers_digest(blind_indexes: Iterable[bytes]) -> bytes:
    """Digest of a patient's identifiers, whatever their order."""
    digest = EMPTY_CHAIN
    for blind_index in sorted(blind_indexes):
        digest = chain(digest, blind_index)
    return digest


def same(found: bytes, signed: bytes) -> None:
    """Pass only if a digest of what was found is the one that is signed for.

    Raises:
        StaleRecordError: it is another.
    """
    if found != signed:
        raise StaleRecordError(_STALE)
