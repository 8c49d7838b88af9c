"""What a suggestion says of how sure it is: a rank always, a share only where one was learnt."""

from dataclasses import replace
from pathlib import Path

import pytest

from recommend import Fact, Kind, PatientProfile, Recommender
from recommend.answers.degrees import percentiles
from recommend.bundle import Bundle
from recommend.suggestion import Suggestion
from tests.recommend.ward import ILL, STACK, D, ward, ward_bundle

GRAPH = ward()


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return ward_bundle(tmp_path / "bundle", GRAPH)


def suggested(bundle: Bundle) -> dict[str, Suggestion]:
    """By drug, for a patient who is ill and takes nothing."""
    profile = PatientProfile((Fact(ILL),), sex="male", age_years=50.0)
    answer = Recommender.load(bundle, graph=GRAPH).recommend(profile)
    return {s.drug: s for s in answer.suggestions}


def calibrated(bundle: Bundle, *, known: str = "platt") -> Bundle:
    return replace(bundle, card={**bundle.card, "calibration": {"new": "isotonic", "known": known}})


def test_a_calibrated_hypothesis_says_the_share_that_is_recorded_and_what_it_is_not(
    bundle: Bundle,
) -> None:
    found = suggested(calibrated(bundle))[D[7]]

    share = percentiles(STACK[:, 0])[7]
    assert found.kind is Kind.HYPOTHESIS
    assert f"of pairs with such a score, {share:.2%} are recorded" in found.certainty
    assert found.certainty.endswith("which is no chance that it helps")
    assert "no loaded source records this use" in found.certainty
    assert found.share == pytest.approx(share)
    assert found.degree_rank == 0.5  # of the four that no source speaks of, two beat it
    assert "ahead of 50.0% of the drugs that are recorded about as often" in found.certainty


def test_a_recorded_use_says_no_share(bundle: Bundle) -> None:
    found = suggested(calibrated(bundle))[D[0]]

    assert "%" not in found.certainty
    assert found.certainty.endswith("and is no probability")


@pytest.mark.parametrize("known", ["none", "platt"])
def test_a_share_is_said_only_where_every_kind_of_disease_is_calibrated(
    bundle: Bundle, known: str
) -> None:
    found = suggested(calibrated(bundle, known=known))[D[7]]

    assert ("of pairs with such a score" in found.certainty) == (known != "none")
    assert (found.share is None) == (known == "none")
    assert "of pairs" not in suggested(bundle)[D[7]].certainty


def test_the_score_of_a_suggestion_is_its_percentile_not_its_probability(bundle: Bundle) -> None:
    found = suggested(bundle)

    for drug, suggestion in found.items():
        assert suggestion.score == pytest.approx(percentiles(STACK[:, 0])[D.index(drug)], abs=1e-4)


def test_an_answer_says_that_the_models_were_not_shown_everything(bundle: Bundle) -> None:
    held_back = replace(bundle, card={**bundle.card, "hidden_pairs": 3, "hidden_diseases": 0})
    profile = PatientProfile((Fact(ILL),))

    told = Recommender.load(held_back, graph=GRAPH).recommend(profile).missing
    silent = Recommender.load(bundle, graph=GRAPH).recommend(profile).missing

    assert set(told) - set(silent) == {"the models were trained with 3 pairs hidden (train --hide)"}
