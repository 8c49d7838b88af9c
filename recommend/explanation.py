"""Why one drug stands where it does for one disease, down to the last term; and what if not.

:mod:`recommend.explain` finds the few reasons that every answer shows, in milliseconds. This takes
seconds and hides nothing: what each member of the stack adds to the weighted sum, the terms of the
linear metapath part, the TreeSHAP parts of the trees, and counterfactuals: an edge of the strongest
path is taken out of the graph, the columns of the linear part are made anew, and the drug is ranked
again by it. A counterfactual is of the linear part alone, not of the whole score.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kg.errors import SchemaError
from kg.graph import Graph
from kg.paths import Path, heaviest_path
from kg.query import path_in_words
from kg.schema import EdgeType, Metapath, edge_spec, parse_metapath
from recommend.bundle import Bundle
from recommend.contributions import is_metapath
from recommend.errors import BundleError
from recommend.explain import PALLIATES, TREATS, path_edges
from recommend.interactions import TrainingData, remove_pairs, training_data
from recommend.models.lessons import Regime, mask_of, regimes_of, rows_of
from recommend.models.metapath import MetapathRegression
from recommend.models.stack import scale
from recommend.suggestion import PathEdge

Term = tuple[str, float]  # feature, its part of the log-odds
Place = tuple[EdgeType, int, int]  # type, head row, tail row


@dataclass(frozen=True)
class MemberPart:
    """What one member adds to the stack's weighted sum.

    Attributes:
        member: its name.
        score: on the member's own scale.
        standardised: the score in standard deviations from the mean over all pairs of diseases of
            its kind (of which a treatment is recorded, or none), as
            :func:`recommend.models.stack.scale` gives them.
        weight: of the member in the stack.
        part: weight times standardised score.
    """

    member: str
    score: float
    standardised: float
    weight: float
    part: float


@dataclass(frozen=True)
class Counterfactual:
    """What the linear metapath part says of the drug without one edge of the graph.

    Attributes:
        edge: what is taken out.
        text: one sentence, e.g. "without Adalimumab binds TNF: rank 3 -> 41".
        rank: of the drug for the disease by the linear part, 1 is best.
        rank_without: the same without the edge.
        change: of the linear part's log-odds.
    """

    edge: PathEdge
    text: str
    rank: int
    rank_without: int
    change: float


@dataclass(frozen=True)
class Explanation:
    """All parts of one score.

    Attributes:
        drug: CURIE.
        disease: CURIE.
        score: the stack's, after calibration.
        weighted_sum: of the members' parts; the score rises with it.
        members: they add up to ``weighted_sum``.
        linear: terms of the metapath member, largest by amount first.
        linear_intercept: with the terms it adds up to the metapath member's score.
        trees: TreeSHAP parts of the trees member that are kept, largest by amount first.
        trees_rest: sum of the parts that are not kept.
        trees_base: with parts and rest it adds up to the trees member's log-odds, up to the
            rounding of the parts to float16.
        counterfactuals: of the strongest paths' edges, the greatest change first.
        patient: for a patient with a history, the terms that add up to what orders known uses:
            the graph's, and what patients in a like situation receive. Empty for nobody.
    """

    drug: str
    disease: str
    score: float
    weighted_sum: float
    members: tuple[MemberPart, ...]
    linear: tuple[Term, ...]
    linear_intercept: float
    trees: tuple[Term, ...]
    trees_rest: float
    trees_base: float
    counterfactuals: tuple[Counterfactual, ...]
    patient: tuple[Term, ...] = ()


class Explainer:
    """The linear part of one bundle, ready to be asked what it would say of other graphs.

    Args:
        graph: the bundle's.
        bundle: the stack.

    Raises:
        BundleError: pairs or diseases were hidden from the training, so that what the models
            learnt from cannot be made again from the graph.
    """

    def __init__(self, graph: Graph, bundle: Bundle) -> None:
        if bundle.card.get("hidden_pairs") or bundle.card.get("hidden_diseases"):
            raise BundleError(
                "the models were trained with pairs or diseases hidden: their terms cannot be made "
                "again; train without --hide"
            )
        self.graph = graph
        self.bundle = bundle
        self.data = training_data(graph)
        self.model = MetapathRegression.load(bundle.linear)
        self._known = np.diff((self.data.treats + self.data.palliates).tocsc().indptr) > 0

    def explain(self, drug: int, disease: int, *, n_edges: int = 3) -> Explanation:
        """All parts of the score of one pair.

        Args:
            drug: row.
            disease: row.
            n_edges: how many edges are taken out, one after the other; each takes seconds.
        """
        members = tuple(self._members(drug, disease))
        terms = self.terms(self.data, drug, disease)
        contributions = self.bundle.contributions
        return Explanation(
            self.bundle.drug_ids[drug],
            self.bundle.disease_ids[disease],
            float(self.bundle.scores()[drug, disease]),
            sum(member.part for member in members),
            members,
            tuple(sorted(terms.items(), key=lambda term: -abs(term[1]))),
            self._intercept(disease),
            tuple(contributions.of(drug, disease)),
            float(contributions.rest[drug, disease]),
            float(contributions.base[disease]),
            self.counterfactuals(drug, disease, n_edges=n_edges),
        )

    def log_odds(self, data: TrainingData, disease: int) -> NDArray[np.float64]:
        """(n_drugs,) of the linear part for one disease, of a graph with other edges."""
        values = self._values(data, disease)
        return np.asarray(values.sum(axis=1) + self.model.intercepts[self._regime(disease)])

    def terms(self, data: TrainingData, drug: int, disease: int) -> dict[str, float]:
        """Feature -> its term of one pair, without those that are 0."""
        values = self._values(data, disease)[drug].tolist()
        return {n: v for n, v in zip(self.model.features, values, strict=True) if v}

    def counterfactuals(
        self, drug: int, disease: int, *, n_edges: int
    ) -> tuple[Counterfactual, ...]:
        """The linear part without each of the first ``n_edges`` edges of the strongest paths."""
        if n_edges < 1:
            return ()
        before = self.log_odds(self.data, disease)
        found = []
        for cut in self._cuts(drug, disease, n_edges):
            after = self.log_odds(without_edges(self.data, [cut.place]), disease)
            rank, rank_without = (
                int((values > values[drug]).sum()) + 1 for values in (before, after)
            )
            text = (
                f"without {cut.text}: rank {rank} -> {rank_without} of {len(before)} by the linear "
                "metapath part"
            )
            change = float(after[drug] - before[drug])
            found.append(Counterfactual(cut.edge, text, rank, rank_without, change))
        return tuple(sorted(found, key=lambda item: item.change))

    def strongest_metapaths(self, drug: int, disease: int) -> list[str]:
        """Metapaths whose terms speak for a pair, the largest first."""
        terms = self.terms(self.data, drug, disease)
        order = sorted(terms, key=lambda name: -terms[name])
        return [name for name in order if is_metapath(name) and terms[name] > 0]

    def _cuts(self, drug: int, disease: int, n_edges: int) -> Iterator["_Cut"]:
        """Different edges of the heaviest paths; never the record of the pair itself."""
        seen: set[Place] = set()
        for name in self.strongest_metapaths(drug, disease):
            metapath = parse_metapath(name, self.graph.edge_types)
            try:
                path = heaviest_path(self.graph, metapath, drug, disease)
            except SchemaError:  # it cannot be found in a moment: the next one may
                continue
            for cut in () if path is None else cuts_of(self.graph, metapath, path):
                edge_type, *ends = cut.place
                is_own = edge_type in (TREATS, PALLIATES) and ends == [drug, disease]
                if is_own or cut.place in seen:
                    continue
                seen.add(cut.place)
                yield cut
                if len(seen) == n_edges:
                    return

    def _members(self, drug: int, disease: int) -> Iterator[MemberPart]:
        kind = "known" if self._known[disease] else "new"
        columns = self._known == self._known[disease]
        for name, weight in sorted(self.bundle.weights[kind].items()):
            scores = self.bundle.member_scores(name)
            centre, spread = scale(scores, np.broadcast_to(columns, scores.shape))
            score = float(scores[drug, disease])
            standardised = (score - centre) / spread
            yield MemberPart(name, score, standardised, weight, weight * standardised)

    def _values(self, data: TrainingData, disease: int) -> NDArray[np.float64]:
        """(n_drugs, n_features) terms of one disease."""
        wanted = mask_of(data, np.arange(data.shape[1]) == disease)
        rows, _ = rows_of(data, wanted)
        return self.model.parts(Regime(self._regime(disease)), rows)

    def _intercept(self, disease: int) -> float:
        return float(self.model.intercepts[self._regime(disease)])

    def _regime(self, disease: int) -> int:
        # Of the graph as it is: to take out one edge does not turn one question into another.
        return int(regimes_of(self.data)[disease])


@dataclass(frozen=True)
class _Cut:
    """An edge of a path."""

    place: Place
    edge: PathEdge
    text: str


def cuts_of(graph: Graph, metapath: Metapath, path: Path) -> Iterator[_Cut]:
    """The edges of a path, each as what could be taken out."""
    edges = path_edges(graph, metapath, path)
    steps = zip(metapath, path.rows, path.rows[1:], path.edges, edges, strict=False)
    for step, begin, end, number, edge in steps:
        head, tail = (begin, end) if step.forward else (end, begin)
        text = path_in_words(graph, (step,), Path((begin, end), (number,), path.weight))
        yield _Cut((step.edge_type, head, tail), edge, text)


def without_edges(data: TrainingData, edges: Sequence[Place]) -> TrainingData:
    """The training data without some edges, given by type, head row and tail row."""
    matrices = dict(data.matrices)
    for edge_type, head, tail in edges:
        cells = [(head, tail)]
        if edge_spec(edge_type).symmetric:
            cells.append((tail, head))
        matrices[edge_type] = remove_pairs(matrices[edge_type], np.array(cells, np.int64))
    return replace(data, matrices=matrices, _shared={})
