"""What an erased patient may have left elsewhere, as far as the audit log can tell."""

from itertools import islice

from sqlalchemy import Connection, func, select

from storage.access import Action, Purpose
from storage.audit import OK, ROLLED_BACK, AuditEntry
from storage.database import Database
from storage.merkle import is_consistent
from storage.operations import recorded
from storage.tables import PatientRow

_SEEN = (OK, ROLLED_BACK)  # what was rolled back had been read
_BACKUPS = (Action.BACKUP_CREATE, Action.BACKUP_RESTORE)


def count_erased(connection: Connection) -> int:
    """How many patients in the rows are erased.

    The file of erasures may name more: whom a store that was restored from a backup never had.
    """
    erased = PatientRow.erased_at.is_not(None)
    return connection.scalar(select(func.count()).select_from(PatientRow).where(erased)) or 0


def is_extended(database: Database, n_entries: int, root: bytes) -> bool:
    """The log begins with the ``n_entries`` entries whose Merkle root is ``root``.

    Raises:
        AuditError: it is not the one that was signed.
    """
    with database.translated(), database.backend.snapshot() as connection:
        log = database.signed(connection).entries
        if not 0 <= n_entries <= log.size:
            return False
        proof = log.consistency_proof(n_entries)
        return is_consistent(n_entries, log.size, proof, root, log.root())


def erased_reads(database: Database, first: int, stop: int, *, purpose: str) -> int:
    """How many patients that are erased now were read for ``purpose`` by entries in a range.

    Tells a number and nobody's name, and so asks for no actor.

    Args:
        database: the store.
        first: number of the first entry.
        stop: number of the entry behind the last.
        purpose: of use.

    Raises:
        AuditError: an entry is not the one that was signed.
    """
    with database.translated(), database.backend.snapshot() as connection:
        state = database.signed(connection)
        return sum(
            any(
                first <= entry.index < stop
                and entry.action == Action.PATIENT_READ
                and entry.purpose == purpose
                and entry.outcome in _SEEN
                for entry in state.of_subject(patient_id)
            )
            for patient_id in database.tombstones.ids
        )


def copies_of(database: Database, patient_id: str, *, actor: str) -> tuple[AuditEntry, ...]:
    """Entries about backups and extracts that hold the patient, oldest first.

    Backups from between the patient's first entry and the erasure, those that the store was
    restored from then, and extracts for which the patient was opened; ``detail`` is the SHA-256 of
    their manifest. Backups made after one that was restored are not in the log. Reading this leaves
    an audit entry as reading the patient's access log does.

    Raises:
        AccessDeniedError: ``actor`` may not audit.
        AuditError: an entry is not the one that was signed.
    """
    scope = database.scope(actor, purpose=Purpose.AUDIT)
    with recorded(scope, Action.PATIENT_ACCESS_LOG, patient_id) as access:
        own = access.state.of_subject(patient_id)
        whole = access.state.of_subject("")
        size = access.state.entries.size
    written = [entry.index for entry in own if entry.action == Action.PATIENT_WRITE]
    erased = [entry.index for entry in own if entry.action == Action.PATIENT_ERASE]
    if not written:
        return ()
    end = erased[-1] if erased else size
    found = {
        entry.index: entry
        for entry in whole
        if entry.action in _BACKUPS and written[0] < entry.index < end
    }
    for opened in own:
        if opened.action == Action.EXTRACT_CREATE:
            # What the actor finished next; without that, no extract came of it.
            ends = (
                entry
                for entry in whole
                if entry.action == Action.EXTRACT_CREATE
                and entry.actor == opened.actor
                and entry.index > opened.index
            )
            found.update((entry.index, entry) for entry in islice(ends, 1))
    return tuple(entry for _, entry in sorted(found.items()) if entry.outcome in _SEEN)
