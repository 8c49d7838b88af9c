"""Rules of groups become pairs of drugs; and the rules and groups of the starter graph."""

import csv
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import kg
from kg.builder import build
from kg.errors import SourceError
from kg.graph import Graph
from kg.schema import EdgeType
from kg.sources import create_source
from kg.sources.starter_interactions import expand

STARTER = Path(kg.__file__).parent / "starter"
INTERACTS = EdgeType("Drug", "interacts", "Drug")
WORDS = ("severity", "mechanism", "effect", "topical")
SEVERITIES = ("none", "moderate", "major", "contraindicated")

# Pairs for which a rule of single drugs says less than a rule of a group. It is meant; a new one
# needs a line here.
MILDER = {
    ("Efavirenz", "Rifampicin"): "moderate",
    ("Efavirenz", "Rifapentine"): "moderate",
    ("Potassium Chloride", "Spironolactone"): "major",
}

# ---- what rules amount to, on four drugs and two overlapping groups

DRUGS = {"D:1", "D:2", "D:3", "D:4"}
MAJOR, MODERATE = ("major", "rule 2"), ("moderate", "rule 2")
GROUPS = {"ab": {"D:1", "D:2"}, "bc": {"D:2", "D:3"}, "ATC:X": {"D:3", "D:4"}}


def pairs(*rules: str) -> dict[tuple[str, str], set[tuple[str, str]]]:
    """Pair -> severity and mechanism of each rule that decides; a rule is "a b severity"."""
    result: dict[tuple[str, str], set[tuple[str, str]]] = {}
    found, refused = expand(cells(rules), DRUGS, GROUPS)
    for first, second, line, row in found:
        assert row["mechanism"] == f"rule {line}"
        result.setdefault((first, second), set()).add((row["severity"], row["mechanism"]))
    assert refused == []
    return result


def cells(rules: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """Each rule with its line, the first one in line 2."""
    table = [dict(zip(("a", "b", "severity"), rule.split(" "), strict=True)) for rule in rules]
    return [(n, {**row, "mechanism": f"rule {n}"}) for n, row in enumerate(table, start=2)]


def test_a_rule_of_two_groups_means_every_pair_across_them_but_no_drug_with_itself() -> None:
    assert set(pairs("ab bc major")) == {("D:1", "D:2"), ("D:1", "D:3"), ("D:2", "D:3")}


def test_a_rule_of_a_group_with_itself_means_every_pair_within() -> None:
    assert set(pairs("ATC:X ATC:X major")) == {("D:3", "D:4")}


def test_a_pair_is_the_same_in_either_order() -> None:
    assert pairs("D:1 D:4 major") == pairs("D:4 D:1 major") == {("D:1", "D:4"): {MAJOR}}


def test_a_side_of_several_stands_for_one_rule_for_each() -> None:
    assert set(pairs("D:1|ATC:X D:2 major")) == {("D:1", "D:2"), ("D:2", "D:3"), ("D:2", "D:4")}
    # D:3 is named by itself and in a class; the first counts.
    assert pairs("D:3|ATC:X D:1 moderate", "ATC:X D:1 major")["D:1", "D:3"] == {MODERATE}


@pytest.mark.parametrize(
    ("specific", "broad"),
    [("D:1 D:3", "D:1 bc"), ("D:1 D:3", "ab bc"), ("ab D:3", "ab bc"), ("D:1 D:3", "D:1 ATC:X")],
)
@pytest.mark.parametrize("severity", SEVERITIES[1:])
def test_the_more_specific_rule_decides_whatever_it_says_and_wherever_it_stands(
    specific: str, broad: str, severity: str
) -> None:
    first = pairs(f"{specific} {severity}", f"{broad} major")
    last = pairs(f"{broad} major", f"{specific} {severity}")

    assert first["D:1", "D:3"] == {(severity, "rule 2")}
    assert last["D:1", "D:3"] == {(severity, "rule 3")}


def test_among_rules_of_one_rank_the_worst_severity_wins_and_each_that_states_it_stays() -> None:
    rules = ["D:1 bc moderate", "D:3 ab contraindicated", "D:1 ATC:X contraindicated"]
    worst = {("contraindicated", "rule 3"), ("contraindicated", "rule 4")}

    assert pairs(*rules)["D:1", "D:3"] == worst
    assert pairs(*rules, "D:1 bc none")["D:1", "D:3"] == worst


def test_none_takes_a_pair_out_of_a_broader_rule_and_of_no_narrower_one() -> None:
    assert set(pairs("ab bc major", "D:1 D:3 none")) == {("D:1", "D:2"), ("D:2", "D:3")}
    assert set(pairs("ab bc major", "D:3 ab none")) == {("D:1", "D:2")}
    assert set(pairs("D:1 D:3 major", "ab bc none")) == {("D:1", "D:3")}


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("nobody D:1 major", "unknown drug, group or class 'nobody'"),
        ("D:1|D:9 ab major", "unknown drug, group or class 'D:9'"),
        ("D:1 ATC:Y major", "unknown drug, group or class 'ATC:Y'"),
        ("D:1| D:2 major", "unknown drug, group or class ''"),
        ("D:1 D:1 major", "the rule names no two drugs"),
        ("D:1 D:2 severe", "severity 'severe' is none of none, moderate, major, contraindicated"),
    ],
)
def test_a_rule_that_cannot_be_read_is_refused_whole_and_the_others_stay(
    rule: str, reason: str
) -> None:
    found, refused = expand(cells([rule, "D:1 D:2 moderate"]), DRUGS, GROUPS)

    assert [(r.file, r.line, r.reason) for r in refused] == [("interacts.tsv", 2, reason)]
    assert [(i.first, i.second, i.line) for i in found] == [("D:1", "D:2", 3)]


