"""Rules: what becomes of one element's value. Nothing passes that a rule does not build anew.

A rule gets the value and the :class:`Pass` of its patient and returns what may stay, built from
known parts, or None. Rules for backbone elements hold rules for their parts, so an allowlist is a
tree of these, see ``intake.deidentify.elements``.
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from intake.deidentify.dates import DatePolicy
from intake.deidentify.safe_harbor import FREE_TEXT, OLDEST, category, reported_name
from intake.deidentify.terms import COMPARATORS, TIME_UNITS, UCUM, UNITS, VALUE_SETS, known_code
from intake.resource import Resource, reference, reference_keys

Removed = Counter[tuple[str, str]]  # (category, element path) -> how often


@dataclass
class Pass:
    """What the rules need to know while they go over one patient's record.

    Attributes:
        dates: how this patient's dates are written.
        references: what a reference may lead to, in the container being read -> its new name.
        removed: what was removed, counted.
        path: where in the record the rules are.
    """

    dates: DatePolicy
    references: Mapping[str, str]
    removed: Removed
    path: list[str] = field(default_factory=list)

    def drop(self, name: str, value: object) -> None:
        """Count an element that is removed; each item of a list."""
        place = ".".join((*self.path, reported_name(name)))
        for item in value if isinstance(value, list) else [value]:
            self.removed[category(name, item), place] += 1


Rule = Callable[[object, Pass], object | None]


def parts(rules: Mapping[str, Rule], value: object, under: Pass) -> Resource:
    """What may stay of an object's elements; what may not is counted."""
    kept: Resource = {}
    if not isinstance(value, dict):
        return kept
    for name, inner in value.items():
        rule = rules.get(name)
        if rule is None:
            if name != "resourceType":
                under.drop(name, inner)
            continue
        under.path.append(name)
        found = rule(inner, under)
        under.path.pop()
        if found is None:
            under.drop(name, inner)
        else:
            kept[name] = found
    return kept


def word(*allowed: str) -> Rule:
    """One of FHIR's own words."""
    return lambda value, _: next((known for known in allowed if known == value), None)


def words(*allowed: str) -> Rule:
    """A list of FHIR's own words; unknown ones are left out."""

    def rule(value: object, _: Pass) -> object | None:
        listed = value if isinstance(value, list) else []
        return [known for known in allowed if known in listed] or None

    return rule


def flag(value: object, _: Pass) -> object | None:
    """True or false."""
    return value if isinstance(value, bool) else None


def day(value: object, under: Pass) -> object | None:
    """A date, as the patient's policy writes it."""
    return under.dates.write(value)


def number(value: object, _: Pass) -> object | None:
    """A measured number, rounded to four significant digits.

    Four say what a measurement says, and are too few for a number that was given to a person.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not math.isfinite(value) or abs(value) >= 1e7:
        return None
    rounded = float(f"{value:.4g}")
    return int(rounded) if rounded.is_integer() else rounded


def count(value: object, _: Pass) -> object | None:
    """A whole number of four digits at most."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole and -9999 <= value <= 9999 else None  # type: ignore[operator]


def quantity(value: object, under: Pass) -> object | None:
    """A Quantity with a known unit, or without one; not an age over 89, in whatever it is told."""
    if not isinstance(value, dict):
        return None
    amount = number(value.get("value"), under)
    stated = next((u for u in (value.get("code"), value.get("unit")) if u is not None), None)
    unit = _UNITS.get(stated) if isinstance(stated, str) else None
    comparator = word(*COMPARATORS)(value.get("comparator"), under)
    if amount is None or (unit is None) != (stated is None):
        return None
    if comparator is None and "comparator" in value:
        return None
    if is_over_89(amount, unit):
        under.removed["C", ".".join(under.path)] += 1
        return None
    for name in value.keys() - {"value", "unit", "code", "system", "comparator"}:
        under.drop(name, value[name])
    kept: Resource = {"value": amount}
    if comparator is not None:
        kept["comparator"] = comparator
    if unit is not None:
        kept |= {"unit": unit, "system": UCUM, "code": unit}
    return kept


_UNITS = {unit: unit for unit in UNITS}
_PER_YEAR: Mapping[object, float] = {"a": 1, "mo": 12, "wk": 52.18, "d": 365.25, "h": 8766}


def is_over_89(amount: object, unit: object) -> bool:
    """Whether an amount of time is more than 89 years; without a unit of time it is not."""
    per_year = _PER_YEAR.get(unit)
    is_number = isinstance(amount, int | float)
    return per_year is not None and is_number and amount / per_year > OLDEST  # type: ignore[operator]


def concept(value: object, under: Pass) -> object | None:
    """A CodeableConcept reduced to its codes of known systems; displays and texts are dropped."""
    if not isinstance(value, dict):
        return None
    found = {}
    listed = value.get("coding")
    for item in listed if isinstance(listed, list) else ():
        code = known_code(item.get("system"), item.get("code")) if isinstance(item, dict) else None
        if code is None:
            under.drop("coding", item)
        else:
            found[code] = {"system": code.system, "code": code.code}
            under.path.append("coding")
            for name in item.keys() - {"system", "code"}:
                under.drop(name, item[name])
            under.path.pop()
    for name in value.keys() - {"coding"}:
        under.drop(name, value[name])
    return {"coding": list(found.values())} if found else None


def of_value_set(*systems: str) -> Rule:
    """A CodeableConcept reduced to one code of FHIR's own code systems; None if it has several."""
    allowed = {(system, code) for system in systems for code in VALUE_SETS[system]}

    def rule(value: object, under: Pass) -> object | None:
        listed = value.get("coding") if isinstance(value, dict) else None
        pairs = {
            (str(item.get("system")), str(item.get("code")))
            for item in (listed if isinstance(listed, list) else ())
            if isinstance(item, dict)
        } & allowed
        if len(pairs) != 1:
            return None
        if isinstance(value, dict) and "text" in value:
            under.removed[FREE_TEXT, ".".join((*under.path, "text"))] += 1
        system, code = next(pair for pair in sorted(allowed) if pair in pairs)
        return {"coding": [{"system": system, "code": code}]}

    return rule


def linked(value: object, under: Pass) -> object | None:
    """A Reference to another kept entry of the same patient, by its new id."""
    if not isinstance(value, dict):
        return None
    keys = reference_keys(reference(value))
    target = next((under.references[key] for key in keys if key in under.references), None)
    for name in value.keys() - {"reference"}:
        under.drop(name, value[name])
    return {"reference": target} if target is not None else None


def part(rules: Mapping[str, Rule], *, needs: Collection[tuple[str, ...]] = ()) -> Rule:
    """A backbone element.

    Args:
        rules: of its parts.
        needs: of each group one part must be left, or the whole element is dropped.
    """

    def rule(value: object, under: Pass) -> object | None:
        kept = parts(rules, value, under)
        return kept if kept and has_all(kept, needs) else None

    return rule


def many(rule: Rule, *, whole: bool = False) -> Rule:
    """A list, each item by ``rule``; with ``whole`` it is dropped if one item is."""

    def each(value: object, under: Pass) -> object | None:
        if not isinstance(value, list):
            return None
        kept = [rule(item, under) for item in value]
        left = [item for item in kept if item is not None]
        return left if left and not (whole and len(left) < len(kept)) else None

    return each


def has_all(element: Mapping[str, object], needs: Collection[tuple[str, ...]]) -> bool:
    """Whether of each group one name is among the element's parts."""
    return all(any(name in element for name in group) for group in needs)


time_unit = word(*TIME_UNITS)
