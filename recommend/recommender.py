"""A profile in; ranked, checked, explained suggestions out. One pure function over a loaded bundle.

For each current condition with a node of its own or one a step broader: known indications
(disease-modifying, then symptomatic) and hypotheses, each list ordered and cut on its own. Every
drug is checked before the cut; what is contraindicated is listed as vetoed, with the reason.

Known indications stand in this order: drugs without a major hit before those with one (or with one
of unknown severity); then by line of therapy, 1, 2, 3, none stated, adjunct; then drugs whose
interactions and contraindications a source covers before those that nobody checked; then without a
moderate hit; then by score. Hypotheses stand by score alone. The order of the profile's lists does
not matter; ties break by identifier.

The drugs that the patient takes are checked against the rest of the record as well, and what speaks
against one is a warning.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from kg.graph import Graph
from kg.store import open_graph
from recommend.bundle import STACK, Bundle, open_bundle
from recommend.errors import ProfileError
from recommend.explain import PALLIATES, TREATS, reasons
from recommend.gaps import may_seed, missing
from recommend.models.stack import percentiles
from recommend.profile import Fact, PatientProfile
from recommend.safety import (
    PatientState,
    SafetyRules,
    check_drug,
    contraindication,
    interaction,
    vetoes,
    vetoes_alone,
)
from recommend.suggestion import (
    DrugWarning,
    Kind,
    Outcome,
    Reason,
    Recommendation,
    Suggestion,
    Verdict,
    Vetoed,
)

HISTORY_WEIGHT = (
    0.1  # share of "what similar patients take" in the score of a patient with a history
)
N_REASONS = 3
REASONS_KEPT = 10_000  # pairs; about 30 MB

_LINES = ("1", "2", "3", "", "adjunct")  # of therapy, best first
_LINE_NAMES = {"1": "first line", "2": "second line", "3": "third line", "adjunct": "an adjunct"}
_COVERAGE = {interaction.CHECK: "interacts", contraindication.CHECK: "contraindicated"}
_CURIE = re.compile(r"[A-Za-z][A-Za-z0-9]*:[A-Za-z0-9._*-]+")
_RECORDS = {Kind.INDICATION: TREATS, Kind.SYMPTOMATIC: PALLIATES}


@dataclass(frozen=True, eq=False)
class Recommender:
    """A bundle and its graph, ready to answer. Read-only: threads may share one."""

    graph: Graph
    bundle: Bundle
    rules: SafetyRules = field(repr=False)
    percentiles_of: Callable[[int], Mapping[str, NDArray[np.float32]]] = field(
        init=False, repr=False
    )  # disease row -> member, or the stack -> (n_drugs,) percentiles
    reasons_for: Callable[[int, int], tuple[Reason, ...]] = field(
        init=False, repr=False
    )  # drug row, disease row

    def __post_init__(self) -> None:
        # Neither depends on a patient, and most patients ask for the same ones.
        set_field = partial(object.__setattr__, self)
        set_field("percentiles_of", lru_cache(maxsize=None)(self._percentiles_of))
        set_field("reasons_for", lru_cache(maxsize=REASONS_KEPT)(self._reasons_for))

    @classmethod
    def load(cls, bundle: Path | Bundle, *, graph: Path | Graph) -> Self:
        """Open a bundle and the graph that it was trained on.

        Raises:
            BundleError: not a bundle, damaged, or trained on another graph.
            FolderError: the graph cannot be opened.
        """
        if not isinstance(graph, Graph):
            graph = open_graph(graph)
        if not isinstance(bundle, Bundle):
            bundle = open_bundle(bundle, graph)
        return cls(graph, bundle, SafetyRules.read(graph))

    def recommend(self, profile: PatientProfile, *, k: int = 5) -> Recommendation:
        """Suggest at most ``k`` drugs for each condition and kind.

        A deceased patient, and one without a condition that may seed a suggestion, gets a refusal,
        which is an answer and not an error.

        Raises:
            ProfileError: the profile names a node that the graph does not have, or of a wrong type.
            ValueError: ``k`` is no integer, or less than 1.
        """
        if isinstance(k, bool) or not isinstance(k, int) or k < 1:
            raise ValueError(f"k must be an integer of at least 1, not {k!r}")
        self._check_nodes(profile)
        state = PatientState(profile, self.rules)
        answer = Recommendation(
            (),
            (),
            (*missing(state, self.bundle.absent), *self._held_back()),
            None,
            self.graph.fingerprint,
            self.bundle.fingerprint,
        )
        if profile.deceased:
            return replace(answer, refusal="the patient is recorded as deceased")
        answer = replace(answer, warnings=self._warnings(state))
        recorded = state.recorded.values()
        seeds = [f for f in recorded if not f.ended and may_seed(f, self.rules.name(f.node))]
        if not seeds:
            why = "no current condition is in the graph"
            if profile.conditions:
                why = (
                    "every condition is only a near match, far below the disease that stands for "
                    "it, or does not hold now; confirm one"
                )
            return replace(answer, refusal=f"no supported answer: {why}")
        case = _Case(self, state)
        suggestions: list[Suggestion] = []
        vetoed: list[Vetoed] = []
        for fact in seeds:
            found, refused = case.answer(fact, k)
            suggestions += found
            vetoed += refused
        if not suggestions:
            refusal = "no supported answer: every candidate is vetoed"
            return replace(answer, vetoed=tuple(vetoed), refusal=refusal)
        return replace(answer, suggestions=tuple(suggestions), vetoed=tuple(vetoed))

    def check(
        self, profile: PatientProfile, drugs: Sequence[str]
    ) -> dict[str, tuple[Verdict, ...]]:
        """The safety verdicts on ``drugs`` (CURIEs) for one patient, in the order given.

        Raises:
            ProfileError: the profile or ``drugs`` name a node that the graph does not have.
        """
        self._check_nodes(profile)
        for drug in drugs:
            self._check_node(drug, ("Drug",), "drugs")
        state = PatientState(profile, self.rules)
        return {drug: check_drug(self.rules, state, drug) for drug in drugs}

    def _held_back(self) -> tuple[str, ...]:
        """What the models were not shown though the graph has it."""
        hidden = [
            (self.bundle.card.get(f"hidden_{what}", 0), what) for what in ("pairs", "diseases")
        ]
        listed = " and ".join(f"{n} {what}" for n, what in hidden if n)
        return (f"the models were trained with {listed} hidden (train --hide)",) if listed else ()

    def _percentiles_of(self, disease: int) -> Mapping[str, NDArray[np.float32]]:
        members = {n: self.bundle.member_percentiles(n, disease) for n in self.bundle.members}
        return {**members, STACK: percentiles(self.bundle.scores()[:, disease])}

    def _reasons_for(self, drug: int, disease: int) -> tuple[Reason, ...]:
        return reasons(self.graph, self.bundle.contributions, drug, disease, limit=N_REASONS)

    def _check_nodes(self, profile: PatientProfile) -> None:
        for name, types in (
            ("conditions", ("Disease",)),
            ("drugs", ("Drug",)),
            ("past_drugs", ("Drug",)),
            ("allergies", ("Drug", "DrugClass")),
        ):
            for fact in getattr(profile, name):
                self._check_node(fact.node, types, name)
        for phenotype in profile.genes:
            self._check_node(phenotype.gene, ("Gene",), "genes")

    def _check_node(self, node_id: str, types: tuple[str, ...], place: str) -> None:
        found = self.graph.find(node_id)
        if found is None or found[0] not in types:
            what = f"a {found[0]}" if found else "not in the graph"
            # What is no CURIE may be a name or another text about the patient.
            shown = repr(node_id) if _CURIE.fullmatch(node_id) else "an entry that is no CURIE"
            raise ProfileError(
                f"{place}: {shown} is {what}; expected a {' or '.join(types)} of graph "
                f"{self.graph.fingerprint[:12]}"
            )

    def _warnings(self, state: PatientState) -> tuple[DrugWarning, ...]:
        """What speaks against each current drug, seen beside the others, more than moderately."""
        warnings = []
        for drug in state.drugs:
            others = tuple(fact for fact in state.profile.drugs if fact.node != drug)
            beside = PatientState(replace(state.profile, drugs=others), self.rules)
            against = tuple(
                verdict
                for verdict in check_drug(self.rules, beside, drug)
                if verdict.outcome is Outcome.HIT and verdict.severity not in ("moderate", "minor")
            )
            if against:
                warnings.append(DrugWarning(drug, self.rules.name(drug), against))
        return tuple(warnings)


@dataclass(frozen=True, eq=False)
class _Case:
    """One patient before one recommender."""

    recommender: Recommender
    state: PatientState
    similar: NDArray[np.float32] | None = field(init=False)  # percentile by history
    _verdicts: dict[str, tuple[Verdict, ...]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        graph, bundle = self.recommender.graph, self.recommender.bundle
        profile = self.state.profile
        history = sorted(
            {
                graph.row("Drug", fact.node)
                for fact in (*profile.drugs, *profile.past_drugs)
                if fact.grade != "near"
            }
        )
        similar = None
        if history and "als" not in bundle.absent:
            similar = percentiles(bundle.history_scores(np.array(history, np.int64)))
        object.__setattr__(self, "similar", similar)

    def answer(self, fact: Fact, k: int) -> tuple[list[Suggestion], list[Vetoed]]:
        """Everything for one condition."""
        place = _Place(self, fact, self.recommender.graph.row("Disease", fact.node))
        suggestions: list[Suggestion] = []
        vetoed: list[Vetoed] = []
        for kind, drugs in place.candidates():
            found, refused = place.choose(kind, drugs, k)
            suggestions += found
            vetoed += refused
        return suggestions, vetoed

    def check(self, drug: str) -> tuple[Verdict, ...]:
        """The safety verdicts on one drug, found once a patient."""
        if drug not in self._verdicts:
            self._verdicts[drug] = check_drug(self.recommender.rules, self.state, drug)
        return self._verdicts[drug]


@dataclass(frozen=True, eq=False)
class _Place:
    """One condition of one patient."""

    case: _Case
    fact: Fact
    disease: int  # row
    scores: NDArray[np.float32] = field(init=False)  # (n_drugs,)

    def __post_init__(self) -> None:
        # Probabilities are tiny, and what similar patients take has none: both become percentiles.
        scores = self.case.recommender.percentiles_of(self.disease)[STACK]
        if self.case.similar is not None:
            scores = (1 - HISTORY_WEIGHT) * scores + HISTORY_WEIGHT * self.case.similar
        object.__setattr__(self, "scores", scores)

    def candidates(self) -> Iterable[tuple[Kind, NDArray[np.int64]]]:
        """The drug rows of each kind, ascending; a drug is of its strongest kind only."""
        graph = self.case.recommender.graph
        taken = np.zeros(graph.n_nodes("Drug"), bool)
        for kind, edge_type in _RECORDS.items():
            rows = np.empty(0, np.int64)
            if edge_type in graph.edge_tables:
                table = graph.edges(edge_type)
                rows = table.head_of(table.of_tail(self.disease)).astype(np.int64)
            yield kind, rows[~taken[rows]]
            taken[rows] = True
        yield Kind.HYPOTHESIS, np.flatnonzero(~taken)

    def choose(
        self, kind: Kind, drugs: NDArray[np.int64], k: int
    ) -> tuple[list[Suggestion], list[Vetoed]]:
        """The best ``k`` of ``drugs`` that nothing vetoes, and those that something does.

        Of hypotheses only so many are looked at as it takes to find ``k``; known indications are
        all checked, because safety and line of therapy order them before the score.
        """
        ids, rules = self.case.recommender.bundle.drug_ids, self.case.recommender.rules
        best_first = drugs[np.argsort(-self.scores[drugs], kind="stable")]
        chosen: list[tuple[int, tuple[Verdict, ...]]] = []
        refused: list[Vetoed] = []
        for row in best_first.tolist():
            if kind is Kind.HYPOTHESIS and len(chosen) == k:
                break
            drug = ids[row]
            verdicts = self.case.check(drug)
            against = (*vetoes(verdicts), *vetoes_alone(rules, drug))
            if kind is Kind.HYPOTHESIS and not against:
                against = self._harms_this(verdicts)
            if against:
                refused.append(Vetoed(drug, rules.name(drug), self.fact.node, kind, against))
            else:
                chosen.append((row, verdicts))
        if kind is not Kind.HYPOTHESIS:
            chosen.sort(key=lambda item: self._precedence(kind, *item))
        return [
            self._suggestion(rank, row, kind, verdicts)
            for rank, (row, verdicts) in enumerate(chosen[:k], start=1)
        ], refused

    def _harms_this(self, verdicts: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
        """Hits that speak against a drug in the very disease that it would be suggested for."""
        broader = self.case.recommender.rules.broader.get(self.fact.node, frozenset())
        here = {self.fact.node, *broader}
        return tuple(v for v in verdicts if v.check == contraindication.CHECK and v.partner in here)

    def _precedence(
        self, kind: Kind, drug: int, verdicts: tuple[Verdict, ...]
    ) -> tuple[bool, int, bool, bool]:
        """The place of a known indication, smallest first; the score breaks ties."""
        rules, drug_id = self.case.recommender.rules, self.case.recommender.bundle.drug_ids[drug]
        hits = {v.severity for v in verdicts if v.outcome is Outcome.HIT}
        is_unchecked = any(
            v.outcome is Outcome.NOT_COVERED
            and v.check in _COVERAGE
            and drug_id not in rules.covered.get(_COVERAGE[v.check], ())
            for v in verdicts
        )
        line = _LINES.index(self._line(kind, drug))
        return bool(hits & {"major", "unknown"}), line, is_unchecked, "moderate" in hits

    def _line(self, kind: Kind, drug: int) -> str:
        """The best line of therapy that a source states."""
        if kind is Kind.HYPOTHESIS:
            return ""
        graph, edge_type = self.case.recommender.graph, _RECORDS[kind]
        edge = graph.find_edge(edge_type, drug, self.disease)
        assertions = graph.assertions(edge_type, edge) if edge is not None else ()
        stated = {str(a.details.get("line", "")) for a in assertions} & set(_LINE_NAMES)
        return min(stated, key=_LINES.index, default="")

    def _suggestion(
        self, rank: int, drug: int, kind: Kind, verdicts: tuple[Verdict, ...]
    ) -> Suggestion:
        recommender, similar = self.case.recommender, self.case.similar
        percentiles_of = recommender.percentiles_of(self.disease)
        parts = {name: percentiles_of[name] for name in recommender.bundle.members}
        if similar is not None:
            parts["als"] = similar  # the patient's own
        drug_id = recommender.bundle.drug_ids[drug]
        return Suggestion(
            rank=rank,
            drug=drug_id,
            drug_name=recommender.rules.name(drug_id),
            condition=self.fact.node,
            condition_name=recommender.rules.name(self.fact.node),
            condition_grade=self.fact.grade,
            kind=kind,
            score=round(float(self.scores[drug]), 4),
            parts={name: round(float(values[drug]), 4) for name, values in parts.items()},
            verdicts=verdicts,
            reasons=recommender.reasons_for(drug, self.disease),
            certainty=self._certainty(kind, drug),
            line=self._line(kind, drug),
        )

    def _certainty(self, kind: Kind, drug: int) -> str:
        position = int((self.scores > self.scores[drug]).sum()) + 1
        place = f"rank {position} of {len(self.scores)} drugs for this disease by the models"
        if kind is Kind.HYPOTHESIS:
            text = f"a hypothesis: no loaded source records this use; {place}"
            if self.case.recommender.bundle.is_calibrated:
                share = float(self.case.recommender.bundle.scores()[drug, self.disease])
                text += (
                    f"; of pairs with such a score, {share:.2%} are recorded treatments when each "
                    "record in turn is hidden, which is no chance that it helps"
                )
        else:
            name = _LINE_NAMES.get(self._line(kind, drug), "line of therapy not stated")
            text = f"a recorded use, {name}; {place}, which only orders it and is no probability"
        if self.fact.grade == "broader":
            text += "; for a broader disease than the one recorded"
        return text
