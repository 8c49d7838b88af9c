"""How long a recommendation takes in process, warm, with reasons and safety: p50 and p99; a batch.

    python benchmarks/time_suggest.py --graph GRAPH --bundle BUNDLE [--fhir FILE…] [--machine NAME]

Patients: those in the FHIR files, or seeded random ones of 4 to 10 conditions and up to 8 drugs.
The first pass over all patients fills the caches and is reported on its own. A batch is ranked
without words (:meth:`Recommender.rank_many`), and beside it stands how many times
faster that is than one by one, by processor time.
"""

import argparse
import os
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
from record import peak_mb, record

from intake import read_patients, to_profile
from intake.codes import Resolver
from kg.graph import Graph
from kg.store import open_graph
from recommend import Fact, Knowledge, PatientProfile, Recommender

TODAY = date(2021, 4, 1)  # the day after the last entry of the synthetic patients
N_RANDOM = 500
N_BATCH = 10_000
SEED = 0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--graph", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--fhir", type=Path, nargs="+")
    parser.add_argument("--machine")
    parser.add_argument("-k", type=int, default=5)
    options = parser.parse_args()
    if options.machine:
        os.environ["MACHINE_CLASS"] = options.machine
    graph = open_graph(options.graph)
    begin = time.perf_counter()
    recommender = Recommender.load(options.bundle, graph=graph)
    record("time_load", 1000 * (time.perf_counter() - begin), "ms", drugs=graph.n_nodes("Drug"))
    profiles = synthetic(graph, options.fhir) if options.fhir else random_profiles(graph, N_RANDOM)
    for name, passes in (("time_suggest_first_pass", 1), ("time_suggest", 2)):
        report(name, recommender, profiles, passes, options.k)
    report_batch(recommender, graph, options.k)
    record("peakmem_suggest", peak_mb(), "MB")


def report(
    name: str, recommender: Recommender, profiles: Sequence[PatientProfile], passes: int, k: int
) -> None:
    """Time each profile ``passes`` times."""
    seconds, n_suggestions = [], 0
    for profile in [*profiles] * passes:
        begin = time.perf_counter()
        answer = recommender.recommend(profile, k=k)
        seconds.append(time.perf_counter() - begin)
        n_suggestions += len(answer.suggestions)
    facts = {
        "patients": len(profiles),
        "conditions": round(float(np.mean([len(p.conditions) for p in profiles])), 1),
        "suggestions": round(n_suggestions / len(seconds), 1),
    }
    for percentile in (50, 99):
        value = 1000 * float(np.percentile(seconds, percentile))
        record(f"{name}_p{percentile}", value, "ms", **facts)


def report_batch(recommender: Recommender, graph: Graph, k: int) -> None:
    """Time many patients together, and some of them one by one."""
    profiles = random_profiles(graph, N_BATCH)
    recommender.rank_many(profiles, k=k)
    begin = time.process_time()
    recommender.rank_many(profiles, k=k)
    each = (time.process_time() - begin) / N_BATCH
    for profile in profiles[:N_RANDOM]:
        recommender.recommend(profile, k=k)
    begin = time.process_time()
    for profile in profiles[:N_RANDOM]:
        recommender.recommend(profile, k=k)
    alone = (time.process_time() - begin) / N_RANDOM
    record("time_rank_many", 1000 * each, "ms a patient", patients=N_BATCH)
    record("track_rank_many_faster", alone / each, "times", patients=N_BATCH)


def synthetic(graph: Graph, files: Sequence[Path]) -> list[PatientProfile]:
    """The patients in FHIR files who have at least one condition in the graph."""
    resolver = Resolver(graph)
    profiles = [
        to_profile(patient.resources, resolver, today=TODAY) for patient in read_patients(files)
    ]
    return [profile for profile in profiles if profile.conditions and not profile.deceased]


def random_profiles(graph: Graph, n: int) -> list[PatientProfile]:
    """Seeded patients of whom everything is known."""
    rng = np.random.default_rng(SEED)
    diseases, drugs = graph.ids["Disease"].to_pylist(), graph.ids["Drug"].to_pylist()

    def some(ids: list[str], low: int, high: int) -> tuple[Fact, ...]:
        return tuple(map(Fact, rng.choice(ids, rng.integers(low, high + 1), replace=False)))

    return [
        PatientProfile(
            conditions=some(diseases, 4, 10),
            drugs=some(drugs, 0, 8),
            allergies=some(drugs, 0, 2),
            conditions_known=Knowledge.KNOWN,
            drugs_known=Knowledge.KNOWN,
            allergies_known=Knowledge.KNOWN,
            age_years=float(rng.integers(0, 100)),
            sex="female" if rng.random() < 0.5 else "male",
            egfr=float(rng.integers(15, 110)),
        )
        for _ in range(n)
    ]


if __name__ == "__main__":
    main()
