"""Many patients at once: the drugs that each would be suggested, without words.

Patients are taken together disease by disease, so that the work on arrays is shared. The order and
the cut are those of :mod:`recommend.answers.choosing`, as for one patient.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommend.answers.case import Limit, nothing_left, refusal_of
from recommend.answers.choosing import choose
from recommend.answers.gaps import seeds
from recommend.answers.histories import situation_of
from recommend.answers.offers import Offer, Rows
from recommend.profile import PatientProfile
from recommend.safety import PatientState
from recommend.suggestion import Kind

if TYPE_CHECKING:
    from recommend.recommender import Recommender

TOGETHER = 4096  # patients, at most 2**16; their severities are an array of so many rows

_KINDS = tuple(Kind)


class Ranked(NamedTuple):
    """One drug for one condition of a patient."""

    condition: str
    kind: Kind
    drug: str


@dataclass(frozen=True, eq=False)
class Lists:
    """Drugs of many patients, as columns of one length, ordered as the answers are.

    Attributes:
        profiles: (n,) number of the profile, ascending.
        diseases: (n,) rows.
        kinds: (n,) positions in :class:`Kind`.
        drugs: (n,) rows.
    """

    profiles: Rows
    diseases: Rows
    kinds: NDArray[np.int8]
    drugs: Rows

    def of(self, profile: int) -> slice:
        """Where the rows of one profile are."""
        start, end = np.searchsorted(self.profiles, [profile, profile + 1])
        return slice(int(start), int(end))


@dataclass(frozen=True, eq=False)
class Rankings:
    """Answers to many profiles.

    Attributes:
        suggested: the drugs, best first within condition and kind.
        vetoed: the drugs that a veto kept from the lists.
        refusals: of each profile, why nothing is suggested; empty where something is.
    """

    suggested: Lists
    vetoed: Lists
    refusals: tuple[str, ...]
    disease_ids: tuple[str, ...] = field(repr=False)
    drug_ids: tuple[str, ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.refusals)

    def suggestions(self, profile: int) -> tuple[Ranked, ...]:
        """What one profile is suggested, in the order of :meth:`Recommender.recommend`."""
        return self._read(self.suggested, profile)

    def vetoes(self, profile: int) -> tuple[Ranked, ...]:
        """What one profile is not suggested because of a veto."""
        return self._read(self.vetoed, profile)

    def _read(self, lists: Lists, profile: int) -> tuple[Ranked, ...]:
        here = lists.of(profile)
        columns = (lists.diseases[here], lists.kinds[here], lists.drugs[here])
        return tuple(
            Ranked(self.disease_ids[disease], _KINDS[kind], self.drug_ids[drug])
            for disease, kind, drug in zip(*(c.tolist() for c in columns), strict=True)
        )


def rank_profiles(
    recommender: "Recommender", profiles: Sequence[PatientProfile], k: int, limit: Limit
) -> Rankings:
    """See :meth:`recommend.recommender.Recommender.rank_many`."""
    parts = [
        _Part(recommender, profiles[start : start + TOGETHER], start, k, limit)
        for start in range(0, len(profiles), TOGETHER)
    ]
    suggested = _joined([part.lists(refused=False) for part in parts])
    vetoed = _joined([part.lists(refused=True) for part in parts])
    refusals = [refusal for part in parts for refusal in part.refusals]
    has_some, has_veto = (np.zeros(len(profiles), bool) for _ in range(2))
    has_some[suggested.profiles] = has_veto[vetoed.profiles] = True
    for number in np.flatnonzero(~has_some).tolist():
        if not refusals[number]:
            refusals[number] = nothing_left(vetoed=bool(has_veto[number]), limit=limit)
    bundle = recommender.bundle
    return Rankings(suggested, vetoed, tuple(refusals), bundle.disease_ids, bundle.drug_ids)


class _Rows(NamedTuple):
    """Chosen or refused drugs of one kind and disease, for some patients."""

    profiles: Rows
    diseases: Rows
    kinds: NDArray[np.int8]
    drugs: Rows


class _Part:
    """Some patients, answered together."""

    def __init__(
        self,
        recommender: "Recommender",
        profiles: Sequence[PatientProfile],
        start: int,
        k: int,
        limit: Limit,
    ) -> None:
        self.recommender, self.start, self.k, self.limit = recommender, start, k, limit
        names, rules, offers = recommender.rules.names, recommender.rules, recommender.offers
        is_personal = recommender.histories.part is not None
        self.refusals: list[str] = []
        asked: dict[tuple[int, bool], list[int]] = {}  # of an offer -> patients
        severities = np.zeros((len(profiles), len(recommender.bundle.drug_ids)), np.uint8)
        situations = []
        for number, profile in enumerate(profiles):
            if is_personal:
                situations.append(situation_of(profile, offers.disease_rows, offers.drug_rows))
            found = seeds(profile.conditions, names)
            self.refusals.append(refusal_of(profile, found))
            if self.refusals[-1]:
                continue
            severities[number] = recommender.screen.severities(PatientState(profile, rules))
            for fact in found.values():
                asked.setdefault(recommender.place_of(fact), []).append(number)
        self._personal = recommender.histories.personal(situations)
        self._chosen: list[_Rows] = []
        self._refused: list[_Rows] = []
        for place, numbers in sorted(asked.items()):  # in the order of a patient's conditions
            rows = np.array(numbers, np.int64)
            self._answer(offers.of(*place), rows, severities[rows])

    def lists(self, *, refused: bool) -> Lists:
        """What was chosen, or refused, in the order of the answers."""
        rows = self._refused if refused else self._chosen
        if not rows:
            empty = np.empty(0, np.int64)
            return Lists(empty, empty, empty.astype(np.int8), empty)
        columns = _Rows(*map(np.concatenate, zip(*rows, strict=True)))
        order = np.argsort(columns.profiles.astype(np.uint16), kind="stable")  # fast on so few bits
        return Lists(
            columns.profiles[order] + self.start,
            columns.diseases[order],
            columns.kinds[order],
            columns.drugs[order],
        )

    def _answer(self, offer: Offer, numbers: Rows, severities: NDArray[np.uint8]) -> None:
        """Choose for the patients ``numbers`` who have the disease; theirs are ``severities``."""
        for uses in offer.uses:
            shown = self.limit.cut(offer, uses)
            if self.limit.silence(offer, uses) or not len(shown.drugs):
                continue
            scores = None
            if self._personal is not None and uses.kind is not Kind.HYPOTHESIS:
                scores = self.recommender.histories.order(self._personal, numbers, shown)
            chosen = choose(shown, offer.against(shown), severities, self.k, scores=scores)
            for rows, who, places in (
                (self._chosen, chosen.who, chosen.places),
                (self._refused, chosen.refused_who, chosen.refused_places),
            ):
                diseases = np.full(len(who), offer.disease)
                kinds = np.full(len(who), _KINDS.index(uses.kind), np.int8)
                rows.append(_Rows(numbers[who], diseases, kinds, shown.drugs[places]))


def _joined(lists: Sequence[Lists]) -> Lists:
    columns: Iterator[tuple[NDArray[np.int64], ...]] = zip(
        *((x.profiles, x.diseases, x.kinds, x.drugs) for x in lists), strict=True
    )
    joined = [np.concatenate(column) for column in columns] or [np.empty(0, np.int64)] * 4
    return Lists(joined[0], joined[1], joined[2].astype(np.int8), joined[3])
