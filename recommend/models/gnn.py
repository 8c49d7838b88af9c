"""A heterogeneous graph network over the whole graph; embeds every node.

Trained with torch and torch-geometric (:mod:`recommend.models.gnn_training`), which are imported
when fitting starts; what is kept are arrays. No edge that is being predicted takes part in the
message passing of its step, in neither direction, nor does a *palliates* edge of the same pair.
"""

import warnings
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from recommend.errors import ModelError
from recommend.interactions import Pairs, TrainingData
from recommend.models.base import (
    Arrays,
    Progress,
    RankingModel,
    Scores,
    check_scores,
    import_training,
)

Device = Literal["auto", "cpu", "cuda"]

SUPERVISED = 1 / 3  # of the treatments are predicted in each step, the others pass messages
VALIDATED = 1 / 5  # of the treated diseases decide when training stops
ENOUGH = 10  # treated diseases


class GraphNetwork(RankingModel):
    """Two rounds of message passing over learnt embeddings, with a bilinear decoder for *treats*.

    A fifth of the treated diseases is set aside; training stops when their ranking no longer gets
    better, and the weights that ranked them best are kept. They pass messages again when the scores
    are made. Fitting gives the same arrays for the same seed, bit by bit on one CPU; other devices
    differ in rounding. With a checkpoint file a fit that was killed goes on where it was and ends
    with the same arrays.
    """

    name = "gnn"
    capabilities = frozenset({"scores-diseases", "embeds-nodes"})

    def __init__(
        self,
        *,
        dim: int = 32,
        epochs: int = 160,
        learning_rate: float = 0.01,
        patience: int = 40,
        device: Device = "auto",
        half: bool = False,
        checkpoint: Path | None = None,
        checkpoint_every: int = 20,
        log: Path | None = None,
    ) -> None:
        """Choose the settings.

        Args:
            dim: of the embeddings.
            epochs: steps of training at most; each sees the whole graph.
            learning_rate: of Adam.
            patience: epochs without a better ranking after which training stops.
            device: ``auto`` takes CUDA where there is one.
            half: do the linear maps in bfloat16, for GPUs on which that pays.
            checkpoint: file that is read if it is there, and replaced every ``checkpoint_every``
                epochs; it must come from the same training data, seed and settings.
            checkpoint_every: epochs between two checkpoints.
            log: folder for the curves of the training, to be read by TensorBoard.
        """
        self.dim = dim
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.patience = patience
        self.device: Device = device
        self.half = half
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.log = log
        self._scores: Scores = np.empty((0, 0), np.float32)
        self._embeddings: NDArray[np.float16] = np.empty((0, dim), np.float16)

    def fit(
        self, training: TrainingData, *, seed: int = 0, progress: Progress | None = None
    ) -> Self:
        """See :meth:`RankingModel.fit`."""
        training.positives  # noqa: B018  refuses data without any
        scores, embeddings = import_loop().train(self, training, seed, progress)
        self._scores = check_scores(scores, training.shape)
        self._embeddings = embeddings.astype(np.float16)
        return self

    def score(self) -> Scores:
        """See :meth:`RankingModel.score`."""
        return self._scores

    def embeddings(self) -> NDArray[np.float16]:
        """(n_nodes, dim) of all nodes by global number."""
        return self._embeddings

    def save(self) -> Arrays:
        """See :meth:`RankingModel.save`."""
        return {"scores": self._scores, "embeddings": self._embeddings}

    @classmethod
    def load(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """See :meth:`RankingModel.load`."""
        model = cls(dim=arrays["embeddings"].shape[1])
        model._scores = arrays["scores"]
        model._embeddings = arrays["embeddings"]
        return model


def hold_out(training: TrainingData, rng: np.random.Generator) -> NDArray[np.int64]:
    """Sorted rows of the diseases whose ranking decides when training stops.

    Empty where fewer than ten are treated: nothing could be told from so few.
    """
    n_drugs = training.treats.getnnz(axis=0)
    treated = np.flatnonzero((n_drugs > 0) & (n_drugs < training.shape[0]))  # or none can be wrong
    if len(treated) < ENOUGH:
        return np.empty(0, np.int64)
    return np.sort(rng.choice(treated, round(len(treated) * VALIDATED), replace=False))


def supervision_split(
    training: TrainingData, rng: np.random.Generator, *, whole_diseases: bool
) -> tuple[Pairs, TrainingData]:
    """The treatments to predict in one step, and the edges that may pass messages in it.

    Args:
        training: everything that may be learnt from.
        rng: draws about a third of the treatments, at least one.
        whole_diseases: hide everything that helps in a third of the treated diseases, as it is for
            a disease without any known treatment, instead of a third of the pairs.
    """
    positives = training.positives
    if whole_diseases:
        treated = np.unique(positives[:, 1])
        diseases = rng.choice(treated, max(1, round(len(treated) * SUPERVISED)), replace=False)
        chosen = np.isin(positives[:, 1], diseases)
        return positives[chosen], training.without(diseases=diseases.tolist())
    chosen = np.zeros(len(positives), bool)
    n_chosen = max(1, round(len(positives) * SUPERVISED))
    chosen[rng.choice(len(positives), n_chosen, replace=False)] = True
    return positives[chosen], training.without(pairs=positives[chosen])


def resolve_device(device: Device) -> str:
    """``"cuda"`` or ``"cpu"``.

    Raises:
        ModelError: torch is not installed, or ``"cuda"`` was asked for and there is none.
    """
    if device == "cpu":
        return device
    has_cuda = import_training("torch").cuda.is_available()
    if device == "cuda" and not has_cuda:
        raise ModelError("no CUDA device is to be had here: choose --device auto or cpu")
    return "cuda" if has_cuda else "cpu"


def import_loop() -> ModuleType:
    """:mod:`recommend.models.gnn_training`, with torch.

    Raises:
        ModelError: torch is not installed.
    """
    with warnings.catch_warnings():
        # torch-geometric still scripts a class when it is imported, of which torch warns.
        warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", DeprecationWarning)
        return import_training("recommend.models.gnn_training")
