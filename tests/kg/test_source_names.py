"""Names and codes lent to others' nodes: what counts as a name, as a code, and as neither."""

import contextlib
import csv
import gzip
import json
import zlib
from pathlib import Path

import pytest

from kg.builder import BuildResult, build
from kg.errors import KgError, SourceError
from kg.sources.base import LabelBatch
from kg.sources.names import Names
from kg.sources.names.drugs import ELSEWHERE, DrugNames
from tests.graphs import starter_folder
from tests.kg.given import Given

DROSPIRENONE, PROPERICIAZINE, LOSARTAN = "DRUGBANK:DB01395", "DRUGBANK:DB01608", "DRUGBANK:DB00678"
GLYBURIDE, OMEPRAZOLE, ESOMEPRAZOLE = "DRUGBANK:DB01016", "DRUGBANK:DB00338", "DRUGBANK:DB00736"
CHLORIDE = "DRUGBANK:DB00761"
KEY = "PSIFNNKUMBGKDQ-UHFFFAOYSA-N"
DRUGS = {
    DROSPIRENONE: "Drospirenone",
    PROPERICIAZINE: "Propericiazine",
    LOSARTAN: "Losartan",
    GLYBURIDE: "Glyburide",
    OMEPRAZOLE: "Omeprazole",
    ESOMEPRAZOLE: "Esomeprazole",
    CHLORIDE: "Potassium Chloride",
    "DRUGBANK:DB01013": "Clobetasol propionate",
}
T2D, PROSTATE = "DOID:9352", "DOID:10283"
NODES = Given(
    Drug=list(DRUGS.items()),
    Disease=[(T2D, "type 2 diabetes"), (PROSTATE, "prostate cancer")],
    Symptom=[("MESH:D000006", "Acute abdomen")],
)
FILES = [
    "drugbank-slim.tsv", "aliases.json", "WHO_ATC-DDD_2026-04-25.csv", "pubchem-mapping.tsv",
    "mapping-fdasrs-unii.tsv", "drugcentral-targets.tsv", "mapping-chembl.tsv",
    "rxcui-unii-map.tsv", "mondo_references.csv",
    "doid-xrefs-slim.tsv", "mesh-symptoms.tsv",
]  # fmt: skip


def read_bytes(content: bytes, tmp: Path) -> None:
    """Fuzz target: any content as one of the files, beside the names that the others need."""
    name = FILES[zlib.crc32(content) % len(FILES)]
    write(sample(tmp), "mapping-fdasrs-unii.tsv", "drugbank_id\tfdasrs_id", "DB00678\tACID")
    (tmp / "aliases.json.gz").unlink()
    (tmp / name).write_bytes(content)
    with contextlib.suppress(KgError):
        build([NODES, Names(tmp)])


def write(folder: Path, name: str, *rows: str) -> Path:
    (folder / name).write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return folder


def sample(folder: Path) -> Path:
    """A folder that the source can read."""
    write(
        folder,
        "drugbank-slim.tsv",
        "drugbank_id\tname\tinchikey\tinchi",
        f"DB00678\tLosartan\t{KEY}\t",
    )
    return aliases(folder, DB00678=["Losartan Potassium", "Cozaar"])


@pytest.fixture
def drugbank(tmp_path: Path) -> Path:
    rows = [f"{i.removeprefix('DRUGBANK:')}\t{name}\t\t" for i, name in DRUGS.items()]
    return write(tmp_path, "drugbank-slim.tsv", "drugbank_id\tname\tinchikey\tinchi", *rows)


def read(*folders: Path) -> BuildResult:
    return build([NODES, Names(*folders)])


def labels(result: BuildResult, node: str, node_type: str = "Drug") -> set[tuple[str, str]]:
    row = result.graph.row(node_type, node)
    return {(label.kind, label.text) for label in result.graph.labels_of(node_type, row)}


def aliases(folder: Path, **names: list[str]) -> Path:
    (folder / "aliases.json.gz").write_bytes(gzip.compress(json.dumps(names).encode()))
    return folder


def test_a_brand_is_something_broader_and_a_brand_of_two_drugs_is_nothing(drugbank: Path) -> None:
    aliases(drugbank, DB01395=["Yaz", "Yasmin"], DB01608=["Yaz"], DB00678=["Hyzaar", "Losartan"])

    source = Names(drugbank)
    result = build([NODES, source])

    assert ("broader", "Yasmin") in labels(result, DROSPIRENONE)
    assert ("broader", "Hyzaar") in labels(result, LOSARTAN)
    said = labels(result, DROSPIRENONE) | labels(result, PROPERICIAZINE)
    assert not [text for _, text in said if text == "Yaz"]
    assert source.version()["dropped"]["aliases.json.gz"]["under several drugs"] == 2


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Losartan Potassium", "synonym"),
        ("losartan  potassium", "synonym"),
        ("Losartan Potassium and hydrochlorothiazide", None),
        ("Losartan/Hydrochlorothiazide", None),
        ("Losartan Plus", None),
        ("Esomeprazole", None),  # another drug's name
        ("Esomeprazole Magnesium", None),
        ("Clobetasol", None),  # another's without its salt
        ("Care One Losartan Relief", None),
        ("Ice", None),
        ("PN 3042-5", None),
        ("Cozaar", "broader"),
    ],
)
def test_a_further_name_is_the_drug_only_with_a_salt(
    drugbank: Path, text: str, kind: str | None
) -> None:
    result = read(aliases(drugbank, DB00678=[text]))

    assert {k for k, t in labels(result, LOSARTAN) if t == text} == ({kind} if kind else set())


