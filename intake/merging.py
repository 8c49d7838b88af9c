"""Several facts of one node to the one that says most, and on the safe side."""

from collections.abc import Iterable
from dataclasses import replace

from recommend.profile import GRADES, Criticality, Fact, Reaction

_CRITICALITY: tuple[Criticality, ...] = ("high", "unable-to-assess", "low", "")
_REACTION: tuple[Reaction, ...] = ("severe", "moderate", "mild", "")


def merged(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """One fact a node, in the order of first appearance.

    What holds comes before what is over, what is current before what is stale, then the best grade,
    then active before other statuses, then the newest; a near match comes last of what holds, and
    of what is over. A drug that is taken in two ways counts as taken in the systemic one, even
    where only an old order says so: else the checks for the whole body would not be made. An
    allergy is as dangerous as its worst record says.
    """
    groups: dict[str, list[Fact]] = {}
    for fact in facts:
        groups.setdefault(fact.node, []).append(fact)
    return tuple(_together(group) for group in groups.values())


def _together(group: list[Fact]) -> Fact:
    best = min(group, key=_rank)
    if best.is_local:
        others = [fact for fact in group if not fact.is_local]
        if others:
            systemic = min(others, key=_rank)
            best = replace(best, route=systemic.route, dose=systemic.dose)
    return replace(
        best,
        confirmed=any(f.confirmed for f in group if bool(f.ended) == bool(best.ended)),
        criticality=min((fact.criticality for fact in group), key=_CRITICALITY.index),
        reaction=min((fact.reaction for fact in group), key=_REACTION.index),
    )


def _rank(fact: Fact) -> tuple[object, ...]:
    newest = -fact.start.toordinal() if fact.start else 0
    return (
        bool(fact.ended),
        fact.grade == "near",
        fact.is_stale,
        GRADES.index(fact.grade),
        fact.status != "active",
        newest,
        fact.is_local,
        fact.route,
        fact.dose,
        fact.basis,
    )
