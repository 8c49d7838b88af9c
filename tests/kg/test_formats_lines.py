"""Lines of a text with their numbers, whatever stands in them."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.errors import SourceError
from kg.sources.base import Refusal
from kg.sources.formats import lines
from kg.sources.formats.lines import read_lines


def test_a_line_that_is_not_utf_8_is_refused_and_the_next_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.txt.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbfone\r\n\xff\n\nlast"))

    assert list(read_lines(path)) == [
        (1, "one\r\n"),
        (2, Refusal(path.name, 2, "not UTF-8")),
        (3, "\n"),
        (4, "last"),
    ]


@pytest.mark.parametrize("length", [7, 8, 9, 16, 17, 100])
def test_a_long_line_is_one_refusal_however_long_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    monkeypatch.setattr(lines, "LONGEST", 8)
    path = tmp_path / "x.txt"
    path.write_bytes(b"a\n" + b"x" * length + b"\nb\n")

    first, middle, last = read_lines(path)

    assert (first, last) == ((1, "a\n"), (3, "b\n"))
    is_whole = length < 8  # with its end it has eight bytes
    assert middle == (
        2,
        "x" * length + "\n" if is_whole else Refusal(path.name, 2, "longer than 8 bytes"),
    )


@given(content=st.binary(max_size=60).map(lambda data: data.replace(b"x", b"\n")))
def test_every_line_comes_once(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_bytes(content)

    texts = [line for _, line in read_lines(path) if isinstance(line, str)]
    numbers = [number for number, _ in read_lines(path)]

    expected = content.split(b"\n")
    assert numbers == list(range(1, len(expected) + (expected[-1] != b"")))
    if len(texts) == len(numbers):
        assert "".join(texts) == content.decode("utf-8-sig")


def test_a_damaged_gzip_fails_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "x.txt.gz"
    path.write_bytes(gzip.compress(b"one\ntwo\n")[:-6])

    with pytest.raises(SourceError, match=r"x\.txt\.gz: the gzip data is truncated"):
        list(read_lines(path))
