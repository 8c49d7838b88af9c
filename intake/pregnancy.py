"""Whether a patient is pregnant, where the record says it and it can be true.

What contradicts itself, or a pregnancy that cannot be dated, is "unknown" and listed as unmapped,
so that no check for pregnancy can then be clear.
"""

from collections.abc import Iterable
from datetime import date

from intake.codes import SNOMED
from intake.observations import A_DAY, dated
from intake.resource import Resource, codings, period, status, text_of
from kg.identifiers import from_system
from kg.names import key
from recommend.profile import Pregnancy, Sex, Unmapped

STATUS = "82810-3"  # LOINC: pregnancy status
PREGNANT, NOT_PREGNANT = "77386006", "60001007"  # SNOMED CT
# SNOMED CT: normal, pregnant, high-risk, unplanned or complicated; no outcomes, no complications.
PREGNANCIES = frozenset(["72892002", PREGNANT, "47200007", "237238006"])
_ICD = ("ICD10CM:", "ICD10:")
_ICD_PREGNANCIES = ("Z33.1", "Z34", "O09")  # with what is below them
_WORDS = frozenset(["pregnant", "pregnancy", "pregnant finding", "pregnancy finding"])

# Chosen here: a pregnancy is over after 44 weeks; a negative test says nothing after one cycle.
PREGNANCY_DAYS = 44 * 7
NOT_PREGNANT_DAYS = 28
FERTILE_AGES = (10, 55)  # years, both included


def find_pregnancy(
    observations: Iterable[Resource],
    conditions: Iterable[Resource],
    *,
    today: date,
    sex: Sex,
    age_years: float | None,
) -> tuple[Pregnancy, tuple[Unmapped, ...]]:
    """Whether the patient is pregnant, and what speaks against being sure of it.

    Said by the newest pregnancy-status observation (pregnant: 44 weeks old at most; not pregnant:
    28 days) or by an active pregnancy with an onset in the last 44 weeks. Both answers at once, a
    pregnancy of a patient who is not recorded as female and 10 to 55 years old, and an active
    pregnancy that cannot be dated are "unknown" with one unmapped entry that says why. A man of
    whom nothing is said is "not pregnant".
    """
    said = _observed(observations, today)
    is_undated = False
    for condition in conditions:
        holds = _is_ongoing(condition, today) if _is_pregnancy(condition) else False
        if holds:
            said.add("pregnant")
        is_undated = is_undated or holds is None
    if "pregnant" in said or is_undated:
        doubt = _doubt(said, sex, age_years)
        if not doubt and said:
            return "pregnant", ()
        return "unknown", (
            Unmapped("pregnancy", "", doubt or "an active pregnancy without a usable date"),
        )
    if said == {"not pregnant"}:
        return "not pregnant", ()
    return "not pregnant" if sex == "male" else "unknown", ()


def _doubt(said: set[Pregnancy], sex: Sex, age_years: float | None) -> str:
    """Why it cannot be true that the patient is pregnant, or ""."""
    low, high = FERTILE_AGES
    why = ""
    if "not pregnant" in said:
        why = "also not pregnant"
    elif sex != "female":
        why = f"the sex is {sex}"
    elif age_years is None:
        why = "the age is unknown"
    elif not low <= age_years < high + 1:
        why = f"the age is not {low} to {high}"
    return f"the record says pregnant, but {why}" if why else ""


def _observed(observations: Iterable[Resource], today: date) -> set[Pregnancy]:
    """What the newest status observations say that can still hold; two answers contradict."""
    newest: date | None = None
    said: set[Pregnancy] = set()
    for resource, day in dated(observations, frozenset([STATUS]), today):
        value = codings(resource.get("valueCodeableConcept"))
        codes = {coding.code for coding in value if coding.system == SNOMED}
        answers: set[Pregnancy] = set()
        if PREGNANT in codes:
            answers.add("pregnant")
        if NOT_PREGNANT in codes:
            answers.add("not pregnant")
        if newest is None or day > newest:
            newest, said = day, answers
        elif day == newest:
            said = said | answers
    if newest is None:
        return set()
    age = (today - newest).days
    return {
        answer
        for answer in said
        if age <= (PREGNANCY_DAYS if answer == "pregnant" else NOT_PREGNANT_DAYS)
    }


def _is_pregnancy(condition: Resource) -> bool:
    """Whether a code, a display or the text says that the patient is pregnant."""
    concept = condition.get("code")
    for coding in codings(concept):
        curie = from_system(coding.system, coding.code) or ""
        if coding.system == SNOMED and coding.code in PREGNANCIES:
            return True
        if curie.startswith(_ICD) and curie.partition(":")[2].startswith(_ICD_PREGNANCIES):
            return True
        if key(coding.display) in _WORDS:
            return True
    return key(text_of(concept)) in _WORDS


def _is_ongoing(condition: Resource, today: date) -> bool | None:
    """Whether a recorded pregnancy can still go on; None if that cannot be told by its dates."""
    clinical = status(condition, "clinicalStatus")
    is_abated = any(field.startswith("abatement") for field in condition)
    if clinical not in ("active", "recurrence", "relapse") and (clinical or is_abated):
        return False
    if status(condition, "verificationStatus") in ("refuted", "entered-in-error"):
        return False
    onset, _ = period(condition, "onset")
    if onset is None or onset.first > today + A_DAY:
        return None
    if (today - onset.first).days <= PREGNANCY_DAYS:
        return True
    return None if (today - onset.last).days <= PREGNANCY_DAYS else False
