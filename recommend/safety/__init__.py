"""What would harm this patient: one file a kind of check, all over the graph's versioned rules.

Every check answers *hit*, *clear* or *not covered*. A missing row is not an all-clear: clear needs
a source that declares what it covers, and a patient's list that is known. A near match can raise a
hit, never clear one. Clear never stands beside a hit or a gap of the same check.
"""

from recommend.safety import (
    age,
    allergy,
    contraindication,
    duplicate,
    genes,
    interaction,
    kidney,
    pregnancy,
)
from recommend.safety.combination import vetoes_alone
from recommend.safety.rules import SEVERITIES, PatientState, SafetyRules, worst
from recommend.suggestion import Outcome, Verdict

__all__ = [
    "CHECKS",
    "SEVERITIES",
    "PatientState",
    "SafetyRules",
    "check_drug",
    "vetoes",
    "vetoes_alone",
    "worst",
]

CHECKS = (
    contraindication.check,
    interaction.check,
    allergy.check,
    duplicate.check,
    pregnancy.check,
    kidney.check,
    age.check,
    genes.check,
)


def check_drug(rules: SafetyRules, patient: PatientState, drug: str) -> tuple[Verdict, ...]:
    """All verdicts on one drug for one patient, in the order of :data:`CHECKS`."""
    return tuple(verdict for check in CHECKS for verdict in check(rules, patient, drug))


def vetoes(verdicts: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
    """The hits that forbid a suggestion: the contraindicated ones. Major and moderate ones warn."""
    hits = (verdict for verdict in verdicts if verdict.outcome is Outcome.HIT)
    return tuple(hit for hit in hits if hit.severity == "contraindicated")
