"""Read OMOP CDM v5.4 tables into one PatientBundle a person, as FHIR resources.

:mod:`intake.omop_tables` knows the files, :mod:`intake.omop_person` what a person's rows mean. In
memory are the columns that are read, not the resources: these are made for one person at a time.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path

from intake.errors import NotOmopError
from intake.grouping import PatientBundle, Problem
from intake.omop_person import OmopPerson
from intake.omop_tables import (
    SUFFIXES,
    Columns,
    find_tables,
    read_concepts,
    read_table,
    to_id,
)
from intake.resource import clean

TABLES: Mapping[str, Columns] = {
    "person": Columns(
        ("person_id", "gender_concept_id", "year_of_birth"),
        ("month_of_birth", "day_of_birth", "birth_datetime"),
    ),
    "condition_occurrence": Columns(
        ("condition_occurrence_id", "person_id", "condition_concept_id", "condition_start_date"),
        ("condition_end_date", "condition_status_concept_id", "visit_occurrence_id",
         "condition_source_value", "condition_source_concept_id"),
    ),
    "drug_exposure": Columns(
        ("drug_exposure_id", "person_id", "drug_concept_id", "drug_exposure_start_date",
         "drug_exposure_end_date"),
        ("verbatim_end_date", "stop_reason", "sig", "route_concept_id", "route_source_value",
         "visit_occurrence_id", "drug_source_value", "drug_source_concept_id"),
    ),
    "visit_occurrence": Columns(
        ("visit_occurrence_id", "person_id", "visit_start_date", "visit_end_date")
    ),
    "measurement": Columns(
        ("measurement_id", "person_id", "measurement_concept_id", "measurement_date"),
        ("operator_concept_id", "value_as_number", "value_as_concept_id", "unit_concept_id",
         "unit_source_value", "visit_occurrence_id", "measurement_source_value",
         "measurement_source_concept_id"),
    ),
    "observation": Columns(
        ("observation_id", "person_id", "observation_concept_id", "observation_date"),
        ("value_as_number", "value_as_string", "value_as_concept_id", "unit_concept_id",
         "unit_source_value", "visit_occurrence_id", "observation_source_value",
         "observation_source_concept_id"),
    ),
    "death": Columns(("person_id", "death_date")),
}  # fmt: skip
OPTIONAL = ("measurement", "observation", "death")


def read_omop(
    folder: Path,
    *,
    today: date,
    source: str,
    on_problem: Callable[[Problem], None] | None = None,
) -> Iterator[PatientBundle]:
    """Each person of the tables in ``folder``, one at a time, by ``person_id``.

    Args:
        folder: with the tables :data:`TABLES` and ``concept``; :data:`OPTIONAL` ones may be
            missing, and what they would say is then unknown.
        today: the day to tell by whether a drug is still taken.
        source: a name of the data; identifiers of two sources are of different people.
        on_problem: called with what concerns no person: a damaged row, rows of persons that are
            not in ``person``. Without it the first is raised as an error.

    Raises:
        UnreadableError: the folder or a file may not be read.
        NotOmopError: a table or column is missing, double or damaged.
    """

    def report(problem: Problem) -> None:
        if on_problem is None:
            raise NotOmopError(problem.place, problem.reason)
        on_problem(problem)

    files = find_tables(Path(folder), (*TABLES, "concept"))
    missing = sorted({*TABLES, "concept"} - {*OPTIONAL, *files})
    if missing:
        raise NotOmopError(
            clean(Path(folder).name) or "the folder",
            f"has no table {', '.join(missing)} as {', '.join(SUFFIXES)}; OMOP CDM v5.4 needs it",
        )
    tables = {
        name: read_table(files[name], columns, report)
        for name, columns in TABLES.items()
        if name in files
    }
    used = {
        number
        for name, table in tables.items()
        for text in table.values(TABLES[name].concepts)
        if (number := to_id(text))
    }
    concepts = read_concepts(files["concept"], used, report)
    people = tables["person"]
    for table in tables.values():
        strangers = [table.spans[person][1] for person in set(table.spans) - set(people.spans)]
        if strangers:
            reason = f"{sum(strangers)} rows are of persons that are not in {people.place}"
            report(Problem(table.place, reason))
    for person in sorted(people.spans):
        yield OmopPerson(person, source, tables, concepts, today).to_bundle()


def is_omop(folder: Path) -> bool:
    """Whether ``folder`` holds a ``person`` table, as FHIR files do not.

    Raises:
        UnreadableError: it is no folder that can be read.
        NotOmopError: it holds two.
    """
    return bool(find_tables(folder, ("person",)))
