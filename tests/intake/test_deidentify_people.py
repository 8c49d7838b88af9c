"""Ages, dates and places: what of them may be told."""

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from intake.deidentify import deidentify
from intake.deidentify.dates import LONGEST_SHIFT, DatePolicy, days_back
from intake.deidentify.people import Levels, all_levels, generalised, to_patient
from intake.deidentify.safe_harbor import SMALL_ZIP3
from intake.resource import span
from tests.intake.deidentify_samples import LOINC, SNOMED, concept, entries, patient, quantity

TODAY = date(2026, 11, 20)
KEY = bytes(32)


def told(
    *changed: dict[str, Any],
    dates: Any = "year",
    levels: Levels = Levels(),  # noqa: B008 (a constant)
    key: bytes = KEY,
    **changes: Any,
) -> list[dict[str, Any]]:
    """The Patient, then its entries."""
    resources = [patient(**changes), *changed]
    safe = deidentify("p", resources, key=key, today=TODAY, dates=dates)
    return [to_patient(safe.id, safe.traits, levels, TODAY.year), *safe.entries]


def condition(onset: str) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "code": concept(SNOMED, "44054006"),
        "onsetDateTime": onset,
    }


@pytest.mark.parametrize(
    ("text", "shifted"),
    [
        ("2012-03-05", "2012-02-24"),
        ("2012-03-05T23:59:59+13:00", "2012-02-24"),
        ("2012-03", "2012-03"),
        ("2012", "2012"),
        ("2012-02-30", None),
        ("yesterday", None),
        (20120305, None),
        ("0001-01-01", None),
    ],
)
def test_a_date_is_shifted_and_loses_its_time_of_day(text: object, shifted: str | None) -> None:
    assert DatePolicy("shift", 10).write(text) == shifted


def test_intervals_of_a_patient_are_kept_and_patients_are_shifted_apart() -> None:
    days = [date(2000, 1, 1) + timedelta(days=37 * n) for n in range(40)]

    found = told(*(condition(day.isoformat()) for day in days), dates="shift")

    shifted = sorted(date.fromisoformat(entry["onsetDateTime"]) for entry in found[1:])
    assert {later - earlier for earlier, later in pairwise(shifted)} == {timedelta(days=37)}
    assert 1 <= (days[0] - shifted[0]).days <= LONGEST_SHIFT
    others = {days_back(KEY, str(number)) for number in range(5000)}
    assert others == set(range(1, LONGEST_SHIFT + 1))


def test_the_key_and_nothing_else_tells_the_shift() -> None:
    assert days_back(KEY, "p") == days_back(KEY, "p")
    assert len({days_back(bytes([n]) * 32, "p") for n in range(50)}) > 30
    assert "7" not in repr(DatePolicy("shift", 7))


@pytest.mark.parametrize("dates", ["shift", "year"])
def test_nobody_over_89_can_be_told_from_another(dates: Any) -> None:
    for born in ("1901-02-03", "1925", "1936-11-20", "1936-11-21"):
        found = told(condition("1933-01-01"), condition("2001-01-01"), dates=dates, birthDate=born)

        assert found[0]["birthDate"] == "1936"
        onsets = sorted(entry.get("onsetDateTime", "none") for entry in found[1:])
        assert onsets[1] == "none"  # a day of 1933 would tell an age of 93
        assert onsets[0][:3] == "200"


def test_an_age_over_89_at_death_is_not_told() -> None:
    dead = told(
        condition("1885-06-01"),
        condition("1901-06-01"),
        birthDate="1880-01-01",
        deceasedDateTime="1975-01-01",
    )

    assert dead[0]["birthDate"] == "1936"
    assert dead[0]["deceasedDateTime"] == "1975"
    assert sorted(entry.get("onsetDateTime", "none") for entry in dead[1:]) == ["1885", "1901"]
    earlier = told(condition("1884-06-01"), birthDate="1880", deceasedDateTime="1975-01-01")
    assert "onsetDateTime" not in earlier[1]


@pytest.mark.parametrize(
    "value",
    [
        {"onsetAge": quantity(93, "a")},
        {"onsetAge": quantity(1100, "mo")},
        {"onsetAge": quantity(33000, "d")},
        {"abatementAge": quantity(90, "a")},
    ],
)
def test_an_age_over_89_does_not_leave_as_a_quantity(value: dict[str, Any]) -> None:
    found = told({**condition("2001"), **value})

    assert set(found[1]) == {"resourceType", "id", "code", "onsetDateTime", "subject"}
    assert "onsetAge" in told({**condition("2001"), "onsetAge": quantity(89, "a")})[1]


