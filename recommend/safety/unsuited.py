"""Is the drug one that is not to be suggested at all, or not for this disease?

Asked of suggestions; of drugs in use only whether they were withdrawn.
"""

from recommend.safety.rules import SafetyRules
from recommend.suggestion import Outcome, Verdict

CHECK = "suggestion"
WITHDRAWN = "withdrawn"


def never_suggested(rules: SafetyRules, drug: str, disease: str) -> tuple[Verdict, ...]:
    """The vetoes on suggesting ``drug`` for ``disease``, whoever the patient is.

    On a drug that was withdrawn anywhere, on one that is given only together with another, and on a
    pair that a catalogue calls no indication, for the disease or a broader one.
    """
    verdicts = [*withdrawn(rules, drug), *vetoes_alone(rules, drug)]
    denied = rules.not_indicated.get(drug)
    if not denied:
        return tuple(verdicts)
    for node in sorted(denied.keys() & {disease, *rules.broader.get(disease)}):
        rule = denied[node]
        text = f"not for {rules.name(node)}: {rule.text}"
        verdicts.append(Verdict(CHECK, Outcome.HIT, text, node, rule.severity, rule.source))
    return tuple(verdicts)


def withdrawn(rules: SafetyRules, drug: str) -> tuple[Verdict, ...]:
    """The veto on a drug that was withdrawn anywhere; empty for any other, which proves nothing."""
    rule = rules.withdrawn.get(drug)
    if rule is None:
        return ()
    return (Verdict(WITHDRAWN, Outcome.HIT, rule.text, None, rule.severity, rule.source),)


def vetoes_alone(rules: SafetyRules, drug: str) -> tuple[Verdict, ...]:
    """The veto on suggesting a partner drug by itself; empty for any other drug."""
    said = rules.partner_only.get(drug)
    if not said:
        return ()
    text = "given only together with another drug: look for the combination"
    source = "; ".join(dict.fromkeys(rule.source for rule in said))
    return (Verdict(CHECK, Outcome.HIT, text, None, "contraindicated", source),)
