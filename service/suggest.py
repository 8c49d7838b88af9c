"""The one use case: a stored patient in, a recorded and explained suggestion out.

(1) One transaction reads the sealed record and commits the audit entry. (2) Outside any
transaction: record, profile, candidates, safety, score, reasons. (3) A second transaction writes
the suggestion, sealed, with its receipt and its audit entry; nothing is returned before it has
committed.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from intake import Resolver, code_grades, to_profile
from kg.graph import Graph
from recommend.bundle import open_bundle
from recommend.profile import PatientProfile
from recommend.recommender import Recommender
from recommend.suggestion import Recommendation
from service.coverage import Coverage
from service.patients import (
    OF_ONE_RECORD,
    TREATMENT,
    Failed,
    open_store,
    patient_ids,
    read_record,
)
from service.receipts import make_receipt
from service.settings import Settings
from service.staleness import stale_reason
from storage import Database


@dataclass(frozen=True)
class Recorded:
    """A recommendation that stands in the store.

    Attributes:
        suggestion_id: under which it is stored.
        recommendation: what was answered.
        profile: what it was answered for.
        grades: match grade, or ``unmapped`` -> recorded codes of the patient.
        receipt: digests of everything that the answer depends on; JSON values.
        entry: number of the audit entry that was written with it.
        stale: why the bundle that answered should be trained again, or None.
    """

    suggestion_id: str
    recommendation: Recommendation
    profile: PatientProfile
    grades: Mapping[str, int]
    receipt: dict[str, Any]
    entry: int
    stale: str | None = None

    def __repr__(self) -> str:
        return f"Recorded({self.suggestion_id!r})"

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return {
            "suggestion": self.suggestion_id,
            "audit_entry": self.entry,
            "receipt": self.receipt,
            "stale_bundle": self.stale,
            **self.recommendation.to_json(),
        }


@dataclass(frozen=True)
class SuggestService:
    """The rooms that the use case joins, opened once.

    Attributes:
        stale: why the recommender's bundle should be trained again, or None.
    """

    database: Database
    recommender: Recommender
    resolver: Resolver
    actor: str
    today: Callable[[], date] = date.today
    stale: str | None = None

    def suggest(
        self,
        patient_id: str,
        *,
        k: int = 5,
        miss_rate: float | None = None,
        confirmed: Collection[str] = (),
        purpose: str = TREATMENT,
    ) -> Recorded:
        """Recommend for one stored patient and record the answer.

        Args:
            patient_id: of the store.
            k: drugs a condition and kind.
            miss_rate: see :meth:`Recommender.recommend`.
            confirmed: nodes whose near or old facts a person has confirmed.
            purpose: of use.

        Raises:
            AccessDeniedError: the actor may not, or the patient denies it.
            NotFoundError: no such patient; ErasedError: there was one.
            ProfileError: the patient has no fact of a node in ``confirmed``.
            DecryptionError, StaleRecordError: the record was altered or put back.
            StoreBusyError, StoreUnavailableError: the audit entry or the answer cannot be written;
                then nothing is returned either.
        """
        today = self.today()
        resources = read_record(self.database, patient_id, actor=self.actor, purpose=purpose)
        profile = to_profile(resources, self.resolver, today=today).confirm(confirmed)
        asked = {"k": k, "miss_rate": miss_rate}
        answer = self.recommender.recommend(profile, k=k, miss_rate=miss_rate)
        receipt = make_receipt(
            self.recommender,
            profile,
            answer,
            settings={**asked, "confirmed": sorted(confirmed)},
            date=today.isoformat(),
        )
        document = {"receipt": receipt, "profile": profile.to_json(), "answer": answer.to_json()}
        with self.database.unit(self.actor, purpose=purpose) as unit:
            suggestion_id = unit.patients.put_suggestion(patient_id, document)
            entry = unit.commit().n_entries - 1
        grades = code_grades(resources, self.resolver)
        return Recorded(suggestion_id, answer, profile, grades, receipt, entry, self.stale)


@contextmanager
def open_service(settings: Settings, graph: Graph, bundle: Path) -> Iterator[SuggestService]:
    """The service over the store of ``settings`` and a bundle of ``graph``.

    Raises:
        BundleError: the bundle cannot be opened, or is of another graph.
        KeyRingError, NotFoundError: there are no keys, or no store.
    """
    recommender = Recommender.load(open_bundle(bundle, graph, verify=True), graph=graph)
    with open_store(settings) as database:
        stale = stale_reason(database, recommender.bundle.folder)
        yield SuggestService(database, recommender, Resolver(graph), settings.actor, stale=stale)


def suggest_for_all(
    service: SuggestService,
    *,
    k: int,
    miss_rate: float | None = None,
    each: Callable[[str, Recorded], None],
    failed: Failed | None = None,
) -> Coverage:
    """Recommend for every stored patient.

    Args:
        service: over the store.
        k: drugs a condition and kind.
        miss_rate: see :meth:`Recommender.recommend`.
        each: called with a patient's id and answer when it is recorded.
        failed: called for a record that cannot be used; the others are gone on with.

    Raises:
        StorageError: the store cannot be used, or, without ``failed``, a record.
    """
    coverage = Coverage()
    for patient_id in patient_ids(service.database, actor=service.actor, purpose=TREATMENT):
        try:
            recorded = service.suggest(patient_id, k=k, miss_rate=miss_rate)
        except OF_ONE_RECORD as error:
            if failed is None:
                raise
            failed(patient_id, str(error))
            continue
        coverage.add(recorded.grades, recorded.recommendation)
        each(patient_id, recorded)
    return coverage
