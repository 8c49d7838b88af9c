"""What a fit of :mod:`recommend.models.gnn` needs to go on after a kill; needs torch."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from kg.folder import replace_file
from recommend.errors import ModelError
from recommend.models.gnn_network import Network

AVERAGED = 0.9  # of the average stays in each step

_MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # what Adam keeps of each parameter


@dataclass
class State:
    """Where a training stands.

    Attributes:
        network: with its present weights.
        averaged: the same network with the moving average of them, which is what is looked at: the
            weights themselves jump from step to step with what is dropped.
        optimizer: Adam over all parameters of ``network``.
        epoch: epochs that are done.
        best: the averaged weights by name that ranked the validation diseases best; empty before
            the first look at them.
        best_value: how well they did.
        best_epoch: when that was.
    """

    network: Network
    averaged: Network
    optimizer: torch.optim.Adam
    epoch: int = 0
    best: dict[str, Tensor] = field(default_factory=dict)
    best_value: float = -1.0
    best_epoch: int = 0

    def average(self) -> None:
        """Let the average follow the present weights."""
        pairs = zip(self.averaged.parameters(), self.network.parameters(), strict=True)
        with torch.no_grad():
            for average, present in pairs:
                average.lerp_(present, 1 - AVERAGED)

    def keep_if_better(self, value: float) -> None:
        """Remember the average if no ``value`` before was above; the latest of equals is kept."""
        if value >= self.best_value:
            self.best_value, self.best_epoch = value, self.epoch
            self.best = {n: p.detach().clone() for n, p in self.averaged.named_parameters()}

    def waited(self, patience: int) -> bool:
        """Whether the last ``patience`` epochs brought nothing better."""
        return bool(self.best) and self.epoch - self.best_epoch >= patience

    def restore_best(self) -> None:
        """Give the averaged network the weights that were remembered, if any were."""
        with torch.no_grad():
            for name, parameter in self.averaged.named_parameters():
                if name in self.best:
                    parameter.copy_(self.best[name])

    def write(self, path: Path, settings: dict[str, Any]) -> None:
        """Replace the file at ``path``, whole or not at all."""
        numbers = {name: getattr(self, name) for name in ("epoch", "best_value", "best_epoch")}
        metadata = {"numbers": json.dumps(numbers), "settings": json.dumps(settings)}
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in self._tensors()}
        replace_file(path, safetensors.torch.save(tensors, metadata=metadata))

    def read(self, path: Path, settings: dict[str, Any]) -> None:
        """Put in place what :meth:`write` wrote.

        Raises:
            ModelError: the file is no checkpoint, or one of another training.
        """
        try:
            with safetensors.safe_open(path, framework="pt") as file, torch.no_grad():
                self._read(file, settings)
        except (
            safetensors.SafetensorError,
            KeyError,
            TypeError,
            ValueError,
            RuntimeError,
        ) as error:
            raise ModelError(
                f"{path} is not a checkpoint of this training; remove it to start anew"
            ) from error

    def _read(self, file: Any, settings: dict[str, Any]) -> None:
        metadata = file.metadata() or {}
        if json.loads(metadata["settings"]) != settings:
            raise ValueError("it was written with other settings")
        numbers = json.loads(metadata["numbers"])
        self.epoch, self.best_epoch = int(numbers["epoch"]), int(numbers["best_epoch"])
        self.best_value = float(numbers["best_value"])
        stored = set(file.keys())
        averages = dict(self.averaged.named_parameters())
        for name, parameter in self.network.named_parameters():
            parameter.copy_(file.get_tensor(f"value/{name}"))
            averages[name].copy_(file.get_tensor(f"average/{name}"))
            if f"best/{name}" in stored:
                self.best[name] = file.get_tensor(f"best/{name}").to(parameter.device)
            # Adam has none for a parameter that has never had a gradient.
            moments = {key: f"{key}/{name}" for key in _MOMENTS if f"{key}/{name}" in stored}
            if moments:
                self.optimizer.state[parameter] = {
                    key: file.get_tensor(where).to(parameter.device)
                    for key, where in moments.items()
                }

    def _tensors(self) -> Iterator[tuple[str, Tensor]]:
        for name, parameter in self.network.named_parameters():
            yield f"value/{name}", parameter
            for key, moment in self.optimizer.state.get(parameter, {}).items():
                yield f"{key}/{name}", moment
        for name, average in self.averaged.named_parameters():
            yield f"average/{name}", average
        for name, tensor in self.best.items():
            yield f"best/{name}", tensor
