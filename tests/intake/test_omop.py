"""OMOP tables say the same of a person as a FHIR record does; what cannot be read is listed."""

import gzip
from collections.abc import Callable
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from intake import IntakeError, PatientBundle, Problem, Resolver, read_patients, to_profile
from intake.errors import NotOmopError, UnreadableError
from intake.omop import is_omop, read_omop
from kg.graph import Graph
from recommend.profile import Fact, Knowledge, PatientProfile
from tests.intake import samples
from tests.intake.omop_samples import (
    METFORMIN,
    FromFhir,
    Rows,
    ada,
    condition,
    drug,
    measurement,
    observation,
    write,
)

TODAY = date(2024, 6, 30)


def read(
    folder: Path, tables: Rows, *, today: date = TODAY
) -> tuple[list[PatientBundle], list[str]]:
    problems: list[Problem] = []
    write(folder, tables)
    found = list(read_omop(folder, today=today, source="here", on_problem=problems.append))
    return found, list(map(str, [*problems, *(p for b in found for p in b.problems)]))


def profile(folder: Path, tables: Rows) -> tuple[PatientProfile, list[str]]:
    (bundle,), problems = read(folder, tables)
    return to_profile(bundle.resources, samples.small_graph(), today=TODAY), problems


def test_a_person_has_the_facts_of_the_tables(tmp_path: Path) -> None:
    tables = ada(measurement=[measurement()], observation=[observation()])

    found, problems = profile(tmp_path, tables)

    assert problems == []
    assert [f.node for f in found.conditions] == [samples.DIABETES]
    assert [(f.node, f.grade, f.status) for f in found.drugs] == [
        (samples.METFORMIN, "xref", "active")
    ]
    assert [f.node for f in found.allergies] == [samples.PENICILLINS]
    assert (found.sex, found.age_years is not None, found.egfr) == ("female", True, 42.0)
    assert found.conditions[0].start == date(2019, 5, 1)
    assert not found.deceased


def test_without_a_table_of_observations_allergies_are_unknown(tmp_path: Path) -> None:
    found, _ = profile(tmp_path, ada())

    assert found.allergies_known is Knowledge.UNKNOWN


def test_identifiers_name_the_source(tmp_path: Path) -> None:
    (bundle,), _ = read(tmp_path, ada())

    assert bundle.identifiers == (("urn:omop:here", "1"),)
    assert all("Encounter" not in str(resource) for resource in bundle.resources)


def test_entries_name_their_visit(tmp_path: Path) -> None:
    visit = {"visit_occurrence_id": 7, "person_id": 1}
    tables = ada(
        condition_occurrence=[condition(visit_occurrence_id=7)],
        drug_exposure=[drug(visit_occurrence_id=7)],
        visit_occurrence=[visit | {"visit_start_date": "2019-05-01", "visit_end_date": ""}],
    )

    (bundle,), _ = read(tmp_path, tables)

    _, first, second = bundle.resources
    assert first["encounter"] == second["context"] == {"reference": "Encounter/7"}


@pytest.mark.parametrize(
    ("end", "visit_end", "is_current"),
    [
        ("", "2019-05-03", True),
        ("2019-05-01", "2019-05-03", True),  # the start again: nobody recorded an end
        ("2019-05-03", "2019-05-03", True),  # the end of the visit
        ("2019-06-01", "2019-05-03", False),
    ],
)
def test_a_condition_ends_only_where_an_end_was_recorded(
    tmp_path: Path, end: str, visit_end: str, is_current: bool
) -> None:
    visit = {"visit_occurrence_id": 7, "person_id": 1, "visit_start_date": "2019-05-01"}
    tables = ada(
        condition_occurrence=[condition(condition_end_date=end, visit_occurrence_id=7)],
        visit_occurrence=[visit | {"visit_end_date": visit_end}],
    )

    found, _ = profile(tmp_path, tables)

    assert [not fact.ended for fact in found.conditions] == [is_current]


