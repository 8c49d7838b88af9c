"""Time what ranking is made of: the metapath columns of all pairs, and a bundle as it is used.

    python benchmarks/time_ranking.py GRAPH [HOME]

GRAPH is a stored graph. HOME is a folder in which `train` was run, with graph/ and bundle/ in it.
Every figure is that of fresh processes; those of the bundle are medians of five.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from record import ROOT, child, record

RUNS = 5

COLUMNS = """
import json, resource, sys, time
from pathlib import Path
import numpy as np
from kg.store import open_graph
from recommend.interactions import training_data
from recommend.models.features import feature_columns, feature_names

def seconds(view):
    wall, cpu = time.perf_counter(), time.process_time()
    feature_columns(view)
    return time.perf_counter() - wall, time.process_time() - cpu

data = training_data(open_graph(Path(sys.argv[1])))
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
first, first_cpu = seconds(data)
second, second_cpu = seconds(data.without(diseases=range(0, data.shape[1], 5), resemblance=True))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({
    "first": first, "first_cpu": first_cpu, "second": second, "second_cpu": second_cpu,
    "peak": peak, "base": base, "columns": len(feature_names(data)),
    "drugs": data.shape[0], "diseases": data.shape[1],
}))
"""

OPEN = """
import json, sys, time
from pathlib import Path
from kg.store import open_graph
from recommend.bundle import open_bundle
home = Path(sys.argv[1])
start = time.perf_counter()
graph = open_graph(home / "graph")
middle = time.perf_counter()
open_bundle(home / "bundle", graph)
end = time.perf_counter()
print(json.dumps({"graph": 1000 * (middle - start), "bundle": 1000 * (end - middle),
                  "torch": "torch" in sys.modules}))
"""


def columns(graph: str) -> None:
    found = child(COLUMNS, graph)
    facts = {name: int(found[name]) for name in ("columns", "drugs", "diseases")}
    for name in ("first", "second"):
        cpu_s = round(found[f"{name}_cpu"], 2)
        record(f"columns.{name}_view", found[name], "s", cpu_s=cpu_s, **facts)
    record("columns.peak", found["peak"], "MB", graph_alone_mb=round(found["base"]))


def size(bundle: Path) -> None:
    parts: dict[str, float] = {}
    for file in bundle.iterdir():
        stem = file.name.split(".")[0]
        parts[stem] = parts.get(stem, 0) + file.stat().st_size / 1e6
    largest = sorted(parts.items(), key=lambda part: -part[1])
    record("bundle.size", sum(parts.values()), "MB", **{n: round(mb, 3) for n, mb in largest})


def opening(home: str) -> None:
    runs, whole = [], []
    for _ in range(RUNS):
        start = time.perf_counter()
        runs.append(child(OPEN, home))
        whole.append(time.perf_counter() - start)
    if any(run["torch"] for run in runs):
        sys.exit("opening a bundle imported torch")
    record("bundle.open", statistics.median(run["bundle"] for run in runs), "ms",
           graph_ms=round(statistics.median(run["graph"] for run in runs), 2),
           process_ms=round(1000 * statistics.median(whole)), torch_imported=False)  # fmt: skip


def command(name: str, *arguments: str) -> None:
    """Seconds of a whole process of the program, after one that does not count."""
    times = []
    for _ in range(RUNS + 1):
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, str(ROOT / "cli.py"), *arguments], check=True, capture_output=True
        )
        times.append(time.perf_counter() - start)
    record(f"process.{name}", statistics.median(times[1:]), "s",
           least=round(min(times[1:]), 3), most=round(max(times[1:]), 3))  # fmt: skip


def main(graph: str, home: str | None = None) -> None:
    columns(graph)
    if home is None:
        return
    size(Path(home, "bundle"))
    opening(home)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "scores.npz")
        command("scores", "scores", "--out", str(out), "--home", home)
        record("scores.size", out.stat().st_size / 1e6, "MB")
    command("query_similar", "query", "metformin", "--similar", "--home", home)


if __name__ == "__main__":
    main(*sys.argv[1:])
