"""Is the drug one to avoid in pregnancy?"""

from recommend.safety.listed import Listed
from recommend.safety.rules import SafetyRules
from recommend.safety.state import PatientState
from recommend.suggestion import Outcome, Verdict

CHECK = "pregnancy"

# Diseases of an ongoing pregnancy: pre-eclampsia, eclampsia, gestational diabetes.
_OF_PREGNANCY = ("DOID:10591", "DOID:13593", "DOID:11714")


def check(rules: SafetyRules, patient: PatientState, drug: str) -> list[Verdict]:
    """Hit in a pregnancy for a drug that is listed against; an unlisted drug is not covered.

    A drug that a source calls compatible, and none speaks against, is clear. A disease of pregnancy
    among the current conditions counts as a pregnancy, unless the record says that there is none;
    then which of the two holds is open. So it is where the record contradicts itself, or is of no
    use, about a pregnancy, whatever age and sex it states; a drug that is listed against is then a
    hit, unless the record is a man's.
    """
    profile, sign = patient.profile, _sign(patient)
    doubts = patient.doubts("pregnancy")
    if profile.pregnancy == "not pregnant" and sign is None and not doubts:
        return [Verdict(CHECK, Outcome.CLEAR, "recorded as not pregnant", source="patient record")]
    if profile.pregnancy == "unknown" and sign is None and not patient.may_be_pregnant:
        text = "recorded as male, or not between 10 and 55 years old"
        return [Verdict(CHECK, Outcome.CLEAR, text, source="patient record")]
    said = Listed.find(CHECK, rules.pregnancy, rules.pregnancy_compatible, patient, drug)
    if _is_pregnant(patient):
        is_seen = sign is not None and profile.pregnancy != "pregnant"
        why = f", seen from {rules.name(sign)}" if sign and is_seen else ""
        return [said.hit(why) or said.clear() or said.unlisted()]
    if said.compatible:
        return [said.clear() or said.unlisted()]
    question = "it is not recorded whether the patient is pregnant"
    if doubts:
        question = f"the record cannot be relied on about a pregnancy: {', '.join(doubts)}"
        if said.against is not None and threatens(patient):
            rule = said.against
            text = f"{rule.severity} in pregnancy: {rule.text}; {question}"
            return [Verdict(CHECK, Outcome.HIT, text, None, rule.severity, rule.source)]
    elif sign:
        question = f"recorded as not pregnant, but with {rules.name(sign)}"
    return [said.open(question)]


def threatens(patient: PatientState) -> bool:
    """Whether a drug that is listed against pregnancy is a hit."""
    is_doubtful = patient.profile.sex != "male" and bool(patient.doubts("pregnancy"))
    return is_doubtful or _is_pregnant(patient)


def _is_pregnant(patient: PatientState) -> bool:
    state = patient.profile.pregnancy
    return state == "pregnant" or (state == "unknown" and _sign(patient) is not None)


def _sign(patient: PatientState) -> str | None:
    return next((disease for disease in _OF_PREGNANCY if disease in patient.diseases), None)
