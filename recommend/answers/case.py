"""One patient before one bundle: what is chosen for each condition, and put into words."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommend.answers.choosing import choose
from recommend.answers.conformal import LARGEST, Abstention
from recommend.answers.histories import Histories, Personal
from recommend.answers.offers import Offer, Offers, Uses
from recommend.errors import RecommendError
from recommend.profile import Fact, PatientProfile
from recommend.safety import PatientState, check_drug, never_suggested, vetoes
from recommend.suggestion import (
    Kind,
    Outcome,
    Suggestion,
    Unavailable,
    Verdict,
    Vetoed,
)

_AGAINST = "contraindication"  # the check whose hits may concern the very disease


@dataclass(frozen=True, eq=False)
class Case:
    """One patient.

    Attributes:
        state: of the patient.
        severities: (n_drugs,) by the screen of safety.
        describe: offer, kind, drug row, disease row -> the fields that the patient has no part in.
        extra: further parts of each score to be shown, by name: (n_drugs,) percentiles.
        personal: what the patient's history says; None without one.
    """

    state: PatientState
    severities: NDArray[np.uint8]
    describe: Callable[[Offer, Kind, int, int], Mapping[str, Any]]
    histories: Histories
    personal: Personal | None
    extra: Mapping[str, NDArray[np.floating]]
    drug_ids: tuple[str, ...]
    disease_ids: tuple[str, ...]
    _verdicts: dict[str, tuple[Verdict, ...]] = field(default_factory=dict)
    _columns: dict[int, NDArray[np.float64]] = field(default_factory=dict)

    def answer(
        self, offer: Offer, fact: Fact, k: int, limit: "Limit"
    ) -> tuple[list[Suggestion], list[Vetoed], list[Unavailable]]:
        """Everything for one condition."""
        suggestions: list[Suggestion] = []
        vetoed: list[Vetoed] = []
        unavailable: list[Unavailable] = []
        for uses in offer.uses:
            why = limit.silence(offer, uses)
            shown = limit.cut(offer, uses)
            found: list[Suggestion] = []
            if not why and len(shown.drugs):
                found, refused = self._choose(offer, shown, fact, k)
                vetoed += refused
                suggestions += found
            if not found:
                is_cut = len(shown.drugs) < len(uses.drugs)
                why = why or _why_none(self.state.rules.name(offer.node), offer, shown, is_cut)
                unavailable.append(Unavailable(uses.kind, offer.node, why))
        return suggestions, vetoed, unavailable

    def _choose(
        self, offer: Offer, uses: Uses, fact: Fact, k: int
    ) -> tuple[list[Suggestion], list[Vetoed]]:
        scores = None
        if self.personal is not None and uses.kind is not Kind.HYPOTHESIS:
            scores = self.histories.order(self.personal, np.zeros(1, np.int64), uses)
        chosen = choose(
            uses,
            offer.against(uses),
            self.severities[None],
            k,
            scores=scores,
        )
        found = [
            self._suggestion(offer, uses, fact, rank=rank, place=place)
            for rank, place in enumerate(chosen.places.tolist(), start=1)
        ]
        refused = [self._vetoed(offer, uses, place) for place in chosen.refused_places.tolist()]
        return found, refused

    def _suggestion(
        self,
        offer: Offer,
        uses: Uses,
        fact: Fact,
        *,
        rank: int,
        place: int,
    ) -> Suggestion:
        drug, disease = int(uses.drugs[place]), int(uses.diseases[place])
        fields = dict(self.describe(offer, uses.kind, drug, disease))
        verdicts = self.check(fields["drug"])
        if vetoes(verdicts):  # the screen and the checks are tested to agree; never trust it alone
            raise RecommendError(
                f"{fields['drug']} passed the screen of safety and not its checks: report this"
            )
        if self.personal is not None and uses.kind is not Kind.HYPOTHESIS:
            fields["score"] = round(self._percentile(disease, drug, self.personal), 4)
        if self.extra:
            own = {name: round(float(values[drug]), 4) for name, values in self.extra.items()}
            fields["parts"] = {**fields["parts"], **own}
        if fact.grade == "broader":
            fields["certainty"] += "; for a broader disease than the one recorded"
        if fact.confirmed:
            fields["certainty"] += "; the condition was confirmed by a person"
        return Suggestion(
            rank=rank,
            condition_grade=fact.grade,
            verdicts=verdicts,
            must_acknowledge=any(
                v.outcome is Outcome.HIT and v.severity == "major" for v in verdicts
            ),
            **fields,
        )

    def _vetoed(self, offer: Offer, uses: Uses, place: int) -> Vetoed:
        rules, row = self.state.rules, int(uses.drugs[place])
        drug = self.drug_ids[row]
        verdicts = self.check(drug)
        against = dict.fromkeys((*vetoes(verdicts), *never_suggested(rules, drug, offer.node)))
        harms = tuple(against) or self._harms(offer, row, verdicts)
        return Vetoed(drug, rules.name(drug), offer.node, uses.kind, harms)

    def _harms(self, offer: Offer, drug: int, verdicts: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
        """What speaks against a drug in the very disease that it would be suggested for."""
        rules = self.state.rules
        here = {offer.node, *rules.broader.get(offer.node, frozenset())}
        found = [
            v
            for v in verdicts
            if v.check == _AGAINST and v.outcome is Outcome.HIT and v.partner in here
        ]
        if drug in offer.across:
            lender = self.disease_ids[offer.across[drug]]
            text = (
                f"recorded for {rules.name(lender)}, and {rules.name(offer.node)} is not treated "
                "like it"
            )
            found.append(
                Verdict("suggestion", Outcome.HIT, text, lender, "contraindicated", "hierarchy")
            )
        return tuple(found)

    def _percentile(self, disease: int, drug: int, personal: Personal) -> float:
        """Of one drug among all, by graph and history together, for one disease row."""
        if disease not in self._columns:
            self._columns[disease] = self.histories.column(personal, disease)
        column = self._columns[disease]
        own = column[drug]
        return float(np.count_nonzero(column < own) + np.count_nonzero(column <= own)) / (
            2 * len(column)
        )

    def check(self, drug: str) -> tuple[Verdict, ...]:
        """The safety verdicts on one drug, found once a patient."""
        if drug not in self._verdicts:
            self._verdicts[drug] = check_drug(self.state.rules, self.state, drug)
        return self._verdicts[drug]


@dataclass(frozen=True)
class Limit:
    """Which hypotheses may be shown at all, at a chosen miss rate.

    Attributes:
        miss_rate: None shows hypotheses without any promise.
        abstention: of the bundle; None where it has none.
    """

    miss_rate: float | None
    abstention: Abstention | None

    @cached_property
    def _is_off(self) -> bool:
        return self.miss_rate is None

    def unavailable(self, offers: Offers) -> tuple[Unavailable, ...]:
        """The classes that no patient of this graph and bundle gets, and why."""
        found = []
        if not offers.has_trials:
            why = "no loaded source carries trial phases"
            found.append(Unavailable(Kind.UNDER_STUDY, "", why))
        if not self._is_off and self.abstention is None:
            why = f"{self._start}the bundle was trained without the validation that this takes"
            found.append(Unavailable(Kind.HYPOTHESIS, "", why))
        return tuple(found)

    @property
    def _start(self) -> str:
        return f"no supported answer at a miss rate of {100 * (self.miss_rate or 0):g} %: "

    def silence(self, offer: Offer, uses: Uses) -> str:
        """Why no hypothesis for this disease is supported; empty where some are."""
        if self._is_off or uses.kind is not Kind.HYPOTHESIS or not len(uses.drugs):
            return ""
        n, n_all = self._size(offer, uses), len(uses.drugs)
        if self.abstention is None or n <= LARGEST * n_all:
            return ""
        return (
            f"{self._start}the set that keeps {100 - 100 * (self.miss_rate or 0):g} % of hidden "
            f"treatments of diseases with about as many recorded ones ({offer.n_treatments}) holds "
            f"{n:,} of {n_all:,} drugs, more than {LARGEST:.0%} of them"
        )

    def cut(self, offer: Offer, uses: Uses) -> Uses:
        """``uses`` without the hypotheses that are not in the set."""
        if self._is_off or uses.kind is not Kind.HYPOTHESIS:
            return uses
        n = self._size(offer, uses)
        return Uses(uses.kind, uses.drugs[:n], uses.diseases[:n], uses.scores[:n], uses.places[:n])

    def _size(self, offer: Offer, uses: Uses) -> int:
        """How many hypotheses, best first, are in the set."""
        if self.abstention is None or self.miss_rate is None:
            return 0
        threshold = self.abstention.threshold(offer.n_treatments, self.miss_rate)
        return int((offer.standing[uses.drugs] >= threshold).sum())


def refusal_of(profile: PatientProfile, found: Collection[str]) -> str:
    """Why nothing can be suggested for the patient; empty where something may be.

    Args:
        profile: of the patient.
        found: the conditions that suggestions can be made for.
    """
    if profile.deceased:
        return "the patient is recorded as deceased"
    if found:
        return ""
    why = "no current condition is in the graph"
    if profile.conditions:
        why = (
            "every condition is only a near match, far below the disease that stands for it, too "
            "old to be believed, or does not hold now; confirm one"
        )
    elif profile.symptoms:
        why += ", and symptoms alone say too little of what to treat"
    return f"no supported answer: {why}"


def nothing_left(*, vetoed: bool, limit: Limit) -> str:
    """Why nothing is suggested though there are conditions."""
    if vetoed and limit.miss_rate is None:
        return "no supported answer: every candidate is vetoed"
    return (
        "no supported answer: no recorded use is left, and no hypothesis is supported at the "
        "chosen miss rate"
    )


def _why_none(name: str, offer: Offer, uses: Uses, is_cut: bool) -> str:
    if len(uses.drugs):
        return "every drug of this class is vetoed"
    if uses.kind is Kind.HYPOTHESIS and not offer.is_told:
        return f"no supported answer: no source says anything of {name} that could speak for a drug"
    if uses.kind is Kind.HYPOTHESIS:
        return "no drug ranks high enough to be one" if is_cut else "no drug is left to be one"
    what = {
        Kind.INDICATION: "a treatment",
        Kind.SYMPTOMATIC: "relief of symptoms",
        Kind.UNDER_STUDY: "a trial",
    }[uses.kind]
    further = ""
    if offer.too_far and uses.kind is Kind.INDICATION:
        further = f"; {offer.too_far}, and what treats that is not assumed to treat this"
    return f"no loaded source records {what} of {name}{further}"
