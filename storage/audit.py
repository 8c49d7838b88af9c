"""The audit log: entries as canonical bytes, a Merkle tree over them, a signed head.

An entry is JSON with sorted keys and no spaces, in UTF-8; those bytes are the
only truth. The head commits to the log, to the current state of every patient,
actor and emergency access, and to the list of erasures. It is signed in the
transaction that changes them. A head kept elsewhere shows that the whole
database was not exchanged for an older or a rewritten one.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

from sqlalchemy import Connection, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from storage.access import Purpose
from storage.checkpoint import ACTORS, BREAK_GLASS, ENTRIES, ERASED, PATIENTS, Checkpoint, Part
from storage.crypto import EMPTY_CHAIN
from storage.errors import AuditError, InvalidRecordError
from storage.keys import KeyRing
from storage.merkle import EMPTY_ROOT, Frontier, leaf_hash
from storage.statements import Statement
from storage.tables import AuditEntryRow, AuditHeadRow
from storage.tree import HASH_BYTES, EntryTree, StateTree, frontier_of

Clock = Callable[[], datetime]

OK = "ok"
ROLLED_BACK = "rolled-back"

_ACTION = re.compile(r"[a-z][a-z.-]{0,63}")
_OUTCOME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_PSEUDONYM = re.compile(r"[0-9a-f]{32}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_LABEL_LENGTH = 200
_TREES = (ENTRIES, PATIENTS, ACTORS, BREAK_GLASS)  # in the order of their frontiers

_HEAD = Statement(select(AuditHeadRow.checkpoint, AuditHeadRow.frontiers))
_SET_HEAD = Statement(
    update(AuditHeadRow).values(checkpoint=bindparam("text"), frontiers=bindparam("peaks"))
)
_ADD_ENTRIES = Statement(insert(AuditEntryRow))
_READ_BACK = Statement(
    select(
        AuditHeadRow.checkpoint,
        AuditHeadRow.frontiers,
        select(func.count())
        .where(AuditEntryRow.position >= bindparam("first"))
        .select_from(AuditEntryRow)
        .scalar_subquery(),
    )
)
_OF_SUBJECT = (
    select(AuditEntryRow.position, AuditEntryRow.entry)
    .where(AuditEntryRow.subject == bindparam("of"))
    .order_by(AuditEntryRow.position)
)
_BETWEEN = (
    select(AuditEntryRow.position, AuditEntryRow.entry)
    .where(AuditEntryRow.position >= bindparam("first"), AuditEntryRow.position < bindparam("stop"))
    .order_by(AuditEntryRow.position)
)


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
    grant: str = ""  # of actor.grant and actor.revoke: whom it concerns, and what they hold then

    def to_bytes(self) -> bytes:
        """Canonical bytes; ``grant`` is in them only where it says something."""
        fields = vars(self) if self.grant else {k: v for k, v in vars(self).items() if k != "grant"}
        return _ENCODE(fields).encode()

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


_ENCODE = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


class KnownHead(NamedTuple):
    """A head that was checked once, and the frontiers behind its roots as they are stored."""

    head: Checkpoint
    text: str
    frontiers: bytes
    trees: tuple[Frontier, ...]  # never grown, only copied


class SignedState:
    """What the signed head commits to, in one transaction: nothing is built on a head that fails.

    Attributes:
        head: the signed head.
        entries: the audit tree.
        patients, actors, break_glass: the trees of current states.
        known: the head and its frontiers, for the next who reads them.
    """

    def __init__(self, connection: Connection, ring: KeyRing, known: KnownHead | None) -> None:
        """Read the head and check it, unless it is ``known``.

        Raises:
            AuditError: the head is missing, not signed by ``ring``, or not the
                head of the stored trees.
        """
        self.connection = connection
        self.ring = ring
        row = _HEAD.first(connection)
        if row is None:
            raise AuditError("the audit log has no head: it was removed")
        if known is None or row != (known.text, known.frontiers):
            text, frontiers = row
            known = _checked_head(text, frontiers, ring)
        self.known = known
        self.head = known.head
        entries, patients, actors, break_glass = (tree.copy() for tree in known.trees)
        self.entries = EntryTree(connection, entries)
        self.patients = StateTree(connection, PATIENTS, patients)
        self.actors = StateTree(connection, ACTORS, actors)
        self.break_glass = StateTree(connection, BREAK_GLASS, break_glass)

    def of_subject(self, subject: str) -> tuple[AuditEntry, ...]:
        """Entries about one patient, oldest first, each checked against the tree.

        The look-up goes through a derived column: what someone hid by editing
        that column, only ``verify`` shows.

        Raises:
            AuditError: an entry is not the one that was signed.
        """
        found = [
            self._checked(*row) for row in self.connection.execute(_OF_SUBJECT, {"of": subject})
        ]
        for entry in found:
            if entry.subject != subject:
                raise AuditError(f"audit entry {entry.index} was filed under another patient")
        return tuple(found)

    def between(self, first: int, stop: int) -> Iterator[AuditEntry]:
        """Entries ``first`` to ``stop`` (exclusive), in order, each checked against the tree.

        Raises:
            AuditError: an entry is missing or not the one that was signed.
        """
        first, stop = max(0, first), min(stop, self.entries.size)
        index = first
        # Closed also where the caller stops early: PostgreSQL's cursors lie on the server.
        with self.connection.execute(
            _BETWEEN, {"first": first, "stop": stop}, execution_options={"yield_per": 1000}
        ) as rows:
            for position, data in rows:
                if position != index:
                    break
                yield self._checked(position, data)
                index += 1
        if index < stop:
            raise AuditError(f"audit entry {index} is missing", index=index)

    def entry(self, index: int) -> AuditEntry:
        """One entry, checked against the tree.

        Raises:
            AuditError: missing, or not the one that was signed.
        """
        return next(self.between(index, index + 1))

    def _checked(self, position: int, data: bytes) -> AuditEntry:
        if not self.entries.holds(position, leaf_hash(data)):
            raise AuditError(
                f"audit entry {position} is not the one that was signed", index=position
            )
        return AuditEntry.from_bytes(data)


class AuditLog:
    """Appends for one actor and purpose inside the caller's write transaction.

    Nothing is written before ``sign``, which must come last before the commit.
    """

    def __init__(self, state: SignedState, *, actor: str, purpose: str, clock: Clock) -> None:
        """Open the log.

        Raises:
            InvalidRecordError: ``actor`` or ``purpose`` cannot be logged.
        """
        self.state = state
        self.actor = label("actor", actor)
        self.purpose = str(purpose_of(purpose))
        self.appended: list[AuditEntry] = []
        self.erased = state.head.parts[ERASED]  # replaced by who erases
        self._clock = clock
        self._may_sign = True
        self._has_signed = False

    def now(self) -> str:
        """The time, as entries and rows record it."""
        return timestamp(self._clock())

    def append(
        self,
        action: str,
        *,
        subject: str = "",
        outcome: str = OK,
        detail: str = "",
        grant: str = "",
    ) -> AuditEntry:
        """Add one entry.

        Args:
            action: lower-case words joined by dots, such as ``patient.read``.
            subject: pseudonym of the patient concerned, or empty.
            outcome: ``ok``, or the name of the error.
            detail: SHA-256 of what was touched, in hexadecimal, or empty.
            grant: who may act how from now on, where that changed, or empty.

        Raises:
            InvalidRecordError: a field is not of that form, and might carry
                what must not be in a log.
        """
        _matches("action", _ACTION, action)
        _matches("outcome", _OUTCOME, outcome)
        if subject:
            _matches("subject", _PSEUDONYM, subject)
        if detail:
            _matches("detail", _DIGEST, detail)
        entry = AuditEntry(
            self.state.head.n_entries + len(self.appended),
            self.now(),
            self.actor,
            action,
            subject,
            self.purpose,
            outcome,
            detail,
            grant and label("grant", grant, longest=2 * _LABEL_LENGTH),
        )
        self.appended.append(entry)
        return entry

    def refuse_to_sign(self) -> None:
        """From now on this log signs nothing: something was left half done in its transaction."""
        self._may_sign = False

    def sign(self) -> Checkpoint:
        """Write the entries, the trees and the signed head of them all.

        Raises:
            AuditError: something failed half-way in this transaction, which
                can then only be rolled back; or the stored log goes beyond the
                head that was signed.
        """
        if self._has_signed:
            raise AuditError("this unit of work was signed already; open another")
        if not self._may_sign:
            raise AuditError("a step of this unit of work failed half-way; it cannot be committed")
        self._has_signed = True
        state, connection = self.state, self.state.connection
        rows: list[dict[str, Any]] = []
        for entry in self.appended:
            data = entry.to_bytes()
            rows.append(entry_row(entry, data))
            state.entries.append(rows[-1]["leaf"])
        if rows:
            try:
                n_written = _ADD_ENTRIES.run_many(connection, rows)
            except IntegrityError as error:
                first = state.head.n_entries
                raise AuditError(
                    f"the log holds an entry beyond its signed size {first}", index=first
                ) from error
            if n_written != len(rows):  # as a trigger can make it
                raise AuditError("the database did not take the audit entries")
        trees: tuple[EntryTree | StateTree, ...] = (
            state.entries,
            state.patients,
            state.actors,
            state.break_glass,
        )
        for tree in trees:
            tree.write()
        parts = {
            name: Part(tree.size, tree.root()) for name, tree in zip(_TREES, trees, strict=True)
        }
        unsigned = Checkpoint(state.ring.store_id, self.now(), {**parts, ERASED: self.erased})
        head = unsigned.sign(state.ring)
        text = head.text
        frontiers = tuple(tree.frontier for tree in trees)
        peaks = b"".join(peak for tree in frontiers for peak in tree.peaks.values())
        if _SET_HEAD.run(connection, {"text": text, "peaks": peaks}) != 1:
            raise AuditError("the database did not take the audit head")
        # Triggers can undo what was counted: what will be committed is looked at again.
        written = _READ_BACK.first(connection, {"first": state.head.n_entries})
        if written != (text, peaks, len(rows)):
            raise AuditError("the database holds another audit log than was written to it")
        state.known = KnownHead(head, text, peaks, frontiers)
        return head


def entry_row(entry: AuditEntry, data: bytes) -> dict[str, Any]:
    """The row of an entry with canonical bytes ``data``."""
    return {
        "position": entry.index,
        "entry": data,
        "subject": entry.subject,
        "leaf": leaf_hash(data),
    }


def start_log(connection: Connection, ring: KeyRing, *, time: str) -> None:
    """Write the signed head of an empty store."""
    parts = {name: Part(0, EMPTY_ROOT) for name in _TREES}
    head = Checkpoint(ring.store_id, time, {**parts, ERASED: Part(0, EMPTY_CHAIN)}).sign(ring)
    connection.execute(insert(AuditHeadRow), {"id": 1, "checkpoint": head.text, "frontiers": b""})


def timestamp(time: datetime) -> str:
    """``time`` as entries and rows record it: ISO 8601, UTC, microseconds."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def is_pseudonym(text: str) -> bool:
    """``text`` has the form of a patient's or suggestion's id, so it may be logged."""
    return isinstance(text, str) and _PSEUDONYM.fullmatch(text) is not None


