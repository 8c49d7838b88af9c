"""Whether the shown path is what the score rests on: what its deletion does, beside that of others.

    python benchmarks/measure_fidelity.py --graph GRAPH --bundle BUNDLE [--pairs N] [--machine NAME]

For the best hypothesis or recorded drug of randomly drawn diseases, the heaviest path of the
metapath that speaks most for the pair is taken out of the graph, all its edges at once, and the
linear metapath part of the score is made anew. Beside it two controls: a random path of the same
metapath from the same drug whose nodes have the most nearly equal degrees and which ends at another
disease; and, where there is one, another path of the same metapath between the same two. The
figure is the mean difference of the falls in log-odds, with its bootstrap interval over pairs.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from record import record

from kg.graph import Graph
from kg.paths import Path as GraphPath
from kg.paths import heaviest_path
from kg.schema import Metapath, parse_metapath
from kg.store import open_graph
from recommend.bundle import open_bundle
from recommend.explain import PALLIATES, TREATS
from recommend.explanation import Explainer, Place, cuts_of, without_edges

N_TRIED = 400  # random paths, of which the one with the most nearly equal degrees is taken
N_RESAMPLES = 2000
SEED = 0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--graph", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--machine")
    options = parser.parse_args()
    if options.machine:
        os.environ["MACHINE_CLASS"] = options.machine
    graph = open_graph(options.graph)
    explainer = Explainer(graph, open_bundle(options.bundle, graph))
    rng = np.random.default_rng(SEED)
    rows: list[tuple[float, float, float]] = []
    diseases = np.flatnonzero(np.diff(explainer.data.treats.tocsc().indptr))
    for disease in rng.permutation(diseases).tolist():
        if len(rows) == options.pairs:
            break
        row = falls(explainer, graph, disease, rng)
        if row is not None:
            rows.append(row)
            print(len(rows), [round(value, 4) for value in row], flush=True)
    top, elsewhere, beside = (np.array(values) for values in zip(*rows, strict=True))
    report("degree-matched path of the drug to another disease", top - elsewhere, rng)
    report("another path of the pair", (top - beside)[~np.isnan(beside)], rng)
    print(
        f"share of pairs where the top path's deletion costs more: {(top > elsewhere).mean():.2f}"
    )


def report(against: str, differences: np.ndarray, rng: np.random.Generator) -> None:
    draws = rng.integers(len(differences), size=(N_RESAMPLES, len(differences)))
    low, high = np.percentile(differences[draws].mean(axis=1), [2.5, 97.5])
    mean = float(differences.mean())
    record(
        f"fidelity, fall of log-odds beyond that of {against}",
        mean,
        "log-odds",
        low=float(low),
        high=float(high),
        pairs=len(differences),
    )


def falls(
    explainer: Explainer, graph: Graph, disease: int, rng: np.random.Generator
) -> tuple[float, float, float] | None:
    """How far the log-odds fall without the top path and each control; NaN where there is none."""
    before = explainer.log_odds(explainer.data, disease)
    drug = int(before.argmax())
    found = top_path(explainer, graph, drug, disease)
    if found is None:
        return None
    metapath, path = found
    elsewhere = matched_path(graph, metapath, path, disease, rng)
    if elsewhere is None:
        return None
    beside = other_path(graph, metapath, path, rng)

    def fall(taken: GraphPath | None) -> float:
        if taken is None:
            return float("nan")
        places = places_of(graph, metapath, taken, drug, disease)
        after = explainer.log_odds(without_edges(explainer.data, places), disease)
        return float(before[drug] - after[drug])

    return fall(path), fall(elsewhere), fall(beside)


def top_path(
    explainer: Explainer, graph: Graph, drug: int, disease: int
) -> tuple[Metapath, GraphPath] | None:
    for name in explainer.strongest_metapaths(drug, disease):
        metapath = parse_metapath(name, graph.edge_types)
        path = heaviest_path(graph, metapath, drug, disease)
        if path is not None and places_of(graph, metapath, path, drug, disease):
            return metapath, path
    return None


def places_of(
    graph: Graph, metapath: Metapath, path: GraphPath, drug: int, disease: int
) -> list[Place]:
    """The edges of a path, without the record of the pair itself."""
    places = dict.fromkeys(cut.place for cut in cuts_of(graph, metapath, path))
    own = [(edge_type, drug, disease) for edge_type in (TREATS, PALLIATES)]
    return [place for place in places if place not in own]


def matched_path(
    graph: Graph, metapath: Metapath, path: GraphPath, disease: int, rng: np.random.Generator
) -> GraphPath | None:
    """The random path from the same drug whose inner nodes' degrees are most nearly the same."""
    wanted = degrees(graph, metapath, path.rows)
    best, least = None, np.inf
    for _ in range(N_TRIED):
        tried = random_path(graph, metapath, path.rows[0], rng)
        if tried is None or tried.rows[-1] == disease:
            continue
        distance = float(np.abs(degrees(graph, metapath, tried.rows) - wanted).sum())
        if distance < least:
            best, least = tried, distance
    return best


def other_path(
    graph: Graph, metapath: Metapath, path: GraphPath, rng: np.random.Generator
) -> GraphPath | None:
    """A random other path between the same two nodes."""
    for _ in range(N_TRIED):
        tried = random_path(graph, metapath, path.rows[0], rng, end=path.rows[-1])
        if tried is not None and tried.rows != path.rows:
            return tried
    return None


def random_path(
    graph: Graph,
    metapath: Metapath,
    start: int,
    rng: np.random.Generator,
    end: int | None = None,
) -> GraphPath | None:
    rows, edges = [start], []
    for i, step in enumerate(metapath):
        neighbors, numbers = graph.neighbors(step, rows[-1])
        allowed = np.arange(len(neighbors))
        if end is not None and i == len(metapath) - 1:
            allowed = np.flatnonzero(neighbors == end)
        if not len(allowed):
            return None
        chosen = int(rng.choice(allowed))
        row = int(neighbors[chosen])
        if any(row == r and step.target == s.source for r, s in zip(rows, metapath, strict=False)):
            return None
        rows.append(row)
        edges.append(int(numbers[chosen]))
    return GraphPath(tuple(rows), tuple(edges), 0.0)


def degrees(graph: Graph, metapath: Metapath, rows: Sequence[int]) -> np.ndarray:
    """(n_steps,) log degree of each step's target, seen from the step before."""
    found = []
    for step, row in zip(metapath, rows[1:], strict=True):
        table = graph.edges(step.edge_type)
        ends = table.of_tail(row) if step.forward else table.of_head(row)
        found.append(np.log1p(len(ends)))
    return np.array(found)


if __name__ == "__main__":
    main()
