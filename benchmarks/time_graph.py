"""Build, open and walk Hetionet, beside a networkx MultiDiGraph of the same files in the same run.

    python benchmarks/time_graph.py DATA        (the folder that holds hetionet/)

Each figure comes from a fresh process; the two builds take turns; the median of the ratios counts.
"""

import statistics
import sys
import tempfile

from record import child, record

RUNS = 5

OURS = """
import json, resource, sys, time
from pathlib import Path
start = time.perf_counter()
from kg.builder import build
from kg.sources import create_source
from kg.store import write_graph
graph = write_graph(build([create_source("hetionet", Path(sys.argv[1]))]).graph, Path(sys.argv[2]))
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": seconds, "peak": peak, "edges": graph.n_edges()}))
"""

NETWORKX = """
import gzip, json, resource, sys, time
from pathlib import Path
def rss():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 2**20
start = time.perf_counter()
import networkx as nx
before = rss()
graph = nx.MultiDiGraph()
folder = Path(sys.argv[1])
with open(folder / "hetionet-v1.0-nodes.tsv", encoding="utf-8") as file:
    next(file)
    graph.add_nodes_from(line.split("\\t", 1)[0] for line in file)
for path in sorted(folder.glob("hetionet-v1.0-edges*.sif*")):
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
        next(file)
        for line in file:  # faster than add_edges_from, which tries each key as a dictionary
            head, metaedge, tail = line.rstrip("\\n").split("\\t")
            graph.add_edge(head, tail, key=metaedge)
seconds = time.perf_counter() - start
grown = rss() - before
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
edges = graph.number_of_edges()
print(json.dumps({"seconds": seconds, "peak": peak, "grown": grown, "edges": edges}))
"""

OPEN = """
import json, resource, statistics, sys, time
from pathlib import Path
def rss():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 2**20
from kg.store import open_graph
import numpy as np
path = Path(sys.argv[1])
start = time.perf_counter()
open_graph(path)
cold = time.perf_counter() - start
times = []
for _ in range(20):
    start = time.perf_counter()
    open_graph(path)
    times.append(time.perf_counter() - start)
before = rss()
graph = open_graph(path)
total = 0
for table in graph.edge_tables.values():
    total += sum(int(column.sum()) for column in
                 (table.tail, table.by_tail, table.head_start, table.tail_start))
for table in graph.assertion_tables.values():
    total += int(table.edge.sum()) + int(table.provenance.sum()) + int(table.details.sum())
labels = graph.labels
total += int(labels.node.sum()) + int(labels.kind.sum()) + int(labels.by_key.sum())
columns = [*graph.ids.values(), *graph.names.values(), labels.text, labels.key, graph.details]
for column in columns:
    for buffer in column.buffers():
        if buffer is not None:
            total += int(np.frombuffer(buffer, np.uint8).sum())
print(json.dumps({"cold": cold, "seconds": statistics.median(times), "grown": rss() - before,
                  "torch": "torch" in sys.modules}))
"""

HOPS = """
import json, statistics, sys, time
from pathlib import Path
import numpy as np
from kg.query import neighborhood
from kg.store import open_graph
graph = open_graph(Path(sys.argv[1]))
rows = np.random.default_rng(0).choice(graph.n_nodes("Drug"), 200, replace=False)
times = []
for row in rows.tolist():
    start = time.perf_counter()
    neighborhood(graph, "Drug", row, 2)
    times.append(time.perf_counter() - start)
print(json.dumps({"seconds": statistics.median(times), "worst": max(times)}))
"""


def main(data: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        hetionet, graph = f"{data}/hetionet", f"{folder}/graph"
        pairs = [(child(OURS, hetionet, graph), child(NETWORKX, hetionet)) for _ in range(RUNS)]
        for key, unit in (("seconds", "s"), ("peak", "MB")):
            ratio = statistics.median(ours[key] / theirs[key] for ours, theirs in pairs)
            record(
                f"build.{key}.ratio_to_networkx", ratio, "ratio",
                ours=round(statistics.median(p[0][key] for p in pairs), 3),
                networkx=round(statistics.median(p[1][key] for p in pairs), 3),
                of=unit, edges=pairs[0][0]["edges"], edges_networkx=pairs[0][1]["edges"],
            )  # fmt: skip
        opened = child(OPEN, graph)
        record("open.cold", 1000 * opened["cold"], "ms")
        record("open.median", 1000 * opened["seconds"], "ms", torch=opened["torch"])
        grown = statistics.median(p[1]["grown"] for p in pairs)
        record(
            "open.memory.ratio_to_networkx", opened["grown"] / grown, "ratio",
            ours=round(opened["grown"], 2), networkx=round(grown, 1), of="MB, every column touched",
        )  # fmt: skip
        hops = child(HOPS, graph)
        record("two_hops.median", 1000 * hops["seconds"], "ms", worst=1000 * hops["worst"])


if __name__ == "__main__":
    main(sys.argv[1])
