"""Interactions and duplicates: both orders, near matches, unknown lists, what no table covers."""

import pytest

from recommend.profile import Fact, Knowledge, Unmapped
from recommend.safety import SafetyRules
from tests.recommend.pharmacy import A, B, C, I, N, P, Q, T, X, judge, outcomes, pharmacy

UNREAD = (Unmapped("drug", "herbal tea", "no node"),)


@pytest.fixture(scope="module")
def small() -> SafetyRules:
    return SafetyRules.read(pharmacy())


@pytest.mark.parametrize(
    ("one", "other", "severity"),
    [(A, C, "contraindicated"), (B, C, "major"), (B, I, "moderate")],
)
def test_an_interaction_is_the_same_hit_in_both_orders(
    small: SafetyRules, one: str, other: str, severity: str
) -> None:
    forth = judge(small, one, "interaction", drugs=[other])
    back = judge(small, other, "interaction", drugs=[one])

    assert outcomes(forth) == outcomes(back) == [f"hit {severity}"]
    assert forth[0].partner == other
    assert back[0].partner == one
    assert forth[0].source == "test: ref-1"


def test_a_pair_is_clear_only_where_one_table_covers_both(small: SafetyRules) -> None:
    clear = judge(small, T, "interaction", drugs=[A, B])
    assert outcomes(clear) == ["clear"]
    assert clear[0].source == "test (test drugs; 2026-11-01)"
    assert outcomes(judge(small, T, "interaction", drugs=[A, P])) == ["not covered"]
    assert outcomes(judge(small, P, "interaction", drugs=[A])) == ["not covered"]


def test_hits_and_open_pairs_stand_together_but_never_beside_a_clear(small: SafetyRules) -> None:
    assert outcomes(judge(small, C, "interaction", drugs=[A, B, T])) == [
        "hit contraindicated",
        "hit major",
        "not covered",
    ]
    assert outcomes(judge(small, B, "interaction", drugs=[C, T])) == ["hit major"]


def test_only_a_known_empty_list_is_clear_of_interactions_and_duplicates(
    small: SafetyRules,
) -> None:
    for check in ("interaction", "duplicate"):
        for known in (Knowledge.KNOWN, Knowledge.EMPTY):
            assert outcomes(judge(small, T, check, drugs_known=known)) == ["clear"]
        unknown = judge(small, T, check, drugs_known=Knowledge.UNKNOWN)
        assert outcomes(unknown) == ["not covered"]
        assert "does not list" in unknown[0].text
        listed = judge(small, T, check, drugs=[A], drugs_known=Knowledge.UNKNOWN)
        assert outcomes(listed) == ["not covered"]


def test_an_unread_drug_leaves_a_gap_that_names_it(small: SafetyRules) -> None:
    for check in ("interaction", "duplicate"):
        verdicts = judge(small, T, check, drugs=[A], unmapped=UNREAD)
        assert outcomes(verdicts) == ["not covered"]
        assert "herbal tea" in verdicts[0].text


@pytest.mark.parametrize("grade", ["near", "broader"])
def test_an_uncertain_drug_raises_hits_and_clears_nothing(small: SafetyRules, grade: str) -> None:
    a, c = Fact(A, grade), Fact(C, grade)  # type: ignore[arg-type]

    assert outcomes(judge(small, T, "interaction", drugs=[a])) == ["not covered"]
    assert outcomes(judge(small, T, "duplicate", drugs=[a])) == ["not covered"]
    assert outcomes(judge(small, A, "interaction", drugs=[c])) == [
        "hit contraindicated",
        "not covered",
    ]
    assert outcomes(judge(small, A, "duplicate", drugs=[a])) == [
        "hit contraindicated",
        "not covered",
    ]


def test_a_near_match_says_that_it_is_one(small: SafetyRules) -> None:
    near = (Fact(C, "near"),)

    assert "confirm the drug" in judge(small, A, "interaction", drugs=near)[0].text
    assert "confirm the drug" in judge(small, C, "duplicate", drugs=near)[0].text


def test_a_drug_listed_twice_counts_by_its_better_match(small: SafetyRules) -> None:
    twice = (Fact(A, "near"), Fact(A, "exact"))

    for order in (twice, twice[::-1]):
        assert outcomes(judge(small, T, "interaction", drugs=order)) == ["clear"]


def test_a_drug_that_is_taken_already_is_vetoed_and_one_of_its_class_warned_of(
    small: SafetyRules,
) -> None:
    assert outcomes(judge(small, A, "duplicate", drugs=[A])) == ["hit contraindicated"]
    assert outcomes(judge(small, A, "duplicate", drugs=[B])) == ["hit major"]
    assert outcomes(judge(small, P, "duplicate", drugs=[Q])) == ["hit major"]  # by ATC code
    assert outcomes(judge(small, A, "duplicate", drugs=[T])) == ["clear"]


def test_a_pair_that_is_meant_to_be_combined_is_no_duplicate(small: SafetyRules) -> None:
    assert outcomes(judge(small, N, "duplicate", drugs=[I])) == ["clear"]
    assert outcomes(judge(small, I, "duplicate", drugs=[N])) == ["clear"]


def test_a_drug_without_a_place_in_the_atc_cannot_be_compared(small: SafetyRules) -> None:
    assert outcomes(judge(small, X, "duplicate", drugs=[A])) == ["not covered"]
    assert outcomes(judge(small, A, "duplicate", drugs=[X])) == ["not covered"]
    assert outcomes(judge(small, X, "duplicate", drugs=[X])) == ["hit contraindicated"]


def test_a_group_of_one_place_of_use_is_no_class(rules: SafetyRules) -> None:
    codes = {code for codes in rules.atc.values() for code in codes}
    groups = {group for groups in rules.classes.values() for group in groups}

    assert any(code.startswith("ATC:S01") for code in codes)
    assert any(code.startswith("ATC:N06AX") for code in codes)
    assert not any(group.startswith(("ATC:S01", "ATC:N06AX")) for group in groups)
    assert "ATC:M01AE" in groups
