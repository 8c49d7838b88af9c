"""What a patient's symptoms and genes say of drugs, by diseases that lie near them.

Each symptom and gene is a node with an embedding. Diseases whose embedding points the same way are
weighed, and the drugs that the stack ranks well for them are the answer. It is shown among the
parts of a score and is no part of the order, for this was measured (Hetionet, three to five
symptoms of each of 75 diseases taken for the patient, the disease itself left out;
``benchmarks/check_findings.py``): such a ranking finds the disease's drugs with an AUROC of .870,
where the mean over all other diseases reaches .841 (difference .029, half of its 95 % interval
.028), and an average precision of .236, where the number of diseases that a drug treats reaches
.160 (difference .075, half interval .033). By five genes: AUROC .824 and .839, average precision
.210 and .159. So it knows a little where the disease is unknown; that it adds anything to the
disease's own column, nobody has shown. And the embeddings had seen which symptoms each disease
has, which flatters the figures.
"""

from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray

from kg.graph import Graph
from recommend.profile import PatientProfile

NEAREST = 10  # diseases that are weighed
SHARPNESS = 20.0  # of the weights: exp(20 x cosine); chosen on that measurement from 5, 10 and 20

_TYPES = ("Symptom", "Phenotype", "Gene")


def finding_nodes(profile: PatientProfile) -> tuple[str, ...]:
    """CURIEs of the symptoms and genes that speak of a patient, sorted.

    Near matches and old records do not, unless confirmed; nor does what has ended.
    """
    symptoms = {f.node for f in profile.symptoms if f.is_certain and not f.ended}
    return tuple(sorted(symptoms | {phenotype.gene for phenotype in profile.genes}))


def nearest_diseases(
    graph: Graph,
    embeddings: NDArray[np.floating],
    nodes: Collection[str],
    *,
    without: Collection[int] = (),
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Rows of the diseases that lie nearest to ``nodes``, and their weights, which sum to one.

    Args:
        graph: that has the nodes.
        embeddings: (n_nodes, dim) by global number.
        nodes: CURIEs; those that are no symptom, phenotype or gene of the graph do not count.
        without: disease rows that are left out.

    Returns:
        Both of the same length, nearest first; empty where no node counts.
    """
    found = [place for place in map(graph.find, sorted(nodes)) if place and place[0] in _TYPES]
    begin, n_diseases = graph.offsets.get("Disease", 0), graph.n_nodes("Disease")
    allowed = np.setdiff1d(np.arange(n_diseases), np.array(list(without), np.int64))
    if not found or not len(allowed):
        return np.empty(0, np.int64), np.empty(0)
    given = _unit(embeddings[[graph.offsets[kind] + row for kind, row in found]])
    diseases = _unit(embeddings[begin : begin + n_diseases])
    cosines = (diseases[allowed] @ given.T).mean(axis=1)
    best = np.lexsort((allowed, -cosines))[:NEAREST]
    weights = np.exp(SHARPNESS * (cosines[best] - cosines[best[0]]))
    return allowed[best], weights / weights.sum()


def findings_scores(
    rows: NDArray[np.int64],
    weights: NDArray[np.float64],
    column: Callable[[int], NDArray[np.floating]],
) -> NDArray[np.float64]:
    """(n_drugs,) the weighted mean of the percentiles for the diseases ``rows``.

    Args:
        rows: of :func:`nearest_diseases`, not empty.
        weights: theirs.
        column: disease row -> (n_drugs,) percentiles.
    """
    return np.asarray(
        sum(w * column(row) for row, w in zip(rows.tolist(), weights.tolist(), strict=True))
    )


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    wide = vectors.astype(np.float64)
    return np.asarray(wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12))
