"""Attack the patient store in full counts: one JSON line a promise of docs/threat-model.md.

``python benchmarks/attack_store.py [p1 p2 p4 p5 p6 p7 p14 ...] [--share 0.1]``: all promises
without a name; ``--share`` takes that part of the counts. What the suite samples, this exhausts.
A line ``holes`` above 0 lists the first of them on standard error.
"""

import argparse
import json
import logging
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.record import record
from storage import Database, KeyRing, StorageError, StoreUnavailableError
from storage.crypto import AeadKey
from tests.storage import attacks, every_operation, fault_job
from tests.storage.canaries import Search, canaries
from tests.storage.faults import KINDS, Faults, PowerCut, changes
from tests.storage.server import Server, running_server
from tests.storage.victim import build
from tests.storage.writers import write_at_once

ROOT = Path(__file__).parent.parent
_JOB = ("-X", "dev", "-m", "tests.storage.canary_job")


def tell(promise: str, tried: int, holes: list[str], **more: object) -> None:
    """One line; the first holes on standard error."""
    record(f"attack_store {promise}", len(holes), "holes", tried=tried, **more)
    for hole in holes[:10]:
        print(f"{promise}: {hole}", file=sys.stderr)


def p1_canaries(folder: Path, share: float) -> None:
    """Canaries through a store's day, then every byte that was written."""
    n = int(10_000 * share)
    search, holes, n_bytes = Search(canaries(n)), [], 0
    for end in ("return", "raise", "abort"):
        home = folder / end
        (home / "tmp").mkdir(parents=True)
        done = subprocess.run(
            [sys.executable, *_JOB, str(home), str(n if end == "return" else 200), "", end],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(home / "tmp"), "PYTHONPATH": str(ROOT)},
            input=b"\n",
            capture_output=True,
            check=False,
        )
        (home / "output").write_bytes(done.stdout + done.stderr)
        if (done.returncode == 0) != (end == "return"):
            holes.append(f"{end}: ended with {done.returncode}: {done.stderr[-300:]!r}")
        n_bytes += sum(path.stat().st_size for path in home.rglob("*") if path.is_file())
        found = search.find_in(home)
        holes += [f"{name}: {what[:3]}" for name, what in found.items()]
    planted = folder / "planted"
    planted.mkdir()
    (planted / "x").write_bytes(b"\0" * 999 + canaries(n)[-1].plain.encode() + b"\0" * 9)
    if not search.find_in(planted):
        holes.append("the search does not find what was planted")
    tell("p1 canaries", n, holes, megabytes=round(n_bytes / 1e6, 1))


def p2_edits(folder: Path, share: float) -> None:
    """Every generated edit of every cell and row; the check must see all (P2, P3, P4)."""
    most = max(2, round(6 * share))
    with places(folder) as all_places:
        for dialect, location in all_places:
            victim = build(location, KeyRing.create(folder / dialect / "ring.json"))
            kinds = {
                "exchanges": attacks.exchanges(victim, most),
                "transplants": attacks.transplants(victim),
                "strange values": attacks.strange_values(victim, most),
                "bit flips": attacks.bit_flips(victim, most, 1 if share == 1 else 9),
                "row attacks": attacks.row_attacks(victim, most),
                "older rows": attacks.older_rows(victim),
            }
            for kind, attempts in kinds.items():
                n_tried, unseen = 0, []
                for attack in attempts:
                    if dialect == "postgresql" and random.random() > 0.2 * share:
                        continue
                    undo = victim.apply(attack.edits)
                    if undo:
                        n_tried += 1
                        if not victim.is_seen():
                            unseen.append(attack.name)
                    victim.apply(undo)
                victim.database.verify_audit()
                tell(f"p2 p3 p4 {kind} {dialect}", n_tried, unseen)
            victim.close()


@contextmanager
def places(folder: Path) -> Iterator[list[tuple[str, str]]]:
    """(dialect, location) of an empty place on SQLite and on a PostgreSQL server of our own."""
    for dialect in ("sqlite", "postgresql"):
        (folder / dialect).mkdir(mode=0o700)
    with running_server() as server, server.place() as place:
        yield [
            ("sqlite", str(folder / "sqlite" / "patients.db")),
            ("postgresql", place.url),
        ]


