"""The starter graph's indications, contraindications, pregnancy and kidney tables."""

import csv
import os
from pathlib import Path

import pytest

STARTER = Path(__file__).parents[2] / "kg" / "starter"
COLUMNS = {
    "treats.tsv": ["drug", "disease", "line", "reference"],
    "palliates.tsv": ["drug", "disease", "line", "reference"],
    "contraindicated.tsv": ["drug", "disease", "severity", "why", "topical", "reference"],
    "pregnancy.tsv": ["drug", "severity", "why", "topical", "reference"],
    "lactation.tsv": ["drug", "severity", "why", "topical", "reference"],
    "kidney.tsv": ["drug", "measure", "below", "severity", "why", "reference"],
    "liver.tsv": ["drug", "child_pugh", "severity", "why", "reference"],
    "age.tsv": ["drug", "below_years", "from_years", "severity", "why", "reference"],
    "withdrawn.tsv": ["drug", "where", "year", "reference"],
    "partner_only.tsv": ["drug", "reference"],
}
KEYS = {
    "treats.tsv": ("drug", "disease"),
    "palliates.tsv": ("drug", "disease"),
    "contraindicated.tsv": ("drug", "disease"),
    "pregnancy.tsv": ("drug",),
    "lactation.tsv": ("drug",),
    "kidney.tsv": ("drug", "measure", "below"),
    "liver.tsv": ("drug", "child_pugh"),
    "age.tsv": ("drug", "below_years", "from_years"),
    "withdrawn.tsv": ("drug",),
    "partner_only.tsv": ("drug",),
}
MINIMUM = {
    "treats.tsv": 450,
    "palliates.tsv": 150,
    "contraindicated.tsv": 350,
    "pregnancy.tsv": 60,
    "lactation.tsv": 0,
    "kidney.tsv": 25,
    "liver.tsv": 0,
    "age.tsv": 20,
    "withdrawn.tsv": 0,
    "partner_only.tsv": 15,
}
RANK = {"moderate": 0, "major": 1, "contraindicated": 2}
SEVERITIES = set(RANK)
LINES = {"", "1", "2", "3", "adjunct"}

# Viral diseases, and the broad nodes that viral cases are mapped to.
VIRAL = {
    "DOID:0050127": "sinusitis",
    "DOID:0080600": "COVID-19",
    "DOID:10459": "common cold",
    "DOID:1883": "hepatitis C",
    "DOID:2043": "hepatitis B",
    "DOID:2275": "pharyngitis",
    "DOID:526": "human immunodeficiency virus infectious disease",
    "DOID:6132": "bronchitis",
    "DOID:8469": "influenza",
    "DOID:8536": "herpes zoster",
    "DOID:8566": "herpes simplex",
}

# Pairs that PharmacotherapyDB calls no indication and clinicians do.
TOLERATED = {
    ("DRUGBANK:DB00650", "DOID:219"): "folinic acid is given to strengthen fluorouracil",
}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def pairs(name: str) -> set[tuple[str, str]]:
    return {(row["drug"], row["disease"]) for row in rows(STARTER / name)}


def severity(drug: str, disease: str) -> str | None:
    return next(
        (
            row["severity"]
            for row in rows(STARTER / "contraindicated.tsv")
            if (row["drug"], row["disease"]) == (drug, disease)
        ),
        None,
    )


@pytest.fixture(scope="module")
def drugs() -> dict[str, dict[str, str]]:
    return {row["id"]: row for row in rows(STARTER / "drugs.tsv")}


@pytest.fixture(scope="module")
def diseases() -> dict[str, dict[str, str]]:
    return {row["id"]: row for row in rows(STARTER / "diseases.tsv")}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_table_has_its_columns_sorted_rows_and_no_stray_characters(name: str) -> None:
    data = (STARTER / name).read_bytes()
    lines = data.decode("utf-8").splitlines()

    assert lines[0].split("\t") == COLUMNS[name]
    assert all(line.count("\t") == len(COLUMNS[name]) - 1 for line in lines)
    assert lines[1:] == sorted(lines[1:], key=lambda line: line.split("\t"))
    assert b"\r" not in data
    assert b'"' not in data
    assert data.endswith(b"\n")
    cells = [cell for line in lines for cell in line.split("\t")]
    assert [cell for cell in cells if cell != cell.strip()] == []
    assert len(lines) - 1 >= MINIMUM[name]


@pytest.mark.parametrize("name", COLUMNS)
def test_only_a_line_a_route_or_the_other_age_limit_may_be_empty(name: str) -> None:
    blank = [
        (row, column)
        for row in rows(STARTER / name)
        for column, value in row.items()
        if not value and column not in {"line", "topical", "below_years", "from_years"}
    ]

    assert blank == []


