"""What patients with a similar history take: it orders known indications, and suggests nothing."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kg.graph import Graph
from recommend.bundle import Bundle
from recommend.models.stack import percentiles
from recommend.offers import Rows
from recommend.profile import PatientProfile
from recommend.suggestion import SimilarPatients

HISTORY_WEIGHT = 0.1  # share of the history in the score of a patient who has one


@dataclass(frozen=True, eq=False)
class Histories:
    """The collaborative part of a bundle, or nothing where it has none."""

    bundle: Bundle = field(repr=False)

    @property
    def is_absent(self) -> bool:
        """Whether the bundle has no collaborative part."""
        return "als" in self.bundle.absent

    def percentiles(self, history: Rows) -> NDArray[np.float32] | None:
        """(n_drugs,) how usual each drug is for patients with this history; None without any."""
        if self.is_absent or not len(history):
            return None
        return percentiles(self.bundle.history_scores(history))

    def combine(
        self, by_graph: NDArray[np.floating], by_history: NDArray[np.floating]
    ) -> NDArray[np.floating]:
        """The two percentiles of the same drugs as one."""
        return np.asarray((1 - HISTORY_WEIGHT) * by_graph + HISTORY_WEIGHT * by_history)

    def similar(self, disease: int, drug: int) -> SimilarPatients | None:
        """What patients of the cohort with the disease received; None where nothing can be said."""
        part = getattr(self.bundle, "collaborative", None)
        return None if part is None else part.similar(disease, drug)


def history_of(graph: Graph, profile: PatientProfile) -> Rows:
    """The drug rows that the patient takes or took, ascending; near matches do not count."""
    nodes = {
        fact.node
        for fact in (*profile.drugs, *profile.past_drugs)
        if fact.grade != "near" or fact.confirmed
    }
    return np.array(sorted(graph.row("Drug", node) for node in nodes), np.int64)
