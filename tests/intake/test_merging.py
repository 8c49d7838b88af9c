"""Of several facts of one node one is left: the one that says most, on the safe side."""

from datetime import date
from itertools import permutations

import pytest

from intake.merging import merged
from recommend.profile import Fact

NODE = "DRUGBANK:DB00331"


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (Fact(NODE, "broader"), Fact(NODE, is_stale=True)),
        (Fact(NODE, is_stale=True), Fact(NODE, "near")),
        (Fact(NODE), Fact(NODE, "xref")),
        (Fact(NODE, status="active"), Fact(NODE, status="on-hold")),
        (Fact(NODE, start=date(2024, 1, 1)), Fact(NODE, start=date(2023, 1, 1))),
        (Fact(NODE, start=date(2023, 1, 1)), Fact(NODE)),
        (Fact(NODE, "near"), Fact(NODE, status="resolved", start=date(2024, 1, 1))),
        (Fact(NODE, is_stale=True), Fact(NODE, status="inactive", confirmed=True)),
    ],
)
def test_the_fact_that_says_most_is_kept_in_either_order(better: Fact, worse: Fact) -> None:
    assert merged([better, worse]) == merged([worse, better]) == (better,)


def test_the_order_of_facts_makes_no_difference() -> None:
    facts = [
        Fact(NODE, route="eye", start=date(2024, 1, 1)),
        Fact(NODE, route="oral", dose="5 mg", is_stale=True),
        Fact(NODE, "near", route="injected"),
    ]

    found = {merged(order) for order in permutations(facts)}

    assert found == {(Fact(NODE, route="oral", dose="5 mg", start=date(2024, 1, 1)),)}


def test_an_allergy_is_as_dangerous_as_its_worst_record_says() -> None:
    facts = [
        Fact(NODE, criticality="low", reaction="severe"),
        Fact(NODE, criticality="high", reaction="mild"),
        Fact(NODE, "broader", confirmed=True),
    ]

    (fact,) = merged(facts)

    assert (fact.criticality, fact.reaction, fact.confirmed) == ("high", "severe", True)


def test_facts_of_different_nodes_stay_in_their_order() -> None:
    facts = (Fact("b"), Fact("a"), Fact("c"))

    assert merged(facts) == facts
    assert merged([]) == ()
