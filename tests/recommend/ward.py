"""A bundle with scores written by hand on a small graph: every right answer is known."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.graph import Graph
from recommend.answers.degrees import percentiles
from recommend.bundle import Bundle, write_bundle
from recommend.contributions import top_contributions
from tests.graphs import make_graph

N = 9
D = [f"DRUGBANK:DB0000{i}" for i in range(N)]  # by row
ILL, OTHER, HARD = "DOID:1", "DOID:2", "DOID:3"  # by row
GENE = "NCBIGene:1"
UNBOUND = "NCBIGene:2"  # no drug binds it; it makes a disease one that is told something of

# Drugs 0 to 2 treat ILL, 3 relieves it, 4 does both; 5 to 8 are hypotheses, best score first.
STACK = np.array(
    [
        [0.70, 0.10, 0.5],
        [0.90, 0.20, 0.5],
        [0.80, 0.30, 0.5],
        [0.95, 0.40, 0.5],
        [0.20, 0.50, 0.5],
        [0.99, 0.60, 0.5],
        [0.60, 0.70, 0.5],
        [0.60, 0.80, 0.5],
        [0.10, 0.90, 0.5],
    ],
    np.float32,
)


def warn(severity: str) -> dict[str, Any]:
    return {"severity": severity, "why": "why", "reference": ["ref-1"]}


def ward(
    all_bad: Sequence[str] = (),
    more: Mapping[str, Sequence[tuple[Any, ...]]] = MappingProxyType({}),
    statements: Mapping[str, list[dict[str, str]]] | None = None,
) -> Graph:
    """The graph; drugs that are ``all_bad`` are contraindicated in OTHER; ``more`` edges."""
    edges: dict[str, list[tuple[Any, ...]]] = {
        "Drug-treats-Disease": [
            (D[0], ILL, {"line": "1", "reference": ["guide-1", "guide-2"]}),
            (D[1], ILL, {"line": "2", "reference": ["guide-1"]}),
            (D[2], ILL, {"reference": ["guide-1"]}),
            (D[4], ILL),
        ],
        "Drug-palliates-Disease": [(D[3], ILL), (D[4], ILL)],
        "Drug-interacts-Drug": [(D[0], D[8], warn("major")), (D[5], D[8], warn("contraindicated"))],
        "Drug-contraindicated-Disease": [
            (D[6], ILL, warn("moderate")),
            (D[5], HARD, warn("contraindicated")),
            *[(drug, OTHER, warn("contraindicated")) for drug in all_bad],
        ],
        "Drug-binds-Gene": [(D[5], GENE), (D[7], GENE)],
        "Disease-associates-Gene": [(ILL, GENE), (OTHER, UNBOUND), (HARD, UNBOUND)],
    }
    nodes = {
        "Drug": {drug: f"drug {i}" for i, drug in enumerate(D)},
        "Disease": {ILL: "illness", OTHER: "other illness", HARD: "hard illness"},
        "Gene": {GENE: "GENE1", UNBOUND: "GENE2"},
        "DrugClass": {"ATC:C10AA": "statins"},
    }
    for name, rows in more.items():
        edges[name] = [*edges[name], *rows]
    return make_graph(nodes, edges, statements=statements)


def ward_bundle(path: Path, graph: Graph, *, stack: NDArray[np.float32] = STACK) -> Bundle:
    """Two members that make ``stack``; in ILL, CbGaD speaks for drug 5 and against drug 7."""
    parts = np.zeros((*stack.shape, 3))
    parts[[5, 7], 0, 0] = [3.0, -1.0]
    parts[5, 0, 1] = 1.0  # a kind of path that the graph does not have
    parts[:, 0, 2] = 2.0
    contributions = top_contributions(
        ["CbGaD", "CrCbGaD", "Drug-binds-Gene degree"],
        parts.reshape(len(stack), -1, 3),
        base=np.zeros(stack.shape[1]),
        shape=(stack.shape[0], stack.shape[1]),
    )
    return write_bundle(
        path,
        graph,
        card={
            "members": {"gnn": {}, "metapath": {}},
            "weights": {kind: {"gnn": 0.5, "metapath": 0.5} for kind in ("new", "known")},
            "explained_by": "metapath",
            "calibration": {"new": "none", "known": "none"},
            "absent": {"collaborative": "no patients were given"},
        },
        scores={"gnn": stack, "metapath": -stack, "stack": percentiles(stack)},
        contributions=contributions,
        linear={},
        embeddings=_embeddings(graph),
        collaborative=None,
        evaluation={"table": None, "diseases": [], "skipped": "made for a test"},
    )


def _embeddings(graph: Graph) -> NDArray[np.float16]:
    """(n_nodes, 2): drugs 5 and 7 point one way, all other nodes another."""
    result = np.tile(np.array([1, 0], np.float16), (graph.n_nodes(), 1))
    result[graph.offsets["Drug"] + np.array([5, 7])] = [1, 1]
    return result
