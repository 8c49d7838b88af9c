"""Put a new file in place: whole, owner-only, and never over another."""

import os
import secrets
from pathlib import Path

OWNER_FILE = 0o600
OWNER_FOLDER = 0o700


def new_file_beside(path: Path) -> Path:
    """An empty owner-only file in the folder of ``path``, to be filled and placed.

    A missing folder is made, for the owner only.

    Raises:
        FileExistsError: ``path`` is taken.
        NotADirectoryError: its folder is a file.
    """
    if path.parent.is_file():
        raise NotADirectoryError(f"{path.parent} is a file, not a folder")
    path.parent.mkdir(mode=OWNER_FOLDER, parents=True, exist_ok=True)
    if os.path.lexists(path):
        raise FileExistsError(f"{path} exists already and is not overwritten")
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, OWNER_FILE))
    return draft


def place(draft: Path, path: Path) -> None:
    """Move a finished ``draft`` to ``path``; both in one folder.

    A hard link and not a rename: a rename would silently replace a file that
    someone else put at ``path`` meanwhile.

    Raises:
        FileExistsError: ``path`` was taken meanwhile.
    """
    with draft.open("rb") as stream:
        os.fsync(stream.fileno())
    os.link(draft, path)
    draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
