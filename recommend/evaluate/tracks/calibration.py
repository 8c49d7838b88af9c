"""Whether a probability of one in ten comes true one time in ten, at the prevalence that is true.

All diseases that are ranked are dealt into folds, treated or not, so that as few pairs are right as
in the graph. For each fold models see nothing of it, nor of the next one: on that one, and on the
same models' scores, each row's calibrator is fitted and its kind chosen; the fold itself is then
judged. Nothing that is judged took part in training, fitting or choosing.
"""

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from recommend.errors import ModelError
from recommend.evaluate.curves import Curves, Reliability
from recommend.evaluate.metrics import reliability
from recommend.evaluate.samples import PooledCalibration, PooledSkill, Sample
from recommend.evaluate.table import TrackReport, make_table
from recommend.evaluate.tracks.base import (
    Options,
    Scorer,
    Truth,
    pairs_of,
    score_view,
    tell_leaks,
    total_degree,
    truth_of,
)
from recommend.folds import Rows, disease_folds
from recommend.interactions import TrainingData
from recommend.models.calibration import Numbers, choose

NAME = "calibration"
STACK = "stack"  # the model whose scores are probabilities already
TERCILES = ("low", "middle", "high")


def run(training: TrainingData, score: Scorer, options: Options) -> TrackReport:
    """See the module.

    Raises:
        ModelError: fewer than three folds, too few treated diseases for them, a fold without any,
            or a baseline is missing.
    """
    drugs, diseases = options.universe(training)
    if options.folds < 3:
        raise ModelError(
            f"{options.folds} folds: it takes one to test, one to calibrate on and one to train on"
        )
    right = truth_of(training)[np.ix_(drugs, diseases)]
    found = _Found(right.shape)
    folds = all_folds(training, diseases, options)
    for k, test in options.steps(f"{NAME}: folds", list(enumerate(folds))):
        validation = folds[(k + 1) % len(folds)]
        _judge(found, training, score, options, test=test, validation=validation)
    probabilities = found.complete()
    tercile = terciles(training)[drugs]
    table = make_table(
        "calibration, grouped folds of all diseases ranked" if not options.random
        else "calibration, random folds of all diseases ranked",
        {model: _samples(values, right, tercile) for model, values in probabilities.items()},
        units=diseases.tolist(),
        seed=options.seed,
    )  # fmt: skip
    chosen = "; ".join(
        f"{model} {', '.join(f'{kind} {n}' for kind, n in sorted(counts.items()))}"
        for model, counts in found.kinds.items()
    )
    return TrackReport(
        track=NAME,
        settings={"folds": options.folds, "cut": None if options.random else options.cut,
                  "random": options.random, "strict": options.strict, "seed": options.seed,
                  "drugs": len(drugs), "diseases": len(diseases)},
        tables=(table,),
        curves={model: _curves(values, right, tercile)
                for model, values in probabilities.items()},
        leaks=tuple(found.leaks),
        notes=(
            f"{int(right.sum()):,} of {right.size:,} pairs are right: {right.mean():.2%}.",
            f"Calibrators chosen on validation diseases by Brier score, by fold: {chosen}.",
            "Terciles are of drugs by their edges of all types but treats and palliates.",
        ),
    )  # fmt: skip


