"""Who was erased, in a signed file beside the key ring: outside the database and its backups.

A backup from before an erasure still holds the patient's wrapped data key. What keeps the patient
erased is this file: restoring refuses without it, and nobody it names is restored.

The file has one line of canonical JSON for its store, then one for each erasure, oldest first::

    {"format":"pharmakon-erasures/1","signature":…,"store":…}
    {"n":0,"patient":…,"previous":…,"signature":…,"store":…,"time":…}

Each is signed by the ring's audit key; ``previous`` is the SHA-256 of the line before (zeros for
the first erasure), so lines cannot be left out or exchanged. The store's signed head commits to how
many there are and to the last digest, which shows that the end was not cut. A line is on disk
before the transaction that erases commits: after a crash between the two, the line is beyond the
head, and the erasure is completed when the store is next opened.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import RLock
from types import MappingProxyType
from typing import NamedTuple, Self

from storage.errors import TombstoneError
from storage.files import new_file_beside, place
from storage.growing import read_behind, write_behind
from storage.keys import KeyRing
from storage.signed import Fields, from_signed, is_signed, to_signed

FILE_NAME = "erasures.log"
NO_DIGEST = bytes(32)  # before the first erasure

_FORMAT = "pharmakon-erasures/1"
_PSEUDONYM = re.compile(r"[0-9a-f]{32}")
_LONGEST = 1_000  # bytes of a line; ours have about 330


class Tombstone(NamedTuple):
    """One erasure."""

    patient: str
    time: str


@dataclass(frozen=True)
class Plan:
    """Erasures to be written, and what the file will be with them.

    Attributes:
        count: of all erasures then.
        digest: of the last one then.
        start: where they begin in the file.
        erasures: pseudonym and time of the new ones.
        lines: of the new ones.
    """

    count: int
    digest: bytes
    start: int
    erasures: tuple[tuple[str, str], ...]
    lines: tuple[bytes, ...]


class Tombstones:
    """The erasures of one store, oldest first, each checked.

    Invariant: what this object knows was in the file, signed by the ring, in an unbroken chain.
    Only whoever holds the store's gate may plan and write, so that there is one writer.
    """

    def __init__(self, path: Path, ring: KeyRing) -> None:
        """Know of none yet; ``open`` is the door for callers."""
        self.path = path
        self._ring = ring
        self._mutex = RLock()  # readers in other threads may read on meanwhile
        self._times: dict[str, str] = {}  # by pseudonym, oldest first
        self._digests = [NO_DIGEST]
        self._end = 0  # of the last whole line, in bytes

    @classmethod
    def create(cls, path: Path, ring: KeyRing) -> None:
        """Make the file of a store that has erased nobody, unless a file is there already.

        Raises:
            TombstoneError: it cannot be written.
        """
        if os.path.lexists(path):
            return
        try:
            draft = new_file_beside(path)
            try:
                draft.write_bytes(_line({"format": _FORMAT, "store": ring.store_id}, ring))
                place(draft, path)
            finally:
                draft.unlink(missing_ok=True)
        except FileExistsError:
            return  # another process was faster
        except OSError as error:
            raise TombstoneError(f"{path} cannot be written: {error.strerror}") from error

    @classmethod
    def open(cls, path: Path, ring: KeyRing, *, count: int = 0, digest: bytes = NO_DIGEST) -> Self:
        """Read the file and hold it against a signed head of the store.

        Args:
            path: the file; others lose their rights to it.
            ring: the store's.
            count: how many erasures the head knows of; those are checked by ``digest``, and the
                ones beyond by their own signatures.
            digest: of the last of them.

        Raises:
            TombstoneError: missing, cut, edited, of another store, or signed by another key. A
                last line that a crash cut short is none: it is left out, and the next one takes
                its place.
        """
        tombstones = cls(path, ring)
        tombstones._read_on(trusted=count)
        tombstones.check(count, digest)
        return tombstones

    def __repr__(self) -> str:
        return f"Tombstones({str(self.path)!r}, count={self.count})"

    @property
    def count(self) -> int:
        """How many erasures there are."""
        return len(self._digests) - 1

    @property
    def digest(self) -> bytes:
        """The digest of the last one, which stands for all: 32 bytes, zeros where there is none."""
        return self._digests[-1]

    @property
    def ids(self) -> Mapping[str, str]:
        """Pseudonym -> time of erasure."""
        return MappingProxyType(self._times)

    def names(self, patient_id: str) -> bool:
        """Whether this patient is named, by the file as it is now.

        Raises:
            TombstoneError: the file was changed by someone else.
        """
        self._read_on(trusted=0)
        return patient_id in self._times

    def after(self, count: int) -> tuple[Tombstone, ...]:
        """Those behind the first ``count``: what a head that knows ``count`` does not cover."""
        return tuple(Tombstone(*erased) for erased in islice(self._times.items(), count, None))

    def check(self, count: int, digest: bytes) -> None:
        """Pass only if the file begins with the erasures that a signed head knows of.

        What other processes wrote meanwhile is read first.

        Raises:
            TombstoneError: it has fewer, or others.
        """
        if self.count < count:
            self._read_on(trusted=count)
        if self.count < count:
            raise TombstoneError(
                f"{self.path} lists {self.count} erasures, the signed head knows of {count}: it "
                "was cut, or is an old copy; put the newest copy back"
            )
        if self._digests[count] != digest:
            raise TombstoneError(
                f"the first {count} erasures in {self.path} are not those of the signed head: it "
                "was edited; put the newest copy back"
            )

    def plan(self, erasures: Iterable[tuple[str, str]]) -> "Plan":
        """What the file will be with these erasures (pseudonym, time) behind it; writes nothing.

        What other processes wrote meanwhile is read first. Whoever is in the file stays there once.

        Raises:
            TombstoneError: the file was changed by someone else.
        """
        self._read_on(trusted=0)
        planned: dict[str, str] = {}
        lines: list[bytes] = []
        count, digest = self.count, self.digest
        for patient, time in erasures:
            if _PSEUDONYM.fullmatch(patient) is None:
                raise TombstoneError("only a pseudonym can be written to the file of erasures")
            if patient in self._times or patient in planned:
                continue
            planned[patient] = time
            lines.append(_line(self._body(count, digest, patient, time), self._ring))
            count, digest = count + 1, _digest(lines[-1])
        return Plan(count, digest, self._end, tuple(planned.items()), tuple(lines))

    def write(self, plan: "Plan") -> None:
        """Write what was planned and wait until it is on disk; what a crash left is cut off.

        To be called behind the gate, as ``plan`` before it.

        Raises:
            TombstoneError: the file cannot be written, or has grown since it was planned.
        """
        if not plan.lines:
            return
        if plan.start != self._end:
            raise TombstoneError(f"{self.path} has grown since the erasure was planned: try again")
        with self._mutex:
            try:
                write_behind(self.path, self._end, b"".join(plan.lines))
            except OSError as error:
                raise TombstoneError(
                    f"{self.path} cannot be written, so nobody is erased: {error.strerror}"
                ) from error
            for (patient, time), line in zip(plan.erasures, plan.lines, strict=True):
                self._add(patient, time, line)

    def append(self, patient: str, time: str) -> None:
        """Plan and write one erasure."""
        self.write(self.plan([(patient, time)]))

    def _read_on(self, *, trusted: int) -> None:
        """Read the lines behind those known; signatures are checked from number ``trusted`` on."""
        if self._end and self._size() == self._end:
            return  # which is so in every operation that erases nobody
        with self._mutex:
            self._read_lines(trusted)

    def _read_lines(self, trusted: int) -> None:
        # After a loss of power a file may be as long as it was to become, and hold zeros where it
        # was not written. No line of ours holds one.
        data, _, _ = self._bytes_after(self._end).partition(b"\0")
        *lines, _torn = data.split(b"\n")  # nothing, where the last line is whole
        for line in lines:
            if self._end == 0:
                self._check_header(line + b"\n")
            else:
                self._take(line + b"\n", trusted=trusted)
        if self._end == 0:
            raise TombstoneError(f"{self.path} is empty or cut: put the newest copy back")

    def _size(self) -> int | None:
        try:
            return self.path.stat().st_size
        except OSError:
            return None  # reading says what is wrong

    def _bytes_after(self, start: int) -> bytes:
        try:
            return read_behind(self.path, start)
        except EOFError:
            raise TombstoneError(
                f"{self.path} was cut while the store was open: put the newest copy back"
            ) from None
        except FileNotFoundError:
            raise TombstoneError(
                f"no file of erasures at {self.path}: put the newest copy back; it is kept beside "
                "the key ring and says who must stay erased"
            ) from None
        except OSError as error:
            raise TombstoneError(f"{self.path} cannot be read: {error.strerror}") from error

    def _check_header(self, line: bytes) -> None:
        fields, signature = self._parse(line)
        if fields.get("format") != _FORMAT or set(fields) != {"format", "store"}:
            raise TombstoneError(f"{self.path} is not a file of erasures that this program reads")
        self._check_store(fields)
        self._check_signature(fields, signature, "first line")
        self._end = len(line)

    def _take(self, line: bytes, *, trusted: int) -> None:
        """One more line."""
        number = self.count
        place = f"erasure {number}"
        fields, signature = self._parse(line)
        self._check_store(fields)
        expected = self._body(number, self.digest, fields.get("patient"), fields.get("time"))
        patient, time = str(fields.get("patient")), str(fields.get("time"))
        if fields != expected or not _PSEUDONYM.fullmatch(patient) or patient in self._times:
            raise TombstoneError(
                f"{place} in {self.path} does not follow from the one before: lines were edited, "
                "left out or exchanged; put the newest copy back"
            )
        if number >= trusted:
            self._check_signature(fields, signature, place)
        self._add(patient, time, line)

    def _add(self, patient: str, time: str, line: bytes) -> None:
        self._times[patient] = time
        self._digests.append(_digest(line))
        self._end += len(line)

    def _body(self, number: int, previous: bytes, patient: object, time: object) -> Fields:
        return {
            "n": number,
            "patient": patient,
            "previous": previous.hex(),
            "store": self._ring.store_id,
            "time": time,
        }

    def _parse(self, line: bytes) -> tuple[Fields, bytes]:
        """The fields of a line without its signature, and the signature."""
        try:
            if len(line) > _LONGEST:
                raise ValueError("too long")
            return from_signed(line.removesuffix(b"\n"))
        except ValueError:
            raise TombstoneError(
                f"line {self.count + (self._end > 0) + 1} of {self.path} is damaged or was "
                "edited: put the newest copy back"
            ) from None

    def _check_store(self, fields: Fields) -> None:
        if fields.get("store") != self._ring.store_id:
            raise TombstoneError(
                f"{self.path} is of another store than this key ring ({self._ring.store_id}): "
                "put the file of this store in its place"
            )

    def _check_signature(self, body: Fields, signature: bytes, place: str) -> None:
        if not is_signed(body, signature, self._ring, kind=_FORMAT):
            raise TombstoneError(
                f"the {place} in {self.path} carries no signature of this store's key ring: it "
                "was edited; put the newest copy back"
            )


def _digest(line: bytes) -> bytes:
    return hashlib.sha256(line).digest()


def _line(body: Fields, ring: KeyRing) -> bytes:
    return to_signed(body, ring, kind=_FORMAT) + b"\n"
