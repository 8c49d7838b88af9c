"""Symptoms and genes: shown beside a score, never an answer by themselves."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kg.graph import Graph
from recommend import Fact, GenePhenotype, PatientProfile, Recommender
from recommend.answers.findings import NEAREST, finding_nodes, findings_scores, nearest_diseases
from recommend.bundle import Bundle
from tests.recommend.clinic import COUGH, GENE, ID, NAMES, WHEEZE, clinic, engine, scores, who
from tests.recommend.ward import ward_bundle


@pytest.fixture(scope="module")
def graph() -> Graph:
    return clinic()


def embeddings(graph: Graph) -> NDArray[np.float16]:
    """Asthma, and less so lung cancer, lie where the symptoms lie; all else elsewhere."""
    result = np.tile(np.array([1, 0], np.float16), (graph.n_nodes(), 1))
    begin = graph.offsets["Disease"]
    result[begin + NAMES.index("asthma")] = [0, 3]
    result[begin + NAMES.index("lung cancer")] = [1, 4]
    result[graph.offsets["Symptom"] : graph.offsets["Symptom"] + 2] = [0, 1]
    return result


def test_the_nearest_diseases_are_those_whose_embedding_points_the_same_way(graph: Graph) -> None:
    rows, weights = nearest_diseases(graph, embeddings(graph), [COUGH, WHEEZE, "X:404"])

    assert [NAMES[row] for row in rows[:2]] == ["asthma", "lung cancer"]
    assert len(rows) == min(NEAREST, len(NAMES))
    assert weights.sum() == pytest.approx(1)
    assert (np.diff(weights) <= 0).all()
    assert weights[1] / weights[0] == pytest.approx(np.exp(20 * (4 / np.sqrt(17) - 1)))
    without, _ = nearest_diseases(
        graph, embeddings(graph), [COUGH], without=[NAMES.index("asthma")]
    )
    assert NAMES[without[0]] == "lung cancer"


def test_without_a_node_that_counts_there_is_no_nearest_disease(graph: Graph) -> None:
    for nodes in ([], ["X:404"], [ID["asthma"]]):
        rows, weights = nearest_diseases(graph, embeddings(graph), nodes)
        assert len(rows) == len(weights) == 0


def test_the_scores_are_the_weighted_mean_of_the_columns() -> None:
    columns = scores()
    found = findings_scores(np.array([3, 1]), np.array([0.75, 0.25]), lambda row: columns[:, row])

    assert found == pytest.approx(0.75 * columns[:, 3] + 0.25 * columns[:, 1])


def test_only_what_surely_holds_now_speaks() -> None:
    symptoms = (
        Fact(COUGH),
        Fact("X:1", "near"),
        Fact("X:2", is_stale=True),
        Fact("X:3", status="resolved"),
        Fact("X:4", "near", confirmed=True),
    )
    profile = PatientProfile(symptoms=symptoms, genes=(GenePhenotype(GENE, "Poor Metabolizer"),))

    assert finding_nodes(profile) == tuple(sorted([COUGH, "X:4", GENE]))


def test_findings_are_shown_among_the_parts_and_change_no_order(
    tmp_path: Path, graph: Graph
) -> None:
    loaded = engine(tmp_path, graph)
    symptoms = (Fact(COUGH), Fact(WHEEZE))
    plain = loaded.recommend(who("hypertension"), k=9)
    told = loaded.recommend(who("hypertension", symptoms=symptoms), k=9)

    assert [s.drug for s in told.suggestions] == [s.drug for s in plain.suggestions]
    assert [s.score for s in told.suggestions] == [s.score for s in plain.suggestions]
    assert all("findings" in s.parts for s in told.suggestions)
    assert not any("findings" in s.parts for s in plain.suggestions)
    assert all(0 <= s.parts["findings"] <= 1 for s in told.suggestions)


def test_symptoms_alone_are_refused(tmp_path: Path, graph: Graph) -> None:
    answer = engine(tmp_path, graph).recommend(who(symptoms=(Fact(COUGH),)))

    assert answer.suggestions == ()
    assert "no current condition" in str(answer.refusal)
    assert "symptoms alone" in str(answer.refusal)


def test_a_patients_own_conditions_are_no_evidence_of_their_symptoms(
    tmp_path: Path, graph: Graph
) -> None:
    bundle: Bundle = ward_bundle(tmp_path / "bundle", graph, stack=scores())
    loaded = Recommender.load(bundle, graph=graph)
    symptoms = (Fact(COUGH),)
    parts = {
        s.drug: s.parts for s in loaded.recommend(who("asthma", symptoms=symptoms), k=9).suggestions
    }

    own = NAMES.index("asthma")
    rows, weights = nearest_diseases(graph, bundle.embeddings, [COUGH], without=[own])
    assert own not in rows
    expected = findings_scores(
        rows, weights, lambda row: loaded.offers.percentiles_of(row)["stack"]
    )
    for drug, found in parts.items():
        row = loaded.bundle.drug_ids.index(drug)
        assert found["findings"] == pytest.approx(expected[row], abs=1e-4)
