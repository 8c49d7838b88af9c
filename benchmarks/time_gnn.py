"""Time epochs of the graph network, and its layers beside torch-geometric's own, as ratios.

    python benchmarks/time_gnn.py GRAPH [DIM]      (a stored graph, such as `build` writes)

The epochs are those of a real fit: all edges pass messages, half the nodes are dropped, treatments
and auxiliary edges are predicted, Adam steps. The layers are two, forward and backward, with the
same edges; they take turns, so that other load on the machine strikes all of them. Seconds of the
processor are beside those of the clock: they say the same on a busy machine. Peak memory is that of
a fresh process, with torch and the graph in it.
"""

import itertools
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from record import child, peak_mb, record

from kg.store import open_graph
from recommend.interactions import TrainingData, training_data
from recommend.models.gnn import GraphNetwork, import_loop

EPOCHS = 14  # two looks at the validation diseases
TURNS = 3

OURS = "RelationalConv"
OTHERS = ("HeteroConv_SAGEConv", "RGCNConv")

PEAK = """
import json, sys
sys.path.insert(0, "benchmarks")
import time_gnn
print(json.dumps(time_gnn.once(*sys.argv[1:])))
"""


def load(path: str) -> TrainingData:
    return training_data(open_graph(Path(path)))


def fit(data: TrainingData, dim: int) -> dict[str, float]:
    """Median seconds of an epoch after the first, and all of the setting up."""
    times: list[tuple[float, float]] = []
    start = time.perf_counter()
    GraphNetwork(dim=dim, epochs=EPOCHS, device="cpu").fit(
        data, progress=lambda *_: times.append((time.perf_counter(), time.process_time()))
    )
    ends, cpu = zip(*times, strict=True)
    return {
        "s": statistics.median(b - a for a, b in itertools.pairwise(ends)),
        "cpu_s": statistics.median(b - a for a, b in itertools.pairwise(cpu)),
        "first_epoch_s": ends[0] - start,
    }


def layers(data: TrainingData, dim: int, name: str) -> Callable[[], float]:
    """A step of two layers, forward and backward: the mean of what comes out."""
    import_loop()
    import torch
    import torch_geometric.nn as pyg
    from torch import nn

    from recommend.models.gnn_network import RelationalConv, directions, messages_of

    keys = [key for edge_type in data.matrices for key in directions(edge_type)]
    edges = {}
    for edge_type, matrix in data.matrices.items():
        rows = matrix.tocoo()
        for key, pair in zip(
            directions(edge_type), ((rows.row, rows.col), (rows.col, rows.row)), strict=False
        ):
            edges[key] = torch.stack([torch.as_tensor(part.astype("int64")) for part in pair])
    x: Any = {t: nn.Parameter(torch.randn(n, dim)) for t, n in data.n_nodes.items()}
    forward: Callable[[Any, Any], Any]
    if name == "RGCNConv":
        starts, start = {}, 0
        for node_type, n in data.n_nodes.items():
            starts[node_type] = start
            start += n
        parts = [edges[k] + torch.tensor([[starts[k[0]]], [starts[k[2]]]]) for k in keys]
        index = torch.cat(parts, dim=1)
        types = torch.cat([torch.full((part.shape[1],), i) for i, part in enumerate(parts)])
        convs = [pyg.RGCNConv(dim, dim, len(keys), aggr="mean") for _ in range(2)]
        x = nn.Parameter(torch.cat(list(x.values())).detach())

        def forward(conv: Any, x: Any) -> Any:
            return conv(x, index, types)

        def mean(x: Any) -> Any:
            return x.mean()
    else:

        def mean(x: Any) -> Any:
            return torch.stack([values.mean() for values in x.values()]).mean()

        if name == "HeteroConv_SAGEConv":
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "There exist node types", UserWarning)
                convs = [
                    pyg.HeteroConv(
                        {k: pyg.SAGEConv((dim, dim), dim, root_weight=False) for k in keys}
                    )
                    for _ in range(2)
                ]

            def forward(conv: Any, x: Any) -> Any:
                return conv(x, edges)
        else:
            messages = [messages_of(data.matrices, "cpu")]
            convs = [RelationalConv(keys, list(data.n_nodes), dim) for _ in range(2)]

            def forward(conv: Any, x: Any) -> Any:
                return conv(x, messages)

    def step() -> float:
        loss = mean(forward(convs[1], forward(convs[0], x)))
        loss.backward()
        return float(loss.detach())

    return step


def once(path: str, dim: str, name: str) -> dict[str, float]:
    """In a fresh process: the peak memory of epochs, or of two steps of layers."""
    data = load(path)
    if name == "epoch":
        return {**fit(data, int(dim)), "peak_mb": peak_mb()}
    step = layers(data, int(dim), name)
    step()
    step()
    return {"peak_mb": peak_mb()}


def seconds(call: Callable[[], Any]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - cpu


def main(path: str, dim: str = "64") -> None:
    ours = child(PEAK, path, dim, "epoch")
    record("gnn.epoch", ours["s"], "s", dim=int(dim), cpu_s=round(ours["cpu_s"], 3),
           first_epoch_s=round(ours["first_epoch_s"], 2),
           peak_mb=round(ours["peak_mb"]))  # fmt: skip
    # Before this process has grown: a child's peak counts from that of its parent.
    peaks = {name: child(PEAK, path, dim, name)["peak_mb"] for name in (OURS, *OTHERS)}
    data = load(path)
    steps = {name: layers(data, int(dim), name) for name in peaks}
    for step in steps.values():
        step()
    turns = [{name: seconds(step) for name, step in steps.items()} for _ in range(TURNS)]
    for other in OTHERS:
        wall, cpu = (
            statistics.median(turn[other][i] / turn[OURS][i] for turn in turns) for i in range(2)
        )
        ours_s, other_s = (
            statistics.median(turn[name][0] for turn in turns) for name in (OURS, other)
        )
        record(f"gnn.layers.{other}.ratio_to_ours", wall, "ratio", cpu_ratio=round(cpu, 2),
               ours_s=round(ours_s, 3), other_s=round(other_s, 3),
               ours_peak_mb=round(peaks[OURS]),
               other_peak_mb=round(peaks[other]))  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
