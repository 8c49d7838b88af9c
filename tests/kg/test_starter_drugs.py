"""The starter graph's drugs, classes and products: their form, and what their codes mean."""

import csv
import gzip
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import kg

STARTER = Path(kg.__file__).parent / "starter"
CURIE = re.compile(r"DRUGBANK:DB\d{5}")
CLASS = re.compile(r"ATC:[A-Z]\d{2}[A-Z]{1,2}")
COLUMNS = {
    "drugs.tsv": "id name name_zh synonyms rxnorm atc reference",
    "drug_classes.tsv": "id name name_zh synonyms snomed_allergy reference",
    "includes.tsv": "drug_class drug reference",
    "products.tsv": "name rxnorm ingredients reference",
}

# Named by no file of the shared data, which is older or holds only part of DrugBank.
NOT_IN_SHARED_DATA = {
    "DRUGBANK:DB04854",  # febuxostat
    "DRUGBANK:DB09035",  # nivolumab
    "DRUGBANK:DB09153",  # sodium chloride
    "DRUGBANK:DB09293",  # sodium iodide I-131
    "DRUGBANK:DB09302",  # alirocumab
    "DRUGBANK:DB09324",  # sulbactam
    "DRUGBANK:DB15171",  # tirzepatide
    "DRUGBANK:DB16165",  # finerenone
    "DRUGBANK:DB16691",  # nirmatrelvir
}

# Ingredient concepts that the shared RxCUI-UNII map leaves out; read in CPIC's table of drugs.
RXNORM_FROM_CPIC_TABLE = {
    *("154", "435", "2020", "2555", "3002", "4441", "4493", "6313", "6694", "6813"),
    *("6901", "6918", "8150", "8754", "8787", "10390", "10502", "15996", "19831", "20352"),
    *("32592", "36117", "39786", "42347", "84108", "114979", "121191", "135447", "318341"),
    "1455099",
}


