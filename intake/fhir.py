"""Read FHIR R4 files into one PatientBundle a patient; resources stay as they came.

Files: a bundle (``.json``), bulk data (``.ndjson``, ``.ndjson.gz``), an archive of bundles
(``.tar.gz``, ``.tgz``; its members are read as a stream and never written anywhere). A bundle
with its own patient stands for itself and is yielded at once. NDJSON lines, searchset pages and
bundles without a patient belong together and are grouped when all files were read; until then
they are kept as text.

What is wrong with an entry is a :class:`Problem` and never loses the others. An entry that cannot
be used (no code, a modifierExtension) stays among the resources as long as its patient is known:
it is stored as it came, :func:`intake.to_profile` does not use it and says so.
"""

import gzip
import itertools
import json
import math
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from intake.errors import IntakeError, NotFhirError, UnclaimedError, UnreadableError
from intake.grouping import PatientBundle, Problem, Records
from intake.resource import KEPT, clean

MAX_BYTES = 64 * 2**20  # of one file, archive member or NDJSON line; Synthea's bundles have 1 MiB

_TYPES = ("transaction", "collection", "searchset", "batch", "document")
_ARCHIVES = (".tar.gz", ".tgz")
_LINES = (".ndjson", ".ndjson.gz")
_MODIFIED = "has a modifierExtension that is not understood, so it must not be used"

__all__ = ["MAX_BYTES", "PatientBundle", "Problem", "read_patients"]


def read_patients(
    paths: Iterable[Path], *, on_problem: Callable[[Problem], None] | None = None
) -> Iterator[PatientBundle]:
    """Each patient in the files, with the entries that are about them.

    Args:
        paths: files; entries of different files find each other (see the module's text).
        on_problem: called with what concerns no patient: a file or archive member that is not what
            it should be, an entry whose patient is not there. The rest is read on. Without it the
            first of these is raised when it is met.

    Raises:
        UnreadableError: a file is missing or may not be read.
        NotFhirError: a file or member is not JSON, not an R4 bundle, damaged or too large.
        UnclaimedError: an entry belongs to no patient.
    """

    def refuse(error: IntakeError) -> None:
        if on_problem is None:
            raise error
        on_problem(Problem(error.place, error.reason, is_whole=True))

    pool = _Document(is_page=True)
    for path in map(Path, paths):
        try:
            if path.name.lower().endswith(_LINES):
                _read_lines(path, pool)
                continue
            for place, content in _contents(path):
                try:
                    document = _read_bundle(place, content)
                except NotFhirError as error:
                    refuse(error)
                    continue
                if document.is_page or not document.records.has_patients:
                    pool.absorb(document)
                    continue
                patients = list(document.records.patients())
                if patients:  # the first is told what none of them owns
                    patients[0].problems.extend(document.loose())
                    yield from patients
                else:
                    pool.problems += document.loose()
        except IntakeError as error:
            refuse(error)
    yield from pool.records.patients()
    for problem in pool.loose():
        if on_problem is None:
            raise UnclaimedError(problem.place, problem.reason)
        on_problem(problem)


@dataclass
class _Document:
    """What was read from one bundle, or from all files that belong together."""

    is_page: bool  # may lack what other files hold
    records: Records = field(default_factory=Records)
    problems: list[Problem] = field(default_factory=list)  # entries that are no resources

    def add(self, place: str, resource: object, *, full_url: str = "", raw: bytes | None) -> None:
        """File one entry's resource, or what is wrong with it."""
        if not isinstance(resource, dict):
            reason = "has no resource" if resource is None else "must be an object"
            self.problems.append(Problem(place, reason))
            return
        kind = resource.get("resourceType")
        if not isinstance(kind, str) or not kind:
            self.problems.append(Problem(place, "has no resourceType"))
        elif kind == "Bundle":
            reason = "a bundle in a bundle is not read; give it as a file of its own"
            self.problems.append(Problem(f"{place} (Bundle)", reason))
        elif kind in KEPT:
            self.records.add(f"{place} ({kind})", resource, full_url=full_url, raw=raw)

    def absorb(self, other: "_Document") -> None:
        """Take over what ``other`` holds, as text."""
        self.problems += other.problems
        self.records.absorb(other.records)

    def loose(self) -> list[Problem]:
        """What concerns no patient; complete when the patients were read."""
        return self.problems + self.records.unclaimed


def _read_bundle(place: str, content: bytes | NotFhirError) -> _Document:
    if isinstance(content, NotFhirError):
        raise content
    bundle = _parse(place, content)
    _check_bundle(place, bundle)
    document = _Document(is_page=bundle["type"] == "searchset")
    for number, entry in enumerate(bundle.get("entry", []), 1):
        where = f"{place}: entry {number}"
        if not isinstance(entry, dict):
            document.problems.append(Problem(where, "must be an object"))
        elif entry.get("modifierExtension"):
            document.problems.append(Problem(where, f"{_MODIFIED}; it is left out"))
        else:
            full_url = clean(entry.get("fullUrl"))
            document.add(where, entry.get("resource"), full_url=full_url, raw=None)
    return document


