"""Whether a patient breastfeeds, where the record says it and it can still be true."""

from collections.abc import Iterable
from datetime import date

from intake.codes import SNOMED
from intake.observations import LOINC, dated, has_code
from intake.pregnancy import NOT_PREGNANT_DAYS, is_implausible, is_recorded, says_breastfeeding
from intake.resource import Coding, Resource, codings, period, span, text_of
from recommend.profile import Lactation, Sex

STATUS = "63895-7"  # LOINC: breastfeeding status
BREASTFEEDING = "413712001"  # SNOMED CT: breastfeeding (mother)
_YES = frozenset([(LOINC, "LA29252-6"), (LOINC, "LA33-6"), (SNOMED, "373066001")])
_NO = frozenset([(LOINC, "LA29253-4"), (LOINC, "LA32-8"), (SNOMED, "373067005")])

# Chosen here: most children are weaned by two years; who does not breastfeed may soon have a child.
BREASTFEEDING_DAYS = 731
NOT_BREASTFEEDING_DAYS = NOT_PREGNANT_DAYS


def find_lactation(
    observations: Iterable[Resource],
    conditions: Iterable[Resource],
    *,
    today: date,
    sex: Sex,
    age_years: float | None,
) -> Lactation:
    """Said by the newest status observation or by an active condition of that name.

    Breastfeeding holds for 24 months after it was said, "not breastfeeding" for 28 days. Both of
    the same day, and what is undated, are unknown. Whoever cannot be pregnant, of whom nothing is
    said, does not breastfeed.
    """
    newest: date | None = None
    said: set[Lactation] = set()
    answers = [*_observed(observations, today), *_recorded(conditions, today)]
    for answer, day in answers:
        if newest is None or day > newest:
            newest, said = day, set()
        if day == newest:
            said.add(answer)
    if newest is not None:
        answer = said.pop() if len(said) == 1 else "unknown"
        limit = BREASTFEEDING_DAYS if answer == "breastfeeding" else NOT_BREASTFEEDING_DAYS
        if (today - newest).days <= limit:
            return answer
    return "not breastfeeding" if is_implausible(sex, age_years) else "unknown"


def _observed(observations: Iterable[Resource], today: date) -> Iterable[tuple[Lactation, date]]:
    kept = [
        resource
        for resource in observations
        if has_code(resource, (STATUS,))
        or any(
            c.system == SNOMED and c.code == BREASTFEEDING for c in codings(resource.get("code"))
        )
    ]
    for resource, day in dated(kept, None, today):
        yield _answer(resource), day


def _answer(resource: Resource) -> Lactation:
    stated = resource.get("valueBoolean")
    if isinstance(stated, bool):
        return "breastfeeding" if stated else "not breastfeeding"
    found = codings(resource.get("valueCodeableConcept"))
    is_yes, is_no = _any_of(found, _YES), _any_of(found, _NO)
    if is_yes != is_no:
        return "breastfeeding" if is_yes else "not breastfeeding"
    return "unknown"


def _any_of(found: list[Coding], wanted: frozenset[tuple[str, str]]) -> bool:
    return any((coding.system, coding.code) in wanted for coding in found)


def _recorded(conditions: Iterable[Resource], today: date) -> Iterable[tuple[Lactation, date]]:
    for condition in conditions:
        concept = condition.get("code")
        named = any(
            says_breastfeeding(coding.display)
            or (coding.system == SNOMED and coding.code == BREASTFEEDING)
            for coding in codings(concept)
        )
        if not (named or says_breastfeeding(text_of(concept))) or not is_recorded(condition):
            continue
        onset, _ = period(condition, "onset")
        began = onset or span(condition.get("recordedDate"))
        if began is not None and began.first <= today:
            yield "breastfeeding", began.last
