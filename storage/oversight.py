"""What a unit of work offers beside records: actors, consent and emergency accesses, each recorded.

As with records, every operation is decided by the table of ``storage.access``
and leaves an audit entry in the unit's transaction, refused or not; nothing of
it must be shown before the unit has committed.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from storage import actors, break_glass, consent
from storage.access import Action
from storage.actors import Actor
from storage.break_glass import EmergencyAccess
from storage.errors import NotFoundError
from storage.operations import Access, Scope, changing, put, recorded, writing
from storage.sealed import SealedPatient


class Actors:
    """Who may act, and as what."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def list(self) -> tuple[Actor, ...]:
        """All actors, revoked ones too, in the order in which they came.

        Raises:
            AccessDeniedError: roles and purpose do not allow it.
            StaleRecordError: a row was altered, added, removed or put back.
        """
        with recorded(self._scope, Action.ACTOR_LIST) as access:
            return actors.actors(access.state)

    def grant(self, name: str, roles: Iterable[str], *, until: datetime | None = None) -> Actor:
        """Let ``name`` hold exactly ``roles``, up to and without the instant ``until``.

        Raises:
            AccessDeniedError: roles and purpose do not allow it, the actor
                would widen itself, or nobody could grant any more.
            InvalidRecordError: name, roles or end are not usable.
            StaleRecordError: rows of actors are not those last committed.
        """
        with writing(self._scope, Action.ACTOR_GRANT) as access:
            actor = actors.grant(
                access.state,
                name,
                roles,
                until=until,
                by=self._scope.actor,
                now=self._scope.now(),
            )
            access.detail, access.grant = actor.leaf().hex(), str(actor)
            return actor

    def revoke(self, name: str) -> Actor:
        """Take every role from ``name``.

        Raises:
            NotFoundError: no such actor.
            AccessDeniedError, StaleRecordError: as ``grant``.
        """
        with writing(self._scope, Action.ACTOR_REVOKE) as access:
            actor = actors.revoke(access.state, name)
            access.detail, access.grant = actor.leaf().hex(), str(actor)
            return actor


class Consents:
    """What patients permit and deny."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def of(self, patient_id: str) -> dict[str, str]:
        """What the patient said: purpose -> ``permit`` or ``deny``; what was not said is permitted.

        Raises:
            NotFoundError: no such patient; ErasedError: there was one.
            AccessDeniedError: roles and purpose do not allow it.
            DecryptionError, StaleRecordError: it is not what was last committed.
        """
        with recorded(self._scope, Action.PATIENT_CONSENT, patient_id) as access:
            said: dict[str, str] = access.patient(patient_id).consent()
            return said

    def say(self, patient_id: str, says: Mapping[str, str]) -> dict[str, str]:
        """Record what the patient says now; returns all that holds from now on.

        Args:
            patient_id: the patient.
            says: purpose (treatment, training or research) -> ``permit`` or
                ``deny``. A purpose that is not named keeps its answer.

        Raises:
            InvalidRecordError: another purpose or answer, or none.
            NotFoundError, ErasedError, AccessDeniedError, DecryptionError, StaleRecordError: as
                ``of``.
        """
        with changing(self._scope, Action.PATIENT_CONSENT, patient_id) as patient:
            said = consent.said_now(patient.consent(), says)
            patient.set_consent(said)
            return said


class Emergencies:
    """Accesses behind broken glass, and their reviews."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def open(
        self, patient_id: str, reason: str, *, minutes: int = break_glass.DEFAULT_MINUTES
    ) -> EmergencyAccess:
        """Let the actor read this patient with the purpose *emergency*, from now and for a time.

        Args:
            patient_id: the patient.
            reason: 10 to 1,000 characters; sealed, for the reviewer.
            minutes: 1 to 1,440.

        Raises:
            InvalidRecordError: reason or time are not usable.
            NotFoundError: no such patient; ErasedError: there was one.
            AccessDeniedError: roles and purpose do not allow it.
            StaleRecordError: a row is not the one last committed.
        """
        with writing(self._scope, Action.BREAK_GLASS_OPEN, patient_id) as access:
            patient = access.patient(patient_id)
            old_leaf = patient.row.leaf()
            opening = break_glass.open_glass(
                access.state,
                patient,
                actor=self._scope.actor,
                reason=reason,
                minutes=minutes,
                now=self._scope.now(),
            )
            put(access, patient, old_leaf)
            access.detail = opening.leaf().hex()
            return break_glass.shown(opening, patient.row.id, reason)

    def list(self, *, is_open_only: bool = False) -> tuple[EmergencyAccess, ...]:
        """Every emergency access, oldest first, with its reason; of erased patients without.

        Args:
            is_open_only: only those that nobody has reviewed.

        Raises:
            AccessDeniedError: roles and purpose do not allow it.
            StaleRecordError: a row was altered, added, removed or put back.
            DecryptionError: a reason was altered or moved.
        """
        with recorded(self._scope, Action.BREAK_GLASS_LIST) as access:
            found = break_glass.openings(access.state, lambda at: _patient_at(access, at))
            access.subject = access.detail = ""  # of no single patient
            return tuple(one for one in found if not (is_open_only and one.reviewed_by))

    def review(self, number: int) -> EmergencyAccess:
        """Note that the actor has reviewed an emergency access; it ends if it was still open.

        Raises:
            NotFoundError: there is none of this number.
            AccessDeniedError: roles and purpose do not allow it, or it is the actor's own.
            InvalidRecordError: it was reviewed before.
            StaleRecordError: a row is not the one last committed.
        """
        with writing(self._scope, Action.BREAK_GLASS_REVIEW) as access:
            opening = break_glass.find(access.state, number)
            # Read before anything is changed, so that what fails leaves nothing half done.
            reason = break_glass.reason_of(
                access.state, opening, _patient_at(access, opening.patient)
            )
            opening = break_glass.review(
                access.state, opening, by=self._scope.actor, now=self._scope.now()
            )
            access.detail = opening.leaf().hex()
            return break_glass.shown(opening, access.subject, reason)


def _patient_at(access: Access, ordinal: int) -> SealedPatient:
    """The patient of an emergency access, erased or not."""
    patient = access.find(ordinal)
    if patient is None:
        raise NotFoundError("the patient of an emergency access is not in the store")
    return patient
