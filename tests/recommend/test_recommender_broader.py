"""What a disease without any recorded use borrows from a broader one, and what it never does."""

from pathlib import Path

import pytest

from kg.graph import Graph
from recommend import Fact, Kind, Recommender
from tests.recommend.cases import find, patient
from tests.recommend.clinic import ID, D, clinic, drugs, engine, who

KNOWN = (Kind.INDICATION, Kind.SYMPTOMATIC)


@pytest.fixture
def loaded(tmp_path: Path) -> Recommender:
    return engine(tmp_path, clinic())


def test_uses_pass_down_one_step_as_a_marked_broader_match(loaded: Recommender) -> None:
    answer = loaded.recommend(who("essential hypertension"))

    found = [s for s in answer.suggestions if s.kind in KNOWN]
    assert [s.drug_name for s in found] == ["drug 0", "drug 1", "drug 2"]
    for suggestion in found:
        assert suggestion.condition == ID["essential hypertension"]
        assert suggestion.broader == ID["hypertension"]
        assert suggestion.broader_name == "hypertension"
        assert "BROADER MATCH: recorded for hypertension" in suggestion.certainty
        assert suggestion.condition_grade == "exact"
        assert suggestion.reasons[0].text.startswith("recorded as")
    assert (found[0].line, found[0].records[0].year) == ("1", "2021")
    rest = [s for s in answer.suggestions if s.kind is Kind.HYPOTHESIS]
    assert not {s.drug_name for s in rest} & {"drug 0", "drug 1", "drug 2"}
    assert {s.broader for s in rest} == {""}


def test_a_disease_with_a_use_of_its_own_borrows_nothing(tmp_path: Path) -> None:
    own = [(D[7], ID["essential hypertension"])]
    answer = engine(tmp_path, clinic(treats=own)).recommend(who("essential hypertension"))

    assert [s.drug_name for s in answer.suggestions if s.kind in KNOWN] == ["drug 7"]


@pytest.mark.parametrize("condition", ["gestational hypertension", "small cell lung cancer"])
def test_nothing_passes_into_a_pregnancy_or_down_from_a_cancer(
    loaded: Recommender, condition: str
) -> None:
    answer = loaded.recommend(who(condition))

    assert not [s for s in answer.suggestions if s.kind in KNOWN]
    assert {u.kind for u in answer.unavailable} >= set(KNOWN)


def test_what_is_two_steps_above_is_named_and_not_borrowed(loaded: Recommender) -> None:
    answer = loaded.recommend(who("rare essential hypertension"))

    assert not [s for s in answer.suggestions if s.kind in KNOWN]
    why = next(u.why for u in answer.unavailable if u.kind is Kind.INDICATION)
    assert "the next broader disease with one, hypertension, is 2 steps above" in why


def test_what_is_recorded_across_a_border_does_not_return_as_a_hypothesis(
    loaded: Recommender,
) -> None:
    answer = loaded.recommend(who("gestational hypertension"), k=9)

    assert set(drugs(answer, Kind.HYPOTHESIS)) == {f"drug {i}" for i in (3, 4, 5, 6, 7)}
    against = {v.drug_name: v.verdicts for v in answer.vetoed}
    assert set(against) == {"drug 0", "drug 1", "drug 2"}
    (verdict,) = against["drug 0"]
    assert verdict.text == (
        "recorded for hypertension, and gestational hypertension is not treated like it"
    )
    assert verdict.severity == "contraindicated"


def test_a_condition_that_was_matched_to_a_broader_node_does_not_climb_further(
    loaded: Recommender,
) -> None:
    fact = Fact(ID["essential hypertension"], "broader", "SNOMEDCT:1", distance=1)

    answer = loaded.recommend(who(fact))
    assert not [s for s in answer.suggestions if s.kind in KNOWN]
    sure = loaded.recommend(who(fact).confirm([fact.node]))
    assert len([s for s in sure.suggestions if s.kind in KNOWN]) == 3


def test_what_a_source_says_against_a_drug_in_the_very_disease_is_not_borrowed(
    tmp_path: Path,
) -> None:
    harms = [(D[1], ID["essential hypertension"], {"severity": "moderate", "why": "w"})]
    loaded = engine(tmp_path, clinic(against=harms))
    answer = loaded.recommend(who("essential hypertension"))

    assert [s.drug_name for s in answer.suggestions if s.kind in KNOWN] == ["drug 0", "drug 2"]
    assert [(v.drug_name, v.kind) for v in answer.vetoed] == [("drug 1", Kind.INDICATION)]


def test_no_disease_of_the_starter_graph_borrows_across_a_border(
    starter: Graph, recommender: Recommender
) -> None:
    from kg.climb import may_climb

    names = dict(zip(starter.ids["Disease"].to_pylist(), starter.names["Disease"].to_pylist(),
                     strict=True))  # fmt: skip
    for row, node in enumerate(names):
        for uses in recommender.offers.of(row, True).uses:
            for lender in {names[list(names)[d]] for d in uses.diseases.tolist() if d != row}:
                assert may_climb([names[node]], [lender]), (names[node], lender)


@pytest.mark.parametrize("age", [15.0, 30.0])
def test_pre_eclampsia_inherits_no_ace_inhibitor_from_hypertension(
    recommender: Recommender, age: float
) -> None:
    # A pregnant teen among them.
    profile = patient(
        recommender.graph,
        conditions=["pre-eclampsia"],
        sex="female",
        age_years=age,
        pregnancy="pregnant",
    )
    answer = recommender.recommend(profile, k=1000)

    lisinopril = find(recommender.graph, "Lisinopril", "Drug")
    assert lisinopril not in {s.drug for s in answer.suggestions}
    assert lisinopril in {v.drug for v in answer.vetoed}
    assert not [s for s in answer.suggestions if s.broader]
    assert any("child" in gap for gap in answer.missing) == (age < 18)
