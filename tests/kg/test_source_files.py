"""Which of a folder's files are read: those that fit, each once."""

from pathlib import Path

from kg.sources.files import find_all


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
