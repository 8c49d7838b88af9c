"""What the model is compared with: rows that only count, and models of histories alone.

Each row is a function of the patients that may be learnt from; it returns a function that scores
encounters. All counts are exact: these rows are yardsticks and go into no bundle.
"""

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recommend.cohorts.cohort import N_GROUPS, Cohort, Examples, Rows, rows_of
from recommend.errors import ColdStartError
from recommend.evaluate.patients.figures import Scores
from recommend.interactions import TrainingData
from recommend.models import create_model

POPULARITY = "popularity"
REPEAT = "repeat-last"
COUNTS = "condition-counts"
FLOOR = "recent-condition-counts"  # the row to beat

Score = Callable[[Examples], Scores]
Fit = Callable[[Cohort, Examples, Rows, int], Score]  # cohort, its examples, drugs, seed


def popularity(_: Cohort, known: Examples, drugs: Rows, __: int) -> Score:
    """How many patients newly started the drug."""
    counts = _starts(known, drugs).sum(axis=0)
    return lambda asked: _shares(np.tile(counts, (len(asked), 1)))


def repeat_last(_: Cohort, __: Examples, drugs: Rows, ___: int) -> Score:
    """What was ordered last; nothing else is suggested, so no new start is ever found."""
    return lambda asked: np.where(asked.last[:, drugs].toarray() > 0, 0.0, -np.inf)


def condition_counts(_: Cohort, known: Examples, drugs: Rows, __: int) -> Score:
    """How often the drug was started under each of the conditions that hold, added up."""
    starts = _starts(known, drugs)
    by_condition = np.asarray(known.current.T @ starts)
    usual = starts.sum(axis=0) * 1e-6  # decides where nothing else does
    return lambda asked: _shares(asked.current @ by_condition + usual)


def recent_condition_counts(_: Cohort, known: Examples, drugs: Rows, __: int) -> Score:
    """How often the drug was started under conditions begun within 14 days, in the same group.

    The group is sex and age band. Where that is equal, the count of all groups decides, then that
    of the group whatever the condition, then popularity.
    """
    starts = _starts(known, drugs)
    everywhere = np.asarray(known.recent.T @ starts)
    in_group = np.zeros((N_GROUPS, len(drugs)))
    np.add.at(in_group, known.group, starts)
    groups = {
        group: np.asarray(known.recent[here].T @ starts[here])
        for group in np.unique(known.group).tolist()
        for here in [np.flatnonzero(known.group == group)]
    }
    usual = starts.sum(axis=0)

    def score(asked: Examples) -> Scores:
        result = asked.recent @ everywhere + in_group[asked.group] * 1e-3 + usual * 1e-7
        for i, group in enumerate(asked.group.tolist()):
            if group in groups:
                result[i] += groups[group][rows_of(asked.recent, i)].sum(axis=0) * 1e3
        return _shares(result)

    return score


def history_model(name: str) -> Fit:
    """A row of a model of histories alone; who has none gets popularity."""

    def fit(cohort: Cohort, known: Examples, drugs: Rows, seed: int) -> Score:
        sizes = {"Drug": cohort.n_drugs, "Disease": cohort.n_diseases}
        data = TrainingData(sizes, {}, cohort.histories())
        model = create_model(name).fit(data, seed=seed)
        usual = _starts(known, drugs).sum(axis=0) / max(len(known), 1)

        def score(asked: Examples) -> Scores:
            result = np.tile(usual, (len(asked), 1))
            for i in range(len(asked)):
                try:
                    own = model.score_history(rows_of(asked.taken, i))[drugs].astype(np.float64)
                except ColdStartError:
                    continue
                result[i] = own + usual * 1e-6
            return result

        return score

    return fit


def _starts(known: Examples, drugs: Rows) -> NDArray[np.float64]:
    return np.asarray(sp.csr_matrix(known.started)[:, drugs].toarray(), np.float64)


def _shares(counts: Scores) -> Scores:
    """Logarithms of the shares that counts are of their sum, so that a softmax gives them back."""
    inside = counts + 1e-9
    return np.asarray(np.log(inside / inside.sum(axis=1, keepdims=True)))
