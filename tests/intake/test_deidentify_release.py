"""Classes of k, codes of k, and the check of what was written."""

import json
from collections import Counter
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.deidentify import Extract, NotAnonymousError, Release, check, to_report, to_text
from intake.deidentify.anonymity import MOST_SUPPRESSED, choose
from intake.deidentify.people import Levels, Traits, all_levels, generalised
from tests.intake.deidentify_samples import (
    LOINC,
    RXNORM,
    SNOMED,
    concept,
    patient,
    quantity,
    record,
)

TODAY = date(2026, 11, 20)


def extract(*records: list[dict[str, Any]], dates: Any = "year") -> Extract:
    found = Extract(TODAY, dates, key=bytes(32))
    for number, resources in enumerate(records):
        found.add(str(number), resources)
    return found


def condition(code: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Condition", "code": concept(SNOMED, code), **more}


def codes(release: Release) -> Counter[str]:
    """How many patients carry each code, counted in the resources that leave."""
    found = Counter[str]()
    for resource in release.resources():
        if resource["resourceType"] == "Condition":
            found.update({coding["code"] for coding in resource["code"]["coding"]})
    return found


traits = st.builds(
    Traits,
    st.one_of(st.none(), st.integers(1936, 2026)),
    st.just(2026),
    sex=st.sampled_from(["female", "male"]),
    country=st.just("US"),
    state=st.sampled_from(["MA", "VT"]),
    zip3=st.sampled_from(["021", "000"]),
    race=st.sampled_from(["2106-3", ""]),
    died=st.sampled_from(["", "2020", "yes"]),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(traits, max_size=60), st.integers(2, 12))
def test_the_choice_is_the_least_loss_that_leaves_enough(people: list[Traits], k: int) -> None:
    found = choose(people, k=k, year=2026)

    def kept(levels: Levels) -> list[int]:
        told = [generalised(each, levels, 2026) for each in people]
        return [row for row, one in enumerate(told) if told.count(one) >= k]

    assert list(found.kept) == kept(found.levels)
    enough = [
        x for x in all_levels() if len(people) - len(kept(x)) <= MOST_SUPPRESSED * len(people)
    ]
    most = max(len(kept(x)) for x in all_levels())
    if enough:
        assert found.levels.loss == min(x.loss for x in enough)
    else:
        assert len(found.kept) == most
    sizes = Counter(generalised(people[row], found.levels, 2026) for row in found.kept)
    assert found.smallest == min(sizes.values(), default=0)
    assert found.smallest >= k or not found.kept
    assert found.n_classes == len(sizes)


def test_one_who_is_like_nobody_is_left_out() -> None:
    alike = [record(number) for number in range(40)]

    release = extract(*alike, record(99, birthDate="1999", gender="male")).release(11)

    assert len(release.held) == 40
    assert "male" not in {r.get("gender") for r in release.resources()}
    assert release.choice.levels == Levels()
    assert release.choice.smallest == 40


@pytest.mark.parametrize("n_patients", [0, 1, 10])
def test_fewer_patients_than_k_are_refused(n_patients: int) -> None:
    with pytest.raises(NotAnonymousError, match=f"has {n_patients} patients"):
        extract(*map(record, range(n_patients))).release(11)


def test_patients_of_whom_no_k_are_alike_are_refused() -> None:
    countries = ["DE", "FR", "IT", "ES", "NL", "BE", "AT", "CH", "PL", "SE", "NO", "FI"]
    different = [record(n, address=[{"country": c}]) for n, c in enumerate(countries)]

    with pytest.raises(NotAnonymousError, match="no 11 patients alike"):
        extract(*different).release(11)


def test_a_code_that_fewer_than_k_carry_is_taken_out() -> None:
    records = [
        [patient(n), condition("44054006"), *([condition("73211009")] if n < 10 else [])]
        for n in range(12)
    ]

    assert codes(extract(*records).release(11)) == {"44054006": 12}
    assert codes(extract(*records).release(10)) == {"44054006": 12, "73211009": 10}
    assert codes(extract(*records).release(11, rare="keep")) == {"44054006": 12, "73211009": 10}


def test_what_is_rare_only_without_the_rare_is_taken_out_as_well() -> None:
    # Eleven have the site, one of them only in an entry that goes with its rare code.
    site = [concept(SNOMED, "113331007")]
    records = [
        [patient(n), condition("44054006" if n else "73211009", bodySite=site)] for n in range(11)
    ]
    records += [[patient(number), condition("44054006")] for number in (11, 12)]

    release = extract(*records).release(11)

    text = json.dumps(list(release.resources()))
    assert codes(release) == {"44054006": 12}
    assert "113331007" not in text
    check(release.resources(), k=11, dates="year", allow_rare=False)


def test_a_drug_goes_with_the_rare_code_of_its_medication() -> None:
    def ordered(n: int) -> list[dict[str, Any]]:
        medication = {
            "resourceType": "Medication",
            "id": "m",
            "code": concept(RXNORM, str(100 + n)),
        }
        order = {
            "resourceType": "MedicationRequest",
            "status": "active",
            "intent": "order",
            "medicationReference": {"reference": "Medication/m"},
        }
        return [patient(n), condition("44054006"), medication, order]

    release = extract(*map(ordered, range(12))).release(11)

    assert {r["resourceType"] for r in release.resources()} == {"Patient", "Condition"}


def test_the_tallest_are_told_as_tall_as_the_eleventh() -> None:
    def measured(n: int) -> list[dict[str, Any]]:
        height = {
            "resourceType": "Observation",
            "status": "final",
            "code": concept(LOINC, "8302-2"),
            "valueQuantity": quantity(150.0 + n, "cm"),
        }
        return [patient(n), height]

    release = extract(*map(measured, range(40))).release(11)

    told = sorted(r["valueQuantity"]["value"] for r in release.resources() if "valueQuantity" in r)
    assert told == sorted(min(max(150 + n, 160), 179) for n in range(40))


def test_the_order_of_patients_and_entries_tells_nothing_of_the_store() -> None:
    release = extract(*map(record, range(30))).release(11)

    ids = [r["id"] for r in release.resources() if r["resourceType"] == "Patient"]
    assert ids == sorted(ids)
    assert ids != [held.id for held in release.extract._held]


@pytest.mark.parametrize("dates", ["shift", "year"])
def test_what_leaves_passes_the_check_and_the_report_says_what_it_is(dates: Any) -> None:
    release = extract(*map(record, range(40)), record(50, gender="male"), dates=dates).release(11)

    found = check(release.resources(), k=11, dates=dates, allow_rare=False)

    assert found == (40, 40, 0)
    written = Counter(r["resourceType"] for r in release.resources())
    report = to_report(release, written)
    assert (report["k"], report["patients_written"], report["patients_suppressed"]) == (11, 40, 1)
    assert report["is_safe_harbor"] == (dates == "year")
    assert set("ABCDEFGHIJKLMNOPQR") <= set(report["removed"])
    counts = {letter: report["removed"][letter]["count"] for letter in "ABDEFGHIJKMQR"}
    assert all(counts.values()), counts
    assert report["removed"]["G"]["elements"] == {"Patient.identifier": 41}
    text = to_text(report)
    assert "(G) social security numbers: 41" in text
    assert "l-diversity" in text
    assert "FHIR's own codes, such as a status, are not counted" in text
    assert json.loads(json.dumps(report)) == report


def planted(name: str, value: Any) -> list[dict[str, Any]]:
    """Twelve equal patients, and in one of their entries what must not be there."""
    release = extract(*map(record, range(12))).release(11)
    resources = list(release.resources())
    entry = next(r for r in resources if r["resourceType"] == "Condition")
    entry[name] = value
    return resources


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("note", [{"text": "Ann"}]),
        ("onsetDateTime", "2012-05-06"),
        ("id", "e-1"),
        ("subject", {"reference": "Patient/p-1"}),
        ("code", {"coding": [{"system": SNOMED, "code": "078051120"}]}),
        ("code", {"coding": [{"system": "urn:own", "code": "44054006"}]}),
        ("code", {"coding": [{"system": SNOMED, "code": "44054006", "display": "x"}]}),
        ("valueQuantity", {"value": 1, "unit": "{Ann}"}),
    ],
)
def test_the_check_sees_what_no_rule_would_write(name: str, value: Any) -> None:
    with pytest.raises(NotAnonymousError, match="may not leave"):
        check(planted(name, value), k=11, dates="year", allow_rare=False)


def test_the_check_counts_classes_and_codes_again() -> None:
    resources = list(extract(*map(record, range(12))).release(11).resources())

    with pytest.raises(NotAnonymousError, match="smallest class has 12"):
        check(resources, k=13, dates="year", allow_rare=False)
    resources[0]["gender"] = "male"
    with pytest.raises(NotAnonymousError, match="smallest class has 1 "):
        check(resources, k=11, dates="year", allow_rare=False)
    resources[0]["gender"] = "female"
    rare = {"coding": [{"system": SNOMED, "code": "73211009"}]}
    next(r for r in resources if r["resourceType"] == "Condition")["code"] = rare
    with pytest.raises(NotAnonymousError, match="1 codes are carried by fewer"):
        check(resources, k=11, dates="year", allow_rare=False)
    assert check(resources, k=11, dates="year", allow_rare=True).n_rare == 1


def test_nothing_prints_what_it_holds() -> None:
    found = extract(*map(record, range(12)))

    shown = repr([found, found.release(11), found._held])

    assert "female" not in shown
    assert "key" not in shown
