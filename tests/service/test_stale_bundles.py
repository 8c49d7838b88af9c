"""A bundle that learnt from a patient who was erased since says so, wherever it is used."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from kg.store import open_graph
from recommend.bundle import Bundle, open_bundle
from recommend.stale import MARK
from service.marks import marked
from service.patients import (
    ADMINISTRATION,
    AUDIT,
    TRAINING,
    TREATMENT,
    make_keys,
    open_keys,
    open_store,
    patient_ids,
    read_record,
)
from service.receipts import replay
from service.settings import Settings, read_settings
from service.staleness import erase_patient, noted_reads, stale_reason
from service.suggest import open_service
from service.training import train_bundle
from storage import AuditEntry, Identifier
from storage.backup import create_backup
from storage.restore import restore_backup
from tests.recommend.ward import STACK, ward, ward_bundle

GRAPH = ward()
LEARNT_FROM = "1 of the patients that it learnt from was erased since: train it again"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home with a store of three patients."""
    found = Settings(tmp_path / "home", "owner")
    make_keys(found)
    with open_store(found, create=True) as database:
        for number in range(3):
            with database.unit("owner", purpose=ADMINISTRATION) as unit:
                unit.patients.add(
                    [{"resourceType": "Patient"}], [Identifier("urn:h", f"N-{number}")]
                )
                unit.commit()
    return found


def ids(settings: Settings) -> list[str]:
    with open_store(settings) as database:
        return patient_ids(database, actor=settings.actor, purpose=TREATMENT)


def log(settings: Settings) -> tuple[AuditEntry, ...]:
    with open_store(settings) as database:
        return database.reading("owner", purpose=AUDIT).audit_log(1000)


def trained(settings: Settings, *patients: str, purpose: str = TRAINING) -> Bundle:
    """A bundle for which these patients were read."""
    with noted_reads(settings) as reads, open_store(settings) as database:
        for patient in patients:
            read_record(database, patient, actor="owner", purpose=purpose)
    bundle = ward_bundle(settings.bundle, GRAPH)
    set_origin(settings.bundle, read_from=reads)
    return bundle


def set_origin(bundle: Path, **fields: Any) -> None:
    manifest = json.loads((bundle / "manifest.json").read_text())
    (bundle / "manifest.json").write_text(json.dumps({**manifest, **fields}))


def reason(settings: Settings) -> str | None:
    with open_store(settings) as database:
        return stale_reason(database, open_bundle(settings.bundle, GRAPH).folder)


def test_erasing_a_patient_marks_the_bundle_that_learnt_from_them(settings: Settings) -> None:
    ada, ben, _ = ids(settings)
    trained(settings, ada, ben)
    assert (reason(settings), marked(settings.bundle)) == (None, None)

    erasure = erase_patient(settings, ada)

    assert erasure.stale == reason(settings) == marked(settings.bundle) == LEARNT_FROM
    assert open_bundle(settings.bundle, GRAPH, verify=True).stale == LEARNT_FROM
    assert f"the bundle is stale: {LEARNT_FROM}" in list(erasure.lines())


def test_a_mark_names_no_patient(settings: Settings) -> None:
    ada, *_ = ids(settings)
    trained(settings, ada)

    erase_patient(settings, ada)

    files = [path.read_bytes() for path in settings.bundle.iterdir()]
    assert not [content for content in files if ada.encode() in content]


def test_a_bundle_that_did_not_learn_from_them_is_fine(settings: Settings) -> None:
    ada, ben, eve = ids(settings)
    with open_store(settings) as database:
        read_record(database, ada, actor="owner", purpose=TRAINING)  # for an earlier bundle
    trained(settings, ben)
    with open_store(settings) as database:
        read_record(database, eve, actor="owner", purpose=TREATMENT)

    for patient in (ada, eve):
        assert erase_patient(settings, patient).stale is None
    assert not (settings.bundle / MARK).exists()


def test_a_read_for_another_purpose_is_no_learning(settings: Settings) -> None:
    ada, *_ = ids(settings)
    trained(settings, ada, purpose=TREATMENT)

    assert erase_patient(settings, ada).stale is None


def test_a_bundle_elsewhere_is_found_stale_when_it_meets_the_store(
    settings: Settings, tmp_path: Path
) -> None:
    ada, *_ = ids(settings)
    trained(settings, ada)
    elsewhere = tmp_path / "elsewhere"
    shutil.move(settings.bundle, elsewhere)
    erase_patient(settings, ada)
    assert marked(elsewhere) is None

    with open_store(settings) as database:
        found = stale_reason(database, open_bundle(elsewhere, GRAPH).folder)

    assert found == marked(elsewhere) == LEARNT_FROM


def test_a_bundle_trained_anew_in_its_place_is_not_stale(settings: Settings) -> None:
    ada, *_ = ids(settings)
    trained(settings, ada)
    erase_patient(settings, ada)
    assert marked(settings.bundle)

    ward_bundle(settings.bundle, GRAPH, stack=STACK[::-1])
    with noted_reads(settings) as reads:
        pass
    set_origin(settings.bundle, read_from=reads)

    assert (marked(settings.bundle), reason(settings)) == (None, None)


