"""Figures collected unit by unit, model by model, until a table is made of them."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommend.evaluate.curves import RankByDegree
from recommend.evaluate.metrics import (
    auroc,
    average_precision,
    degree_matched,
    hits_at,
    mean_reciprocal_rank,
    recall_at,
)
from recommend.evaluate.samples import Ratio
from recommend.evaluate.table import Table, make_table
from recommend.evaluate.tracks.base import Truth, strata_of
from recommend.folds import Rows
from recommend.interactions import Pairs, TrainingData
from recommend.models.base import Scores

DEGREE_MATCHED = "degree-matched AUROC"


@dataclass(frozen=True, eq=False)
class Case:
    """One view and what models made of it, beside what is true.

    Attributes:
        view: what models saw.
        scores: by model, of all drugs and diseases.
        truth: (n_drugs, n_diseases) what is recorded, hidden or not.
        asked: (n_drugs, n_diseases) which pairs are candidates: what models were told is none.
        drugs: rows that are ranked.
    """

    view: TrainingData
    scores: Mapping[str, Scores]
    truth: Truth
    asked: Truth
    drugs: Rows


Part = tuple[float, float]  # what a unit adds to the numerator and to the denominator of a figure


class Tally:
    """What each model reached in each unit; a figure is a sum of numerators over denominators."""

    def __init__(self) -> None:
        self._parts: dict[str, dict[Hashable, dict[str, Part]]] = {}
        self._clusters: dict[Hashable, Hashable] = {}

    def add(
        self, model: str, unit: Hashable, figures: Mapping[str, Part], *, cluster: Hashable
    ) -> None:
        """Note the figures of one model in one unit, which is drawn together with its cluster."""
        self._parts.setdefault(model, {})[unit] = dict(figures)
        self._clusters[unit] = cluster

    def add_diseases(self, case: Case, diseases: Rows, *, draw: int) -> Rows:
        """Note how the drugs were ranked for each of ``diseases``.

        Args:
            case: what is judged.
            diseases: rows.
            draw: tells this case from others in which the same diseases are judged.

        Returns:
            Those of ``diseases`` that have a right and a wrong answer: the others say nothing.
        """
        cells = np.ix_(case.drugs, diseases)
        asked, right = case.asked[cells], case.truth[cells] & case.asked[cells]
        has_both = right.any(axis=0) & (right.sum(axis=0) < asked.sum(axis=0))
        diseases, asked, right = diseases[has_both], asked[:, has_both], right[:, has_both]
        strata = strata_of(case.view)[case.drugs]
        for model, matrix in case.scores.items():
            ranked = matrix[np.ix_(case.drugs, diseases)]
            matched, n_matched = degree_matched(ranked, right, strata, asked)
            for j, disease in enumerate(diseases.tolist()):
                figures = of_query(ranked[asked[:, j], j], right[asked[:, j], j])
                figures[DEGREE_MATCHED] = (float(matched[j]), float(n_matched[j]))
                self.add(model, (draw, disease), figures, cluster=disease)
        return diseases

    def table(self, title: str, *, seed: int) -> Table:
        """The table of all that was noted.

        Raises:
            ModelError: see :func:`make_table`.
        """
        units = sorted(self._clusters, key=repr)
        samples = {}
        for model, parts in self._parts.items():
            figures = dict.fromkeys(name for unit in units for name in parts[unit])
            samples[model] = {name: _ratio([parts[unit][name] for unit in units])
                              for name in figures}  # fmt: skip
        return make_table(title, samples, units=units, seed=seed, clusters=self._clusters)


def of_query(scores: NDArray[np.float32], right: NDArray[np.bool_]) -> dict[str, Part]:
    """The figures of one list of candidates, for a table of means over lists.

    Args:
        scores: (n,) higher is better.
        right: (n,) at least one, not all.
    """
    figures = {
        "AP": average_precision(scores, right),
        "AUROC": auroc(scores, right),
        "Recall@20": recall_at(20, scores, right),
        "Recall@100": recall_at(100, scores, right),
        "Hits@10": hits_at(10, scores, right),
        "MRR": mean_reciprocal_rank(scores, right),
    }
    return {name: (value, 1.0) for name, value in figures.items()}


def filtered_ranks(scores: NDArray[np.float32], known: Truth, pairs: Pairs) -> NDArray[np.float64]:
    """(n,) the rank of each pair's row in the pair's column, from 1, best first.

    Filtered: what is ``known`` to be true does not count, but for the pair itself. Among equals the
    mean of the optimistic and the pessimistic rank.

    Args:
        scores: (n_rows, n_columns), higher is better.
        known: (n_rows, n_columns) all pairs that are true, the ranked ones among them.
        pairs: (n, 2) rows, columns.
    """
    ranks = np.empty(len(pairs))
    for column in np.unique(pairs[:, 1]):
        here = pairs[:, 1] == column
        others = np.sort(scores[~known[:, column], column])
        given = scores[pairs[here, 0], column]
        above = len(others) - np.searchsorted(others, given, side="right")
        not_below = len(others) - np.searchsorted(others, given, side="left")
        ranks[here] = 1 + (above + not_below) / 2
    return ranks


def rank_by_degree(ranks: Sequence[float], degrees: Sequence[int], n_ranked: int) -> RankByDegree:
    """The curve, by ascending degree."""
    order = np.lexsort((np.asarray(ranks), np.asarray(degrees)))
    return {
        "degree": np.asarray(degrees, np.int64)[order].tolist(),
        "rank": np.asarray(ranks, np.float64)[order].tolist(),
        "n_ranked": n_ranked,
    }


def _ratio(parts: Sequence[Part]) -> Ratio:
    columns = np.array(parts, np.float64).reshape(-1, 2).T
    return Ratio(columns[0], columns[1])
