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

import json
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from intake.checks import TWICE, Doubled
from intake.errors import IntakeError, NotFhirError, UnclaimedError
from intake.files import LINES, name_of, read_documents, read_lines
from intake.grouping import PatientBundle, Problem, Records
from intake.resource import KEPT, clean

MAX_UNUSABLE = 10_000  # entries of a file that are no resource; with more it is refused
MAX_BYTES = 64 * 2**20  # of one file, archive member or NDJSON line; Synthea's bundles have 1 MiB

_TYPES = ("transaction", "collection", "searchset", "batch", "document")
_TYPE = re.compile("[A-Za-z]{1,64}")
_MODIFIED = "has a modifierExtension that is not understood, so it must not be used"

__all__ = ["MAX_BYTES", "PatientBundle", "Problem", "read_patients"]


def read_patients(
    paths: Iterable[Path], *, on_problem: Callable[[Problem], None] | None = None
) -> Iterator[PatientBundle]:
    """Each patient in the files, with the entries that are about them.

    Args:
        paths: files; entries of different files find each other (see the module's text). One that
            is named twice is read once.
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
    seen: set[str] = set()
    for path in map(Path, paths):
        full = os.path.abspath(path)
        if full in seen:
            continue
        seen.add(full)
        try:
            if path.name.lower().endswith(LINES):
                pool.absorb(_read_lines(path))
                continue
            for place, content in read_documents(path, limit=MAX_BYTES):
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
            self.refuse(place, "has no resource" if resource is None else "must be an object")
            return
        kind = resource.get("resourceType")
        if not isinstance(kind, str) or not kind:
            self.refuse(place, "has no resourceType")
        elif kind == "Bundle":
            reason = "a bundle in a bundle is not read; give it as a file of its own"
            self.refuse(f"{place} (Bundle)", reason)
        elif kind in KEPT:
            self.records.add(f"{place} ({kind})", resource, full_url=full_url, raw=raw)

    def refuse(self, place: str, reason: str) -> None:
        """Note an entry that is no resource.

        Raises:
            NotFhirError: there are too many of them; nothing of the file may be used then.
        """
        if len(self.problems) == MAX_UNUSABLE:
            file = place.rpartition(": ")[0]
            raise NotFhirError(file, f"has more than {MAX_UNUSABLE:,} entries that are no resource")
        self.problems.append(Problem(place, reason))

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
            document.refuse(where, "must be an object")
        elif isinstance(entry, Doubled):
            document.refuse(where, TWICE)
        elif entry.get("modifierExtension"):
            document.refuse(where, f"{_MODIFIED}; it is left out")
        else:
            full_url = clean(entry.get("fullUrl"))
            document.add(where, entry.get("resource"), full_url=full_url, raw=None)
    return document


def _check_bundle(place: str, bundle: Any) -> None:
    if not isinstance(bundle, dict) or "resourceType" not in bundle:
        raise NotFhirError(place, "is JSON but not FHIR; give a Bundle of R4 resources")
    if isinstance(bundle, Doubled):
        raise NotFhirError(place, TWICE)
    kind = clean(bundle["resourceType"])
    if kind != "Bundle":
        known = kind if _TYPE.fullmatch(kind) else "resource"  # anything else is not for a message
        raise NotFhirError(place, f"is a single {known}; give a Bundle, or NDJSON")
    if bundle.get("type") not in _TYPES:
        raise NotFhirError(place, f"is a Bundle of another type than {', '.join(_TYPES)}")
    if bundle.get("modifierExtension") or bundle.get("implicitRules"):
        raise NotFhirError(place, _MODIFIED)
    if not isinstance(bundle.get("entry", []), list):
        raise NotFhirError(place, "has an entry that is no list; a Bundle holds a list of entries")


def _read_lines(path: Path) -> _Document:
    """What an NDJSON file holds. One that breaks off gives nothing: whom it lacks, nobody knows."""
    place = name_of(path)
    document = _Document(is_page=True)
    n_read = number = 0
    for number, line in read_lines(path, limit=MAX_BYTES):
        where = f"{place}: line {number}"
        try:
            resource = _parse(where, line)
        except NotFhirError as error:
            document.refuse(where, error.reason)
            continue
        document.add(where, resource, raw=line)
        n_read += isinstance(resource, dict)
    if not number:
        raise NotFhirError(place, "is empty; NDJSON has a JSON object on each line")
    if document.problems and not n_read:
        raise NotFhirError(place, "is not NDJSON, which has a JSON object on each line")
    return document


def _parse(place: str, content: bytes) -> Any:
    if not content.strip():
        raise NotFhirError(place, "is empty; it must hold JSON")
    try:
        return json.loads(
            content, parse_float=_finite, parse_constant=_finite, object_pairs_hook=_object
        )
    except RecursionError:
        raise NotFhirError(place, "is nested too deeply to be FHIR") from None
    except json.JSONDecodeError as error:
        reason = f"is not JSON ({error.msg}, line {error.lineno} column {error.colno})"
        raise NotFhirError(place, reason) from None
    except UnicodeDecodeError:
        raise NotFhirError(place, "is not JSON (not UTF-8)") from None
    except ValueError:
        raise NotFhirError(place, "holds a number that is too large or not a number") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else Doubled(found)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("not a finite number")
    return value
