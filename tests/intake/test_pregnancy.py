"""Pregnancy: said and plausible, or unknown with the reason."""

from datetime import date

import pytest

from intake.pregnancy import PERHAPS, find_pregnancy
from intake.profile import to_profile
from kg.graph import Graph
from recommend.profile import Sex
from tests.intake.samples import LOINC, Json, concept, condition, observation, patient, small_graph

TODAY = date(2024, 6, 1)
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
UNDATED = "an active pregnancy without a usable date"


def status(code: str, day: str = "2024-05-20", **fields: object) -> Json:
    value = concept(code, "")
    return observation("82810-3", valueCodeableConcept=value, effectiveDateTime=day, **fields)


def pregnancy(*entries: Json, sex: Sex = "female", age: float | None = 30) -> tuple[str, list[str]]:
    """The answer, and the reasons for doubt."""
    answer, unmapped = find_pregnancy(
        [entry for entry in entries if entry["resourceType"] == "Observation"],
        [entry for entry in entries if entry["resourceType"] == "Condition"],
        today=TODAY,
        sex=sex,
        age_years=age,
    )
    assert all(item.kind == "pregnancy" for item in unmapped)
    assert all(item.text == "" or item.reason == PERHAPS for item in unmapped)
    return answer, [item.reason for item in unmapped]


def expecting(onset: str | None, code: str = "72892002", **fields: object) -> Json:
    return condition(code=concept(code, "Normal pregnancy"), onsetDateTime=onset, **fields)


YES, NO = "77386006", "60001007"


@pytest.mark.parametrize(
    ("entries", "answer"),
    [
        ([], "unknown"),
        ([status(YES)], "pregnant"),
        ([status(NO)], "not pregnant"),
        ([status("1")], "unknown"),
        ([status(YES, "2023-07-29")], "pregnant"),
        ([status(YES, "2023-07-28")], "unknown"),
        ([status(NO, "2024-05-04")], "not pregnant"),
        ([status(NO, "2024-05-03")], "unknown"),
        ([status(YES, status="preliminary")], "unknown"),
        ([status(NO, "2024-05-10"), status(YES, "2024-05-20")], "pregnant"),
        ([status(YES, "2024-05-10"), status(NO, "2024-05-20")], "not pregnant"),
        ([status(YES), status(NO)], "unknown"),
        ([expecting("2024-03-01")], "pregnant"),
        ([expecting("2024-03-01", YES)], "pregnant"),
        ([expecting("2024-03-01", "34801009")], "unknown"),
        ([expecting("2023-07-29")], "pregnant"),
        ([expecting("2023-07-28")], "unknown"),
        ([expecting("1959-05-05")], "unknown"),
        ([expecting("2024")], "pregnant"),
        ([expecting("2023")], "unknown"),
        ([expecting("2025-01-01")], "unknown"),
        ([expecting(None)], "unknown"),
        ([expecting("2024-03-01", clinicalStatus=concept("resolved", ""))], "unknown"),
        ([expecting("2024-03-01", verificationStatus=concept("refuted", ""))], "unknown"),
        ([expecting("2024-03-01"), status(NO)], "unknown"),
    ],
)
def test_a_pregnancy_is_what_is_said_and_still_holds(entries: list[Json], answer: str) -> None:
    assert pregnancy(*entries)[0] == answer


@pytest.mark.parametrize(
    ("sex", "age", "said", "answer"),
    [
        ("male", 30, False, "not pregnant"),
        ("male", 30, True, "unknown"),
        ("other", 30, True, "unknown"),
        ("unknown", 30, False, "unknown"),
        ("female", None, True, "unknown"),
        ("female", 9.9, True, "unknown"),
        ("female", 10.0, True, "pregnant"),
        ("female", 55.9, True, "pregnant"),
        ("female", 56.0, True, "unknown"),
        ("female", 59.9, False, "unknown"),
        ("female", 60, False, "not pregnant"),
        ("female", 9.9, False, "not pregnant"),
        ("female", None, False, "unknown"),
    ],
)
def test_a_pregnancy_must_be_plausible(
    sex: Sex, age: float | None, said: bool, answer: str
) -> None:
    assert pregnancy(*([status(YES)] if said else []), sex=sex, age=age)[0] == answer


def test_the_status_may_be_loinc_s_answer() -> None:
    for code, answer in (("LA15173-0", "pregnant"), ("LA26683-5", "not pregnant")):
        said = status(YES) | {"valueCodeableConcept": concept(code, "", LOINC)}

        assert pregnancy(said) == (answer, [])


@pytest.mark.parametrize(
    "code",
    [
        concept("47200007", "High risk pregnancy"),
        concept("237238006", "Pregnancy with uncertain dates"),
        concept("Z33.1", "", ICD),
        concept("Z34.90", "", ICD),
        concept("O09.90", "", ICD),
        {"text": "Pregnant"},
        {"text": "pregnancy"},
        {"text": "Pregnant, 20 weeks"},
        {"text": "Pregnancy (third trimester)"},
        {"text": "12 weeks pregnant"},
        {"text": "First trimester pregnancy"},
        concept("1", "Pregnant (finding)", "urn:local"),
    ],
)
def test_every_code_and_word_for_a_pregnancy_is_one(code: Json) -> None:
    dated = condition(code=code, onsetDateTime="2024-03-01")
    undated = condition(code=code)

    assert pregnancy(dated) == ("pregnant", [])
    assert pregnancy(undated) == ("unknown", [UNDATED])


