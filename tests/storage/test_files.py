"""New files: whole, owner-only, never over another."""

from pathlib import Path

import pytest

from storage.files import new_file_beside, place


def test_a_file_is_placed_whole_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    draft = new_file_beside(path)
    draft.write_text("whole")
    assert not path.exists()

    place(draft, path)

    assert path.read_text() == "whole"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


def test_a_file_that_appeared_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "file"
    draft = new_file_beside(path)
    path.write_text("another's")

    with pytest.raises(FileExistsError):
        place(draft, path)
    assert path.read_text() == "another's"


def test_a_taken_name_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").symlink_to(tmp_path / "nowhere")

    with pytest.raises(FileExistsError):
        new_file_beside(tmp_path / "file")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")

    with pytest.raises(NotADirectoryError):
        new_file_beside(tmp_path / "plain" / "file")
