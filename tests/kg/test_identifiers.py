"""CURIEs: the spellings of sources come in, one spelling goes out."""

import pytest

from kg.identifiers import BARE, SYSTEMS, from_hetionet, from_system, is_curie, spellings


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
    assert spellings("44054006") == [f"{prefix}:44054006" for prefix in BARE]
    assert spellings("Compound::DB00331") == ["DRUGBANK:DB00331"]
    assert spellings("Nonsense::1") == []
    assert spellings(" DOID:9352 ") == ["DOID:9352"]
    assert spellings("metformin") == []
    assert spellings("二甲双胍") == []
