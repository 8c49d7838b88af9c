"""DWPC of all pairs by hetmatpy beside ours, on the same edges: the values, seconds and memory.

    python benchmarks/compare_hetmatpy.py GRAPH PYTHON

GRAPH is a stored graph, PYTHON an interpreter that has hetmatpy: it needs an environment of its
own. The edges are written as hetmatpy's folder of matrices; both then hold them in memory.

First each metapath alone, in float64 and in a fresh process a side: medians of calls after one that
does not count, where they are not slow; hetmatpy with sparse products throughout, which was its
fastest way. Then hetmatpy computes each metapath column of up to three steps, as a second opinion
on the columns that models learn from, which ours makes all at once in float32. Values that differ
by more than rounding end the program.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from record import ROOT, record

from kg.schema import NODES, edge_spec, parse_metapath
from kg.store import open_graph
from recommend.interactions import training_data
from recommend.models.features import EVIDENCE, feature_columns, feature_names

METAPATHS = (
    "CbGaD", "CtDaGaD", "CbGiGaD", "CbGbCtD", "CcSEcCtD", "CtDtCtD", "CbGpPWpGaD", "CbGpBPpGaD",
    "CbGdAdGaD",
)  # fmt: skip

# What may differ, relative to a value; below the second share of the largest value, to that share,
# for taking walks off leaves rounding.
SAME = (1e-8, 1e-6)  # float64
ALIKE = (1e-3, 1e-3)  # float32

START = """
import functools, json, resource, statistics, sys, time
from pathlib import Path
import numpy as np
import scipy.sparse as sp

def say(call):
    taken = []
    while len(taken) < 6 and sum(wall for wall, _ in taken) < 20:
        wall, cpu = time.perf_counter(), time.process_time()
        found = call()
        taken.append((time.perf_counter() - wall, time.process_time() - cpu))
    s, cpu_s = (statistics.median(values) for values in zip(*taken[1:] or taken))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    np.save(sys.argv[3], found.toarray())
    print(json.dumps({"s": s, "cpu_s": cpu_s, "peak_mb": peak}))
"""

OURS = """
from kg.paths import metapath_matrix
from kg.schema import parse_metapath
from kg.store import open_graph
from recommend.interactions import training_data

matrices = training_data(open_graph(Path(sys.argv[1]))).matrices
metapath = parse_metapath(sys.argv[2])
say(lambda: metapath_matrix(metapath, matrices))
"""

THEIRS = """
import hetmatpy.hetmat
from hetmatpy.degree_weight import dwpc

hetmatpy.hetmat.read_matrix = functools.cache(hetmatpy.hetmat.read_matrix)
hetmat = hetmatpy.hetmat.HetMat(sys.argv[1])

def compute(name):
    metapath = hetmat.metagraph.metapath_from_abbrev(name)
    return dwpc(hetmat, metapath, damping=0.4, dense_threshold=1)[2]
"""

ONE = "say(lambda: compute(sys.argv[2]))"

MANY = """
names, values, seconds = sys.argv[2].split(), [], 0.0
for name in names:
    start = time.perf_counter()
    found = compute(name)
    seconds += time.perf_counter() - start
    values.append(found.toarray())