@pytest.mark.parametrize(
    ("status", "expected"),
    [(32906, ("", "resolved")), (32899, ("provisional", "")), (0, ("", ""))],
)
def test_the_status_of_a_condition_counts(
    tmp_path: Path, status: int, expected: tuple[str, str]
) -> None:
    tables = ada(condition_occurrence=[condition(condition_status_concept_id=status)])

    found, _ = profile(tmp_path, tables)

    assert [(fact.verification, fact.ended) for fact in found.conditions] == [expected]


@pytest.mark.parametrize(
    ("end", "reason", "expected"),
    [
        ("2024-06-30", "", "active"),
        ("2024-06-29", "", "unknown"),
        ("2024-05-31", "", "unknown"),
        ("2024-05-30", "", "completed"),
        ("2024-06-29", "rash", "stopped"),
        ("2024-12-31", "rash", "active"),
        ("", "", "active"),
    ],
)
def test_a_drug_is_taken_until_its_end_and_may_be_for_a_month(
    tmp_path: Path, end: str, reason: str, expected: str
) -> None:
    tables = ada(drug_exposure=[drug(drug_exposure_end_date=end, stop_reason=reason)])

    found, _ = profile(tmp_path, tables)

    current = [(fact.node, fact.status) for fact in found.drugs]
    past = [(fact.node, fact.status) for fact in found.past_drugs]
    is_current = expected in ("active", "unknown")
    assert (current if is_current else past) == [(samples.METFORMIN, expected)]
    assert not (past if is_current else current)


def test_dose_and_route_are_kept(tmp_path: Path) -> None:
    tables = ada(drug_exposure=[drug(sig="one a day", route_source_value="oral")])

    (bundle,), _ = read(tmp_path, tables)

    assert bundle.resources[-1]["dosage"] == [
        {"text": "one a day", "route": {"coding": [], "text": "oral"}}
    ]


@pytest.mark.parametrize(
    ("fields", "text", "reason"),
    [
        ({"drug_concept_id": 0, "drug_source_value": "warfarin"}, None, "drug_concept_id is 0"),
        ({"drug_concept_id": 0, "drug_source_value": "860975"}, "source value '860975'", "is 0"),
        ({"drug_concept_id": 77}, "concept 77", "drug_concept_id 77 is not in the concept table"),
        ({"drug_concept_id": ""}, "concept not stated", "drug_concept_id is no whole number"),
    ],
)
def test_what_has_no_concept_is_listed(
    tmp_path: Path, fields: dict[str, object], text: str | None, reason: str
) -> None:
    found, problems = profile(tmp_path, ada(drug_exposure=[drug(**fields)]))

    assert len(problems) == 1
    assert reason in problems[0]
    assert problems[0].startswith("drug_exposure.csv: person 1")
    assert [entry.text for entry in found.unmapped] == ([text] if text else [])
    assert [fact.node for fact in found.drugs] == ([] if text else [samples.WARFARIN])


def test_a_concept_of_another_vocabulary_is_read_by_its_name(tmp_path: Path) -> None:
    found, problems = profile(tmp_path, ada(drug_exposure=[drug(drug_concept_id=9)]))

    assert [fact.node for fact in found.drugs] == ["DRUGBANK:DB00641"]
    assert problems == []


def test_the_sources_own_code_stands_in_for_a_missing_standard_one(tmp_path: Path) -> None:
    tables = ada(drug_exposure=[drug(drug_concept_id=0, drug_source_concept_id=METFORMIN)])

    found, problems = profile(tmp_path, tables)

    assert [fact.node for fact in found.drugs] == [samples.METFORMIN]
    assert "has no standard concept" in problems[0]


@pytest.mark.parametrize(
    "fields",
    [{"operator_concept_id": 4171756}, {"operator_concept_id": 5}, {"value_as_number": "x"}],
)
def test_a_number_that_is_not_one_is_not_used(tmp_path: Path, fields: dict[str, object]) -> None:
    found, _ = profile(tmp_path, ada(measurement=[measurement(**fields)]))

    assert found.egfr is None


