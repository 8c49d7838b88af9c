"""What is not known of a patient, or could not be assessed: an answer states it beside the rest."""

from collections.abc import Iterable, Mapping

from kg.climb import is_malignant
from recommend.profile import GRADES, Fact, Knowledge, PatientProfile, Unmapped
from recommend.safety import PatientState

_LISTED = ("condition", "drug", "allergy")
_OWN_NODE = ("exact", "xref")


def not_assessed(profile: PatientProfile) -> tuple[str, ...]:
    """One sentence for each condition, drug and allergy without a node."""
    return tuple(sorted({_unmapped(u) for u in profile.unmapped if u.kind in _LISTED}))


_UNSURE = ("unconfirmed", "provisional", "differential")


def missing(state: PatientState, absent: Mapping[str, str]) -> tuple[str, ...]:
    """One sentence for each other gap; ``absent`` are the parts that the bundle lacks, and why."""
    profile = state.profile
    gaps = sorted({_unmapped(u) for u in profile.unmapped if u.kind not in _LISTED})
    for kind, facts in zip(_LISTED, (state.recorded, state.drugs, state.allergies), strict=True):
        for fact in facts.values():
            gaps += _doubts(kind, fact, state.rules.name(fact.node))
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
    if profile.lactation == "unknown" and state.is_of_childbearing_age:
        gaps.append("whether the patient is breastfeeding is unknown")
    gaps += _organs(profile)
    gaps.append("not checked for any patient: doses, and age limits that no source states")
    gaps += [f"the bundle has no {part} part: {why}" for part, why in absent.items()]
    return tuple(gaps)


def seeds(conditions: Iterable[Fact], names: Mapping[str, str]) -> dict[str, Fact]:
    """The conditions that suggestions are made for: node -> its surest fact, by node.

    Args:
        conditions: of the patient.
        names: of their nodes.
    """
    found: dict[str, Fact] = {}
    for fact in conditions:
        if (fact.status or fact.verification) and fact.ended:
            continue
        is_plain = fact.grade in _OWN_NODE and not fact.is_stale  # most are: asked first, for speed
        if is_plain or may_seed(fact, names.get(fact.node, "")):
            other = found.get(fact.node)
            if other is None or _surest_first(fact) < _surest_first(other):
                found[fact.node] = fact
    return dict(sorted(found.items()))


def _surest_first(fact: Fact) -> tuple[bool, int, int, str, str]:
    grade = GRADES.index(fact.grade)
    return not fact.confirmed, grade, fact.distance, fact.basis, str(fact.start)


def may_seed(condition: Fact, name: str) -> bool:
    """Whether it is sure enough that the treatments of a condition's node are its own, and needed.

    Not where it is a near match, too far below its node (:func:`is_close`) or too old to be
    believed, unless a person has confirmed it. A source's own word that a code is one of a broader
    disease, with no steps counted, is enough.

    Args:
        condition: a condition of the patient.
        name: of its node.
    """
    if condition.confirmed:
        return True
    if condition.is_stale or condition.grade == "near":
        return False
    return condition.grade != "broader" or is_close(condition.distance, name)


def is_close(distance: int, name: str) -> bool:
    """Whether a disease may borrow the treatments of one that lies ``distance`` steps above it.

    What is two steps or more below a disease, or counted below a cancer, is treated otherwise.

    Args:
        distance: is-a steps; 0 where nobody counted any.
        name: of the broader disease.
    """
    return distance <= (0 if is_malignant(name) else 1)


def _unmapped(item: Unmapped) -> str:
    what = f"{item.kind} {item.text!r}" if item.text else item.kind
    if item.kind in _LISTED:
        return f"{what}: not in the graph: not assessed ({item.reason})"
    return f"{what}: not assessed ({item.reason})"


def _doubts(kind: str, fact: Fact, name: str) -> list[str]:
    """What is unsure of one fact."""
    found = []
    is_condition, said = kind == "condition", fact.basis or fact.node
    if fact.grade == "near" and not fact.confirmed:
        found.append(f"{kind} {said}: looks like {name}; confirm it to use it")
    elif fact.grade == "broader":
        is_far = is_condition and not fact.is_stale and not may_seed(fact, name)
        further = "; nothing is suggested for it" if is_far else ""
        found.append(f"{kind} {said}: assessed as the broader {name}{further}")
    if fact.is_stale and not fact.confirmed:
        since = f" of {fact.start.year}" if fact.start else ""
        further = " nothing is suggested for it, and" if is_condition else ""
        found.append(
            f"{kind} {name}: the record{since} is too old to be believed;{further} it still counts"
            " in the checks; confirm that it holds"
        )
    if is_condition and fact.verification in _UNSURE and not fact.confirmed:
        found.append(f"condition {name}: recorded as {fact.verification}, not as confirmed")
    if is_condition and fact.ended:
        found.append(
            f"condition {name}: recorded as {fact.ended}; nothing is suggested for it,"
            " and where it speaks against a drug, the checks say so"
        )
    return found


def _organs(profile: PatientProfile) -> list[str]:
    """What is not known of kidneys and liver."""
    gaps = []
    if profile.kidney_doubt:
        gaps.append(f"kidney limits cannot be checked: {profile.kidney_doubt}")
    elif profile.egfr is None and profile.creatinine is None:
        gaps.append("no eGFR or creatinine of the last 12 months: kidney limits are not checked")
    elif profile.egfr is None:
        gaps.append("no eGFR of the last 12 months: limits in eGFR cannot be checked")
    if profile.child_pugh is None:
        gaps.append("no class of liver function (Child-Pugh): liver limits cannot be checked")
    return gaps
