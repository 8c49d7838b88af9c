"""The mark in a bundle's folder that says that it should be trained again, read without a store."""

from pathlib import Path

from kg.folder import Folder, open_folder
from recommend.bundle import KIND, VERSION
from recommend.stale import read_mark


def marked(bundle: Path) -> str | None:
    """Why the bundle in this folder should be trained again, by its mark alone; None without one.

    Raises:
        FolderError: there is no bundle that this program reads.
    """
    folder = bundle_folder(bundle)
    return read_mark(folder.path, folder.fingerprint)


def bundle_folder(bundle: Path) -> Folder:
    """The files of a bundle, unread.

    Raises:
        FolderError: there is no bundle that this program reads.
    """
    return open_folder(bundle, kind=KIND, versions=(VERSION,))
