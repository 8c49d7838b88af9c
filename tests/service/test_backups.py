"""Backing up and restoring by the settings of a home."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from service.backups import back_up, restore
from service.errors import SettingsError
from service.patients import ADMINISTRATION, TREATMENT, make_keys, open_store, patient_ids
from service.settings import Settings
from service.staleness import erase_patient
from storage import AuditError, StoreUnavailableError


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home with one stored patient."""
    found = Settings(tmp_path / "home", "owner")
    make_keys(found)
    with (
        open_store(found, create=True) as database,
        database.unit("owner", purpose=ADMINISTRATION) as unit,
    ):
        unit.patients.add([{"resourceType": "Patient"}])
        unit.commit()
    return found


@pytest.fixture
def bare(settings: Settings, tmp_path: Path) -> Settings:
    """Another home, which has the keys and nothing else."""
    found = replace(settings, home=tmp_path / "bare")
    shutil.copytree(settings.keys.parent, found.keys.parent)
    return found


def ids(settings: Settings) -> list[str]:
    with open_store(settings) as database:
        return patient_ids(database, actor="owner", purpose=TREATMENT)


def test_a_bare_machine_gets_its_store_back(
    settings: Settings, bare: Settings, tmp_path: Path
) -> None:
    report = back_up(settings, tmp_path / "backup")
    before = ids(settings)

    restored = restore(bare, tmp_path / "backup")

    assert ids(bare) == before
    assert restored.backup_head == report.head
    with open_store(bare) as database:
        database.verify_audit()


def test_the_erasures_of_the_checkpoint_must_be_there(
    settings: Settings, bare: Settings, tmp_path: Path
) -> None:
    back_up(settings, tmp_path / "backup")
    (ada,) = ids(settings)
    erase_patient(settings, ada)
    with open_store(settings) as database:
        (tmp_path / "head").write_text(database.checkpoint().text)

    with pytest.raises(AuditError, match="lists 0 erasures, the signed head knows of 1"):
        restore(bare, tmp_path / "backup", checkpoint=tmp_path / "head")
    shutil.copy(settings.keys.parent / "erasures.log", bare.keys.parent)
    restore(bare, tmp_path / "backup", checkpoint=tmp_path / "head")

    assert ids(bare) == []


def test_without_the_ring_it_says_which_one_is_needed(settings: Settings, tmp_path: Path) -> None:
    back_up(settings, tmp_path / "backup")
    empty = replace(settings, home=tmp_path / "empty")

    with pytest.raises(SettingsError, match="opens only with the ring of its store"):
        restore(empty, tmp_path / "backup")

    assert not empty.home.exists()


def test_a_store_that_is_there_is_left_alone(settings: Settings, tmp_path: Path) -> None:
    back_up(settings, tmp_path / "backup")
    before = ids(settings)

    with pytest.raises(StoreUnavailableError, match="never overwritten"):
        restore(settings, tmp_path / "backup")

    assert ids(settings) == before


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"not a checkpoint"])
def test_a_checkpoint_that_is_none_is_refused(
    settings: Settings, bare: Settings, tmp_path: Path, content: bytes | None
) -> None:
    back_up(settings, tmp_path / "backup")
    if content is not None:
        (tmp_path / "head").write_bytes(content)

    with pytest.raises((SettingsError, AuditError), match=r"checkpoint"):
        restore(bare, tmp_path / "backup", checkpoint=tmp_path / "head")
