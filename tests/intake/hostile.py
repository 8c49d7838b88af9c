"""FHIR files that mean harm: good records with things done to them, for tests and the fuzzer.

Every text put in holds ``CANARY``, which no message may repeat, and where there is room something
that a terminal, a database or a page would act upon.
"""

import copy
import gzip
import io
import json
import random
import re
import tarfile
from collections.abc import Callable, Iterator
from typing import Any

from tests.intake.samples import (
    LOINC,
    Json,
    allergy,
    concept,
    condition,
    medication,
    observation,
    patient,
    request,
    statement,
)

CANARY = "Zebrapox"

_RAW = re.compile(r'"@raw:([^"@]*)@"')  # what stands in JSON as it is, numbers that are none


def raw(token: str) -> str:
    return f"@raw:{token}@"


TEXTS = [
    f"{CANARY}\x00", f"\x1b[2J\x1b]0;{CANARY}\x07", f"\x9b31m{CANARY}", f"{CANARY}\r\nerror: gone",
    f"\u202e{CANARY}\u202c", f"\u2066{CANARY}\u2069", f"{CANARY[:3]}\u200b{CANARY[3:]}\ufeff",
    f"\ud800{CANARY}", f"{CANARY}\udfff", f"'; DROP TABLE patient; -- {CANARY}",
    f"%s%n{CANARY}{{}}",
    f"{{0.__class__}}{CANARY}", f"<script>alert('{CANARY}')</script>", f"[bold red]{CANARY}[/]",
    f"[link=file:///etc/passwd]{CANARY}[/link]", f"../../../../etc/{CANARY}",
    f"file:///etc/{CANARY}", f"=cmd|'{CANARY}'!A1", f"{CANARY}\u0301" * 50, CANARY * 2000,
    f"\U0001f48a{CANARY}\U000e0041", f"\ufdd0{CANARY}", f"\u2028{CANARY}\u2029",
    f"${{jndi:{CANARY}}}",
    f"#{CANARY}", f"Patient/{CANARY}", f"urn:uuid:{CANARY}", f"|{CANARY}", f"{CANARY}|{CANARY}",
]  # fmt: skip
NUMBERS: list[Any] = [
    0, -1, 2**63, -(2**64), 10**300, 10**4000, 1e308, 5e-324, -0.0, 1.5, True, raw("1E-9999"),
    raw("1.0000000000000000000000000000000001"),
]  # fmt: skip
NO_NUMBERS = [raw(t) for t in ("1e400", "-1e400", "1" + "0" * 5000, "NaN", "Infinity", "01")]
DATES = [
    "0000-00-00", "0001-01-01", "9999-12-31", "9999", "2024-02-30", "1900-01", "2024-13",
    "2024-05-01T25:61:61Z", "2024-05-01T10:00:00+99:99", "٢٠٢٤-٠١-٠١", "2024-05-01 ", "-2024-01-01",
]  # fmt: skip
SHAPES: list[Any] = [
    None, [], {}, [None], [[]], [{}], "", " ", {"reference": []}, {"coding": {}}, {"coding": [1]},
    {"coding": [{"system": [], "code": {}, "display": 7}]}, {"value": {"value": {}}},
    {"reference": "#"}, {"reference": "Patient/"}, {"reference": "/" * 500}, [1] * 300,
    {"extension": [{"url": "x", "extension": []}]}, {"resourceType": "Patient", "id": "p1"},
]  # fmt: skip
FIELDS = [
    "resourceType", "id", "identifier", "subject", "patient", "code", "status", "intent",
    "contained",
    "ingredient", "medicationReference", "medicationCodeableConcept", "modifierExtension", "gender",
    "implicitRules", "birthDate", "onsetDateTime", "clinicalStatus", "valueQuantity", "component",
    "effectiveDateTime", "meta", "text", "dosageInstruction", "reaction", "deceasedBoolean", "_id",
    "verificationStatus", "deceasedDateTime", "category", "interpretation", "valueCodeableConcept",
]  # fmt: skip
KINDS = [
    "Patient", "Condition", "MedicationRequest", "MedicationStatement", "Medication",
    "AllergyIntolerance", "Observation", "Bundle", "AuditEvent", "", "patient", "Patient\x00",
]  # fmt: skip


