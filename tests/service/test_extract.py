"""The de-identified extract: from a sealed store to a folder, whole or not at all."""

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import service.extract
from intake import read_patients
from intake.deidentify import NotAnonymousError
from kg.graph import Graph
from service.cohorts import CohortBuilder
from service.errors import SettingsError
from service.extract import ExtractReport, create_extract
from storage import (
    AccessDeniedError,
    AuditEntry,
    Database,
    KeyRing,
    StoreBusyError,
    StoreUnavailableError,
)
from tests.intake.deidentify_samples import ALL_CANARIES, record, with_each_text_replaced
from tests.storage.stores import ACTORS, OWNER, admit, erase, office, store

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    ring = KeyRing.create(tmp_path / "keys" / "ring.json")
    place = tmp_path / "patients.db"
    with Database.create(place, ring, owner=OWNER, clock=lambda: NOW) as opened:
        admit(opened, ACTORS)
        yield opened


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "for analysts" / "extract"


def fill(database: Database, n_patients: int, **changes: Any) -> list[str]:
    return [store(database, record(number, **changes), []) for number in range(n_patients)]


def extract(database: Database, out: Path, **options: Any) -> ExtractReport:
    return create_extract(database, out, actor="analyst", now=NOW, **options)


def deny(database: Database, patient_id: str) -> None:
    with database.unit("officer", purpose="request") as unit:
        unit.consents.say(patient_id, {"research": "deny"})
        unit.commit()


def log(database: Database) -> list[AuditEntry]:
    """The entries about extracting and listing."""
    entries = office(database).audit_log(10_000)
    return [e for e in entries if e.action in ("extract.create", "patient.list")]


def resources(out: Path) -> list[dict[str, Any]]:
    lines = [line for path in out.glob("*.ndjson") for line in path.read_text().splitlines()]
    return list(map(json.loads, lines))


def leftovers(out: Path) -> list[Path]:
    return list(out.parent.iterdir()) if out.parent.exists() else []


