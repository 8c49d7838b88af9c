"""The commands on patients, keys and the audit log, and what they say when someone tampered."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kg.graph import Graph
from recommend.bundle import Bundle, open_bundle
from recommend.cohorts.cohort import Cohort
from recommend.stale import write_mark
from tests.shell import ROOT, run

DEMO_PATIENTS = ROOT / "service" / "demo_patients"
PROFILE = {"conditions": ["DOID:9352"], "drugs": ["DRUGBANK:DB00331"], "allergies": []}


def first_patient(home: Path) -> str:
    """The id of the patient that was stored first."""
    return str(run("patient", "list", "--json", home=home).json[0]["id"])


def change(home: Path, statement: str) -> None:
    """Plain SQL on the store, past the program."""
    with closing(sqlite3.connect(home / "patients.db")) as connection:
        assert connection.execute(statement).rowcount == 1
        connection.commit()


def write(path: Path, document: Any) -> Path:
    """``document`` as a JSON file."""
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def as_another_person(bundle: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A demo bundle whose patient is somebody else, with ``fields`` of one's own."""
    patient = bundle["entry"][0]["resource"]
    patient["identifier"] = [{"system": "http://hospital.example", "value": "another"}]
    patient.update(fields)
    return bundle


def test_import_stores_patients_and_lists_them_by_pseudonym(home: Path) -> None:
    bundle = json.loads((DEMO_PATIENTS / "demo-1.json").read_text())
    file = write(home.parent / "another.json", as_another_person(bundle))

    document = run("patient", "import", file, "--json", home=home).json

    assert document["problems"] == []
    assert document["resources"]["Condition"] == 2
    listed = [row["id"] for row in run("patient", "list", "--json", home=home).json]
    assert listed[-1:] == document["patients"]
    assert document["patients"][0] in run("patient", "list", home=home).out


def test_a_patient_imported_again_is_the_same_patient_in_a_new_version(home: Path) -> None:
    before = run("patient", "list", "--json", home=home).json

    run("patient", "import", DEMO_PATIENTS / "demo-1.json", home=home)

    after = run("patient", "list", "--json", home=home).json
    assert [row["id"] for row in after] == [row["id"] for row in before]
    assert after[0]["version"] > before[0]["version"]


def test_two_patients_with_only_an_id_of_their_own_system_stay_two(home: Path) -> None:
    before = len(run("patient", "list", "--json", home=home).json)
    for number in ("1", "2"):
        patient = {"resourceType": "Patient", "id": "p1", "birthDate": f"198{number}-01-01"}
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": patient}]}
        file = write(home.parent / f"{number}.json", bundle)
        assert run("patient", "import", file, home=home).status == 0

    assert len(run("patient", "list", "--json", home=home).json) == before + 2


def test_a_file_that_cannot_be_used_is_reported_and_loses_no_other(home: Path) -> None:
    broken = home.parent / "broken.json"
    broken.write_text('{"resourceType": ')
    good = DEMO_PATIENTS / "demo-2.json"

    outcome = run("patient", "import", broken, home / "nowhere.json", good, home=home)

    assert outcome.status == 1
    assert "1 patients" in outcome.out
    assert len(outcome.err.splitlines()) == 2
    assert "broken.json" in outcome.err
    assert "nowhere.json" in outcome.err


def test_an_import_of_nothing_usable_ends_with_status_1(home: Path) -> None:
    outcome = run("patient", "import", home / "nowhere.json", home=home)

    assert outcome.status == 1
    assert "Traceback" not in outcome.err


def test_a_person_who_would_be_two_patients_is_a_problem_and_loses_no_other(home: Path) -> None:
    bundles = [json.loads((DEMO_PATIENTS / f"demo-{n}.json").read_text()) for n in (1, 2)]
    identifiers = [bundle["entry"][0]["resource"]["identifier"][0] for bundle in bundles]
    bundles[0]["entry"][0]["resource"]["identifier"] = identifiers
    both = write(home.parent / "both.json", bundles[0])

    outcome = run("patient", "import", both, DEMO_PATIENTS / "demo-3.json", home=home)

    assert outcome.status == 1
    assert "both.json: entry 1 (Patient): the patient is not stored" in outcome.err
    assert "1 patients" in outcome.out