def _check_bundle(place: str, bundle: Any) -> None:
    if not isinstance(bundle, dict) or "resourceType" not in bundle:
        raise NotFhirError(place, "is JSON but not FHIR; give a Bundle of R4 resources")
    kind = clean(bundle["resourceType"])
    if kind != "Bundle":
        raise NotFhirError(place, f"is a single {kind or 'resource'}; give a Bundle, or NDJSON")
    if bundle.get("type") not in _TYPES:
        raise NotFhirError(place, f"is a Bundle of another type than {', '.join(_TYPES)}")
    if bundle.get("modifierExtension") or bundle.get("implicitRules"):
        raise NotFhirError(place, _MODIFIED)
    if not isinstance(bundle.get("entry", []), list):
        raise NotFhirError(place, "has an entry that is no list; a Bundle holds a list of entries")


def _read_lines(path: Path, pool: _Document) -> None:
    """Add the lines of an NDJSON file to ``pool``."""
    place = clean(path.name)
    broken: list[Problem] = []
    n_read = number = 0
    for number, line in _lines(path):
        where = f"{place}: line {number}"
        try:
            resource = _parse(where, line)
        except NotFhirError as error:
            broken.append(Problem(where, error.reason))
            continue
        pool.add(where, resource, raw=line)
        n_read += isinstance(resource, dict)
    if not number:
        raise NotFhirError(place, "is empty; NDJSON has a JSON object on each line")
    if broken and not n_read:
        raise NotFhirError(place, "is not NDJSON, which has a JSON object on each line")
    pool.problems += broken


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, numbered from 1."""
    place = clean(path.name)
    with _opened(path) as file, _naming_damage(place), _unzipped(file, path) as stream:
        for number in itertools.count(1):
            line = stream.readline(MAX_BYTES + 1)
            if not line:
                return
            if len(line) > MAX_BYTES:
                raise NotFhirError(f"{place}: line {number}", _too_large())
            if line.strip():
                yield number, line


def _contents(path: Path) -> Iterator[tuple[str, bytes | NotFhirError]]:
    """The bundles in a file: place and bytes, or why it is refused."""
    place = clean(path.name)
    if path.name.lower().endswith(_ARCHIVES):
        yield from _members(path)
    elif path.name.lower().endswith(".json"):
        with _opened(path) as file, _naming_damage(place):
            content = file.read(MAX_BYTES + 1)
        yield place, content if len(content) <= MAX_BYTES else NotFhirError(place, _too_large())
    else:
        kinds = ", ".join((".json", *_LINES, *_ARCHIVES))
        raise NotFhirError(place, f"is none of the files that are read: {kinds}")


def _members(path: Path) -> Iterator[tuple[str, bytes | NotFhirError]]:
    place = clean(path.name)
    n_json = 0
    with (
        _opened(path) as file,
        _naming_damage(place),
        tarfile.open(fileobj=file, mode="r|gz") as archive,
    ):
        for member in archive:
            if not member.name.lower().endswith(".json"):
                continue
            n_json += 1
            inner = f"{place}: {clean(member.name)}"
            if not member.isreg():
                yield inner, NotFhirError(inner, "is a link or device; archives must hold files")
            elif member.size > MAX_BYTES:
                yield inner, NotFhirError(inner, _too_large())
            else:
                content = archive.extractfile(member)
                yield inner, content.read() if content else b""
    if not n_json:
        raise NotFhirError(place, "holds no .json file; it must hold bundles")


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except IsADirectoryError:
        raise UnreadableError(clean(str(path)), "is a folder; name the files in it") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or "is no file name"
        raise UnreadableError(clean(str(path)), f"cannot be read: {reason}") from error


def _unzipped(file: IO[bytes], path: Path) -> IO[bytes]:
    return (
        cast(IO[bytes], gzip.GzipFile(fileobj=file)) if path.name.lower().endswith(".gz") else file
    )


@contextmanager
def _naming_damage(place: str) -> Iterator[None]:
    """Say which file it is when its compression or archive is broken."""
    try:
        yield
    # TypeError: what tarfile in stream mode makes of a gzip file that ends inside its header.
    except (EOFError, zlib.error, gzip.BadGzipFile, tarfile.TarError, TypeError) as error:
        reason = f"is damaged or cut off ({clean(str(error)) or type(error).__name__})"
        raise NotFhirError(place, reason) from error


def _parse(place: str, content: bytes) -> Any:
    if not content.strip():
        raise NotFhirError(place, "is empty; it must hold JSON")
    try:
        return json.loads(content, parse_float=_finite, parse_constant=_finite)
    except RecursionError:
        raise NotFhirError(place, "is nested too deeply to be FHIR") from None
    except json.JSONDecodeError as error:
        reason = f"is not JSON ({error.msg}, line {error.lineno} column {error.colno})"
        raise NotFhirError(place, reason) from None
    except UnicodeDecodeError:
        raise NotFhirError(place, "is not JSON (not UTF-8)") from None
    except ValueError:
        raise NotFhirError(place, "holds a number that is too large or not a number") from None


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("not a finite number")
    return value


def _too_large() -> str:
    return f"is larger than {MAX_BYTES // 2**20} MiB; split it, or give NDJSON"
