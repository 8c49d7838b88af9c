"""What the OMOP rows of one person say, in the words of FHIR.

Nothing is decided here that :func:`intake.to_profile` decides. Where the two do not say the same:

* A concept becomes a coding of its vocabulary, the standard one first, then the source's own. One
  that is 0, or not in ``concept``, is reported, and the entry keeps what the source wrote.
* ``condition_end_date`` ends a condition only if it is later than the start and is not the end of
  the visit: tables repeat these dates where nobody recorded an end. So a condition is rather kept
  than lost, and what is old is marked as stale later.
* A drug exposure is what was taken. It is *active* until its end; for 30 days after it, the gap
  across which OMOP joins exposures to an era, its status is *unknown*, which the safety checks see;
  then it is *completed*, or *stopped* where there is a ``stop_reason``.
* An "allergy to" something among conditions or observations is an allergy. Where there is none, the
  list of allergies is unknown, not empty.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from intake.codes import SNOMED
from intake.errors import NotOmopError
from intake.grouping import PatientBundle, Problem
from intake.omop_tables import Concept, Row, Table, to_id
from intake.resource import Resource, span

ERA_GAP = timedelta(days=30)

# Vocabularies as FHIR names them; of others the concept's name is used.
SYSTEMS: Mapping[str, str] = {
    "SNOMED": SNOMED,
    "RxNorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "LOINC": "http://loinc.org",
    "ATC": "http://www.whocc.no/atc",
    "ICD10CM": "http://hl7.org/fhir/sid/icd-10-cm",
    "ICD10": "http://hl7.org/fhir/sid/icd-10",
    "ICD9CM": "http://hl7.org/fhir/sid/icd-9-cm",
    "UCUM": "http://unitsofmeasure.org",
}
_GENDERS = {8507: "male", 8532: "female", 8521: "other"}
_NOT_A_GENDER = (0, 8551)  # no matching concept, unknown
_ALLERGY = re.compile(r"(?:.* )?allergy to (?P<what>.+)|allergic to .+", re.IGNORECASE)
_WORDS = re.compile(r"[^\W\d_]{3}")
_OF_SOME_KIND = re.compile(r"(?:drug|substance|food|medication)(?: or medicament)?", re.IGNORECASE)


@dataclass
class OmopPerson:
    """One person's rows on the way to resources.

    Attributes:
        number: the ``person_id``.
        source: a name of the data.
        tables: those that are there.
        concepts: all that the tables mention and the vocabulary has.
        today: the day to tell by whether a drug is still taken.
        wrong: file and reason to the number of rows.
        visit_ends: last day of each visit.
    """

    number: int
    source: str
    tables: Mapping[str, Table]
    concepts: Mapping[int, Concept]
    today: date
    wrong: Counter[tuple[str, str]] = field(default_factory=Counter)
    visit_ends: dict[str, str] = field(default_factory=dict)

    def to_bundle(self) -> PatientBundle:
        """The resources, and what is wrong with which rows.

        Raises:
            NotOmopError: the ``person_id`` stands there more than once.
        """
        place = self.tables["person"].place
        rows = list(self.tables["person"].rows(self.number))
        if len(rows) > 1:
            raise NotOmopError(place, f"person_id {self.number} stands there {len(rows)} times")
        self.visit_ends = {
            row["visit_occurrence_id"]: row["visit_end_date"][:10]
            for row in self._rows("visit_occurrence")
        }
        resources = [self._patient(rows[0])]
        resources += [self._condition(row) for row in self._rows("condition_occurrence")]
        resources += [self._drug(row) for row in self._rows("drug_exposure")]
        for name in ("measurement", "observation"):
            resources += [self._observation(name, row) for row in self._rows(name)]
        where = f"{place}: person {self.number}"
        problems = [
            Problem(f"{table}: person {self.number}", f"{reason} ({n} rows)" if n > 1 else reason)
            for (table, reason), n in self.wrong.items()
        ]
        identifier = (f"urn:omop:{self.source}", str(self.number))
        return PatientBundle((identifier,), resources, problems, where)

    def _rows(self, name: str) -> Iterator[Row]:
        return self.tables[name].rows(self.number) if name in self.tables else iter(())

    def _note(self, table: str, reason: str) -> None:
        self.wrong[self.tables[table].place, reason] += 1

    def _patient(self, row: Row) -> Resource:
        result: Resource = {
            "resourceType": "Patient",
            "id": str(self.number),
            "identifier": [{"system": f"urn:omop:{self.source}", "value": str(self.number)}],
        }
        gender = to_id(row["gender_concept_id"])
        if gender in _GENDERS:
            result["gender"] = _GENDERS[gender]
        elif gender not in _NOT_A_GENDER:
            self._note("person", "gender_concept_id is neither male (8507) nor female (8532)")
        born = self._born(row)
        if born:
            result["birthDate"] = born
        for death in self._rows("death"):
            day = self._date("death", death, "death_date")
            result |= {"deceasedDateTime": day} if day else {"deceasedBoolean": True}
        return result

    def _born(self, row: Row) -> str:
        if row["birth_datetime"]:
            return self._date("person", row, "birth_datetime")
        parts = [to_id(row[name]) for name in ("year_of_birth", "month_of_birth", "day_of_birth")]
        known = parts[: parts.index(None)] if None in parts else parts
        text = "-".join(f"{part:04}" if i == 0 else f"{part:02}" for i, part in enumerate(known))
        if span(text) is None:
            self._note("person", "the date of birth is none")
            return ""
        return text

    def _condition(self, row: Row) -> Resource:
        concept = self._concept("condition_occurrence", row, "condition")
        start = self._date("condition_occurrence", row, "condition_start_date")
        allergy = _allergen(concept)
        if allergy is not None:
            return self._allergy(f"condition-{row['condition_occurrence_id']}", allergy, start)
        result = self._entry("Condition", row, "condition_occurrence_id", concept)
        if start:
            result |= {"onsetDateTime": start, "recordedDate": start}
        end = self._date("condition_occurrence", row, "condition_end_date")
        if end and end > start and end != self.visit_ends.get(row["visit_occurrence_id"]):
            result["abatementDateTime"] = end
        state = self._name(row["condition_status_concept_id"]).lower()
        if "resolved" in state:
            result["clinicalStatus"] = {"coding": [{"code": "resolved"}]}
        if "ruled out" in state or "refuted" in state:
            result["verificationStatus"] = {"coding": [{"code": "refuted"}]}
        elif "preliminary" in state or "provisional" in state:
            result["verificationStatus"] = {"coding": [{"code": "provisional"}]}
        return result

    def _drug(self, row: Row) -> Resource:
        table = "drug_exposure"
        start = self._date(table, row, "drug_exposure_start_date")
        stated = "verbatim_end_date" if row["verbatim_end_date"] else "drug_exposure_end_date"
        end = self._date(table, row, stated)
        if end and end < start:
            self._note(table, f"{stated} lies before the start; the end is not used")
            end = ""
        concept = self._concept(table, row, "drug")
        result = self._entry(
            "MedicationStatement", row, "drug_exposure_id", concept, "medicationCodeableConcept"
        )
        result["status"] = self._drug_status(end, row["stop_reason"])
        result["effectivePeriod"] = {
            key: day for key, day in (("start", start), ("end", end)) if day
        }
        dosage: Resource = {"text": row["sig"]} if row["sig"] else {}
        route = self._coding(row["route_concept_id"])
        if route or row["route_source_value"]:
            dosage["route"] = {"coding": route, "text": row["route_source_value"]}
        if dosage:
            result["dosage"] = [dosage]
        return result

    def _drug_status(self, end: str, stop_reason: str) -> str:
        last = date.fromisoformat(end) if end else self.today
        if last >= self.today:
            return "active"
        if stop_reason:
            return "stopped"
        return "unknown" if self.today - last <= ERA_GAP else "completed"

    def _observation(self, table: str, row: Row) -> Resource:
        concept = self._concept(table, row, table)
        day = self._date(table, row, f"{table}_date")
        value = self._coding(row["value_as_concept_id"])
        allergy = _allergen(concept)
        if allergy is not None:
            if value and _OF_SOME_KIND.fullmatch(allergy["text"]):
                allergy = {"coding": value}
            return self._allergy(f"{table}-{row[f'{table}_id']}", allergy, day)
        result = self._entry("Observation", row, f"{table}_id", concept)
        result["status"] = "final"
        if day:
            result["effectiveDateTime"] = day
        if value:
            result["valueCodeableConcept"] = {"coding": value}
        elif row["value_as_number"]:
            result["valueQuantity"] = self._quantity(table, row)
        elif row.get("value_as_string"):
            result["valueString"] = row["value_as_string"]
        return result

    def _quantity(self, table: str, row: Row) -> Resource:
        try:
            quantity: Resource = {"value": float(row["value_as_number"])}
        except ValueError:
            self._note(table, "value_as_number is no number")
            return {}
        units = self._coding(row["unit_concept_id"])
        if units:
            quantity |= {"unit": units[0].get("display", ""), "code": units[0].get("code", "")}
        elif row["unit_source_value"]:
            quantity["unit"] = row["unit_source_value"]
        operator = to_id(row.get("operator_concept_id", ""))
        name = self._name(str(operator)) or "not known"
        if operator and name != "=":
            quantity["comparator"] = name  # makes the number unusable, whatever it is
        return quantity

    def _allergy(self, name: str, concept: Resource, day: str) -> Resource:
        result: Resource = {
            "resourceType": "AllergyIntolerance",
            "id": name,
            "patient": {"reference": f"Patient/{self.number}"},
            "code": concept,
        }
        return result | ({"onsetDateTime": day} if day else {})

    def _entry(
        self, kind: str, row: Row, key: str, concept: Resource, name: str = "code"
    ) -> Resource:
        result: Resource = {
            "resourceType": kind,
            "id": f"{key.removesuffix('_id').replace('_', '-')}-{row[key]}",
            "subject": {"reference": f"Patient/{self.number}"},
            name: concept,
        }
        if row["visit_occurrence_id"]:
            visit = "context" if kind == "MedicationStatement" else "encounter"
            result[visit] = {"reference": f"Encounter/{row['visit_occurrence_id']}"}
        return result

    def _concept(self, table: str, row: Row, name: str) -> Resource:
        """The CodeableConcept of an entry; what the source wrote where no concept is known."""
        column = f"{name}_concept_id"
        standard = self._coding(row[column])
        own = self._coding(row[f"{name}_source_concept_id"])
        if not standard:
            number = to_id(row[column])
            why = "is 0: the source's code has no standard concept" if number == 0 else (
                f"{number} is not in the concept table" if number else "is no whole number"
            )  # fmt: skip
            self._note(table, f"{column} {why}")
        codings = [c for i, c in enumerate(standard + own) if c not in (standard + own)[:i]]
        written = row[f"{name}_source_value"]
        if codings:
            return {"coding": codings}
        if not written:
            return {"coding": [], "text": f"concept {row[column] or 'not stated'}"}
        # A bare code could be taken for that of another vocabulary: only words are looked up.
        is_words = _WORDS.search(written) is not None
        return {"coding": [], "text": written if is_words else f"source value {written!r}"}

    def _coding(self, text: str) -> list[Resource]:
        """The coding of a concept; none where it is not known."""
        concept = self.concepts.get(to_id(text) or 0)
        if concept is None:
            return []
        system = SYSTEMS.get(concept.vocabulary)
        code: Resource = {"system": system, "code": concept.code} if system else {}
        return [code | {"display": concept.name}]

    def _name(self, text: str) -> str:
        concept = self.concepts.get(to_id(text) or 0)
        return concept.name if concept else ""

    def _date(self, table: str, row: Row, column: str) -> str:
        """A date of the form 2024-05-31; "" where there is none, which is reported if it is bad."""
        text = row[column]
        if not text:
            return ""
        compact = f"{text[:4]}-{text[4:6]}-{text[6:8]}" if text.isdigit() else text[:10]
        found = span(compact)
        if found is None or found.first != found.last:
            self._note(table, f"{column} is no date of the form YYYY-MM-DD")
            return ""
        return compact


def _allergen(concept: Resource) -> Resource | None:
    """What an "allergy to" something is an allergy to, as ``text``; None for anything else."""
    for coding in concept["coding"]:
        match = _ALLERGY.fullmatch(coding["display"])
        if match:
            return {"coding": concept["coding"], "text": match["what"] or coding["display"]}
    return None
