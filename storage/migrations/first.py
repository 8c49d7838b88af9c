"""A store of revision 0001 as it is read to be carried over: every value checked, and opened.

Frozen: this is how that program wrote, whatever this one does.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, MetaData, Table, func, select
from sqlalchemy.types import BigInteger, Integer

from storage import crypto
from storage.audit import AuditEntry
from storage.checkpoint import ENTRIES, PATIENTS, Checkpoint, Part
from storage.crypto import EMPTY_CHAIN, AeadKey, Context, chain, length_prefixed
from storage.errors import AuditError, DecryptionError, KeyRingError
from storage.keys import KeyRing
from storage.merkle import Frontier, leaf_hash
from storage.tables import Bytes, Words

ASIDE = "first_"  # where the new tables need the names, the old ones are renamed to this

_BATCH = 1_000
_metadata = MetaData()


def _table(name: str, **columns: Any) -> Table:
    return Table(name, _metadata, *(Column(column, kind) for column, kind in columns.items()))


_META = _table("meta", id=Integer, schema_version=Integer, store_id=Words)
_HEAD = _table("audit_head", id=Integer, checkpoint=Words)
_ENTRY = _table(
    f"{ASIDE}audit_entry",
    position=BigInteger,
    entry=Bytes,
    time=Words,
    actor=Words,
    action=Words,
    subject=Words,
    purpose=Words,
    outcome=Words,
)
_PATIENT = _table(
    f"{ASIDE}patient",
    ordinal=Integer,
    id=Words,
    version=Integer,
    created=Words,
    erased_at=Words,
    wrapped_key=Bytes,
    kek_version=Integer,
    data_key_version=Integer,
    n_seals=BigInteger,
    identifiers_digest=Bytes,
    resources_digest=Bytes,
    suggestions_digest=Bytes,
)
_IDENTIFIER = _table(f"{ASIDE}patient_identifier", patient_id=Words, blind_index=Bytes)
_RESOURCE = _table(
    f"{ASIDE}resource",
    id=Words,
    patient_id=Words,
    position=Integer,
    version=Integer,
    resource_type=Words,
    sealed=Bytes,
)
_SUGGESTION = _table(
    f"{ASIDE}suggestion",
    id=Words,
    patient_id=Words,
    position=Integer,
    version=Integer,
    created=Words,
    sealed=Bytes,
)
# Columns of what is chained, in the order of the digest; the last one is sealed.
_CHAINED = {
    "resource": [_RESOURCE.c[n] for n in ("id", "position", "version", "resource_type", "sealed")],
    "suggestion": [_SUGGESTION.c[n] for n in ("id", "position", "version", "created", "sealed")],
}


class _OldContext(Context):
    """The cell of a value sealed in revision 0001: other bytes, in another order."""

    __slots__ = ()

    def to_bytes(self) -> bytes:
        return length_prefixed(
            *("pharmakon/context", self.store, self.table, self.column, self.row, self.patient),
            *(1, self.row_version),
        )


@dataclass
class OldPatient:
    """One patient, opened. Erased ones have no rows."""

    ordinal: int
    id: str
    version: int
    created: str
    erased_at: str | None
    kek_version: int
    data_key_version: int
    blind_indexes: list[bytes]
    resources: list[tuple[int, int, bytes]]  # position, version, plaintext
    suggestions: list[tuple[str, int, str, bytes]]  # id, position, created, plaintext


def read_head(connection: Connection, ring: KeyRing) -> Checkpoint:
    """The signed head.

    Raises:
        KeyRingError: the store is another ring's.
        AuditError: missing, malformed, not signed by ``ring``, or not the only one.
    """
    stores = connection.execute(select(_META.c.id, _META.c.schema_version, _META.c.store_id)).all()
    if [store[:2] for store in stores] != [(1, 1)]:
        raise AuditError("the row that says which store this is was changed: nothing was migrated")
    if stores[0].store_id != ring.store_id:
        raise KeyRingError(
            f"this key ring is of store {ring.store_id}, but the database is store "
            f"{stores[0].store_id}: use the ring it was created with"
        )
    heads = connection.execute(select(_HEAD.c.id, _HEAD.c.checkpoint)).all()
    if [head.id for head in heads] != [1]:
        raise AuditError("the audit log has no head, or several: nothing was migrated")
    head = Checkpoint.parse(heads[0].checkpoint)
    head.check(ring)
    # The next line of defence is the number: a head of today would cover trees that are not here.
    if head.version != 1 or head.text != heads[0].checkpoint:
        raise AuditError("the audit head is not one of this schema: nothing was migrated")
    return head


def entries(connection: Connection, head: Checkpoint) -> Generator[tuple[bytes, str]]:
    """The canonical bytes of every audit entry, in order, and its subject.

    Raises:
        AuditError: they are not those that were signed, or a column beside one says otherwise.
    """
    tree = Frontier()
    statement = select(_ENTRY).order_by(_ENTRY.c.position)
    with connection.execute(statement, execution_options={"yield_per": _BATCH}) as rows:
        for index, row in enumerate(rows):
            tree.append(leaf_hash(row.entry))
            _check_columns(index, row)
            yield row.entry, row.subject
    _compare(tree, head.parts[ENTRIES], "audit entries")


def patients(connection: Connection, ring: KeyRing, head: Checkpoint) -> Generator[OldPatient]:
    """Every patient in order, checked and opened.

    Raises:
        AuditError: a row is not one that was signed, or does not open.
    """
    for table in (_IDENTIFIER, _RESOURCE, _SUGGESTION):
        known = select(_PATIENT.c.id)
        orphans = select(func.count()).select_from(table).where(table.c.patient_id.not_in(known))
        if connection.scalar(orphans):
            raise AuditError(f"table {table.name} holds rows of no patient: nothing was migrated")
    tree = Frontier()
    statement = select(_PATIENT).order_by(_PATIENT.c.ordinal)
    with connection.execute(statement, execution_options={"yield_per": _BATCH}) as rows:
        for row in rows:
            tree.append(_leaf(row))
            yield _opened(connection, ring, row)
    _compare(tree, head.parts[PATIENTS], "rows of patients")


def _check_columns(index: int, row: Any) -> None:
    try:
        fields = vars(AuditEntry.from_bytes(row.entry))
    except ValueError:
        fields = {}
    columns = ("time", "actor", "action", "subject", "purpose", "outcome")
    if (fields.get("index"), row.position) != (index, index) or any(
        fields.get(name) != getattr(row, name) for name in columns
    ):
        raise AuditError(
            f"audit entry {index} was changed, moved or removed: nothing was migrated", index=index
        )


def _opened(connection: Connection, ring: KeyRing, row: Any) -> OldPatient:
    changed = AuditError(f"what belongs to patient {row.id} was changed: nothing was migrated")
    statement = select(_IDENTIFIER.c.blind_index).where(_IDENTIFIER.c.patient_id == row.id)
    blind_indexes = sorted(connection.scalars(statement))
    digest = EMPTY_CHAIN
    for blind_index in blind_indexes:
        digest = chain(digest, blind_index)
    stored = {name: _stored(connection, name, row.id) for name in _CHAINED}
    digests = [digest, *(_digest(rows) for rows in stored.values())]
    if digests != [row.identifiers_digest, row.resources_digest, row.suggestions_digest]:
        raise changed
    patient = OldPatient(
        *(row.ordinal, row.id, row.version, row.created, row.erased_at, row.kek_version),
        *(row.data_key_version, blind_indexes, [], []),
    )
    if row.erased_at is not None:
        if row.wrapped_key is not None or any([blind_indexes, *stored.values()]):
            raise changed
        return patient
    try:
        key = _data_key(ring, row)
        for _, position, version, _, plaintext in _open(ring, key, row.id, "resource", stored):
            patient.resources.append((position, version, plaintext))
        for row_id, position, _, created, plaintext in _open(
            ring, key, row.id, "suggestion", stored
        ):
            patient.suggestions.append((row_id, position, created, plaintext))
    except DecryptionError:
        raise changed from None
    return patient


def _open(
    ring: KeyRing, key: AeadKey, patient_id: str, table: str, stored: dict[str, list[Any]]
) -> Iterator[tuple[Any, ...]]:
    for *clear, sealed in stored[table]:
        row_id, _, version, _ = clear
        place = _OldContext(ring.store_id, table, "sealed", patient_id, row_id, version)
        yield *clear, key.open(sealed, context=place)


def _stored(connection: Connection, name: str, patient_id: str) -> list[Any]:
    columns = _CHAINED[name]
    table = columns[0].table
    statement = select(*columns).where(table.c.patient_id == patient_id)
    return list(connection.execute(statement.order_by(table.c.position)))


def _digest(rows: list[Any]) -> bytes:
    digest = EMPTY_CHAIN
    for row in rows:
        digest = chain(digest, *row)
    return digest


def _data_key(ring: KeyRing, row: Any) -> AeadKey:
    wrapped, version = row.wrapped_key or b"", row.data_key_version
    if crypto.key_version(wrapped) != row.kek_version:
        raise DecryptionError
    place = _OldContext(ring.store_id, "patient", "wrapped_key", row.id, row.id, version)
    return ring.unwrap(wrapped, context=place)


def _leaf(row: Any) -> bytes:
    return leaf_hash(
        length_prefixed(
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


def _compare(tree: Frontier, signed: Part, what: str) -> None:
    if (tree.size, tree.root()) != signed:
        raise AuditError(
            f"the {tree.size} {what} are not the {signed.size} that were signed: "
            "nothing was migrated"
        )