def test_a_drug_with_very_many_names_has_no_brands(drugbank: Path) -> None:
    names = [f"Soap{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(101)]
    result = read(aliases(drugbank, DB00678=[*names, "Losartan Potassium"]))

    assert {kind for kind, _ in labels(result, LOSARTAN)} == {"id", "name", "synonym"}


def test_names_of_other_countries_are_synonyms_and_carry_the_atc_code(drugbank: Path) -> None:
    write(
        drugbank,
        "WHO_ATC-DDD_2026-04-25.csv",
        "atc_code,atc_name,ddd",
        "A10BB,Sulfonylureas,NA",
        "A10BB01,glibenclamide,7",
        "A10BB01,glibenclamide,10",
        "C09CA01,losartan potassium,50",
        'C09DA01,"losartan and diuretics",NA',
        'C09DX99,"losartan, combinations",NA',
        "A12BA01,potassium chloride,3",
        "A12BA02,potassium citrate,NA",
    )

    result = read(drugbank)

    assert {("synonym", "glibenclamide"), ("code", "ATC:A10BB01")} <= labels(result, GLYBURIDE)
    assert {t for k, t in labels(result, LOSARTAN) if k == "code"} == {"ATC:C09CA01"}
    assert ("synonym", "losartan potassium") in labels(result, LOSARTAN)
    assert {t for k, t in labels(result, CHLORIDE) if k == "code"} == {"ATC:A12BA01"}


def test_of_drugbank_only_standard_inchikeys_of_one_drug_are_codes(tmp_path: Path) -> None:
    """Not its ATC codes either, which give losartan that of lisinopril here."""
    rows = [
        "drugbank_id\tname\tatc_codes\tinchikey\tinchi",
        f"DB00678\tLosartan\tC09AA03\tInChIKey={KEY}\t",
        "DB01016\tGlyburide\t\tInChIKey=XUKUURHRXDUEBC-UHFFFAOYNA-M\t",
        "DB00338\tOmeprazole\t\tInChIKey=SUBDBMMJDZJVOS-UHFFFAOYSA-N\t",
        "DB00736\tEsomeprazole\t\tInChIKey=SUBDBMMJDZJVOS-UHFFFAOYSA-N\t",
    ]
    result = read(write(tmp_path, "drugbank-slim.tsv", *rows))

    codes = {
        (drug, text) for drug in DRUGS for kind, text in labels(result, drug) if kind == "code"
    }
    assert codes == {(LOSARTAN, f"INCHIKEY:{KEY}")}


def test_a_code_that_isomers_share_is_dropped_and_one_of_several_is_narrower(
    drugbank: Path,
) -> None:
    unii = ["DB00338\tSHARED", "DB00736\tSHARED", "DB00678\tACID", "DB00678\tSALT", "DB01016\tONE"]
    write(drugbank, "mapping-fdasrs-unii.tsv", "drugbank_id\tfdasrs_id", *unii)
    rxnorm = ["7646\tSHARED", "52175\tACID", "203160\tSALT", "4815\tONE"]
    write(drugbank, "rxcui-unii-map.tsv", "rxnorm_id\tfdasrs_id", *rxnorm)

    result = read(drugbank)

    assert not [t for k, t in labels(result, OMEPRAZOLE) if "code" in k]
    assert {("code", "UNII:ONE"), ("code", "RXNORM:4815")} <= labels(result, GLYBURIDE)
    assert {k for k, t in labels(result, LOSARTAN) if t.startswith(("UNII", "RXNORM"))} == {
        "broader-code"
    }


def test_cross_references_are_spelled_as_elsewhere_and_say_their_licence(tmp_path: Path) -> None:
    write(
        tmp_path,
        "doid-xrefs-slim.tsv",
        "doid_code\tdoid_name\tresource\tresource_id",
        "DOID:9352\ttype 2\tSNOMEDCT_US_2015_03_01\t44054006",
        "DOID:9352\ttype 2\tMIM\t125853",
        "DOID:9352\ttype 2\tnonsense\t",
        "DOID:9352\ttype 2\tMSH\tD003924",
        "DOID:1\telsewhere\tMIM\t1",
    )

    result = read(tmp_path)

    codes = {text for kind, text in labels(result, T2D, "Disease") if kind == "code"}
    assert codes == {"SNOMEDCT:44054006", "OMIM:125853", "MESH:D003924"}
    assert [(r.file, r.line) for r in result.report.refused] == [("doid-xrefs-slim.tsv", 4)]
    assert result.report.left_out["names", "DOID:1"] == 1
    licences = {p.licence for p in result.graph.provenances if p.source == "names"}
    assert licences == {"CC-BY-3.0"}


def test_mondo_lends_only_codes_that_are_one_to_one(tmp_path: Path) -> None:
    write(
        tmp_path,
        "mondo_references.csv",
        "ontology_id,ontology,mondo_id",
        "9352,DOID,0005148",
        "C0011860,UMLS,5148",
        "10283,DOID,0008315",
        "C1,UMLS,0008315",
        "C2,UMLS,0008315",
        "176807,OMIM,0008315",
        "176807,OMIM,0000001",
        "secret,COHD,0005148",
    )

    result = read(tmp_path)

    of_t2d = {t for k, t in labels(result, T2D, "Disease") if k == "code"}
    of_cancer = {t for k, t in labels(result, PROSTATE, "Disease") if k == "code"}
    assert of_t2d >= {"MONDO:0005148", "UMLS:C0011860"}
    assert "MONDO:0008315" in of_cancer
    assert not [t for t in of_cancer if t.startswith(("UMLS", "OMIM"))]


def test_names_of_symptoms_count_as_names_of_a_code(tmp_path: Path) -> None:
    rows = ["mesh_id\tmesh_name\tin_hsdn", "D000006\tAbdomen, Acute\t1"]
    result = read(write(tmp_path, "mesh-symptoms.tsv", *rows))

    assert ("xref", "Abdomen, Acute") in labels(result, "MESH:D000006", "Symptom")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"odd\tcolumns\nx\ty\n", b"[" * 100_000])
