"""What would harm this patient: one file a kind of check, all over the graph's versioned rules.

Every check answers *hit*, *clear* or *not covered*. A missing row is not an all-clear: clear needs
a source that declares what it covers, and a patient's list that is known. A near match, or an order
or problem too old to be believed, can raise a hit, never clear one. Clear never stands beside a hit
or a gap of the same check.

Policy. Only hits of severity *contraindicated* veto a suggestion, of whatever check: allergy and
pregnancy too. *Major* ones must be acknowledged. *Moderate* ones, and those of *unknown* severity,
warn, and put a drug behind its like; *minor* ones are shown. Vetoes come before a list is cut.

Local use. A drug on the skin, in the eye, ear, nose, vagina or mouth does not fire a rule about
systemic use, unless the rule says that it holds for local use too; the rule is then told, and the
answer is *not covered*. An allergy counts by any route. No route, or any other, is systemic.
"""

from dataclasses import replace

from recommend.profile import Route
from recommend.safety import (
    age,
    allergy,
    contraindication,
    duplicate,
    genes,
    interaction,
    kidney,
    lactation,
    liver,
    pregnancy,
)
from recommend.safety.rules import SEVERITIES, SafetyRules, worst
from recommend.safety.screen import Screen
from recommend.safety.state import PatientState, place
from recommend.safety.unsuited import never_suggested, vetoes_alone, withdrawn
from recommend.suggestion import Outcome, Verdict

__all__ = [
    "CHECKS",
    "SEVERITIES",
    "PatientState",
    "SafetyRules",
    "Screen",
    "check_drug",
    "contraindication",
    "interaction",
    "never_suggested",
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
    lactation.check,
    kidney.check,
    liver.check,
    age.check,
    genes.check,
)

# Their tables have no word on local use.
_SYSTEMIC = frozenset({kidney.CHECK, liver.CHECK, age.CHECK, genes.CHECK})


def check_drug(
    rules: SafetyRules, patient: PatientState, drug: str, route: Route = ""
) -> tuple[Verdict, ...]:
    """All verdicts on one drug for one patient, in the order of :data:`CHECKS`.

    A drug that was withdrawn anywhere has one more, in front; no list says of a drug that it was
    never withdrawn.

    Args:
        rules: of the graph.
        patient: whose route, if any, holds where ``route`` is empty.
        drug: CURIE.
        route: how the drug would be used.
    """
    if route:
        patient = replace(patient, route=route)
    verdicts = [verdict for check in CHECKS for verdict in check(rules, patient, drug)]
    if patient.is_local:
        verdicts = [_not_systemic(verdict, patient) for verdict in verdicts]
    return (*withdrawn(rules, drug), *verdicts)


def vetoes(verdicts: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
    """The hits that forbid a suggestion: the contraindicated ones. Major and moderate ones warn."""
    hits = (verdict for verdict in verdicts if verdict.outcome is Outcome.HIT)
    return tuple(hit for hit in hits if hit.severity == "contraindicated")


def _not_systemic(verdict: Verdict, patient: PatientState) -> Verdict:
    """A hit by a rule about systemic use as the gap that it is for a local one."""
    if verdict.check not in _SYSTEMIC or verdict.outcome is not Outcome.HIT:
        return verdict
    text = f"it is used {place(patient.route)}; the rule is about systemic use: {verdict.text}"
    return replace(verdict, outcome=Outcome.NOT_COVERED, text=text, severity=None)
