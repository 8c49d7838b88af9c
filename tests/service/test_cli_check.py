"""`check`: the safety part alone, for names as people type them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.service.test_cli_store import first_patient, write
from tests.shell import run


def checked(home: Path, *words: str | Path) -> dict[str, dict[str, Any]]:
    """Name of a drug -> what `check --json` says of it."""
    document = run("check", *words, "--json", home=home).json
    return {drug["name"]: drug for drug in document["drugs"]}


def verdicts(drug: dict[str, Any], check: str) -> list[dict[str, Any]]:
    return [verdict for verdict in drug["verdicts"] if verdict["check"] == check]


def test_drugs_without_a_patient_are_compared_with_each_other_in_both_orders(
    demo_home: Path,
) -> None:
    for words in (("sildenafil", "nitroglycerin"), ("nitroglycerin", "sildenafil")):
        found = checked(demo_home, *words)
        assert {drug["answer"] for drug in found.values()} == {"contraindicated"}
        for drug in found.values():
            (hit,) = verdicts(drug, "interaction")
            assert (hit["outcome"], hit["severity"]) == ("hit", "contraindicated")


def test_a_profile_may_be_written_in_names(demo_home: Path, tmp_path: Path) -> None:
    profile = {"drugs": ["digoxin"], "allergies": ["penicillin"], "conditions": [], "sex": "male"}
    file = write(tmp_path / "profile.json", profile)

    found = checked(demo_home, "verapamil", "amoxicillin", "--profile", file)

    assert found["Verapamil"]["answer"] in ("acknowledge", "contraindicated")
    assert verdicts(found["Verapamil"], "interaction")[0]["partner"] == "DRUGBANK:DB00390"
    assert found["Amoxicillin"]["answer"] == "contraindicated"
    assert verdicts(found["Amoxicillin"], "allergy")[0]["outcome"] == "hit"


def test_what_has_no_node_is_said_above_everything(demo_home: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "profile.json", {"conditions": ["glass bone disease of nowhere"]})

    outcome = run("check", "warfarin", "--profile", file, home=demo_home)

    assert outcome.status == 0
    assert "glass bone disease of nowhere" in outcome.out.splitlines()[0]
    assert "not assessed" in outcome.out.splitlines()[0]


def test_a_stored_patients_drugs_are_checked_and_the_reading_is_logged(home: Path) -> None:
    patient = first_patient(home)

    document = run("check", "ibuprofen", "--patient", patient, "--json", home=home).json

    assert document["drugs"][0]["drug"] == "DRUGBANK:DB01050"
    log = run("patient", "access-log", patient, "--json", home=home).json
    assert (log[-1]["action"], log[-1]["purpose"]) == ("patient.read", "treatment")


def test_a_product_is_checked_ingredient_by_ingredient(demo_home: Path) -> None:
    found = checked(demo_home, "amoxicillin / clavulanate", "methotrexate")

    assert {"Amoxicillin", "Methotrexate"} < set(found)
    assert found["Amoxicillin"]["asked"] == "amoxicillin / clavulanate"


def test_a_systemic_rule_does_not_fire_on_an_ointment(demo_home: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "profile.json", {"drugs": ["warfarin"], "allergies": []})

    def hits(*words: str) -> list[str]:
        drug = checked(demo_home, "prednisolone", "--profile", file, *words)["Prednisolone"]
        return [v["check"] for v in verdicts(drug, "interaction") if v["outcome"] == "hit"]

    assert hits() == ["interaction"]
    assert hits("--route", "skin") == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("warfarine of nowhere",), "no drug of the graph is surely"),
        (("amoxicilin",), "Amoxicillin: give the name"),
        (("warfarin", "--route", "sideways"), "unknown route"),
    ],
)
def test_what_cannot_be_checked_is_one_line(
    demo_home: Path, words: tuple[str, ...], said: str
) -> None:
    assert said in run("check", *words, home=demo_home).error


@pytest.mark.parametrize(
    "content", ["[", '{"drugs": [], "drugs": ["warfarin"]}', '{"medicines": []}', '"x"']
)
def test_a_profile_that_cannot_be_read_is_one_line(
    demo_home: Path, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "profile.json"
    file.write_text(content)
    run("check", "warfarin", "--profile", file, home=demo_home).error  # noqa: B018


@pytest.mark.parametrize(
    "words",
    [
        ("check",),
        ("check", "warfarin", "--patient", "p", "--profile", "f"),
        ("check", "warfarin", "--confirm", "DOID:1"),
    ],
)
def test_wrong_usage_ends_with_status_2(words: tuple[str, ...], demo_home: Path) -> None:
    assert run(*words, home=demo_home).status == 2


def test_a_near_match_counts_once_it_is_confirmed(demo_home: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "profile.json", {"drugs": ["warfarrin"], "allergies": []})

    def gap(*words: str) -> str:
        drug = checked(demo_home, "paracetamol", "--profile", file, *words)["Acetaminophen"]
        found = [v for v in verdicts(drug, "duplicate") if v["outcome"] == "not covered"]
        return json.dumps(found)

    assert "Warfarin" in gap()
    assert "Warfarin" not in gap("--confirm", "DRUGBANK:DB00682")


def test_drugs_within_one_text_are_compared_too(demo_home: Path) -> None:
    found = checked(demo_home, "warfarin and aspirin")

    assert {drug["answer"] for drug in found.values()} == {"acknowledge"}
    assert checked(demo_home, "warfarin", "warfarin")["Warfarin"]["answer"] == "contraindicated"


def test_a_deceased_patient_and_too_many_drugs_are_refused(demo_home: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "profile.json", {"deceased": True})

    assert "deceased" in run("check", "warfarin", "--profile", file, home=demo_home).error
    assert "too many" in run("check", *["warfarin"] * 201, home=demo_home).error
