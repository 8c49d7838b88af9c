"""How fast the patient store is: audited commits and reads, verification, rotation, backup.

    python benchmarks/time_store.py [commits] [reads] [entries] [--folder DISK] [--postgres]
    python benchmarks/time_store.py verify rotate backup --home FOLDER [--store URL]

The first three are measured on new stores in a temporary folder of DISK, with ``--postgres`` on a
server that is started for it. The others need the store that ``store_patients.py`` made in FOLDER;
its backup and the restored copy are put beside it and removed. Exits with 1 where a bar is missed.
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Self

from record import ROOT, peak_mb, record
from store_patients import (
    OWNER,
    PATIENTS,
    SEED,
    bytes_on_disk,
    identifiers,
    open_or_create,
    suggestion,
    synthetic,
)

from storage import Database, KeyRing

COMMITS_A_SECOND = 1_000  # bars
ENTRIES_SECONDS = 3.0
ROTATE_SECONDS = 60.0
BACKUP_SECONDS = 600.0

SIZES = (1, 20, 100)  # resources a patient
N_PATIENTS = 200  # in a store before anything is timed
SECONDS = 4.0  # of each throughput
ENTRIES = 1_000_000
STEP = 61  # a prime: the patients are not taken in the order in which they lie


class Places:
    """Empty places for stores: files in a folder, or schemas on a server of its own."""

    def __init__(self, folder: Path | None, server: Any) -> None:
        self._folder = folder
        self._server = server
        self.kind = "postgresql" if server else "sqlite"

    @classmethod
    @contextmanager
    def on(cls, folder: Path | None, *, postgres: bool) -> Iterator[Self]:
        """Places in temporary folders of ``folder``, or on a server that ends afterwards."""
        if not postgres:
            yield cls(folder, None)
            return
        sys.path.insert(0, str(ROOT))
        from tests.storage.server import running_server

        with running_server() as server:
            yield cls(folder, server)

    @contextmanager
    def empty(self) -> Iterator[str | Path]:
        """A place where nothing is yet."""
        if self._server:
            with self._server.place() as place:
                yield place.url
        else:
            with tempfile.TemporaryDirectory(dir=self._folder) as folder:
                yield Path(folder, "patients.db")

    @contextmanager
    def store(self) -> Iterator[tuple[Database, Path]]:
        """A new store, and a folder on the same disk."""
        with ExitStack() as stack:
            place = stack.enter_context(self.empty())
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=self._folder)))
            yield stack.enter_context(open_or_create(folder, place)), folder


def main() -> int:
    new = {"commits": commits, "reads": reads, "entries": entries}
    filled = {"verify": verify, "rotate": rotate, "backup": backup}
    parser = argparse.ArgumentParser()
    parser.add_argument("what", nargs="*", metavar="WHAT", help=" ".join([*new, *filled]))
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--entries", type=int, default=ENTRIES)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--store")
    options = parser.parse_args()
    what = options.what or list(new)
    if unknown := set(what) - {*new, *filled}:
        parser.error(f"{sorted(unknown)}: must be some of {[*new, *filled]}")
    if options.home is None and set(what) & set(filled):
        parser.error("--home must name the folder that store_patients.py filled")
    missed: list[str] = []
    with Places.on(options.folder, postgres=options.postgres) as places:
        for name in what:
            if name in new:
                missed += new[name](places, options)
            else:
                missed += filled[name](options.home, options.store)
    for line in missed:
        print(f"bar missed: {line}", file=sys.stderr)
    return int(bool(missed))


def commits(places: Places, _options: argparse.Namespace) -> list[str]:
    """Audited writes a second from one process: suggestions, each sealed and with its entry."""
    missed = []
    with places.store() as (database, folder):
        ids = some_patients(database, 20)
        rng = random.Random(SEED)
        answers = [suggestion(rng) for _ in range(100)]
        numbers = count()

        def write(k: int) -> Callable[[], None]:
            def one_unit() -> None:
                with database.unit(OWNER, purpose="treatment") as unit:
                    for _ in range(k):
                        n = next(numbers)
                        unit.patients.put_suggestion(ids[n * STEP % len(ids)], answers[n % 100])
                    unit.commit()

            return one_unit

        def report(name: str, rate: float, **bar: float) -> None:
            record(f"commits.{name}", rate, "operations/s", **bar, database=places.kind)

        report_fsync(folder)
        rates = {k: k * throughput(write(k)) for k in (1, 10, 100)}
        for k, rate in rates.items():
            report(f"one_thread.{k}_a_unit", rate, bar=COMMITS_A_SECOND)
        if max(rates.values()) < COMMITS_A_SECOND:  # with grouping, as its bar allows
            missed.append(f"{max(rates.values()):,.0f} audited operations/s at most")
        for n_threads in (4, 16):
            report(f"{n_threads}_threads.1_a_unit", throughput(write(1), n_threads))
        report_fsync(folder)
    return missed


def reads(places: Places, _options: argparse.Namespace) -> list[str]:
    """Reads a second, each with an audit entry that it committed itself."""
    for size in SIZES:
        with places.store() as (database, _):
            ids = some_patients(database, size)
            numbers = count()

            def read(
                database: Database = database,
                ids: list[str] = ids,
                numbers: Iterator[int] = numbers,
            ) -> None:
                number = next(numbers) * STEP % len(ids)
                database.reading(OWNER, purpose="treatment").get(ids[number])

            for n_threads in (1, 4):
                record("reads", throughput(read, n_threads), "reads/s", resources=size,
                       threads=n_threads, database=places.kind)  # fmt: skip
    return []


def throughput(operation: Callable[[], None], n_threads: int = 1) -> float:
    """Calls a second of all threads together, after one to warm up."""
    operation()
    done = [0] * n_threads
    begin = time.perf_counter()

    def work(mine: int) -> None:
        while time.perf_counter() - begin < SECONDS:
            operation()
            done[mine] += 1

    threads = [threading.Thread(target=work, args=(i,)) for i in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / (time.perf_counter() - begin)


def report_fsync(folder: Path) -> None:
    """What the disk takes to make 4 kB behind the end of a file durable."""
    seconds = []
    with (folder / "fsync").open("wb", buffering=0) as file:
        for _ in range(500):
            begin = time.perf_counter()
            file.write(bytes(4096))
            os.fsync(file.fileno())
            seconds.append(time.perf_counter() - begin)
    cuts = statistics.quantiles(seconds, n=100)
    record("machine.fsync", 1000 * cuts[49], "ms", p99=round(1000 * cuts[98], 3))


def entries(places: Places, options: argparse.Namespace) -> list[str]:
    """The log of very many entries about one patient: written 1,000 a unit, and verified."""
    n_entries = options.entries
    with places.empty() as place, tempfile.TemporaryDirectory() as home:
        with open_or_create(Path(home), place) as database:
            (patient_id,) = some_patients(database, 1, n=1)
            begin = time.perf_counter()
            for _ in range(n_entries // 1_000):
                with database.unit(OWNER, purpose="treatment") as unit:
                    for _ in range(1_000):
                        unit.patients.get(patient_id)
                    unit.commit()
            facts = {"entries": n_entries, "database": places.kind}
            record("entries.writing", time.perf_counter() - begin, "s", **facts)
            bar = ENTRIES_SECONDS * max(1, n_entries / ENTRIES)
            spent = time.process_time()
            seconds, _ = timed(database.verify_audit)
            spent = time.process_time() - spent
            record("entries.verify", seconds, "s", bar=bar, processor_s=round(spent, 2),
                   us_an_entry=round(1e6 * seconds / n_entries, 2), **facts)  # fmt: skip
        record("entries.disk", bytes_on_disk(place) / n_entries, "bytes an entry", **facts)
    return [f"{n_entries:,} entries verified in {seconds:.2f} s"] if seconds > bar else []


def verify(home: Path, location: str | None) -> list[str]:
    """Everything in the store of ``home``: entries, patients, sealed rows."""
    with open_or_create(home, location) as database:
        seconds, report = timed(database.verify_audit)
        n = report.head.n_patients
        record("verify", seconds, "s", patients=n, entries=report.head.n_entries,
               ms_a_patient=round(1000 * seconds / n, 3))  # fmt: skip
    return []


def rotate(home: Path, location: str | None) -> list[str]:
    """A new key-encryption key, and every patient's data key wrapped anew under it."""
    from storage.rotation import rotate as rotate_key

    with open_or_create(home, location) as database:
        n = database.checkpoint().n_patients
        seconds, rotation = timed(lambda: rotate_key(database, OWNER))
    bar = ROTATE_SECONDS * max(1, n / PATIENTS)
    record("rotate", seconds, "s", bar=bar, patients=n, moved=rotation.n_moved,
           us_a_patient=round(1e6 * seconds / n, 1))  # fmt: skip
    if rotation.n_moved < n or rotation.damaged:
        return [f"{rotation.n_moved} of {n} data keys were moved, {len(rotation.damaged)} damaged"]
    return [f"{n:,} data keys moved in {seconds:.0f} s"] if seconds > bar else []


