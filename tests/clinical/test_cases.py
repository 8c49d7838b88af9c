"""Each textbook case gets the textbook's verdict; each unremarkable one raises no serious alert."""

import pytest

from kg.graph import Graph
from tests.clinical.cases import SEVERITIES, Case, Pharmacist, load, with_reversed

CHECKS = {
    *("interaction", "contraindication", "allergy", "duplicate", "pregnancy"),
    *("lactation", "kidney", "liver", "age", "genes"),
}
DANGEROUS = load("dangerous")
UNREMARKABLE = load("unremarkable")


@pytest.fixture(scope="module")
def pharmacist(starter: Graph) -> Pharmacist:
    return Pharmacist(starter)


@pytest.mark.parametrize("case", list(with_reversed(DANGEROUS)), ids=lambda case: case.id)
def test_a_textbook_danger_gets_the_verdict_of_the_textbook(
    pharmacist: Pharmacist, case: Case
) -> None:
    assert not pharmacist.misses(case), case.title


@pytest.mark.parametrize("case", UNREMARKABLE, ids=lambda case: case.id)
def test_an_unremarkable_prescription_raises_no_serious_alert(
    pharmacist: Pharmacist, case: Case
) -> None:
    assert not pharmacist.misses(case), case.title


@pytest.mark.parametrize("cases", [DANGEROUS, UNREMARKABLE], ids=["dangerous", "unremarkable"])
def test_there_are_at_least_100_different_cases_each_with_a_reference(cases: list[Case]) -> None:
    assert len(cases) >= 100
    assert len({case.id for case in cases}) == len(cases)
    assert len({(repr(case.profile), case.drug) for case in cases}) == len(cases)
    assert all(len(case.reference) > 10 and case.title for case in cases)


def test_a_danger_says_what_is_right_and_an_unremarkable_case_expects_nothing() -> None:
    assert all(case.expected is None for case in UNREMARKABLE)
    for case in DANGEROUS:
        assert case.expected is not None, case.id
        assert case.expected.check in CHECKS, case.id
        assert case.expected.outcome in ("hit", "not covered"), case.id
        assert (case.expected.at_least in SEVERITIES) == (case.expected.outcome == "hit"), case.id


def test_the_dangers_cover_every_check_and_both_outcomes() -> None:
    expected = [case.expected for case in DANGEROUS if case.expected]
    assert {e.check for e in expected} == CHECKS
    assert sum(e.outcome == "not covered" for e in expected) >= 8


def test_a_pair_is_asked_about_from_both_sides() -> None:
    cases = {case.id: case for case in with_reversed(DANGEROUS)}
    one, other = (cases[f"digoxin-verapamil{end}"] for end in ("", ":digoxin"))

    assert (one.drug, one.profile["drugs"]) == ("verapamil", ["digoxin"])
    assert (other.drug, other.profile["drugs"]) == ("digoxin", ["verapamil"])
    assert other.expected is not None
    assert other.expected.partner == "verapamil"