def test_a_death_is_one_even_without_a_day(tmp_path: Path) -> None:
    found, problems = profile(tmp_path, ada(death=[{"person_id": 1, "death_date": "soon"}]))

    assert found.deceased
    assert problems == ["death.csv: person 1: death_date is no date of the form YYYY-MM-DD"]


@pytest.mark.parametrize(
    ("born", "expected"),
    [
        ({"month_of_birth": 3, "day_of_birth": 7}, "1960-03-07"),
        ({"month_of_birth": 3}, "1960-03"),
        ({"day_of_birth": 7}, "1960"),
        ({"birth_datetime": "1961-02-03 04:05:06"}, "1961-02-03"),
        ({"birth_datetime": "19610203"}, "1961-02-03"),
        ({"year_of_birth": 0}, None),
        ({"year_of_birth": ""}, None),
    ],
)
def test_a_birth_is_as_exact_as_it_is_known(
    tmp_path: Path, born: dict[str, object], expected: str | None
) -> None:
    person = {"person_id": 1, "gender_concept_id": 8507, "year_of_birth": 1960} | born

    (bundle,), problems = read(tmp_path, ada(person=[person]))

    assert bundle.resources[0].get("birthDate") == expected
    assert bool(problems) is (expected is None)


def test_rows_of_strangers_and_rows_without_a_person_are_reported(tmp_path: Path) -> None:
    tables = ada(
        condition_occurrence=[condition(), condition(person_id=5), condition(person_id="")]
    )

    (bundle,), problems = read(tmp_path, tables)

    assert len(bundle.resources) == 3
    assert problems == [
        "condition_occurrence.csv: row 3: person_id is no whole number",
        "condition_occurrence.csv: 1 rows are of persons that are not in person.csv",
    ]


def test_without_a_listener_the_first_problem_is_raised(tmp_path: Path) -> None:
    write(tmp_path, ada(drug_exposure=[drug(person_id=5)]))

    with pytest.raises(NotOmopError, match="1 rows are of persons"):
        list(read_omop(tmp_path, today=TODAY, source="here"))


def test_a_person_twice_is_refused(tmp_path: Path) -> None:
    person = ada()["person"]

    with pytest.raises(NotOmopError, match="person_id 1 stands there 2 times"):
        read(tmp_path, ada(person=person * 2))


def test_persons_come_in_order_with_their_own_rows_only(tmp_path: Path) -> None:
    tables = ada()
    tables["person"] = [tables["person"][0] | {"person_id": i} for i in (3, 1, 2)]
    tables["condition_occurrence"] = [
        condition(person_id=i, condition_occurrence_id=n) for n, i in enumerate((2, 1, 2, 1, 2))
    ]
    tables["drug_exposure"] = []

    found, _ = read(tmp_path, tables)

    assert [[r["id"] for r in bundle.resources] for bundle in found] == [
        ["1", "condition-occurrence-1", "condition-occurrence-3"],
        ["2", "condition-occurrence-0", "condition-occurrence-2", "condition-occurrence-4"],
        ["3"],
    ]


def test_a_folder_without_a_table_is_refused(tmp_path: Path) -> None:
    tables = ada()
    del tables["concept"], tables["visit_occurrence"]

    with pytest.raises(NotOmopError, match="has no table concept, visit_occurrence as"):
        read(tmp_path, tables)


def test_a_folder_is_known_by_its_persons(tmp_path: Path) -> None:
    (tmp_path / "Patient.ndjson").touch()
    assert not is_omop(tmp_path)

    write(tmp_path, {"person": []})

    assert is_omop(tmp_path)


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="cannot be opened as a folder"):
        list(read_omop(tmp_path / "none", today=TODAY, source="here"))


