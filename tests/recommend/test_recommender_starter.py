"""Whole patients on the starter graph: what is never suggested, and who gets an answer at all."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from recommend import Fact, Kind, Outcome, PatientProfile, Recommendation, Recommender
from tests.recommend.cases import KNOWN, patient

ALL = 1000  # more than there are drugs


def suggested(answer: Recommendation) -> set[str]:
    return {s.drug_name for s in answer.suggestions}


def vetoed(answer: Recommendation) -> set[str]:
    return {v.drug_name for v in answer.vetoed}


@pytest.mark.parametrize("pregnancy", ["pregnant", "unknown", "not pregnant"])
@pytest.mark.parametrize("conditions", [["pre-eclampsia"], ["pre-eclampsia", "hypertension"]])
def test_pre_eclampsia_never_gets_lisinopril(
    recommender: Recommender, conditions: list[str], pregnancy: str
) -> None:
    profile = patient(
        recommender.graph, conditions=conditions, sex="female", age_years=30, pregnancy=pregnancy
    )
    answer = recommender.recommend(profile, k=ALL)

    kept_away = {"Lisinopril", "Enalapril", "Ramipril", "Losartan", "Candesartan"}
    assert not kept_away & suggested(answer)
    assert kept_away <= vetoed(answer)
    assert "Labetalol" in suggested(answer)


@pytest.mark.parametrize(
    ("who", "drug"),
    [
        ({"conditions": ["type 2 diabetes mellitus"], "egfr": 25}, "Metformin"),
        ({"conditions": ["hypertension", "asthma"]}, "Propranolol"),
        ({"conditions": ["hypertension", "congestive heart failure"]}, "Verapamil"),
        ({"conditions": ["migraine", "coronary artery disease"]}, "Sumatriptan"),
        ({"conditions": ["otitis media"], "allergies": ["penicillins"]}, "Amoxicillin"),
        ({"conditions": ["impotence"], "drugs": ["nitroglycerin"]}, "Sildenafil"),
        ({"conditions": ["hyperlipidemia"], "drugs": ["clarithromycin"]}, "Simvastatin"),
        ({"conditions": ["hypertension"], "drugs": ["lisinopril"]}, "Lisinopril"),
    ],
)
def test_a_recorded_use_gives_way_to_a_contraindication_and_is_listed(
    recommender: Recommender, who: dict[str, Any], drug: str
) -> None:
    profile = patient(recommender.graph, **who)
    disease = profile.conditions[0].node
    healthier = patient(recommender.graph, conditions=who["conditions"][:1])
    alone = recommender.recommend(healthier, k=ALL)
    answer = recommender.recommend(profile, k=ALL)

    known = (Kind.INDICATION, Kind.SYMPTOMATIC)
    assert drug in {s.drug_name for s in alone.suggestions if s.kind in known}
    assert drug not in suggested(answer)
    against = [v for v in answer.vetoed if v.drug_name == drug and v.condition == disease]
    assert len(against) == 1
    assert against[0].kind in known
    assert {v.severity for v in against[0].verdicts} == {"contraindicated"}


def test_no_suggestion_carries_a_veto_or_harms_the_disease_it_is_for(
    recommender: Recommender,
) -> None:
    rng = np.random.default_rng(0)
    ids = {t: recommender.graph.ids[t].to_pylist() for t in ("Disease", "Drug")}
    n_hits = 0
    for _ in range(20):
        profile = PatientProfile(
            conditions=tuple(Fact(d) for d in rng.choice(ids["Disease"], 5, replace=False)),
            drugs=tuple(Fact(d) for d in rng.choice(ids["Drug"], 5, replace=False)),
            allergies=tuple(Fact(d) for d in rng.choice(ids["Drug"], 2, replace=False)),
            egfr=float(rng.integers(10, 100)),
            **KNOWN,
        )
        answer = recommender.recommend(profile)
        for suggestion in answer.suggestions:
            hits = [v for v in suggestion.verdicts if v.outcome is Outcome.HIT]
            n_hits += len(hits)
            assert all(v.severity != "contraindicated" for v in hits)
            if suggestion.kind is Kind.HYPOTHESIS:
                assert all(v.partner != suggestion.condition for v in hits)
        assert all(v.verdicts for v in answer.vetoed)
    assert n_hits > 50


@pytest.mark.parametrize("age", [0.0, 0.02, 110.0])
def test_the_youngest_and_the_oldest_get_an_answer_that_states_its_limits(
    recommender: Recommender, age: float
) -> None:
    profile = patient(recommender.graph, conditions=["pneumonia"], age_years=age)
    answer = recommender.recommend(profile)

    assert answer.suggestions
    assert any("age limits" in gap for gap in answer.missing)
    assert any("child" in gap for gap in answer.missing) == (age < 18)


def test_forty_conditions_are_answered_one_by_one(recommender: Recommender) -> None:
    diseases = recommender.graph.ids["Disease"].to_pylist()[:40]
    answer = recommender.recommend(PatientProfile(tuple(map(Fact, diseases))), k=1)

    conditions = [s.condition for s in answer.suggestions]
    silent = {item.condition for item in answer.unavailable if item.kind is Kind.HYPOTHESIS}
    assert set(conditions) | silent == set(diseases)
    assert len(set(conditions)) > 10
    assert conditions == sorted(conditions)


def test_of_a_disease_that_no_source_tells_anything_of_there_is_no_hypothesis(
    recommender: Recommender,
) -> None:
    # All that the starter says of it is what not to give.
    profile = patient(recommender.graph, conditions=["Brugada syndrome"])
    answer = recommender.recommend(profile)

    assert answer.refusal is not None
    (why,) = [item.why for item in answer.unavailable if item.kind is Kind.HYPOTHESIS]
    assert "no source says anything of Brugada" in why


def test_two_engines_and_eight_threads_say_the_same(recommender: Recommender) -> None:
    profile = patient(
        recommender.graph, conditions=["hypertension", "asthma"], drugs=["warfarin", "sertraline"]
    )
    fresh = Recommender.load(recommender.bundle, graph=recommender.graph)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(fresh.recommend, [profile] * 16))

    assert all(answer == recommender.recommend(profile) for answer in answers)
