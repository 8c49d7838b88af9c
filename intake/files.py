"""The bytes of FHIR files: opened, unpacked, and bounded in what they may grow to."""

import gzip
import itertools
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from intake.archive import TarError, members
from intake.errors import NotFhirError, UnreadableError
from intake.resource import MAX_TEXT, clean

LINES = (".ndjson", ".ndjson.gz")
MAX_RATIO = 100  # times its size that a compressed file may unpack to; real records reach 20
FREE = 16 * 2**20  # bytes that any file may unpack to

_ARCHIVES = (".tar.gz", ".tgz")


def name_of(path: Path) -> str:
    """The file's name as problems give it."""
    return clean(path.name)[:MAX_TEXT]


def read_lines(path: Path, *, limit: int) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, numbered from 1.

    Raises:
        UnreadableError: the file is missing or may not be read.
        NotFhirError: damaged, or a line has more than ``limit`` bytes.
    """
    place = name_of(path)
    is_packed = path.name.lower().endswith(".gz")
    with _opened(path) as file, _naming_damage(place):
        stream = _Unpacked(file, place) if is_packed else file
        for number in itertools.count(1):
            line = stream.readline(limit + 1)
            if not line:
                return
            if len(line) > limit:
                raise NotFhirError(f"{place}: line {number}", _too_large(limit))
            if not line.isspace():
                yield number, line


def read_documents(path: Path, *, limit: int) -> Iterator[tuple[str, bytes | NotFhirError]]:
    """The bundles in a file: place and bytes, or why it is refused.

    Raises:
        UnreadableError: the file is missing or may not be read.
        NotFhirError: damaged, or none of the files that are read.
    """
    place = name_of(path)
    if path.name.lower().endswith(_ARCHIVES):
        yield from _members(path, limit)
    elif path.name.lower().endswith(".json"):
        with _opened(path) as file:
            content = file.read(limit + 1)
        yield place, content if len(content) <= limit else NotFhirError(place, _too_large(limit))
    else:
        _opened(path).close()  # what is not there is no file of a wrong kind
        kinds = ", ".join((".json", *LINES, *_ARCHIVES))
        raise NotFhirError(place, f"is none of the files that are read: {kinds}")


def _members(path: Path, limit: int) -> Iterator[tuple[str, bytes | NotFhirError]]:
    place = name_of(path)
    n_json = 0
    with _opened(path) as file, _naming_damage(place):
        for member in members(_Unpacked(file, place).read):
            if not member.name.lower().endswith(".json"):
                continue
            n_json += 1
            inner = f"{place}: {clean(member.name)[:MAX_TEXT]}"
            if not member.is_file:
                yield inner, NotFhirError(inner, "is a link or device; archives must hold files")
            elif member.size > limit:
                yield inner, NotFhirError(inner, _too_large(limit))
            else:
                yield inner, member.read()
    if not n_json:
        raise NotFhirError(place, "holds no .json file; it must hold bundles")


class _Unpacked:
    """A gzip stream that is given up where it grows out of all proportion to its file."""

    def __init__(self, file: IO[bytes], place: str) -> None:
        self._file, self._place = file, place
        self._stream = gzip.GzipFile(fileobj=file)
        self._n, self._allowed = 0, FREE

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes."""
        return self._counted(self._stream.read(size))

    def readline(self, size: int) -> bytes:
        """A line, or its first ``size`` bytes."""
        return self._counted(self._stream.readline(size))

    def _counted(self, data: bytes) -> bytes:
        self._n += len(data)
        if self._n > self._allowed:
            self._allowed = FREE + MAX_RATIO * self._file.tell()
            if self._n > self._allowed:
                reason = f"unpacks to more than {MAX_RATIO} times its size; unpack it first"
                raise NotFhirError(self._place, reason)
        return data


def _opened(path: Path) -> IO[bytes]:
    """The file for reading; opening never waits, as it would for a pipe that nobody writes to."""
    place = clean(str(path))
    try:
        file = open(  # noqa: SIM115  (the caller closes it)
            path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)
        )
    except IsADirectoryError:
        raise UnreadableError(place, "is a folder; name the files in it") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or "is no file name"
        raise UnreadableError(place, f"cannot be read: {reason}") from error
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise UnreadableError(place, "is a pipe or device; give a file")
    return file


@contextmanager
def _naming_damage(place: str) -> Iterator[None]:
    """Say which file it is when its compression or archive is broken."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile, TarError) as error:
        reason = f"is damaged or cut off ({clean(str(error)) or type(error).__name__})"
        raise NotFhirError(place, reason) from error


def _too_large(limit: int) -> str:
    return f"is larger than {limit // 2**20} MiB; split it, or give NDJSON"
