"""What a source declares to cover, three drugs together, what is never suggested, the digest."""

from dataclasses import replace
from typing import Any

import pytest

from kg.errors import SchemaError
from kg.graph import Graph
from recommend.profile import Fact, Knowledge, PatientProfile
from recommend.safety import (
    PatientState,
    SafetyRules,
    check_drug,
    interaction,
    never_suggested,
    vetoes,
)
from recommend.safety.pairs import PairTable, decide
from recommend.safety.rules import CONTRAINDICATED, INTERACTS
from tests.graphs import make_graph
from tests.recommend.pharmacy import (
    FAILURE,
    HEART,
    STROKE,
    A,
    B,
    I,
    N,
    T,
    U,
    V,
    W,
    X,
    judge,
    outcomes,
    pharmacy,
    profile,
    row,
)


@pytest.fixture(scope="module")
def small() -> SafetyRules:
    return SafetyRules.read(pharmacy())


def test_a_pair_is_covered_where_a_source_lists_all_of_one_and_knows_the_other(
    small: SafetyRules,
) -> None:
    assert outcomes(judge(small, A, "interaction", drugs=[N])) == ["clear"]
    assert outcomes(judge(small, N, "interaction", drugs=[A])) == ["clear"]
    assert outcomes(judge(small, N, "interaction", drugs=[I])) == ["not covered"]
    assert outcomes(judge(small, N, "contraindication")) == ["not covered"]


def covering(universes: list[str], *rows: tuple[str, str, str]) -> SafetyRules:
    """Rules of a graph with nothing but coverage: (drug, extent, source)."""
    statements = {
        "coverage": [
            {"table": "interacts", "drug": drug, "extent": extent, "source": source}
            for drug, extent, source in rows
        ],
        "universes": [
            {"table": "interacts", "source": name, "scope": f"all of {name}", "date": "2026-01-01"}
            for name in universes
        ],
    }
    return SafetyRules.read(
        replace(make_graph({"Drug": {A: "a", B: "b"}}, {}), statements=statements)
    )


def test_two_sources_that_know_one_drug_each_cover_no_pair() -> None:
    apart = covering(["x", "y"], (A, "complete", "x"), (B, "complete", "y"))
    assert outcomes(judge(apart, A, "interaction", drugs=[B])) == ["not covered"]

    together = covering(["x", "y"], (A, "complete", "x"), (B, "known", "x"))
    (verdict,) = judge(together, A, "interaction", drugs=[B])
    assert outcomes([verdict]) == ["clear"]
    assert verdict.source == "x (all of x; 2026-01-01)"


def test_a_source_without_a_universe_covers_nothing() -> None:
    rules = covering(["y"], (A, "complete", "x"), (B, "complete", "x"))

    assert outcomes(judge(rules, A, "interaction", drugs=[B])) == ["not covered"]
    assert not rules.covers("interacts", A)


def test_a_disease_is_judged_by_the_source_that_covers_the_drug(small: SafetyRules) -> None:
    (clear,) = judge(small, T, "contraindication", conditions=[STROKE])
    assert clear.source == "test (test drugs; 2026-11-01)"

    elsewhere = [{**row, "source": "other"} for row in small.graph.statements["coverage"]]
    universes = [{**row, "source": "other"} for row in small.graph.statements["universes"]]
    statements = {**small.graph.statements, "coverage": elsewhere, "universes": universes}
    other = SafetyRules.read(replace(small.graph, statements=statements))
    assert outcomes(judge(other, T, "contraindication", conditions=[STROKE])) == ["not covered"]
    assert outcomes(judge(other, T, "contraindication")) == ["clear"]


@pytest.mark.parametrize(
    ("drug", "taken"), [(U, [V, W]), (V, [U, W]), (W, [U, V]), (T, [U, V]), (U, [V, T])]
)
def test_a_drug_that_completes_a_dangerous_three_is_a_hit(
    small: SafetyRules, drug: str, taken: list[str]
) -> None:
    hit = judge(small, drug, "interaction", drugs=taken)[0]

    assert outcomes([hit]) == ["hit major"]
    assert "together: Kidneys fail (m)" in hit.text
    assert hit.partner == min(taken)
    assert all(small.name(partner) in hit.text for partner in taken)


@pytest.mark.parametrize(
    ("drug", "taken"),
    [
        (U, [V]),
        (U, [W, T]),  # of one side both
        (A, [U, V, W]),  # the three are there already, and A is none of them
        (U, [U, V]),  # taken already: two are no three
        (T, [T, V]),  # though it stands on two sides
        (U, [V, Fact(W, route="skin")]),
    ],
)
def test_two_of_three_are_no_three(small: SafetyRules, drug: str, taken: list[str | Fact]) -> None:
    verdicts = judge(small, drug, "interaction", drugs=taken)

    assert not any("together: Kidneys" in verdict.text for verdict in verdicts)


