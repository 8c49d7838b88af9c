"""Orders and problems that nobody ended: they raise hits, and clear nothing until confirmed."""

from datetime import date

import pytest

from recommend.profile import Fact
from recommend.safety import SafetyRules
from tests.recommend.pharmacy import HEART, STROKE, A, B, C, P, T, judge, outcomes, pharmacy

OLD = date(2013, 5, 31)


@pytest.fixture(scope="module")
def small() -> SafetyRules:
    return SafetyRules.read(pharmacy())


def old(node: str, *, confirmed: bool = False) -> Fact:
    return Fact(node, start=OLD, is_stale=True, confirmed=confirmed)


def test_an_old_order_interacts_and_asks_to_be_confirmed(small: SafetyRules) -> None:
    verdicts = judge(small, A, "interaction", drugs=[old(C)])

    assert outcomes(verdicts) == ["hit contraindicated", "not covered"]
    assert "ordered in 2013 and never ended: confirm that it is taken" in verdicts[0].text


def test_an_old_problem_speaks_against_a_drug_and_asks_to_be_confirmed(small: SafetyRules) -> None:
    verdicts = judge(small, A, "contraindication", conditions=[old(HEART)])

    assert outcomes(verdicts) == ["hit contraindicated", "not covered"]
    assert "recorded in 2013 and never ended: confirm that it still holds" in verdicts[0].text


def test_what_is_old_clears_nothing_until_somebody_confirms_it(small: SafetyRules) -> None:
    assert outcomes(judge(small, T, "interaction", drugs=[old(A)])) == ["not covered"]
    assert outcomes(judge(small, T, "duplicate", drugs=[old(A)])) == ["not covered"]
    assert outcomes(judge(small, T, "contraindication", conditions=[old(STROKE)])) == [
        "not covered"
    ]
    assert outcomes(judge(small, T, "allergy", allergies=[old(A)])) == ["not covered"]

    sure = old(A, confirmed=True)
    assert outcomes(judge(small, T, "interaction", drugs=[sure])) == ["clear"]
    assert outcomes(judge(small, T, "duplicate", drugs=[sure])) == ["clear"]
    assert outcomes(judge(small, T, "allergy", allergies=[old(P, confirmed=True)])) == ["clear"]


def test_an_old_order_of_the_same_drug_is_no_veto(small: SafetyRules) -> None:
    assert outcomes(judge(small, A, "duplicate", drugs=[old(A)])) == [
        "hit moderate",
        "not covered",
    ]
    assert outcomes(judge(small, A, "duplicate", drugs=[old(B)])) == [
        "hit moderate",
        "not covered",
    ]
    assert outcomes(judge(small, A, "duplicate", drugs=[old(A, confirmed=True)])) == [
        "hit contraindicated"
    ]
    assert outcomes(judge(small, A, "duplicate", drugs=[old(A), Fact(A)])) == [
        "hit contraindicated"
    ]


def test_a_confirmed_near_match_is_believed(small: SafetyRules) -> None:
    near = Fact(C, "near", confirmed=True)

    (verdict,) = judge(small, A, "interaction", drugs=[near])
    assert outcomes([verdict]) == ["hit contraindicated"]
    assert "confirm" not in verdict.text


@pytest.mark.parametrize(
    ("allergen", "drug", "told", "expected"),
    [
        (T, B, {}, "hit moderate"),  # a family whose cross-reactivity is moderate
        (T, B, {"reaction": "severe"}, "hit major"),
        (T, B, {"criticality": "high"}, "hit major"),
        (T, B, {"reaction": "mild", "criticality": "low"}, "hit moderate"),
        (B, T, {"reaction": "severe"}, "hit major"),  # major stays what it is
        (A, B, {"criticality": "low", "reaction": "mild"}, "hit major"),  # and is not lowered
        (P, P, {"criticality": "low"}, "hit contraindicated"),
        (P, P, {"criticality": "high", "reaction": "severe"}, "hit contraindicated"),
    ],
)
def test_a_severe_reaction_makes_a_moderate_cross_reaction_major_and_changes_nothing_else(
    small: SafetyRules, allergen: str, drug: str, told: dict[str, str], expected: str
) -> None:
    fact = Fact(allergen, **told)  # type: ignore[arg-type]

    (verdict,) = judge(small, drug, "allergy", allergies=[fact])

    assert outcomes([verdict]) == [expected]
    assert all(f": {word}" in verdict.text for word in told.values())


def test_a_severe_reaction_counts_though_a_milder_one_is_recorded_too(small: SafetyRules) -> None:
    both = [Fact(T), Fact(T, "near", reaction="severe")]

    for allergies in (both, both[::-1]):
        assert outcomes(judge(small, B, "allergy", allergies=allergies)) == ["hit major"]


def test_a_disease_that_is_over_is_no_hit_and_clears_nothing_that_it_speaks_against(
    small: SafetyRules,
) -> None:
    past = Fact(HEART, status="resolved")

    (verdict,) = judge(small, A, "contraindication", conditions=[past])

    assert verdict.outcome == "not covered"
    assert "recorded as resolved: if its history counts, contraindicated" in verdict.text
    both = [past, Fact(HEART, status="active")]
    assert outcomes(judge(small, A, "contraindication", conditions=both)) == ["hit contraindicated"]
