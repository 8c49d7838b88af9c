"""Whether a FHIR R4 resource can be used as what its type says, and why not.

Reasons name fields and what they should hold, never what they hold.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from intake.resource import (
    CODES,
    Resource,
    allergens,
    contained,
    display,
    ingredients,
    label,
    reference,
    span,
    status,
)

MAX_DEPTH = 64  # levels of nesting; real resources have about ten
MAX_VALUES = 100_000  # values in one resource; real ones have hundreds
TWICE = "names a field twice, so that programs differ in what it says"

_SHAPES: Mapping[str, Mapping[str, str]] = {
    "Patient": {
        "birthDate": "a date",
        "gender": "a string",
        "deceasedBoolean": "true or false",
        "deceasedDateTime": "a date",
        "identifier": "a list of objects",
    },
    "Condition": {
        "code": "a CodeableConcept",
        "onsetDateTime": "a date",
        "abatementDateTime": "a date",
        "onsetPeriod": "a Period",
        "abatementPeriod": "a Period",
    },
    "MedicationRequest": {
        "medicationCodeableConcept": "a CodeableConcept",
        "medicationReference": "a Reference",
        "doNotPerform": "true or false",
        "authoredOn": "a date",
        "contained": "a list of objects",
    },
    "MedicationStatement": {
        "medicationCodeableConcept": "a CodeableConcept",
        "medicationReference": "a Reference",
        "effectiveDateTime": "a date",
        "effectivePeriod": "a Period",
        "contained": "a list of objects",
    },
    "Medication": {
        "code": "a CodeableConcept",
        "ingredient": "a list of objects",
        "contained": "a list of objects",
    },
    "AllergyIntolerance": {
        "code": "a CodeableConcept",
        "reaction": "a list of objects",
        "onsetDateTime": "a date",
    },
    "Observation": {
        "code": "a CodeableConcept",
        "valueCodeableConcept": "a CodeableConcept",
        "valueQuantity": "an object",
        "component": "a list of objects",
        "effectiveDateTime": "a date",
        "effectivePeriod": "a Period",
    },
}

_DATED = ("a date", "a Period")  # an entry without its date still says what it says

_REQUIRED = {
    "MedicationRequest": ("status", "intent"),
    "MedicationStatement": ("status",),
    "Observation": ("status",),
}

_SURROGATE = re.compile("[\ud800-\udfff]")


class Doubled(dict[str, Any]):
    """A JSON object that named a field more than once; what it holds is the last of each."""


def damage(resource: Resource) -> str | None:
    """Why the resource cannot even be kept, or None."""
    for number, (value, depth) in enumerate(_walk(resource)):
        if depth > MAX_DEPTH:
            return f"is nested deeper than {MAX_DEPTH} levels"
        if number == MAX_VALUES:
            return f"holds more than {MAX_VALUES:,} values"
        if isinstance(value, Doubled):
            return TWICE
        if isinstance(value, str) and not value.isascii() and _SURROGATE.search(value):
            return "holds half a character (a lone surrogate), which is not Unicode text"
    return None


def forbidden(resource: Resource) -> str | None:
    """Why FHIR forbids to use the resource, or None: it has a modifier that is not understood."""
    for value, _ in _walk(resource):
        if isinstance(value, dict):
            if value.get("modifierExtension"):
                return "has a modifierExtension that is not understood, so it must not be used"
            if value.get("implicitRules"):
                return "has implicitRules that are not understood, so it must not be used"
    return None


def complaint(resource: Resource) -> str | None:
    """Why the resource cannot be used as what its type says, or None."""
    return forbidden(resource) or next(_faults(resource), None)


def remarks(resource: Resource) -> list[str]:
    """What is wrong with parts that the rest of the resource can be used without."""
    kind = str(resource.get("resourceType"))
    return [
        f"{field} is not used: it must be {shape}"
        for field, shape in _misshapen(resource)
        if kind == "Patient" or shape in _DATED
    ]


def _faults(resource: Resource) -> Iterator[str]:
    kind = str(resource.get("resourceType"))
    if kind == "Patient":
        return
    for field, shape in _misshapen(resource):
        if shape not in _DATED:
            yield f"{field} must be {shape}"
    for (owner, field), allowed in CODES.items():
        if owner == kind and (field in resource or field in _REQUIRED.get(kind, ())):
            yield from _wrong_code(resource, field, allowed)
    if kind in ("MedicationRequest", "MedicationStatement"):
        yield from _wrong_medication(resource)
    elif kind == "AllergyIntolerance":
        if not any(map(label, allergens(resource))):
            yield "has no code"
    elif not label(resource.get("code")) and not ingredients(resource):
        yield "has no code"


def _misshapen(resource: Resource) -> Iterator[tuple[str, str]]:
    """Fields of the wrong shape, and the right one."""
    for field, shape in _SHAPES.get(str(resource.get("resourceType")), {}).items():
        if field in resource and not _IS_SHAPE[shape](resource[field]):
            yield field, shape


def _wrong_code(resource: Resource, field: str, allowed: tuple[str, ...]) -> Iterator[str]:
    value = resource.get(field)
    if field.endswith("Status"):  # clinicalStatus, verificationStatus
        if not _is_concept(value):
            yield f"{field} must be a CodeableConcept (a bare code is not R4)"
    elif not isinstance(value, str):
        yield f"has no {field}; it must be one of {', '.join(allowed)}"
    if status(resource, field) not in allowed:
        yield f"{field} must be one of {', '.join(allowed)}"


def _wrong_medication(resource: Resource) -> Iterator[str]:
    if "medication" in resource:
        yield (
            "is R5-shaped (medication.concept); R4 has medicationCodeableConcept or "
            "medicationReference"
        )
    if "medicationCodeableConcept" in resource:
        if "medicationReference" in resource:
            yield "has both medicationCodeableConcept and medicationReference; R4 allows one"
        if not label(resource["medicationCodeableConcept"]):
            yield "has a medication without a code"
        return
    target = reference(resource.get("medicationReference"))
    inside = contained(resource)
    if not target and not display(resource.get("medicationReference")):
        yield "has neither medicationCodeableConcept nor medicationReference"
    elif target.startswith("#") and target not in inside:
        yield "its medicationReference leads to nothing contained"
    elif _is_cyclic(target, inside):
        yield "its contained medications refer to each other in a circle"


def _is_cyclic(start: str, inside: Mapping[str, Resource]) -> bool:
    """Whether the ingredients of a contained medication lead back to one on the way."""
    finished: set[str] = set()
    way: dict[str, None] = {}
    todo = [(start, False)]
    while todo:
        key, is_left = todo.pop()
        if is_left:
            finished.add(way.popitem()[0])
        elif key in way:
            return True
        elif key not in finished and key in inside:
            way[key] = None
            todo.append((key, True))
            todo += [(reference(i.get("itemReference")), False) for i in ingredients(inside[key])]
    return False


def _is_concept(value: object) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("text", ""), str)
        and _is_list(value.get("coding", []))
        and all(
            isinstance(coding.get(key, ""), str)
            for coding in value.get("coding", [])
            for key in ("system", "code", "display")
        )
    )


def _is_list(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _is_date(value: object) -> bool:
    return span(value) is not None


def _is_period(value: object) -> bool:
    return isinstance(value, dict) and all(
        key not in value or _is_date(value[key]) for key in ("start", "end")
    )


_IS_SHAPE: Mapping[str, Callable[[object], bool]] = {
    "a CodeableConcept": _is_concept,
    "a Reference": lambda value: isinstance(value, dict),
    "a Period": _is_period,
    "a date": _is_date,
    "a list of objects": _is_list,
    "a string": lambda value: isinstance(value, str),
    "an object": lambda value: isinstance(value, dict),
    "true or false": lambda value: isinstance(value, bool),
}


def _walk(value: object) -> Iterator[tuple[object, int]]:
    """Every value with its depth, and keys that are not ASCII; keeps one iterator a level."""
    todo: list[Iterator[object]] = [iter((value,))]
    while todo:
        for found in todo[-1]:
            yield found, len(todo)
            if isinstance(found, dict):
                yield from ((key, len(todo)) for key in found if not key.isascii())
                todo.append(iter(found.values()))
                break
            if isinstance(found, list):
                todo.append(iter(found))
                break
        else:
            todo.pop()
