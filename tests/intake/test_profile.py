"""Resources of one patient to one profile."""

from collections import Counter
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake import MixedPatientsError, Resolver, code_grades, to_profile
from intake.resource import CODES
from recommend.profile import Knowledge, PatientProfile
from tests.intake.samples import (
    ACETAMINOPHEN,
    AMOXICILLIN,
    DIABETES,
    METFORMIN,
    OXYCODONE,
    WARFARIN,
    Json,
    allergy,
    concept,
    condition,
    drug_text,
    medication,
    observation,
    patient,
    request,
    small_graph,
    statement,
)

TODAY = date(2024, 6, 1)
RESOLVER = Resolver(small_graph())


def profile(*resources: Json, today: date = TODAY) -> PatientProfile:
    return to_profile(resources, RESOLVER, today=today)


def test_a_whole_record_becomes_a_profile() -> None:
    found = profile(
        patient(gender="female", birthDate="1980-06-01"),
        condition(),
        request(),
        statement(status="completed"),
        allergy(),
        observation("33914-3", valueQuantity={"value": 51, "code": "mL/min/{1.73_m2}"}),
        {"resourceType": "Procedure", "id": "x"},
    )

    assert [fact.node for fact in found.conditions] == [DIABETES]
    assert [fact.node for fact in found.drugs] == [METFORMIN]
    assert [fact.node for fact in found.past_drugs] == [WARFARIN]
    assert [fact.node for fact in found.allergies] == [AMOXICILLIN]
    assert {found.conditions_known, found.drugs_known, found.allergies_known} == {Knowledge.KNOWN}
    assert (found.age_years, found.sex, found.egfr) == (44.0, "female", 51.0)
    assert (found.pregnancy, found.deceased, found.unmapped) == ("unknown", False, ())


def test_nothing_is_known_of_nobody() -> None:
    assert profile() == PatientProfile(day=TODAY)


def test_a_graph_serves_as_well_as_a_resolver() -> None:
    assert to_profile([condition()], RESOLVER.graph, today=TODAY) == profile(condition())


def test_a_profile_survives_json() -> None:
    found = profile(
        patient(birthDate="2000"), condition(onsetDateTime="2010"), condition(code=None)
    )

    assert PatientProfile.from_json(found.to_json()) == found


@pytest.mark.parametrize(
    ("born", "today", "age"),
    [
        ("2006-06-01", date(2024, 6, 1), 18.0),
        ("2006-06-02", date(2024, 6, 1), 17 + 365 / 366),
        ("2024-06-01", date(2024, 6, 1), 0.0),
        ("2024-02-01", date(2024, 6, 1), 121 / 366),
        ("2004-02-29", date(2023, 2, 28), 18 + 364 / 365),
        ("2004-02-29", date(2023, 3, 1), 19.0),
        ("2006", date(2024, 6, 1), 17 + 153 / 366),
        ("2006-06", date(2024, 6, 1), 17 + 337 / 366),
        ("2024", date(2024, 6, 1), 0.0),
        ("1914-06-01", date(2024, 6, 1), 110.0),
        ("1893-12-31", date(2024, 6, 1), None),
        ("2025-01-01", date(2024, 6, 1), None),
        ("2006-02-30", date(2024, 6, 1), None),
        (None, date(2024, 6, 1), None),
    ],
)
def test_age_is_years_since_the_latest_birthday_the_record_allows(
    born: str | None, today: date, age: float | None
) -> None:
    found = profile(patient(birthDate=born), today=today).age_years

    assert found == (pytest.approx(age) if age is not None else None)


@pytest.mark.parametrize(
    ("gender", "sex"),
    [("female", "female"), ("male", "male"), ("other", "other"), ("F", "unknown"), ([], "unknown")],
)
def test_sex_is_what_the_record_says_in_fhir_s_words(gender: object, sex: str) -> None:
    assert profile(patient(gender=gender)).sex == sex


@pytest.mark.parametrize(
    ("fields", "deceased"),
    [
        ({}, False),
        ({"deceasedBoolean": False}, False),
        ({"deceasedBoolean": True}, True),
        ({"deceasedBoolean": "true"}, True),
        ({"deceasedDateTime": "2011"}, True),
        ({"deceasedDateTime": "some time ago"}, True),
    ],
)
def test_a_statement_of_death_is_taken_as_one(fields: Json, deceased: bool) -> None:
    assert profile(patient(**fields)).deceased is deceased


