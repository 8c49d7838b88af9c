"""Does the drug interact with one that the patient takes?"""

from recommend.profile import Knowledge
from recommend.safety.rules import PatientState, SafetyRules
from recommend.suggestion import Outcome, Verdict

CHECK = "interaction"


def check(rules: SafetyRules, patient: PatientState, drug: str) -> list[Verdict]:
    """A hit for every partner with a row; not covered, or else clear, for all others together.

    A pair is clear only when one table covers both drugs, and the check only when all pairs are. A
    moderate interaction is no part of that promise: tables cover contraindicated and major ones.
    """
    known = rules.interacts.get(drug, {})
    covered = rules.covered.get("interacts", {})
    verdicts, clear = [], []
    open_pairs = patient.unmapped("drug")
    for partner, fact in patient.drugs.items():
        rule = known.get(partner)
        name = rules.name(partner)
        if rule is not None:
            doubt = "; a near match: confirm the drug" if fact.grade == "near" else ""
            text = f"{rule.severity} with {name}: {rule.text}{doubt}"
            verdicts.append(Verdict(CHECK, Outcome.HIT, text, partner, rule.severity, rule.source))
            is_open = not fact.is_certain
        elif partner == drug:
            is_open = not fact.is_certain  # it may be another drug after all
        else:
            is_open = not (fact.is_certain and drug in covered and partner in covered)
            clear += [] if is_open else [name]
        open_pairs += [name] if is_open else []
    if patient.profile.drugs_known is Knowledge.UNKNOWN:
        open_pairs.append("drugs that the record does not list")
    if open_pairs:
        text = f"no source covers it together with {', '.join(sorted(open_pairs))}"
        verdicts.append(Verdict(CHECK, Outcome.NOT_COVERED, text))
    elif not verdicts:
        text, source = "the patient takes no other drug", "patient record"
        if clear:
            text = f"no contraindicated or major interaction with {', '.join(sorted(clear))}"
            source = covered[drug]
        verdicts.append(Verdict(CHECK, Outcome.CLEAR, text, source=source))
    return verdicts
