"""A scripted day in a store, what it may look like after a fault, and a check that it does.

Run as a module it is a server: each line on standard input names a folder and a fault; it forks,
arms the fault (``faults.c``), works through the day in the child and answers how the child ended.
"""

import ctypes
import json
import os
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from storage import Database, ErasedError, Identifier, KeyRing, NotFoundError, StorageError

OWNER = "owner"
COUNTED = (
    "patient.write",
    "patient.read",
    "patient.list",
    "patient.erase",
    "suggestion.write",
)
# What is done, and to whom; each step is one unit of work.
DAY = [
    ("add", "t0"),
    ("add", "t1"),
    ("read", "t0"),
    ("amend", "t0"),
    ("suggest", "t0"),
    ("pair", "t2 t3"),
    ("erase", "t1"),
    ("list", ""),
    ("suggest", "t0"),
    ("add", "t4"),
    ("erase", "t0"),
    ("read", "t4"),
]
TOKENS = sorted({token for _, tokens in DAY for token in tokens.split()})


class State(NamedTuple):
    """Token -> (version, suggestions), or None once erased; and the entries with outcome ok."""

    patients: tuple[tuple[str, tuple[int, int] | None], ...] = ()
    entries: tuple[tuple[str, int], ...] = ()

    def after(self, step: tuple[str, str]) -> "State":
        """The state once ``step`` is done; the same if it cannot be."""
        action, tokens = step
        patients, entries = dict(self.patients), Counter(dict(self.entries))
        for token in tokens.split() or [""]:
            known = patients.get(token)
            if action in ("add", "pair", "amend"):
                patients[token] = (known[0] + 1, known[1]) if known else (1, 0)
                entries["patient.write"] += 1
            elif action == "list":
                entries["patient.list"] += 1
            elif known is None:
                return self
            elif action == "read":
                entries["patient.read"] += 1
            elif action == "suggest":
                patients[token] = (known[0], known[1] + 1)
                entries["suggestion.write"] += 1
            elif action == "erase":
                patients[token] = None
                entries["patient.erase"] += 1
        return State(tuple(sorted(patients.items())), tuple(sorted(entries.items())))


def possible(events: list[dict[str, Any]]) -> set[State]:
    """The states that a store may be in after ``events``: what was acknowledged is in all."""
    states = {State()}
    for place, event in enumerate(events):
        if "try" not in event:
            continue
        step = DAY[event["try"]]
        after = {state.after(step) for state in states}
        is_done = place + 1 < len(events) and "done" in events[place + 1]
        states = after if is_done else states | after
    return states


def resources(token: str, version: int) -> list[dict[str, Any]]:
    """A record of several pages that says which version of whom it is."""
    return [
        {"resourceType": "Patient", "id": token},
        *(
            {"resourceType": "Observation", "is": f"{token}/{version}/{i}", "pad": "x" * 900}
            for i in range(8)
        ),
    ]


def number(token: str) -> Identifier:
    return Identifier("urn:hospital", token)


def make(folder: Path, location: str = "") -> None:
    """A new ring in ``folder``, and an empty store there or at ``location``."""
    ring = folder / "keys" / "ring.json"
    keys = KeyRing.open(ring) if ring.exists() else KeyRing.create(ring)
    Database.create(location or folder / "patients.db", keys, owner=OWNER).close()


def open_store(folder: Path, location: str = "") -> Database:
    ring = KeyRing.open(folder / "keys" / "ring.json")
    return Database.open(location or folder / "patients.db", ring, busy_seconds=10)


def work(folder: Path, events: int, location: str = "") -> None:
    """Do the day's steps, telling before and after each; what fails is told and gone on from."""

    def tell(**event: object) -> None:
        os.write(events, json.dumps(event).encode() + b"\n")

    ids: dict[str, str] = {}
    try:
        with open_store(folder, location) as database:
            for i, (action, tokens) in enumerate(DAY):
                if action in ("read", "suggest", "erase") and tokens not in ids:
                    continue
                tell(**{"try": i})
                try:
                    found = _do(database, action, tokens, ids)
                except StorageError as error:
                    tell(failed=i, error=type(error).__name__, text=str(error))
                else:
                    ids.update(found)
                    tell(done=i, ids=found)
    except StorageError as error:
        tell(closed=type(error).__name__, text=str(error))


