"""Is the patient allergic to the drug, its class, or a class that cross-reacts?"""

from recommend.profile import Fact, Knowledge
from recommend.safety.pairs import decide
from recommend.safety.rules import LEVEL_4, SEVERITIES, Rule, SafetyRules
from recommend.safety.state import PatientState, doubt
from recommend.suggestion import Outcome, Severity, Verdict

CHECK = "allergy"

ANTIBACTERIALS = "ATC:J01"

_KEPT = 200_000  # pairs; about 30 MB

# ATC groups of unlike molecules for one use: a reaction to one says nothing of the others.
_UNLIKE = frozenset(
    {"ATC:B01AC", "ATC:J04AK", "ATC:L04AC", "ATC:N07BA", "ATC:N07BB", "ATC:N07BC", "ATC:P01BC"}
)


def check(rules: SafetyRules, patient: PatientState, drug: str) -> list[Verdict]:
    """One hit an allergy that concerns the drug; else clear, or not covered where one is open.

    A recorded allergy to the drug or to its class is a contraindication; so is one to another
    antibacterial of its class. To another drug of the same class it is major; cross-reactivity
    between classes, and within families of like molecules, has the severity that the tables state,
    but a moderate one is major where the recorded reaction was severe, or its criticality is high.
    Neither of them changes anything else. Local use of a drug counts like any other.

    Clear needs an allergen of which the tables of cross-reactivity speak, a drug whose
    interactions a source lists (so that its authors knew it), and places in the ATC that are not
    related: sharing no class proves nothing.
    """
    profile = patient.profile
    verdicts, gaps = [], [f"the allergen {text}" for text in patient.unmapped("allergy")]
    for allergen, fact in patient.allergies.items():
        found = concerns(rules, allergen, drug)
        if found is not None:
            severity = graded(found.severity, is_severe=allergen in patient.severe_allergies)
            text = f"{found.text}{_recorded(fact)}{doubt(fact, 'allergen')}"
            verdicts.append(Verdict(CHECK, Outcome.HIT, text, allergen, severity, found.source))
        if allergen == drug and fact.is_certain:
            continue
        is_judged = found is not None or not rules.groups(allergen) & rules.groups(drug)
        is_placed = rules.is_placed(drug) and rules.is_placed(allergen)
        is_known = rules.covers("interacts", drug) and allergen in rules.described_allergens
        if not (fact.is_certain and is_placed and is_judged and (is_known or found is not None)):
            gaps.append(f"the allergen {rules.name(allergen)}")
    if profile.allergies_known is Knowledge.UNKNOWN:
        gaps.append("allergies that the record does not list")
    if gaps:
        text = f"cannot be judged against {', '.join(gaps)}"
        verdicts.append(Verdict(CHECK, Outcome.NOT_COVERED, text))
    elif not verdicts:
        text, source = "none of the recorded allergies concerns it", "tables of cross-reactivity"
        if profile.allergies_known is Knowledge.EMPTY:
            text, source = "the record states that there is no known allergy", "patient record"
        verdicts.append(Verdict(CHECK, Outcome.CLEAR, text, source=source))
    return verdicts


def graded(severity: Severity, *, is_severe: bool) -> Severity:
    """The severity of a hit, given whether the allergy is a severe one; see :func:`check`."""
    return "major" if is_severe and severity == "moderate" else severity


def concerns(rules: SafetyRules, allergen: str, drug: str) -> Rule | None:
    """Why an allergy to ``allergen``, a drug or class, speaks against ``drug``; or nothing."""
    key = (allergen, drug)
    known = rules.allergies
    if key in known:
        return known[key]
    found = _concerns(rules, allergen, drug)
    if len(known) < _KEPT:
        known[key] = found
    return found


def candidates(rules: SafetyRules, allergen: str) -> set[str]:
    """All drugs that an allergy to ``allergen`` may concern, and more."""
    own = rules.classes.get(allergen, frozenset()) | {allergen}
    groups = own.union(*(rules.cross_reacts.of(group) for group in own))
    found = {allergen}.union(*(rules.members.get(group, frozenset()) for group in groups))
    found.update(
        drug
        for drug, codes in rules.atc.items()
        if any(code.startswith(allergen) for code in codes)
    )
    for members in rules.families.values():
        if any(_is_of(rules, member, allergen) for member in members):
            found.update(members)
    return found


def _recorded(fact: Fact) -> str:
    """What the record says of the reaction, in brackets."""
    said = [f"recorded reaction: {fact.reaction}"] if fact.reaction else []
    said += [f"criticality: {fact.criticality}"] if fact.criticality else []
    return f" ({', '.join(said)})" if said else ""


def _concerns(rules: SafetyRules, allergen: str, drug: str) -> Rule | None:
    name, classes = rules.name(allergen), rules.classes.get(drug, frozenset())
    if allergen == drug:
        return Rule("contraindicated", "the patient is allergic to this drug", "patient record")
    if allergen in classes or any(code.startswith(allergen) for code in rules.atc.get(drug, ())):
        text = f"the patient is allergic to {name}, and this drug is one"
        return Rule("contraindicated", text, "patient record")
    own = rules.classes.get(allergen, frozenset()) | {allergen}
    found: list[Rule] = []
    for group in sorted(c for c in own & classes if _is_chemical(rules, c)):
        is_same = group.startswith(ANTIBACTERIALS) and len(group) == LEVEL_4
        text = f"the patient is allergic to {name}, also of the {rules.name(group)}"
        found.append(Rule("contraindicated" if is_same else "major", text, "patient record"))
    for family, members in sorted(rules.families.items()):
        if drug in members and any(_is_of(rules, member, allergen) for member in members):
            text = f"the patient is allergic to {name}, which cross-reacts with other {family}"
            found.append(Rule(members[drug].severity, text, members[drug].source))
    for mine in sorted(own):
        for group, said in sorted(rules.cross_reacts.of(mine).items()):
            rule = decide(said)
            if group in classes and rule is not None:
                text = f"allergy to {name} may cross-react with {rules.name(group)}: {rule.text}"
                found.append(Rule(rule.severity, text, rule.source))
    return min(found, key=lambda rule: SEVERITIES.index(rule.severity), default=None)


def _is_of(rules: SafetyRules, drug: str, allergen: str) -> bool:
    return drug == allergen or allergen in rules.classes.get(drug, ())


def _is_chemical(rules: SafetyRules, group: str) -> bool:
    """Whether members of a class are alike enough to share a reaction.

    So are those of an ATC level 4, but for a few, and of the wider groups that the table of
    cross-reactivity names.
    """
    is_level_4 = group.startswith("ATC:") and len(group) == LEVEL_4
    return group not in _UNLIKE and (is_level_4 or group in rules.cross_reacting)
