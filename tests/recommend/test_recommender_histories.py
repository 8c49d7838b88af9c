"""What similar patients say: it orders known indications of equal safety and line, nothing else."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kg.graph import Graph
from recommend import Fact, Kind, PatientProfile, Recommendation, Recommender, SimilarPatients
from recommend.answers.degrees import percentiles
from recommend.answers.histories import situation_of
from recommend.cohorts.combination import GRAPH_PARTS, PARTS
from tests.recommend.clinic import collaborative, extended
from tests.recommend.ward import ILL, STACK, D, ward, ward_bundle

KNOWN = (Kind.INDICATION, Kind.SYMPTOMATIC)
GRAPH = ward()
PART = collaborative(len(D), 3)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    bundle = ward_bundle(tmp_path_factory.mktemp("cohort") / "bundle", GRAPH)
    return Recommender.load(extended(bundle, collaborative=PART), graph=GRAPH)


def ask(loaded: Recommender, *past: str | Fact, k: int = 9) -> Recommendation:
    facts = tuple(Fact(p) if isinstance(p, str) else p for p in past)
    return loaded.recommend(PatientProfile((Fact(ILL),), past_drugs=facts), k=k)


def test_without_a_history_the_graph_speaks_alone(loaded: Recommender, tmp_path: Path) -> None:
    plain = Recommender.load(ward_bundle(tmp_path / "bundle", GRAPH), graph=GRAPH)

    def said(answer: Recommendation) -> list[tuple[str, float, dict[str, float]]]:
        return [(s.drug, s.score, s.parts) for s in answer.suggestions]

    assert said(ask(loaded)) == said(ask(plain)) == said(ask(plain, D[8]))
    assert said(ask(loaded, Fact(D[8], "near"))) == said(ask(loaded))
    assert said(ask(loaded, Fact(D[8], "near", confirmed=True))) == said(ask(loaded, D[8]))


@pytest.mark.parametrize("past", [[D[8]], [D[6], D[8]], [D[5], D[6], D[7], D[8]]])
def test_the_score_of_a_known_use_is_the_rank_of_the_learnt_combination(
    loaded: Recommender, past: list[str]
) -> None:
    rows = np.array([D.index(drug) for drug in past])
    band = [0, 1, 1, 2, 2, 2][len(rows)]
    odds = np.log(loaded.bundle.scores()[:, 0] / (1 - loaded.bundle.scores()[:, 0]))
    mine = PART.weights[band]
    graph = mine[PARTS.index(GRAPH_PARTS[0])] + mine[PARTS.index(GRAPH_PARTS[1])]
    own = mine[PARTS.index("history")] * PART.history_scores(rows)
    together = percentiles((graph * odds + own).astype(np.float32))

    for suggestion in ask(loaded, *past).suggestions:
        row = D.index(suggestion.drug)
        expected = together if suggestion.kind in KNOWN else percentiles(STACK[:, 0])
        assert suggestion.score == pytest.approx(expected[row], abs=1e-4)
        history = percentiles(PART.history_scores(rows))[row]
        assert suggestion.parts["patients"] == pytest.approx(history, abs=1e-4)


def test_a_history_orders_only_what_safety_and_line_leave_open(loaded: Recommender) -> None:
    orders = set()
    for past in [[D[5]], [D[6]], [D[7]], [D[8]], [D[5], D[6], D[7]]]:
        answer = ask(loaded, *past)
        names = [s.drug for s in answer.suggestions if s.kind is Kind.INDICATION]
        assert names[:2] == [D[0], D[1]]  # first and second line
        orders.add(tuple(names[2:]))
        hypotheses = [s.drug for s in answer.suggestions if s.kind is Kind.HYPOTHESIS]
        assert hypotheses == [D[5], D[7], D[8]]
    assert orders == {(D[2], D[4]), (D[4], D[2])}


def test_what_similar_patients_received_stands_beside_with_their_cohort(
    loaded: Recommender,
) -> None:
    beside = {s.drug: s.similar for s in ask(loaded).suggestions}

    assert beside.pop(D[0]) == SimilarPatients(22, 44, "a test")
    assert set(beside.values()) == {None}


def test_what_only_similar_patients_take_is_no_suggestion(tmp_path: Path) -> None:
    every: Graph = ward(all_bad=())
    bundle = ward_bundle(tmp_path / "bundle", every)
    with_part = Recommender.load(extended(bundle, collaborative=PART), graph=every)
    without = Recommender.load(bundle, graph=every)

    for past in (D[5], D[8]):
        assert {(s.drug, s.kind) for s in ask(with_part, past).suggestions} == {
            (s.drug, s.kind) for s in ask(without, past).suggestions
        }


def test_who_has_no_history_is_ordered_by_the_graph_alone_in_a_batch_too(tmp_path: Path) -> None:
    upside_down = replace(PART, weights=-PART.weights)
    bundle = ward_bundle(tmp_path / "bundle", GRAPH)
    engine = Recommender.load(extended(bundle, collaborative=upside_down), graph=GRAPH)
    plain = Recommender.load(bundle, graph=GRAPH)
    known, none = (
        PatientProfile((Fact(ILL),), past_drugs=(Fact(D[8]),)),
        PatientProfile((Fact(ILL),)),
    )

    both = engine.rank_many([known, none])
    assert both.suggestions(1) == plain.rank_many([none]).suggestions(0)
    assert both.suggestions(0) != both.suggestions(1)


def test_the_terms_of_a_patient_add_up_to_what_orders_known_uses(loaded: Recommender) -> None:
    past = (Fact(D[6]), Fact(D[8]))
    profile = PatientProfile((Fact(ILL),), past_drugs=past, sex="male", age_years=50.0)
    situation = situation_of(profile, loaded.offers.disease_rows, loaded.offers.drug_rows)
    personal = loaded.histories.personal([situation])
    assert personal is not None

    ordered = loaded.histories.column(personal, 0)
    for drug in range(len(D)):
        terms = dict(loaded.histories.terms(situation, 0, drug))
        assert set(terms) == {"graph", "situation", "rare", "history"}
        assert sum(terms.values()) == pytest.approx(ordered[drug], abs=1e-4)
    assert loaded.histories.terms(situation._replace(taken=()), 0, 0) == []
