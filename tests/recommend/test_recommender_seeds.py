"""Which conditions may seed suggestions: those whose node's treatments are surely their own."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from recommend import Fact, PatientProfile, Recommender, Unmapped
from recommend.answers.gaps import may_seed, seeds
from tests.recommend.ward import ILL, OTHER, ward, ward_bundle


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    graph = ward()
    bundle = ward_bundle(tmp_path_factory.mktemp("seeds") / "bundle", graph)
    return Recommender.load(bundle, graph=graph)


def ask(engine: Recommender, *facts: Fact, **more: Any) -> Any:
    return engine.recommend(PatientProfile(facts, sex="male", age_years=50.0, **more))


@pytest.mark.parametrize(("distance", "seeds"), [(0, True), (1, True), (2, False), (3, False)])
def test_a_condition_far_below_its_node_seeds_nothing_and_is_named(
    engine: Recommender, distance: int, seeds: bool
) -> None:
    fact = Fact(ILL, "broader", "SNOMEDCT:1", distance=distance)
    answer = ask(engine, fact)

    assert bool(answer.suggestions) == seeds
    assert ("nothing is suggested for it" in "\n".join(answer.missing)) != seeds
    assert ask(engine, replace(fact, confirmed=True)).suggestions


def test_what_was_counted_below_a_cancer_seeds_nothing() -> None:
    def broader(distance: int) -> Fact:
        return Fact("X:1", "broader", distance=distance)

    assert may_seed(broader(0), "breast cancer")
    assert not may_seed(broader(1), "breast cancer")
    assert may_seed(broader(1), "bronchitis")
    assert not may_seed(Fact("X:1", "near"), "bronchitis")
    assert may_seed(Fact("X:1", "xref"), "breast cancer")


@pytest.mark.parametrize(
    "fact", [Fact(ILL, "near", "ilness"), Fact(ILL, is_stale=True, start=date(1998, 3, 1))]
)
def test_a_near_or_old_condition_seeds_only_when_a_person_confirms_it(
    engine: Recommender, fact: Fact
) -> None:
    alone = ask(engine, fact)
    assert alone.suggestions == ()
    assert "confirm one" in str(alone.refusal)
    beside = ask(engine, fact, Fact(OTHER))
    assert {s.condition for s in beside.suggestions} == {OTHER}
    gap = next(gap for gap in beside.missing if "illness" in gap and "confirm" in gap)
    assert ("the record of 1998 is too old" in gap) == fact.is_stale

    profile = PatientProfile((fact,), sex="male", age_years=50.0).confirm([ILL])
    sure = engine.recommend(profile)
    assert {s.condition for s in sure.suggestions} == {ILL}
    assert "confirmed by a person" in sure.suggestions[0].certainty
    assert not any("confirm" in gap for gap in sure.missing)


def test_the_surest_of_several_facts_of_a_node_seeds() -> None:
    near, old = Fact(ILL, "near"), Fact(ILL, is_stale=True)
    broader, far = Fact(ILL, "broader", "b", distance=1), Fact(ILL, "broader", "a", distance=2)
    gone = Fact(ILL, status="resolved")

    for facts in ([near, old, far, broader, gone], [gone, broader, far, old, near]):
        assert seeds(facts, {}) == {ILL: broader}
    assert seeds([near, old, far, gone], {}) == {}
    confirmed = replace(near, confirmed=True)
    assert seeds([broader, confirmed], {}) == {ILL: confirmed}
    assert list(seeds([Fact("X:2"), Fact("X:1")], {})) == ["X:1", "X:2"]


def test_what_has_no_node_is_listed_to_be_read_before_the_suggestions(engine: Recommender) -> None:
    unmapped = (
        Unmapped("condition", "odd finding", "no node"),
        Unmapped("drug", "herbal tea", "no ingredient"),
        Unmapped("gene", "XYZ", "no such gene"),
        Unmapped("condition", "odd finding", "no node"),
    )
    answer = ask(engine, Fact(ILL), unmapped=unmapped)

    assert answer.not_assessed == (
        "condition 'odd finding': not in the graph: not assessed (no node)",
        "drug 'herbal tea': not in the graph: not assessed (no ingredient)",
    )
    assert "gene 'XYZ': not assessed (no such gene)" in answer.missing
    refused = ask(engine, unmapped=unmapped)
    assert refused.refusal
    assert refused.not_assessed == answer.not_assessed


@pytest.mark.parametrize(
    ("known", "said", "unsaid"),
    [
        ({}, ["no eGFR or creatinine", "Child-Pugh"], ["limits in eGFR"]),
        ({"egfr": 60.0, "child_pugh": "A"}, [], ["eGFR", "Child-Pugh"]),
        ({"creatinine": 1.0}, ["limits in eGFR cannot"], ["no eGFR or creatinine"]),
        (
            {"egfr": 60.0, "kidney_doubt": "it contradicts a creatinine of the same day"},
            ["kidney limits cannot be checked: it contradicts a creatinine"],
            [],
        ),
    ],
)
def test_what_is_not_known_of_kidneys_and_liver_is_said(
    engine: Recommender, known: dict[str, Any], said: list[str], unsaid: list[str]
) -> None:
    text = "\n".join(ask(engine, Fact(ILL), **known).missing)

    assert all(words in text for words in said)
    assert not any(words in text for words in unsaid)
    assert "not checked for any patient: doses, and age limits that no source states" in text
    assert "liver function" not in text.split("not checked for any patient")[1]
