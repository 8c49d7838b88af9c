"""`store`: what a store is, bringing it up to date, and one on PostgreSQL."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.service.test_cli_backup import ids
from tests.shell import ROOT, run
from tests.storage.conftest import place, server  # noqa: F401
from tests.storage.old_stores import put_old_store
from tests.storage.server import Place

PATIENTS = sorted((ROOT / "service" / "demo_patients").glob("*.json"))[:3]


def test_store_status_tells_what_is_there_and_no_patient(clinic: Path) -> None:
    first, *_ = ids(clinic)
    run("patient", "erase", first, "--yes", home=clinic)

    found: dict[str, Any] = run("store", "status", "--json", home=clinic).json

    head = run("audit", "verify", "--json", home=clinic).json
    assert (found["engine"], found["schema"]) == ("sqlite", "0002")
    assert (found["patients"], found["erased"]) == (2, 1)
    assert found["entries"] == head["entries"]
    assert found["bytes_on_disk"] >= (clinic / "patients.db").stat().st_size
    shown = run("store", "status", home=clinic).out
    assert str(clinic / "patients.db") in shown
    assert "patients: 2\n" in shown
    assert first not in shown


def test_the_location_of_a_store_is_shown_without_its_password(clinic: Path) -> None:
    url = "postgresql+psycopg://ada:hush@127.0.0.1:1/store"

    error = run("store", "status", home=clinic, STORE=url).error

    assert "127.0.0.1" in error
    assert "hush" not in error


def test_a_store_of_the_first_schema_is_told_and_migrated(tmp_path: Path) -> None:
    put_old_store(str(tmp_path / "patients.db"))
    (tmp_path / "keys").mkdir(mode=0o700)
    ring = tmp_path / "keys" / "ring.json"
    shutil.copy(ROOT / "tests" / "storage" / "stores_v1" / "ring.json", ring)
    ring.chmod(0o600)

    before = run("store", "status", "--json", home=tmp_path).json
    assert (before["schema"], before["patients"]) == ("0001", None)
    assert "store migrate" in run("patient", "list", home=tmp_path).error

    migrated = run("store", "migrate", "--json", home=tmp_path, ACTOR="owner").json

    assert migrated == {"from": "0001", "to": "0002"}
    after = run("store", "status", "--json", home=tmp_path).json
    assert after["patients"] > 0
    assert run("audit", "verify", home=tmp_path).status == 0
    last = run("audit", "log", "-n", "1", "--json", home=tmp_path, ACTOR="owner").json[0]
    assert last["action"] == "store.migrate"
    assert "up to date" in run("store", "migrate", home=tmp_path, ACTOR="owner").out


def test_without_a_store_there_is_no_status(tmp_path: Path) -> None:
    run("keys", "init", home=tmp_path)

    assert "`patient import` makes one" in run("store", "status", home=tmp_path).error
    assert "no patient store" in run("store", "migrate", home=tmp_path).error


def test_everything_goes_on_postgresql_as_well(place: Place, tmp_path: Path) -> None:  # noqa: F811
    home, backup = tmp_path / "home", tmp_path / "backup"

    def there(*words: str | Path) -> Any:
        return run(*words, "--json", home=home, STORE=place.url, ACTOR="owner").json

    run("keys", "init", home=home)
    imported = there("patient", "import", *PATIENTS)["patients"]
    there("actor", "grant", "dr.lee", "clinician")
    there("keys", "rotate", "--data-keys")
    there("backup", "create", backup)
    there("patient", "erase", imported[0], "--yes")

    found = there("store", "status")
    assert (found["engine"], found["patients"], found["erased"]) == ("postgresql", 2, 1)
    assert found["bytes_on_disk"] is None
    assert ids(home, STORE=place.url, ACTOR="dr.lee") == imported[1:]
    assert there("audit", "verify")["whole"]
    assert not (home / "patients.db").exists()
    restored = run("backup", "restore", backup, "--json", home=home, ACTOR="owner").json
    assert restored["erased_again"] == 1
    assert ids(home, ACTOR="dr.lee") == imported[1:]


def test_a_store_that_is_gone_is_not_made_anew_in_silence(
    clinic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.patients.sleep", lambda _: None)
    files = list((ROOT / "service" / "demo_patients").glob("*.json"))[:1]
    for file in clinic.glob("patients.db*"):
        file.unlink()

    outcome = run("patient", "import", *files, home=clinic, ACTOR="svc")

    assert "restore it from a backup, or make a new, empty one" in outcome.error
    assert not (clinic / "patients.db").exists()
    assert run("store", "create", "--json", home=clinic, ACTOR="sam").json["owner"] == "sam"
    assert "none is overwritten" in run("store", "create", home=clinic).error
    assert run("audit", "verify", home=clinic).status == 0


def test_no_store_is_made_anew_where_patients_were_erased(clinic: Path) -> None:
    patient = run("patient", "list", "--json", home=clinic).json[0]["id"]
    run("patient", "erase", patient, "--yes", home=clinic)
    for file in clinic.glob("patients.db*"):
        file.unlink()

    assert "names 1 erasures" in run("store", "create", home=clinic).error


def test_a_folder_is_not_taken_for_a_store(clinic: Path, tmp_path: Path) -> None:
    assert "is a folder" in run("patient", "list", home=clinic, STORE=str(tmp_path)).error
