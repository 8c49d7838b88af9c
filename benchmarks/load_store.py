"""An open loop on the patient store: reads and writes arrive on time, whether or not it keeps up.

    python benchmarks/load_store.py --home FOLDER [--store URL] [--seconds S] [--mix MIX]
    python benchmarks/load_store.py --postgres [--patients N] [--seconds S] [--mix MIX]

FOLDER is one that ``store_patients.py`` filled; with ``--postgres`` a server is started and filled
for the run. 200 reads and 50 writes a second from 16 readers and 4 writers, each a process of its
own with arrivals of its own (Poisson, seeded), for 10 minutes.

What arrives while a process is busy waits in its queue, and its latency counts from its arrival:
a store that stalls is not let off by asking it less. A read is ``database.reading(...).get``, which
writes its audit entry. A write changes one patient: MIX ``suggest`` puts a suggestion, ``merge``
imports the Patient and five known observations with other values into the stored record, ``both``
(the default) takes turns.

One probe process does nothing but append 4 kB and fsync at the same pace as a reader: what it waits
is the machine's and not the store's. Nothing is written down while the load runs but numbers into
arrays that are there from the start; the memory is read from outside.

Bars: p99 at most 20 ms for every process, no wait over 1 s, nothing left undone, memory flat within
5 % after the first fifth, an audit entry for every access. Exits with 1 where one is missed.
"""

import argparse
import gc
import json
import multiprocessing
import os
import random
import sys
import tempfile
import time
from array import array
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from record import record
from store_patients import (
    OWNER,
    SEED,
    TOGETHER,
    fill,
    identifiers,
    open_or_create,
    suggestion,
    synthetic,
)
from time_store import Places

from service.merging import merge_records
from storage import Database, StorageError

READS_A_SECOND, READERS = 200, 16
WRITES_A_SECOND, WRITERS = 50, 4
SECONDS = 600
P99_MS, LONGEST_MS, GROWTH = 20.0, 1_000.0, 0.05  # bars
GRACE = 30  # seconds after the last arrival, then what is left counts as undone
N_CHOSEN = 2_000  # patients that one process may choose from
N_IMPORTED = 500  # of them, those that a writer imports again
MIXES = ("suggest", "merge", "both")
RSS_EVERY = 1.0  # seconds
WARM_UP = 0.2  # of the time
NOT_DONE = -1.0


class Job(NamedTuple):
    """What one process is to do."""

    name: str  # read, write or probe
    number: int
    rate: float  # arrivals a second
    seconds: float
    home: Path
    location: str | None
    mix: str
    chosen: list[tuple[int, str]]  # number and id of the patients
    observations: int

    def arrivals(self) -> "array[float]":
        """Seconds after the start."""
        rng = random.Random(f"{SEED}/{self.name}/{self.number}")
        times, now = array("d"), 0.0
        while (now := now + rng.expovariate(self.rate)) < self.seconds:
            times.append(now)
        return times


class Outcome(NamedTuple):
    """What became of one process."""

    job: Job
    latencies: list[float]  # seconds from arrival, of what was done
    scheduled: int
    errors: dict[str, int]
    rss: list[float]  # MB, one value every RSS_EVERY seconds

    def cut(self, share: float) -> float:
        """Latency in ms that this share of what was scheduled stayed below; undone is infinite."""
        rank = min(self.scheduled - 1, int(share * self.scheduled))
        ordered = sorted(self.latencies)
        return 1000 * ordered[rank] if rank < len(ordered) else float("inf")

    def growth(self) -> float:
        """Largest memory after the warm-up by the memory at its end, less 1."""
        warm = self.rss[int(WARM_UP * len(self.rss)) :]
        return max(warm) / warm[0] - 1 if warm else 0.0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path)
    parser.add_argument("--store")
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--patients", type=int, default=N_CHOSEN)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--mix", choices=MIXES, default="both")
    parser.add_argument("--rate", type=float, default=1.0, help="times the rates of the issue")
    options = parser.parse_args()
    if (options.home is None) != options.postgres:
        parser.error("--home must name the folder that store_patients.py filled, or --postgres")
    with ExitStack() as stack:
        if options.postgres:
            places = stack.enter_context(Places.on(None, postgres=True))
            options.store = stack.enter_context(places.empty())
            options.home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            with open_or_create(options.home, options.store) as database:
                for _ in fill(database, range(options.patients), together=TOGETHER):
                    pass
        return measure(options)


