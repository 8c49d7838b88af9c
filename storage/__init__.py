"""Patients at rest: sealed records, their keys, and an audit log that cannot be edited unseen.

A tour::

    ring = KeyRing.create(Path("keys/ring.json"))       # once; keep a copy elsewhere
    with Database.create("patients.db", ring) as database:
        with database.unit("dr.lee", purpose="treatment") as unit:
            patient = unit.patients.add(resources, [Identifier(system, value)])
            unit.commit()                               # without it: rolled back
        with database.unit("dr.lee", purpose="treatment") as unit:
            record = unit.patients.get(patient)         # leaves an audit entry
            unit.commit()                               # only now show what was read
        database.verify_audit()

Read in this order: ``crypto`` (envelopes and context), ``keys`` (the ring),
``tables``, ``merkle`` and ``tree``, ``audit``, ``sealed``, ``records``,
``database``, ``verification``. The package knows nothing of graphs or models;
it imports nothing else of ours.
"""

from storage.audit import AuditEntry, AuditLog
from storage.checkpoint import Checkpoint
from storage.database import Database, UnitOfWork
from storage.documents import Identifier, PatientRecord, PatientSummary, StoredSuggestion
from storage.errors import (
    AuditError,
    DecryptionError,
    ErasedError,
    InvalidRecordError,
    KeyRingError,
    NotFoundError,
    SchemaVersionError,
    StaleRecordError,
    StorageError,
    StoreBusyError,
    StoreUnavailableError,
)
from storage.keys import KeyRing, KeyStatus
from storage.proofs import AuditProof
from storage.records import PatientRepository
from storage.verification import AuditReport

__all__ = [
    "AuditEntry",
    "AuditError",
    "AuditLog",
    "AuditProof",
    "AuditReport",
    "Checkpoint",
    "Database",
    "DecryptionError",
    "ErasedError",
    "Identifier",
    "InvalidRecordError",
    "KeyRing",
    "KeyRingError",
    "KeyStatus",
    "NotFoundError",
    "PatientRecord",
    "PatientRepository",
    "PatientSummary",
    "SchemaVersionError",
    "StaleRecordError",
    "StorageError",
    "StoreBusyError",
    "StoreUnavailableError",
    "StoredSuggestion",
    "UnitOfWork",
]
