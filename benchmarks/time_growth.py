"""Build one, three and ten times Hetionet: memory and time for an edge must not grow.

    python benchmarks/time_growth.py DATA [SIZES]    (the folder that holds hetionet/; 1,3,10)

The larger ones are made of Hetionet by relabelling: copy i has ``_i`` behind every identifier. Each
size is built and written in a process of its own, from plain SIF. Bars: at most 180 bytes of peak
memory an edge above the base (the same process with one edge); an edge of the largest takes at most
1.3 times as long as one of the smallest. Exits with 1 where a bar is missed.
"""

import json
import statistics
import sys
import tempfile
from pathlib import Path

from record import child, record

BYTES_AN_EDGE = 180
RATIO = 1.3
RUNS = 3  # of the time; the median counts

GENERATE = """
import gzip, sys
from pathlib import Path
data, out, copies = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
out.mkdir(parents=True)
lines = (data / "hetionet-v1.0-nodes.tsv").read_text(encoding="utf-8").splitlines()
with (out / "hetionet-v1.0-nodes.tsv").open("w", encoding="utf-8") as file:
    print(lines[0], file=file)
    for copy in range(copies):
        for line in lines[1:]:
            identifier, name, kind = line.split("\\t")
            mark = f"_{copy}" if copy else ""
            print(f"{identifier}{mark}", f"{name}{mark}", kind, sep="\\t", file=file)
files = sorted(data.glob("hetionet-v1.0-edges*.sif*"))
texts = [gzip.decompress(f.read_bytes()) if f.suffix == ".gz" else f.read_bytes() for f in files]
head = texts[0][: texts[0].index(b"\\n") + 1]
body = b"".join(text[len(head) :] for text in texts)
metaedges = {line.split(b"\\t")[1] for line in body.splitlines()}
edges = 0
for copy in range(copies):
    text = body
    if copy:
        mark = b"_%d" % copy
        text = text.replace(b"\\n", mark + b"\\n")
        for metaedge in metaedges:
            text = text.replace(b"\\t" + metaedge + b"\\t", mark + b"\\t" + metaedge + b"\\t")
    (out / f"hetionet-v1.0-edges-{copy}.sif").write_bytes(head + text)
    edges += text.count(b"\\n")
print('{"edges": %d}' % edges)
"""

BUILD = """
import json, resource, sys, time
from pathlib import Path
start = time.perf_counter()
from kg.builder import build
from kg.sources import create_source
from kg.store import write_graph
result = build([create_source("hetionet", Path(sys.argv[1]))])
assert not result.report.refused, result.report.refused[:3]
edges = result.graph.n_edges()
write_graph(result.graph, Path(sys.argv[2]))
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": seconds, "peak": peak, "edges": edges}))
"""


def main(data: str, sizes: list[int]) -> int:
    failed = 0
    spent: dict[int, float] = {}
    # This process stays small: on Linux a child's peak begins with its parent's.
    with tempfile.TemporaryDirectory() as temporary:
        base = _base(Path(temporary))
        for size in sizes:
            folder = Path(temporary) / str(size)
            child(GENERATE, f"{data}/hetionet", str(folder), str(size))
            runs = [child(BUILD, str(folder), f"{folder}-graph") for _ in range(RUNS)]
            edges = int(runs[0]["edges"])
            seconds = statistics.median(run["seconds"] for run in runs)
            peak = statistics.median(run["peak"] for run in runs)
            spent[size] = (seconds - base["seconds"]) / edges
            memory = (peak - base["peak"]) * 2**20 / edges
            failed |= memory > BYTES_AN_EDGE
            record(
                f"growth.{size}x.memory", memory, "bytes an edge above the base",
                bar=BYTES_AN_EDGE, peak_mb=round(peak, 1), base_mb=round(base["peak"], 1),
                edges=edges,
            )  # fmt: skip
            record(
                f"growth.{size}x.time", 1e6 * spent[size], "us an edge",
                seconds=round(seconds, 2), edges=edges,
            )  # fmt: skip
            for path in sorted(folder.iterdir()):
                path.unlink()
    if len(sizes) > 1:
        ratio = spent[max(sizes)] / spent[min(sizes)]
        failed |= ratio > RATIO
        record("growth.time.ratio", ratio, "ratio", bar=RATIO, of=f"{max(sizes)}x to {min(sizes)}x")
    return int(failed)


def _base(temporary: Path) -> dict[str, float]:
    """The process with a graph of one edge."""
    folder = temporary / "base"
    folder.mkdir()
    nodes = "id\tname\tkind\nGene::1\tA1BG\tGene\nGene::2\tA2M\tGene\n"
    (folder / "hetionet-v1.0-nodes.tsv").write_text(nodes)
    edges = "source\tmetaedge\ttarget\nGene::1\tGiG\tGene::2\n"
    (folder / "hetionet-v1.0-edges.sif").write_text(edges)
    runs = [child(BUILD, str(folder), f"{folder}-graph") for _ in range(RUNS)]
    return {key: statistics.median(run[key] for run in runs) for key in ("seconds", "peak")}


if __name__ == "__main__":
    wanted = sys.argv[2] if len(sys.argv) > 2 else "1,3,10"
    sys.exit(main(sys.argv[1], json.loads(f"[{wanted}]")))
