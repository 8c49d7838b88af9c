"""Throw damaged files at every reader: no crash but KgError, no hang, no partial graph.

    python benchmarks/fuzz_readers.py [CASES] [READER ...]    (10,000 cases each; all readers)

Targets, good files and the damage done to them are in ``tests/kg/fuzzing.py``. A graph that
:func:`kg.builder.build` returns is whole and valid. A reader runs in a process of its own; a case
that takes longer than the limit, or more than the memory, ends it and is a failure. So is an
exception raised where it cannot be caught. Every case that fails is kept in the folder that is
printed. Exits with 1 where there is one.
"""

import faulthandler
import json
import logging
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

from record import ROOT, record

CASES = 10_000
LIMIT = 10.0  # seconds a case
MEMORY = 8 << 30  # bytes of address space
ENOUGH = 5  # failures, after which a reader is given up


def run(reader: str, n_cases: int, folder: Path) -> dict[str, Any]:
    """All cases of one reader, in this process."""
    from kg.errors import KgError
    from tests.kg.fuzzing import TARGETS, damaged, good_files

    target, files = TARGETS[reader][0], good_files(reader)
    ignored: list[BaseException | None] = []  # raised where Python cannot pass them on
    sys.unraisablehook = lambda unraisable: ignored.append(unraisable.exc_value)
    logging.disable(logging.CRITICAL)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    chance = random.Random(f"{reader} 0")
    n_refused, failures, worst = 0, 0, 0.0
    for number in range(n_cases):
        content = damaged(files, chance)
        kept = folder / f"{reader}.case"
        kept.write_bytes(content)
        case_folder = folder / f"{reader}.folder"
        case_folder.mkdir()
        faulthandler.dump_traceback_later(LIMIT, exit=True)
        start = time.perf_counter()
        try:
            target(content, case_folder)
        except KgError:
            n_refused += 1
        except Exception:  # noqa: BLE001  (whatever it is, it is a finding)
            traceback.print_exc()
            failures += 1
            shutil.copy(kept, folder / f"{reader}-{number}.failed")
        worst = max(worst, time.perf_counter() - start)
        faulthandler.cancel_dump_traceback_later()
        if ignored:
            print(f"{reader}: raised where it cannot be caught: {ignored}", file=sys.stderr)
            failures += 1
            shutil.copy(kept, folder / f"{reader}-{number}.failed")
            ignored.clear()
        shutil.rmtree(case_folder)
        if failures >= ENOUGH:
            break
    return {
        "failures": failures,
        "cases": number + 1,
        "refused": n_refused,
        "worst_ms": round(1000 * worst, 1),
    }


def main(n_cases: int, readers: list[str]) -> int:
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    failed = 0
    for reader in readers:
        start = time.perf_counter()
        result = subprocess.run(
            [sys.executable, __file__, "--child", reader, str(n_cases), str(folder)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        found: dict[str, Any] = {"failures": 1, "ended": result.returncode}
        if result.returncode == 0:
            found = json.loads(result.stdout.splitlines()[-1])
        if found["failures"]:
            failed = 1
            case = folder / f"{reader}.case"
            if result.returncode and case.exists():
                shutil.copy(case, folder / f"{reader}-ended.failed")
            print(result.stderr[-3000:], f"cases in {folder}", sep="\n", file=sys.stderr)
        seconds = round(time.perf_counter() - start, 1)
        failures = found.pop("failures")
        record(f"fuzz.{reader}", failures, "failures", **found, seconds=seconds)
    if not failed:
        shutil.rmtree(folder)
    return failed


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(run(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))))
    else:
        from tests.kg.fuzzing import TARGETS

        readers = sys.argv[2:] or list(TARGETS)
        sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else CASES, readers))
