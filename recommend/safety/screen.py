"""The worst severity that any check would find, of every drug at once: what a batch can afford.

A profile's answer is the maximum of one array for each of its facts, and what a fact says of all
drugs is found once and kept. :func:`recommend.safety.check_drug` says the same in words, of one
drug; ``tests/recommend/test_safety_screen.py`` holds the two to each other.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recommend.profile import Fact
from recommend.safety import allergy, duplicate, genes, kidney, lactation, liver, pregnancy
from recommend.safety.pairs import decide
from recommend.safety.rules import SEVERITIES, SafetyRules
from recommend.safety.state import PatientState
from recommend.safety.tables import Rule
from recommend.suggestion import Outcome, Severity

Levels = NDArray[np.uint8]  # (n_drugs,)

NONE, MINOR, MODERATE, UNKNOWN, MAJOR, CONTRAINDICATED = range(6)

_KEPT = 20_000  # arrays, 2 KB each; what is beyond is found anew each time


def level(severity: Severity | None) -> int:
    """A severity as a number: the worse, the higher; 0 for none."""
    return NONE if severity is None else len(SEVERITIES) - SEVERITIES.index(severity)


@dataclass(frozen=True, eq=False)
class Screen:
    """The rules of a graph as arrays over its drugs. Threads may share one."""

    rules: SafetyRules
    _kept: dict[tuple[object, ...], Levels | None] = field(default_factory=dict, repr=False)

    @cached_property
    def rows(self) -> Mapping[str, int]:
        """The row of each drug."""
        ids = self.rules.graph.ids.get("Drug")
        return {} if ids is None else {drug: row for row, drug in enumerate(ids.to_pylist())}

    def severities(self, patient: PatientState) -> Levels:
        """The level of the worst hit on each drug, given systemically: (n_drugs,), 0 without one.

        Args:
            patient: whose own ``route`` plays no part.
        """
        result = self._withdrawn.copy()
        for levels in self._parts(patient):
            if levels is not None:
                np.maximum(result, levels, out=result)
        return result

    def _parts(self, patient: PatientState) -> Iterator[Levels | None]:
        profile, keep = patient.profile, self._keep
        for node, fact in patient.recorded.items():
            if not fact.ended:
                yield keep(self._in_disease, node)
        for fact in patient.drugs.values():
            yield keep(self._beside, fact.node, fact.is_local)
        for fact in profile.drugs:
            yield keep(self._like, fact.node, fact.is_local, duplicate.is_unsure(fact))
        for allergen in {fact.node for fact in profile.allergies}:
            yield keep(self._allergic, allergen, allergen in patient.severe_allergies)
        systemic = [node for node, fact in patient.drugs.items() if not fact.is_local]
        for number, drugs in enumerate(self._in_triples):
            known = drugs.intersection(systemic)
            if len(known) > 1:
                yield keep(self._of_three, number, known)
        if pregnancy.threatens(patient):
            yield keep(self._listed, pregnancy.CHECK)
        if profile.lactation == "breastfeeding":
            yield keep(self._listed, lactation.CHECK)
        state = profile.child_pugh or ("cirrhosis" if liver.CIRRHOSIS in patient.diseases else None)
        if state is not None:
            yield keep(self._of_liver, state)
        yield self._by_kidneys(patient)
        if profile.age_years is not None:
            yield self._by_age(profile.age_years)
        if profile.genes:
            yield self._by_genes(patient)

    def _keep(self, find: Callable[..., Iterable[tuple[str, int]]], *key: object) -> Levels | None:
        """The array of what ``find`` says of drugs, found once for each ``key``; None for zeros."""
        place = (find.__name__, *key)
        if place in self._kept:
            return self._kept[place]
        levels = self._array(find(*key))
        if len(self._kept) < _KEPT:
            self._kept[place] = levels
        return levels

    def _array(self, said: Iterable[tuple[str, int]]) -> Levels | None:
        result = np.zeros(len(self.rows), np.uint8)
        for drug, found in said:
            row = self.rows.get(drug)
            if row is not None and found > result[row]:
                result[row] = found
        result.flags.writeable = False
        return result if result.any() else None

    @cached_property
    def _withdrawn(self) -> Levels:
        levels = self._array((drug, CONTRAINDICATED) for drug in self.rules.withdrawn)
        return np.zeros(len(self.rows), np.uint8) if levels is None else levels

    def _in_disease(self, disease: str) -> Iterator[tuple[str, int]]:
        for node in (disease, *self.rules.broader.get(disease)):
            for drug, said in self.rules.contraindicated.to(node).items():
                yield drug, _worst(said)

    def _beside(self, partner: str, is_local: bool) -> Iterator[tuple[str, int]]:
        local = [partner] if is_local else []
        for drug, said in self.rules.interacts.of(partner).items():
            if drug != partner:
                yield drug, _worst(rule for rule in said if rule.holds(local))

    def _like(self, partner: str, is_local: bool, is_unsure: bool) -> Iterator[tuple[str, int]]:
        fact = Fact(partner, route="skin" if is_local else "", is_stale=is_unsure)
        yield partner, level(duplicate.of_ingredient(fact, ""))
        found = level(duplicate.of_class(fact, ""))
        for group in self.rules.level_4.get(partner, ()):
            for drug in self.rules.members[group]:
                is_meant = frozenset((drug, partner)) in self.rules.combinations
                if drug != partner and not is_meant:
                    yield drug, found

    def _allergic(self, allergen: str, is_severe: bool) -> Iterator[tuple[str, int]]:
        for drug in allergy.candidates(self.rules, allergen):
            rule = allergy.concerns(self.rules, allergen, drug)
            if rule is not None:
                yield drug, level(allergy.graded(rule.severity, is_severe=is_severe))

    def _of_three(self, number: int, known: frozenset[str]) -> Iterator[tuple[str, int]]:
        triple = self.rules.triples[number]
        for drug in self._in_triples[number]:
            if triple.completed_by(drug, known):
                yield drug, level(triple.rule.severity)

    @cached_property
    def _in_triples(self) -> tuple[frozenset[str], ...]:
        """The drugs of all sides of each triple."""
        return tuple(frozenset().union(*triple.sides) for triple in self.rules.triples)

    def _listed(self, check: str) -> Iterator[tuple[str, int]]:
        table = self.rules.pregnancy if check == pregnancy.CHECK else self.rules.lactation
        return ((drug, _worst(said)) for drug, said in table.items())

    def _of_liver(self, state: str) -> Iterator[tuple[str, int]]:
        for drug, limits in self.rules.liver.items():
            last = "A" if state == "cirrhosis" else state
            reached = [limit.rule for limit in limits if limit.child_pugh <= last]
            if reached:
                yield drug, max(level(rule.severity) for rule in reached)

    @cached_property
    def _kidney(self) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.float64], Levels]:
        """Of each limit: the drug's row, whether it is by Cockcroft-Gault, the limit, the level."""
        limits = [
            (self.rows[drug], limit.measure == "CrCl", limit.below, level(limit.rule.severity))
            for drug, rows in self.rules.kidney.items()
            if drug in self.rows
            for limit in rows
        ]
        rows, is_clearance, below, levels = zip(*limits, strict=True) if limits else ([],) * 4
        return (
            np.array(rows, np.int64),
            np.array(is_clearance, bool),
            np.array(below, np.float64),
            np.array(levels, np.uint8),
        )

    def _by_kidneys(self, patient: PatientState) -> Levels | None:
        known = kidney.figures(patient.profile)
        if not known:
            return None
        rows, is_clearance, below, levels = self._kidney
        egfr = known.get("eGFR", np.inf)
        is_fallen = np.where(is_clearance, known.get("CrCl", egfr), egfr) < below
        return self._spread(rows, levels, is_fallen)

    @cached_property
    def _age(self) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], Levels]:
        """Of each limit: the drug's row, the years below and from which it holds, the level."""
        limits = [
            (
                self.rows[drug],
                -np.inf if limit.below is None else limit.below,
                np.inf if limit.from_years is None else limit.from_years,
                level(limit.rule.severity),
            )
            for drug, rows in self.rules.age.items()
            if drug in self.rows
            for limit in rows
        ]
        rows, below, above, levels = zip(*limits, strict=True) if limits else ([],) * 4
        return (
            np.array(rows, np.int64),
            np.array(below, np.float64),
            np.array(above, np.float64),
            np.array(levels, np.uint8),
        )

    def _by_age(self, years: float) -> Levels | None:
        rows, below, above, levels = self._age
        return self._spread(rows, levels, (years < below) | (years >= above))

    def _spread(
        self, rows: NDArray[np.int64], levels: Levels, holds: NDArray[np.bool_]
    ) -> Levels | None:
        """The levels of the limits that hold, as an array; found once for each set of limits."""
        key = (id(rows), holds.tobytes())  # the rows are those of a cached table
        if key in self._kept:
            return self._kept[key]
        result = np.zeros(len(self.rows), np.uint8)
        np.maximum.at(result, rows[holds], levels[holds])
        result.flags.writeable = False
        found = result if result.any() else None
        if len(self._kept) < _KEPT:
            self._kept[key] = found
        return found

    @cached_property
    def _guided(self) -> Mapping[str, frozenset[str]]:
        """Gene -> the drugs with guidance on it."""
        result: dict[str, set[str]] = {}
        for drug, rows in self.rules.guidance.items():
            for gene in {gene for row in rows for gene in (row.gene, row.other_gene) if gene}:
                result.setdefault(gene, set()).add(drug)
        return {gene: frozenset(drugs) for gene, drugs in result.items()}

    def _by_genes(self, patient: PatientState) -> Levels | None:
        found = {item.gene for item in patient.profile.genes}
        drugs = frozenset().union(*(self._guided.get(gene, frozenset()) for gene in found))
        return self._array(
            (drug, level(verdict.severity))
            for drug in drugs
            for verdict in genes.check(self.rules, patient, drug)
            if verdict.outcome is Outcome.HIT
        )


def _worst(said: Iterable[Rule]) -> int:
    rule = decide(said)
    return NONE if rule is None else level(rule.severity)