def good_record(chance: random.Random, number: int) -> list[Json]:
    """A patient's resources; ids are taken from few, so that records get in each other's way."""
    own = f"p{number}"
    me = {"reference": f"Patient/{own}"}

    def some() -> str:
        return f"x{chance.randint(0, 40)}"

    pill = medication(
        id=some(), ingredient=[{"itemReference": {"reference": f"Medication/{some()}"}}]
    )
    creatinine = {"value": 88, "unit": "umol/L", "code": "umol/L"}
    text = {"text": f"{CANARY} of the left arm"}
    made = [
        patient(id=own, identifier=[{"system": "urn:mrn", "value": f"ada-{number}"}],
                gender="female", birthDate="1950-02-03", name=[{"family": CANARY}]),
        condition(id=some(), subject=me, onsetDateTime="2020-01-01"),
        condition(id=some(), subject=me, code={**concept("1", CANARY), **text}),
        request(id=some(), subject=me, authoredOn="2026-01-01"),
        request(id=some(), subject=me, medicationCodeableConcept=None,
                medicationReference={"reference": f"Medication/{some()}"}),
        statement(id=some(), subject=me, effectiveDateTime="2026-05-05"),
        pill,
        allergy(id=some(), patient=me),
        observation("2160-0", id=some(), subject=me, valueQuantity=creatinine),
        observation("82810-3", id=some(), subject=me,
                    valueCodeableConcept=concept("LA15173-0", "Pregnant", LOINC)),
    ]  # fmt: skip
    return made + [{**chance.choice(made[1:]), "id": some()} for _ in range(chance.choice([0, 20]))]


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container with every key or index in it."""
    todo = [value]
    while todo:
        found = todo.pop()
        keys = list(found) if isinstance(found, dict) else range(len(found))
        for key in keys:
            yield found, key
            if isinstance(found[key], dict | list):
                todo.append(found[key])


def nested(depth: int, inner: Any = None) -> Any:
    """An object in an object, ``depth`` times."""
    for _ in range(depth):
        inner = {"a": inner}
    return inner


def _anything(chance: random.Random) -> Any:
    kind = chance.randint(0, 9)
    if kind <= 3:
        return chance.choice(TEXTS)
    if kind == 4:  # one that is none costs the whole file, so it must be rare
        return chance.choice(NO_NUMBERS if chance.random() < 0.03 else NUMBERS)
    if kind == 5:
        return chance.choice(DATES)
    if kind == 6:
        return nested(chance.choice([3, 30, 63, 64, 65, 200]), CANARY)
    return copy.deepcopy(chance.choice(SHAPES))


def mutate(resource: Json, others: list[Json], chance: random.Random) -> Json:
    """The resource with one to four things done to it."""
    made: Json = json.loads(json.dumps(resource))
    for _ in range(chance.choice([1, 1, 1, 2, 2, 4])):
        places = list(_places(made))
        if not places:
            return made
        holder, key = chance.choice(places)
        what = chance.randint(0, 11)
        if what <= 3:
            holder[key] = _anything(chance)
        elif what == 4:
            del holder[key]
        elif what == 5:
            made[chance.choice(FIELDS)] = _anything(chance)
        elif what == 6:
            made["resourceType"] = chance.choice(KINDS)
        elif what == 7 and isinstance(holder, dict):
            holder[chance.choice(TEXTS)] = holder.pop(key)
        elif what == 8:
            holder[key] = [holder[key]] * chance.choice([0, 1, 2, 6])
        elif what == 9:  # a part of another, so that references lead astray
            theirs = [(h, k) for h, k in _places(chance.choice(others)) if k == key]
            if theirs:
                holder[key] = json.loads(json.dumps(theirs[0][0][theirs[0][1]]))
        elif what == 10:
            made["id"] = f"x{chance.randint(0, 9)}"
        else:  # inside itself
            made["contained"] = [json.loads(json.dumps(made))]
    return made


def to_json(value: Any, *, is_ascii: bool = True) -> bytes:
    """JSON in which what was said by :func:`raw` stands as it is."""
    text = json.dumps(value, ensure_ascii=is_ascii)
    return _RAW.sub(lambda match: match[1], text).encode("utf-8", "surrogatepass")


def _doubled(content: bytes, chance: random.Random) -> bytes:
    """A field said twice."""
    names = list(re.finditer(rb'"(id|gender|status|resourceType|entry|code)": ', content))
    if not names:
        return content
    start = chance.choice(names).start()
    return content[:start] + b'"id": "x1", "status": "final", ' + content[start:]


def _as_tar(members: list[tuple[str, bytes]]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz", compresslevel=1) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


_BYTES = [
    b"\x00", b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\xef\xbb\xbf", b"{", b"}", b"[", b"]", b'"',
    b",",
    b"\\", b"\\u0000", b"\\ud800", b"\n", b"\r", b":", b"null", b"1e999", b"[" * 3000,
    b'{"a":' * 3000,
]  # fmt: skip


def _damaged(content: bytes, chance: random.Random) -> bytes:
    """The bytes with a few of them changed, or cut."""
    made = bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 5])):
        place = chance.randint(0, len(made))
        match chance.randint(0, 4):
            case 0:
                made[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                made[place:place] = chance.choice(_BYTES)
            case 2:
                del made[place : place + chance.randint(1, 30)]
            case 3:
                made[place:place] = made[place : place + 200]
            case _:
                del made[place:]
    return bytes(made)


_RECODED: list[Callable[[bytes], bytes]] = [
    lambda content: b"\xef\xbb\xbf" + content,
    lambda content: content.decode("utf-8", "replace").encode("utf-16"),
    lambda content: content.decode("utf-8", "replace").encode("utf-32-be"),
    lambda content: content.replace(b"\n", b"\r\n"),
    lambda content: b"\n\n " + content + b"\x00",
]

NAMES = ["a.json", "b.ndjson", "c.ndjson.gz", "d.tgz", "e.json", "\x1b[31mf\u202e.json"]


def case(chance: random.Random, first: int) -> tuple[list[tuple[str, bytes]], int]:
    """Files for one import, and how many mutated resources are in them.

    Args:
        chance: where the harm comes from.
        first: number of the first patient; later cases take later ones, or some of them again.
    """
    files, n_mutated = [], 0
    for name in chance.sample(NAMES, chance.randint(1, 4)):
        records = [
            good_record(chance, first + chance.randint(0, 5)) for _ in range(chance.randint(1, 3))
        ]
        resources = [resource for record in records for resource in record]
        made = [mutate(r, resources, chance) if chance.random() < 0.8 else r for r in resources]
        n_mutated += sum(new is not old for new, old in zip(made, resources, strict=True))
        if chance.random() < 0.1:
            chance.shuffle(made)
        entries: list[Any] = [{"fullUrl": f"urn:uuid:{r.get('id')}", "resource": r} for r in made]
        if chance.random() < 0.1:
            entries.insert(chance.randint(0, len(entries)), _anything(chance))
        kind = chance.choice(["collection", "transaction", "searchset", "batch", "history"])
        bundle = {"resourceType": "Bundle", "type": kind, "entry": entries}
        is_ascii = chance.random() < 0.5
        document = to_json(bundle, is_ascii=is_ascii)
        if "ndjson" in name:
            document = b"\n".join(to_json(r, is_ascii=is_ascii) for r in made)
        if chance.random() < 0.1:
            document = _doubled(document, chance)
        if chance.random() < 0.1:
            document = _damaged(document, chance)
        if chance.random() < 0.05:
            document = chance.choice(_RECODED)(document)
        if name.endswith(".tgz"):
            document = _as_tar([(f"../{CANARY[::-1]}\x1b.json", document), ("b.json", b"{}")])
        elif name.endswith(".gz"):
            document = gzip.compress(document, compresslevel=1)
        if name.endswith("gz") and chance.random() < 0.2:
            document = _damaged(document, chance)
        files.append((name, document))
    return files, n_mutated


def is_harmless(text: str) -> bool:
    """Nothing in ``text`` acts on a terminal or turns the direction of reading."""
    return all(character.isprintable() or character == "\n" for character in text)
