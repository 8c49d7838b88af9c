"""The data of revision 0001 in the form of 0002: sealed anew, under new trees and a new head.

Uses what this program writes with, as long as 0002 is the newest revision.
Whoever makes a third keeps a copy here of what they change.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, insert

from storage import actors, crypto
from storage.access import Action
from storage.audit import AuditLog, SignedState, timestamp
from storage.checkpoint import ACTORS, BREAK_GLASS, ENTRIES, ERASED, PATIENTS, Checkpoint, Part
from storage.crypto import EMPTY_CHAIN, AeadKey, cell_context, column_context
from storage.keys import KeyRing
from storage.merkle import EMPTY_ROOT, Frontier, leaf_hash
from storage.migrations import first
from storage.migrations.first import OldPatient
from storage.sealed import (
    Patient,
    data_key_context,
    identifiers_digest,
    resources_digest,
    suggestions_digest,
)
from storage.tables import (
    AuditEntryRow,
    AuditHeadRow,
    IdentifierRow,
    PatientRow,
    ResourceRow,
    SuggestionRow,
)
from storage.tombstones import FILE_NAME, Tombstones
from storage.tree import EntryTree, StateTree

_T = TypeVar("_T")
_BATCH = 200  # patients, or entries, written at once


def carry_over(
    connection: Connection, attributes: Mapping[str, Any], replace_small: Callable[[], None]
) -> None:
    """Check the old store, write the new one, and sign it.

    Args:
        connection: with the old tables of patients and entries set aside, and the new ones empty.
        attributes: ``ring``, ``actor`` and ``clock``.
        replace_small: makes the new tables of the others; called once the old ones are read.

    Raises:
        AuditError: the old store is not the one that was signed.
        KeyRingError: the ring is another store's.
    """
    ring: KeyRing = attributes["ring"]
    clock = attributes["clock"]
    old_head = first.read_head(connection, ring)
    entries = EntryTree(connection, Frontier())
    with closing(first.entries(connection, old_head)) as old_entries:
        for batch in _batches(old_entries):
            rows: list[dict[str, Any]] = [
                {"position": at, "entry": entry, "subject": subject, "leaf": leaf_hash(entry)}
                for at, (entry, subject) in enumerate(batch, start=entries.size)
            ]
            for row in rows:
                entries.append(row["leaf"])
            connection.execute(insert(AuditEntryRow), rows)
    patients = StateTree(connection, PATIENTS, Frontier())
    tombstones = _tombstones(ring)
    erased_before = dict(tombstones.ids)
    carried = _Patients(connection, ring, patients)
    with closing(first.patients(connection, ring, old_head)) as old_patients:
        for old in old_patients:
            carried.add(old, erased_at=old.erased_at or erased_before.get(old.id))
    carried.write()
    # Only now is all of the old store known to be whole. Each line is on disk at once; where this
    # transaction does not commit, the next try finds it there.
    for patient_id, time in carried.erased.items():
        tombstones.append(patient_id, time)
    replace_small()
    entries.write()
    patients.write()
    parts = {
        ENTRIES: Part(entries.size, entries.root()),
        PATIENTS: Part(patients.size, patients.root()),
        ACTORS: Part(0, EMPTY_ROOT),
        BREAK_GLASS: Part(0, EMPTY_ROOT),
        ERASED: Part(tombstones.count, tombstones.digest),
    }
    head = Checkpoint(ring.store_id, timestamp(clock()), parts).sign(ring)
    frontiers = b"".join(
        peak for tree in (entries, patients) for peak in tree.frontier.peaks.values()
    )
    connection.execute(
        insert(AuditHeadRow), {"id": 1, "checkpoint": head.text, "frontiers": frontiers}
    )
    state = SignedState(connection, ring, None)
    actor: str = attributes["actor"]
    audit = AuditLog(state, actor=actor, purpose="administration", clock=clock)
    actors.add_owner(state, actor)
    for patient_id in carried.erased_now:
        audit.append(Action.PATIENT_ERASE, subject=patient_id)
    audit.append(Action.STORE_MIGRATE, detail=hashlib.sha256(old_head.text.encode()).hexdigest())
    audit.sign()


def _batches(things: Iterable[_T]) -> Iterator[list[_T]]:
    iterator = iter(things)
    while batch := list(islice(iterator, _BATCH)):
        yield batch


def _tombstones(ring: KeyRing) -> Tombstones:
    """The file of erasures, which the first schema did not have.

    It is there already where an earlier try was interrupted, or where an older
    copy of a store that was migrated before is migrated again: whoever is in it
    stays erased.
    """
    path = ring.folder / FILE_NAME
    Tombstones.create(path, ring)
    return Tombstones.open(path, ring)


class _Patients:
    """Patients on their way into the new tables, some at a time.

    Attributes:
        erased: pseudonym -> time, of all that are erased.
        erased_now: those of them that the old store still had.
    """

    def __init__(self, connection: Connection, ring: KeyRing, tree: StateTree) -> None:
        self.erased: dict[str, str] = {}
        self.erased_now: list[str] = []
        self._connection = connection
        self._ring = ring
        self._tree = tree
        self._rows: dict[Any, list[dict[str, Any]]] = self._none()

    def add(self, old: OldPatient, *, erased_at: str | None) -> None:
        """Seal one patient anew; one that is erased keeps its pseudonym and nothing else."""
        row = Patient(
            ordinal=old.ordinal,
            id=old.id,
            version=old.version,
            created=old.created,
            erased_at=erased_at,
            wrapped_key=None,
            kek_version=old.kek_version,
            data_key_version=old.data_key_version,
            n_seals=0,
            consent=None,
            identifiers_digest=EMPTY_CHAIN,
            resources_digest=resources_digest(()),
            suggestions_digest=EMPTY_CHAIN,
        )
        if erased_at is None:
            self._seal(old, row)
        else:
            self.erased[old.id] = erased_at
            if old.erased_at is None:
                self.erased_now.append(old.id)
                row.version += 1
        self._rows[PatientRow].append(asdict(row))
        self._tree.append(row.leaf())
        if len(self._rows[PatientRow]) == _BATCH:
            self.write()

    def write(self) -> None:
        """Insert what was added."""
        for table, rows in self._rows.items():
            if rows:
                self._connection.execute(insert(table), rows)
        self._rows = self._none()

    def _seal(self, old: OldPatient, row: Patient) -> None:
        """Put what the patient has under a new data key."""
        store = self._ring.store_id
        row.data_key_version += 1
        key = AeadKey.generate(version=row.data_key_version)
        row.wrapped_key = self._ring.wrap(
            key, context=data_key_context(store, old.id, row.data_key_version)
        )
        row.kek_version = crypto.key_version(row.wrapped_key)
        row.n_seals = len(old.resources) + len(old.suggestions)
        cells = column_context(store, "resource", "sealed", old.id)
        resources = [
            (at, version, key.seal(text, context=cell_context(cells, str(at), version)))
            for at, version, text in old.resources
        ]
        cells = column_context(store, "suggestion", "sealed", old.id)
        suggestions = [
            (row_id, at, created, key.seal(text, context=cell_context(cells, row_id, at)))
            for row_id, at, created, text in old.suggestions
        ]
        identifiers = [(blind_index, None) for blind_index in old.blind_indexes]
        row.resources_digest = resources_digest(resources)
        row.suggestions_digest = suggestions_digest(suggestions)
        row.identifiers_digest = identifiers_digest(identifiers)
        for table, names, values in (
            (ResourceRow, ("position", "version", "sealed"), resources),
            (SuggestionRow, ("id", "position", "created", "sealed"), suggestions),
            (IdentifierRow, ("blind_index", "sealed"), identifiers),
        ):
            self._rows[table] += [
                {"patient": row.ordinal, **dict(zip(names, one, strict=True))} for one in values
            ]

    @staticmethod
    def _none() -> dict[Any, list[dict[str, Any]]]:
        # In the order in which they can be inserted.
        return {table: [] for table in (PatientRow, ResourceRow, SuggestionRow, IdentifierRow)}
