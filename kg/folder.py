"""A folder of data files under one manifest: checked, replaced as a whole, never half written.

Layout: ``manifest.json`` names each data file with its size and SHA-256. Data files carry a piece
of their own hash in the file name, so a new state is written beside the old one and becomes valid
in one step, when the manifest is renamed into place; whoever has the old files open keeps them. A
process killed at any moment leaves the old state whole and at most some unreferenced files, which
the next write removes. Writers of one folder wait for each other. Graphs and model bundles are
stored this way.
"""

import hashlib
import io
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from kg.errors import FolderError

MANIFEST = "manifest.json"

Writer = Callable[[BinaryIO], None]


@dataclass(frozen=True)
class Folder:
    """An opened folder. Versions and sizes were checked; hashes are checked by :meth:`verify`."""

    path: Path
    manifest: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """A SHA-256 over the names and hashes of all data files: the content, nothing else."""
        return _fingerprint(self.manifest["files"])

    def file(self, name: str) -> Path:
        """The path of the data file called ``name`` in the manifest.

        Raises:
            FolderError: the manifest names no such file.
        """
        try:
            return self.path / str(self.manifest["files"][name]["file"])
        except KeyError:
            raise FolderError(f"{self.path} holds no file called {name!r}") from None

    def verify(self) -> None:
        """Read every data file and compare its SHA-256 with the manifest.

        Raises:
            FolderError: a file differs; the message names it.
        """
        for name, entry in self.manifest["files"].items():
            digest = _sha256(self.file(name))
            if digest != entry["sha256"]:
                raise FolderError(
                    f"{self.file(name)} has SHA-256 {digest}, the manifest says {entry['sha256']}"
                )


def write_folder(
    path: Path, *, kind: str, version: int, files: Mapping[str, Writer], header: Mapping[str, Any]
) -> Folder:
    """Write ``files`` and a manifest with ``header`` to ``path``, replacing what was there.

    Args:
        path: the folder; created, or an earlier folder of the same kind.
        kind: what the folder is, e.g. ``"pharmakon-graph"``.
        version: format version, written to the manifest.
        files: logical name (``"nodes.arrow"``) to a function that writes the content.
        header: further manifest entries; JSON values.

    Raises:
        FolderError: ``path`` holds something else than a folder of this kind.
    """
    if path.exists() and not path.is_dir():
        raise FolderError(f"{path} is a file; a {kind} is a folder")
    path.mkdir(parents=True, exist_ok=True)
    with only_writer(path):
        ours = _leftovers(path, kind, files)
        entries = {name: _write_file(path, name, write) for name, write in files.items()}
        manifest = {
            "kind": kind,
            "version": version,
            **header,
            "fingerprint": _fingerprint(entries),
            "files": entries,
        }
        text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
        _sync_directory(path)
        replace_file(path / MANIFEST, text.encode())
        for old in ours - {str(entry["file"]) for entry in entries.values()}:
            (path / old).unlink(missing_ok=True)
    return Folder(path, manifest)


def open_folder(path: Path, *, kind: str, versions: tuple[int, ...]) -> Folder:
    """Open a folder of ``kind``, checking its version and the size of every file.

    Raises:
        FolderError: nothing there, another kind of folder, an unknown version, a damaged manifest
            or a file of the wrong size.
    """
    manifest = _read_manifest(path, kind)
    if manifest.get("version") not in versions:
        known = ", ".join(map(str, versions))
        raise FolderError(
            f"{path} is a {kind} of format version {manifest.get('version')!r}; "
            f"this program reads version {known}"
        )
    folder = Folder(path, manifest)
    if manifest.get("fingerprint") != folder.fingerprint:
        raise FolderError(
            f"{path / MANIFEST} was changed: its fingerprint is not that of its files"
        )
    for name, entry in manifest["files"].items():
        file = folder.file(name)
        size = file.stat().st_size if file.is_file() else None
        if size != entry["bytes"]:
            state = "missing" if size is None else f"{size} bytes long"
            raise FolderError(f"{file} is {state}; the manifest says {entry['bytes']} bytes")
    return folder


