"""What holds for every patient: more danger or less knowledge never makes a check clear."""

from dataclasses import replace
from functools import cache
from random import Random
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from recommend.profile import LOCAL_ROUTES, Fact, Knowledge, PatientProfile, Route, Unmapped
from recommend.safety import CHECKS, SEVERITIES, PatientState, SafetyRules, check_drug
from recommend.safety.rules import INTERACTS
from recommend.suggestion import Outcome, Severity, Verdict
from tests.recommend.pharmacy import pharmacy
from tests.recommend.safety_profiles import LISTS, drug_ids, facts, profiles, routes, unread


@cache
def small() -> SafetyRules:
    return SafetyRules.read(pharmacy())


def judged(profile: PatientProfile, drug: str, route: Route = "") -> dict[str, list[Verdict]]:
    """The verdicts by check."""
    result: dict[str, list[Verdict]] = {}
    for verdict in check_drug(small(), PatientState(profile, small()), drug, route):
        result.setdefault(verdict.check, []).append(verdict)
    result.pop("withdrawn", None)  # answers only where it has something to say
    return result


def is_clear(verdicts: list[Verdict]) -> bool:
    return any(v.outcome is Outcome.CLEAR for v in verdicts)


def hits(verdicts: list[Verdict]) -> set[tuple[str | None, Severity]]:
    return {(v.partner, v.severity) for v in verdicts if v.severity is not None}


def are_kept(old: list[Verdict], new: list[Verdict]) -> bool:
    """Whether each hit is still there, on the same partner and at least as grave."""
    return all(
        any(
            partner == other and SEVERITIES.index(worse) <= SEVERITIES.index(severity)
            for other, worse in hits(new)
        )
        for partner, severity in hits(old)
    )


def no_new_clear(before: PatientProfile, after: PatientProfile, drug: str) -> bool:
    old, new = judged(before, drug), judged(after, drug)
    return all(is_clear(old[check]) or not is_clear(new[check]) for check in new)


@given(profiles(), drug_ids, routes)
def test_every_check_answers_and_clear_stands_alone(
    profile: PatientProfile, drug: str, route: Route
) -> None:
    verdicts = judged(profile, drug, route)

    assert len(verdicts) == len(CHECKS)
    for answers in verdicts.values():
        assert not is_clear(answers) or len(answers) == 1
        assert all((v.outcome is Outcome.HIT) == (v.severity is not None) for v in answers)
        assert all(v.text for v in answers)
        assert all(v.source for v in answers if v.outcome is not Outcome.NOT_COVERED)


@settings(max_examples=300)
@given(profiles(), drug_ids, st.sampled_from(LISTS), st.data())
def test_one_more_entry_never_clears_and_never_hides_a_hit(
    profile: PatientProfile, drug: str, name: str, data: st.DataObject
) -> None:
    extra = data.draw(facts(name))
    known = getattr(profile, f"{name}_known")
    changes: dict[str, Any] = {
        name: (*getattr(profile, name), extra),
        f"{name}_known": Knowledge.KNOWN if known is Knowledge.EMPTY else known,
    }
    after = replace(profile, **changes)
    if extra.node not in {fact.node for fact in getattr(profile, name)}:
        assert no_new_clear(profile, after, drug)

    old, new = judged(profile, drug), judged(after, drug)
    assert all(are_kept(old[check], new[check]) for check in old)


@given(profiles(), drug_ids, st.sampled_from(LISTS))
def test_a_list_of_which_nothing_is_known_clears_nothing(
    profile: PatientProfile, drug: str, name: str
) -> None:
    changes: dict[str, Any] = {f"{name}_known": Knowledge.UNKNOWN}
    after = replace(profile, **changes)

    assert no_new_clear(profile, after, drug)
    checks = {
        "conditions": ("contraindication",),
        "drugs": ("interaction", "duplicate"),
        "allergies": ("allergy",),
    }[name]
    assert not any(is_clear(judged(after, drug)[check]) for check in checks)


@given(profiles(), drug_ids, unread)
def test_one_more_unread_entry_never_clears(
    profile: PatientProfile, drug: str, item: Unmapped
) -> None:
    after = replace(profile, unmapped=(*profile.unmapped, item))

    assert no_new_clear(profile, after, drug)


@given(profiles(), drug_ids, st.sampled_from(LISTS))
def test_less_certain_matches_never_clear_and_still_hit(
    profile: PatientProfile, drug: str, name: str
) -> None:
    doubted = tuple(replace(fact, grade="near") for fact in getattr(profile, name))
    changes: dict[str, Any] = {name: doubted}
    after = replace(profile, **changes)

    assert no_new_clear(profile, after, drug)
    old, new = judged(profile, drug), judged(after, drug)
    assert all(hits(old[check]) == hits(new[check]) for check in old)


