"""The quasi-identifiers of a Patient: what others may know of a person, and how it is coarsened.

Of the Patient resource nothing else leaves. Each quasi-identifier has levels, from fine to coarse;
:class:`Levels` holds one level for each, the same for all patients of an extract.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from intake.deidentify.dates import DatePolicy
from intake.deidentify.places import country_of, state_of
from intake.deidentify.rules import Pass, Removed
from intake.deidentify.safe_harbor import OLDEST, zip3
from intake.deidentify.terms import (
    ETHNICITIES,
    ETHNICITY_URL,
    GENDERS,
    OMB,
    RACE_URL,
    RACES,
)
from intake.resource import Resource, objects, span

BANDS = (5, 10, 20)  # years of birth taken together
PLACES = ("zip3", "state", "country")
HERITAGE = ("race and ethnicity", "none")
DEATHS = ("date or year", "whether")


@dataclass(frozen=True)
class Traits:
    """A person's quasi-identifiers, as they may be told at most; "" where nothing is known.

    Attributes:
        born: year of birth, shifted like every date; None if unknown. All who were born so long ago
            that they are over 89, or would be, are told as born 90 years before the extract.
        ended: the year to which the age is counted: of death, else of the extract.
        sex: FHIR's administrative gender.
        country: two letters.
        state: two letters, of the US only.
        zip3: three digits, of the US only.
        race: OMB codes, joined by "+".
        ethnicity: as ``race``.
        died: the date of death as it is written, or "yes".
    """

    born: int | None
    ended: int
    sex: str = ""
    country: str = ""
    state: str = ""
    zip3: str = ""
    race: str = ""
    ethnicity: str = ""
    died: str = ""

    def __repr__(self) -> str:
        return "Traits()"


class Levels(NamedTuple):
    """How coarse each quasi-identifier is: positions in BANDS, PLACES, HERITAGE and DEATHS."""

    band: int = 0
    place: int = 0
    heritage: int = 0
    death: int = 0

    @property
    def loss(self) -> float:
        """How much is lost, 0 to 4: each quasi-identifier counts 1 at its coarsest level."""
        steps = (len(BANDS) - 1, len(PLACES) - 1, len(HERITAGE) - 1, len(DEATHS) - 1)
        return sum(level / most for level, most in zip(self, steps, strict=True))

    def in_words(self) -> dict[str, str]:
        """Each quasi-identifier and its level."""
        return {
            "year of birth": f"bands of {BANDS[self.band]} years; 90 or older in one",
            "geography": PLACES[self.place],
            "race and ethnicity": "kept" if not self.heritage else "removed",
            "death": DEATHS[self.death],
            "sex": "kept",
        }


def all_levels() -> Iterator[Levels]:
    """Every combination, the finest first; ties in the order of the fields."""
    every = itertools.product(*map(range, map(len, (BANDS, PLACES, HERITAGE, DEATHS))))
    return iter(sorted((Levels(*each) for each in every), key=lambda one: (one.loss, one)))


def read_traits(patient: Resource, policy: DatePolicy, today: date, removed: Removed) -> Traits:
    """The quasi-identifiers of a Patient; everything else in it is counted as removed."""
    under = Pass(policy, {}, removed, ["Patient"])
    for name, value in patient.items():
        if name not in ("resourceType", "gender", "deceasedBoolean"):
            under.drop(name, value)
    died, ended = _death(patient, policy, today)
    born = _birth(patient, policy, today)
    country, state, zip_area = _place(patient)
    sex = next((known for known in GENDERS if known == patient.get("gender")), "")
    race = _heritage(patient, RACE_URL, RACES)
    ethnicity = _heritage(patient, ETHNICITY_URL, ETHNICITIES)
    return Traits(born, ended, sex, country, state, zip_area, race, ethnicity, died)


def _death(patient: Resource, policy: DatePolicy, today: date) -> tuple[str, int]:
    """The death as it is told, and the year to which the age is counted."""
    stated = span(patient.get("deceasedDateTime"))
    told = policy.write(patient.get("deceasedDateTime"))
    if stated is not None and told is not None and stated.first <= today:
        return told, int(told[:4])
    is_dead = patient.get("deceasedBoolean") is True or "deceasedDateTime" in patient
    return "yes" if is_dead else "", today.year


def _birth(patient: Resource, policy: DatePolicy, today: date) -> int | None:
    """The year of birth as it may be told.

    Who is over 89, at the extract or at death, was born 90 years before the extract or earlier; by
    the years alone, which takes in some of 89 years.
    """
    stated = span(patient.get("birthDate"))
    told = policy.write(patient.get("birthDate"))
    if stated is None or told is None or stated.first > today:
        return None
    return max(int(told[:4]), today.year - OLDEST - 1)


def _place(patient: Resource) -> tuple[str, str, str]:
    """Country, state and ZIP area of the first address that is not an old one."""
    for address in objects(patient.get("address")):
        if address.get("use") == "old":
            continue
        state = state_of(address.get("state"))
        country = country_of(address.get("country")) or ("US" if state else "")
        if country == "US":
            return country, state, zip3(address.get("postalCode")) if state else ""
        if country:
            return country, "", ""
    return "", "", ""


def _heritage(patient: Resource, url: str, allowed: tuple[str, ...]) -> str:
    found = {
        coding.get("code")
        for extension in objects(patient.get("extension"))
        if extension.get("url") == url
        for inner in objects(extension.get("extension"))
        if inner.get("url") == "ombCategory"
        for coding in objects([inner.get("valueCoding")])
        if coding.get("system") == OMB and isinstance(coding.get("code"), str)
    }
    return "+".join(code for code in allowed if code in found)


def generalised(traits: Traits, levels: Levels, year: int) -> tuple[str, ...]:
    """The class of a person: the quasi-identifiers as they are told at ``levels``.

    Args:
        traits: of the person.
        levels: how coarse each is.
        year: of the extract; bands of years of birth end with it.
    """
    place = PLACES[levels.place]
    return (
        _band(traits, levels, year),
        traits.sex,
        traits.country,
        traits.state if place != "country" else "",
        traits.zip3 if place == "zip3" else "",
        *(("", "") if levels.heritage else (traits.race, traits.ethnicity)),
        _death_told(traits, levels)[:4],
    )


def _band(traits: Traits, levels: Levels, year: int) -> str:
    """The year that stands for the band: its middle one; of the oldest, the last possible."""
    if traits.born is None:
        return ""
    width, age = BANDS[levels.band], year - traits.born
    if age > OLDEST:
        return str(traits.born)
    first = age - age % width
    last = min(first + width - 1, OLDEST)
    return str(year - (first + last) // 2)


def _death_told(traits: Traits, levels: Levels) -> str:
    return "yes" if levels.death and traits.died else traits.died


def to_patient(new_id: str, traits: Traits, levels: Levels, year: int) -> Resource:
    """The Patient resource that leaves: made of nothing but the class."""
    born, sex, country, state, zip_area, race, ethnicity, _ = generalised(traits, levels, year)
    address = {
        name: value
        for name, value in (("state", state), ("postalCode", zip_area), ("country", country))
        if value
    }
    died = _death_told(traits, levels)
    patient: Resource = {"resourceType": "Patient", "id": new_id}
    extensions = [
        {
            "url": url,
            "extension": [
                {"url": "ombCategory", "valueCoding": {"system": OMB, "code": code}}
                for code in joined.split("+")
            ],
        }
        for url, joined in ((RACE_URL, race), (ETHNICITY_URL, ethnicity))
        if joined
    ]
    if extensions:
        patient["extension"] = extensions
    if sex:
        patient["gender"] = sex
    if born:
        patient["birthDate"] = born.zfill(4)
    if died == "yes":
        patient["deceasedBoolean"] = True
    elif died:
        patient["deceasedDateTime"] = died
    if address:
        patient["address"] = [address]
    return patient
