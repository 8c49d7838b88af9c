"""The pairs of drugs that the interaction rules of the starter graph name.

A rule joins two sides. A side is a drug, a group of ``interaction_groups.tsv``, an ATC class of
``includes.tsv``, or several of these joined with ``|``: the rule then stands for one rule for each
combination. Two groups mean every pair across them, a group with itself every pair within; a drug
never interacts with itself.

Where several rules name a pair, the most specific decide: a rule of two drugs outranks one of a
drug and a group or class, which outranks one of two groups. Among those of one rank the worst
severity wins, and every rule that states it stays as an assertion. Severity ``none`` takes out a
pair that a broader rule names; the reason stands in ``mechanism``.
"""

from collections.abc import Collection, Iterable, Mapping
from itertools import product
from typing import NamedTuple

from kg.sources.base import Refusal

_FILE = "interacts.tsv"
_SEVERITIES = ("none", "moderate", "major", "contraindicated")  # the worst last

_Pair = tuple[str, str]  # two drugs, the smaller id first


class Interaction(NamedTuple):
    """A pair of drugs with one of the rules that decide on it."""

    first: str
    second: str
    line: int  # of the rule
    cells: Mapping[str, str]  # of the rule


def expand(
    rules: Iterable[tuple[int, Mapping[str, str]]],
    drugs: Collection[str],
    groups: Mapping[str, Collection[str]],
) -> tuple[list[Interaction], list[Refusal]]:
    """The interactions that ``rules`` amount to, by pair and line, and the rules left out.

    Args:
        rules: line and cells (``a``, ``b``, ``severity`` and others) of each rule.
        drugs: the ids of all drugs.
        groups: group key or ATC class -> its drugs, all of them in ``drugs``.
    """
    refused: list[Refusal] = []
    decided: dict[_Pair, tuple[int, int]] = {}  # rank, severity
    deciding: dict[_Pair, list[tuple[int, Mapping[str, str]]]] = {}
    for line, cells in rules:
        ranks = _ranks(cells["a"].split("|"), cells["b"].split("|"), drugs, groups)
        if isinstance(ranks, str):
            refused.append(Refusal(_FILE, line, ranks))
            continue
        if cells["severity"] not in _SEVERITIES:
            reason = f"severity {cells['severity']!r} is none of {', '.join(_SEVERITIES)}"
            refused.append(Refusal(_FILE, line, reason))
            continue
        severity = _SEVERITIES.index(cells["severity"])
        for pair, rank in ranks.items():
            known = decided.get(pair, (-1, -1))
            if (rank, severity) > known:
                decided[pair] = rank, severity
                deciding[pair] = []
            if (rank, severity) >= known:
                deciding[pair].append((line, cells))
    interactions = [
        Interaction(*pair, line, cells)
        for pair, (_, severity) in sorted(decided.items())
        if _SEVERITIES[severity] != "none"
        for line, cells in deciding[pair]
    ]
    return interactions, refused


def sides_of_three(
    rules: Iterable[tuple[int, Mapping[str, str]]], groups: Mapping[str, Collection[str]]
) -> tuple[list[tuple[int, dict[str, str]]], list[Refusal]]:
    """Line and cells of each rule about three drugs, with the drugs of each side; those left out.

    Args:
        rules: line and cells (``a``, ``b``, ``c`` and others) of each rule.
        groups: drug, class or group -> its drugs.
    """
    result: list[tuple[int, dict[str, str]]] = []
    refused: list[Refusal] = []
    for line, cells in rules:
        sides: dict[str, str] = {}
        for column in ("a", "b", "c"):
            names = cells[column].split("|")
            unknown = next((name for name in names if not groups.get(name)), None)
            if unknown is not None:
                reason = f"unknown drug, group or class {unknown!r}"
                refused.append(Refusal("triples.tsv", line, reason))
                break
            sides[column] = "|".join(sorted({drug for name in names for drug in groups[name]}))
        else:
            result.append((line, {**cells, **sides}))
    return result, refused


def _ranks(
    a: Iterable[str],
    b: Iterable[str],
    drugs: Collection[str],
    groups: Mapping[str, Collection[str]],
) -> dict[_Pair, int] | str:
    """Pair -> how many of the two drugs a rule names by themselves; or why it is refused."""
    result: dict[_Pair, int] = {}
    for sides in product(a, b):
        members = [(side,) if side in drugs else groups.get(side, ()) for side in sides]
        for side, found in zip(sides, members, strict=True):
            if not found:
                return f"unknown drug, group or class {side!r}"
        rank = sum(side in drugs for side in sides)
        for first, second in product(*members):
            if first != second:
                pair = (min(first, second), max(first, second))
                result[pair] = max(rank, result.get(pair, 0))
    return result or "the rule names no two drugs"
