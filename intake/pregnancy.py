"""Whether a patient is pregnant, where the record says it and it can be true.

What contradicts itself, or a pregnancy that cannot be dated, is "unknown" and listed as unmapped,
so that no check for pregnancy can then be clear.
"""

import re
from collections.abc import Iterable
from datetime import date

from intake.codes import SNOMED
from intake.observations import A_DAY, LOINC, dated
from intake.resource import Resource, codings, period, span, status, text_of
from kg.identifiers import from_system
from kg.names import key
from recommend.profile import Pregnancy, Sex, Unmapped

STATUS = "82810-3"  # LOINC: pregnancy status
PREGNANT, NOT_PREGNANT = "77386006", "60001007"  # SNOMED CT
_SAY_YES = frozenset([(SNOMED, PREGNANT), (LOINC, "LA15173-0")])
_SAY_NO = frozenset([(SNOMED, NOT_PREGNANT), (LOINC, "LA26683-5")])
# SNOMED CT: normal, pregnant, high-risk, unplanned or complicated; no outcomes, no complications.
PREGNANCIES = frozenset(["72892002", PREGNANT, "47200007", "237238006"])
_ICD = ("ICD10CM:", "ICD10:")
_ICD_PREGNANCIES = ("Z33.1", "Z34", "O09")  # with what is below them
_WHEN = r"(?:(?:in )?(?:the )?(?:first|second|third|1st|2nd|3rd) trimester|(?:at )?\d+ weeks?)"
_WORDS = re.compile(
    rf"(?:currently )?pregnan(?:t|cy)(?: finding| {_WHEN}(?: gestation)?)?"
    rf"|{_WHEN} (?:of )?pregnan(?:t|cy)|intrauterine pregnancy"
)
_LACTATION_WORDS = frozenset(
    ["breastfeeding", "breast feeding", "breastfeeding mother", "breast feeding mother",
     "breastfeeding finding", "breastfeeding mother finding", "lactating", "lactation",
     "lactating mother", "nursing mother"]
)  # fmt: skip

# Chosen here: a pregnancy is over after 44 weeks; a negative test says nothing after one cycle.
PREGNANCY_DAYS = 44 * 7
NOT_PREGNANT_DAYS = 28
FERTILE_AGES = (10, 55)  # years, both included
NEVER_PREGNANT = (10, 60)  # younger, or as old and older: without a word about it

# How a pregnancy ends: ectopic, tubal, miscarriage (of the first trimester), stillbirth; in ICD-10
# also delivery and what follows it.
_ENDS = frozenset(["34801009", "79586000", "17369002", "19169002", "237364002"])
_ICD_ENDS = ("O00", "O01", "O02", "O03", "O04", "O07", "O08", "O80", "O82", "Z33.2", "Z37", "Z39")
# The same in the names of problems; what only threatens has not ended it.
_END = re.compile(
    r"\b(?:miscarriage|abortion|stillbirth|fetal death|ectopic pregnancy|tubal pregnancy|"
    r"molar pregnancy|hydatidiform mole|blighted ovum|termination of pregnancy|"
    r"normal delivery|delivered|postpartum|puerperium)\b",
    re.IGNORECASE,
)
_NO_END = re.compile(
    r"\b(?:threatened|history|recurrent|habitual|previous|past|fear|risk)\b", re.IGNORECASE
)


def says_pregnant(text: str) -> bool:
    """Whether a problem's name says that the patient is pregnant."""
    return _WORDS.fullmatch(key(text)) is not None


