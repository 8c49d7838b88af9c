"""The interactions, cross-allergies and combinations of the starter graph, and what they cover.

Interactions are looked at as pairs in the built graph; for the rules that people write, see
``test_starter_interaction_rules``.
"""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import kg
from kg.graph import Graph
from kg.schema import EdgeType

STARTER = Path(kg.__file__).parent / "starter"
COLUMNS = {
    "interacts": "a b severity mechanism effect topical reference",
    "interaction_groups": "group drug reference",
    "allergy": "allergen_class drug_class severity why reference",
    "allergy_families": "family drug severity reference",
    "combinations": "drug_a drug_b reason reference",
    "coverage": "table drug extent reference",
}
PAIRED = ("allergy", "combinations")
RANKS = {"moderate": 0, "major": 1, "contraindicated": 2}

# Pairs that every textbook names, with the severity that ours must at least have.
TEXTBOOK = [
    ("Sildenafil", "Nitroglycerin", "contraindicated"),
    ("Tadalafil", "Isosorbide Mononitrate", "contraindicated"),
    ("Digoxin", "Verapamil", "major"),
    ("Digoxin", "Amiodarone", "major"),
    ("Digoxin", "Clarithromycin", "major"),
    ("Digoxin", "Quinidine", "major"),
    ("Lisinopril", "Spironolactone", "major"),
    ("Ramipril", "Potassium Chloride", "major"),
    ("Losartan", "Trimethoprim", "major"),
    ("Enalapril", "Sacubitril", "contraindicated"),
    ("Warfarin", "Fluconazole", "major"),
    ("Warfarin", "Metronidazole", "major"),
    ("Warfarin", "Sulfamethoxazole", "major"),
    ("Warfarin", "Amiodarone", "major"),
    ("Warfarin", "Acetylsalicylic acid", "major"),
    ("Warfarin", "Ibuprofen", "major"),
    ("Warfarin", "Rifampicin", "major"),
    ("Simvastatin", "Clarithromycin", "contraindicated"),
    ("Simvastatin", "Gemfibrozil", "contraindicated"),
    ("Simvastatin", "Itraconazole", "contraindicated"),
    ("Simvastatin", "Verapamil", "major"),
    ("Simvastatin", "Amlodipine", "moderate"),
    ("Phenelzine", "Fluoxetine", "contraindicated"),
    ("Tranylcypromine", "Meperidine", "contraindicated"),
    ("Phenelzine", "Dextromethorphan", "contraindicated"),
    ("Linezolid", "Sertraline", "major"),
    ("Oxycodone", "Diazepam", "major"),
    ("Morphine", "Gabapentin", "major"),
    ("Methotrexate", "Trimethoprim", "major"),
    ("Lithium", "Hydrochlorothiazide", "major"),
    ("Lithium", "Ibuprofen", "major"),
    ("Theophylline", "Ciprofloxacin", "major"),
    ("Terfenadine", "Ketoconazole", "contraindicated"),
    ("Clopidogrel", "Omeprazole", "major"),
    ("Allopurinol", "Azathioprine", "major"),
    ("Ethinyl Estradiol", "Rifampicin", "major"),
    ("Tacrolimus", "Clarithromycin", "major"),
    ("Metoprolol", "Verapamil", "major"),
    ("Glyburide", "Fluconazole", "major"),
    ("Colchicine", "Clarithromycin", "contraindicated"),
    ("Tamoxifen", "Paroxetine", "major"),
    ("Codeine", "Paroxetine", "moderate"),
    ("Valproic Acid", "Meropenem", "major"),
    ("Tizanidine", "Fluvoxamine", "contraindicated"),
    ("Levothyroxine", "Ferrous sulfate", "moderate"),
    ("Doxycycline", "Ferrous sulfate", "moderate"),
    ("Gentamicin", "Furosemide", "major"),
    ("Naproxen", "Ibuprofen", "major"),
    ("Riociguat", "Sildenafil", "contraindicated"),
    ("Vardenafil", "Nitroglycerin", "contraindicated"),
    ("Nicorandil", "Tadalafil", "contraindicated"),
    ("Dofetilide", "Verapamil", "contraindicated"),
    ("Dofetilide", "Hydrochlorothiazide", "contraindicated"),
    ("Lomitapide", "Itraconazole", "contraindicated"),
    ("Isotretinoin", "Vitamin A", "contraindicated"),
    ("Disulfiram", "Ethanol", "contraindicated"),
    ("Triazolam", "Ketoconazole", "contraindicated"),
    ("Dihydroergotamine", "Clarithromycin", "contraindicated"),
    ("Apomorphine", "Ondansetron", "contraindicated"),
    ("Methylene blue", "Sertraline", "major"),
    ("St. John's Wort", "Warfarin", "contraindicated"),
    ("St. John's Wort", "Apixaban", "major"),
    ("Ethanol", "Diazepam", "major"),
    ("Metformin", "Iohexol", "major"),
    ("Miconazole", "Warfarin", "major"),
    ("Timolol", "Verapamil", "major"),
    ("Calcium Carbonate", "Levothyroxine", "moderate"),
]
# Pairs of common medicines that are given together every day without a described interaction.
UNEVENTFUL = [
    ("Acetaminophen", "Amoxicillin"),
    ("Metformin", "Simvastatin"),
    ("Loratadine", "Metoprolol"),
    ("Ethinyl Estradiol", "Amoxicillin"),
]


