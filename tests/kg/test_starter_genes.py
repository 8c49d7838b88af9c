"""The starter graph's genes: targets, enzymes, disease genes, and gene-drug guidance."""

import csv
import gzip
import io
import json
import os
import re
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

STARTER = Path(__file__).parents[2] / "kg" / "starter"

Row = dict[str, str]

COLUMNS = {
    "genes": ["id", "name", "synonyms", "reference"],
    "binds": ["drug", "gene", "action", "reference"],
    "metabolized_by": ["drug", "gene", "reference"],
    "associates": ["disease", "gene", "reference"],
    "guidance": [
        "gene",
        "phenotype",
        "drug",
        "recommendation",
        "strength",
        "population",
        "reference",
    ],
}
KEYS = {
    "genes": ("id",),
    "binds": ("drug", "gene"),
    "metabolized_by": ("drug", "gene"),
    "associates": ("disease", "gene"),
    "guidance": ("gene", "phenotype", "drug", "population"),
}
ACTIONS = {
    "activator",
    "agonist",
    "antagonist",
    "binder",
    "blocker",
    "inhibitor",
    "modulator",
    "partial agonist",
    "substrate",
}


def rows(name: str) -> list[Row]:
    with (STARTER / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE, strict=True))


def references() -> list[Row]:
    """All references, whether in one file or in one for each part."""
    names = [path.name.removesuffix(".tsv") for path in STARTER.glob("references*.tsv")]
    return [row for name in names for row in rows(name)]


def ids(name: str) -> set[str]:
    return {row["id"] for row in rows(name)}


@pytest.fixture(scope="module")
def data() -> Path:
    folder = os.environ.get("PHARMAKON_DATA")
    if not folder:
        pytest.skip("PHARMAKON_DATA is not set: no outside data to check against")
    return Path(folder)


@pytest.fixture(scope="module")
def hetionet_names(data: Path) -> dict[str, str]:
    """Hetionet's node id (``Gene::3643``) to its name."""
    with (data / "hetionet/hetionet-v1.0-nodes.tsv").open(encoding="utf-8", newline="") as file:
        return {row[0]: row[1] for row in csv.reader(file, delimiter="\t")}


@pytest.fixture(scope="module")
def hetionet_pairs(data: Path) -> dict[str, set[tuple[str, str]]]:
    """Hetionet's drug-gene (CbG) and disease-gene (DaG) edges as our CURIEs."""
    prefix = {"Compound": "DRUGBANK:", "Disease": "", "Gene": "NCBIGene:"}
    pairs: dict[str, set[tuple[str, str]]] = {"CbG": set(), "DaG": set()}
    with gzip.open(data / "hetionet/hetionet-v1.0-edges.sif.gz", "rt", encoding="utf-8") as file:
        for line in file:
            head, metaedge, tail = line.rstrip("\n").split("\t")
            if metaedge in pairs:
                (kind, head_id), (_, tail_id) = head.split("::"), tail.split("::")
                pairs[metaedge].add((prefix[kind] + head_id, prefix["Gene"] + tail_id))
    return pairs


@pytest.fixture(scope="module")
def drugbank_pairs(data: Path) -> set[tuple[str, str]]:
    """DrugBank's drug-protein pairs of every category, as our CURIEs."""
    with gzip.open(data / "drugbank/proteins.tsv.gz", "rt", encoding="utf-8") as file:
        return {
            (f"DRUGBANK:{row['drugbank_id']}", f"NCBIGene:{row['entrez_gene_id']}")
            for row in csv.DictReader(file, delimiter="\t")
        }


def confirmed_share(table: Iterable[tuple[str, str]], known: set[tuple[str, str]]) -> float:
    """The share of pairs that ``known`` holds, among those whose both ends it knows."""
    heads, tails = {head for head, _ in known}, {tail for _, tail in known}
    checkable = [pair for pair in table if pair[0] in heads and pair[1] in tails]
    return sum(pair in known for pair in checkable) / len(checkable)


