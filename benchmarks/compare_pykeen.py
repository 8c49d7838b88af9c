"""ComplEx of ours beside ComplEx of PyKEEN, on the same triples and core, and their rank figures.

    python benchmarks/compare_pykeen.py GRAPH PYTHON [EPOCHS]

GRAPH is a stored graph, PYTHON an interpreter that has pykeen: it needs an environment of its own.
The triples are those of a transductive split without validation and test pairs, of each edge type
at most 10,000 (drawn), so that a run takes minutes. Each trains in a process of its own on one
thread with as many epochs; both score all drugs x diseases, and the filtered ranks of the test
pairs are computed by the same code. That code is then compared with PyKEEN's own evaluator on given
scores, many of them equal; any difference ends the program.

PyKEEN: ComplEx with its default loss and no regulariser, sLCWA with 8 negatives a triple drawn by
its own sampler, Adam at 0.01; an epoch sees each triple once. Its weights start as ours do: from
its default, a normal distribution, it stays at chance for as few epochs as these. In ours an epoch
sees each triple twice, once a direction, against up to 128 tails of the same type; ``shipped`` is
what `train` uses.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from record import ROOT, record

from kg.store import open_graph
from recommend.evaluate.tracks.base import truth_of
from recommend.evaluate.tracks.transductive import both_ranks
from recommend.folds import pair_splits
from recommend.interactions import TREATS, to_pairs, training_data
from recommend.models.base import Scores
from recommend.models.embedding import Embedding

MOST = 10_000  # edges of a type

OURS = """
import json, resource, sys, time, warnings
from dataclasses import replace
from pathlib import Path
import numpy as np
from kg.store import open_graph
from recommend.interactions import from_pairs, training_data
from recommend.models.embedding import _import_training

graph, folder, epochs, shipped = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
data = training_data(open_graph(Path(graph)))
edges = np.load(folder / "edges.npz")
data = replace(data, matrices={
    e: from_pairs(edges[str(e)], m.shape) for e, m in data.matrices.items()
})
training = _import_training()
if not int(shipped):
    training.SEEN, training.REPEATS = 10**9, {}
times = [time.perf_counter()]
scores = training.train(data, dim=64, epochs=epochs, seed=0,
                        progress=lambda *_: times.append(time.perf_counter()))
np.save(folder / "scores.npy", scores)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"epoch": float(np.median(np.diff(times))), "peak": peak}))
"""

THEIRS = """
import json, logging, resource, sys, time, warnings
warnings.simplefilter("ignore")
from pathlib import Path
import numpy as np
import torch
torch.set_num_threads(1)
from pykeen.models import ComplEx
from pykeen.training import SLCWATrainingLoop
from pykeen.triples import CoreTriplesFactory
logging.disable(logging.WARNING)

folder, epochs = Path(sys.argv[1]), int(sys.argv[2])
given = np.load(folder / "triples.npz")
factory = CoreTriplesFactory(torch.from_numpy(given["triples"]), int(given["n_nodes"]),
                             int(given["n_relations"]))
model = ComplEx(triples_factory=factory, embedding_dim=64, regularizer=None, random_seed=0,
                entity_initializer="xavier_uniform", relation_initializer="xavier_uniform")
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
loop = SLCWATrainingLoop(model=model, triples_factory=factory, optimizer=optimizer,
                         negative_sampler_kwargs={"num_negs_per_pos": 8})
times = [time.perf_counter()]
for epoch in range(epochs):
    loop.train(factory, num_epochs=epoch + 1, batch_size=2048, use_tqdm=False,
               continue_training=epoch > 0)
    times.append(time.perf_counter())
drugs, diseases = torch.from_numpy(given["drugs"]), torch.from_numpy(given["diseases"])
batch = torch.stack([drugs, torch.full_like(drugs, int(given["treats"]))], dim=1)
with torch.inference_mode():
    scores = torch.cat([model.predict_t(part)[:, diseases] for part in batch.split(64)])
np.save(folder / "scores.npy", scores.numpy())
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"epoch": float(np.median(np.diff(times))), "peak": peak}))
"""

EVALUATOR = """
import json, sys, warnings
warnings.simplefilter("ignore")
import numpy as np
import torch
from pykeen.evaluation import RankBasedEvaluator
from pykeen.evaluation.evaluator import create_sparse_positive_filter_, filter_scores_

