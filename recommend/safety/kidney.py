"""Are the patient's kidneys too weak for the drug?"""

from recommend.safety.rules import SEVERITIES, PatientState, SafetyRules
from recommend.suggestion import Outcome, Verdict

CHECK = "kidney"


def check(rules: SafetyRules, patient: PatientState, drug: str) -> list[Verdict]:
    """Compare the eGFR with the drug's limits; of several that it falls under, the worst counts.

    A drug without a row is not covered; without an eGFR of the last 12 months nothing is.
    """
    rows = rules.kidney.get(drug)
    if not rows:
        return [Verdict(CHECK, Outcome.NOT_COVERED, "no kidney rule for this drug")]
    egfr = patient.profile.egfr
    if egfr is None:
        limits = " and ".join(f"{below:g}" for below, _ in rows)
        text = f"no recent eGFR; the drug has a limit at {limits} mL/min/1.73 m²"
        return [Verdict(CHECK, Outcome.NOT_COVERED, text, source=rows[0][1].source)]
    fallen = [row for row in rows if egfr < row[0]]
    if not fallen:
        text = f"eGFR {egfr:g} is not below the limit of {rows[-1][0]:g}"
        return [Verdict(CHECK, Outcome.CLEAR, text, source=rows[-1][1].source)]
    below, rule = min(fallen, key=lambda row: SEVERITIES.index(row[1].severity))
    text = f"{rule.severity} below an eGFR of {below:g} (now {egfr:g}): {rule.text}"
    return [Verdict(CHECK, Outcome.HIT, text, None, rule.severity, rule.source)]
