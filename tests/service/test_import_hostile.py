"""Files that mean harm, all the way into the store and onto the terminal."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from intake import PatientBundle, read_patients
from kg.store import write_graph
from service.patients import import_patients, open_store, read_record
from service.settings import read_settings
from tests.intake.hostile import CANARY, TEXTS, case, is_harmless, to_json
from tests.intake.samples import bundle, condition, patient, small_graph
from tests.shell import run


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with keys and a small graph, and somebody who acts."""
    monkeypatch.setenv("PHARMAKON_ACTOR", "fuzzer")
    run("keys", "init", home=tmp_path / "home")
    write_graph(small_graph(), tmp_path / "home" / "graph")
    return tmp_path / "home"


def records(home: Path, ids: list[str]) -> dict[str, list[Any]]:
    with open_store(read_settings(home)) as store:
        return {i: read_record(store, i, actor="fuzzer", purpose="treatment") for i in ids}


def written(folder: Path, seed: int) -> list[Path]:
    files, _ = case(random.Random(f"import {seed}"), 10 * seed)
    paths = []
    for name, content in files:
        paths.append(folder / f"{seed}{name}")
        paths[-1].write_bytes(content)
    return paths


def test_each_patient_of_hostile_files_is_stored_whole_or_named_as_not_stored(
    home: Path, tmp_path: Path
) -> None:
    n_stored = 0
    for seed in range(12):
        paths = written(tmp_path, seed)
        bundles = list(read_patients(paths, on_problem=lambda _: None))

        report = import_patients(read_settings(home), paths)

        refused = [p for p in report.problems if "the patient is not stored" in p]
        assert len(report.patients) + len(refused) == len(bundles)
        named = {text.partition(": the patient is not")[0] for text in refused}
        last: dict[str, PatientBundle] = {}
        last.update(
            zip(report.patients, [b for b in bundles if b.place not in named], strict=False)
        )
        stored = records(home, report.patients)
        if not refused:
            assert all(r in stored[i] for i, b in last.items() for r in b.resources)
        n_stored += len(stored)
        assert all(is_harmless(p) and CANARY not in p for p in report.problems)
    assert n_stored > 10
    with open_store(read_settings(home)) as store:
        store.verify_audit()


def test_a_record_is_kept_to_the_last_character_and_shown_without_what_acts_on_a_terminal(
    home: Path, tmp_path: Path
) -> None:
    texts = [text for text in TEXTS if text.isprintable() or "\ud800" not in text]
    texts = [text for text in texts if "\udfff" not in text]
    own = [
        condition(id=f"c{n}", code={"text": text, "coding": [{"system": text, "code": text}]})
        for n, text in enumerate(texts)
    ]
    given = [patient(name=[{"family": text} for text in texts]), *own]
    (tmp_path / "a.json").write_bytes(to_json(bundle(*given)))

    done = run("patient", "import", tmp_path / "a.json", home=home)

    assert done.status == 0, done.err
    (summary,) = run("patient", "list", "--json", home=home).json
    assert records(home, [summary["id"]])[summary["id"]] == given
    shown = run("patient", "show", summary["id"], home=home)
    assert shown.status == 0, shown.err
    assert CANARY in shown.out
    assert is_harmless(shown.out)


def test_the_program_says_what_it_refused_without_what_acts_on_a_terminal(
    home: Path, tmp_path: Path
) -> None:
    evil = tmp_path / "\x1b[2J\u202e.json"
    evil.write_bytes(json.dumps({"resourceType": f"\x1b[31m{CANARY}"}).encode())
    paths = [evil, tmp_path / "\x9b31m.ndjson", *written(tmp_path, 99)]

    done = run("patient", "import", *paths, home=home)

    assert done.status == 1
    assert is_harmless(done.out + done.err)
    assert CANARY not in done.out + done.err