def test_show_prints_what_the_recommender_would_know(home: Path) -> None:
    patient = first_patient(home)

    profile = run("patient", "show", patient, "--json", home=home).json

    assert {fact["node"] for fact in profile["drugs"]} == {"DRUGBANK:DB00331", "DRUGBANK:DB00641"}
    assert profile["allergies_known"] == "known empty"
    assert "Metformin" in run("patient", "show", patient, home=home).out


def test_every_access_to_a_patient_is_in_the_access_log(home: Path) -> None:
    patient = first_patient(home)
    before = run("patient", "access-log", patient, "--json", home=home).json

    run("patient", "show", patient, home=home)

    after = run("patient", "access-log", patient, "--json", home=home).json
    assert [entry["action"] for entry in after[len(before) :]] == [
        "patient.access-log",
        "patient.read",
    ]
    assert {entry["purpose"] for entry in after} == {
        "treatment",
        "training",
        "administration",
        "request",
    }


def test_an_erased_patient_is_gone_and_the_log_stays_whole(home: Path) -> None:
    patient = first_patient(home)

    erasure = run("patient", "erase", patient, "--yes", "--json", home=home).json
    # The demo's bundle learnt from nobody: eight patients are too few.
    assert erasure == {"erased": patient, "copies": [], "stale_bundle": None, "problems": []}

    assert "was erased" in run("patient", "show", patient, home=home).error
    assert "was erased" in run("recommend", patient, home=home).error
    assert run("audit", "verify", home=home).status == 0


def test_recommend_records_its_answer(home: Path) -> None:
    answer = run("recommend", first_patient(home), "-k", "2", "--json", home=home).json

    assert len(answer["suggestion"]) == 32
    assert answer["receipt"]["settings"]["k"] == 2
    assert answer["suggestions"][0]["reasons"]
    last = run("audit", "log", "-n", "1", "--json", home=home).json[0]
    assert (last["action"], last["purpose"], last["outcome"]) == (
        "suggestion.write",
        "treatment",
        "ok",
    )


def test_recommend_prints_reasons_checks_and_what_is_missing(home: Path) -> None:
    outcome = run("recommend", first_patient(home), home=home)

    assert outcome.status == 0
    for words in ("why:", "clear:", "not covered:", "not suggested: Metformin", "recorded as"):
        assert words in outcome.out


def test_recommend_all_ends_with_one_line_of_coverage(home: Path) -> None:
    last = run("recommend", "--all", "-k", "1", home=home).out.splitlines()[-1]

    assert last.startswith("codes: ")
    assert "patients with a suggestion: 7 of 8" in last


def test_recommend_all_as_json_holds_every_answer_and_the_coverage(home: Path) -> None:
    document = run("recommend", "--all", "-k", "1", "--json", home=home).json

    listed = [row["id"] for row in run("patient", "list", "--json", home=home).json]
    assert [answer["patient"] for answer in document["patients"]] == listed
    assert document["coverage"]["patients"] == len(listed)
    assert sum(document["coverage"]["checks"].values()) > 0


def test_a_deceased_patient_gets_the_refusal_and_status_0(home: Path) -> None:
    bundle = json.loads((DEMO_PATIENTS / "demo-1.json").read_text())
    file = write(home.parent / "d.json", as_another_person(bundle, deceasedBoolean=True))
    patient = run("patient", "import", file, "--json", home=home).json["patients"][0]

    answer = run("recommend", patient, "--json", home=home).json

    assert answer["refusal"] == "the patient is recorded as deceased"
    assert answer["suggestions"] == []
    assert "recorded as deceased" in run("recommend", patient, home=home).out


def test_recommend_for_a_profile_stores_nothing(home: Path) -> None:
    file = write(home.parent / "profile.json", PROFILE)
    before = run("audit", "verify", "--json", home=home).json

    answer = run("recommend", "--profile", file, "--json", home=home).json

    assert "DRUGBANK:DB00331" not in {item["drug"] for item in answer["suggestions"]}
    assert run("audit", "verify", "--json", home=home).json == before


