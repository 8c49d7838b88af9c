"""A small record, and the few things most storage tests do with a store."""

import base64
import json
import os
from pathlib import Path
from typing import Any

from storage import Database, Identifier, KeyRing

PATIENT = {"resourceType": "Patient", "id": "p-1", "birthDate": "1950-02-03"}
CONDITION = {"resourceType": "Condition", "code": {"text": "糖尿病"}, "onsetAge": {"value": 1.5}}
RECORD: list[dict[str, Any]] = [PATIENT, CONDITION]
NUMBER = Identifier("urn:hospital", "MRN-1")


def store(
    database: Database, resources: list[dict[str, Any]], identifiers: list[Identifier]
) -> str:
    """Add a patient in a unit of its own."""
    with database.unit("importer", purpose="test") as unit:
        patient_id = unit.patients.add(resources, identifiers)
        unit.commit()
    return patient_id


def read(database: Database, patient_id: str) -> tuple[dict[str, Any], ...]:
    """Read a patient in a unit of its own."""
    with database.unit("dr.lee", purpose="treatment") as unit:
        record = unit.patients.get(patient_id)
        unit.commit()
    return record.resources


def outcomes(database: Database) -> list[tuple[str, str]]:
    """(action, outcome) of every entry."""
    return [(entry.action, entry.outcome) for entry in database.audit_log(1000)]


def add_key(path: Path) -> KeyRing:
    """Give the ring at ``path`` a second key-encryption key, and make it primary."""
    document = json.loads(path.read_text())
    key = base64.b64encode(os.urandom(32)).decode()
    document["key_encryption_keys"].append({"version": 2, "created": "2031", "key": key})
    document["primary"] = 2
    path.write_text(json.dumps(document))
    return KeyRing.open(path)
