"""What observations say of kidneys, pregnancy and genes; doubtful ones say nothing.

A number is used only with its unit, a result only with its date and while it can still hold. Where
results contradict each other the answer is "unknown", never the more convenient one.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from intake.checks import complaint
from intake.codes import SNOMED, Resolver
from intake.resource import (
    Coding,
    Resource,
    clean,
    codings,
    label,
    objects,
    period,
    span,
    status,
    text_of,
)
from recommend.profile import GenePhenotype, Pregnancy, Sex, Unmapped

LOINC = "http://loinc.org"

# Estimated GFR per 1.73 m2 (MDRD, CKD-EPI, cystatin C; the older equations by race are listed too).
EGFR = frozenset(
    ["33914-3", "48642-3", "48643-1", "62238-1", "69405-9", "88293-6", "88294-4", "98979-8",
     "98980-6"]
)  # fmt: skip
PREGNANCY_STATUS = "82810-3"
PREGNANT, NOT_PREGNANT = "77386006", "60001007"  # SNOMED CT
PREGNANCIES = frozenset(["72892002", PREGNANT])  # normal pregnancy; pregnant
# Gene product metabolic activity (interpretation), one code a gene; the gene is read from the
# component, because a code that is taken for another's gene would be a wrong phenotype.
METABOLISM = frozenset(
    ["79713-4", "79714-2", "79715-9", "79716-7", "79717-5", "79718-3", "79719-1", "79720-9"]
)
METABOLISM_PART, GENE_STUDIED = "53040-2", "48018-6"

# Chosen here: a pregnancy is over after 44 weeks; a negative test says nothing after one cycle.
PREGNANCY_DAYS = 44 * 7
NOT_PREGNANT_DAYS = 28
FERTILE_AGES = (10, 55)  # years, both included
EGFR_RANGE = (0.0, 250.0)

_DONE = ("final", "amended", "corrected")
_A_DAY = timedelta(days=1)  # a result may be dated tomorrow in another time zone


def find_egfr(observations: Iterable[Resource], *, today: date) -> float | None:
    """The newest estimated GFR of the last 12 months in mL/min/{1.73_m2}, or None.

    Of several on the newest day the lowest counts. If a result of that day cannot be read (another
    unit, "> 60", no number), the answer is None: an older result would hide the newer one.
    """
    newest: date | None = None
    values: list[float | None] = []
    for resource, day in _dated(observations, EGFR, today):
        if day < _year_before(today) or "dataAbsentReason" in resource:
            continue
        if newest is None or day > newest:
            newest, values = day, []
        if day == newest:
            values.append(_egfr_value(resource.get("valueQuantity")))
    known = [value for value in values if value is not None]
    return min(known) if known and len(known) == len(values) else None


def find_pregnancy(
    observations: Iterable[Resource],
    conditions: Iterable[Resource],
    *,
    today: date,
    sex: Sex,
    age_years: float | None,
) -> Pregnancy:
    """Whether the patient is pregnant, where it is said and can be true.

    Said by the newest pregnancy-status observation (pregnant: 44 weeks old at most; not pregnant:
    28 days) or by an active pregnancy with an onset in the last 44 weeks. Contradictions, and a
    pregnancy of a patient who is not recorded as female and 10 to 55 years old, are "unknown".
    A man of whom nothing is said is "not pregnant".
    """
    said = _pregnancy_observed(observations, today)
    if any(_is_ongoing_pregnancy(condition, today) for condition in conditions):
        said.add("pregnant")
    if said == {"pregnant"}:
        low, high = FERTILE_AGES
        plausible = sex == "female" and age_years is not None and low <= age_years < high + 1
        return "pregnant" if plausible else "unknown"
    if said == {"not pregnant"}:
        return "not pregnant"
    return "not pregnant" if sex == "male" and not said else "unknown"


def find_genes(
    observations: Iterable[Resource], resolver: Resolver, *, today: date
) -> tuple[tuple[GenePhenotype, ...], tuple[Unmapped, ...]]:
    """The newest phenotype of each gene, from results that name one gene and one phenotype."""
    found: dict[str, tuple[date, set[str]]] = {}
    unmapped: list[Unmapped] = []
    for resource, day in _dated(observations, None, today):
        phenotype = _phenotype(resource)
        if not phenotype:
            continue
        studied = [
            part for part in objects(resource.get("component")) if _has_code(part, {GENE_STUDIED})
        ]
        name = label(studied[0].get("valueCodeableConcept")) if len(studied) == 1 else ""
        gene = _gene(studied[0], resolver) if len(studied) == 1 else None
        if gene is None:
            reason = "no gene node has this name" if name else "the result does not name one gene"
            unmapped.append(Unmapped("gene", name or label(resource.get("code")), reason))
        elif gene not in found or day > found[gene][0]:
            found[gene] = (day, {phenotype})
        elif day == found[gene][0]:
            found[gene][1].add(phenotype)
    for gene, (_, phenotypes) in found.items():
        if len(phenotypes) > 1:
            unmapped.append(Unmapped("gene", gene, "results of the same day contradict each other"))
    genes = tuple(
        GenePhenotype(gene, *phenotypes)
        for gene, (_, phenotypes) in sorted(found.items())
        if len(phenotypes) == 1
    )
    return genes, tuple(dict.fromkeys(unmapped))


def _dated(
    observations: Iterable[Resource], codes: frozenset[str] | None, today: date
) -> Iterable[tuple[Resource, date]]:
    """Finished observations with one of the LOINC codes, with the day they are of."""
    for resource in observations:
        if codes is not None and not _has_code(resource, codes):
            continue
        if status(resource, "status") not in _DONE or complaint(resource):
            continue
        start, end = period(resource, "effective")
        instant = span(resource.get("effectiveInstant"))
        day = end or start or instant
        if day is not None and day.first <= today + _A_DAY:
            yield resource, day.first


def _has_code(resource: Resource, codes: Iterable[str]) -> bool:
    return any(c.system == LOINC and c.code in codes for c in codings(resource.get("code")))


def _egfr_value(quantity: Any) -> float | None:
    if not isinstance(quantity, dict) or quantity.get("comparator"):
        return None
    value = quantity.get("value")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    low, high = EGFR_RANGE
    if not low < value <= high:  # false for NaN too
        return None
    # UCUM's code decides where there is one; the printed unit only stands in for it.
    unit = clean(quantity.get("code")) or clean(quantity.get("unit"))
    for written in " {}_^":
        unit = unit.replace(written, "")
    return float(value) if unit.replace("²", "2").lower() == "ml/min/1.73m2" else None


def _year_before(today: date) -> date:
    day = 28 if (today.month, today.day) == (2, 29) else today.day
    return today.replace(year=today.year - 1, day=day) if today.year > 1 else date.min


def _pregnancy_observed(observations: Iterable[Resource], today: date) -> set[Pregnancy]:
    """What the newest status observations say that can still hold; two answers contradict."""
    newest: date | None = None
    said: set[Pregnancy] = set()
    for resource, day in _dated(observations, frozenset([PREGNANCY_STATUS]), today):
        codes = {c.code for c in codings(resource.get("valueCodeableConcept")) if _is_snomed(c)}
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


def _is_ongoing_pregnancy(condition: Resource, today: date) -> bool:
    codes = {c.code for c in codings(condition.get("code")) if _is_snomed(c)}
    if not codes & PREGNANCIES or status(condition, "clinicalStatus") != "active":
        return False
    onset, _ = period(condition, "onset")
    if onset is None or status(condition, "verificationStatus") in ("refuted", "entered-in-error"):
        return False
    return (today - onset.first).days <= PREGNANCY_DAYS and onset.first <= today + _A_DAY


def _is_snomed(coding: Coding) -> bool:
    return coding.system == SNOMED


def _phenotype(resource: Resource) -> str:
    """The metaboliser phenotype that the observation states; "" where it states none."""
    values = [
        part.get("valueCodeableConcept")
        for part in objects(resource.get("component"))
        if _has_code(part, {METABOLISM_PART})
    ]
    if _has_code(resource, METABOLISM | {METABOLISM_PART}):
        values.append(resource.get("valueCodeableConcept"))
    texts = {text for text in map(label, values) if text}
    return texts.pop() if len(texts) == 1 else ""


def _gene(part: Resource, resolver: Resolver) -> str | None:
    """The gene of a "gene studied" component: by the symbols and codes it holds."""
    concept = part.get("valueCodeableConcept")
    texts = [text for coding in codings(concept) for text in (coding.display, coding.code)]
    found = {resolver.gene(text) for text in (*texts, text_of(concept)) if text} - {None}
    return found.pop() if len(found) == 1 else None
