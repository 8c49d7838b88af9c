"""Emergency access: opened with a reason, for a time, and in a list until somebody reviewed it.

Each opening is a leaf of the signed break-glass tree, so none can be removed,
edited or prolonged unseen. The reason is sealed under the patient's data key
and goes with it; it is not in the leaf, so that erasing and a new data key
need not touch the tree. That it is there is checked against the patient.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta

from sqlalchemy import bindparam, insert, select, update

from storage.audit import SignedState, timestamp
from storage.crypto import length_prefixed
from storage.errors import (
    AccessDeniedError,
    DecryptionError,
    InvalidRecordError,
    NotFoundError,
    StaleRecordError,
)
from storage.merkle import Frontier, leaf_hash
from storage.sealed import SealedPatient
from storage.tables import BreakGlassRow

REASON_LENGTH = (10, 1000)  # characters, without white space around them
MINUTES = (1, 1440)
DEFAULT_MINUTES = 60


@dataclass(frozen=True)
class Opening:
    """One row but for the reason; see ``storage.tables.BreakGlassRow``."""

    ordinal: int
    patient: int
    actor: str
    created: str
    until: str
    reviewed_by: str  # empty: not yet
    reviewed_at: str

    def leaf(self) -> bytes:
        """Leaf hash of the current state in the break-glass tree."""
        return leaf_hash(length_prefixed("pharmakon/break-glass", *map(str, vars(self).values())))

    def is_open(self, now: str) -> bool:
        """It counts at ``now``: not before it was made, not at its end, not once reviewed."""
        return not self.reviewed_by and self.created <= now < self.until


@dataclass(frozen=True)
class EmergencyAccess:
    """One opening as its reviewer sees it."""

    number: int
    patient_id: str
    actor: str
    created: str
    until: str
    reason: str | None  # None: the patient was erased
    reviewed_by: str
    reviewed_at: str


_COLUMNS = [getattr(BreakGlassRow, field.name) for field in fields(Opening)]
_OF_ACTOR = select(*_COLUMNS).where(
    BreakGlassRow.patient == bindparam("patient"), BreakGlassRow.actor == bindparam("actor")
)
_BY_ORDINAL = select(*_COLUMNS).where(BreakGlassRow.ordinal == bindparam("of"))
_ALL = select(*_COLUMNS, BreakGlassRow.reason).order_by(BreakGlassRow.ordinal)
_REASON = select(BreakGlassRow.reason).where(BreakGlassRow.ordinal == bindparam("of"))
_REVIEW = update(BreakGlassRow).where(BreakGlassRow.ordinal == bindparam("at"))


def open_glass(
    state: SignedState, patient: SealedPatient, *, actor: str, reason: str, minutes: int, now: str
) -> Opening:
    """Let ``actor`` read this patient from ``now`` for ``minutes``.

    Seals the reason under the patient's key: the caller puts the patient's new
    leaf into its tree.

    Raises:
        InvalidRecordError: the reason or the time is too short or too long.
        StaleRecordError: there is a row that was never committed.
    """
    text = check_reason(reason, minutes)
    until = datetime.fromisoformat(now) + timedelta(minutes=minutes)
    opening = Opening(
        state.break_glass.size, patient.row.ordinal, actor, now, timestamp(until), "", ""
    )
    if state.connection.execute(_BY_ORDINAL, {"of": opening.ordinal}).first() is not None:
        raise StaleRecordError("the emergency accesses hold a row that was never committed")
    sealed = patient.seal_reason(text.encode(), opening.ordinal)
    state.connection.execute(insert(BreakGlassRow), {**asdict(opening), "reason": sealed})
    state.break_glass.append(opening.leaf())
    return opening


def check_reason(reason: str, minutes: int) -> str:
    """The reason on one line, without white space around it.

    Raises:
        InvalidRecordError: the reason or the time is too short or too long, or
            the reason holds characters that a terminal would act on.
    """
    text = " ".join(reason.split())
    if not text.isprintable():
        raise InvalidRecordError("a reason is plain text, without control or bidi characters")
    if not REASON_LENGTH[0] <= len(text) <= REASON_LENGTH[1]:
        raise InvalidRecordError(
            f"a reason has {REASON_LENGTH[0]} to {REASON_LENGTH[1]} characters, not {len(text)}"
        )
    if not MINUTES[0] <= minutes <= MINUTES[1]:
        raise InvalidRecordError(
            f"an emergency access lasts {MINUTES[0]} to {MINUTES[1]} minutes, not {minutes}"
        )
    return text


def has_broken_glass(state: SignedState, actor: str, patient: SealedPatient, *, now: str) -> bool:
    """Whether ``actor`` holds an emergency access to ``patient`` that is open at ``now``.

    Raises:
        StaleRecordError: a row was altered, added or put back.
    """
    asked = {"patient": patient.row.ordinal, "actor": actor}
    rows = state.connection.execute(_OF_ACTOR, asked)
    found = [_signed(state, Opening(*row)) for row in rows]  # each, before any counts
    return any(
        opening.is_open(now)
        for opening in found
        if (opening.patient, opening.actor) == (patient.row.ordinal, actor)
    )


def openings(
    state: SignedState, patient_at: Callable[[int], SealedPatient]
) -> tuple[EmergencyAccess, ...]:
    """Every emergency access, oldest first, with its reason opened.

    Args:
        state: what the caller's transaction has signed for.
        patient_at: the patient at an ordinal, compared with the signed tree,
            erased or not.

    Raises:
        StaleRecordError: a row was altered, added, removed or put back, or a
            reason removed.
        DecryptionError: a reason was altered or moved.
    """
    rows = _all(state)
    found = []
    for opening, sealed in rows:
        patient = patient_at(opening.patient)
        found.append(shown(opening, patient.row.id, _opened(opening, sealed, patient)))
    return tuple(found)


def all_openings(state: SignedState) -> tuple[Opening, ...]:
    """Every emergency access, oldest first, once its reason was seen to be the one sealed for it.

    Raises:
        StaleRecordError: a row or a reason was altered, added, removed or put back.
    """
    rows = _all(state)
    for opening, sealed in rows:
        patient = SealedPatient.find(state.connection, state.ring, opening.patient)
        try:
            if patient is None or (sealed is not None and patient.row.erased_at is not None):
                raise StaleRecordError(f"emergency access {opening.ordinal} is of no patient")
            _opened(opening, sealed, patient)
        except DecryptionError as error:
            raise StaleRecordError(
                f"the reason of emergency access {opening.ordinal} was altered or moved"
            ) from error
    return tuple(opening for opening, _ in rows)


def find(state: SignedState, number: int) -> Opening:
    """The emergency access of this number, as the signed tree has it.

    Raises:
        NotFoundError: there is none of this number.
        StaleRecordError: its row is not the one last committed.
    """
    is_there = 0 <= number < state.break_glass.size
    row = state.connection.execute(_BY_ORDINAL, {"of": number}).first() if is_there else None
    if row is not None:
        return _signed(state, Opening(*row))
    if is_there:
        raise StaleRecordError(f"emergency access {number} was removed")
    raise NotFoundError(f"there are {state.break_glass.size} emergency accesses, numbered from 0")


def review(state: SignedState, opening: Opening, *, by: str, now: str) -> Opening:
    """Note that ``by`` has reviewed an emergency access, which ends it if it was still open.

    Raises:
        AccessDeniedError: it is ``by``'s own.
        InvalidRecordError: it was reviewed before.
    """
    if opening.actor == by:
        raise AccessDeniedError("nobody reviews their own emergency access: another officer must")
    if opening.reviewed_by:
        raise InvalidRecordError(
            f"emergency access {opening.ordinal} was reviewed on {opening.reviewed_at}"
        )
    new = replace(opening, reviewed_by=by, reviewed_at=now)
    state.break_glass.replace(opening.ordinal, opening.leaf(), new.leaf())
    state.connection.execute(
        _REVIEW, {"at": opening.ordinal, "reviewed_by": by, "reviewed_at": now}
    )
    return new


def reason_of(state: SignedState, opening: Opening, patient: SealedPatient) -> str | None:
    """The reason of an opening of ``patient``; None once the patient is erased.

    Raises:
        StaleRecordError: it was removed.
        DecryptionError: it was altered or moved.
    """
    sealed = state.connection.scalar(_REASON, {"of": opening.ordinal})
    return _opened(opening, sealed, patient)


def shown(opening: Opening, patient_id: str, reason: str | None) -> EmergencyAccess:
    """An opening as its reviewer sees it."""
    return EmergencyAccess(
        opening.ordinal,
        patient_id,
        opening.actor,
        opening.created,
        opening.until,
        reason,
        opening.reviewed_by,
        opening.reviewed_at,
    )


def _all(state: SignedState) -> list[tuple[Opening, bytes | None]]:
    rows = [(Opening(*row), reason) for *row, reason in state.connection.execute(_ALL)]
    tree = Frontier()
    for opening, _ in rows:
        tree.append(opening.leaf())
    if tree.root() != state.break_glass.root():
        raise StaleRecordError("the emergency accesses are not those last committed")
    return rows


def _signed(state: SignedState, opening: Opening) -> Opening:
    if not state.break_glass.holds(opening.ordinal, opening.leaf()):
        raise StaleRecordError(
            f"the row of emergency access {opening.ordinal} is not the one last committed"
        )
    return opening


def _opened(opening: Opening, sealed: bytes | None, patient: SealedPatient) -> str | None:
    if patient.row.erased_at is not None:
        return None
    if sealed is None:
        raise StaleRecordError(f"the reason of emergency access {opening.ordinal} was removed")
    return patient.open_reason(sealed, opening.ordinal).decode()
