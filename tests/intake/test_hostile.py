"""Files that mean harm: refused with a word or read, never a crash, a hang or half a patient."""

import gzip
import io
import json
import os
import random
import tarfile
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console

import intake.fhir
import intake.files
from intake import PatientBundle, Problem, Resolver, read_patients, read_profile
from intake.checks import MAX_VALUES, damage
from intake.files import MAX_RATIO
from intake.grouping import MAX_IDENTIFIERS
from intake.resource import clean
from service.console import show_profile
from tests.intake.hostile import CANARY, TEXTS, case, is_harmless, nested, raw, to_json
from tests.intake.samples import Json, bundle, condition, patient

Found = tuple[list[PatientBundle], list[Problem]]
BUNDLE = '{"resourceType": "Bundle", "type": "collection", "entry": '


def read(*paths: Path) -> Found:
    problems: list[Problem] = []
    return list(read_patients(paths, on_problem=problems.append)), problems


def put(path: Path, content: bytes | str | Json) -> Path:
    if isinstance(content, dict):
        content = to_json(content)
    path.write_bytes(
        content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    )
    return path


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_whatever_is_done_to_files_no_message_repeats_them(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("case")
    files, _ = case(random.Random(seed), 0)

    found, problems = read(*(put(folder / name, content) for name, content in files))

    problems += [problem for one in found for problem in one.problems]
    for problem in problems:
        assert is_harmless(str(problem))
        assert CANARY not in str(problem)
        assert len(str(problem)) < 1000


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_a_text_that_is_unicode_is_kept_to_the_last_character(tmp_path: Path, text: str) -> None:
    said = {"coding": [{"system": text, "code": text, "display": text}], "text": text}
    own = condition(code=said, note=[{text: text}])

    found, problems = read(put(tmp_path / "a.json", bundle(patient(name=[{"text": text}]), own)))

    if "\ud800" in text or "\udfff" in text:
        assert found == []
        assert ["half a character" in problem.reason for problem in problems] == [True, True]
    else:
        (one,) = found
        assert one.resources == [patient(name=[{"text": text}]), own]
    assert all(is_harmless(str(problem)) for problem in problems)


@pytest.mark.parametrize("name", ["a.json", "a.ndjson"])
def test_a_field_said_twice_costs_its_resource_and_no_other(tmp_path: Path, name: str) -> None:
    twice = json.dumps(condition(id="c2")).replace('"code": {', '"code": {}, "code": {')
    texts = [json.dumps(patient()), twice, json.dumps(condition())]
    content = "\n".join(texts)
    if name == "a.json":
        content = BUNDLE + "[" + ",".join(f'{{"resource": {text}}}' for text in texts) + "]}"

    (one,), problems = read(put(tmp_path / name, content))

    assert one.resources == [patient(), condition()]
    told = problems + one.problems
    assert [problem.reason for problem in told] == [
        "names a field twice, so that programs differ in what it says; it is left out"
    ]


def test_a_bundle_or_an_entry_that_says_a_field_twice_is_not_read(tmp_path: Path) -> None:
    entry = f'{{"resource": {json.dumps(patient())}, "resource": {json.dumps(patient(id="p2"))}}}'
    one = put(tmp_path / "a.json", BUNDLE + f"[{entry}]}}")
    two = put(tmp_path / "b.json", BUNDLE + '[], "entry": []}')

    found, problems = read(one, two)

    assert found == []
    assert all("names a field twice" in problem.reason for problem in problems)
    assert sorted(problem.place for problem in problems) == ["a.json: entry 1", "b.json"]


def test_a_record_may_have_neither_endless_values_nor_endless_depth(tmp_path: Path) -> None:
    wide = condition(id="c2", note=[0] * MAX_VALUES)
    deep = condition(id="c3", note=nested(100))

    (one,), problems = read(put(tmp_path / "a.json", bundle(patient(), wide, deep, condition())))

    assert one.resources == [patient(), condition()]
    assert [p.reason for p in problems + one.problems] == [
        "holds more than 100,000 values; it is left out",
        "is nested deeper than 64 levels; it is left out",
    ]


def test_looking_for_damage_takes_no_memory_that_grows_with_the_record() -> None:
    value: Json = {"resourceType": "Condition", "a": [[] for _ in range(MAX_VALUES - 10)]}

    tracemalloc.start()
    assert damage(value) is None
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 20_000


@pytest.mark.parametrize("token", ["1e400", "-1e400", "NaN", "-Infinity", "9" * 5000])
def test_a_line_with_no_number_of_json_costs_that_line_alone(tmp_path: Path, token: str) -> None:
    lines = [to_json(patient()), to_json(condition(id="c2", note=raw(token))), to_json(condition())]

    (one,), problems = read(put(tmp_path / "a.ndjson", b"\n".join(lines)))

    assert one.resources == [patient(), condition()]
    assert [p.reason for p in problems] == ["holds a number that is too large or not a number"]


@pytest.mark.parametrize("rubbish", [b"1", b"{}", b"null"])
def test_a_bundle_of_endless_rubbish_is_one_problem(tmp_path: Path, rubbish: bytes) -> None:
    entries = [json.dumps({"resource": patient()}).encode(), *[rubbish] * 20_000]
    content = BUNDLE.encode() + b"[" + b",".join(entries) + b"]}"

    found, problems = read(put(tmp_path / "a.json", content))

    assert found == []
    assert [str(p) for p in problems] == [
        "a.json: has more than 10,000 entries that are no resource"
    ]
    assert problems[0].is_whole


def test_lines_of_endless_rubbish_are_one_problem_and_give_no_part_of_a_patient(
    tmp_path: Path,
) -> None:
    content = json.dumps(patient()) + "\n" + "x\n" * 20_000 + json.dumps(condition())

    found, problems = read(put(tmp_path / "a.ndjson", content))

    assert found == []
    assert [p.reason for p in problems] == ["has more than 10,000 entries that are no resource"]


def test_a_packed_file_that_breaks_off_gives_no_part_of_a_patient(tmp_path: Path) -> None:
    lines = [json.dumps(patient())] + [json.dumps(condition(id=f"c{n}")) for n in range(5000)]
    content = gzip.compress("\n".join(lines).encode())

    found, problems = read(put(tmp_path / "a.ndjson.gz", content[: len(content) // 2]))

    assert found == []
    assert ["damaged or cut off" in problem.reason for problem in problems] == [True]


@pytest.mark.parametrize(
    ("name", "piece"),
    [("a.ndjson.gz", b"\n" * (1 << 20)), ("a.tgz", tarfile.TarInfo("x.txt").tobuf() * 2048)],
)
def test_a_bomb_is_given_up_when_it_has_grown_out_of_proportion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, piece: bytes
) -> None:
    monkeypatch.setattr(intake.files, "FREE", 1 << 20)
    target = io.BytesIO()
    with gzip.GzipFile(fileobj=target, mode="wb") as packed:
        for _ in range(3):
            packed.write(piece)

    found, problems = read(put(tmp_path / name, target.getvalue()))

    assert found == []
    assert [problem.reason for problem in problems] == [
        f"unpacks to more than {MAX_RATIO} times its size; unpack it first"
    ]


def test_a_pipe_is_not_waited_for_and_a_device_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "zero.ndjson").symlink_to("/dev/zero")
    (tmp_path / "folder.tgz").mkdir()
    (tmp_path / "loop.json").symlink_to(tmp_path / "loop.json")
    good = put(tmp_path / "good.json", bundle(patient()))
    (tmp_path / "link.json").symlink_to(good)

    found, problems = read(*sorted(tmp_path.iterdir()))

    assert len(found) == 2  # a link to a file is that file
    reasons = {problem.place.rpartition("/")[2]: problem.reason for problem in problems}
    assert reasons["pipe.json"] == reasons["zero.ndjson"] == "is a pipe or device; give a file"
    assert "is a folder" in reasons["folder.tgz"]
    assert "cannot be read" in reasons["loop.json"]


@pytest.mark.parametrize("recode", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_another_encoding_gives_the_same_record_or_none(tmp_path: Path, recode: str) -> None:
    content = json.dumps(bundle(patient(name=[{"text": "Ödegård 李"}])), ensure_ascii=False)

    found, problems = read(put(tmp_path / "a.json", content.encode(recode)))

    assert found or problems
    for one in found:
        assert one.resources == [patient(name=[{"text": "Ödegård 李"}])]


def test_names_of_files_and_members_reach_a_message_without_what_acts_on_a_terminal(
    tmp_path: Path,
) -> None:
    name = "\x1b[31m\u202eevil\r\n"
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo(name + "x" * 5000 + ".json"))
    paths = [put(tmp_path / f"{name}.tgz", target.getvalue()), tmp_path / f"{name}.json",
             put(tmp_path / f"{name}.ndjson", b"{")]  # fmt: skip

    _, problems = read(*paths)

    assert len(problems) == 3
    assert all(is_harmless(str(problem)) for problem in problems)
    assert max(len(str(problem)) for problem in problems) < 500


@pytest.mark.parametrize("kind", [CANARY * 100_000, f"{CANARY}\x1b[2J", f"Mrs {CANARY}"])
def test_what_stands_as_a_type_is_not_repeated_unless_it_can_be_one(
    tmp_path: Path, kind: str
) -> None:
    _, (problem,) = read(put(tmp_path / "a.json", {"resourceType": kind}))

    assert problem.reason == "is a single resource; give a Bundle, or NDJSON"


def test_a_patient_with_endless_identifiers_is_refused(tmp_path: Path) -> None:
    many = [{"system": "urn:mrn", "value": f"number {n}"} for n in range(MAX_IDENTIFIERS + 1)]

    found, problems = read(put(tmp_path / "a.json", bundle(patient(identifier=many), condition())))

    assert found == []
    assert problems[0].reason.startswith("has more than 1000 identifiers; the patient and all")


def test_a_line_may_not_be_endless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake.fhir, "MAX_BYTES", 1000)

    found, problems = read(put(tmp_path / "a.ndjson", json.dumps(patient()) + "\n" + "x" * 2000))

    assert found == []
    assert ["is larger than" in problem.reason for problem in problems] == [True]


@example("a\u200bb\u202ec\ufeffd")
@example("a\x1bb\x9bc\x00d\u2028e\xa0f")
@example("\ud800a\ue000b\ufdd0c")
@given(st.text())
def test_a_text_reads_as_it_did_character_by_character(text: str) -> None:
    import unicodedata

    def visible(character: str) -> str:
        category = unicodedata.category(character)
        if category in ("Cf", "Cs", "Cn", "Co"):
            return ""
        return " " if category[0] in "CZ" else character

    assert clean(text) == " ".join("".join(map(visible, text)).split())


def circles() -> list[Any]:
    inside = condition(id="c1", contained=[condition(id="c1", contained=[condition(id="c1")])])
    return [
        bundle(bundle(patient()), patient()),
        bundle(patient(id="p1", link=[{"other": {"reference": "Patient/p1"}}]), inside),
        bundle(patient(), condition(subject={"reference": "Condition/c1"}), condition(id="c1")),
        bundle(patient(), patient(), condition(), condition()),
    ]


@pytest.mark.parametrize("document", circles())
def test_what_leads_back_to_itself_or_comes_twice_gives_one_patient(
    tmp_path: Path, document: Json
) -> None:
    (one,), _ = read(put(tmp_path / "a.json", document))

    names = [(resource["resourceType"], resource["id"]) for resource in one.resources]
    assert len(set(names)) == len(names)
    assert names[0] == ("Patient", "p1")


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
@pytest.mark.parametrize("field", ["conditions", "drugs", "allergies", "symptoms", "genes"])
def test_a_profile_in_a_file_reaches_the_console_without_what_acts_on_it(
    resolver: Resolver, text: str, field: str
) -> None:
    document = {field: {text: text} if field == "genes" else [text, {"name": text}]}
    document["unmapped"] = [{"kind": "drug", "text": text, "reason": text}]
    out = io.StringIO()
    console = Console(file=out, width=10_000, highlight=False, soft_wrap=True)

    profile = read_profile(json.dumps(document), resolver)

    show_profile(console, resolver.graph, profile)
    assert is_harmless(out.getvalue())
