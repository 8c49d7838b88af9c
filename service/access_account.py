"""A patient's own access log in plain words: who did what, when, why, and how it ended."""

from collections.abc import Iterable, Iterator

from storage.access import Action, Purpose
from storage.audit import OK, ROLLED_BACK, AuditEntry

# What the patient reads. "The record" is what is stored of them.
WORDS: dict[str, str] = {
    Action.PATIENT_WRITE: "wrote to the record",
    Action.PATIENT_READ: "read the record",
    Action.PATIENT_LIST: "listed the patients",
    Action.PATIENT_FIND: "looked the record up by an identifier",
    Action.PATIENT_ERASE: "erased the record",
    Action.PATIENT_ACCESS_LOG: "read this list of accesses",
    Action.PATIENT_CONSENT: "read or changed what was agreed to",
    Action.SUGGESTION_WRITE: "stored treatment suggestions",
    Action.SUGGESTION_READ: "read treatment suggestions",
    Action.BREAK_GLASS_OPEN: "opened an emergency access to the record",
    Action.BREAK_GLASS_REVIEW: "reviewed an emergency access to the record",
    Action.BREAK_GLASS_LIST: "listed emergency accesses",
    Action.ACTOR_GRANT: "gave somebody a role",
    Action.ACTOR_REVOKE: "took a role away from somebody",
    Action.ACTOR_LIST: "listed who holds which role",
    Action.AUDIT_READ: "read the audit log",
    Action.KEYS_ROTATE: "changed the keys",
    Action.BACKUP_CREATE: "made a backup",
    Action.BACKUP_RESTORE: "restored a backup",
    Action.EXTRACT_CREATE: "made an extract without names",
    Action.STORE_CREATE: "made the store",
    Action.STORE_MIGRATE: "changed how records are stored",
    Action.UNIT_FAILED: "began something that was not finished",
}

REASONS: dict[str, str] = {
    Purpose.TREATMENT: "for treatment",
    Purpose.EMERGENCY: "in an emergency",
    Purpose.ADMINISTRATION: "for administration",
    Purpose.TRAINING: "to train the program that suggests treatments",
    Purpose.RESEARCH: "for research",
    Purpose.AUDIT: "to check how records are used",
    Purpose.REQUEST: "at the patient's request",
}


def account(entries: Iterable[AuditEntry]) -> Iterator[str]:
    """One line an entry, in their order; all of them, earlier readings of this list included.

    Nothing is left out or put together: whether a line was an access is for the reader to judge.
    """
    for entry in entries:
        day, _, rest = entry.time.partition("T")
        words = WORDS.get(entry.action, f"did {entry.action}")
        why = REASONS.get(entry.purpose, f"stated purpose: {entry.purpose}")
        yield f"{day} {rest[:8]} UTC: {entry.actor} {words}, {why}{_ending(entry.outcome)}"


def _ending(outcome: str) -> str:
    if outcome == OK:
        return ""
    if outcome == "AccessDeniedError":
        return ": REFUSED, it was not allowed; nothing was shown or changed"
    if outcome == ROLLED_BACK:
        return ": taken back, nothing was changed"
    return f": failed ({outcome}), nothing was shown or changed"
