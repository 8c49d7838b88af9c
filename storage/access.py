"""Who may do what with patients, and for which purpose: the decision table.

Pure: no store, no clock. ``docs/access.md`` is the same table in words, and a
test holds the two to each other in every combination.

A refusal is decided in this order: an actor without a role; a purpose that
does not exist; no row of the table; what the row asks for (the patient's
consent, or an open emergency access). So nobody learns of a patient what the
table would not let them ask.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum, auto
from functools import lru_cache
from typing import Final, NamedTuple


class Role(StrEnum):
    """What an actor is in this store. An actor may hold several; each adds to what is allowed."""

    CLINICIAN = "clinician"  # treats patients
    ANALYST = "analyst"  # learns from many; has no use for who they are
    SECURITY_OFFICER = "security-officer"  # watches and administers; reads no record
    SERVICE = "service"  # a program: puts in, never takes out


class Purpose(StrEnum):
    """Purpose of use, stated with every operation and kept in its audit entry."""

    TREATMENT = "treatment"
    EMERGENCY = "emergency"  # treatment behind broken glass
    ADMINISTRATION = "administration"
    TRAINING = "training"  # of a recommender
    RESEARCH = "research"
    AUDIT = "audit"
    REQUEST = "request"  # the patient's own


class Action(StrEnum):
    """What is done, as the audit log names it."""

    PATIENT_WRITE = "patient.write"
    PATIENT_READ = "patient.read"
    PATIENT_LIST = "patient.list"
    PATIENT_FIND = "patient.find"
    PATIENT_ERASE = "patient.erase"
    PATIENT_ACCESS_LOG = "patient.access-log"
    PATIENT_CONSENT = "patient.consent"
    SUGGESTION_WRITE = "suggestion.write"
    SUGGESTION_READ = "suggestion.read"
    BREAK_GLASS_OPEN = "break-glass.open"
    BREAK_GLASS_REVIEW = "break-glass.review"
    BREAK_GLASS_LIST = "break-glass.list"
    ACTOR_GRANT = "actor.grant"
    ACTOR_REVOKE = "actor.revoke"
    ACTOR_LIST = "actor.list"
    AUDIT_READ = "audit.read"
    KEYS_ROTATE = "keys.rotate"
    BACKUP_CREATE = "backup.create"
    BACKUP_RESTORE = "backup.restore"
    EXTRACT_CREATE = "extract.create"
    STORE_CREATE = "store.create"
    STORE_MIGRATE = "store.migrate"
    UNIT_FAILED = "unit.failed"  # only ever recorded; no row allows it


class Condition(StrEnum):
    """What a row of the table asks for before it allows; the widest first."""

    NONE = auto()
    CONSENT = auto()  # the patient does not deny the use
    BROKEN_GLASS = auto()  # this actor holds an open emergency access to this patient


class Consent(StrEnum):
    """What a patient said to one purpose; nothing said counts as permitted (opt-out)."""

    PERMIT = "permit"
    DENY = "deny"


class Rule(NamedTuple):
    """One row of the table: in this role, for this purpose and under this condition, these."""

    role: Role
    purpose: Purpose
    condition: Condition
    actions: frozenset[Action]


def _rule(role: Role, purpose: Purpose, condition: Condition, *actions: Action) -> Rule:
    return Rule(role, purpose, condition, frozenset(actions))


# What is not here is refused.
TABLE: Final = (
    _rule(Role.CLINICIAN, Purpose.TREATMENT, Condition.NONE,
        Action.PATIENT_FIND, Action.PATIENT_LIST),
    _rule(Role.CLINICIAN, Purpose.TREATMENT, Condition.CONSENT,
        Action.PATIENT_READ, Action.PATIENT_WRITE,
        Action.SUGGESTION_READ, Action.SUGGESTION_WRITE),
    _rule(Role.CLINICIAN, Purpose.EMERGENCY, Condition.NONE,
        Action.BREAK_GLASS_OPEN),
    _rule(Role.CLINICIAN, Purpose.EMERGENCY, Condition.BROKEN_GLASS,
        Action.PATIENT_READ, Action.SUGGESTION_READ, Action.SUGGESTION_WRITE),
    # A copy for the patient; no way around a denied treatment.
    _rule(Role.CLINICIAN, Purpose.REQUEST, Condition.NONE,
        Action.PATIENT_FIND),
    _rule(Role.CLINICIAN, Purpose.REQUEST, Condition.CONSENT,
        Action.PATIENT_READ, Action.SUGGESTION_READ),

    # Never finds by an identifier: pseudonyms only.
    _rule(Role.ANALYST, Purpose.TRAINING, Condition.NONE,
        Action.PATIENT_LIST),
    _rule(Role.ANALYST, Purpose.TRAINING, Condition.CONSENT,
        Action.PATIENT_READ),
    _rule(Role.ANALYST, Purpose.RESEARCH, Condition.NONE,
        Action.PATIENT_LIST),
    _rule(Role.ANALYST, Purpose.RESEARCH, Condition.CONSENT,
        Action.EXTRACT_CREATE),

    # Who could lift a denial (patient.consent) does not read, and who reads cannot lift it.
    _rule(Role.SECURITY_OFFICER, Purpose.REQUEST, Condition.NONE,
        Action.PATIENT_FIND, Action.PATIENT_CONSENT, Action.PATIENT_ACCESS_LOG,
        Action.PATIENT_ERASE),
    _rule(Role.SECURITY_OFFICER, Purpose.ADMINISTRATION, Condition.NONE,
        Action.PATIENT_LIST, Action.PATIENT_ERASE,
        Action.ACTOR_GRANT, Action.ACTOR_REVOKE, Action.ACTOR_LIST,
        Action.KEYS_ROTATE, Action.BACKUP_CREATE, Action.BACKUP_RESTORE,
        Action.STORE_CREATE, Action.STORE_MIGRATE),
    _rule(Role.SECURITY_OFFICER, Purpose.AUDIT, Condition.NONE,
        Action.AUDIT_READ, Action.PATIENT_ACCESS_LOG, Action.ACTOR_LIST,
        Action.BREAK_GLASS_LIST, Action.BREAK_GLASS_REVIEW),

    _rule(Role.SERVICE, Purpose.TREATMENT, Condition.CONSENT,
        Action.SUGGESTION_WRITE),
    _rule(Role.SERVICE, Purpose.ADMINISTRATION, Condition.NONE,
        Action.PATIENT_WRITE, Action.BACKUP_CREATE),
)  # fmt: skip

# The purpose to which a patient may say no, for each that asks (``Condition.CONSENT``).
CONSENT_ASKED: Final[Mapping[Purpose, Purpose]] = {
    Purpose.TREATMENT: Purpose.TREATMENT,
    Purpose.REQUEST: Purpose.TREATMENT,
    Purpose.TRAINING: Purpose.TRAINING,
    Purpose.RESEARCH: Purpose.RESEARCH,
}
MAY_BE_DENIED: Final = frozenset(CONSENT_ASKED.values())

# Code and display in the HL7 v3 value set PurposeOfUse, for what leaves as FHIR. A recommender is
# trained within the house, so it is operations; TRAIN there is the teaching of people.
PURPOSE_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
PURPOSE_CODES: Final[Mapping[Purpose, tuple[str, str]]] = {
    Purpose.TREATMENT: ("TREAT", "treatment"),
    Purpose.EMERGENCY: ("ETREAT", "Emergency Treatment"),
    Purpose.ADMINISTRATION: ("HSYSADMIN", "health system administration"),
    Purpose.TRAINING: ("HOPERAT", "healthcare operations"),
    Purpose.RESEARCH: ("HRESCH", "healthcare research"),
    Purpose.AUDIT: ("HCOMPL", "health compliance"),
    Purpose.REQUEST: ("PATRQT", "patient requested"),
}

_ROLES, _PURPOSES, _ACTIONS = frozenset(Role), frozenset(Purpose), frozenset(Action)
_WIDEST_FIRST = tuple(Condition)
_CONDITIONS: Final[Mapping[tuple[str, str, str], Condition]] = {
    (rule.role, rule.purpose, action): rule.condition for rule in TABLE for action in rule.actions
}


@dataclass(frozen=True)
class Decision:
    """Allowed, or refused with the rule that refused."""

    reason: str = ""  # empty: allowed

    @property
    def is_allowed(self) -> bool:
        """No rule refused."""
        return not self.reason


def condition(roles: Iterable[str], purpose: str, action: str) -> Condition | None:
    """What ``action`` asks for in the widest of ``roles``; None where no row allows it.

    For a caller that wants to look up consent and emergency accesses only
    where they matter; ``decide`` decides.
    """
    return _condition(tuple(roles), purpose, action)


@lru_cache(1024)
def _condition(roles: tuple[str, ...], purpose: str, action: str) -> Condition | None:
    found = {_CONDITIONS.get((role, purpose, action)) for role in roles}
    return next((asked for asked in _WIDEST_FIRST if asked in found), None)


def decide(
    roles: Iterable[str],
    purpose: str,
    action: str,
    *,
    consent: Mapping[str, str],
    has_broken_glass: bool,
) -> Decision:
    """Whether an actor in ``roles`` may do ``action`` for ``purpose``.

    Args:
        roles: the actor's roles now; none if unknown, revoked or past its end.
        purpose: the purpose of use stated; any text.
        action: what is to be done.
        consent: what the patient concerned said: purpose -> ``permit`` or
            ``deny``. Empty if nothing was said, or no patient is concerned.
        has_broken_glass: this actor holds an emergency access to this patient
            that is open now.

    Returns:
        The decision. A refusal's reason names roles, purpose and action, and
        nothing that came from outside.
    """
    held = sorted(_ROLES.intersection(roles))
    if not held:
        return Decision("the actor holds no role in this store: unknown, revoked or past its end")
    if purpose not in _PURPOSES:
        return Decision(f"the purpose of use is not one of: {', '.join(Purpose)}")
    asked = condition(held, purpose, action)
    if asked is None:
        return Decision(f"{_known(action)} for {purpose} is not allowed to {', '.join(held)}")
    if asked is Condition.CONSENT:
        use = CONSENT_ASKED[Purpose(purpose)]
        # Anything but a plain permission is a denial.
        if consent.get(use, Consent.PERMIT) != Consent.PERMIT:
            return Decision(f"the patient denies the use of the record for {use}")
    if asked is Condition.BROKEN_GLASS and not has_broken_glass:
        return Decision("this actor has no emergency access to this patient that is open now")
    return Decision()


def _known(action: str) -> str:
    return action if action in _ACTIONS else "an unknown action"
