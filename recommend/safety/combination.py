"""Is the drug one that is never given alone? Asked of suggestions only, not of drugs in use."""

from recommend.safety.rules import SafetyRules
from recommend.suggestion import Outcome, Verdict

CHECK = "combination"


def vetoes_alone(rules: SafetyRules, drug: str) -> tuple[Verdict, ...]:
    """The veto on suggesting a partner drug by itself; empty for any other drug."""
    rule = rules.partner_only.get(drug)
    if rule is None:
        return ()
    text = "given only together with another drug: look for the combination"
    return (Verdict(CHECK, Outcome.HIT, text, None, "contraindicated", rule.source),)
