"""Patients as sealed documents; every access leaves an audit entry, refused ones too.

Each row is sealed under its patient's data key for exactly its cell and
version. The patient's row holds digests over all that belongs to the patient,
and is itself a leaf of the patient tree in the signed head: so a single row
moved, altered, removed or put back in an older version is refused on read.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, select

from storage.access import Action
from storage.audit import AuditEntry, AuditLog, SignedState, is_pseudonym
from storage.documents import (
    Document,
    Identifier,
    PatientRecord,
    PatientSummary,
    StoredSuggestion,
    check_type,
    to_json,
)
from storage.errors import InvalidRecordError, NotFoundError, StaleRecordError
from storage.merkle import Frontier
from storage.operations import (
    NO_PATIENT,
    Scope,
    changing,
    not_committed,
    put,
    recorded,
    writing,
)
from storage.proofs import AuditProof
from storage.sealed import PATIENT_COLUMNS, Patient, SealedPatient, same
from storage.statements import Statement
from storage.tables import IdentifierRow, PatientRow, SuggestionRow
from storage.tombstones import Tombstone

_LINKED = Statement(
    select(IdentifierRow.patient).where(
        IdentifierRow.blind_index.in_(bindparam("links", expanding=True))
    )
)
_ALL_PATIENTS = select(*PATIENT_COLUMNS).order_by(PatientRow.ordinal)
_OF_SUGGESTION = select(SuggestionRow.patient).where(SuggestionRow.id == bindparam("of"))


class PatientReader:
    """What can be learnt of patients, for one actor and purpose.

    From ``Database.reading``, each call is a transaction of its own, and
    returns only once its audit entry is durable. In a unit of work, the
    entries commit with the unit, and nothing must be shown before that.
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def get(self, patient_id: str) -> PatientRecord:
        """Open one patient's record.

        Raises:
            NotFoundError: no such patient; ErasedError: there was one.
            AccessDeniedError: roles, purpose or consent do not allow it.
            DecryptionError: a row was altered or moved, or its key is gone.
            StaleRecordError: a row was put back, removed or exchanged.
        """
        with recorded(self._scope, Action.PATIENT_READ, patient_id) as access:
            return _record(access.patient(patient_id))

    def for_extract(self, patient_id: str) -> PatientRecord:
        """As ``get``, for a de-identified extract: another action, which asks other consent."""
        with recorded(self._scope, Action.EXTRACT_CREATE, patient_id) as access:
            return _record(access.patient(patient_id))

    def list(self) -> tuple[PatientSummary, ...]:
        """Patients that are not erased, in the order in which they came.

        Raises:
            AccessDeniedError: as ``get``.
            StaleRecordError: a patient's row was altered, removed or put back.
        """
        with recorded(self._scope, Action.PATIENT_LIST) as access:
            tree, summaries = Frontier(), []
            trusted = access.state.patients
            rows = [Patient(*row) for row in access.state.connection.execute(_ALL_PATIENTS)]
            for row in rows:
                tree.append(row.leaf())
                if row.erased_at is None:
                    summaries.append(PatientSummary(row.id, row.created, row.version))
            if tree.root() != trusted.root():
                # Name the first whose row is not the signed one, if it is one row's fault.
                for row in rows:
                    if not trusted.holds(row.ordinal, row.leaf()):
                        raise StaleRecordError(not_committed(row.id))
            same(tree.root(), trusted.root())
            return tuple(summaries)

    def find(self, system: str, value: str) -> str:
        """Id of the patient with this identifier.

        Raises:
            NotFoundError: no patient has it.
            AccessDeniedError: as ``get``.
            StaleRecordError: the identifier was moved to another patient.
        """
        identifier = _stripped(Identifier(system, value))
        with recorded(self._scope, Action.PATIENT_FIND) as access:
            links = access.state.ring.blind_indexes(*identifier)
            ordinal = _LINKED.scalar(access.state.connection, {"links": links})
            if ordinal is None:
                raise NotFoundError("no patient has this identifier")
            patient = access.patient(as_ordinal(ordinal))
            patient.must_have(links)
            return patient.row.id

    def suggestions(self, patient_id: str) -> tuple[StoredSuggestion, ...]:
        """The patient's suggestions, oldest first.

        Raises:
            NotFoundError, ErasedError, AccessDeniedError, DecryptionError, StaleRecordError: as
                ``get``.
        """
        with recorded(self._scope, Action.SUGGESTION_READ, patient_id) as access:
            return access.patient(patient_id).suggestions()

    def suggestion(self, suggestion_id: str) -> StoredSuggestion:
        """One suggestion.

        Raises:
            NotFoundError: no such suggestion.
            ErasedError, AccessDeniedError, DecryptionError, StaleRecordError: as ``get``.
        """
        with recorded(self._scope, Action.SUGGESTION_READ) as access:
            ordinal = None
            if is_pseudonym(suggestion_id):
                ordinal = access.state.connection.scalar(_OF_SUGGESTION, {"of": suggestion_id})
            if ordinal is None:
                raise NotFoundError("no suggestion has this id")
            # All are opened: only together do they give the digest that is signed.
            found = access.patient(as_ordinal(ordinal)).suggestions()
            for suggestion in found:
                if suggestion.id == suggestion_id:
                    return suggestion
            raise StaleRecordError("the suggestion was filed under another patient")

    def access_log(self, patient_id: str) -> tuple[AuditEntry, ...]:
        """Entries about one patient, erased ones too, oldest first.

        Raises:
            NotFoundError: no such patient was ever stored.
            AccessDeniedError: as ``get``.
            AuditError: an entry is not the one that was signed.
        """
        with recorded(self._scope, Action.PATIENT_ACCESS_LOG, patient_id) as access:
            if access.find(patient_id) is None:
                raise NotFoundError(NO_PATIENT)
            return access.state.of_subject(patient_id)

    def audit_log(self, limit: int = 50) -> tuple[AuditEntry, ...]:
        """The last ``limit`` entries, oldest first, each checked against the tree.

        Raises:
            AccessDeniedError: as ``get``.
            AuditError: one is missing or not the one that was signed.
        """
        with recorded(self._scope, Action.AUDIT_READ) as access:
            size = access.state.entries.size
            return tuple(access.state.between(size - limit, size))

    def prove(self, index: int) -> AuditProof:
        """Evidence that entry ``index`` is in the log, which needs no database to check.

        Raises:
            NotFoundError: the log has no such entry.
            AccessDeniedError: as ``get``.
            AuditError: it is not the one that was signed.
        """
        with recorded(self._scope, Action.AUDIT_READ) as access:
            entries = access.state.entries
            if not 0 <= index < entries.size:
                raise NotFoundError(f"the log has entries 0 to {entries.size - 1}, not {index}")
            path = tuple(entries.inclusion_proof(index))
            return AuditProof(access.state.entry(index), path, access.state.head)

    def audit_entries(self, first: int, stop: int) -> tuple[AuditEntry, ...]:
        """Entries ``first`` to ``stop`` (exclusive), as ``audit_log``."""
        with recorded(self._scope, Action.AUDIT_READ) as access:
            return tuple(access.state.between(first, stop))


