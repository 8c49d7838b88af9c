"""Files in, patients out; what a file should have been, where it is not."""

import gzip
import io
import json
import random
import tarfile
from pathlib import Path
from typing import Any

import pytest

import intake.fhir
from intake import IntakeError, NotFhirError, Problem, UnclaimedError, UnreadableError
from intake.fhir import read_patients
from tests.intake.samples import Json, bundle, condition, observation, patient, request, written

GOOD = bundle(patient(), condition())


def read(*paths: Path) -> list[Any]:
    return list(read_patients(paths))


def kinds(read_bundle: Any) -> list[str]:
    return [resource["resourceType"] for resource in read_bundle.resources]


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def lines(path: Path, *resources: Json) -> Path:
    text = "".join(json.dumps(resource) + "\n" for resource in resources)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize("kind", ["transaction", "collection", "searchset", "batch", "document"])
def test_a_bundle_gives_its_patient_with_resources_as_they_came(tmp_path: Path, kind: str) -> None:
    mine = [patient(), condition(text={"div": "é\u200b"}), observation("8302-2")]
    other = [{"resourceType": "Practitioner", "id": "d"}, {"resourceType": "Procedure", "id": "x"}]
    path = written(tmp_path / "a.json", bundle(*mine, *other, kind=kind))

    (found,) = read(path)

    assert found.identifiers == (("urn:mrn", "ada-1"),)
    assert found.resources == mine
    assert found.problems == []


def test_a_bundle_of_hospitals_gives_no_patient_and_no_error(tmp_path: Path) -> None:
    hospital = bundle({"resourceType": "Organization"}, {"resourceType": "Location"})

    assert read(written(tmp_path / "hospital.json", hospital)) == []
    assert read(written(tmp_path / "empty.json", bundle())) == []


def test_bulk_files_of_one_type_each_are_grouped_by_patient(tmp_path: Path) -> None:
    bob = {"reference": "Patient/p2"}
    paths = [
        lines(tmp_path / "Condition.ndjson.gz", condition(), condition(id="c2", subject=bob)),
        lines(tmp_path / "MedicationRequest.ndjson", request(subject=bob)),
        lines(tmp_path / "Patient.ndjson", patient(), patient(id="p2", identifier=None)),
    ]

    ada, second = read(*paths)

    assert kinds(ada) == ["Patient", "Condition"]
    assert kinds(second) == ["Patient", "Condition", "MedicationRequest"]
    assert second.identifiers == (("", "Patient/p2"),)


def test_pages_of_a_search_find_each_other(tmp_path: Path) -> None:
    first = written(tmp_path / "1.json", bundle(condition(), kind="searchset"))
    second = written(tmp_path / "2.json", bundle(patient(), request(), kind="searchset"))

    (found,) = read(first, second)

    assert kinds(found) == ["Patient", "Condition", "MedicationRequest"]


def test_an_archive_gives_the_patients_of_its_bundles_and_writes_nothing(tmp_path: Path) -> None:
    content = json.dumps(GOOD).encode()
    path = archive(
        tmp_path / "all.tar.gz", {"../../x.json": content, "notes.txt": b"?", "b/y.json": content}
    )

    assert len(read(path)) == 2
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.json", b"", "is empty"),
        ("a.ndjson", b"", "is empty"),
        ("a.ndjson", b"\n \n", "is empty"),
        ("a.ndjson.gz", gzip.compress(b""), "is empty"),
        ("a.json", b"<Bundle/>", "is not JSON"),
        ("a.json", b"\xff\xfe\x00", "is not JSON"),
        ("a.json", b"[1, 2]", "is JSON but not FHIR"),
        ("a.json", b"{}", "is JSON but not FHIR"),
        ("a.json", b'{"resourceType": "Patient"}', "is a single Patient"),
        ("a.json", b'{"resourceType": "Bundle"}', "another type than transaction"),
        ("a.json", b'{"resourceType": "Bundle", "type": "history"}', "another type than"),
        ("a.json", b'{"resourceType": "Bundle", "type": ["x"]}', "another type than"),
        ("a.json", b'{"resourceType":"Bundle","type":"batch","entry":{}}', "no list"),
        ("a.json", b'{"resourceType":"Bundle","type":"batch","implicitRules":"x"}', "modifier"),
        ("a.json", b'{"resourceType":"Bundle","total":NaN}', "too large or not a number"),
        ("a.json", b'{"resourceType":"Bundle","total":1e999}', "too large or not a number"),
        ("a.json", b'{"resourceType":"Bundle","total":' + b"9" * 5000 + b"}", "too large"),
        ("a.json", b"[" * 100_000, "nested too deeply"),
        ("a.ndjson", b"{\n}\n", "is not NDJSON"),
        ("a.ndjson.gz", gzip.compress(b"{}\n" * 9999)[:-20], "damaged or cut off"),
        ("a.ndjson.gz", b'{"resourceType": "Patient"}', "damaged or cut off"),
        ("a.tar.gz", b"PK", "damaged or cut off"),
        ("a.tgz", gzip.compress(b"x" * 2000), "damaged or cut off"),
        ("a.xml", b"<Bundle/>", "none of the files that are read: .json"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_is_not_fhir_is_named_with_what_is_wrong(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(NotFhirError, match=reason) as caught:
        read(path)

    assert str(caught.value).startswith(name)
    assert isinstance(caught.value, IntakeError)


def test_a_missing_file_is_missing_whatever_its_name(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="No such file"):
        read(tmp_path / "nope")


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", GOOD)
    rows = lines(tmp_path / "b.ndjson", patient(id="b"))

    found = read(path, tmp_path / "x" / ".." / "a.json", rows, rows)

    assert [kinds(one) for one in found] == [["Patient", "Condition"], ["Patient"]]
    assert not any(one.problems for one in found)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match=r"gone\.json: cannot be read"):
        read(tmp_path / "gone.json")
    (tmp_path / "d.json").mkdir()
    with pytest.raises(UnreadableError, match="is a folder; name the files in it"):
        read(tmp_path / "d.json")
    with pytest.raises(UnreadableError, match="is no file name"):
        read(tmp_path / "a\x00.json")


def test_the_good_files_and_members_are_read_beside_the_bad_ones(tmp_path: Path) -> None:
    content = json.dumps(GOOD).encode()
    paths = [
        tmp_path / "gone.json",
        archive(tmp_path / "a.tar.gz", {"1.json": b"{", "2.json": content}),
        written(tmp_path / "b.json", [1]),
        written(tmp_path / "c.json", GOOD),
    ]
    problems: list[Problem] = []

    found = list(read_patients(paths, on_problem=problems.append))

    assert len(found) == 2
    assert [problem.place.rpartition("/")[2] for problem in problems] == [
        "gone.json", "a.tar.gz: 1.json", "b.json",
    ]  # fmt: skip


def test_a_cut_archive_keeps_the_members_before_the_cut(tmp_path: Path) -> None:
    first = json.dumps(GOOD).encode()
    path = archive(
        tmp_path / "a.tgz", {"1.json": first, "2.json": random.Random(7).randbytes(200_000)}
    )
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    problems: list[Problem] = []

    found = list(read_patients([path], on_problem=problems.append))

    assert len(found) == 1
    assert any("cut off" in problem.reason for problem in problems)


def test_what_is_too_large_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake.fhir, "MAX_BYTES", 2000)
    large = json.dumps(bundle(patient(), *[condition(id=str(n)) for n in range(20)]))
    problems: list[Problem] = []
    paths = [
        archive(
            tmp_path / "a.tgz", {"1.json": large.encode(), "2.json": json.dumps(GOOD).encode()}
        ),
        tmp_path / "b.json",
        tmp_path / "c.ndjson",
    ]
    paths[1].write_text(large)
    paths[2].write_text(large)

    found = list(read_patients(paths, on_problem=problems.append))

    assert len(found) == 1
    assert [problem.place for problem in problems] == [
        "a.tgz: 1.json", "b.json", "c.ndjson: line 1",
    ]  # fmt: skip
    assert all("is larger than" in problem.reason for problem in problems)


