"""What holds for every patient: more danger or less knowledge never makes a check clear."""

from dataclasses import replace
from functools import cache
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from recommend.profile import GRADES, Fact, GenePhenotype, Knowledge, PatientProfile, Unmapped
from recommend.safety import CHECKS, PatientState, SafetyRules, check_drug
from recommend.safety.rules import INTERACTS
from recommend.suggestion import Outcome, Verdict
from tests.recommend.pharmacy import (
    CLASSES,
    DISEASES,
    DRUGS,
    GENE,
    GUIDANCE,
    OTHER_GENE,
    PREECLAMPSIA,
    pharmacy,
)


@cache
def small() -> SafetyRules:
    return SafetyRules.read(pharmacy())


drug_ids = st.sampled_from(sorted(DRUGS))
condition_ids = st.sampled_from([*DISEASES, PREECLAMPSIA])
allergen_ids = st.sampled_from([*DRUGS, *CLASSES])
grades = st.sampled_from(GRADES)
phenotypes = st.builds(
    GenePhenotype,
    st.sampled_from([GENE, OTHER_GENE]),
    st.sampled_from([*(row["phenotype"] for row in GUIDANCE), "Indeterminate"]),
)
unread = st.builds(
    Unmapped,
    st.sampled_from(["condition", "drug", "allergy", "gene", "pregnancy"]),
    st.sampled_from(["this", "that"]),
    st.just("no node"),
)
LISTS = ("conditions", "drugs", "allergies")
IDS = {"conditions": condition_ids, "drugs": drug_ids, "allergies": allergen_ids}


@st.composite
def profiles(draw: st.DrawFn) -> PatientProfile:
    lists: dict[str, Any] = {
        name: tuple(draw(st.lists(st.builds(Fact, ids, grades), max_size=4)))
        for name, ids in IDS.items()
    }
    known: dict[str, Any] = {
        f"{name}_known": draw(
            st.sampled_from([Knowledge.KNOWN, Knowledge.UNKNOWN])
            if lists[name]
            else st.sampled_from(list(Knowledge))
        )
        for name in LISTS
    }
    return PatientProfile(
        **lists,
        **known,
        genes=tuple(draw(st.lists(phenotypes, max_size=3))),
        age_years=draw(st.sampled_from([None, 0.0, 17.0, 30.0, 55.0, 80.0, 110.0])),
        sex=draw(st.sampled_from(["female", "male", "other", "unknown"])),
        pregnancy=draw(st.sampled_from(["pregnant", "not pregnant", "unknown"])),
        egfr=draw(st.sampled_from([None, 10.0, 35.0, 90.0])),
        unmapped=tuple(draw(st.lists(unread, max_size=2))),
    )


def judged(profile: PatientProfile, drug: str) -> dict[str, list[Verdict]]:
    """The verdicts by check."""
    result: dict[str, list[Verdict]] = {}
    for verdict in check_drug(small(), PatientState(profile, small()), drug):
        result.setdefault(verdict.check, []).append(verdict)
    return result


def is_clear(verdicts: list[Verdict]) -> bool:
    return any(v.outcome is Outcome.CLEAR for v in verdicts)


def hits(verdicts: list[Verdict]) -> set[tuple[str | None, str | None]]:
    return {(v.partner, v.severity) for v in verdicts if v.outcome is Outcome.HIT}


def no_new_clear(before: PatientProfile, after: PatientProfile, drug: str) -> bool:
    old, new = judged(before, drug), judged(after, drug)
    return all(is_clear(old[check]) or not is_clear(new[check]) for check in new)


@given(profiles(), drug_ids)
def test_every_check_answers_and_clear_stands_alone(profile: PatientProfile, drug: str) -> None:
    verdicts = judged(profile, drug)

    assert len(verdicts) == len(CHECKS)
    for answers in verdicts.values():
        assert not is_clear(answers) or len(answers) == 1
        assert all((v.outcome is Outcome.HIT) == (v.severity is not None) for v in answers)
        assert all(v.text for v in answers)


@settings(max_examples=300)
@given(profiles(), drug_ids, st.sampled_from(LISTS), st.data())
def test_one_more_entry_never_clears_and_never_hides_a_hit(
    profile: PatientProfile, drug: str, name: str, data: st.DataObject
) -> None:
    extra = Fact(data.draw(IDS[name]), data.draw(grades))
    known = getattr(profile, f"{name}_known")
    changes: dict[str, Any] = {
        name: (*getattr(profile, name), extra),
        f"{name}_known": Knowledge.KNOWN if known is Knowledge.EMPTY else known,
    }
    after = replace(profile, **changes)
    if extra.node not in {fact.node for fact in getattr(profile, name)}:
        assert no_new_clear(profile, after, drug)

    old, new = judged(profile, drug), judged(after, drug)
    # A pregnancy that was certain stays one; all other hits are about a partner and stay as well.
    assert all(hits(old[check]) <= hits(new[check]) for check in old)


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


@given(profiles(), drug_ids)
def test_forgetting_numbers_and_genes_never_clears(profile: PatientProfile, drug: str) -> None:
    after = replace(profile, age_years=None, egfr=None, genes=(), sex="unknown")

    assert no_new_clear(profile, after, drug)


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
        forth, back = rules.interacts[ids[head]][ids[tail]], rules.interacts[ids[tail]][ids[head]]
        assert forth == back
        assert forth.source.startswith("starter: ")
