"""A record with every element that may leave and many that may not, and what must never leave."""

import copy
from collections.abc import Iterator
from typing import Any

LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
HL7 = "http://terminology.hl7.org/CodeSystem/"

# One or more of each category of 45 CFR 164.514(b)(2)(i), as they look in records.
CANARIES = {
    "A": ["Zebulon Quackenbush", "Quackenbush^Zebulon"],
    "B": ["17 Larkspur Lane", "Ouzinkie", "99644-0112", "61.5240,-152.4010"],
    "C": ["1931-07-04T05:06:07.089+09:30", "July 4th, 1931", "aged 97 years"],
    "D": ["+1-617-555-0199", "6175550199"],
    "E": ["fax 617.555.0142"],
    "F": ["zeb.quack@larkspur.example"],
    "G": ["078-05-1120", "078051120"],
    "H": ["MRN0048151623"],
    "I": ["HPB-623-42-A"],
    "J": ["ACCT 99-1108-7"],
    "K": ["S99988777", "license MA-4415-C"],
    "L": ["1HGCM82633A004352", "plate 7QRS-881"],
    "M": ["(01)00844588003288(21)SN7Q44192"],
    "N": ["https://hospital.example/patients/4711?name=zq"],
    "O": ["203.0.113.77", "2001:db8::beef:cafe"],
    "P": ["AFIS:whorl:0xDEADC0FFEE"],
    "Q": ["/9j/4AAQSkZJRgABAQEAYABgAAD"],
    "R": ["former president of the State University", "trial no. XJ-99-Q"],
}
ALL_CANARIES = [text for texts in CANARIES.values() for text in texts]


def concept(system: str, code: str, text: str = "in own words") -> dict[str, Any]:
    coding = {"system": system, "version": "2019", "code": code, "display": text}
    return {"coding": [{**coding, "userSelected": True}], "text": text}


