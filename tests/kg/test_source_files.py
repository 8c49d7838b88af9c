"""Which of a folder's files are read: those that fit, each once."""

from pathlib import Path

import pytest

from kg.errors import SourceError
from kg.sources.files import find, find_all, locate


def test_each_name_is_found_once_the_first_folders_and_plain_before_gzip(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    (first / "folder_edges.csv").mkdir(parents=True)
    second.mkdir()
    for path in (
        first / "x_edges.csv", first / "x_edges.csv.gz", second / "x_edges.csv",
        first / "y_edges.csv.gz", second / "y_edges.csv", second / "z_edges.csv", second / "z.csv",
    ):  # fmt: skip
        path.touch()

    assert find_all([first, second], "*_edges.csv") == [
        first / "x_edges.csv",
        first / "y_edges.csv.gz",
        second / "z_edges.csv",
    ]
    assert find_all([], "*") == []


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "missing.tsv"])
def test_a_name_that_no_file_has_or_can_have_is_not_found(tmp_path: Path, name: str) -> None:
    assert find([tmp_path], name) is None
    with pytest.raises(SourceError, match="test: no "):
        locate("test", [tmp_path], name)
