"""`backup` and `patient extract`: what leaves the store, and what comes back of it."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.service.test_cli_store import as_another_person, write
from tests.shell import ROOT, Outcome, run


def ids(home: Path, **environment: str) -> list[str]:
    rows = run("patient", "list", "--json", home=home, **environment).json
    return [row["id"] for row in rows]


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """Where another machine's home is to be."""
    return tmp_path / "bare"


@pytest.fixture
def backup(clinic: Path, tmp_path: Path) -> Path:
    """A backup of the clinic."""
    file = tmp_path / "backup"
    assert run("backup", "create", file, home=clinic).status == 0
    return file


def with_keys_of(home: Path, bare: Path) -> Path:
    """The other machine's home, which has the keys and the erasures as they are now."""
    shutil.rmtree(bare, ignore_errors=True)
    shutil.copytree(home / "keys", bare / "keys")
    return bare


def test_a_backup_says_what_it_holds_and_what_it_does_not(clinic: Path, tmp_path: Path) -> None:
    file = tmp_path / "backup"

    done = run("backup", "create", file, "--json", home=clinic).json

    assert (done["file"], done["bytes"]) == (str(file), file.stat().st_size)
    assert done["patients"] == 3
    head = run("audit", "verify", "--json", home=clinic).json
    entry = run("audit", "log", "-n", "1", "--json", home=clinic).json[0]
    assert (entry["action"], entry["detail"]) == ("backup.create", done["manifest_sha256"])
    assert done["entries"] == head["entries"] - 1
    assert done["audit_entry"] == done["entries"]
    assert "keep both elsewhere" in run("backup", "create", f"{file}-2", home=clinic).out
    assert "never overwritten" in run("backup", "create", file, home=clinic).error


def test_who_is_erased_is_counted_apart(clinic: Path, bare: Path, tmp_path: Path) -> None:
    first, second, _ = ids(clinic)
    run("patient", "erase", first, "--yes", home=clinic)

    made = run("backup", "create", tmp_path / "backup", "--json", home=clinic).json
    shown = run("backup", "create", tmp_path / "again", home=clinic).out
    run("patient", "erase", second, "--yes", home=clinic)
    words = ("backup", "restore", tmp_path / "backup")
    restored = run(*words, "--json", home=with_keys_of(clinic, bare)).json

    assert (made["patients"], made["erased"]) == (3, 1)
    assert "3 patients (1 erased)" in shown
    assert (restored["patients"], restored["erased"], restored["erased_again"]) == (3, 2, 1)
    assert "3 patients (2 erased)" in run(*words, home=with_keys_of(clinic, bare)).out


def test_whom_a_restored_store_never_had_is_not_counted_as_erased(
    clinic: Path, backup: Path, bare: Path, tmp_path: Path
) -> None:
    bundle = json.loads((ROOT / "service" / "demo_patients" / "demo-1.json").read_text())
    file = write(tmp_path / "new.json", as_another_person(bundle))
    (new,) = run("patient", "import", file, "--json", home=clinic).json["patients"]
    run("patient", "erase", new, "--yes", home=clinic)

    restored = run("backup", "restore", backup, "--json", home=with_keys_of(clinic, bare)).json

    assert (restored["patients"], restored["erased"]) == (3, 0)
    status = run("store", "status", "--json", home=bare).json
    assert (status["patients"], status["erased"]) == (3, 0)


def test_who_is_erased_after_a_restore_is_told_of_the_backup_and_of_what_is_not_known(
    clinic: Path, backup: Path, bare: Path
) -> None:
    with_keys_of(clinic, bare)
    run("backup", "restore", backup, home=bare)

    said = run("patient", "erase", ids(bare)[0], "--yes", home=bare).out

    assert "still holds the patient: backup.restore" in said
    assert "backups made after the one that was restored are not in this log" in said
    assert "newest erasures.log" in said


def test_a_service_backs_up_and_only_a_security_officer_restores(
    clinic: Path, bare: Path, tmp_path: Path
) -> None:
    file = tmp_path / "backup"
    assert run("backup", "create", file, home=clinic, ACTOR="import").status == 0
    with_keys_of(clinic, bare)

    assert "not allowed to service" in run(
        "backup", "restore", file, home=bare, ACTOR="import"
    ).error  # fmt: skip
    assert not (bare / "patients.db").exists()
    assert run("backup", "restore", file, home=bare, ACTOR="sam").status == 0


def test_a_bare_machine_with_the_keys_gets_everything_back(
    clinic: Path, backup: Path, bare: Path
) -> None:
    done = run("backup", "restore", backup, "--json", home=with_keys_of(clinic, bare)).json

    assert (done["patients"], done["erased_again"], done["old_keys"]) == (3, 0, [])
    assert ids(bare) == ids(clinic)
    assert run("audit", "verify", home=bare).status == 0


def test_who_was_erased_since_stays_erased_and_only_with_the_file_of_erasures(
    clinic: Path, backup: Path, bare: Path, tmp_path: Path
) -> None:
    first, *others = ids(clinic)
    erasure = run("patient", "erase", first, "--yes", home=clinic).out
    assert "still holds the patient: backup.create" in erasure
    assert "newest erasures.log" in erasure
    head = tmp_path / "head"
    head.write_text("\ufeff" + run("audit", "checkpoint", home=clinic).out, "utf-8")
    words = ("backup", "restore", backup, "--checkpoint", head)

    (with_keys_of(clinic, bare) / "keys" / "erasures.log").unlink()
    assert "erasures" in run(*words, home=bare).error
    assert not (bare / "patients.db").exists()
    with_keys_of(clinic, bare)
    done = run(*words, "--json", home=bare).json

    assert (done["erased_again"], done["lost_entries"] > 0) == (1, True)
    assert ids(bare) == others
    assert "was erased" in run("patient", "consent", first, home=bare).error
    assert run("audit", "verify", home=bare).status == 0


