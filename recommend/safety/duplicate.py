"""Does the patient take the drug, or one of the same kind, already?"""

from recommend.profile import LOCAL_ROUTES, Fact, Knowledge, Route
from recommend.safety.rules import SafetyRules, worst
from recommend.safety.state import PatientState, doubt, place
from recommend.suggestion import Outcome, Severity, Verdict

CHECK = "duplicate"


def check(rules: SafetyRules, patient: PatientState, drug: str) -> list[Verdict]:
    """A hit for the same ingredient, or the same ATC level 4 unless the pair is meant to combine.

    The same ingredient counts as contraindicated (there is nothing to start); the same class as
    major: a second one is seldom meant. Both are moderate where the order is old and never ended,
    and so is an ingredient of which one use is local and the other is not the same: it adds to what
    is taken, and may be meant. A class says nothing of local use. Drugs whose ATC group is not
    known cannot be compared.
    """
    own, is_placed = rules.level_4.get(drug, frozenset()), rules.is_placed(drug)
    verdicts = []
    gaps = patient.unmapped("drug")
    notes = []
    for partner, name, fact, is_certain, _ in patient.taken:
        if partner == drug:
            verdicts.append(_same_ingredient(patient, drug))
        else:
            shared = sorted(own & rules.level_4[partner]) if partner in rules.level_4 else []
            if shared and frozenset((drug, partner)) not in rules.combinations:
                severity = of_class(fact, patient.route)
                kind = f"of the {rules.name(shared[0])}"
                if severity is not None:
                    text = f"{name} is also {kind}{doubt(fact, 'drug')}"
                    verdicts.append(Verdict(CHECK, Outcome.HIT, text, partner, severity, "ATC"))
                else:
                    used = place(fact.route if fact.is_local else patient.route)
                    notes.append(f"{name} is also {kind}, but one of the two is used {used}")
            elif not (is_placed and rules.is_placed(partner)):
                gaps.append(name)
                continue
        if not is_certain:
            gaps.append(name)
    if patient.profile.drugs_known is Knowledge.UNKNOWN:
        gaps.append("drugs that the record does not list")
    if gaps:
        notes.insert(0, f"cannot be compared with {', '.join(sorted(gaps))}")
    if notes:
        verdicts.append(Verdict(CHECK, Outcome.NOT_COVERED, "; ".join(notes)))
    elif not verdicts:
        text = "no current drug has this ingredient or is of its class"
        verdicts.append(Verdict(CHECK, Outcome.CLEAR, text, source="ATC"))
    return verdicts


def of_ingredient(fact: Fact, route: Route) -> Severity:
    """How grave it is to add by ``route`` what is taken as in ``fact``."""
    is_one_local = fact.is_local or route in LOCAL_ROUTES
    is_other_use = is_one_local and fact.route != route
    return "moderate" if is_other_use or is_unsure(fact) else "contraindicated"


def of_class(fact: Fact, route: Route) -> Severity | None:
    """How grave it is to add by ``route`` a drug of the class of ``fact``'s; None: nobody says."""
    is_one_local = fact.is_local or route in LOCAL_ROUTES
    if is_one_local and fact.route != route:
        return None
    return "moderate" if is_unsure(fact) else "major"


def is_unsure(fact: Fact) -> bool:
    """Whether an order is so old that it may long have ended, and nobody has confirmed it."""
    return fact.is_stale and not fact.confirmed


def _same_ingredient(patient: PatientState, drug: str) -> Verdict:
    """The worst of the uses that the patient makes of the drug."""
    uses = [fact for fact in patient.profile.drugs if fact.node == drug]
    grades = [of_ingredient(fact, patient.route) for fact in uses]
    severity = worst(grades)
    fact = min(
        (fact for fact, grade in zip(uses, grades, strict=True) if grade == severity),
        key=lambda fact: (not fact.is_certain, fact.route, fact.grade, str(fact.start)),
    )
    used = f" {place(fact.route)}" if fact.is_local else ""
    text = f"the patient takes it already{used}{doubt(fact, 'drug')}"
    return Verdict(CHECK, Outcome.HIT, text, drug, severity, "patient record")
