"""Whether symptoms or genes say which drugs fit: what ``recommend.answers.findings`` rests on.

    python benchmarks/check_findings.py --graph GRAPH --bundle BUNDLE

Each treated disease with enough symptoms (or genes) is a patient of whom only some of them are
known. Drugs are ranked by the diseases that lie near, the disease itself left out; beside it stand
the mean over all other diseases, and how many others each drug treats. The embeddings have seen
which symptoms the disease has, so the figures flatter.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from record import record

from kg.graph import Graph
from kg.schema import EdgeType
from kg.store import open_graph
from recommend.answers.degrees import percentiles
from recommend.answers.findings import findings_scores, nearest_diseases
from recommend.bundle import Bundle, open_bundle
from recommend.evaluate.metrics import auroc, average_precision
from recommend.explain import TREATS

KNOWN_BY = {
    "symptoms": EdgeType("Disease", "presents", "Symptom"),
    "genes": EdgeType("Disease", "associates", "Gene"),
}
FEWEST, MOST = 3, 5  # findings of a patient


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--graph", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    options = parser.parse_args()
    graph = open_graph(options.graph)
    bundle = open_bundle(options.bundle, graph)
    for name, edge_type in KNOWN_BY.items():
        figures = measure(graph, bundle, edge_type)
        n = len(figures)
        for i, metric in enumerate(("auroc", "ap")):
            values = figures[:, i]
            for other in (1, 2):
                apart = values[:, 0] - values[:, other]
                beside = ("", "the mean of others", "popularity")[other]
                record(
                    f"track_findings_{name}_{metric}",
                    float(values[:, 0].mean()),
                    metric,
                    diseases=n,
                    beside=beside,
                    other=round(float(values[:, other].mean()), 4),
                    difference=round(float(apart.mean()), 4),
                    half_interval=round(float(1.96 * apart.std(ddof=1) / n**0.5), 4),
                )


def measure(graph: Graph, bundle: Bundle, edge_type: EdgeType) -> NDArray[np.float64]:
    """(n_diseases, 2, 3) AUROC and AP of findings, the mean of others, and popularity."""
    columns = percentiles(bundle.scores())
    treats = np.zeros(columns.shape, bool)
    table = graph.edges(TREATS)
    treats[np.asarray(table.head), np.asarray(table.tail)] = True
    known = graph.edges(edge_type)
    ids = graph.ids[edge_type.tail]
    found = []
    for disease in np.flatnonzero(treats.any(axis=0)).tolist():
        rows = np.asarray(known.tail)[known.of_head(disease)]
        if len(rows) < FEWEST:
            continue
        chosen = np.random.default_rng(disease).choice(rows, min(len(rows), MOST), replace=False)
        nodes = ids.take(chosen).to_pylist()
        near, weights = nearest_diseases(graph, bundle.embeddings, nodes, without=[disease])
        others = np.arange(columns.shape[1]) != disease
        mean = columns[:, others].mean(axis=1)
        rankings = (
            findings_scores(near, weights, lambda row: columns[:, row]),
            mean,
            treats[:, others].sum(axis=1) + 1e-6 * mean,
        )
        right = treats[:, disease]
        found.append(
            [[metric(r, right) for r in rankings] for metric in (auroc, average_precision)]
        )
    return np.array(found)


if __name__ == "__main__":
    main()
