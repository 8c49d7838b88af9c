"""Whose an entry is: references to patients and medications within a set of entries."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from intake.checks import complaint, damage, forbidden, remarks
from intake.resource import (
    MAX_LINKS,
    URL_SYSTEM,
    Resource,
    clean,
    contained,
    ingredients,
    objects,
    own_keys,
    person_identifiers,
    reference,
    reference_keys,
)

MAX_IDENTIFIERS = 1000  # of one person; real records have fewer than ten


@dataclass(frozen=True)
class Problem:
    """Something that could not be used.

    Attributes:
        place: file and entry, counted from 1, such as ``a.json: entry 17 (Condition)``.
        reason: what is wrong with it; never clinical text.
        is_whole: whether a whole file, archive member or patient is lost, not an entry of one.
    """

    place: str
    reason: str
    is_whole: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


@dataclass(frozen=True)
class PatientBundle:
    """One patient's resources as they came.

    Attributes:
        identifiers: system and value of each identifier that tells people apart; without any, the
            patient's URL or ``Patient/id``, whose system is empty; empty if there is neither.
        resources: the Patient, then what is about them, then the Medications these refer to.
        problems: what is wrong with which entry; ``resources`` still holds it unless the reason
            says that it is left out.
        place: file and entry of the Patient.
    """

    identifiers: tuple[tuple[str, str], ...]
    resources: list[Resource]
    problems: list[Problem]
    place: str = ""

    def __repr__(self) -> str:  # neither identity nor clinical content reaches a log
        return f"PatientBundle({len(self.resources)} resources, {len(self.problems)} problems)"


@dataclass(slots=True)
class _Record:
    """An entry reduced to what grouping needs."""

    place: str
    kind: str
    name: str  # Type/id, or "" for a resource without an id
    keys: tuple[str, ...]  # what references may call it
    full_url: str
    subject: str  # reference or system|value of its patient
    links: tuple[str, ...]  # references to Medications
    reasons: tuple[str, ...]
    content: Resource | bytes  # as text in a pool of many files, to save memory

    def load(self) -> Resource:
        if isinstance(self.content, dict):
            return self.content
        return json.loads(self.content)  # type: ignore[no-any-return]


@dataclass
class _Owner:
    """A patient and the records that are theirs."""

    record: _Record
    identifiers: tuple[tuple[str, str], ...]
    records: list[_Record] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    refusal: str = ""  # why neither the patient nor what is theirs can be used


class Records:
    """Entries that may refer to each other; :meth:`patients` says whose they are."""

    def __init__(self) -> None:
        self._records: list[_Record] = []
        self.unclaimed: list[Problem] = []  # entries of no patient; complete after patients()

    @property
    def has_patients(self) -> bool:
        """Whether there is a Patient among the entries."""
        return any(record.kind == "Patient" for record in self._records)

    def add(self, place: str, resource: Resource, *, full_url: str, raw: bytes | None) -> None:
        """File a resource of a type that is kept.

        Args:
            place: where it stands, for problems.
            resource: the resource.
            full_url: what its bundle calls it, or "".
            raw: the resource's text, kept in its place to save memory.
        """
        kind = str(resource["resourceType"])
        subject = _subject(resource)
        broken = damage(resource)
        if not broken and kind not in ("Patient", "Medication") and not subject:
            broken = "names no patient"
        if broken:
            self.unclaimed.append(Problem(place, f"{broken}; it is left out"))
            return
        own = own_keys(resource)
        wrong = complaint(resource)
        self._records.append(
            _Record(
                place,
                kind,
                name=own[0] if clean(resource.get("id")) else "",
                keys=tuple(dict.fromkeys((*reference_keys(full_url), *own))),
                full_url=full_url,
                subject=subject,
                links=_links(resource),
                reasons=(*([wrong] if wrong else ()), *remarks(resource)),
                content=_addressable(resource, full_url) if raw is None else raw,
            )
        )

    def absorb(self, other: "Records") -> None:
        """Take over the records of ``other``, as text."""
        for record in other._records:
            if isinstance(record.content, dict):
                record.content = json.dumps(record.content).encode()
        self._records += other._records
        self.unclaimed += other.unclaimed

    def patients(self) -> Iterator[PatientBundle]:
        """Each patient with everything that is theirs, in the order they came."""
        owners, index = self._owners()
        medications: dict[str, _Record] = {}
        for record in self._records:
            if record.kind == "Medication":
                for key in record.keys:
                    medications.setdefault(key, record)
            elif record.kind != "Patient":
                owner = _owner_of(record, index)
                if owner is not None:
                    owner.records.append(record)
                    continue
                reason = "the patient it refers to is not here; it is left out"
                self.unclaimed.append(Problem(record.place, reason))
        for owner in owners:
            if not owner.refusal:
                yield _bundle(owner, medications)

    def _owners(self) -> tuple[list[_Owner], dict[str, _Owner]]:
        """The patients, and by what they may be called."""
        owners: list[_Owner] = []
        index: dict[str, _Owner] = {}
        for record in self._records:
            if record.kind != "Patient":
                continue
            resource = record.load()
            owner = _Owner(record, person_identifiers(resource))
            if forbidden(resource):
                self._refuse(owner, record.reasons[0])
            if len(owner.identifiers) > MAX_IDENTIFIERS:
                self._refuse(owner, f"has more than {MAX_IDENTIFIERS} identifiers")
            first = next((index[key] for key in record.keys if key in index), None)
            if first is not None and _is_repeated(first, owner):
                if first.record.load() != resource:
                    reason = "repeats an earlier entry with other content; it is left out"
                    first.problems.append(Problem(record.place, reason))
                continue
            if first is not None:  # two people of one name: whose an entry is, nobody can say
                self._refuse(first, f"has the id of another patient ({record.place})")
                self._refuse(owner, f"has the id of another patient ({first.record.place})")
            owners.append(owner)
            for name in (*record.keys, *("|".join(pair) for pair in owner.identifiers)):
                index.setdefault(name, owner)
        return owners, index

    def _refuse(self, owner: _Owner, reason: str) -> None:
        if not owner.refusal:
            owner.refusal = f"{reason}; the patient and all entries about them are left out"
            self.unclaimed.append(Problem(owner.record.place, owner.refusal, is_whole=True))


def _is_repeated(first: _Owner, second: _Owner) -> bool:
    if first.identifiers or second.identifiers:
        return first.identifiers == second.identifiers
    return first.record.load() == second.record.load()


def _owner_of(record: _Record, index: dict[str, _Owner]) -> _Owner | None:
    is_identifier = "|" in record.subject
    literal, *tails = (
        (record.subject,) if is_identifier else reference_keys(record.subject) or ("",)
    )
    if literal in index:
        return index[literal]
    for key in tails:
        owner = index.get(key)
        # Type/id at the end of a URL of another server is somebody else.
        if owner is not None and not owner.record.full_url.startswith("http"):
            return owner
    return None


def _bundle(owner: _Owner, medications: dict[str, _Record]) -> PatientBundle:
    """The patient's resources, each once, with the Medications they lead to."""
    patient = owner.record
    resources = [patient.load()]
    problems = [*owner.problems, *_reported(patient)]
    seen: dict[str, _Record] = {}
    links: list[tuple[_Record, str]] = []
    for record in owner.records:
        if record.name in seen:
            if record.load() != seen[record.name].load():
                reason = "repeats an earlier entry's id with other content; it is left out"
                problems.append(Problem(record.place, reason))
            continue
        if record.name:
            seen[record.name] = record
        resources.append(record.load())
        problems += _reported(record)
        links += [(record, link) for link in record.links]
    needed, lost = _linked(links, medications)
    for record in needed:
        resources.append(record.load())
        problems += _reported(record)
    url = patient.full_url or patient.name
    known = ((URL_SYSTEM if ":" in url else "", url),) if url else ()
    return PatientBundle(owner.identifiers or known, resources, problems + lost, patient.place)


