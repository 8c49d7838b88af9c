"""Dates as they may leave: the year alone, or shifted by one number of days a patient.

Shifted dates are not Safe Harbor by the letter, which leaves the year and nothing else: 45 CFR
164.514(b)(2)(i)(C). Who passes them on needs the determination of an expert, 164.514(b)(1).
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from intake.resource import span

Dates = Literal["shift", "year"]

LONGEST_SHIFT: Final = 365  # days; chosen here: no season is left, and ages are a year off at most

_PARTS = re.compile(r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?")


@dataclass(frozen=True)
class DatePolicy:
    """How one patient's dates are written.

    Attributes:
        dates: the policy.
        days_back: how many days earlier everything happened; 0 where only the year stays.
        first_year: dates written with an earlier year are removed: they tell an age over 89.
        last_year: dates written with a later year are removed: nothing happened then.
    """

    dates: Dates
    days_back: int = 0
    first_year: int = date.min.year
    last_year: int = date.max.year

    def __repr__(self) -> str:  # the days would undo the shift
        return f"DatePolicy({self.dates!r})"

    def shifted(self, day: date) -> date | None:
        """The day as it is told; None before the year 1."""
        back = timedelta(days=self.days_back)
        return day - back if day - date.min >= back else None

    def write(self, value: object) -> str | None:
        """A FHIR date, dateTime or instant as it may leave; None for what is none.

        The time of day is dropped. A date without a day is shifted from its middle and stays
        without a day.
        """
        stated = span(value)
        if stated is None or not isinstance(value, str):
            return None
        middle = self.shifted(stated.first + (stated.last - stated.first) // 2)
        if middle is None or not self.first_year <= middle.year <= self.last_year:
            return None
        parts = _PARTS.match(value)
        length = 4 if self.dates == "year" or parts is None else len(parts.group())
        return middle.isoformat()[:length]


def days_back(key: bytes, patient_id: str) -> int:
    """How far one patient's dates are moved back: 1 to 365 days, from a key that is thrown away.

    Only back: a day after that of the extract would tell how far it was moved.
    """
    digest = hmac.digest(key, b"days\0" + patient_id.encode(), hashlib.sha256)
    return 1 + int.from_bytes(digest) % LONGEST_SHIFT


def new_id(key: bytes, *parts: str) -> str:
    """A new id for what ``parts`` name: 32 hexadecimal digits; no way back without the key."""
    text = b"id\0" + b"\0".join(part.encode("utf-8", "surrogatepass") for part in parts)
    return hmac.digest(key, text, hashlib.sha256)[:16].hex()
