"""The rdflib store: its triples against the obvious list of them, and what it refuses."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdflib import RDFS, Graph, Literal, URIRef

from kg.graph import Graph as OurGraph
from kg.sparql import SparqlError, Store, to_iri, to_rdflib
from tests.graphs import make_graph
from tests.kg.rdf_oracle import expected_triples, graphs


def some_triple() -> tuple[URIRef, URIRef, Literal]:
    return URIRef("urn:a"), RDFS.label, Literal("b")


@settings(max_examples=25)
@given(graph=graphs())
def test_the_store_holds_the_documented_triples_each_once(graph: OurGraph) -> None:
    store = Store(graph)

    found = [triple for triple, _ in store.triples((None, None, None))]

    assert set(found) == expected_triples(graph)
    assert len(found) == len(set(found)) == len(store)


@settings(max_examples=12)
@given(graph=graphs(), data=st.data())
def test_every_combination_of_known_places_finds_the_matching_triples(
    graph: OurGraph, data: st.DataObject
) -> None:
    triples = sorted(expected_triples(graph))
    store = Store(graph)
    strangers = [URIRef("http://example.org/x"), Literal("major", lang="en"), Literal(1)]
    for _ in range(5):
        sample: tuple[Any, ...] = data.draw(st.sampled_from(triples))
        if data.draw(st.booleans()):
            place = data.draw(st.integers(0, 2))
            other = data.draw(st.sampled_from([*triples, strangers]))[place]
            sample = (*sample[:place], other, *sample[place + 1 :])
        for known in product((True, False), repeat=3):
            wanted = tuple(t if k else None for t, k in zip(sample, known, strict=True))

            found = [triple for triple, _ in store.triples(wanted)]

            expected = {
                t for t in triples
                if all(w is None or w == x for w, x in zip(wanted, t, strict=True))
            }  # fmt: skip
            assert set(found) == expected
            assert len(found) == len(expected)


def test_a_shared_predicate_gives_one_triple_where_two_edge_types_say_it() -> None:
    graph = make_graph(
        {"Disease": {"DOID:1": "d"}, "Gene": {"NCBIGene:1": "g"}},
        {
            "Disease-upregulates-Gene": [("DOID:1", "NCBIGene:1")],
            "Disease-downregulates-Gene": [("DOID:1", "NCBIGene:1")],
        },
    )
    affects = URIRef("https://w3id.org/biolink/vocab/affects")
    disease, gene = URIRef(to_iri("DOID:1")), URIRef(to_iri("NCBIGene:1"))

    assert list(to_rdflib(graph).triples((None, affects, None))) == [(disease, affects, gene)]
    assert list(to_rdflib(graph).subjects(affects, gene)) == [disease]


def test_a_symmetric_edge_is_there_both_ways_and_a_directed_one_is_not() -> None:
    graph = make_graph(
        {"Gene": {"NCBIGene:1": "a", "NCBIGene:2": "b"}},
        {
            "Gene-interacts-Gene": [("NCBIGene:2", "NCBIGene:1")],
            "Gene-regulates-Gene": [("NCBIGene:2", "NCBIGene:1"), ("NCBIGene:1", "NCBIGene:1")],
        },
    )
    triples = to_rdflib(graph)
    one, two = URIRef(to_iri("NCBIGene:1")), URIRef(to_iri("NCBIGene:2"))

    interacts = URIRef("urn:pharmakon:relation:interacts")
    regulates = URIRef("urn:pharmakon:relation:regulates")

    assert set(triples.subject_objects(interacts)) == {(one, two), (two, one)}
    assert set(triples.subject_objects(regulates)) == {(two, one), (one, one)}


def test_triples_choices_takes_a_list_in_any_place(starter: OurGraph) -> None:
    store = Store(starter)
    drugs = [URIRef(to_iri("DRUGBANK:DB00331")), URIRef(to_iri("DRUGBANK:DB00641"))]

    labels = {str(o) for (_, _, o), _ in store.triples_choices((drugs, RDFS.label, None))}
    none_given = len(list(store.triples_choices(([], RDFS.label, None))))

    assert labels == {"Metformin", "Simvastatin"}
    assert none_given == starter.n_nodes()


@settings(max_examples=10)
@given(graph=graphs())
def test_ntriples_and_turtle_read_back_to_the_same_triples(graph: OurGraph) -> None:
    triples = to_rdflib(graph)
    for form in ("nt", "turtle"):
        back = Graph(bind_namespaces="none").parse(data=triples.serialize(format=form), format=form)

        assert set(back) == expected_triples(graph)


def test_the_store_is_read_only(starter: OurGraph) -> None:
    triples = to_rdflib(starter)
    before = starter.fingerprint

    for change in (
        lambda: triples.add(some_triple()),
        lambda: triples.remove((None, None, None)),
        lambda: triples.addN([(*some_triple(), triples)]),
        lambda: triples.update("INSERT DATA { <urn:a> <urn:b> <urn:c> }"),
        lambda: triples.update("LOAD <http://example.org/other.ttl>"),
        lambda: triples.parse(data="<urn:a> <urn:b> <urn:c> .", format="nt"),
        lambda: triples.destroy(""),
    ):
        with pytest.raises(SparqlError, match="read-only"):
            change()
    assert starter.fingerprint == before


def test_the_store_has_prefixes_and_no_named_graphs(starter: OurGraph) -> None:
    store = Store(starter)

    namespaces = dict(store.namespaces())

    assert namespaces["DOID"] == URIRef("http://purl.obolibrary.org/obo/DOID_")
    assert store.prefix(namespaces["DOID"]) == "DOID"
    assert list(store.contexts()) == []


def test_a_graph_without_an_edge_answers() -> None:
    graph = make_graph({"Gene": {"NCBIGene:1": "a"}}, {})

    assert len(Store(graph)) == len(expected_triples(graph)) == 3
