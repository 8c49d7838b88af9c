"""The synthetic patients at hand, whole: nothing is lost, nothing is reported."""

import json
import tarfile
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from intake import PatientBundle, Problem, Resolver, code_grades, read_patients, to_profile
from kg.graph import Graph
from recommend.profile import PatientProfile

TODAY = date(2021, 3, 31)  # the last day in the data
USED = ("Patient", "Condition", "MedicationRequest", "AllergyIntolerance", "Observation")

Found = tuple[list[PatientBundle], list[Problem]]


def read(*paths: Path) -> Found:
    problems: list[Problem] = []
    found = list(read_patients(paths, on_problem=problems.append))
    return found, problems + [problem for bundle in found for problem in bundle.problems]


def counts(bundle: PatientBundle) -> Counter[str]:
    return Counter(resource["resourceType"] for resource in bundle.resources)


@pytest.fixture(scope="module")
def bundles(data: Path) -> Found:
    return read(data / "fhir" / "synthea-r4-bundles-150.tar.gz")


@pytest.fixture(scope="module")
def bulk(data: Path) -> Found:
    return read(*(data / "fhir" / f"{kind}.ndjson.gz" for kind in reversed(USED)))


def test_all_bundles_of_the_archive_are_read_without_a_problem(bundles: Found) -> None:
    found, problems = bundles

    assert problems == []
    assert len(found) == 150
    assert sum(map(counts, found), Counter()) == Counter(
        Patient=150, Condition=1039, MedicationRequest=1166, AllergyIntolerance=208,
        Observation=21268,
    )  # fmt: skip


@pytest.mark.slow
def test_all_bulk_files_are_read_without_a_problem(bulk: Found) -> None:
    found, problems = bulk

    assert problems == []
    assert len(found) == 615
    assert sum(map(counts, found), Counter()) == Counter(
        Patient=615, Condition=4546, MedicationRequest=4712, AllergyIntolerance=374,
        Observation=88674,
    )  # fmt: skip


@pytest.mark.slow
def test_bundles_and_bulk_files_agree_on_each_patient(bundles: Found, bulk: Found) -> None:
    by_identifier = {bundle.identifiers: bundle for bundle in bulk[0]}

    for bundle in bundles[0]:
        assert counts(bundle) == counts(by_identifier[bundle.identifiers])


def test_a_bundle_unpacked_is_read_as_in_the_archive(
    data: Path, tmp_path: Path, bundles: Found
) -> None:
    with tarfile.open(data / "fhir" / "synthea-r4-bundles-150.tar.gz") as archive:
        member = next(member for member in archive if member.isreg())
        content = archive.extractfile(member)
        assert content is not None
        text = content.read()
    path = tmp_path / "one.json"
    path.write_bytes(text)

    (found,), _ = read(path)

    used = [entry["resource"] for entry in json.loads(text)["entry"]]
    assert found.resources == [r for r in used if r["resourceType"] in USED]
    assert found.resources == bundles[0][0].resources


def test_every_patient_of_the_archive_has_a_profile(bundles: Found, starter: Graph) -> None:
    resolver = Resolver(starter)
    grades: Counter[str] = Counter()
    profiles = []
    for bundle in bundles[0]:
        profiles.append(to_profile(bundle.resources, resolver, today=TODAY))
        grades += code_grades(bundle.resources, resolver)

    for bundle, profile in zip(bundles[0], profiles, strict=True):
        assert PatientProfile.from_json(profile.to_json()) == profile
        assert profile.age_years is not None
        assert profile.sex in ("female", "male")
        assert profile.deceased is ("deceasedDateTime" in bundle.resources[0])
    assert sum(grades.values()) == 1039 + 1166 + 208
    assert any(profile.egfr for profile in profiles)
