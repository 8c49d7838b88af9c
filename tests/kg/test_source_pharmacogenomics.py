"""Guidance about genes: what a row says, of which gene, and that no archive does harm."""

import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kg.builder import BuildResult, build
from kg.errors import KgError, SourceError
from kg.sources.base import Refusal, StatementBatch
from kg.sources.pharmacogenomics import Pharmacogenomics
from kg.sources.pharmacogenomics_ids import DRUGS, GENES
from recommend.safety.genes import UNCHANGED, UNDECIDED
from tests.kg.given import Given

C19, D6, HLA = "NCBIGene:1557", "NCBIGene:1565", "NCBIGene:3106"
AMITRIPTYLINE, ABACAVIR = "DRUGBANK:DB00321", "DRUGBANK:DB01048"
NODES = Given(
    Gene=[(C19, "CYP2C19"), (D6, "CYP2D6"), (HLA, "HLA-B"), ("NCBIGene:1559", "CYP2C9")],
    Drug=[(AMITRIPTYLINE, "Amitriptyline"), (ABACAVIR, "Abacavir")],
)
ARCHIVE = "pharmcat-guidelines-2024-05-29.tar.gz"
STARTER_COLUMNS = {
    "gene", "phenotype", "drug", "recommendation", "strength", "population", "reference",
}  # fmt: skip


def advice(genes: Mapping[str, Any], text: str = "Halve the dose.", **more: Any) -> dict[str, Any]:
    return {
        "population": "general",
        "classification": {"term": "Strong"},
        "relatedChemicals": [{"id": "PA448385", "name": "amitriptyline"}],
        "text": {"html": f"<p>{text}</p>"},
        "lookupKey": genes,
        "dosingInformation": True,
        "alternateDrugAvailable": False,
        "otherPrescribingGuidance": False,
        **more,
    }


def guideline(*recommendations: Mapping[str, Any], source: str = "CPIC") -> bytes:
    document = {
        "guideline": {
            "id": "PA1", "name": "A guideline", "source": source, "url": "https://example.org",
        },
        "recommendations": recommendations,
        "citations": [{"pmid": "1"}, {"pmid": None}],
        "version": "2024-05-29-10-00",
    }  # fmt: skip
    return json.dumps(document).encode()


