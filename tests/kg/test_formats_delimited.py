"""Rows of delimited text: the wanted cells, the right line, and clear words for the rest."""

import gzip
from pathlib import Path

import pytest

from kg.errors import SourceError
from kg.sources.base import Refusal
from kg.sources.formats.delimited import Row, read_rows


def test_wanted_cells_come_in_the_wanted_order_with_the_line_where_a_row_ends(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.tsv.gz"
    text = '\ufeffid\tname\ttext\n1\t one \t"two\nlines, ""quoted"""\n2\ttwo\tx\n'
    path.write_bytes(gzip.compress(text.encode()))

    rows = list(read_rows(path, ("text", "id")))

    assert rows == [Row(3, ('two\nlines, "quoted"', "1")), Row(4, ("x", "2"))]


def test_a_file_without_a_header_is_read_by_the_one_given_and_quotes_may_mean_nothing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.txt"
    path.write_text('5" tube$1$\n')

    rows = list(read_rows(path, ("n",), separator="$", header=("what", "n", "-"), quoted=False))

    assert rows == [Row(1, ("1",))]


def test_rows_of_another_length_are_refused_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1\n\n1,2,3\n1,2\n")

    assert list(read_rows(path, ("b",), separator=",")) == [
        Refusal("a.csv", 2, "1 columns, not 2"),
        Refusal("a.csv", 3, "an empty line"),
        Refusal("a.csv", 4, "3 columns, not 2"),
        Row(5, ("2",)),
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", r"a\.csv: the header is \[\], without b"),
        (b"a;b\n", r"the header is \['a;b'\], without b"),
        (b"a,b\n\xff\n", r"a\.csv line 2 is not UTF-8"),
        (b"a,b\n1," + b"x" * 200_000, r"a\.csv line 2: not CSV \(field larger"),
        (b'a,b\n1,"x' + b"y\n" * 100_000, r"a\.csv line \d+: not CSV"),
    ],
)
def test_what_cannot_be_read_fails_by_file_and_line(
    tmp_path: Path, content: bytes, says: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)

    with pytest.raises(SourceError, match=says):
        list(read_rows(path, ("b",), separator=","))