def test_an_extract_is_a_closed_folder_of_ndjson_with_manifest_and_report(
    database: Database, out: Path
) -> None:
    fill(database, 12)

    report = extract(database, out)

    names = {path.name for path in out.iterdir()}
    types = ["AllergyIntolerance", "Condition", "Medication", "MedicationRequest",
             "MedicationStatement", "Observation", "Patient"]  # fmt: skip
    expected = {"manifest.json", "report.json", "report.txt", *(f"{t}.ndjson" for t in types)}
    assert names == expected
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in out.iterdir()} == {0o600}
    assert leftovers(out) == [out]
    manifest = json.loads((out / "manifest.json").read_text())
    assert [(o["type"], o["count"]) for o in manifest["output"]] == [
        (t, 36 if t == "Observation" else 12) for t in types
    ]
    for listed in manifest["output"]:
        content = (out / listed["url"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == listed["sha256"]
        assert content.count(b"\n") == listed["count"]
    assert json.loads((out / "report.json").read_text()) == report.contents
    assert report.contents["smallest_class"] == report.contents["checked"]["smallest_class"] == 12
    assert json.loads(json.dumps(report.to_json()))["patients_written"] == 12
    assert "12 patients in classes of 12" in report.line()


def test_every_patient_read_and_the_manifest_are_in_the_audit_log(
    database: Database, out: Path
) -> None:
    patients = fill(database, 12)

    report = extract(database, out)

    entries = log(database)
    assert {(e.actor, e.purpose, e.outcome) for e in entries} == {("analyst", "research", "ok")}
    assert [e.action for e in entries] == ["patient.list", *["extract.create"] * 13]
    assert [e.subject for e in entries[1:13]] == patients
    assert (entries[13].subject, entries[13].detail) == ("", report.manifest)
    digest = hashlib.sha256((out / "manifest.json").read_bytes()).hexdigest()
    assert digest == report.manifest
    database.verify_audit()


@pytest.mark.parametrize("dates", ["shift", "year"])
def test_no_canary_is_in_any_byte_of_the_folder(database: Database, out: Path, dates: Any) -> None:
    for number in range(12):
        resources = record(number)
        planted = [
            changed
            for entry in resources
            if entry["resourceType"] != "Patient"
            for changed in with_each_text_replaced(entry, ALL_CANARIES[number])
        ][number::7]
        store(database, [*resources, *planted], [])

    extract(database, out, dates=dates)

    written = b"\0".join(path.read_bytes() for path in out.iterdir())
    names = "\0".join(path.name for path in out.iterdir())
    for text in [*ALL_CANARIES, "Jacobs", "Ouzinkie", "order-", "Ward 7", "p-1", "Main Street"]:
        assert text.encode() not in written
        assert text not in names


def test_patients_who_deny_research_are_left_out_and_counted(database: Database, out: Path) -> None:
    patients = fill(database, 13)
    deny(database, patients[4])

    report = extract(database, out)

    assert report.denied == report.contents["patients_denied"] == 1
    assert report.contents["patients_written"] == 12
    refused = [e.subject for e in log(database) if e.outcome == "AccessDeniedError"]
    assert refused == [patients[4]]


def test_denials_that_leave_fewer_than_k_stop_the_extract(database: Database, out: Path) -> None:
    patients = fill(database, 11)
    deny(database, patients[0])

    with pytest.raises(NotAnonymousError, match="10 patients"):
        extract(database, out)

    assert not leftovers(out)


@pytest.mark.parametrize("n_patients", [0, 10])
def test_a_store_with_fewer_patients_than_k_is_refused_before_any_is_opened(
    database: Database, out: Path, n_patients: int
) -> None:
    fill(database, n_patients)

    with pytest.raises(NotAnonymousError, match=f"{n_patients} patients that may leave; k = 11"):
        extract(database, out)

    assert not leftovers(out)
    assert [e.action for e in log(database)] == ["patient.list"]


def test_an_unusable_record_is_named_and_the_others_are_extracted(
    database: Database, out: Path
) -> None:
    fill(database, 12)
    broken = store(database, record(50)[1:], [])

    report = extract(database, out)

    assert list(report.failed) == [broken]
    assert "0 Patient" in report.failed[broken]
    assert not report.is_whole
    assert report.contents["patients_written"] == 12
    assert broken not in (out / "report.json").read_text()


def test_only_who_may_extract_gets_one(database: Database, out: Path) -> None:
    fill(database, 12)

    for actor in ("dr.lee", "officer", "importer", "nobody"):
        with pytest.raises(AccessDeniedError):
            create_extract(database, out, actor=actor, now=NOW)

    assert not leftovers(out)


def test_who_is_no_analyst_any_more_at_the_end_gets_none(database: Database, out: Path) -> None:
    fill(database, 14)

    def revoke(n_read: int) -> None:
        if n_read == 12:
            with database.unit(OWNER, purpose="administration") as unit:
                unit.actors.revoke("analyst")
                unit.commit()

    with pytest.raises(AccessDeniedError):
        extract(database, out, progress=revoke)

    assert not leftovers(out)


def test_an_extract_is_discarded_if_somebody_is_erased_while_it_is_written(
    database: Database, out: Path
) -> None:
    ids = fill(database, 30)

    def erase_the_first(n_read: int) -> None:
        if n_read == 20:
            erase(database, ids[0])

    with pytest.raises(StoreBusyError, match="was erased while"):
        extract(database, out, progress=erase_the_first)

    assert leftovers(out) == []


def test_nothing_appears_where_the_entry_cannot_be_written(
    database: Database, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database, 12)
    record = database.record

    def fail(actor: str, purpose: str, action: str, **rest: Any) -> AuditEntry:
        if action == "extract.create" and not rest["subject"]:
            raise StoreUnavailableError("the disk is full")
        return record(actor, purpose, action, **rest)

    monkeypatch.setattr(database, "record", fail)

    with pytest.raises(StoreUnavailableError):
        extract(database, out)
    assert not leftovers(out)


@pytest.mark.parametrize("fails", ["check", "_write", "_place", "to_text"])
def test_nothing_appears_where_anything_fails(
    database: Database, out: Path, fails: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database, 12)

    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(service.extract, fails, fail)

    with pytest.raises(SettingsError, match="No space left on device"):
        extract(database, out)
    assert not leftovers(out)


def test_a_place_that_is_taken_and_a_small_k_are_refused_at_once(
    database: Database, out: Path
) -> None:
    out.mkdir(parents=True)

    with pytest.raises(SettingsError, match="exists already"):
        extract(database, out)
    with pytest.raises(SettingsError, match="k is 10; it must be 11 or more"):
        extract(database, out.with_name("new"), k=10)

    assert not log(database)


def test_a_place_that_cannot_be_made_is_refused(database: Database, tmp_path: Path) -> None:
    fill(database, 12)
    (tmp_path / "file").write_text("")

    with pytest.raises(SettingsError, match="cannot be written"):
        extract(database, tmp_path / "file" / "below")


def test_two_extracts_of_one_store_have_no_id_and_no_shift_in_common(
    database: Database, out: Path
) -> None:
    fill(database, 30)

    extract(database, out)
    extract(database, out.with_name("second"))

    first, second = resources(out), resources(out.with_name("second"))
    assert len(first) == len(second)
    assert not {r["id"] for r in first} & {r["id"] for r in second}
    onsets = [
        sorted(r["onsetDateTime"] for r in found if r["resourceType"] == "Condition")
        for found in (first, second)
    ]
    assert onsets[0] != onsets[1]
    assert len(set(onsets[0])) > 15


def test_an_extract_reads_as_patients_that_can_be_learnt_from(
    database: Database, out: Path, starter: Graph
) -> None:
    fill(database, 12)
    whole, told = CohortBuilder(starter, "whole"), CohortBuilder(starter, "told")
    for number in range(12):
        whole.add(record(number))

    extract(database, out)

    bundles = list(read_patients(sorted(out.glob("*.ndjson"))))
    for bundle in bundles:
        assert not bundle.problems
        told.add(bundle.resources)
    assert len(bundles) == 12
    before, after = whole.build(), told.build()
    assert after.condition_code.tolist() == before.condition_code.tolist()
    assert len(after.order_drug) == len(before.order_drug) > 0
    assert sorted(after.order_drug.tolist()) == sorted(before.order_drug.tolist())
    assert after.sex.tolist() == before.sex.tolist()


def test_a_killed_extract_leaves_no_folder_of_the_name(
    database: Database, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database, 12)

    class KilledError(BaseException):
        pass

    def kill(*_: Any) -> None:
        raise KilledError

    place: Callable[..., None] = kill
    monkeypatch.setattr(os, "fsync", place)

    with pytest.raises(KilledError):
        extract(database, out)
    assert not out.exists()
