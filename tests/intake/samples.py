"""FHIR R4 resources as small as they can be; keywords replace or add fields, None removes one."""

import json
from pathlib import Path
from typing import Any

from kg.graph import Graph
from tests.graphs import make_graph

Json = dict[str, Any]

SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
LOINC = "http://loinc.org"

METFORMIN, WARFARIN, ASPIRIN = "DRUGBANK:DB00331", "DRUGBANK:DB00682", "DRUGBANK:DB00945"
OXYCODONE, ACETAMINOPHEN = "DRUGBANK:DB00497", "DRUGBANK:DB00316"
AMOXICILLIN, PENICILLINS = "DRUGBANK:DB01060", "NDFRT:N0000011281"
DIABETES, HYPERTENSION = "DOID:9352", "DOID:10763"
CYP2D6, CYP2C19 = "NCBIGene:1565", "NCBIGene:1557"


def small_graph() -> Graph:
    """Seven drugs, a class, two diseases, two genes."""
    return make_graph(
        {
            "Drug": {
                METFORMIN: "Metformin",
                WARFARIN: "Warfarin",
                ASPIRIN: "Acetylsalicylic acid",
                OXYCODONE: "Oxycodone",
                ACETAMINOPHEN: "Acetaminophen",
                AMOXICILLIN: "Amoxicillin",
                "DRUGBANK:DB00641": "Simvastatin",
            },
            "DrugClass": {PENICILLINS: "Penicillins"},
            "Disease": {DIABETES: "type 2 diabetes mellitus", HYPERTENSION: "hypertension"},
            "Gene": {CYP2D6: "CYP2D6", CYP2C19: "CYP2C19"},
        },
        {},
        [
            (ASPIRIN, "synonym", "aspirin"),
            (METFORMIN, "product", "RXNORM:860975"),
            (DIABETES, "code", "SNOMEDCT:44054006"),
            (HYPERTENSION, "broader-code", "SNOMEDCT:59621000"),
            (OXYCODONE, "product", "Percocet"),
            (ACETAMINOPHEN, "product", "Percocet"),
        ],
    )


def concept(code: str, display: str, system: str = SNOMED) -> Json:
    return {"coding": [{"system": system, "code": code, "display": display}]}


def patient(**fields: object) -> Json:
    identifier = [{"system": "urn:mrn", "value": "ada-1"}]
    return _made("Patient", {"id": "p1", "identifier": identifier}, fields)


def condition(**fields: object) -> Json:
    base = {
        "id": "c1",
        "clinicalStatus": concept("active", ""),
        "code": concept("44054006", "Diabetes mellitus type 2 (disorder)"),
        "subject": {"reference": "Patient/p1"},
    }
    return _made("Condition", base, fields)


def request(**fields: object) -> Json:
    base = {
        "id": "m1",
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": concept("860975", "metformin 500 MG Oral Tablet", RXNORM),
        "subject": {"reference": "Patient/p1"},
    }
    return _made("MedicationRequest", base, fields)


def drug_text(text: str) -> Json:
    return {"coding": [{"system": RXNORM, "code": "0", "display": text}]}


def statement(**fields: object) -> Json:
    base = {
        "id": "s1",
        "status": "active",
        "medicationCodeableConcept": drug_text("Warfarin"),
        "subject": {"reference": "Patient/p1"},
    }
    return _made("MedicationStatement", base, fields)


def medication(**fields: object) -> Json:
    return _made("Medication", {"id": "med1", "code": drug_text("Warfarin")}, fields)


def allergy(**fields: object) -> Json:
    base = {
        "id": "a1",
        "clinicalStatus": concept("active", ""),
        "verificationStatus": concept("confirmed", ""),
        "category": ["medication"],
        "code": concept("294505008", "Allergy to amoxicillin"),
        "patient": {"reference": "Patient/p1"},
    }
    return _made("AllergyIntolerance", base, fields)


def observation(code: str, /, **fields: object) -> Json:
    base = {
        "id": "o1",
        "status": "final",
        "code": concept(code, "", LOINC),
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2024-05-01T10:00:00+02:00",
    }
    return _made("Observation", base, fields)


def bundle(*resources: object, kind: str = "collection") -> Json:
    entries = [{"resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def written(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def _made(kind: str, base: Json, fields: dict[str, Any]) -> Json:
    merged = {"resourceType": kind, **base, **fields}
    return {key: value for key, value in merged.items() if value is not None}
