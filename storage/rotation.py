"""Replace the keys of a store while it is in use.

Each rotation goes: a new key is made, written and proven (``KeyRing.add_key``); it becomes primary
behind the gate, so that nothing is protected by the old one afterwards; what the old one protects
is moved in small transactions, each with an audit entry; every row is looked at again; the old key
is retired. Killed at any point, the next rotation goes on where it ended: what is left to do is
told by the states in the ring and by the version that each row names. Readers and writers wait for
one small transaction at most.

A retired key still opens backups from before. ``destroy`` removes it from the ring.

=========  =======================  ===============================================================
key        what it protects         what a rotation does
=========  =======================  ===============================================================
wrap       patients' data keys      wraps each anew; with ``data_keys``, replaces each and seals
                                    the patient's whole record anew
index      blind indexes            makes each anew from its sealed identifier; those from stores
                                    of schema version 1, which have none, stay and are counted
audit      signed heads             signs the head anew; the old public key stays known, for heads
                                    up to the length that the log had
=========  =======================  ===============================================================
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from time import monotonic
from typing import Any

from sqlalchemy import bindparam, func, select, update

from storage.access import Action, Purpose
from storage.blind import under
from storage.crypto import Context, key_version, length_prefixed
from storage.database import Database
from storage.errors import DecryptionError, KeyRingError, StaleRecordError
from storage.keys import KeyStatus
from storage.keyset import State, Use
from storage.operations import Access, recorded
from storage.sealed import SealedPatient, data_key_context
from storage.tables import IdentifierRow, PatientRow

_BATCH = 250  # data keys wrapped anew in one transaction: some milliseconds behind the gate
_HOLD_SECONDS = 0.01  # a transaction that seals records anew takes no more patients after that
_PAGE = 5_000  # data keys opened in one snapshot

_WRAPPED = (
    select(
        PatientRow.ordinal,
        PatientRow.id,
        PatientRow.wrapped_key,
        PatientRow.kek_version,
        PatientRow.data_key_version,
    )
    .where(PatientRow.ordinal > bindparam("after"), PatientRow.wrapped_key.is_not(None))
    .order_by(PatientRow.ordinal)
)
_BEHIND = _WRAPPED.where(PatientRow.kek_version != bindparam("primary"))
# Only a row that is still as it was read: it may have been erased or sealed anew since.
_REWRAP = (
    update(PatientRow)
    .where(PatientRow.ordinal == bindparam("at"), PatientRow.wrapped_key == bindparam("old"))
    .values(wrapped_key=bindparam("new"), kek_version=bindparam("primary"))
)


@dataclass(frozen=True)
class Rotation:
    """What a rotation did.

    Attributes:
        use: which key.
        version: the new one.
        n_moved: patients whose data key, record or identifiers were moved to it, in this run.
        n_left: identifiers that cannot be moved, because schema version 1 kept only their index.
        damaged: pseudonyms of patients with rows that do not open, or are not the ones last
            committed; they are as they were.
        retired: the versions that it replaced.
    """

    use: Use
    version: int
    n_moved: int
    n_left: int
    damaged: tuple[str, ...]
    retired: tuple[int, ...]


def rotate(
    database: Database, actor: str, use: Use = "wrap", *, data_keys: bool = False
) -> Rotation:
    """Replace one key of the store, or go on with a replacement that was interrupted.

    Args:
        database: the store, which may be in use.
        actor: a security officer.
        use: which key.
        data_keys: with the key ``wrap``, replace the patients' data keys too: what to do when
            somebody may have had both the ring and the database. A replacement that was
            interrupted is gone on with as it was begun; if that was without, another follows.

    Raises:
        AccessDeniedError: ``actor`` may not.
        KeyRingError: the ring cannot be changed.
        StorageError: the store cannot be used; what was done so far is kept.
    """
    with _step(database, actor, use, "begin"):
        pass
    if _in_state(database, use, "outgoing"):
        done = _move_all(database, actor, use)
        if not data_keys or _primary(database, use).renews:
            return done
    _new_primary(database, actor, use, renews=data_keys and use == "wrap")
    return _move_all(database, actor, use)


def destroy(database: Database, actor: str, version: int, use: Use = "wrap") -> None:
    """Remove a retired key from the ring, for good: backups that need it are lost.

    Raises:
        AccessDeniedError: ``actor`` may not.
        KeyRingError: something in the store is still under it, or it is not retired.
    """
    with _step(database, actor, use, "begin"):
        pass
    # Without the gate: a key that is not primary gets no new rows.
    if n_under := _count_under(database, use, version):
        raise KeyRingError(
            f"{n_under} rows of the store are under {use} key {version}: it can be destroyed once "
            "they are moved to another key, or erased"
        )
    with _step(database, actor, use, "destroy", version):
        database.ring.destroy(version, use)


class _Move:
    """What is under other versions of one key, moved to ``version``.

    Attributes:
        n_moved: how many patients so far.
        damaged: pseudonyms of those that cannot be, in the order in which they were met.
    """

    def __init__(self, database: Database, actor: str, use: Use, version: int) -> None:
        self._database = database
        self._actor = actor
        self._use = use
        self._version = version
        self.n_moved = 0
        self.damaged: dict[str, None] = {}

    def data_keys(self, *, renew: bool) -> None:
        """Wrap every data key anew, or replace it; then look at every row again."""
        after = -1
        while rows := self._read(_BEHIND.limit(_BATCH), after=after, primary=self._version):
            after = rows[-1].ordinal
            if renew:
                after = self._renew([row.ordinal for row in rows], SealedPatient.renew_key)
            else:
                self._rewrap(rows)
        # By what the keys say of themselves, and not the column beside them.
        after = -1
        while rows := self._read(_WRAPPED.limit(_PAGE), after=after):
            after = rows[-1].ordinal
            behind = [row for row in rows if not self._opens(row)]
            while behind and renew:
                last = self._renew([row.ordinal for row in behind], SealedPatient.renew_key)
                behind = [row for row in behind if row.ordinal > last]
            for start in range(0, len(behind), _BATCH):
                self._rewrap(behind[start : start + _BATCH])

    def identifiers(self) -> int:
        """Make every blind index anew; returns how many cannot be."""
        is_behind = ~under(IdentifierRow.blind_index, self._version)
        patient = IdentifierRow.patient
        statement = (
            select(patient)
            .distinct()
            .where(patient > bindparam("after"), is_behind, IdentifierRow.sealed.is_not(None))
            .order_by(patient)
            .limit(_BATCH)
        )
        after = -1
        while rows := self._read(statement, after=after):
            after = self._renew([row.patient for row in rows], SealedPatient.renew_identifiers)
        (left,) = self._read(select(func.count().label("n")).where(is_behind))
        return int(left.n)

    def _rewrap(self, rows: Sequence[Any]) -> None:
        """Wrap the data keys of these rows anew: outside the gate but for writing them."""
        changes = []
        for row in rows:
            try:
                new = self._database.ring.rewrap(row.wrapped_key, context=self._context(row))
            except DecryptionError:
                self.damaged[row.id] = None
            else:
                changes.append({"at": row.ordinal, "old": row.wrapped_key, "new": new})
        if changes:
            with self._step(changes[0]["at"], changes[-1]["at"]) as access:
                access.state.connection.execute(
                    _REWRAP, [{**change, "primary": self._version} for change in changes]
                )
            self.n_moved += len(changes)

    def _renew(self, ordinals: Sequence[int], change: Callable[[SealedPatient], object]) -> int:
        """Change patients in one transaction, as many as it has time for; returns the last."""
        n_moved = 0
        with self._step(ordinals[0], ordinals[-1]) as access:
            end = monotonic() + _HOLD_SECONDS
            for ordinal in ordinals:
                try:
                    n_moved += _change(access, ordinal, change)
                except (DecryptionError, StaleRecordError):
                    self.damaged[access.subject] = None
                if monotonic() > end:
                    break
            access.subject = ""  # of the entry, which is about all of them
        self.n_moved += n_moved
        return ordinal

    def _opens(self, row: Any) -> bool:
        if _version(row.wrapped_key) != self._version:
            return False
        try:
            self._database.ring.unwrap(row.wrapped_key, context=self._context(row))
        except DecryptionError:
            return False
        return True

    def _context(self, row: Any) -> Context:
        return data_key_context(self._database.ring.store_id, row.id, row.data_key_version)

    def _step(self, first: int, last: int) -> AbstractContextManager[Access]:
        return _step(self._database, self._actor, self._use, self._version, first, last)

    def _read(self, statement: Any, **values: int) -> Sequence[Any]:
        with self._database.translated(), self._database.backend.snapshot() as connection:
            return connection.execute(statement, values).all()


def _change(access: Access, ordinal: int, change: Callable[[SealedPatient], object]) -> bool:
    """Change one patient and the tree, or neither; False: there is nothing to change any more."""
    patient = access.find(ordinal)
    if patient is None or patient.row.erased_at is not None:
        return False
    old = patient.row.leaf()
    with access.state.connection.begin_nested():
        change(patient)
        patient.write()
    access.state.patients.replace(ordinal, old, patient.row.leaf())
    return True


@contextmanager
def _step(database: Database, actor: str, *facts: str | int) -> Iterator[Access]:
    """One short transaction, allowed, and with an audit entry whose detail is a digest of facts."""
    with database.unit(actor, purpose=Purpose.ADMINISTRATION) as unit:
        with recorded(unit.scope, Action.KEYS_ROTATE) as access:
            yield access
            access.detail = sha256(length_prefixed("pharmakon/keys.rotate", *facts)).hexdigest()
        unit.commit()


def _new_primary(database: Database, actor: str, use: Use, *, renews: bool) -> None:
    """Make a new key primary; one that an interrupted rotation has made serves."""
    ring = database.ring
    for key in _in_state(database, use, "pending"):
        if key.renews == renews:
            version = key.version
            break
        ring.destroy(key.version, use)
    else:
        version = ring.add_key(use, renews=renews)
    with _step(database, actor, use, "primary", version) as access:
        size = access.state.head.n_entries if use == "audit" else None
        ring.make_primary(version, use, n_entries=size)


def _move_all(database: Database, actor: str, use: Use) -> Rotation:
    """Move all to the primary, and retire what it replaced."""
    primary = _primary(database, use)
    move, n_left = _Move(database, actor, use, primary.version), 0
    if use == "wrap":
        move.data_keys(renew=primary.renews)
    elif use == "index":
        n_left = move.identifiers()
    old = tuple(key.version for key in _in_state(database, use, "outgoing"))
    with _step(database, actor, use, "retire", primary.version):
        pass  # with an audit key: at the latest now, the head is signed by the new one
    for version in old:
        database.ring.retire(version, use)
    return Rotation(use, primary.version, move.n_moved, n_left, tuple(move.damaged), old)


def _primary(database: Database, use: Use) -> KeyStatus:
    return _in_state(database, use, "primary")[0]


def _in_state(database: Database, use: Use, state: State) -> tuple[KeyStatus, ...]:
    return tuple(key for key in database.ring.status() if (key.use, key.state) == (use, state))


def _count_under(database: Database, use: Use, version: int) -> int:
    with database.translated(), database.backend.snapshot() as connection:
        if use == "wrap":
            rows = connection.execute(_WRAPPED, {"after": -1})
            return sum(version in (row.kek_version, _version(row.wrapped_key)) for row in rows)
        if use == "index":
            is_under = under(IdentifierRow.blind_index, version)
            return connection.scalar(select(func.count()).where(is_under)) or 0
    return 0


def _version(sealed: bytes) -> int:
    """Version of the key that a wrapped key names; 0: it is damaged."""
    try:
        return key_version(sealed)
    except DecryptionError:
        return 0
