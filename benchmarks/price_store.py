"""What encryption and audit cost: the sealed store against the same rows in clear, same run.

    python benchmarks/price_store.py [--folder DISK] [--postgres] [--pairs N] [--sizes 1,20,100]

For patients of 1, 20 and 100 resources: add, read, replace all resources, write a suggestion; one
commit each, an audit row in it (``plain_store`` is the other side). Blocks of operations take
turns, who begins changes each time, and the ratio is the median over the pairs of blocks with its
95 % interval. Beside it SQLCipher, where the package ``sqlcipher3`` is installed. Bar: at most
twice the time, for each operation and size. Exits with 1 where a bar is missed.
"""

import argparse
import os
import random
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from plain_store import PlainStore
from record import record
from store_patients import OWNER, SEED, identifiers, suggestion, synthetic
from time_store import Places, report_fsync

from storage import Database

BAR = 2.0
SIZES = "1,20,100"
BLOCK = 25  # operations of one side before it is the other's turn
PAIRS = 24
OPERATIONS = ("add", "read", "replace", "suggest")
STEP = 61  # a prime: the patients are not taken in the order in which they lie


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--sizes", default=SIZES)
    options = parser.parse_args()
    missed = []
    with Places.on(options.folder, postgres=options.postgres) as places:
        for size in map(int, options.sizes.split(",")):
            with places.store() as (database, folder), places.empty() as plain:
                report_fsync(folder)
                sides: dict[str, Any] = {
                    "plain": PlainStore(plain, actor=OWNER),
                    "sealed": Sealed(database),
                }
                if not options.postgres:
                    sides.update(encrypted_file(folder))
                for operation, seconds in in_turns(sides, size, options.pairs):
                    facts = {"resources": size, "database": places.kind}
                    ratio = report(f"price.sealed.{operation}", seconds, "sealed", bar=BAR, **facts)
                    if "sqlcipher" in sides:
                        report(f"price.sqlcipher.{operation}", seconds, "sqlcipher", **facts)
                    if ratio > BAR:
                        missed.append(f"{operation} of {size} resources: {ratio:.2f} times plain")
                for side in sides.values():
                    side.close()
    for line in missed:
        print(f"bar missed: {line}", file=sys.stderr)
    return int(bool(missed))


class Sealed:
    """The sealed store behind the three calls that the plain one has; one unit each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, patient_id: str) -> Sequence[Any]:
        """A patient's resources."""
        return self._database.reading(OWNER, purpose="treatment").get(patient_id).resources

    def add(self, resources: Sequence[Any], links: Sequence[Any]) -> str:
        """Store a patient, or replace the resources of the one with these identifiers."""
        with self._database.unit(OWNER, purpose="administration") as unit:
            patient_id = unit.patients.add(resources, links)
            unit.commit()
        return patient_id

    def put_suggestion(self, patient_id: str, document: Any) -> str:
        """Store one suggestion."""
        with self._database.unit(OWNER, purpose="treatment") as unit:
            own_id = unit.patients.put_suggestion(patient_id, document)
            unit.commit()
        return own_id

    def close(self) -> None:
        """Whoever opened the database closes it."""


def encrypted_file(folder: Path) -> dict[str, PlainStore]:
    """The plain rows in a file that SQLCipher encrypts, if it is installed."""
    try:
        return {"sqlcipher": PlainStore(folder / "cipher.db", actor=OWNER, key=os.urandom(32))}
    except ModuleNotFoundError:
        print("sqlcipher3 is not installed: no lines of SQLCipher", file=sys.stderr)
        return {}


def in_turns(sides: dict[str, Any], size: int, pairs: int) -> Any:
    """Yield each operation with the seconds it took on each side, a list of one value a block."""
    total = BLOCK * (pairs + 1)  # the first block warms up
    rng = random.Random(SEED)
    answers = [suggestion(rng) for _ in range(total)]
    old, new = (
        [synthetic(first + n, observations=size).resources[-size:] for n in range(total)]
        for first in (0, total)
    )
    ids: dict[str, list[str]] = {name: [] for name in sides}

    def do(operation: str, name: str, n: int) -> None:
        side, other = sides[name], n * STEP % total
        if operation == "add":
            ids[name].append(side.add(old[n], identifiers(n)))
        elif operation == "read":
            assert len(side.get(ids[name][other])) == size
        elif operation == "replace":
            assert side.add(new[n], identifiers(other)) == ids[name][other]
        else:
            side.put_suggestion(ids[name][other], answers[n])

    for operation in OPERATIONS:
        seconds: dict[str, list[float]] = {name: [] for name in sides}
        for block in range(pairs + 1):
            for name in sides if block % 2 else reversed(sides):
                begin = time.perf_counter()
                for n in range(block * BLOCK, (block + 1) * BLOCK):
                    do(operation, name, n)
                if block:
                    seconds[name].append((time.perf_counter() - begin) / BLOCK)
        yield operation, seconds


def report(name: str, seconds: dict[str, list[float]], side: str, **facts: object) -> float:
    """Record the ratio of one side to the plain one, and return it."""
    ratios = [mine / plain for mine, plain in zip(seconds[side], seconds["plain"], strict=True)]
    ratio = statistics.median(ratios)
    rng = random.Random(SEED)
    medians = sorted(statistics.median(rng.choices(ratios, k=len(ratios))) for _ in range(2_000))
    record(
        name, ratio, "times plain", interval=[round(medians[49], 3), round(medians[1949], 3)],
        ms=round(1000 * statistics.median(seconds[side]), 3),
        plain_ms=round(1000 * statistics.median(seconds["plain"]), 3),
        pairs=len(ratios), block=BLOCK, **facts,
    )  # fmt: skip
    return ratio


if __name__ == "__main__":
    sys.exit(main())
