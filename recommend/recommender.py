"""A profile in; ranked, checked, explained suggestions out. One pure function over a loaded bundle.

For each current condition with a node of its own or one a step broader: known indications
(disease-modifying, then symptomatic), what is under study, and hypotheses, each list ordered
(:mod:`recommend.answers.choosing`) and cut on its own. Every drug is checked before the cut; what
is contraindicated, withdrawn or no indication by a catalogue's own words is listed as vetoed, with
the reason. A class without a suggestion says why it has none. What patients with a similar history
take orders known indications and is no reason to suggest anything.

The order of the profile's lists does not matter; ties break by identifier.

The drugs that the patient takes are checked against the rest of the record as well, and what speaks
against one is a warning.

Limits that are defined: without a history the order is the graph's alone; a patient without a
condition that may seed a suggestion gets a refusal, symptoms or not; any number of conditions is
answered one by one; the age changes what is checked, and never who is answered.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

import numpy as np
from numpy.typing import NDArray

from kg.graph import Graph
from kg.store import open_graph
from recommend.answers.batch import Rankings, rank_profiles
from recommend.answers.case import Case, Limit, nothing_left, refusal_of
from recommend.answers.conformal import check_miss_rate
from recommend.answers.degrees import percentiles
from recommend.answers.describe import describe
from recommend.answers.findings import finding_nodes, findings_scores, nearest_diseases
from recommend.answers.gaps import missing, not_assessed, seeds
from recommend.answers.histories import Histories, situation_of
from recommend.answers.offers import Offer, Offers
from recommend.bundle import STACK, Bundle, open_bundle
from recommend.errors import OptionError, ProfileError
from recommend.profile import Fact, PatientProfile
from recommend.safety import PatientState, SafetyRules, Screen, check_drug
from recommend.suggestion import (
    DrugWarning,
    Kind,
    Outcome,
    Recommendation,
    Suggestion,
    Verdict,
    Vetoed,
)

if TYPE_CHECKING:
    from recommend.explanation import Explainer, Explanation

MOST = 1_000  # drugs a condition and kind: each is put into words
DESCRIBED = 20_000  # suggestions whose words are kept; about 60 MB
NODES = 100_000  # whose types are kept

_GRAVE = ("contraindicated", "major")
_CURIE = re.compile(r"[A-Za-z][A-Za-z0-9]*:[A-Za-z0-9._*-]+")
_PLACES = (
    ("conditions", ("Disease",)),
    ("drugs", ("Drug",)),
    ("past_drugs", ("Drug",)),
    ("allergies", ("Drug", "DrugClass")),
    ("symptoms", ("Symptom", "Phenotype")),
)


@dataclass(frozen=True, eq=False)
class Recommender:
    """A bundle and its graph, ready to answer. Read-only: threads may share one."""

    graph: Graph
    bundle: Bundle
    rules: SafetyRules = field(repr=False)
    offers: Offers = field(init=False, repr=False)
    screen: Screen = field(init=False, repr=False)
    histories: Histories = field(init=False, repr=False)
    describe: Callable[[Offer, Kind, int, int], Mapping[str, Any]] = field(init=False, repr=False)
    _types: Callable[[str], str | None] = field(init=False, repr=False)  # of a node

    def __post_init__(self) -> None:
        # None of it depends on a patient, and most patients ask for the same.
        set_field = partial(object.__setattr__, self)
        set_field("offers", Offers(self.graph, self.bundle, self.rules))
        set_field("screen", Screen(self.rules))
        set_field("histories", Histories(self.bundle))
        set_field(
            "describe",
            lru_cache(maxsize=DESCRIBED)(partial(describe, (self.offers, self.histories))),
        )
        set_field("_types", lru_cache(maxsize=NODES)(self._type_of))

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

    def recommend(
        self, profile: PatientProfile, *, k: int = 5, miss_rate: float | None = None
    ) -> Recommendation:
        """Suggest at most ``k`` drugs for each condition and kind.

        A deceased patient, and one without a condition that may seed a suggestion, gets a refusal,
        which is an answer and not an error.

        Args:
            profile: the patient.
            k: drugs a condition and kind.
            miss_rate: hypotheses are shown only for diseases where a set of at most a tenth of
                the drugs (:data:`recommend.answers.conformal.LARGEST`) misses no more than this
                share of hidden treatments, and only from this set; None shows them without that
                promise.

        Raises:
            ProfileError: the profile names a node that the graph does not have, or of a wrong type.
            OptionError: ``k`` is no integer from 1 to ``MOST``; ``miss_rate`` not between 0 and 1.
        """
        _check_k(k)
        limit = self._limit(miss_rate)
        self.check_nodes(profile)
        state = PatientState(profile, self.rules)
        answer = Recommendation(
            (),
            (),
            (*missing(state, self.bundle.absent), *self._held_back()),
            None,
            self.graph.fingerprint,
            self.bundle.fingerprint,
            not_assessed=not_assessed(profile),
        )
        if not profile.deceased:
            answer = replace(answer, warnings=self._warnings(state))
        found = seeds(profile.conditions, self.rules.names)
        refusal = refusal_of(profile, found)
        if refusal:
            return replace(answer, refusal=refusal)
        case = self._case(state, found)
        suggestions: list[Suggestion] = []
        vetoed: list[Vetoed] = []
        silent = list(limit.unavailable(self.offers))
        everywhere = {item.kind for item in silent}
        for fact in found.values():
            offer = self.offers.of(*self.place_of(fact))
            chosen, refused, none_of = case.answer(offer, fact, k, limit)
            suggestions += chosen
            vetoed += refused
            silent += [item for item in none_of if item.kind not in everywhere]
        return replace(
            answer,
            suggestions=tuple(suggestions),
            vetoed=tuple(vetoed),
            unavailable=tuple(silent),
            refusal=None if suggestions else nothing_left(vetoed=bool(vetoed), limit=limit),
        )

    def rank_many(
        self, profiles: Sequence[PatientProfile], *, k: int = 5, miss_rate: float | None = None
    ) -> Rankings:
        """What :meth:`recommend` suggests and vetoes for each of ``profiles``, without words.

        The same drugs of the same kinds in the same order, with neither verdicts nor reasons nor
        warnings; far faster, because patients are answered together, disease by disease.

        Raises:
            ProfileError: as :meth:`recommend`.
            OptionError: as :meth:`recommend`.
        """
        _check_k(k)
        for profile in profiles:
            self.check_nodes(profile)
        return rank_profiles(self, profiles, k, self._limit(miss_rate))

    def check(
        self, profile: PatientProfile, drugs: Sequence[str]
    ) -> dict[str, tuple[Verdict, ...]]:
        """The safety verdicts on ``drugs`` (CURIEs) for one patient, in the order given.

        Raises:
            ProfileError: the profile or ``drugs`` name a node that the graph does not have.
        """
        self.check_nodes(profile)
        for drug in drugs:
            if self._types(drug) != "Drug":
                self._refuse_node(drug, ("Drug",), "drugs")
        state = PatientState(profile, self.rules)
        return {drug: check_drug(self.rules, state, drug) for drug in drugs}

    def explain(
        self,
        drug: str,
        disease: str,
        *,
        profile: PatientProfile | None = None,
        n_edges: int = 3,
    ) -> "Explanation":
        """All parts of the score of a pair, and what it would be without edges of its paths.

        Takes seconds an edge: the linear part of the score is made anew from another graph.

        Args:
            drug: CURIE.
            disease: CURIE.
            profile: of a patient, for what the history adds; None for the graph alone.
            n_edges: how many edges of the strongest paths are taken out, one after the other.

        Raises:
            ProfileError: a node that the graph does not have, or of another type.
            BundleError: something was hidden from the training.
        """
        for node_id, node_type in ((drug, "Drug"), (disease, "Disease")):
            if self._types(node_id) != node_type:
                self._refuse_node(node_id, (node_type,), "explain")
        rows = self.graph.row("Drug", drug), self.graph.row("Disease", disease)
        found = self._explainer.explain(*rows, n_edges=n_edges)
        if profile is None:
            return found
        self.check_nodes(profile)
        situation = situation_of(profile, self.offers.disease_rows, self.offers.drug_rows)
        return replace(found, patient=tuple(self.histories.terms(situation, rows[1], rows[0])))

    @cached_property
    def _explainer(self) -> "Explainer":
        from recommend.explanation import Explainer  # scipy: no answer needs it

        return Explainer(self.graph, self.bundle)

    def place_of(self, fact: Fact) -> tuple[int, bool]:
        """Of a condition, what :attr:`Offers.of` asks for: disease row, whether it may borrow."""
        may_borrow = fact.grade != "broader" or fact.confirmed
        return self.offers.disease_rows[fact.node], may_borrow

    def check_nodes(self, profile: PatientProfile) -> None:
        """Refuse a profile that names what the graph does not have.

        Raises:
            ProfileError: it does; the message names the field, and the node if it is one.
        """
        for name, types in _PLACES:
            for fact in getattr(profile, name):
                if self._types(fact.node) not in types:
                    self._refuse_node(fact.node, types, name)
        for phenotype in profile.genes:
            if self._types(phenotype.gene) != "Gene":
                self._refuse_node(phenotype.gene, ("Gene",), "genes")

    def _refuse_node(self, node_id: str, types: tuple[str, ...], place: str) -> NoReturn:
        found = self._types(node_id)
        what = f"a {found}" if found else "not in the graph"
        # What is no CURIE may be a name or another text about the patient.
        shown = repr(node_id) if _CURIE.fullmatch(node_id) else "an entry that is no CURIE"
        raise ProfileError(
            f"{place}: {shown} is {what}; expected a {' or '.join(types)} of graph "
            f"{self.graph.fingerprint[:12]}"
        )

    def _type_of(self, node_id: str) -> str | None:
        found = self.graph.find(node_id)
        return found[0] if found else None

    def _limit(self, miss_rate: float | None) -> Limit:
        if miss_rate is not None:
            check_miss_rate(miss_rate)
        return Limit(miss_rate, self.bundle.abstention)

    def _case(self, state: PatientState, found: Mapping[str, Fact]) -> Case:
        personal = None
        has_history = bool(state.profile.drugs or state.profile.past_drugs)
        if has_history and self.histories.part is not None:
            rows = self.offers.disease_rows, self.offers.drug_rows
            personal = self.histories.personal([situation_of(state.profile, *rows)])
        extra: dict[str, NDArray[np.floating]] = {}
        if personal is not None:
            extra["patients"] = percentiles(personal.own[0])
        findings = self._findings(state.profile, found)
        if findings is not None:
            extra["findings"] = findings
        return Case(
            state,
            self.screen.severities(state),
            self.describe,
            self.histories,
            personal,
            extra,
            self.bundle.drug_ids,
            self.bundle.disease_ids,
        )

    def _findings(
        self, profile: PatientProfile, found: Mapping[str, Fact]
    ) -> NDArray[np.floating] | None:
        """(n_drugs,) what the patient's symptoms and genes say; None without any."""
        nodes = finding_nodes(profile)
        if not nodes:
            return None
        own = [self.offers.disease_rows[node] for node in found]
        near, weights = nearest_diseases(self.graph, self.bundle.embeddings, nodes, without=own)
        if not len(near):
            return None
        return findings_scores(near, weights, lambda row: self.offers.percentiles_of(row)[STACK])

    def _held_back(self) -> tuple[str, ...]:
        """What the models were not shown though the graph has it."""
        hidden = [
            (self.bundle.card.get(f"hidden_{what}", 0), what) for what in ("pairs", "diseases")
        ]
        listed = " and ".join(f"{n} {what}" for n, what in hidden if n)
        return (f"the models were trained with {listed} hidden (train --hide)",) if listed else ()

    def _warnings(self, state: PatientState) -> tuple[DrugWarning, ...]:
        """What speaks against each current drug, seen beside the others, more than moderately."""
        warnings = []
        for drug, own in state.drugs.items():
            others = tuple(fact for fact in state.profile.drugs if fact.node != drug)
            beside = PatientState(replace(state.profile, drugs=others), self.rules)
            against = tuple(
                verdict
                for verdict in check_drug(self.rules, beside, drug, own.route)
                if verdict.outcome is Outcome.HIT and verdict.severity in _GRAVE
            )
            if against:
                warnings.append(DrugWarning(drug, self.rules.name(drug), against))
        return tuple(warnings)


def _check_k(k: object) -> None:
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MOST:
        raise OptionError(f"k must be an integer from 1 to {MOST:,}, not {k!r}")