def _reported(record: _Record) -> list[Problem]:
    return [Problem(record.place, reason) for reason in record.reasons]


def _linked(
    links: list[tuple[_Record, str]], medications: dict[str, _Record]
) -> tuple[list[_Record], list[Problem]]:
    """The Medications that links lead to, directly or as ingredients; and links gone wrong."""
    needed: dict[int, _Record] = {}
    problems: dict[Problem, None] = {}
    todo: list[tuple[_Record, str, tuple[int, ...]]] = [
        (record, link, ()) for record, link in reversed(links)
    ]
    while todo:
        source, name, way = todo.pop()
        found = next((medications[key] for key in reference_keys(name) if key in medications), None)
        if found is None:
            problems[Problem(source.place, "refers to a Medication that is not here")] = None
        elif id(found) in way or len(way) >= MAX_LINKS:
            reason = (
                f"medications refer to each other in a circle or in more than {MAX_LINKS} steps"
            )
            problems[Problem(found.place, reason)] = None
        elif id(found) not in needed:
            needed[id(found)] = found
            todo += [(found, inner, (*way, id(found))) for inner in found.links]
    return list(needed.values()), list(problems)


def _subject(resource: Resource) -> str:
    """The reference to the patient, or ``system|value`` where only an identifier is given."""
    is_allergy = resource["resourceType"] == "AllergyIntolerance"
    value = resource.get("patient" if is_allergy else "subject")
    if reference(value) or not isinstance(value, dict):
        return reference(value)
    named = value.get("identifier")
    if not isinstance(named, dict) or not clean(named.get("value")):
        return ""
    return f"{clean(named.get('system'))}|{clean(named['value'])}"


def _links(resource: Resource) -> tuple[str, ...]:
    """References to other Medications; contained ones (``#id``) are followed, not listed."""
    found = [reference(resource.get("medicationReference"))]
    for holder in (resource, *contained(resource).values()):
        found += [reference(item.get("itemReference")) for item in ingredients(holder)]
    return tuple(name for name in found if name and not name.startswith("#"))


def _addressable(resource: Resource, full_url: str) -> Resource:
    """A Medication with its URL as an identifier, if references to the URL would else be lost."""
    if resource["resourceType"] != "Medication" or not full_url:
        return resource
    if set(reference_keys(full_url)) & set(own_keys(resource)):
        return resource
    url = {"system": URL_SYSTEM, "value": full_url}
    return {**resource, "identifier": [*objects(resource.get("identifier")), url]}
