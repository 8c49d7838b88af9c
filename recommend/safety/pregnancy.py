"""Is the drug one to avoid in pregnancy?"""

from recommend.safety.rules import PatientState, SafetyRules
from recommend.suggestion import Outcome, Verdict

CHECK = "pregnancy"

# Diseases of an ongoing pregnancy: pre-eclampsia, eclampsia, gestational diabetes.
_OF_PREGNANCY = ("DOID:10591", "DOID:13593", "DOID:11714")


def check(rules: SafetyRules, patient: PatientState, drug: str) -> list[Verdict]:
    """Hit in a pregnancy for a listed drug; an unlisted drug is not covered, never clear.

    A disease of pregnancy among the current conditions counts as a pregnancy, unless the record
    says that there is none; then which of the two holds is open. So it is where the record
    contradicts itself, or is of no use, about a pregnancy, whatever age and sex it states; a listed
    drug is then a hit, unless the record is a man's.
    """
    state, rule = patient.profile.pregnancy, rules.pregnancy.get(drug)
    sign = next((d for d in _OF_PREGNANCY if d in patient.conditions), None)
    if state == "pregnant" or (state == "unknown" and sign):
        if rule is None:
            return [Verdict(CHECK, Outcome.NOT_COVERED, "no source covers this drug in pregnancy")]
        why = "" if state == "pregnant" or sign is None else f", seen from {rules.name(sign)}"
        text = f"{rule.severity} in pregnancy{why}: {rule.text}"
        return [Verdict(CHECK, Outcome.HIT, text, None, rule.severity, rule.source)]
    doubts = patient.doubts("pregnancy")
    if state == "not pregnant" and sign is None and not doubts:
        return [Verdict(CHECK, Outcome.CLEAR, "recorded as not pregnant", source="patient record")]
    if state == "unknown" and not patient.may_be_pregnant:
        text = "recorded as male, or not between 10 and 55 years old"
        return [Verdict(CHECK, Outcome.CLEAR, text, source="patient record")]
    open_question = "it is not recorded whether the patient is pregnant"
    if doubts:
        open_question = f"the record cannot be relied on about a pregnancy: {', '.join(doubts)}"
        if rule is not None and patient.profile.sex != "male":
            text = f"{rule.severity} in pregnancy: {rule.text}; {open_question}"
            return [Verdict(CHECK, Outcome.HIT, text, None, rule.severity, rule.source)]
    elif sign:
        open_question = f"recorded as not pregnant, but with {rules.name(sign)}"
    warning = f"; if she is: {rule.text}" if rule else ""
    source = rule.source if rule else ""
    return [Verdict(CHECK, Outcome.NOT_COVERED, f"{open_question}{warning}", source=source)]
