"""What every model promises."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from recommend.errors import ColdStartError, ModelError
from recommend.interactions import TrainingData

Scores = NDArray[np.float32]  # (n_drugs, n_diseases), higher is better, finite
Arrays = dict[str, NDArray[Any]]
Progress = Callable[[str, int, int], None]  # what is being done, steps done, steps in all

Capability = Literal["scores-diseases", "scores-histories", "embeds-nodes", "explains-pairs"]


class RankingModel(ABC):
    """Ranks all drugs of a graph; fitted once, then only arrays.

    Rows are all Drug nodes and columns all Disease nodes of the graph, in its order. Fitting reads
    edges from the :class:`TrainingData` alone, is deterministic for a seed (on one device), and
    imports what it needs itself: importing a model is light, and :meth:`load` and the scores of a
    loaded model need numpy only.

    Attributes:
        name: the spelling under which the model is registered.
        capabilities: what it can do; a method behind a capability that is not declared raises
            :class:`ModelError`.
    """

    name: ClassVar[str]
    capabilities: ClassVar[frozenset[Capability]]

    @abstractmethod
    def fit(
        self, training: TrainingData, *, seed: int = 0, progress: Progress | None = None
    ) -> Self:
        """Learn from ``training`` and return self.

        Raises:
            ModelError: there is nothing to learn from.
        """

    @abstractmethod
    def save(self) -> Arrays:
        """Everything that :meth:`load` needs, as arrays that are not copied."""

    @classmethod
    @abstractmethod
    def load(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The fitted model that :meth:`save` was called on."""

    def score(self) -> Scores:
        """(n_drugs, n_diseases) float32, higher is better, finite. Needs ``scores-diseases``."""
        raise self._cannot("scores-diseases")

    def score_history(
        self,
        drugs: NDArray[np.int64],  # noqa: ARG002  for models that declare it
    ) -> NDArray[np.float32]:
        """(n_drugs,) for a patient with these drug rows. Needs ``scores-histories``.

        Raises:
            ColdStartError: ``drugs`` is empty.
        """
        raise self._cannot("scores-histories")

    def _cannot(self, capability: Capability) -> ModelError:
        have = ", ".join(sorted(self.capabilities))
        return ModelError(f"model {self.name!r} does not declare {capability!r}; it has {have}")


class ScoredModel(RankingModel):
    """A model of which nothing but its scores is kept: fitting sets them."""

    capabilities = frozenset({"scores-diseases"})
    _scores: Scores = np.empty((0, 0), np.float32)

    def score(self) -> Scores:
        """See :meth:`RankingModel.score`."""
        return self._scores

    def save(self) -> Arrays:
        """See :meth:`RankingModel.save`."""
        return {"scores": self._scores}

    @classmethod
    def load(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """See :meth:`RankingModel.load`."""
        model = cls()
        model._scores = arrays["scores"]
        return model


class Baseline(ScoredModel):
    """A model that learns nothing but counts."""

    @abstractmethod
    def count(self, training: TrainingData) -> Scores:
        """(n_drugs, n_diseases) the scores."""

    def fit(
        self,
        training: TrainingData,
        *,
        seed: int = 0,  # noqa: ARG002  nothing is drawn
        progress: Progress | None = None,  # noqa: ARG002  done at once
    ) -> Self:
        """See :meth:`RankingModel.fit`."""
        self._scores = self.count(training)
        return self


def check_scores(scores: NDArray[Any], shape: tuple[int, int]) -> Scores:
    """``scores`` as float32, if they keep what :class:`RankingModel` promises.

    Raises:
        ModelError: another shape, or a value that is not finite.
    """
    if scores.shape != shape:
        raise ModelError(f"scores have shape {scores.shape}, not {shape}")
    result = np.ascontiguousarray(scores, np.float32)
    if not np.isfinite(result).all():
        raise ModelError("a score is not finite: the training diverged")
    return result


def check_history(drugs: NDArray[np.int64], n_drugs: int) -> NDArray[np.int64]:
    """The distinct rows of ``drugs``, sorted.

    Raises:
        ColdStartError: there is none.
        ModelError: a row lies outside the drugs that were trained on.
    """
    rows = np.unique(np.asarray(drugs, np.int64))
    if not len(rows):
        raise ColdStartError("the patient has no drug in the history: similar patients are unknown")
    if rows[0] < 0 or rows[-1] >= n_drugs:
        raise ModelError(f"drug rows must lie in [0, {n_drugs})")
    return rows


def import_training(name: str) -> ModuleType:
    """Import a library that only training needs.

    Raises:
        ModelError: it is not installed; the message names the extra that has it.
    """
    from importlib import import_module

    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ModelError(
            f"training needs {error.name}, which is not installed: pip install 'pharmakon[train]'"
        ) from error
