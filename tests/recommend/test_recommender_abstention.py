"""No supported answer at a miss rate: when hypotheses are shown, and what stands there if not."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recommend import Kind, PatientProfile, Recommendation, Recommender
from recommend.answers.conformal import Abstention, stratify
from tests.recommend.clinic import ID, clinic, drugs, extended, who
from tests.recommend.ward import ward_bundle

N_DRUGS = 8


def load(path: Path, abstention: Abstention | None) -> Recommender:
    graph = clinic()
    stack = np.tile(np.linspace(0, 1, N_DRUGS, dtype=np.float32)[:, None], (1, 9))
    plain = ward_bundle(path / "bundle", graph, stack=stack)
    return Recommender.load(extended(plain, abstention=abstention), graph=graph)


def learnt(worst: float) -> Abstention:
    """Nine of ten hidden treatments rank at ``worst`` or better, where nothing is recorded."""
    ranks = np.linspace(worst, 1.0, 30)
    known = np.linspace(0.99, 1.0, 30)
    return stratify(np.arange(60), np.repeat([0, 1], 30), np.concatenate([ranks, known]))


def hypotheses(answer: Recommendation) -> list[str]:
    return drugs(answer, Kind.HYPOTHESIS)


def silent(answer: Recommendation) -> list[Any]:
    return [u for u in answer.unavailable if u.kind is Kind.HYPOTHESIS]


@pytest.fixture
def lonely() -> PatientProfile:
    return who("lonely illness")


def test_without_a_miss_rate_nothing_is_held_back(tmp_path: Path, lonely: PatientProfile) -> None:
    answer = load(tmp_path, None).recommend(lonely, k=9)

    assert len(hypotheses(answer)) == N_DRUGS
    assert silent(answer) == []


def test_a_set_that_holds_too_many_drugs_is_no_answer(
    tmp_path: Path, lonely: PatientProfile
) -> None:
    answer = load(tmp_path, learnt(0.3)).recommend(lonely, k=9, miss_rate=0.1)

    assert hypotheses(answer) == []
    (one,) = silent(answer)
    assert one.condition == ID["lonely illness"]
    assert one.why == (
        "no supported answer at a miss rate of 10 %: the set that keeps 90 % of hidden treatments "
        "of diseases with about as many recorded ones (0) holds 5 of 8 drugs, more than 10% of them"
    )
    assert "no hypothesis is supported at the chosen miss rate" in str(answer.refusal)


def test_a_small_set_is_shown_and_nothing_beyond_it(
    tmp_path: Path, lonely: PatientProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recommend.answers.case.LARGEST", 0.7)
    loaded = load(tmp_path, learnt(0.3))

    answer = loaded.recommend(lonely, k=9, miss_rate=0.1)
    assert hypotheses(answer) == [f"drug {i}" for i in (7, 6, 5, 4, 3)]
    assert len(hypotheses(loaded.recommend(lonely, k=9, miss_rate=0.5))) == 3
    assert hypotheses(loaded.recommend(lonely, k=2, miss_rate=0.1)) == ["drug 7", "drug 6"]


def test_the_threshold_goes_by_the_degree_of_the_disease(tmp_path: Path) -> None:
    answer = load(tmp_path, learnt(0.3)).recommend(who("asthma"), miss_rate=0.4)

    # Of its seven candidates none ranks as high as treatments of such diseases do.
    assert hypotheses(answer) == []
    assert [u.why for u in silent(answer)] == ["no drug ranks high enough to be one"]
    assert drugs(answer, Kind.INDICATION) == ["drug 4"]
    assert answer.refusal is None


def test_a_bundle_without_thresholds_promises_nothing(
    tmp_path: Path, lonely: PatientProfile
) -> None:
    answer = load(tmp_path, None).recommend(lonely, miss_rate=0.2)

    assert answer.suggestions == ()
    (one,) = silent(answer)
    assert one.condition == ""
    assert "trained without the validation" in one.why


@pytest.mark.parametrize("rate", [0, 1, True, "much"])
def test_a_miss_rate_that_is_none_is_refused(
    tmp_path: Path, lonely: PatientProfile, rate: Any
) -> None:
    loaded = load(tmp_path, learnt(0.5))

    for ask in (loaded.recommend, lambda p, **o: loaded.rank_many([p], **o)):
        with pytest.raises(ValueError, match="miss_rate must be"):
            ask(replace(lonely), miss_rate=rate)
