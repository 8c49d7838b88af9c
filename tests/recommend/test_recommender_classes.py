"""The classes of a suggestion: who records it and when, what is under study, what is missing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kg.graph import Graph, Provenance
from recommend import Fact, Kind, PatientProfile, Recommender, Record
from recommend.answers.degrees import degree_groups
from recommend.answers.records import reference_years
from recommend.explain import TREATS
from tests.recommend.clinic import ID, D, clinic, drugs, engine, who


def test_a_known_indication_says_its_source_and_the_year_of_its_newest_reference(
    tmp_path: Path,
) -> None:
    answer = engine(tmp_path, clinic()).recommend(who("hypertension"))

    first, second, relief = (s for s in answer.suggestions if s.kind is not Kind.HYPOTHESIS)
    assert first.records == (Record("test", "2021", ("old", "new")),)
    assert "as of 2021, which is no licence of today" in first.certainty
    assert second.records == (Record("test", "", ("unknown",)),)
    assert "its source states no year" in second.certainty
    assert relief.kind is Kind.SYMPTOMATIC
    assert relief.records == (Record("test"),)
    assert all(s.share is None and s.degree_rank is None for s in (first, second, relief))


def test_the_catalogue_behind_hetionet_is_known_to_be_of_2016(tmp_path: Path) -> None:
    graph = clinic()
    told = [replace_source(p) for p in graph.provenances]
    older = replace(graph, provenances=tuple(told))
    answer = engine(tmp_path, older).recommend(who("lung cancer"))

    assert answer.suggestions[0].records == (Record("pharmacotherapydb", "2016"),)
    assert "as of 2016, which is no licence" in answer.suggestions[0].certainty


def replace_source(provenance: Provenance) -> Provenance:
    return replace(provenance, primary_knowledge_source="infores:pharmacotherapydb")


def test_a_reference_without_a_year_has_none() -> None:
    graph = clinic(statements={"references": [{"key": "a", "year": ""}, {"key": "b", "year": "1"}]})

    assert reference_years(graph) == {"b": "1"}


def test_without_a_source_of_trials_the_class_is_unavailable_and_says_so_once(
    tmp_path: Path,
) -> None:
    answer = engine(tmp_path, clinic()).recommend(who("hypertension", "asthma"))

    (silent,) = (u for u in answer.unavailable if u.kind is Kind.UNDER_STUDY)
    assert (silent.condition, silent.why) == ("", "no loaded source carries trial phases")


@pytest.fixture
def studied(tmp_path: Path) -> Recommender:
    trials = [
        (D[5], ID["hypertension"], {"phase": "Phase 1/Phase 2"}),
        (D[6], ID["hypertension"], {"phase": "3", "reference": ["old"]}),
        (D[7], ID["hypertension"]),
        (D[0], ID["hypertension"], {"phase": "4"}),  # a known indication as well
    ]
    return engine(tmp_path, clinic(trials=trials))


def test_what_is_under_study_stands_by_phase_and_is_no_indication(studied: Recommender) -> None:
    answer = studied.recommend(who("hypertension", "asthma"), k=9)

    assert drugs(answer, Kind.UNDER_STUDY) == ["drug 6", "drug 5", "drug 7"]
    first, _, last = (s for s in answer.suggestions if s.kind is Kind.UNDER_STUDY)
    assert first.records == (Record("test", "2009", ("old",), "3"),)
    assert first.certainty.startswith("under study, phase 3: a trial is no indication")
    assert last.certainty.startswith("under study, phase not stated")
    assert first.share is None
    hypotheses = {s.drug_name for s in answer.suggestions if s.condition == ID["hypertension"]
                  and s.kind is Kind.HYPOTHESIS}  # fmt: skip
    assert hypotheses == {"drug 3", "drug 4"}
    why = [u.why for u in answer.unavailable if u.kind is Kind.UNDER_STUDY]
    assert why == ["no loaded source records a trial of asthma"]


def test_a_class_without_a_suggestion_says_whether_nothing_is_recorded_or_all_is_vetoed(
    tmp_path: Path,
) -> None:
    harms = [(D[4], ID["lonely illness"], {"severity": "contraindicated", "why": "w"})]
    answer = engine(tmp_path, clinic(against=harms)).recommend(who("asthma", "lonely illness"))

    why = {(u.kind, u.condition): u.why for u in answer.unavailable}
    assert why[Kind.INDICATION, ID["asthma"]] == "every drug of this class is vetoed"
    assert why[Kind.INDICATION, ID["lonely illness"]] == (
        "no loaded source records a treatment of lonely illness"
    )
    assert "relief of symptoms of asthma" in why[Kind.SYMPTOMATIC, ID["asthma"]]


def test_hypotheses_stand_by_their_rank_among_drugs_of_equal_degree(
    tmp_path: Path, starter: Graph
) -> None:
    # Scores that only repeat how many diseases a drug treats.
    degrees = np.diff(starter.edges(TREATS).head_start).astype(np.float32)
    noise = np.random.default_rng(0).random((len(degrees), starter.n_nodes("Disease")))
    stack = (degrees[:, None] + 0.5 * noise).astype(np.float32)
    loaded = engine(tmp_path, starter, stack)
    node = "DOID:9352"
    answer = loaded.recommend(PatientProfile((Fact(node),)), k=30)

    found = [s for s in answer.suggestions if s.kind is Kind.HYPOTHESIS]
    place = {drug: row for row, drug in enumerate(loaded.bundle.drug_ids)}
    by_fame = np.sort(degrees)[::-1][:30].mean()
    listed = np.mean([degrees[place[s.drug]] for s in found])
    assert listed < by_fame / 1.5
    groups = degree_groups(degrees.astype(np.int64))
    of_group: dict[int, list[float]] = {}
    for suggestion in found:
        of_group.setdefault(int(groups[place[suggestion.drug]]), []).append(suggestion.score)
    assert len(of_group) > 1
    assert all(scores == sorted(scores)[::-1] for scores in of_group.values())


def test_a_major_hit_must_be_acknowledged(tmp_path: Path) -> None:
    harms = [
        (D[0], ID["asthma"], {"severity": "major", "why": "w"}),
        (D[1], ID["asthma"], {"severity": "moderate", "why": "w"}),
        (D[2], ID["asthma"], {"why": "w"}),
    ]
    answer = engine(tmp_path, clinic(against=harms)).recommend(who("hypertension", "asthma"))

    found = {s.drug_name: s.must_acknowledge for s in answer.suggestions
             if s.condition == ID["hypertension"]}  # fmt: skip
    assert (found["drug 0"], found["drug 1"], found["drug 2"]) == (True, False, False)
    assert found["drug 3"] is False


def test_withdrawn_drugs_and_pairs_that_are_no_indication_are_listed_as_vetoed(
    tmp_path: Path,
) -> None:
    told = {
        "withdrawn": [{"drug": D[0], "where": "EU", "year": "2004", "reference": "old"}],
        "not_indicated": [
            {"drug": D[1], "disease": ID["hypertension"], "reference": "old"},
            {"drug": D[5], "disease": ID["hypertension"], "reference": "old"},
        ],
    }
    loaded = engine(tmp_path, clinic(statements=told))
    answer = loaded.recommend(who("essential hypertension", "asthma"), k=9)

    offered = {(s.condition, s.drug_name) for s in answer.suggestions}
    below = ID["essential hypertension"]
    assert not {(below, f"drug {i}") for i in (0, 1, 5)} & offered
    assert (ID["asthma"], "drug 5") in offered
    assert (ID["asthma"], "drug 0") not in offered
    why = {(v.condition, v.drug_name): v.verdicts[0].text for v in answer.vetoed}
    assert "withdrawn" in why[below, "drug 0"]
    assert "no indication" in why[below, "drug 5"]
