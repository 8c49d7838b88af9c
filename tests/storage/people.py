"""One actor a role, short ways to act as one, and a clock that stands still."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from storage import AuditEntry, Database, UnitOfWork
from storage.break_glass import EmergencyAccess
from tests.storage.stores import OWNER

T = TypeVar("T")

# One of each role, as ``stores.ACTORS`` lets them in.
CLINICIAN, ANALYST, OFFICER, SERVICE = "dr.lee", "analyst", "officer", "importer"


REASON = "Unconscious, brought in by ambulance; 过敏史不明"


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2030, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def move(self, **by: float) -> None:
        self.time += timedelta(**by)


def grant(
    database: Database, name: str, *roles: str, until: datetime | None = None, by: str = OWNER
) -> None:
    """Grant in a unit of its own."""
    act(database, by, "administration", lambda unit: unit.actors.grant(name, roles, until=until))


def act(database: Database, actor: str, purpose: str, operation: Callable[[UnitOfWork], T]) -> T:
    """Do one operation in a unit of its own."""
    with database.unit(actor, purpose=purpose) as unit:
        result = operation(unit)
        unit.commit()
    return result


def log(database: Database, n_entries: int = 1000) -> list[AuditEntry]:
    """The last entries, before the one that this reading leaves."""
    return list(database.reading(OWNER, purpose="audit").audit_log(n_entries))


def break_glass(
    database: Database,
    patient_id: str,
    *,
    actor: str = CLINICIAN,
    reason: str = REASON,
    minutes: int = 60,
) -> EmergencyAccess:
    """Open an emergency access in a unit of its own."""
    return act(
        database,
        actor,
        "emergency",
        lambda unit: unit.emergencies.open(patient_id, reason, minutes=minutes),
    )


def listed(database: Database, *, is_open_only: bool = False) -> tuple[EmergencyAccess, ...]:
    """The emergency accesses, as a security officer sees them."""
    return act(
        database,
        OFFICER,
        "audit",
        lambda unit: unit.emergencies.list(is_open_only=is_open_only),
    )
