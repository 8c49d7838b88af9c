"""Patients in and out of the sealed store."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from time import sleep
from typing import Any

from intake import IntakeError, PatientBundle, Problem, read_patients
from intake.resource import Resource, span
from service.errors import SettingsError
from service.merging import merge_records
from service.settings import BUSY_SECONDS, Settings, existing
from storage import (
    AccessDeniedError,
    Database,
    DecryptionError,
    ErasedError,
    Identifier,
    InvalidRecordError,
    KeyRing,
    StaleRecordError,
    StoreUnavailableError,
)
from storage.database import backend_for
from storage.files import new_file_beside, place
from storage.keyfile import provider_of
from storage.owner_only import refuse_taken
from storage.providers import Command, Environment, FileRights, KeyProvider, Passphrase
from storage.tombstones import FILE_NAME

TREATMENT = "treatment"
TRAINING = "training"
ADMINISTRATION = "administration"
AUDIT = "audit"
REQUEST = "request"  # the patient's own
EMERGENCY = "emergency"

# What concerns one patient's record and no other's: the others are gone on with.
OF_ONE_RECORD = (
    AccessDeniedError,
    DecryptionError,
    StaleRecordError,
    ErasedError,
    IntakeError,
)

Failed = Callable[[str, str], None]  # called with a pseudonym and what is wrong with the record


@dataclass
class ImportReport:
    """What an import did.

    Attributes:
        patients: ids of the patients stored, in the order of reading.
        resources: resource type -> how many were read of the patients stored.
        counts: how many resources were ``added``, ``replaced`` and ``kept``.
        problems: what was wrong and where; never clinical text.
        is_whole: no file and no patient was left out; of some entries this may be said.
    """

    patients: list[str] = field(default_factory=list)
    resources: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    is_whole: bool = True

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return {
            "patients": self.patients,
            "resources": self.resources,
            **{name: self.counts[name] for name in ("added", "replaced", "kept")},
            "problems": self.problems,
        }

    def line(self) -> str:
        """One line for people."""
        return (
            f"{len(self.patients)} patients, {sum(self.resources.values()):,} resources "
            f"({self.counts['added']:,} added, {self.counts['replaced']:,} replaced, "
            f"{self.counts['kept']:,} kept), {len(self.problems)} problems"
        )


@contextmanager
def open_store(settings: Settings, *, create: bool = False) -> Iterator[Database]:
    """The patient store of ``settings``; with ``create`` a missing one is made.

    Whoever makes it is its owner, who holds every role until they grant them to others.

    Raises:
        SettingsError: there is no key ring, or no store.
        KeyRingError: the ring cannot be used, or is another store's.
    """
    ring = open_keys(settings)
    if not has_store(settings):
        if not create:
            raise SettingsError(
                f"no patient store at {store_name(settings)}: `patient import` makes one"
            )
        if not (ring.folder / FILE_NAME).exists():
            create_store(settings, ring)
        elif not _appears(settings):
            # Made silently, it would be whoever's who comes next, with every role.
            raise SettingsError(
                f"no patient store at {store_name(settings)}, though this key ring has served one: "
                "restore it from a backup, or make a new, empty one with `store create`"
            )
    with Database.open(settings.store, ring, busy_seconds=BUSY_SECONDS) as database:
        yield database


def has_store(settings: Settings) -> bool:
    """Whether a store lies at the location of ``settings``.

    Raises:
        StoreUnavailableError: that cannot be told.
    """
    backend = backend_for(settings.store, BUSY_SECONDS)
    try:
        return backend.exists()
    finally:
        backend.close()


def open_keys(settings: Settings) -> KeyRing:
    """The key ring of ``settings``.

    Raises:
        SettingsError: there is none.
        KeyRingError: it cannot be used, or not without what protects it.
    """
    _check_not_lost(settings)
    path = existing(settings.keys, "key ring", "keys init")
    return KeyRing.open(path, provider=provider(settings, provider_of(path)))


def make_keys(settings: Settings, protection: str = "file") -> KeyRing:
    """A new key ring for a home that has no store yet, protected by a provider of this name.

    Raises:
        SettingsError: a store lies there that an earlier ring opens.
        KeyRingError: there is a ring already, it cannot be written, or the provider has no key.
    """
    _check_not_lost(settings)
    refuse_taken(settings.keys)  # before anybody is asked for a passphrase
    return KeyRing.create(settings.keys, provider=provider(settings, protection, is_new=True))


def provider(settings: Settings, name: str, *, is_new: bool = False) -> KeyProvider:
    """What protects a key ring: ``file``, ``passphrase``, ``environment`` or ``command``.

    Args:
        settings: what it takes to open the ring.
        name: of the provider.
        is_new: it is to protect a ring from now on; a passphrase that is asked for is a new one.

    Raises:
        SettingsError: there is no such provider.
    """
    if name == "file":
        return FileRights()
    if name == "passphrase":
        return Passphrase(_passphrase(settings, is_new=is_new))
    if name == "environment":
        return Environment(settings.key)
    if name == "command":
        return Command(settings.key_command or None)
    raise SettingsError(
        f"a key ring is protected by file, passphrase, environment or command, not {name!r}"
    )


def store_name(settings: Settings) -> str:
    """The location of the store in words, without a password."""
    backend = backend_for(settings.store)
    try:
        return backend.name
    finally:
        backend.close()


def _passphrase(settings: Settings, *, is_new: bool) -> str | None:
    if settings.passphrase is not None or settings.ask_passphrase is None:
        return settings.passphrase
    return settings.ask_passphrase(is_new)


def _check_not_lost(settings: Settings) -> None:
    if not settings.keys.exists() and has_store(settings):
        raise SettingsError(
            f"no key ring at {settings.keys}, but a store lies at {store_name(settings)} that an "
            "earlier ring opens: restore that ring; a new one cannot open it"
        )


def _appears(settings: Settings) -> bool:
    """Whether another process was just making the store."""
    for _ in range(50):
        if has_store(settings):
            return True
        sleep(0.1)
    return False


def create_store(settings: Settings, ring: KeyRing) -> None:
    """Make a new, empty store, whose owner is the actor of ``settings``.

    Raises:
        StoreUnavailableError: it cannot be written.
        TombstoneError: patients of an earlier store of this ring were erased.
    """
    try:
        Database.create(settings.store, ring, owner=settings.actor).close()
    except StoreUnavailableError:
        if not has_store(settings):  # else another process was faster: its store is as good
            raise


def import_patients(
    settings: Settings, files: Iterable[Path], *, progress: Callable[[int], None] | None = None
) -> ImportReport:
    """Store every patient of ``files``, each whole or not at all, one transaction a patient.

    What is imported of a patient that is stored already is merged into the record, see
    :func:`service.merging.merge_records`; a different person is refused. A file that cannot be
    used, or a patient that cannot be stored, is a problem of the report; the others are imported.

    Raises:
        StorageError: the store or its keys cannot be used.
    """
    report = ImportReport()

    def note(problem: Problem) -> None:
        report.problems.append(str(problem))
        report.is_whole = report.is_whole and not problem.is_whole

    with open_store(settings, create=True) as database:
        for bundle in read_patients(files, on_problem=note):
            for problem in bundle.problems:
                note(problem)
            if _is_born_later(bundle.resources[0], date.today()):
                note(Problem(bundle.place, "birthDate is not used: it lies in the future"))
            try:
                patient_id, counts = _store(database, settings.actor, bundle)
            except (InvalidRecordError, *OF_ONE_RECORD) as error:
                reason = f"the patient is not stored: {error}"
                note(Problem(bundle.place, reason, is_whole=True))
                continue
            report.patients.append(patient_id)
            report.counts.update(counts)
            report.resources.update(resource["resourceType"] for resource in bundle.resources)
            if progress is not None:
                progress(len(report.patients))
    return report


def _is_born_later(patient: Resource, today: date) -> bool:
    born = span(patient.get("birthDate"))
    return born is not None and born.first > today


def _store(database: Database, actor: str, bundle: PatientBundle) -> tuple[str, Mapping[str, int]]:
    # Without a system it is an id that two hospitals may both have given: stored as a new patient,
    # because one person stored twice can be seen and two in one record cannot.
    identifiers = [Identifier(system, value) for system, value in bundle.identifiers if system]
    counts: Mapping[str, int] = {"added": len(bundle.resources)}

    def merge(stored: Sequence[Resource]) -> list[Resource]:
        nonlocal counts
        merged, counts = merge_records(stored, bundle.resources)
        return merged

    with database.unit(actor, purpose=ADMINISTRATION) as unit:
        patient_id = unit.patients.add(bundle.resources, identifiers, merge=merge)
        unit.commit()
    return patient_id, counts


def read_record(
    database: Database, patient_id: str, *, actor: str, purpose: str
) -> list[dict[str, Any]]:
    """A patient's resources, once the audit entry about reading them is durable.

    Raises:
        NotFoundError, AccessDeniedError, DecryptionError, StaleRecordError: as the repository's
            ``get``.
    """
    return list(database.reading(actor, purpose=purpose).get(patient_id).resources)


def copy_record(settings: Settings, patient_id: str, out: Path) -> int:
    """Write a patient's record for the patient: a FHIR bundle in clear, in an owner-only file.

    Returns:
        How many resources.

    Raises:
        NotFoundError, AccessDeniedError, DecryptionError, StaleRecordError: as ``read_record``.
        SettingsError: the file exists, or cannot be written; it appears whole or not at all.
    """
    try:
        draft = new_file_beside(out)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(f"no copy can be written to {out}: {reason}") from error
    try:
        with open_store(settings) as database:
            resources = read_record(database, patient_id, actor=settings.actor, purpose=REQUEST)
        entries = [{"resource": resource} for resource in resources]
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
        draft.write_text(json.dumps(bundle, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        place(draft, out)
    finally:
        draft.unlink(missing_ok=True)
    return len(resources)


def patient_ids(database: Database, *, actor: str, purpose: str) -> list[str]:
    """The ids of all patients that are not erased, in the order in which they came."""
    return [summary.id for summary in database.reading(actor, purpose=purpose).list()]
