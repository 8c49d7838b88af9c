"""Is the patient's liver too weak for the drug?"""

from collections.abc import Sequence

from recommend.safety.interaction import worded
from recommend.safety.rules import SEVERITIES, SafetyRules
from recommend.safety.state import PatientState
from recommend.safety.tables import LiverLimit
from recommend.suggestion import Outcome, Verdict

CHECK = "liver"

_NO_RULE = Verdict(CHECK, Outcome.NOT_COVERED, "no liver rule for this drug")

CIRRHOSIS, LIVER_DISEASE = "DOID:5082", "DOID:409"

# Others that an ontology without liver disease itself, or a small graph, leaves without a parent.
_LIVER_DISEASES = (
    CIRRHOSIS,
    LIVER_DISEASE,
    "DOID:2237",  # hepatitis
    "DOID:1883",  # hepatitis C
    "DOID:2043",  # hepatitis B
    "DOID:9452",  # fatty liver
    "DOID:684",  # hepatocellular carcinoma
)


def check(rules: SafetyRules, patient: PatientState, drug: str) -> list[Verdict]:
    """Compare the Child-Pugh class with the drug's limits; of several reached the worst counts.

    Without a class: cirrhosis is of class A at least, so a limit from A on is a hit. The others
    stay open and are told, with the liver disease if any; a record without one clears nothing,
    for a liver that nobody looked at is not a healthy one.
    """
    limits = rules.liver.get(drug)
    if not limits:
        return [_NO_RULE]
    known = patient.profile.child_pugh
    source = limits[0].rule.source
    if known is not None:
        reached = [limit for limit in limits if limit.child_pugh <= known]
        if reached:
            return [_hit(reached, f"now {known}")]
        text = f"Child-Pugh class {known}; {_named(limits)}"
        return [Verdict(CHECK, Outcome.CLEAR, text, source=source)]
    verdicts = []
    if CIRRHOSIS in patient.diseases:
        reached = [limit for limit in limits if limit.child_pugh == "A"]
        verdicts += [_hit(reached, f"{rules.name(CIRRHOSIS)} is at least that")] if reached else []
    later = [limit for limit in limits if not verdicts or limit.child_pugh != "A"]
    if later:
        disease = next((d for d in _LIVER_DISEASES if d in patient.diseases), None)
        recorded = "" if disease is None else f"recorded with {rules.name(disease)}, and "
        text = f"{recorded}the class of the liver's function is unknown; {_named(later)}"
        verdicts.append(Verdict(CHECK, Outcome.NOT_COVERED, text, source=source))
    return verdicts


def _hit(reached: list[LiverLimit], now: str) -> Verdict:
    limit = min(reached, key=lambda row: SEVERITIES.index(row.rule.severity))
    rule = limit.rule
    text = f"{rule.severity} from Child-Pugh class {limit.child_pugh} on ({now}): {rule.text}"
    return Verdict(CHECK, Outcome.HIT, text, None, rule.severity, rule.source)


def _named(limits: Sequence[LiverLimit]) -> str:
    said = [
        f"{worded(limit.rule.severity)} from class {limit.child_pugh} on ({limit.rule.text})"
        for limit in limits
    ]
    return f"the drug is {' and '.join(said)}"
