"""Whether a patient is pregnant, where the record says it and it can be true.

What contradicts itself, what only a pregnant patient has, and a pregnancy that cannot be dated are
"unknown" and listed as unmapped, so that no check for pregnancy can then be clear. See
``intake.pregnancy_words`` for what says so.
"""

from collections.abc import Iterable
from datetime import date

from intake.codes import SNOMED
from intake.observations import A_DAY, LOINC, dated
from intake.pregnancy_words import Speaks, of_concept
from intake.resource import Resource, Span, codings, label, period, span, status
from kg.names import key
from recommend.profile import Pregnancy, Sex, Unmapped

STATUS = "82810-3"  # LOINC: pregnancy status
PREGNANT, NOT_PREGNANT = "77386006", "60001007"  # SNOMED CT
_SAY_YES = frozenset([(SNOMED, PREGNANT), (LOINC, "LA15173-0")])
_SAY_NO = frozenset([(SNOMED, NOT_PREGNANT), (LOINC, "LA26683-5")])
_NOT_TRUE = ("refuted", "entered-in-error")
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

PERHAPS = "it is one that only a pregnancy has, or that names one, and no pregnancy is recorded"


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
    pregnancy of a patient who is not recorded as female and 10 to 55 years old, one that may have
    ended since, an active problem of pregnancies (pre-eclampsia) without a pregnancy, and an active
    pregnancy that cannot be dated are "unknown" with an unmapped entry that says why. A pregnancy
    after which a miscarriage, an ectopic pregnancy or another end is recorded is over, and says
    nothing. Of whom nothing is said is "not pregnant" if a man, younger than 10 or 60 and older.
    """
    spoken = [(of_concept(condition.get("code")), condition) for condition in conditions]
    ends = [*_ends(spoken, today)]
    said, observed = _observed(observations, today)
    starts = {observed} if "pregnant" in said else set[date | None]()
    said -= {"pregnant"}
    perhaps = dict[str, None]()
    for speaks, condition in spoken:
        holds = _is_ongoing(condition, today) if speaks in ("pregnant", "perhaps") else False
        if holds is False:
            continue
        onset, _ = period(condition, "onset")
        start = onset.first if holds and onset else None
        if speaks == "pregnant":
            starts.add(start)
        elif not _is_over(start, ends):
            perhaps[label(condition.get("code"))] = None
    dates = {start for start in starts if start}
    last = max(dates, default=None)
    is_over = _is_over(last, ends)
    if starts and (None in starts or not is_over):
        is_dated = last is not None and not is_over
        doubt = _doubt({*said, "pregnant"}, sex, age_years)
        if is_dated and not doubt and any(end.last >= last for end in ends if last):
            doubt = "the record says pregnant, but also how a pregnancy ended since"
        if is_dated and not doubt:
            return "pregnant", ()
        reason = doubt or "an active pregnancy without a usable date"
        return "unknown", (Unmapped("pregnancy", "", reason),)
    if perhaps:
        return "unknown", tuple(Unmapped("pregnancy", text, PERHAPS) for text in perhaps)
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
    return status(condition, "verificationStatus") not in _NOT_TRUE


def _ends(spoken: Iterable[tuple[Speaks, Resource]], today: date) -> Iterable[Span]:
    """The days on which a pregnancy ended, as recorded; a threat or a history is no end."""
    for speaks, condition in spoken:
        if speaks != "over" or status(condition, "verificationStatus") in _NOT_TRUE:
            continue
        onset, _ = period(condition, "onset")
        day = onset or span(condition.get("recordedDate"))
        if day is not None and day.first <= today + A_DAY:
            yield day


def _is_over(start: date | None, ends: Iterable[Span]) -> bool:
    """Whether a pregnancy of ``start`` has surely ended; an undated one never has."""
    return start is not None and any(end.first >= start for end in ends)


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
