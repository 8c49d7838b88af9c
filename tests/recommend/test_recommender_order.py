"""The order of known indications, partners never given alone, warnings on drugs in use."""

from pathlib import Path
from typing import Any

import pytest

from kg.graph import Graph
from recommend import Fact, Kind, Knowledge, PatientProfile, Recommendation, Recommender
from recommend.suggestion import Suggestion
from tests.recommend.ward import HARD, ILL, OTHER, D, ward, ward_bundle, warn

EVERYTHING = dict.fromkeys(("conditions_known", "drugs_known", "allergies_known"), Knowledge.KNOWN)


def load(graph: Graph, tmp_path: Path) -> Recommender:
    return Recommender.load(ward_bundle(tmp_path / "bundle", graph), graph=graph)


def who(*, conditions: tuple[str, ...] = (ILL,), drugs: tuple[str, ...] = ()) -> PatientProfile:
    return PatientProfile(
        tuple(map(Fact, conditions)),
        tuple(map(Fact, drugs)),
        sex="male",
        age_years=50.0,
        **EVERYTHING,  # type: ignore[arg-type]
    )


def known(answer: Recommendation) -> list[Suggestion]:
    return [s for s in answer.suggestions if s.kind is Kind.INDICATION and s.condition == ILL]


def names(answer: Recommendation) -> list[str]:
    return [s.drug_name for s in known(answer)]


def covered(*drugs: str) -> dict[str, list[dict[str, str]]]:
    return {
        "coverage": [
            {"table": table, "drug": drug, "reference": "ref-1"}
            for table in ("interacts", "contraindicated")
            for drug in drugs
        ]
    }


def test_a_first_line_drug_with_a_moderate_note_stands_before_drugs_nobody_checked(
    tmp_path: Path,
) -> None:
    moderate = {"Drug-contraindicated-Disease": [(D[0], HARD, warn("moderate"))]}
    engine = load(ward(more=moderate, statements=covered(D[0])), tmp_path)
    answer = engine.recommend(who(conditions=(ILL, HARD)))

    assert names(answer) == ["drug 0", "drug 1", "drug 2", "drug 4"]


def test_a_major_hit_puts_a_first_line_drug_last(tmp_path: Path) -> None:
    major = {"Drug-contraindicated-Disease": [(D[0], HARD, warn("major"))]}
    engine = load(ward(more=major), tmp_path)

    answer = engine.recommend(who(conditions=(ILL, HARD)))

    assert names(answer) == ["drug 1", "drug 2", "drug 4", "drug 0"]


def test_within_a_line_what_a_source_covers_stands_before_what_nobody_checked(
    tmp_path: Path,
) -> None:
    # 2 and 4 have no line; 2 scores better.
    unchecked = load(ward(), tmp_path / "none").recommend(who())
    checked = load(ward(statements=covered(D[4])), tmp_path / "one").recommend(who())

    assert names(unchecked) == ["drug 0", "drug 1", "drug 2", "drug 4"]
    assert names(checked) == ["drug 0", "drug 1", "drug 4", "drug 2"]


@pytest.mark.parametrize("severity", ["moderate", "grave"])  # the second is none that we know
def test_within_a_line_a_lesser_hit_comes_after_none(tmp_path: Path, severity: str) -> None:
    moderate = {"Drug-contraindicated-Disease": [(D[2], HARD, warn(severity))]}
    engine = load(ward(more=moderate), tmp_path)

    assert names(engine.recommend(who()))[2:] == ["drug 2", "drug 4"]
    assert names(engine.recommend(who(conditions=(ILL, HARD))))[2:] == ["drug 4", "drug 2"]


