"""How long names take: exact and near look-ups in a graph of many labels, mapped from disk.

    python benchmarks/time_names.py PHARMAKON_DATA [COPIES]

Builds the starter, Hetionet, the ontologies and the lists of names into one graph, writes it, opens
it in a fresh process, and looks up labels drawn at random, each once, and misspelt names. Then the
same with COPIES (default 3) further synonyms of each name: several 100,000 labels.
"""

import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from record import ROOT, child, record

sys.path.insert(0, str(ROOT))

from kg import Graph, build, create_source, write_graph
from kg.sources.base import Batch, LabelBatch, Source

# Runs in a process of its own: the first look-up is cold.
_LOOK_UP = """
import json, sys, time
from pathlib import Path
started = time.perf_counter()
import numpy as np
from kg import open_graph
from kg.names import closest, key, lookup, misspelt, resolve_disease, resolve_drug
imported = time.perf_counter()
graph = open_graph(Path(sys.argv[1]))
opened = time.perf_counter()
closest(graph, "simvistatin", ("Drug",))
near = time.perf_counter()
rng = np.random.default_rng(0)
numbers = rng.choice(len(graph.labels.node), 5000, replace=False).tolist()
texts = [graph.labels.text[number].as_py() for number in numbers]
lookup(graph, "warm")

def timed(ask, texts):
    seconds = []
    for text in texts:
        start = time.perf_counter()
        ask(text)
        seconds.append(time.perf_counter() - start)
    return np.array(seconds)

exact = timed(lambda text: lookup(graph, text), texts)
drugs = ["simvistatin", "metropolol", "amlodapine", "hydrochlorthiazide", "levothyroxin"]
diseases = ["hypertention", "osteoporsis", "schizophrenea", "carcinoma of the brest", "asthama"]
words = drugs + diseases
every = timed(lambda text: closest(graph, text), words)
typed = timed(lambda text: misspelt(graph, text, ("Drug", "Disease")), words)
displays = [f"{word} 10 MG Oral Tablet" for word in drugs]
read = timed(lambda text: resolve_drug(graph, text), displays)
print(json.dumps({
    "labels": len(graph.labels.node),
    "open_ms": 1e3 * (opened - imported),
    "near_cold_ms": 1e3 * (near - opened),
    "exact_median_us": 1e6 * float(np.median(exact)),
    "exact_p90_us": 1e6 * float(np.quantile(exact, 0.9)),
    "exact_p99_us": 1e6 * float(np.quantile(exact, 0.99)),
    "near_all_types_max_ms": 1e3 * float(every.max()),
    "near_typed_max_ms": 1e3 * float(typed.max()),
    "misspelt_display_max_ms": 1e3 * float(read.max()),
}))
"""


class Synonyms:
    """Further synonyms of every name, made up."""

    name: ClassVar[str] = "made-up"
    licence: ClassVar[str] = "CC0-1.0"
    describes: ClassVar[str] = "made-up synonyms"
    stage: ClassVar[int] = 1

    def __init__(self, graph: Graph, copies: int) -> None:
        self._graph, self._copies = graph, copies

    def read(self) -> Iterator[Batch]:
        """Yield the synonyms."""
        rows = [
            (row, node.id, "synonym", f"{node.name[::-1]} {node.name} {copy}")
            for node_type in self._graph.node_types
            for row in range(self._graph.n_nodes(node_type))
            for node in [self._graph.node(node_type, row)]
            for copy in range(self._copies)
        ]
        yield LabelBatch("made-up", rows, replace(self._graph.provenances[0], source=self.name))

    def version(self) -> Mapping[str, Any]:
        """Nothing was read."""
        return {"release": str(self._copies)}


def main() -> None:
    """Time both graphs."""
    data = Path(sys.argv[1])
    copies = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    sources: list[Source] = [
        create_source("starter"),
        create_source("hetionet", data / "hetionet"),
        create_source("ontology", data / "ontology"),
        create_source("names", data / "ontology", data / "drugbank", data / "atc"),
    ]
    graph: Graph | None = None
    for name in ("merged", "many"):
        start = time.perf_counter()
        more = [Synonyms(graph, copies)] if graph else []
        graph = build([*sources, *more]).graph
        record(f"names.{name}.build", time.perf_counter() - start, "s")
        with tempfile.TemporaryDirectory() as folder:
            write_graph(graph, Path(folder, "graph"))
            for key, value in child(_LOOK_UP, str(Path(folder, "graph"))).items():
                record(f"names.{name}.{key}", value, key.rpartition("_")[2])


if __name__ == "__main__":
    main()
