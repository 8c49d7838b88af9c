"""OWL files, report tables, and the choice among several files of one ontology."""

import gzip
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings

from kg.builder import build
from kg.errors import SourceError
from kg.graph import Provenance
from kg.sources import Refusal, Term, TermBatch
from kg.sources.base import Batch
from kg.sources.formats.obo import Entry
from kg.sources.formats.obo import read_terms as read_obo
from kg.sources.formats.owl import read_terms as read_owl
from kg.sources.ontology import Ontology
from tests.kg.mutations import mutated

OBO = "http://purl.obolibrary.org/obo/"
OPEN = f"""<?xml version="1.0"?>
<!DOCTYPE rdf:RDF [ <!ENTITY obo "{OBO}"> ]>
<rdf:RDF xml:base="{OBO}doid.owl" xmlns:owl="http://www.w3.org/2002/07/owl#"
  xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
  xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#" xmlns:obo="{OBO}"
  xmlns:terms="http://purl.org/dc/terms/" xmlns:in="http://www.geneontology.org/formats/oboInOwl#">
"""
ONTOLOGY = """<owl:Ontology rdf:about="&obo;{}.owl">
<owl:versionIRI rdf:resource="&obo;doid/releases/{}/doid.owl"/>
<terms:license rdf:resource="https://creativecommons.org/licenses/by-sa/4.0/"/>
</owl:Ontology>
"""
CLASSES = """<owl:Class rdf:about="&obo;DOID_9352">
<rdfs:label xml:lang="en">type 2 diabetes mellitus</rdfs:label>
<rdfs:label xml:lang="de">Diabetes Typ 2</rdfs:label>
<in:hasExactSynonym>NIDDM</in:hasExactSynonym>
<in:hasExactSynonym xml:lang="fr">DNID</in:hasExactSynonym>
<in:hasBroadSynonym>diabetes</in:hasBroadSynonym>
<in:hasAlternativeId>DOID:1</in:hasAlternativeId>
<in:hasDbXref>SNOMEDCT_US_2025_09_01:44054006</in:hasDbXref>
<rdfs:subClassOf rdf:resource="&obo;DOID_9351"/>
<rdfs:subClassOf><owl:Restriction><owl:onProperty rdf:resource="&obo;RO_1"/></owl:Restriction>
</rdfs:subClassOf>
</owl:Class>
<owl:Axiom><owl:annotatedSource rdf:resource="&obo;DOID_9352"/>
<in:hasDbXref>MESH:D000001</in:hasDbXref></owl:Axiom>
<owl:Class rdf:about="&obo;DOID_9351"><rdfs:label>diabetes mellitus</rdfs:label></owl:Class>
<owl:Class rdf:about="&obo;DOID_10"><rdfs:label>obsolete sugar disease</rdfs:label>
<owl:deprecated rdf:datatype="http://www.w3.org/2001/XMLSchema#boolean">true</owl:deprecated>
<obo:IAO_0100001 rdf:resource="&obo;DOID_9351"/></owl:Class>
<owl:ObjectProperty rdf:about="&obo;RO_1"><rdfs:label>part of</rdfs:label></owl:ObjectProperty>
"""
CLOSE = "</rdf:RDF>\n"
WHOLE = OPEN + ONTOLOGY.format("doid", "2026-07-31") + CLASSES + CLOSE


def read_bytes(content: bytes, tmp: Path) -> None:
    """The fuzz target: comes back or raises SourceError."""
    folder = tmp / "owl"
    folder.mkdir(exist_ok=True)
    (folder / "case.owl").write_bytes(content)
    build([Ontology(folder)])


def read_report(content: bytes, tmp: Path) -> None:
    """The same for the report tables."""
    folder = tmp / "report"
    folder.mkdir(exist_ok=True)
    (folder / "HumanDO.tsv").write_bytes(content)
    build([Ontology(folder)])


def terms_of(batches: list[Batch]) -> dict[str, Term]:
    return {t.id: t for batch in batches if isinstance(batch, TermBatch) for t in batch.terms}


def obo_file(term: str, name: str, *, ontology: str = "doid", version: str = "") -> str:
    return f"ontology: {ontology}\ndata-version: {version}\n\n[Term]\nid: {term}\nname: {name}\n"


def test_an_owl_class_brings_what_an_obo_term_brings(tmp_path: Path) -> None:
    (tmp_path / "doid.owl").write_text(WHOLE)

    [batch] = Ontology(tmp_path).read()

    assert isinstance(batch, TermBatch)
    assert (batch.type, batch.file) == ("Disease", "doid.owl")
    assert batch.provenance == Provenance(
        "ontology",
        "infores:disease-ontology",
        "CC-BY-SA-4.0",
        "knowledge_assertion",
        "manual_agent",
    )
    line = 1 + WHOLE[: WHOLE.index('rdf:about="&obo;DOID_9352')].count("\n")
    assert batch.terms[0] == Term(
        line=line,
        id="DOID:9352",
        name="type 2 diabetes mellitus",
        synonyms=("NIDDM",),
        codes=("DOID:1", "SNOMEDCT:44054006"),
        parents=("DOID:9351",),
    )
    assert batch.terms[1][1:] == ("DOID:9351", "diabetes mellitus", (), ("DOID:10",), ())
    assert len(batch.terms) == 2


