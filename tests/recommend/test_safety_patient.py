"""Diseases, allergies, pregnancy, kidneys and genes: what hits, what clears, what is left open."""

from typing import Any

import pytest

from recommend.profile import Fact, GenePhenotype, Knowledge, Unmapped
from recommend.safety import SafetyRules, worst
from tests.recommend.pharmacy import (
    AMINO,
    CEPHALOSPORINS,
    EYE,
    FAILURE,
    GENE,
    HEART,
    LIPIDS,
    OTHER_CLASS,
    OTHER_GENE,
    PENICILLINS,
    PREECLAMPSIA,
    STATINS,
    STROKE,
    A,
    B,
    C,
    P,
    Q,
    T,
    X,
    judge,
    outcomes,
    pharmacy,
)

DOUBT = Unmapped("pregnancy", "", "pregnant, and the sex is male")


@pytest.fixture(scope="module")
def small() -> SafetyRules:
    return SafetyRules.read(pharmacy())


def test_a_broader_disease_speaks_against_a_drug_but_a_narrower_does_not(
    small: SafetyRules,
) -> None:
    broader = judge(small, A, "contraindication", conditions=[FAILURE])
    assert outcomes(broader) == ["hit contraindicated"]
    assert broader[0].partner == HEART
    assert "recorded as heart failure" in broader[0].text
    assert outcomes(judge(small, B, "contraindication", conditions=[HEART])) == ["clear"]


def test_a_severity_that_no_one_knows_is_a_hit_of_unknown_severity(small: SafetyRules) -> None:
    hits = judge(small, C, "contraindication", conditions=[STROKE])

    assert outcomes(hits) == ["hit unknown", "not covered"]
    assert worst(["moderate", "unknown"]) == "unknown"
    assert worst(["unknown", "major", "contraindicated"]) == "contraindicated"


@pytest.mark.parametrize(
    ("drug", "fields"),
    [
        (T, {"conditions": [STROKE], "conditions_known": Knowledge.UNKNOWN}),
        (T, {"conditions_known": Knowledge.UNKNOWN}),
        (T, {"conditions": [Fact(STROKE, "near")]}),
        (T, {"conditions": [Fact(STROKE, "broader")]}),
        (T, {"unmapped": (Unmapped("condition", "odd finding", "no node"),)}),
        (T, {"conditions": [EYE]}),  # a disease that the table never speaks of
        (P, {"conditions": [STROKE]}),  # a drug that the table does not cover
    ],
)
def test_no_gap_in_the_problem_list_or_the_table_is_clear(
    small: SafetyRules, drug: str, fields: dict[str, Any]
) -> None:
    assert outcomes(judge(small, drug, "contraindication", **fields)) == ["not covered"]


def test_a_complete_problem_list_is_clear_for_a_covered_drug(small: SafetyRules) -> None:
    assert outcomes(judge(small, T, "contraindication", conditions=[STROKE])) == ["clear"]
    assert outcomes(judge(small, T, "contraindication")) == ["clear"]


def test_a_near_condition_raises_the_hit_and_asks_to_be_confirmed(small: SafetyRules) -> None:
    verdicts = judge(small, A, "contraindication", conditions=[Fact(HEART, "near")])

    assert outcomes(verdicts) == ["hit contraindicated", "not covered"]
    assert "confirm the diagnosis" in verdicts[0].text


def test_a_sure_diagnosis_outweighs_a_near_one_of_the_same_disease(small: SafetyRules) -> None:
    sure, near = Fact(FAILURE), Fact(HEART, "near")

    for order in ((sure, near), (near, sure)):
        hit = judge(small, A, "contraindication", conditions=order)[0]
        assert "confirm" not in hit.text


@pytest.mark.parametrize(
    ("allergen", "drug", "expected"),
    [
        (P, P, ["hit contraindicated"]),
        (PENICILLINS, P, ["hit contraindicated"]),
        (P, Q, ["hit contraindicated"]),  # antibacterials of one group
        (A, B, ["hit major"]),
        (B, T, ["hit major"]),  # a family, and no class in common
        (T, B, ["hit moderate"]),
        (STATINS, T, ["hit major"]),  # a statin is of the family
        (A, T, ["not covered"]),  # no table says with what it cross-reacts
        (PENICILLINS, T, ["clear"]),
        (LIPIDS, C, ["not covered"]),
        (PENICILLINS, C, ["hit major"]),
        (CEPHALOSPORINS, P, ["hit major"]),
        (P, C, ["hit major"]),  # the worse of two rows
        (AMINO, C, ["hit moderate"]),
        (AMINO, P, ["hit contraindicated"]),
        (LIPIDS, A, ["hit contraindicated"]),
        (C, P, ["hit major"]),
        (STATINS, P, ["not covered"]),  # nobody lists what P does
        (A, P, ["not covered"]),
        (OTHER_CLASS, X, ["hit contraindicated", "not covered"]),
        (OTHER_CLASS, P, ["not covered"]),
        (X, P, ["not covered"]),
        (P, X, ["not covered"]),
        (X, X, ["hit contraindicated"]),
    ],
)
def test_an_allergy_reaches_the_drug_its_class_and_what_cross_reacts(
    small: SafetyRules, allergen: str, drug: str, expected: list[str]
) -> None:
    assert outcomes(judge(small, drug, "allergy", allergies=[allergen])) == expected


