"""What is not known of a patient, or could not be assessed: an answer states it beside the rest."""

from collections.abc import Mapping

from kg.climb import is_malignant
from recommend.profile import Fact, Knowledge
from recommend.safety import PatientState


def missing(state: PatientState, absent: Mapping[str, str]) -> tuple[str, ...]:
    """One sentence for each gap; ``absent`` are the parts that the bundle lacks, and why."""
    profile = state.profile
    gaps = sorted(
        f"{item.kind} {item.text!r}: not assessed ({item.reason})"
        if item.text
        else f"{item.kind}: not assessed ({item.reason})"
        for item in profile.unmapped
    )
    for kind, facts in (
        ("condition", state.recorded),
        ("drug", state.drugs),
        ("allergy", state.allergies),
    ):
        for fact in facts.values():
            name = state.rules.name(fact.node)
            if fact.grade == "near":
                gaps.append(f"{kind} {fact.basis}: looks like {name}; confirm it to use it")
            elif fact.grade == "broader":
                is_far = kind == "condition" and not may_seed(fact, name)
                further = "; nothing is suggested for it" if is_far else ""
                gaps.append(f"{kind} {fact.basis}: assessed as the broader {name}{further}")
            if kind == "condition" and fact.ended:
                gaps.append(
                    f"condition {name}: recorded as {fact.ended}; nothing is suggested for it,"
                    " and it still counts in the checks"
                )
    gaps += [
        f"whether the list of {name} is complete is unknown"
        for name in ("conditions", "drugs", "allergies")
        if getattr(profile, f"{name}_known") is Knowledge.UNKNOWN
    ]
    if profile.age_years is None:
        gaps.append("the age is unknown")
    elif profile.age_years < 18:
        gaps.append("the patient is a child; the loaded sources were written for adults")
    if profile.pregnancy == "unknown" and state.may_be_pregnant:
        gaps.append("whether the patient is pregnant is unknown")
    if profile.egfr is None:
        gaps.append("no eGFR of the last 12 months: kidney limits cannot be checked")
    gaps.append(
        "not checked for any patient: doses, liver function, breastfeeding, most age limits"
    )
    gaps += [f"the bundle has no {part}: {why}" for part, why in absent.items()]
    return tuple(gaps)


def may_seed(condition: Fact, name: str) -> bool:
    """Whether it is sure enough that the treatments of a condition's node are its own.

    What is two steps or more below a disease, or counted below a cancer, is treated otherwise; a
    source's own word that a code is one of a broader disease, with no steps counted, is enough.

    Args:
        condition: a condition of the patient.
        name: of its node.
    """
    if condition.grade == "broader":
        return condition.distance <= (0 if is_malignant(name) else 1)
    return condition.grade != "near"
