"""Many patients at once get what each would get alone."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kg.graph import Graph
from recommend import (
    Fact,
    GenePhenotype,
    PatientProfile,
    ProfileError,
    Recommendation,
    Recommender,
)
from recommend.answers.batch import Rankings
from tests.recommend.clinic import collaborative, extended
from tests.recommend.ward import ILL, D, ward, ward_bundle

N = 30


def random_profiles(graph: Graph, n: int, seed: int) -> list[PatientProfile]:
    """Of every kind: none, one, many conditions; near, old, broader, ended; dead; with genes."""
    rng = np.random.default_rng(seed)
    ids = {t: graph.ids[t].to_pylist() for t in ("Disease", "Drug", "Gene") if t in graph.ids}

    def facts(kind: str, most: int) -> tuple[Fact, ...]:
        chosen = rng.choice(ids[kind], min(len(ids[kind]), int(rng.integers(0, most + 1))))
        return tuple(_fact(rng, node) for node in chosen)

    def some(*values: Any) -> Any:
        return values[int(rng.integers(len(values)))]

    return [
        PatientProfile(
            conditions=facts("Disease", some(0, 1, 6, 40)),
            drugs=facts("Drug", 6),
            past_drugs=facts("Drug", 4),
            allergies=facts("Drug", 3),
            genes=tuple(
                GenePhenotype(gene, "Poor Metabolizer") for gene in rng.choice(ids["Gene"], 2)
            ),
            age_years=some(None, 0.0, 15.0, 50.0, 110.0),
            sex=some("female", "male", "unknown"),
            pregnancy=some("pregnant", "not pregnant", "unknown"),
            lactation=some("breastfeeding", "unknown"),
            egfr=some(None, 12.0, 45.0, 90.0),
            child_pugh=some(None, "A", "C"),
            deceased=bool(rng.random() < 0.05),
        )
        for _ in range(n)
    ]


def _fact(rng: np.random.Generator, node: str) -> Fact:
    fact = Fact(node)
    if rng.random() < 0.3:
        changes: list[dict[str, Any]] = [
            {"grade": "near"},
            {"grade": "near", "confirmed": True},
            {"grade": "broader", "distance": 1},
            {"is_stale": True},
            {"status": "resolved"},
            {"route": "skin"},
        ]
        fact = replace(fact, **changes[int(rng.integers(len(changes)))])
    return fact


def assert_equal(answers: list[Recommendation], found: Rankings) -> None:
    assert len(found) == len(answers)
    for number, answer in enumerate(answers):
        alone = [(s.condition, s.kind, s.drug) for s in answer.suggestions]
        assert list(found.suggestions(number)) == alone
        vetoed = [(v.condition, v.kind, v.drug) for v in answer.vetoed]
        assert list(found.vetoes(number)) == vetoed
        assert found.refusals[number] == (answer.refusal or "")


@pytest.mark.parametrize("k", [1, 5, 20])
def test_a_batch_answers_as_one_by_one(recommender: Recommender, k: int) -> None:
    profiles = random_profiles(recommender.graph, N, seed=k)
    answers = [recommender.recommend(profile, k=k) for profile in profiles]

    assert_equal(answers, recommender.rank_many(profiles, k=k))
    assert sum(len(a.suggestions) for a in answers) > 100
    assert sum(len(a.vetoed) for a in answers) > 5
    assert sum(a.refusal is not None for a in answers) > 1


def test_histories_order_a_batch_as_they_order_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recommend.answers.batch.TOGETHER", 7)
    graph = ward()
    bundle = extended(
        ward_bundle(tmp_path / "bundle", graph), collaborative=collaborative(len(D), 3)
    )
    loaded = Recommender.load(bundle, graph=graph)
    profiles = random_profiles(graph, N, seed=0)

    assert_equal([loaded.recommend(p, k=3) for p in profiles], loaded.rank_many(profiles, k=3))


def test_a_miss_rate_holds_for_a_batch_as_for_one(recommender: Recommender) -> None:
    profiles = random_profiles(recommender.graph, 20, seed=9)
    answers = [recommender.recommend(p, miss_rate=0.3) for p in profiles]

    assert_equal(answers, recommender.rank_many(profiles, miss_rate=0.3))


def test_nobody_is_answered_by_nothing(recommender: Recommender) -> None:
    found = recommender.rank_many([])

    assert len(found) == 0
    assert found.suggestions(0) == ()


def test_a_batch_refuses_what_one_refuses(tmp_path: Path) -> None:
    graph = ward()
    loaded = Recommender.load(ward_bundle(tmp_path / "bundle", graph), graph=graph)
    good, bad = PatientProfile((Fact(ILL),)), PatientProfile((Fact(D[0]),))

    with pytest.raises(ProfileError, match="is a Drug; expected a Disease"):
        loaded.rank_many([good, bad])
    with pytest.raises(ValueError, match="k must be"):
        loaded.rank_many([good], k=0)


def test_patients_know_nothing_of_each_other(recommender: Recommender) -> None:
    profiles = random_profiles(recommender.graph, 30, seed=4)
    whole, turned = recommender.rank_many(profiles), recommender.rank_many(profiles[::-1])

    for number in range(30):
        assert whole.suggestions(number) == turned.suggestions(29 - number)
        assert whole.vetoes(number) == turned.vetoes(29 - number)