def test_whatever_a_stale_bundle_answers_comes_with_a_warning(home: Path) -> None:
    profile = write(home.parent / "profile.json", PROFILE)
    patient = first_patient(home)
    receipt = run("recommend", patient, "--json", home=home).json["suggestion"]
    fingerprint = json.loads((home / "bundle" / "manifest.json").read_text())["fingerprint"]
    write_mark(home / "bundle", fingerprint, "somebody was erased: train it again")

    for words in (
        ("recommend", patient),
        ("recommend", "--all"),
        ("recommend", "--profile", profile),
        ("explain", "metformin", "type 2 diabetes", "--edges", "0"),
        ("replay", receipt),
        ("scores", "--out", home.parent / "scores.npz"),
    ):
        outcome = run(*words, "--json", home=home)
        assert outcome.json
        warning = "warning: the bundle is stale: somebody was erased: train it again\n"
        assert outcome.err == warning, words


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON"),
        ('{"conditions": [7]}', "conditions"),
        ('{"diseases": []}', "no field 'diseases'"),
    ],
)
def test_a_profile_that_makes_no_sense_is_one_line(home: Path, content: str, said: str) -> None:
    file = home.parent / "profile.json"
    file.write_text(content)

    assert said in run("recommend", "--profile", file, home=home).error


@pytest.mark.parametrize("condition", ["DOID:0", "DRUGBANK:DB00331", "a name of nowhere"])
def test_a_condition_without_a_disease_is_told_before_the_suggestions(
    home: Path, condition: str
) -> None:
    file = write(home.parent / "profile.json", {"conditions": ["type 2 diabetes", condition]})

    answer = run("recommend", "--profile", file, "--json", home=home).json

    assert [condition in line for line in answer["not_assessed"]] == [True]
    assert {item["condition"] for item in answer["suggestions"]} == {"DOID:9352"}


@pytest.mark.parametrize("words", [("show",), ("access-log",), ("erase", "--yes")])
def test_an_unknown_patient_is_one_line(home: Path, words: tuple[str, ...]) -> None:
    assert "no patient has this id" in run("patient", *words, "nobody", home=home).error


@pytest.mark.parametrize(
    "words",
    [("patient", "list"), ("audit", "verify"), ("keys", "status"), ("recommend", "--all")],
)
def test_without_keys_nothing_works_and_it_says_how_to_get_them(
    home: Path, words: tuple[str, ...]
) -> None:
    (home / "keys" / "ring.json").unlink()

    error = run(*words, home=home).error
    assert "restore that ring" in error
    assert "keys init" not in error
    (home / "patients.db").unlink()
    assert "`keys init` makes one" in run(*words, home=home).error


def test_no_ring_is_made_beside_a_store_that_another_one_opens(home: Path) -> None:
    (home / "keys" / "ring.json").unlink()

    assert "an earlier ring opens: restore that ring" in run("keys", "init", home=home).error
    assert not (home / "keys" / "ring.json").exists()


def test_keys_of_another_store_are_refused(home: Path) -> None:
    run("keys", "init", home=home.parent / "other")
    shutil.copy(home.parent / "other" / "keys" / "ring.json", home / "keys" / "ring.json")

    assert "use the ring it was created with" in run("patient", "list", home=home).error


def test_a_missing_store_is_one_line(tmp_path: Path) -> None:
    run("keys", "init", home=tmp_path)

    assert "`patient import` makes one" in run("patient", "list", home=tmp_path).error


def test_keys_are_made_once_and_never_shown(tmp_path: Path) -> None:
    made = run("keys", "init", "--json", home=tmp_path).json

    status = run("keys", "status", "--json", home=tmp_path).json
    assert status["store_id"] == made["store_id"]
    assert {(key["use"], key["version"], key["state"]) for key in status["keys"]} == {
        ("wrap", 1, "primary"),
        ("index", 2, "primary"),  # 1 is that of the ring's first format
        ("audit", 1, "primary"),
    }
    assert "key" not in status["keys"][0]
    assert (tmp_path / "keys" / "ring.json").stat().st_mode & 0o077 == 0
    assert "never overwritten" in run("keys", "init", home=tmp_path).error


def test_a_whole_log_verifies_and_extends_a_checkpoint_kept_elsewhere(home: Path) -> None:
    kept = home.parent / "checkpoint.txt"
    kept.write_text(run("audit", "checkpoint", home=home).out)
    run("patient", "list", home=home)

    outcome = run("audit", "verify", "--checkpoint", kept, home=home)

    assert outcome.status == 0
    assert "the log is whole" in outcome.out
    assert "extends the checkpoint" in outcome.out


