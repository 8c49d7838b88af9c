"""What is known of the kidneys: filtration, creatinine, and whether they can be relied on.

Results count for 12 months. The newest day of each counts; of several results on it the worst, and
none if one of them cannot be read: an older result would hide the newer one.
"""

from collections.abc import Collection
from datetime import date
from typing import NamedTuple

from intake.observations import EGFR, EGFR_RANGE, year_before
from intake.quantities import newest, quantity
from intake.resource import Resource
from recommend.kidneys import ckd_epi_2021
from recommend.profile import Sex

# Creatinine in serum or plasma by mass, by substance, and in blood by mass.
CREATININE = frozenset(["2160-0", "14682-9", "38483-4"])
_EGFR_UNIT = {"ml/min/1.73m2": 1.0}
_CREATININE_UNITS = {"mg/dl": 1.0, "umol/l": 1 / 88.42}  # of 113.12 g/mol
_CREATININE_RANGE = (0.05, 50.0)

# Chosen here: equations of other years and with other factors differ by less than both.
_RATIO, _DIFFERENCE = 1.3, 15.0  # mL/min/1.73 m2


class Kidneys(NamedTuple):
    """The two figures, and why they cannot be relied on."""

    egfr: float | None  # mL/min/1.73 m2
    creatinine: float | None  # mg/dL
    doubt: str


def find_egfr(observations: Collection[Resource], *, today: date) -> float | None:
    """The newest estimated GFR of the last 12 months in mL/min/{1.73_m2}, or None."""
    found = newest(observations, EGFR, _egfr, since=year_before(today), today=today)
    return min(found.readable, default=None) if found else None


def read_kidneys(
    observations: Collection[Resource], *, today: date, age_years: float | None, sex: Sex
) -> Kidneys:
    """Filtration and creatinine, and whether they contradict each other.

    They do where a creatinine of the same day, or a later one, gives by CKD-EPI 2021 another rate:
    more than 1.3 times as high or as low, and more than 15 mL/min/1.73 m2 away. For children and
    without age or sex there is nothing to compare. Where the sex is not stated they contradict each
    other only if they do for both.
    """
    since = year_before(today)
    rates = newest(observations, EGFR, _egfr, since=since, today=today)
    levels = newest(observations, CREATININE, _creatinine, since=since, today=today)
    egfr = min(rates.readable, default=None) if rates else None
    creatinine = max(levels.readable, default=None) if levels else None
    doubt = ""
    if rates and levels and egfr and creatinine and levels.day >= rates.day:
        sexes: list[Sex] = [sex] if sex in ("female", "male") else ["female", "male"]
        age = -1 if age_years is None else age_years
        expected = [ckd_epi_2021(creatinine, age, each) for each in sexes]
        if all(other is not None and _differ(egfr, other) for other in expected):
            when = "of the same day" if levels.day == rates.day else "measured later"
            rate = " or ".join(f"{other:.0f}" for other in expected if other is not None)
            doubt = (
                f"the estimated GFR of {egfr:.0f} contradicts the creatinine of "
                f"{creatinine:.2g} mg/dL {when}, which gives {rate} by CKD-EPI 2021"
            )
    return Kidneys(egfr, creatinine, doubt)


def _differ(one: float, other: float) -> bool:
    return max(one, other) > _RATIO * min(one, other) and abs(one - other) > _DIFFERENCE


def _egfr(value: object) -> float | None:
    return quantity(value, _EGFR_UNIT, *EGFR_RANGE)


def _creatinine(value: object) -> float | None:
    return quantity(value, _CREATININE_UNITS, *_CREATININE_RANGE)
