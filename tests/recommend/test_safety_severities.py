"""What sources call the severity of an interaction, and what a check makes of it."""

from collections.abc import Mapping
from typing import Any

from recommend.profile import Fact, Knowledge, PatientProfile
from recommend.safety import PatientState, SafetyRules, check_drug
from recommend.suggestion import Outcome, Verdict
from tests.graphs import make_graph

A, B = "DRUGBANK:A", "DRUGBANK:B"
PATIENT = PatientProfile(drugs=(Fact(B),), drugs_known=Knowledge.KNOWN)


def severity_of(*told: Mapping[str, Any]) -> str | None:
    return hit_of(*told).severity


def hit_of(*told: Mapping[str, Any]) -> Verdict:
    rows = [(A, B, details) for details in told]
    graph = make_graph({"Drug": {A: "a", B: "b"}}, {"Drug-interacts-Drug": rows})
    rules = SafetyRules.read(graph)
    verdicts = check_drug(rules, PatientState(PATIENT, rules), A)
    (hit,) = (v for v in verdicts if v.check == "interaction" and v.outcome is Outcome.HIT)
    return hit


def test_a_minor_interaction_is_shown_as_minor() -> None:
    assert severity_of({"severity": "minor"}) == "minor"


def test_the_worst_of_two_sources_counts_wherever_it_stands() -> None:
    assert severity_of({"severity": "minor"}, {"severity": "major"}) == "major"
    assert severity_of({"severity": "major"}, {"severity": "minor"}) == "major"


def test_sources_that_state_the_same_stand_together_and_a_lesser_one_is_left_out() -> None:
    told = [
        {"severity": "major", "why": "bleeding", "reference": ["one"]},
        {"severity": "minor", "why": "nothing much", "reference": ["two"]},
        {"severity": "major", "why": "listed", "reference": ["three"]},
    ]

    hit = hit_of(*told)

    assert hit.text == "major with b: bleeding"
    assert hit.source == "test: one; test: three"


def test_an_unknown_severity_is_said_to_be_one() -> None:
    assert hit_of({"why": "listed"}).text == "of unknown severity with b: listed"


def test_no_severity_or_a_strange_one_is_unknown() -> None:
    assert severity_of({}) == "unknown"
    assert severity_of({"severity": "dreadful"}) == "unknown"


def test_a_list_without_severities_does_not_hide_what_another_source_states() -> None:
    assert severity_of({"level": "?"}, {"severity": "moderate"}) == "moderate"
    assert severity_of({"level": "?"}, {"severity": "major"}) == "major"