def test_one_changed_byte_of_an_audit_row_is_found_and_named(home: Path) -> None:
    change(
        home,
        "UPDATE audit_entry SET entry = CAST(replace(CAST(entry AS TEXT), 'patient.write',"
        " 'patient.wrote') AS BLOB) WHERE position = 2",
    )

    assert "entry 2" in run("audit", "verify", home=home).error


def test_a_store_put_back_to_an_older_state_is_seen_against_a_checkpoint(home: Path) -> None:
    old = (home / "patients.db").read_bytes()
    run("patient", "list", home=home)
    kept = home.parent / "checkpoint.txt"
    kept.write_text(run("audit", "checkpoint", home=home).out)
    (home / "patients.db").write_bytes(old)

    assert "its tail was cut" in run("audit", "verify", "--checkpoint", kept, home=home).error


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"hello\n"])
def test_a_file_that_is_no_checkpoint_is_one_line(home: Path, content: bytes) -> None:
    (home.parent / "checkpoint").write_bytes(content)
    words = ("audit", "verify", "--checkpoint", home.parent / "checkpoint")

    assert "not the text of an audit checkpoint" in run(*words, home=home).error


def test_a_changed_sealed_column_is_refused_on_read(home: Path) -> None:
    patient = first_patient(home)
    change(
        home,
        "UPDATE resource SET sealed = CAST(substr(sealed, 1, length(sealed) - 1) ||"
        " CASE substr(sealed, -1) WHEN x'00' THEN x'01' ELSE x'00' END AS BLOB)"
        f" WHERE position = 1 AND patient = (SELECT ordinal FROM patient WHERE id = '{patient}')",
    )

    assert "a sealed value does not open here" in run("recommend", patient, home=home).error
    assert "a sealed value does not open here" in run("patient", "show", patient, home=home).error


def alter_first_record(home: Path) -> str:
    """Change one sealed row of the first patient; returns the patient's id."""
    patient = first_patient(home)
    change(
        home,
        "UPDATE resource SET sealed = x'00' WHERE position = 1"
        f" AND patient = (SELECT ordinal FROM patient WHERE id = '{patient}')",
    )
    return patient


def test_one_altered_record_is_named_and_the_others_are_answered(home: Path) -> None:
    patient = alter_first_record(home)

    outcome = run("recommend", "--all", "-k", "1", "--json", home=home)

    assert outcome.status == 1
    assert outcome.err.startswith(f"error: patient {patient}: a sealed value does not open here")
    document = json.loads(outcome.out)
    assert [error["patient"] for error in document["errors"]] == [patient]
    assert len(document["patients"]) == document["coverage"]["patients"] == 7


def test_training_leaves_an_altered_record_out_and_names_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_patients: list[int] = []

    def train(graph: Graph, out: Path, *, cohort: Cohort, **_: object) -> Bundle:
        n_patients.append(cohort.n_patients)
        return open_bundle(out, graph)

    monkeypatch.setattr("service.training.train", train)
    patient = alter_first_record(home)

    outcome = run("train", "--patients", "store", "--json", home=home)

    assert outcome.status == 1
    assert json.loads(outcome.out)["errors"][0]["patient"] == patient
    assert f"error: patient {patient}: " in outcome.err
    assert n_patients == [7]


def test_audit_verify_covers_the_sealed_rows(home: Path) -> None:
    patient = alter_first_record(home)

    assert f"sealed records of patient {patient}" in run("audit", "verify", home=home).error


def test_a_locked_store_is_one_line_after_the_time_to_wait(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.patients.BUSY_SECONDS", 0.05)
    with closing(sqlite3.connect(home / "patients.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")

        assert "not free within 0.05 seconds" in run("patient", "list", home=home).error


def test_an_altered_patient_row_is_named(home: Path) -> None:
    patient = first_patient(home)
    change(home, f"UPDATE patient SET version = 9 WHERE id = '{patient}'")

    assert f"the row of patient {patient} is not" in run("patient", "list", home=home).error
    assert f"the row of patient {patient} is not" in run("recommend", "--all", home=home).error


def test_prove_gives_an_entry_its_path_and_the_signed_head(home: Path) -> None:
    proof = run("audit", "prove", "0", "--json", home=home).json

    assert proof["entry"]["index"] == 0
    assert proof["head"].startswith("pharmakon-audit-head/2\n")
    assert "not 9999" in run("audit", "prove", "9999", home=home).error
