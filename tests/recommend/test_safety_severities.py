"""What sources call the severity of an interaction, and what a check makes of it."""

from recommend.profile import Fact, Knowledge, PatientProfile
from recommend.safety import PatientState, SafetyRules, check_drug
from recommend.suggestion import Outcome
from tests.graphs import make_graph

A, B = "DRUGBANK:A", "DRUGBANK:B"
PATIENT = PatientProfile(drugs=(Fact(B),), drugs_known=Knowledge.KNOWN)


def severity_of(*told: dict[str, str]) -> str | None:
    rows = [(A, B, details) for details in told]
    graph = make_graph({"Drug": {A: "a", B: "b"}}, {"Drug-interacts-Drug": rows})
    rules = SafetyRules.read(graph)
    verdicts = check_drug(rules, PatientState(PATIENT, rules), A)
    (hit,) = (v for v in verdicts if v.check == "interaction" and v.outcome is Outcome.HIT)
    return hit.severity


def test_a_minor_interaction_is_shown_as_minor() -> None:
    assert severity_of({"severity": "minor"}) == "minor"


def test_the_worst_of_two_sources_counts_wherever_it_stands() -> None:
    assert severity_of({"severity": "minor"}, {"severity": "major"}) == "major"
    assert severity_of({"severity": "major"}, {"severity": "minor"}) == "major"


def test_no_severity_or_a_strange_one_is_unknown() -> None:
    assert severity_of({}) == "unknown"
    assert severity_of({"severity": "dreadful"}) == "unknown"


def test_a_list_without_severities_does_not_hide_what_another_source_states() -> None:
    assert severity_of({"level": "?"}, {"severity": "moderate"}) == "moderate"
    assert severity_of({"level": "?"}, {"severity": "major"}) == "major"
