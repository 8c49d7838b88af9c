"""A file of secrets on disk: its owner's alone, read with every check, replaced as a whole.

A change is made under an exclusive lock on the folder, so no two processes lose each other's.
The new file is written beside the old one, synced, renamed over it, and the folder synced: a
crash before the rename leaves the old file whole, one after it the new. No copy of the old file
is kept: between the two there is no state to recover from, and a copy would hold the bytes of a
key that was destroyed.
"""

import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from storage.crypto import Secret
from storage.errors import KeyRingError
from storage.files import OWNER_FILE, new_file_beside, place

_TAKEN = (
    "{path} exists already; a key ring is never overwritten, because what its keys sealed would "
    "be lost"
)


class SecretText(Secret):
    """The file's bytes, which may hold keys: a traceback with local names does not show them."""

    __slots__ = ("value",)

    def __init__(self, value: bytes) -> None:
        self.value = value


class Mark(NamedTuple):
    """What tells one state of a file from another without reading it."""

    inode: int
    modified: int  # nanoseconds; each change makes it grow
    size: int


def refuse_taken(path: Path) -> None:
    """Pass only if there is nothing at ``path``: asked before a provider is asked for a key.

    Raises:
        KeyRingError: there is.
    """
    if os.path.lexists(path):
        raise KeyRingError(_TAKEN.format(path=path))


def create(path: Path, text: SecretText) -> None:
    """Write a new file of mode 0600, whole or not at all, never over another.

    A missing folder is made with mode 0700.

    Raises:
        KeyRingError: ``path`` is taken, or its folder is not the owner's alone.
    """
    try:
        draft = new_file_beside(path)
        try:
            check_folder(path.parent)
            _write_synced(draft, text, after=0)
            place(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError:
        raise KeyRingError(_TAKEN.format(path=path)) from None
    except OSError as error:
        raise KeyRingError(f"no key ring can be written to {path}: {error.strerror}") from error


def read(path: Path) -> tuple[SecretText, Mark]:
    """The file's bytes and its mark; all is checked on the open file, so it cannot be exchanged.

    A link is followed (mounted secrets are links); what it leads to must be as safe.

    Raises:
        KeyRingError: missing, usable by others, of another owner, or not a regular file.
    """
    check_folder(path.parent)
    try:
        target = path.resolve()
        if path.is_symlink():
            check_folder(target.parent)
        handle = os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise KeyRingError(
            f"no key ring at {path}: create one, or restore it from its backup"
        ) from None
    except RuntimeError:  # of Path.resolve, before Python 3.13
        raise KeyRingError(f"key ring {path} cannot be opened: its links form a circle") from None
    except OSError as error:
        raise KeyRingError(f"key ring {path} cannot be opened: {error.strerror}") from error
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            raise KeyRingError(f"key ring {path} is not a regular file")
        if facts.st_uid != os.geteuid():
            raise KeyRingError(f"key ring {path} belongs to another user (id {facts.st_uid})")
        if facts.st_mode & 0o077:
            raise KeyRingError(
                f"key ring {path} can be used by others (mode {stat.S_IMODE(facts.st_mode):04o}): "
                "run chmod 600 on it, and replace its keys if others may have read it"
            )
        with open(handle, "rb", closefd=False) as stream:
            return SecretText(stream.read()), _mark(facts)
    finally:
        os.close(handle)


def mark_of(path: Path) -> Mark:
    """The mark of the file as it is now.

    Raises:
        KeyRingError: it cannot be seen.
    """
    try:
        facts = path.stat()
    except OSError as error:
        raise KeyRingError(
            f"the file of the open key ring {path} cannot be seen any more "
            f"({error.strerror}): put it back"
        ) from error
    return _mark(facts)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock on the ring's folder; waits for another process that changes the ring.

    Raises:
        KeyRingError: the folder cannot be opened or locked.
    """
    folder = path.resolve().parent
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise KeyRingError(
            f"key ring {path} cannot be changed: {error.strerror}: {folder}"
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as error:
            raise KeyRingError(
                f"key ring {path} cannot be changed: its folder cannot be locked "
                f"({error.strerror}); keep it on a local disk"
            ) from error
        yield
    finally:
        os.close(handle)


def replace(path: Path, text: SecretText) -> None:
    """Put ``text`` in the place of the file; the caller holds the lock.

    Raises:
        KeyRingError: it cannot be written; the old file is still there.
    """
    target = path.resolve()
    check_folder(target.parent)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        _remove_drafts(target)
        modified = mark_of(target).modified
        try:
            os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, OWNER_FILE))
            _write_synced(draft, text, after=modified)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
        _sync_folder(target.parent)
    except OSError as error:
        raise KeyRingError(f"key ring {path} cannot be changed: {error.strerror}") from error


def check_folder(folder: Path) -> None:
    """Refuse a folder in which others could put another ring."""
    try:
        mode = folder.stat().st_mode
    except FileNotFoundError:
        raise KeyRingError(
            f"no key ring: folder {folder} does not exist; create a ring first"
        ) from None
    if mode & 0o022:
        raise KeyRingError(
            f"folder {folder} of the key ring can be written by others "
            f"(mode {stat.S_IMODE(mode):04o}): run chmod 700 on it"
        )


def _mark(facts: os.stat_result) -> Mark:
    return Mark(facts.st_ino, facts.st_mtime_ns, facts.st_size)


def _write_synced(draft: Path, text: SecretText, *, after: int) -> None:
    handle = os.open(draft, os.O_WRONLY)
    try:
        with open(handle, "wb", closefd=False) as stream:
            stream.write(text.value)
        # File systems keep time in steps of milliseconds and use inodes again: two changes in a
        # row could look alike to a process that only looks at the mark.
        now = max(os.fstat(handle).st_mtime_ns, after + 1)
        os.utime(handle, ns=(now, now))
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove_drafts(path: Path) -> None:
    """Remove what changes that were killed left behind: they hold keys."""
    draft = re.compile(re.escape(f".{path.name}.") + "[0-9a-f]{16}")
    for entry in path.parent.iterdir():
        if draft.fullmatch(entry.name):
            entry.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
