"""A day of a store in which everything a person could say is a canary, in a process of its own.

Run as ``python -m tests.storage.canary_job FOLDER N LOCATION END``; END says how the process ends:
``return``, ``raise`` (an uncaught exception inside a unit), ``abort`` (a fatal signal there, with
the fault handler on). It logs everything at DEBUG to FOLDER/log.txt.
"""

import base64
import faulthandler
import gzip
import logging
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from storage import Database, Identifier, InvalidRecordError, KeyRing, StorageError
from storage.backup import create_backup
from storage.rotation import rotate
from tests.storage.canaries import Canary, canaries

OWNER = "owner"
PER_PATIENT = 20


def patients(sought: list[Canary]) -> Iterator[tuple[list[dict[str, Any]], list[Identifier]]]:
    """Records that hold all of ``sought``: in names, codes, notes, keys, attachments, links."""
    for start in range(0, len(sought), PER_PATIENT):
        texts = [canary.text for canary in sought[start : start + PER_PATIENT]]
        named, coded, noted, keyed, linked = (texts[i::5] for i in range(5))
        everything = "\n".join(texts).encode()
        yield (
            [
                {
                    "resourceType": "Patient",
                    "id": named[0],
                    "name": [{"family": name, "given": [name]} for name in named],
                },
                {
                    "resourceType": "Condition",
                    "code": {"coding": [{"system": c, "code": c, "display": c} for c in coded]},
                    "note": [{"text": text} for text in noted],
                    **{key: {key: 1} for key in keyed},
                },
                {
                    "resourceType": "DocumentReference",
                    "content": [
                        {"data": base64.b64encode(everything).decode()},
                        {"data": base64.b64encode(gzip.compress(everything, mtime=0)).decode()},
                    ],
                },
            ],
            [Identifier(f"urn:{text}", text) for text in linked],
        )


def refused(operation: Callable[[], object]) -> None:
    """Do what must be refused, and log the refusal as a program would."""
    try:
        operation()
    except StorageError as error:
        logging.getLogger("canary").warning("refused: %s %r", error, error, exc_info=True)
    else:
        raise AssertionError(f"{operation} was not refused")


def live(database: Database, sought: list[Canary]) -> str:
    """Import, read, recommend, refuse, fail; returns one patient's id."""
    ids = []
    for resources, identifiers in patients(sought):
        with database.unit(OWNER, purpose="treatment") as unit:
            ids.append(unit.patients.add(resources, identifiers))
            unit.patients.put_suggestion(ids[-1], {"drug": resources})
            unit.commit()
    reader = database.reading(OWNER, purpose="treatment")
    for patient, (resources, identifiers) in zip(ids, patients(sought), strict=True):
        assert list(reader.get(patient).resources) == resources
        assert reader.find(*identifiers[0]) == patient
    assert reader.suggestions(ids[0])
    for canary in sought[:PER_PATIENT]:
        refuse(database, ids[0], canary.text)
    fail(database, ids[1], sought)
    amended, identifiers = next(iter(patients(sought)))
    with database.unit(OWNER, purpose="treatment") as unit:
        assert unit.patients.add(amended, identifiers, merge=list) == ids[0]
        unit.commit()
    oversee(database, ids, sought)
    with database.unit(OWNER, purpose="request") as unit:
        unit.patients.erase(ids[2])
        unit.commit()
    return ids[0]


def oversee(database: Database, ids: list[str], sought: list[Canary]) -> None:
    """Emergency accesses, consent, a backup, new keys."""
    with database.unit(OWNER, purpose="emergency") as unit:
        for patient, canary in zip(ids, sought, strict=False):
            unit.emergencies.open(patient, canary.text, minutes=5)
        unit.commit()
    with database.unit(OWNER, purpose="request") as unit:
        unit.consents.say(ids[0], {"research": "deny"})
        unit.commit()
    for says in ({sought[0].text: "deny"}, {"research": sought[0].text}):
        refused(partial(_say, database, ids[0], says))
    with database.unit(OWNER, purpose="audit") as unit:
        assert len(unit.emergencies.list()) == min(len(ids), len(sought))
        unit.commit()
    create_backup(database, database.ring.folder.parent / "backup", actor=OWNER)
    rotate(database, OWNER)


