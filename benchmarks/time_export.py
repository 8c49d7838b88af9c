"""Write a part of Hetionet in all formats, and the whole of it as Parquet and as KGX TSV.

    python benchmarks/time_export.py DATA        (the folder that holds hetionet/)

Each figure comes from a fresh process that has opened the graph and selected; the median counts.
"""

import statistics
import sys
import tempfile
from pathlib import Path

from record import child, record

RUNS = 5

EXPORT = """
import json, resource, sys, time
from kg.export import FORMATS, check, export
from kg.selection import Selection, select
from kg.store import open_graph
path, out, formats, limit = sys.argv[1:]
graph = open_graph(path)
if int(limit):
    subset = select(graph, Selection(("metformin",), hops=2, limit=int(limit)))
else:
    subset = select(graph, Selection())
start, cpu = time.perf_counter(), time.process_time()
manifest = export(subset, formats.split(",") if formats else FORMATS, out)
seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
check(out)
print(json.dumps({"seconds": seconds, "cpu": cpu, "peak": peak,
                  "edges": sum(manifest["edges"].values()),
                  "bytes": sum(file["bytes"] for file in manifest["files"].values())}))
"""

BUILD = """
import json, sys
from pathlib import Path
from kg.builder import build
from kg.sources import create_source
from kg.store import write_graph
graph = build([create_source("starter"), create_source("hetionet", Path(sys.argv[1]))]).graph
write_graph(graph, Path(sys.argv[2]))
print(json.dumps({}))
"""


def main(data: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        graph = f"{folder}/graph"
        child(BUILD, f"{data}/hetionet", graph)
        for name, formats, limit in (
            ("all_formats", "", 900),
            ("whole.parquet", "parquet", 0),
            ("whole.kgx", "kgx", 0),
        ):
            runs = [child(EXPORT, graph, f"{folder}/out", formats, str(limit)) for _ in range(RUNS)]
            record(
                f"export.{name}", statistics.median(run["seconds"] for run in runs), "s",
                cpu=round(statistics.median(run["cpu"] for run in runs), 3),
                worst=round(max(run["seconds"] for run in runs), 3),
                peak=round(max(run["peak"] for run in runs)), edges=int(runs[0]["edges"]),
                megabytes=round(runs[0]["bytes"] / 1e6, 1),
            )  # fmt: skip


if __name__ == "__main__":
    main(str(Path(sys.argv[1])))
