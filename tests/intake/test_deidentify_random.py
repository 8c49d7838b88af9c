"""Random resources: no text of them survives that is not a code of the allowlist or a date."""

import json
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from intake.deidentify import check, deidentify
from intake.deidentify.elements import ELEMENTS
from intake.deidentify.people import Levels, to_patient
from tests.intake.deidentify_samples import entries, patient

TODAY = date(2026, 11, 20)

_TEMPLATES = [patient(), *entries()]
_NAMES = sorted(set(re.findall(r'"([A-Za-z]+)":', json.dumps(_TEMPLATES))))

texts = st.one_of(
    st.text(min_size=1, max_size=12),
    st.from_regex(r"[0-9]{5,9}", fullmatch=True),
    st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", fullmatch=True),
    st.sampled_from(
        ["male", "http://loinc.org", "active", "#m", "Patient/p-0", "US", "MA", "8302-2"]
    ),
)
leaves = st.one_of(texts, st.integers(), st.floats(), st.booleans(), st.none())
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(_NAMES), texts), inner, max_size=4),
    ),
    max_leaves=12,
)


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """One of the sample resources with a few elements replaced, added or nested anew."""
    resource = json.loads(json.dumps(draw(st.sampled_from(_TEMPLATES[1:]))))
    for _ in range(draw(st.integers(1, 5))):
        around = draw(st.sampled_from(list(_objects(resource))))
        around[draw(st.sampled_from([*around, *_NAMES]))] = draw(values)
    resource["resourceType"] = draw(st.sampled_from([*ELEMENTS, "Encounter", "Coverage"]))
    return resource  # type: ignore[no-any-return]


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    inside = value.values() if isinstance(value, dict) else value
    for inner in inside if isinstance(value, dict | list) else ():
        yield from _objects(inner)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def told(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What one patient's resources become at the finest levels."""
    safe = deidentify("p", resources, key=bytes(32), today=TODAY, dates="shift")
    return [to_patient(safe.id, safe.traits, Levels(), TODAY.year), *safe.entries]


# What is in every extract: names of elements, systems, words of FHIR's own.
_USUAL = {
    *_strings(told(_TEMPLATES)),
    *(name for entry in ELEMENTS.values() for name in entry.rules),
    *ELEMENTS,
}
_DATE = re.compile("[0-9]{4}(-[0-9]{2}){0,2}")


@settings(max_examples=150, deadline=None)
@given(
    st.lists(mutated(), min_size=1, max_size=4), st.dictionaries(st.sampled_from(_NAMES), values)
)
def test_no_text_survives_that_is_not_a_code_or_a_date(
    resources: list[dict[str, Any]], changes: dict[str, Any]
) -> None:
    person = {**patient(), **changes, "resourceType": "Patient", "modifierExtension": None}

    found = told([person, *resources])

    check(found, k=1, dates="shift", allow_rare=True)
    brought = {text for text in _strings([person, *resources]) if len(text) > 4}
    survived = brought & set(_strings(found)) - _USUAL
    codes = {part["code"] for part in _objects(found) if {"code", "system"} <= part.keys()}
    assert {text for text in survived - codes if not _DATE.fullmatch(text)} == set()
