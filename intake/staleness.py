"""What is recorded as active, but too long ago to be believed without asking.

Records are rarely closed: an order stays "active" for decades, and so do sore throats. The limits
here were chosen by us; each is on the long side of what happens, and what is stale is still checked
against. What has no date is not stale: nothing shows that it is old.

* An order is stale 90 days after the last end that it states: of its dispensing
  (``validityPeriod``), of its supply with all repeats (``expectedSupplyDuration``,
  ``numberOfRepeatsAllowed``) or of its dosage (``timing.repeat.bounds[x]``). One that states no end
  is stale 15 months after it was written, as drugs taken for years are renewed at least once a
  year.
* A statement that a drug is taken is stale by the same limits, from the day it was made or, if that
  is later, the day it is about.
* A pregnancy, and what only a pregnancy can have, is stale 44 weeks after its onset; infections,
  whatever is called acute, events such as an overdose, and symptoms 26 weeks after it; injuries 52
  weeks. All others are not: what is chronic, recurrent or cancer, and what nobody here knows.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from intake.resource import Resource, Span, objects, period, span, status

RENEWAL = timedelta(days=456)  # 15 months
GRACE = timedelta(days=90)
_PREGNANCY, _ACUTE, _INJURY = (timedelta(weeks=weeks) for weeks in (44, 26, 52))

# UCUM's units of time, and what they are written out as.
_UNIT_DAYS = {"d": 1, "day": 1, "wk": 7, "week": 7, "mo": 31, "month": 31, "a": 366, "year": 366,
              "h": 1 / 24, "hour": 1 / 24, "min": 1 / 1440}  # fmt: skip

_LASTING = re.compile(
    r"\b(?:chronic|recurrent|recurring|persistent|latent|sequelae?|late effects?|hiv|"
    r"human immunodeficiency|hepatitis|tubercul\w+|lepro\w+|syphilis|herpes|helicobacter|"
    r"interstitial|eosinophilic|allergic|autoimmune|idiopathic|aspergillosis|porphyria|"
    r"leuk(?:a)?emia|lymphoma|malignan\w+|neoplasm|carcinoma|cancer|tumou?r|sarcoma|"
    r"brain|spinal cord|paralysis|amputat\w+|history|intermittent)\b",
    re.IGNORECASE,
)
_KINDS: tuple[tuple[timedelta, re.Pattern[str]], ...] = (
    (
        _PREGNANCY,
        re.compile(
            r"\b(?:pregnan\w+|gestation\w*|miscarriage|abortion|stillbirth|pre-?eclampsia|"
            r"eclampsia|hellp|hyperemesis gravidarum|placenta previa|placental abruption|"
            r"labou?r|puerper\w+|postpartum hemorrhage|blighted ovum)\b",
            re.IGNORECASE,
        ),
    ),
    (
        _INJURY,
        re.compile(
            r"\b(?:fractur\w+|sprain\w*|strain of|muscle strain|lacerat\w+|burns?|concussion|"
            r"wounds?|contusion|bruise|dislocat\w+|whiplash|injur\w+|trauma|rupture of|"
            r"tear of|foreign body|bites?|stings?)\b",
            re.IGNORECASE,
        ),
    ),
    (
        _ACUTE,
        re.compile(
            r"\b(?:acute|viral|infections?|pneumonia|bronchitis|bronchiolitis|sinusitis|"
            r"pharyngitis|sore throat|tonsillitis|laryngitis|croup|common cold|otitis|influenza|"
            r"covid-19|sars-cov-2|gastroenteritis|urinary tract infection\w*|cystitis|"
            r"pyelonephritis|cellulitis|impetigo|abscess|sepsis|septic\w*|meningitis|encephalitis|"
            r"conjunctivitis|appendicitis|appendix|cholecystitis|pancreatitis|"
            r"cardiac arrest|overdose|poisoning|intoxication|anaphyla\w+|food poisoning|"
            r"measles|mumps|rubella|varicella|chickenpox|whooping cough|scarlet fever)\b",
            re.IGNORECASE,
        ),
    ),
)


def is_stale_order(order: Resource, today: date) -> bool:
    """Whether a MedicationRequest or MedicationStatement says no longer what is taken now."""
    written = _written(order)
    ends = [*_ends(order, written)]
    if order.get("resourceType") == "MedicationStatement":
        _, end = period(order, "effective")
        ends += [end.last] if end else []
    if ends:
        return _is_past(max(ends), GRACE, today)
    return written is not None and _is_past(written, RENEWAL, today)


def is_stale_problem(
    problem: Resource, names: Iterable[str], today: date, *, is_symptom: bool = False
) -> bool:
    """Whether a Condition is of a kind that is over by now.

    Args:
        problem: the Condition, one that is recorded as held.
        names: what it is called.
        today: the day to judge by.
        is_symptom: whether it is no disease but a symptom; these pass like acute diseases.
    """
    limit = _lasts(" / ".join(names), _ACUTE if is_symptom else None)
    onset, _ = period(problem, "onset")
    recorded = span(problem.get("recordedDate"))
    began = onset or recorded
    if status(problem, "clinicalStatus") in ("recurrence", "relapse"):
        began = max(filter(None, (onset, recorded)), default=None, key=_last)
    return limit is not None and began is not None and _is_past(began.last, limit, today)


def _lasts(text: str, others: timedelta | None) -> timedelta | None:
    """How long such a problem lasts at most; None where it may last for good."""
    if _LASTING.search(text):
        return None
    return next((limit for limit, pattern in _KINDS if pattern.search(text)), others)


def _written(order: Resource) -> date | None:
    """The last day on which somebody said that the drug is taken."""
    if order.get("resourceType") == "MedicationStatement":
        start, end = period(order, "effective")
        said = [span(order.get("dateAsserted")), start, None if end else start]
    else:
        said = [span(order.get("authoredOn"))]
    return max((stated.last for stated in said if stated), default=None)


def _ends(order: Resource, written: date | None) -> Iterator[date]:
    """The days on which what was ordered ends, by each field that says so."""
    dispense = order.get("dispenseRequest")
    if isinstance(dispense, dict):
        _, valid = period({"validityPeriod": dispense.get("validityPeriod")}, "validity")
        if valid:
            yield valid.last
        supply = _days(dispense.get("expectedSupplyDuration"))
        repeats = dispense.get("numberOfRepeatsAllowed", 0)
        is_count = isinstance(repeats, int) and not isinstance(repeats, bool)
        if supply and written and is_count and 0 <= repeats <= 100:
            yield _after(written, supply * (1 + repeats))
    for dosage in objects(order.get("dosageInstruction")) + objects(order.get("dosage")):
        timing = dosage.get("timing")
        repeat = timing.get("repeat") if isinstance(timing, dict) else None
        if not isinstance(repeat, dict):
            continue
        _, bound = period({"boundsPeriod": repeat.get("boundsPeriod")}, "bounds")
        if bound:
            yield bound.last
        course = _days(repeat.get("boundsDuration"))
        if course and written:
            yield _after(written, course)


def _days(duration: object) -> float:
    """Days of a FHIR Duration; 0 where it is none."""
    if not isinstance(duration, dict) or duration.get("comparator"):
        return 0
    value = duration.get("value")
    unit = str(duration.get("code") or duration.get("unit") or "").lower()
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e5:
        return 0
    return value * _UNIT_DAYS.get(unit, _UNIT_DAYS.get(unit.rstrip("s"), 0))


def _after(day: date, days: float) -> date:
    return day + timedelta(days=min(days, (date.max - day).days))


def _is_past(day: date, limit: timedelta, today: date) -> bool:
    return today - day > limit


def _last(stated: Span) -> date:
    return stated.last
