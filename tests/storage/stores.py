"""A small record, and the few things most storage tests do with a store."""

from typing import Any

from storage import AuditEntry, Database, Identifier, PatientReader
from storage.actors import grant

PATIENT = {"resourceType": "Patient", "id": "p-1", "birthDate": "1950-02-03"}
CONDITION = {"resourceType": "Condition", "code": {"text": "糖尿病"}, "onsetAge": {"value": 1.5}}
RECORD: list[dict[str, Any]] = [PATIENT, CONDITION]
NUMBER = Identifier("urn:hospital", "MRN-1")
OWNER = "owner"
ACTORS = {
    "dr.lee": ["clinician"],
    "dr.fox": ["clinician"],
    "importer": ["service"],
    "recommender": ["service"],
    "officer": ["security-officer"],
    "analyst": ["analyst"],
}


def admit(database: Database, actors: dict[str, list[str]]) -> None:
    """Let these actors in, without entries about it: tests count from the one of the creation."""
    with database.unit(OWNER, purpose="administration") as unit:
        for name, roles in actors.items():
            now = unit.audit.now()
            grant(unit.state, name, roles, until=None, by=OWNER, now=now)
        unit.commit()


def store(
    database: Database, resources: list[dict[str, Any]], identifiers: list[Identifier]
) -> str:
    """Add a patient in a unit of its own."""
    with database.unit("importer", purpose="administration") as unit:
        patient_id = unit.patients.add(resources, identifiers)
        unit.commit()
    return patient_id


def read(database: Database, patient_id: str) -> tuple[dict[str, Any], ...]:
    """Read a patient in a unit of its own."""
    return clinic(database).get(patient_id).resources


def outcomes(database: Database) -> list[tuple[str, str]]:
    """(action, outcome) of every entry since the store was created, as an officer reads them."""
    return [(entry.action, entry.outcome) for entry in entries(database)]


def entries(database: Database) -> list[AuditEntry]:
    """Every entry since the store was created, but for those about reading the log."""
    log = office(database).audit_log(10_000)
    return [entry for entry in log[1:] if entry.action != "audit.read"]


def erase(database: Database, patient_id: str) -> None:
    """Erase a patient in a unit of its own."""
    with database.unit("officer", purpose="request") as unit:
        unit.patients.erase(patient_id)
        unit.commit()


def suggest(database: Database, patient_id: str, *documents: dict[str, Any]) -> list[str]:
    """Store suggestions in a unit of their own."""
    with database.unit("recommender", purpose="treatment") as unit:
        ids = [unit.patients.put_suggestion(patient_id, document) for document in documents]
        unit.commit()
    return ids


def clinic(database: Database) -> PatientReader:
    """Reads as a clinician who treats."""
    return database.reading("dr.lee", purpose="treatment")


def office(database: Database) -> PatientReader:
    """Reads as a security officer who audits."""
    return database.reading("officer", purpose="audit")
