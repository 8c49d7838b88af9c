"""The synthetic patients of the shared data, told to analysts."""

import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from intake import PatientBundle, read_patients
from intake.deidentify import Extract, check, to_report, to_text

TODAY = date(2026, 11, 20)


@pytest.fixture(scope="module")
def people(data: Path) -> list[PatientBundle]:
    files = [data / "fhir" / f"{kind}.ndjson.gz" for kind in ("Patient", "Condition")]
    return list(read_patients(files, on_problem=lambda _: None))


@pytest.mark.parametrize("dates", ["shift", "year"])
def test_nobody_of_the_real_files_can_be_told_by_what_is_in_them(
    people: list[PatientBundle], dates: Any
) -> None:
    extract = Extract(TODAY, dates, key=bytes(32))
    for number, bundle in enumerate(people):
        extract.add(str(number), bundle.resources)

    release = extract.release(11)

    resources = list(release.resources())
    found = check(resources, k=11, dates=dates, allow_rare=False)
    assert len(people) == 615
    assert found.n_patients == len(release.held) > 540
    assert found.smallest == release.choice.smallest >= 11
    report = to_report(release, Counter(r["resourceType"] for r in resources))
    written = json.dumps(resources) + json.dumps(report) + to_text(report)
    for bundle in people:
        patient = bundle.resources[0]
        assert patient["id"] not in written
        assert patient["address"][0]["line"][0] not in written
        assert f'"{patient["name"][0]["family"]}"' not in written
        assert not [i["value"] for i in patient["identifier"] if i["value"] in written]


def test_every_code_of_the_real_files_is_known(people: list[PatientBundle]) -> None:
    extract = Extract(TODAY, "shift")
    for number, bundle in enumerate(people):
        extract.add(str(number), bundle.resources)

    assert not extract.dropped
    assert not [path for _, path in extract.removed if path.endswith(".coding")]