@pytest.mark.parametrize("name", COLUMNS)
def test_no_pair_is_listed_twice(name: str) -> None:
    keys = [tuple(row[column] for column in KEYS[name]) for row in rows(STARTER / name)]

    assert sorted(keys) == sorted(set(keys))


@pytest.mark.parametrize("name", COLUMNS)
def test_every_drug_and_disease_is_a_node_of_the_starter_graph(
    name: str, drugs: dict[str, dict[str, str]], diseases: dict[str, dict[str, str]]
) -> None:
    table = rows(STARTER / name)

    assert {row["drug"] for row in table} - set(drugs) == set()
    assert {row["disease"] for row in table if "disease" in row} - set(diseases) == set()


def test_the_vocabularies_are_kept() -> None:
    for name in ("treats.tsv", "palliates.tsv"):
        assert {row["line"] for row in rows(STARTER / name)} <= LINES
    for name in ("contraindicated.tsv", "kidney.tsv", "liver.tsv", "age.tsv"):
        assert {row["severity"] for row in rows(STARTER / name)} <= SEVERITIES
    for name in ("pregnancy.tsv", "lactation.tsv"):
        assert {row["severity"] for row in rows(STARTER / name)} <= {*SEVERITIES, "none"}


def falling(name: str, keys: tuple[str, ...], limit: str, sign: int) -> list[str]:
    """Drugs whose limits grow milder where they should grow stricter, by ``limit`` times sign."""
    limits: dict[tuple[str, ...], list[tuple[float, int]]] = {}
    for row in rows(STARTER / name):
        if row[limit]:
            value = float(row[limit]) if limit != "child_pugh" else "ABC".index(row[limit])
            key = tuple(row[column] for column in keys)
            limits.setdefault(key, []).append((sign * value, RANK[row["severity"]]))
    ranks = {key[0]: [rank for _, rank in sorted(rows)] for key, rows in limits.items()}
    return [drug for drug, rank in ranks.items() if rank != sorted(rank)]


def test_a_kidney_limit_is_a_filtration_rate_and_stricter_limits_are_not_milder() -> None:
    table = rows(STARTER / "kidney.tsv")

    assert all(5 <= int(row["below"]) <= 90 for row in table)
    assert {row["measure"] for row in table} == {"eGFR", "CrCl"}
    assert falling("kidney.tsv", ("drug", "measure"), "below", -1) == []


def test_an_age_limit_is_one_of_children_or_of_old_age_and_grows_milder_in_between() -> None:
    table = rows(STARTER / "age.tsv")

    assert all(0 < float(row["below_years"]) <= 18 for row in table if row["below_years"])
    assert all(60 <= float(row["from_years"]) <= 80 for row in table if row["from_years"])
    assert falling("age.tsv", ("drug",), "below_years", -1) == []
    assert falling("age.tsv", ("drug",), "from_years", 1) == []


def test_a_weaker_liver_is_not_milder() -> None:
    assert falling("liver.tsv", ("drug",), "child_pugh", 1) == []


def test_a_drug_given_only_with_another_is_at_most_an_adjunct_where_a_line_is_stated() -> None:
    partners = {row["drug"] for row in rows(STARTER / "partner_only.tsv")}
    inhibitors = {"DRUGBANK:DB00766", "DRUGBANK:DB01606", "DRUGBANK:DB09324"}

    assert inhibitors <= partners
    given = [row for row in rows(STARTER / "treats.tsv") if row["drug"] in inhibitors]
    assert {row["line"] for row in given} == {"adjunct"}


@pytest.mark.parametrize(
    ("drug", "disease", "line"),
    [
        ("DRUGBANK:DB00331", "DOID:9352", "1"),  # metformin, type 2 diabetes
        ("DRUGBANK:DB09038", "DOID:6000", "1"),  # empagliflozin, heart failure
        ("DRUGBANK:DB00722", "DOID:10763", "1"),  # lisinopril, hypertension
        ("DRUGBANK:DB00999", "DOID:10763", "1"),  # hydrochlorothiazide, hypertension
        ("DRUGBANK:DB01104", "DOID:1470", "1"),  # sertraline, depression
        ("DRUGBANK:DB01224", "DOID:1470", "adjunct"),  # quetiapine, depression
        ("DRUGBANK:DB00316", "DOID:8398", "1"),  # paracetamol, osteoarthritis
    ],
)
def test_a_first_choice_and_an_adjunct_say_so(drug: str, disease: str, line: str) -> None:
    table = [*rows(STARTER / "treats.tsv"), *rows(STARTER / "palliates.tsv")]

    found = [row["line"] for row in table if (row["drug"], row["disease"]) == (drug, disease)]
    assert found == [line]


