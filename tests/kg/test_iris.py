"""CURIEs and IRIs: one for one, there and back."""

import re
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdflib import Graph, URIRef

from kg.identifiers import SYSTEMS
from kg.iris import BASES, OWN, assertion_iri, parse_assertion
from kg.sparql import to_curie, to_iri

DOCS = (Path(__file__).parent.parent.parent / "docs" / "sparql.md").read_text(encoding="utf-8")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("curie", "iri"),
    [
        ("DOID:9352", "http://purl.obolibrary.org/obo/DOID_9352"),
        ("DRUGBANK:DB00331", "https://identifiers.org/drugbank:DB00331"),
        ("NCBIGene:7157", "https://identifiers.org/ncbigene:7157"),
        ("MESH:D003924", "http://id.nlm.nih.gov/mesh/D003924"),
        ("SNOMEDCT:44054006", "http://snomed.info/id/44054006"),
        ("biolink:treats", "https://w3id.org/biolink/vocab/treats"),
        ("HOSPITAL:17", "urn:pharmakon:id:HOSPITAL:17"),
    ],
)
def test_a_curie_has_the_usual_iri_of_its_field(curie: str, iri: str) -> None:
    assert to_iri(curie) == iri
    assert to_curie(iri) == curie


@given(prefix=st.one_of(st.sampled_from(sorted(BASES)), TEXTS), local=TEXTS)
def test_any_text_with_a_colon_comes_back(prefix: str, local: str) -> None:
    curie = f"{prefix}:{local}"

    iri = to_iri(curie)

    assert to_curie(iri) == curie
    triple = (URIRef(iri), URIRef("urn:p"), URIRef("urn:o"))
    written = Graph().add(triple).serialize(format="nt")
    assert set(Graph().parse(data=written, format="nt")) == {triple}


@given(text=TEXTS)
def test_an_iri_that_is_no_curies_is_none(text: str) -> None:
    for iri in (text, f"http://example.org/{text}", BASES["DOID"] + text, OWN + text):
        curie = to_curie(iri)

        assert curie is None or to_iri(curie) == iri


def test_no_two_prefixes_share_an_iri() -> None:
    for one, other in permutations(BASES.values(), 2):
        assert not other.startswith(one) or to_curie(other + "1") is not None
    assert len(set(BASES.values())) == len(BASES)
    for prefix, base in BASES.items():
        assert to_curie(base + "x_1") == f"{prefix}:x_1"


def test_every_code_system_of_the_program_has_an_iri() -> None:
    assert set(SYSTEMS.values()) <= set(BASES)


def test_the_documentation_names_every_prefix() -> None:
    assert set(BASES) <= set(re.findall(r"`([A-Za-z0-9.]+)`", DOCS))


@given(head=TEXTS, tail=TEXTS, number=st.integers(0, 99))
def test_an_assertions_iri_comes_apart_again(head: str, tail: str, number: int) -> None:
    iri = assertion_iri("Drug-treats-Disease", head, tail, number)

    assert parse_assertion(iri) == ("Drug-treats-Disease", head, tail, number)
    assert parse_assertion(iri + "0") != ("Drug-treats-Disease", head, tail, number)


@pytest.mark.parametrize("rest", ["", "a/b/c", "a/b/c/-1", "a/b/c/0/", "a/%41/c/0", "a/b/c/00"])
def test_what_is_no_assertions_iri_is_none(rest: str) -> None:
    assert parse_assertion(f"urn:pharmakon:assertion:{rest}") is None
