"""CURIEs: the spellings of sources come in, one spelling goes out."""

import pytest

from kg.identifiers import (
    BARE,
    SYSTEMS,
    from_hetionet,
    from_system,
    from_xref,
    is_curie,
    spellings,
    usual_prefix,
)


@pytest.mark.parametrize(
    "text", ["DRUGBANK:DB00331", "DOID:9352", "GO:0008150", "ICD10CM:E11.9", "PATHWAYCOMMONS:PC7_1"]
)
def test_a_prefix_and_a_local_part_are_a_curie(text: str) -> None:
    assert is_curie(text)


@pytest.mark.parametrize(
    "text",
    ["", "DB00331", ":DB00331", "DRUGBANK:", "Compound::DB00331", "MESH: D1", "MESH:D 1",
     "http://snomed.info/sct", "9:1", "Side Effect::C0027497", "DOID:9352\n"],
)  # fmt: skip
def test_other_texts_are_no_curie(text: str) -> None:
    assert not is_curie(text)


@pytest.mark.parametrize(
    ("identifier", "curie"),
    [
        ("Compound::DB00331", "DRUGBANK:DB00331"),
        ("Gene::9021", "NCBIGene:9021"),
        ("Disease::DOID:2531", "DOID:2531"),
        ("Anatomy::UBERON:0000178", "UBERON:0000178"),
        ("Symptom::D006261", "MESH:D006261"),
        ("Side Effect::C0027497", "UMLS:C0027497"),
        ("Pharmacologic Class::N0000175690", "NDFRT:N0000175690"),
        ("Pathway::PC7_10399", "PATHWAYCOMMONS:PC7_10399"),
        ("Pathway::WP430_r1", "WIKIPATHWAYS:WP430_r1"),
        ("Biological Process::GO:0008150", "GO:0008150"),
        ("Protein::P1", None),
        ("Gene::", None),
        ("Gene", None),
    ],
)
def test_hetionets_identifiers_become_curies(identifier: str, curie: str | None) -> None:
    assert from_hetionet(identifier) == curie


def test_a_fhir_coding_becomes_a_curie_and_an_unknown_system_none() -> None:
    assert from_system("http://snomed.info/sct", "44054006") == "SNOMEDCT:44054006"
    assert from_system(" http://snomed.info/sct/ ", " 44054006 ") == "SNOMEDCT:44054006"
    assert from_system("http://example.org/own-codes", "44054006") is None
    assert all(is_curie(f"{prefix}:1") for prefix in SYSTEMS.values())


def test_a_bare_code_may_belong_to_several_systems_and_a_word_to_none() -> None:
    assert spellings("44054006")[: len(BARE)] == [f"{prefix}:44054006" for prefix in BARE]
    assert spellings("Compound::DB00331") == ["DRUGBANK:DB00331"]
    assert spellings("Nonsense::1") == []
    assert spellings(" DOID:9352 ") == ["DOID:9352"]
    assert spellings("metformin") == []
    assert spellings("二甲双胍") == []


@pytest.mark.parametrize(
    ("system", "code", "curie"),
    [
        ("http://snomed.info/sct|2024-09-01", "73211009", "SNOMEDCT:73211009"),
        ("http://snomed.info/sct/900000000000207008", "73211009", "SNOMEDCT:73211009"),
        ("urn:oid:2.16.840.1.113883.6.96", "73211009", "SNOMEDCT:73211009"),
        ("2.16.840.1.113883.6.96", "73211009", "SNOMEDCT:73211009"),
        ("HTTP://WWW.NLM.NIH.GOV/research/umls/rxnorm", "6809", "RXNORM:6809"),
        ("urn:oid:2.16.840.1.113883.6.88", "6809", "RXNORM:6809"),
        ("http://hl7.org/fhir/sid/icd-10-cm", "e119", "ICD10CM:E11.9"),
        ("http://hl7.org/fhir/sid/icd-10", "E11.9", "ICD10:E11.9"),
        ("urn:oid:2.16.840.1.113883.6.90", "I10", "ICD10CM:I10"),
        ("http://hl7.org/fhir/sid/icd-9-cm", "25000", "ICD9CM:250.00"),
        ("http://terminology.hl7.org/CodeSystem/icd9cm", "250.00", "ICD9CM:250.00"),
        ("http://www.whocc.no/atc", "A10BA02", "ATC:A10BA02"),
        ("http://id.nlm.nih.gov/mesh", "D003924", "MESH:D003924"),
        ("http://www.nlm.nih.gov/research/umls", "C0011860", "UMLS:C0011860"),
        ("http://www.omim.org", "125853", "OMIM:125853"),
        ("http://purl.obolibrary.org/obo/mondo.owl", "5148", "MONDO:0005148"),
        ("http://purl.obolibrary.org/obo/mondo.owl", "MONDO:0005148", "MONDO:0005148"),
        ("http://fdasis.nlm.nih.gov", "9100L32L2N", "UNII:9100L32L2N"),
        ("https://www.ebi.ac.uk/chembl", "CHEMBL1431", "CHEMBL.COMPOUND:CHEMBL1431"),
        ("http://pubchem.ncbi.nlm.nih.gov", "CID4091", "PUBCHEM.COMPOUND:4091"),
        ("https://go.drugbank.com/", "DB00331", "DRUGBANK:DB00331"),
    ],
)  # fmt: skip
def test_every_system_is_known_by_uri_and_object_identifier(
    system: str, code: str, curie: str
) -> None:
    assert from_system(system, code) == curie


def test_a_coding_without_a_code_means_nothing() -> None:
    assert from_system("http://snomed.info/sct", " ") is None
    assert from_system("", "1") is None


@pytest.mark.parametrize(
    ("text", "curie"),
    [
        ("UMLS_CUI:C0011860", "UMLS:C0011860"),
        ("SNOMEDCT_2010_1_31:44054006", "SNOMEDCT:44054006"),
        ("SNOMEDCT_US_2025_09_01:44054006", "SNOMEDCT:44054006"),
        ("MSH:D003924", "MESH:D003924"),
        ("MIM:125853", "OMIM:125853"),
        ("ICD9CM:250.00", "ICD9CM:250.00"),
        ("ICD10CM:E119", "ICD10CM:E11.9"),
        ("ORDO:79144", "ORPHA:79144"),
        ("Orphanet:79144", "ORPHA:79144"),
        ("NCI:C26747", "NCIT:C26747"),
        ("GARD:5659", "GARD:5659"),
        ("http://example.org", None),
        ("nothing", None),
    ],
)
def test_a_cross_reference_of_an_ontology_gets_the_usual_spelling(
    text: str, curie: str | None
) -> None:
    assert from_xref(text) == curie


def test_codes_are_found_however_people_write_them() -> None:
    assert "ICD10CM:E11.9" in spellings("E119")
    assert "ICD10:E11.9" in spellings("ICD10:E11.9")
    assert "UMLS:C0011860" in spellings("umls_cui:C0011860")
    assert "SNOMEDCT:44054006" in spellings("http://snomed.info/sct|44054006")
    assert usual_prefix("rxcui") == "RXNORM"
    assert usual_prefix("GARD") == "GARD"
