"""Is the drug one to avoid while breastfeeding?"""

from recommend.safety.listed import Listed
from recommend.safety.rules import SafetyRules
from recommend.safety.state import PatientState
from recommend.suggestion import Outcome, Verdict

CHECK = "lactation"


def check(rules: SafetyRules, patient: PatientState, drug: str) -> list[Verdict]:
    """Hit in breastfeeding for a drug that is listed against; an unlisted drug is not covered.

    A drug that a source calls compatible, and none speaks against, is clear. So is any where the
    record says that the patient does not breastfeed; where it says nothing, only a man's and that
    of a person younger than 10 or older than 55.
    """
    state = patient.profile.lactation
    if state == "not breastfeeding":
        text = "recorded as not breastfeeding"
        return [Verdict(CHECK, Outcome.CLEAR, text, source="patient record")]
    if state == "unknown" and not patient.is_of_childbearing_age:
        text = "recorded as male, or not between 10 and 55 years old"
        return [Verdict(CHECK, Outcome.CLEAR, text, source="patient record")]
    said = Listed.find(CHECK, rules.lactation, rules.lactation_compatible, patient, drug)
    if state == "breastfeeding":
        return [said.hit() or said.clear() or said.unlisted()]
    question = "it is not recorded whether the patient is breastfeeding"
    return [said.clear() or said.open(question)]