def measure(options: argparse.Namespace) -> int:
    """Run the load on a filled store, and report it."""
    with open_or_create(options.home, options.store) as database:
        listed = database.reading(OWNER, purpose="administration").list()
        ids = [summary.id for summary in listed]
        first = database.reading(OWNER, purpose="treatment").get(ids[0])
        kinds = [resource["resourceType"] for resource in first.resources]
        before = database.checkpoint().n_entries
    log = Path(f"{options.home / 'patients.db'}-wal")
    outcomes, longest_log = run(options, ids, kinds.count("Observation"), log)
    with open_or_create(options.home, options.store) as database:
        entries = database.checkpoint().n_entries - before
    if not options.store:
        record("load.log", longest_log / 1e6, "MB, at its longest", mix=options.mix)
    return report(options, outcomes, entries, len(ids))


def run(
    options: argparse.Namespace, ids: Sequence[str], observations: int, log: Path
) -> tuple[list[Outcome], int]:
    """Start all processes, let them begin together, and gather what they saw.

    The second value is the longest that the write-ahead log became, in bytes.
    """
    rng = random.Random(SEED)
    patients = list(enumerate(ids))
    plan = [
        *(("read", n, options.rate * READS_A_SECOND / READERS) for n in range(READERS)),
        *(("write", n, options.rate * WRITES_A_SECOND / WRITERS) for n in range(WRITERS)),
        ("probe", 0, options.rate * READS_A_SECOND / READERS),
    ]
    spawn = multiprocessing.get_context("spawn")  # as servers: nothing shared with the parent
    running = []
    for name, number, rate in plan:
        job = Job(
            name, number, rate, options.seconds, options.home, options.store, options.mix,
            rng.sample(patients, min(N_CHOSEN, len(patients))), observations,
        )  # fmt: skip
        ours, theirs = spawn.Pipe()
        process = spawn.Process(target=work, args=(job, theirs))
        process.start()
        theirs.close()
        running.append((job, process, ours, array("d")))
    for _, _, pipe, _ in running:
        pipe.recv()  # ready
    start = time.monotonic() + 1.0
    for _, _, pipe, _ in running:
        pipe.send(start)
    longest_log = 0
    while (now := time.monotonic()) < start + options.seconds:
        longest_log = max(longest_log, log.stat().st_size if log.exists() else 0)
        for _, process, _, rss in running:
            rss.append(resident_mb(process.pid))
        time.sleep(max(0.0, RSS_EVERY - (time.monotonic() - now)))
    outcomes = []
    for job, process, pipe, rss in running:
        seconds = array("d", pipe.recv_bytes())
        errors = json.loads(pipe.recv_bytes())
        process.join()
        done = [value for value in seconds if value != NOT_DONE]
        outcomes.append(Outcome(job, done, len(seconds), errors, [mb for mb in rss if mb]))
    return outcomes, longest_log


def work(job: Job, pipe: Connection) -> None:
    """One process: do each thing when it arrives, or as soon after as the one before is done."""
    arrivals = job.arrivals()
    seconds = array("d", [NOT_DONE]) * len(arrivals)
    errors: dict[str, int] = {}
    with open_or_create(job.home, job.location) as database:
        operation = {"read": reading, "write": writing, "probe": probing}[job.name](job, database)
        operation(0)
        gc.collect()
        gc.freeze()
        pipe.send("ready")
        start = pipe.recv()
        last = start + job.seconds + GRACE
        for i, arrival in enumerate(arrivals):
            due = start + arrival
            if (wait := due - time.monotonic()) > 0:
                time.sleep(wait)
            elif due - wait > last:
                break
            try:
                operation(i)
            except StorageError as error:
                name = type(error).__name__
                errors[name] = errors.get(name, 0) + 1
            seconds[i] = time.monotonic() - due
    pipe.send_bytes(seconds.tobytes())
    pipe.send_bytes(json.dumps(errors).encode())


def reading(job: Job, database: Database) -> Callable[[int], None]:
    """Read a patient whole, by a random choice."""
    rng = random.Random(f"{SEED}/choice/{job.name}/{job.number}")

    def read(_: int) -> None:
        _, patient_id = rng.choice(job.chosen)
        database.reading(OWNER, purpose="treatment").get(patient_id)

    return read


