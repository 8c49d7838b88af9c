"""What few patients have in common with others: rare codes, and bodies far from the usual.

A diagnosis that three patients of a region have says who they are, and so does a height of 220 cm.
Codes that fewer than k patients carry are taken out, and heights, weights and body mass indices
beyond those of the k-th patient are told as that patient's.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from intake.deidentify.elements import COMPONENT_NEEDS, ELEMENTS
from intake.deidentify.rules import has_all
from intake.deidentify.terms import TERMINOLOGIES, Code
from intake.resource import Resource, codings, objects

# LOINC: height, lying length, weight, measured weight, body mass index.
VISIBLE: Final = frozenset(["8302-2", "8306-3", "29463-7", "3141-9", "39156-5"])

Measure = tuple[str, str]  # LOINC code, unit


class Range(NamedTuple):
    """The lowest and highest value that are told."""

    low: float
    high: float


def codes_of(entries: Iterable[Resource]) -> set[Code]:
    """Every code of a terminology that the entries hold; FHIR's own codes are not among them."""
    return {
        Code(item["system"], item["code"])
        for entry in entries
        for item in _codings(entry)
        if item["system"] in TERMINOLOGIES
    }


def _codings(value: object) -> Iterator[dict[str, str]]:
    if isinstance(value, dict):
        listed = value.get("coding")
        yield from listed if isinstance(listed, list) else ()
        for name, inner in value.items():
            if name != "coding":
                yield from _codings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _codings(inner)


def without(entries: Sequence[Resource], rare: Collection[Code]) -> list[Resource]:
    """The entries without the rare codes, and without what cannot be used without these.

    References to entries that are not there are dropped as well, until all that is left leads
    somewhere. Nothing that is given is changed.
    """
    kept = list(entries)
    while True:
        names = {f"{entry['resourceType']}/{entry['id']}" for entry in kept}
        left = [one for one in (_pruned(entry, rare, names) for entry in kept) if one is not None]
        if len(left) == len(kept):
            return left
        kept = left


def _pruned(entry: Resource, rare: Collection[Code], names: Collection[str]) -> Resource | None:
    """One entry without rare codes and dead references; None if it cannot be used without them."""
    allowed = ELEMENTS[str(entry["resourceType"])]
    left: Resource = {}
    for name, value in entry.items():
        kept = value if name in ("subject", "patient") else _part(value, rare, names)
        if kept is None:
            if name in allowed.decisive:
                return None
        else:
            left[name] = kept
    for name in ("component", "ingredient"):  # whole or not at all
        if len(left.get(name, ())) < len(entry.get(name, ())):
            return None
    if not all(has_all(part, COMPONENT_NEEDS) for part in objects(left.get("component"))):
        return None
    return left if has_all(left, allowed.needs) else None


def _part(value: object, rare: Collection[Code], names: Collection[str]) -> object | None:
    if isinstance(value, list):
        kept = [one for one in (_part(inner, rare, names) for inner in value) if one is not None]
        return kept or None
    if not isinstance(value, dict):
        return value
    if "reference" in value:
        return value if value["reference"] in names else None
    if "coding" in value:
        coding = [c for c in value["coding"] if Code(c["system"], c["code"]) not in rare]
        return {**value, "coding": coding} if coding else None
    found = {name: _part(inner, rare, names) for name, inner in value.items()}
    return {name: inner for name, inner in found.items() if inner is not None} or None


def measured(entries: Iterable[Resource]) -> dict[Measure, Range]:
    """The lowest and highest value of each visible measure of one patient."""
    values: defaultdict[Measure, list[float]] = defaultdict(list)
    for entry in entries:
        measure = _measure(entry)
        if measure is not None:
            values[measure].append(entry["valueQuantity"]["value"])
    return {measure: Range(min(found), max(found)) for measure, found in values.items()}


def limits(of_patients: Iterable[Mapping[Measure, Range]], k: int) -> dict[Measure, Range]:
    """The range of each measure within which k patients reach each end."""
    lows: defaultdict[Measure, list[float]] = defaultdict(list)
    highs: defaultdict[Measure, list[float]] = defaultdict(list)
    for patient in of_patients:
        for measure, found in patient.items():
            lows[measure].append(found.low)
            highs[measure].append(found.high)
    return {
        measure: Range(sorted(lows[measure])[:k][-1], sorted(highs[measure])[-k:][0])
        for measure in lows
    }


def within(entries: Sequence[Resource], ranges: Mapping[Measure, Range]) -> list[Resource]:
    """The entries, visible measures beyond their range told as its end."""
    told = []
    for entry in entries:
        measure = _measure(entry)
        if measure is None:
            told.append(entry)
            continue
        quantity, (low, high) = entry["valueQuantity"], ranges[measure]
        value = min(max(quantity["value"], low), high)
        told.append({**entry, "valueQuantity": {**quantity, "value": value}})
    return told


def _measure(entry: Resource) -> Measure | None:
    quantity = entry.get("valueQuantity")
    if entry["resourceType"] != "Observation" or quantity is None:
        return None
    found = [coding.code for coding in codings(entry["code"]) if coding.code in VISIBLE]
    return (found[0], str(quantity.get("code", ""))) if found else None


def rare_codes(carriers: Counter[Code], k: int) -> set[Code]:
    """The codes that fewer than k patients carry."""
    return {code for code, n_patients in carriers.items() if n_patients < k}