np.save(sys.argv[3], values)
print(json.dumps({"s": seconds}))
"""


WRITE = """
import compare_hetmatpy
compare_hetmatpy.write_hetmat(sys.argv[1], Path(sys.argv[2]))
print("{}")
"""

# Our own process stays small: a child's peak counts from that of its parent.


def run(python: str, script: str, *arguments: object) -> dict[str, float]:
    """Run code in a fresh process; the JSON object that it prints last."""
    result = subprocess.run(
        [python, "-c", START + script, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'benchmarks'}"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    values: dict[str, float] = json.loads(result.stdout.splitlines()[-1])
    return values


def write_hetmat(graph: str, folder: Path) -> None:
    """The edges that columns are made of, as hetmatpy reads them; a node's name is its row."""
    data = training_data(open_graph(Path(graph)))
    tuples, abbreviations = [], {}
    for part in ("nodes", "edges"):
        (folder / part).mkdir(parents=True)
    for edge_type, matrix in data.matrices.items():
        if edge_type.relation not in EVIDENCE:
            continue
        spec = edge_spec(edge_type)
        directed = edge_type.head == edge_type.tail and not spec.symmetric
        tuples.append((edge_type.head, edge_type.tail, edge_type.relation,
                       "forward" if directed else "both"))  # fmt: skip
        head, tail = (NODES[end].abbreviation for end in (edge_type.head, edge_type.tail))
        abbreviations |= {edge_type.head: head, edge_type.tail: tail}
        abbreviations[edge_type.relation] = spec.abbreviation
        name = f"{head}{spec.abbreviation}{'>' if directed else ''}{tail}"
        sp.save_npz(folder / "edges" / f"{name}.sparse.npz", matrix)
    for node_type in data.n_nodes.keys() & abbreviations.keys():
        rows = [f"{row}\t{row}\t{row}\n" for row in range(data.n_nodes[node_type])]
        lines = ["position\tidentifier\tname\n", *rows]
        (folder / "nodes" / f"{node_type}.tsv").write_text("".join(lines), encoding="utf-8")
    metagraph = {"metaedge_tuples": tuples, "kind_to_abbrev": abbreviations}
    (folder / "metagraph.json").write_text(json.dumps(metagraph), encoding="utf-8")


def difference(
    ours: NDArray[Any], theirs: NDArray[Any], allowed: tuple[float, float], name: str
) -> float:
    """The largest relative difference."""
    most, share = allowed
    least = max(share * float(theirs.max()), np.finfo(np.float32).tiny)
    gap = np.abs(ours - theirs) / np.maximum(theirs, least)
    if not gap.max() <= most:
        drug, disease = np.unravel_index(gap.argmax(), gap.shape)
        sys.exit(f"{name} of row {drug}, column {disease}: ours {ours[drug, disease]}, "
                 f"hetmatpy's {theirs[drug, disease]}")  # fmt: skip
    return float(gap.max())


def compare(graph: str, python: str, hetmat: Path, metapath: str) -> None:
    """One metapath on both sides."""
    out = hetmat / "values.npy"
    ours = run(sys.executable, OURS, graph, metapath, out)
    mine = np.load(out)
    theirs = run(python, THEIRS + ONE, hetmat, metapath, out)
    gap = difference(mine, np.load(out), SAME, metapath)
    facts = {
        f"{side}_{name}": round(values[name], 4)
        for side, values in (("ours", ours), ("other", theirs))
        for name in ("s", "cpu_s", "peak_mb")
    }
    record(f"hetmatpy.{metapath}.ratio_to_ours", theirs["s"] / ours["s"], "ratio",
           cpu_ratio=round(theirs["cpu_s"] / ours["cpu_s"], 2), **facts,
           difference=float(f"{gap:.1e}"), pairs=int(np.count_nonzero(mine)))  # fmt: skip


def check_columns(graph: str, python: str, hetmat: Path) -> None:
    """All columns of up to three steps, by hetmatpy and as models see them."""
    data = training_data(open_graph(Path(graph)))
    start = time.perf_counter()
    columns = dict(zip(feature_names(data), feature_columns(data), strict=True))
    seconds = time.perf_counter() - start
    short = [name for name in columns if " " not in name and len(parse_metapath(name)) <= 3]
    out = hetmat / "values.npy"
    theirs = run(python, THEIRS + MANY, hetmat, " ".join(short), out)
    gaps = [
        difference(columns[name], values, ALIKE, name)
        for name, values in zip(short, np.load(out, mmap_mode="r"), strict=True)
    ]
    record("hetmatpy.columns.largest_difference", 1e6 * max(gaps), "ppm", compared=len(short),
           other_s=round(theirs["s"], 2), all=len(columns),
           ours_of_all_s=round(seconds, 2))  # fmt: skip


def main(graph: str, python: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        hetmat = Path(name, "hetmat")
        run(sys.executable, WRITE, graph, hetmat)
        for metapath in METAPATHS:
            compare(graph, python, hetmat, metapath)
        check_columns(graph, python, hetmat)


if __name__ == "__main__":
    main(*sys.argv[1:])
