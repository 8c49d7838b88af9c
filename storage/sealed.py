"""One patient's rows: sealed cell by cell, and summed up in digests that the tree signs."""

import hashlib
import json
import struct
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from operator import itemgetter
from typing import Any, Self

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from storage import crypto
from storage.crypto import EMPTY_CHAIN, AeadKey, Context, cell_context, chain, column_context
from storage.documents import Document, Identifier, StoredSuggestion
from storage.errors import DecryptionError, KeyRingError, StaleRecordError
from storage.keys import KeyRing
from storage.merkle import leaf_hash
from storage.statements import Statement
from storage.tables import BreakGlassRow, IdentifierRow, PatientRow, ResourceRow, SuggestionRow

_STALE = (
    "the stored rows are not the ones last committed: one was put back, removed or exchanged; "
    "restore the database from a backup"
)
_RESOURCE_HEADER = struct.Struct(">QQQ")


@dataclass
class Patient:
    """A patient's own row; see ``storage.tables.PatientRow``."""

    ordinal: int
    id: str
    version: int
    created: str
    erased_at: str | None
    wrapped_key: bytes | None
    kek_version: int
    data_key_version: int
    n_seals: int
    consent: bytes | None
    identifiers_digest: bytes
    resources_digest: bytes
    suggestions_digest: bytes

    def leaf(self) -> bytes:
        """Leaf hash of the current state in the patient tree.

        Leaves out the wrapped key and the version of its key-encryption key:
        the wrapping is authenticated by itself, and rotation need not touch
        the tree.
        """
        consent = "none" if self.consent is None else hashlib.sha256(self.consent).digest()
        return leaf_hash(
            crypto.length_prefixed(
                "pharmakon/patient/2",
                self.id,
                self.ordinal,
                self.version,
                self.created,
                "live" if self.erased_at is None else f"erased {self.erased_at}",
                self.data_key_version,
                self.n_seals,
                consent,
                self.identifiers_digest,
                self.resources_digest,
                self.suggestions_digest,
            )
        )


PATIENT_COLUMNS = [getattr(PatientRow, field.name) for field in fields(Patient)]
_BY_ID = Statement(select(*PATIENT_COLUMNS).where(PatientRow.id == bindparam("of")))
_BY_ORDINAL = Statement(select(*PATIENT_COLUMNS).where(PatientRow.ordinal == bindparam("of")))
_SET_PATIENT = Statement(
    update(PatientRow).where(PatientRow.ordinal == bindparam("at")),
    *(field.name for field in fields(Patient) if field.name != "ordinal"),
)
_ADD_PATIENT = Statement(insert(PatientRow))
_ADD = {
    ResourceRow: Statement(insert(ResourceRow)),
    SuggestionRow: Statement(insert(SuggestionRow)),
    IdentifierRow: Statement(insert(IdentifierRow)),
}
_IDENTIFIERS = Statement(
    select(IdentifierRow.blind_index, IdentifierRow.sealed).where(
        IdentifierRow.patient == bindparam("of")
    )
)
RESOURCE_COLUMNS = (
    ResourceRow.position,
    ResourceRow.version,
    ResourceRow.sealed,
)
_RESOURCES = Statement(
    select(*RESOURCE_COLUMNS)
    .where(ResourceRow.patient == bindparam("of"))
    .order_by(ResourceRow.position)
)
SUGGESTION_COLUMNS = (
    SuggestionRow.id,
    SuggestionRow.position,
    SuggestionRow.created,
    SuggestionRow.sealed,
)
_SUGGESTIONS = Statement(
    select(*SUGGESTION_COLUMNS)
    .where(SuggestionRow.patient == bindparam("of"))
    .order_by(SuggestionRow.position)
)
_LAST_SUGGESTION = Statement(
    select(SuggestionRow.position)
    .where(SuggestionRow.patient == bindparam("of"))
    .order_by(SuggestionRow.position.desc())
    .limit(1)
)
_REMOVE = {
    table: Statement(delete(table).where(table.patient == bindparam("of")))
    for table in (ResourceRow, SuggestionRow, IdentifierRow)
}
_FORGET_REASONS = (
    update(BreakGlassRow).where(BreakGlassRow.patient == bindparam("of")).values(reason=None)
)


