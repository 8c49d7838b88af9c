"""The small parts of a resource: texts, dates, references, statuses."""

from datetime import date

import pytest

from intake.resource import clean, codings, label, period, reference_keys, span, status, text_of
from tests.intake.samples import concept, condition


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("rate/\u200b1.73 sq M", "rate/1.73 sq M"),
        ("\u202ewarfarin\u202c", "warfarin"),
        ("war\x00farin\t 5\n MG", "war farin 5 MG"),
        ("\ufeffaspirin\u00a0", "aspirin"),
        ("a\ud800b", "ab"),
        ("二甲双胍", "二甲双胍"),
        (None, ""),
        (7, ""),
    ],
)
def test_a_text_is_read_without_what_cannot_be_seen(written: object, read: str) -> None:
    assert clean(written) == read


def test_a_display_of_any_length_is_cut() -> None:
    long = {"coding": [{"display": "\u200b" * 10**5 + "a" * 10**5}], "text": "b" * 10**5}

    assert codings(long)[0].display == "a" * 300
    assert text_of(long) == "b" * 300


@pytest.mark.parametrize(
    ("written", "first", "last"),
    [
        ("2020", date(2020, 1, 1), date(2020, 12, 31)),
        ("2020-02", date(2020, 2, 1), date(2020, 2, 29)),
        ("2020-02-29", date(2020, 2, 29), date(2020, 2, 29)),
        ("2020-01-01T23:30:00-05:00", date(2020, 1, 1), date(2020, 1, 1)),
        ("2020-01-01T00:10:00.123+14:00", date(2020, 1, 1), date(2020, 1, 1)),
        ("2020-01-01T00:10:00Z", date(2020, 1, 1), date(2020, 1, 1)),
    ],
)
def test_a_date_is_the_days_it_may_mean_in_its_own_zone(
    written: str, first: date, last: date
) -> None:
    assert span(written) == (first, last)


@pytest.mark.parametrize(
    "written", ["", "2021-02-29", "0000", "20200101", "2020-1-1", "2020T10:00", "soon", 2020, None]
)
def test_what_is_no_date_is_none(written: object) -> None:
    assert span(written) is None


def test_a_choice_element_is_read_from_its_date_or_its_period() -> None:
    point = {"onsetDateTime": "2020-05-05"}
    whole = {"onsetPeriod": {"start": "2020", "end": "2021-01-02"}}

    assert period(point, "onset") == (span("2020-05-05"), None)
    assert period(whole, "onset") == (span("2020"), span("2021-01-02"))
    assert period({"onsetAge": {"value": 7}}, "onset") == (None, None)
    assert period({"onsetPeriod": "2020"}, "onset") == (None, None)


@pytest.mark.parametrize(
    ("reference", "tail"),
    [
        ("Patient/1", "Patient/1"),
        ("https://a.example/fhir/Patient/1", "Patient/1"),
        ("https://a.example/fhir/Patient/1/_history/3", "Patient/1"),
        ("urn:uuid:39cc9d76", "urn:uuid:39cc9d76"),
    ],
)
def test_a_reference_is_filed_under_its_type_and_id(reference: str, tail: str) -> None:
    assert reference_keys(reference)[-1] == tail


def test_a_status_is_the_one_code_that_r4_allows() -> None:
    assert status(condition(), "clinicalStatus") == "active"
    assert status(condition(clinicalStatus=concept("on fire", "")), "clinicalStatus") == ""
    both = {"coding": [{"code": "active"}, {"code": "resolved"}]}
    assert status(condition(clinicalStatus=both), "clinicalStatus") == ""


def test_a_concept_is_called_by_display_then_text_then_code() -> None:
    assert label({"coding": [{"code": "1"}, {"display": "one"}], "text": "uno"}) == "one"
    assert label({"coding": [{"code": "1"}], "text": "uno"}) == "uno"
    assert label({"coding": [{"code": "1"}]}) == "1"
    assert label("one") == ""


def test_codes_of_any_shape_are_read_or_passed_over() -> None:
    assert codings({"coding": ["x", None, {"code": 5, "display": "five"}]}) == [("", "", "five")]
    assert codings({"coding": {"code": "1"}}) == []