def test_a_class_without_a_name_or_with_two_is_refused_with_its_line(tmp_path: Path) -> None:
    bad = (
        '<owl:Class rdf:about="&obo;DOID_2"/>\n'
        '<owl:Class rdf:about="&obo;DOID_3"><rdfs:label>a</rdfs:label>'
        "<rdfs:label>b</rdfs:label></owl:Class>\n"
        '<owl:Class rdf:about="http://x.org/Thing"><rdfs:label>c</rdfs:label></owl:Class>\n'
    )
    (tmp_path / "doid.owl").write_text(OPEN + bad + CLASSES + CLOSE)

    batches = list(Ontology(tmp_path).read())

    first = OPEN.count("\n") + 1
    assert {batch for batch in batches if isinstance(batch, Refusal)} == {
        Refusal("doid.owl", first, "term DOID:2 has no name"),
        Refusal("doid.owl", first + 1, "DOID:3 has several names: 'a' and 'b'"),
        Refusal("doid.owl", first + 2, "term id 'http://x.org/Thing' is not a CURIE"),
    }
    assert set(terms_of(batches)) == {"DOID:9351", "DOID:9352"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"not xml", "line 1: not well-formed XML"),
        (WHOLE.encode()[:-20], "not well-formed XML"),
        (b"<html><p>Page not found</p></html>", "holds no term|not RDF/XML"),
        ((OPEN + "<rdf:li/>" + CLOSE).encode(), "not RDF/XML"),
        (b'<!DOCTYPE a [<!ENTITY e SYSTEM "/etc/passwd">]><a>&e;</a>', "'e' lies outside the file"),
    ],
)
def test_an_owl_file_that_is_none_fails_clearly(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "x.owl").write_bytes(content)

    with pytest.raises(SourceError, match=rf"x\.owl.*({says})"):
        list(Ontology(tmp_path).read())


def test_relative_names_do_not_become_paths_of_this_machine(tmp_path: Path) -> None:
    relative = '<owl:Class rdf:about="x"><rdfs:label>c</rdfs:label></owl:Class>'
    (tmp_path / "x.owl").write_text(
        OPEN.replace(f'xml:base="{OBO}doid.owl"', "") + relative + CLOSE
    )

    with pytest.raises(SourceError) as refused:
        list(Ontology(tmp_path).read())

    assert str(tmp_path) not in str(refused.value)