def backup(home: Path, location: str | None) -> list[str]:
    """A backup of the store in ``home``, and that restored beside it."""
    from storage.backup import create_backup
    from storage.restore import restore_backup

    missed = []
    with tempfile.TemporaryDirectory(dir=home) as folder:
        file, restored = Path(folder, "backup"), Path(folder, "patients.db")
        with open_or_create(home, location) as database:
            n = database.checkpoint().n_patients
            making, made = timed(lambda: create_backup(database, file, actor=OWNER))
        ring = KeyRing.open(home / "keys" / "ring.json")
        putting, _ = timed(lambda: restore_backup(file, restored, ring, actor=OWNER))
        for name, seconds in (("create", making), ("restore", putting)):
            bar = BACKUP_SECONDS * max(1, n / PATIENTS)
            record(f"backup.{name}", seconds, "s", bar=bar, patients=n, rows=made.n_rows,
                   gb=round(made.size / 1e9, 3), peak_mb=round(peak_mb(), 1))  # fmt: skip
            if seconds > bar:
                missed.append(f"backup {name} of {n:,} patients took {seconds:.0f} s")
    return missed


def some_patients(database: Database, size: int, *, n: int = N_PATIENTS) -> list[str]:
    """Ids of ``n`` new patients of ``size`` resources."""
    with database.unit(OWNER, purpose="administration") as unit:
        ids = [
            unit.patients.add(synthetic(k, observations=size).resources[-size:], identifiers(k))
            for k in range(n)
        ]
        unit.commit()
    return ids


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what the call returned."""
    begin = time.perf_counter()
    value = call()
    return time.perf_counter() - begin, value


if __name__ == "__main__":
    sys.exit(main())
