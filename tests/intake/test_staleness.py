"""What is recorded as active may be too old to be believed; what has no date is not."""

from datetime import date, timedelta

import pytest

from intake.codes import Resolver
from intake.lists import read_conditions, read_drugs
from intake.staleness import is_stale_order, is_stale_problem
from tests.intake.samples import Json, concept, condition, request, statement

TODAY = date(2024, 6, 1)


def days_ago(days: int) -> str:
    return str(TODAY - timedelta(days=days))


def supply(value: object, unit: str, repeats: object = 0) -> Json:
    duration = {"value": value, "code": unit}
    return {"expectedSupplyDuration": duration, "numberOfRepeatsAllowed": repeats}


def valid(days: int) -> Json:
    return {"validityPeriod": {"end": days_ago(days)}}


def course(**bounds: object) -> Json:
    return {"dosageInstruction": [{"timing": {"repeat": bounds}}]}


@pytest.mark.parametrize(
    ("written", "fields", "is_stale"),
    [
        (None, {}, False),
        (days_ago(456), {}, False),
        (days_ago(457), {}, True),
        ("2013", {}, True),
        ("2023", {}, False),
        # An end that is stated goes before the limit, in both directions.
        ("2020-01-01", {"dispenseRequest": valid(90)}, False),
        (days_ago(200), {"dispenseRequest": valid(91)}, True),
        (days_ago(100), {"dispenseRequest": supply(9, "days")}, True),
        (days_ago(100), {"dispenseRequest": supply(10, "d")}, False),
        (days_ago(100), {"dispenseRequest": supply(1, "wk", 1)}, False),
        (days_ago(600), {"dispenseRequest": supply(1, "mo", 24)}, False),
        (days_ago(100), course(boundsPeriod={"end": days_ago(95)}), True),
        (days_ago(100), course(boundsDuration={"value": 7, "code": "d"}), True),
        # Of several ends the last one counts.
        (days_ago(400), {"dispenseRequest": valid(10) | supply(1, "d")}, False),
        # What cannot be read is no end.
        (days_ago(100), {"dispenseRequest": supply("x", "d")}, False),
        (days_ago(100), {"dispenseRequest": supply(3, "parsec")}, False),
        (days_ago(100), {"dispenseRequest": supply(3, "d", "x")}, False),
        (days_ago(100), {"dispenseRequest": [], "dosageInstruction": [{"timing": 3}]}, False),
    ],
)
def test_an_order_is_stale_when_it_has_run_out_or_was_not_renewed(
    written: str | None, fields: Json, is_stale: bool
) -> None:
    assert is_stale_order(request(authoredOn=written, **fields), TODAY) is is_stale


@pytest.mark.parametrize(
    ("fields", "is_stale"),
    [
        ({}, False),
        ({"effectiveDateTime": "2013-01-01"}, True),
        ({"effectivePeriod": {"start": "2013-01-01"}}, True),
        ({"effectivePeriod": {"start": "2013-01-01"}, "dateAsserted": days_ago(30)}, False),
        ({"effectivePeriod": {"start": "2013", "end": days_ago(91)}, "dateAsserted": "2024"}, True),
        ({"effectivePeriod": {"start": "2013", "end": days_ago(90)}}, False),
    ],
)
def test_a_statement_is_stale_by_when_it_was_made(fields: Json, is_stale: bool) -> None:
    assert is_stale_order(statement(**fields), TODAY) is is_stale


@pytest.mark.parametrize(
    ("name", "weeks"),
    [
        ("Acute bronchitis (disorder)", 26),
        ("Viral sinusitis (disorder)", 26),
        ("Streptococcal sore throat (disorder)", 26),
        ("Appendicitis", 26),
        ("Urinary tract infection", 26),
        ("Drug overdose", 26),
        ("Cardiac Arrest", 26),
        ("Sprain of ankle", 52),
        ("Fracture of forearm", 52),
        ("Concussion with no loss of consciousness", 52),
        ("Normal pregnancy", 44),
        ("Tubal pregnancy", 44),
        ("Miscarriage in first trimester", 44),
    ],
)
def test_what_passes_is_stale_after_its_time(name: str, weeks: int) -> None:
    at_the_end, after = days_ago(7 * weeks), days_ago(7 * weeks + 1)

    assert not is_stale_problem(condition(onsetDateTime=at_the_end), [name], TODAY)
    assert is_stale_problem(condition(onsetDateTime=after), [name], TODAY)


@pytest.mark.parametrize(
    "name",
    [
        "Diabetes mellitus type 2 (disorder)", "Hypertension", "Chronic sinusitis (disorder)",
        "Chronic obstructive bronchitis (disorder)", "Recurrent urinary tract infection",
        "Human immunodeficiency virus infection", "Chronic hepatitis C",
        "Acute myeloid leukemia", "Latent tuberculosis infection", "Stroke",
        "Myocardial Infarction", "Brain damage - traumatic", "Interstitial cystitis",
        "Acute intermittent porphyria", "Post-traumatic stress disorder", "Gout",
        "Fetal alcohol syndrome", "Idiopathic acute eosinophilic pneumonia", "",
    ],
)  # fmt: skip
def test_what_may_last_is_never_stale(name: str) -> None:
    assert not is_stale_problem(condition(onsetDateTime="1959"), [name], TODAY)


@pytest.mark.parametrize(
    ("fields", "is_stale"),
    [
        ({}, False),
        ({"recordedDate": "2010-01-01"}, True),
        ({"onsetDateTime": "2010-01-01", "recordedDate": "2024-05-01"}, True),
        (
            {
                "onsetDateTime": "2010-01-01",
                "recordedDate": "2024-05-01",
                "clinicalStatus": concept("recurrence", ""),
            },
            False,
        ),
        ({"onsetDateTime": "2024"}, False),
    ],
)
def test_a_problem_is_as_old_as_its_onset_and_one_that_came_back_as_its_record(
    fields: Json, is_stale: bool
) -> None:
    assert is_stale_problem(condition(**fields), ["Acute bronchitis"], TODAY) is is_stale


def test_a_symptom_passes_unless_it_is_chronic() -> None:
    old = condition(onsetDateTime="2010")

    assert is_stale_problem(old, ["Nausea"], TODAY, is_symptom=True)
    assert not is_stale_problem(old, ["Chronic pain"], TODAY, is_symptom=True)


def test_facts_say_that_they_are_stale(resolver: Resolver) -> None:
    drugs, past = read_drugs(
        [
            request(authoredOn="2013-01-01"),
            request(authoredOn="2013-01-01", status="on-hold"),
            request(authoredOn="2013-01-01", status="stopped"),
        ],
        [],
        resolver,
        today=TODAY,
    )
    named = condition(code={"coding": [], "text": "hypertension"}, onsetDateTime="2013")
    conditions, _ = read_conditions([named], resolver, today=TODAY)

    assert [fact.is_stale for fact in drugs.facts] == [True, True]
    assert [fact.is_stale for fact in past] == [False]
    assert [fact.is_stale for fact in conditions.facts] == [False]
    assert not any(fact.is_certain for fact in drugs.facts)
