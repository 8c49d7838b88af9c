"""What a disease has to offer whoever has it: recorded uses, trials, hypotheses. No patient here.

A disease for which nothing is recorded borrows the uses of the next broader one, one step up and
no further, never across the borders of :mod:`kg.climb`, and never from a cancer: what is two steps
below a disease, or below a cancer, is treated otherwise. Borrowed uses say so.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from kg.climb import climb, may_climb, may_lend
from kg.graph import Graph, Node
from kg.schema import EdgeType
from recommend.answers.degrees import degree_groups, degree_ranks, percentiles, standing
from recommend.answers.gaps import is_close
from recommend.answers.records import (
    LINES,
    RECORDED,
    TRIALS,
    line_of_therapy,
    phase,
    records,
    reference_years,
)
from recommend.bundle import STACK, Bundle
from recommend.explain import TREATS
from recommend.safety import SafetyRules, never_suggested
from recommend.suggestion import Kind

KEPT = 1024  # diseases; some 25 bytes a drug each

_AGAINST = EdgeType("Drug", "contraindicated", "Disease")
# Relations of a disease from which no model learns what helps.
_TELL_NOTHING = frozenset(["contraindicated", "in_clinical_trials_for", "off_label", "subclass_of"])
_CHECKED = ("interacts", "contraindicated")  # tables of which a source can list all of a drug

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Uses:
    """The drugs of one kind.

    Attributes:
        kind: theirs.
        drugs: (n,) rows; of hypotheses best first, else ascending.
        diseases: (n,) rows: for which disease the use is recorded.
        scores: (n,) percentiles by the stack among the drugs for that disease.
        places: (n,) smallest first, 0 to 19: the order that comes before moderate hits and scores.
    """

    kind: Kind
    drugs: Rows
    diseases: Rows
    scores: NDArray[np.float32]
    places: Rows


@dataclass(frozen=True, eq=False)
class Offer:
    """All of one disease.

    Attributes:
        disease: row.
        node: CURIE.
        n_treatments: recorded for it, those borrowed left out.
        uses: each kind once, known indications first; a drug is of its strongest kind only.
        standing: (n_drugs,) of candidates for a hypothesis, by which they are ordered and cut.
        degree_ranks: (n_drugs,) the share of drugs of equal degree that each of them beats.
        barred: (n_drugs,) True for what is never suggested for it, to nobody.
        harmful: (n_drugs,) True where a source speaks against the drug in this or a broader
            disease: no hypothesis.
        harmful_here: (n_drugs,) the same of this very disease: nothing is borrowed.
        across: drug row -> row of a broader disease that it is recorded for, on the other side of
            a border of :mod:`kg.climb`: no hypothesis.
        too_far: the broader disease whose uses were not borrowed, and why; or nothing.
        is_told: whether the graph says anything of it that could speak for a drug; if not, what
            the models say is the same for every such disease, and there is no hypothesis.
    """

    disease: int
    node: str
    n_treatments: int
    uses: tuple[Uses, ...]
    standing: NDArray[np.float32]
    degree_ranks: NDArray[np.float32]
    barred: NDArray[np.bool_]
    harmful: NDArray[np.bool_]
    harmful_here: NDArray[np.bool_]
    across: Mapping[int, int]
    too_far: str
    is_told: bool

    def against(self, uses: Uses) -> NDArray[np.bool_]:
        """(n,) which of ``uses`` nobody who has the disease is offered."""
        if uses.kind is Kind.HYPOTHESIS:
            return (self.barred | self.harmful)[uses.drugs]
        borrowed = uses.diseases != self.disease
        return np.asarray(
            self.barred[uses.drugs] | (borrowed & self.harmful_here[uses.drugs]), np.bool_
        )


@dataclass(frozen=True, eq=False)
class Offers:
    """The offers of all diseases of a graph, made when first asked for. Threads may share it."""

    graph: Graph
    bundle: Bundle
    rules: SafetyRules
    years: Mapping[str, str] = field(init=False)  # of references
    disease_rows: Mapping[str, int] = field(init=False, repr=False)
    drug_rows: Mapping[str, int] = field(init=False, repr=False)
    # Disease row, whether a broader disease may lend its uses: not where the patient's condition
    # was itself matched to a broader node.
    of: Callable[[int, bool], Offer] = field(init=False, repr=False)
    percentiles_of: Callable[[int], Mapping[str, NDArray[np.float32]]] = field(
        init=False, repr=False
    )  # disease row -> member, or the stack -> (n_drugs,) percentiles
    _groups: Rows = field(init=False, repr=False)
    _is_told: NDArray[np.bool_] = field(init=False, repr=False)  # (n_diseases,)
    _listed: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        set_field = partial(object.__setattr__, self)
        set_field("years", reference_years(self.graph))
        degrees = np.zeros(self.graph.n_nodes("Drug"), np.int64)
        if TREATS in self.graph.edge_tables:
            degrees += np.diff(self.graph.edges(TREATS).head_start)
        for name in ("disease", "drug"):
            ids = getattr(self.bundle, f"{name}_ids")
            set_field(f"{name}_rows", {node: row for row, node in enumerate(ids)})
        set_field("_groups", degree_groups(degrees))
        set_field("_is_told", self._told())
        set_field("_listed", self._listed_drugs())
        set_field("of", lru_cache(maxsize=KEPT)(self._make))
        set_field("percentiles_of", lru_cache(maxsize=KEPT)(self._percentiles_of))

    @property
    def has_trials(self) -> bool:
        """Whether a loaded source says which drugs are under study."""
        return TRIALS in self.graph.edge_tables

    def _percentiles_of(self, disease: int) -> Mapping[str, NDArray[np.float32]]:
        members = {n: self.bundle.member_percentiles(n, disease) for n in self.bundle.members}
        return {**members, STACK: percentiles(self.bundle.scores()[:, disease])}

    def _make(self, disease: int, may_borrow: bool) -> Offer:
        node = self.graph.node("Disease", disease)
        own = {kind: self._drugs_of(kind, disease) for kind in RECORDED}
        is_recorded = any(len(own[kind]) for kind in (Kind.INDICATION, Kind.SYMPTOMATIC))
        lenders, too_far = [disease], ""
        if not is_recorded and may_borrow:
            lenders, too_far = self._lenders(node)
        taken = np.zeros(self.graph.n_nodes("Drug"), bool)
        uses = []
        for kind in RECORDED:
            rows, whose = own[kind], np.full(len(own[kind]), disease)
            if not is_recorded and kind is not Kind.UNDER_STUDY:
                rows, whose = self._first_lender(kind, lenders)
            keep = ~taken[rows]
            uses.append(self._ordered(kind, rows[keep], whose[keep]))
            taken[rows] = True
        scores = self.percentiles_of(disease)[STACK]
        stands = standing(scores, self._groups, ~taken)
        free = np.flatnonzero(~taken if self._is_told[disease] else np.zeros_like(taken))
        best_first = free[np.argsort(-stands[free], kind="stable")]
        uses.append(
            Uses(
                Kind.HYPOTHESIS,
                best_first,
                np.full(len(free), disease),
                scores[best_first],
                np.arange(len(free)),
            )
        )
        here = self._spoken_against(node.id)
        broader = sorted(self.rules.broader.get(node.id, frozenset()))
        harmful = np.logical_or.reduce([here, *map(self._spoken_against, broader)])
        across = self._across(node, broader, taken)
        harmful[list(across)] = True
        ids = self.bundle.drug_ids
        return Offer(
            disease,
            node.id,
            len(own[Kind.INDICATION]),
            tuple(uses),
            stands,
            degree_ranks(scores, self._groups, ~taken),
            np.array([bool(never_suggested(self.rules, drug, node.id)) for drug in ids], np.bool_),
            harmful,
            here,
            across,
            too_far,
            bool(self._is_told[disease]),
        )

    def _told(self) -> NDArray[np.bool_]:
        """(n_diseases,) see :attr:`Offer.is_told`."""
        result = np.zeros(self.graph.n_nodes("Disease"), bool)
        for edge_type in self.graph.edge_types:
            if edge_type.relation in _TELL_NOTHING:
                continue
            table = self.graph.edges(edge_type)
            if edge_type.head == "Disease":
                result |= np.diff(table.head_start) > 0
            if edge_type.tail == "Disease":
                result |= np.diff(table.tail_start) > 0
        return result

    def _drugs_of(self, kind: Kind, disease: int) -> Rows:
        """Rows of the drugs recorded for a disease row, ascending."""
        if RECORDED[kind] not in self.graph.edge_tables:
            return np.empty(0, np.int64)
        table = self.graph.edges(RECORDED[kind])
        return np.sort(table.head_of(table.of_tail(disease)).astype(np.int64))

    def _lenders(self, node: Node) -> tuple[list[int], str]:
        """The rows whose uses stand in for those of a disease without any, and who is too far."""

        def is_treated(other: Node) -> bool:
            row = self.disease_rows[other.id]
            return any(len(self._drugs_of(k, row)) for k in (Kind.INDICATION, Kind.SYMPTOMATIC))

        above = climb(self.graph, node, is_treated)
        close = [
            a
            for a in above
            if is_close(a.distance, a.node.name) and may_lend(node.name, a.node.name)
        ]
        if above and not close:
            steps = f"{above[0].distance} step{'s' * (above[0].distance > 1)}"
            return [], f"the next broader disease with one, {above[0].node.name}, is {steps} above"
        return [self.disease_rows[a.node.id] for a in close], ""

    def _across(
        self, node: Node, broader: Sequence[str], taken: NDArray[np.bool_]
    ) -> dict[int, int]:
        """See :attr:`Offer.across`; ``taken`` are the drugs recorded, or lent, for the disease."""
        labels = self.graph.labels_of("Disease", self.disease_rows[node.id])
        names = [node.name, *(label.text for label in labels if label.kind == "synonym")]
        result: dict[int, int] = {}
        for other in broader:
            row = self.disease_rows[other]
            if not may_climb(names, [self.graph.node("Disease", row).name]):
                for kind in (Kind.INDICATION, Kind.SYMPTOMATIC):
                    for drug in self._drugs_of(kind, row).tolist():
                        if not taken[drug]:
                            result.setdefault(drug, row)
        return result

    def _first_lender(self, kind: Kind, lenders: list[int]) -> tuple[Rows, Rows]:
        """Drug rows, ascending and each once, and the first disease row that lends each."""
        found: dict[int, int] = {}
        for lender in lenders:
            for drug in self._drugs_of(kind, lender).tolist():
                found.setdefault(drug, lender)
        rows = np.array(sorted(found), np.int64)
        return rows, np.array([found[row] for row in rows.tolist()], np.int64)

    def _ordered(self, kind: Kind, drugs: Rows, diseases: Rows) -> Uses:
        places, scores = [], []
        for drug, disease in zip(drugs.tolist(), diseases.tolist(), strict=True):
            scores.append(self.percentiles_of(disease)[STACK][drug])
            if kind is Kind.UNDER_STUDY:
                place = 9 - phase(records(self.graph, self.years, kind, drug, disease))
            else:
                place = LINES.index(line_of_therapy(self.graph, kind, drug, disease))
            places.append(2 * place + (self.bundle.drug_ids[drug] not in self._listed))
        return Uses(kind, drugs, diseases, np.array(scores, np.float32), np.array(places, np.int64))

    def _listed_drugs(self) -> frozenset[str]:
        """Drugs all of whose interactions and contraindications some source lists."""
        listed: dict[str, set[str]] = {table: set() for table in _CHECKED}
        for row in self.graph.statements.get("coverage", ()):
            if row["table"] in listed and row.get("extent", "") in ("", "complete"):
                listed[row["table"]].add(row["drug"])
        return frozenset(set.intersection(*listed.values()))

    def _spoken_against(self, node: str) -> NDArray[np.bool_]:
        """(n_drugs,) where a source says anything against the drug in exactly this disease."""
        result = np.zeros(self.graph.n_nodes("Drug"), bool)
        if _AGAINST in self.graph.edge_tables:
            table = self.graph.edges(_AGAINST)
            result[table.head_of(table.of_tail(self.disease_rows[node]))] = True
        return result
