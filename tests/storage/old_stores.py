"""The store of revision 0001 that is kept beside the tests, put where a test wants it."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from storage import KeyRing, migrations
from storage.documents import Identifier

KEPT = Path(__file__).parent / "stores_v1"
TABLES = (
    *("meta", "patient", "patient_identifier", "resource", "suggestion"),
    *("audit_entry", "tree_node", "audit_head"),
)
CHECKPOINT = (KEPT / "checkpoint.txt").read_text()
IDS: list[str] = json.loads((KEPT / "expected.json").read_text())["ids"]
ERASED = IDS[3]
N_ENTRIES = 12
NUMBERS = {Identifier("urn:hospital", f"MRN-{number}"): IDS[number] for number in (0, 1, 2, 4)}
NUMBERS[Identifier("urn:clinic", "C-2")] = IDS[2]


def record(number: int) -> tuple[dict[str, Any], ...]:
    """What patient ``number`` was stored with, last."""
    if number == 2:
        return ({"resourceType": "Patient", "id": "p-2", "birthDate": "1952-02-04"},)
    return (
        {"resourceType": "Patient", "id": f"p-{number}", "birthDate": f"195{number}-02-03"},
        {
            "resourceType": "Condition",
            "code": {"text": "糖尿病"},
            "onsetAge": {"value": 1.5 + number},
        },
    )


def old_ring(folder: Path) -> KeyRing:
    """The old store's ring, in a folder of its own; a checkout does not keep its mode."""
    folder.mkdir(mode=0o700)
    shutil.copy(KEPT / "ring.json", folder)
    (folder / "ring.json").chmod(0o600)
    return KeyRing.open(folder / "ring.json")


def put_old_store(location: str) -> None:
    """Make the old store at ``location``; on PostgreSQL, its rows in the tables of its revision."""
    dump = (KEPT / "store.sql").read_text()
    if "://" not in location:
        with closing(sqlite3.connect(location)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(dump)
        return
    engine = create_engine(location)
    with closing(sqlite3.connect(":memory:")) as kept, engine.begin() as connection:
        kept.executescript(dump)
        kept.row_factory = sqlite3.Row
        migrations.run(connection, {}, to="0001")
        connection.execute(text("DROP TABLE alembic_version"))  # which that program did not know
        for table in TABLES:
            rows = [dict(row) for row in kept.execute(f"SELECT * FROM {table}")]
            names = list(rows[0])
            values = ", ".join(f":{name}" for name in names)
            into = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({values})"
            connection.execute(text(into), rows)
    engine.dispose()


def rows(tamper: Callable[..., list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    """All that is in the old store's tables."""
    return {table: sorted(tamper(f"SELECT * FROM {table}"), key=repr) for table in TABLES}