def test_a_damaged_file_fails_by_its_name(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(SourceError, match=name.partition(".")[0]):
        read(tmp_path)


@pytest.mark.parametrize("document", ["[]", '{"DB1": 1}', '{"DB1": [1]}', '{"DB1": null}', "7"])
def test_aliases_of_another_shape_are_refused(tmp_path: Path, document: str) -> None:
    with pytest.raises(SourceError, match=r"aliases\.json: "):
        read(write(tmp_path, "aliases.json", document))


def test_a_folder_without_any_of_the_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none of drugbank-slim\.tsv, aliases"):
        read(tmp_path)


def test_every_name_elsewhere_belongs_to_one_drug() -> None:
    texts = [text for texts in ELSEWHERE.values() for text in texts]

    assert len(texts) == len(set(texts))
    assert not set(texts) & set(ELSEWHERE)
    assert DrugNames({"D": "Glyburide"}).find("Glibenclamide") == "D"


# ---- the real files


@pytest.fixture(scope="module")
def real(data: Path) -> list[LabelBatch]:
    folders = [data / name for name in ("drugbank", "atc", "ontology", "txgnn")]
    return [batch for batch in Names(*folders).read() if isinstance(batch, LabelBatch)]


def test_the_real_codes_agree_with_those_of_the_starter(real: list[LabelBatch]) -> None:
    """The starter's codes were looked up one by one: an oracle for what was joined here."""
    known: dict[str, str] = {}
    with (starter_folder() / "drugs.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            known.update({f"ATC:{code}": row["id"] for code in row["atc"].split("|") if code})
            known.update({f"RXNORM:{code}": row["id"] for code in row["rxnorm"].split("|") if code})
    codes = [row for batch in real for row in batch.rows if row[2] == "code" and row[3] in known]

    assert len(codes) > 700
    assert not [(code, drug) for _, drug, _, code in codes if known[code] != drug]


def test_the_real_names_are_those_of_no_other_drug_of_the_starter(real: list[LabelBatch]) -> None:
    owner: dict[str, str] = {}
    with (starter_folder() / "drugs.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            for text in (row["name"], *row["synonyms"].split("|")):
                owner[text.strip().casefold()] = row["id"]
    synonyms = [row for batch in real for row in batch.rows if row[2] == "synonym"]

    wrong = [
        (text, drug) for _, drug, _, text in synonyms if owner.get(text.casefold(), drug) != drug
    ]
    assert len(synonyms) > 1_900
    assert wrong == []


def test_no_real_brand_of_several_drugs_is_a_synonym(real: list[LabelBatch]) -> None:
    kinds = {row[3].casefold(): row[2] for batch in real for row in batch.rows}

    assert "yaz" not in kinds
    for brand in ("Hyzaar", "Yasmin", "Lipitor", "Tarka"):
        assert kinds.get(brand.casefold(), "broader") == "broader"
