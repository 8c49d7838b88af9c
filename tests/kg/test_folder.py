"""A folder under a manifest: whole or old, never half, and never somebody else's."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from kg.errors import FolderError
from kg.folder import MANIFEST, Folder, Writer, content_fingerprint, open_folder, write_folder

KIND = "test-things"


def content(value: bytes) -> Writer:
    def write(file: BinaryIO) -> None:
        file.write(value)

    return write


def put(path: Path, files: Mapping[str, bytes]) -> Folder:
    writers = {name: content(value) for name, value in files.items()}
    return write_folder(path, kind=KIND, version=1, files=writers, header={"made": "here"})


def get(path: Path) -> dict[str, bytes]:
    folder = open_folder(path, kind=KIND, versions=(1,))
    folder.verify()
    return {name: folder.file(name).read_bytes() for name in folder.manifest["files"]}


def change_manifest(path: Path, **changes: Any) -> None:
    manifest = json.loads((path / MANIFEST).read_text())
    (path / MANIFEST).write_text(json.dumps({**manifest, **changes}))


def test_what_was_written_comes_back_and_nothing_else_stays(tmp_path: Path) -> None:
    put(tmp_path / "a", {"one.bin": b"1", "two.bin": b"2"})
    put(tmp_path / "a", {"one.bin": b"new", "three.bin": b""})

    assert get(tmp_path / "a") == {"one.bin": b"new", "three.bin": b""}
    assert len(list((tmp_path / "a").iterdir())) == 3


def test_the_fingerprint_is_of_the_content_alone(tmp_path: Path) -> None:
    files = {"one.bin": b"1", "two.bin": b"2"}
    first = put(tmp_path / "a", files)
    second = write_folder(
        tmp_path / "b",
        kind=KIND,
        version=1,
        files={name: content(files[name]) for name in reversed(files)},
        header={"made": "there"},
    )

    assert first.fingerprint == second.fingerprint
    assert first.fingerprint == content_fingerprint({n: content(v) for n, v in files.items()})
    assert first.fingerprint != put(tmp_path / "c", {"one.bin": b"2", "two.bin": b"1"}).fingerprint


def test_a_folder_of_other_people_is_neither_written_nor_cleaned(tmp_path: Path) -> None:
    for name in ("notes.txt", "film.part", ".one.txt.part", "photo.abcdefabcdef.jpg", "manifest"):
        theirs = tmp_path / name.replace(".", "_")
        theirs.mkdir()
        (theirs / name).write_text("theirs")
        with pytest.raises(FolderError, match="choose another folder"):
            put(theirs, {"one.bin": b"1"})
        assert [p.name for p in theirs.iterdir()] == [name]
        assert (theirs / name).read_text() == "theirs"


def test_other_peoples_files_in_our_folder_survive_a_replacement(tmp_path: Path) -> None:
    put(tmp_path, {"one.bin": b"1"})
    for name in ("notes.txt", "photo.abcdefabcdef.jpg", "film.part"):
        (tmp_path / name).write_text("theirs")

    put(tmp_path, {"one.bin": b"2"})

    assert (tmp_path / "notes.txt").exists()
    assert (tmp_path / "photo.abcdefabcdef.jpg").exists()
    assert (tmp_path / "film.part").exists()
    assert get(tmp_path) == {"one.bin": b"2"}


def test_a_folder_of_another_kind_or_a_file_is_not_overwritten(tmp_path: Path) -> None:
    other = tmp_path / "other"
    write_folder(other, kind="test-others", version=1, files={"x.bin": content(b"x")}, header={})
    (tmp_path / "file").write_text("theirs")

    with pytest.raises(FolderError, match="its manifest says 'test-others'"):
        put(other, {"one.bin": b"1"})
    with pytest.raises(FolderError, match="is a file"):
        put(tmp_path / "file", {"one.bin": b"1"})

    assert (tmp_path / "file").read_text() == "theirs"
    assert open_folder(other, kind="test-others", versions=(1,)).file("x.bin").read_bytes() == b"x"


@pytest.mark.parametrize(
    ("manifest", "says"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "is not a test-things"),
        (b'{"kind": "other"}', "its manifest says 'other'"),
        (b'{"kind": "test-things"}', "does not list its files"),
        (b'{"kind": "test-things", "files": {"a": 1}}', "does not list its files"),
        (b'{"kind": "test-things", "version": 2, "files": {}}', "version 2; .* reads version 1"),
        (b'{"kind": "test-things", "version": "1", "files": {}}', "version '1'"),
        (b'{"kind": "test-things", "version": 1, "files": {}}', "fingerprint"),
    ],
)
def test_a_manifest_that_is_no_manifest_is_named(
    tmp_path: Path, manifest: bytes, says: str
) -> None:
    (tmp_path / MANIFEST).write_bytes(manifest)

    with pytest.raises(FolderError, match=says):
        open_folder(tmp_path, kind=KIND, versions=(1,))


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/b", "..", ".", "", "a\\b", "a\n"])
def test_a_manifest_cannot_point_outside_its_folder(tmp_path: Path, name: str) -> None:
    put(tmp_path / "a", {"one.bin": b"1"})
    (tmp_path / "secret").write_bytes(b"1")
    entry = {"file": name, "bytes": 1, "sha256": "0" * 64}

    change_manifest(tmp_path / "a", files={"one.bin": entry})

    with pytest.raises(FolderError, match="does not list its files"):
        open_folder(tmp_path / "a", kind=KIND, versions=(1,))


def test_a_missing_truncated_or_changed_file_is_named(tmp_path: Path) -> None:
    folder = put(tmp_path, {"one.bin": b"123"})
    file = folder.file("one.bin")

    file.write_bytes(b"124")
    with pytest.raises(FolderError, match=f"{file.name} has SHA-256"):
        get(tmp_path)
    file.write_bytes(b"12")
    with pytest.raises(FolderError, match=f"{file.name} is 2 bytes long; the manifest says 3"):
        get(tmp_path)
    file.unlink()
    with pytest.raises(FolderError, match=f"{file.name} is missing"):
        get(tmp_path)
    file.mkdir()
    with pytest.raises(FolderError, match=f"{file.name} is missing"):
        get(tmp_path)


def test_a_place_that_cannot_be_read_gives_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "here" / MANIFEST).mkdir(parents=True)

    for path, says in (
        (tmp_path / "nowhere", "has no manifest"),
        (tmp_path / "file", "has no manifest"),
        (tmp_path / "here", "cannot be read"),
        (tmp_path / ("x" * 300), "cannot be read"),
    ):
        with pytest.raises(FolderError, match=says):
            open_folder(path, kind=KIND, versions=(1,))


@pytest.mark.parametrize("raised", [KeyboardInterrupt, OSError, ValueError])
def test_a_writer_that_fails_leaves_the_old_state_whole(
    tmp_path: Path, raised: type[BaseException]
) -> None:
    put(tmp_path, {"one.bin": b"old", "two.bin": b"old"})

    def fail(file: BinaryIO) -> None:
        file.write(b"half")
        raise raised

    writers = {"one.bin": content(b"new"), "two.bin": fail}
    with pytest.raises(raised):
        write_folder(tmp_path, kind=KIND, version=1, files=writers, header={})

    assert get(tmp_path) == {"one.bin": b"old", "two.bin": b"old"}
    put(tmp_path, {"one.bin": b"next", "two.bin": b"next"})
    assert len(list(tmp_path.iterdir())) == 3  # nothing of the failed write remains


KILLED = """
import os, signal, sys
from pathlib import Path
from kg.folder import write_folder
def die(file):
    file.write(b"half"); file.flush(); os.kill(os.getpid(), signal.SIGKILL)
