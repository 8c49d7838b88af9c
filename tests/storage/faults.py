"""A failing disk, and the folder that a power cut leaves; the failing is done by ``faults.c``."""

import copy
import json
import random
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[2]
KINDS = ("none", "eio", "eio-on", "full", "short", "torn", "before", "after")
SECTOR = 512
_NUMBERS = struct.Struct("=QQQQ")


def compiler() -> str | None:
    """A C compiler, if this machine has one."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def compile_shim(folder: Path) -> Path:
    """``faults.c`` as a library to preload."""
    library = folder / "faults.so"
    source = Path(__file__).with_name("faults.c")
    command = [str(compiler()), "-O1", "-shared", "-fPIC", "-o", str(library), str(source)]
    subprocess.run(command, check=True)
    return library


class Faults:
    """A process on the failing disk that does one job after the other, each in a child."""

    def __init__(self, folder: Path) -> None:
        library = compile_shim(folder)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.storage.fault_job"],
            cwd=ROOT,
            env={"LD_PRELOAD": str(library), "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=60)

    def run(
        self, folder: Path, *, job: str = "work", kind: str = "none", at: int = 0, log: str = ""
    ) -> tuple[int, list[dict[str, Any]]]:
        """Do ``job`` in ``folder``; returns the exit status and what the job told."""
        events = folder.with_name(folder.name + ".events")
        events.unlink(missing_ok=True)
        case = {
            "folder": str(folder),
            "job": job,
            "at": at,
            "kind": KINDS.index(kind),
            "log": log,
            "events": str(events),
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(case) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the job server died"
        told = events.read_text().splitlines() if events.exists() else []
        return int(answer), [json.loads(line) for line in told]


@dataclass(frozen=True)
class Change:
    """One record of the shim's log: W write, T cut to a size, S sync, C create, R rename, L link,
    U unlink, A acknowledged.
    """

    what: str
    inode: int
    offset: int
    data: bytes
    other: bytes

    @property
    def is_counted(self) -> bool:
        return self.what != "A"


def changes(log: Path) -> Iterator[Change]:
    """The records of a log, in order."""
    data, place = log.read_bytes(), 0
    while place < len(data):
        what = chr(data[place])
        inode, offset, size, size_of_other = _NUMBERS.unpack_from(data, place + 1)
        start = place + 1 + _NUMBERS.size
        middle, place = start + size, start + size + size_of_other
        yield Change(what, inode, offset, data[start:middle], data[middle:place])


@dataclass
class _File:
    """What is durable of a file, and what was asked of it since."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)

    def sync(self) -> None:
        for offset, data in self.pending:
            _apply(self.durable, offset, data)
        self.pending.clear()


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:  # cut or extended to this size
        del content[offset:]
        content.extend(bytes(offset - len(content)))
    else:
        content.extend(bytes(max(0, offset - len(content))))
        content[offset : offset + len(data)] = data


class PowerCut:
    """A folder's files as a disk holds them that keeps nothing but what was synced.

    A name is durable once its folder was synced; changes of names are kept in order. That is less
    than ext4 keeps, so what survives here survives there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._names: dict[str, _File] = {}
        self._files: dict[int, _File] = {}
        for path in folder.rglob("*"):
            if path.is_file():
                file = _File(bytearray(path.read_bytes()))
                self._names[str(path)] = self._files[path.stat().st_ino] = file
        self._current = dict(self._names)
        self._pending_names: list[tuple[str, _File | None]] = []
        self.acknowledged: list[dict[str, Any]] = []

    def copy(self) -> "PowerCut":
        """The same disk, to go on from apart from this one."""
        return copy.deepcopy(self)

    def content(self, path: Path) -> bytes:
        """What the file holds, synced or not."""
        file = copy.deepcopy(self._current[str(path)])
        file.sync()
        return bytes(file.durable)

    def take(self, change: Change) -> None:
        """Go on by one change."""
        name = change.data.decode("utf-8", "replace")
        if change.what == "A":
            self.acknowledged += [json.loads(line) for line in change.data.splitlines()]
        elif change.what == "C":
            self._name(name, self._files.setdefault(change.inode, _File()), is_new=change.inode)
        elif change.what in "RL":
            self._name(change.other.decode(), self._current[name])
            if change.what == "R":
                self._name(name, None)
        elif change.what == "U":
            self._name(name, None)
        elif change.what == "S" and Path(name).is_dir():
            kept = []
            for path, file in self._pending_names:
                if str(Path(path).parent) == name:
                    self._settle(self._names, path, file)
                else:
                    kept.append((path, file))
            self._pending_names = kept
        elif change.inode in self._files:
            file = self._files[change.inode]
            if change.what == "S":
                file.sync()
            else:
                data = change.data if change.what == "W" else None
                file.pending.append((change.offset, data))

    def _name(self, path: str, file: _File | None, *, is_new: int = 0) -> None:
        if is_new:  # the number of a file that is gone is given again
            file = self._files[is_new] = _File()
        self._settle(self._current, path, file)
        self._pending_names.append((path, file))

    @staticmethod
    def _settle(names: dict[str, _File], path: str, file: _File | None) -> None:
        if file is None:
            names.pop(path, None)
        else:
            names[path] = file

    def write(self, target: Path, how: str, rng: random.Random) -> None:
        """Make the folder that a power cut leaves now.

        Args:
            target: where; must not exist.
            how: ``dropped`` keeps only what was synced, ``torn`` a part of the order of changes
                with the last write cut at a sector, ``random`` any of them, sector by sector.
            rng: chooses.
        """
        names = dict(self._names)
        n_kept = 0 if how == "dropped" else rng.randint(0, len(self._pending_names))
        for path, file in self._pending_names[:n_kept]:
            self._settle(names, path, file)
        for folder in {self.folder, *(Path(p).parent for p in names)}:
            made = target / folder.relative_to(self.folder)
            made.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path, file in names.items():
            place = target / Path(path).relative_to(self.folder)
            place.touch(mode=0o600)
            place.write_bytes(_cut(file, how, rng))


def _cut(file: _File, how: str, rng: random.Random) -> bytes:
    content = bytearray(file.durable)
    if how == "torn" and file.pending:
        n = rng.randint(0, len(file.pending))
        for offset, data in file.pending[:n]:
            _apply(content, offset, data)
        if n < len(file.pending) and (torn := file.pending[n][1]) is not None:
            offset = file.pending[n][0]
            room = rng.randrange(0, len(torn) + SECTOR, SECTOR) - offset % SECTOR
            if room > 0:
                _apply(content, offset, torn[:room])
    elif how == "random":
        for offset, data in file.pending:
            if data is None:
                if rng.random() < 0.5:
                    _apply(content, offset, None)
                continue
            place = 0
            while place < len(data):
                size = SECTOR - (offset + place) % SECTOR
                if rng.random() < 0.5:
                    _apply(content, offset + place, data[place : place + size])
                place += size
    return bytes(content)