@pytest.mark.parametrize("name", [*COLUMNS, "references"])
def test_a_gene_table_is_tab_separated_text_without_stray_white_space(name: str) -> None:
    paths = [STARTER / f"{name}.tsv"] if name in COLUMNS else list(STARTER.glob("references*.tsv"))

    texts = [path.read_bytes().decode("utf-8") for path in paths]

    assert texts
    for text in texts:
        lines = text.split("\n")
        assert lines.pop() == ""
        assert "\r" not in text
        assert len({line.count("\t") for line in lines}) == 1
        assert all(cell == cell.strip() for line in lines for cell in line.split("\t"))
        assert not re.search(r"\|\||\| | \|", text)


@pytest.mark.parametrize("name", COLUMNS)
def test_a_gene_table_has_its_columns_sorted_rows_and_no_row_twice(name: str) -> None:
    table = rows(name)

    keys = [tuple(row[column] for column in KEYS[name]) for row in table]

    assert list(table[0]) == COLUMNS[name]
    assert len(set(keys)) == len(keys)
    assert keys == sorted(keys)
    assert all(row[column] for row in table for column in COLUMNS[name])


def test_the_graph_has_the_genes_and_facts_that_it_promises() -> None:
    assert len(rows("genes")) >= 100
    assert len(rows("binds")) >= 260
    assert len(rows("metabolized_by")) >= 150
    assert len(rows("associates")) >= 200
    assert len(rows("guidance")) >= 60


def test_every_gene_has_an_ncbi_id_and_a_symbol_of_its_own() -> None:
    genes = rows("genes")

    assert all(re.fullmatch(r"NCBIGene:[1-9]\d*", gene["id"]) for gene in genes)
    assert all(re.fullmatch(r"[A-Z][A-Za-z0-9]*(-[A-Z0-9]+)?", gene["name"]) for gene in genes)
    assert len({gene["name"] for gene in genes}) == len(genes)


@pytest.mark.parametrize("name", ["binds", "metabolized_by", "associates", "guidance"])
def test_every_end_of_a_gene_fact_is_a_node(name: str) -> None:
    nodes = {"drug": "drugs", "gene": "genes", "disease": "diseases"}
    ends = [column for column in COLUMNS[name] if column in nodes]

    missing = {row[end] for end in ends for row in rows(name)}.difference(
        *(ids(nodes[end]) for end in ends)
    )

    assert len(ends) == 2
    assert not missing


def test_an_action_is_a_word_of_the_vocabulary() -> None:
    assert {row["action"] for row in rows("binds")} <= ACTIONS


def test_guidance_is_short_and_graded() -> None:
    guidance = rows("guidance")

    assert {row["strength"] for row in guidance} <= {"strong", "moderate", "optional"}
    assert all(10 <= len(row["recommendation"]) <= 150 for row in guidance)


def test_metformin_reaches_a_disease_through_a_gene_that_it_binds() -> None:
    metformin = "DRUGBANK:DB00331"

    genes = {row["gene"] for row in rows("binds") if row["drug"] == metformin}

    assert {row["disease"] for row in rows("associates") if row["gene"] in genes}


def test_gene_symbols_are_those_of_hetionet(hetionet_names: dict[str, str]) -> None:
    wrong, unknown = [], []
    for gene in rows("genes"):
        name = hetionet_names.get(gene["id"].replace("NCBIGene:", "Gene::"))
        if name is None:
            unknown.append(gene["name"])
        elif name not in (gene["name"], *gene["synonyms"].split("|")):
            wrong.append((gene["name"], name))

    assert not wrong
    assert unknown == ["IGHE"]  # an immunoglobulin segment, not protein-coding in Hetionet


def test_drug_targets_agree_with_hetionet_and_drugbank(
    hetionet_pairs: dict[str, set[tuple[str, str]]], drugbank_pairs: set[tuple[str, str]]
) -> None:
    table = [(row["drug"], row["gene"]) for row in rows("binds")]

    # Measured: 486 of 500. The rest are textbook targets that DrugBank 2016 files elsewhere.
    assert confirmed_share(table, hetionet_pairs["CbG"] | drugbank_pairs) >= 0.97


