"""Whether a bundle gives away who was learnt from: LiRA, on factors made leaky and as released.

    python benchmarks/attack_bundle.py --graph GRAPH --bundle BUNDLE --patients FOLDER
        [--shadows N] [--targets N] [--epsilon E] [--machine NAME]

The attack is the likelihood-ratio attack of Carlini et al. (Membership Inference Attacks From First
Principles, IEEE S&P 2022): many bundles are made of random parts of the cohort, and each patient is
judged by how bundles with and without the patient look. First item factors that are leaky on
purpose (256 factors, hardly regularised, 100 patients); then what a bundle releases. With
``--epsilon`` also item factors under differential privacy. AUC and the share of members named at
1 % false positives, with intervals over patients. 128 shadows take about 20 minutes on two cores.
"""

import argparse
import os
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from record import record

from kg.store import open_graph
from recommend.bundle import open_bundle
from recommend.cohorts.collaborative import RELEASED_SHARE
from recommend.cohorts.combination import graph_part
from recommend.cohorts.privacy import DELTA, private_item_factors
from recommend.evaluate.membership import Membership, attack_factors
from recommend.evaluate.patients.attack import attack
from recommend.interactions import TrainingData, training_data
from recommend.models.als import AlternatingLeastSquares
from service.cohorts import read_cohort
from service.settings import read_settings

LEAKY = 100  # patients


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--graph", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--patients", required=True)
    parser.add_argument("--shadows", type=int, default=128)
    parser.add_argument("--targets", type=int, default=32)
    parser.add_argument("--epsilon", type=float)
    parser.add_argument("--machine")
    options = parser.parse_args()
    if options.machine:
        os.environ["MACHINE_CLASS"] = options.machine
    graph = open_graph(options.graph)
    cohort = read_cohort(read_settings(), graph, options.patients, failed=lambda *_: None)
    histories = cohort.histories()
    histories = histories[np.flatnonzero(histories.getnnz(axis=1))]
    size = {"n_shadows": options.shadows, "n_targets": options.targets}

    def leaky(known: sp.csr_matrix) -> dict[str, np.ndarray]:
        sizes = {"Drug": cohort.n_drugs, "Disease": cohort.n_diseases}
        als = AlternatingLeastSquares(factors=256, regularization=1e-3)
        return als.fit(TrainingData(sizes, {}, known)).save()

    tell("item factors made leaky on purpose", attack_factors(leaky, histories[:LEAKY], **size))
    training = training_data(graph)
    recorded = (training.treats + training.palliates).toarray() > 0
    part = graph_part(open_bundle(options.bundle, graph).scores(), recorded)
    tell(
        "what a bundle releases",
        attack(cohort, part, share=RELEASED_SHARE, **size),
    )
    if options.epsilon:

        def private(known: sp.csr_matrix) -> dict[str, np.ndarray]:
            factors = private_item_factors(known, epsilon=options.epsilon, delta=DELTA)
            fold_in = {"regularization": np.array([0.1]), "alpha": np.array([10.0])}
            return {"item_factors": factors, **fold_in}

        name = f"item factors with epsilon {options.epsilon:g}"
        tell(name, attack_factors(private, histories, **size))


def tell(name: str, found: Membership) -> None:
    for what, figure in (("AUC", found.auc), ("true positives at 1 % false", found.sensitivity)):
        record(
            f"membership inference, {name}, {what}",
            figure.value,
            "share",
            low=round(figure.low, 4),
            high=round(figure.high, 4),
            patients=found.n_patients,
            shadows=found.n_shadows,
            targets=found.n_targets,
        )


if __name__ == "__main__":
    main()