# ---- the starter's own rules


def rows(name: str) -> list[dict[str, str]]:
    """The rows of one starter table by column."""
    with (STARTER / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


RULES = rows("interacts")
NAMES = {row["id"]: row["name"] for row in rows("drugs")}
MEMBERS: dict[str, set[str]] = {drug: {drug} for drug in NAMES}
for _row in rows("includes"):
    MEMBERS.setdefault(_row["drug_class"], set()).add(_row["drug"])
for _row in rows("interaction_groups"):
    MEMBERS.setdefault(_row["group"], set()).add(_row["drug"])


def named(rule: dict[str, str]) -> set[frozenset[str]]:
    """The pairs that a rule names."""
    sides = ({d for s in rule[c].split("|") for d in MEMBERS[s]} for c in ("a", "b"))
    return {frozenset(both) for both in product(*sides) if len(set(both)) == 2}


@pytest.fixture(scope="module")
def decided(starter: Graph) -> dict[frozenset[str], set[tuple[str, ...]]]:
    """Pair -> what the built graph says of it: the words of its rules and their references."""
    table, ids = starter.edge_tables[INTERACTS], starter.ids["Drug"].to_pylist()
    result: dict[frozenset[str], set[tuple[str, ...]]] = {}
    for edge, ends in enumerate(np.stack([table.head, table.tail], axis=1).tolist()):
        said = [a.details for a in starter.assertions(INTERACTS, edge)]
        result[frozenset(ids[end] for end in ends)] = {
            (*(d.get(name, "") for name in WORDS), "|".join(d["reference"])) for d in said
        }
    return result


def test_a_rule_names_known_drugs_groups_and_classes_once_and_in_order() -> None:
    for rule in RULES:
        for sides in (rule["a"].split("|"), rule["b"].split("|")):
            assert sides == sorted(set(sides)), rule
            assert set(sides) <= set(MEMBERS), rule


def test_a_group_has_known_members_a_name_and_a_rule_and_is_no_class_by_another_name() -> None:
    table = rows("interaction_groups")
    groups = {row["group"] for row in table}
    used = {side for rule in RULES for c in ("a", "b") for side in rule[c].split("|")}
    sets = Counter(frozenset(drugs) for name, drugs in MEMBERS.items() if name not in NAMES)

    assert {row["drug"] for row in table} <= set(NAMES)
    assert len({(row["group"], row["drug"]) for row in table}) == len(table)
    assert [name for name in groups if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)] == []
    assert [name for name in groups if len(MEMBERS[name]) < 3] == []
    assert [name for name in groups if sets[frozenset(MEMBERS[name])] > 1] == []
    assert groups - used == set()


def test_every_rule_says_how_and_what_happens_in_a_sentence() -> None:
    for rule in RULES:
        assert rule["severity"] in SEVERITIES
        assert rule["mechanism"], rule
        assert rule["severity"] == "none" or re.fullmatch(r"[A-Z].{3,140}\.", rule["effect"]), rule


def test_every_rule_decides_on_some_pair(
    decided: dict[frozenset[str], set[tuple[str, ...]]],
) -> None:
    for rule in RULES:
        _, _, *words = rule.values()
        told = any(tuple(words) in decided.get(both, ()) for both in named(rule))
        assert told or rule["severity"] == "none", rule