def rows(name: str) -> list[dict[str, str]]:
    """The rows of one starter table by column."""
    with (STARTER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def cell(text: str) -> list[str]:
    """The members of a list cell."""
    return text.split("|") if text else []


def duplicates(values: Iterable[str]) -> list[str]:
    """Values that occur more than once."""
    return [value for value, n in Counter(values).items() if n > 1]


DRUGS = {row["id"]: row for row in rows("drugs.tsv")}
CLASSES = {row["id"]: row for row in rows("drug_classes.tsv")}
PRODUCTS = rows("products.tsv")
INCLUDES = rows("includes.tsv")


def names_of(drug: dict[str, str]) -> set[str]:
    """All English names of a drug, in lower case."""
    return {name.lower() for name in [drug["name"], *cell(drug["synonyms"])]}


@pytest.mark.parametrize("name", COLUMNS)
def test_tables_have_their_columns_and_no_stray_space_quote_or_empty_list_member(name: str) -> None:
    text = (STARTER / name).read_text(encoding="utf-8")
    header, *lines = text.removesuffix("\n").split("\n")

    assert text.endswith("\n")
    assert "\r" not in text
    assert '"' not in text
    assert header.split("\t") == COLUMNS[name].split()
    for line in lines:
        cells = line.split("\t")
        assert len(cells) == len(COLUMNS[name].split()), line
        assert all(part == part.strip() for part in cells), line
        assert all(member.strip() for part in cells if part for member in part.split("|")), line


@pytest.mark.parametrize("name", ["drugs.tsv", "drug_classes.tsv"])
def test_keys_are_unique_and_in_order(name: str) -> None:
    keys = [next(iter(row.values())) for row in rows(name)]

    assert keys == sorted(set(keys))


def test_identifiers_are_curies_of_the_right_shape() -> None:
    assert [i for i in DRUGS if not CURIE.fullmatch(i)] == []
    assert [i for i in CLASSES if not CLASS.fullmatch(i)] == []


def test_every_drug_and_class_has_an_english_and_a_chinese_name() -> None:
    for row in [*DRUGS.values(), *CLASSES.values()]:
        assert row["name"], row
        assert re.search(r"[\u4e00-\u9fff]", row["name_zh"]), row["id"]


def test_no_name_means_two_drugs_two_classes_or_a_drug_and_a_class() -> None:
    names: defaultdict[str, set[str]] = defaultdict(set)
    for row in [*DRUGS.values(), *CLASSES.values()]:
        for name in [row["name"], row["name_zh"], *cell(row["synonyms"])]:
            names[name.casefold()].add(row["id"])

    assert {name: ids for name, ids in names.items() if len(ids) > 1} == {}


@pytest.mark.parametrize("column", ["rxnorm", "atc"])
def test_no_code_means_two_drugs(column: str) -> None:
    assert duplicates(code for drug in DRUGS.values() for code in cell(drug[column])) == []


def test_codes_have_the_shape_of_their_system() -> None:
    for drug in DRUGS.values():
        assert all(code.isdigit() for code in cell(drug["rxnorm"])), drug
        assert all(re.fullmatch(r"[A-Z]\d\d[A-Z]{2}\d\d", code) for code in cell(drug["atc"])), drug
    for row in CLASSES.values():
        assert row["snomed_allergy"] == "" or row["snomed_allergy"].isdigit(), row


def test_products_are_named_once_coded_once_and_made_of_known_drugs() -> None:
    assert duplicates(row["name"].casefold() for row in PRODUCTS) == []
    assert duplicates(row["rxnorm"] for row in PRODUCTS if row["rxnorm"]) == []
    for row in PRODUCTS:
        ingredients = cell(row["ingredients"])
        assert ingredients, row
        assert duplicates(ingredients) == []
        assert set(ingredients) <= set(DRUGS), row


def test_a_product_that_shares_a_name_or_code_with_a_drug_is_that_drug_alone() -> None:
    by_name = {name: i for i, drug in DRUGS.items() for name in names_of(drug)}
    by_code = {code: i for i, drug in DRUGS.items() for code in cell(drug["rxnorm"])}
    for row in PRODUCTS:
        for drug in (by_name.get(row["name"].lower()), by_code.get(row["rxnorm"])):
            assert drug is None or row["ingredients"] == drug, row


def test_a_product_that_names_ingredients_contains_exactly_those() -> None:
    mixtures = [row for row in PRODUCTS if " / " in row["name"]]

    assert len(mixtures) > 5
    for row in mixtures:
        parts, drugs = row["name"].split(" / "), cell(row["ingredients"])
        assert len(parts) == len(drugs), row
        assert all(any(_names(part, DRUGS[drug]) for drug in drugs) for part in parts), row
        assert all(any(_names(part, DRUGS[drug]) for part in parts) for drug in drugs), row


def _names(text: str, drug: dict[str, str]) -> bool:
    return any(name in text.lower() for name in names_of(drug))


def test_classes_include_only_known_drugs_and_none_is_empty() -> None:
    pairs = [(row["drug_class"], row["drug"]) for row in INCLUDES]

    assert pairs == sorted(set(pairs))
    assert {drug for _, drug in pairs} <= set(DRUGS)
    assert {drug_class for drug_class, _ in pairs} == set(CLASSES)


def test_membership_that_cites_the_atc_index_follows_from_an_atc_code() -> None:
    for row in INCLUDES:
        prefix = row["drug_class"].removeprefix("ATC:")
        follows = any(code.startswith(prefix) for code in cell(DRUGS[row["drug"]]["atc"]))
        assert follows == ("atc-ddd-2026" in cell(row["reference"])), row


@pytest.mark.parametrize(
    ("drug_class", "inside", "outside"),
    [
        ("ATC:M01A", "DRUGBANK:DB00945", "DRUGBANK:DB00316"),  # aspirin, not acetaminophen
        ("ATC:J01C", "DRUGBANK:DB01060", "DRUGBANK:DB00567"),  # amoxicillin, not cephalexin
        ("ATC:J01EC", "DRUGBANK:DB01015", "DRUGBANK:DB00440"),  # not trimethoprim
        ("ATC:C10AA", "DRUGBANK:DB00641", "DRUGBANK:DB00973"),  # simvastatin, not ezetimibe
        ("ATC:N05A", "DRUGBANK:DB00502", "DRUGBANK:DB01356"),  # haloperidol, not lithium
    ],
)
def test_an_allergy_class_holds_its_own_and_not_its_neighbour(
    drug_class: str, inside: str, outside: str
) -> None:
    members = {row["drug"] for row in INCLUDES if row["drug_class"] == drug_class}

    assert inside in members
    assert outside in DRUGS
    assert outside not in members


# From here on: the meaning of the codes, by the shared real data.


@pytest.fixture(scope="module")
def drugbank_names(data: Path) -> dict[str, set[str]]:
    """DrugBank CURIE -> names in lower case."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    with gzip.open(data / "drugbank" / "aliases.json.gz", "rt", encoding="utf-8") as file:
        for accession, names in json.load(file).items():
            found[f"DRUGBANK:{accession}"].update(name.strip().lower() for name in names)
    nodes = data / "hetionet" / "hetionet-v1.0-nodes.tsv"
    for line in nodes.read_text(encoding="utf-8").splitlines():
        identifier, name, _ = line.split("\t")
        if identifier.startswith("Compound::"):
            found[identifier.replace("Compound::", "DRUGBANK:")].add(name.lower())
    for part in ("val", "test"):
        for row in _csv_gz(data / "primekg" / f"drug_protein-{part}_edges.csv.gz"):
            for side in "xy":
                if row[f"{side}_source"] == "DrugBank":
                    found[f"DRUGBANK:{row[f'{side}_id']}"].add(row[f"{side}_name"].lower())
    return found


def _csv_gz(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def test_drugbank_ids_carry_the_drugs_own_names(drugbank_names: dict[str, set[str]]) -> None:
    absent = {i for i in DRUGS if i not in drugbank_names}
    wrong = [i for i in set(DRUGS) - absent if not names_of(DRUGS[i]) & drugbank_names[i]]

    assert wrong == []
    assert absent == NOT_IN_SHARED_DATA


def test_atc_codes_carry_the_drugs_own_names(data: Path) -> None:
    with (data / "atc" / "WHO_ATC-DDD_2026-04-25.csv").open(encoding="utf-8", newline="") as file:
        meaning = {row["atc_code"]: row["atc_name"].lower() for row in csv.DictReader(file)}
    written_otherwise = {
        "A10AB01": "insulin (human)",
        "A10AC01": "insulin (human)",
        "C02AB01": "methyldopa (levorotatory)",
        # The index says fluticasone for the propionate; alone the word could mean the furoate too.
        "D07AC17": "fluticasone",
        "R01AD08": "fluticasone",
        "R03BA05": "fluticasone",
    }
    for drug in DRUGS.values():
        for code in cell(drug["atc"]):
            assert meaning[code] in names_of(drug) | {written_otherwise.get(code)}, (drug, code)
    assert [i for i in CLASSES if i.removeprefix("ATC:") not in meaning] == []


def test_rxnorm_codes_lead_to_the_drug_by_unii_or_by_the_cpic_name(data: Path) -> None:
    drugs_of_unii: defaultdict[str, set[str]] = defaultdict(set)
    joined: defaultdict[str, set[str]] = defaultdict(set)
    for unii_row in _tsv(data / "drugbank" / "mapping-fdasrs-unii.tsv"):
        drugs_of_unii[unii_row["fdasrs_id"]].add(f"DRUGBANK:{unii_row['drugbank_id']}")
    for row in _tsv(data / "drugbank" / "rxcui-unii-map.tsv"):
        joined[row["rxnorm_id"]] |= drugs_of_unii[row["fdasrs_id"]]
    with gzip.open(data / "pgx" / "pharmcat-cpic-drugs-2022-09-15.json.gz", "rt") as file:
        cpic = {entry["drugid"]: entry["drugname"].lower() for entry in json.load(file)}
    from_table = set()
    for identifier, drug in DRUGS.items():
        for code in cell(drug["rxnorm"]):
            if identifier in joined[code] or cpic.get(f"RxNorm:{code}") in names_of(drug):
                continue
            assert joined[code] == set(), (drug, code)
            from_table.add(code)

    assert from_table == RXNORM_FROM_CPIC_TABLE


def _tsv(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t")


def test_every_medication_request_of_the_synthetic_patients_has_a_known_code(data: Path) -> None:
    known = {row["rxnorm"] for row in PRODUCTS}
    known.update(code for drug in DRUGS.values() for code in cell(drug["rxnorm"]))
    with gzip.open(data / "fhir" / "MedicationRequest.ndjson.gz", "rt", encoding="utf-8") as file:
        requests = [json.loads(line) for line in file]
    codes = [r["medicationCodeableConcept"]["coding"][0]["code"] for r in requests]

    assert len(codes) == 4712
    assert [code for code in codes if code not in known] == []
