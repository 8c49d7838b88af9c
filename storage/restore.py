"""Put a backup back: into a new store, whole or not at all, without anyone who was erased."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from storage import actors, verification
from storage.access import Action, Purpose, decide
from storage.archive import ArchiveReader, Manifest
from storage.audit import AuditLog, Clock, SignedState
from storage.backup import TABLES
from storage.bulk import Rows, insert_rows
from storage.checkpoint import ERASED, Checkpoint, Part
from storage.database import backend_for, create_schema
from storage.errors import AccessDeniedError, BackupError, StorageError
from storage.keys import KeyRing
from storage.records import complete_erasures
from storage.sqlite import BUSY_SECONDS
from storage.tables import REVISION, IdentifierRow, PatientRow, ResourceRow, SuggestionRow
from storage.tombstones import FILE_NAME, Tombstones

# Rows of a patient that are left behind once it is erased.
_OF_PATIENT = {table.__tablename__ for table in (IdentifierRow, ResourceRow, SuggestionRow)}

_PURPOSE = Purpose.ADMINISTRATION

Batches = Iterable[Rows]


@dataclass(frozen=True)
class RestoreReport:
    """A store that was restored.

    Attributes:
        head: its signed head.
        backup_head: the head that the backup was made under.
        n_erased: patients of the backup that were erased after it was made, and so again now.
        n_erased_in_all: of the head's patients, those who are erased.
        n_lost: entries that the checkpoint from outside knows and the backup does not; None
            without such a checkpoint.
        old_keys: keys that its rows are under and that were replaced since, such as ``wrap 1``.
    """

    head: Checkpoint
    backup_head: Checkpoint
    n_erased: int
    n_erased_in_all: int
    n_lost: int | None
    old_keys: tuple[str, ...]

    def __str__(self) -> str:
        patients = f"{self.head.n_patients:,} patients ({self.n_erased_in_all:,} erased)"
        whole = f"{patients} and {self.head.n_entries:,} audit entries"
        lines = [
            f"{whole} restored as of {self.backup_head.time}, and verified",
            f"{self.n_erased:,} patients that were erased since then are erased again",
        ]
        if self.n_lost:
            lines.append(f"{self.n_lost:,} audit entries since then are lost, and what they did")
        if self.old_keys:
            keys = ", ".join(self.old_keys)
            lines.append(f"rows are under keys that were replaced since ({keys}): run keys rotate")
        lines.append("the log goes on from the backup: take a new checkpoint and keep it elsewhere")
        return "\n".join(lines)


def restore_backup(
    file: Path,
    location: str | Path,
    ring: KeyRing,
    *,
    actor: str,
    checkpoint: str | None = None,
    clock: Clock = lambda: datetime.now(UTC),
    busy_seconds: float = BUSY_SECONDS,
) -> RestoreReport:
    """Make a new store at ``location`` from the backup in ``file``.

    The store appears only once it is whole, verified, and rid of everyone whom the file of
    erasures names; their data keys are not even written to it.

    Args:
        file: made by ``storage.backup.create_backup``.
        location: an empty place, as for ``Database.create``.
        ring: the ring of the backed-up store, with the file of erasures beside it.
        actor: who restores, known to the backed-up store as security officer.
        checkpoint: text of a head kept elsewhere. It may be newer than the backup: the file of
            erasures must then be at least as new.
        clock: the time, for entries and rows.
        busy_seconds: as for ``Database.create``.

    Raises:
        BackupError: not a backup, damaged, of another store or schema, or ``ring`` lacks a key.
        TombstoneError: the file of erasures is missing, or older than the backup or ``checkpoint``.
        AuditError: what is restored is not what was signed, or not what ``checkpoint`` knows.
        AccessDeniedError: ``actor`` may not.
        StoreUnavailableError: the place is taken or cannot be written.
    """
    kept = None if checkpoint is None else Checkpoint.parse(checkpoint)
    try:
        with file.open("rb") as stream:
            archive = ArchiveReader(stream, ring)
            head = _checked(archive.manifest, ring)
            tombstones = _erasures(ring, head, kept)
            archive.verify()
            draft = _Draft(archive, head, kept, ring, tombstones, actor, clock)
            backend = backend_for(location, busy_seconds)
            try:
                backend.create(draft.fill)
            finally:
                backend.close()
    except StorageError:
        raise
    except OSError as error:
        raise BackupError(f"{file} cannot be read: {error.strerror}") from error
    old = _needed(archive.manifest) - _primary(ring)
    return RestoreReport(
        draft.head,
        head,
        draft.n_erased,
        draft.n_erased_in_all,
        None if kept is None else max(0, kept.n_entries - head.n_entries),
        tuple(f"{use} {version}" for use, version in sorted(old)),
    )


def _checked(manifest: Manifest, ring: KeyRing) -> Checkpoint:
    """The head of a backup that this program and this ring can restore."""
    if manifest.schema != REVISION:
        raise BackupError(
            f"the backup holds a store of schema {manifest.schema}, this program restores "
            f"{REVISION}: restore it with the program that made it, then run store migrate"
        )
    usable = {(key.use, key.version) for key in ring.status() if key.state != "destroyed"}
    for use, version in sorted(_needed(manifest) - usable):
        raise BackupError(
            f"the backup needs {use} key {version}, which this ring does not hold (any more): "
            "without it, records do not open or patients are not found; use a ring that holds it"
        )
    head = Checkpoint.parse(manifest.head)
    head.check(ring)
    return head


def _needed(manifest: Manifest) -> set[tuple[str, int]]:
    return {(use, version) for use, versions in manifest.keys.items() for version in versions}


def _primary(ring: KeyRing) -> set[tuple[str, int]]:
    return {(key.use, key.version) for key in ring.status() if key.primary}


def _erasures(ring: KeyRing, head: Checkpoint, kept: Checkpoint | None) -> Tombstones:
    """The file of erasures, at least as new as both heads."""
    count, digest = head.parts[ERASED]
    tombstones = Tombstones.open(ring.folder / FILE_NAME, ring, count=count, digest=digest)
    if kept is not None:
        kept.check(ring)
        if ERASED in kept.parts:
            tombstones.check(*kept.parts[ERASED])
    return tombstones


@dataclass
class _Draft:
    """The store that is being made, in the one transaction of ``Backend.create``."""

    archive: ArchiveReader
    head: Checkpoint  # the backup's; replaced by the one that is signed in the end
    kept: Checkpoint | None
    ring: KeyRing
    tombstones: Tombstones
    actor: str
    clock: Clock
    n_erased: int = 0
    _erased: set[int] = field(default_factory=set)

    @property
    def n_erased_in_all(self) -> int:
        """Patients in the rows who are erased."""
        return len(self._erased)

    def fill(self, connection: Connection) -> None:
        """Rows, erasures, the entry, the new head, and a look at everything."""
        create_schema(connection)
        self._write_rows(connection)
        state = SignedState(connection, self.ring, None)
        if state.head.text != self.head.text:
            raise BackupError("the head in the rows of the backup is not that of its manifest")
        audit = AuditLog(state, actor=self.actor, purpose=_PURPOSE, clock=self.clock)
        scope = _Scope(state, audit)
        self._check_actor(scope, state)
        self.n_erased = len(complete_erasures(state, audit, self.tombstones.after(0)))
        audit.erased = Part(self.tombstones.count, self.tombstones.digest)
        manifest = hashlib.sha256(self.archive.manifest_bytes).hexdigest()
        audit.append(Action.BACKUP_RESTORE, detail=manifest)
        is_covered = self.kept is not None and self.kept.n_entries <= self.head.n_entries
        self.head = audit.sign()
        signed = SignedState(connection, self.ring, None)
        verification.verify(signed, self.tombstones, self.kept if is_covered else None)

    def _write_rows(self, connection: Connection) -> None:
        for table in TABLES:
            batches: Batches = self.archive.batches(table)
            names = [column.name for column in table.columns]
            if table.name == PatientRow.__tablename__:
                batches = self._without_keys(batches, names)
            elif table.name in _OF_PATIENT:
                batches = self._without_rows(batches, names.index("patient"))
            insert_rows(connection, table, batches)

    def _without_keys(self, batches: Batches, names: list[str]) -> Batches:
        """The patients, those who were erased without their data key; notes who they are."""
        id_, ordinal, key = (names.index(name) for name in ("id", "ordinal", "wrapped_key"))
        for rows in batches:
            for row in rows:
                if row[id_] in self.tombstones.ids:
                    self._erased.add(row[ordinal])
            yield [
                (*row[:key], None, *row[key + 1 :]) if row[ordinal] in self._erased else row
                for row in rows
            ]

    def _without_rows(self, batches: Batches, patient: int) -> Batches:
        for rows in batches:
            yield [row for row in rows if row[patient] not in self._erased]

    def _check_actor(self, scope: "_Scope", state: SignedState) -> None:
        decision = decide(
            scope.roles(state), _PURPOSE, Action.BACKUP_RESTORE, consent={}, has_broken_glass=False
        )
        if not decision.is_allowed:
            raise AccessDeniedError(f"in the store of the backup: {decision.reason}")


class _Scope:
    """Operations inside the draft's transaction."""

    def __init__(self, state: SignedState, audit: AuditLog) -> None:
        self.actor, self.purpose = audit.actor, audit.purpose
        self._state, self._audit = state, audit

    def roles(self, state: SignedState) -> tuple[str, ...]:
        return actors.roles_of(state, self.actor, now=self.now())

    def is_buried(self, _patient_id: str) -> bool:
        return False  # no patient is asked for here

    @contextmanager
    def state(self) -> Iterator[SignedState]:
        yield self._state

    def now(self) -> str:
        return self._audit.now()

    def record(
        self, action: str, *, subject: str, outcome: str, detail: str, grant: str = ""
    ) -> None:
        self._audit.append(action, subject=subject, outcome=outcome, detail=detail, grant=grant)

    def fail(self, _action: str, _subject: str, _error: BaseException) -> None:
        self._audit.refuse_to_sign()
