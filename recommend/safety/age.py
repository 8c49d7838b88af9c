"""Is the patient too young for the drug?"""

from recommend.safety.rules import SEVERITIES, PatientState, SafetyRules
from recommend.suggestion import Outcome, Verdict

CHECK = "age"


def check(rules: SafetyRules, patient: PatientState, drug: str) -> list[Verdict]:
    """Compare the age with the drug's limits; of several that it falls under, the worst counts.

    A drug without a row is not covered; without an age nothing is.
    """
    rows = rules.age.get(drug)
    if not rows:
        return [Verdict(CHECK, Outcome.NOT_COVERED, "no age limit is recorded for this drug")]
    age = patient.profile.age_years
    if age is None:
        limits = " and ".join(f"{below:g}" for below, _ in rows)
        text = f"the age is unknown; the drug has a limit at {limits} years"
        return [Verdict(CHECK, Outcome.NOT_COVERED, text, source=rows[0][1].source)]
    fallen = [row for row in rows if age < row[0]]
    if not fallen:
        text = f"not below the age limit of {rows[-1][0]:g} years"
        return [Verdict(CHECK, Outcome.CLEAR, text, source=rows[-1][1].source)]
    below, rule = min(fallen, key=lambda row: SEVERITIES.index(row[1].severity))
    text = f"{rule.severity} below the age of {below:g} years: {rule.text}"
    return [Verdict(CHECK, Outcome.HIT, text, None, rule.severity, rule.source)]
