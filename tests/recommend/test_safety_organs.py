"""Kidneys, liver, age, pregnancy, breastfeeding: which figure a rule asks for, what clears."""

from dataclasses import replace
from typing import Any

import pytest

from recommend.safety import SafetyRules
from tests.recommend.pharmacy import (
    CIRRHOSIS,
    HEPATITIS,
    A,
    B,
    P,
    Q,
    T,
    judge,
    outcomes,
    pharmacy,
)

FIGURES = {"weight_kg": 72.0, "age_years": 40.0}  # of a man: 100 mL/min over the creatinine


@pytest.fixture(scope="module")
def small() -> SafetyRules:
    return SafetyRules.read(pharmacy())


@pytest.mark.parametrize(
    ("drug", "fields", "expected"),
    [
        # T by eGFR: 45 and 30; P by Cockcroft-Gault: 50.
        (P, {"creatinine": 1.9}, ["clear"]),
        (P, {"creatinine": 2.1}, ["hit major"]),
        (P, {"creatinine": 2.1, "egfr": 42}, ["hit major"]),
        (P, {"creatinine": 1.9, "egfr": 48}, ["clear"]),  # the rule's own figure decides
        (P, {"creatinine": 2.1, "egfr": 90}, ["not covered"]),  # they contradict each other
        (P, {"creatinine": 1.9, "egfr": 10}, ["not covered"]),
        (P, {"egfr": 49}, ["hit major"]),
        (P, {"egfr": 90}, ["not covered"]),
        (P, {}, ["not covered"]),
        (P, {"creatinine": 1.9, "weight_kg": None}, ["not covered"]),
        (P, {"creatinine": 1.9, "sex": "other"}, ["not covered"]),
        (P, {"creatinine": 0.5, "age_years": 12}, ["not covered"]),  # no equation for children
        (T, {"creatinine": 1.0}, ["not covered"]),
        (T, {"creatinine": 9.0, "egfr": 90}, ["not covered"]),
        (T, {"creatinine": 1.0, "egfr": 80}, ["clear"]),
        (T, {"egfr": 90, "conditions": ("DOID:784",)}, ["not covered"]),
        (T, {"egfr": 20, "kidney_doubt": "two figures"}, ["not covered"]),
        (P, {"creatinine": 9.0, "kidney_doubt": "two figures"}, ["not covered"]),
    ],
)
def test_a_kidney_rule_asks_for_the_figure_that_it_names(
    small: SafetyRules, drug: str, fields: dict[str, Any], expected: list[str]
) -> None:
    assert outcomes(judge(small, drug, "kidney", **{**FIGURES, **fields})) == expected


def test_a_kidney_verdict_says_which_figure_and_why_none_counts(small: SafetyRules) -> None:
    (by_other,) = judge(small, P, "kidney", egfr=20)
    assert "not the measure of the rule" in by_other.text
    (open_,) = judge(small, P, "kidney", egfr=90)
    assert "CrCl 50 mL/min (Cockcroft-Gault)" in open_.text
    (doubted,) = judge(small, T, "kidney", egfr=20, kidney_doubt="creatinine says otherwise")
    assert "creatinine says otherwise" in doubted.text
    assert "eGFR 45" in doubted.text


@pytest.mark.parametrize(
    ("drug", "fields", "expected"),
    [
        (T, {"child_pugh": "A"}, "clear"),
        (T, {"child_pugh": "B"}, "hit major"),
        (T, {"child_pugh": "C"}, "hit contraindicated"),
        (P, {"child_pugh": "A"}, "hit moderate"),
        (P, {"child_pugh": "C"}, "hit moderate"),
        (T, {}, "not covered"),
        (T, {"conditions": [HEPATITIS]}, "not covered"),
        (T, {"conditions": [CIRRHOSIS]}, "not covered"),
        (P, {"conditions": [CIRRHOSIS]}, "hit moderate"),  # cirrhosis is of class A at least
        (T, {"conditions": [CIRRHOSIS], "child_pugh": "A"}, "clear"),
        (A, {"child_pugh": "C"}, "not covered"),
    ],
)
def test_a_liver_is_clear_only_by_its_class(
    small: SafetyRules, drug: str, fields: dict[str, Any], expected: str
) -> None:
    assert outcomes(judge(small, drug, "liver", **fields)) == [expected]