def p5_processes(folder: Path, share: float) -> None:
    """16 processes, 10,000 entries each, with a restart of all of them between."""
    n_entries = int(5_000 * share)
    with places(folder) as all_places:
        for dialect, location in all_places:
            ring_file = folder / dialect / "ring.json"
            ring = KeyRing.create(ring_file)
            with Database.create(location, ring, owner=fault_job.OWNER) as database:
                with database.unit(fault_job.OWNER, purpose="treatment") as unit:
                    patients = [unit.patients.add([{"resourceType": "Patient"}]) for _ in range(16)]
                    unit.commit()
                before = database.checkpoint().n_entries
                start, waits = time.perf_counter(), []
                for _ in range(2):
                    waits += write_at_once(location, ring_file, patients, n_entries)
                seconds = time.perf_counter() - start
                size = database.verify_audit().head.n_entries
                log = database.reading(fault_job.OWNER, purpose="audit").audit_entries(before, size)
            holes = []
            if size - before != 32 * n_entries:
                holes.append(f"{size - before} entries, not {32 * n_entries}")
            if [entry.index for entry in log] != list(range(before, size)):
                holes.append("indices are not 0 to n - 1")
            if Counter(entry.subject for entry in log) != dict.fromkeys(patients, 2 * n_entries):
                holes.append("entries of a process are missing")
            tell(
                f"p5 processes {dialect}",
                32 * n_entries,
                holes,
                per_second=round(32 * n_entries / seconds),
                longest_wait_ms=round(max(wait.longest for wait in waits), 1),
                p99_ms_worst_process=round(max(wait.p99 for wait in waits), 1),
                median_ms_worst_process=round(max(wait.median for wait in waits), 1),
            )


def p6_fail_closed(folder: Path, share: float) -> None:
    """Random operations, a third of them with a statement failing at random."""
    rng, holes, n_tried, n_shown, n_refused, n_raw = random.Random(6), [], 0, 0, 0, 0
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)  # of what fails on purpose
    operations = {**every_operation.OPERATIONS, **every_operation.DENIALS}
    rare = {"backup", "rotate", "access log"}
    often = [name for name in operations if name not in rare] * 20 + list(rare)
    for part in range(max(1, int(50 * share))):
        home = folder / str(part)
        home.mkdir()
        ring = KeyRing.create(home / "keys" / "ring.json")
        with Database.create(home / "patients.db", ring, owner=fault_job.OWNER) as database:
            ready = every_operation.stage(database, home)
            moments = [10**9] * 40 + [round(1.3**k) for k in range(27)]
            tries: list[tuple[str, str, str | None, int, int]] = []
            for _ in range(2_000):
                name = rng.choice(often)
                action, operation = operations[name]
                before, shown = database.checkpoint().n_entries, None
                try:
                    with every_operation.failing(rng.choice(moments)):
                        operation(ready)
                    shown = "ok"
                except StoreUnavailableError:
                    shown = None  # which shows nothing, and may be unrecorded
                except sqlite3.Error:
                    n_raw += 1  # as well, but it should have been one of ours
                except StorageError as error:
                    shown = type(error).__name__
                after = database.checkpoint().n_entries
                tries.append((name, action, shown, before, after))
            database.verify_audit()
            head = database.checkpoint().n_entries
            log = database.reading(fault_job.OWNER, purpose="audit").audit_entries(0, head)
        for name, action, shown, before, after in tries:
            n_tried += 1
            n_shown += shown == "ok"
            n_refused += shown not in ("ok", None)
            found = {(entry.action, entry.outcome) for entry in log[before:after]}
            if shown and (action, shown) not in found:
                holes.append(f"{name} gave {shown}, but the log has {sorted(found)}")
        shutil.rmtree(home)
    tell("p6 unrecorded", n_tried, holes, shown=n_shown, refused_by_rule=n_refused, raw=n_raw)


def p7_faults(folder: Path, share: float) -> None:
    """Each kind of fault at every change to a file, and a power cut at each."""
    template, log = folder / "template", folder / "log"
    template.mkdir()
    fault_job.make(template)
    home = folder / "home"
    with Faults(folder) as faults:
        shutil.copytree(template, home)
        disk = PowerCut(home)
        faults.run(home, log=str(log))
        everything = list(changes(log))
        n_changes = sum(change.is_counted for change in everything)
        step = max(1, round(1 / share))
        for kind in KINDS[1:]:
            holes: list[str] = []
            moments = range(1, n_changes + 1, step)
            for at in moments:
                shutil.rmtree(home)
                shutil.copytree(template, home)
                status, events = faults.run(home, kind=kind, at=at)
                if status not in (0, -signal.SIGKILL):
                    holes.append(f"at {at}: {events[-1]}")
                else:
                    _try(lambda events=events: fault_job.check(home, events), f"at {at}", holes)
            tell(f"p7 {kind}", len(moments), holes, changes=n_changes)
    holes, n_cuts, rng, cut = [], 0, random.Random(7), folder / "cut"
    for moment, change in enumerate(everything):
        disk.take(change)
        if moment % step:
            continue
        for how in ("dropped", "torn", "random"):
            n_cuts += 1
            disk.write(cut, how, rng)
            _try(lambda: fault_job.check(cut, disk.acknowledged), f"{how} at {moment}", holes)
            shutil.rmtree(cut)
    tell("p7 power cuts", n_cuts, holes)


