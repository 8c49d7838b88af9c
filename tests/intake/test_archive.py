"""Archives are read as a stream, as the standard library reads them, and no header is believed."""

import gzip
import io
import json
import tarfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake import PatientBundle, Problem, read_patients
from intake.archive import TarError, members
from tests.intake.samples import bundle, patient


def read(folder: Path, content: bytes) -> tuple[list[PatientBundle], list[Problem]]:
    (folder / "a.tgz").write_bytes(gzip.compress(content))
    problems: list[Problem] = []
    return list(read_patients([folder / "a.tgz"], on_problem=problems.append)), problems


def header(name: str, size: int = 0, kind: bytes = b"0") -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (header("l", 5, b"L") + b"x.jso".ljust(512, b"\0"), "holds no .json file"),
        (header("l", 1 << 30, b"x"), "a header of more than 65536 bytes"),
        (header("x.json", 2000) + bytes(512), "unexpected end of data"),
        (header("x.json", 1 << 40), "is larger than 64 MiB"),
        (header("x.json", 0)[:-1] + b"x", "bad checksum"),
        (header("x.json", 0, b"6"), "is a link or device"),
        (header("x.json", 600, b"2") + header("y.txt"), "is a link or device"),
        (header("l", 9, b"x") + b"99999 a=b".ljust(512, b"\0"), "holds no .json file"),
        (header("l", 9, b"x") + b"000 a=b\n\n".ljust(512, b"\0"), "cannot be read"),
        (header("l", 13, b"x") + b"13 size=-512\n".ljust(512, b"\0"), "cannot be read"),
        (header("x.json", 0)[:124] + b"\xff" * 12 + header("x.json")[136:], "bad checksum"),
        (b"9" * 700, "cannot be read"),
    ],
)  # fmt: skip
def test_a_header_of_an_archive_is_not_believed(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    found, problems = read(tmp_path, content)

    assert found == []
    assert reason in " ".join(problem.reason for problem in problems)


def test_a_chain_of_headers_as_long_as_it_may_be_is_followed_to_its_end(tmp_path: Path) -> None:
    link = header("l", 6, b"L") + b"x.json".ljust(512, b"\0")
    content = json.dumps(bundle(patient())).encode()
    padded = content.ljust(-(-len(content) // 512) * 512, b"\0")
    whole = link * 3000 + header("short", len(content)) + padded

    found, problems = read(tmp_path, whole)

    assert (len(found), problems) == (1, [])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1,
                    max_size=150),
            st.binary(max_size=1500),
        ),
        max_size=4,
    ),
    st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
)  # fmt: skip
def test_archives_are_read_as_the_standard_library_reads_them(
    files: list[tuple[str, bytes]], form: int
) -> None:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=form) as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            info.mtime = 1.5
            try:
                archive.addfile(info, io.BytesIO(content))
            except ValueError:  # a name that is too long for this format
                continue
    with tarfile.open(fileobj=io.BytesIO(target.getvalue())) as archive:
        expected = []
        for info in archive:
            content_of = archive.extractfile(info)
            expected.append((info.name, content_of.read() if content_of else b""))

    found = [(m.name, m.read()) for m in members(io.BytesIO(target.getvalue()).read)]

    # The library drops a last slash.
    assert [(name.rstrip("/"), content) for name, content in found] == [
        (name.rstrip("/"), content) for name, content in expected
    ]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 5000), st.binary(min_size=1, max_size=4))
def test_a_changed_archive_is_read_or_refused(place: int, change: bytes) -> None:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for number in range(2):
            info = tarfile.TarInfo(f"{'ä' * 120}{number}.json")
            info.size = 5
            archive.addfile(info, io.BytesIO(b"{   }"))
    content = bytearray(target.getvalue())
    content[place : place + len(change)] = change

    with suppress(TarError):
        for member in members(io.BytesIO(content).read):
            assert len(member.read()) <= len(content)


def test_the_two_parts_of_a_long_name_are_put_together() -> None:
    name = f"{'a' * 90}/{'b' * 90}.json"
    block = tarfile.TarInfo(name).tobuf(tarfile.USTAR_FORMAT)

    assert [member.name for member in members(io.BytesIO(block).read)] == [name]


def test_a_link_has_no_content_whatever_its_size_says(tmp_path: Path) -> None:
    content = json.dumps(bundle(patient())).encode()
    padded = content.ljust(-(-len(content) // 512) * 512, b"\0")
    whole = header("x.json", 600, b"2") + header("y.json", len(content)) + padded

    found, problems = read(tmp_path, whole)

    assert len(found) == 1
    assert [problem.place for problem in problems] == ["a.tgz: x.json"]
