"""Count paths, list them, and look around in a stored graph; every figure warm and by the median.

    python benchmarks/time_paths.py GRAPH        (the folder of a graph with Hetionet in it)

The bounds of memory: each child process counts one kind of question, and says its own peak.
"""

import sys

from record import child, record

START = """
import json, resource, statistics, sys, time
from pathlib import Path
import numpy as np
from kg.store import open_graph
graph = open_graph(Path(sys.argv[1]))
rng = np.random.default_rng(0)
def times(calls):
    taken = []
    for call in calls:
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return taken
def say(taken, **more):
    taken = taken[1:] if len(taken) > 2 else taken  # the first one imports scipy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"median": 1000 * statistics.median(taken), "worst": 1000 * max(taken),
                      "peak_mb": round(peak), "n": len(taken), **more}))
"""

ALL_PAIRS = """
from kg.convert import to_matrix
from kg.paths import metapath_matrix
from kg.schema import parse_metapath
metapath = parse_metapath(sys.argv[2])
matrices = {step.edge_type: to_matrix(graph, step.edge_type) for step in metapath}
found = []
taken = times([lambda: found.append(metapath_matrix(metapath, matrices).nnz)] * 3)
say(taken, pairs=found[0])
"""

ONE = """
from kg.paths import pair, row, strongest_paths
from kg.schema import parse_metapath
metapath = parse_metapath(sys.argv[2])
sources = rng.choice(graph.n_nodes(metapath[0].source), 50)
targets = rng.choice(graph.n_nodes(metapath[-1].target), 50)
ends = list(zip(sources.tolist(), targets.tolist()))
ask = {
    "pair": lambda s, t: pair(graph, metapath, s, t),
    "row": lambda s, t: row(graph, metapath, s),
    "strongest": lambda s, t: strongest_paths(graph, metapath, s, t),
}[sys.argv[3]]
say(times([lambda s=s, t=t: ask(s, t) for s, t in ends]))
"""

SELECT = """
from kg.neighborhood import explore
from kg.selection import Selection, select
drugs = rng.choice(graph.n_nodes("Drug"), 50, replace=False).tolist()
seeds = [graph.node("Drug", drug).id for drug in drugs]
questions = {
    "select.1_hop": [lambda s=s: select(graph, Selection((s,))) for s in seeds],
    "select.2_hops": [lambda s=s: select(graph, Selection((s,), 2)) for s in seeds],
    "explore.2_hops": [lambda s=s: explore(graph, Selection((s,), 2, limit=20)) for s in seeds],
    "explore.2_hops.by_degree": [
        lambda s=s: explore(graph, Selection((s,), 2, limit=20, order="degree")) for s in seeds
    ],
    "select.everything": [lambda: select(graph, Selection())] * 10,
    "select.one_licence": [
        lambda: select(graph, Selection(licences=(graph.provenances[0].licence,)))
    ] * 10,
}
say(times(questions[sys.argv[2]]), edges=graph.n_edges())
"""

METAPATHS = ("CbGaD", "CbGpPWpGaD", "CbGiGiGaD", "CcSEcCtD", "CrCrCtD")
ENDS = ("CbGpPWpGaD", "CbGiGiGaD", "CdGeAlD", "CcSEcCtDrD", "GiGr>GiGaD")


def main(graph: str) -> None:
    def note(name: str, *arguments: str) -> None:
        script = {"all": ALL_PAIRS, "one": ONE, "sel": SELECT}[arguments[0]]
        found = child(START + script, graph, *arguments[1:])
        more = {key: round(value, 3) for key, value in found.items() if key != "median"}
        record(name, found["median"], "ms", **more)

    for metapath in METAPATHS:
        note(f"dwpc.all_pairs.{metapath}", "all", metapath)
    for metapath in ENDS:
        for ask in ("pair", "row", "strongest"):
            note(f"dwpc.{ask}.{metapath}", "one", metapath, ask)
    for question in (
        "select.1_hop", "select.2_hops", "explore.2_hops", "explore.2_hops.by_degree",
        "select.everything", "select.one_licence",
    ):  # fmt: skip
        note(question, "sel", question)


if __name__ == "__main__":
    main(sys.argv[1])
