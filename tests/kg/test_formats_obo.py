"""OBO files: what is read of them, and what of a damaged one."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.builder import build
from kg.errors import SourceError
from kg.sources import Refusal, Term, TermBatch
from kg.sources.formats.obo import Entry, read_terms
from kg.sources.ontology import Ontology
from kg.sources.vocabularies.xrefs import to_code
from tests.kg.mutations import mutated, mutated_gzip

HEADER = """format-version: 1.2
data-version: releases/2026-07-30/symp.obo
date: 30:07:2026 20:10
ontology: doid
remark: under http://creativecommons.org/licenses/by/3.0/.

"""
TERMS = r"""[Term]
id: DOID:9352 ! a comment
name: type 2 diabetes mellitus
alt_id: DOID:1
def: "Not \"read\"." [url:http\://x.org/a, JA:broken list
synonym: "NIDDM" EXACT ABBREVIATION []
synonym: "type \"2\" diabetes, \\ or so" EXACT [MSH:D003924]
synonym: "diabetes" BROAD []
synonym: "sugar" RELATED []
synonym: "no scope" []
xref: ICD10CM:E11
xref: SNOMEDCT_US_2015_03_01:44054006 {source="x"}
xref: UMLS_CUI:C0011860 "with text" ! and comment
xref: url:http\://en.wikipedia.org/wiki/Diabetes
is_a: DOID:9351 {is_inferred="true"} ! diabetes mellitus
is_a: DOID:0 ! of another file
relationship: part_of DOID:9351

[Term]
id: DOID:9351
name: diabetes mellitus {lang="en"}
is_a: DOID:9351 ! itself

[Typedef]
id: part_of
name: part of
is_a: nothing

[Term]
id: DOID:10
name: obsolete sugar disease
alt_id: DOID:11
is_obsolete: true
replaced_by: DOID:12

[Term]
id: DOID:12
is_obsolete: true
replaced_by: DOID:9351
"""


def read_bytes(content: bytes, tmp: Path) -> None:
    """The fuzz target: comes back or raises SourceError."""
    folder = tmp / "obo"
    folder.mkdir(exist_ok=True)
    (folder / "case.obo").write_bytes(content)
    build([Ontology(folder)])


def read_gzip(content: bytes, tmp: Path) -> None:
    """The same for a packed file."""
    path = tmp / "case.obo.gz"
    path.write_bytes(content)
    list(read_terms(path))


def batches(folder: Path, text: str, name: str = "x.obo") -> tuple[list[TermBatch], list[Refusal]]:
    (folder / name).write_text(text, encoding="utf-8", newline="")
    found = list(Ontology(folder).read())
    terms = [batch for batch in found if isinstance(batch, TermBatch)]
    refusals = [batch for batch in found if isinstance(batch, Refusal)]
    assert len(terms) + len(refusals) == len(found)
    return terms, refusals


def terms_of(folder: Path, text: str) -> dict[str, Term]:
    found, refused = batches(folder, text)
    assert refused == []
    return {term.id: term for batch in found for term in batch.terms}


def test_a_term_brings_exact_synonyms_codes_and_parents_in_our_spelling(tmp_path: Path) -> None:
    terms = terms_of(tmp_path, HEADER + TERMS)

    assert terms["DOID:9352"] == Term(
        line=7,
        id="DOID:9352",
        name="type 2 diabetes mellitus",
        synonyms=("NIDDM", 'type "2" diabetes, \\ or so'),
        codes=("DOID:1", "ICD10CM:E11", "SNOMEDCT:44054006", "UMLS:C0011860"),
        parents=("DOID:9351",),
    )


def test_obsolete_terms_are_left_out_and_their_ids_lead_to_what_replaces_them(
    tmp_path: Path,
) -> None:
    terms = terms_of(tmp_path, HEADER + TERMS)

    assert sorted(terms) == ["DOID:9351", "DOID:9352"]
    assert terms["DOID:9351"].codes == ("DOID:10", "DOID:11", "DOID:12")
    assert terms["DOID:9351"].name == "diabetes mellitus"
    assert terms["DOID:9351"].parents == ()


def test_terms_that_replace_each_other_in_a_circle_are_left_out(tmp_path: Path) -> None:
    circle = "[Term]\nid: A:{}\nname: x\nis_obsolete: true\nreplaced_by: A:{}\n\n"
    text = circle.format(1, 2) + circle.format(2, 1) + "[Term]\nid: A:3\nname: y\n"

    assert terms_of(tmp_path, text) == {"A:3": Term(13, "A:3", "y")}


def test_the_id_of_a_term_in_use_is_never_a_code_of_another(tmp_path: Path) -> None:
    text = "[Term]\nid: A:1\nname: x\nalt_id: A:2\nxref: A:2\n\n[Term]\nid: A:2\nname: y\n"

    assert terms_of(tmp_path, text)["A:1"].codes == ()


@pytest.mark.parametrize(
    ("term", "namespace", "node_type"),
    [
        ("DOID:1", "", "Disease"),
        ("MONDO:0000001", "", "Disease"),
        ("SYMP:1", "", "Symptom"),
        ("HP:1", "", "Phenotype"),
        ("UBERON:1", "", "Anatomy"),
        ("CHEBI:1", "", "Drug"),
        ("GO:1", "biological_process", "BiologicalProcess"),
        ("GO:1", "molecular_function", "MolecularFunction"),
        ("GO:1", "cellular_component", "CellularComponent"),
        ("GO:1", "", "Entity"),
        ("NCBITaxon:1", "", "Entity"),
    ],
)
def test_the_prefix_says_what_a_term_is(
    tmp_path: Path, term: str, namespace: str, node_type: str
) -> None:
    line = f"namespace: {namespace}\n" if namespace else ""

    [batch], _ = batches(tmp_path, f"ontology: x\n\n[Term]\nid: {term}\nname: n\n{line}")

    assert batch.type == node_type


def test_parents_of_another_type_are_left_out(tmp_path: Path) -> None:
    text = (
        "[Term]\nid: GO:1\nname: a\nnamespace: biological_process\nis_a: GO:2\n\n"
        "[Term]\nid: GO:2\nname: b\nnamespace: molecular_function\n"
    )

    assert terms_of(tmp_path, text)["GO:1"].parents == ()


@pytest.mark.parametrize(
    ("xref", "code"),
    [
        ("SNOMEDCT_2010_1_31:33176006", "SNOMEDCT:33176006"),
        ("SNOMEDCT_US_2025_09_01:39000009", "SNOMEDCT:39000009"),
        ("SCTID:1", "SNOMEDCT:1"),
        ("ICD9CM_2005:786.6", "ICD9CM:786.6"),
        ("ICD9:1", "ICD9CM:1"),
        ("ICD10:E119", "ICD10CM:E11.9"),
        ("MSH2010_2010_02_22:D1", "MESH:D1"),
        ("NCI2009_04D:C1", "NCIT:C1"),
        ("UMLS_CUI:C0000001", "UMLS:C0000001"),
        ("MIM:264300", "OMIM:264300"),
        ("Orphanet:752", "ORPHA:752"),
        ("MedDRA:10000001", "MEDDRA:10000001"),
        ("EFOpat_id:1", "EFO:1"),
        ("GARD:5659", "GARD:5659"),
        ("UMLS_ICD9CM_2005_AUI:A1", None),
        ("url:http://x.org", None),
        ("https://x.org", None),
        ("PMID:1", None),
        ("ICD9CM_2005:<new", None),
        ("nothing", None),
        ("MSH:", None),
    ],
)
def test_a_cross_reference_becomes_a_curie_of_ours(xref: str, code: str | None) -> None:
    assert to_code(xref) == code


@pytest.mark.parametrize(
    ("bad", "line", "reason"),
    [
        ("[Term]\nname: x\n", 7, "a term without id"),
        ("[Term]\nid: A:1\n", 7, "has no name"),
        ("[Term]\nid: nothing\nname: x\n", 7, "'nothing' is not a CURIE"),
        ("[Term]\nid: A:1\nid: A:2\nname: x\n", 9, "a second id"),
        ("[Term]\nid: A:1\nname: x\nname: y\n", 10, "a second name"),
        ('[Term]\nid: A:1\nname: x\nsynonym: "y EXACT []\n', 10, "a synonym without quotes"),
        ("[Term]\nid: A:1\nname: x\nis_a: ! y\n", 10, "is_a without a value"),
        ("[Term]\nid: A:1\nname: x\n[Ter\nid: A:2\n", 10, "nor a stanza"),
        ("[Term]\nid: A:1\nname: \udcff\n", 9, "not UTF-8"),
    ],
)
def test_a_bad_term_is_refused_with_its_line_and_the_others_are_read(
    tmp_path: Path, bad: str, line: int, reason: str
) -> None:
    good = "\n[Term]\nid: A:9\nname: good\n"
    (tmp_path / "x.obo").write_bytes((HEADER + bad + good).encode("utf-8", "surrogateescape"))

    found = list(Ontology(tmp_path).read())

    [refusal] = [batch for batch in found if isinstance(batch, Refusal)]
    [terms] = [batch for batch in found if isinstance(batch, TermBatch)]
    assert (refusal.file, refusal.line) == ("x.obo", line)
    assert reason in refusal.reason
    assert [term.id for term in terms.terms] == ["A:9"]


def test_a_second_term_of_the_same_id_is_refused(tmp_path: Path) -> None:
    text = "[Term]\nid: A:1\nname: x\n\n[Term]\nid: A:1\nname: y\n"

    [batch], [refusal] = batches(tmp_path, text)

    assert batch.terms == [Term(1, "A:1", "x")]
    assert refusal == Refusal("x.obo", 5, "a second term A:1; the first is on line 1")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "holds no term"),
        (b"PK\x03\x04 an archive", "line 1 is not OBO"),
        (b"\xff\xfef\x00", "line 1 is not UTF-8"),
        (b"format-version: 1.2\n\n[Typedef]\nid: part_of\n", "holds no term"),
        (b"[Term]\nid: A:1\nname: x\nis_obsolete: true\n", "holds no term"),
        (b"[Term]\nid: A:1\nname: " + b"x" * (1 << 20), "holds no term"),
    ],
)
def test_a_file_that_is_no_ontology_fails_clearly(
    tmp_path: Path, content: bytes, says: str
) -> None:
    (tmp_path / "x.obo").write_bytes(content)

    with pytest.raises(SourceError, match=rf"x\.obo.* {says}|x\.obo: {says}"):
        list(Ontology(tmp_path).read())


def test_a_line_without_end_costs_its_term_alone(tmp_path: Path) -> None:
    content = b"[Term]\nid: A:1\nname: " + b"x" * (2 << 20) + b"\n[Term]\nid: A:2\nname: two\n"
    (tmp_path / "x.obo").write_bytes(content)

    refusal, batch = Ontology(tmp_path).read()

    assert isinstance(refusal, Refusal)
    assert refusal == ("x.obo", 3, "longer than 1,048,576 bytes; the term is left out")
    assert isinstance(batch, TermBatch)
    assert [(term.line, term.id) for term in batch.terms] == [(4, "A:2")]


def test_windows_line_ends_comments_and_a_byte_order_mark_change_nothing(tmp_path: Path) -> None:
    plain = terms_of(tmp_path, HEADER + TERMS)
    text = "\ufeff" + (HEADER + TERMS).replace("\n", "\r\n").replace("[Term]", "[Term] ! a term")

    assert terms_of(tmp_path, text) == plain


def test_a_line_of_blanks_and_braces_without_end_takes_no_time(tmp_path: Path) -> None:
    long = " " * 300_000 + " {" * 100_000 + "=" * 100_000  # quadratic patterns would need hours

    terms = terms_of(tmp_path, f"[Term]\nid: A:1\nname: x{long}\n")

    assert terms["A:1"].name.startswith("x ")


NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Zs"]), min_size=1, max_size=20
)


@given(name=NAMES, synonyms=st.lists(NAMES, max_size=3))
@settings(max_examples=50)
def test_any_text_written_with_escapes_is_read_back(
    name: str, synonyms: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "escaped.obo"
    lines = "".join(f'synonym: "{escape(text)}" EXACT []\n' for text in synonyms)
    path.write_text(f"[Term]\nid: A:1\nname: {escape(name)}\n{lines}", encoding="utf-8")

    assert list(read_terms(path)) == [Entry(1, "A:1", name, synonyms=synonyms)]


def escape(text: str) -> str:
    return "".join(f"\\{c}" if c in '\\"!{}[]:' else c for c in text)


SEEDS = [(HEADER + TERMS).encode()]


@given(content=mutated(SEEDS))
@settings(max_examples=100)
def test_a_damaged_file_is_read_or_refused(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with suppress(SourceError):
        read_bytes(content, tmp_path_factory.getbasetemp())


@given(content=mutated_gzip(SEEDS))
@settings(max_examples=50)
def test_damaged_gzip_data_is_read_or_refused(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with suppress(SourceError):
        read_gzip(content, tmp_path_factory.getbasetemp())


def test_the_2015_disease_ontology_is_read_whole(data: Path) -> None:
    source = Ontology(data / "ontology")

    found = {batch.file: batch for batch in source.read() if isinstance(batch, TermBatch)}

    disease, symptoms = found["HumanDO.obo.gz"], found["symp.obo"]
    assert disease.provenance.licence == "CC-BY-3.0"
    assert len(disease.terms) == 8948 - 2374  # the file's terms without the obsolete ones
    assert sum(len(term.parents) for term in disease.terms) == 6921  # every is_a of the file
    terms = {term.id: term for term in disease.terms}
    assert "SNOMEDCT:44054006" in terms["DOID:9352"].codes
    assert len(symptoms.terms) == 1020 - 125
    assert symptoms.provenance.licence == "CC0-1.0"
