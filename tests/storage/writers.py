"""Processes that write to one store at once, each with its waits measured.

Run as ``python -m tests.storage.writers LOCATION RING N_ENTRIES PATIENT``: reads the patient so
often, each read its own transaction, once a line comes on standard input; then says how long it
waited.
"""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from storage import Database, KeyRing
from tests.storage.stores import OWNER

ROOT = Path(__file__).parents[2]


class Waits(NamedTuple):
    """What one process saw, in milliseconds an entry."""

    median: float
    p99: float
    longest: float


def write_at_once(
    location: str, ring: Path, patients: Sequence[str], n_entries: int
) -> list[Waits]:
    """One process a patient, all started, then let go together."""
    command = [sys.executable, "-W", "error", "-m", "tests.storage.writers"]
    processes = [
        subprocess.Popen(
            [*command, location, str(ring), str(n_entries), patient],
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for patient in patients
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        said = [process.communicate()[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert [process.returncode for process in processes] == [0] * len(processes)
    return [Waits(*json.loads(each)) for each in said]


def _write(location: str, ring: Path, n_entries: int, patient: str) -> None:
    with Database.open(location, KeyRing.open(ring), busy_seconds=120) as database:
        reading = database.reading(OWNER, purpose="treatment")
        print("ready", flush=True)
        sys.stdin.readline()
        waits = []
        for _ in range(n_entries):
            start = time.perf_counter()
            reading.get(patient)
            waits.append(1000 * (time.perf_counter() - start))
    waits.sort()
    print(json.dumps([waits[len(waits) // 2], waits[len(waits) * 99 // 100], waits[-1]]))


if __name__ == "__main__":
    _write(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
