"""Lists of serious interactions made by others: none of their pairs may be clear on the starter."""

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path

from recommend.profile import Fact, Knowledge, PatientProfile
from recommend.safety import PatientState, SafetyRules
from recommend.safety import interaction as check
from recommend.safety.interaction import covering
from recommend.suggestion import Outcome


def outcomes(rules: SafetyRules, taken: str, drug: str) -> set[Outcome]:
    profile = PatientProfile(drugs=(Fact(taken),), drugs_known=Knowledge.KNOWN)
    return {v.outcome for v in check.check(rules, PatientState(profile, rules), drug)}


def onc_pairs(file: Path) -> Iterator[tuple[str, str]]:
    for line in file.read_text(encoding="utf-8-sig").splitlines():
        cells = line.strip().split("$")
        yield f"DRUGBANK:{cells[1]}", f"DRUGBANK:{cells[3]}"


def test_a_high_priority_pair_of_the_onc_is_a_hit_if_covered_and_never_clear_in_either_order(
    rules: SafetyRules, data: Path
) -> None:
    pairs = [
        (a, b)
        for a, b in onc_pairs(data / "ddi" / "ONC_High_Priority_Mapped.csv")
        if rules.graph.find(a) and rules.graph.find(b)
    ]

    assert len(pairs) > 300
    found = [(outcomes(rules, a, b), outcomes(rules, b, a)) for a, b in pairs]
    assert all(forth == back for forth, back in found)
    assert all(Outcome.CLEAR not in forth for forth, _ in found)
    covered = [covering(rules, a, b) for a, b in pairs]
    assert sum(map(bool, covered)) > 50
    assert all(forth == {Outcome.HIT} for (forth, _), by in zip(found, covered, strict=True) if by)
    # The list itself is no part of the starter, nor are all of its drugs covered.
    assert sum(forth == {Outcome.HIT} for forth, _ in found) > 0.9 * len(pairs)


def test_no_major_interaction_of_ddinter_is_clear(rules: SafetyRules, data: Path) -> None:
    drugs = {rules.name(i).casefold(): i for i in rules.graph.ids["Drug"].to_pylist()}
    n_pairs = 0
    for file in sorted((data / "ddi" / "ddinter").glob("*.csv.gz")):
        with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                a, b = (drugs.get(row[name].casefold()) for name in ("Drug_A", "Drug_B"))
                if a and b and row["Level"] == "Major":
                    n_pairs += 1
                    assert Outcome.CLEAR not in outcomes(rules, a, b), (
                        row["Drug_A"],
                        row["Drug_B"],
                    )

    assert n_pairs > 1000