@pytest.mark.parametrize(
    "value",
    [{"valueInteger": 93}, {"valueQuantity": quantity(93, "a")}, {"valueQuantity": {"value": 93}}],
)
def test_an_observed_age_over_89_does_not_leave(value: dict[str, Any]) -> None:
    age = {"resourceType": "Observation", "status": "final", "code": concept(LOINC, "30525-0")}

    assert len(told({**age, **value})) == 1
    assert len(told({**age, "valueInteger": 89})) == 2


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ({"state": "MA", "postalCode": "02139", "country": "US"}, ("MA", "021", "US")),
        ({"state": "massachusetts", "postalCode": "02139-4307"}, ("MA", "021", "US")),
        ({"state": "VT", "postalCode": "05901", "country": "USA"}, ("VT", "000", "US")),
        ({"state": "NM", "postalCode": "878011234"}, ("NM", "000", "US")),
        ({"state": "MA", "postalCode": "0213", "country": "US"}, ("MA", None, "US")),
        ({"state": "MA", "postalCode": "021390"}, ("MA", None, "US")),
        ({"state": "Suffolk County", "postalCode": "02139", "country": "US"}, (None, None, "US")),
        ({"state": "BY", "postalCode": "80331", "country": "DE"}, (None, None, "DE")),
        ({"city": "Boston", "postalCode": "02139"}, None),
        ({"state": "MA", "country": "US", "use": "old"}, None),
    ],
)
def test_of_an_address_at_most_state_and_large_zip_area_leave(
    address: dict[str, Any], expected: tuple[str | None, ...] | None
) -> None:
    found = told(address=[address])[0].get("address")

    keys = ("state", "postalCode", "country")
    if expected is None:
        assert found is None
    else:
        assert found == [{k: v for k, v in zip(keys, expected, strict=True) if v is not None}]


def test_the_small_zip_areas_are_the_seventeen_of_the_guidance() -> None:
    assert len(SMALL_ZIP3) == 17
    for digits in SMALL_ZIP3:
        (address,) = told(address=[{"state": "AK", "postalCode": f"{digits}01"}])[0]["address"]
        assert address["postalCode"] == "000"


def test_coarser_levels_never_tell_more_classes_apart() -> None:
    people = [
        deidentify(
            str(n),
            [patient(n, birthDate=f"{1900 + n}", deceasedBoolean=n % 3 == 0)],
            key=KEY,
            today=TODAY,
            dates="year",
        ).traits
        for n in range(126)
    ]

    def n_classes(levels: Levels) -> int:
        return len({generalised(each, levels, TODAY.year) for each in people})

    for levels in all_levels():
        for coarser in all_levels():
            if all(a <= b for a, b in zip(levels, coarser, strict=True)):
                assert n_classes(coarser) <= n_classes(levels)


@pytest.mark.parametrize("levels", list(all_levels()))
def test_a_year_of_birth_stands_for_a_band_that_holds_it(levels: Levels) -> None:
    width = (5, 10, 20)[levels.band]
    for born in range(1937, 2027):
        (found,) = told(birthDate=str(born), levels=levels)

        assert abs(int(found["birthDate"]) - born) <= width // 2
        assert 1936 < int(found["birthDate"]) <= 2026


def test_a_patient_that_leaves_is_made_of_the_class_alone() -> None:
    found = told(deceasedDateTime="2019-04-05T01:02:03Z", dates="year")[0]

    assert set(found) == {
        "resourceType", "id", "extension", "gender", "birthDate", "deceasedDateTime", "address",
    }  # fmt: skip
    coarse = told(deceasedDateTime="2019-04-05", levels=Levels(2, 2, 1, 1))[0]
    assert {**coarse, "id": ""} == {
        "resourceType": "Patient",
        "id": "",
        "gender": "female",
        "birthDate": "1957",
        "deceasedBoolean": True,
        "address": [{"country": "US"}],
    }


def test_every_date_of_a_record_is_shifted_by_the_same_days() -> None:
    found = told(*entries(), dates="shift", deceasedDateTime="2022-01-01")

    days = {
        span(found[0]["deceasedDateTime"]),
        *(span(entry.get("effectiveDateTime")) for entry in found[1:]),
    } - {None}
    (back,) = {(date(2022, 1, 1) - date.fromisoformat(found[0]["deceasedDateTime"])).days}
    assert {day.first for day in days if day} == {
        date(2022, 1, 1) - timedelta(days=back),
        date(2020, 2, 3) - timedelta(days=back),
    }
