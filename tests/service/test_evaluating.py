"""`evaluate` as a shell sees it: which models it scores, what it asks them, what it refuses."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from recommend.evaluate.table import BASELINES, FLOOR, TrackReport
from service.console import show_report
from service.errors import SettingsError
from service.evaluating import Asked, evaluate
from service.settings import Settings
from tests.recommend.planted import DISEASES, DRUGS, HELD_OUT, planted_graph
from tests.service.scored import Floor, OnDevice, table
from tests.shell import Outcome, run

pytestmark = pytest.mark.usefixtures("few_models")


def external(place: Path, labels: Path, *words: str | Path) -> Outcome:
    return run("evaluate", "external", "--labels", labels, *words, home=place)


def rows(document: Any) -> list[str]:
    return [row["model"] for row in document["tables"][0]["rows"]]


def test_the_baselines_stand_beside_whatever_is_asked_for(place: Path, labels: Path) -> None:
    assert rows(external(place, labels, "--json").json) == [*BASELINES, "on-device"]
    alone = external(place, labels, "--models", "on-device,popularity", "--json").json
    assert rows(alone) == [*BASELINES, "on-device"]
    assert rows(external(place, labels, "--models", "popularity", "--json").json) == [*BASELINES]


def test_people_see_a_table_and_notes(place: Path, labels: Path) -> None:
    outcome = external(place, labels)

    assert outcome.status == 0
    assert "external, 12 positives among 84 pairs" in outcome.out
    assert "degree-matched AUROC" in outcome.out
    assert "12 of 12 labels are judged" in outcome.out


def test_the_report_says_what_it_rests_on(place: Path, labels: Path) -> None:
    settings = external(place, labels, "--seed", "3", "--json").json["settings"]

    assert settings["graph"] == planted_graph().fingerprint
    assert settings["models"] == [*BASELINES, "on-device"]
    assert (settings["seed"], settings["model seed"]) == (3, 3)


def test_labels_that_the_graph_does_not_know_are_counted(place: Path, tmp_path: Path) -> None:
    unknown = (("DRUGBANK:DB99999", "DOID:100"), ("DRUGBANK:DB00001", "DOID:9"))
    file = table(tmp_path / "l.tsv", "drug_id\tdisease_id", *HELD_OUT, *unknown)

    document = external(place, file, "--json").json

    assert document["settings"]["positives"] == len(HELD_OUT)
    assert document["notes"][-1] == "2 pairs of l.tsv are unknown to the graph."


def test_a_catalogue_with_other_column_names_can_be_excluded(
    place: Path, labels: Path, tmp_path: Path
) -> None:
    catalogue = table(
        tmp_path / "indications.tsv",
        "doid_id\tdrugbank_id\tcategory",
        *((disease, drug.removeprefix("DRUGBANK:"), "DM") for drug, disease in HELD_OUT[:5]),
    )

    document = external(place, labels, "--exclude", catalogue, "--json").json

    assert document["settings"]["positives"] == len(HELD_OUT) - 5
    assert document["settings"]["pairs"] == 84 - 5


def test_only_the_listed_drugs_and_diseases_are_ranked(
    place: Path, labels: Path, tmp_path: Path
) -> None:
    drugs = table(tmp_path / "drugs.tsv", "drug_id", *((drug,) for drug in list(DRUGS)[:6]))
    diseases = table(tmp_path / "d.tsv", "disease_id", *((d,) for d in list(DISEASES)[:4]))

    words = ("--drugs", drugs, "--diseases", diseases, "--json")
    settings = external(place, labels, *words).json["settings"]

    assert (settings["drugs"], settings["diseases"], settings["positives"]) == (6, 4, 4)


@pytest.mark.parametrize(
    ("track", "more"),
    [
        ("zero-shot", ("--strict", "--random", "--folds", "3", "--seeds", "2")),
        ("zero-shot", ("--cut", "0")),
        ("transductive", ("--seeds", "6")),
        ("cold-drug", ("--folds", "3")),
        ("calibration", ("--folds", "3", "--strict")),
        ("negative-control", ("--folds", "3")),
    ],
)
def test_every_track_runs(place: Path, track: str, more: tuple[str, ...]) -> None:
    document = run("evaluate", track, *more, "--json", home=place).json

    assert document["track"] == track
    assert rows(document)[:3] == [*BASELINES]


def test_the_page_is_written(place: Path, labels: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")

    external(place, labels, "--report", tmp_path / "page.html")

    assert "degree-matched AUROC" in (tmp_path / "page.html").read_text()


def test_the_device_reaches_the_models_that_choose_one(place: Path, labels: Path) -> None:
    external(place, labels, "--device", "cpu")

    assert set(OnDevice.devices) == {"cpu"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("externall",), "did you mean 'external'"),
        (("external",), "--labels FILE.tsv with the columns drug_id and disease_id"),
        (("external", "--labels", "{tmp}/none.tsv"), "none.tsv"),
        (("external", "--labels", "{swapped}"), "no column 'drug_id' (or 'drugbank_id')"),
        (("external", "--labels", "{empty}"), "no rows below its heading"),
        (("external", "--labels", "{strange}"), "none of the 1 pairs, such as MESH:1, DOID:100"),
        (("external", "--labels", "{treated}"), "1 are recorded in the graph"),
        (("external", "--labels", "{good}", "--drugs", "{strange}"), "MESH:1"),
        (("external", "--labels", "{good}", "--drugs", "{diseases}"), "no column 'drug_id'"),
        (("external", "--labels", "{good}", "--strict"), "--strict says nothing to external"),
        (("zero-shot", "--labels", "{good}"), "--labels says nothing to zero-shot"),
        (("transductive", "--cut", "0"), "--cut says nothing to transductive; it is for zero-shot"),
        (("transductive", "--seeds", "4"), "at least 5 seeds"),
        (("zero-shot", "--folds", "50"), "cannot fill 50 folds"),
        (("zero-shot", "--models", "populrity"), "did you mean 'popularity'"),
        (("zero-shot", "--models", "als"), "'als' ranks no drugs for diseases"),
        (("zero-shot", "--device", "abacus"), "abacus"),
        (("zero-shot", "--report", "{tmp}/no/page.html"), "no such folder"),
    ],
)
def test_what_cannot_be_evaluated_is_said_before_anything_is_fitted(
    place: Path, labels: Path, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    header = "drug_id\tdisease_id"
    files = {
        "tmp": tmp_path,
        "good": labels,
        "swapped": table(tmp_path / "swapped.tsv", "drug\tdisease_id", ("x", "y")),
        "empty": table(tmp_path / "empty.tsv", header),
        "strange": table(tmp_path / "strange.tsv", header, ("MESH:1", "DOID:100")),
        "diseases": table(tmp_path / "diseases.tsv", "disease_id", ("DOID:100",)),
        "treated": table(tmp_path / "t.tsv", header, ("DRUGBANK:DB00000", "DOID:102")),
    }

    error = run("evaluate", *(word.format(**files) for word in words), home=place).error

    assert said in error
    assert not Floor.fitted


def test_a_page_that_cannot_be_drawn_is_refused_at_once(
    place: Path, labels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.evaluating.find_spec", lambda _: None)
    asked = Asked(labels=labels, report=tmp_path / "page.html")

    with pytest.raises(SettingsError, match="matplotlib"):
        evaluate(Settings(place, "ada"), planted_graph(), "external", asked)
    assert not Floor.fitted


def test_progress_is_told_by_model_and_by_step(place: Path) -> None:
    heard: list[str] = []

    evaluate(
        Settings(place, "ada"), planted_graph(), "cold-drug", Asked(folds=3),
        progress=lambda what, done, total: heard.append(what),
    )  # fmt: skip

    assert set(heard) == {"cold-drug: folds", FLOOR}


def test_the_whole_report_is_one_json_document(place: Path, labels: Path) -> None:
    document = external(place, labels, "--json").json

    assert set(document) == {"track", "settings", "tables", "curves", "leaks", "notes", "title"}
    assert set(document["curves"]) == {*BASELINES, "on-device"}
    json.dumps(document, allow_nan=False)


def test_people_are_told_of_leaks() -> None:
    report = TrackReport("zero-shot", {}, (), leaks=("synonym: [b] for [a]",), notes=("note",))
    out = io.StringIO()

    show_report(Console(file=out, width=100), report)

    assert "leak: synonym: [b] for [a]\nnote\n" in out.getvalue()


def test_a_catalogue_with_wrong_pairs_in_it_is_no_file_of_labels(place: Path, labels: Path) -> None:
    lines = labels.read_text(encoding="utf-8").splitlines()
    catalogue = labels.with_name("catalogue.tsv")
    known_wrong = [f"{line}\tNOT" for line in lines[1:]]
    catalogue.write_text("\n".join([f"{lines[0]}\tcategory", *known_wrong]), encoding="utf-8")

    refused = external(place, catalogue)

    assert refused.status == 1
    assert "'category'" in refused.err
