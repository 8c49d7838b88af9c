"""`evaluate patients` as the service runs it: whom it asks about, and what it refuses."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from kg.store import open_graph
from recommend.evaluate.patients.track import MODEL
from recommend.evaluate.table import TrackReport
from service.errors import SettingsError
from service.evaluating import Asked, evaluate
from service.settings import Settings

pytest.importorskip("implicit")

USUAL = {"Gout": "Allopurinol", "Asthma": "Salbutamol", "Epilepsy": "Lamotrigine"}


def lines(path: Path, resources: list[dict[str, Any]]) -> None:
    path.write_text("\n".join(map(json.dumps, resources)), encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 patients with one or two conditions, each treated as usual."""
    rng, folder = random.Random(3), tmp_path_factory.mktemp("fhir")
    people, conditions, requests = [], [], []
    for number in range(80):
        who = {"reference": f"Patient/p{number}"}
        born = f"{rng.randint(1940, 2010)}-06-01"
        gender = rng.choice(["female", "male"])
        people.append(
            {"resourceType": "Patient", "id": f"p{number}", "gender": gender, "birthDate": born}
        )
        for name in rng.sample(sorted(USUAL), rng.randint(1, 2)):
            day = f"{rng.randint(2015, 2022)}-{rng.randint(1, 12):02}-15"
            common = {"id": f"{number}-{name}", "subject": who}
            conditions.append(
                {
                    "resourceType": "Condition",
                    **common,
                    "code": {"text": name},
                    "onsetDateTime": day,
                }
            )
            requests.append(
                {
                    "resourceType": "MedicationRequest",
                    **common,
                    "status": "active",
                    "intent": "order",
                    "medicationCodeableConcept": {"text": USUAL[name]},
                    "authoredOn": day,
                }
            )
    lines(folder / "Patient.ndjson", people)
    lines(folder / "Condition.ndjson", conditions)
    lines(folder / "MedicationRequest.ndjson", requests)
    return folder


def asked_of(demo_home: Path, **options: Any) -> TrackReport:
    settings = Settings(demo_home, "ada")
    return evaluate(settings, open_graph(settings.graph), "patients", Asked(**options))


def test_patients_of_a_folder_are_asked_about(
    demo_home: Path, folder: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"

    report = asked_of(demo_home, patients=str(folder), folds=2, report=page)

    settings = report.settings
    assert settings["patients"] == 80
    assert settings["folds"] == 2
    assert settings["drugs ranked"] == 3
    assert report.tables[0].row(MODEL).figures["Recall@1"].value > 0.9
    assert report.leaks == ()
    assert "<h1>Evaluation: which drugs patients newly start" in page.read_text(encoding="utf-8")


def test_it_must_be_said_whose_patients(demo_home: Path) -> None:
    with pytest.raises(SettingsError, match="needs --patients"):
        asked_of(demo_home)


def test_options_of_other_tracks_are_refused(demo_home: Path, folder: Path) -> None:
    for option in ({"strict": True}, {"seeds": 3}, {"models": ("trees",)}):
        with pytest.raises(SettingsError, match="says nothing to patients"):
            asked_of(demo_home, patients=str(folder), **option)


def test_patients_say_nothing_to_other_tracks(demo_home: Path, folder: Path) -> None:
    settings = Settings(demo_home, "ada")
    with pytest.raises(SettingsError, match="--patients says nothing to zero-shot"):
        evaluate(settings, open_graph(settings.graph), "zero-shot", Asked(patients=str(folder)))


def test_without_a_bundle_it_is_said_how_to_make_one(
    demo_home: Path, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match="no bundle"):
        asked_of(demo_home, patients=str(folder), bundle=tmp_path / "none")
