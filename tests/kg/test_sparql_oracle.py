"""Queries on the columns against the same queries on rdflib's own memory store."""

import re
from collections import Counter
from typing import Any
from unittest.mock import patch

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from rdflib import Graph, Literal, URIRef, Variable

from kg.graph import Graph as OurGraph
from kg.sparql import to_iri, to_rdflib
from kg.sparql.model import NAMESPACES
from tests.kg.rdf_oracle import NODE_IDS, graphs, to_memory

_NO_SHRINKING = (Phase.reuse, Phase.generate)  # a graph takes minutes to shrink
NODES = [node_id for ids in NODE_IDS.values() for node_id in ids]
PREDICATES = [
    "rdf:type", "rdfs:label", "skos:altLabel", "skos:closeMatch", "biolink:affects",
    "biolink:treats", "biolink:similar_to", "relation:associates", "relation:downregulates",
    "relation:interacts", "relation:regulates", "relation:subclass_of", "relation:treats",
    "rdf:subject", "rdf:object", "rdf:predicate", "pharmakon:relation", "dcterms:license",
    "biolink:primary_knowledge_source", "biolink:publications", "detail:severity", "detail:count",
    "relation:unheard_of", "<http://example.org/p>",
]  # fmt: skip
OBJECTS = [
    "type:Drug", "biolink:Gene", "rdf:Statement", "infores:else", '"shared name"', '"Drug 0"',
    '"major"', '"major"@en', '"major"^^xsd:string', "3", "0.5", "true", '"CC-BY-4.0"',
    '"PMID:1"', "relation:treats", "biolink:treats", "<http://example.org/o>", "MESH:D000001",
]  # fmt: skip

