"""What was written, read again: does it hold nothing but what may leave, and in classes of k?

A second net, written apart from the rules: it knows the texts that an extract may hold and looks at
each string of it, wherever it stands.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from intake.deidentify import terms
from intake.deidentify.dates import Dates
from intake.deidentify.elements import ELEMENTS
from intake.deidentify.errors import NotAnonymousError
from intake.deidentify.places import COUNTRIES, STATES
from intake.deidentify.safe_harbor import SMALL_ZIP3
from intake.deidentify.sparse import codes_of
from intake.resource import CODES, Resource, reference

_ID = re.compile(r"[0-9a-f]{32}")
_ZIP3 = frozenset(f"{digits:03}" for digits in range(1000)) - SMALL_ZIP3
_DATES = {
    "year": re.compile(r"[0-9]{4}"),
    "shift": re.compile(r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?"),
}
_WORDS = frozenset(
    [word for words in CODES.values() for word in words]
    + [*terms.GENDERS, *terms.COMPARATORS, *terms.ALLERGY_TYPES, *terms.ALLERGY_CATEGORIES]
    + [*terms.CRITICALITIES, *terms.SEVERITIES, *terms.TIME_UNITS, "inactive"]
)


class Found(NamedTuple):
    """What an extract holds.

    Attributes:
        n_patients: patients.
        smallest: patients in the smallest class.
        n_rare: codes that fewer than k patients carry.
    """

    n_patients: int
    smallest: int
    n_rare: int


def check(resources: Iterable[Resource], *, k: int, dates: Dates, allow_rare: bool) -> Found:
    """What an extract holds, if all of it may leave.

    Args:
        resources: all of it, in any order.
        k: size of the smallest class.
        dates: how dates are written.
        allow_rare: whether codes of fewer than ``k`` patients may be in it.

    Raises:
        NotAnonymousError: a class or code has fewer patients than ``k``, or there is a text that
            may not leave. It is not named.
    """
    classes = Counter[tuple[str, ...]]()
    carriers: dict[terms.Code, set[str]] = {}
    for resource in resources:
        for name, value, around in _strings(resource):
            if not _may_leave(name, value, around, dates):
                raise _refused("a text was to be written that may not leave")
        if resource["resourceType"] == "Patient":
            classes[_class(resource)] += 1
            continue
        whose = reference(resource.get("subject", resource.get("patient")))
        for code in codes_of([resource]) if whose else ():
            carriers.setdefault(code, set()).add(whose)
    smallest = min(classes.values(), default=0)
    n_rare = sum(len(patients) < k for patients in carriers.values())
    if smallest < k:
        raise _refused(f"the smallest class has {smallest} patients, fewer than k = {k}")
    if n_rare and not allow_rare:
        raise _refused(f"{n_rare} codes are carried by fewer than k = {k} patients")
    return Found(classes.total(), smallest, n_rare)


def _refused(reason: str) -> NotAnonymousError:
    return NotAnonymousError("the extract", f"is not written: {reason}; please report this")


def _class(patient: Resource) -> tuple[str, ...]:
    """The class of a Patient, from nothing but the resource as it was written."""
    address: Resource = (patient.get("address") or [{}])[0]
    died = patient.get("deceasedDateTime", str(patient.get("deceasedBoolean", "")))
    return (
        patient.get("birthDate", ""),
        patient.get("gender", ""),
        *(address.get(name, "") for name in ("country", "state", "postalCode")),
        repr(patient.get("extension")),
        died[:4],
    )


def _strings(value: object, name: str = "") -> Iterator[tuple[str, str, Resource]]:
    """Each string with the name of its element and the object around it."""
    todo: list[tuple[object, str, Resource]] = [(value, name, {})]
    while todo:
        found, name, around = todo.pop()
        if isinstance(found, str):
            yield name, found, around
        elif isinstance(found, dict):
            todo += [(inner, key, found) for key, inner in found.items()]
        elif isinstance(found, list):
            todo += [(inner, name, around) for inner in found]


_CLOSED: Mapping[str, Collection[str]] = {
    "resourceType": ("Patient", *ELEMENTS),
    "system": {*terms.TERMINOLOGIES, *terms.VALUE_SETS, terms.UCUM, terms.OMB, terms.ABSENT},
    "unit": terms.UNITS,
    "url": (terms.RACE_URL, terms.ETHNICITY_URL, "ombCategory"),
    "state": STATES,
    "country": COUNTRIES,
    "postalCode": _ZIP3,
}


def _may_leave(name: str, value: str, around: Resource, dates: Dates) -> bool:
    """Whether a text may stand in an element of this name."""
    if name in _CLOSED:
        return value in _CLOSED[name]
    if name == "code":
        return _is_code(str(around.get("system")), value)
    if name in ("id", "reference"):
        kind, _, new = value.rpartition("/")
        return kind in ("", "Patient", *ELEMENTS) and _ID.fullmatch(new) is not None
    return value in _WORDS or _DATES[dates].fullmatch(value) is not None


def _is_code(system: str, code: str) -> bool:
    if system == terms.UCUM:
        return code in terms.UNITS
    if system == terms.OMB:
        return code in terms.RACES + terms.ETHNICITIES
    if system in terms.VALUE_SETS:
        return code in terms.VALUE_SETS[system]
    return terms.known_code(system, code) == terms.Code(system, code)