def _do(database: Database, action: str, tokens: str, ids: dict[str, str]) -> dict[str, str]:
    if action == "read":
        reader = database.reading(OWNER, purpose="treatment")
        assert reader.get(ids[tokens]).resources
        return {}
    if action == "list":
        database.reading(OWNER, purpose="administration").list()
        return {}
    found = {}
    purpose = "request" if action == "erase" else "treatment"
    with database.unit(OWNER, purpose=purpose) as unit:
        for token in tokens.split():
            if action == "suggest":
                unit.patients.put_suggestion(ids[token], {"drug": token})
            elif action == "erase":
                unit.patients.erase(ids[token])
            else:
                version = 2 if action == "amend" else 1
                found[token] = unit.patients.add(resources(token, version), [number(token)])
        unit.commit()
    return found


def check(folder: Path, events: list[dict[str, Any]], location: str = "") -> None:
    """Pass only if the store holds what was acknowledged, nothing by halves, and goes on."""
    states = possible(events)
    erased = {}
    for event in events:
        if "done" in event:
            erased.update(event.get("ids", {}))
    with open_store(folder, location) as database:
        database.verify_audit()
        reader = database.reading(OWNER, purpose="audit")
        log = [e for e in reader.audit_log(1000) if e.action in COUNTED and e.outcome == "ok"]
        entries = tuple(sorted(Counter(entry.action for entry in log).items()))
        seen = State(_observed(database, erased), entries)
        assert seen in states, f"{seen}\nis none of\n" + "\n".join(map(str, states))
        with database.unit(OWNER, purpose="treatment") as unit:
            unit.patients.add(resources("after", 1))
            unit.commit()
        database.verify_audit()


def _observed(
    database: Database, ids: dict[str, str]
) -> tuple[tuple[str, tuple[int, int] | None], ...]:
    """What the store shows of each token."""
    reader = database.reading(OWNER, purpose="treatment")
    found: dict[str, tuple[int, int] | None] = {}
    log = database.reading(OWNER, purpose="audit").audit_log(1000)
    erased = {entry.subject for entry in log if entry.action == "patient.erase"}
    for token in TOKENS:
        try:
            patient = reader.find(*number(token))
        except NotFoundError:
            if token in ids and ids[token] in erased:
                try:
                    reader.get(ids[token])
                except ErasedError:
                    found[token] = None
            continue
        record = reader.get(patient)
        version = 2 if record.resources[1]["is"].split("/")[1] == "2" else 1
        assert list(record.resources) == resources(token, version), "half a record"
        suggestions = reader.suggestions(patient)
        assert all(s.document == {"drug": token} for s in suggestions)
        found[token] = (record.version, len(suggestions))
    return tuple(sorted(found.items()))


def _serve() -> None:
    shim = ctypes.CDLL(None)
    with tempfile.TemporaryDirectory() as warm:  # all that is imported late is imported now
        make(Path(warm))
        with open(os.devnull, "wb") as nowhere:
            work(Path(warm), nowhere.fileno())
        shutil.rmtree(warm + "/keys")
    for line in sys.stdin:
        case = json.loads(line)
        child = os.fork()
        if not child:
            _child(shim, **case)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _child(shim: Any, *, folder: str, job: str, at: int, kind: int, log: str, events: str) -> None:
    status = 1
    told = os.open(events, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    try:
        logged = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600) if log else -1
        shim.faults_arm(folder.encode(), ctypes.c_long(at), kind, logged, told)
        if job == "make":
            try:
                make(Path(folder))
                os.write(told, b'{"made": true}\n')
            except StorageError as error:
                os.write(told, json.dumps({"failed": type(error).__name__}).encode() + b"\n")
        else:
            work(Path(folder), told)
        status = 0
    except BaseException:  # noqa: BLE001 (anything at all must end this child and be told)
        os.write(told, json.dumps({"bug": traceback.format_exc()}).encode() + b"\n")
    finally:
        os._exit(status)


if __name__ == "__main__":
    _serve()