def test_a_rule_of_single_drugs_is_milder_than_a_rule_of_groups_only_where_it_is_meant(
    decided: dict[frozenset[str], set[tuple[str, ...]]],
) -> None:
    milder = {}
    for rule in RULES:
        for both in named(rule):
            (found,) = {words[0] for words in decided.get(both, {("none",)})}
            if SEVERITIES.index(found) < SEVERITIES.index(rule["severity"]):
                first, second = sorted(NAMES[drug] for drug in both)
                milder[first, second] = found

    assert milder == MILDER


# ---- the files, damaged one at a time


@pytest.mark.parametrize(
    ("file", "line", "reason"),
    [
        ("interacts", "DRUGBANK:DB00331\tnobody\tmajor\tx\tX.\t\ty\n", "class 'nobody'"),
        ("interacts", "DRUGBANK:DB00331\tmaoi\tbad\tx\tX.\t\ty\n", "severity 'bad' is not of"),
        ("interacts", "DRUGBANK:DB00331\n", "1 columns, not 7"),
        ("interaction_groups", "maoi\tDRUGBANK:DB99999\tx\n", "unknown drug 'DRUGBANK:DB99999'"),
        ("contraindicated", "DRUGBANK:DB00331\tDOID:784\tbad\tx\t\ty\n", "severity 'bad' is not"),
        (
            "contraindicated",
            "DRUGBANK:DB00331\tDOID:0\tmajor\tx\t\ty\n",
            "disease 'DOID:0'",
        ),
        ("interacts", "DRUGBANK:DB00331\tmaoi\tmajor\tx\tX.\teye\ty\n", "unknown drug 'eye'"),
        ("pregnancy", "DRUGBANK:DB00331\tMajor\tx\t\ty\n", "severity 'Major' is not of"),
        ("lactation", "DRUGBANK:DB00331\tmajor\tx\tno\ty\n", "topical 'no' is not of"),
        ("kidney", "DRUGBANK:DB00331\teGFR\tabc\tmajor\tx\ty\n", "below 'abc' is not of"),
        ("kidney", "DRUGBANK:DB00331\tGFR\t30\tmajor\tx\ty\n", "measure 'GFR' is not of"),
        ("liver", "DRUGBANK:DB00331\tD\tmajor\tx\ty\n", "child_pugh 'D' is not of"),
        ("age", "DRUGBANK:DB00331\t-1\t\tmajor\tx\ty\n", "below_years '-1' is not of"),
        ("age", "DRUGBANK:DB00331\t2\t65\tmajor\tx\ty\n", "and only one"),
        ("age", "DRUGBANK:DB00331\t\t\tmajor\tx\ty\n", "and only one"),
        ("triples", "maoi\tnobody\tmaoi\tmajor\tx\tX.\ty\n", "class 'nobody'"),
        ("withdrawn", "DRUGBANK:DB00331\tnowhere\tlong ago\ty\n", "year 'long ago' is not of"),
        ("universes", "interacts\tall\tlately\ty\n", "date 'lately' is not of"),
        ("coverage", "interact\tDRUGBANK:DB00331\t\tx\n", "table 'interact' is not of"),
        ("coverage", "interacts\tDRUGBANK:DB00331\tall\tx\n", "extent 'all' is not of"),
        ("guidance", "NCBIGene:1565\tPoor\tDRUGBANK:DB00331\tx\tStrong\ty\tz\n", "strength"),
    ],
)
def test_a_bad_row_of_a_table_that_safety_rests_on_stops_the_build(
    tmp_path: Path, file: str, line: str, reason: str
) -> None:
    folder = Path(shutil.copytree(STARTER, tmp_path / "starter"))
    text = (folder / f"{file}.tsv").read_text(encoding="utf-8")
    (folder / f"{file}.tsv").write_text(text + line, encoding="utf-8")

    with pytest.raises(SourceError) as caught:
        build([create_source("starter", folder)])

    assert f"{file}.tsv line {text.count(chr(10)) + 1}: " in str(caught.value)
    assert reason in str(caught.value)


def test_a_bad_row_of_another_table_is_refused_and_the_rest_is_read(
    tmp_path: Path, starter: Graph
) -> None:
    folder = Path(shutil.copytree(STARTER, tmp_path / "starter"))
    with (folder / "causes.tsv").open("a", encoding="utf-8") as file:
        file.write("DRUGBANK:DB00331\n")

    result = build([create_source("starter", folder)])

    assert [row.file for row in result.report.refused] == ["causes.tsv"]
    assert result.graph.fingerprint == starter.fingerprint
