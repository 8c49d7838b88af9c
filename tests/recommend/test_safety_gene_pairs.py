"""Advice for two genes together: CYP2C19 and CYP2D6 for a tricyclic, as guidelines print it."""

from collections.abc import Mapping
from typing import Any

import pytest

from recommend.profile import GenePhenotype, PatientProfile
from recommend.safety import PatientState, SafetyRules, check_drug
from recommend.suggestion import Verdict
from tests.graphs import make_graph

DRUG, C19, D6 = "DRUGBANK:A", "NCBIGene:1557", "NCBIGene:1565"
SAID = {"strength": "strong", "population": "general", "reference": "x", "drug": DRUG}


def pair(one: str, other: str, advice: str) -> Mapping[str, str]:
    return {**SAID, "gene": C19, "phenotype": one, "other_gene": D6, "other_phenotype": other,
            "recommendation": advice}  # fmt: skip


ROWS = [
    pair("Poor Metabolizer", "Poor Metabolizer", "Avoid it."),
    pair("Normal Metabolizer", "Normal Metabolizer", "Usual dosing."),
]
ALONE = {**SAID, "gene": C19, "phenotype": "Normal Metabolizer", "recommendation": "Usual dose."}


def judge(genes: Mapping[str, str], *alone: Mapping[str, str]) -> list[Verdict]:
    graph = make_graph(
        {"Drug": {DRUG: "tricyclic"}, "Gene": {C19: "CYP2C19", D6: "CYP2D6"}},
        {},
        statements={"guidance_pairs": ROWS, "guidance": list(alone)},
    )
    rules = SafetyRules.read(graph)
    profile = PatientProfile(genes=tuple(GenePhenotype(g, p) for g, p in genes.items()))
    verdicts = check_drug(rules, PatientState(profile, rules), DRUG)
    return [verdict for verdict in verdicts if verdict.check == "genes"]


def outcomes(verdicts: list[Verdict]) -> list[Any]:
    return [verdict.outcome.value for verdict in verdicts]


def test_both_phenotypes_known_and_a_change_advised_is_a_hit_that_names_both() -> None:
    (hit,) = judge({C19: "poor metaboliser", D6: "Poor Metabolizer"})

    assert hit.severity == "major"
    assert "CYP2C19 Poor Metabolizer with CYP2D6 Poor Metabolizer" in hit.text


def test_both_known_and_nothing_to_change_is_clear() -> None:
    assert outcomes(judge({C19: "Normal Metabolizer", D6: "Normal Metabolizer"})) == ["clear"]


@pytest.mark.parametrize("gene", [C19, D6])
def test_one_of_two_known_is_never_clear(gene: str) -> None:
    (gap,) = judge({gene: "Normal Metabolizer"})

    assert gap.outcome.value == "not covered"
    assert "is unknown" in gap.text


def test_advice_for_one_gene_clears_nothing_while_the_pair_is_open() -> None:
    verdicts = judge({C19: "Normal Metabolizer"}, ALONE)

    assert outcomes(verdicts) == ["not covered"]
    assert "the phenotype of CYP2D6 is unknown" in verdicts[0].text


def test_a_pair_of_phenotypes_without_a_row_is_not_covered() -> None:
    (gap,) = judge({C19: "Poor Metabolizer", D6: "Normal Metabolizer"})

    assert "no row for their phenotypes" in gap.text


def test_no_known_phenotype_is_not_covered() -> None:
    assert outcomes(judge({})) == ["not covered"]


@pytest.mark.parametrize(
    ("recorded", "worded"),
    [
        ("PM", "Poor Metabolizer"),
        ("extensive metaboliser", "Normal Metabolizer"),
        ("0.5", "Activity Score 0.5"),
        ("AS 0.50", "Activity Score 0.5"),
        ("activity score >=3", "Activity Score ≥3"),
    ],
)
def test_a_phenotype_may_be_recorded_in_short(recorded: str, worded: str) -> None:
    row = {**SAID, "gene": D6, "phenotype": worded, "recommendation": "Avoid it."}

    hits = [v for v in judge({D6: recorded}, row) if v.outcome.value == "hit"]

    assert [hit.severity for hit in hits] == ["major"]


def test_an_unlike_score_is_not_taken_for_another() -> None:
    row = {**SAID, "gene": D6, "phenotype": "Activity Score 0.5", "recommendation": "Avoid it."}

    assert not [v for v in judge({D6: "1.5"}, row) if v.outcome.value == "hit"]
