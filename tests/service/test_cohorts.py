"""From FHIR resources to a cohort: what counts, when, and that no identity comes along."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recommend.cohorts.cohort import OPEN, SEXES, Cohort, examples, rows_of
from recommend.evaluate.patients.leakage import check_leakage
from service.cohorts import CohortBuilder, read_cohort
from service.errors import SettingsError
from service.settings import Settings
from tests.intake.samples import (
    ACETAMINOPHEN,
    METFORMIN,
    OXYCODONE,
    bundle,
    concept,
    condition,
    drug_text,
    medication,
    patient,
    request,
    small_graph,
    statement,
    written,
)

GRAPH = small_graph()
TODAY = date(2024, 5, 31)


def row(curie: str) -> int:
    return GRAPH.row("Drug", curie)


def made(*resources: dict[str, Any]) -> Cohort:
    builder = CohortBuilder(GRAPH, "a test")
    builder.add([patient(gender="female", birthDate="1980-02-29"), *resources])
    return builder.build()


def ordered(day: str = "2024-05-31", **fields: object) -> dict[str, Any]:
    return request(authoredOn=day, **fields)


def had(onset: str = "2024-05-31", **fields: object) -> dict[str, Any]:
    return condition(onsetDateTime=onset, **fields)


def test_days_count_from_the_last_entry_of_all() -> None:
    cohort = made(had("2024-05-01"), ordered("2024-05-31"))

    assert cohort.order_day.tolist() == [0]
    assert cohort.condition_start.tolist() == [-30]
    assert cohort.born.tolist() == [date(1980, 2, 29).toordinal() - TODAY.toordinal()]
    assert SEXES[cohort.sex[0]] == "female"


def test_a_condition_is_known_since_it_was_recorded_and_a_vague_date_is_its_last_day() -> None:
    late = had("2024-01-10", recordedDate="2024-03-05T10:00:00Z")
    vague = had("2023", id="c2")

    cohort = made(late, vague, ordered())

    days = {
        (date.fromordinal(TODAY.toordinal() + start), date.fromordinal(TODAY.toordinal() + known))
        for start, known in zip(cohort.condition_start, cohort.condition_known, strict=True)
    }
    assert days == {
        (date(2024, 1, 10), date(2024, 3, 5)),
        (date(2023, 1, 1), date(2023, 12, 31)),
    }


def test_a_resolved_condition_counts_until_it_ended() -> None:
    ended = had(
        "2024-01-10", clinicalStatus=concept("resolved", ""), abatementDateTime="2024-02-10"
    )

    cohort = made(ended, ordered())

    assert cohort.condition_end[0] - cohort.condition_start[0] == 31


@pytest.mark.parametrize(
    "entry",
    [
        had(verificationStatus=concept("refuted", "")),
        had(verificationStatus=concept("entered-in-error", "")),
        condition(),  # nobody says when
        ordered(status="cancelled"),
        ordered(status="draft"),
        ordered(status="entered-in-error"),
        ordered(intent="plan"),
        ordered(doNotPerform=True),
        request(),  # nobody says when
        ordered(medicationCodeableConcept=drug_text("water")),
        statement(status="not-taken", effectiveDateTime="2024-05-31"),
    ],
)
def test_what_does_not_count_is_not_in_the_cohort(entry: dict[str, Any]) -> None:
    cohort = made(entry)

    assert len(cohort.condition_code) == len(cohort.order_drug) == 0


def test_an_order_of_two_ingredients_is_two_of_one_encounter() -> None:
    cohort = made(ordered(medicationCodeableConcept=drug_text("Percocet")))

    assert sorted(cohort.order_drug.tolist()) == sorted([row(OXYCODONE), row(ACETAMINOPHEN)])
    assert len(set(cohort.order_encounter.tolist())) == 1


def test_a_medication_that_is_referred_to_is_found() -> None:
    asked = ordered(
        medicationCodeableConcept=None, medicationReference={"reference": "Medication/med1"}
    )

    assert len(made(medication(), asked).order_drug) == 1


def test_the_encounter_starts_with_its_earliest_entry() -> None:
    visit = {"reference": "Encounter/e1"}
    cohort = made(
        had("2024-05-01", encounter=visit),
        ordered("2024-05-31", encounter=visit),
    )

    asked = examples(cohort)

    assert asked.day.tolist() == [-30]
    assert rows_of(asked.recent, 0).tolist() == [0]


def test_the_reason_of_an_order_is_never_read() -> None:
    reason = {"reference": "Condition/c1"}
    plain = made(had(), ordered())
    reasoned = made(had(), ordered(reasonReference=[reason], reasonCode=[concept("1", "Gout")]))

    for name, column in vars(plain).items():
        assert np.array_equal(column, getattr(reasoned, name)), name


def test_a_condition_that_names_a_drug_of_the_cohort_is_found_out_and_hidden() -> None:
    told = had("2024-05-30", id="c2", code=concept("99", "Adverse reaction to metformin"))

    cohort = made(had("2024-05-30"), told, ordered())

    assert cohort.code_names_drug[:, 1].tolist() == [row(METFORMIN)]
    asked = examples(cohort)
    assert len(rows_of(asked.current, 0)) == 1
    assert check_leakage(cohort, asked) == []


def test_no_identity_comes_along() -> None:
    cohort = made(had(), ordered(encounter={"reference": "Encounter/secret"}))

    content = " ".join(str(value) for value in vars(cohort).values())

    for secret in ("ada-1", "p1", "c1", "m1", "secret", "1980", "2024"):
        assert secret not in content


def test_only_records_that_all_say_so_are_synthetic() -> None:
    tag = {"tag": [{"system": "https://smarthealthit.org/tags", "code": "synthea-5-2019"}]}
    builder = CohortBuilder(GRAPH, "a test")
    builder.add([patient(), ordered(meta=tag)])
    assert builder.build().is_synthetic

    builder.add([patient(id="p2"), ordered()])

    assert not builder.build().is_synthetic


def test_a_folder_of_files_is_a_cohort(tmp_path: Path) -> None:
    for kind, lines in {
        "Patient": [patient(), patient(id="p2", identifier=[])],
        "Condition": [had(), had(id="c2", subject={"reference": "Patient/p2"})],
        "MedicationRequest": [ordered()],
    }.items():
        text = "\n".join(json.dumps(line) for line in lines)
        (tmp_path / f"{kind}.ndjson").write_text(text, encoding="utf-8")

    cohort = read_cohort(Settings(tmp_path, "ada"), GRAPH, str(tmp_path))

    assert cohort.n_patients == 2
    assert len(cohort.condition_code) == 2
    assert cohort.condition_end.tolist() == [OPEN, OPEN]
    assert cohort.name.startswith("the 2 patients of the files in")


def test_a_person_in_two_files_is_one_patient(tmp_path: Path) -> None:
    for name in ("one", "two"):
        written(tmp_path / f"{name}.json", bundle(patient(), had(), ordered()))
    told: list[str] = []

    cohort = read_cohort(
        Settings(tmp_path, "ada"), GRAPH, str(tmp_path), failed=lambda _, why: told.append(why)
    )

    assert cohort.n_patients == 1
    assert len(cohort.order_drug) == 1
    assert ["read already" in why for why in told] == [True]


def test_two_people_with_one_identifier_are_two(tmp_path: Path) -> None:
    for born in ("1950-01-01", "1980-01-01"):
        written(tmp_path / f"{born}.json", bundle(patient(birthDate=born), had()))

    assert read_cohort(Settings(tmp_path, "ada"), GRAPH, str(tmp_path)).n_patients == 2


def test_a_place_without_patients_is_refused(tmp_path: Path) -> None:
    settings = Settings(tmp_path, "ada")
    with pytest.raises(SettingsError, match="'store' or a folder"):
        read_cohort(settings, GRAPH, str(tmp_path / "nowhere"))
    with pytest.raises(SettingsError, match="no FHIR file"):
        read_cohort(settings, GRAPH, str(tmp_path))
    with pytest.raises(SettingsError, match="no patient"):
        CohortBuilder(GRAPH, "nobody").build()


def test_the_synthetic_patients_leak_nothing(data: Path, starter: Any) -> None:
    folder = data / "fhir"
    builder = CohortBuilder(starter, "synthetic")
    from intake import read_patients

    names = ("Patient", "Condition", "MedicationRequest")
    for found in read_patients([folder / f"{name}.ndjson.gz" for name in names]):
        builder.add(found.resources)

    cohort = builder.build()
    asked = examples(cohort)

    assert cohort.n_patients == 615
    assert cohort.is_synthetic
    assert len(asked) > 1_000
    assert check_leakage(cohort, asked) == []
