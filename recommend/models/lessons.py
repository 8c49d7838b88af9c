"""Pairs to learn from, each as it looks when its own record is hidden.

No pair may see its own edge: a *treats* edge between a drug and a disease is part of degrees and
paths that describe this very pair. Subtracting it from the positive pairs alone would mark them
(their degrees would be one lower than everyone else's), so whole folds are hidden instead and all
columns are computed anew for each view. That is exact whatever the columns.

A disease of which nothing is known and one with recorded treatments are different questions: for
the second, the drugs like those that treat it are the best evidence; for the first no path ends
that way. And where no resembling disease is known either, the evidence is different again. So there
are three regimes, each learnt from views in which the same is hidden:

=========  =====================================  ================================
regime     the disease has                        learnt from hidden
=========  =====================================  ================================
``ALONE``  no recorded use, and resembles none    diseases, and what they resemble
``NEW``    no recorded use                        diseases
``KNOWN``  at least one recorded use              pairs; all pairs of a drug
=========  =====================================  ================================
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from recommend.errors import ModelError
from recommend.folds import disease_folds
from recommend.interactions import ALIKE_DISEASES, TrainingData, to_pairs
from recommend.models.features import feature_columns

N_FOLDS = 5
NEGATIVES = 20_000  # pairs without a record that are learnt from; each stands for more of its view

Mask = NDArray[np.bool_]  # (n_drugs, n_diseases)


class Regime(IntEnum):
    """What is known of a disease; see the table above."""

    ALONE = 0
    NEW = 1
    KNOWN = 2


@dataclass(frozen=True, eq=False)
class Lessons:
    """Rows to fit on.

    Attributes:
        columns: (n, n_features) raw values.
        relative: (n, n_features) the same over the greatest value that any drug of the view has for
            the disease; 0 to 1.
        labels: (n,) whether the pair is recorded as *treats*.
        weights: (n,) how many pairs of the view each row stands for.
    """

    columns: NDArray[np.float32]
    relative: NDArray[np.float32]
    labels: NDArray[np.bool_]
    weights: NDArray[np.float32]


def regimes_of(view: TrainingData) -> NDArray[np.int8]:
    """(n_diseases,) the regime of each disease."""
    known = np.diff((view.treats + view.palliates).tocsc().indptr) > 0
    alike = np.diff(view.matrix(ALIKE_DISEASES).indptr) > 0
    return np.where(known, Regime.KNOWN, np.where(alike, Regime.NEW, Regime.ALONE)).astype(np.int8)


def mask_of(training: TrainingData, diseases: NDArray[np.bool_]) -> Mask:
    """All pairs of the diseases where ``diseases`` (n_diseases,) is True."""
    return np.broadcast_to(diseases, training.shape)


def lessons(training: TrainingData, regime: Regime, seed: int) -> Lessons | None:
    """Rows from views in which what ``regime`` lacks is hidden, fold by fold.

    Pairs recorded as *palliates* only are neither positive nor negative.

    Several models learn from the same rows: they are made once as long as the view is the same.

    Returns:
        None where too little is recorded to hide a part of it.
    """
    name = f"lessons {regime.name} {seed}"
    return training.shared(name, (), lambda view: _lessons(view, regime, seed))


def _lessons(training: TrainingData, regime: Regime, seed: int) -> Lessons | None:
    rng = np.random.default_rng([seed, regime])
    positive = training.treats.toarray() > 0
    recorded = positive | (training.palliates.toarray() > 0)
    parts = []
    views = list(_views(training, regime, seed, recorded))
    for view, compared in views:
        rows = compared & (positive | ~recorded)
        chance = NEGATIVES / len(views) / max((rows & ~positive).sum(), 1)
        drawn = rows & (positive | (rng.random(rows.shape) < chance))
        if not (positive & drawn).any():
            continue
        share = (rows & ~positive).sum() / max((drawn & ~positive).sum(), 1)
        labels = positive[drawn]
        weights = np.where(labels, 1, share).astype(np.float32)
        parts.append((*rows_of(view, drawn), labels, weights))
    if not parts:
        return None
    columns, relative, labels, weights = (np.concatenate(part) for part in zip(*parts, strict=True))
    return None if labels.all() else Lessons(columns, relative, labels, weights)


def rows_of(view: TrainingData, wanted: Mask) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(n, n_features) values of the wanted pairs, by drug, then disease; and the relative ones."""
    diseases = np.flatnonzero(wanted.any(axis=0))
    rows, places = np.nonzero(wanted[:, diseases])
    columns = feature_columns(view, diseases)
    raw = np.empty((len(rows), len(columns)), np.float32)
    relative = np.empty_like(raw)
    for j, values in enumerate(columns):
        raw[:, j] = values[rows, places]
        greatest = np.maximum(values.max(axis=0), np.finfo(np.float32).tiny)
        relative[:, j] = raw[:, j] / greatest[places]
    return raw, relative


def _views(
    training: TrainingData, regime: Regime, seed: int, recorded: Mask
) -> Iterator[tuple[TrainingData, Mask]]:
    """Views, and the pairs that may be compared in each."""
    if regime is not Regime.KNOWN:
        for grouped in (True, False):
            for fold in _disease_folds(training, seed, grouped=grouped):
                mask = np.zeros(training.shape, bool)
                mask[:, fold] = True
                resemblance = regime is Regime.ALONE
                yield training.without(diseases=fold.tolist(), resemblance=resemblance), mask
        return
    pairs = to_pairs(training.treats + training.palliates)
    rng = np.random.default_rng([seed, len(pairs)])
    treated = np.broadcast_to(recorded.any(axis=0), recorded.shape)
    by_pair = rng.permutation(len(pairs)) % N_FOLDS
    by_drug = (rng.permutation(training.shape[0]) % N_FOLDS)[pairs[:, 0]]
    for dealt, whole_drugs in ((by_pair, False), (by_drug, True)):
        for number in range(N_FOLDS):
            hidden = pairs[dealt == number]
            mask = treated & ~recorded
            if whole_drugs:
                mask = mask & np.isin(np.arange(len(mask)), hidden[:, 0])[:, None]
            mask[hidden[:, 0], hidden[:, 1]] = True
            yield training.without(pairs=hidden), mask


def _disease_folds(training: TrainingData, seed: int, *, grouped: bool) -> list[NDArray[np.int64]]:
    for n in range(N_FOLDS, 1, -1):
        try:
            return disease_folds(training, n, seed, grouped=grouped)
        except ModelError:
            continue
    return []
