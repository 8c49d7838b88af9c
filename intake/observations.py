"""What observations say of genes, and which observations count; doubtful ones say nothing.

A result is used only with its date and while it can still hold. Where results contradict each other
the answer is "unknown", never the more convenient one.
"""

from collections.abc import Iterable
from datetime import date, timedelta

from intake.checks import complaint
from intake.codes import Resolver
from intake.phenotypes import usual_result
from intake.resource import (
    Resource,
    codings,
    label,
    objects,
    period,
    span,
    status,
    text_of,
)
from recommend.profile import GenePhenotype, Unmapped

LOINC = "http://loinc.org"

# Estimated GFR per 1.73 m2 (MDRD, CKD-EPI, cystatin C; the older equations by race are listed too).
EGFR = frozenset(
    ["33914-3", "48642-3", "48643-1", "62238-1", "69405-9", "77147-7", "88293-6", "88294-4",
     "98979-8", "98980-6"]
)  # fmt: skip
# Gene product metabolic activity (interpretation), one code a gene; the gene is read from the
# component, because a code that is taken for another's gene would be a wrong phenotype.
METABOLISM = frozenset(
    ["79713-4", "79714-2", "79715-9", "79716-7", "79717-5", "79718-3", "79719-1", "79720-9"]
)
METABOLISM_PART, GENE_STUDIED = "53040-2", "48018-6"

EGFR_RANGE = (0.0, 250.0)

_DONE = ("final", "amended", "corrected")
A_DAY = timedelta(days=1)  # a result may be dated tomorrow in another time zone


def find_genes(
    observations: Iterable[Resource], resolver: Resolver, *, today: date
) -> tuple[tuple[GenePhenotype, ...], tuple[Unmapped, ...]]:
    """The newest phenotype of each gene, from results that name one gene and one phenotype."""
    found: dict[str, tuple[date, set[str]]] = {}
    unmapped: list[Unmapped] = []
    stated = [resource for resource in observations if _phenotype(resource)]
    for resource, day in dated(stated, None, today):
        phenotype = _phenotype(resource)
        studied = [
            part for part in objects(resource.get("component")) if has_code(part, {GENE_STUDIED})
        ]
        name = label(studied[0].get("valueCodeableConcept")) if len(studied) == 1 else ""
        gene = _gene(studied[0], resolver) if len(studied) == 1 else None
        if gene is None:
            reason = "no gene node has this name" if name else "the result does not name one gene"
            unmapped.append(Unmapped("gene", name or label(resource.get("code")), reason))
            continue
        phenotype = usual_result(name, phenotype)
        if gene not in found or day > found[gene][0]:
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


def dated(
    observations: Iterable[Resource],
    codes: frozenset[str] | None,
    today: date,
    states: tuple[str, ...] = _DONE,
) -> Iterable[tuple[Resource, date]]:
    """Finished observations with one of the LOINC codes, with the day they are of.

    ``states`` are the statuses to take instead of those of finished ones.
    """
    for resource in observations:
        if codes is not None and not has_code(resource, codes):
            continue
        if status(resource, "status") not in states or complaint(resource):
            continue
        start, end = period(resource, "effective")
        instant = span(resource.get("effectiveInstant"))
        day = end or start or instant
        if day is not None and day.first <= today + A_DAY:
            yield resource, day.first


def has_code(resource: Resource, codes: Iterable[str]) -> bool:
    """Whether the observation has one of the LOINC codes."""
    return any(c.system == LOINC and c.code in codes for c in codings(resource.get("code")))


def year_before(today: date) -> date:
    """The same day a year ago; 28 February for the 29th."""
    day = 28 if (today.month, today.day) == (2, 29) else today.day
    return today.replace(year=today.year - 1, day=day) if today.year > 1 else date.min


def _phenotype(resource: Resource) -> str:
    """The metaboliser phenotype that the observation states; "" where it states none."""
    values = [
        part.get("valueCodeableConcept")
        for part in objects(resource.get("component"))
        if has_code(part, {METABOLISM_PART})
    ]
    if has_code(resource, METABOLISM | {METABOLISM_PART}):
        values.append(resource.get("valueCodeableConcept"))
    texts = {text for text in map(label, values) if text}
    return texts.pop() if len(texts) == 1 else ""


def _gene(part: Resource, resolver: Resolver) -> str | None:
    """The gene of a "gene studied" component: by the symbols and codes it holds."""
    concept = part.get("valueCodeableConcept")
    texts = [text for coding in codings(concept) for text in (coding.display, coding.code)]
    found = {resolver.gene(text) for text in (*texts, text_of(concept)) if text} - {None}
    return found.pop() if len(found) == 1 else None
