"""The statuses of an entry that a person wrote: which words there are, and what is over by them."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from recommend.errors import ProfileError

_NOT_TRUE = ("refuted", "entered-in-error")
_NOT_TAKEN = ("cancelled", "draft", "intended", "not-taken", "option", "plan", "proposal")
_STOPPED = ("completed", "stopped", "ended", "past", "inactive", "resolved")
_MAY_BE_TAKEN = ("active", "on-hold", "unknown")
_OVER = ("inactive", "remission", "resolved")
_HELD = ("active", "recurrence", "relapse", "unknown")
_OF_A_PROBLEM = (*_HELD, *_OVER, *_NOT_TRUE)
_OF_A_DRUG = (*_MAY_BE_TAKEN, *_STOPPED, *_NOT_TAKEN, *_NOT_TRUE)
_KNOWN: Mapping[str, tuple[str, ...]] = {
    "conditions": _OF_A_PROBLEM,
    "symptoms": _OF_A_PROBLEM,
    "allergies": _OF_A_PROBLEM,
    "drugs": _OF_A_DRUG,
    "past_drugs": _OF_A_DRUG,
}
_VERIFICATIONS = ("unconfirmed", "provisional", "differential", "confirmed", *_NOT_TRUE)
# What people write for them.
_OTHER_WORDS = {
    "current": "active", "ongoing": "active", "taking": "active", "past": "past", "held": "on-hold",
    "discontinued": "stopped", "planned": "plan", "proposed": "proposal", "canceled": "cancelled",
    "recurrent": "recurrence", "in-remission": "remission", "error": "entered-in-error",
    "cured": "resolved",
}  # fmt: skip


def with_statuses(name: str, entry: dict[str, Any], day: date) -> dict[str, Any]:
    """The entry with its statuses in the words of FHIR, in lower case.

    A condition that ended before ``day`` and has no status is ``resolved``, and so is one that is
    called ``past``; a drug that did and is not stated to be taken is ``stopped``.

    Args:
        name: of the list.
        entry: one of its objects.
        day: of the profile.

    Raises:
        ProfileError: a status is none that is known.
    """
    entry = dict(entry)
    for field, known in (("status", _KNOWN[name]), ("verification", _VERIFICATIONS)):
        stated = entry.get(field)
        if not isinstance(stated, str):
            continue  # refused when the profile is read, unless absent
        word = "-".join(stated.lower().replace("_", " ").replace("-", " ").split())
        word = _OTHER_WORDS.get(word, word)
        if name not in ("drugs", "past_drugs") and word in ("past", "ended", "completed"):
            word = "resolved"
        if word and word not in known:
            raise ProfileError(f"{name}: {field} must be one of {', '.join(known)}")
        entry[field] = word
    if entry.get("status", "") == "" and _has_ended(entry, day):
        entry["status"] = "stopped" if name in ("drugs", "past_drugs") else "resolved"
    return entry


def is_true(name: str, entry: Mapping[str, Any]) -> bool:
    """Whether the entry says anything of the patient: not refuted, and no drug never taken."""
    stated = entry.get("status"), entry.get("verification")
    is_taken = name not in ("drugs", "past_drugs") or stated[0] not in _NOT_TAKEN
    return is_taken and not any(word in _NOT_TRUE for word in stated)


def is_past(name: str, entry: Mapping[str, Any]) -> bool:
    """Whether the entry says that a drug is not taken any more, or that a condition is over."""
    return entry.get("status") in (_STOPPED if name == "drugs" else _OVER)


def _has_ended(entry: Mapping[str, Any], day: date) -> bool:
    try:
        return date.fromisoformat(str(entry.get("end"))) < day
    except ValueError:
        return False