def test_a_drug_that_was_withdrawn_is_never_suggested_and_an_alarm_when_taken(
    small: SafetyRules,
) -> None:
    veto = never_suggested(small, X, STROKE)
    assert [v.text for v in veto] == ["withdrawn: EU 2004"]
    verdicts = check_drug(small, PatientState(profile(), small), X)
    assert vetoes(verdicts) == veto
    assert never_suggested(small, A, STROKE) == ()


def test_what_is_given_with_a_partner_only_is_never_suggested(small: SafetyRules) -> None:
    (veto,) = never_suggested(small, N, STROKE)

    assert "only together" in veto.text
    assert (veto.severity, veto.source) == ("contraindicated", "test: ref-1")
    assert veto not in check_drug(small, PatientState(profile(), small), N)


def test_no_indication_of_a_disease_is_none_of_a_narrower_one(small: SafetyRules) -> None:
    for disease in (HEART, FAILURE):
        (veto,) = never_suggested(small, T, disease)
        assert veto.partner == HEART
        assert veto.severity == "contraindicated"
    assert never_suggested(small, T, STROKE) == ()


def test_the_digest_is_of_the_rules_and_of_nothing_else() -> None:
    nodes = {"Drug": {A: "a", B: "b", N: "n"}, "Disease": {HEART: "h"}}
    edges = {"Drug-interacts-Drug": [(A, B, row("major")), (A, N, row("moderate"))]}
    digest = rules_of(nodes, edges).digest

    assert rules_of(nodes, edges).digest == digest
    more = {**nodes, "Gene": {"NCBIGene:1": "G"}}
    others = {"Drug-binds-Gene": [(A, "NCBIGene:1", {"why": "an early one"})], **edges}
    assert rules_of(more, others).digest == digest
    changed = {"Drug-interacts-Drug": [(A, B, row("major")), (A, N, row("minor"))]}
    assert rules_of(nodes, changed).digest != digest
    swapped = {"Drug-interacts-Drug": [(A, B, row("moderate")), (A, N, row("major"))]}
    assert rules_of(nodes, swapped).digest != digest
    stated = make_graph(nodes, edges, statements={"withdrawn": [{"drug": A, "year": "2004"}]})
    assert SafetyRules.read(stated).digest != digest
    assert len(digest) == 64


def rules_of(nodes: Any, edges: Any) -> SafetyRules:
    return SafetyRules.read(make_graph(nodes, edges))


def test_kidney_rules_of_an_older_program_are_refused() -> None:
    old = [{"drug": A, "egfr_below": "30", "severity": "major", "why": "w"}]
    rules = SafetyRules.read(make_graph({"Drug": {A: "a"}}, {}, statements={"kidney": old}))

    with pytest.raises(SchemaError, match="build the graph again"):
        judge(rules, A, "kidney")


def test_the_rules_of_a_pair_are_what_its_assertions_state(starter: Graph) -> None:
    for edge_type in (INTERACTS, CONTRAINDICATED):
        table = PairTable(starter, edge_type)
        ids = [starter.ids[side].to_pylist() for side in (edge_type.head, edge_type.tail)]
        edges = starter.edges(edge_type)
        said = starter.all_assertions(edge_type)
        for head, tail, assertions in zip(edges.head, edges.tail, said, strict=True):
            rules = table.of(ids[0][head])[ids[1][tail]]
            assert rules == table.to(ids[1][tail])[ids[0][head]]
            assert [rule.severity for rule in rules] == [a.details["severity"] for a in assertions]
            assert all(
                rule.source == f"starter: {', '.join(a.details['reference'])}"
                for rule, a in zip(rules, assertions, strict=True)
            )


def test_a_pair_is_read_from_either_side_and_an_unknown_node_has_none(starter: Graph) -> None:
    table = PairTable(starter, INTERACTS, both_ways=True)
    drug = next(d for d in starter.ids["Drug"].to_pylist() if table.of(d))

    for partner, said in table.of(drug).items():
        assert table.of(partner)[drug] == said
    assert table.of("DRUGBANK:none") == {}
    assert PairTable(starter, INTERACTS).to("DRUGBANK:none") == {}


def test_a_pair_is_not_clear_where_a_drug_of_the_class_has_a_severe_row(
    rules: SafetyRules,
) -> None:
    covered = sorted(rules.covered["interacts"])
    severe = {
        (a, b)
        for a in covered
        for b, said in rules.interacts.of(a).items()
        if (rule := decide(said)) and rule.severity in ("contraindicated", "major")
    }
    alike = {d: [o for g in rules.level_4.get(d, ()) for o in rules.members[g]] for d in covered}
    found = [
        (one, other)
        for one in covered
        for other in covered
        if one != other
        and not rules.interacts.of(one).get(other)
        and any((other, sibling) in severe for sibling in alike[one] if sibling not in (one, other))
    ]
    assert found
    for drug, partner in found[:20]:
        profile = PatientProfile(drugs=(Fact(partner),), drugs_known=Knowledge.KNOWN)
        (verdict,) = interaction.check(rules, PatientState(profile, rules), drug)
        assert verdict.outcome == "not covered"
        assert "drugs of one class often share it" in verdict.text
