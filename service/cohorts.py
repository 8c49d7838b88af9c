"""A cohort for learning and measuring, from the FHIR resources of many patients.

Identities end here: what goes on is rows of the graph, days that count from the last entry of all,
and numbers of recorded conditions that mean nothing outside the cohort.

What counts is as in :mod:`intake.lists`, but for time: conditions and orders that have ended count
as well, each on its days. An order's reason is never read.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np

from intake import Problem, Resolver, read_patients
from intake.checks import complaint
from intake.codes import medications_of, says_nothing, stated_empty
from intake.omop import is_omop, read_omop
from intake.resource import Resource, codings, label, objects, period, reference, span, status
from kg.graph import Graph
from kg.names import key as fold
from recommend.cohorts.cohort import OPEN, SEXES, Cohort, Rows, words_digest
from service.errors import SettingsError
from service.patients import OF_ONE_RECORD, TRAINING, Failed, open_store, patient_ids, read_record
from service.settings import Settings

_ORDERS = ("order", "original-order", "reflex-order", "filler-order", "instance-order")
_GIVEN = ("active", "completed", "stopped", "on-hold")  # not what is drafted, cancelled or unknown
_NOT_TRUE = ("refuted", "entered-in-error")
_FILES = ("*.ndjson", "*.ndjson.gz", "*.json", "*.tar.gz", "*.tgz")
_WORD = re.compile(r"[a-z]{5,}")  # shorter ones name no ingredient for sure


@dataclass
class CohortBuilder:
    """Patients one by one to a :class:`Cohort`.

    Attributes:
        graph: what rows there are.
        name: of the cohort.
        n_undated: entries that were left out because nobody says when they were.
    """

    graph: Graph
    name: str
    n_undated: int = 0
    _resolver: Resolver = field(init=False, repr=False)
    _people: list[tuple[int, int]] = field(default_factory=list, repr=False)
    _conditions: list[tuple[int, int, int, int, int]] = field(default_factory=list, repr=False)
    _orders: list[tuple[int, int, int, int]] = field(default_factory=list, repr=False)
    _codes: dict[tuple[str, str], int] = field(default_factory=dict, repr=False)
    _code_rows: set[tuple[int, int]] = field(default_factory=set, repr=False)
    _code_words: list[set[str]] = field(default_factory=list, repr=False)
    _digests: list[int] = field(default_factory=list, repr=False)
    _n_made_up: int = 0
    _encounters: list[int] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        self._resolver = Resolver(self.graph, worst="broader")  # nobody confirms what is near

    def add(self, resources: Sequence[Resource]) -> None:
        """Add the patient whose resources these are; one without any usable entry counts too."""
        number = len(self._people)
        usable = [r for r in resources if r.get("resourceType") == "Patient" or not complaint(r)]
        patient = next((r for r in usable if r["resourceType"] == "Patient"), {})
        born = span(patient.get("birthDate"))
        sex = patient.get("gender")
        self._people.append(
            (SEXES.index(sex) if sex in SEXES else 0, born.first.toordinal() if born else OPEN)
        )
        self._n_made_up += any(map(_is_made_up, resources))
        encounters: dict[str, list[int]] = {}
        orders: list[tuple[int, int, str]] = []
        others = medications_of(usable)
        for entry in usable:
            kind = entry["resourceType"]
            if kind == "Condition":
                self._add_condition(number, entry, encounters)
            elif kind in ("MedicationRequest", "MedicationStatement"):
                orders += self._orders_of(entry, others, encounters)
        first = len(self._encounters)
        numbers = {name: first + i for i, name in enumerate(encounters)}
        self._encounters += [min(days) for days in encounters.values()]
        self._orders += [(number, drug, day, numbers[name]) for drug, day, name in orders]

    @property
    def n_patients(self) -> int:
        """How many were added."""
        return len(self._people)

    def build(self) -> Cohort:
        """The cohort of all who were added.

        Raises:
            SettingsError: nobody was.
        """
        if not self._people:
            raise SettingsError(f"no patient in {self.name}")
        people = np.array(self._people, np.int64).reshape(-1, 2)
        conditions = np.array(sorted(self._conditions), np.int64).reshape(-1, 5)
        orders = np.array(sorted(self._orders), np.int64).reshape(-1, 4)
        encounters = np.array(self._encounters, np.int64)
        dated = np.concatenate([conditions[:, 3], orders[:, 2]])
        origin = int(dated.max()) if len(dated) else 0

        def days(column: Rows) -> Rows:
            return np.where(column < OPEN, column - origin, OPEN)

        return Cohort(
            name=self.name,
            n_drugs=self.graph.n_nodes("Drug"),
            n_diseases=self.graph.n_nodes("Disease"),
            sex=people[:, 0],
            born=days(people[:, 1]),
            condition_patient=conditions[:, 0],
            condition_code=conditions[:, 1],
            condition_start=days(conditions[:, 2]),
            condition_known=days(conditions[:, 3]),
            condition_end=days(conditions[:, 4]),
            code_words=np.array(self._digests, np.int64),
            code_rows=np.array(sorted(self._code_rows), np.int64).reshape(-1, 2),
            code_names_drug=self._named(orders[:, 1]),
            order_patient=orders[:, 0],
            order_drug=orders[:, 1],
            order_day=days(orders[:, 2]),
            order_encounter=orders[:, 3],
            encounter_start=days(encounters),
            is_synthetic=self._n_made_up == self.n_patients,
        )

    def _add_condition(
        self, number: int, entry: Resource, encounters: dict[str, list[int]]
    ) -> None:
        concept = entry.get("code")
        if status(entry, "verificationStatus") in _NOT_TRUE or stated_empty(concept):
            return
        if says_nothing(concept):
            return
        onset, _ = period(entry, "onset")
        recorded = span(entry.get("recordedDate"))
        known = recorded or onset
        if known is None:
            self.n_undated += 1
            return
        abatement, abatement_end = period(entry, "abatement")
        end = abatement_end or abatement
        start = onset.first if onset else known.first
        last = max(known.last, onset.last if onset else known.last)
        self._conditions.append(
            (
                number,
                self._code(concept),
                start.toordinal(),
                last.toordinal(),
                end.last.toordinal() if end else OPEN,
            )
        )
        name = reference(entry.get("encounter"))
        if name:
            encounters.setdefault(name, []).append(known.first.toordinal())

    def _orders_of(
        self,
        entry: Resource,
        others: dict[str, Resource],
        encounters: dict[str, list[int]],
    ) -> Iterable[tuple[int, int, str]]:
        is_request = entry["resourceType"] == "MedicationRequest"
        if is_request and (entry.get("doNotPerform") or status(entry, "intent") not in _ORDERS):
            return
        if status(entry, "status") not in _GIVEN:
            return
        day = span(entry.get("authoredOn")) if is_request else period(entry, "effective")[0]
        found = self._resolver.medication(entry, others)
        if not found.matches:
            return
        if day is None:
            self.n_undated += 1
            return
        start = day.first.toordinal()
        name = reference(entry.get("encounter" if is_request else "context")) or f"day {start}"
        encounters.setdefault(name, []).append(start)
        for match in found.matches:
            yield self.graph.row("Drug", match.node.id), start, name

    def _code(self, concept: object) -> int:
        """The number of a recorded condition: its first code, or its words where it has none."""
        first = next((c for c in codings(concept) if c.code), None)
        key = (first.system, first.code) if first else ("", fold(label(concept)))
        if key not in self._codes:
            code = self._codes[key] = len(self._codes)
            words = " ".join([label(concept), *(c.display for c in codings(concept))])
            self._digests.append(words_digest(label(concept)))
            self._code_words.append(set(_WORD.findall(words.lower())))
            found = self._resolver.condition(concept)
            self._code_rows |= {
                (code, self.graph.row("Disease", match.node.id)) for match in found.matches
            }
        return self._codes[key]

    def _named(self, drugs: Rows) -> Rows:
        """(n, 2) condition, drug: a word of the name of a drug stands in that of the condition."""
        names = self.graph.names["Drug"]
        pairs = []
        for drug in np.unique(drugs).tolist():
            words = _WORD.findall(names[drug].as_py().lower())
            pairs += [
                (code, drug)
                for code, own in enumerate(self._code_words)
                if words and words[0] in own
            ]
        return np.array(sorted(pairs), np.int64).reshape(-1, 2)


def read_cohort(
    settings: Settings,
    graph: Graph,
    patients: str,
    *,
    failed: Failed | None = None,
) -> Cohort:
    """The cohort of the stored patients, or of those in the FHIR files or OMOP tables of a folder.

    Every stored patient that is read leaves an audit entry with the purpose *training*.

    Args:
        settings: where the store is.
        graph: what drugs and diseases there are.
        patients: ``"store"``, or a folder.
        failed: called for a record or a file that cannot be used, which is then left out.

    Raises:
        SettingsError: no such folder, or no patient in it.
        StorageError: the store or its keys cannot be used, or, without ``failed``, a record.
    """
    if patients == "store":
        return _stored(settings, graph, failed)
    folder = Path(patients)
    if not folder.is_dir():
        raise SettingsError(
            f"--patients must be 'store' or a folder of FHIR or OMOP files, not {patients!r}"
        )

    def note(problem: Problem) -> None:
        if failed is not None:
            failed(problem.place, problem.reason)

    builder = CohortBuilder(graph, "")
    bundles = (
        read_omop(folder, today=date.today(), source=folder.name, on_problem=note)
        if is_omop(folder)
        else read_patients(_files(folder), on_problem=note)
    )
    seen: set[tuple[str, str, str]] = set()
    for bundle in bundles:
        born = str(bundle.resources[0].get("birthDate"))
        own = {(system, value, born) for system, value in bundle.identifiers}
        # One person twice would be learnt from and asked about at once.
        if seen.isdisjoint(own):
            builder.add(bundle.resources)
        elif failed is not None:
            failed(bundle.place, "a patient with this identifier and birth date was read already")
        seen |= own
    builder.name = f"the {builder.n_patients:,} patients of the files in {folder.name!r}"
    return builder.build()


def _is_made_up(resource: Resource) -> bool:
    """Whether a tag says that the record is a test's (HL7 v3 ActReason) or Synthea's."""
    meta = resource.get("meta")
    tags = objects(meta.get("tag")) if isinstance(meta, dict) else []
    return any(
        tag.get("code") == "HTEST" or str(tag.get("code", "")).startswith("synthea") for tag in tags
    )


def _files(folder: Path) -> list[Path]:
    found = sorted({path for pattern in _FILES for path in folder.glob(pattern)})
    if not found:
        raise SettingsError(f"{folder} has no FHIR file: {', '.join(_FILES)}")
    return found


def _stored(settings: Settings, graph: Graph, failed: Failed | None) -> Cohort:
    builder = CohortBuilder(graph, "the stored patients")
    with open_store(settings) as database:
        for patient_id in patient_ids(database, actor=settings.actor, purpose=TRAINING):
            try:
                builder.add(
                    read_record(database, patient_id, actor=settings.actor, purpose=TRAINING)
                )
            except OF_ONE_RECORD as error:
                if failed is None:
                    raise
                failed(patient_id, str(error))
    builder.name = f"the {builder.n_patients:,} stored patients"
    return builder.build()
