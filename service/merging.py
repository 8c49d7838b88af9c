"""A record that is imported again: whether it is the same person, and what is then stored."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from intake.resource import Resource, span
from storage import InvalidRecordError

_SEXES = ("female", "male", "other")


def merge_records(
    stored: Sequence[Resource], new: Sequence[Resource]
) -> tuple[list[Resource], Counter[str]]:
    """The stored resources with the new ones in the place of what they replace.

    A new resource replaces the one with its type and id; the Patient replaces the Patient. All
    others stay, and what is new stands behind them. A resource without an id is new unless one
    with the same content is stored.

    Returns:
        The resources, and how many were ``added``, ``replaced`` and ``kept`` as they were.

    Raises:
        InvalidRecordError: the two are different people.
    """
    _check_same_person(_patient(stored), _patient(new))
    result = {_key(resource): resource for resource in stored}
    counts: Counter[str] = Counter()
    for resource in new:
        old = result.get(_key(resource))
        if old != resource:
            counts["added" if old is None else "replaced"] += 1
        result[_key(resource)] = resource
    counts["kept"] = len(result) - counts["added"] - counts["replaced"]
    return list(result.values()), counts


def _check_same_person(stored: Resource, new: Resource) -> None:
    born, also_born = span(stored.get("birthDate")), span(new.get("birthDate"))
    sexes = [sex for sex in (stored.get("gender"), new.get("gender")) if sex in _SEXES]
    different = []
    if born and also_born and (born.first > also_born.last or also_born.first > born.last):
        different.append("birth date")  # a partial date agrees with the days in it
    if len(set(sexes)) > 1:
        different.append("sex")
    if different:
        raise InvalidRecordError(
            f"the patient stored under its identifier has another {' and '.join(different)}; "
            "nothing is overwritten: correct the identifier, or erase the stored patient first"
        )


def _patient(resources: Iterable[Resource]) -> Resource:
    return next((r for r in resources if r.get("resourceType") == "Patient"), {})


def _key(resource: Resource) -> tuple[Any, ...]:
    kind, own = resource.get("resourceType"), resource.get("id")
    if kind == "Patient":
        return (kind,)
    return (
        (kind, own)
        if isinstance(own, str) and own
        else (kind, "", json.dumps(resource, sort_keys=True))
    )
