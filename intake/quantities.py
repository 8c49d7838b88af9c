"""Measured quantities: the newest that can still hold, with its unit, or none."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date
from typing import NamedTuple

from intake.observations import dated
from intake.resource import Resource, clean

# One unit is so many of the unit that is wanted; keys are UCUM codes as :func:`unit_of` reads them.
Units = Mapping[str, float]


class Newest(NamedTuple):
    """The results of one day; None for one that cannot be read."""

    day: date
    values: list[float | None]

    @property
    def readable(self) -> list[float]:
        """All of the day's values, or none if one of them cannot be read: it may be the worst."""
        known = [value for value in self.values if value is not None]
        return known if len(known) == len(self.values) else []


def newest(
    observations: Iterable[Resource],
    codes: Collection[str],
    read: Callable[[object], float | None],
    *,
    since: date,
    today: date,
) -> Newest | None:
    """The finished results of the newest day from ``since`` on; None where there is none."""
    found: Newest | None = None
    for resource, day in dated(observations, frozenset(codes), today):
        if day < since or "dataAbsentReason" in resource:
            continue
        if found is None or day > found.day:
            found = Newest(day, [])
        if day == found.day:
            found.values.append(read(resource.get("valueQuantity")))
    return found


def quantity(value: object, units: Units, low: float, high: float) -> float | None:
    """A FHIR Quantity in the unit that is wanted; None without a usable value, unit or sense.

    Args:
        value: the Quantity.
        units: factors of the units that are understood.
        low: what the result must be above.
        high: the most that it can be.
    """
    if not isinstance(value, dict) or value.get("comparator"):
        return None
    number = value.get("value")
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number < 1e9:
        return None  # false for NaN too
    factor = units.get(unit_of(value))
    result = None if factor is None else number * factor
    return result if result is not None and low < result <= high else None


def unit_of(value: Mapping[str, object]) -> str:
    """The unit in lower case, without brackets; UCUM's code decides where there is one."""
    unit = clean(value.get("code")) or clean(value.get("unit"))
    for written in " {}[]_^":
        unit = unit.replace(written, "")
    return unit.replace("²", "2").replace("µ", "u").replace("μ", "u").lower()
