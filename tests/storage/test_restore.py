"""A restore brings everything back, on a bare machine, and nobody who was erased."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage import Database, KeyRing
from storage.backup import create_backup
from storage.errors import (
    AccessDeniedError,
    ErasedError,
    NotFoundError,
    StoreUnavailableError,
)
from storage.restore import RestoreReport, restore_backup
from storage.tables import Base
from tests.storage.conftest import raw
from tests.storage.server import Server
from tests.storage.stores import (
    NUMBER,
    RECORD,
    clinic,
    entries,
    erase,
    outcomes,
    read,
    store,
    suggest,
)


def back_up(database: Database, file: Path) -> Path:
    create_backup(database, file, actor="officer")
    return file


@pytest.fixture
def backup(database: Database, ada: str, tmp_path: Path) -> Path:
    """A backup of a store with one patient and one suggestion."""
    suggest(database, ada, {"answer": 42})
    return back_up(database, tmp_path / "backups" / "first")


@pytest.fixture
def other(request: pytest.FixtureRequest, location: str, tmp_path: Path) -> Iterator[str]:
    """An empty place of the same kind as the store's."""
    if "://" not in location:
        yield str(tmp_path / "restored" / "patients.db")
        return
    server: Server = request.getfixturevalue("server")
    with server.place() as found:
        yield found.url


def restore(file: Path, location: str, ring: KeyRing, **options: Any) -> RestoreReport:
    return restore_backup(file, location, ring, actor="officer", busy_seconds=5, **options)


def rows_of(location: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, but of those that the restore itself adds to."""
    with raw(location) as execute:
        return {
            name: sorted(execute(f"SELECT * FROM {name}", ()), key=repr)
            for name in Base.metadata.tables
            if not name.startswith(("audit", "state"))
        }


def test_everything_is_there_again_and_verified(
    database: Database, ada: str, backup: Path, location: str, other: str, ring: KeyRing
) -> None:
    before, log = rows_of(location), entries(database)

    report = restore(backup, other, ring)

    assert rows_of(other) == before
    with Database.open(other, ring) as restored:
        assert read(restored, ada) == tuple(RECORD)
        assert clinic(restored).find(*NUMBER) == ada
        assert [s.document for s in clinic(restored).suggestions(ada)] == [{"answer": 42}]
        restored.verify_audit()
        # The entry of the backup itself came after what it holds.
        assert entries(restored)[: len(log) - 1] == log[:-1]
        assert outcomes(restored)[len(log) - 1] == ("backup.restore", "ok")
        store(restored, RECORD, [])
    assert (report.n_erased, report.n_lost, report.old_keys) == (0, None, ())
    assert report.head.n_patients == 1


@pytest.mark.parametrize("location", ["sqlite"], indirect=True)
def test_a_store_moves_to_postgresql_and_back(
    database: Database, ada: str, backup: Path, location: str, server: Server, ring: KeyRing,
    tmp_path: Path,
) -> None:  # fmt: skip
    before = rows_of(location)

    with server.place() as there:
        restore(backup, there.url, ring)
        with Database.open(there.url, ring) as moved:
            moved.verify_audit()
            again = back_up(moved, tmp_path / "again")
    back = str(tmp_path / "back.db")
    restore(again, back, ring)

    assert rows_of(back) == before
    with Database.open(back, ring) as restored:
        assert read(restored, ada) == tuple(RECORD)


def test_no_earlier_backup_brings_an_erased_patient_back(
    database: Database, ada: str, other: str, location: str, ring: KeyRing, tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    suggest(database, ada, {"answer": 42})
    kept = store(database, RECORD, [])
    backups = [back_up(database, tmp_path / "one")]
    with database.unit("dr.lee", purpose="emergency") as unit:
        unit.emergencies.open(ada, "unconscious in the emergency room")
        unit.commit()
    with database.unit("officer", purpose="request") as unit:
        unit.consents.say(ada, {"research": "deny"})
        unit.commit()
    backups.append(back_up(database, tmp_path / "two"))
    with raw(location) as execute:
        ((wrapped,),) = execute("SELECT wrapped_key FROM patient WHERE id = ?", (ada,))
    erase(database, ada)
    backups.append(back_up(database, tmp_path / "three"))
    for backup in backups[:2]:
        assert wrapped in backup.read_bytes()  # the attack has what it needs

    for number, backup in enumerate(backups):
        place = other if number == 0 else str(tmp_path / f"restored-{number}.db")
        report = restore(backup, place, ring)
        assert report.n_erased == (1 if number < 2 else 0)
        with Database.open(place, ring) as restored:
            for reading in (
                lambda: clinic(restored).get(ada),
                lambda: clinic(restored).suggestions(ada),
                lambda: restored.reading("dr.lee", purpose="emergency").get(ada),
            ):
                with pytest.raises((ErasedError, AccessDeniedError)):
                    reading()
            with pytest.raises(NotFoundError):
                clinic(restored).find(*NUMBER)
            assert read(restored, kept) == tuple(RECORD)
            restored.verify_audit()
        with raw(place) as execute:
            ((ordinal, *cells),) = execute(
                "SELECT ordinal, wrapped_key, consent FROM patient WHERE id = ?", (ada,)
            )
            assert cells == [None, None]
            for table in ("resource", "suggestion", "patient_identifier"):
                assert not execute(f"SELECT * FROM {table} WHERE patient = ?", (ordinal,))
            reasons = execute("SELECT reason FROM break_glass WHERE patient = ?", (ordinal,))
            assert not [reason for (reason,) in reasons if reason is not None]
        if "://" not in place:
            for file in Path(place).parent.glob(f"{Path(place).name}*"):
                assert wrapped not in file.read_bytes()


def test_what_fails_half_way_leaves_a_place_in_which_the_next_try_succeeds(
    database: Database, ada: str, backup: Path, other: str, ring: KeyRing,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("storage.restore.verification.verify", fail)
    with pytest.raises(ZeroDivisionError):
        restore(backup, other, ring)
    monkeypatch.undo()
    with pytest.raises(NotFoundError):
        Database.open(other, ring)

    restore(backup, other, ring)
    with pytest.raises(StoreUnavailableError, match="never overwritten"):
        restore(backup, other, ring)

    with Database.open(other, ring) as restored:
        assert read(restored, ada) == tuple(RECORD)