def test_what_cannot_be_told_after_a_restore_is_said(settings: Settings, tmp_path: Path) -> None:
    ada, *_ = ids(settings)
    with open_store(settings) as database:
        create_backup(database, tmp_path / "backup", actor="owner")
    trained(settings, ada)
    erase_patient(settings, ada)
    (settings.bundle / MARK).unlink()
    Path(settings.store).unlink()
    restore_backup(tmp_path / "backup", settings.store, open_keys(settings), actor="owner")

    assert "the store was restored from a backup" in str(reason(settings))
    with open_store(settings) as database:
        for _ in range(9):  # the log is as long again, with other entries
            read_record(database, ids(settings)[0], actor="owner", purpose=TREATMENT)
    (settings.bundle / MARK).unlink()
    assert "the store was restored from a backup" in str(reason(settings))


def test_a_bundle_of_another_store_or_of_none_is_not_judged(settings: Settings) -> None:
    ada, *_ = ids(settings)
    trained(settings, ada)
    manifest = json.loads((settings.bundle / "manifest.json").read_text())
    set_origin(settings.bundle, read_from={**manifest["read_from"], "store": "0" * 32})
    assert erase_patient(settings, ada).stale is None

    set_origin(settings.bundle, read_from=None, cohort="the 9 patients of the files in 'x'")
    assert reason(settings) is None


def test_a_bundle_of_an_older_program_is_stale_once_anybody_was_erased(settings: Settings) -> None:
    ada, *_ = ids(settings)
    ward_bundle(settings.bundle, GRAPH)
    set_origin(settings.bundle, cohort="the 3 stored patients")
    assert reason(settings) is None

    assert "does not say when it read them" in str(erase_patient(settings, ada).stale)


def test_backups_with_the_patient_are_listed_for_recall(settings: Settings, tmp_path: Path) -> None:
    ada, *_ = ids(settings)
    with open_store(settings) as database:
        report = create_backup(database, tmp_path / "one", actor="owner")

    erasure = erase_patient(settings, ada)

    assert [(entry.action, entry.index) for entry in erasure.copies] == [
        ("backup.create", report.entry)
    ]
    assert any("backup.create of" in line for line in erasure.lines())
    assert erasure.to_json()["copies"][0]["detail"] == erasure.copies[0].detail
    with open_store(settings) as database:
        create_backup(database, tmp_path / "two", actor="owner")
    assert [entry.index for entry in erase_patient(settings, ids(settings)[0]).copies][:1] == [
        report.entry
    ]


def test_backups_from_before_or_after_the_patient_are_not_listed(
    settings: Settings, tmp_path: Path
) -> None:
    with open_store(settings) as database:
        create_backup(database, tmp_path / "before", actor="owner")
        with database.unit("owner", purpose=ADMINISTRATION) as unit:
            late = unit.patients.add([{"resourceType": "Patient"}])
            unit.commit()

    assert erase_patient(settings, late).copies == ()


def test_a_folder_that_cannot_be_written_does_not_hide_that_it_is_stale(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ada, *_ = ids(settings)
    trained(settings, ada)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("service.staleness.write_mark", refuse)

    assert erase_patient(settings, ada).stale == LEARNT_FROM
    assert "is stale; no mark: Permission denied" in caplog.text
    assert ada not in caplog.text


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000])
def test_a_broken_mark_still_warns(settings: Settings, content: bytes) -> None:
    ward_bundle(settings.bundle, GRAPH)
    (settings.bundle / MARK).write_bytes(content)

    assert "it marks a bundle as stale" in str(marked(settings.bundle))


def test_an_erasure_with_a_broken_bundle_is_an_erasure(settings: Settings) -> None:
    ada, *_ = ids(settings)
    settings.bundle.mkdir()

    erasure = erase_patient(settings, ada)

    assert ada not in ids(settings)
    assert "whether the bundle learnt from the patient is not known" in erasure.problems[0]


def test_a_training_on_the_store_is_told_its_reads(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr("service.training.train", lambda *_, **options: told.append(options))

    before = len(log(settings))
    train_bundle(settings, GRAPH, settings.bundle, patients="store")
    train_bundle(settings, GRAPH, settings.bundle)

    reads, none = (options["read_from"] for options in told)
    assert none is None
    read = [entry for entry in log(settings) if reads["first"] <= entry.index < reads["stop"]]
    assert [entry.action for entry in read] == ["patient.list", *3 * ["patient.read"]]
    assert {entry.purpose for entry in read} == {TRAINING}
    assert reads["first"] > before


def test_what_answers_says_that_its_bundle_is_stale(home: Path) -> None:
    settings = read_settings(home, {})
    graph = open_graph(settings.graph)
    first, second, *_ = ids(settings)
    with noted_reads(settings) as reads, open_store(settings) as database:
        read_record(database, first, actor=settings.actor, purpose=TRAINING)
    set_origin(settings.bundle, read_from=reads)
    with open_service(settings, graph, settings.bundle) as service:
        fresh = service.suggest(second)
    assert fresh.to_json()["stale_bundle"] is None

    assert erase_patient(settings, first).stale == LEARNT_FROM

    with open_service(settings, graph, settings.bundle) as service:
        assert service.suggest(second).to_json()["stale_bundle"] == LEARNT_FROM
        again = replay(
            service.database,
            service.recommender,
            fresh.suggestion_id,
            actor=settings.actor,
            purpose=TREATMENT,
        )
    assert again.is_identical  # a mark is no part of the bundle
    assert again.to_json()["stale_bundle"] == LEARNT_FROM