def _change(edit: Callable[[str], str]) -> Callable[[Path], None]:
    def change(file: Path) -> None:
        file.write_text(edit(file.read_text()))

    return change


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            _change(lambda text: text.replace("drug_concept_id", "concept")),
            "no column drug_concept",
        ),
        (lambda file: file.write_bytes(b"\xff\xfe\x00"), "cannot be read|no column"),
        (lambda file: file.rename(file.with_suffix(".parquet")), "cannot be read as an OMOP table"),
        (lambda file: (file.parent / "DRUG_EXPOSURE.CSV.GZ").touch(), "is the same table as"),
        (lambda file: file.rename(file.parent / "drug_exposure.csv.gz"), "cannot be read"),
    ],
)
def test_a_damaged_table_is_refused(
    tmp_path: Path, damage: Callable[[Path], Any], message: str
) -> None:
    write(tmp_path, ada())
    damage(tmp_path / "drug_exposure.csv")

    with pytest.raises(IntakeError, match=message) as error:
        list(read_omop(tmp_path, today=TODAY, source="here"))
    assert "2024" not in str(error.value)  # nothing of a row


def test_a_row_of_the_wrong_length_is_left_out_and_reported(tmp_path: Path) -> None:
    write(tmp_path, ada())
    file = tmp_path / "drug_exposure.csv"
    file.write_text(file.read_text() + "21,1,secret\n")
    problems: list[Problem] = []

    (bundle,) = read_omop(tmp_path, today=TODAY, source="here", on_problem=problems.append)

    assert len(bundle.resources) == 3
    (problem,) = map(str, problems)
    assert "has 3 cells instead of 13; it is left out" in problem
    assert "secret" not in problem


def test_parquet_tabs_capitals_and_gzip_are_read_the_same(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import csv, parquet

    tables = ada(measurement=[measurement()], observation=[observation()])
    (expected,), _ = read(tmp_path / "plain", tables)
    other = write(tmp_path / "other", tables)
    table = csv.read_csv(other / "drug_exposure.csv")
    assert table.schema.field("drug_exposure_start_date").type == pa.date32()
    parquet.write_table(table, other / "drug_exposure.parquet")
    (other / "drug_exposure.csv").unlink()
    concept = (other / "concept.csv").read_text().replace(",", "\t").upper()
    (other / "concept.csv").unlink()
    (other / "CONCEPT.csv").write_text(concept.split("\n", 1)[0] + "\n" + "\n".join(
        line.replace(",", "\t") for line in
        (tmp_path / "plain" / "concept.csv").read_text().splitlines()[1:]
    ))  # fmt: skip
    person = (other / "person.csv").read_bytes()
    (other / "person.csv").unlink()
    (other / "person.csv.gz").write_bytes(gzip.compress(person))

    (found,) = read_omop(other, today=TODAY, source="here")

    assert found.resources == expected.resources


def facts(found: tuple[Fact, ...]) -> set[tuple[object, ...]]:
    return {(fact.node, fact.grade, fact.start) for fact in found if fact.grade != "near"}


def test_a_fhir_patient_as_omop_has_the_same_profile(
    data: Path, tmp_path: Path, starter: Graph
) -> None:
    today = date(2021, 6, 30)  # three months after the last entry
    bundles = list(islice(read_patients([data / "fhir" / "synthea-r4-bundles-150.tar.gz"]), 20))
    oracle = FromFhir()
    for person, bundle in enumerate(bundles, 1):
        oracle.add(person, bundle, far="2030-01-01")
    resolver = Resolver(starter)

    found, problems = read(tmp_path, oracle.rows(), today=today)

    assert problems == []
    assert len(found) == len(bundles)
    n_facts = 0
    for ours, theirs in zip(found, bundles, strict=True):
        mine, expected = (to_profile(b.resources, resolver, today=today) for b in (ours, theirs))
        for name in ("conditions", "drugs", "past_drugs", "symptoms"):
            assert facts(getattr(mine, name)) == facts(getattr(expected, name)), name
            n_facts += len(getattr(mine, name))
        allergies = ({f.node for f in p.allergies if f.grade != "near"} for p in (mine, expected))
        assert len({frozenset(nodes) for nodes in allergies}) == 1
        for name in ("age_years", "sex", "egfr", "creatinine", "weight_kg", "deceased",
                     "pregnancy", "conditions_known", "drugs_known"):  # fmt: skip
            assert getattr(mine, name) == getattr(expected, name), name
    assert n_facts > 100