def label(name: str, value: str, *, longest: int = _LABEL_LENGTH) -> str:
    """``value``, where it can be logged.

    Raises:
        InvalidRecordError: empty, too long, or not printable.
    """
    if not value.strip() or len(value) > longest or not value.isprintable():
        raise InvalidRecordError(
            f"{name} must be 1 to {longest} printable characters, to be logged"
        )
    return value


def purpose_of(text: str) -> Purpose:
    """The purpose of use that ``text`` names.

    Raises:
        InvalidRecordError: there is no such purpose; it is not echoed, and not logged.
    """
    try:
        return Purpose(text)
    except ValueError:
        raise InvalidRecordError(
            f"the purpose of use must be one of {', '.join(Purpose)}, to be logged"
        ) from None


def _checked_head(text: str, frontiers: bytes, ring: KeyRing) -> KnownHead:
    head = Checkpoint.parse(text)
    head.check(ring)
    if not ring.is_signed_now(head.signature, head.body):
        raise AuditError("the audit head is signed by an audit key that was replaced since")
    if head.version != 2:
        raise AuditError("the audit head is of an older version: it was put back")
    if head.text != text:
        raise AuditError("the stored audit head is not the text that was signed")
    peaks = [
        frontiers[start : start + HASH_BYTES] for start in range(0, len(frontiers), HASH_BYTES)
    ]
    trees = []
    for name in _TREES:
        part = head.parts[name]
        n = part.size.bit_count()
        trees.append(frontier_of(part, peaks[:n], name))
        peaks = peaks[n:]
    if peaks:
        raise AuditError("the stored frontiers hold more than was signed: run audit verify")
    return KnownHead(head, text, frontiers, tuple(trees))


def _matches(name: str, pattern: re.Pattern[str], value: str) -> None:
    if pattern.fullmatch(value) is None:
        # Not echoed: this refusal is what keeps names and notes out of logs.
        raise InvalidRecordError(f"{name} of an audit entry must match {pattern.pattern}")
