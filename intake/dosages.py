"""Dose and route of an order or statement, in a few words and as a route."""

from collections.abc import Iterable, Iterator, Mapping

from intake.resource import Resource, clean, codings, label, objects, text_of
from intake.routes import one_route, route_of_coding, route_of_words
from recommend.profile import Route

_LONGEST = 120  # characters of a dose
_PERIODS: Mapping[str, str] = {
    "s": "second", "min": "minute", "h": "hour", "d": "day", "wk": "week", "mo": "month",
    "a": "year",
}  # fmt: skip


def dose_of(order: Resource) -> str:
    """How much is taken how often: the text of the dosage, else quantity and timing in words."""
    texts = [clean(dosage.get("text")) or _in_words(dosage) for dosage in _dosages(order)]
    text = "; ".join(dict.fromkeys(filter(None, texts)))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def route_of(order: Resource, names: Iterable[str]) -> Route:
    """The route that the dosage states, else the one that the drug's name has in it.

    Args:
        order: a MedicationRequest or MedicationStatement.
        names: what the drug is called, in the order of trust.
    """
    stated = [dosage["route"] for dosage in _dosages(order) if label(dosage.get("route"))]
    if stated:
        return one_route([_meant(concept) for concept in stated])
    return next((route for route in map(route_of_words, names) if route), "")


def _meant(concept: object) -> Route:
    found = [route_of_coding(*coding) for coding in codings(concept)]
    return one_route(found or [route_of_coding("", "", text_of(concept))])


def names_of(concept: object) -> Iterator[str]:
    """What a CodeableConcept of a drug calls it."""
    for coding in codings(concept):
        yield coding.display
    yield text_of(concept)


def _dosages(order: Resource) -> list[Resource]:
    return objects(order.get("dosageInstruction")) + objects(order.get("dosage"))


def _in_words(dosage: Resource) -> str:
    rate = next(iter(objects(dosage.get("doseAndRate"))), {})
    parts = [_quantity(rate.get("doseQuantity")), _timing(dosage.get("timing"))]
    if dosage.get("asNeededBoolean") is True or label(dosage.get("asNeededCodeableConcept")):
        parts.append("as needed")
    return ", ".join(filter(None, parts))


def _quantity(quantity: object) -> str:
    if not isinstance(quantity, dict) or not _is_number(quantity.get("value")):
        return ""
    unit = clean(quantity.get("unit")) or clean(quantity.get("code"))
    return f"{quantity['value']:g} {unit or 'a dose'}"


def _timing(timing: object) -> str:
    if not isinstance(timing, dict):
        return ""
    repeat = timing.get("repeat")
    if isinstance(repeat, dict):
        count, every = repeat.get("frequency", 1), repeat.get("period")
        unit = _PERIODS.get(str(repeat.get("periodUnit")), "")
        if _is_number(count) and _is_number(every) and unit:
            times = "once" if count == 1 else f"{count:g} times"
            return f"{times} a {unit}" if every == 1 else f"{times} every {every:g} {unit}s"
    return label(timing.get("code"))


def _is_number(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 < value < 1e6  # type: ignore[operator]
