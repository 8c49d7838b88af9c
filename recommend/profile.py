"""What a model may know of a patient: node ids, grades, dates and a few numbers. No identity.

Every list states what is known of it: a list can be *known*, *known empty* ("no known allergies")
or *unknown*; unknown makes the rules that need it answer "not covered".
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Literal

from recommend.errors import ProfileError

Sex = Literal["female", "male", "other", "unknown"]
Grade = Literal["exact", "xref", "broader", "near"]
Pregnancy = Literal["pregnant", "not pregnant", "unknown"]

GRADES: tuple[Grade, ...] = ("exact", "xref", "broader", "near")  # best first

# Statuses of a condition that the patient does not have now, or never had.
_NOT_HELD = frozenset({"inactive", "resolved", "remission", "refuted", "entered-in-error"})


class Knowledge(StrEnum):
    """What is known of a list."""

    KNOWN = "known"
    EMPTY = "known empty"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Fact:
    """One coded thing about the patient.

    Attributes:
        node: CURIE of the node it matched.
        grade: how it matched; a ``near`` match never seeds a suggestion and never clears a check.
        basis: what matched, e.g. ``SNOMEDCT:44054006`` or ``ingredient of 'Yaz'``.
        status: clinical status as recorded (``active``, ``completed``, …).
        verification: verification status as recorded, where given.
        start: onset or order date, where given.
        end: abatement or end date, where given.
        distance: how many steps broader the node is; 0 where nobody counted any.
    """

    node: str
    grade: Grade = "exact"
    basis: str = ""
    status: str = ""
    verification: str = ""
    start: date | None = None
    end: date | None = None
    distance: int = 0

    @property
    def is_certain(self) -> bool:
        """Whether the node is the thing itself: neither near to it nor a broader one."""
        return self.grade in ("exact", "xref")

    @property
    def ended(self) -> str:
        """The status which says that the thing does not hold now, or nothing."""
        return next((s for s in (self.verification, self.status) if s in _NOT_HELD), "")


@dataclass(frozen=True)
class GenePhenotype:
    """A metaboliser or function phenotype of one gene, as the laboratory names it."""

    gene: str  # CURIE, e.g. NCBIGene:1565
    phenotype: str  # e.g. "Poor Metabolizer"


@dataclass(frozen=True)
class Unmapped:
    """Something recorded that no node answers to, or not safely enough."""

    kind: Literal["condition", "drug", "allergy", "gene", "pregnancy"]
    text: str  # display or code as recorded
    reason: str


@dataclass(frozen=True)
class PatientProfile:
    """One patient as the recommender sees one.

    Raises:
        ProfileError: an entry or a number of the wrong kind, a number out of its range, or entries
            in a list that is *known empty*.
    """

    conditions: tuple[Fact, ...] = ()  # current; Disease nodes
    drugs: tuple[Fact, ...] = ()  # current; Drug nodes, one fact an ingredient
    past_drugs: tuple[Fact, ...] = ()  # formerly taken; only the collaborative part reads them
    allergies: tuple[Fact, ...] = ()  # Drug or DrugClass nodes
    genes: tuple[GenePhenotype, ...] = ()
    conditions_known: Knowledge = Knowledge.UNKNOWN
    drugs_known: Knowledge = Knowledge.UNKNOWN
    allergies_known: Knowledge = Knowledge.UNKNOWN
    age_years: float | None = None
    sex: Sex = "unknown"
    pregnancy: Pregnancy = "unknown"
    egfr: float | None = None  # mL/min/{1.73_m2}, at most 12 months old
    deceased: bool = False
    unmapped: tuple[Unmapped, ...] = field(default=())

    def __post_init__(self) -> None:
        for name, kind in _ENTRIES.items():
            entries = getattr(self, name)
            if not isinstance(entries, tuple) or not all(isinstance(e, kind) for e in entries):
                raise ProfileError(f"{name} must be a tuple of {kind.__name__}")
        for name, high in (("age_years", 130), ("egfr", 250)):
            value = getattr(self, name)
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if value is not None and not (is_number and 0 <= value <= high):  # NaN is outside, too
                raise ProfileError(f"{name} must be a number from 0 to {high}")
        for name in _LISTS:
            if getattr(self, name) and getattr(self, f"{name}_known") is Knowledge.EMPTY:
                raise ProfileError(f"{name} has entries, but {name}_known says {Knowledge.EMPTY}")

    def __repr__(self) -> str:
        return (
            f"PatientProfile({len(self.conditions)} conditions, {len(self.drugs)} drugs, "
            f"{len(self.allergies)} allergies)"
        )  # clinical fields stay out of logs

    def to_json(self) -> dict[str, Any]:
        """JSON values; :meth:`from_json` reads them back equal."""
        return json.loads(json.dumps(asdict(self), default=str))  # type: ignore[no-any-return]

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "PatientProfile":
        """Read a profile; lists may hold CURIEs instead of whole facts.

        A list that is given and not empty is *known*, given and empty *known empty*, absent
        *unknown*, unless ``…_known`` says otherwise.

        Raises:
            ProfileError: an unknown field, or a value of the wrong kind; the message
                names the field.
        """
        return _read_profile(document)


_LISTS = ("conditions", "drugs", "allergies")
_ENTRIES: Mapping[str, type] = {
    **dict.fromkeys((*_LISTS, "past_drugs"), Fact),
    "genes": GenePhenotype,
    "unmapped": Unmapped,
}
_FIELD = re.compile(r"[a-z_]{1,30}")


def _read_profile(document: Mapping[str, Any]) -> PatientProfile:
    if not isinstance(document, Mapping):
        raise ProfileError("a profile is a JSON object")
    unknown = set(document) - set(PatientProfile.__dataclass_fields__)
    if unknown:
        fields = ", ".join(PatientProfile.__dataclass_fields__)
        raise ProfileError(f"a profile has no field {_field(unknown)}; fields are {fields}")
    values: dict[str, Any] = {}
    for name in (*_LISTS, "past_drugs"):
        if name in document:
            values[name] = tuple(_read_fact(name, item) for item in _list(document, name))
    for name in _LISTS:
        values[f"{name}_known"] = _read_knowledge(document, name)
    if "genes" in document:
        values["genes"] = tuple(
            GenePhenotype(**_texts("genes", item, ("gene", "phenotype"), required=True))
            for item in _list(document, "genes")
        )
    if "unmapped" in document:
        values["unmapped"] = tuple(_read_unmapped(item) for item in _list(document, "unmapped"))
    values["age_years"] = _number(document, "age_years")
    values["egfr"] = _number(document, "egfr")
    values["sex"] = _choice(document, "sex", ("female", "male", "other", "unknown"))
    values["pregnancy"] = _choice(document, "pregnancy", ("pregnant", "not pregnant", "unknown"))
    values["deceased"] = document.get("deceased", False)
    if not isinstance(values["deceased"], bool):
        raise ProfileError("deceased must be true or false")
    return PatientProfile(**values)


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    value = document[name]
    if not isinstance(value, list):
        raise ProfileError(f"{name} must be a list")
    return value


def _read_fact(name: str, item: object) -> Fact:
    if isinstance(item, str):
        item = {"node": item}
    if not isinstance(item, Mapping):
        raise ProfileError(f"{name} must hold CURIEs or objects with a 'node'")
    plain = {k: value for k, value in item.items() if k not in ("start", "end", "distance")}
    texts = _texts(name, plain, ("node", "grade", "basis", "status", "verification"))
    if "node" not in texts:
        raise ProfileError(f"an entry of {name} has no 'node'")
    if texts.get("grade", "exact") not in GRADES:
        raise ProfileError(f"{name}: grade must be one of {', '.join(GRADES)}")
    dates: dict[str, Any] = {}
    for key in ("start", "end"):
        if item.get(key) is not None:
            try:
                dates[key] = date.fromisoformat(str(item[key]))
            except ValueError:
                raise ProfileError(f"{name}: {key} must be a date such as 2024-05-31") from None
    distance = item.get("distance", 0)
    if isinstance(distance, bool) or not isinstance(distance, int) or distance < 0:
        raise ProfileError(f"{name}: distance must be a number of steps")
    return Fact(**texts, **dates, distance=distance)


def _read_unmapped(item: object) -> Unmapped:
    texts = _texts("unmapped", item, ("kind", "text", "reason"), required=True)
    kinds = ("condition", "drug", "allergy", "gene", "pregnancy")
    if texts["kind"] not in kinds:
        raise ProfileError(f"unmapped: kind must be one of {', '.join(kinds)}")
    return Unmapped(**texts)


def _texts(
    name: str, item: object, fields: tuple[str, ...], *, required: bool = False
) -> dict[str, Any]:
    if not isinstance(item, Mapping):
        raise ProfileError(f"{name} must hold objects with {', '.join(fields)}")
    extra = set(item) - set(fields)
    if extra:
        raise ProfileError(f"an entry of {name} has no field {_field(extra)}")
    result = {key: item[key] for key in fields if key in item}
    if required and len(result) < len(fields):
        raise ProfileError(f"an entry of {name} needs {', '.join(fields)}")
    if not all(isinstance(value, str) for value in result.values()):
        raise ProfileError(f"the entries of {name} must hold texts")
    return result


def _field(names: Iterable[object]) -> str:
    """The first of ``names`` if it looks like a field; what else stands there may be a name."""
    first = min(map(str, names))
    return repr(first) if _FIELD.fullmatch(first) else "of that name"


def _read_knowledge(document: Mapping[str, Any], name: str) -> Knowledge:
    stated = document.get(f"{name}_known")
    if stated is None:
        if name not in document:
            return Knowledge.UNKNOWN
        return Knowledge.KNOWN if document[name] else Knowledge.EMPTY
    try:
        return Knowledge(stated)
    except ValueError:
        choices = ", ".join(Knowledge)
        raise ProfileError(f"{name}_known must be one of {choices}") from None


def _number(document: Mapping[str, Any], name: str) -> float | None:
    value = document.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ProfileError(f"{name} must be a number")
    return float(value) if abs(value) < 1e6 else math.inf  # an integer may be too big for a float


def _choice(document: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> str:
    value = document.get(name, "unknown")
    if value not in choices:
        raise ProfileError(f"{name} must be one of {', '.join(choices)}")
    return str(value)
