"""Which conditions and drugs count, and what is known of each list."""

from datetime import date

import pytest

from intake.codes import Resolver
from intake.lists import PatientList, read_conditions, read_drugs
from recommend.profile import Fact, Knowledge
from tests.intake.samples import (
    DIABETES,
    HYPERTENSION,
    WARFARIN,
    Json,
    concept,
    condition,
    request,
    statement,
)

TODAY = date(2024, 6, 1)


def nodes(facts: list[Fact]) -> list[str]:
    return sorted(fact.node for fact in facts)


def current(resolver: Resolver, *entries: Json) -> PatientList:
    medications = [entry for entry in entries if entry["resourceType"] == "Medication"]
    others = [entry for entry in entries if entry["resourceType"] != "Medication"]
    return read_drugs(others, medications, resolver, today=TODAY)[0]


def coded(code: str) -> Json:
    return concept(code, "")


@pytest.mark.parametrize(
    ("fields", "counts"),
    [
        ({}, True),
        ({"clinicalStatus": coded("recurrence")}, True),
        ({"clinicalStatus": coded("relapse")}, True),
        ({"clinicalStatus": None}, True),
        ({"verificationStatus": coded("confirmed")}, True),
        ({"verificationStatus": coded("differential")}, True),
        ({"verificationStatus": coded("refuted")}, False),
        ({"clinicalStatus": None, "verificationStatus": coded("entered-in-error")}, False),
    ],
)
def test_a_condition_counts_by_its_statuses(resolver: Resolver, fields: Json, counts: bool) -> None:
    found = read_conditions([condition(**fields)], resolver, today=TODAY)[0]

    assert nodes(found.facts) == [DIABETES] * counts
    assert found.known() is (Knowledge.KNOWN if counts else Knowledge.UNKNOWN)
    assert found.unmapped == []


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"clinicalStatus": None, "abatementDateTime": "2020"}, "resolved"),
        ({"clinicalStatus": None, "abatementString": "in childhood"}, "resolved"),
        ({"clinicalStatus": coded("inactive")}, "inactive"),
        ({"clinicalStatus": coded("remission")}, "remission"),
        ({"clinicalStatus": coded("resolved")}, "resolved"),
        ({"code": {"text": "History of hypertension"}}, "resolved"),
        ({"code": concept("1", "Past history of hypertension (situation)")}, "resolved"),
        ({"code": {"text": "H/O hypertension"}, "clinicalStatus": None}, "resolved"),
    ],
)
def test_a_condition_that_is_over_is_kept_as_such(
    resolver: Resolver, fields: Json, status: str
) -> None:
    found = read_conditions([condition(onsetDateTime="2019", **fields)], resolver, today=TODAY)[0]

    assert [(f.status, f.ended, f.is_stale) for f in found.facts] == [(status, status, False)]
    assert nodes(found.facts) in ([DIABETES], [HYPERTENSION])
    assert found.known() is Knowledge.UNKNOWN
    assert found.unmapped == []


def test_past_conditions_alone_make_a_list_known_only_beside_no_current_problems(
    resolver: Resolver,
) -> None:
    over = condition(clinicalStatus=coded("resolved"), abatementDateTime="2020-02")
    none = condition(code=concept("160245001", "No current problems or disability"))

    found = read_conditions([over, none], resolver, today=TODAY)[0]

    assert found.known() is Knowledge.KNOWN
    assert [str(fact.end) for fact in found.facts] == ["2020-02-29"]
    no_longer_none = {**none, "clinicalStatus": coded("resolved")}
    assert read_conditions([no_longer_none], resolver, today=TODAY)[0].known() is Knowledge.UNKNOWN


@pytest.mark.parametrize(
    ("code", "is_listed"),
    [
        (concept("1", "Angioneurotic oedema of lips (disorder)"), True),
        (concept("1", ""), True),
        (concept("1", "Medication review due (situation)"), False),
        (concept("1", "Sprain of ankle"), False),
        (concept("1", "Fracture of skull"), True),
        (concept("72892002", "Normal pregnancy"), False),
    ],
)
def test_a_past_disease_without_a_node_is_listed_and_a_past_finding_is_not(
    resolver: Resolver, code: Json, is_listed: bool
) -> None:
    over = condition(code=code, clinicalStatus=coded("resolved"))

    found = read_conditions([over], resolver, today=TODAY)[0]

    assert [item.kind for item in found.unmapped] == ["condition"] * is_listed
    assert found.known() is Knowledge.UNKNOWN


@pytest.mark.parametrize(
    "text",
    [
        "Family history: hypertension",
        "Family history of hypertension (situation)",
        "FH: hypertension",
        "No history of hypertension",
    ],
)
def test_a_disease_of_the_family_or_of_nobody_is_not_the_patients(
    resolver: Resolver, text: str
) -> None:
    for code in ({"text": text}, {**concept("44054006", ""), "text": text}):
        found = read_conditions([condition(code=code)], resolver, today=TODAY)[0]

        assert found.facts == []
        assert [item.text for item in found.unmapped] == [text]
        assert found.known() is Knowledge.UNKNOWN


def test_a_condition_keeps_grade_basis_statuses_and_dates(resolver: Resolver) -> None:
    entry = condition(
        code=concept("59621000", "Essential hypertension"),
        verificationStatus=coded("provisional"),
        onsetDateTime="2019-03",
        abatementPeriod={"start": "2020", "end": "2021"},
    )

    (fact,) = read_conditions([entry], resolver, today=TODAY)[0].facts

    assert fact == Fact(
        HYPERTENSION, "broader", "broader than 'SNOMEDCT:59621000'", "active", "provisional",
        date(2019, 3, 1), date(2021, 12, 31),
    )  # fmt: skip


