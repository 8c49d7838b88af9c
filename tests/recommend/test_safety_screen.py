"""The screen over all drugs says of each what the checks say of it, one by one."""

from functools import cache
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings

from kg.graph import Graph
from recommend.profile import ROUTES, Fact, GenePhenotype, PatientProfile
from recommend.safety import PatientState, SafetyRules, Screen, check_drug
from recommend.safety.screen import CONTRAINDICATED, MAJOR, NONE, UNKNOWN, level
from tests.graphs import make_graph
from tests.recommend.pharmacy import A, C, X, pharmacy, profile
from tests.recommend.safety_profiles import profiles


@cache
def small() -> Screen:
    return Screen(SafetyRules.read(pharmacy()))


def one_by_one(rules: SafetyRules, patient: PatientState) -> list[int]:
    """The worst hit that the checks find on every drug."""
    drugs = rules.graph.ids["Drug"].to_pylist()
    return [
        max((level(verdict.severity) for verdict in check_drug(rules, patient, drug)), default=0)
        for drug in drugs
    ]


@settings(max_examples=300)
@given(profiles())
def test_the_screen_finds_what_the_checks_find(profile: PatientProfile) -> None:
    screen = small()  # one for all: what it keeps of one patient is used for the next
    state = PatientState(profile, screen.rules)

    assert screen.severities(state).tolist() == one_by_one(screen.rules, state)


@pytest.mark.parametrize("seed", range(6))
def test_the_screen_finds_what_the_checks_find_on_the_starter(
    rules: SafetyRules, seed: int
) -> None:
    patient = PatientState(someone(rules.graph, Random(seed)), rules)

    found = Screen(rules).severities(patient).tolist()

    assert found == one_by_one(rules, patient)
    assert max(found) >= MAJOR


def test_a_patient_of_whom_nothing_is_known_leaves_only_what_was_withdrawn() -> None:
    screen = small()
    nobody = PatientState(PatientProfile(), screen.rules)

    found = dict(zip(screen.rows, screen.severities(nobody).tolist(), strict=True))

    assert {drug for drug, worst in found.items() if worst} == {X}
    assert found[X] == CONTRAINDICATED


def test_levels_rise_with_severity_and_an_unknown_one_stands_below_major() -> None:
    names = ("minor", "moderate", "unknown", "major", "contraindicated")

    assert [level(name) for name in names] == [1, 2, UNKNOWN, MAJOR, CONTRAINDICATED]  # type: ignore[arg-type]
    assert level(None) == NONE


def test_what_is_kept_of_one_patient_does_not_reach_another() -> None:
    screen = Screen(SafetyRules.read(pharmacy()))
    state = PatientState(profile(drugs=[A]), screen.rules)
    before = screen.severities(state)
    screen.severities(PatientState(profile(drugs=[A, C], conditions=["DOID:1"]), screen.rules))
    before[:] = 5  # what a caller does to an answer stays with the caller

    assert screen.severities(state).tolist() == one_by_one(screen.rules, state)


def test_a_graph_without_drugs_has_nothing_to_screen() -> None:
    rules = SafetyRules.read(make_graph({"Disease": {"DOID:1": "x"}}, {}))

    assert Screen(rules).severities(PatientState(PatientProfile(), rules)).shape == (0,)
    assert Screen(rules).severities(PatientState(PatientProfile(), rules)).dtype == np.uint8


def someone(graph: Graph, random: Random) -> PatientProfile:
    """A very ill patient of the starter graph, with all that a profile can say."""

    def pick(node_type: str, n: int) -> list[str]:
        return random.sample(graph.ids[node_type].to_pylist(), n)

    guidance = graph.statements["guidance"]
    return PatientProfile(
        conditions=tuple(Fact(node) for node in [*pick("Disease", 6), "DOID:5082"]),
        drugs=tuple(
            Fact(node, route=random.choice(["", "", *ROUTES]), is_stale=random.random() < 0.2)
            for node in pick("Drug", 12)
        ),
        allergies=tuple(
            Fact(node, reaction=random.choice(["", "severe"]))
            for node in [*pick("Drug", 4), *pick("DrugClass", 2)]
        ),
        genes=tuple(
            GenePhenotype(row["gene"], row["phenotype"]) for row in random.sample([*guidance], 4)
        ),
        age_years=random.choice([None, 4.0, 15.0, 40.0, 80.0]),
        sex=random.choice(["female", "male"]),
        pregnancy=random.choice(["pregnant", "unknown"]),
        lactation=random.choice(["breastfeeding", "unknown"]),
        egfr=random.choice([None, 12.0, 40.0]),
        creatinine=random.choice([None, 1.1, 4.0]),
        weight_kg=60.0,
        child_pugh=random.choice([None, "A", "C"]),
    )