def test_an_unknown_liver_function_is_told_with_the_disease_and_the_rule(
    small: SafetyRules,
) -> None:
    (verdict,) = judge(small, T, "liver", conditions=[HEPATITIS])

    assert "recorded with hepatitis" in verdict.text
    assert "contraindicated from class C on" in verdict.text
    (verdict,) = judge(small, T, "liver", conditions=[CIRRHOSIS, HEPATITIS])
    assert "recorded with cirrhosis" in verdict.text


def test_cirrhosis_of_an_unknown_class_is_a_hit_where_any_class_is_one(small: SafetyRules) -> None:
    statements = {
        **small.graph.statements,
        "liver": [
            {**row, "child_pugh": "A"} if row["child_pugh"] == "B" else row
            for row in small.graph.statements["liver"]
        ],
    }
    rules = SafetyRules.read(replace(small.graph, statements=statements))

    verdicts = judge(rules, T, "liver", conditions=[CIRRHOSIS])

    assert outcomes(verdicts) == ["hit major", "not covered"]
    assert "contraindicated from class C on" in verdicts[1].text
    assert "major" not in verdicts[1].text


@pytest.mark.parametrize(
    ("drug", "years", "expected"),
    [
        (P, 64.9, "clear"),
        (P, 65, "hit moderate"),
        (P, 110, "hit moderate"),
        (P, 17.9, "not covered"),  # a rule about the old says nothing of children
        (P, None, "not covered"),
        (T, 64.9, "clear"),
        (T, 65, "not covered"),  # nor one about children of the old
    ],
)
def test_a_limit_for_the_old_and_one_for_the_young_clear_their_own_side(
    small: SafetyRules, drug: str, years: float | None, expected: str
) -> None:
    assert outcomes(judge(small, drug, "age", age_years=years)) == [expected]


@pytest.mark.parametrize(
    ("drug", "fields", "expected"),
    [
        (P, {"sex": "female", "pregnancy": "pregnant"}, "clear"),
        (P, {"sex": "female", "pregnancy": "unknown"}, "clear"),
        (Q, {"sex": "female", "pregnancy": "pregnant"}, "hit moderate"),  # another source objects
        (Q, {"sex": "female", "pregnancy": "unknown"}, "not covered"),
        (B, {"sex": "female", "pregnancy": "pregnant"}, "not covered"),
    ],
)
def test_a_drug_is_clear_in_pregnancy_by_a_source_that_says_so_and_none_that_objects(
    small: SafetyRules, drug: str, fields: dict[str, Any], expected: str
) -> None:
    (verdict,) = judge(small, drug, "pregnancy", **fields)

    assert outcomes([verdict]) == [expected]
    if expected == "clear":
        assert verdict.source == "test: ref-1"
        assert "used for long" in verdict.text


@pytest.mark.parametrize(
    ("drug", "fields", "expected"),
    [
        (A, {"sex": "female", "lactation": "breastfeeding"}, "hit contraindicated"),
        (P, {"sex": "female", "lactation": "breastfeeding"}, "clear"),
        (B, {"sex": "female", "lactation": "breastfeeding"}, "not covered"),
        (A, {"sex": "female", "lactation": "not breastfeeding"}, "clear"),
        (A, {"sex": "female"}, "not covered"),
        (P, {"sex": "female"}, "clear"),
        (A, {"sex": "female", "age_years": None}, "not covered"),
        (A, {"sex": "female", "age_years": 9.9}, "clear"),
        (A, {"sex": "female", "age_years": 60}, "clear"),
        (A, {"sex": "unknown"}, "not covered"),
        (A, {"sex": "male", "age_years": None}, "clear"),
        (A, {"sex": "male", "lactation": "breastfeeding"}, "hit contraindicated"),
    ],
)
def test_breastfeeding_is_clear_where_there_can_be_none_or_a_source_says_so(
    small: SafetyRules, drug: str, fields: dict[str, Any], expected: str
) -> None:
    assert outcomes(judge(small, drug, "lactation", **fields)) == [expected]


def test_unrecorded_breastfeeding_still_says_what_the_drug_would_do(small: SafetyRules) -> None:
    assert "enters milk" in judge(small, A, "lactation", sex="female")[0].text