def test_two_patients_are_refused() -> None:
    with pytest.raises(MixedPatientsError, match="2 Patient resources"):
        profile(patient(), patient(id="p2"))


def test_a_patient_with_a_modifier_says_nothing_of_themself() -> None:
    modified = patient(gender="male", birthDate="2000", modifierExtension=[{"url": "x"}])

    assert profile(modified, condition()) == profile(condition())


def test_facts_of_one_node_become_the_most_telling_one() -> None:
    found = profile(
        request(id="1", authoredOn="2019-01-01"),
        request(id="2", authoredOn="2023-06-01"),
        request(id="3", authoredOn="2024-01-01", status="on-hold"),
        request(id="4", authoredOn="2024-01-01", medicationCodeableConcept=drug_text("Metfromin")),
        request(id="5"),
    )

    (fact,) = found.drugs
    assert (fact.grade, fact.status, fact.start) == ("xref", "active", date(2023, 6, 1))


def test_a_past_drug_that_is_current_again_is_current_only() -> None:
    found = profile(request(status="stopped"), request(id="m2"))

    assert ([fact.node for fact in found.drugs], found.past_drugs) == ([METFORMIN], ())


def test_the_order_of_resources_does_not_matter() -> None:
    product = drug_text("Percocet")
    resources = [
        request(), request(id="m2", medicationCodeableConcept=product), condition(), patient(),
    ]  # fmt: skip

    assert profile(*resources) == profile(*reversed(resources))
    assert [fact.node for fact in profile(*resources).drugs] == sorted(
        [METFORMIN, OXYCODONE, ACETAMINOPHEN]
    )


def test_codes_are_counted_by_their_weakest_grade_whether_current_or_not() -> None:
    grades = code_grades(
        [
            patient(),
            condition(),
            condition(clinicalStatus=concept("resolved", "")),
            condition(code=concept("59621000", "")),
            condition(code=concept("1", "Hutchinson's tooth")),
            condition(code=None),
            request(medicationCodeableConcept=drug_text("Simvistatin 10 MG Oral Tablet")),
            request(medicationCodeableConcept=drug_text("Warfarin / Wondermycin")),
            statement(status="completed"),
            allergy(),
            allergy(code=concept("716186003", "No known allergy")),
        ],
        RESOLVER,
    )

    assert grades == Counter(xref=2, broader=1, unmapped=3, near=1, exact=2)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=4) | st.sampled_from(["coding", "text"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)
SAMPLES = [
    patient(birthDate="1990-01", gender="female"), condition(onsetDateTime="2020"), request(),
    request(
        dosageInstruction=[{"route": {}, "timing": {"repeat": {}}, "doseAndRate": [{}]}],
        dispenseRequest={"expectedSupplyDuration": {"value": 3, "unit": "d"}},
    ),
    statement(dosage=[{"text": "x"}], dateAsserted="2020"),
    condition(code={"text": "lactating"}, recordedDate="2020"),
    observation("29463-7", valueQuantity={"value": 50, "code": "kg"}),
    observation("2160-0", valueQuantity={"value": 1, "code": "mg/dL"}),
    observation("63895-7", valueBoolean=True, valueString="A", valueInteger=3),
    request(contained=[medication(id="x")]), statement(), medication(),
    allergy(criticality="high", reaction=[{"severity": "mild"}]),
    observation("82810-3", valueCodeableConcept=concept("77386006", "")),
    observation("33914-3", valueQuantity={"value": 50, "code": "mL/min/{1.73_m2}"}),
]  # fmt: skip
FIELDS = sorted({field for sample in SAMPLES for field in sample} - {"resourceType"})
WORDS = sorted({word for words in CODES.values() for word in words})


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(SAMPLES),
            st.dictionaries(st.sampled_from(FIELDS), JSON | st.sampled_from(WORDS), max_size=3),
        ),
        max_size=4,
    ),
    st.dates(),
)
def test_no_resources_crash_a_profile(edits: list[tuple[Json, Json]], today: date) -> None:
    resources = [{**sample, **edit} for sample, edit in edits]

    try:
        found = profile(*resources, today=today)
    except MixedPatientsError:
        return

    assert PatientProfile.from_json(found.to_json()) == found
    assert sum(code_grades(resources, RESOLVER).values()) <= len(resources)