QUERIES = re.split(
    r"\n(?! )",
    """SELECT ?d ?l { ?d a type:Drug ; rdfs:label ?l }
SELECT * { ?x relation:interacts ?x }
SELECT * { ?x relation:regulates ?y . ?y relation:regulates ?x }
SELECT * { ?x ?p ?x }
SELECT * { ?p ?p ?x }
SELECT * { ?a rdf:predicate ?p . ?x ?p ?y . ?a rdf:subject ?x ; rdf:object ?y }
SELECT * { ?x biolink:affects ?g . ?x relation:downregulates ?g }
SELECT ?x { ?x rdfs:label "Drug 0" }
SELECT ?x { ?x rdfs:label "Drug 0"@en }
SELECT ?x ?y { ?x skos:altLabel ?n . ?y rdfs:label ?n }
SELECT ?x ?y { ?x skos:closeMatch ?y . ?y rdfs:label ?n }
SELECT * { DOID:1 ?p ?o }
SELECT * { ?s ?p DOID:2 }
SELECT * { DOID:1 ?p DOID:2 }
SELECT * { <http://example.org/nobody> ?p ?o }
SELECT ?a ?v { ?a detail:severity ?v ; dcterms:license ?l }
SELECT ?a { ?a detail:count 3 ; detail:sure true ; detail:score ?s }
SELECT ?a ?p { ?a biolink:publications ?p }
SELECT ?d ?l { ?d relation:treats ?x . ?d rdfs:label ?l FILTER(STRENDS(?l, '1')) }
SELECT ?d ?g { ?d a type:Disease OPTIONAL { ?d relation:associates ?g } }
SELECT ?d ?g ?l { ?d a type:Disease OPTIONAL { ?d relation:associates ?g . ?g
    relation:regulates ?h FILTER(?g != ?h) } OPTIONAL { ?g rdfs:label ?l } }
SELECT ?d ?n { ?d a type:Drug OPTIONAL { ?d skos:altLabel ?n FILTER(?n = 'shared name') } }
SELECT ?d ?g { ?d a type:Drug OPTIONAL { ?x relation:treats ?g } }
SELECT ?x { { ?x relation:treats DOID:1 } UNION { ?x a type:Gene } }
SELECT ?x ?y { { ?x relation:treats ?y } UNION { ?x relation:interacts ?y } ?x rdfs:label ?l }
SELECT ?d { ?d a type:Drug MINUS { ?d relation:treats ?x } }
SELECT ?d { ?d a type:Drug MINUS { ?x relation:treats ?y } }
SELECT ?d { ?d a type:Drug MINUS { ?d relation:interacts ?y OPTIONAL { ?d relation:treats ?z }
    } }
SELECT ?d { ?d a type:Drug FILTER EXISTS { ?d relation:treats ?x } }
SELECT ?d { ?d a type:Drug FILTER NOT EXISTS { ?d relation:treats ?x } }
SELECT ?d ?x { ?d relation:treats ?x FILTER NOT EXISTS { ?d relation:interacts ?y . ?y
    relation:treats ?z FILTER(?z = ?x) } }
SELECT ?d ?l { ?d rdfs:label ?l FILTER(?l != 'Gene 0' && EXISTS { ?d ?p ?o . ?o a ?t } && NOT
    EXISTS { ?d relation:regulates ?d }) }
SELECT ?d { ?d a type:Drug FILTER(EXISTS { ?d relation:treats ?x } || ?d = DRUGBANK:DB00001) }
SELECT ?d ?x { VALUES ?d { DRUGBANK:DB00001 DRUGBANK:DB00002 <http://example.org/x> } ?d
    relation:treats ?x }
SELECT ?d ?x { ?d relation:treats ?x VALUES (?d ?x) { (DRUGBANK:DB00001 UNDEF) (UNDEF DOID:2) }
    }
SELECT ?d ?n { ?d a type:Drug { SELECT ?d (COUNT(?x) AS ?n) { ?d relation:interacts ?x } GROUP
    BY ?d } }
SELECT ?x { { SELECT ?x { ?x a type:Disease } ORDER BY ?x LIMIT 2 } ?x rdfs:label ?l }
SELECT ?d ?x { ?d a type:Drug { SELECT ?d { ?d relation:interacts ?x } } }
SELECT ?d ?x { ?d a type:Drug { SELECT ?x { ?x a type:Gene } } }
SELECT ?x ?l { ?x rdfs:label ?l FILTER(?l > "Drug" && ?l < "Gene") } ORDER BY DESC(?l)
SELECT ?t (COUNT(?s) AS ?n) { ?s a ?t } GROUP BY ?t HAVING(COUNT(?s) > 2)
SELECT (COUNT(*) AS ?n) { ?s ?p ?o }
SELECT (COUNT(DISTINCT ?g) AS ?n) { ?d biolink:affects ?g }
SELECT ?d (SAMPLE(?l) AS ?m) { ?d a type:Drug ; rdfs:label ?l } GROUP BY ?d
SELECT ?d ?both { ?d a type:Drug ; rdfs:label ?l BIND(CONCAT(?l, '!') AS ?both) }
SELECT ?x ?y { BIND(DOID:1 AS ?x) ?y relation:treats ?x }
SELECT ?p (COUNT(?g) AS ?n) (COUNT(DISTINCT ?d) AS ?m) { ?d ?p ?g } GROUP BY ?p
SELECT ?d ?g (COUNT(*) AS ?n) { ?d relation:treats ?x . ?x ?p ?g } GROUP BY ?d ?g
SELECT (COUNT(DISTINCT ?d) AS ?m) (COUNT(*) AS ?n) { ?d relation:unheard_of ?g }
SELECT ?d (COUNT(?g) AS ?n) { ?d relation:unheard_of ?g } GROUP BY ?d
SELECT (COUNT(?nothing) AS ?n) { ?d relation:treats ?g }
SELECT ?x (COUNT(?g) AS ?n) { ?d relation:treats ?g } GROUP BY (STR(?d) AS ?x)
SELECT ?d ?n { VALUES ?d { DRUGBANK:DB00001 } OPTIONAL { SELECT ?d (COUNT(?g) AS ?n) { ?d
    relation:treats ?g } GROUP BY ?d } }
SELECT DISTINCT ?p { ?s ?p ?o } ORDER BY ?p
SELECT ?x ?y { ?x relation:treats/relation:associates ?y }
SELECT ?x ?y { ?x ^relation:treats/relation:interacts ?y }
SELECT ?x ?y { ?x (relation:treats|relation:interacts) ?y }
SELECT ?x { DRUGBANK:DB00001 (relation:treats|biolink:treats) ?x }
SELECT ?x ?y { ?x (relation:treats/relation:associates)|relation:interacts ?y }
SELECT DISTINCT ?y { DOID:1 relation:subclass_of* ?y }
SELECT DISTINCT ?y { ?y relation:subclass_of* DOID:1 }
SELECT DISTINCT ?x ?y { ?x relation:subclass_of+ ?y }
SELECT DISTINCT ?x ?y { ?x relation:subclass_of* ?y }
SELECT DISTINCT ?y { DOID:1 relation:subclass_of? ?y }
SELECT DISTINCT ?x ?y { ?x a type:Drug ; (relation:interacts+)/relation:treats ?y }
SELECT DISTINCT ?y { <http://example.org/nobody> relation:treats* ?y }
SELECT DISTINCT ?y { DRUGBANK:DB00001 (relation:interacts|relation:treats)+ ?y }
SELECT ?x ?y { ?x !(rdf:type|rdfs:label|rdf:predicate) ?y . ?y a type:Gene }
SELECT ?x { ?x relation:treats [ relation:associates ?g ] }
SELECT ?x { [] rdf:subject ?x ; detail:severity 'major' }
SELECT * { }
SELECT * { ?x relation:treats ?y . ?z relation:unheard_of ?w }
SELECT ?x { 'literal' ?p ?x }
SELECT ?x ?l { ?x a type:Drug OPTIONAL { { ?x rdfs:label ?l } UNION { ?x skos:altLabel ?l } } }
ASK { ?x relation:treats DOID:1 }
ASK { ?x relation:unheard_of ?y }
CONSTRUCT { ?y <urn:treated_by> ?x } { ?x relation:treats ?y }
CONSTRUCT WHERE { ?x relation:interacts ?y }
DESCRIBE DOID:1 <http://example.org/nobody>
DESCRIBE ?x { ?x relation:treats DOID:2 }""",
)


