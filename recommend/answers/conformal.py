"""Abstention: how long a list must be to miss no more than a chosen share of what is hidden.

Split conformal prediction, disease by disease. The views on which the stack was learnt hide pairs
that are recorded; each hidden treatment has a rank among the drugs that it competes with
(:mod:`recommend.answers.degrees`). Of a new disease, the drugs above the right quantile of these
ranks are a set that holds a treatment which nobody has recorded yet with the chosen probability, if
it is missing as the hidden ones were. Diseases of unlike degree, that is number of recorded
treatments, have quantiles of their own.

Hidden pairs of one disease are not independent, so each disease counts once however many pairs it
has: pairs weigh one over the number of pairs of their disease, and the unseen disease is counted
with the worst rank (Lee, Barber and Willett, Distribution-free inference with hierarchical data,
2023, their equation for hierarchical conformal prediction).

A set that holds more than :data:`LARGEST` of the drugs guides nobody: then there is no supported
answer at that miss rate, and that is the answer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from recommend.answers.degrees import degree_groups, standing
from recommend.errors import OptionError

if TYPE_CHECKING:  # to read thresholds takes nothing of what learns them
    from recommend.interactions import TrainingData
    from recommend.models.base import Scores
    from recommend.models.stack import Hidden

LARGEST = 0.1  # of the candidates: a larger set is no answer
DEGREES = (0, 1, 3, 6)  # least number of recorded treatments of each stratum
FEWEST = 20  # hidden pairs of a stratum; with fewer it is pooled with the next lower one

_CLOSE = 1e-9  # what sums of weights may be apart


@dataclass(frozen=True)
class Stratum:
    """Hidden treatments of diseases of about the same degree.

    Attributes:
        least: recorded treatments of a disease, at least.
        n_diseases: that the pairs are of.
        ranks: of the hidden treatments, ascending; 1 is best.
        weights: of each, one over the number of pairs of its disease.
    """

    least: int
    n_diseases: int
    ranks: tuple[float, ...]
    weights: tuple[float, ...]

    def threshold(self, miss_rate: float) -> float:
        """The rank from which on a set misses at most ``miss_rate``; 0 is every drug."""
        # From the best down, until enough of the diseases, the unseen one included, are held.
        kept = np.cumsum(np.array(self.weights)[::-1]) / (self.n_diseases + 1)
        place = int(np.searchsorted(kept, 1 - miss_rate - _CLOSE))
        return self.ranks[::-1][place] if place < len(self.ranks) else 0.0


@dataclass(frozen=True)
class Abstention:
    """Thresholds on ranks among drugs of equal degree, by the degree of the disease.

    Attributes:
        strata: by :attr:`Stratum.least`, ascending; empty where nothing could be hidden.
    """

    strata: tuple[Stratum, ...]

    def threshold(self, degree: int, miss_rate: float) -> float:
        """The least rank of a drug in the set that misses at most ``miss_rate``.

        Args:
            degree: recorded treatments of the disease.
            miss_rate: above 0 and below 1.

        Returns:
            0 to 1; 0, which keeps every drug, where too little was hidden to promise so much.

        Raises:
            OptionError: ``miss_rate`` is not between 0 and 1.
        """
        check_miss_rate(miss_rate)
        fitting = [stratum for stratum in self.strata if stratum.least <= degree]
        fitting = fitting[-1:] or list(self.strata[:1])
        return fitting[0].threshold(miss_rate) if fitting else 0.0

    def to_json(self) -> dict[str, Any]:
        """JSON values; :meth:`from_json` reads them back equal."""
        strata = [
            {
                "least": stratum.least,
                "n_diseases": stratum.n_diseases,
                "ranks": list(stratum.ranks),
                "weights": list(stratum.weights),
            }
            for stratum in self.strata
        ]
        return {"strata": strata}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Abstention":
        """Read what :meth:`to_json` gave.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        strata = tuple(
            Stratum(
                int(row["least"]),
                int(row["n_diseases"]),
                tuple(map(float, row["ranks"])),
                tuple(map(float, row["weights"])),
            )
            for row in document["strata"]
        )
        for stratum in strata:
            rising = all(a <= b for a, b in pairwise(stratum.ranks))
            if len(stratum.ranks) != len(stratum.weights) or not rising:
                raise ValueError("a stratum needs a weight for each rank, and ascending ranks")
        return cls(strata)


def check_miss_rate(miss_rate: object) -> None:
    """Refuse what is no rate.

    Raises:
        OptionError: ``miss_rate`` is not a number above 0 and below 1.
    """
    is_number = isinstance(miss_rate, int | float) and not isinstance(miss_rate, bool)
    if not is_number or not 0 < miss_rate < 1:  # type: ignore[operator]
        raise OptionError(f"miss_rate must be a number above 0 and below 1, not {miss_rate!r}")


