"""OMOP folders for tests: tables as lists of rows, and FHIR patients turned into them."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from intake import PatientBundle
from intake.omop import TABLES

Rows = dict[str, list[dict[str, object]]]

METFORMIN, DIABETES, GFR, PER_AREA, PENICILLIN = 1503297, 201826, 46236952, 9117, 4222295
VOCABULARY: list[dict[str, object]] = [
    {"concept_id": i, "vocabulary_id": v, "concept_code": c, "concept_name": n}
    for i, v, c, n in (
        (METFORMIN, "RxNorm", "860975", "metformin hydrochloride 500 MG Oral Tablet"),
        (DIABETES, "SNOMED", "44054006", "Type 2 diabetes mellitus"),
        (GFR, "LOINC", "98979-8", "Glomerular filtration rate"),
        (PER_AREA, "UCUM", "mL/min/{1.73_m2}", "milliliter per minute per 1.73 square meter"),
        (PENICILLIN, "SNOMED", "91936005", "Allergy to penicillin"),
        (32906, "Condition Status", "OMOP1", "Resolved condition"),
        (32899, "Condition Status", "OMOP2", "Preliminary diagnosis"),
        (4171756, "SNOMED", "276136004", "<"),
        (9, "House", "x9", "simvastatin"),
    )
]


def ada(**more: list[dict[str, object]]) -> Rows:
    """One woman with diabetes, on metformin; keywords replace tables."""
    tables: Rows = {
        "person": [{"person_id": 1, "gender_concept_id": 8532, "year_of_birth": 1960}],
        "condition_occurrence": [condition()],
        "drug_exposure": [drug()],
        "visit_occurrence": [],
        "concept": VOCABULARY,
    }
    return tables | more


def condition(**fields: object) -> dict[str, object]:
    return {
        "condition_occurrence_id": 10,
        "person_id": 1,
        "condition_concept_id": DIABETES,
        "condition_start_date": "2019-05-01",
    } | fields


def drug(**fields: object) -> dict[str, object]:
    return {
        "drug_exposure_id": 20,
        "person_id": 1,
        "drug_concept_id": METFORMIN,
        "drug_exposure_start_date": "2024-01-10",
        "drug_exposure_end_date": "2024-12-31",
    } | fields


def measurement(**fields: object) -> dict[str, object]:
    return {
        "measurement_id": 30,
        "person_id": 1,
        "measurement_concept_id": GFR,
        "measurement_date": "2024-05-01",
        "value_as_number": 42.0,
        "unit_concept_id": PER_AREA,
    } | fields


def observation(**fields: object) -> dict[str, object]:
    return {
        "observation_id": 40,
        "person_id": 1,
        "observation_concept_id": PENICILLIN,
        "observation_date": "2001-01-01",
    } | fields


def columns_of(name: str) -> tuple[str, ...]:
    if name == "concept":
        return ("concept_id", "vocabulary_id", "concept_code", "concept_name")
    return TABLES[name].required + TABLES[name].optional


def write(folder: Path, tables: Rows) -> Path:
    """The tables as comma-separated files with all of their columns."""
    folder.mkdir(exist_ok=True)
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, columns_of(name))
            writer.writeheader()
            writer.writerows(rows)
    return folder


SYSTEMS = {
    "http://snomed.info/sct": "SNOMED",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RxNorm",
    "http://loinc.org": "LOINC",
    "http://unitsofmeasure.org": "UCUM",
}


class FromFhir:
    """An oracle: plain FHIR entries to rows, one line a field."""

    def __init__(self) -> None:
        self.tables: Rows = {name: [] for name in TABLES}
        self.concepts: dict[tuple[str, str, str], int] = {}

    def concept(self, concept: Mapping[str, Any] | None) -> int:
        for coding in (concept or {}).get("coding", ()):
            key = SYSTEMS[coding["system"]], coding["code"], coding.get("display", "")
            return self.concepts.setdefault(key, len(self.concepts) + 1)
        return 0

    def add(self, person: int, bundle: PatientBundle, *, far: str) -> None:
        for number, entry in enumerate(bundle.resources):
            ids = {"person_id": person}
            key = person * 100_000 + number
            match entry["resourceType"]:
                case "Patient":
                    year, month, day = entry["birthDate"].split("-")
                    self.tables["person"].append(ids | {
                        "gender_concept_id": {"male": 8507, "female": 8532}[entry["gender"]],
                        "year_of_birth": year, "month_of_birth": month, "day_of_birth": day,
                    })  # fmt: skip
                    if "deceasedDateTime" in entry:
                        day = entry["deceasedDateTime"][:10]
                        self.tables["death"].append(ids | {"death_date": day})
                case "Condition":
                    state = entry["clinicalStatus"]["coding"][0]["code"]
                    resolved = ("Condition Status", "r", "Resolved condition")
                    self.tables["condition_occurrence"].append(ids | {
                        "condition_occurrence_id": key,
                        "condition_concept_id": self.concept(entry["code"]),
                        "condition_start_date": entry["onsetDateTime"][:10],
                        "condition_end_date": entry.get("abatementDateTime", "")[:10],
                        "condition_status_concept_id": self.concepts.setdefault(
                            resolved, len(self.concepts) + 1) if state == "resolved" else 0,
                    })  # fmt: skip
                case "MedicationRequest":
                    start = entry["authoredOn"][:10]
                    self.tables["drug_exposure"].append(ids | {
                        "drug_exposure_id": key,
                        "drug_concept_id": self.concept(entry["medicationCodeableConcept"]),
                        "drug_exposure_start_date": start,
                        "drug_exposure_end_date": far if entry["status"] == "active" else start,
                    })  # fmt: skip
                case "AllergyIntolerance":
                    self.tables["observation"].append(ids | {
                        "observation_id": key,
                        "observation_concept_id": self.concept(entry["code"]),
                        "observation_date": entry["recordedDate"][:10],
                    })  # fmt: skip
                case "Observation":
                    quantity = entry.get("valueQuantity", {})
                    self.tables["measurement"].append(ids | {
                        "measurement_id": key,
                        "measurement_concept_id": self.concept(entry["code"]),
                        "measurement_date": entry["effectiveDateTime"][:10],
                        "value_as_number": quantity.get("value", ""),
                        "value_as_concept_id": self.concept(entry.get("valueCodeableConcept")),
                        "unit_concept_id": self.concept({"coding": [quantity]} if quantity else {}),
                    })  # fmt: skip

    def rows(self) -> Rows:
        concepts = [
            {"concept_id": i, "vocabulary_id": v, "concept_code": c, "concept_name": n}
            for (v, c, n), i in self.concepts.items()
        ]
        return self.tables | {"concept": list[dict[str, object]](concepts)}