def test_drug_enzymes_agree_with_hetionet_and_drugbank(
    hetionet_pairs: dict[str, set[tuple[str, str]]], drugbank_pairs: set[tuple[str, str]]
) -> None:
    table = [(row["drug"], row["gene"]) for row in rows("metabolized_by")]

    # Measured: 347 of 382. Esterases, UGTs and acetylation are sparse in DrugBank 2016.
    assert confirmed_share(table, hetionet_pairs["CbG"] | drugbank_pairs) >= 0.90


def test_disease_genes_agree_with_hetionet(
    hetionet_pairs: dict[str, set[tuple[str, str]]],
) -> None:
    table = [(row["disease"], row["gene"]) for row in rows("associates")]

    # Measured: 225 of 236, on the diseases that Hetionet has.
    assert confirmed_share(table, hetionet_pairs["DaG"]) >= 0.95


def phenotype_of(gene: str, key: str) -> str:
    """CPIC's phenotype for a lookup key, which for three genes is an activity score."""
    if gene.startswith("HLA"):
        return gene + key
    score = re.fullmatch(r"≥?(\d+\.\d+|\d+)", key)
    if gene not in ("CYP2D6", "CYP2C9", "DPYD") or score is None:
        return key
    value = float(score[1])
    poor, normal = (0.25, 1.25) if gene == "CYP2D6" else (1.0, 2.0)
    if value < poor:
        return "Poor Metabolizer"
    if value < normal:
        return "Intermediate Metabolizer"
    return "Ultrarapid Metabolizer" if gene == "CYP2D6" and value > 2.25 else "Normal Metabolizer"


def cpic_recommendations(
    archive: Path,
) -> Iterator[tuple[tuple[str, str, str, str], str, set[str]]]:
    """(gene, phenotype, drug, population), strength and PubMed ids, for one known gene."""
    with tarfile.open(archive) as tar:
        for member in tar:
            if not Path(member.name).name.startswith("CPIC_"):
                continue
            content = tar.extractfile(member)
            assert content is not None
            guideline = json.load(io.TextIOWrapper(content, encoding="utf-8"))
            pmids = {citation["pmid"] for citation in guideline["citations"] or []}
            for entry in guideline["recommendations"]:
                known = {
                    gene: key
                    for gene, key in (entry["lookupKey"] or {}).items()
                    if key not in ("No Result", "n/a")
                }
                if len(known) != 1 or entry["classification"] is None:
                    continue
                ((gene, key),) = known.items()
                for drug in entry["relatedChemicals"] or guideline["guideline"]["relatedChemicals"]:
                    population = (entry["population"] or "").strip()
                    fact = (gene, phenotype_of(gene, key), drug["name"], population)
                    yield fact, entry["classification"]["term"].lower(), pmids


def test_guidance_says_what_cpic_says_with_the_same_strength(data: Path) -> None:
    symbols = {gene["id"]: gene["name"] for gene in rows("genes")}
    names = {
        drug["id"]: {drug["name"].lower(), *drug["synonyms"].lower().split("|")}
        for drug in rows("drugs")
    }
    strengths: dict[tuple[str, str, str, str], set[str]] = {}
    pmids: set[str] = set()
    for fact, strength, sources in cpic_recommendations(
        data / "pgx/pharmcat-guidelines-2024-05-29.tar.gz"
    ):
        strengths.setdefault(fact, set()).add(strength)
        pmids |= sources

    wrong = []
    for row in rows("guidance"):
        found: set[str] = set()
        for name in names[row["drug"]]:
            fact = (symbols[row["gene"]], row["phenotype"], name, row["population"])
            found |= strengths.get(fact, set())
        weakest = [s for s in ("optional", "moderate", "strong") if s in found][:1]
        if weakest != [row["strength"]]:
            wrong.append((row["gene"], row["phenotype"], row["drug"], sorted(found)))

    assert not wrong
    cited = {key for row in rows("guidance") for key in row["reference"].split("|")}
    assert {row["pmid"] for row in references() if row["key"] in cited} <= pmids
