"""The audit log: entries as canonical bytes, a Merkle tree over them, a signed head.

An entry is JSON with sorted keys and no spaces, in UTF-8; those bytes are the
only truth, and the columns beside them are derived. The head commits to two
trees: the log, and the current state of every patient (``storage.records``).
It is signed in the transaction that changes them. A head kept elsewhere shows
that the whole database was not exchanged for an older or a rewritten one.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storage.checkpoint import Checkpoint
from storage.errors import AuditError, InvalidRecordError
from storage.keys import KeyRing
from storage.merkle import EMPTY_ROOT, leaf_hash
from storage.tables import AuditEntryRow, AuditHeadRow
from storage.tree import StoredTree

Clock = Callable[[], datetime]

OK = "ok"
ROLLED_BACK = "rolled-back"

_ACTION = re.compile(r"[a-z][a-z.-]{0,63}")
_OUTCOME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_PSEUDONYM = re.compile(r"[0-9a-f]{32}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_LABEL_LENGTH = 200


@dataclass(frozen=True)
class AuditEntry:
    """Who did what to whom, why, and how it ended. Pseudonyms and digests only.

    ``detail`` is empty or a SHA-256 in hexadecimal; for an access to a patient
    it is the leaf of the patient tree, which commits to every row's version.
    """

    index: int
    time: str  # ISO 8601, UTC
    actor: str
    action: str
    subject: str  # a patient's pseudonym, or empty
    purpose: str
    outcome: str  # "ok", "rolled-back", or the name of the error
    detail: str

    def to_bytes(self) -> bytes:
        """Canonical bytes."""
        return json.dumps(
            vars(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False
        ).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The entry with these canonical bytes.

        Raises:
            ValueError: not an entry, or not in canonical form.
        """
        fields = json.loads(data)
        try:
            entry = cls(**fields)
        except TypeError:
            raise ValueError("not an audit entry") from None
        if entry.to_bytes() != data:
            raise ValueError("not the canonical form of an audit entry")
        return entry


