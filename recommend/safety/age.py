"""Is the patient too young for the drug, or too old?"""

from recommend.safety.rules import SEVERITIES, SafetyRules
from recommend.safety.state import PatientState
from recommend.safety.tables import AgeLimit
from recommend.suggestion import Outcome, Verdict

CHECK = "age"

_NO_RULE = Verdict(CHECK, Outcome.NOT_COVERED, "no age limit is recorded for this drug")

CHILD, OLD = 18, 65  # years below and from which a drug's limits for adults say nothing


def check(rules: SafetyRules, patient: PatientState, drug: str) -> list[Verdict]:
    """Compare the age with the drug's limits; of several that it falls under, the worst counts.

    A drug without a row is not covered; without an age nothing is. A limit for the young says
    nothing of the old, nor the other way: a child's age is clear only by a row about children, and
    that of a person of 65 or more by one about the old.
    """
    limits = rules.age.get(drug)
    if not limits:
        return [_NO_RULE]
    age, source = patient.profile.age_years, limits[0].rule.source
    if age is None:
        text = f"the age is unknown; the drug has a limit {_named(limits)}"
        return [Verdict(CHECK, Outcome.NOT_COVERED, text, source=source)]
    fallen = [limit for limit in limits if is_past(limit, age)]
    if fallen:
        limit = min(fallen, key=lambda row: SEVERITIES.index(row.rule.severity))
        rule = limit.rule
        text = f"{rule.severity} {_said(limit)}: {rule.text}"
        return [Verdict(CHECK, Outcome.HIT, text, None, rule.severity, rule.source)]
    text = f"not {_named(limits)}"
    if age < CHILD and all(limit.below is None for limit in limits):
        text += "; no source says anything of children"
    elif age >= OLD and all(limit.from_years is None for limit in limits):
        text += "; no source says anything of the old"
    else:
        return [Verdict(CHECK, Outcome.CLEAR, text, source=source)]
    return [Verdict(CHECK, Outcome.NOT_COVERED, text, source=source)]


def is_past(limit: AgeLimit, age: float) -> bool:
    """Whether an age in years is one that the limit speaks of."""
    if limit.below is not None:
        return age < limit.below
    return limit.from_years is not None and age >= limit.from_years


def _named(limits: tuple[AgeLimit, ...]) -> str:
    return " or ".join(map(_said, limits))


def _said(limit: AgeLimit) -> str:
    if limit.below is not None:
        return f"below the age of {limit.below:g} years"
    return f"from the age of {limit.from_years:g} years on"
