"""CPIC's recommendations as PharmCAT's files state them, and what the gene check owes to each.

Read without the adapter: this is the oracle that the adapter and the check together are held to.
"""

import gzip
import html
import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from kg.sources.pharmacogenomics_ids import DRUGS, GENES
from recommend.profile import GenePhenotype, PatientProfile
from recommend.safety import PatientState, SafetyRules, genes
from recommend.suggestion import Outcome, Verdict

ARCHIVE = "pharmcat-guidelines-2024-05-29.tar.gz"
OLDER = "pharmcat-cpic-drugs-2022-09-15.json.gz"
SAYS_NOTHING = frozenset(["No Result", "Indeterminate", "n/a"])


class Record(NamedTuple):
    """One recommendation for one drug."""

    drug: str  # CURIE
    name: str
    key: Mapping[str, str]  # symbol -> result, as the file writes it
    population: str
    strength: str
    text: str
    changes: bool | None  # dose or drug, by its flags; None where they leave it open

    @property
    def informative(self) -> tuple[str, ...]:
        """The genes whose results mean something."""
        return tuple(gene for gene, result in self.key.items() if result not in SAYS_NOTHING)

    @property
    def is_normal(self) -> bool:
        """Whether every result that means something is the usual one."""
        told = [self.key[gene] for gene in self.informative]
        usual = r"Normal.*|normal risk.*|.* negative|(1\.25|1\.5|1\.75|2(\.0)?|2\.25)"
        return bool(told) and all(re.fullmatch(usual, each) for each in told)


def strong(data: Path) -> list[Record]:
    """The strong ones of the edition that the adapter reads."""
    return [record for record in _newer(data / "pgx" / ARCHIVE) if record.strength == "Strong"]


def older_strong(data: Path) -> list[Record]:
    """The strong ones of the edition of 2022."""
    with gzip.open(data / "pgx" / OLDER) as file:
        entries = json.load(file)
    return [
        Record(
            DRUGS.get(entry["drugname"], entry["drugid"]),
            entry["drugname"],
            row["lookupkey"],
            row["population"].strip().replace("population general", "general"),
            row["classification"],
            row["drugrecommendation"],
            None,
        )
        for entry in entries
        for row in entry.get("recommendations") or ()
        if row["classification"] == "Strong"
    ]


def _newer(path: Path) -> Iterator[Record]:
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is None or not Path(member.name).name.startswith("CPIC"):
                continue
            for row in json.load(file)["recommendations"]:
                yield from _records(row)


def _records(row: Mapping[str, Any]) -> Iterator[Record]:
    named = ("dosingInformation", "alternateDrugAvailable", "otherPrescribingGuidance")
    dose, drug, other = (row[name] for name in named)
    for chemical in row["relatedChemicals"]:
        yield Record(
            DRUGS.get(chemical["name"], f"PHARMGKB.DRUG:{chemical['id']}"),
            chemical["name"],
            row["lookupKey"],
            (row["population"] or "general").strip(),
            (row["classification"] or {}).get("term", ""),
            html.unescape(re.sub(r"<[^>]*>", " ", row["text"]["html"])),
            True if dose or drug else (None if other else False),
        )


def state(rules: SafetyRules, record: Record, *, without: str = "") -> PatientState:
    """A patient with exactly the record's key, or with one gene of it not tested."""
    results = [
        GenePhenotype(GENES[gene], _as_reported(gene, result))
        for gene, result in record.key.items()
        if result != "No Result" and gene != without
    ]
    age = 10.0 if record.population == "pediatrics" else 40.0
    return PatientState(PatientProfile(genes=tuple(results), age_years=age), rules)


def _as_reported(gene: str, result: str) -> str:
    if re.fullmatch(r"[≥\d.]+", result):
        return f"activity score {result}"
    return f"{gene}{result}" if result.startswith("*") else result


def judge(rules: SafetyRules, record: Record, *, without: str = "") -> list[Verdict]:
    """The verdicts of the gene check on the record's drug."""
    return genes.check(rules, state(rules, record, without=without), record.drug)


def says(verdicts: list[Verdict], text: str, outcome: Outcome | None = None) -> bool:
    """Whether a verdict (with ``outcome``) holds ``text``, but for signs and spaces."""
    told = [v.text for v in verdicts if outcome is None or v.outcome is outcome]
    return any(_letters(text) in _letters(each) for each in told)


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.casefold())


def faults(rules: SafetyRules, record: Record, all_records: list[Record]) -> list[str]:
    """What the check owes to the record and does not give."""
    verdicts = judge(rules, record)
    outcomes = {verdict.outcome for verdict in verdicts}
    is_told = bool(record.informative) and not _letters(record.text).startswith("norecommendation")
    found = []
    if not says(verdicts, record.text):
        found.append("its text is not given")
    if is_told and record.changes and not says(verdicts, record.text, Outcome.HIT):
        found.append("a change is no hit")
    if says(verdicts, record.text, Outcome.HIT) and (record.changes is False or not is_told):
        found.append("no change is a hit")
    if len(record.informative) < len(record.key) or not is_told:
        if Outcome.NOT_COVERED not in outcomes:
            found.append("an unknown result leaves no gap")
        if Outcome.CLEAR in outcomes:
            found.append("an unknown result is clear")
    if len(record.informative) > 1:
        found += [f"without {gene}: {fault}" for gene in record.key
                  for fault in _faults_without(rules, record, gene, all_records)]  # fmt: skip
    return found


def _faults_without(
    rules: SafetyRules, record: Record, gene: str, all_records: list[Record]
) -> list[str]:
    verdicts = judge(rules, record, without=gene)
    found = []
    if Outcome.NOT_COVERED not in {verdict.outcome for verdict in verdicts}:
        found.append("not a gap")
    if Outcome.CLEAR in {verdict.outcome for verdict in verdicts}:
        found.append("clear")
    of_rest = [
        other
        for other in all_records
        if other.drug == record.drug and {**record.key, gene: "No Result"} == other.key
    ]
    is_own = any(_letters(record.text) in _letters(other.text) for other in of_rest)
    if says(verdicts, record.text) and not is_own:
        found.append("its text is given")
    return found