def says_breastfeeding(text: str) -> bool:
    """Whether a problem's name says that the patient breastfeeds."""
    return key(text) in _LACTATION_WORDS


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
    pregnancy of a patient who is not recorded as female and 10 to 55 years old, one after which a
    miscarriage, an ectopic pregnancy or another end of a pregnancy is recorded, and an active
    pregnancy that cannot be dated are "unknown" with one unmapped entry that says why. Of whom
    nothing is said is "not pregnant" if a man, younger than 10 or 60 and older.
    """
    conditions = list(conditions)
    said, since = _observed(observations, today)
    is_undated = False
    for condition in conditions:
        holds = _is_ongoing(condition, today) if _is_pregnancy(condition) else False
        if holds:
            said.add("pregnant")
            onset, _ = period(condition, "onset")
            since = max(filter(None, (since, onset and onset.first)))
        is_undated = is_undated or holds is None
    if "pregnant" in said or is_undated:
        doubt = _doubt(said, sex, age_years) or _ending(conditions, since, today)
        if not doubt and said:
            return "pregnant", ()
        return "unknown", (
            Unmapped("pregnancy", "", doubt or "an active pregnancy without a usable date"),
        )
    if said == {"not pregnant"}:
        return "not pregnant", ()
    return "not pregnant" if is_implausible(sex, age_years) else "unknown", ()


def is_implausible(sex: Sex, age_years: float | None) -> bool:
    """Whether of this patient it goes without saying that there is no pregnancy."""
    low, high = NEVER_PREGNANT
    return sex == "male" or (age_years is not None and not low <= age_years < high)


def is_recorded(condition: Resource) -> bool:
    """Whether a Condition is recorded as held now."""
    clinical = status(condition, "clinicalStatus")
    is_abated = any(field.startswith("abatement") for field in condition)
    if clinical not in ("active", "recurrence", "relapse") and (clinical or is_abated):
        return False
    return status(condition, "verificationStatus") not in ("refuted", "entered-in-error")


def _ending(conditions: Iterable[Resource], since: date | None, today: date) -> str:
    """What says that a pregnancy of ``since`` is over, or ""."""
    for condition in conditions:
        if status(condition, "verificationStatus") in ("refuted", "entered-in-error"):
            continue
        if not _is_end(condition.get("code")):
            continue
        onset, _ = period(condition, "onset")
        day = onset or span(condition.get("recordedDate"))
        if day is not None and (since or date.min) <= day.last and day.first <= today + A_DAY:
            return "the record says pregnant, but also how a pregnancy ended since"
    return ""


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


def _is_end(concept: object) -> bool:
    for coding in codings(concept):
        curie = from_system(coding.system, coding.code) or ""
        if coding.system == SNOMED and coding.code in _ENDS:
            return True
        if curie.startswith(_ICD) and curie.partition(":")[2].startswith(_ICD_ENDS):
            return True
    names = [coding.display for coding in codings(concept)] + [text_of(concept)]
    return any(_END.search(name) and not _NO_END.search(name) for name in names)


def _observed(observations: Iterable[Resource], today: date) -> tuple[set[Pregnancy], date | None]:
    """What the newest status observations say that can still hold, and when they said it.

    Two answers of one day contradict each other.
    """
    newest: date | None = None
    said: set[Pregnancy] = set()
    for resource, day in dated(observations, frozenset([STATUS]), today):
        value = codings(resource.get("valueCodeableConcept"))
        codes = {(coding.system, coding.code) for coding in value}
        answers: set[Pregnancy] = set()
        if codes & _SAY_YES:
            answers.add("pregnant")
        if codes & _SAY_NO:
            answers.add("not pregnant")
        if newest is None or day > newest:
            newest, said = day, answers
        elif day == newest:
            said = said | answers
    if newest is None:
        return set(), None
    age = (today - newest).days
    holding = {
        answer
        for answer in said
        if age <= (PREGNANCY_DAYS if answer == "pregnant" else NOT_PREGNANT_DAYS)
    }
    return holding, newest if "pregnant" in holding else None


def _is_pregnancy(condition: Resource) -> bool:
    """Whether a code, a display or the text says that the patient is pregnant."""
    concept = condition.get("code")
    for coding in codings(concept):
        curie = from_system(coding.system, coding.code) or ""
        if coding.system == SNOMED and coding.code in PREGNANCIES:
            return True
        if curie.startswith(_ICD) and curie.partition(":")[2].startswith(_ICD_PREGNANCIES):
            return True
        if says_pregnant(coding.display):
            return True
    return says_pregnant(text_of(concept))


def _is_ongoing(condition: Resource, today: date) -> bool | None:
    """Whether a recorded pregnancy can still go on; None if that cannot be told by its dates."""
    if not is_recorded(condition):
        return False
    onset, _ = period(condition, "onset")
    if onset is None or onset.first > today + A_DAY:
        return None
    if (today - onset.first).days <= PREGNANCY_DAYS:
        return True
    return None if (today - onset.last).days <= PREGNANCY_DAYS else False
