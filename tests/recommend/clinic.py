"""A graph with a hierarchy, trials, references and symptoms, and a bundle on it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.graph import Graph
from recommend import Fact, Kind, PatientProfile, Recommendation, Recommender
from recommend.answers.conformal import Abstention
from recommend.bundle import Bundle
from recommend.cohorts.collaborative import Collaborative
from recommend.cohorts.combination import BANDS, GRAPH_PARTS, PARTS
from recommend.cohorts.counts import ALL, Counts
from recommend.models.prescribing import Prescribing
from tests.graphs import make_graph
from tests.recommend.ward import ward_bundle

N = 8
DRUGS = {f"DRUGBANK:DB1000{i}": f"drug {i}" for i in range(N)}
D = list(DRUGS)

NAMES = (
    "hypertension",
    "essential hypertension",
    "gestational hypertension",
    "lung cancer",
    "small cell lung cancer",
    "rare essential hypertension",
    "asthma",
    "lonely illness",
    "exercise asthma",
)
DISEASES = {f"DOID:{100 + i}": name for i, name in enumerate(NAMES)}
ID = {name: node for node, name in DISEASES.items()}
COUGH, WHEEZE = "MESH:D003371", "MESH:D012135"
GENE = "NCBIGene:1565"

_ABOVE = {
    "essential hypertension": "hypertension",
    "gestational hypertension": "hypertension",
    "small cell lung cancer": "lung cancer",
    "rare essential hypertension": "essential hypertension",
    "exercise asthma": "asthma",
}


def clinic(
    *,
    trials: Sequence[tuple[Any, ...]] = (),
    against: Sequence[tuple[Any, ...]] = (),
    treats: Sequence[tuple[Any, ...]] = (),
    statements: Mapping[str, list[dict[str, str]]] | None = None,
) -> Graph:
    """Drugs 0 and 1 treat hypertension, 2 relieves it, 3 treats lung cancer, 4 asthma."""
    edges: dict[str, list[tuple[Any, ...]]] = {
        "Drug-treats-Disease": [
            (D[0], ID["hypertension"], {"line": "1", "reference": ["old", "new"]}),
            (D[1], ID["hypertension"], {"reference": ["unknown"]}),
            (D[3], ID["lung cancer"]),
            (D[4], ID["asthma"], {"reference": ["old"]}),
            *treats,
        ],
        "Drug-palliates-Disease": [(D[2], ID["hypertension"])],
        "Disease-subclass_of-Disease": [(ID[a], ID[b]) for a, b in _ABOVE.items()],
        "Disease-associates-Gene": [(node, GENE) for node in DISEASES],  # told something of
        "Disease-presents-Symptom": [(ID["asthma"], COUGH), (ID["asthma"], WHEEZE)],
        "Drug-contraindicated-Disease": list(against),
        "Drug-in_clinical_trials_for-Disease": list(trials),
    }
    nodes = {
        "Drug": DRUGS,
        "Disease": DISEASES,
        "Symptom": {COUGH: "cough", WHEEZE: "wheezing"},
        "Gene": {GENE: "CYP2D6"},
    }
    told = {
        "references": [{"key": "old", "year": "2009"}, {"key": "new", "year": "2021"}],
        **(statements or {}),
    }
    return make_graph(nodes, {name: rows for name, rows in edges.items() if rows}, statements=told)


def scores() -> NDArray[np.float32]:
    """(n_drugs, n_diseases) no two alike."""
    rng = np.random.default_rng(5)
    return rng.permutation(N * len(NAMES)).reshape(N, -1).astype(np.float32)


def engine(path: Path, graph: Graph, stack: NDArray[np.float32] | None = None) -> Recommender:
    bundle = ward_bundle(path / "bundle", graph, stack=scores() if stack is None else stack)
    return Recommender.load(bundle, graph=graph)


def extended(
    bundle: Bundle,
    *,
    abstention: Abstention | None = None,
    collaborative: Collaborative | None = None,
) -> Bundle:
    """``bundle`` with these parts."""
    changed = replace(bundle)
    vars(changed).update(abstention=abstention, collaborative=collaborative)  # as if read already
    return changed


def collaborative(n_drugs: int, n_diseases: int, *, seed: int = 0) -> Collaborative:
    """Random factors; the longer a history, the less the graph weighs; one count: 22 of 44."""
    rng = np.random.default_rng(seed)
    weights = np.zeros((len(BANDS) + 1, len(PARTS)))
    weights[:, PARTS.index("history")] = [0.0, 1.0, 2.0, 4.0]
    weights[:, PARTS.index(GRAPH_PARTS[0])] = [1.0, 0.5, 0.2, 0.1]
    none = np.empty(0, np.int64)
    return Collaborative(
        Prescribing(none, none, np.empty((0, 0), np.float32), n_drugs),
        rng.normal(size=(n_drugs, 3)).astype(np.float32),
        0.1,
        10.0,
        none,
        weights,
        Counts(np.array([[0, ALL, ALL, 44], [0, 0, ALL, 22]]), n_diseases, "a test"),
    )


def who(*conditions: str | Fact, **more: Any) -> PatientProfile:
    """A man of 50 with the conditions of these names."""
    facts = tuple(Fact(ID[c]) if isinstance(c, str) else c for c in conditions)
    return PatientProfile(facts, **{"sex": "male", "age_years": 50.0, **more})


def drugs(answer: Recommendation, kind: Kind) -> list[str]:
    return [s.drug_name for s in answer.suggestions if s.kind is kind]