TWICE = PatientProfile(  # the one drug, once unsure and once confirmed by a person
    drugs=(Fact("DRUGBANK:B", "broader"), Fact("DRUGBANK:B", "near", confirmed=True)),
    conditions_known=Knowledge.KNOWN,
    drugs_known=Knowledge.KNOWN,
    allergies_known=Knowledge.KNOWN,
)


@example(profile=TWICE, drug="DRUGBANK:A", name="drugs")
@given(profiles(), drug_ids, st.sampled_from(LISTS))
def test_old_entries_never_clear_and_only_a_duplicate_weighs_less(
    profile: PatientProfile, drug: str, name: str
) -> None:
    aged = tuple(replace(fact, is_stale=True) for fact in getattr(profile, name))
    changes: dict[str, Any] = {name: aged}
    after = replace(profile, **changes)

    assert no_new_clear(profile, after, drug)
    old, new = judged(profile, drug), judged(after, drug)
    assert all(hits(old[check]) == hits(new[check]) for check in old if check != "duplicate")
    partners = [{partner for partner, _ in hits(v["duplicate"])} for v in (old, new)]
    assert partners[0] == partners[1]


@given(profiles(), drug_ids)
def test_confirming_what_is_there_never_hides_a_hit(profile: PatientProfile, drug: str) -> None:
    nodes = {fact.node for name in LISTS for fact in getattr(profile, name)}
    after = profile.confirm(nodes)

    old, new = judged(profile, drug), judged(after, drug)
    assert all(are_kept(old[check], new[check]) for check in old)


@given(profiles(), drug_ids)
def test_forgetting_numbers_and_genes_never_clears(profile: PatientProfile, drug: str) -> None:
    after = replace(
        profile,
        age_years=None,
        egfr=None,
        creatinine=None,
        weight_kg=None,
        child_pugh=None,
        lactation="unknown",
        genes=(),
        sex="unknown",
    )

    assert no_new_clear(profile, after, drug)


@given(profiles(), drug_ids)
def test_figures_in_doubt_never_clear(profile: PatientProfile, drug: str) -> None:
    after = replace(profile, kidney_doubt="two figures contradict each other")

    assert not is_clear(judged(after, drug)["kidney"])
    assert not hits(judged(after, drug)["kidney"])


@given(profiles(), drug_ids, st.sampled_from(sorted(LOCAL_ROUTES)))
def test_local_use_never_adds_a_hit(profile: PatientProfile, drug: str, route: Route) -> None:
    systemic, local = judged(profile, drug), judged(profile, drug, route)

    for check in systemic:
        if check != "duplicate":  # what is dropped into the eye already is not taken twice
            assert are_kept(local[check], systemic[check])


@given(drug_ids, drug_ids, routes, routes)
def test_two_drugs_interact_alike_whichever_is_taken_and_whichever_asked_about(
    one: str, other: str, route: Route, other_route: Route
) -> None:
    def outcomes(taken: Fact, drug: str, route: Route) -> list[tuple[Outcome, Severity | None]]:
        profile = PatientProfile(drugs=(taken,), drugs_known=Knowledge.KNOWN)
        return [(v.outcome, v.severity) for v in judged(profile, drug, route)["interaction"]]

    forth = outcomes(Fact(one, route=route), other, other_route)
    assert forth == outcomes(Fact(other, route=other_route), one, route)


@given(profiles(), drug_ids, st.randoms(use_true_random=False))
def test_the_order_of_lists_does_not_matter(
    profile: PatientProfile, drug: str, random: Random
) -> None:
    shuffled: dict[str, Any] = {
        name: tuple(random.sample(getattr(profile, name), len(getattr(profile, name))))
        for name in (*LISTS, "genes", "unmapped")
    }

    assert judged(profile, drug) == judged(replace(profile, **shuffled), drug)


def test_every_interaction_of_the_starter_is_a_hit_in_both_orders(rules: SafetyRules) -> None:
    table = rules.graph.edges(INTERACTS)
    ids = rules.graph.ids["Drug"].to_pylist()

    assert len(table) > 1000
    for head, tail in zip(table.head.tolist(), table.tail.tolist(), strict=True):
        forth = rules.interacts.of(ids[head])[ids[tail]]
        assert forth == rules.interacts.of(ids[tail])[ids[head]]
        assert all(rule.source.startswith("starter: ") for rule in forth)
