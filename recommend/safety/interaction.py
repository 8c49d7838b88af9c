"""Does the drug interact with one that the patient takes, or with two of them together?"""

from recommend.profile import Knowledge, Route
from recommend.safety.pairs import decide
from recommend.safety.rules import SafetyRules
from recommend.safety.state import PatientState, Taken, doubt, place
from recommend.safety.tables import Rule
from recommend.suggestion import Outcome, Severity, Verdict

CHECK = "interaction"

_KEPT = 100_000  # pairs of which is remembered whether a sibling interacts


def check(rules: SafetyRules, patient: PatientState, drug: str) -> list[Verdict]:
    """A hit for every partner with a row and every three of a table; not covered, or clear, else.

    A pair is clear only where one source that declares its universe has both drugs, and lists all
    of at least one, and where no drug of either's class has a severe row with the other; the check
    only where all pairs are. A moderate interaction is no part of that
    promise: such sources list contraindicated and major ones. Where one of the two is used only
    where it acts, a rule about systemic use does not fire, and nothing is clear.
    """
    verdicts: list[Verdict] = []
    clear: list[str] = []
    sources: set[str] = set()
    notes: list[str] = []
    open_pairs = patient.unmapped("drug")
    for other in patient.taken:
        partner, name, _, is_certain, _ = other
        said = rules.interacts.of(partner).get(drug)
        if partner == drug:
            open_pairs += [] if is_certain else [name]
        elif not said:
            by = covering(rules, drug, partner) if is_certain else ()
            alike = _sibling_once(rules, drug, partner) if by else ""
            if alike:
                notes.append(f"no row with {name}, but {alike}: drugs of one class often share it")
                continue
            sources.update(by)
            (clear if by else open_pairs).append(name)
        else:
            found = _of_pair(rules, patient, drug, other, said)
            if isinstance(found, str):
                notes.append(found)
            else:
                verdicts.append(found)
            open_pairs += [] if is_certain else [name]
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
    mine, its = table.get(drug), table.get(partner)
    if not mine or not its:
        return []
    return [
        rules.universes["interacts", source]
        for source in mine
        if source in its and (mine[source] or its[source])
    ]


def _sibling_once(rules: SafetyRules, drug: str, partner: str) -> str:
    """As :func:`_sibling`, found once for a pair."""
    known, key = rules.siblings, (drug, partner)
    if key in known:
        return known[key]
    found = _sibling(rules, drug, partner)
    if len(known) < _KEPT:
        known[key] = found
    return found


def _sibling(rules: SafetyRules, drug: str, partner: str) -> str:
    """A drug of the class of either that does interact with the other one; or nothing.

    A source may have missed the pair: among the pairs that a list of 160,000 lacks though others
    call them severe, most are such.
    """
    for one, other in ((drug, partner), (partner, drug)):
        rows = rules.interacts.of(other)
        for group in sorted(rules.level_4.get(one, ())):
            for like in sorted(rules.members.get(group, ())):
                rule = decide(rows.get(like, ())) if like not in (one, other) else None
                if rule is not None and rule.severity in ("contraindicated", "major"):
                    return f"{worded(rule.severity)} of {rules.name(other)} with {rules.name(like)}"
    return ""


def _of_pair(
    rules: SafetyRules, patient: PatientState, drug: str, other: Taken, said: tuple[Rule, ...]
) -> Verdict | str:
    """The hit of a pair with rows; or, in words, why it is none: the rows are on systemic use."""
    local: dict[str, Route] = {other.node: other.fact.route} if other.is_local else {}
    if patient.is_local:
        local[drug] = patient.route
    rule = decide(rule for rule in said if rule.holds(local))
    if rule is not None:
        text = f"{worded(rule.severity)} with {other.name}: {rule.text}{doubt(other.fact, 'drug')}"
        return Verdict(CHECK, Outcome.HIT, text, other.node, rule.severity, rule.source)
    used = [
        f"{rules.name(node)} is used {place(route)}"
        for node, route in sorted(local.items())
        if not any(rule.holds([node]) for rule in said)
    ]
    who = " and ".join(used) or "both are used locally"
    rows = "; ".join(f"{worded(rule.severity)} ({rule.text})" for rule in said)
    return f"{who}; the rule is about systemic use: {rows}"


def _of_three(rules: SafetyRules, patient: PatientState, drug: str) -> list[Verdict]:
    """A hit for every two systemic drugs of the patient that make up a table's three with it."""
    if patient.is_local:
        return []
    verdicts = []
    for triple in rules.triples_of.get(drug, ()):
        others = [taken.node for taken in patient.taken if not taken.is_local]
        for pair in triple.completed_by(drug, others):
            names = " and ".join(map(rules.name, pair))
            doubts = "".join(dict.fromkeys(doubt(patient.drugs[other], "drug") for other in pair))
            rule = triple.rule
            text = f"{worded(rule.severity)} with {names} together: {rule.text}{doubts}"
            verdicts.append(Verdict(CHECK, Outcome.HIT, text, pair[0], rule.severity, rule.source))
    return verdicts
