"""A file that only grows: read behind a place, written at its end, on disk when written."""

import os
import stat
from pathlib import Path

from storage.files import OWNER_FILE


def read_behind(path: Path, start: int) -> bytes:
    """The bytes from ``start`` on; a file that others could use is made the owner's alone.

    Raises:
        OSError: missing, a link, or not a regular file.
        EOFError: it is shorter than ``start``.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(None, "it is not a regular file")
        if facts.st_mode & 0o077:
            os.fchmod(handle, OWNER_FILE)
        if facts.st_size < start:
            raise EOFError
        os.lseek(handle, start, os.SEEK_SET)
        with open(handle, "rb", closefd=False) as stream:
            return stream.read()
    finally:
        os.close(handle)


def write_behind(path: Path, end: int, data: bytes) -> None:
    """Write ``data`` at ``end`` and wait until it is on disk; what lay behind is cut off first.

    Raises:
        OSError: it cannot be written.
    """
    handle = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
    try:
        os.ftruncate(handle, end)
        while data:
            n_written = os.pwrite(handle, data, end)
            data, end = data[n_written:], end + n_written
        os.fsync(handle)
    finally:
        os.close(handle)
