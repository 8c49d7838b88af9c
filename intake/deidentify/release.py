"""All patients of one extract: collected, generalised together, and told one by one.

Held in memory, compressed: about fifty bytes an entry. Nothing is written here, so that no
patient who is left out in the end is on a disk.
"""

import json
import secrets
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from intake.deidentify.anonymity import Choice, choose
from intake.deidentify.dates import Dates
from intake.deidentify.errors import NotAnonymousError
from intake.deidentify.people import Traits, to_patient
from intake.deidentify.record import Dropped, deidentify
from intake.deidentify.rules import Removed
from intake.deidentify.sparse import (
    Measure,
    Range,
    codes_of,
    limits,
    measured,
    rare_codes,
    within,
    without,
)
from intake.deidentify.terms import Code
from intake.resource import Resource

RareCodes = Literal["suppress", "keep"]


@dataclass(frozen=True)
class _Held:
    """One patient, as told later."""

    id: str
    traits: Traits
    entries: bytes  # as JSON, compressed
    n_entries: int
    codes: frozenset[Code]
    ranges: Mapping[Measure, Range]

    def __repr__(self) -> str:
        return "_Held()"

    def load(self) -> list[Resource]:
        return json.loads(zlib.decompress(self.entries))  # type: ignore[no-any-return]


def check_enough(n_patients: int, k: int) -> None:
    """Raise NotAnonymousError where ``n_patients`` cannot have a class of ``k``."""
    if n_patients < k:
        reason = f"has {n_patients} patients that may leave; k = {k} needs {k} or more"
        raise NotAnonymousError("the extract", reason)


@dataclass
class Extract:
    """The patients of an extract, before it is known how coarse they must be.

    Args:
        today: the day of the extract.
        dates: how dates are written.
        key: 32 secret bytes; drawn anew where none are given, and kept nowhere else.
    """

    today: date
    dates: Dates
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    removed: Removed = field(default_factory=Removed, repr=False)
    dropped: Dropped = field(default_factory=Dropped, repr=False)
    _held: list[_Held] = field(default_factory=list, repr=False)
    _codes: dict[Code, Code] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self._held)

    def add(self, patient_id: str, resources: Sequence[Resource]) -> None:
        """Take up what may leave of one patient.

        Raises:
            MixedPatientsError, NotFhirError: as :func:`intake.deidentify.deidentify`.
        """
        record = deidentify(patient_id, resources, key=self.key, today=self.today, dates=self.dates)
        self.removed.update(record.removed)
        self.dropped.update(record.dropped)
        self._held.append(
            _Held(
                record.id,
                record.traits,
                zlib.compress(json.dumps(record.entries).encode(), level=1),
                len(record.entries),
                frozenset(map(self._shared, codes_of(record.entries))),
                measured(record.entries),
            )
        )

    def _shared(self, code: Code) -> Code:
        """One object for equal codes, which all patients hold."""
        return self._codes.setdefault(code, code)

    def release(self, k: int, *, rare: RareCodes = "suppress") -> "Release":
        """The patients as they may leave.

        Args:
            k: how many patients each class, and each code, must have.
            rare: what becomes of codes that fewer carry.

        Raises:
            NotAnonymousError: fewer than ``k`` patients, or no class of ``k``.
        """
        n = len(self._held)
        check_enough(n, k)
        choice = choose([held.traits for held in self._held], k=k, year=self.today.year)
        if not choice.kept:
            reason = f"has no {k} patients alike, however coarse: none of its {n} may leave"
            raise NotAnonymousError("the extract", reason)
        kept = sorted((self._held[row] for row in choice.kept), key=lambda held: held.id)
        found, ranges = _survey(kept, k, rare)
        return Release(self, k, choice, kept, found, rare, limits(ranges, k))


def _survey(
    held: Sequence[_Held], k: int, rare: RareCodes
) -> tuple[frozenset[Code], list[Mapping[Measure, Range]]]:
    """The rare codes, and each patient's measures without what these take along.

    What goes with a rare code may have made another code common: so until nothing more is rare.
    """
    found: set[Code] = set()
    codes, ranges = [one.codes for one in held], [one.ranges for one in held]
    while True:
        more = rare_codes(Counter(code for each in codes for code in each), k) - found
        found |= more
        if not more or rare == "keep":
            return frozenset(found), ranges
        for row, one in enumerate(held):
            if not more.isdisjoint(codes[row]):
                entries = without(one.load(), found)
                codes[row] = frozenset(codes_of(entries))
                ranges[row] = measured(entries)


@dataclass(frozen=True)
class Release:
    """An extract that may leave, and the report on it.

    Attributes:
        extract: what it is made of.
        k: the size asked for.
        choice: how it is generalised.
        held: the patients that stay, in the order of their new ids.
        rare: the codes that fewer than k of them carry.
        rare_codes: what becomes of these.
        ranges: of the measures that can be seen on a person.
    """

    extract: Extract
    k: int
    choice: Choice
    held: Sequence[_Held]
    rare: frozenset[Code]
    rare_codes: RareCodes
    ranges: Mapping[Measure, Range]

    def __repr__(self) -> str:
        return f"Release({len(self.held)} patients, k={self.k})"

    def resources(self) -> Iterator[Resource]:
        """Every resource that leaves: each Patient, then its entries."""
        gone = self.rare if self.rare_codes == "suppress" else frozenset()
        for one in self.held:
            yield to_patient(one.id, one.traits, self.choice.levels, self.extract.today.year)
            entries = one.load()
            if not gone.isdisjoint(one.codes):
                entries = without(entries, gone)
            yield from within(entries, self.ranges)
