"""A profile in; ranked, checked and explained suggestions out. One pure function over a loaded bundle.

For each current condition with a node of its own or a stated broader one: known indications
(disease-modifying, then symptomatic) and hypotheses, each list ordered and cut on its own. Every drug is
checked before the cut; what is contraindicated is listed as vetoed, with the reason.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from kg.graph import Graph
from kg.store import open_graph
from recommend.bundle import Bundle, open_bundle
from recommend.errors import ProfileError
from recommend.explain import PALLIATES, TREATS, path_reasons, recorded
from recommend.models.stack import percentiles
from recommend.profile import Fact, Knowledge, PatientProfile
from recommend.safety import PatientState, SafetyRules, check_drug, vetoes, worst
from recommend.suggestion import Kind, Outcome, Recommendation, Suggestion, Verdict, Vetoed

HISTORY_WEIGHT = 0.1  # share of "what similar patients take" in the score of a patient with a history
N_REASONS = 3

_LINES = {"1": 0, "2": 1, "3": 2, "adjunct": 3}  # line of therapy; a drug without one comes after
_DANGER = {"major": 2, "unknown": 2, "moderate": 1}


@dataclass(frozen=True, eq=False)
class Recommender:
    """A bundle and its graph, ready to answer. Read-only: threads may share one."""

    graph: Graph
    bundle: Bundle
    rules: SafetyRules = field(repr=False)

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
            ValueError: ``k`` is less than 1.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        self._check_nodes(profile)
        answer = Recommendation(
            (), (), self._missing(profile), None, self.graph.fingerprint, self.bundle.fingerprint
        )
        if profile.deceased:
            return replace(answer, refusal="the patient is recorded as deceased")
        seeds = list({f.node: f for f in profile.conditions if f.grade != "near"}.values())
        if not seeds:
            return replace(
                answer, refusal="no supported answer: no current condition is in the graph"
            )
        case = _Case(self, profile)
        suggestions: list[Suggestion] = []
        vetoed: list[Vetoed] = []
        for fact in seeds:
            for kind, drugs in case.candidates(fact):
                found, refused = case.choose(fact, kind, drugs, k)
                suggestions += found
                vetoed += refused
        if not suggestions:
            refusal = "no supported answer: every candidate is vetoed"
            return replace(answer, vetoed=tuple(vetoed), refusal=refusal)
        return replace(answer, suggestions=tuple(suggestions), vetoed=tuple(vetoed))

    def check(self, profile: PatientProfile, drugs: Sequence[str]) -> dict[str, tuple[Verdict, ...]]:
        """The safety verdicts on ``drugs`` (CURIEs) for one patient, in the order given.

        Raises:
            ProfileError: the profile or ``drugs`` name a node that the graph does not have.
        """
        self._check_nodes(profile)
        for drug in drugs:
            self._check_node(drug, ("Drug",), "drugs")
        state = PatientState(profile, self.rules)
        return {drug: check_drug(self.rules, state, drug) for drug in drugs}

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
            raise ProfileError(
                f"{place}: {node_id!r} is {what}; expected a {' or '.join(types)} of graph "
                f"{self.graph.fingerprint[:12]}"
            )

    def _missing(self, profile: PatientProfile) -> tuple[str, ...]:
        gaps = [
            f"{item.kind} {item.text!r}: not assessed ({item.reason})" for item in profile.unmapped
        ]
        for fact in profile.conditions:
            if fact.grade == "near":
                name = self.rules.name(fact.node)
                gaps.append(f"condition {fact.basis}: looks like {name}; confirm it to use it")
            elif fact.grade == "broader":
                name = self.rules.name(fact.node)
                gaps.append(f"condition {fact.basis}: assessed as the broader {name}")
        for name in ("conditions", "drugs", "allergies"):
            if getattr(profile, f"{name}_known") is Knowledge.UNKNOWN:
                gaps.append(f"whether the list of {name} is complete is unknown")
        if profile.age_years is None:
            gaps.append("the age is unknown")
        if profile.pregnancy == "unknown" and PatientState(profile, self.rules).may_be_pregnant:
            gaps.append("whether the patient is pregnant is unknown")
        if profile.egfr is None:
            gaps.append("no eGFR of the last 12 months: kidney limits cannot be checked")
        for part, reason in sorted(self.bundle.absent.items()):
            gaps.append(f"the bundle has no {part}: {reason}")
        return tuple(gaps)


@dataclass(frozen=True, eq=False)
class _Case:
    """One patient before one recommender."""

    recommender: Recommender
    profile: PatientProfile
    state: PatientState = field(init=False)
    similar: NDArray[np.float32] | None = field(init=False)  # percentile by history
    _verdicts: dict[str, tuple[Verdict, ...]] = field(init=False, default_factory=dict)
    _parts: dict[int, dict[str, NDArray[np.float32]]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        graph, bundle = self.recommender.graph, self.recommender.bundle
        object.__setattr__(self, "state", PatientState(self.profile, self.recommender.rules))
        history = sorted(
            {
                graph.row("Drug", fact.node)
                for fact in (*self.profile.drugs, *self.profile.past_drugs)
                if fact.grade != "near"
            }
        )
        similar = None
        if history and "als" not in bundle.absent:
            similar = percentiles(bundle.history_scores(np.array(history, np.int64)))
        object.__setattr__(self, "similar", similar)

    def candidates(self, fact: Fact) -> Iterable[tuple[Kind, NDArray[np.int64]]]:
        """The drug rows of each kind for one condition; a drug is of its strongest kind only."""
        graph = self.recommender.graph
        disease = graph.row("Disease", fact.node)
        taken = np.zeros(graph.n_nodes("Drug"), bool)
        for kind, edge_type in ((Kind.INDICATION, TREATS), (Kind.SYMPTOMATIC, PALLIATES)):
            rows = np.empty(0, np.int64)
            if edge_type in graph.edge_tables:
                table = graph.edges(edge_type)
                rows = table.head_of(table.of_tail(disease)).astype(np.int64)
            yield kind, rows[~taken[rows]]
            taken[rows] = True
        yield Kind.HYPOTHESIS, np.flatnonzero(~taken)

    def choose(
        self, fact: Fact, kind: Kind, drugs: NDArray[np.int64], k: int
    ) -> tuple[list[Suggestion], list[Vetoed]]:
        """The best ``k`` of ``drugs`` that nothing vetoes, and those that something does.

        Of hypotheses only so many are looked at as it takes to find ``k``; known indications are all
        checked, because safety and line of therapy order them before the score.
        """
        graph = self.recommender.graph
        disease = graph.row("Disease", fact.node)
        scores = self._scores(disease)
        best_first = drugs[np.argsort(-scores[drugs], kind="stable")]
        chosen: list[tuple[int, tuple[Verdict, ...]]] = []
        refused: list[Vetoed] = []
        for row in best_first.tolist():
            if kind is Kind.HYPOTHESIS and len(chosen) == k:
                break
            node = graph.node("Drug", row)
            verdicts = self._check(node.id)
            against = vetoes(verdicts)
            if against:
                refused.append(Vetoed(node.id, node.name, fact.node, kind, against))
            else:
                chosen.append((row, verdicts))
        if kind is not Kind.HYPOTHESIS:
            chosen.sort(key=lambda item: (_danger(item[1]), self._line(kind, item[0], disease)))
        return [
            self._suggestion(rank, row, fact, disease, kind, scores, verdicts)
            for rank, (row, verdicts) in enumerate(chosen[:k], start=1)
        ], refused

    def _scores(self, disease: int) -> NDArray[np.float32]:
        scores = self.recommender.bundle.scores()[:, disease]
        if self.similar is None:
            return scores
        return (1 - HISTORY_WEIGHT) * scores + HISTORY_WEIGHT * self.similar

    def _percentiles(self, disease: int) -> dict[str, NDArray[np.float32]]:
        """Each member's percentiles of all drugs for one disease; "als" is the patient's own."""
        if disease not in self._parts:
            bundle = self.recommender.bundle
            parts = {name: bundle.member_percentiles(name, disease) for name in bundle.members}
            self._parts[disease] = parts if self.similar is None else {**parts, "als": self.similar}
        return self._parts[disease]

    def _check(self, drug: str) -> tuple[Verdict, ...]:
        if drug not in self._verdicts:
            self._verdicts[drug] = check_drug(self.recommender.rules, self.state, drug)
        return self._verdicts[drug]

    def _line(self, kind: Kind, drug: int, disease: int) -> int:
        graph = self.recommender.graph
        edge_type = TREATS if kind is Kind.INDICATION else PALLIATES
        edge = graph.find_edge(edge_type, drug, disease)
        assertions = graph.assertions(edge_type, edge) if edge is not None else ()
        lines = [_LINES[a.details["line"]] for a in assertions if a.details.get("line") in _LINES]
        return min(lines, default=len(_LINES))

    def _suggestion(
        self,
        rank: int,
        drug: int,
        fact: Fact,
        disease: int,
        kind: Kind,
        scores: NDArray[np.float32],
        verdicts: tuple[Verdict, ...],
    ) -> Suggestion:
        graph, bundle = self.recommender.graph, self.recommender.bundle
        stated = [recorded(graph, e, drug, disease) for e in (TREATS, PALLIATES)]
        reasons = [reason for reason in stated if reason is not None]
        reasons += path_reasons(
            graph, bundle.contributions, drug, disease, limit=N_REASONS - len(reasons)
        )
        parts = {name: round(float(p[drug]), 4) for name, p in self._percentiles(disease).items()}
        node = graph.node("Drug", drug)
        return Suggestion(
            rank=rank,
            drug=node.id,
            drug_name=node.name,
            condition=fact.node,
            condition_name=graph.node("Disease", disease).name,
            condition_grade=fact.grade,
            kind=kind,
            score=round(float(scores[drug]), 4),
            parts=parts,
            verdicts=verdicts,
            reasons=tuple(reasons),
            certainty=self._certainty(kind, drug, scores),
        )

    def _certainty(self, kind: Kind, drug: int, scores: NDArray[np.float32]) -> str:
        position = int((scores > scores[drug]).sum()) + 1
        place = f"rank {position} of {len(scores)} drugs for this disease by the models"
        if kind is Kind.HYPOTHESIS:
            return f"a hypothesis: no loaded source records this use; {place}"
        return f"a recorded use; {place}, which only orders it and is no probability"


def _danger(verdicts: tuple[Verdict, ...]) -> int:
    hits = [v.severity for v in verdicts if v.outcome is Outcome.HIT and v.severity is not None]
    return _DANGER.get(worst(hits), 0) if hits else 0

