"""Patients at rest: sealed records, their keys, and an audit log that cannot be edited unseen.

A tour::

    ring = KeyRing.create(Path("keys/ring.json"))       # once; keep a copy elsewhere
    with Database.create("patients.db", ring, owner="dr.lee") as database:
        with database.unit("dr.lee", purpose="treatment") as unit:
            patient = unit.patients.add(resources, [Identifier(system, value)])
            unit.commit()                               # without it: rolled back
        reading = database.reading("dr.lee", purpose="treatment")
        record = reading.get(patient)                   # its audit entry is durable by now
        database.verify_audit()

Read in this order: ``crypto`` (envelopes and context), ``keys`` (the ring),
``tables``, ``merkle`` and ``tree``, ``audit``, ``access``, ``sealed``,
``records``, ``database``, ``verification``. The package knows nothing of graphs
or models; it imports nothing else of ours.
"""

from storage.audit import AuditEntry, AuditLog
from storage.checkpoint import Checkpoint
from storage.database import Database, UnitOfWork
from storage.documents import Identifier, PatientRecord, PatientSummary, StoredSuggestion
from storage.errors import (
    AccessDeniedError,
    AuditError,
    BackupError,
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
    TombstoneError,
)
from storage.keys import KeyRing, KeyStatus
from storage.proofs import AuditProof
from storage.records import PatientReader, PatientRepository
from storage.verification import AuditReport

__all__ = [
    "AccessDeniedError",
    "AuditEntry",
    "AuditError",
    "AuditLog",
    "AuditProof",
    "AuditReport",
    "BackupError",
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
    "PatientReader",
    "PatientRecord",
    "PatientRepository",
    "PatientSummary",
    "SchemaVersionError",
    "StaleRecordError",
    "StorageError",
    "StoreBusyError",
    "StoreUnavailableError",
    "StoredSuggestion",
    "TombstoneError",
    "UnitOfWork",
]