given = np.load(sys.argv[1])
evaluator = RankBasedEvaluator()
as_triples = lambda pairs: torch.from_numpy(np.insert(pairs, 1, 0, axis=1))
test, known = as_triples(given["test"]), as_triples(given["known"])
matrix = torch.from_numpy(given["scores"])
for target, column, rows in (("tail", 2, matrix[test[:, 0]]), ("head", 0, matrix.T[test[:, 2]])):
    rows, places = rows.clone(), torch.arange(len(test))
    true = rows[places, test[:, column]].clone()
    positives, _ = create_sparse_positive_filter_(test, known, filter_col=column)
    rows = filter_scores_(rows, positives)
    rows[places, test[:, column]] = true
    evaluator.process_scores_(test, target, rows, true_scores=true[:, None])
result = evaluator.finalize()
names = {"MRR": "inverse_harmonic_mean_rank", **{f"Hits@{k}": f"hits_at_{k}" for k in (1, 3, 10)}}
print(json.dumps({f"{target} {ours}": float(result.get_metric(f"{target}.realistic.{theirs}"))
                  for target in ("tail", "head") for ours, theirs in names.items()}))
"""


def child(python: str, script: str, *arguments: object) -> dict[str, float]:
    """Run code in a fresh process on one thread; the JSON object that it prints last."""
    result = subprocess.run(
        [python, "-c", script, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    values: dict[str, float] = json.loads(result.stdout.splitlines()[-1])
    return values


def figures(scores: Scores, known: np.ndarray, test: np.ndarray) -> dict[str, float]:
    """MRR and Hits@k of both targets: the head is the drug, the tail the disease."""
    found = {}
    for target, ranks in zip(("head", "tail"), both_ranks(scores, known, test), strict=True):
        found[f"{target} MRR"] = float((1 / ranks).mean())
        found |= {f"{target} Hits@{k}": float((ranks <= k).mean()) for k in (1, 3, 10)}
    return found


def compare_evaluators(python: str, scores: Scores, known: np.ndarray, test: np.ndarray) -> None:
    """Ends the program if PyKEEN's evaluator and ours differ on these scores."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "scores.npz")
        np.savez(path, scores=scores, known=np.argwhere(known), test=test)
        theirs = child(python, EVALUATOR, path)
    ours = figures(scores, known, test)
    gaps = {name: abs(ours[name] - theirs[name]) for name in theirs}
    if max(gaps.values()) > 1e-6:
        sys.exit(f"the evaluators differ: ours {ours}, PyKEEN's {theirs}")
    record("pykeen.evaluator_gap", max(gaps.values()), "difference", figures=len(gaps))


def main() -> None:
    graph, python = Path(sys.argv[1]), sys.argv[2]
    epochs = int(sys.argv[3]) if len(sys.argv) > 3 else 10
    data = training_data(open_graph(graph))
    known, split = truth_of(data), pair_splits(data, 0)
    view = data.without(pairs=np.concatenate([split.validation, split.test]))
    rng = np.random.default_rng(0)

    ties = rng.integers(20, size=data.shape).astype(np.float32)
    compare_evaluators(python, ties, known, split.test)

    names, sizes = list(view.n_nodes), list(view.n_nodes.values())
    start = dict(zip(names, np.cumsum([0, *sizes[:-1]]).tolist(), strict=True))
    edges, triples = {}, []
    for number, (edge_type, matrix) in enumerate(view.matrices.items()):
        pairs = to_pairs(matrix)
        drawn = np.sort(rng.permutation(len(pairs))[:MOST])
        edges[str(edge_type)] = pairs = pairs[drawn]
        heads, tails = pairs.T + np.array([[start[edge_type.head]], [start[edge_type.tail]]])
        triples.append(np.stack([heads, np.full(len(pairs), number), tails], axis=1))
    n_triples = sum(map(len, triples))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "edges.npz", **edges)
        np.savez(
            folder / "triples.npz",
            triples=np.concatenate(triples),
            n_nodes=sum(sizes),
            n_relations=len(triples),
            treats=list(view.matrices).index(TREATS),
            drugs=np.arange(data.shape[0]) + start["Drug"],
            diseases=np.arange(data.shape[1]) + start["Disease"],
        )
        for row in ("ours", "pykeen", "ours.shipped"):
            shipped = row == "ours.shipped"
            n_epochs = Embedding().epochs if shipped else epochs
            if row == "pykeen":
                timed = child(python, THEIRS, folder, n_epochs)
            else:
                timed = child(sys.executable, OURS, graph, folder, n_epochs, int(shipped))
            found = figures(np.load(folder / "scores.npy"), known, split.test)
            record(f"pykeen.epoch.{row}", timed["epoch"], "s", triples=n_triples, epochs=n_epochs)
            record(f"pykeen.peak.{row}", timed["peak"], "MB")
            for figure, value in found.items():
                if figure.endswith(("MRR", "@10")):
                    record(f"pykeen.{row}", value, figure, test_pairs=len(split.test))


if __name__ == "__main__":
    main()
