"""What similar patients say: it orders known indications beside the graph, and suggests nothing.

The collaborative part of a bundle weighs the graph and what patients in a like situation receive by
how long the history is (:mod:`recommend.cohorts.collaborative`); here for the few drugs that are
ordered, and for many patients at once. Without a history the graph speaks alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from recommend.answers.offers import KEPT, Rows, Uses
from recommend.bundle import Bundle
from recommend.profile import Fact, PatientProfile
from recommend.suggestion import SimilarPatients

if TYPE_CHECKING:
    from recommend.cohorts.cohort import Situation
    from recommend.cohorts.collaborative import Collaborative

_DIGITS = 4  # of what is compared: drugs alike but for rounding are a tie in a batch and alone


@dataclass(frozen=True, eq=False)
class Personal:
    """What the situations of some patients add to what the graph says.

    Attributes:
        graph: (n_patients,) the weight of the graph's log-odds.
        own: (n_patients, n_drugs) what patients in a like situation receive, on the same scale.
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
        return self.bundle.collaborative

    def personal(self, situations: "Sequence[Situation]") -> Personal | None:
        """What like patients say of all drugs; None where nobody has a history."""
        if self.part is None or not any(len(each.taken) for each in situations):
            return None
        from recommend.cohorts.combination import GRAPH_PARTS, PARTS, band_of

        seen = self.part.situations(situations)
        weights = self.part.weights[band_of(seen.n_history)]
        graph = sum(weights[:, PARTS.index(name)] for name in GRAPH_PARTS[:2])
        own = self.part.patients_score(seen)
        return Personal(np.asarray(graph, np.float64), own, seen.n_history > 0)

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

    def terms(self, situation: "Situation", disease: int, drug: int) -> list[tuple[str, float]]:
        """What adds up to :meth:`column` for one drug; nothing without a history."""
        personal = self.personal([situation])
        if self.part is None or personal is None:
            return []
        graph = float(personal.graph[0]) * float(self.log_odds(disease)[drug])
        return [("graph", graph), *self.part.terms(self.part.situations([situation]), drug)]

    def _log_odds(self, disease: int) -> NDArray[np.float32]:
        from recommend.cohorts.combination import graph_part

        scores = self.bundle.scores()[:, [disease]]
        return np.asarray(graph_part(scores, np.zeros(scores.shape, np.bool_)).log_odds[0])

    def similar(self, disease: int, drug: int) -> SimilarPatients | None:
        """What patients of the cohort with the disease received; None where nothing can be said."""
        return None if self.part is None else self.part.similar(disease, drug)


def situation_of(
    profile: PatientProfile, diseases: Mapping[str, int], drugs: Mapping[str, int]
) -> "Situation":
    """What the collaborative part may see of a patient; near matches do not count.

    Args:
        profile: of the patient; conditions are recent by its ``day``.
        diseases: node -> row.
        drugs: node -> row.
    """
    from recommend.cohorts.cohort import RECENT_DAYS, Situation, words_digest

    held = [f for f in profile.conditions if _counts(f) and not (f.ended or f.is_stale)]
    day = profile.day
    recent = [f for f in held if day and f.start and 0 <= (day - f.start).days <= RECENT_DAYS]
    taken = [f for f in (*profile.drugs, *profile.past_drugs) if _counts(f)]
    return Situation(
        tuple(sorted({diseases[f.node] for f in recent})),
        tuple(sorted({diseases[f.node] for f in held})),
        tuple(sorted({drugs[f.node] for f in taken})),
        profile.sex,
        profile.age_years,
        tuple(words_digest(u.text) for u in profile.unmapped if u.kind == "condition"),
    )


def _counts(fact: Fact) -> bool:
    return fact.grade != "near" or fact.confirmed