@pytest.mark.parametrize("grade", ["near", "broader"])
def test_an_uncertain_allergen_hits_and_never_clears(small: SafetyRules, grade: str) -> None:
    def fact(node: str) -> Fact:
        return Fact(node, grade)  # type: ignore[arg-type]

    hit = judge(small, P, "allergy", allergies=[fact(P)])
    assert outcomes(hit) == ["hit contraindicated", "not covered"]
    assert ("confirm the allergen" in hit[0].text) == (grade == "near")
    assert outcomes(judge(small, P, "allergy", allergies=[fact(STATINS)])) == ["not covered"]


def test_no_known_allergy_is_clear_and_an_unknown_or_unread_list_is_not(
    small: SafetyRules,
) -> None:
    empty = judge(small, X, "allergy", allergies_known=Knowledge.EMPTY)
    assert outcomes(empty) == ["clear"]
    assert "no known allergy" in empty[0].text
    unknown: dict[str, Any] = {"allergies_known": Knowledge.UNKNOWN}
    assert outcomes(judge(small, P, "allergy", **unknown)) == ["not covered"]
    assert outcomes(judge(small, P, "allergy", allergies=[A], **unknown)) == ["not covered"]
    unread = (Unmapped("allergy", "latex", "no node"),)
    verdicts = judge(small, P, "allergy", allergies=[A], unmapped=unread)
    assert outcomes(verdicts) == ["not covered"]
    assert "latex" in verdicts[0].text


@pytest.mark.parametrize(
    ("drug", "fields", "expected"),
    [
        (A, {"pregnancy": "pregnant", "sex": "female"}, "hit contraindicated"),
        (T, {"pregnancy": "pregnant", "sex": "female"}, "not covered"),
        (A, {"pregnancy": "not pregnant", "sex": "female"}, "clear"),
        (A, {"pregnancy": "unknown", "sex": "female"}, "not covered"),
        (T, {"pregnancy": "unknown", "sex": "female"}, "not covered"),
        (A, {"pregnancy": "unknown", "sex": "unknown", "age_years": None}, "not covered"),
        (A, {"pregnancy": "unknown", "sex": "female", "age_years": 59.9}, "not covered"),
        (A, {"pregnancy": "unknown", "sex": "female", "age_years": 60.0}, "clear"),
        (A, {"pregnancy": "unknown", "sex": "female", "age_years": 9.9}, "clear"),
        (A, {"pregnancy": "unknown", "sex": "male", "age_years": None}, "clear"),
        (A, {"sex": "female", "conditions": [PREECLAMPSIA]}, "hit contraindicated"),
        (
            A,
            {"sex": "female", "pregnancy": "not pregnant", "conditions": [PREECLAMPSIA]},
            "not covered",
        ),
        (A, {"sex": "male", "unmapped": (DOUBT,)}, "not covered"),
        (T, {"sex": "female", "age_years": 57.0, "unmapped": (DOUBT,)}, "not covered"),
        (A, {"sex": "male", "pregnancy": "not pregnant", "unmapped": (DOUBT,)}, "not covered"),
        (A, {"sex": "male", "pregnancy": "pregnant", "unmapped": (DOUBT,)}, "hit contraindicated"),
    ],
)
def test_pregnancy_is_clear_only_where_there_can_be_none(
    small: SafetyRules, drug: str, fields: dict[str, Any], expected: str
) -> None:
    assert outcomes(judge(small, drug, "pregnancy", **fields)) == [expected]


def test_a_doubtful_pregnancy_is_named_with_what_the_drug_would_do(small: SafetyRules) -> None:
    (verdict,) = judge(small, A, "pregnancy", sex="male", unmapped=(DOUBT,))

    assert "pregnant, and the sex is male" in verdict.text
    assert "harms" in verdict.text
    worded = Unmapped("pregnancy", "82810-3", "two answers")
    (verdict,) = judge(small, A, "pregnancy", unmapped=(worded,))
    assert "82810-3 (two answers)" in verdict.text


def test_an_unrecorded_pregnancy_still_says_what_the_drug_would_do(small: SafetyRules) -> None:
    assert "harms" in judge(small, A, "pregnancy", sex="female")[0].text


