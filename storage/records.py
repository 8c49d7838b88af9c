"""Patients as sealed documents; every access leaves an audit entry in the same transaction.

Each row is sealed under its patient's data key for exactly its cell and
version. The patient's row holds digests over all that belongs to the patient,
and is itself a leaf of the patient tree in the signed head: so a single row
moved, altered, removed or put back in an older version is refused on read.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.audit import OK, AuditEntry, AuditLog, is_pseudonym
from storage.documents import (
    Document,
    Identifier,
    PatientRecord,
    PatientSummary,
    StoredSuggestion,
    resource_type,
    to_json,
)
from storage.errors import (
    ErasedError,
    InvalidRecordError,
    NotFoundError,
    StaleRecordError,
    StorageError,
)
from storage.keys import KeyRing
from storage.merkle import Frontier
from storage.sealed import SealedPatient, patient_leaf, same
from storage.tables import IdentifierRow, PatientRow, SuggestionRow

_NO_PATIENT = "no patient has this id; an id is the 32 hexadecimal digits given when it was stored"


class PatientRepository:
    """Patients and their suggestions, for the actor and purpose of ``audit``.

    Flushes but never commits: what it does and the entries about it are in the
    caller's transaction together. Plaintext must not be shown before that
    transaction has committed.
    """

    def __init__(self, session: Session, ring: KeyRing, audit: AuditLog) -> None:
        self._session = session
        self._ring = ring
        self._audit = audit
        self.has_erased = False  # the unit of work then clears the write-ahead log

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
            DecryptionError, StaleRecordError: with ``merge``, as ``get``.
        """
        documents = _documents(resources)
        links = {self._blind_index(identifier) for identifier in identifiers}
        with self._recorded("patient.write") as access:
            known = set(
                self._session.scalars(
                    select(IdentifierRow.patient_id).where(IdentifierRow.blind_index.in_(links))
                )
            )
            if len(known) > 1:
                raise InvalidRecordError(
                    f"the identifiers belong to {len(known)} different patients"
                )
            if known:
                patient = self._current(access.about(known.pop()))
                old_leaf: bytes | None = patient.leaf()
                if merge is not None:
                    documents = _documents(merge(patient.resources()))
                patient.row.version += 1
            else:
                patient = SealedPatient.new(
                    self._session,
                    self._ring,
                    ordinal=self._audit.patients.size,
                    now=self._audit.now(),
                )
                old_leaf = None
            patient.add_identifiers(links)
            patient.replace_resources(documents)
            self._put_leaf(access, patient, old_leaf)
            return access.about(patient.row.id)

    def get(self, patient_id: str) -> PatientRecord:
        """Open one patient's record.

        Raises:
            NotFoundError: no such patient; ErasedError: there was one.
            DecryptionError: a row was altered or moved, or its key is gone.
            StaleRecordError: a row was put back, removed or exchanged.
        """
        with self._recorded("patient.read", patient_id) as access:
            patient = self._current(patient_id)
            access.detail = patient.leaf().hex()
            return PatientRecord(patient_id, patient.row.version, patient.resources())

    def list(self) -> tuple[PatientSummary, ...]:
        """Patients that are not erased, in the order in which they came.

        Raises:
            StaleRecordError: a patient's row was altered, removed or put back.
        """
        with self._recorded("patient.list"):
            tree, summaries = Frontier(), []
            for row in self._session.scalars(select(PatientRow).order_by(PatientRow.ordinal)):
                tree.append(patient_leaf(row))
                if row.erased_at is None:
                    summaries.append(PatientSummary(row.id, row.created, row.version))
            if tree.root() != self._audit.patients.root():
                self._name_the_altered()
            same(tree.root(), self._audit.patients.root())
            return tuple(summaries)

    def find(self, system: str, value: str) -> str:
        """Id of the patient with this identifier.

        Raises:
            NotFoundError: no patient has it.
            StaleRecordError: the identifier was moved to another patient.
        """
        link = self._blind_index(Identifier(system, value))
        with self._recorded("patient.find") as access:
            patient_id = self._session.scalar(
                select(IdentifierRow.patient_id).where(IdentifierRow.blind_index == link)
            )
            if patient_id is None:
                raise NotFoundError("no patient has this identifier")
            self._current(access.about(patient_id)).identifiers()  # refused if it was moved here
            return patient_id

    def put_suggestion(self, patient_id: str, document: Mapping[str, Any]) -> str:
        """Seal a suggestion for a patient and return its id; it is never changed afterwards.

        Raises:
            NotFoundError, ErasedError, StaleRecordError: as ``get``.
            InvalidRecordError: ``document`` is not JSON.
        """
        plaintext = to_json(document)
        with self._recorded("suggestion.write", patient_id) as access:
            patient = self._current(patient_id)
            old_leaf = patient.leaf()
            suggestion_id = patient.add_suggestion(plaintext, now=self._audit.now())
            self._put_leaf(access, patient, old_leaf)
            return suggestion_id

    def suggestions(self, patient_id: str) -> tuple[StoredSuggestion, ...]:
        """The patient's suggestions, oldest first.

        Raises:
            NotFoundError, ErasedError, DecryptionError, StaleRecordError: as ``get``.
        """
        with self._recorded("suggestion.read", patient_id) as access:
            patient = self._current(patient_id)
            access.detail = patient.leaf().hex()
            return patient.suggestions()

    def suggestion(self, suggestion_id: str) -> StoredSuggestion:
        """One suggestion.

        Raises:
            NotFoundError: no such suggestion.
            ErasedError, DecryptionError, StaleRecordError: as ``get``.
        """
        with self._recorded("suggestion.read") as access:
            patient_id = self._session.scalar(
                select(SuggestionRow.patient_id).where(SuggestionRow.id == suggestion_id)
            )
            if patient_id is None:
                raise NotFoundError("no suggestion has this id")
            patient = self._current(access.about(patient_id))
            access.detail = patient.leaf().hex()
            # All are opened: only together do they give the digest that is signed.
            return next(s for s in patient.suggestions() if s.id == suggestion_id)

    def erase(self, patient_id: str) -> None:
        """Destroy the patient's data key and rows; only the pseudonym stays, with its log.

        Copies of the rows elsewhere (backups) do not open without the key, but
        a backup that holds the wrapped key too must be erased as well.

        Raises:
            NotFoundError, ErasedError, StaleRecordError: as ``get``.
        """
        with self._recorded("patient.erase", patient_id) as access:
            patient = self._current(patient_id)
            old_leaf = patient.leaf()
            patient.erase(now=self._audit.now())
            self._put_leaf(access, patient, old_leaf)
            self.has_erased = True

    def access_log(self, patient_id: str) -> tuple[AuditEntry, ...]:
        """Entries about one patient, erased ones too, oldest first.

        Raises:
            NotFoundError: no such patient was ever stored.
            AuditError: an entry is not the one that was signed.
        """
        with self._recorded("patient.access-log", patient_id):
            if self._session.get(PatientRow, patient_id) is None:
                raise NotFoundError(_NO_PATIENT)
            return self._audit.of_subject(patient_id)

    @contextmanager
    def _recorded(self, action: str, subject: str = "") -> Iterator["_Access"]:
        """One audit entry for the block, whether it succeeds or is refused.

        The entry is written before the block's value reaches the caller; if it
        cannot be written, the caller gets that error and no value.
        """
        # Anything else might be a name that someone typed in place of an id.
        access = _Access(subject if is_pseudonym(subject) else "")
        try:
            # What is refused leaves no half-written rows, even if the unit goes on.
            with self._session.begin_nested():
                yield access
        except StorageError as error:
            self._append(action, access, type(error).__name__)
            raise
        except BaseException:
            self._audit.refuse_to_sign()
            raise
        self._append(action, access, OK)

    def _append(self, action: str, access: "_Access", outcome: str) -> None:
        self._audit.append(action, subject=access.subject, outcome=outcome, detail=access.detail)

    def _current(self, patient_id: str) -> SealedPatient:
        """The patient, shown by the tree to be in the state last signed."""
        row = self._session.get(PatientRow, patient_id)
        if row is None:
            raise NotFoundError(_NO_PATIENT)
        patient = SealedPatient(self._session, self._ring, row)
        if not self._audit.patients.holds(row.ordinal, patient.leaf()):
            raise StaleRecordError(_not_committed(row.id))
        if row.erased_at is not None:
            raise ErasedError(f"patient {row.id} was erased on {row.erased_at}")
        return patient

    def _name_the_altered(self) -> None:
        """Refuse with the first patient whose row is not the signed one, if it is one row's fault.

        Asks the tree for each row, which is too slow to do where nothing is wrong.
        """
        for row in self._session.scalars(select(PatientRow).order_by(PatientRow.ordinal)):
            if not self._audit.patients.holds(row.ordinal, patient_leaf(row)):
                raise StaleRecordError(_not_committed(row.id))

    def _put_leaf(self, access: "_Access", patient: SealedPatient, old: bytes | None) -> None:
        """Write the patient's row and put its new state into the patient tree."""
        self._session.flush()
        leaf = patient.leaf()
        if old is None:
            self._audit.patients.append(leaf)
        else:
            self._audit.patients.replace(patient.row.ordinal, old, leaf)
        access.detail = leaf.hex()

    def _blind_index(self, identifier: Identifier) -> bytes:
        system, value = (part.strip() for part in identifier)
        if not system or not value:
            raise InvalidRecordError("an identifier needs both a system and a value")
        return self._ring.blind_index(system, value)


def _not_committed(patient_id: str) -> str:
    return f"the row of patient {patient_id} is not the one last committed"


def _documents(resources: Sequence[Mapping[str, Any]]) -> list[tuple[str, bytes]]:
    return [(resource_type(resource), to_json(resource)) for resource in resources]


@dataclass
class _Access:
    """What the entry about an access will say; filled in as it becomes known."""

    subject: str
    detail: str = ""

    def about(self, patient_id: str) -> str:
        """Note whom the access concerns, and return the id."""
        self.subject = patient_id
        return patient_id