def test_an_archive_must_hold_bundles_as_plain_files(tmp_path: Path) -> None:
    with pytest.raises(NotFhirError, match=r"holds no \.json file"):
        read(archive(tmp_path / "a.tgz", {"x.txt": b""}))
    with tarfile.open(tmp_path / "b.tgz", "w:gz") as tar:
        link = tarfile.TarInfo("x.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(link)
    with pytest.raises(NotFhirError, match="link or device"):
        read(tmp_path / "b.tgz")


def test_a_broken_line_does_not_lose_the_others(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    good = [json.dumps(patient()), json.dumps(condition())]
    path.write_text(f"{good[0]}\n{{broken\n\n5\n{good[1]}\n" + '{"resourceType":"Bundle"}')
    problems: list[Problem] = []

    (found,) = read_patients([path], on_problem=problems.append)

    assert kinds(found) == ["Patient", "Condition"]
    assert sorted(problem.place for problem in problems) == [
        "a.ndjson: line 2", "a.ndjson: line 4", "a.ndjson: line 6 (Bundle)",
    ]  # fmt: skip


def test_an_entry_of_nobody_is_raised_after_the_patients(tmp_path: Path) -> None:
    stray = condition(subject={"reference": "Patient/nobody"})
    reader = read_patients([lines(tmp_path / "a.ndjson", patient(), stray, condition())])

    assert kinds(next(reader)) == ["Patient", "Condition"]
    with pytest.raises(UnclaimedError, match=r"line 2 \(Condition\): the patient .* is not here"):
        next(reader)


def test_a_bundle_says_nothing_of_its_content_in_its_repr(tmp_path: Path) -> None:
    (found,) = read(written(tmp_path / "a.json", GOOD))

    assert repr(found) == "PatientBundle(2 resources, 0 problems)"


def test_a_name_with_bidi_marks_is_shown_without_them(tmp_path: Path) -> None:
    path = tmp_path / "a\u202enosj.json"
    path.write_bytes(b"{")

    with pytest.raises(NotFhirError) as caught:
        read(path)

    assert str(caught.value).startswith("anosj.json: ")


def test_the_ending_of_a_name_may_be_in_capitals(tmp_path: Path) -> None:
    content = json.dumps(bundle(patient())).encode()
    lines_of = json.dumps(patient(id="p2", identifier=None)).encode()
    (tmp_path / "b.NDJSON.GZ").write_bytes(gzip.compress(lines_of))

    found = read_patients(
        [archive(tmp_path / "A.TAR.GZ", {"UP.JSON": content}), tmp_path / "b.NDJSON.GZ"]
    )

    assert len(list(found)) == 2


def test_a_problem_says_whether_more_than_an_entry_is_lost(tmp_path: Path) -> None:
    problems: list[Problem] = []
    stray = condition(subject={"reference": "Patient/nobody"})
    good = written(tmp_path / "a.json", bundle(patient(), stray, condition(code=None)))
    twins = written(
        tmp_path / "b.json",
        bundle(patient(), patient(identifier=[{"system": "urn:mrn", "value": "another"}])),
    )

    found = list(read_patients([good, tmp_path / "gone.json", twins], on_problem=problems.append))

    assert [problem.is_whole for problem in found[0].problems] == [False, False]
    assert [problem.is_whole for problem in problems] == [True, True, True]
