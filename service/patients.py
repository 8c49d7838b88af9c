"""Patients in and out of the sealed store: import, histories for training, coverage."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from intake import PatientBundle, Resolver, read_patients, to_profile
from kg.graph import Graph
from service.settings import Settings, existing
from storage import Database, Identifier, InvalidRecordError, KeyRing, StoreUnavailableError

TREATMENT = "treatment"
TRAINING = "training"
ADMINISTRATION = "administration"


@dataclass
class ImportReport:
    """What an import did.

    Attributes:
        patients: ids of the patients stored, in the order of reading.
        resources: resource type -> how many were stored.
        problems: what was wrong and where; never clinical text.
    """

    patients: list[str] = field(default_factory=list)
    resources: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


@contextmanager
def open_store(settings: Settings, *, create: bool = False) -> Iterator[Database]:
    """The patient store of ``settings``; with ``create`` a missing one is made.

    Raises:
        SettingsError: there is no key ring, or no store.
        KeyRingError: the ring cannot be used, or is another store's.
    """
    ring = open_keys(settings)
    if create and not settings.store.exists():
        _create_store(settings, ring)
    store = existing(settings.store, "patient store", "patient import")
    with Database.open(store, ring) as database:
        yield database


def open_keys(settings: Settings) -> KeyRing:
    """The key ring of ``settings``.

    Raises:
        SettingsError: there is none.
        KeyRingError: it cannot be used.
    """
    return KeyRing.open(existing(settings.keys, "key ring", "keys init"))


def _create_store(settings: Settings, ring: KeyRing) -> None:
    try:
        Database.create(settings.store, ring).close()
    except StoreUnavailableError:
        if not settings.store.exists():  # else another process was faster: its store is as good
            raise


def import_patients(
    settings: Settings, files: Iterable[Path], *, progress: Callable[[int], None] | None = None
) -> ImportReport:
    """Store every patient of ``files``, each whole or not at all, one transaction a patient.

    A file that cannot be used, or a patient that cannot be stored, is a problem of the report; the
    others are imported.

    Raises:
        StorageError: the store or its keys cannot be used.
    """
    report = ImportReport()
    with open_store(settings, create=True) as database:
        bundles = read_patients(
            files, on_problem=lambda problem: report.problems.append(str(problem))
        )
        for n, bundle in enumerate(bundles, start=1):
            report.problems += map(str, bundle.problems)
            try:
                report.patients.append(_store(database, settings.actor, bundle))
            except InvalidRecordError as error:
                report.problems.append(f"patient {n} of this import is not stored: {error}")
                continue
            report.resources.update(resource["resourceType"] for resource in bundle.resources)
            if progress is not None:
                progress(len(report.patients))
    return report


def _store(database: Database, actor: str, bundle: PatientBundle) -> str:
    # Without a system it is an id that two hospitals may both have given: stored as a new patient,
    # because one person stored twice can be seen and two in one record cannot.
    identifiers = [Identifier(system, value) for system, value in bundle.identifiers if system]
    with database.unit(actor, purpose=ADMINISTRATION) as unit:
        patient_id = unit.patients.add(bundle.resources, identifiers)
        unit.commit()
    return patient_id


def read_record(
    database: Database, patient_id: str, *, actor: str, purpose: str
) -> list[dict[str, Any]]:
    """A patient's resources: one transaction reads the sealed record and commits its audit entry.

    Raises:
        NotFoundError, DecryptionError, StaleRecordError: as the repository's ``get``.
    """
    with database.unit(actor, purpose=purpose) as unit:
        record = unit.patients.get(patient_id)
        unit.commit()
    return list(record.resources)


def patient_ids(database: Database, *, actor: str, purpose: str) -> list[str]:
    """The ids of all patients that are not erased, in the order in which they came."""
    with database.unit(actor, purpose=purpose) as unit:
        ids = [summary.id for summary in unit.patients.list()]
        unit.commit()
    return ids


def histories(settings: Settings, graph: Graph, *, today: date) -> "csr_matrix":
    """(n_patients, n_drugs) of ones: who takes or took what, without any identifier.

    Every patient read leaves an audit entry with the purpose *training*. Near matches are left out,
    and so are patients without a drug.

    Raises:
        StorageError: the store or its keys cannot be used, or a record does not open.
    """
    rows: list[list[int]] = []
    with open_store(settings) as database:
        resolver = Resolver(graph)
        for patient_id in patient_ids(database, actor=settings.actor, purpose=TRAINING):
            resources = read_record(database, patient_id, actor=settings.actor, purpose=TRAINING)
            profile = to_profile(resources, resolver, today=today)
            drugs = {
                graph.row("Drug", fact.node)
                for fact in (*profile.drugs, *profile.past_drugs)
                if fact.grade != "near"
            }
            if drugs:
                rows.append(sorted(drugs))
    starts = np.cumsum([0, *map(len, rows)])
    columns = np.array([drug for row in rows for drug in row], np.int64)
    shape = (len(rows), graph.n_nodes("Drug"))
    return csr_matrix((np.ones(len(columns), np.float32), columns, starts), shape=shape)