def test_a_condition_keeps_how_far_below_its_node_it_is(resolver: Resolver) -> None:
    text = "Severe persistent hypertension"
    entry = condition(code={"coding": [{"system": "urn:x", "code": "1", "display": text}]})

    (fact,) = read_conditions([entry], resolver, today=TODAY)[0].facts

    assert (fact.grade, fact.distance) == ("broader", 2)


def test_a_code_and_a_display_that_differ_are_two_questions(resolver: Resolver) -> None:
    entry = condition(code=concept("44054006", "Hypertension"))

    found = read_conditions([entry], resolver, today=TODAY)[0]

    assert nodes(found.facts) == sorted([DIABETES, HYPERTENSION])
    assert {fact.grade for fact in found.facts} == {"near"}


@pytest.mark.parametrize(
    "onset",
    [
        {"onsetAge": {"value": 30, "unit": "a"}},
        {"onsetString": "as a child"},
        {"onsetRange": {"low": {"value": 3}}},
        {"onsetDateTime": "2020-13-45"},
    ],
)
def test_an_onset_that_is_no_date_costs_only_the_date(resolver: Resolver, onset: Json) -> None:
    (fact,) = read_conditions([condition(**onset)], resolver, today=TODAY)[0].facts

    assert (fact.node, fact.start) == (DIABETES, None)


def test_a_condition_without_a_node_is_listed_not_lost(resolver: Resolver) -> None:
    unknown = condition(code=concept("1", "Hut\u200bchinson's \u202etooth"))

    found = read_conditions([unknown], resolver, today=TODAY)[0]

    assert found.facts == []
    assert [(u.kind, u.text) for u in found.unmapped] == [("condition", "Hutchinson's tooth")]
    assert found.known() is Knowledge.KNOWN


def test_zero_width_characters_do_not_hide_a_name(resolver: Resolver) -> None:
    hidden = condition(code={"text": "\u200btype 2 dia\u200bbetes mellitus\u202c"})

    assert nodes(read_conditions([hidden], resolver, today=TODAY)[0].facts) == [DIABETES]


@pytest.mark.parametrize(
    ("entry", "is_current", "is_past"),
    [
        (request(), True, False),
        (request(intent="instance-order"), True, False),
        (request(intent="filler-order"), True, False),
        (request(intent="proposal"), False, False),
        (request(intent="plan"), False, False),
        (request(intent="option"), False, False),
        (request(doNotPerform=True), False, False),
        (request(status="on-hold"), True, False),
        (request(status="unknown"), True, False),
        (request(status="completed"), False, True),
        (request(status="stopped"), False, True),
        (request(status="stopped", intent="plan"), False, False),
        (request(status="cancelled"), False, False),
        (request(status="draft"), False, False),
        (request(status="entered-in-error"), False, False),
        (statement(), True, False),
        (statement(status="completed"), False, True),
        (statement(status="intended"), False, False),
        (statement(status="not-taken"), False, False),
        (statement(status="entered-in-error"), False, False),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_a_drug_is_current_past_or_neither_by_its_status(
    resolver: Resolver, entry: Json, is_current: bool, is_past: bool
) -> None:
    now, past = read_drugs([entry], [], resolver, today=TODAY)

    assert len(now.facts) == is_current
    assert len(past) == is_past
    assert now.known() is (Knowledge.KNOWN if is_current else Knowledge.UNKNOWN)
    assert all(fact.status == entry["status"] for fact in now.facts + past)


def test_a_medication_that_is_not_there_is_read_from_the_reference_s_own_words(
    resolver: Resolver,
) -> None:
    for link in ({"reference": "Medication/0", "display": "Warfarin"}, {"display": "Warfarin"}):
        entry = request(medicationCodeableConcept=None, medicationReference=link)

        assert nodes(current(resolver, entry).facts) == [WARFARIN]


def test_no_known_problems_and_no_known_medications_are_statements(resolver: Resolver) -> None:
    no_drug = statement(medicationCodeableConcept=concept("787481004", "No known medications"))
    no_problem = condition(code=concept("160245001", "No current problems or disability"))

    drugs = current(resolver, no_drug)
    conditions = read_conditions([no_problem], resolver, today=TODAY)[0]

    assert (drugs.known(), drugs.unmapped) == (Knowledge.EMPTY, [])
    assert (conditions.known(), conditions.unmapped) == (Knowledge.EMPTY, [])
    assert current(resolver, {**no_drug, "status": "completed"}).known() is Knowledge.UNKNOWN


@pytest.mark.parametrize(
    "entry",
    [
        condition(code=None),
        condition(modifierExtension=[{"url": "x"}]),
        condition(clinicalStatus="active"),
    ],
)
def test_an_entry_that_cannot_be_used_is_not_used_and_said(resolver: Resolver, entry: Json) -> None:
    found = read_conditions([entry], resolver, today=TODAY)[0]

    assert found.facts == []
    assert [(u.kind, u.text) for u in found.unmapped] == [("condition", "")]


def test_an_emptied_entry_in_error_is_not_missed(resolver: Resolver) -> None:
    emptied = request(status="entered-in-error", medicationCodeableConcept=None)

    assert current(resolver, emptied).unmapped == []
