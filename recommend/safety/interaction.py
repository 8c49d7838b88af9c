"""Does the drug interact with one that the patient takes, or with two of them together?"""

from recommend.profile import Knowledge, Route
from recommend.safety.pairs import decide
from recommend.safety.rules import SafetyRules
from recommend.safety.state import PatientState, doubt, place
from recommend.safety.tables import Rule
from recommend.suggestion import Outcome, Severity, Verdict

CHECK = "interaction"


def check(rules: SafetyRules, patient: PatientState, drug: str) -> list[Verdict]:
    """A hit for every partner with a row and every three of a table; not covered, or clear, else.

    A pair is clear only where one source that declares its universe has both drugs, and lists all
    of at least one; the check only where all pairs are. A moderate interaction is no part of that
    promise: such sources list contraindicated and major ones. Where one of the two is used only
    where it acts, a rule about systemic use does not fire, and nothing is clear.
    """
    verdicts: list[Verdict] = []
    clear: list[str] = []
    sources: set[str] = set()
    notes: list[str] = []
    open_pairs = patient.unmapped("drug")
    for partner, fact in patient.drugs.items():
        name = rules.name(partner)
        is_open = not fact.is_certain
        said = rules.interacts.of(partner).get(drug, ()) if partner != drug else ()
        local: dict[str, Route] = {}
        if said and fact.is_local:
            local[partner] = fact.route
        if said and patient.is_local:
            local[drug] = patient.route
        rule = decide(rule for rule in said if rule.holds(local)) if said else None
        if rule is not None:
            text = f"{worded(rule.severity)} with {name}: {rule.text}{doubt(fact, 'drug')}"
            verdicts.append(Verdict(CHECK, Outcome.HIT, text, partner, rule.severity, rule.source))
        elif said:
            notes.append(_of_systemic_use(rules, said, local))
        elif partner != drug:
            by = [] if is_open else covering(rules, drug, partner)
            sources.update(by)
            clear += [name] if by else []
            is_open = not by
        open_pairs += [name] if is_open else []
    verdicts += _of_three(rules, patient, drug)
    if patient.profile.drugs_known is Knowledge.UNKNOWN:
        open_pairs.append("drugs that the record does not list")
    if open_pairs:
        notes.insert(0, f"no source covers it together with {', '.join(sorted(open_pairs))}")
    if notes:
        verdicts.append(Verdict(CHECK, Outcome.NOT_COVERED, "; ".join(notes)))
    elif not verdicts:
        text, source = "the patient takes no other drug", "patient record"
        if clear:
            text = f"no contraindicated or major interaction with {', '.join(sorted(clear))}"
            source = "; ".join(sorted(sources))
        verdicts.append(Verdict(CHECK, Outcome.CLEAR, text, source=source))
    return verdicts


def worded(severity: Severity) -> str:
    """A severity as a sentence begins with it."""
    return "of unknown severity" if severity == "unknown" else severity


def covering(rules: SafetyRules, drug: str, partner: str) -> list[str]:
    """The universes of the sources, each of which covers the pair by itself."""
    table = rules.coverage.get("interacts", {})
    mine, its = table.get(drug, {}), table.get(partner, {})
    return [
        rules.universes["interacts", source]
        for source in mine
        if source in its and (mine[source] or its[source])
    ]


def _of_systemic_use(rules: SafetyRules, said: tuple[Rule, ...], local: dict[str, Route]) -> str:
    used = [
        f"{rules.name(drug)} is used {place(route)}"
        for drug, route in sorted(local.items())
        if not any(rule.holds([drug]) for rule in said)
    ]
    rows = "; ".join(f"{worded(rule.severity)} ({rule.text})" for rule in said)
    return (
        f"{' and '.join(used or ['both are used locally'])}; the rule is about systemic use: {rows}"
    )


def _of_three(rules: SafetyRules, patient: PatientState, drug: str) -> list[Verdict]:
    """A hit for every two systemic drugs of the patient that make up a table's three with it."""
    if patient.is_local:
        return []
    verdicts = []
    for triple in rules.triples_of.get(drug, ()):
        others = [partner for partner, fact in patient.drugs.items() if not fact.is_local]
        for pair in triple.completed_by(drug, others):
            names = " and ".join(map(rules.name, pair))
            doubts = "".join(dict.fromkeys(doubt(patient.drugs[other], "drug") for other in pair))
            rule = triple.rule
            text = f"{worded(rule.severity)} with {names} together: {rule.text}{doubts}"
            verdicts.append(Verdict(CHECK, Outcome.HIT, text, pair[0], rule.severity, rule.source))
    return verdicts
