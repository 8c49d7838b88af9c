"""The order of drugs and the cut, for one patient or many at once.

Known indications and what is under study stand in this order: drugs without a major hit before
those with one; then by line of therapy, 1, 2, 3, none stated, adjunct, or by the phase of the
trial; then drugs of which a source lists all interactions and contraindications before the others;
then without a hit that is moderate or of unknown severity; then by score, then by identifier.
Hypotheses stand by their place among drugs of equal degree, then by score, and no hit but a veto
moves them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommend.answers.offers import Rows, Uses
from recommend.suggestion import Kind, Severity

# What the screen of safety says of a drug, worst last.
SEVERITIES: tuple[Severity | None, ...] = (
    None,
    "minor",
    "moderate",
    "unknown",
    "major",
    "contraindicated",
)
MODERATE, UNKNOWN, MAJOR, CONTRAINDICATED = 2, 3, 4, 5

_SPARE = 32  # hypotheses looked at beyond twice the number asked for, before all are


@dataclass(frozen=True, eq=False)
class Choice:
    """The best drugs of one kind for each of some patients, and those that a veto kept from it.

    Attributes:
        who: (n,) number of the patient, ascending.
        places: (n,) in the uses that were chosen from, best first for each patient.
        refused_who: (m,) as ``who``.
        refused_places: (m,) what would have stood before the last one chosen.
    """

    who: Rows
    places: Rows
    refused_who: Rows
    refused_places: Rows


def choose(
    uses: Uses,
    against: NDArray[np.bool_],
    severities: NDArray[np.uint8],
    k: int,
    *,
    scores: NDArray[np.floating] | None = None,
) -> Choice:
    """The ``k`` best of ``uses`` that nothing vetoes, for each patient.

    Args:
        uses: not empty; of hypotheses those that may be shown, best first.
        against: (n,) those that nobody is offered.
        severities: (n_patients, n_drugs) positions in :data:`SEVERITIES`.
        k: how many for each.
        scores: (n_patients, n) in place of those of ``uses``.
    """
    if uses.kind is Kind.HYPOTHESIS:
        return _first(uses, against, severities, k)
    found = severities[:, uses.drugs]
    order = _order(uses, found, scores)
    vetoed = np.take_along_axis(against | (found == CONTRAINDICATED), order, axis=1)
    rank = np.cumsum(~vetoed, axis=1)
    who, at = np.nonzero(~vetoed & (rank <= k))
    refused_who, refused_at = np.nonzero(vetoed)  # all: a recorded use that is refused is told
    return Choice(who, order[who, at], refused_who, order[refused_who, refused_at])


def _order(
    uses: Uses, found: NDArray[np.uint8], scores: NDArray[np.floating] | None
) -> NDArray[np.int64]:
    """(n_patients, n) places, best first."""
    n = len(uses.drugs)
    given = uses.scores[None] if scores is None else scores
    by_score = np.argsort(np.argsort(-given, axis=1, kind="stable"), axis=1, kind="stable")
    is_major = (found == MAJOR).astype(np.int64)
    key = (is_major * 32 + uses.places) * 2 + ((found == MODERATE) | (found == UNKNOWN))
    return np.argsort(key * n + by_score, axis=1, kind="stable")


def _first(uses: Uses, against: NDArray[np.bool_], severities: NDArray[np.uint8], k: int) -> Choice:
    """Of hypotheses only so many are looked at as it takes to find ``k``."""
    n = len(uses.drugs)
    width = min(n, 2 * k + _SPARE)
    while True:
        vetoed = against[:width] | (severities[:, uses.drugs[:width]] == CONTRAINDICATED)
        rank = np.cumsum(~vetoed, axis=1)
        if width == n or rank[:, -1].min(initial=k) >= k:
            break
        width = n
    who, places = np.nonzero(~vetoed & (rank <= k))
    refused_who, refused_places = np.nonzero(vetoed & (rank < k))
    return Choice(who, places, refused_who, refused_places)
