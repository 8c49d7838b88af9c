"""Drugs on the skin or in the eye: a rule about systemic use is told, and is no alarm."""

import pytest

from recommend.profile import Fact, Route
from recommend.safety import SafetyRules
from tests.recommend.pharmacy import GENE, HEART, A, B, E, F, P, T, judge, outcomes, pharmacy


@pytest.fixture(scope="module")
def small() -> SafetyRules:
    return SafetyRules.read(pharmacy())


@pytest.mark.parametrize("route", ["skin", "eye", "ear", "nasal", "vaginal", "mouth"])
def test_a_rule_about_systemic_use_is_not_covered_for_a_drug_used_locally(
    small: SafetyRules, route: Route
) -> None:
    (verdict,) = judge(small, B, "interaction", drugs=[Fact(E, route=route)])

    assert outcomes([verdict]) == ["not covered"]
    assert "drug E is used" in verdict.text
    assert "systemic use: major" in verdict.text


@pytest.mark.parametrize("route", ["", "oral", "injected", "inhaled", "rectal"])
def test_any_other_route_and_none_is_systemic(small: SafetyRules, route: Route) -> None:
    assert outcomes(judge(small, B, "interaction", drugs=[Fact(E, route=route)]))[0] == "hit major"


def test_a_rule_that_names_the_drug_fires_on_its_local_use_in_both_orders(
    small: SafetyRules,
) -> None:
    assert outcomes(judge(small, B, "interaction", drugs=[Fact(F, route="eye")])) == ["hit major"]
    assert outcomes(judge(small, F, "interaction", route="eye", drugs=[B])) == ["hit major"]
    # It names F alone: B on the skin is another matter.
    assert outcomes(judge(small, F, "interaction", drugs=[Fact(B, route="skin")])) == [
        "not covered"
    ]


def test_a_rule_for_any_local_use_fires_where_both_are_local(small: SafetyRules) -> None:
    verdicts = judge(small, E, "interaction", route="skin", drugs=[Fact(F, route="eye")])

    assert outcomes(verdicts) == ["hit moderate"]


def test_the_drug_asked_about_may_be_the_local_one(small: SafetyRules) -> None:
    (verdict,) = judge(small, E, "interaction", route="eye", drugs=[B])

    assert outcomes([verdict]) == ["not covered"]
    assert "drug E is used in the eye" in verdict.text


def test_a_contraindication_holds_for_local_use_only_where_it_says_so(small: SafetyRules) -> None:
    systemic = judge(small, E, "contraindication", route="eye", conditions=[HEART])
    assert outcomes(systemic) == ["not covered"]
    assert "about systemic use: major" in systemic[0].text
    topical = judge(small, F, "contraindication", route="eye", conditions=[HEART])
    assert outcomes(topical)[0] == "hit major"


def test_the_tables_of_organs_and_ages_have_no_word_on_local_use(small: SafetyRules) -> None:
    for check, fields in (
        ("kidney", {"egfr": 10}),
        ("age", {"age_years": 2}),
        ("liver", {"child_pugh": "C"}),
    ):
        assert outcomes(judge(small, T, check, **fields)) == ["hit contraindicated"]
        (verdict,) = judge(small, T, check, route="skin", **fields)
        assert outcomes([verdict]) == ["not covered"]
        assert verdict.severity is None
        assert "on the skin" in verdict.text


def test_an_allergy_counts_by_any_route(small: SafetyRules) -> None:
    verdicts = judge(small, P, "allergy", route="skin", allergies=[P])

    assert outcomes(verdicts) == ["hit contraindicated"]


def test_pregnancy_and_breastfeeding_ask_for_a_row_about_local_use(small: SafetyRules) -> None:
    mother = {"sex": "female", "pregnancy": "pregnant", "lactation": "breastfeeding"}

    systemic = judge(small, A, "pregnancy", route="skin", **mother)
    assert outcomes(systemic) == ["not covered"]
    assert "systemic use: contraindicated (harms)" in systemic[0].text
    assert outcomes(judge(small, F, "pregnancy", route="skin", **mother)) == ["hit major"]
    assert outcomes(judge(small, P, "pregnancy", route="skin", **mother)) == ["not covered"]
    assert outcomes(judge(small, P, "lactation", route="skin", **mother)) == ["clear"]


@pytest.mark.parametrize(
    ("taken", "asked", "expected"),
    [
        ("", "", "hit contraindicated"),
        ("oral", "", "hit contraindicated"),
        ("eye", "", "hit moderate"),
        ("", "eye", "hit moderate"),
        ("eye", "skin", "hit moderate"),
        ("eye", "eye", "hit contraindicated"),
    ],
)
def test_another_use_of_the_same_ingredient_is_no_veto(
    small: SafetyRules, taken: Route, asked: Route, expected: str
) -> None:
    verdicts = judge(small, A, "duplicate", route=asked, drugs=[Fact(A, route=taken)])

    assert outcomes(verdicts) == [expected]


def test_of_two_uses_of_one_ingredient_the_graver_counts(small: SafetyRules) -> None:
    uses = [Fact(A, route="eye"), Fact(A, route="oral")]

    for drugs in (uses, uses[::-1]):
        assert outcomes(judge(small, A, "duplicate", drugs=drugs)) == ["hit contraindicated"]
        assert outcomes(judge(small, A, "duplicate", route="eye", drugs=drugs)) == [
            "hit contraindicated"
        ]
        assert outcomes(judge(small, E, "interaction", drugs=drugs)) == ["not covered"]


def test_a_class_says_nothing_of_local_use_and_clears_nothing(small: SafetyRules) -> None:
    (verdict,) = judge(small, A, "duplicate", drugs=[Fact(B, route="skin")])

    assert outcomes([verdict]) == ["not covered"]
    assert "on the skin" in verdict.text
    assert outcomes(judge(small, A, "duplicate", route="skin", drugs=[Fact(B, route="skin")])) == [
        "hit major"
    ]


def test_no_gene_speaks_of_a_drug_on_the_skin(small: SafetyRules) -> None:
    from recommend.profile import GenePhenotype

    genes = (GenePhenotype(GENE, "Poor Metabolizer"),)

    assert outcomes(judge(small, T, "genes", genes=genes)) == ["hit major"]
    assert outcomes(judge(small, T, "genes", route="skin", genes=genes)) == ["not covered"]
