"""What similar patients say: it orders known indications beside the graph, and suggests nothing.

The collaborative part of a bundle weighs graph and history by how long the history is, as
:meth:`recommend.collaborative.Collaborative.combine` does; here for the few drugs that are ordered,
and for many patients at once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from recommend.bundle import Bundle
from recommend.offers import KEPT, Rows, Uses
from recommend.profile import PatientProfile
from recommend.suggestion import SimilarPatients

if TYPE_CHECKING:
    from recommend.collaborative import Collaborative

_DIGITS = 4  # of what is compared: drugs alike but for rounding are a tie in a batch and alone


@dataclass(frozen=True, eq=False)
class Personal:
    """What the histories of some patients add to what the graph says.

    Attributes:
        graph: (n_patients,) the weight of the graph's log-odds.
        own: (n_patients, n_drugs) what the history adds; 0 throughout without one.
        known: (n_patients,) who has a history; for the others the graph speaks alone.
    """

    graph: NDArray[np.float64]
    own: NDArray[np.float32]
    known: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Histories:
    """The collaborative part of a bundle, or nothing where it has none."""

    bundle: Bundle = field(repr=False)
    log_odds: Callable[[int], NDArray[np.float32]] = field(init=False, repr=False)
    # Disease row -> (n_drugs,) of the stack's scores, as the collaborative part reads them.

    def __post_init__(self) -> None:
        object.__setattr__(self, "log_odds", lru_cache(maxsize=KEPT)(self._log_odds))

    @cached_property
    def part(self) -> "Collaborative | None":
        """What was learnt from a cohort."""
        return getattr(self.bundle, "collaborative", None)

    def personal(self, histories: Sequence[Rows]) -> Personal | None:
        """What the drug rows that patients took say of all drugs; None where nobody took any."""
        if self.part is None or not any(map(len, histories)):
            return None
        from recommend.combination import GRAPH_PARTS, PARTS, band_of

        lengths = np.array([len(rows) for rows in histories])
        weights = self.part.weights[band_of(lengths)]
        graph = sum(weights[:, PARTS.index(name)] for name in GRAPH_PARTS[:2])
        own = weights[:, PARTS.index("history"), None] * self._folded_in(histories)
        return Personal(np.asarray(graph, np.float64), np.asarray(own, np.float32), lengths > 0)

    def order(self, personal: Personal, patients: Rows, uses: Uses) -> NDArray[np.float64]:
        """(n_patients, n) what orders ``uses`` for each of ``patients``; higher comes first."""
        odds = np.empty(len(uses.drugs), np.float32)
        for disease in set(uses.diseases.tolist()):
            here = uses.diseases == disease
            odds[here] = self.log_odds(disease)[uses.drugs[here]]
        found = personal.graph[patients, None] * odds + personal.own[patients[:, None], uses.drugs]
        known = personal.known[patients, None]
        return np.asarray(np.where(known, np.round(found, _DIGITS), uses.scores[None]), np.float64)

    def column(self, personal: Personal, disease: int) -> NDArray[np.float64]:
        """(n_drugs,) what orders all drugs for one disease and the first patient."""
        found = personal.graph[0] * self.log_odds(disease) + personal.own[0]
        return np.asarray(np.round(found, _DIGITS), np.float64)

    def _log_odds(self, disease: int) -> NDArray[np.float32]:
        from recommend.combination import graph_part

        scores = self.bundle.scores()[:, [disease]]
        return np.asarray(graph_part(scores, np.zeros(scores.shape, np.bool_)).log_odds[0])

    def similar(self, disease: int, drug: int) -> SimilarPatients | None:
        """What patients of the cohort with the disease received; None where nothing can be said."""
        return None if self.part is None else self.part.similar(disease, drug)

    def _folded_in(self, histories: Sequence[Rows]) -> NDArray[np.float32]:
        """(n, n_drugs) the scores of each history by the item factors."""
        import scipy.sparse as sp

        from recommend.models.als import fold_in, fold_in_all

        part: Any = self.part
        options = {"regularization": part.regularization, "alpha": part.alpha}
        if len(histories) == 1:
            patient = fold_in(part.factors, histories[0], gram=self._gram, **options)
            return np.asarray((part.factors @ patient)[None], np.float32)
        starts = np.concatenate([[0], np.cumsum([len(rows) for rows in histories])])
        columns = np.concatenate(list(histories))
        taken = sp.csr_matrix(
            (np.ones(len(columns), np.float32), columns, starts),
            shape=(len(histories), len(part.factors)),
        )
        return fold_in_all(part.factors, taken, **options)

    @cached_property
    def _gram(self) -> NDArray[np.float64]:
        part: Any = self.part
        factors = part.factors.astype(np.float64)
        return np.asarray(factors.T @ factors)


def history_of(profile: PatientProfile, rows: Mapping[str, int]) -> Rows:
    """The drug rows that the patient takes or took, ascending; near matches do not count.

    Args:
        profile: of the patient.
        rows: drug -> row.
    """
    nodes = {
        fact.node
        for fact in (*profile.drugs, *profile.past_drugs)
        if fact.grade != "near" or fact.confirmed
    }
    return np.array(sorted(rows[node] for node in nodes), np.int64)
