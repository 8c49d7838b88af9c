"""The parts of a patient's scores, and the weights with which they are added up.

The weights are those of a conditional logit: for each encounter, the chance of a drug among all
that the patient has not had is proportional to the exponential of the weighted sum of its parts.
Each length of history has weights of its own, drawn towards those that all share. No weight is
less than 0, but for that of "rare": what speaks for a drug must not lower it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommend.cohorts.cohort import Matrix, Rows, rows_of
from recommend.errors import ModelError
from recommend.models.prescribing import Floats, Situations

BANDS = (1, 3, 6)  # drugs in the history at which the next set of weights begins
GRAPH_PARTS = ("graph, recent", "graph, current", "recorded, recent", "recorded, current")
PARTS = ("situation", "rare", "history", *GRAPH_PARTS)
_SHARED_PENALTY = 1.0
_OWN_PENALTY = 10.0  # on what is a band's own: few patients move it little
_FLOOR = -9.0  # log-odds; less says no less
_N_STEPS = 200


@dataclass(frozen=True, eq=False)
class GraphPart:
    """What the graph says of drugs and diseases.

    Attributes:
        log_odds: (n_diseases, n_drugs) float32 of the stack's scores.
        recorded: (n_diseases, n_drugs) float32, 1 where a source records the use.
    """

    log_odds: Floats
    recorded: Floats


def graph_part(scores: NDArray[Any], recorded: NDArray[np.bool_]) -> GraphPart:
    """The graph's part.

    Args:
        scores: (n_drugs, n_diseases) probabilities, as the bundle's stack gives them.
        recorded: (n_drugs, n_diseases) whether a source records the use.

    Raises:
        ModelError: two shapes, or a score that is no probability.
    """
    if scores.shape != recorded.shape:
        raise ModelError(f"scores {scores.shape} and recorded uses {recorded.shape} differ")
    if scores.size and not (scores.min() >= 0 and scores.max() <= 1):
        raise ModelError("the graph's scores must be probabilities, 0 to 1")
    inside = np.clip(np.asarray(scores, np.float32), 1e-6, 1 - 1e-6).T
    odds = np.maximum(np.log(inside / (1 - inside)), np.float32(_FLOOR))
    return GraphPart(np.ascontiguousarray(odds), np.ascontiguousarray(recorded.T, np.float32))


def graph_features(graph: GraphPart, seen: Situations) -> Iterator[Floats]:
    """(n, n_drugs) for each of :data:`GRAPH_PARTS`: the best that any condition gives a drug."""
    for table, floor in ((graph.log_odds, _FLOOR), (graph.recorded, 0.0)):
        for conditions in (seen.recent, seen.current):
            yield _best(table, conditions, floor)


def _best(table: Floats, conditions: Matrix, floor: float) -> Floats:
    result = np.full((conditions.shape[0], table.shape[1]), floor, np.float32)
    for i in np.flatnonzero(np.diff(conditions.indptr)).tolist():
        rows = rows_of(conditions, i)
        rows = rows[rows < len(table)]  # what has no node has no score
        if len(rows):
            table[rows].max(axis=0, out=result[i])
    return result


def band_of(n_history: Rows) -> Rows:
    """(n,) the number of the weights for histories of so many drugs."""
    return np.searchsorted(BANDS, n_history, side="right").astype(np.int64)


def learn_weights(
    parts: Floats, started: Floats, had: NDArray[np.bool_], band: Rows
) -> NDArray[np.float64]:
    """(n_bands, n_parts) the weights that make what was started most likely.

    Args:
        parts: (n, n_drugs, n_parts) by parts that had not seen these patients.
        started: (n, n_drugs) ones where the drug was started.
        had: (n, n_drugs) drugs that were given before and cannot be newly started.
        band: (n,) of the history.
    """
    from scipy.optimize import minimize

    n_bands, n_parts = len(BANDS) + 1, parts.shape[2]
    wanted = started / np.maximum(started.sum(axis=1, keepdims=True), 1)
    shut = np.where(had, -1e4, 0.0)

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        shared, of_band = flat[:n_parts], flat[n_parts:].reshape(n_bands, n_parts)
        z = np.einsum("ndk,nk->nd", parts, of_band[band]) + shut
        z -= z.max(axis=1, keepdims=True)
        odds = np.exp(z)
        total = odds.sum(axis=1, keepdims=True)
        own = of_band - shared
        price = _SHARED_PENALTY * (shared**2).sum() + _OWN_PENALTY * (own**2).sum()
        of_each = np.einsum("nd,ndk->nk", odds / total - wanted, parts)
        slope = np.zeros((n_bands, n_parts))
        np.add.at(slope, band, of_each)
        slope += 2 * _OWN_PENALTY * own
        of_shared = 2 * _SHARED_PENALTY * shared - 2 * _OWN_PENALTY * own.sum(axis=0)
        value = price - (wanted * (z - np.log(total))).sum()
        return float(value), np.concatenate([of_shared, slope.ravel()])

    least = [None if PARTS[k] == "rare" else 0.0 for k in range(n_parts)]
    found = minimize(
        loss,
        np.zeros(n_parts * (1 + n_bands)),
        jac=True,
        method="L-BFGS-B",
        bounds=[(low, None) for low in least * (1 + n_bands)],
        options={"maxiter": _N_STEPS},
    ).x
    return np.asarray(found[n_parts:].reshape(n_bands, n_parts))
