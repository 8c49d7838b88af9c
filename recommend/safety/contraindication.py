"""Does a disease of the patient speak against the drug?"""

from recommend.profile import Knowledge
from recommend.safety.interaction import worded
from recommend.safety.pairs import decide
from recommend.safety.rules import SafetyRules
from recommend.safety.state import PatientState, doubt, place
from recommend.suggestion import Outcome, Verdict

CHECK = "contraindication"


def check(rules: SafetyRules, patient: PatientState, drug: str) -> list[Verdict]:
    """One hit a contraindicating disease, broader ones of the patient's included; else the rest.

    A disease that is recorded as over raises no hit; where a rule speaks of it, nothing is clear.
    Clear needs a complete problem list, every entry matched as itself and judged by a source that
    declares its universe and covers the drug.
    """
    table, conditions = rules.contraindicated.of(drug), patient.conditions
    local = [drug] if patient.is_local else []
    verdicts = []
    notes = []
    for disease in sorted(table.keys() & conditions.keys()):
        fact, is_ancestor = conditions[disease]
        rule = decide(rule for rule in table[disease] if rule.holds(local))
        if rule is None:
            said = "; ".join(f"{worded(r.severity)} ({r.text})" for r in table[disease])
            name = rules.name(disease)
            used = f"it is used {place(patient.route)}"
            notes.append(f"{used}; the rule on {name} is about systemic use: {said}")
            continue
        via = f", recorded as {rules.name(fact.node)}" if is_ancestor else ""
        text = f"{worded(rule.severity)} in {rules.name(disease)}{via}: {rule.text}"
        text += doubt(fact, "diagnosis")
        verdicts.append(Verdict(CHECK, Outcome.HIT, text, disease, rule.severity, rule.source))
    notes += _history(rules, patient, drug)
    gap, source = _gap(rules, patient, drug)
    if gap or notes:
        text = "; ".join([*notes, gap] if gap else notes)
        verdicts.append(Verdict(CHECK, Outcome.NOT_COVERED, text))
    elif not verdicts:
        text = "none of the recorded conditions is listed against it"
        verdicts.append(Verdict(CHECK, Outcome.CLEAR, text, source=source))
    return verdicts


def _history(rules: SafetyRules, patient: PatientState, drug: str) -> list[str]:
    """What spoke against the drug once, and may still: it is no hit, and nothing is clear."""
    table = rules.contraindicated.of(drug)
    local = [drug] if patient.is_local else []
    notes = []
    for disease in sorted(table.keys() & patient.past.keys() - patient.conditions.keys()):
        rule = decide(rule for rule in table[disease] if rule.holds(local))
        if rule is not None:
            fact, _ = patient.past[disease]
            notes.append(
                f"{rules.name(fact.node)} is recorded as {fact.ended}: if its history counts, "
                f"{worded(rule.severity)} ({rule.text})"
            )
    return notes


def _gap(rules: SafetyRules, patient: PatientState, drug: str) -> tuple[str, str]:
    """Why the list cannot be judged, or else who judges it."""
    if patient.profile.conditions_known is Knowledge.UNKNOWN:
        return "the patient's conditions are unknown", ""
    unmapped = patient.unmapped("condition")
    if unmapped:
        return f"{len(unmapped)} recorded conditions are not in the graph", ""
    facts = patient.recorded.values()
    unsure = [rules.name(f.node) for f in facts if not f.is_certain]
    if unsure:
        return f"a condition is old, or matched only as near or broader: {', '.join(unsure)}", ""
    of_drug = rules.coverage.get("contraindicated", {}).get(drug, {})
    complete = sorted(source for source, is_complete in of_drug.items() if is_complete)
    if not complete:
        return "no source claims to list all contraindications of this drug", ""
    unjudged: list[str] = []
    for source in complete:
        judged = rules.judged_diseases.get(source, frozenset())
        unjudged = [node for node in patient.recorded if node not in judged]
        if not unjudged:
            return "", rules.universes["contraindicated", source]
    return f"no source says anything of {', '.join(map(rules.name, unjudged))} and medicines", ""