class _Found:
    """The probabilities of all pairs ranked, filled fold by fold, and what is told beside them."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.kinds: dict[str, Counter[str]] = {}
        self.leaks: dict[str, None] = {}
        self._shape = shape
        self._rows: dict[str, Numbers] = {}

    def keep(self, row: str, columns: NDArray[np.int64], values: Numbers) -> None:
        """Note the probabilities of the diseases at these places."""
        self._rows.setdefault(row, np.full(self._shape, np.nan))[:, columns] = values

    def complete(self) -> dict[str, Numbers]:
        """The rows that say something of every pair."""
        return {row: values for row, values in self._rows.items() if not np.isnan(values).any()}


def _judge(
    found: _Found,
    training: TrainingData,
    score: Scorer,
    options: Options,
    *,
    test: Rows,
    validation: Rows,
) -> None:
    """Calibrate every row on ``validation`` and note what it then says of ``test``."""
    drugs, diseases = options.universe(training)
    truth, away = truth_of(training), np.concatenate([test, validation])
    view = training.without(diseases=away, resemblance=options.strict)
    hidden = pairs_of(truth, diseases=away)
    found.leaks |= dict.fromkeys(tell_leaks(view, hidden, options, diseases=away.tolist()))
    seen, asked = np.ix_(drugs, validation), np.ix_(drugs, test)
    columns = np.searchsorted(diseases, test)
    for model, matrix in score_view(score, view).items():
        scores = matrix.astype(np.float64)
        kind, calibrator = choose(scores[seen], truth[seen])
        found.kinds.setdefault(model, Counter())[kind] += 1
        found.keep(model, columns, calibrator(scores[asked]))
        if model == STACK and scores.min() >= 0 and scores.max() <= 1:
            found.keep(f"{STACK} (as it is)", columns, scores[asked])


def all_folds(training: TrainingData, diseases: Rows, options: Options) -> list[Rows]:
    """``diseases`` in folds: the treated ones as for zero-shot, then the others where few are.

    Raises:
        ModelError: a fold has no treated disease, or see :func:`disease_folds`.
    """
    dealt = disease_folds(
        training, options.folds, options.seed, grouped=not options.random, cut=options.cut
    )
    folds = [np.intersect1d(fold, diseases).tolist() for fold in dealt]
    if not all(folds):
        raise ModelError("a fold has no treated disease among those ranked: use fewer folds")
    others = np.setdiff1d(diseases, np.concatenate(dealt))
    for disease in np.random.default_rng([options.seed, len(others)]).permutation(others).tolist():
        min(folds, key=len).append(disease)
    return [np.sort(np.array(fold, np.int64)) for fold in folds]


def terciles(training: TrainingData) -> NDArray[np.int64]:
    """(n_drugs,) 0, 1 or 2: drugs by their edges, without those that are to be predicted."""
    degree = total_degree(training.without(diseases=range(training.shape[1])))
    place = np.empty(len(degree), np.int64)
    place[np.argsort(degree, kind="stable")] = np.arange(len(degree))
    return np.asarray(place * 3 // len(degree), np.int64)


def _parts(right: Truth, tercile: NDArray[np.int64]) -> Mapping[str, NDArray[np.int64]]:
    """The rows of each tercile in which something is right and something is wrong."""
    rows = {name: np.flatnonzero(tercile == i) for i, name in enumerate(TERCILES)}
    return {name: part for name, part in rows.items()
            if right[part].any() and not right[part].all()}  # fmt: skip


def _samples(values: Numbers, right: Truth, tercile: NDArray[np.int64]) -> dict[str, Sample]:
    """What one row reached; the units are the diseases."""
    n_units = right.shape[1]
    units = np.broadcast_to(np.arange(n_units), right.shape)

    def calibration(rows: NDArray[np.int64]) -> Sample:
        return PooledCalibration(
            values[rows].ravel(), right[rows].ravel(), units[rows].ravel(), n_units
        )

    samples: dict[str, Sample] = {
        "ECE": calibration(np.arange(len(right))),
        "Brier skill": PooledSkill(values.ravel(), right.ravel(), units.ravel(), n_units),
    }
    parts = _parts(right, tercile)
    return samples | {f"ECE, {name} degree": calibration(rows) for name, rows in parts.items()}


def _curves(values: Numbers, right: Truth, tercile: NDArray[np.int64]) -> Curves:
    lines: list[Reliability] = [
        {"group": "all", "bins": reliability(values.ravel(), right.ravel())}
    ]
    for name, rows in _parts(right, tercile).items():
        bins = reliability(values[rows].ravel(), right[rows].ravel())
        lines.append({"group": f"{name} degree", "bins": bins})
    return {"reliability": lines}
