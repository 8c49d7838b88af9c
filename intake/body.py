"""Weight, class of liver function, and symptoms that were observed."""

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date, timedelta

from intake.codes import SNOMED, Resolver
from intake.observations import LOINC, dated, year_before
from intake.quantities import newest, quantity
from intake.resource import Resource, clean, codings, label, objects
from intake.symptoms import find_symptoms
from kg.names import Match, key
from recommend.profile import ChildPugh

WEIGHT = frozenset(["29463-7", "3141-9"])  # of the body; measured
_KG = {"kg": 1.0, "g": 0.001, "lbav": 0.45359237, "lb": 0.45359237, "lbs": 0.45359237}
_CHILD = 18  # years
_GROWTH = timedelta(days=91)  # for so long a child's weight holds; that of adults for a year

_CHILD_PUGH = re.compile(r"child (?:turcotte )?pugh\b")
_CLASS = re.compile(r"(?:child (?:turcotte )?pugh )?(?:class |grade |score )?([abc])(?: class)?")
_LETTERS: Mapping[str, ChildPugh] = {"a": "A", "b": "B", "c": "C"}

SYMPTOM = "75325-1"  # LOINC: symptom
_PRESENT = frozenset(["373066001", "52101004"])  # SNOMED CT: yes, present
_RECENT = timedelta(days=91)  # for so long an observed symptom counts


def find_weight(
    observations: Collection[Resource], *, today: date, age_years: float | None
) -> float | None:
    """The newest weight in kg of the last 12 months, of a child the last 3; the lowest of a day."""
    is_adult = age_years is not None and age_years >= _CHILD
    since = year_before(today) if is_adult else today - min(_GROWTH, today - date.min)
    found = newest(observations, WEIGHT, _weight, since=since, today=today)
    return min(found.readable, default=None) if found else None


def find_child_pugh(observations: Collection[Resource], *, today: date) -> ChildPugh | None:
    """The newest class of the last 12 months, of an observation that calls itself Child-Pugh.

    The class as text, or the points (5 or 6 are A, 7 to 9 B, 10 to 15 C). Of two the worse counts;
    None if one of the newest day cannot be read.
    """
    newest_day, classes = date.min, set[ChildPugh | None]()
    for resource, day in dated(filter(is_child_pugh, observations), None, today):
        if day < max(year_before(today), newest_day):
            continue
        if day > newest_day:
            newest_day, classes = day, set()
        classes.add(_child_pugh(resource))
    if None in classes:
        return None
    return max((found for found in classes if found), default=None)


def observed_symptoms(
    observations: Collection[Resource], resolver: Resolver, *, today: date
) -> Iterator[tuple[Match, date]]:
    """Symptoms of the last 13 weeks that an observation names, and says that they are there."""
    said = [resource for resource in observations if "valueQuantity" not in resource]
    for resource, day in dated(said, None, today):
        if today - day > _RECENT:
            continue
        value = resource.get("valueCodeableConcept")
        named: object = None
        if any(c.system == LOINC and c.code == SYMPTOM for c in codings(resource.get("code"))):
            named = value
        elif resource.get("valueBoolean") is True or any(
            c.system == SNOMED and c.code in _PRESENT for c in codings(value)
        ):
            named = resource.get("code")
        for match in find_symptoms(resolver, named):
            yield match, day


def _weight(value: object) -> float | None:
    return quantity(value, _KG, 0.2, 700)


def is_child_pugh(resource: Resource) -> bool:
    """Whether the observation calls itself one of Child, Turcotte and Pugh."""
    return bool(_CHILD_PUGH.match(key(label(resource.get("code")))))


def _child_pugh(resource: Resource) -> ChildPugh | None:
    text = label(resource.get("valueCodeableConcept")) or clean(resource.get("valueString"))
    stated = _CLASS.fullmatch(key(text))
    if stated:
        return _LETTERS[stated.group(1)]
    amount = next(iter(objects([resource.get("valueQuantity")])), {})
    points = resource.get("valueInteger", amount.get("value"))
    if isinstance(points, bool) or not isinstance(points, int | float) or not 5 <= points <= 15:
        return None
    return "A" if points < 7 else "B" if points < 10 else "C"
