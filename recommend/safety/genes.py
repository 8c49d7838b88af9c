"""Does a guideline advise against the drug, or another dose, for the patient's genes?

Advice has a key: one gene or several, each with a phenotype, an activity score, a diplotype or an
allele. It is given for exactly that key. What a guideline says while one of its genes is unknown
("No Result") is given as long as that is so, beside the gap that the unknown gene leaves.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import product
from typing import NamedTuple
from weakref import WeakKeyDictionary

from kg.sources.pharmacogenomics_ids import GENES, phenotype_of
from recommend.safety.rules import Guidance, PatientState, SafetyRules, worst
from recommend.suggestion import Outcome, Severity, Verdict

CHECK = "genes"

_SEVERITY: dict[str, Severity] = {"strong": "major", "moderate": "moderate", "optional": "moderate"}

# Advice that changes nothing begins with the usual dose; "with caution" is a change.
UNCHANGED = re.compile(r"(the )?usual dos(e|ing)\b(?! with caution)", re.IGNORECASE)
UNDECIDED = re.compile(r"no recommendation\b", re.IGNORECASE)

_NO_RESULT, _INDETERMINATE = "no result", "indeterminate"
_SAYS_NOTHING = frozenset((_NO_RESULT, _INDETERMINATE))

_SHORT = {
    "pm": "poor metabolizer", "im": "intermediate metabolizer", "nm": "normal metabolizer",
    "em": "normal metabolizer", "rm": "rapid metabolizer", "um": "ultrarapid metabolizer",
    "n/a": _INDETERMINATE,
}  # fmt: skip
_SCORE = re.compile(r"(?:activity score |as )?(≥|>=)?\s*(\d+(?:\.\d+)?)")
_ALLELE = re.compile(r"\*\S+ (positive|negative)")
_SYMBOLS = {gene: symbol for symbol, gene in GENES.items()}

# For whom CPIC writes advice, where its name for them does not say so.
_PEOPLE = {
    "CBZ naive": "new to carbamazepine",
    "CBZ use >3mos": "on carbamazepine for more than three months",
    "CBZ-no alternatives": "no alternative to carbamazepine",
    "CVI ACS PCI": "for acute coronary syndrome or coronary intervention",
    "CVI non-ACS non-PCI": "for the heart and vessels, but not acute coronary syndrome or PCI",
    "NVI": "for neurovascular disease",
    "OXC naive": "new to oxcarbazepine",
    "OXC use >3 mos": "on oxcarbazepine for more than three months",
    "PHT naive": "new to phenytoin",
    "PHT use >3mos": "on phenytoin for more than three months",
    "child >40kg_adult": "adults, and children above 40 kg",
}

Recorded = Mapping[str, tuple[str, ...]]  # gene -> its results as recorded, "No Result" left out


def check(rules: SafetyRules, patient: PatientState, drug: str) -> list[Verdict]:
    """A hit a gene whose results call for a change; else clear only if every gene is answered.

    A gene that the guidance names and the profile does not, a result without a row or without a
    meaning, a guideline that recommends nothing, and advice that changes nothing but was written
    for people of whom the patient may not be one, are not covered.
    """
    groups = _groups(rules, drug)
    if not groups:
        return [Verdict(CHECK, Outcome.NOT_COVERED, "no gene-drug guidance for this drug")]
    recorded = _recorded(patient)
    matched = _matching(groups, patient, recorded)
    advised = [row for row in matched if not UNDECIDED.match(row.advice) and _told(row)]
    hits = [row for row in advised if not UNCHANGED.match(row.advice)]
    clear = [
        row
        for row in advised
        if row not in hits
        and len(_told(row)) == len(_key(row))
        and _applies(row.population, patient)
    ]
    gaps = [f"the result {text} is not understood" for text in patient.unmapped("gene")]
    answered = [_told(row) for row in (*hits, *clear)]
    asked: dict[tuple[str, ...], list[_Group]] = {}
    for group in groups:
        asked.setdefault(group.genes, []).append(group)
    gaps += [
        _gap(rules, patient, genes, of_genes, recorded)
        for genes, of_genes in asked.items()
        if not any(answer.issuperset(genes) for answer in answered)
    ]
    of_gene: dict[str, list[Guidance]] = {}
    for row in hits:
        of_gene.setdefault(min(_told(row)), []).append(row)
    verdicts = [_hit(rules, gene, of_gene[gene]) for gene in sorted(of_gene)]
    others = [row for row in matched if row not in hits]
    said = [_say(rules, row) for row in others]
    if gaps:
        text = "; ".join([*gaps, *said])
        verdicts.append(Verdict(CHECK, Outcome.NOT_COVERED, text, source=_sources(others)))
    elif not verdicts:
        verdicts.append(Verdict(CHECK, Outcome.CLEAR, "; ".join(said), source=_sources(others)))
    return verdicts


def _hit(rules: SafetyRules, gene: str, rows: list[Guidance]) -> Verdict:
    graded = [_SEVERITY[row.strength] for row in rows if row.strength in _SEVERITY]
    severity = worst(graded) if graded else "unknown"
    text = "; ".join(_say(rules, row) for row in rows)
    return Verdict(CHECK, Outcome.HIT, text, gene, severity, _sources(rows))


def _gap(
    rules: SafetyRules,
    patient: PatientState,
    genes: tuple[str, ...],
    groups: list["_Group"],
    recorded: Recorded,
) -> str:
    """Why the guidance on ``genes`` (together) says nothing, or nothing certain."""
    names = " and ".join(_name(rules, gene) for gene in genes)
    about = names if len(genes) == 1 else f"{names} together"
    unknown = [_name(rules, gene) for gene in genes if gene not in recorded]
    results = ", ".join(text for gene in genes for text in sorted(recorded.get(gene, ())))
    if all(_applies(group.population, patient) is False for group in groups):
        people = ", ".join(sorted({group.population for group in groups}))
        return f"{about}: the guidance is for others ({people})"
    if unknown and len(genes) == 1:
        return f"the phenotype of {names} is unknown"
    if unknown:
        return f"{about}: the phenotype of {', '.join(unknown)} is unknown"
    if _matching(groups, patient, recorded):
        return f"{about}: the guidance decides nothing for {results}"
    if len(genes) > 1:
        return f"{about}: the guidance has no row for their phenotypes ({results})"
    return f"{about}: the guidance has no row that reads {results}"


def _say(rules: SafetyRules, row: Guidance) -> str:
    people = "" if row.population == "general" else f", {row.population}"
    if row.population in _PEOPLE:
        people = f"{people}: {_PEOPLE[row.population]}"
    name, other = _name(rules, row.gene), _name(rules, row.other_gene)
    together = ""
    if row.other_gene:
        is_open = _fold(row.other_gene, row.other_phenotype) == _NO_RESULT
        together = f", {other} unknown" if is_open else f" with {other} {row.other_phenotype}"
    return f"{name} {row.phenotype}{together} ({row.strength}{people}): {row.advice}"


def _name(rules: SafetyRules, gene: str) -> str:
    """The symbol of a gene, also of one that the graph does not have."""
    return rules.names.get(gene, _SYMBOLS.get(gene, gene))


def _sources(rows: Iterable[Guidance]) -> str:
    return "; ".join(dict.fromkeys(row.source for row in rows))


def _recorded(patient: PatientState) -> Recorded:
    results: dict[str, list[str]] = {}
    for item in patient.profile.genes:
        if _fold(item.gene, item.phenotype) != _NO_RESULT:
            results.setdefault(item.gene, []).append(item.phenotype)
    return {gene: tuple(texts) for gene, texts in results.items()}


@lru_cache(maxsize=10_000)
def _key(row: Guidance) -> Mapping[str, str]:
    """The genes that advice is about, each with the result it is for."""
    key = {row.gene: _fold(row.gene, row.phenotype)}
    if row.other_gene:
        key[row.other_gene] = _fold(row.other_gene, row.other_phenotype)
    return key


@lru_cache(maxsize=10_000)
def _told(row: Guidance) -> frozenset[str]:
    """The genes of advice whose results mean something."""
    return frozenset(g for g, result in _key(row).items() if result not in _SAYS_NOTHING)


class _Group(NamedTuple):
    """The rows of one guideline for the same people and genes."""

    population: str
    genes: tuple[str, ...]
    rows: tuple[tuple[Guidance, tuple[str, ...]], ...]  # with the result of each of ``genes``
    words: tuple[frozenset[str], ...]  # all results of each of ``genes``


_groups_of: WeakKeyDictionary[SafetyRules, dict[str, tuple[_Group, ...]]] = WeakKeyDictionary()


def _groups(rules: SafetyRules, drug: str) -> tuple[_Group, ...]:
    """The guidance on a drug, put in order once for each graph: few genes first."""
    known = _groups_of.setdefault(rules, {})
    if drug not in known:
        found: dict[tuple[int, tuple[str, ...], str, str], list[Guidance]] = {}
        for row in rules.guidance.get(drug, ()):
            genes = tuple(sorted(_key(row)))
            found.setdefault((len(genes), genes, row.source, row.population), []).append(row)
        known[drug] = tuple(
            _Group(
                population,
                genes,
                tuple((row, tuple(_key(row)[gene] for gene in genes)) for row in rows),
                tuple(frozenset(_key(row)[gene] for row in rows) for gene in genes),
            )
            for (_, genes, _, population), rows in sorted(found.items(), key=lambda item: item[0])
        )
    return known[drug]


def _matching(
    groups: Iterable[_Group], patient: PatientState, recorded: Recorded
) -> list[Guidance]:
    """The rows for the recorded results; of a group without any, those for a gene without one."""
    matched: list[Guidance] = []
    for group in groups:
        if recorded.keys().isdisjoint(group.genes) or _applies(group.population, patient) is False:
            continue
        known = [
            _understood(gene, recorded.get(gene, ()), words)
            for gene, words in zip(group.genes, group.words, strict=True)
        ]
        keys = set(product(*known))
        known_or_not = set(product(*(results | {_NO_RESULT} for results in known)))
        matched += [row for row, key in group.rows if key in keys] or [
            row for row, key in group.rows if key in known_or_not
        ]
    return matched


def _understood(gene: str, recorded: Iterable[str], words: frozenset[str]) -> set[str]:
    """Those of a guideline's ``words`` for a gene's results that the recorded ones mean.

    A score that no row reads is the highest "≥" that it reaches, else the phenotype that it gives.
    """
    found = set()
    for text in recorded:
        result = _fold(gene, text)
        score = _SCORE.fullmatch(result)
        if result not in words and score is not None:
            value = float(score[2])
            scores = [(_SCORE.fullmatch(word), word) for word in words]
            limits = {float(at[2]): word for at, word in scores if at and at[1]}
            reached = [limit for limit in limits if limit <= value]
            phenotype = phenotype_of(gene, value) or result
            result = limits[max(reached)] if reached else phenotype.casefold()
        found.add(result)
    return found.intersection(words)


def _applies(population: str, patient: PatientState) -> bool | None:
    """Whether the patient is one of those that advice is for; None if that is not known."""
    age, weight = patient.profile.age_years, patient.profile.weight_kg
    if population == "general":
        return True
    if population == "child >40kg_adult" and age is not None and age < 18:
        return None if weight is None else weight > 40
    is_adult = {"adults": True, "child >40kg_adult": True, "pediatrics": False}.get(population)
    return None if age is None or is_adult is None else (age >= 18) == is_adult


@lru_cache(maxsize=10_000)
def _fold(gene: str, result: str) -> str:
    """A result as guidance words it: without case, in full, activity scores as numbers."""
    text = " ".join(result.casefold().replace("metaboliser", "metabolizer").split())
    score = _SCORE.fullmatch(text)
    if score:
        return f"activity score {'≥' if score[1] else ''}{float(score[2]):g}"
    if _ALLELE.fullmatch(text) and gene in _SYMBOLS:
        return f"{_SYMBOLS[gene].casefold()}{text}"
    text = text.replace("extensive metabolizer", "normal metabolizer")  # the older name
    return _SHORT.get(text, text)
