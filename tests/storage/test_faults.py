"""A failing disk, a full one, a kill and a power cut at any change to a file: what was acknowledged
is there afterwards, and nothing is there by halves.

Here a spread sample of the changes; ``benchmarks/attack_store.py`` takes every one.
"""

import random
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from storage import Database, KeyRing, StorageError
from tests.storage.fault_job import DAY, OWNER, check, make, open_store, possible
from tests.storage.faults import KINDS, Change, Faults, PowerCut, changes, compiler

pytestmark = pytest.mark.skipif(
    compiler() is None, reason="NO C COMPILER: faults of the disk are NOT tested on this machine"
)
N_SAMPLES = 6  # of the changes, for each kind of fault
WHOLE, KILLED = 0, -9


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faults]:
    with Faults(tmp_path_factory.mktemp("shim")) as server:
        yield server


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a ring and an empty store."""
    folder = tmp_path_factory.mktemp("template") / "home"
    folder.mkdir()
    make(folder)
    return folder


@pytest.fixture(scope="module")
def day(
    faults: Faults, template: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[PowerCut, list[Change]]:
    """The folder before a day without a fault, and every change of that day."""
    base = tmp_path_factory.mktemp("day")
    folder = base / "home"
    shutil.copytree(template, folder)
    before = PowerCut(folder)
    status, events = faults.run(folder, log=str(base / "log"))
    assert status == WHOLE
    assert [event["done"] for event in events if "done" in event] == list(range(len(DAY)))
    shutil.copytree(folder, base / "after")
    check(folder, events)
    return before, list(changes(base / "log"))


def spread(n: int, count: int) -> list[int]:
    """``count`` numbers from 1 to ``n``, one drawn from each stretch, always the same."""
    rng = random.Random(n)
    edges = [1 + n * i // count for i in range(count + 1)]
    return [rng.randrange(low, max(high, low + 1)) for low, high in pairwise(edges)]


@pytest.mark.parametrize("kind", KINDS[1:])
def test_a_fault_at_any_change_loses_nothing_acknowledged_and_leaves_nothing_half(
    faults: Faults, template: Path, day: tuple[PowerCut, list[Change]], tmp_path: Path, kind: str
) -> None:
    n_changes = sum(change.is_counted for change in day[1])
    for at in spread(n_changes, N_SAMPLES):
        folder = tmp_path / f"{at}"
        shutil.copytree(template, folder)
        status, events = faults.run(folder, kind=kind, at=at)

        assert status == (KILLED if kind in ("torn", "before", "after") else WHOLE), events[-1]
        if kind == "short":  # a short write is no error: the rest is written after it
            assert not [event for event in events if "failed" in event]
        check(folder, events)


@pytest.mark.parametrize("kind", ["eio", "full", "torn", "after"])
def test_a_fault_while_a_store_is_made_leaves_none_or_a_whole_one(
    faults: Faults, tmp_path: Path, kind: str
) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    log = tmp_path / "log"
    assert faults.run(whole, job="make", log=str(log)) == (WHOLE, [{"made": True}])
    for at in spread(sum(change.is_counted for change in changes(log)), N_SAMPLES):
        folder = tmp_path / f"{at}"
        folder.mkdir()
        status, events = faults.run(folder, job="make", kind=kind, at=at)

        assert status in (WHOLE, KILLED), events
        made_again(folder, is_made={"made": True} in events)


def made_again(folder: Path, *, is_made: bool) -> None:
    """The folder holds a whole store, or none and one can be made in it."""
    if not (folder / "patients.db").exists():
        assert not is_made
        make(folder)
    check(folder, [])


@pytest.mark.parametrize("how", ["dropped", "torn", "random"])
def test_a_power_cut_at_any_moment_loses_nothing_acknowledged(
    day: tuple[PowerCut, list[Change]], template: Path, tmp_path: Path, how: str
) -> None:
    before, log = day
    disk, rng = before.copy(), random.Random(how)
    moments = set(spread(len(log), 2 * N_SAMPLES))
    for moment, change in enumerate(log, 1):
        disk.take(change)
        if moment in moments:
            disk.write(tmp_path / f"{moment}", how, rng)
            check(tmp_path / f"{moment}", disk.acknowledged)


def test_a_power_cut_while_a_store_is_made_leaves_none_or_a_whole_one(
    faults: Faults, tmp_path: Path
) -> None:
    home, log = tmp_path / "home", tmp_path / "log"
    home.mkdir()
    disk, rng = PowerCut(home), random.Random(5)
    assert faults.run(home, job="make", log=str(log))[0] == WHOLE
    made = list(changes(log))
    moments = {*spread(len(made), N_SAMPLES), len(made)}
    for moment, change in enumerate(made, 1):
        disk.take(change)
        if moment in moments:
            for how in ("dropped", "torn", "random"):
                cut = tmp_path / f"{moment}-{how}"
                disk.write(cut, how, rng)
                made_again(cut, is_made=disk.acknowledged == [{"made": True}])


def test_the_replay_of_all_changes_gives_the_files_as_they_are(
    day: tuple[PowerCut, list[Change]], tmp_path: Path
) -> None:
    before, log = day
    disk = before.copy()
    for change in log:
        disk.take(change)

    after = disk.folder.with_name("after")
    for path in after.rglob("*"):
        kept = disk.folder / path.relative_to(after)
        assert not path.is_file() or disk.content(kept) == path.read_bytes()


def test_a_store_that_never_syncs_would_be_caught_by_the_power_cut(
    day: tuple[PowerCut, list[Change]], tmp_path: Path
) -> None:
    before, log = day
    disk = before.copy()
    for change in log:
        if change.what != "S":
            disk.take(change)
    disk.write(tmp_path / "cut", "dropped", random.Random(0))

    with pytest.raises(AssertionError, match="is none of"):
        check(tmp_path / "cut", disk.acknowledged)


def test_an_acknowledged_step_that_is_missing_would_be_caught(template: Path) -> None:
    folder = template.with_name("unworked")
    shutil.copytree(template, folder)

    with pytest.raises(AssertionError, match="is none of"):
        check(folder, [{"try": 0}, {"done": 0, "ids": {"t0": "0" * 32}}])
    assert len(possible([{"try": 0}])) == 2


def test_half_of_a_pair_would_be_caught(template: Path) -> None:
    folder = template.with_name("half")
    shutil.copytree(template, folder)
    pair = next(i for i, (action, _) in enumerate(DAY) if action == "pair")
    with open_store(folder) as database, database.unit(OWNER, purpose="treatment") as unit:
        unit.patients.add([{"resourceType": "Patient", "id": "t2"}])
        unit.commit()

    with pytest.raises(AssertionError, match="is none of"):
        check(folder, [{"try": pair}])


def test_an_error_of_the_disk_is_told_as_one_of_the_store(
    faults: Faults, template: Path, tmp_path: Path
) -> None:
    for kind in ("eio-on", "full"):
        folder = tmp_path / kind
        shutil.copytree(template, folder)
        _, events = faults.run(folder, kind=kind, at=60)

        failed = {event["error"] for event in events if "failed" in event}
        assert failed <= {"StoreUnavailableError", "TombstoneError"}
        assert failed
        assert not [event for event in events if "bug" in event]


def test_a_torn_ring_file_is_refused_and_not_used(template: Path, tmp_path: Path) -> None:
    folder = tmp_path / "home"
    shutil.copytree(template, folder)
    ring = folder / "keys" / "ring.json"
    whole = ring.read_bytes()
    for size in range(0, len(whole) - 2, 37):
        ring.write_bytes(whole[:size])
        with pytest.raises(StorageError):
            Database.open(folder / "patients.db", KeyRing.open(ring)).close()