def refuse(database: Database, patient: str, text: str) -> None:
    """Texts where an id, an actor, a purpose or a type belongs."""
    reader = database.reading(OWNER, purpose="treatment")
    refused(lambda: reader.get(text))
    refused(lambda: reader.suggestion(text))
    refused(lambda: reader.suggestions(text))
    refused(lambda: reader.find(text, text + "?"))
    refused(lambda: reader.find(" ", text))
    refused(lambda: _unit(database, text + "\n", "treatment", lambda unit: None))
    refused(lambda: _unit(database, OWNER, text + "\0", lambda unit: None))
    refused(lambda: database.reading(OWNER, purpose=text).get(patient))
    refused(
        lambda: _unit(
            database,
            OWNER,
            "emergency",
            lambda unit: unit.emergencies.open(patient, text, minutes=-1),
        )
    )
    for document in (
        {"resourceType": text + "!"},
        {text: text},
        {"resourceType": "Patient", "x": float("nan"), "y": text},
        {"resourceType": "Patient", "x": {text}},
        {"resourceType": "Patient", "x": b"\xff" + text.encode()},
    ):
        refused(partial(_add, database, document))
    if text.isascii() and text.isalpha():  # a word, but no resource's
        _add(database, {"resourceType": text})
    refused(lambda: _suggest(database, patient, {"x": {text}}))


def _unit(database: Database, actor: str, purpose: str, do: Callable[[Any], object]) -> None:
    with database.unit(actor, purpose=purpose) as unit:
        do(unit)
        unit.commit()


def _add(database: Database, document: dict[str, Any]) -> None:
    _unit(database, OWNER, "treatment", lambda unit: unit.patients.add([document]))


def _say(database: Database, patient: str, says: dict[str, str]) -> None:
    _unit(database, OWNER, "request", lambda unit: unit.consents.say(patient, says))


def _suggest(database: Database, patient: str, document: dict[str, Any]) -> None:
    _unit(
        database, OWNER, "treatment", lambda unit: unit.patients.put_suggestion(patient, document)
    )


def fail(database: Database, patient: str, sought: list[Canary]) -> None:
    """Imports that fail: two patients' identifiers, a merge that refuses, a rollback."""
    (_, one), (_, other), *_ = patients(sought)
    text = sought[0].text
    refused(
        lambda: _unit(
            database,
            OWNER,
            "treatment",
            lambda unit: unit.patients.add([{"resourceType": "Patient", "id": text}], one + other),
        )
    )

    def merge(stored: object) -> list[dict[str, Any]]:
        raise InvalidRecordError("the merge refuses")

    refused(
        lambda: _unit(
            database,
            OWNER,
            "treatment",
            lambda unit: unit.patients.add([{"resourceType": "Patient"}], one, merge=merge),
        )
    )
    try:
        with database.unit(OWNER, purpose="treatment") as unit:
            unit.patients.add([{"resourceType": "Patient", "id": text}])
            raise ZeroDivisionError
    except ZeroDivisionError:
        logging.getLogger("canary").exception("a unit failed")


def crash(database: Database, patient: str, sought: list[Canary], end: str) -> None:
    """End the process badly with plaintext in its hands."""
    resources, _ = next(iter(patients(sought)))
    with database.unit(OWNER, purpose="treatment") as unit:
        record = unit.patients.get(patient)
        unit.patients.add(resources)
        if end == "abort":
            os.abort()
        raise RuntimeError(f"uncaught with {record!r} and {unit!r} of {database!r} in hand")


def main(folder: Path, n: int, location: str, end: str) -> None:
    faulthandler.enable()
    logging.basicConfig(
        filename=folder / "log.txt", level=logging.DEBUG, format="%(name)s %(message)s"
    )
    for name in ("sqlalchemy.engine", "sqlalchemy.pool", "sqlalchemy.orm", "psycopg"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    sought = canaries(n)
    ring = KeyRing.create(folder / "keys" / "ring.json")
    with Database.create(location or folder / "patients.db", ring, owner=OWNER) as database:
        patient = live(database, sought)
        if end == "return":
            database.verify_audit()
            print("open", flush=True)
            sys.stdin.readline()  # so that the files can be looked at while they are in use
        else:
            crash(database, patient, sought, end)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])
