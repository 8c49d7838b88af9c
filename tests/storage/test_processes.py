"""Writers in several processes and threads, and one that is killed in the middle."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from storage import Database, KeyRing
from tests.storage.stores import NUMBER, RECORD, read, store

ROOT = Path(__file__).parents[2]
N_UNITS = 15

WRITER = """
import sys
from pathlib import Path
from storage import Database, KeyRing

store, ring, actor, n_units = sys.argv[1:]
with Database.open(store, KeyRing.open(Path(ring))) as database:
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(int(n_units)):
        with database.unit(actor, purpose="treatment") as unit:
            unit.patients.add([{"resourceType": "Patient"}])
            unit.commit()
"""

KILLED = """
import sys
from pathlib import Path
from storage import Database, Identifier, KeyRing

store, ring, when = sys.argv[1:]
with Database.open(store, KeyRing.open(Path(ring))) as database:
    with database.unit("importer", purpose="administration") as unit:
        unit.patients.add(
            [{"resourceType": "Basic", "x": "y" * 5_000_000}],
            [Identifier("urn:hospital", "MRN-1")],
        )
        unit.patients.erase(unit.patients.add([]))
        if when == "after":
            unit.commit()
        print("ready", flush=True)
        sys.stdin.readline()
"""


def start(code: str, *arguments: object) -> "subprocess.Popen[str]":
    """A Python process that has said that it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_processes_that_write_at_once_grow_one_log_and_lose_nothing(
    database: Database, tmp_path: Path
) -> None:
    ring = tmp_path / "keys" / "ring.json"
    writers = [start(WRITER, database.path, ring, f"w{i}", N_UNITS) for i in range(3)]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=60)
        assert writer.returncode == 0

    report = database.verify_audit()

    assert (report.head.n_entries, report.head.n_patients) == (3 * N_UNITS, 3 * N_UNITS)
    actors = [entry.actor for entry in audit_log(database, 3 * N_UNITS)]
    assert [actors.count(f"w{i}") for i in range(3)] == [N_UNITS] * 3


def test_threads_that_write_at_once_grow_one_log_and_lose_nothing(tmp_path: Path) -> None:
    ring = KeyRing.create(tmp_path / "keys" / "ring.json")
    with Database.create(tmp_path / "patients.db", ring) as database:
        with ThreadPoolExecutor(4) as pool:
            ids = list(pool.map(lambda _: store(database, RECORD, []), range(40)))

        assert database.verify_audit().head.n_patients == len(set(ids)) == 40


def kill_in_a_unit(database: Database, ring: Path, when: str) -> None:
    process = start(KILLED, database.path, ring, when)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL


def test_a_unit_killed_before_its_commit_leaves_the_old_state_whole(
    database: Database, ada: str, tmp_path: Path
) -> None:
    before = database.checkpoint()

    kill_in_a_unit(database, tmp_path / "keys" / "ring.json", "before")

    assert database.checkpoint() == before
    database.verify_audit()
    assert list(read(database, ada)) == RECORD


def test_a_unit_killed_after_its_commit_has_lost_nothing(
    database: Database, ada: str, tmp_path: Path
) -> None:
    kill_in_a_unit(database, tmp_path / "keys" / "ring.json", "after")

    assert database.verify_audit().head.n_patients == 2
    assert read(database, ada)[0]["x"] == "y" * 5_000_000
    assert store(database, RECORD, [NUMBER]) == ada