def answer(graph: Graph, text: str) -> Any:
    result = graph.query(text, initNs=NAMESPACES)
    if result.type == "ASK":
        return result.askAnswer
    if result.type == "SELECT":
        names = result.vars or []
        return Counter(tuple(row.get(name) for name in names) for row in result.bindings)
    return set(result.graph or ())


@settings(max_examples=5, phases=_NO_SHRINKING)
@given(graph=graphs())
def test_hand_written_queries_answer_as_rdflibs_memory_store_does(graph: OurGraph) -> None:
    ours, memory = to_rdflib(graph), to_memory(graph)
    for text in QUERIES:
        assert answer(ours, text) == answer(memory, text), text


@settings(max_examples=5, phases=_NO_SHRINKING)
@given(graph=graphs())
def test_solutions_come_in_the_order_that_rdflib_gives_them(graph: OurGraph) -> None:
    ours, memory = to_rdflib(graph), to_memory(graph)
    for keys in ("?o ?p ?s", "DESC(?o) ?s ?p", "?x ?o ?s ?p", "DESC(?s) DESC(STR(?o)) ?o ?p"):
        for pattern in ("?s rdfs:label ?o", "?s ?p ?o", "?s detail:count ?o", "?s a ?o"):
            text = f"SELECT ?s ?p ?o {{ {pattern} }} ORDER BY {keys}"

            found = [tuple(row) for row in ours.query(text, initNs=NAMESPACES)]  # type: ignore[arg-type]

            expected = [tuple(row) for row in memory.query(text, initNs=NAMESPACES)]  # type: ignore[arg-type]
            assert found == expected, text


SUBJECTS = ["?a", "?b", "?c", "_:n", *NODES[:4]]


@st.composite
def patterns(draw: st.DrawFn) -> str:
    """One to four triple patterns with few variables, so that they repeat and join."""
    lines = []
    for _ in range(draw(st.integers(1, 4))):
        subject = draw(st.sampled_from(SUBJECTS))
        predicate = draw(st.sampled_from(["?p", "?a", *PREDICATES, *PREDICATES]))
        target = draw(st.sampled_from([*SUBJECTS, *SUBJECTS, "?p", *OBJECTS]))
        lines.append(" ".join(_iri(term) for term in (subject, predicate, target)))
    return " . ".join(lines)


def _iri(term: str) -> str:
    return f"<{to_iri(term)}>" if term in NODES else term


@settings(max_examples=100, phases=_NO_SHRINKING)
@given(graph=graphs(most_edges=3), first=patterns(), second=patterns(), form=st.integers(0, 4))
def test_drawn_patterns_answer_as_rdflibs_memory_store_does(
    graph: OurGraph, first: str, second: str, form: int
) -> None:
    second = second.replace("_:n", "_:m")
    body = (
        first,
        f"{first} OPTIONAL {{ {second} }}",
        f"{{ {first} }} UNION {{ {second} }}",
        f"{first} MINUS {{ {second} }}",
        f"{first} FILTER NOT EXISTS {{ {second} }}",
    )[form]
    ours, memory = to_rdflib(graph), to_memory(graph)

    with patch("kg.sparql.join._FIRST_SLICE", 2):  # so that small graphs are joined in slices, too
        found = list(ours.query(f"SELECT * {{ {body} }} LIMIT 20000", initNs=NAMESPACES))
    expected = list(memory.query(f"SELECT * {{ {body} }} LIMIT 20000", initNs=NAMESPACES))

    assert Counter(map(_named, found)) == Counter(map(_named, expected)), body


def _named(row: Any) -> frozenset[Any]:
    return frozenset(row.asdict().items())


def test_other_graphs_of_the_process_are_left_to_rdflib(starter: OurGraph) -> None:
    to_rdflib(starter)
    other = Graph().add((URIRef("urn:a"), URIRef("urn:b"), Literal("c")))

    found = other.query("SELECT ?x { ?x <urn:b> 'c' OPTIONAL { ?x <urn:d> ?y } }")

    assert [row[Variable("x")] for row in found.bindings] == [URIRef("urn:a")]
