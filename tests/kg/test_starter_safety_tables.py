"""The starter's tables of pregnancy, lactation, kidney, liver, age, triples and withdrawals."""

import csv
from collections.abc import Mapping
from itertools import product

import pytest

from kg.graph import Graph
from kg.schema import EdgeType
from kg.sources.starter_interactions import sides_of_three
from tests.graphs import starter_folder

INTERACTS = EdgeType("Drug", "interacts", "Drug")
GRADES = ("contraindicated", "major", "moderate", "none")


def rows(name: str) -> list[dict[str, str]]:
    """The rows of one starter table by column."""
    with (starter_folder() / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


DRUGS = {row["name"]: row["id"] for row in rows("drugs")}
DISEASES = {row["name"]: row["id"] for row in rows("diseases")}
IDS = set(DRUGS.values())
# Patches, sprays, films and rings that act in the whole body: a rule of theirs counts all routes.
EVERYWHERE = ("Fentanyl", "Nitroglycerin", "Clonidine", "Rotigotine", "Ethinyl Estradiol")


def found(table: str, drug: str, **keys: str) -> list[str]:
    """The severities that a table states of a drug, in the order of its rows."""
    keys["drug"] = DRUGS[drug]
    return [
        row["severity"]
        for row in rows(table)
        if all(row[column] == value for column, value in keys.items())
    ]


@pytest.mark.parametrize(
    ("drug", "severity"),
    [
        *(
            (name, "contraindicated")
            for name in ("Lisinopril", "Losartan", "Aliskiren", "Warfarin")
        ),
        *((name, "contraindicated") for name in ("Isotretinoin", "Acitretin", "Methotrexate")),
        *((name, "contraindicated") for name in ("Thalidomide", "Ribavirin", "Misoprostol")),
        *((name, "contraindicated") for name in ("Bosentan", "Ambrisentan", "Riociguat")),
        *((name, "contraindicated") for name in ("Valproic Acid", "Leflunomide", "Simvastatin")),
        *((name, "major") for name in ("Carbamazepine", "Topiramate", "Lithium", "Doxycycline")),
        *((name, "none") for name in ("Acetaminophen", "Labetalol", "Methyldopa", "Amoxicillin")),
        *((name, "none") for name in ("Cephalexin", "Levothyroxine", "Insulin Regular")),
    ],
)
def test_a_textbook_drug_in_pregnancy_has_its_severity(drug: str, severity: str) -> None:
    assert found("pregnancy", drug) == [severity]


@pytest.mark.parametrize(
    ("drug", "severity"),
    [
        ("Codeine", "contraindicated"),
        ("Amiodarone", "contraindicated"),
        ("Methotrexate", "contraindicated"),
        ("Ergotamine", "contraindicated"),
        ("Sodium iodide I-131", "contraindicated"),
        ("Lithium", "major"),
        ("Tramadol", "major"),
        ("Ibuprofen", "none"),
        ("Sertraline", "none"),
        ("Warfarin", "none"),
    ],
)
def test_a_textbook_drug_in_lactation_has_its_severity(drug: str, severity: str) -> None:
    assert found("lactation", drug) == [severity]


@pytest.mark.parametrize(
    ("drug", "measure", "below", "severity"),
    [
        ("Metformin", "eGFR", "30", "contraindicated"),
        ("Metformin", "eGFR", "45", "moderate"),
        ("Nitrofurantoin", "eGFR", "45", "major"),
        ("Dabigatran etexilate", "CrCl", "30", "contraindicated"),
        ("Alendronate", "CrCl", "35", "major"),
        ("Zoledronate", "CrCl", "35", "contraindicated"),
        ("Dofetilide", "CrCl", "20", "contraindicated"),
        ("Ibuprofen", "eGFR", "30", "major"),
        ("Lithium", "eGFR", "30", "major"),
    ],
)
def test_a_kidney_limit_names_its_measure(
    drug: str, measure: str, below: str, severity: str
) -> None:
    assert found("kidney", drug, measure=measure, below=below) == [severity]


@pytest.mark.parametrize(
    ("drug", "child_pugh", "severity"),
    [
        ("Valproic Acid", "A", "contraindicated"),
        ("Ketoconazole", "A", "contraindicated"),
        ("Duloxetine", "A", "contraindicated"),
        ("Rivaroxaban", "B", "contraindicated"),
        ("Metformin", "C", "contraindicated"),
        ("Acetaminophen", "C", "major"),
        ("Tramadol", "B", "major"),
    ],
)
def test_a_liver_limit_is_where_the_label_has_it(drug: str, child_pugh: str, severity: str) -> None:
    assert found("liver", drug, child_pugh=child_pugh) == [severity]


@pytest.mark.parametrize(
    ("drug", "column", "years", "severity"),
    [
        ("Acetylsalicylic acid", "below_years", "16", "contraindicated"),
        ("Codeine", "below_years", "12", "contraindicated"),
        ("Doxycycline", "below_years", "8", "contraindicated"),
        ("Promethazine", "below_years", "2", "contraindicated"),
        ("Chloramphenicol", "below_years", "0.08", "contraindicated"),
        ("Diazepam", "from_years", "65", "major"),
        ("Diphenhydramine", "from_years", "65", "major"),
        ("Amitriptyline", "from_years", "65", "major"),
        ("Glyburide", "from_years", "65", "major"),
        ("Digoxin", "from_years", "65", "moderate"),
    ],
)
def test_an_age_limit_is_of_the_young_or_of_the_old(
    drug: str, column: str, years: str, severity: str
) -> None:
    assert found("age", drug, **{column: years}) == [severity]


def test_what_a_table_calls_compatible_gives_no_other_verdict_and_has_a_reason() -> None:
    for name in ("pregnancy", "lactation"):
        table = rows(name)
        assert {row["severity"] for row in table} == {
            "contraindicated",
            "major",
            "moderate",
            "none",
        }
        assert len({row["drug"] for row in table}) == len(table)
        assert all(row["why"].endswith(".") for row in table)


def test_a_triple_joins_three_sides_of_different_known_drugs(starter: Graph) -> None:
    table = starter.statements["triples"]

    assert table
    for row in table:
        sides = [set(row[column].split("|")) for column in "abc"]
        assert all(sides)
        assert set().union(*sides) <= IDS
        assert any(len(set(three)) == 3 for three in product(*sides)), row["effect"]


@pytest.mark.parametrize(
    "names",
    [
        ("Ibuprofen", "Lisinopril", "Furosemide"),
        ("Naproxen", "Losartan", "Hydrochlorothiazide"),
        ("Acetylsalicylic acid", "Clopidogrel", "Warfarin"),
        ("Morphine", "Diazepam", "Pregabalin"),
        ("Ramipril", "Spironolactone", "Trimethoprim"),
    ],
)
def test_a_textbook_triple_is_known(starter: Graph, names: tuple[str, str, str]) -> None:
    wanted = {DRUGS[name] for name in names}

    assert any(
        wanted == set(three)
        for row in starter.statements["triples"]
        for three in product(*(wanted & set(row[column].split("|")) for column in "abc"))
    )


def test_the_sides_of_a_triple_are_drugs_classes_and_groups_each_drug_once() -> None:
    groups = {"D:1": {"D:1"}, "D:2": {"D:2"}, "D:3": {"D:3"}, "pair": {"D:1", "D:2"}}
    good = {"a": "pair|D:1", "b": "D:3", "c": "D:2", "severity": "major"}
    bad = {"a": "pair", "b": "nobody", "c": "D:2", "severity": "major"}

    kept, refused = sides_of_three([(2, good), (3, bad)], groups)

    assert kept == [(2, {**good, "a": "D:1|D:2"})]
    assert [(r.file, r.line, r.reason) for r in refused] == [
        ("triples.tsv", 3, "unknown drug, group or class 'nobody'")
    ]


def said(starter: Graph) -> dict[frozenset[str], list[Mapping[str, object]]]:
    table, ids = starter.edge_tables[INTERACTS], starter.ids["Drug"].to_pylist()
    return {
        frozenset((ids[head], ids[tail])): [a.details for a in starter.assertions(INTERACTS, edge)]
        for edge, (head, tail) in enumerate(
            zip(table.head.tolist(), table.tail.tolist(), strict=True)
        )
    }


@pytest.mark.parametrize(
    ("first", "second", "route_of"),
    [
        ("Timolol", "Verapamil", "Timolol"),
        ("Timolol", "Salbutamol", "Timolol"),
        ("Warfarin", "Miconazole", "any"),
        ("Ritonavir", "Fluticasone Propionate", "any"),
        ("Sildenafil", "Nitroglycerin", "Nitroglycerin"),
        ("Fentanyl", "Clarithromycin", "Fentanyl"),
        ("Phenelzine", "Brimonidine", "Brimonidine"),
    ],
)
def test_a_drop_gel_or_patch_counts_where_it_acts_in_the_body(
    starter: Graph, first: str, second: str, route_of: str
) -> None:
    details = said(starter)[frozenset((DRUGS[first], DRUGS[second]))]
    counted = {part for d in details for part in str(d.get("topical", "")).split("|")}

    assert DRUGS.get(route_of, route_of) in counted


@pytest.mark.parametrize("name", EVERYWHERE)
def test_a_drug_given_as_a_patch_or_ring_is_never_exempt_as_topical(
    starter: Graph, name: str
) -> None:
    for pair, details in said(starter).items():
        if DRUGS[name] in pair:
            topical = {part for d in details for part in str(d.get("topical", "")).split("|")}
            assert topical & {"any", DRUGS[name]}, pair
    for table in ("contraindicated", "pregnancy", "lactation"):
        stated = [row for row in rows(table) if row["drug"] == DRUGS[name]]
        assert all(row["topical"] == "yes" or row["severity"] == "none" for row in stated)


def test_topical_cells_name_a_drug_of_the_rule() -> None:
    members: dict[str, set[str]] = {drug: {drug} for drug in IDS}
    for row in rows("includes"):
        members.setdefault(row["drug_class"], set()).add(row["drug"])
    for row in rows("interaction_groups"):
        members.setdefault(row["group"], set()).add(row["drug"])
    for rule in rows("interacts"):
        named = {d for c in "ab" for side in rule[c].split("|") for d in members[side]}
        if rule["topical"] not in ("", "any"):
            assert set(rule["topical"].split("|")) <= named, rule


def test_withdrawn_drugs_say_where_and_when() -> None:
    table = rows("withdrawn")
    names = {identifier: name for name, identifier in DRUGS.items()}

    assert {"Rofecoxib", "Valdecoxib", "Cerivastatin", "Terfenadine", "Cisapride"} <= {
        names[row["drug"]] for row in table
    }
    assert all(row["where"] and 1950 <= int(row["year"]) <= 2026 for row in table)


def test_each_promise_of_coverage_has_one_universe() -> None:
    universes = [row["table"] for row in rows("universes")]

    assert sorted(universes) == sorted({row["table"] for row in rows("coverage")})


@pytest.mark.parametrize(
    ("drug", "disease", "severity"),
    [
        ("Timolol", "asthma", "contraindicated"),
        ("Cilostazol", "congestive heart failure", "contraindicated"),
        ("Rasburicase", "glucosephosphate dehydrogenase deficiency", "contraindicated"),
        ("Fluphenazine", "Parkinson's disease", "contraindicated"),
        ("Ibuprofen", "aspirin-induced respiratory disease", "contraindicated"),
        ("Liraglutide", "medullary thyroid carcinoma", "contraindicated"),
        ("Loperamide", "Clostridium difficile colitis", "contraindicated"),
        ("Zolmitriptan", "coronary artery disease", "contraindicated"),
        ("Dosulepin", "myocardial infarction", "major"),
    ],
)
def test_a_danger_of_the_later_drugs_and_diseases_has_its_severity(
    drug: str, disease: str, severity: str
) -> None:
    assert found("contraindicated", drug, disease=DISEASES[disease]) == [severity]
