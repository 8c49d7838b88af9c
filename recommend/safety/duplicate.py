"""Does the patient take the drug, or one of the same kind, already?"""

from recommend.profile import Knowledge
from recommend.safety.rules import LEVEL_4, PatientState, SafetyRules
from recommend.suggestion import Outcome, Verdict

CHECK = "duplicate"


def check(rules: SafetyRules, patient: PatientState, drug: str) -> list[Verdict]:
    """A hit for the same ingredient, or the same ATC level 4 unless the pair is meant to combine.

    The same ingredient counts as contraindicated (there is nothing to start); the same class as
    major: a second one is seldom meant. Drugs whose ATC group is not known cannot be compared.
    """
    classes = _level_4(rules, drug)
    verdicts = []
    gaps = patient.unmapped("drug")
    for partner, fact in patient.drugs.items():
        doubt = "; a near match: confirm the drug" if fact.grade == "near" else ""
        if partner == drug:
            text = f"the patient takes it already{doubt}"
            verdicts.append(
                Verdict(CHECK, Outcome.HIT, text, partner, "contraindicated", "patient record")
            )
        else:
            shared = sorted(classes & _level_4(rules, partner))
            if shared and frozenset((drug, partner)) not in rules.combinations:
                text = f"{rules.name(partner)} is also of the {rules.name(shared[0])}{doubt}"
                verdicts.append(Verdict(CHECK, Outcome.HIT, text, partner, "major", "ATC"))
            elif not (rules.is_placed(drug) and rules.is_placed(partner)):
                gaps.append(rules.name(partner))
                continue
        if not fact.is_certain:
            gaps.append(rules.name(partner))
    if patient.profile.drugs_known is Knowledge.UNKNOWN:
        gaps.append("drugs that the record does not list")
    if gaps:
        text = f"cannot be compared with {', '.join(sorted(gaps))}"
        verdicts.append(Verdict(CHECK, Outcome.NOT_COVERED, text))
    elif not verdicts:
        text = "no current drug has this ingredient or is of its class"
        verdicts.append(Verdict(CHECK, Outcome.CLEAR, text, source="ATC"))
    return verdicts


def _level_4(rules: SafetyRules, drug: str) -> set[str]:
    groups = rules.classes.get(drug, ())
    return {group for group in groups if group.startswith("ATC:") and len(group) == LEVEL_4}
