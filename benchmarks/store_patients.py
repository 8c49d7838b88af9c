"""Fill a patient store with synthetic patients: rows a second, and what a patient takes on disk.

    python benchmarks/store_patients.py --home FOLDER [--patients N] [--observations M]
                                        [--store URL] [--together K]

The full size is 100,000 patients of 100 observations (10 million): about 9 GB of disk. FOLDER gets
``keys/ring.json`` and, unless URL names another store, ``patients.db``. Each patient is made from
the seed and its number alone, so a program that knows the number knows the identifiers. K patients
are stored in one unit of work: one transaction and one signed head, an audit entry for each.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from record import record

sys.path.insert(0, str(Path(__file__).parent.parent))

from storage import Database, Identifier, KeyRing

SEED = 6
PATIENTS = 100_000
OBSERVATIONS = 100
TOGETHER = 50
OWNER = "benchmark"
HOSPITAL = "urn:oid:2.999.1"  # 2.999 is the arc for examples
INSURANCE = "urn:oid:2.999.2"
SAMPLED = 16  # the size of every 16th patient's JSON is measured

# LOINC code, words, unit, low, high, category.
MEASURES = (
    ("8302-2", "Body Height", "cm", 148, 196, "vital-signs"),
    ("29463-7", "Body Weight", "kg", 44, 130, "vital-signs"),
    ("39156-5", "Body Mass Index", "kg/m2", 17, 42, "vital-signs"),
    ("8480-6", "Systolic Blood Pressure", "mm[Hg]", 95, 185, "vital-signs"),
    ("8462-4", "Diastolic Blood Pressure", "mm[Hg]", 55, 110, "vital-signs"),
    ("8867-4", "Heart rate", "/min", 48, 120, "vital-signs"),
    ("8310-5", "Body temperature", "Cel", 36, 40, "vital-signs"),
    ("2339-0", "Glucose", "mg/dL", 65, 260, "laboratory"),
    ("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "%", 4, 12, "laboratory"),
    ("38483-4", "Creatinine", "mg/dL", 0, 4, "laboratory"),
    ("33914-3", "Estimated Glomerular Filtration Rate", "mL/min/{1.73_m2}", 12, 120, "laboratory"),
    ("2947-0", "Sodium", "mmol/L", 132, 146, "laboratory"),
    ("6298-4", "Potassium", "mmol/L", 3, 6, "laboratory"),
    ("2093-3", "Total Cholesterol", "mg/dL", 120, 300, "laboratory"),
    ("2571-8", "Triglycerides", "mg/dL", 60, 420, "laboratory"),
    ("18262-6", "Low Density Lipoprotein Cholesterol", "mg/dL", 40, 210, "laboratory"),
    ("718-7", "Hemoglobin [Mass/volume] in Blood", "g/dL", 8, 18, "laboratory"),
    ("72514-3", "Pain severity - 0-10 verbal numeric rating", "{score}", 0, 10, "survey"),
)
CONDITIONS = (
    ("44054006", "Diabetes mellitus type 2"),
    ("59621000", "Essential hypertension"),
    ("195967001", "Asthma"),
    ("55822004", "Hyperlipidemia"),
    ("271737000", "Anemia"),
    ("162864005", "Body mass index 30+ - obesity"),
    ("431855005", "Chronic kidney disease stage 1"),
    ("239873007", "Osteoarthritis of knee"),
    ("49436004", "Atrial fibrillation"),
    ("370143000", "Major depressive disorder"),
)
DRUGS = (
    ("860975", "24 HR Metformin hydrochloride 500 MG Extended Release Oral Tablet"),
    ("314076", "lisinopril 10 MG Oral Tablet"),
    ("312961", "Simvastatin 20 MG Oral Tablet"),
    ("308136", "Amlodipine 2.5 MG Oral Tablet"),
    ("310798", "Hydrochlorothiazide 25 MG Oral Tablet"),
    ("855332", "Warfarin Sodium 5 MG Oral Tablet"),
    ("245314", "albuterol 5 MG/ML Inhalation Solution"),
    ("313782", "Acetaminophen 325 MG Oral Tablet"),
)
FAMILIES = ("Abbott", "Ferreira", "Hartmann", "Kim", "Müller", "Nowak", "Okafor", "Suzuki", "王")
GIVEN = ("Adalberto", "Beate", "Chidi", "Dana", "Elif", "Haruka", "José", "Maren", "伟")
EPOCH = datetime(2015, 1, 1, tzinfo=UTC)
DAYS = 3_650


class Synthetic(NamedTuple):
    """One made-up patient."""

    resources: list[dict[str, Any]]
    identifiers: list[Identifier]


def synthetic(number: int, *, observations: int = OBSERVATIONS, seed: int = SEED) -> Synthetic:
    """Patient ``number``: a Patient, 3 to 8 Conditions, 2 to 6 MedicationRequests, Observations."""
    rng = random.Random(f"{seed}/{number}")
    subject = {"reference": f"urn:uuid:{_uuid(rng)}"}
    resources = [
        _patient(rng, number, subject["reference"][9:]),
        *(_condition(rng, subject) for _ in range(rng.randint(3, 8))),
        *(_order(rng, subject) for _ in range(rng.randint(2, 6))),
    ]
    visit = when = ""
    for i in range(observations):
        if i % 8 == 0:
            visit, when = f"urn:uuid:{_uuid(rng)}", _time(rng)
        resources.append(_observation(rng, subject, visit, when))
    return Synthetic(resources, identifiers(number))


def identifiers(number: int) -> list[Identifier]:
    """The two identifiers of patient ``number``."""
    return [
        Identifier(HOSPITAL, f"MRN-{number:08d}"),
        Identifier(INSURANCE, f"{(number * 7919 + 13) % 10**9:09d}"),
    ]


def suggestion(rng: random.Random) -> dict[str, Any]:
    """An answer of about 2 kB with its receipt, as the recommender gives one."""
    drugs = rng.sample(DRUGS, 3)
    return {
        "suggestions": [
            {
                "drug": f"RXNORM:{code}",
                "name": name,
                "score": rng.random(),
                "reasons": [f"{name} is recorded as treatment of a current condition"] * 2,
                "warnings": [],
            }
            for code, name in drugs
        ],
        "profile": {"conditions": [code for code, _ in rng.sample(CONDITIONS, 4)], "age_years": 61},
        "receipt": {
            part: f"{rng.getrandbits(256):064x}"
            for part in ("profile", "graph", "bundle", "rules", "program", "answer")
        },
    }


def fill(
    database: Database, numbers: range, *, observations: int = OBSERVATIONS, together: int
) -> Iterator[tuple[int, int, float, float]]:
    """Store patients; after each unit: rows stored, sampled JSON bytes, seconds making, storing."""
    for first in range(numbers.start, numbers.stop, together):
        begin = time.perf_counter()
        batch = [
            synthetic(number, observations=observations)
            for number in range(first, min(first + together, numbers.stop))
        ]
        made = time.perf_counter()
        with database.unit(OWNER, purpose="administration") as unit:
            for patient in batch:
                unit.patients.add(patient.resources, patient.identifiers)
            unit.commit()
        stored = time.perf_counter()
        rows = sum(len(patient.resources) for patient in batch)
        size = sum(_json_bytes(p) for n, p in enumerate(batch, first) if n % SAMPLED == 0)
        yield rows, size, made - begin, stored - made


def open_or_create(home: Path, location: str | Path | None = None) -> Database:
    """The store of ``home``; with its ring made where there is none."""
    ring_file = home / "keys" / "ring.json"
    location = location or home / "patients.db"
    if ring_file.exists():
        return Database.open(location, KeyRing.open(ring_file))
    ring_file.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    return Database.create(location, KeyRing.create(ring_file), owner=OWNER)


def bytes_on_disk(location: str | Path) -> int:
    """What the store takes: the SQLite file and its log, or the PostgreSQL database."""
    if isinstance(location, str) and location.startswith("postgresql"):
        from sqlalchemy import create_engine

        engine = create_engine(location)
        with engine.connect() as connection:
            size = connection.exec_driver_sql("select pg_database_size(current_database())")
            found = int(size.scalar_one())
        engine.dispose()
        return found
    path = Path(str(location).removeprefix("sqlite:///"))
    return sum(file.stat().st_size for file in (path, Path(f"{path}-wal")) if file.exists())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--store")
    parser.add_argument("--patients", type=int, default=PATIENTS)
    parser.add_argument("--observations", type=int, default=OBSERVATIONS)
    parser.add_argument("--together", type=int, default=TOGETHER)
    options = parser.parse_args()
    location = options.store or options.home / "patients.db"
    if (options.home / "keys" / "ring.json").exists():
        sys.exit(f"{options.home} has a store already; name an empty folder")
    rows = size = done = 0
    making = storing = 0.0
    with open_or_create(options.home, options.store) as database:
        for n, sampled, made, stored in fill(
            database,
            range(options.patients),
            observations=options.observations,
            together=options.together,
        ):
            rows, size, making, storing = rows + n, size + sampled, making + made, storing + stored
            done += options.together
            if done // 10_000 != (done - options.together) // 10_000:
                rate = rows / storing
                print(f"{done:,} patients, {rate:,.0f} rows/s", file=sys.stderr, flush=True)
    facts = {"patients": options.patients, "rows": rows, "together": options.together}
    record("store.rows", rows / storing, "rows/s", seconds=round(storing, 1), **facts)
    record("store.generation", making, "s", **facts)
    disk = bytes_on_disk(location) / options.patients
    n_sampled = len(range(0, options.patients, SAMPLED))
    record(
        "store.disk", disk / 1000, "kB a patient",
        json_kb=round(size / n_sampled / 1000, 2), gb=round(disk * options.patients / 1e9, 3),
        times_json=round(disk * n_sampled / size, 3), **facts,
    )  # fmt: skip


def _json_bytes(patient: Synthetic) -> int:
    return sum(
        len(json.dumps(r, separators=(",", ":"), ensure_ascii=False).encode())
        for r in patient.resources
    )


def _uuid(rng: random.Random) -> str:
    text = f"{rng.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _time(rng: random.Random) -> str:
    return (EPOCH + timedelta(seconds=rng.randrange(DAYS * 86_400))).isoformat()


def _coded(system: str, code: str, words: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": words}], "text": words}


def _patient(rng: random.Random, number: int, own_id: str) -> dict[str, Any]:
    born = datetime(1930, 1, 1, tzinfo=UTC) + timedelta(days=rng.randrange(32_000))
    return {
        "resourceType": "Patient",
        "id": own_id,
        "identifier": [{"system": s, "value": v} for s, v in identifiers(number)],
        "name": [{"use": "official", "family": rng.choice(FAMILIES), "given": [rng.choice(GIVEN)]}],
        "telecom": [{"system": "phone", "value": f"555-{rng.randrange(10**7):07d}", "use": "home"}],
        "gender": rng.choice(("female", "male")),
        "birthDate": born.date().isoformat(),
        "address": [
            {
                "line": [f"{rng.randrange(1, 999)} Example Street"],
                "city": "Worcester",
                "state": "Massachusetts",
                "postalCode": f"0{rng.randrange(1000, 2800)}",
                "country": "US",
            }
        ],
    }


def _condition(rng: random.Random, subject: dict[str, str]) -> dict[str, Any]:
    status = "http://terminology.hl7.org/CodeSystem/condition-"
    return {
        "resourceType": "Condition",
        "id": _uuid(rng),
        "clinicalStatus": {"coding": [{"system": f"{status}clinical", "code": "active"}]},
        "verificationStatus": {"coding": [{"system": f"{status}ver-status", "code": "confirmed"}]},
        "code": _coded("http://snomed.info/sct", *rng.choice(CONDITIONS)),
        "subject": subject,
        "onsetDateTime": _time(rng),
    }


def _order(rng: random.Random, subject: dict[str, str]) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": _uuid(rng),
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": _coded(
            "http://www.nlm.nih.gov/research/umls/rxnorm", *rng.choice(DRUGS)
        ),
        "subject": subject,
        "authoredOn": _time(rng),
        "requester": {"reference": f"urn:uuid:{_uuid(rng)}"},
    }


def _observation(
    rng: random.Random, subject: dict[str, str], visit: str, when: str
) -> dict[str, Any]:
    code, words, unit, low, high, category = rng.choice(MEASURES)
    system = "http://terminology.hl7.org/CodeSystem/observation-category"
    return {
        "resourceType": "Observation",
        "id": _uuid(rng),
        "status": "final",
        "category": [{"coding": [{"system": system, "code": category}]}],
        "code": _coded("http://loinc.org", code, words),
        "subject": subject,
        "encounter": {"reference": visit},
        "effectiveDateTime": when,
        "valueQuantity": {
            "value": round(low + (high - low) * rng.random(), 2),
            "unit": unit,
            "system": "http://unitsofmeasure.org",
            "code": unit,
        },
    }


if __name__ == "__main__":
    main()
