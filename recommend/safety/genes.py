"""Does a guideline advise against the drug, or another dose, for one of the patient's genes?"""

import re
from collections.abc import Mapping

from recommend.safety.rules import Guidance, PatientState, SafetyRules, worst
from recommend.suggestion import Outcome, Severity, Verdict

CHECK = "genes"

_SEVERITY: dict[str, Severity] = {"strong": "major", "moderate": "moderate", "optional": "moderate"}

# Advice that changes nothing begins with the usual dose; "with caution" is a change.
UNCHANGED = re.compile(r"(the )?usual dos(e|ing)\b(?! with caution)", re.IGNORECASE)

_SHORT = {
    "pm": "poor metabolizer", "im": "intermediate metabolizer", "nm": "normal metabolizer",
    "em": "normal metabolizer", "rm": "rapid metabolizer", "um": "ultrarapid metabolizer",
}  # fmt: skip
_SCORE = re.compile(r"(?:activity score |as )?(≥|>=)?\s*(\d+(?:\.\d+)?)")


def check(rules: SafetyRules, patient: PatientState, drug: str) -> list[Verdict]:
    """A hit a gene whose phenotype calls for a change; else clear only if every gene is answered.

    A gene that the guidance names and the profile does not, a phenotype without a row, and advice
    written for other people than the patient may be, are not covered. Advice for two genes together
    is a hit of its own where both phenotypes are known, and a gap where only one of them is.
    """
    all_rows = rules.guidance.get(drug, ())
    pairs = [row for row in all_rows if row.other_gene]
    rows = [row for row in all_rows if not row.other_gene]
    if not all_rows:
        return [Verdict(CHECK, Outcome.NOT_COVERED, "no gene-drug guidance for this drug")]
    verdicts: list[Verdict] = []
    clear: list[str] = []
    gaps = [f"the result {text} is not understood" for text in patient.unmapped("gene")]
    phenotypes: dict[str, set[str]] = {}
    for item in patient.profile.genes:
        phenotypes.setdefault(item.gene, set()).add(item.phenotype)
    for gene in sorted({row.gene for row in rows}):
        name = rules.name(gene)
        known = {_fold(p) for p in phenotypes.get(gene, ())}
        found = [r for r in rows if r.gene == gene and _fold(r.phenotype) in known]
        found = [row for row in found if _may_apply(row, patient)]
        changes = [row for row in found if not UNCHANGED.match(row.advice)]
        if changes:
            verdicts.append(_hit(rules, gene, changes))
        elif any(row.population == "general" for row in found):
            clear += [_say(rules, row) for row in found]
        elif known:
            said = ", ".join(sorted(phenotypes[gene]))
            gaps.append(f"{name}: the guidance has no row that reads {said}")
        else:
            gaps.append(f"the phenotype of {name} is unknown")
    together = [row for row in pairs if _may_apply(row, patient)]
    matched = [row for row in together if _both_known(row, phenotypes)]
    changes = [row for row in matched if not UNCHANGED.match(row.advice)]
    verdicts += [
        _hit(rules, gene, [row for row in changes if row.gene == gene])
        for gene in sorted({row.gene for row in changes})
    ]
    gaps += _open_pairs(rules, together, matched, phenotypes)
    if gaps:
        verdicts.append(Verdict(CHECK, Outcome.NOT_COVERED, "; ".join(gaps)))
    elif not verdicts:
        clear += [_say(rules, row) for row in matched]
        source = all_rows[0].source
        verdicts.append(Verdict(CHECK, Outcome.CLEAR, "; ".join(clear), source=source))
    return verdicts


def _hit(rules: SafetyRules, gene: str, rows: list[Guidance]) -> Verdict:
    graded = [_SEVERITY[row.strength] for row in rows if row.strength in _SEVERITY]
    severity = worst(graded) if graded else "unknown"
    text = "; ".join(_say(rules, row) for row in rows)
    sources = "; ".join(dict.fromkeys(row.source for row in rows))
    return Verdict(CHECK, Outcome.HIT, text, gene, severity, sources)


def _say(rules: SafetyRules, row: Guidance) -> str:
    people = "" if row.population == "general" else f", {row.population}"
    other = f" with {rules.name(row.other_gene)} {row.other_phenotype}" if row.other_gene else ""
    genes = f"{rules.name(row.gene)} {row.phenotype}{other}"
    return f"{genes} ({row.strength}{people}): {row.advice.rstrip('.')}"


def _both_known(row: Guidance, phenotypes: Mapping[str, set[str]]) -> bool:
    sides = ((row.gene, row.phenotype), (row.other_gene, row.other_phenotype))
    return all(
        _fold(phenotype) in map(_fold, phenotypes.get(gene, ())) for gene, phenotype in sides
    )


def _open_pairs(
    rules: SafetyRules,
    rows: list[Guidance],
    matched: list[Guidance],
    phenotypes: Mapping[str, set[str]],
) -> list[str]:
    """What is not known of the pairs of genes that guidance names together."""
    gaps = []
    answered = {(row.gene, row.other_gene) for row in matched}
    for pair in sorted({(row.gene, row.other_gene) for row in rows} - answered):
        unknown = [rules.name(gene) for gene in pair if gene not in phenotypes]
        names = " and ".join(map(rules.name, pair))
        if unknown:
            gaps.append(f"{names} together: the phenotype of {', '.join(unknown)} is unknown")
        else:
            gaps.append(f"{names} together: the guidance has no row for their phenotypes")
    return gaps


def _may_apply(row: Guidance, patient: PatientState) -> bool:
    """Whether the patient's age leaves room for the people that the advice is for."""
    age = patient.profile.age_years
    if age is None:
        return True
    return {"adults": age >= 18, "pediatrics": age < 18}.get(row.population, True)


def _fold(phenotype: str) -> str:
    """A phenotype as guidance words it: without case, in full, activity scores as numbers."""
    text = " ".join(phenotype.casefold().replace("metaboliser", "metabolizer").split())
    score = _SCORE.fullmatch(text)
    if score:
        return f"activity score {'≥' if score[1] else ''}{float(score[2]):g}"
    text = text.replace("extensive metabolizer", "normal metabolizer")  # the older name
    return _SHORT.get(text, text)
