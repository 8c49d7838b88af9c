"""Bundles that learnt from a patient who was erased since: found by the audit log, and marked.

A bundle remembers which entries of the log are its training's reads, and no patient. Whether one of
them is about somebody who is erased now is asked of the log whenever a store and a bundle meet.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kg.errors import FolderError
from kg.folder import Folder
from recommend.stale import read_mark, write_mark
from service.marks import bundle_folder
from service.patients import ADMINISTRATION, TRAINING, open_store
from service.settings import Settings
from storage import AuditEntry, Database, StorageError
from storage.erasures import copies_of, erased_reads, is_extended

logger = logging.getLogger(__name__)

_RESTORED = (
    "the store was restored from a backup after this bundle was trained, so nobody can tell "
    "whether it learnt from a patient who was erased: train it again"
)
_UNKNOWN = (
    "this bundle learnt from stored patients and does not say when it read them, and patients were "
    "erased: train it again"
)


@dataclass(frozen=True)
class Erasure:
    """What came of erasing a patient.

    Attributes:
        patient: the pseudonym.
        copies: entries about backups and extracts that hold the patient, for recall.
        stale: why the home's bundle is to be trained again, or None.
        problems: what could not be found out; the patient is erased all the same.
    """

    patient: str
    copies: tuple[AuditEntry, ...] = ()
    stale: str | None = None
    problems: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return {
            "erased": self.patient,
            "copies": [vars(entry) for entry in self.copies],
            "stale_bundle": self.stale,
            "problems": list(self.problems),
        }

    def lines(self) -> Iterator[str]:
        """Lines for people."""
        yield f"erased {self.patient}"
        for entry in self.copies:
            what = f"{entry.action} of {entry.time} by {entry.actor}"
            yield f"still holds the patient: {what}, manifest {entry.detail[:12]}"
        restored = [entry for entry in self.copies if entry.action == "backup.restore"]
        if restored:
            yield (
                f"the store was restored on {restored[-1].time}: backups made after the one that "
                "was restored are not in this log and may hold the patient too"
            )
        if any(entry.action.startswith("backup.") for entry in self.copies):
            yield "a backup restores without the patient only with the newest erasures.log"
        if self.stale:
            yield f"the bundle is stale: {self.stale}"
        yield from self.problems


@contextmanager
def noted_reads(settings: Settings) -> Iterator[dict[str, Any]]:
    """Which entries of the store's log are written during the block; filled in behind it.

    Raises:
        StorageError: the store cannot be used.
    """
    reads: dict[str, Any] = {}
    with open_store(settings) as database:
        first = database.checkpoint().n_entries
    yield reads
    with open_store(settings) as database:
        head = database.checkpoint()
    reads["store"] = head.store_id
    reads["first"], reads["stop"] = first, head.n_entries
    reads["root"] = head.entries_root.hex()


def stale_reason(database: Database, bundle: Folder) -> str | None:
    """Why a bundle should be trained again, or None; it is marked in its folder, where possible.

    Args:
        database: the store; of another store than the bundle's, it says nothing.
        bundle: its folder.

    Raises:
        AuditError: the log is not the one that was signed.
    """
    marked = read_mark(bundle.path, bundle.fingerprint)
    if marked is not None:
        return marked
    reason = _reason(database, bundle.manifest)
    if reason is not None:
        try:
            write_mark(bundle.path, bundle.fingerprint, reason)
        except OSError as error:
            logger.warning("bundle %s is stale; no mark: %s", bundle.path, error.strerror)
    return reason


def erase_patient(settings: Settings, patient_id: str, *, purpose: str = ADMINISTRATION) -> Erasure:
    """Erase a patient, mark the home's bundle if it learnt from them, and list what holds a copy.

    Raises:
        NotFoundError: no such patient; ErasedError: there was one.
        AccessDeniedError: the actor may not.
        StorageError: the store cannot be used; then nobody is erased.
    """
    with open_store(settings) as database:
        with database.unit(settings.actor, purpose=purpose) as unit:
            unit.patients.erase(patient_id)
            unit.commit()
        copies: tuple[AuditEntry, ...] = ()
        problems = []
        try:
            copies = copies_of(database, patient_id, actor=settings.actor)
        except StorageError as error:
            problems.append(f"which backups and extracts hold the patient is not known: {error}")
        stale = None
        if settings.bundle.exists():
            try:
                stale = stale_reason(database, bundle_folder(settings.bundle))
            except (FolderError, StorageError) as error:
                problems.append(f"whether the bundle learnt from the patient is not known: {error}")
    return Erasure(patient_id, copies, stale, tuple(problems))


def _reason(database: Database, manifest: Mapping[str, Any]) -> str | None:
    reads = manifest.get("read_from")
    if reads is None:
        is_of_store = str(manifest.get("cohort")).endswith("stored patients")
        return _UNKNOWN if is_of_store and database.tombstones.count else None
    if reads["store"] != database.ring.store_id:
        return None
    first, stop = int(reads["first"]), int(reads["stop"])
    if not is_extended(database, stop, bytes.fromhex(reads["root"])):
        return _RESTORED
    n_erased = erased_reads(database, first, stop, purpose=TRAINING)
    if not n_erased:
        return None
    return (
        f"{n_erased} of the patients that it learnt from {'was' if n_erased == 1 else 'were'} "
        "erased since: train it again"
    )