@pytest.mark.parametrize(
    ("egfr", "expected"),
    [(0, "hit contraindicated"), (29.9, "hit contraindicated"), (30, "hit moderate"),
     (44.9, "hit moderate"), (45, "clear"), (None, "not covered")],
)  # fmt: skip
def test_the_worst_limit_that_the_kidneys_fall_under_counts(
    small: SafetyRules, egfr: float | None, expected: str
) -> None:
    assert outcomes(judge(small, T, "kidney", egfr=egfr)) == [expected]
    assert outcomes(judge(small, A, "kidney", egfr=egfr)) == ["not covered"]


@pytest.mark.parametrize(
    ("years", "expected"),
    [(0, "hit contraindicated"), (7.9, "hit contraindicated"), (8, "hit major"),
     (17.9, "hit major"), (18, "clear"), (64.9, "clear"), (65, "not covered"),
     (None, "not covered")],
)  # fmt: skip
def test_the_worst_limit_that_the_age_falls_under_counts(
    small: SafetyRules, years: float | None, expected: str
) -> None:
    assert outcomes(judge(small, T, "age", age_years=years)) == [expected]
    assert outcomes(judge(small, A, "age", age_years=years)) == ["not covered"]


@pytest.mark.parametrize(
    ("phenotypes", "expected"),
    [
        (["Poor Metabolizer"], "hit major"),
        (["poor  metaboliser"], "hit major"),
        (["Intermediate Metabolizer"], "hit moderate"),
        (["Normal Metabolizer"], "clear"),
        (["Rapid Metabolizer"], "hit moderate"),  # with caution is a change
        (["Ultrarapid Metabolizer"], "not covered"),  # unchanged, but said of other people
        (["Slow Child"], "not covered"),  # the patient is grown up
        (["Indeterminate"], "not covered"),
        (["Normal Metabolizer", "Poor Metabolizer"], "hit major"),
        ([], "not covered"),
    ],
)
def test_a_phenotype_alerts_only_where_the_advice_is_to_change(
    small: SafetyRules, phenotypes: list[str], expected: str
) -> None:
    genes = tuple(GenePhenotype(GENE, phenotype) for phenotype in phenotypes)

    assert outcomes(judge(small, T, "genes", genes=genes)) == [expected]


def test_advice_for_children_alerts_in_a_child(small: SafetyRules) -> None:
    genes = (GenePhenotype(GENE, "Slow Child"),)

    assert outcomes(judge(small, T, "genes", genes=genes, age_years=9)) == ["hit major"]
    assert outcomes(judge(small, T, "genes", genes=genes, age_years=None)) == ["hit major"]


def test_each_gene_of_a_drug_is_answered_and_the_missing_one_named(small: SafetyRules) -> None:
    genes = (GenePhenotype(GENE, "Poor Metabolizer"),)
    verdicts = judge(small, A, "genes", genes=genes)

    assert outcomes(verdicts) == ["hit moderate", "not covered"]
    assert verdicts[0].partner == GENE
    assert "CYP2" in verdicts[1].text
    both = (*genes, GenePhenotype(OTHER_GENE, "Deficient"))
    assert outcomes(judge(small, A, "genes", genes=both)) == ["hit moderate", "hit major"]


def test_an_unread_gene_result_leaves_a_gap(small: SafetyRules) -> None:
    unread = (Unmapped("gene", "CYP1 *4/*4", "no phenotype"),)
    genes = (GenePhenotype(GENE, "Normal Metabolizer"),)

    assert outcomes(judge(small, T, "genes", genes=genes, unmapped=unread)) == ["not covered"]


def test_a_drug_without_guidance_says_so(small: SafetyRules) -> None:
    verdicts = judge(small, P, "genes", genes=(GenePhenotype(GENE, "Poor Metabolizer"),))

    assert [v.text for v in verdicts] == ["no gene-drug guidance for this drug"]
    assert outcomes(verdicts) == ["not covered"]


def test_the_starter_advice_that_changes_nothing_is_the_advice_read_by_hand(
    rules: SafetyRules,
) -> None:
    from recommend.safety.genes import UNCHANGED

    unchanged = {
        (rules.name(drug), rules.name(row.gene), row.phenotype)
        for drug, rows in rules.guidance.items()
        for row in rows
        if UNCHANGED.match(row.advice)
    }
    assert unchanged == {
        ("Abacavir", "HLA-B", "HLA-B*57:01 negative"),
        ("Clopidogrel", "CYP2C19", "Ultrarapid Metabolizer"),
        ("Codeine", "CYP2D6", "Intermediate Metabolizer"),
        ("Hydrocodone", "CYP2D6", "Poor Metabolizer"),
        ("Tamoxifen", "CYP2D6", "Ultrarapid Metabolizer"),
        ("Tramadol", "CYP2D6", "Intermediate Metabolizer"),
    }