def writing(job: Job, database: Database) -> Callable[[int], None]:
    """Put a suggestion, or merge an import into the record."""
    rng = random.Random(f"{SEED}/choice/{job.name}/{job.number}")

    def suggest() -> None:
        _, patient_id = rng.choice(job.chosen)
        document = suggestion(rng)
        with database.unit(OWNER, purpose="treatment") as unit:
            unit.patients.put_suggestion(patient_id, document)
            unit.commit()

    imports = []  # made before the start: they are not the store's work
    for number, _ in job.chosen[:N_IMPORTED]:
        resources = synthetic(number, observations=job.observations).resources
        observations = rng.sample(resources[-job.observations :], min(5, job.observations))
        imports.append((identifiers(number), [resources[0], *observations]))

    def merge() -> None:
        links, sent = rng.choice(imports)
        for resource in sent[1:]:
            resource["valueQuantity"]["value"] = round(200 * rng.random(), 2)
        with database.unit(OWNER, purpose="administration") as unit:
            unit.patients.add(sent, links, merge=lambda stored: merge_records(stored, sent)[0])
            unit.commit()

    def write(i: int) -> None:
        if job.mix == "suggest" or (job.mix == "both" and i % 2):
            suggest()
        else:
            merge()

    return write


def probing(job: Job, _: Database) -> Callable[[int], None]:
    """Append 4 kB and fsync, on the disk of the store; no other does it."""
    handle = os.open(job.home / "probe", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    (job.home / "probe").unlink()

    def append(_: int) -> None:
        os.write(handle, bytes(4096))
        os.fsync(handle)

    return append


def resident_mb(pid: int | None) -> float:
    """Resident memory of another process; 0 where it has ended or this is not Linux."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def report(
    options: argparse.Namespace, outcomes: list[Outcome], entries: int, n_patients: int
) -> int:
    """One line for each figure, with the value of the worst process and all of them beside it."""
    facts: dict[str, Any] = {
        "seconds": options.seconds, "rate": options.rate, "mix": options.mix,
        "patients": n_patients,
        "database": "postgresql" if (options.store or "").startswith("postgresql") else "sqlite",
    }  # fmt: skip
    missed = []
    for name in ("read", "write", "probe"):
        mine = [outcome for outcome in outcomes if outcome.job.name == name]
        for label, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0)):
            each = [round(outcome.cut(share), 2) for outcome in mine]
            record(f"load.{name}.{label}", max(each), "ms, worst process", each=each, **facts)
            bar = {"p99": P99_MS, "max": LONGEST_MS}.get(label)
            if name != "probe" and bar is not None and max(each) > bar:
                missed.append(f"{label} of a {name} process is {max(each)} ms, more than {bar}")
        waits = sum(value > LONGEST_MS / 1000 for o in mine for value in o.latencies)
        done, due = sum(len(o.latencies) for o in mine), sum(o.scheduled for o in mine)
        worst = min(len(o.latencies) / o.scheduled for o in mine)
        errors: dict[str, int] = {}
        for outcome in mine:
            for error, n in outcome.errors.items():
                errors[error] = errors.get(error, 0) + n
        record(f"load.{name}.done", done, "operations", scheduled=due, worst_process=worst,
               waits_over_1_s=waits, errors=errors, **facts)  # fmt: skip
        if name != "probe" and (done < due or errors):
            missed.append(f"{due - done} of {due} {name}s undone, errors {errors}")
        growth = [round(outcome.growth(), 4) for outcome in mine]
        record(f"load.{name}.memory", max(growth), "growth after warm-up, worst process",
               each=growth, mb=[round(o.rss[-1], 1) for o in mine if o.rss], **facts)  # fmt: skip
        if name != "probe" and max(growth) > GROWTH:
            missed.append(f"memory of a {name} process grew by {100 * max(growth):.1f} %")
    # One to warm up each process, and none lost.
    accesses = sum(len(o.latencies) + 1 for o in outcomes if o.job.name != "probe")
    record("load.entries", entries, "audit entries", accesses=accesses, **facts)
    if entries != accesses:
        missed.append(f"{entries} audit entries for {accesses} accesses")
    for line in missed:
        print(f"bar missed: {line}", file=sys.stderr)
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