write_folder(Path(sys.argv[1]), kind="test-things", version=1, header={},
             files={"one.bin": lambda f: f.write(b"new"), "two.bin": die})
"""


@pytest.mark.parametrize("existing", [True, False])
def test_a_killed_writer_leaves_the_old_state_and_no_lock(tmp_path: Path, existing: bool) -> None:
    if existing:
        put(tmp_path, {"one.bin": b"old", "two.bin": b"old"})

    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)

    assert killed.returncode == -signal.SIGKILL
    assert any(path.suffix == ".part" for path in tmp_path.iterdir())
    if existing:
        assert get(tmp_path) == {"one.bin": b"old", "two.bin": b"old"}
    put(tmp_path, {"one.bin": b"next", "two.bin": b"next"})
    assert get(tmp_path) == {"one.bin": b"next", "two.bin": b"next"}
    assert len(list(tmp_path.iterdir())) == 3


def test_writers_at_once_wait_for_each_other_and_one_state_wins_whole(tmp_path: Path) -> None:
    gate = threading.Barrier(4)

    def write(number: int) -> None:
        gate.wait()
        for round_ in range(5):
            value = f"{number} {round_}".encode()
            put(tmp_path / "a", {"one.bin": value, "two.bin": value})

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = get(tmp_path / "a")
    assert found["one.bin"] == found["two.bin"]
    assert len(list((tmp_path / "a").iterdir())) == 3


def test_a_reader_keeps_the_files_it_has_open(tmp_path: Path) -> None:
    old = put(tmp_path, {"one.bin": b"old"})
    with old.file("one.bin").open("rb") as file:
        put(tmp_path, {"one.bin": b"new"})
        assert file.read() == b"old"


def test_files_are_readable_by_others_as_the_umask_of_a_shared_machine_wants(
    tmp_path: Path,
) -> None:
    folder = put(tmp_path, {"one.bin": b"1"})

    for path in (folder.file("one.bin"), tmp_path / MANIFEST):
        assert os.stat(path).st_mode & 0o777 == 0o644
