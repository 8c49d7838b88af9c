"""The recommender on scores written by hand: order, cut, vetoes, refusals, gaps."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kg.graph import Graph
from kg.store import write_graph
from recommend import (
    BundleError,
    Fact,
    GenePhenotype,
    Kind,
    Knowledge,
    PatientProfile,
    ProfileError,
    Recommendation,
    Recommender,
    RecommendError,
    Unmapped,
)
from tests.recommend.ward import HARD, ILL, OTHER, STACK, D, ward, ward_bundle


@pytest.fixture(scope="module")
def graph() -> Graph:
    return ward()


@pytest.fixture(scope="module")
def engine(graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    folder = tmp_path_factory.mktemp("ward") / "bundle"
    return Recommender.load(ward_bundle(folder, graph), graph=graph)


def ill(**fields: Any) -> PatientProfile:
    facts: dict[str, Any] = {
        name: tuple(Fact(f) if isinstance(f, str) else f for f in fields.pop(name, ()))
        for name in ("drugs", "past_drugs", "allergies")
    }
    conditions = fields.pop("conditions", [ILL])
    seeds = tuple(Fact(c) if isinstance(c, str) else c for c in conditions)
    return PatientProfile(seeds, sex="male", age_years=50.0, **facts, **fields)


def listed(answer: Recommendation, kind: Kind, condition: str = ILL) -> list[str]:
    """Names of the suggested drugs of one kind, by rank."""
    found = [s for s in answer.suggestions if s.kind is kind and s.condition == condition]
    assert [s.rank for s in found] == list(range(1, len(found) + 1))
    return [s.drug_name for s in found]


def test_known_indications_come_by_line_then_score_and_hypotheses_by_score(
    engine: Recommender,
) -> None:
    answer = engine.recommend(ill())

    # 4 also relieves, but is listed once, as its strongest kind.
    assert listed(answer, Kind.INDICATION) == ["drug 0", "drug 1", "drug 2", "drug 4"]
    assert listed(answer, Kind.SYMPTOMATIC) == ["drug 3"]
    # 6 and 7 tie; 6 would come first, but speaks against this very illness.
    assert listed(answer, Kind.HYPOTHESIS) == ["drug 5", "drug 7", "drug 8"]
    assert answer.refusal is None


def test_each_list_is_cut_at_k_after_the_vetoes(engine: Recommender) -> None:
    answer = engine.recommend(ill(drugs=[D[8]]), k=1)

    assert listed(answer, Kind.INDICATION) == ["drug 1"]  # drug 0 has a major interaction
    assert listed(answer, Kind.HYPOTHESIS) == ["drug 7"]
    vetoed = {(v.drug_name, v.verdicts[0].check) for v in answer.vetoed}
    assert vetoed == {("drug 5", "interaction"), ("drug 6", "contraindication")}


def test_a_major_hit_orders_before_line_of_therapy(engine: Recommender) -> None:
    answer = engine.recommend(ill(drugs=[D[8]]))

    assert listed(answer, Kind.INDICATION) == ["drug 1", "drug 2", "drug 4", "drug 0"]
    last = answer.suggestions[3]
    assert [v.severity for v in last.verdicts if v.severity] == ["major"]


def test_a_vetoed_drug_is_listed_with_its_reason_and_nowhere_else(engine: Recommender) -> None:
    answer = engine.recommend(ill(conditions=[ILL, HARD]), k=9)

    assert "drug 5" not in {s.drug_name for s in answer.suggestions}
    against = [v for v in answer.vetoed if v.drug_name == "drug 5"]
    assert {(v.condition, v.kind) for v in against} == {
        (ILL, Kind.HYPOTHESIS),
        (HARD, Kind.HYPOTHESIS),
    }
    assert "hard illness" in against[0].verdicts[0].text


def test_a_drug_that_is_taken_or_feared_is_not_suggested_again(engine: Recommender) -> None:
    answer = engine.recommend(ill(drugs=[D[0]], allergies=[D[1]]))

    assert listed(answer, Kind.INDICATION) == ["drug 2", "drug 4"]
    assert {v.drug_name for v in answer.vetoed} >= {"drug 0", "drug 1"}


def test_the_score_is_the_percentile_of_the_stack_and_the_parts_of_the_members(
    engine: Recommender,
) -> None:
    best = engine.recommend(ill()).suggestions[0]

    # Drug 0 beats four of nine drugs, and itself by half.
    assert best.score == best.parts["gnn"] == round(4.5 / 9, 4)
    assert best.parts["metapath"] == round(4.5 / 9, 4)
    assert set(best.parts) == {"gnn", "metapath"}
    assert "rank 5 of 9" in best.certainty
    assert STACK[0, 0] == np.sort(STACK[:, 0])[4]


def test_a_tie_breaks_by_identifier(starter: Graph, tmp_path: Path) -> None:
    shape = (starter.n_nodes("Drug"), starter.n_nodes("Disease"))
    tied = np.random.default_rng(0).integers(3, size=shape).astype(np.float32)
    bundle = ward_bundle(tmp_path / "bundle", starter, stack=tied)
    engine = Recommender.load(bundle, graph=starter)
    answer = engine.recommend(ill(conditions=[starter.ids["Disease"][0].as_py()]), k=400)

    found = [s for s in answer.suggestions if s.kind is Kind.HYPOTHESIS]
    assert len(found) == 400
    alike: dict[tuple[float | None, float], list[str]] = {}
    for suggestion in found:
        alike.setdefault((suggestion.degree_rank, suggestion.score), []).append(suggestion.drug)
    assert max(map(len, alike.values())) > 20
    assert all(drugs == sorted(drugs) for drugs in alike.values())


def test_nothing_known_but_a_condition_still_gets_an_answer_full_of_gaps(
    engine: Recommender,
) -> None:
    answer = engine.recommend(PatientProfile((Fact(ILL),)))

    assert answer.suggestions
    text = "\n".join(answer.missing)
    for gap in (
        "conditions",
        "drugs",
        "allergies",
        "age",
        "pregnant",
        "breastfeeding",
        "eGFR",
        "Child-Pugh",
        "no collaborative part",
        "doses",
    ):
        assert gap in text
    assert {str(v.outcome) for s in answer.suggestions for v in s.verdicts} == {"not covered"}


@pytest.mark.parametrize(
    ("profile", "why"),
    [
        (PatientProfile(), "no current condition"),
        (ill(deceased=True), "deceased"),
        (ill(conditions=[Fact(ILL, "near", "illnes")]), "near match"),
    ],
)
def test_who_cannot_be_answered_is_refused_and_told_why(
    engine: Recommender, profile: PatientProfile, why: str
) -> None:
    answer = engine.recommend(profile)

    assert why in str(answer.refusal)
    assert answer.suggestions == ()
    assert answer.missing


def test_every_near_and_broader_match_and_unread_entry_is_named(engine: Recommender) -> None:
    answer = engine.recommend(
        ill(
            conditions=[Fact(ILL, "near", "ilness"), Fact(OTHER, "broader", "SNOMEDCT:1")],
            drugs=[Fact(D[8], "near", "drug ate")],
            unmapped=(Unmapped("condition", "odd finding", "no node"),),
        )
    )

    text = "\n".join((*answer.missing, *answer.not_assessed))
    assert "condition ilness: looks like illness" in text
    assert "condition SNOMEDCT:1: assessed as the broader other illness" in text
    assert "drug drug ate: looks like drug 8" in text
    assert answer.not_assessed == (
        "condition 'odd finding': not in the graph: not assessed (no node)",
    )
    assert "odd finding" not in "\n".join(answer.missing)
    assert {s.condition for s in answer.suggestions} == {OTHER}
    assert {s.condition_grade for s in answer.suggestions} == {"broader"}
    assert all("broader disease than" in s.certainty for s in answer.suggestions)


def test_a_condition_recorded_twice_is_answered_once_by_its_better_match(
    engine: Recommender,
) -> None:
    facts = [Fact(ILL, "broader"), Fact(ILL), Fact(ILL, "near")]

    for order in (facts, facts[::-1]):
        answer = engine.recommend(ill(conditions=order))
        assert len(listed(answer, Kind.SYMPTOMATIC)) == 1
        assert {s.condition_grade for s in answer.suggestions} == {"exact"}


@pytest.mark.parametrize(
    ("profile", "text"),
    [
        (ill(conditions=["DOID:404"]), r"conditions: 'DOID:404' is not in the graph"),
        (ill(conditions=[D[0]]), r"conditions: '.*' is a Drug; expected a Disease"),
        (ill(drugs=[ILL]), r"drugs: 'DOID:1' is a Disease; expected a Drug"),
        (ill(past_drugs=["Jane Doe"]), r"past_drugs: an entry that is no CURIE is not in the"),
        (ill(allergies=[ILL]), r"allergies: .* expected a Drug or DrugClass"),
        (ill(genes=(GenePhenotype(ILL, "Poor Metabolizer"),)), r"genes: .* expected a Gene"),
    ],
)
def test_a_node_that_the_graph_lacks_or_of_a_wrong_type_is_named(
    engine: Recommender, profile: PatientProfile, text: str
) -> None:
    with pytest.raises(ProfileError, match=text):
        engine.recommend(profile)
    with pytest.raises(ProfileError, match=text):
        engine.check(profile, [D[0]])


def test_check_answers_for_the_drugs_asked_for_in_their_order(engine: Recommender) -> None:
    answers = engine.check(ill(drugs=[D[8]]), [D[5], D[0]])

    assert list(answers) == [D[5], D[0]]
    assert [v.severity for v in answers[D[5]] if v.severity] == ["contraindicated"]
    with pytest.raises(ProfileError, match="expected a Drug"):
        engine.check(ill(), [ILL])


@pytest.mark.parametrize("k", [0, -1, 2.5, "x", None, True])
def test_k_that_is_no_number_of_drugs_is_refused(engine: Recommender, k: Any) -> None:
    with pytest.raises(ValueError, match="an integer from 1 to 1,000, not "):
        engine.recommend(ill(), k=k)


def test_where_everything_is_vetoed_no_answer_is_the_answer(tmp_path: Path) -> None:
    graph = ward(all_bad=D)
    engine = Recommender.load(ward_bundle(tmp_path / "bundle", graph), graph=graph)
    answer = engine.recommend(ill(conditions=[ILL, OTHER]))

    assert answer.suggestions == ()
    assert "every candidate is vetoed" in str(answer.refusal)
    assert {v.drug for v in answer.vetoed} == set(D)


def test_the_order_of_the_profile_and_the_thread_do_not_change_the_answer(
    engine: Recommender,
) -> None:
    profile = ill(conditions=[ILL, HARD, OTHER], drugs=[D[8], D[2]], allergies=[D[1], D[3]])
    turned = replace(
        profile,
        conditions=profile.conditions[::-1],
        drugs=profile.drugs[::-1],
        allergies=profile.allergies[::-1],
    )
    fresh = Recommender.load(engine.bundle, graph=engine.graph)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(fresh.recommend, [profile, turned] * 16))

    assert all(answer == engine.recommend(profile) for answer in answers)


def test_an_answer_is_json_and_carries_both_fingerprints(engine: Recommender) -> None:
    document = engine.recommend(ill()).to_json()

    assert document["graph"] == engine.graph.fingerprint
    assert document["bundle"] == engine.bundle.fingerprint
    assert document["suggestions"][0]["kind"] == "known indication"


def test_a_recommender_loads_from_folders_and_only_with_its_own_graph(
    tmp_path: Path, graph: Graph, engine: Recommender
) -> None:
    write_graph(graph, tmp_path / "graph")
    ward_bundle(tmp_path / "bundle", graph)

    loaded = Recommender.load(tmp_path / "bundle", graph=tmp_path / "graph")

    assert loaded.recommend(ill()) == engine.recommend(ill())
    with pytest.raises(BundleError, match="trained on graph"):
        Recommender.load(tmp_path / "bundle", graph=ward(all_bad=[D[0]]))


def test_a_drug_that_only_the_screen_lets_pass_is_never_suggested(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blind = Recommender.load(ward_bundle(tmp_path / "bundle", graph), graph=graph)
    nothing = np.zeros(len(D), np.uint8)
    monkeypatch.setattr("recommend.safety.Screen.severities", lambda *_: nothing)

    with pytest.raises(RecommendError, match="passed the screen of safety and not its checks"):
        blind.recommend(ill(drugs=[D[0]]))


def test_knowledge_of_an_empty_list_is_not_the_same_as_no_knowledge(engine: Recommender) -> None:
    known = ill(drugs_known=Knowledge.EMPTY)

    gaps = set(engine.recommend(ill()).missing) - set(engine.recommend(known).missing)
    assert gaps == {"whether the list of drugs is complete is unknown"}