def pack(folder: Path, files: Mapping[str, bytes]) -> Path:
    with tarfile.open(folder / ARCHIVE, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return folder


def sample(folder: Path) -> Path:
    """A folder that the source can read."""
    one, two = {"CYP2C19": "Poor Metabolizer"}, {"CYP2C19": "Poor Metabolizer", "CYP2D6": "1.0"}
    return pack(folder, {"guidelines/a.json": guideline(advice(one), advice(two))})


def read(folder: Path, *recommendations: Mapping[str, Any], source: str = "CPIC") -> BuildResult:
    pack(folder, {"guidelines/a.json": guideline(*recommendations, source=source)})
    return build([NODES, Pharmacogenomics(folder)])


def read_bytes(content: bytes, tmp: Path) -> None:
    """Fuzz target: any content as the archive, as the tar in it, and as a guideline."""
    document = io.BytesIO()
    with tarfile.open(fileobj=document, mode="w:gz") as archive:
        member = tarfile.TarInfo("a.json")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    for archive_bytes in (content, gzip.compress(content), document.getvalue()):
        (tmp / ARCHIVE).write_bytes(archive_bytes)
        try:
            build([NODES, Pharmacogenomics(tmp)])
        except KgError:
            continue


def guidance(result: BuildResult, kind: str = "guidance") -> list[Mapping[str, str]]:
    return list(result.graph.statements.get(kind, ()))


def test_advice_about_one_gene_has_the_columns_of_the_starter(tmp_path: Path) -> None:
    (row,) = guidance(read(tmp_path, advice({"CYP2C19": "Poor Metabolizer"})))

    assert row == {
        "gene": C19,
        "phenotype": "Poor Metabolizer",
        "drug": AMITRIPTYLINE,
        "recommendation": "Halve the dose.",
        "strength": "strong",
        "population": "general",
        "reference": "cpic-PA1",
        "source": "pharmacogenomics",
    }
    assert set(row) - {"source"} == STARTER_COLUMNS


def test_advice_about_two_genes_is_never_advice_about_one(tmp_path: Path) -> None:
    both = {"CYP2C19": "Poor Metabolizer", "CYP2D6": "1.0"}
    result = read(tmp_path, advice(both, "Avoid."))

    pairs = {(r["phenotype"], r["other_phenotype"]) for r in guidance(result, "guidance_pairs")}
    assert guidance(result) == []
    assert pairs == {
        ("Poor Metabolizer", "Activity score 1"),
        ("Poor Metabolizer", "Intermediate Metabolizer"),
    }
    assert {(r["gene"], r["other_gene"]) for r in guidance(result, "guidance_pairs")} == {(C19, D6)}


def test_advice_for_when_the_other_gene_is_unknown_says_which_and_has_the_known_one_first(
    tmp_path: Path,
) -> None:
    result = read(
        tmp_path,
        advice({"CYP2C19": "No Result", "CYP2D6": "Poor Metabolizer"}),
        advice({"CYP2D6": "Poor Metabolizer", "TPMT": "No Result"}),  # TPMT is no node here
        advice({"CYP2C19": "No Result", "CYP2D6": "No Result"}, "Test first."),
    )

    told = {
        (r["gene"], r["phenotype"], r["other_gene"], r["other_phenotype"])
        for r in guidance(result, "guidance_pairs")
    }
    assert told == {(D6, "Poor Metabolizer", other, "No Result") for other in (C19, GENES["TPMT"])}
    assert guidance(result) == []


@pytest.mark.parametrize(
    ("gene", "score", "phenotype"),
    [
        ("CYP2D6", "0.0", "Poor Metabolizer"),
        ("CYP2D6", "0.25", "Intermediate Metabolizer"),
        ("CYP2D6", "1.0", "Intermediate Metabolizer"),
        ("CYP2D6", "1.25", "Normal Metabolizer"),
        ("CYP2D6", "2.25", "Normal Metabolizer"),
        ("CYP2D6", "2.5", "Ultrarapid Metabolizer"),
        ("CYP2D6", "≥3.0", "Ultrarapid Metabolizer"),
        ("CYP2C9", "0.5", "Poor Metabolizer"),
        ("CYP2C9", "1.5", "Intermediate Metabolizer"),
        ("CYP2C9", "2.0", "Normal Metabolizer"),
        ("CYP2D6", "n/a", "Indeterminate"),
    ],
)
def test_an_activity_score_leads_to_its_phenotype_too(
    tmp_path: Path, gene: str, score: str, phenotype: str
) -> None:
    rows = guidance(read(tmp_path, advice({gene: score})))

    written = "Indeterminate" if score == "n/a" else f"Activity score {score.removesuffix('.0')}"
    assert {row["phenotype"] for row in rows} == {written, phenotype}


def test_scores_of_one_phenotype_with_different_advice_say_for_which_they_hold(
    tmp_path: Path,
) -> None:
    usual = {"dosingInformation": False}
    result = read(
        tmp_path,
        advice({"CYP2C9": "1.0"}, "Take a quarter off."),
        advice({"CYP2C9": "1.5"}, "Initiate therapy with the recommended dose.", **usual),
    )

    texts = {r["recommendation"] for r in guidance(result) if r["phenotype"].startswith("Inter")}
    for_a_quarter, usual_dose = sorted(texts)
    assert for_a_quarter == "Take a quarter off. (This holds for Activity score 1.)"
    assert usual_dose.startswith("Usual dosing: Initiate")
    assert usual_dose.endswith("(This holds for Activity score 1.5.)")


@pytest.mark.parametrize(
    ("flags", "text", "changes"),
    [
        ((False, False, False), "Initiate therapy with recommended starting dose.", False),
        ((False, False, False), "NO action is needed for this gene-drug interaction.", False),
        (
            (True, False, False),
            "Initiate therapy with recommended starting dose, then halve.",
            True,
        ),
        ((False, True, False), "Use another drug.", True),
        ((False, False, True), "Avoid inhibitors. Initiate therapy with standard dosing.", False),
        ((False, False, True), "Use at standard doses with caution.", True),
        ((False, False, True), "Monitor the plasma concentration.", True),
    ],
)
def test_the_safety_check_sees_what_changes_nothing(
    tmp_path: Path, flags: tuple[bool, bool, bool], text: str, changes: bool
) -> None:
    names = ("dosingInformation", "alternateDrugAvailable", "otherPrescribingGuidance")
    more = dict(zip(names, flags, strict=True))
    (row,) = guidance(read(tmp_path, advice({"CYP2C19": "Poor Metabolizer"}, text, **more)))

    assert (UNCHANGED.match(row["recommendation"]) is None) == changes
    assert text in row["recommendation"]


@pytest.mark.parametrize(
    ("key", "text", "term"),
    [
        ("Indeterminate", "No recommendation", "Strong"),
        ("Normal Metabolizer", "Fine.", "No recommendation"),
        ("Normal Metabolizer", "The guideline does not provide a recommendation.", "N/A"),
    ],
)
def test_rows_that_recommend_nothing_say_so_first(
    tmp_path: Path, key: str, text: str, term: str
) -> None:
    result = read(tmp_path, advice({"CYP2D6": key}, text, classification={"term": term}))

    (row,) = guidance(result)
    assert UNDECIDED.match(row["recommendation"])
    assert text in row["recommendation"]


def test_a_key_that_is_no_result_is_not_read(tmp_path: Path) -> None:
    result = read(tmp_path, advice({"CYP2D6": "xN combinations"}, "xN is not a valid input."))

    assert guidance(result) == []
    assert result.report.refused == []


def test_alleles_diplotypes_populations_and_strengths_are_told_as_they_are(tmp_path: Path) -> None:
    rows = guidance(
        read(
            tmp_path,
            advice({"HLA-B": "*57:01 positive"}, population=None, classification=None),
            advice({"CYP2C9": {"*1": 1.0, "*3": 1.0}}, population="PHT  naive"),
            advice({"CYP2C9": {"*3": 2.0}}, classification={"term": "N/A"}),
            source="DPWG",
        )
    )

    told = {(r["phenotype"], r["population"], r["strength"], r["reference"]) for r in rows}
    assert told == {
        ("HLA-B*57:01 positive", "general", "not graded", "dpwg-PA1"),
        ("*1/*3", "PHT naive", "strong", "dpwg-PA1"),
        ("*3/*3", "general", "not graded", "dpwg-PA1"),
    }


def test_text_is_plain_and_the_guideline_becomes_a_reference(tmp_path: Path) -> None:
    html = "Halve&nbsp;it.</p><h4>Other Considerations</h4><ol><li>Age</li><li>Liver</li></ol><p>"
    result = read(tmp_path, advice({"CYP2C19": "Poor Metabolizer"}, html))

    (row,), (reference,) = guidance(result), guidance(result, "references")
    assert row["recommendation"] == "Halve it. Other Considerations: Age Liver"
    assert (reference["key"], reference["year"], reference["pmid"]) == ("cpic-PA1", "2024", "1")


@pytest.mark.parametrize(
    "change",
    [
        {"lookupKey": None},
        {"lookupKey": {"CYP2C19": 7}},
        {"lookupKey": {"CYP2C19": {"*1": "many"}}},
        {"lookupKey": dict.fromkeys(["CYP2C19", "CYP2D6", "TPMT"], "Poor Metabolizer")},
        {"text": "plain"},
        {"text": {"html": ""}},
        {"relatedChemicals": [{"name": "amitriptyline"}, {"id": "x"}]},
        {"dosingInformation": None},
        {"alternateDrugAvailable": ...},
    ],
)
def test_a_malformed_recommendation_is_refused_and_the_rest_stays(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    bad = {k: v for k, v in {**advice({"CYP2C19": "x"}), **change}.items() if v is not ...}
    result = read(tmp_path, bad, advice({"CYP2C19": "Poor Metabolizer"}))

    assert [(r.file, r.line) for r in result.report.refused] == [("a.json", 1)]
    assert len(guidance(result)) >= 1


def test_guidance_about_a_drug_that_nobody_brings_is_left_out_and_counted(tmp_path: Path) -> None:
    unknown = [{"id": "PA99", "name": "newdrug"}]
    result = read(tmp_path, advice({"CYP2C19": "Poor Metabolizer"}, relatedChemicals=unknown))

    assert guidance(result) == []
    assert result.report.left_out["pharmacogenomics", "PHARMGKB.DRUG:PA99"] == 1


def test_without_a_folder_the_source_says_that_it_needs_one() -> None:
    with pytest.raises(SourceError, match=r"no pharmcat-guidelines.*name one with --from"):
        list(Pharmacogenomics().read())


# ---- the real files


def test_the_real_genes_and_drugs_have_the_identifiers_of_other_sources(data: Path) -> None:
    lines = (data / "hetionet" / "hetionet-v1.0-nodes.tsv").read_text(encoding="utf-8").split("\n")
    nodes = dict(line.split("\t")[:2] for line in lines[1:] if line)
    symbols = {nodes.get(f"Gene::{i.removeprefix('NCBIGene:')}", s) for s, i in GENES.items()}
    names = {
        name: nodes.get(f"Compound::{i.removeprefix('DRUGBANK:')}", name)
        for name, i in DRUGS.items()
    }

    assert symbols == set(GENES)
    differ = {name: other for name, other in names.items() if other.lower() != name}
    assert differ == {"aspirin": "Acetylsalicylic acid", "thioguanine": "Tioguanine"}


def test_the_real_guidance_is_read_whole_and_agrees_with_an_older_edition(data: Path) -> None:
    rows: list[Mapping[str, str]] = []
    for batch in Pharmacogenomics(data / "pgx").read():
        assert not isinstance(batch, Refusal)
        assert isinstance(batch, StatementBatch)
        rows += batch.rows if batch.kind == "guidance" else []
    with gzip.open(data / "pgx" / "pharmcat-cpic-drugs-2022-09-15.json.gz") as file:
        older = json.load(file)
    scores = {  # CPIC's own: gene, score -> phenotype
        (gene, f"Activity score {r['activityscore'][gene].removesuffix('.0')}", phenotype)
        for entry in older
        for r in entry.get("recommendations") or ()
        for gene, phenotype in r["phenotypes"].items()
        if r["activityscore"].get(gene, "n/a") not in ("n/a", "No result", "No Result")
    }
    by_text: dict[tuple[str, ...], set[str]] = {}
    for row in rows:
        key = (row["gene"], row["drug"], row["population"], row["recommendation"], row["reference"])
        by_text.setdefault(key, set()).add(row["phenotype"])
    together = {
        (gene, score, phenotype)
        for (node, *_), found in by_text.items()
        for gene, score, phenotype in scores
        if GENES[gene] == node and score in found and phenotype in found
    }

    assert len(rows) == 1_323
    assert {row["reference"].partition("-")[0] for row in rows} == {"cpic", "dpwg"}
    assert len(together) > 20
    assert not [
        (row["phenotype"], row["recommendation"])
        for row in rows
        if UNCHANGED.match(row["recommendation"])
        and not row["recommendation"].startswith("Usual dosing: ")
    ]


def test_real_strengths_and_phenotypes_have_the_documented_forms(data: Path) -> None:
    batches = [b for b in Pharmacogenomics(data / "pgx").read() if isinstance(b, StatementBatch)]
    rows = [row for b in batches if b.kind.startswith("guidance") for row in b.rows]
    phenotypes = {row[c] for row in rows for c in ("phenotype", "other_phenotype") if c in row}

    assert {row["strength"] for row in rows} == {"strong", "moderate", "optional", "not graded"}
    assert not [p for p in phenotypes if p.replace(".", "").isdigit()]
    assert not phenotypes & {"PM", "IM", "NM", "RM", "UM", "EM"}
    starred = [p for p in phenotypes if p.endswith(("positive", "negative"))]
    assert starred
    assert all(p.startswith("HLA-") for p in starred)
