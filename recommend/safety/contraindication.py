"""Does a disease of the patient speak against the drug?"""

from recommend.profile import Knowledge
from recommend.safety.rules import PatientState, SafetyRules
from recommend.suggestion import Outcome, Verdict

CHECK = "contraindication"


def check(rules: SafetyRules, patient: PatientState, drug: str) -> list[Verdict]:
    """One hit a contraindicating disease, broader ones of the patient's included; else the rest.

    Clear needs a complete problem list, every entry matched as itself and judged by the table, and
    a drug whose contraindications the table covers.
    """
    table = rules.contraindicated.get(drug, {})
    verdicts = []
    for disease, (fact, is_ancestor) in patient.conditions.items():
        rule = table.get(disease)
        if rule is None:
            continue
        via = f", recorded as {rules.name(fact.node)}" if is_ancestor else ""
        doubt = "; a near match: confirm the diagnosis" if fact.grade == "near" else ""
        verdicts.append(
            Verdict(
                CHECK,
                Outcome.HIT,
                f"{rule.severity} in {rules.name(disease)}{via}: {rule.text}{doubt}",
                disease,
                rule.severity,
                rule.source,
            )
        )
    gap = _gap(rules, patient, drug)
    if gap:
        verdicts.append(Verdict(CHECK, Outcome.NOT_COVERED, gap))
    elif not verdicts:
        text = "none of the recorded conditions is listed against it"
        verdicts.append(
            Verdict(CHECK, Outcome.CLEAR, text, source=rules.covered["contraindicated"][drug])
        )
    return verdicts


def _gap(rules: SafetyRules, patient: PatientState, drug: str) -> str | None:
    if patient.profile.conditions_known is Knowledge.UNKNOWN:
        return "the patient's conditions are unknown"
    unmapped = patient.unmapped("condition")
    if unmapped:
        return f"{len(unmapped)} recorded conditions are not in the graph"
    facts = patient.recorded.values()
    unsure = [rules.name(f.node) for f in facts if not f.is_certain]
    if unsure:
        return f"a condition is matched only as near to, or part of, {', '.join(unsure)}"
    if drug not in rules.covered.get("contraindicated", ()):
        return "no source claims to list all contraindications of this drug"
    unjudged = [rules.name(f.node) for f in facts if f.node not in rules.judged_diseases]
    if unjudged:
        return f"no source says anything of {', '.join(unjudged)} and medicines"
    return None
