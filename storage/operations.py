"""Operations on the store: each is decided by the table of access, and leaves an audit entry.

``recorded`` is for what reads, ``writing`` and ``changing`` for what changes a
patient; whoever adds an operation goes through one of them.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from storage.access import Action, Condition, condition, decide
from storage.audit import OK, SignedState, is_pseudonym
from storage.break_glass import has_broken_glass
from storage.errors import (
    AccessDeniedError,
    AuditError,
    ErasedError,
    NotFoundError,
    StaleRecordError,
    StorageError,
)
from storage.sealed import SealedPatient
from storage.statements import savepoint

NO_PATIENT = "no patient has this id; an id is the 32 hexadecimal digits given when it was stored"


class Scope(Protocol):
    """Where operations read, and how they are recorded: a unit of work, or each by itself.

    Attributes:
        actor: who acts.
        purpose: what for.
    """

    actor: str
    purpose: str

    def roles(self, state: SignedState) -> Iterable[str]:
        """The actor's roles now."""
        ...

    def is_buried(self, patient_id: str) -> bool:
        """Whether the file of erasures names this patient, whatever the database says."""
        ...

    def state(self) -> AbstractContextManager[SignedState]:
        """The signed state to read from."""
        ...

    def now(self) -> str:
        """The time."""
        ...

    def record(
        self, action: str, *, subject: str, outcome: str, detail: str, grant: str = ""
    ) -> None:
        """Append the entry about an operation; where it fails, the operation has failed."""
        ...

    def fail(self, action: str, subject: str, error: BaseException) -> None:
        """Something unforeseen went wrong in the middle of an operation."""
        ...


@dataclass
class Access:
    """One operation: whether it is allowed, and what its entry will say."""

    scope: Scope
    action: Action
    subject: str
    detail: str = ""
    grant: str = ""

    def enter(self, state: SignedState) -> None:
        """Pass only an actor who may do this to some patient; whether one exists is not told.

        Raises:
            AccessDeniedError: roles and purpose do not allow it.
        """
        self.state = state
        self._roles = tuple(self.scope.roles(state))
        self._decide({}, has_broken_glass=True)

    def find(self, patient: str | int) -> SealedPatient | None:
        """The patient, shown by the tree to be in the state last signed; erased ones too.

        Raises:
            StaleRecordError: the row is not the one last committed.
        """
        if isinstance(patient, str) and not is_pseudonym(patient):
            return None  # and no database is asked about what somebody typed
        found = SealedPatient.find(self.state.connection, self.state.ring, patient)
        if found is not None:
            self.subject = found.row.id if is_pseudonym(found.row.id) else ""
            if not self.state.patients.holds(found.row.ordinal, found.row.leaf()):
                raise StaleRecordError(not_committed(found.row.id))
            self.detail = found.row.leaf().hex()
        return found

    def patient(self, patient: str | int) -> SealedPatient:
        """The patient, if it is there and its consent allows this.

        Raises:
            NotFoundError, ErasedError, StaleRecordError, AccessDeniedError: as ``get``.
        """
        found = self.find(patient)
        if found is None:
            raise NotFoundError(NO_PATIENT)
        if found.row.erased_at is not None:
            raise ErasedError(f"patient {found.row.id} was erased on {found.row.erased_at}")
        if self.scope.is_buried(found.row.id):
            # A crash came between the file and the database, or an older one was put in place.
            raise ErasedError(f"patient {found.row.id} was erased, by the file of erasures")
        asked = condition(self._roles, self.scope.purpose, self.action)
        if asked is not Condition.NONE:
            is_open = asked is Condition.BROKEN_GLASS and has_broken_glass(
                self.state, self.scope.actor, found, now=self.scope.now()
            )
            self._decide(found.consent(), has_broken_glass=is_open)
        return found

    def _decide(self, consent: Mapping[str, str], *, has_broken_glass: bool) -> None:
        decision = decide(
            self._roles,
            self.scope.purpose,
            self.action,
            consent=consent,
            has_broken_glass=has_broken_glass,
        )
        if not decision.is_allowed:
            raise AccessDeniedError(decision.reason)


@contextmanager
def recorded(scope: Scope, action: Action, subject: str = "") -> Iterator[Access]:
    """One audit entry for the block, whether it succeeds or is refused.

    The entry is recorded before the block's value reaches the caller; if it
    cannot be, the caller gets that error and no value.
    """
    # Anything else might be a name that someone typed in place of an id.
    about = Access(scope, action, subject if is_pseudonym(subject) else "")
    try:
        with scope.state() as state:
            about.enter(state)
            yield about
    except StorageError as error:
        outcome: str = type(error).__name__
        scope.record(action, subject=about.subject, outcome=outcome, detail=about.detail)
        raise
    except BaseException as error:
        scope.fail(action, about.subject, error)
        raise
    scope.record(action, subject=about.subject, outcome=OK, detail=about.detail, grant=about.grant)


@contextmanager
def writing(scope: Scope, action: Action, subject: str = "") -> Iterator[Access]:
    """``recorded``, and what is refused leaves no half-written rows if the unit goes on."""
    with recorded(scope, action, subject) as access:
        try:
            with savepoint(access.state.connection):
                yield access
        except AuditError as error:
            scope.fail(action, access.subject, error)  # a tree may have been changed in part
            raise


@contextmanager
def changing(scope: Scope, action: Action, patient_id: str) -> Iterator[SealedPatient]:
    """``writing``, for a patient that is stored: what the block did to it is put in place."""
    with writing(scope, action, patient_id) as access:
        patient = access.patient(patient_id)
        old_leaf = patient.row.leaf()
        yield patient
        put(access, patient, old_leaf)


def put(access: Access, patient: SealedPatient, old_leaf: bytes | None) -> None:
    """Write the patient's row and put its new state into the patient tree."""
    patient.write()
    leaf = patient.row.leaf()
    if old_leaf is None:
        access.state.patients.append(leaf)
    else:
        access.state.patients.replace(patient.row.ordinal, old_leaf, leaf)
    access.subject, access.detail = patient.row.id, leaf.hex()


def not_committed(patient_id: str) -> str:
    """What to say of a patient's row that does not fit the signed tree."""
    return f"the row of patient {patient_id} is not the one last committed"