def test_an_adjunct_comes_after_drugs_without_a_line_and_every_line_is_said(
    tmp_path: Path,
) -> None:
    adjunct = {"Drug-treats-Disease": [(D[8], ILL, {"line": "adjunct", "reference": ["g"]})]}
    found = known(load(ward(more=adjunct), tmp_path).recommend(who()))

    assert [(s.drug_name, s.line) for s in found] == [
        ("drug 0", "1"),
        ("drug 1", "2"),
        ("drug 2", ""),
        ("drug 4", ""),
        ("drug 8", "adjunct"),
    ]
    assert "a recorded use, first line;" in found[0].certainty
    assert "a recorded use, second line;" in found[1].certainty
    assert "line of therapy not stated" in found[2].certainty
    assert "a recorded use, an adjunct;" in found[4].certainty


def test_a_partner_drug_is_never_suggested_alone(tmp_path: Path) -> None:
    partners = [{"drug": drug, "reference": "ref-1"} for drug in (D[0], D[7])]
    answer = load(ward(statements={"partner_only": partners}), tmp_path).recommend(who(), k=9)

    assert not {D[0], D[7]} & {s.drug for s in answer.suggestions}
    against = {v.drug_name: v for v in answer.vetoed}
    assert against["drug 0"].kind is Kind.INDICATION
    (verdict,) = against["drug 7"].verdicts
    assert (verdict.check, verdict.severity) == ("suggestion", "contraindicated")
    assert verdict.text == "given only together with another drug: look for the combination"
    assert verdict.source.endswith("ref-1")


def test_a_current_drug_is_warned_of_beside_the_rest_of_the_record(tmp_path: Path) -> None:
    harms = {"Drug-contraindicated-Disease": [(D[2], ILL, warn("moderate"))]}
    engine = load(ward(all_bad=[D[1]], more=harms), tmp_path)
    answer = engine.recommend(who(conditions=(ILL, OTHER), drugs=(D[8], D[5], D[2], D[1])))

    found = [(w.drug_name, [(v.check, v.severity, v.partner) for v in w.verdicts])
             for w in answer.warnings]  # fmt: skip
    assert found == [
        ("drug 1", [("contraindication", "contraindicated", OTHER)]),
        ("drug 5", [("interaction", "contraindicated", D[8])]),
        ("drug 8", [("interaction", "contraindicated", D[5])]),
    ]


def test_a_warning_needs_no_condition_to_suggest_for_and_is_part_of_the_json(
    tmp_path: Path,
) -> None:
    answer = load(ward(), tmp_path).recommend(who(conditions=(), drugs=(D[0], D[8])))

    assert answer.refusal is not None
    assert [w["drug"] for w in answer.to_json()["warnings"]] == [D[0], D[8]]
    assert load(ward(), tmp_path / "two").recommend(who(drugs=(D[8],))).warnings == ()


@pytest.mark.parametrize(
    "status", [{"verification": "refuted"}, {"status": "inactive"}, {"status": "resolved"}]
)
def test_a_condition_that_does_not_hold_seeds_nothing_and_is_named(
    tmp_path: Path, status: dict[str, Any]
) -> None:
    engine = load(ward(), tmp_path)
    past = Fact(ILL, **status)

    alone = engine.recommend(PatientProfile((past,)))
    assert "does not hold now" in str(alone.refusal)
    answer = engine.recommend(PatientProfile((past, Fact(HARD))), k=9)
    assert {s.condition for s in answer.suggestions} == {HARD}
    (word,) = status.values()
    assert any(f"condition illness: recorded as {word}" in gap for gap in answer.missing)
    both = engine.recommend(PatientProfile((past, Fact(ILL, basis="z", status="active"))))
    assert {s.condition for s in both.suggestions} == {ILL}


def test_a_doubtful_pregnancy_of_a_man_is_among_what_is_missing(tmp_path: Path) -> None:
    from recommend import Unmapped

    engine = load(ward(), tmp_path)
    doubt = (Unmapped("pregnancy", "", "pregnant, and the sex is male"),)
    missing = engine.recommend(PatientProfile((Fact(ILL),), sex="male", unmapped=doubt)).missing

    assert "whether the patient is pregnant is unknown" in missing
    assert any("pregnant, and the sex is male" in gap for gap in missing)
