"""Import FHIR files that mean harm: no crash, no hang, no half patient, no word of it repeated.

    python benchmarks/fuzz_fhir.py [RESOURCES] [SEED]        (1,000,000 mutated resources; seed 0)

One process imports file after file into one store (anew every 10,000 patients) through the service
that the command line uses. What is done to the files is in ``tests/intake/hostile.py``. After each
import:

- every patient that was stored opens, and holds exactly the resources that the readers gave for it,
  merged with what was stored before;
- every other patient is named as not stored, and no patient more is there than was reported;
- no message holds clinical text, an escape sequence or a mark that turns the direction;
- the record makes a profile, and what the console shows of it is harmless.

A case that takes longer than the limit, or more than the memory, ends the run. Each failure is kept
in the folder that is printed. Exits with 1 where there is one.
"""

import faulthandler
import io
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from record import ROOT, peak_mb, record

sys.path.insert(0, str(ROOT))

LIMIT = 20.0  # seconds a case
MEMORY = 4 << 30  # bytes of address space
ENOUGH = 5  # failures, after which it is given up
SHARED = Path("/dev/shm")
RENEW = 10_000  # patients in a store, before the next one


class Run:
    """One store, and what must be in it."""

    def __init__(self, folder: Path) -> None:
        from service.patients import make_keys
        from service.settings import Settings

        self.home = folder / "home"
        shutil.rmtree(self.home, ignore_errors=True)
        self.settings = Settings(self.home, "fuzzer")
        make_keys(self.settings)
        self.expected: dict[str, list[Any]] = {}  # id -> resources

    def check(self, paths: Sequence[Path], resolver: Any) -> tuple[int, int]:
        """Import the files and check what came of it; patients stored and problems reported."""
        from intake import read_patients, to_profile
        from service.console import show_profile
        from service.merging import merge_records
        from service.patients import import_patients, open_store, read_record
        from storage import InvalidRecordError
        from tests.intake.hostile import CANARY, is_harmless

        told: list[Any] = []
        bundles = list(read_patients(paths, on_problem=told.append))
        report = import_patients(self.settings, paths)
        for problem in report.problems:
            assert is_harmless(problem), f"harmful message {problem!r}"
            assert CANARY not in problem, f"clinical text in {problem!r}"
            assert len(problem) < 2000, f"a message of {len(problem)} characters"
        refused = sum("the patient is not stored" in problem for problem in report.problems)
        assert len(bundles) == len(report.patients) + refused, "a patient went without a word"

        # Whom each bundle belongs to: those that were not refused, in order. Tried for each.
        stored = iter(report.patients)
        merged: dict[str, list[Any]] = {}
        todo = next(stored, None)
        for bundle in bundles:
            if todo is None:
                break
            known = merged.get(todo, self.expected.get(todo))
            try:
                new = (
                    bundle.resources if known is None else merge_records(known, bundle.resources)[0]
                )
            except InvalidRecordError:
                continue
            place = f"{bundle.place}: the patient is not stored"
            if any(problem.startswith(place) for problem in report.problems):
                continue
            merged[todo] = new
            todo = next(stored, None)
        assert todo is None, "more patients are said to be stored than were read"
        self.expected |= merged
        with open_store(self.settings) as store:
            for patient_id in merged:
                found = read_record(store, patient_id, actor="fuzzer", purpose="treatment")
                assert same(found, self.expected[patient_id]), "a record is not what was given"
                profile = to_profile(found, resolver, today=date(2026, 11, 20))
                shown = drawn(show_profile, resolver, profile)
                assert is_harmless(shown), f"harmful console: {shown!r}"
                profile.to_json()
        return len(report.patients), len(report.problems)

    def finish(self) -> None:
        """The store as a whole: nobody more, nobody less, and the log verifies."""
        from service.patients import ADMINISTRATION, open_store, patient_ids

        if self.expected:
            with open_store(self.settings) as store:
                ids = patient_ids(store, actor="fuzzer", purpose=ADMINISTRATION)
                assert sorted(ids) == sorted(self.expected), "other patients than those reported"
                store.verify_audit()


def same(found: list[Any], expected: list[Any]) -> bool:
    """Equal to the last character, 1 and 1.0 and True being different."""
    import json

    return json.dumps(found, sort_keys=True) == json.dumps(expected, sort_keys=True)


def drawn(show: Any, resolver: Any, profile: Any) -> str:
    """What the console shows of a profile, as for a file: no colours."""
    from rich.console import Console

    out = io.StringIO()
    show(Console(file=out, width=10_000, highlight=False, soft_wrap=True), resolver.graph, profile)
    return out.getvalue()


def main(n_resources: int, seed: int) -> int:
    from intake import Resolver
    from tests.intake.hostile import case
    from tests.intake.samples import small_graph

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    graph = small_graph()
    resolver = Resolver(graph)
    resolver.graph = graph  # type: ignore[attr-defined]  # for drawn()
    # In memory where that can be had: what a disk does is not what is tried here.
    folder = Path(tempfile.mkdtemp(prefix="fuzz-fhir-", dir=SHARED if SHARED.is_dir() else None))
    kept = folder / "failed"
    n_done = n_cases = n_stored = n_problems = failures = first = 0
    worst, start = 0.0, time.perf_counter()
    run = Run(folder)
    with suppress(KeyboardInterrupt):  # what was done until then is reported
        while n_done < n_resources and failures < ENOUGH:
            chance = random.Random(f"fhir {seed} {n_cases}")
            files, n_mutated = case(chance, first)
            paths = [folder / name for name, _ in files]
            for path, (_, content) in zip(paths, files, strict=True):
                path.write_bytes(content)
            faulthandler.dump_traceback_later(LIMIT, exit=True)
            began = time.perf_counter()
            try:
                stored, problems = run.check(paths, resolver)
                n_stored, n_problems = n_stored + stored, n_problems + problems
                if len(run.expected) >= RENEW or n_done + n_mutated >= n_resources:
                    faulthandler.cancel_dump_traceback_later()
                    run.finish()
                    run = Run(folder)
            except Exception:  # noqa: BLE001  (whatever it is, it is a finding)
                traceback.print_exc()
                failures += 1
                (kept / str(n_cases)).mkdir(parents=True)
                for path in paths:
                    shutil.copy(path, kept / str(n_cases))
                run = Run(folder)
            faulthandler.cancel_dump_traceback_later()
            worst = max(worst, time.perf_counter() - began)
            n_done, n_cases = n_done + n_mutated, n_cases + 1
            first += chance.choice([0, 0, 6])  # some patients come again
            for path in paths:
                path.unlink()
    if failures:
        print(f"cases in {kept}", file=sys.stderr)
    else:
        shutil.rmtree(folder)
    record(
        "fuzz.fhir", failures, "failures", resources=n_done, imports=n_cases, seed=seed,
        patients=n_stored, problems=n_problems, worst_ms=round(1000 * worst, 1),
        peak_mb=round(peak_mb()), seconds=round(time.perf_counter() - start, 1),
    )  # fmt: skip
    return int(failures > 0)


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    sys.exit(main(*(numbers + [1_000_000, 0][len(numbers) :])))