class AuditLog:
    """Appends for one actor and purpose inside the caller's transaction.

    Reads and checks the signed head when made, so nothing is ever built on a
    log whose head does not hold. It flushes but never commits; ``sign`` must
    come last before the commit.
    """

    def __init__(
        self, session: Session, ring: KeyRing, *, actor: str, purpose: str, clock: Clock
    ) -> None:
        """Open the log.

        Raises:
            AuditError: the head is missing, not signed by ``ring``, or not the
                head of the stored trees.
            InvalidRecordError: ``actor`` or ``purpose`` cannot be logged.
        """
        self._session = session
        self._ring = ring
        self._actor = _label("actor", actor)
        self._purpose = _label("purpose", purpose)
        self._clock = clock
        self.head = read_head(session, ring)
        self.entries = StoredTree(
            session, "audit", size=self.head.n_entries, root=self.head.entries_root
        )
        self.patients = StoredTree(
            session, "patient", size=self.head.n_patients, root=self.head.patients_root
        )
        self.appended: list[AuditEntry] = []
        self._may_sign = True

    def now(self) -> str:
        """The time, as entries and rows record it."""
        return self._clock().astimezone(UTC).isoformat(timespec="microseconds")

    def append(
        self, action: str, *, subject: str = "", outcome: str = OK, detail: str = ""
    ) -> AuditEntry:
        """Add one entry.

        Args:
            action: lower-case words joined by dots, such as ``patient.read``.
            subject: pseudonym of the patient concerned, or empty.
            outcome: ``ok``, or the name of the error.
            detail: SHA-256 of what was touched, in hexadecimal, or empty.

        Raises:
            InvalidRecordError: a field is not of that form, and might carry
                what must not be in a log.
            AuditError: the stored log is not the one that was signed.
        """
        _matches("action", _ACTION, action)
        _matches("outcome", _OUTCOME, outcome)
        if subject:
            _matches("subject", _PSEUDONYM, subject)
        if detail:
            _matches("detail", _DIGEST, detail)
        could_sign, self._may_sign = self._may_sign, False  # until all of it is written
        index = self.entries.size
        entry = AuditEntry(
            index, self.now(), self._actor, action, subject, self._purpose, outcome, detail
        )
        data = entry.to_bytes()
        try:
            self._session.execute(insert(AuditEntryRow), [derived_columns(entry, data)])
        except IntegrityError as error:
            raise AuditError(
                f"the log holds an entry {index} beyond its signed size", index=index
            ) from error
        self.entries.append(leaf_hash(data))
        self.appended.append(entry)
        self._may_sign = could_sign
        return entry

    def refuse_to_sign(self) -> None:
        """From now on this log signs nothing: something was left half done in its transaction."""
        self._may_sign = False

    def sign(self) -> Checkpoint:
        """Write the signed head of both trees as they are now.

        Raises:
            AuditError: something failed half-way in this transaction, which
                can then only be rolled back.
        """
        if not self._may_sign:
            raise AuditError("a step of this unit of work failed half-way; it cannot be committed")
        self.head = Checkpoint(
            self._ring.store_id,
            self.now(),
            self.entries.size,
            self.entries.root(),
            self.patients.size,
            self.patients.root(),
        ).sign(self._ring)
        self._session.execute(update(AuditHeadRow).values(checkpoint=self.head.text))
        return self.head

    def of_subject(self, subject: str) -> tuple[AuditEntry, ...]:
        """Entries about one patient, oldest first, each checked against the tree.

        The look-up goes through a derived column: what someone hid by editing
        that column, only ``verify`` shows.

        Raises:
            AuditError: an entry is not the one that was signed.
        """
        rows = self._session.execute(
            select(AuditEntryRow.position, AuditEntryRow.entry)
            .where(AuditEntryRow.subject == subject)
            .order_by(AuditEntryRow.position)
        )
        return tuple(self._checked(position, data) for position, data in rows)

    def latest(self, limit: int) -> tuple[AuditEntry, ...]:
        """The last ``limit`` entries, oldest first, each checked against the tree.

        Raises:
            AuditError: an entry is missing or not the one that was signed.
        """
        first = max(0, self.entries.size - limit)
        return tuple(self.entry(index) for index in range(first, self.entries.size))

    def entry(self, index: int) -> AuditEntry:
        """Entry ``index``, checked against the tree.

        Raises:
            AuditError: it is missing or not the one that was signed.
        """
        data = self._session.scalar(
            select(AuditEntryRow.entry).where(AuditEntryRow.position == index)
        )
        return self._checked(index, data or b"")

    def _checked(self, index: int, data: bytes) -> AuditEntry:
        if not self.entries.holds(index, leaf_hash(data)):
            raise AuditError(f"audit entry {index} is not the one that was signed", index=index)
        return AuditEntry.from_bytes(data)


def derived_columns(entry: AuditEntry, data: bytes) -> dict[str, object]:
    """The row of an entry whose canonical bytes are ``data``."""
    return {
        "position": entry.index,
        "entry": data,
        "time": entry.time,
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "purpose": entry.purpose,
        "outcome": entry.outcome,
    }


def start_log(session: Session, ring: KeyRing, *, time: str) -> None:
    """Write the signed head of a new, empty store."""
    empty = Checkpoint(ring.store_id, time, 0, EMPTY_ROOT, 0, EMPTY_ROOT).sign(ring)
    session.execute(insert(AuditHeadRow).values(id=1, checkpoint=empty.text))


def read_head(session: Session, ring: KeyRing) -> Checkpoint:
    """The stored head, its signature checked.

    Raises:
        AuditError: missing, malformed, or not signed by ``ring``.
    """
    text = session.scalar(select(AuditHeadRow.checkpoint))
    if text is None:
        raise AuditError("the audit log has no head: it was removed")
    head = Checkpoint.parse(text)
    head.check(ring)
    return head


def is_pseudonym(text: str) -> bool:
    """``text`` has the form of a patient's or suggestion's id, so it may be logged."""
    return _PSEUDONYM.fullmatch(text) is not None


def _label(name: str, value: str) -> str:
    if not value.strip() or len(value) > _LABEL_LENGTH or not value.isprintable():
        raise InvalidRecordError(
            f"{name} must be 1 to {_LABEL_LENGTH} printable characters, to be logged"
        )
    return value


def _matches(name: str, pattern: re.Pattern[str], value: str) -> None:
    if pattern.fullmatch(value) is None:
        # Not echoed: this refusal is what keeps names and notes out of logs.
        raise InvalidRecordError(f"{name} of an audit entry must match {pattern.pattern}")