class PatientRepository(PatientReader):
    """Patients and their suggestions in a unit of work; it commits, nothing here does."""

    def __init__(self, scope: Scope, erased: list[tuple[str, str]]) -> None:
        """Work in ``scope``; pseudonym and time of who is erased are added to ``erased``."""
        super().__init__(scope)
        self._erased = erased

    def add(
        self,
        resources: Sequence[Mapping[str, Any]],
        identifiers: Iterable[Identifier] = (),
        *,
        merge: Callable[[Sequence[Document]], Sequence[Mapping[str, Any]]] | None = None,
    ) -> str:
        """Store a patient's resources, all or none; returns the patient's id, a pseudonym.

        If one of ``identifiers`` is known, that patient's resources are
        replaced by these under a new version, and the identifiers are added to
        those known. Without identifiers the patient is always new.

        Args:
            resources: FHIR resources as JSON objects, each with its
                ``resourceType``.
            identifiers: identifiers of the person, compared exactly but for
                white space around them.
            merge: called with the stored resources of a patient that is known;
                what it returns is stored in place of ``resources``. It may
                raise InvalidRecordError: then nothing is changed.

        Raises:
            InvalidRecordError: a resource is not JSON or has no type, an
                identifier is empty, or two identifiers belong to two patients.
            AccessDeniedError: as ``get``.
            DecryptionError, StaleRecordError: with ``merge``, as ``get``.
        """
        documents = _documents(resources)
        named = [_stripped(identifier) for identifier in identifiers]
        with writing(self._scope, Action.PATIENT_WRITE) as access:
            # While the index key is replaced, a row may still be under the one before.
            links = {access.state.ring.blind_indexes(*name): name for name in named}
            connection = access.state.connection
            asked = [index for indexes in links for index in indexes]
            known = set(_LINKED.scalars(connection, {"links": asked})) if asked else set()
            if len(known) > 1:
                raise InvalidRecordError(
                    f"the identifiers belong to {len(known)} different patients"
                )
            if known:
                patient = access.patient(as_ordinal(known.pop()))
                patient.must_have(asked)
                old_leaf: bytes | None = patient.row.leaf()
                if merge is not None:
                    documents = _documents(merge(patient.resources()))
                patient.row.version += 1
            else:
                patient = SealedPatient.new(
                    connection,
                    access.state.ring,
                    ordinal=access.state.patients.size,
                    now=self._scope.now(),
                )
                old_leaf = None
            patient.add_identifiers(links)
            patient.replace_resources(documents)
            put(access, patient, old_leaf)
            return patient.row.id

    def put_suggestion(self, patient_id: str, document: Mapping[str, Any]) -> str:
        """Seal a suggestion for a patient and return its id; it is never changed afterwards.

        Raises:
            NotFoundError, ErasedError, AccessDeniedError, StaleRecordError: as ``get``.
            InvalidRecordError: ``document`` is not JSON.
        """
        plaintext = to_json(document)
        with changing(self._scope, Action.SUGGESTION_WRITE, patient_id) as patient:
            return patient.add_suggestion(plaintext, now=self._scope.now())

    def erase(self, patient_id: str) -> None:
        """Destroy the patient's data key and rows; only the pseudonym stays, with its log.

        A backup still holds the wrapped key: what keeps the patient erased
        when one is restored is the file of tombstones, see
        ``storage.tombstones``.

        Raises:
            NotFoundError, ErasedError, AccessDeniedError, StaleRecordError: as ``get``.
        """
        with changing(self._scope, Action.PATIENT_ERASE, patient_id) as patient:
            now = self._scope.now()
            patient.erase(now=now)
            self._erased.append((patient.row.id, now))