def content_fingerprint(files: Mapping[str, Writer]) -> str:
    """The fingerprint that :func:`write_folder` would give ``files``, without writing them."""
    entries = {}
    for name, write in files.items():
        sink = _HashSink()
        write(cast(BinaryIO, sink))
        entries[name] = {"sha256": sink.hexdigest()}
    return _fingerprint(entries)


class _HashSink(io.RawIOBase):
    """A file that keeps only the SHA-256 of what is written to it."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._size = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._size

    def write(self, content: Any) -> int:
        self._digest.update(content)
        size = memoryview(content).nbytes
        self._size += size
        return size

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def replace_file(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` so that a reader sees the old or the new file, never a part."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


@contextmanager
def only_writer(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the folder's lock; a process lets go of it however it ends.

    Raises:
        FolderError: another process holds it, and ``wait`` is False.
    """
    import fcntl  # not on Windows, where stored graphs can be read but not written

    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    except BlockingIOError:
        raise FolderError(f"{path} is being written by another process; wait for it") from None
    finally:
        os.close(handle)


def _read_manifest(path: Path, kind: str) -> dict[str, Any]:
    file = path / MANIFEST
    try:
        manifest = json.loads(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise FolderError(f"{path} is not a {kind}: it has no {MANIFEST}") from None
    except OSError as error:
        raise FolderError(f"{file} cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise FolderError(f"{file} is not JSON") from None
    if not isinstance(manifest, dict) or manifest.get("kind") != kind:
        found = manifest.get("kind") if isinstance(manifest, dict) else None
        raise FolderError(f"{path} is not a {kind}: its manifest says {found!r}")
    files = manifest.get("files")
    if not isinstance(files, dict) or not all(_is_entry(entry) for entry in files.values()):
        raise FolderError(f"{file} does not list its files with name, size and SHA-256")
    return manifest


def _is_entry(entry: object) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("file"), str)
        and re.fullmatch(r"\w[\w.-]*", entry["file"]) is not None  # never a path
        and isinstance(entry.get("bytes"), int)
        and isinstance(entry.get("sha256"), str)
    )


def _leftovers(path: Path, kind: str, files: Mapping[str, Writer]) -> set[str]:
    """The data files of earlier writes, finished or not; no file of anyone else.

    Raises:
        FolderError: the folder is of another kind, or it has no manifest and holds something else.
    """
    present = {entry.name for entry in path.iterdir()}
    ours = {name for name in present if any(_is_of(name, logical) for logical in files)}
    if MANIFEST in present:
        entries = _read_manifest(path, kind)["files"].values()
        ours |= present & {str(entry["file"]) for entry in entries}
    elif others := present - ours:
        raise FolderError(
            f"{path} is not a {kind} and holds {min(others)!r}; choose another folder"
        )
    return ours


def _is_of(name: str, logical: str) -> bool:
    """Whether ``name`` is a finished or unfinished data file called ``logical``."""
    stem, _, suffix = map(re.escape, logical.rpartition("."))
    pattern = rf"{stem}\.[0-9a-f]{{12}}\.{suffix}|\.({re.escape(logical)}|{MANIFEST})\..*\.part"
    return re.fullmatch(pattern, name) is not None


def _write_file(path: Path, name: str, write: Writer) -> dict[str, object]:
    stem, _, suffix = name.rpartition(".")
    handle, part = tempfile.mkstemp(dir=path, prefix=f".{name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        digest = _sha256(Path(part))
        target = f"{stem}.{digest[:12]}.{suffix}"
        Path(part).chmod(0o644)
        size = Path(part).stat().st_size
        os.replace(part, path / target)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
    return {"file": target, "bytes": size, "sha256": digest}


def _fingerprint(entries: Mapping[str, Mapping[str, object]]) -> str:
    lines = "".join(f"{name} {entries[name]['sha256']}\n" for name in sorted(entries))
    return hashlib.sha256(lines.encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
