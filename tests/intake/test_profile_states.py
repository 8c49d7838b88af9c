"""What a written profile says holds, is over or was never so; and what it says of a pregnancy."""

from typing import Any

import pytest

from intake import Resolver, read_profile
from intake.pregnancy import PERHAPS
from recommend.errors import ProfileError
from recommend.profile import Fact, Knowledge
from tests.graphs import make_graph
from tests.intake.samples import HYPERTENSION, WARFARIN


def nodes(facts: tuple[Fact, ...]) -> list[str]:
    return [fact.node for fact in facts]


@pytest.mark.parametrize(
    ("entry", "status"),
    [
        ({"name": "hypertension", "status": "Resolved"}, "resolved"),
        ({"name": "hypertension", "status": "in remission"}, "remission"),
        ({"name": "hypertension", "end": "2024-05-31"}, "resolved"),
        ({"name": "hypertension", "end": "2024-06-01"}, ""),
        ({"name": "hypertension", "end": "2024-05-31", "status": "ACTIVE"}, "active"),
        ("History of hypertension", "resolved"),
        ({"name": "H/O hypertension", "status": "active"}, "resolved"),
        ({"node": HYPERTENSION, "verification": "Refuted"}, None),
        ({"name": "hypertension", "status": "Entered in Error"}, None),
        ("Family history of hypertension", None),
    ],
)
def test_a_condition_holds_is_over_or_is_none_by_its_statuses_and_end(
    resolver: Resolver, entry: object, status: str | None
) -> None:
    found = read_profile({"day": "2024-06-01", "conditions": [entry]}, resolver)

    assert [fact.status for fact in found.conditions] == ([] if status is None else [status])
    is_known = status in ("", "active")
    assert found.conditions_known is (Knowledge.KNOWN if is_known else Knowledge.UNKNOWN)
    assert read_profile(found.to_json(), resolver) == found


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({}, "drugs"),
        ({"status": "On-Hold"}, "drugs"),
        ({"status": "STOPPED"}, "past_drugs"),
        ({"end": "2024-05-31"}, "past_drugs"),
        ({"end": "2024-06-01"}, "drugs"),
        ({"end": "2024-05-31", "status": "active"}, "drugs"),
        ({"status": "Plan"}, ""),
        ({"status": "proposal"}, ""),
        ({"status": "intended"}, ""),
        ({"status": "Not Taken"}, ""),
        ({"status": "cancelled"}, ""),
        ({"status": "draft"}, ""),
        ({"status": "entered-in-error"}, ""),
        ({"verification": "refuted"}, ""),
    ],
)
def test_a_drug_is_current_past_or_left_out_by_its_status_and_end(
    resolver: Resolver, fields: dict[str, str], where: str
) -> None:
    found = read_profile({"day": "2024-06-01", "drugs": [{"name": "warfarin", **fields}]}, resolver)

    for name in ("drugs", "past_drugs"):
        assert nodes(getattr(found, name)) == [WARFARIN] * (name == where)
    assert found.drugs_known is (Knowledge.KNOWN if where == "drugs" else Knowledge.UNKNOWN)


def test_without_a_day_an_end_is_compared_with_today(resolver: Resolver) -> None:
    found = read_profile({"drugs": [{"name": "warfarin", "end": "2001-01-01"}]}, resolver)

    assert (found.drugs, nodes(found.past_drugs)) == ((), [WARFARIN])


def test_what_is_left_out_does_not_undo_a_statement_that_a_list_is_empty(
    resolver: Resolver,
) -> None:
    refuted = {"name": "penicillin", "verification": "refuted"}

    assert read_profile({"allergies": [refuted]}, resolver).allergies_known is Knowledge.UNKNOWN
    both = read_profile({"allergies": [refuted, "NKDA"]}, resolver)
    assert (both.allergies, both.allergies_known) == ((), Knowledge.EMPTY)


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"drugs": [{"name": "warfarin", "status": "Ada"}]}, "drugs: status must be one of"),
        ({"conditions": [{"name": "x", "status": "Ada"}]}, "conditions: status must be one of"),
        ({"allergies": [{"name": "x", "verification": "Ada"}]}, "allergies: verification must be"),
    ],
)
def test_an_unknown_status_is_refused_by_its_field_without_its_text(
    resolver: Resolver, document: dict[str, Any], field: str
) -> None:
    with pytest.raises(ProfileError, match=field) as refused:
        read_profile(document, resolver)

    assert "Ada" not in str(refused.value)


@pytest.mark.parametrize(
    "entry",
    ["twin pregnancy", "妊娠", "12 weeks pregnant", "Z33.1", "ICD10CM:O09.90", "65147003",
     {"system": "SNOMED", "code": "65147003"}],
)  # fmt: skip
def test_every_word_and_code_of_a_pregnancy_makes_the_patient_pregnant(
    resolver: Resolver, entry: object
) -> None:
    found = read_profile({"conditions": [entry]}, resolver)

    assert (found.pregnancy, found.conditions, found.unmapped) == ("pregnant", (), ())
    against = read_profile({"conditions": [entry], "pregnancy": False}, resolver)
    assert [item.kind for item in against.unmapped] == ["pregnancy"]
    assert against.pregnancy == "unknown"


@pytest.mark.parametrize("stated", [None, "unknown", False, "not pregnant"])
def test_a_problem_of_pregnancies_leaves_a_doubt_unless_pregnant(stated: object) -> None:
    graph = make_graph({"Disease": {"DOID:10591": "pre-eclampsia"}}, {})
    document = {"sex": "female", "age_years": 31} | (
        {} if stated is None else {"pregnancy": stated}
    )
    for entry in ("preeclampsia", "pre-eclampsia", "DOID:10591"):
        found = read_profile({**document, "conditions": [entry]}, graph)

        assert found.pregnancy == "unknown"
        assert [
            (item.kind, item.reason) for item in found.unmapped if item.kind == "pregnancy"
        ] == [("pregnancy", PERHAPS)]
        assert read_profile(found.to_json(), graph) == found
        known = read_profile({**document, "pregnancy": True, "conditions": [entry]}, graph)
        assert known.pregnancy == "pregnant"
        assert not any(item.kind == "pregnancy" for item in known.unmapped)


def test_a_pregnancy_that_is_over_says_nothing(resolver: Resolver) -> None:
    for entry in (
        {"name": "pregnancy", "status": "resolved"},
        {"name": "pregnancy", "end": "2020-01-01"},
        {"name": "pre-eclampsia", "verification": "refuted"},
        "ectopic pregnancy",
        "Family history of pre-eclampsia",
    ):
        found = read_profile({"conditions": [entry]}, resolver)

        assert found.pregnancy == "unknown"
        assert not any(item.kind == "pregnancy" for item in found.unmapped)