def calibrate(
    training: "TrainingData",
    views: "Sequence[Hidden]",
    score_member: "Callable[[str, TrainingData], Scores]",
    weights: Mapping[str, Mapping[str, float]],
) -> Abstention:
    """Learn the thresholds from what the stack's views hide.

    Args:
        training: what the stack was fitted on.
        views: of the stack.
        score_member: a member's scores on a view.
        weights: of the stack, as :meth:`recommend.models.stack.Stack.weights` gives them.
    """
    truth = training.treats.toarray() > 0
    found = []
    for hidden in views:
        scores = combined(hidden, partial(_score, score_member, hidden.view), weights)
        found.append(hidden_ranks(hidden, scores, truth))
    rows = np.concatenate(found) if found else np.empty((0, 3))
    return stratify(rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64), rows[:, 2])


def _score(
    score_member: "Callable[[str, TrainingData], Scores]", view: "TrainingData", name: str
) -> "Scores":
    return score_member(name, view)


def combined(
    hidden: "Hidden",
    scores_of: "Callable[[str], Scores]",
    weights: Mapping[str, Mapping[str, float]],
) -> NDArray[np.float64]:
    """(n_drugs, n_diseases) the stack's ordering on a view, before it is calibrated.

    Args:
        hidden: the view.
        scores_of: a member's scores on it.
        weights: for diseases of which nothing is left, ``"new"``, and for the others, ``"known"``.
    """
    from recommend.models.stack import scale  # of training alone

    masks = {"new": np.broadcast_to(hidden.diseases, hidden.pairs.shape), "known": hidden.pairs}
    result = np.zeros(hidden.pairs.shape)
    columns = {"new": hidden.diseases, "known": ~hidden.diseases}
    for kind, mask in masks.items():
        here = columns[kind]
        for name, weight in weights[kind].items():
            if not mask.any() or not weight:
                continue
            values = scores_of(name)
            _, spread = scale(values, mask)
            result[:, here] += weight * values[:, here].astype(np.float64) / spread
    return result


def hidden_ranks(
    hidden: "Hidden", scores: NDArray[np.floating], truth: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(n, 3) disease row, its degree in the view, and the rank of each treatment that it hides.

    Args:
        hidden: the view.
        scores: (n_drugs, n_diseases) learnt from it.
        truth: (n_drugs, n_diseases) what is recorded as *treats*.
    """
    view = hidden.view
    left = (view.treats + view.palliates).toarray() > 0
    degrees = np.asarray(view.treats.sum(axis=0)).ravel().astype(np.int64)
    groups = degree_groups(np.asarray(view.treats.sum(axis=1)).ravel().astype(np.int64))
    asked = truth & (hidden.pairs | hidden.diseases) & ~left
    rows = []
    for disease in np.flatnonzero(asked.any(axis=0)).tolist():
        ranks = standing(scores[:, disease], groups, ~left[:, disease])[asked[:, disease]]
        rows += [(disease, int(degrees[disease]), float(rank)) for rank in ranks]
    return np.array(rows, np.float64).reshape(-1, 3)


def stratify(
    diseases: NDArray[np.int64], degrees: NDArray[np.int64], ranks: NDArray[np.float64]
) -> Abstention:
    """Thresholds from the ranks of hidden treatments.

    Args:
        diseases: (n,) whose treatment each is.
        degrees: (n,) recorded treatments of that disease when it was hidden.
        ranks: (n,) 0 to 1, higher is better.
    """
    groups: list[tuple[int, NDArray[np.int64]]] = []  # least degree, places
    stratum = np.searchsorted(DEGREES, degrees, side="right") - 1
    for i, least in enumerate(DEGREES):
        places = np.flatnonzero(stratum == i)
        if groups and (len(places) < FEWEST or len(groups[-1][1]) < FEWEST):
            below = groups.pop()
            groups.append((below[0], np.concatenate([below[1], places])))
        else:
            groups.append((least, places))
    return Abstention(
        tuple(
            _stratum(least, diseases[places], ranks[places])
            for least, places in groups
            if len(places)
        )
    )


def _stratum(least: int, diseases: NDArray[np.int64], ranks: NDArray[np.float64]) -> Stratum:
    _, whose, counts = np.unique(diseases, return_inverse=True, return_counts=True)
    order = np.argsort(ranks, kind="stable")
    weights = 1 / counts[whose[order]]
    return Stratum(
        least,
        len(counts),
        tuple(np.round(ranks[order], 5).tolist()),
        tuple(np.round(weights, 9).tolist()),
    )
