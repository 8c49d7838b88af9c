"""Every operation of a store's public interface, as what it shows to its caller."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Pool, event

from storage import Database, Identifier
from storage.access import Action
from storage.backup import create_backup
from storage.rotation import rotate
from tests.storage.stores import OWNER, RECORD

LINK = Identifier("urn:hospital", "known")
# Not operations on an open store, or made of the others (service.extract), or only recorded.
ELSEWHERE = {
    Action.STORE_CREATE,
    Action.STORE_MIGRATE,
    Action.BACKUP_RESTORE,
    Action.EXTRACT_CREATE,
    Action.UNIT_FAILED,
}


@dataclass
class Stage:
    """A store with what every operation needs."""

    database: Database
    folder: Path
    patient: str = ""
    suggestion: str = ""
    n_files: int = 0
    linked: list[str] = field(default_factory=list)

    def in_unit(self, purpose: str, do: Callable[[Any], Any]) -> Any:
        """What ``do`` gives once the unit has committed; nothing is shown before."""
        with self.database.unit(OWNER, purpose=purpose) as unit:
            value = do(unit)
            unit.commit()
        return ["done", value]

    def reading(self, purpose: str, actor: str = OWNER) -> Any:
        return self.database.reading(actor, purpose=purpose)

    def new_file(self) -> Path:
        """A place where nothing is."""
        self.n_files += 1
        return self.folder / f"file-{self.n_files}"


def stage(database: Database, folder: Path) -> Stage:
    """Set one up."""
    ready = Stage(database, folder)
    with database.unit(OWNER, purpose="treatment") as unit:
        ready.patient = unit.patients.add(RECORD, [LINK])
        ready.suggestion = unit.patients.put_suggestion(ready.patient, {"drug": "x"})
        unit.commit()
    with database.unit(OWNER, purpose="emergency") as unit:
        unit.emergencies.open(ready.patient, "found without a word")
        unit.commit()
    with database.unit(OWNER, purpose="administration") as unit:
        unit.actors.grant("another", ["security-officer", "clinician"])
        unit.commit()
    return ready


def _erase(ready: Stage) -> Any:
    """A patient who is there for this alone is erased; what is refused leaves one there."""
    if not ready.linked:
        with ready.database.unit(OWNER, purpose="treatment") as unit:
            patient = unit.patients.add(RECORD)
            unit.commit()
        ready.linked.append(patient)
    done = ready.in_unit("request", lambda unit: unit.patients.erase(ready.linked[0]))
    ready.linked.clear()
    return done


def _review(ready: Stage) -> Any:
    """One that is still open is reviewed; there is always one."""
    with ready.database.unit(OWNER, purpose="emergency") as unit:
        unit.emergencies.open(ready.patient, "to be reviewed at once")
        unit.commit()
    with ready.database.unit("another", purpose="audit") as unit:
        number = unit.emergencies.list()[-1].number
        reviewed = unit.emergencies.review(number)
        unit.commit()
    return reviewed


def _back_up(ready: Stage) -> Any:
    file = ready.new_file()
    create_backup(ready.database, file, actor=OWNER)
    return file.stat().st_size


@contextmanager
def failing(number: int) -> Iterator[None]:
    """SQLite fails at its ``number``-th step from now (some ten to a statement) and at each after.

    It is SQLite that fails, and not something before it: what it was doing is half done.
    """
    count = 0

    def step() -> bool:
        nonlocal count
        count += 1
        return count >= number

    def watch(connection: Any, *_: object) -> None:
        connection.set_progress_handler(step, 3)

    def leave(connection: Any, *_: object) -> None:
        if connection is not None:
            connection.set_progress_handler(None, 0)

    event.listen(Pool, "checkout", watch)
    event.listen(Pool, "checkin", leave)
    try:
        yield
    finally:
        event.remove(Pool, "checkout", watch)
        event.remove(Pool, "checkin", leave)


# Name -> what it does; the action that its entry names, and whether it is refused (a denial).
Operation = tuple[Action, Callable[[Stage], Any]]
OPERATIONS: dict[str, Operation] = {
    "get": (Action.PATIENT_READ, lambda s: s.reading("treatment").get(s.patient)),
    "list": (Action.PATIENT_LIST, lambda s: s.reading("treatment").list()),
    "find": (Action.PATIENT_FIND, lambda s: s.reading("treatment").find(*LINK)),
    "suggestions": (
        Action.SUGGESTION_READ,
        lambda s: s.reading("treatment").suggestions(s.patient),
    ),
    "suggestion": (
        Action.SUGGESTION_READ,
        lambda s: s.reading("treatment").suggestion(s.suggestion),
    ),
    "access log": (Action.PATIENT_ACCESS_LOG, lambda s: s.reading("request").access_log(s.patient)),
    "audit log": (Action.AUDIT_READ, lambda s: s.reading("audit").audit_log(5)),
    "get in a unit": (
        Action.PATIENT_READ,
        lambda s: s.in_unit("treatment", lambda unit: unit.patients.get(s.patient)),
    ),
    "add": (
        Action.PATIENT_WRITE,
        lambda s: s.in_unit("treatment", lambda unit: unit.patients.add(RECORD)),
    ),
    "amend": (
        Action.PATIENT_WRITE,
        lambda s: s.in_unit("treatment", lambda unit: unit.patients.add(RECORD, [LINK])),
    ),
    "suggest": (
        Action.SUGGESTION_WRITE,
        lambda s: s.in_unit(
            "treatment", lambda unit: unit.patients.put_suggestion(s.patient, {"drug": "y"})
        ),
    ),
    "erase": (Action.PATIENT_ERASE, _erase),
    "consent of": (
        Action.PATIENT_CONSENT,
        lambda s: s.in_unit("request", lambda unit: unit.consents.of(s.patient)),
    ),
    "consent says": (
        Action.PATIENT_CONSENT,
        lambda s: s.in_unit(
            "request", lambda unit: unit.consents.say(s.patient, {"research": "deny"})
        ),
    ),
    "break glass": (
        Action.BREAK_GLASS_OPEN,
        lambda s: s.in_unit(
            "emergency", lambda unit: unit.emergencies.open(s.patient, "again without a word")
        ),
    ),
    "emergencies": (
        Action.BREAK_GLASS_LIST,
        lambda s: s.in_unit("audit", lambda unit: unit.emergencies.list()),
    ),
    "review": (Action.BREAK_GLASS_REVIEW, _review),
    "actors": (
        Action.ACTOR_LIST,
        lambda s: s.in_unit("administration", lambda unit: unit.actors.list()),
    ),
    "grant": (
        Action.ACTOR_GRANT,
        lambda s: s.in_unit("administration", lambda unit: unit.actors.grant("dr.x", ["analyst"])),
    ),
    "revoke": (
        Action.ACTOR_REVOKE,
        lambda s: s.in_unit(
            "administration",
            lambda unit: (unit.actors.grant("dr.y", ["analyst"]), unit.actors.revoke("dr.y")),
        ),
    ),
    "backup": (Action.BACKUP_CREATE, _back_up),
    "rotate": (Action.KEYS_ROTATE, lambda s: rotate(s.database, OWNER)),
}
# What is refused leaves an entry too.
DENIALS: dict[str, Operation] = {
    "get by a stranger": (
        Action.PATIENT_READ,
        lambda s: s.reading("treatment", "stranger").get(s.patient),
    ),
    "get for no purpose of theirs": (
        Action.PATIENT_READ,
        lambda s: s.reading("audit", "another").get(s.patient),
    ),
    "get of nobody": (Action.PATIENT_READ, lambda s: s.reading("treatment").get("0" * 32)),
    "find of nobody": (Action.PATIENT_FIND, lambda s: s.reading("treatment").find("urn:x", "y")),
    "audit log to a clinician": (
        Action.AUDIT_READ,
        lambda s: s.reading("treatment", "another").audit_log(5),
    ),
    "erase of nobody": (
        Action.PATIENT_ERASE,
        lambda s: s.in_unit("request", lambda unit: unit.patients.erase("0" * 32)),
    ),
}