@pytest.mark.parametrize(
    "code",
    [concept("Z33.2", "", ICD), concept("O00.9", "", ICD), {"text": "Pregnancy test"},
     {"text": "History of pregnancy"}, {"text": "Family history of pre-eclampsia"},
     concept("Z33.1", "", "urn:local")],
)  # fmt: skip
def test_what_only_resembles_a_pregnancy_is_none(code: Json) -> None:
    assert pregnancy(condition(code=code, onsetDateTime="2024-03-01")) == ("unknown", [])


@pytest.mark.parametrize("onset", [None, "2023", "2025-01-01"])
def test_an_active_pregnancy_that_cannot_be_dated_is_named(onset: str | None) -> None:
    assert pregnancy(expecting(onset)) == ("unknown", [UNDATED])
    assert pregnancy(expecting(onset, clinicalStatus=None)) == ("unknown", [UNDATED])
    assert pregnancy(expecting(onset), status(YES)) == ("pregnant", [])


@pytest.mark.parametrize(
    ("entries", "sex", "age", "why"),
    [
        ([status(YES)], "male", 31, "the sex is male"),
        ([expecting(None)], "male", 31, "the sex is male"),
        ([status(YES)], "unknown", 31, "the sex is unknown"),
        ([status(YES)], "female", 57, "the age is not 10 to 55"),
        ([status(YES)], "female", None, "the age is unknown"),
        ([status(YES), status(NO)], "female", 31, "also not pregnant"),
        ([expecting("2024-03-01"), status(NO)], "female", 31, "also not pregnant"),
        ([expecting(None), status(NO)], "female", 31, "also not pregnant"),
    ],
)
def test_a_pregnancy_that_contradicts_the_record_is_named(
    entries: list[Json], sex: Sex, age: float | None, why: str
) -> None:
    expected = ("unknown", [f"the record says pregnant, but {why}"])

    assert pregnancy(*entries, sex=sex, age=age) == expected


ENDED = "the record says pregnant, but also how a pregnancy ended since"


@pytest.mark.parametrize(
    "code",
    [
        concept("34801009", ""),
        concept("19169002", "Miscarriage in first trimester"),
        concept("79586000", "Tubal pregnancy"),
        concept("O03.9", "", ICD),
        concept("O80", "", ICD),
        {"text": "Termination of pregnancy"},
        {"text": "Stillbirth"},
    ],
)
def test_a_pregnancy_that_ended_since_is_not_an_ongoing_one(code: Json) -> None:
    after = condition(code=code, onsetDateTime="2024-05-25")
    before = condition(
        code=code, onsetDateTime="2024-01-15", clinicalStatus=concept("resolved", "")
    )

    assert pregnancy(after) == ("unknown", [])
    assert pregnancy(expecting("2024-03-01"), after) == ("unknown", [])
    assert pregnancy(status(YES), after) == ("unknown", [])
    assert pregnancy(expecting("2024-03-01"), status(NO), after) == ("not pregnant", [])
    assert pregnancy(expecting("2024-03-01"), status(YES, "2024-05-26"), after) == ("pregnant", [])
    assert pregnancy(expecting(None), after) == ("unknown", [UNDATED])
    assert pregnancy(expecting("2024-03-01"), before) == ("pregnant", [])
    assert pregnancy(
        expecting("2024-03-01"), {**after, "verificationStatus": concept("refuted", "")}
    ) == (
        "pregnant",
        [],
    )


def test_an_end_that_may_lie_before_the_pregnancy_leaves_a_doubt() -> None:
    sometime = condition(code={"text": "Miscarriage"}, onsetDateTime="2024")

    assert pregnancy(expecting("2024-03-01"), sometime) == ("unknown", [ENDED])


@pytest.mark.parametrize(
    "code",
    [
        {"text": "Pre-eclampsia"},
        {"text": "Hypertension in pregnancy"},
        {"text": "Threatened miscarriage"},
        concept("398254007", ""),
        concept("O13.9", "", ICD),
    ],
)
def test_a_problem_of_pregnancies_without_a_pregnancy_is_a_doubt(code: Json) -> None:
    for onset in (None, "2024-05-01"):
        problem = condition(code=code, onsetDateTime=onset)
        over = {**problem, "clinicalStatus": concept("resolved", "")}

        assert pregnancy(problem) == ("unknown", [PERHAPS])
        assert pregnancy(problem, status(NO)) == ("unknown", [PERHAPS])
        assert pregnancy(problem, sex="male") == ("unknown", [PERHAPS])
        assert pregnancy(problem, expecting("2024-03-01")) == ("pregnant", [])
        assert pregnancy(over) == ("unknown", [])
    long_ago = condition(code=code, onsetDateTime="2019-05-01")
    lost = condition(code={"text": "Miscarriage"}, onsetDateTime="2024-05-20")
    assert pregnancy(long_ago) == ("unknown", [])
    assert pregnancy(condition(code=code, onsetDateTime="2024-05-01"), lost) == ("unknown", [])


@pytest.mark.parametrize("text", ["Threatened miscarriage", "History of stillbirth"])
def test_what_threatens_a_pregnancy_has_not_ended_it(text: str) -> None:
    threat = condition(code={"text": text}, onsetDateTime="2024-05-25")

    assert pregnancy(expecting("2024-03-01"), threat) == ("pregnant", [])


@pytest.fixture(scope="module")
def graph() -> Graph:
    return small_graph()


def test_the_contradiction_reaches_the_profile(graph: Graph) -> None:
    person = patient(gender="male", birthDate="1993-01-01")

    profile = to_profile([person, status(YES)], graph, today=TODAY)

    assert profile.pregnancy == "unknown"
    assert [(item.kind, item.reason) for item in profile.unmapped] == [
        ("pregnancy", "the record says pregnant, but the sex is male")
    ]
