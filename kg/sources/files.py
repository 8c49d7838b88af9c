"""A source's files: found in folders or downloaded, opened plain or gzip, described by hash."""

import gzip
import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from kg.errors import SourceError


class Download(NamedTuple):
    """Where a file is published, and the SHA-256 of exactly that version."""

    url: str
    sha256: str


def locate(
    source: str, folders: Iterable[Path], name: str, download: Download | None = None
) -> Path:
    """The file ``name``, or ``name.gz``: in one of ``folders``, or downloaded if there is none.

    Raises:
        SourceError: it is in no folder, or there is no folder and nowhere to download it from.
    """
    folders = tuple(folders)
    found = find(folders, name)
    if found is not None:
        return found
    if not folders and download is not None:
        from kg.sources.download import fetch

        return fetch(*download)
    if not folders:
        raise SourceError(f"{source}: say with --from which folder holds {name}")
    raise SourceError(f"{source}: no {name} or {name}.gz in {', '.join(map(str, folders))}")


def find(folders: Iterable[Path], name: str) -> Path | None:
    """The file ``name`` or ``name.gz`` in the first of ``folders`` that has it, or None."""
    for folder in folders:
        for path in (folder / name, folder / f"{name}.gz"):
            with suppress(OSError, ValueError):  # a name that no file can have: too long, a NUL
                if path.is_file():
                    return path
    return None


def find_all(folders: Iterable[Path], *patterns: str) -> list[Path]:
    """The files that fit a glob pattern with or without ``.gz``, sorted; each name once.

    Of several files of one name, that of the first folder; of plain and gzip, the plain one.
    """
    found: dict[str, Path] = {}
    for folder in folders:
        for pattern in (*patterns, *(f"{pattern}.gz" for pattern in patterns)):
            for path in folder.glob(pattern):
                if path.is_file():
                    found.setdefault(path.name.removesuffix(".gz"), path)
    return sorted(found.values())


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """The content of ``path``, unpacked if its name ends in ``.gz``.

    Raises:
        SourceError: it cannot be read, or the gzip data is damaged; also while it is being read.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield cast(BinaryIO, file)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SourceError(f"{path.name}: the gzip data is truncated or damaged ({error})") from None
    except OSError as error:
        raise SourceError(f"{path.name} cannot be read ({error.strerror})") from None


def read_text(path: Path) -> str:
    """The whole of ``path`` as text, a byte order mark removed.

    Raises:
        SourceError: it cannot be read, or is not UTF-8.
    """
    with open_bytes(path) as file:
        content = file.read()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{path.name} is not UTF-8 ({error.reason} at byte {error.start})"
        ) from None


def describe(paths: Iterable[Path]) -> Mapping[str, Any]:
    """For :meth:`Source.version`: each file's size and SHA-256."""
    files = {}
    for path in paths:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        files[path.name] = {"bytes": path.stat().st_size, "sha256": digest}
    return {"files": files}