def test_a_store_is_restored_where_it_is_wanted_and_never_over_another(
    clinic: Path, backup: Path, tmp_path: Path
) -> None:
    place = tmp_path / "elsewhere" / "store.db"
    place.parent.mkdir()
    words = ("backup", "restore", backup, "--store", str(place))

    assert run(*words, home=clinic).status == 0

    assert ids(clinic, STORE=str(place)) == ids(clinic)
    assert "never overwritten" in run(*words, home=clinic).error
    assert "never overwritten" in run("backup", "restore", backup, home=clinic).error


def test_another_ring_no_ring_and_a_damaged_backup_are_one_line_each(
    clinic: Path, backup: Path, bare: Path, tmp_path: Path
) -> None:
    words = ("backup", "restore", backup)
    assert "only with the ring of its store" in run(*words, home=bare).error
    run("keys", "init", home=bare)
    assert "store" in run(*words, home=bare).error
    with_keys_of(clinic, bare)
    content = bytearray(backup.read_bytes())
    content[len(content) // 2] ^= 1
    backup.write_bytes(content)
    assert run(*words, home=bare).error
    assert run("backup", "restore", tmp_path / "nowhere", home=bare).error
    assert not (bare / "patients.db").exists()


def test_a_backup_of_a_store_that_somebody_changed_is_refused(clinic: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(clinic / "patients.db")) as connection:
        connection.execute("UPDATE patient SET version = 9 WHERE ordinal = 1")
        connection.commit()

    assert run("backup", "create", tmp_path / "backup", home=clinic).error
    assert not (tmp_path / "backup").exists()


def person(number: int) -> dict[str, Any]:
    """A bundle of one of many patients who are alike."""
    patient = {
        "resourceType": "Patient",
        "id": f"p{number}",
        "gender": "female",
        "birthDate": "1970-05-17",
        "name": [{"family": f"Canary{number}"}],
        "identifier": [{"system": "urn:hospital", "value": f"MRN-{number:05}"}],
    }
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": patient}]}


def test_the_store_is_asked_before_a_graph_is(clinic: Path) -> None:
    first, second, _ = ids(clinic)
    run("patient", "erase", first, "--yes", home=clinic)

    assert "was erased" in run("patient", "show", first, home=clinic).error
    assert "no graph" in run("patient", "show", second, home=clinic).error


def extract(home: Path, out: Path, *words: str, actor: str = "ana") -> Outcome:
    return run("patient", "extract", "--out", out, *words, home=home, ACTOR=actor)


@pytest.fixture
def crowd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with twelve patients who are alike, and an analyst."""
    monkeypatch.setenv("PHARMAKON_ACTOR", "owner")
    home = tmp_path / "crowd"
    run("keys", "init", home=home)
    files = [write(tmp_path / f"{number}.json", person(number)) for number in range(12)]
    assert run("patient", "import", *files, home=home).status == 0
    run("actor", "grant", "ana", "analyst", home=home)
    return home


def test_an_extract_holds_no_name_and_says_who_was_left_out(crowd: Path, tmp_path: Path) -> None:
    denied = ids(crowd)[0]
    run("patient", "consent", denied, "--research", "deny", home=crowd)
    out = tmp_path / "extract"

    done = json.loads(extract(crowd, out, "--json").out)

    assert (done["folder"], done["patients_written"], done["patients_denied"]) == (str(out), 11, 1)
    text = "".join(path.read_text() for path in out.iterdir())
    assert "Canary" not in text
    assert "MRN-" not in text
    assert not any(patient in text for patient in ids(crowd))
    assert "1970-05-17" not in text
    last = run("audit", "log", "-n", "2", "--json", home=crowd).json[0]  # before the list above
    assert (last["action"], last["detail"]) == ("extract.create", done["manifest_sha256"])
    assert (
        "11 patients in classes of 11" in extract(crowd, tmp_path / "years", "--dates", "year").out
    )
    assert "exists already" in extract(crowd, out).error


def test_an_extract_that_would_tell_who_somebody_is_is_not_written(
    crowd: Path, tmp_path: Path
) -> None:
    out = tmp_path / "extract"

    assert "it must be 11 or more" in extract(crowd, out, "--k", "5").error
    assert extract(crowd, out, "--k", "13").error
    assert extract(crowd, out, "--dates", "day").status == 2
    assert not out.exists()


def test_a_record_that_does_not_open_is_named_and_left_out(crowd: Path, tmp_path: Path) -> None:
    patient = ids(crowd)[3]
    with closing(sqlite3.connect(crowd / "patients.db")) as connection:
        connection.execute("UPDATE resource SET sealed = x'00' WHERE patient = 3")
        connection.commit()

    outcome = extract(crowd, tmp_path / "extract", "--json")

    assert outcome.status == 1
    assert outcome.err.startswith(f"error: patient {patient}: ")
    assert json.loads(outcome.out)["patients_written"] == 11