def _try(check: Callable[[], object], where: str, holes: list[str]) -> None:
    try:
        check()
    except Exception as error:  # noqa: BLE001 (whatever it is, it is a hole)
        holes.append(f"{where}: {type(error).__name__} {str(error)[:300]}")


def p7_kills(folder: Path, share: float) -> None:
    """A writer killed at a random time, 1,000 times."""
    template = folder / "template"
    template.mkdir()
    fault_job.make(template)
    rng, holes, n_runs, n_steps = random.Random(8), [], int(1_000 * share), Counter[str]()
    home = folder / "home"
    longest = _day(template, home, None)[0]
    for run in range(n_runs):
        _, events = _day(template, home, rng.uniform(0, 1.1 * longest))
        n_steps.update(key for one in events for key in ("try", "done") if key in one)
        _try(lambda events=events: fault_job.check(home, events), f"run {run}", holes)
    tell("p7 SIGKILL", n_runs, holes, acknowledged=n_steps["done"], begun=n_steps["try"])


def _day(template: Path, home: Path, end: float | None) -> tuple[float, list[dict[str, object]]]:
    """A day of ``fault_job`` in a fork, killed after ``end`` seconds."""
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(template, home)
    told = home.with_name("told")
    handle = os.open(told, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_APPEND)
    start = time.perf_counter()
    child = os.fork()
    if not child:
        try:
            fault_job.work(home, handle)
        finally:
            os._exit(0)
    os.close(handle)
    if end is not None:
        time.sleep(end)
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return time.perf_counter() - start, [json.loads(x) for x in told.read_text().splitlines()]


_WORK = "import sys; from pathlib import Path; from tests.storage.fault_job import work; "
_WORK += "work(Path(sys.argv[1]), 1, sys.argv[2])"


def p7_postgresql(folder: Path, share: float) -> None:
    """On PostgreSQL: the client killed at a random time; the server stopped at once."""
    from tests.storage.test_processes import start_again

    rng = random.Random(9)
    with running_server() as server:
        for what, n_runs in (
            ("client killed", int(100 * share)),
            ("server stopped", int(20 * share)),
        ):
            holes: list[str] = []
            for run in range(n_runs):
                home = folder / f"{what}-{run}"
                home.mkdir()
                with server.place() as place:
                    fault_job.make(home, place.url)
                    events = _killed(home, place.url, rng, server if "server" in what else None)
                    if "server" in what:
                        start_again(server)
                    _try(
                        lambda home=home, events=events, place=place: fault_job.check(
                            home, events, place.url
                        ),
                        f"run {run}",
                        holes,
                    )
                shutil.rmtree(home)
            tell(f"p7 postgresql {what}", n_runs, holes)


def _killed(
    home: Path, url: str, rng: random.Random, server: Server | None
) -> list[dict[str, object]]:
    from tests.storage.test_processes import stop_at_once

    process = subprocess.Popen(
        [sys.executable, "-c", _WORK, str(home), url], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(rng.randrange(1, 24))]
    time.sleep(rng.uniform(0, 0.02))
    if server is None:
        process.kill()
    else:
        stop_at_once(server)
    told += process.communicate()[0].splitlines()
    return [json.loads(line) for line in told if line.rstrip().endswith("}")]


def p14_nonces(_folder: Path, share: float) -> None:
    """Nonces under one key: no two alike."""
    key = AeadKey.generate(version=1)
    n = int(3_000_000 * share)
    nonces = {key.seal(b"", context=b"")[6:18] for _ in range(n)}
    tell("p14 nonces", n, [] if len(nonces) == n else [f"{n - len(nonces)} repeated"])


PROMISES = {
    "p1": [p1_canaries],
    "p2": [p2_edits],
    "p5": [p5_processes],
    "p6": [p6_fail_closed],
    "p7": [p7_faults, p7_kills, p7_postgresql],
    "p14": [p14_nonces],
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("promises", nargs="*", choices=[*PROMISES, []], default=[])
    parser.add_argument("--share", type=float, default=1.0)
    arguments = parser.parse_args()
    for name in arguments.promises or PROMISES:
        for attack in PROMISES[name]:
            with tempfile.TemporaryDirectory(prefix="attack-") as folder:
                start = time.perf_counter()
                attack(Path(folder), arguments.share)
                seconds = round(time.perf_counter() - start, 1)
                print(f"{attack.__name__}: {seconds} s", file=sys.stderr)


if __name__ == "__main__":
    main()