def complete_erasures(
    state: SignedState, audit: AuditLog, tombstones: Iterable[Tombstone]
) -> list[tuple[str, str]]:
    """Erase whoever is named in the file of erasures and is not erased yet; returns whom and when.

    Nobody is asked whether they may: whoever asked for the erasure was.
    """
    done = []
    for patient_id, time in tombstones:
        patient = SealedPatient.find(state.connection, state.ring, patient_id)
        if patient is None or patient.row.erased_at is not None:
            continue
        old_leaf = patient.row.leaf()
        patient.erase(now=time)
        patient.write()
        leaf = patient.row.leaf()
        state.patients.replace(patient.row.ordinal, old_leaf, leaf)
        audit.append(Action.PATIENT_ERASE, subject=patient_id, detail=leaf.hex())
        done.append((patient_id, time))
    return done


def as_ordinal(found: object) -> int:
    """A patient's number as the database gave it.

    Raises:
        StaleRecordError: it is none; in SQLite a writer of the file can put text there.
    """
    if not isinstance(found, int):
        raise StaleRecordError("the database answered with something that is no patient's number")
    return found


def _record(patient: SealedPatient) -> PatientRecord:
    return PatientRecord(patient.row.id, patient.row.version, patient.resources())


def _documents(resources: Sequence[Mapping[str, Any]]) -> list[bytes]:
    for resource in resources:
        check_type(resource)
    return [to_json(resource) for resource in resources]


def _stripped(identifier: Identifier) -> Identifier:
    parts = [part.strip() if isinstance(part, str) else "" for part in identifier]
    if len(parts) != 2 or not all(parts):
        raise InvalidRecordError("an identifier needs both a system and a value, as text")
    try:
        "".join(parts).encode()
    except UnicodeEncodeError:  # half of a character; not echoed
        raise InvalidRecordError("an identifier must be text that UTF-8 can hold") from None
    return Identifier(*parts)