class SealedPatient:
    """A patient's row with what belongs to it, inside the caller's transaction.

    Invariant: the digests in the row are those of the rows this object wrote
    or has found; ``row.leaf()`` sums up the row, and whoever holds the signed
    tree must have compared it before trusting anything here.
    """

    def __init__(self, connection: Connection, ring: KeyRing, row: Patient) -> None:
        self.row = row
        self._connection = connection
        self._ring = ring
        self._key: AeadKey | None = None

    @classmethod
    def find(cls, connection: Connection, ring: KeyRing, patient: str | int) -> Self | None:
        """The patient with this pseudonym or ordinal, if there is one."""
        statement = _BY_ID if isinstance(patient, str) else _BY_ORDINAL
        found = statement.first(connection, {"of": patient})
        if found is None:
            return None
        row = Patient(*found)
        if patient != (row.id if isinstance(patient, str) else row.ordinal):  # as a view can answer
            raise StaleRecordError("the database answered with another patient than was asked for")
        return cls(connection, ring, row)

    @classmethod
    def new(cls, connection: Connection, ring: KeyRing, *, ordinal: int, now: str) -> Self:
        """A patient without rows yet, under a new pseudonym and a new data key."""
        row = Patient(
            ordinal=ordinal,
            id=uuid.uuid4().hex,
            version=1,
            created=now,
            erased_at=None,
            wrapped_key=None,
            kek_version=ring.primary_version,
            data_key_version=1,
            n_seals=0,
            consent=None,
            identifiers_digest=EMPTY_CHAIN,
            resources_digest=resources_digest(()),
            suggestions_digest=EMPTY_CHAIN,
        )
        patient = cls(connection, ring, row)
        patient._take_key(AeadKey.generate(version=1))
        _ADD_PATIENT.run(connection, vars(row))
        return patient

    def write(self) -> None:
        """Store the patient's own row as it is now."""
        _SET_PATIENT.run(self._connection, {"at": self.row.ordinal, **vars(self.row)})

    def must_have(self, indexes: Iterable[bytes]) -> None:
        """Pass only if one of these blind indexes is the patient's.

        Raises:
            StaleRecordError: none is, though the database said so.
        """
        if {index for index, _ in self.identifiers()}.isdisjoint(indexes):
            raise StaleRecordError(_STALE)

    def identifiers(self) -> list[tuple[bytes, bytes | None]]:
        """Blind indexes of the patient, each with the sealed identifier.

        Raises:
            StaleRecordError: they are not those last committed.
        """
        rows = _IDENTIFIERS.all(self._connection, {"of": self.row.ordinal})
        found = [(blind_index, sealed) for blind_index, sealed in rows]
        same(identifiers_digest(found), self.row.identifiers_digest)
        return found

    def add_identifiers(self, links: Mapping[tuple[bytes, ...], Identifier]) -> None:
        """Add those of which no blind index is known, under the first."""
        self._reserve(len(links))
        known = dict(self.identifiers())
        # A row of schema version 1 is not sealed yet: now its identifier is known again.
        old = {index for index, sealed in known.items() if sealed is None}
        cells = self._cells("patient_identifier")
        rows = []
        for indexes, name in sorted(links.items()):
            if not old.isdisjoint(indexes) or known.keys().isdisjoint(indexes):
                sealed = self._seal(json.dumps(name).encode(), cells, indexes[0].hex(), 1)
                rows.append((indexes[0], sealed))
                for index in old.intersection(indexes):
                    self._connection.execute(
                        delete(IdentifierRow).where(IdentifierRow.blind_index == index)
                    )
                    del known[index]
        if rows:
            self._insert(IdentifierRow, ("blind_index", "sealed"), rows)
            self.row.identifiers_digest = identifiers_digest([*known.items(), *rows])

    def renew_identifiers(self) -> int:
        """Put the identifiers under the primary index key; returns how many cannot be.

        Those that schema version 1 stored are not readable, only comparable.

        Raises:
            DecryptionError, StaleRecordError: as ``resources``; nothing is lost by that.
        """
        self._reserve(len(self.identifiers()))
        opened, n_left = self._open_identifiers(), 0
        self._remove(IdentifierRow)
        cells = self._cells("patient_identifier")
        rows: list[tuple[bytes, bytes | None]] = []
        for index, plaintext in opened:
            if plaintext is None:
                n_left += 1
                rows.append((index, None))
            else:
                new = self._ring.blind_index(*json.loads(plaintext))
                rows.append((new, self._seal(plaintext, cells, new.hex(), 1)))
        self._insert(IdentifierRow, ("blind_index", "sealed"), rows)
        self.row.identifiers_digest = identifiers_digest(rows)
        return n_left

    def replace_resources(self, documents: Sequence[bytes]) -> None:
        """Make these plaintexts the patient's only resources, in this order."""
        self._remove(ResourceRow)
        self.row.resources_digest = resources_digest(())
        self._reserve(len(documents))
        self._write_resources(
            (position, self.row.version, plaintext) for position, plaintext in enumerate(documents)
        )

    def resources(self) -> tuple[Document, ...]:
        """The patient's resources, opened.

        Raises:
            DecryptionError: a row was altered or moved, or its key is gone.
            StaleRecordError: the rows open but are not those last committed.
        """
        opened = [plaintext for *_, plaintext in self._open_resources()]
        # One array is decoded a third faster than its parts; each was written by ``to_json``.
        return tuple(json.loads(b"[" + b",".join(opened) + b"]"))

    def add_suggestion(self, plaintext: bytes, *, now: str) -> str:
        """Seal one suggestion behind the others; returns its id."""
        self._reserve(1)
        last = _LAST_SUGGESTION.scalar(self._connection, {"of": self.row.ordinal})
        suggestion_id = uuid.uuid4().hex
        row = (suggestion_id, 0 if last is None else last + 1, now, plaintext)
        self._write_suggestions([row])
        return suggestion_id

    def suggestions(self) -> tuple[StoredSuggestion, ...]:
        """The patient's suggestions, opened, oldest first.

        Raises:
            DecryptionError, StaleRecordError: as ``resources``.
        """
        return tuple(
            StoredSuggestion(suggestion_id, self.row.id, created, json.loads(plaintext))
            for suggestion_id, _, created, plaintext in self._open_suggestions()
        )

    def consent(self) -> dict[str, str]:
        """What the patient said about uses of the record: purpose -> ``permit`` or ``deny``.

        Raises:
            DecryptionError: it was altered or moved.
        """
        if self.row.consent is None:
            return {}
        said: dict[str, str] = json.loads(self._open(self.row.consent, *self._consent_cell))
        return said

    def set_consent(self, said: Mapping[str, str]) -> None:
        """Seal what the patient said in place of what was said before."""
        self._reserve(1)
        self.row.consent = self._seal(_consent_bytes(said), *self._consent_cell)

    def seal_reason(self, plaintext: bytes, ordinal: int) -> bytes:
        """Seal the reason of emergency access number ``ordinal``."""
        self._reserve(1)
        return self._sealed_reason(plaintext, ordinal)

    def _sealed_reason(self, plaintext: bytes, ordinal: int) -> bytes:
        return self._seal(plaintext, self._cells("break_glass", "reason"), str(ordinal), 1)

    def open_reason(self, sealed: bytes, ordinal: int) -> bytes:
        """The reason of emergency access number ``ordinal``.

        Raises:
            DecryptionError: altered or moved.
        """
        return self._open(sealed, self._cells("break_glass", "reason"), str(ordinal), 1)

    def erase(self, *, now: str) -> None:
        """Destroy the data key and every row but the patient's own, which stays as a tombstone."""
        for table in _REMOVE:
            self._remove(table)
        self._connection.execute(_FORGET_REASONS, {"of": self.row.ordinal})
        self.row.wrapped_key = None
        self.row.consent = None
        self.row.erased_at = now
        self.row.version += 1
        self.row.identifiers_digest = EMPTY_CHAIN
        self.row.resources_digest = resources_digest(())
        self.row.suggestions_digest = EMPTY_CHAIN
        self._key = None

    def renew_key(self) -> None:
        """Seal everything anew under a new data key, whose count of envelopes starts again.

        Raises:
            DecryptionError, StaleRecordError: as ``resources``; nothing is lost by that.
        """
        resources, suggestions = self._open_resources(), self._open_suggestions()
        known, consent, reasons = self._open_identifiers(), self.consent(), self._open_reasons()
        for table in _REMOVE:
            self._remove(table)
        self.row.data_key_version += 1
        self.row.n_seals = 0
        self._take_key(AeadKey.generate(version=self.row.data_key_version))
        self._write_resources(resources)
        self.row.suggestions_digest = EMPTY_CHAIN
        self._write_suggestions(suggestions)
        cells = self._cells("patient_identifier")
        rows = [
            (index, None if plaintext is None else self._seal(plaintext, cells, index.hex(), 1))
            for index, plaintext in known
        ]
        self._insert(IdentifierRow, ("blind_index", "sealed"), rows)
        self.row.identifiers_digest = identifiers_digest(rows)
        if self.row.consent is not None:
            self.row.consent = self._seal(_consent_bytes(consent), *self._consent_cell)
        for ordinal, plaintext in reasons:
            self._connection.execute(
                update(BreakGlassRow).where(BreakGlassRow.ordinal == ordinal),
                {"reason": self._sealed_reason(plaintext, ordinal)},
            )

    def data_key_opens(self) -> None:
        """Pass only if the wrapped key opens, under the key-encryption key that the row names.

        Raises:
            DecryptionError: the data key was altered or moved.
            StaleRecordError: the row names another key, or an erased patient still has one.
        """
        if self.row.erased_at is None:
            self._data_key()
            if crypto.key_version(self.row.wrapped_key or b"") != self.row.kek_version:
                raise StaleRecordError(_STALE)
        elif self.row.wrapped_key is not None or self.row.consent is not None:
            raise StaleRecordError(_STALE)

    def _open_resources(self) -> list[tuple[int, int, bytes]]:
        rows = _RESOURCES.all(self._connection, {"of": self.row.ordinal})
        key, cells = self._data_key(), self._cells("resource")
        opened = [
            (
                position,
                version,
                key.open(sealed, context=cell_context(cells, str(position), version)),
            )
            for position, version, sealed in rows
        ]
        same(resources_digest(rows), self.row.resources_digest)
        return opened

    def _write_resources(self, opened: Iterable[tuple[int, int, bytes]]) -> None:
        cells = self._cells("resource")
        rows = [
            (position, version, self._seal(plaintext, cells, str(position), version))
            for position, version, plaintext in opened
        ]
        self._insert(ResourceRow, ("position", "version", "sealed"), rows)
        self.row.resources_digest = resources_digest(rows)

    def _open_suggestions(self) -> list[tuple[str, int, str, bytes]]:
        rows = _SUGGESTIONS.all(self._connection, {"of": self.row.ordinal})
        cells = self._cells("suggestion")
        opened = [
            (suggestion_id, position, created, self._open(sealed, cells, suggestion_id, position))
            for suggestion_id, position, created, sealed in rows
        ]
        same(suggestions_digest(rows), self.row.suggestions_digest)
        return opened

    def _write_suggestions(self, opened: Iterable[tuple[str, int, str, bytes]]) -> None:
        cells = self._cells("suggestion")
        rows = [
            (
                suggestion_id,
                position,
                created,
                self._seal(plaintext, cells, suggestion_id, position),
            )
            for suggestion_id, position, created, plaintext in opened
        ]
        self._insert(SuggestionRow, ("id", "position", "created", "sealed"), rows)
        self.row.suggestions_digest = suggestions_digest(rows, self.row.suggestions_digest)

    def _open_identifiers(self) -> list[tuple[bytes, bytes | None]]:
        cells = self._cells("patient_identifier")
        return [
            (index, None if sealed is None else self._open(sealed, cells, index.hex(), 1))
            for index, sealed in self.identifiers()
        ]

    def _open_reasons(self) -> list[tuple[int, bytes]]:
        found = self._connection.execute(
            select(BreakGlassRow.ordinal, BreakGlassRow.reason).where(
                BreakGlassRow.patient == self.row.ordinal, BreakGlassRow.reason.is_not(None)
            )
        )
        return [(ordinal, self.open_reason(sealed or b"", ordinal)) for ordinal, sealed in found]

    def _insert(self, table: Any, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        if rows:
            patient = self.row.ordinal
            _ADD[table].run_many(
                self._connection,
                [{"patient": patient, **dict(zip(columns, row, strict=True))} for row in rows],
            )

    def _remove(self, table: Any) -> None:
        _REMOVE[table].run(self._connection, {"of": self.row.ordinal})

    def _reserve(self, n_seals: int) -> None:
        """Take a new data key before the old one would seal more than is safe under one key."""
        if self.row.n_seals + n_seals > crypto.SEALS_PER_KEY:
            self.renew_key()

    def _seal(self, plaintext: bytes, cells: bytes, row: str, version: int) -> bytes:
        if self.row.n_seals >= crypto.SEALS_PER_KEY:
            raise KeyRingError(
                f"patient {self.row.id} has more values than one data key may seal "
                f"({crypto.SEALS_PER_KEY:,})"
            )
        self.row.n_seals += 1
        return self._data_key().seal(plaintext, context=cell_context(cells, row, version))

    def _open(self, sealed: bytes, cells: bytes, row: str, version: int) -> bytes:
        return self._data_key().open(sealed, context=cell_context(cells, row, version))

    def _cells(self, table: str, column: str = "sealed") -> bytes:
        return column_context(self._ring.store_id, table, column, self.row.id)

    @property
    def _consent_cell(self) -> tuple[bytes, str, int]:
        return self._cells("patient", "consent"), self.row.id, self.row.data_key_version

    def _data_key(self) -> AeadKey:
        if self._key is None:
            if self.row.wrapped_key is None:
                raise DecryptionError
            self._key = self._ring.unwrap(self.row.wrapped_key, context=self._key_context())
        return self._key

    def _take_key(self, key: AeadKey) -> None:
        self.row.wrapped_key = self._ring.wrap(key, context=self._key_context())
        self.row.kek_version = crypto.key_version(self.row.wrapped_key)
        self._key = key

    def _key_context(self) -> Context:
        return data_key_context(self._ring.store_id, self.row.id, self.row.data_key_version)


def data_key_context(store_id: str, patient_id: str, version: int) -> Context:
    """The place of a patient's wrapped data key of this version."""
    return Context(store_id, "patient", "wrapped_key", patient_id, patient_id, version)


def resources_digest(rows: Iterable[Sequence[Any]]) -> bytes:
    """Digest of a patient's resource rows (position, version, sealed), in order."""
    digest = hashlib.sha256(b"pharmakon/resources")
    try:
        for position, version, sealed in rows:
            digest.update(_RESOURCE_HEADER.pack(position, version, len(sealed)) + sealed)
    except (struct.error, TypeError):  # text where a number belongs, or nothing where bytes do
        raise StaleRecordError(_STALE) from None
    return digest.digest()


def _consent_bytes(said: Mapping[str, str]) -> bytes:
    # Of one length, which would tell what was said.
    return json.dumps(dict(said), sort_keys=True).encode().ljust(128)


def suggestions_digest(rows: Iterable[Sequence[Any]], digest: bytes = EMPTY_CHAIN) -> bytes:
    """Digest of suggestion rows (id, position, created, sealed), in order, behind ``digest``."""
    for row in rows:
        digest = chain(digest, *row)
    return digest


def identifiers_digest(rows: Iterable[Sequence[Any]]) -> bytes:
    """Digest of a patient's identifier rows (blind index, sealed), whatever their order."""
    digest = EMPTY_CHAIN
    for blind_index, sealed in sorted((tuple(row) for row in rows), key=itemgetter(0)):
        digest = chain(digest, blind_index, *(() if sealed is None else (sealed,)))
    return digest


def same(found: bytes, signed: bytes) -> None:
    """Pass only if a digest of what was found is the one that is signed for.

    Raises:
        StaleRecordError: it is another.
    """
    if found != signed:
        raise StaleRecordError(_STALE)
