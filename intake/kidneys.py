"""What is known of the kidneys: filtration, creatinine, and whether they can be relied on.

Results count for 12 months. The newest day of each counts; of several results on it the worst, and
none if one of them cannot be read: an older result would hide the newer one.
"""

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from typing import NamedTuple

from intake.observations import EGFR, EGFR_RANGE, dated, year_before
from intake.quantities import Newest, newest, quantity
from intake.resource import Resource
from recommend.kidneys import ckd_epi_2021, differ
from recommend.profile import Sex

# Creatinine in serum or plasma by mass, by substance, and in blood by mass.
CREATININE = frozenset(["2160-0", "14682-9", "38483-4"])
_EGFR_UNIT = {"ml/min/1.73m2": 1.0}
_CREATININE_UNITS = {"mg/dl": 1.0, "umol/l": 1 / 88.42}  # of 113.12 g/mol
_CREATININE_RANGE = (0.05, 50.0)

# Chosen here: equations of other years and with other factors differ by less than both.
_ADULT = 18  # years
_CHILD_RATE, _CHILD_LEVEL = 60.0, 2.0  # mL/min/1.73 m2, mg/dL
_WEEK = timedelta(days=7)
_OPEN = ("registered", "preliminary")


class Kidneys(NamedTuple):
    """The two figures, and why they cannot be relied on."""

    egfr: float | None  # mL/min/1.73 m2
    creatinine: float | None  # mg/dL
    doubt: str


def read_kidneys(
    observations: Collection[Resource], *, today: date, age_years: float | None, sex: Sex
) -> Kidneys:
    """Filtration and creatinine, and why they cannot be relied on.

    Not where a creatinine of the seven days around the rate, or a later one, gives by CKD-EPI 2021
    another rate: more than 1.3 times as high or as low, and more than 15 mL/min/1.73 m2 away. For
    children, whom no equation here is for, not where the rate is 60 or more and the creatinine of
    the same day above 2 mg/dL. Without an age there is nothing to compare; where the sex is not
    stated they contradict each other only if they do for both. Not either where a result that is
    not final yet is newer, or one as a limit ("<30") as new, as what would be used.
    """
    since = year_before(today)
    rates = newest(observations, EGFR, _egfr, since=since, today=today)
    levels = newest(observations, CREATININE, _creatinine, since=since, today=today)
    egfr = min(rates.readable, default=None) if rates else None
    creatinine = max(levels.readable, default=None) if levels else None
    age = -1 if age_years is None else age_years
    doubt = _limit(observations, EGFR, "eGFR", rates) or _limit(
        observations, CREATININE, "creatinine", levels
    )
    doubt = doubt or _not_final(observations, rates if egfr else None, levels, today)
    if rates and egfr and not doubt:
        for day, level in _around(observations, rates.day, levels, today):
            doubt = doubt or _contradiction(egfr, level, (day - rates.day).days, age, sex)
    return Kidneys(egfr, creatinine, doubt)


def _contradiction(egfr: float, creatinine: float, days: int, age: float, sex: Sex) -> str:
    """Why a rate and a creatinine cannot both be right, or nothing.

    Args:
        egfr: mL/min/1.73 m2.
        creatinine: mg/dL.
        days: from the rate's day to that of the creatinine.
        age: in years; below 0 where it is unknown.
        sex: of the patient.
    """
    when = "of the same day" if days == 0 else "measured later"
    when = "of the week before" if days < 0 else when
    text = (
        f"the estimated GFR of {egfr:.0f} contradicts the creatinine of {creatinine:.2g} mg/dL "
        f"{when}"
    )
    if 0 <= age < _ADULT:
        is_wrong = days == 0 and egfr >= _CHILD_RATE and creatinine > _CHILD_LEVEL
        return f"{text}, which is far too high for a child with that rate" if is_wrong else ""
    sexes: list[Sex] = [sex] if sex in ("female", "male") else ["female", "male"]
    expected = [ckd_epi_2021(creatinine, age, each) for each in sexes]
    if not all(other is not None and differ(egfr, other) for other in expected):
        return ""
    rate = " or ".join(f"{other:.0f}" for other in expected if other is not None)
    return f"{text}, which gives {rate} by CKD-EPI 2021"


def _around(
    observations: Collection[Resource], day: date, levels: Newest | None, today: date
) -> Iterator[tuple[date, float]]:
    """Day and value of each creatinine of a week around ``day``, and of the newest if later.

    Those of the same day first, the highest of them before the others.
    """
    found = {
        (of, level)
        for resource, of in dated(observations, CREATININE, today)
        if abs(of - day) <= _WEEK and "dataAbsentReason" not in resource
        if (level := _creatinine(resource.get("valueQuantity"))) is not None
    }
    if levels and levels.day >= day:
        found |= {(levels.day, level) for level in levels.readable}
    yield from sorted(found, key=lambda item: (abs(item[0] - day), -item[1]))


def _limit(
    observations: Collection[Resource], codes: frozenset[str], name: str, used: Newest | None
) -> str:
    """Why the newest results are none to use: one of them is only a limit."""
    for resource, day in dated(observations, codes, used.day) if used else ():
        amount = resource.get("valueQuantity")
        if used and day == used.day and isinstance(amount, dict) and amount.get("comparator"):
            return f"the newest {name}, of {day}, is given only as a limit (less or more than)"
    return ""


def _not_final(
    observations: Collection[Resource], rates: Newest | None, levels: Newest | None, today: date
) -> str:
    """Why there may be newer figures than those that are used: a result is not final yet."""
    for codes, name, used in (
        (EGFR, "eGFR", rates or levels),
        (CREATININE, "creatinine", levels or rates),
    ):
        for _, day in dated(observations, codes, today, _OPEN) if used else ():
            if used and day > used.day:
                return f"a newer {name}, of {day}, is not final yet"
    return ""


def _egfr(value: object) -> float | None:
    return quantity(value, _EGFR_UNIT, *EGFR_RANGE)


def _creatinine(value: object) -> float | None:
    return quantity(value, _CREATININE_UNITS, *_CREATININE_RANGE)