def test_no_drug_is_indicated_where_it_is_contraindicated() -> None:
    forbidden = {
        (row["drug"], row["disease"])
        for row in rows(STARTER / "contraindicated.tsv")
        if row["severity"] == "contraindicated"
    }

    assert forbidden & (pairs("treats.tsv") | pairs("palliates.tsv")) == set()


def test_a_drug_does_not_both_treat_and_palliate_one_disease() -> None:
    assert pairs("treats.tsv") & pairs("palliates.tsv") == set()


def test_antibacterials_do_not_treat_viral_infections(
    drugs: dict[str, dict[str, str]], diseases: dict[str, dict[str, str]]
) -> None:
    antibacterials = {
        id_
        for id_, row in drugs.items()
        if any(code.startswith("J01") for code in row["atc"].split("|"))
    }
    given = pairs("treats.tsv") | pairs("palliates.tsv")

    assert {id_: diseases[id_]["name"] for id_ in VIRAL} == VIRAL
    assert any(drug in antibacterials for drug, _ in given)
    assert [pair for pair in given if pair[0] in antibacterials and pair[1] in VIRAL] == []


@pytest.mark.parametrize(
    ("drug", "disease", "expected"),
    [
        ("DRUGBANK:DB01050", "DOID:750", "contraindicated"),  # ibuprofen, peptic ulcer
        ("DRUGBANK:DB00571", "DOID:2841", "contraindicated"),  # propranolol, asthma
        ("DRUGBANK:DB00661", "DOID:6000", "contraindicated"),  # verapamil, heart failure
        ("DRUGBANK:DB00669", "DOID:3393", "contraindicated"),  # sumatriptan, coronary disease
        ("DRUGBANK:DB01156", "DOID:1826", "contraindicated"),  # bupropion, epilepsy
        ("DRUGBANK:DB00698", "DOID:2862", "contraindicated"),  # nitrofurantoin, G6PD deficiency
        ("DRUGBANK:DB01233", "DOID:14330", "contraindicated"),  # metoclopramide, Parkinson's
        ("DRUGBANK:DB00390", "DOID:0050820", "contraindicated"),  # digoxin, heart block
        ("DRUGBANK:DB01132", "DOID:6000", "contraindicated"),  # pioglitazone, heart failure
        ("DRUGBANK:DB00977", "DOID:10024", "contraindicated"),  # ethinylestradiol, aura
        ("DRUGBANK:DB00537", "DOID:437", "major"),  # ciprofloxacin, myasthenia gravis
        ("DRUGBANK:DB00331", "DOID:784", "moderate"),  # metformin, any chronic kidney disease
        ("DRUGBANK:DB00316", "DOID:2275", None),  # paracetamol, pharyngitis
        ("DRUGBANK:DB00655", "DOID:1612", "contraindicated"),  # estrone, breast cancer
        ("DRUGBANK:DB00569", "DOID:0051063", "contraindicated"),  # fondaparinux, haemorrhage
        ("DRUGBANK:DB00975", "DOID:0051063", "major"),  # dipyridamole, haemorrhagic stroke
        ("DRUGBANK:DB01115", "DOID:3890", "contraindicated"),  # nifedipine, porphyria
        ("DRUGBANK:DB00860", "DOID:13550", "moderate"),  # prednisolone, angle closure
        ("DRUGBANK:DB00712", "DOID:5082", "major"),  # flurbiprofen, cirrhosis
    ],
)
def test_a_textbook_contraindication_has_its_severity(
    drug: str, disease: str, expected: str | None
) -> None:
    assert severity(drug, disease) == expected


def test_no_treatment_is_one_that_the_curators_rejected(
    drugs: dict[str, dict[str, str]],
) -> None:
    folder = os.environ.get("PHARMAKON_DATA")
    if not folder:
        pytest.skip("PHARMAKON_DATA is not set: the curated indications are not at hand")
    path = Path(folder) / "indications" / "indications.tsv"
    if not path.exists():
        pytest.skip("PHARMAKON_DATA has no indications/indications.tsv")
    rejected = {
        (f"DRUGBANK:{row['drugbank_id']}", row["doid_id"])
        for row in rows(path)
        if row["category"] == "NOT"
    }

    assert any(drug in drugs for drug, _ in rejected)
    assert pairs("treats.tsv") & rejected == set(TOLERATED)
