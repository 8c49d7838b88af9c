"""Advice for exactly its key: what is unknown, indeterminate, scored, or meant for other people."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kg import build
from kg.sources.pharmacogenomics import Pharmacogenomics
from kg.sources.pharmacogenomics_ids import GENES
from recommend.profile import GenePhenotype, PatientProfile
from recommend.safety import PatientState, SafetyRules, genes
from recommend.suggestion import Outcome, Verdict
from tests.graphs import make_graph
from tests.kg.given import Given
from tests.recommend import cpic

DRUG, C9, HLA, D6 = "DRUGBANK:A", GENES["CYP2C9"], GENES["HLA-B"], GENES["CYP2D6"]
SAID = {"strength": "strong", "population": "general", "reference": "x", "drug": DRUG}
AVOID, USUAL = "Avoid it. Its half-life doubles.", "Usual dosing: As on the label."


def row(gene: str, phenotype: str, advice: str = AVOID, **more: str) -> Mapping[str, str]:
    return {**SAID, "gene": gene, "phenotype": phenotype, "recommendation": advice, **more}


def both(one: str, other: str, advice: str, **more: str) -> Mapping[str, str]:
    return row(HLA, one, advice, other_gene=C9, other_phenotype=other, **more)


GRID = [
    both("HLA-B*15:02 positive", "Poor Metabolizer", "Avoid it in both."),
    both("HLA-B*15:02 positive", "No Result", "Avoid it already."),
    both("HLA-B*15:02 negative", "No Result", USUAL),
    both("HLA-B*15:02 negative", "Poor Metabolizer", "Halve the dose."),
    both("HLA-B*15:02 negative", "Normal Metabolizer", USUAL),
    both("HLA-B*15:02 negative", "Indeterminate", "No recommendation"),
]


def judge(
    rows: list[Mapping[str, str]], results: Mapping[str, str], **fields: Any
) -> list[Verdict]:
    graph = make_graph(
        {"Drug": {DRUG: "drug"}, "Gene": {C9: "CYP2C9", HLA: "HLA-B", D6: "CYP2D6"}},
        {},
        statements={"guidance": rows},
    )
    rules = SafetyRules.read(graph)
    known = tuple(GenePhenotype(gene, phenotype) for gene, phenotype in results.items())
    return genes.check(rules, PatientState(PatientProfile(genes=known, **fields), rules), DRUG)


def outcomes(verdicts: list[Verdict]) -> list[str]:
    return [verdict.outcome.value for verdict in verdicts]


def test_advice_while_a_gene_is_unknown_alerts_and_leaves_the_gap() -> None:
    hit, gap = judge(GRID, {HLA: "HLA-B*15:02 positive"})

    assert (hit.outcome, hit.severity, hit.partner) == (Outcome.HIT, "major", HLA)
    assert "CYP2C9 unknown (strong): Avoid it already." in hit.text
    assert "the phenotype of CYP2C9 is unknown" in gap.text


def test_it_gives_way_to_the_advice_for_both_genes_once_both_are_known() -> None:
    (hit,) = judge(GRID, {HLA: "*15:02 positive", C9: "PM"})

    assert "Avoid it in both." in hit.text
    assert "already" not in hit.text


def test_it_stands_beside_a_result_that_no_row_reads() -> None:
    hit, gap = judge(GRID, {HLA: "*15:02 positive", C9: "Possible Wonder"})

    assert "Avoid it already." in hit.text
    assert gap.outcome is Outcome.NOT_COVERED


@pytest.mark.parametrize("recorded", ["No Result", "Indeterminate", "n/a", "Wonder"])
def test_a_negative_result_beside_one_that_says_nothing_is_neither_hit_nor_clear(
    recorded: str,
) -> None:
    assert outcomes(judge(GRID, {HLA: "*15:02 negative", C9: recorded})) == ["not covered"]


def test_no_recommendation_is_told_and_is_not_clear() -> None:
    (gap,) = judge(GRID, {HLA: "*15:02 negative", C9: "Indeterminate"})

    assert "CYP2C9 Indeterminate (strong): No recommendation" in gap.text


def test_both_negative_and_normal_is_clear() -> None:
    assert outcomes(judge(GRID, {HLA: "*15:02 negative", C9: "NM"})) == ["clear"]


def test_one_guideline_that_recommends_nothing_does_not_take_back_what_another_says() -> None:
    rows = [*GRID, row(C9, "Normal Metabolizer", "No recommendation: none.", reference="other")]

    assert outcomes(judge(rows, {HLA: "*15:02 negative", C9: "NM"})) == ["clear"]
    assert outcomes(judge(rows[-1:], {C9: "NM"})) == ["not covered"]


SCORES = [
    row(D6, "Activity score 1", USUAL),
    row(D6, "Activity score 3"),
    row(D6, "Activity score ≥3", "Avoid it from 3 on."),
    row(D6, "Activity score ≥5", "Avoid it from 5 on."),
    row(D6, "Poor Metabolizer", "Avoid it in the poor."),
    row(D6, "Intermediate Metabolizer", "Halve the dose. (This holds for Activity score 0.5.)"),
]


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        ("activity score 3", AVOID),
        ("3.5", "Avoid it from 3 on."),
        ("≥4", "Avoid it from 3 on."),
        ("AS >=6", "Avoid it from 5 on."),
        ("activity score 0", "Avoid it in the poor."),
        ("activity score 0.75", "Halve the dose."),
    ],
)
def test_a_score_means_its_own_row_else_the_highest_it_reaches_else_its_phenotype(
    recorded: str, expected: str
) -> None:
    (hit,) = judge(SCORES, {D6: recorded})

    assert expected in hit.text
    assert hit.text.count("(strong)") == 1


def test_a_score_with_a_row_of_its_own_is_not_taken_for_all_scores_of_its_phenotype() -> None:
    assert outcomes(judge(SCORES, {D6: "activity score 1"})) == ["clear"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"age_years": 40}, "clear"),
        ({"age_years": 9, "weight_kg": 41}, "clear"),
        ({"age_years": 9, "weight_kg": 39}, "not covered"),
        ({"age_years": 9}, "not covered"),
        ({}, "not covered"),
    ],
)
def test_the_usual_dose_is_clear_only_where_the_patient_is_known_to_be_meant(
    fields: Mapping[str, Any], expected: str
) -> None:
    rows = [row(C9, "Normal Metabolizer", USUAL, population="child >40kg_adult")]

    assert outcomes(judge(rows, {C9: "NM"}, **fields)) == [expected]


def test_advice_for_an_indication_that_no_profile_tells_alerts_and_says_for_what() -> None:
    rows = [
        row(C9, "Poor Metabolizer", population="CVI ACS PCI"),
        row(C9, "Normal Metabolizer", USUAL, population="CVI ACS PCI"),
    ]

    (hit,) = judge(rows, {C9: "PM"}, age_years=40)
    assert "CVI ACS PCI: for acute coronary syndrome or coronary intervention" in hit.text
    (gap,) = judge(rows, {C9: "NM"}, age_years=40)
    assert gap.outcome is Outcome.NOT_COVERED
    assert "CVI ACS PCI" in gap.text


def test_advice_for_others_only_says_for_whom() -> None:
    (gap,) = judge([row(C9, "NM", USUAL, population="pediatrics")], {C9: "NM"}, age_years=40)

    assert "is for others (pediatrics)" in gap.text


# ---- every strong recommendation of CPIC


@pytest.fixture(scope="module")
def real(data: Path) -> SafetyRules:
    drugs = {record.drug: record.name for record in cpic.strong(data)}
    nodes = Given(Drug=[*drugs.items()], Gene=[(gene, symbol) for symbol, gene in GENES.items()])
    return SafetyRules.read(build([nodes, Pharmacogenomics(data / "pgx")]).graph)


def test_every_strong_recommendation_is_given_for_exactly_its_full_key(
    data: Path, real: SafetyRules
) -> None:
    records = cpic.strong(data)

    assert len(records) == 567
    assert sum(len(record.key) > 1 for record in records) == 360
    faults = {
        (record.name, str(record.key)): found
        for record in records
        if (found := cpic.faults(real, record, records))
    }
    assert not faults


def test_normal_and_negative_keys_do_not_alert_but_for_tacrolimus(
    data: Path, real: SafetyRules
) -> None:
    normal = [record for record in cpic.strong(data) if record.is_normal]

    assert len(normal) > 200
    alerting = {
        (record.name, *record.key.items())
        for record in normal
        if any(v.outcome is Outcome.HIT for v in cpic.judge(real, record))
    }
    # Who has the working enzyme is the exception there, and needs more.
    assert alerting == {("tacrolimus", ("CYP3A5", "Normal Metabolizer"))}


def test_what_the_edition_of_2022_calls_strong_is_still_said_or_has_been_changed_since(
    data: Path, real: SafetyRules
) -> None:
    older = [r for r in cpic.older_strong(data) if r.drug in real.guidance]
    changed = {r.name for r in older if not cpic.says(cpic.judge(real, r), r.text)}

    assert len(older) == 525
    assert changed == {"clopidogrel", "mercaptopurine", "methylene blue", "primaquine"}
