"""Whole processes as a person waits for them: ``query metformin`` and ``--help``, warm.

python benchmarks/time_commands.py GRAPH        (a built graph's folder)
"""

import statistics
import subprocess
import sys
import time

from record import ROOT, record

RUNS = 11


def seconds(*arguments: str) -> list[float]:
    """Wall seconds of each counted run, after one that does not count."""
    times = []
    for _ in range(RUNS + 1):
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, str(ROOT / "cli.py"), *arguments], check=True, capture_output=True
        )
        times.append(time.perf_counter() - start)
    return times[1:]


def main(graph: str) -> None:
    for name, arguments in (
        ("query_metformin", ("query", "metformin", "--graph", graph)),
        ("help", ("--help",)),
    ):
        times = seconds(*arguments)
        record(
            f"process.{name}", statistics.median(times), "s",
            least=round(min(times), 3), most=round(max(times), 3), runs=RUNS,
        )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1])
