"""What a model may know of a patient: node ids, grades, dates and a few numbers. No identity.

Every list states what is known of it: a list can be *known*, *known empty* ("no known allergies")
or *unknown*; unknown makes the rules that need it answer "not covered".
"""

import json
import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any, Literal, get_args

from recommend.errors import ProfileError

Sex = Literal["female", "male", "other", "unknown"]
Grade = Literal["exact", "xref", "broader", "near"]
Pregnancy = Literal["pregnant", "not pregnant", "unknown"]
Lactation = Literal["breastfeeding", "not breastfeeding", "unknown"]
ChildPugh = Literal["A", "B", "C"]
Route = Literal[
    "", "oral", "injected", "inhaled", "skin", "eye", "ear", "nasal", "vaginal", "rectal", "mouth"
]
Criticality = Literal["", "low", "high", "unable-to-assess"]
UnmappedKind = Literal["condition", "drug", "allergy", "symptom", "gene", "pregnancy"]
Reaction = Literal["", "mild", "moderate", "severe"]

ROUTES: tuple[Route, ...] = get_args(Route)
LOCAL_ROUTES: frozenset[Route] = frozenset(["skin", "eye", "ear", "nasal", "vaginal", "mouth"])

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
        dose: of a drug, as recorded, e.g. ``10 mg once a day``.
        route: of a drug; empty where nobody says.
        is_stale: recorded as active, but too long ago to be believed without asking.
        confirmed: a person has confirmed that the node is what is meant, and that it holds.
        criticality: of an allergy, how dangerous a next reaction may be; not its severity.
        reaction: of an allergy, how severe the recorded reaction was.
    """

    node: str
    grade: Grade = "exact"
    basis: str = ""
    status: str = ""
    verification: str = ""
    start: date | None = None
    end: date | None = None
    distance: int = 0
    dose: str = ""
    route: Route = ""
    is_stale: bool = False
    confirmed: bool = False
    criticality: Criticality = ""
    reaction: Reaction = ""

    @property
    def is_certain(self) -> bool:
        """Whether the node is the thing itself, and holds now: what can clear a check."""
        return self.confirmed or (self.grade in ("exact", "xref") and not self.is_stale)

    @property
    def is_local(self) -> bool:
        """Whether a drug is used where it acts and hardly elsewhere: on the skin, in the eye."""
        return self.route in LOCAL_ROUTES

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

    kind: UnmappedKind
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
    symptoms: tuple[Fact, ...] = ()  # current; Symptom or Phenotype nodes
    genes: tuple[GenePhenotype, ...] = ()
    conditions_known: Knowledge = Knowledge.UNKNOWN
    drugs_known: Knowledge = Knowledge.UNKNOWN
    allergies_known: Knowledge = Knowledge.UNKNOWN
    day: date | None = None  # what the profile is of; nothing in it was recorded later
    age_years: float | None = None
    sex: Sex = "unknown"
    pregnancy: Pregnancy = "unknown"
    lactation: Lactation = "unknown"
    egfr: float | None = None  # mL/min/{1.73_m2}, at most 12 months old
    creatinine: float | None = None  # in serum, mg/dL, at most 12 months old
    weight_kg: float | None = None
    kidney_doubt: str = ""  # why the figures of the kidneys cannot be relied on
    child_pugh: ChildPugh | None = None  # class of the liver's function
    deceased: bool = False
    unmapped: tuple[Unmapped, ...] = field(default=())

    def __post_init__(self) -> None:
        for name, kind in _ENTRIES.items():
            entries = getattr(self, name)
            if not isinstance(entries, tuple) or not all(isinstance(e, kind) for e in entries):
                raise ProfileError(f"{name} must be a tuple of {kind.__name__}")
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if value is not None and not (is_number and low <= value <= high):  # NaN is outside
                raise ProfileError(f"{name} must be a number from {low:g} to {high:g}")
        for name in _LISTS:
            if getattr(self, name) and getattr(self, f"{name}_known") is Knowledge.EMPTY:
                raise ProfileError(f"{name} has entries, but {name}_known says {Knowledge.EMPTY}")

    def __repr__(self) -> str:
        return (
            f"PatientProfile({len(self.conditions)} conditions, {len(self.drugs)} drugs, "
            f"{len(self.allergies)} allergies)"
        )  # clinical fields stay out of logs

    def confirm(self, nodes: Collection[str]) -> "PatientProfile":
        """The profile with every fact of these nodes marked as confirmed by a person.

        Raises:
            ProfileError: no fact of the profile has one of the nodes.
        """
        facts = [fact for name in _FACTS for fact in getattr(self, name)]
        unknown = sorted(set(nodes) - {fact.node for fact in facts})
        if unknown:
            raise ProfileError(f"the profile has no {unknown[0]!r} that could be confirmed")
        changed: dict[str, Any] = {
            name: tuple(
                replace(fact, confirmed=True) if fact.node in nodes else fact
                for fact in getattr(self, name)
            )
            for name in _FACTS
        }
        return replace(self, **changed)

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
_FACTS = (*_LISTS, "past_drugs", "symptoms")
_RANGES = {"age_years": (0, 130), "egfr": (0, 250), "creatinine": (0, 50), "weight_kg": (0.2, 700)}
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "sex": get_args(Sex),
    "pregnancy": get_args(Pregnancy),
    "lactation": get_args(Lactation),
}
_FACT_CHOICES: Mapping[str, tuple[str, ...]] = {
    "grade": GRADES,
    "route": ROUTES,
    "criticality": get_args(Criticality),
    "reaction": get_args(Reaction),
}
_ENTRIES: Mapping[str, type] = {
    **dict.fromkeys(_FACTS, Fact),
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
    for name in _FACTS:
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
    values["day"] = _date("the profile", "day", document.get("day"))
    values |= {name: _number(document, name) for name in _RANGES}
    values |= {name: _choice(document, name, choices) for name, choices in _CHOICES.items()}
    values["child_pugh"] = document.get("child_pugh")
    if values["child_pugh"] not in (None, *get_args(ChildPugh)):
        raise ProfileError(f"child_pugh must be one of {', '.join(get_args(ChildPugh))}")
    values["kidney_doubt"] = document.get("kidney_doubt", "")
    if not isinstance(values["kidney_doubt"], str):
        raise ProfileError("kidney_doubt must be a text")
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
    others = ("start", "end", "distance", "is_stale", "confirmed")
    plain = {k: value for k, value in item.items() if k not in others}
    texts = _texts(name, plain, ("node", "basis", "status", "verification", "dose", *_FACT_CHOICES))
    if "node" not in texts:
        raise ProfileError(f"an entry of {name} has no 'node'")
    for key, choices in _FACT_CHOICES.items():
        if key in texts and texts[key] not in choices:
            known = ", ".join(filter(None, choices))
            raise ProfileError(f"{name}: {key} must be one of {known}")
    flags = {key: item[key] for key in ("is_stale", "confirmed") if key in item}
    if not all(isinstance(flag, bool) for flag in flags.values()):
        raise ProfileError(f"{name}: is_stale and confirmed must be true or false")
    dates: dict[str, Any] = {key: _date(name, key, item.get(key)) for key in ("start", "end")}
    distance = item.get("distance", 0)
    if isinstance(distance, bool) or not isinstance(distance, int) or distance < 0:
        raise ProfileError(f"{name}: distance must be a number of steps")
    return Fact(**texts, **dates, **flags, distance=distance)


def _date(name: str, key: str, stated: object) -> date | None:
    try:
        return None if stated is None else date.fromisoformat(str(stated))
    except ValueError:
        raise ProfileError(f"{name}: {key} must be a date such as 2024-05-31") from None


def _read_unmapped(item: object) -> Unmapped:
    texts = _texts("unmapped", item, ("kind", "text", "reason"), required=True)
    if texts["kind"] not in get_args(UnmappedKind):
        raise ProfileError(f"unmapped: kind must be one of {', '.join(get_args(UnmappedKind))}")
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