def rows(name: str) -> list[dict[str, str]]:
    """The rows of one starter table by column."""
    with (STARTER / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def pair(row: dict[str, str]) -> frozenset[str]:
    """The two ids of a row, in no order."""
    first, second, *_ = row.values()
    return frozenset((first, second))


DRUGS = {row["name"]: row["id"] for row in rows("drugs")}
CLASSES = {row["id"] for row in rows("drug_classes")}
DECLARED = {row["drug"] for row in rows("coverage") if row["table"] == "interacts"}


@pytest.fixture(scope="module")
def details(starter: Graph) -> dict[frozenset[str], list[dict[str, str]]]:
    """What the built graph says of each pair of drugs."""
    edge_type = EdgeType("Drug", "interacts", "Drug")
    table, ids = starter.edge_tables[edge_type], starter.ids["Drug"].to_pylist()
    ends = zip(np.asarray(table.head).tolist(), np.asarray(table.tail).tolist(), strict=True)
    return {
        frozenset((ids[head], ids[tail])): [
            dict(a.details) for a in starter.assertions(edge_type, edge)
        ]
        for edge, (head, tail) in enumerate(ends)
    }


@pytest.fixture(scope="module")
def severity(details: dict[frozenset[str], list[dict[str, str]]]) -> dict[frozenset[str], str]:
    """Pair -> its severity; several rules that decide on a pair agree on it."""
    assert [both for both, said in details.items() if len({d["severity"] for d in said}) > 1] == []
    return {both: said[0]["severity"] for both, said in details.items()}


@pytest.mark.parametrize("name", COLUMNS)
def test_tables_have_their_columns_sorted_rows_and_no_stray_space_or_quote(name: str) -> None:
    text = (STARTER / f"{name}.tsv").read_text(encoding="utf-8")
    header, *lines = text.removesuffix("\n").split("\n")
    cells = [line.split("\t") for line in lines]

    assert text.endswith("\n")
    assert "\r" not in text
    assert '"' not in text
    assert header.split("\t") == COLUMNS[name].split()
    assert {len(row) for row in cells} == {len(header.split("\t"))}
    assert cells == sorted(cells)
    assert [c for row in cells for c in row if c != c.strip() or "||" in c] == []


@pytest.mark.parametrize("name", PAIRED)
def test_a_pair_is_listed_once_and_joins_two_different_known_nodes(name: str) -> None:
    known = CLASSES if name == "allergy" else set(DRUGS.values())
    table = rows(name)

    assert [n for n in map(sorted, map(pair, table)) if len(n) != 2 or not set(n) <= known] == []
    assert [p for p, n in Counter(map(pair, table)).items() if n > 1] == []


def test_severities_come_from_the_vocabulary() -> None:
    assert {row["severity"] for row in rows("allergy")} <= set(RANKS)
    assert {row["severity"] for row in rows("interacts")} <= {*RANKS, "none"}


def test_the_built_graph_holds_at_least_six_hundred_interactions_each_fully_told(
    details: dict[frozenset[str], list[dict[str, str]]],
) -> None:
    columns = {"severity", "mechanism", "effect", "reference"}

    assert len(details) >= 600
    assert [both for both in details if len(both) != 2] == []
    assert [
        both for both, said in details.items() if any(set(d) - {"topical"} != columns for d in said)
    ] == []


@pytest.mark.parametrize(("first", "second", "least"), TEXTBOOK)
def test_a_textbook_pair_is_known_with_at_least_its_severity(
    severity: dict[frozenset[str], str], first: str, second: str, least: str
) -> None:
    found = severity[frozenset((DRUGS[first], DRUGS[second]))]

    assert RANKS[found] >= RANKS[least]


@pytest.mark.parametrize(("first", "second"), UNEVENTFUL)
def test_an_uneventful_pair_is_covered_and_has_no_edge(
    severity: dict[frozenset[str], str], first: str, second: str
) -> None:
    both = frozenset((DRUGS[first], DRUGS[second]))

    assert both <= DECLARED
    assert both not in severity


def test_coverage_declares_each_drug_once_and_only_known_drugs_and_tables() -> None:
    table = rows("coverage")

    assert {row["table"] for row in table} == {"contraindicated", "interacts"}
    assert {row["drug"] for row in table}.issubset(DRUGS.values())
    assert len({(row["table"], row["drug"]) for row in table}) == len(table)


def test_a_combination_that_spares_a_duplicate_shares_a_class() -> None:
    members: dict[str, set[str]] = {}
    for row in rows("includes"):
        members.setdefault(row["drug_class"], set()).add(row["drug"])

    for row in rows("combinations"):
        assert any(pair(row) <= drugs for drugs in members.values()), row


def test_a_combination_is_not_a_contraindicated_pair(
    severity: dict[frozenset[str], str],
) -> None:
    barred = {both for both, found in severity.items() if found != "moderate"}

    assert {tuple(sorted(pair(r))) for r in rows("combinations") if pair(r) in barred} == set()


def test_every_high_priority_pair_of_the_public_list_is_known_where_both_are_nodes(
    data: Path, severity: dict[frozenset[str], str]
) -> None:
    text = (data / "ddi" / "ONC_High_Priority_Mapped.csv").read_text(encoding="utf-8-sig")
    listed = set()
    for line in text.splitlines():
        _, first, _, second, *_ = line.split("$")
        listed.add(frozenset((f"DRUGBANK:{first}", f"DRUGBANK:{second}")))

    judged = {both for both in listed if len(both) == 2 and both <= set(DRUGS.values())}

    assert len(judged) > 1_100
    assert {tuple(sorted(both)) for both in judged - set(severity)} == set()
