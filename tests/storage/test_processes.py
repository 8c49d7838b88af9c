"""Writers in several processes and threads, and one that is killed in the middle: one log."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage import Database, KeyRing
from tests.storage.fault_job import check, make
from tests.storage.server import Server, _binaries, _unprivileged_user, running_server
from tests.storage.stores import NUMBER, OWNER, RECORD, read, store
from tests.storage.writers import write_at_once

ROOT = Path(__file__).parents[2]
N_WRITERS = 3
N_ENTRIES = 10

KILLED = """
import sys
from pathlib import Path
from storage import Database, Identifier, KeyRing

store, ring, when = sys.argv[1:]
with Database.open(store, KeyRing.open(Path(ring))) as database:
    with database.unit("owner", purpose="treatment") as unit:
        unit.patients.add(
            [{"resourceType": "Basic", "x": "y" * 5_000_000}],
            [Identifier("urn:hospital", "MRN-1")],
        )
        if when == "after":
            unit.commit()
        print("ready", flush=True)
        sys.stdin.readline()
"""
WORKING = """
import sys
from pathlib import Path
from tests.storage.fault_job import work

work(Path(sys.argv[1]), 1, sys.argv[2])
"""


def test_processes_that_write_at_once_grow_one_log_and_lose_nothing(
    database: Database, location: str, ring: KeyRing
) -> None:
    patients = [store(database, RECORD, []) for _ in range(N_WRITERS)]
    n_before = database.checkpoint().n_entries
    for _ in range(2):  # with a restart between
        waits = write_at_once(location, ring.folder / "ring.json", patients, N_ENTRIES)
        assert len(waits) == N_WRITERS

    head = database.verify_audit().head
    n_written = 2 * N_WRITERS * N_ENTRIES
    assert head.n_entries == n_before + n_written
    log = database.reading("officer", purpose="audit").audit_entries(n_before, head.n_entries)
    assert [entry.index for entry in log] == list(range(n_before, head.n_entries))
    of_patient = Counter(entry.subject for entry in log)
    assert of_patient == dict.fromkeys(patients, 2 * N_ENTRIES)


def test_threads_that_write_at_once_grow_one_log_and_lose_nothing(
    location: str, ring: KeyRing
) -> None:
    with Database.create(location, ring, owner=OWNER) as database:

        def add(_: int) -> str:
            with database.unit(OWNER, purpose="treatment") as unit:
                patient = unit.patients.add(RECORD)
                unit.commit()
            return patient

        with ThreadPoolExecutor(4) as pool:
            ids = list(pool.map(add, range(40)))

        assert database.verify_audit().head.n_patients == len(set(ids)) == 40


def kill_in_a_unit(location: str, ring: KeyRing, when: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", KILLED, location, ring.folder / "ring.json", when],
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL


def wait_until_free(database: Database) -> None:
    """A server ends a killed client's transaction once it notices."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            with database.backend.gate():
                return
        except TimeoutError:
            continue
    raise AssertionError("the gate of a killed writer stays shut")


def test_a_unit_killed_before_its_commit_leaves_the_old_state_whole(
    database: Database, ada: str, location: str, ring: KeyRing
) -> None:
    before = database.checkpoint()

    kill_in_a_unit(location, ring, "before")

    wait_until_free(database)
    assert database.checkpoint() == before
    database.verify_audit()
    assert list(read(database, ada)) == RECORD


def test_a_unit_killed_after_its_commit_has_lost_nothing(
    database: Database, ada: str, location: str, ring: KeyRing
) -> None:
    kill_in_a_unit(location, ring, "after")

    wait_until_free(database)
    assert database.verify_audit().head.n_patients == 1
    assert read(database, ada)[0]["x"] == "y" * 5_000_000
    assert store(database, RECORD, [NUMBER]) == ada


@pytest.mark.parametrize("moment", range(3))
def test_a_day_killed_at_a_random_moment_has_kept_what_it_acknowledged(
    moment: int, location: str, tmp_path: Path
) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    make(folder, location if "://" in location else "")
    process = subprocess.Popen(
        [sys.executable, "-c", WORKING, str(folder), location if "://" in location else ""],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(random.Random(moment).randrange(1, 24))]
    process.kill()
    told += process.communicate()[0].splitlines()

    check_told(folder, told, location if "://" in location else "")


def check_told(folder: Path, told: list[str], location: str) -> None:
    """As ``check``, of lines of which the last may be torn."""
    events = []
    for line in told:
        try:
            events.append(json.loads(line))
        except ValueError:
            continue
    check(folder, events, location)


def stop_at_once(server: Server) -> None:
    """End the server's processes with nothing written out, and wait for that."""
    process = server.folder / "data" / "postmaster.pid"
    os.kill(int(process.read_text().split()[0]), signal.SIGQUIT)
    while process.exists():
        time.sleep(0.01)


def start_again(server: Server) -> None:
    """Start it; it then recovers."""
    user = _unprivileged_user()
    started = subprocess.run(
        [_binaries() / "pg_ctl", "start", "--silent", "--wait", "--pgdata=data", "--log=log"],
        user=user,
        extra_groups=None if user is None else [],
        cwd=server.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    assert started.returncode == 0


def test_a_server_stopped_at_once_has_kept_what_it_acknowledged(
    server: Server, tmp_path: Path
) -> None:
    """A server of its own, not the shared one, which is asked for to be skipped without any."""
    folder = tmp_path / "home"
    folder.mkdir()
    with running_server() as doomed, doomed.place() as place:
        make(folder, place.url)
        process = subprocess.Popen(
            [sys.executable, "-c", WORKING, str(folder), place.url],
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(9)]
        stop_at_once(doomed)
        start_again(doomed)
        told += process.communicate()[0].splitlines()

        check_told(folder, told, place.url)
