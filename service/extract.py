"""A de-identified extract of the patient store, in a folder for analysts: whole, or not at all.

Every patient is opened for research and leaves an audit entry, refused ones too; one more entry,
``extract.create`` without a patient, holds the SHA-256 of the manifest. It is durable before the
folder appears. Until the extract is known to be k-anonymous nothing of it is on a disk.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from intake.deidentify import Extract, Release, check, check_enough, to_report, to_text
from intake.deidentify.dates import Dates
from service.errors import SettingsError
from service.patients import OF_ONE_RECORD
from storage import AccessDeniedError, Database, StorageError, StoreBusyError
from storage.access import Action
from storage.checkpoint import ERASED
from storage.operations import recorded

RESEARCH = "research"
K = 11  # the least that is allowed: CMS shows no cell of 1 to 10 patients

MANIFEST, REPORT, REPORT_TEXT, ENDING = "manifest.json", "report.json", "report.txt", ".ndjson"


@dataclass
class ExtractReport:
    """What an extract did.

    Attributes:
        folder: where it lies.
        contents: the report that lies in it, for those who get the extract.
        manifest: SHA-256 of the manifest in hexadecimal, as the audit log has it.
        denied: how many patients deny research; they are left out.
        failed: pseudonym and what is wrong with the record, of those that could not be used.
    """

    folder: Path
    contents: Mapping[str, Any] = field(default_factory=dict)
    manifest: str = ""
    denied: int = 0
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """No record was left out because it could not be used."""
        return not self.failed

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return {
            "folder": str(self.folder),
            "manifest_sha256": self.manifest,
            "patients_denied": self.denied,
            "patients_failed": self.failed,
            **self.contents,
        }

    def line(self) -> str:
        """One line for people."""
        found = self.contents
        return (
            f"{found['patients_written']} patients in classes of {found['smallest_class']} and "
            f"more ({found['patients_suppressed']} left out to reach k = {found['k']}, "
            f"{self.denied} deny research, {len(self.failed)} could not be used): {self.folder}"
        )


def create_extract(
    database: Database,
    out: Path,
    *,
    actor: str,
    k: int = K,
    dates: Dates = "shift",
    now: datetime | None = None,
    progress: Callable[[int], None] | None = None,
) -> ExtractReport:
    """De-identify the patients of a store into the new folder ``out``.

    Args:
        database: the store.
        out: the folder to make; owner-only.
        actor: who extracts; an analyst.
        k: how many patients each class and each code must have, 11 or more.
        dates: ``shift`` moves each patient's dates by a random number of days, ``year`` leaves the
            year alone.
        now: the time of the extract, to which ages are counted; else the present.
        progress: called with how many patients were read.

    Raises:
        SettingsError: ``k`` is less than 11, or ``out`` exists or cannot be written.
        NotAnonymousError: fewer than ``k`` patients may leave, or no ``k`` of them are alike.
        AccessDeniedError: the actor may not extract.
        StoreBusyError: a patient was erased meanwhile.
        StorageError: the store cannot be used, or an entry could not be recorded.
    """
    now = now or datetime.now(UTC)
    if k < K:
        raise SettingsError(f"k is {k}; it must be {K} or more")
    if os.path.lexists(out):
        raise SettingsError(f"{out} exists already; an extract needs a new folder")
    report = ExtractReport(out)
    extract = Extract(now.date(), dates)
    erased = database.checkpoint().parts[ERASED]
    reading = database.reading(actor, purpose=RESEARCH)
    listed = reading.list()
    check_enough(len(listed), k)  # before anybody's record is opened
    for n_read, summary in enumerate(listed, 1):
        try:
            record = reading.for_extract(summary.id)
            extract.add(summary.id, record.resources)
        except AccessDeniedError:
            report.denied += 1
        except OF_ONE_RECORD as error:
            report.failed[summary.id] = str(error)
        if progress is not None:
            progress(n_read)
    release = extract.release(k)
    try:
        draft = _draft(out)
        try:
            report.contents = _fill(draft, release, report, now)
            report.manifest = _digest(draft / MANIFEST)
            # Refused here are those who were analysts when it began and are no longer: what was
            # refused to them in between was not denied by the patients.
            with recorded(database.scope(actor, purpose=RESEARCH), Action.EXTRACT_CREATE) as access:
                access.detail = report.manifest
            if database.checkpoint().parts[ERASED] != erased:
                raise StoreBusyError(
                    "a patient was erased while the extract was written: it is discarded, try again"
                )
            _place(draft, out)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except StorageError:
        raise
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SettingsError(f"the extract cannot be written to {out}: {reason}") from error
    return report


def _draft(out: Path) -> Path:
    """An owner-only folder beside ``out``."""
    out.parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}.", suffix=".part"))


def _fill(
    folder: Path, release: Release, report: ExtractReport, now: datetime
) -> Mapping[str, Any]:
    """Write everything, check what was written, and return the report in the folder."""
    written = _write_resources(folder, release)
    dates = release.extract.dates
    found = check(_read_resources(folder), k=release.k, dates=dates, allow_rare=False)
    contents = {
        "created": now.date().isoformat(),
        **to_report(release, written),
        "patients_denied": report.denied,
        "patients_failed": len(report.failed),
        "checked": {"patients": found.n_patients, "smallest_class": found.smallest},
    }
    _write(folder / REPORT, _json(contents))
    _write(folder / REPORT_TEXT, to_text(contents))
    files = [f"{kind}{ENDING}" for kind in sorted(written)]
    manifest = {
        "transactionTime": now.isoformat(timespec="seconds"),
        "request": "patient extract",
        "requiresAccessToken": False,
        "output": [
            {
                "type": name.removesuffix(ENDING),
                "url": name,
                "count": written[name.removesuffix(ENDING)],
                "sha256": _digest(folder / name),
            }
            for name in files
        ],
        "error": [],
        "report": {name: _digest(folder / name) for name in (REPORT, REPORT_TEXT)},
    }
    _write(folder / MANIFEST, _json(manifest))
    return contents


def _write_resources(folder: Path, release: Release) -> Counter[str]:
    """One NDJSON file a type; returns how many resources of each type there are."""
    written = Counter[str]()
    files: dict[str, IO[str]] = {}
    with ExitStack() as stack:
        for resource in release.resources():
            kind = resource["resourceType"]
            if kind not in files:
                files[kind] = stack.enter_context(_new_file(folder / f"{kind}{ENDING}"))
            json.dump(resource, files[kind], separators=(",", ":"))
            files[kind].write("\n")
            written[kind] += 1
        for file in files.values():
            _settle(file)
    return written


def _read_resources(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob(f"*{ENDING}")):
        with path.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def _new_file(path: Path) -> IO[str]:
    return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w")


def _settle(file: IO[str]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _write(path: Path, text: str) -> None:
    with _new_file(path) as file:
        file.write(text)
        _settle(file)


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=1) + "\n"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _place(draft: Path, out: Path) -> None:
    """Give the finished folder its name; only an empty folder can be in the way unseen."""
    _sync(draft)
    draft.rename(out)
    _sync(out.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
