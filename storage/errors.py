"""What can go wrong in the patient store.

::

    StorageError
    ├── KeyRingError          (ValueError)   no ring, a broken one, or another store's
    ├── DecryptionError       (ValueError)   a sealed value does not open here
    ├── StaleRecordError      (ValueError)   rows open, but are not the ones last committed
    ├── NotFoundError         (LookupError)  no such store, patient, suggestion or entry
    │   └── ErasedError                      there was a patient; it was erased
    ├── InvalidRecordError    (ValueError)   what was to be stored or logged cannot be
    ├── AccessDeniedError     (PermissionError)  role, purpose, consent or time do not allow it
    ├── AuditError            (ValueError)   the log is not the one that was signed
    │   └── TombstoneError                   the file of erasures is not the one that was signed
    ├── BackupError           (ValueError)   a backup is damaged, edited or another store's
    ├── SchemaVersionError    (ValueError)   not a store, or one of an unknown version
    └── StoreUnavailableError (OSError)      the database cannot be read or written now
        └── StoreBusyError    (TimeoutError) another writer did not finish in time

No message holds clinical text, an identifier from outside, or key material.
"""


class StorageError(Exception):
    """Base of every error this package raises on purpose."""


class KeyRingError(StorageError, ValueError):
    """The key ring is missing, unsafe, malformed, or belongs to another store."""


class DecryptionError(StorageError, ValueError):
    """A sealed value does not open in this place.

    One message for every cause: whether the key, the place or a byte was wrong
    is nothing an attacker should learn, and nothing the caller can act on.
    """

    def __init__(self) -> None:
        super().__init__(
            "a sealed value does not open here: it was altered or moved, or its key is gone"
        )


class StaleRecordError(StorageError, ValueError):
    """Rows are authentic but not the current ones: put back, removed or exchanged."""


class NotFoundError(StorageError, LookupError):
    """What was asked for is not there."""


class ErasedError(NotFoundError):
    """The patient was erased; only the audit log still knows the pseudonym."""


class InvalidRecordError(StorageError, ValueError):
    """A record, identifier or audit label that cannot be stored as it is."""


class AccessDeniedError(StorageError, PermissionError):
    """The actor's roles, the purpose, the patient's consent or the time do not allow this."""


class AuditError(StorageError, ValueError):
    """The audit log, or what it commits to, is not what was signed.

    Attributes:
        index: first bad entry, or None where the evidence names none (a
            replaced head, or entries and hashes rewritten together).
    """

    def __init__(self, message: str, *, index: int | None = None) -> None:
        super().__init__(message)
        self.index = index


class TombstoneError(AuditError):
    """The file of erasures is missing, was cut or changed, or is another store's."""


class BackupError(StorageError, ValueError):
    """A backup is damaged, edited, of another store, or cannot be written or restored."""


class SchemaVersionError(StorageError, ValueError):
    """The file is not a patient store, or was written by an unknown version."""


class StoreUnavailableError(StorageError, OSError):
    """The database cannot be used now: full disk, read-only file, broken pages."""


class StoreBusyError(StoreUnavailableError, TimeoutError):
    """Another writer held the store for longer than the waiting time."""