@pytest.mark.parametrize(
    ("files", "read"),
    [
        ({"a.owl": WHOLE, "b.obo": obo_file("DOID:2", "x", version="2026-07-31")}, "b.obo"),
        ({"a.owl": WHOLE, "b.obo": obo_file("DOID:2", "x", version="2026-07-30")}, "a.owl"),
        ({"a.owl": WHOLE, "b.obo": obo_file("DOID:2", "x")}, "a.owl"),
        (
            {
                "b.obo": obo_file("DOID:2", "x", version="2015-05-14"),
                "z.obo": obo_file("DOID:2", "x", ontology="doid/subsets/z", version="2026-07-30"),
            },
            "b.obo",
        ),
    ],
)
def test_of_several_files_of_one_ontology_one_is_read_and_the_other_named(
    tmp_path: Path, files: dict[str, str], read: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    source = Ontology(tmp_path)

    batches = list(source.read())

    [other] = set(files) - {read}
    assert {batch.file for batch in batches if isinstance(batch, TermBatch)} == {read}
    version = source.version()
    assert list(version["files"]) == [read]
    assert version["left_out"] == {other: f"{read} is read for doid"}


def test_every_ontology_of_every_folder_is_read(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    (tmp_path / "one" / "doid.obo").write_text(obo_file("DOID:1", "x", version="2026-01-02"))
    packed = gzip.compress(obo_file("HP:1", "y", ontology="hp").encode())
    (tmp_path / "two" / "hp.obo.gz").write_bytes(packed)
    (tmp_path / "two" / "nameless.obo").write_text("[Term]\nid: SYMP:1\nname: z\n")
    source = Ontology(tmp_path / "one", tmp_path / "two")

    assert {key: t.name for key, t in terms_of(list(source.read())).items()} == {
        "DOID:1": "x",
        "HP:1": "y",
        "SYMP:1": "z",
    }
    assert source.version()["releases"] == {"doid": "2026-01-02", "hp": "", "nameless": ""}


REPORT = (
    "id\tlabel\tsubClassOf\n"
    '"DOID:4"\t"disease"\t""\n'
    '"DOID:1"\t"hypertension"\t"disease"\n'
    '"DOID:1"\t"hypertension"\t"of another file"\n'
    '"DOID:2"\t"essential hypertension"\t"hypertension"\n'
)


def test_the_reports_of_the_disease_ontology_bring_names_parents_and_codes(tmp_path: Path) -> None:
    (tmp_path / "HumanDO.tsv.gz").write_bytes(gzip.compress(REPORT.encode()))
    (tmp_path / "allXREFinDO.tsv").write_text(
        "id\tlabel\txref\n"
        '"DOID:2"\t"essential hypertension"\t"ICD10CM:I10"\n'
        '"DOID:2"\t"essential hypertension"\t"SNOMEDCT_US_2025_09_01:59621000"\n'
        '"DOID:9"\t"gone"\t"ICD10CM:Z9"\n'
    )
    (tmp_path / "doid.obo").write_text(obo_file("DOID:1", "hypertension", version="2015-05-14"))
    source = Ontology(tmp_path)

    old, new = (batch for batch in source.read() if isinstance(batch, TermBatch))

    assert (old.file, new.file, new.type) == ("doid.obo", "HumanDO.tsv.gz", "Disease")
    assert new.provenance.primary_knowledge_source == "infores:disease-ontology"
    assert new.terms == [
        Term(2, "DOID:4", "disease"),
        Term(3, "DOID:1", "hypertension", parents=("DOID:4",)),
        Term(
            5,
            "DOID:2",
            "essential hypertension",
            codes=("ICD10CM:I10", "SNOMEDCT:59621000"),
            parents=("DOID:1",),
        ),
    ]
    assert set(source.version()["files"]) == {"doid.obo", "HumanDO.tsv.gz", "allXREFinDO.tsv"}


def test_a_report_row_that_contradicts_another_is_refused(tmp_path: Path) -> None:
    (tmp_path / "HumanDO.tsv").write_text(REPORT + "DOID:1\tother\t\nDOID:3\n")

    refused = [batch for batch in Ontology(tmp_path).read() if isinstance(batch, Refusal)]

    assert refused == [
        Refusal("HumanDO.tsv", 6, "DOID:1 has two names: 'hypertension', 'other'"),
        Refusal("HumanDO.tsv", 7, "1 columns, not 3"),
    ]


@given(content=mutated([REPORT.encode()]))
@settings(max_examples=40)
def test_a_damaged_report_is_read_or_refused(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with suppress(SourceError):
        read_report(content, tmp_path_factory.getbasetemp())


@given(content=mutated([WHOLE.encode()]))
@settings(max_examples=60)
def test_a_damaged_owl_file_is_read_or_refused(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with suppress(SourceError):
        read_bytes(content, tmp_path_factory.getbasetemp())


def test_the_symptom_ontology_is_the_same_in_both_formats(data: Path) -> None:
    def content(entry: Entry | Refusal) -> tuple[object, ...]:
        assert isinstance(entry, Entry)
        lists = (entry.synonyms, entry.xrefs, entry.alt_ids, entry.parents, entry.replacements)
        return (entry.id, entry.name, entry.is_obsolete, *map(sorted, lists))

    obo = sorted(map(content, read_obo(data / "ontology" / "symp.obo")))
    owl = sorted(map(content, read_owl(data / "ontology" / "symp.owl")))

    assert len(obo) == 1020
    assert owl == obo


def test_a_bomb_is_refused_before_rdflib_sees_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parse(*_: object) -> None:
        pytest.fail("rdflib was asked to parse it")

    monkeypatch.setattr("rdflib.plugins.parsers.rdfxml.create_parser", parse)
    bomb = '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]><a>&y;</a>'
    (tmp_path / "x.owl.gz").write_bytes(gzip.compress(bomb.encode()))

    with pytest.raises(SourceError, match="entity 'y' uses another entity"):
        list(Ontology(tmp_path).read())


def test_a_file_without_one_usable_term_says_why_its_terms_are_not(tmp_path: Path) -> None:
    (tmp_path / "do.obo").write_bytes(obo_file("DOID:1", "Sj\u00f6gren").encode("latin-1"))

    with pytest.raises(SourceError, match=r"do\.obo holds no term that can be used.*not UTF-8"):
        build([Ontology(tmp_path)])


def test_a_file_of_obsolete_terms_only_says_that_none_is_in_use(tmp_path: Path) -> None:
    (tmp_path / "do.obo").write_text(obo_file("DOID:1", "x") + "is_obsolete: true\n")

    with pytest.raises(SourceError, match="holds no term that is in use"):
        build([Ontology(tmp_path)])
