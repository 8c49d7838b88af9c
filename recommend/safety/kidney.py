"""Are the patient's kidneys too weak for the drug?"""

from recommend.kidneys import cockcroft_gault, contradiction
from recommend.profile import PatientProfile
from recommend.safety.rules import SEVERITIES, SafetyRules
from recommend.safety.state import PatientState
from recommend.safety.tables import KidneyLimit
from recommend.suggestion import Outcome, Verdict

CHECK = "kidney"

# Chronic kidney disease and its end stage: no figure above a limit is believed beside them.
_FAILING = frozenset(["DOID:784", "DOID:783"])

_NO_RULE = Verdict(CHECK, Outcome.NOT_COVERED, "no kidney rule for this drug")

_UNITS = {"eGFR": "mL/min/1.73 m²", "CrCl": "mL/min (Cockcroft-Gault)"}
_MISSING = {
    "eGFR": "there is no recent eGFR",
    "CrCl": (
        "it is by Cockcroft-Gault, which takes a recent creatinine, the weight, the sex and an age "
        "of 18 or more; not all of them are recorded"
    ),
}


def check(rules: SafetyRules, patient: PatientState, drug: str) -> list[Verdict]:
    """Compare each limit with the figure that it names; of several fallen under the worst counts.

    An eGFR below a limit of creatinine clearance is a hit that says so; one above it clears
    nothing. A drug without a row is not covered; nothing is where the record's figures cannot be
    relied on, or the figure that a limit names is not known.
    """
    limits = rules.kidney.get(drug)
    if not limits:
        return [_NO_RULE]
    profile = patient.profile
    doubt = doubted(profile)
    if doubt:
        text = f"{doubt}; the drug has {_named(limits)}"
        return [Verdict(CHECK, Outcome.NOT_COVERED, text, source=limits[0].rule.source)]
    known = figures(profile)
    verdicts = []
    fallen = [limit for limit in limits if is_below(limit, known)]
    if fallen:
        verdicts.append(_hit(fallen, known))
    unknown = [limit for limit in limits if limit.measure not in known and limit not in fallen]
    if unknown:
        why = "; ".join(_MISSING[m] for m in dict.fromkeys(limit.measure for limit in unknown))
        text = f"the drug has {_named(unknown)}: {why}"
        source = unknown[0].rule.source
        verdicts.append(Verdict(CHECK, Outcome.NOT_COVERED, text, source=source))
    elif not fallen and _FAILING & patient.diseases:
        names = ", ".join(rules.name(node) for node in sorted(_FAILING & patient.diseases))
        text = f"{names} is recorded, and figures above {_named(limits)}: confirm them"
        source = limits[-1].rule.source
        verdicts.append(Verdict(CHECK, Outcome.NOT_COVERED, text, source=source))
    elif not fallen:
        last = limits[-1]
        shown = ", ".join(f"{measure} {known[measure]:.3g}" for measure in sorted(known))
        text = f"{shown}: not below {_named(limits)}"
        verdicts.append(Verdict(CHECK, Outcome.CLEAR, text, source=last.rule.source))
    return verdicts


def doubted(profile: PatientProfile) -> str:
    """Why the figures of the kidneys cannot be relied on; empty where they can."""
    age, egfr, creatinine = profile.age_years, profile.egfr, profile.creatinine
    if profile.kidney_doubt or age is None or egfr is None or creatinine is None:
        return profile.kidney_doubt
    return contradiction(egfr, creatinine, age, profile.sex)


def figures(profile: PatientProfile) -> dict[str, float]:
    """Measure -> its value, of those that the profile gives and that can be relied on."""
    result: dict[str, float] = {}
    if doubted(profile):
        return result
    if profile.egfr is not None:
        result["eGFR"] = profile.egfr
    age, weight, creatinine = profile.age_years, profile.weight_kg, profile.creatinine
    if age is not None and weight is not None and creatinine is not None:
        clearance = cockcroft_gault(creatinine, age, weight, profile.sex)
        if clearance is not None:
            result["CrCl"] = clearance
    return result


def is_below(limit: KidneyLimit, known: dict[str, float]) -> bool:
    """Whether the kidneys fall under a limit; by eGFR where only that is known."""
    figure = known.get(limit.measure, known.get("eGFR") if limit.measure == "CrCl" else None)
    return figure is not None and figure < limit.below


def _hit(fallen: list[KidneyLimit], known: dict[str, float]) -> Verdict:
    limit = min(fallen, key=lambda row: SEVERITIES.index(row.rule.severity))
    rule = limit.rule
    if limit.measure in known:
        now = f"{known[limit.measure]:.3g}"
    else:
        now = f"eGFR {known['eGFR']:.3g}, which is not the measure of the rule: confirm"
    text = f"{rule.severity} below {_limit(limit)} (now {now}): {rule.text}"
    return Verdict(CHECK, Outcome.HIT, text, None, rule.severity, rule.source)


def _limit(limit: KidneyLimit) -> str:
    return f"{limit.measure} {limit.below:g} {_UNITS.get(limit.measure, '')}".strip()


def _named(limits: tuple[KidneyLimit, ...] | list[KidneyLimit]) -> str:
    plural = "s" if len(limits) > 1 else ""
    return f"the limit{plural} " + " and ".join(_limit(limit) for limit in limits)