def hl7(name: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": f"{HL7}{name}", "code": code, "display": "x"}], "text": "x"}


def quantity(value: float, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}


def patient(number: int = 0, **changes: Any) -> dict[str, Any]:
    """A Patient with an identifier of every kind; ``number`` varies what is ordinary."""
    omb = {"system": "urn:oid:2.16.840.1.113883.6.238", "display": "x"}
    us_core = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
    kinds = ("SS", "MR", "MB", "AN", "DL", "SNO", "XX")
    return {
        "resourceType": "Patient",
        "id": f"p-{number}",
        "meta": {"lastUpdated": "2020-01-01T00:00:00Z", "source": "urn:ward:7", "tag": []},
        "text": {"status": "generated", "div": "<div>call 617</div>"},
        "extension": [
            {
                "url": f"{us_core}race",
                "extension": [
                    {"url": "ombCategory", "valueCoding": {**omb, "code": "2106-3"}},
                    {"url": "text", "valueString": "White, of Ouzinkie"},
                ],
            },
            {
                "url": f"{us_core}ethnicity",
                "extension": [{"url": "ombCategory", "valueCoding": {**omb, "code": "2186-5"}}],
            },
            {"url": "https://hospital.example/mothersMaidenName", "valueString": "Jacobs"},
        ],
        "identifier": [
            {
                "type": {"coding": [{"system": f"{HL7}v2-0203", "code": kind}], "text": kind},
                "system": "urn:hospital",
                "value": f"{kind}-{number}",
                "assigner": {"display": "Clinic of Dr. Jacobs", "reference": "Organization/9"},
            }
            for kind in kinds
        ],
        "name": [{"family": "Jacobs", "given": ["Ann"], "text": "Ann Jacobs"}],
        "telecom": [{"system": s, "value": "x"} for s in ("phone", "fax", "email", "url")],
        "gender": "female",
        "birthDate": "1961-05-06",
        "address": [
            {
                "use": "home",
                "line": ["1 Main Street"],
                "city": "Boston",
                "district": "Suffolk",
                "state": "MA",
                "postalCode": "02139-1234",
                "country": "US",
                "text": "1 Main Street, Boston",
            }
        ],
        "contact": [{"name": {"family": "Jacobs"}, "telecom": [{"system": "email", "value": "y"}]}],
        "photo": [{"contentType": "image/jpeg", "data": "aGVsbG8=", "url": "https://x.example"}],
        "generalPractitioner": [{"reference": "Practitioner/3", "display": "Dr. Jacobs"}],
        "managingOrganization": {"display": "Clinic"},
        "communication": [{"language": {"text": "Sugpiaq"}}],
        **changes,
    }


def entries(number: int = 0) -> list[dict[str, Any]]:
    """One entry of each type that may leave, with everything that may stay in it, and more."""
    about = {"reference": f"Patient/p-{number}", "display": "Ann Jacobs", "type": "Patient"}
    extra = {
        "id": f"e-{number}",
        "note": [{"text": "as Ann Jacobs told", "authorString": "Dr. Jacobs"}],
        "identifier": [{"system": "urn:order", "value": f"order-{number}"}],
        "encounter": {"reference": f"Encounter/{number}", "display": "Ward 7"},
        "extension": [{"url": "https://hospital.example/x", "valueString": "MRN 1"}],
    }
    dosage = {
        "sequence": 1,
        "text": "one for Ann in the morning",
        "timing": {
            "repeat": {
                "boundsPeriod": {"start": "2018-03-01", "end": "2018-04-01"},
                "frequency": 1,
                "period": 1,
                "periodUnit": "d",
            }
        },
        "asNeededBoolean": False,
        "route": concept(SNOMED, "26643006"),
        "doseAndRate": [{"type": hl7("dose-rate-type", "ordered"), "doseQuantity": {"value": 1}}],
    }
    component = {
        "code": concept(LOINC, "8480-6"),
        "valueQuantity": quantity(121.4567, "mm[Hg]"),
        "interpretation": [hl7("v3-ObservationInterpretation", "N")],
    }
    return [
        {
            "resourceType": "Condition",
            **extra,
            "clinicalStatus": hl7("condition-clinical", "active"),
            "verificationStatus": hl7("condition-ver-status", "confirmed"),
            "category": [hl7("condition-category", "problem-list-item")],
            "severity": concept(SNOMED, "24484000"),
            "code": concept(SNOMED, "44054006"),
            "bodySite": [concept(SNOMED, "113331007")],
            "subject": about,
            "onsetDateTime": "2012-05-06T07:08:09Z",
            "recordedDate": "2012-05-16",
            "recorder": {"display": "Dr. Jacobs"},
            "evidence": [{"detail": [{"reference": "DocumentReference/1"}]}],
        },
        {
            "resourceType": "MedicationRequest",
            **extra,
            "status": "active",
            "intent": "order",
            "contained": [
                {
                    "resourceType": "Medication",
                    "id": "m",
                    "code": concept(RXNORM, "860975"),
                    "batch": {"lotNumber": "LOT-1"},
                },
                {"resourceType": "Practitioner", "id": "d", "name": [{"text": "Dr. Jacobs"}]},
            ],
            "medicationReference": {"reference": "#m", "display": "metformin"},
            "subject": about,
            "authoredOn": "2018-03-01",
            "requester": {"reference": "Practitioner/3", "display": "Dr. Jacobs"},
            "reasonCode": [concept(SNOMED, "44054006")],
            "dosageInstruction": [dosage],
            "dispenseRequest": {
                "validityPeriod": {"start": "2018-03-01"},
                "numberOfRepeatsAllowed": 3,
                "expectedSupplyDuration": quantity(30, "d"),
                "performer": {"display": "Pharmacy of Ouzinkie"},
            },
        },
        {
            "resourceType": "MedicationStatement",
            **extra,
            "status": "active",
            "medicationCodeableConcept": concept(RXNORM, "197361"),
            "subject": about,
            "effectivePeriod": {"start": "2019-01-01", "end": "2019-02"},
            "dateAsserted": "2019",
            "informationSource": {"display": "her daughter"},
            "dosage": [dosage],
        },
        {
            "resourceType": "AllergyIntolerance",
            **extra,
            "clinicalStatus": hl7("allergyintolerance-clinical", "active"),
            "verificationStatus": hl7("allergyintolerance-verification", "confirmed"),
            "type": "allergy",
            "category": ["medication"],
            "criticality": "high",
            "code": concept(SNOMED, "91936005"),
            "patient": about,
            "recordedDate": "2001-01-01",
            "reaction": [
                {
                    "substance": concept(SNOMED, "373270004"),
                    "manifestation": [concept(SNOMED, "271807003")],
                    "severity": "severe",
                    "description": "after the wedding in Ouzinkie",
                }
            ],
        },
        {
            "resourceType": "Observation",
            **extra,
            "status": "final",
            "category": [hl7("observation-category", "vital-signs")],
            "code": concept(LOINC, "85354-9"),
            "subject": about,
            "effectiveInstant": "2020-02-03T04:05:06Z",
            "issued": "2020-02-03T04:05:06.789Z",
            "performer": [{"display": "Dr. Jacobs"}],
            "device": {"reference": "Device/1", "display": "SN 1"},
            "component": [component],
        },
        {
            "resourceType": "Observation",
            **extra,
            "id": f"h-{number}",
            "status": "final",
            "code": concept(LOINC, "8302-2"),
            "subject": about,
            "effectiveDateTime": "2020-02-03",
            "valueQuantity": quantity(171.23456 + number % 7, "cm"),
        },
        {
            "resourceType": "Observation",
            **extra,
            "id": f"s-{number}",
            "status": "final",
            "code": concept(LOINC, "72166-2"),
            "subject": about,
            "effectivePeriod": {"start": "2020-02-03"},
            "valueCodeableConcept": concept(SNOMED, "266919005"),
        },
    ]


def record(number: int = 0, **changes: Any) -> list[dict[str, Any]]:
    """A patient's whole record."""
    return [patient(number, **changes), *entries(number)]


def with_each_text_replaced(resource: dict[str, Any], text: str) -> Iterator[dict[str, Any]]:
    """Copies of a resource: in each, another string is ``text``, or another key is."""
    for path in _paths(resource):
        if path == ("resourceType",):
            continue
        changed: Any = copy.deepcopy(resource)
        around = changed
        for step in path[:-1]:
            around = around[step]
        if isinstance(around[path[-1]], str):
            around[path[-1]] = text
            yield changed
        if isinstance(path[-1], str):
            renamed: Any = copy.deepcopy(resource)
            around = renamed
            for step in path[:-1]:
                around = around[step]
            around[text] = around.pop(path[-1])
            yield renamed


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths(inner, (*path, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _paths(inner, (*path, place))
