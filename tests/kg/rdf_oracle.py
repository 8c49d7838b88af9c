"""The triples of a graph by the obvious way, as docs/sparql.md states them, and graphs to try."""

import json
from typing import Any

from hypothesis import strategies as st
from rdflib import RDF, RDFS, SKOS, Graph, Literal, URIRef

from kg.builder import build
from kg.graph import Graph as OurGraph
from kg.graph import Provenance
from kg.schema import NODES, edge_spec
from kg.sparql import to_iri
from tests.graphs import Handmade

BIOLINK = "https://w3id.org/biolink/vocab/"
OWN = "urn:pharmakon:"
OTHER = Provenance("other", "infores:else", "CC-BY-4.0", "prediction", "automated_agent")

Triple = tuple[Any, URIRef, Any]

NODE_IDS = {
    "Disease": ["DOID:1", "DOID:2", "MONDO:0000001"],
    "Drug": ["DRUGBANK:DB00001", "DRUGBANK:DB00002", "HOSP:a<b>é%41"],
    "Gene": ["NCBIGene:1", "NCBIGene:2"],
    "SideEffect": ["UMLS:C1", "UMLS:C2"],
}
EDGES = [
    "Disease-associates-Gene",
    "Disease-subclass_of-Disease",
    "Disease-upregulates-Gene",
    "Disease-downregulates-Gene",
    "Drug-causes-SideEffect",
    "Drug-interacts-Drug",
    "Drug-treats-Disease",
    "Gene-interacts-Gene",
    "Gene-regulates-Gene",
]
DETAILS: list[dict[str, Any]] = [
    {},
    {"severity": "major"},
    {"severity": "minor", "reference": ["PMID:1", "PMID:2"]},
    {"score": 0.5, "count": 3, "sure": True, "nothing": None},
    {"reference": "PMID:1", "odd key/ü": {"a": ["b"]}},
]
LABELS = [
    ("synonym", "shared name"),
    ("synonym", "Drug 0"),  # also a node's name
    ("synonym", 'quote " and \\ and\u00a0space'),
    ("product", "a brand 5 MG"),
    ("code", "MESH:D000001"),
    ("code", "DOID:2"),  # also a node
    ("broader-code", "ICD10CM:E11.9"),
]


@st.composite
def graphs(draw: st.DrawFn, most_edges: int = 4) -> OurGraph:
    """A small graph of two sources with names, codes, details, self-loops and shared predicates."""
    nodes = {
        node_type: {node_id: f"{node_type} {i}" for i, node_id in enumerate(ids)}
        for node_type, ids in NODE_IDS.items()
    }
    every = [node_id for ids in NODE_IDS.values() for node_id in ids]
    sources = []
    for provenance in (
        Provenance("test", "infores:test", "CC0-1.0", "prediction", "manual"),
        OTHER,
    ):
        edges = {}
        for name in EDGES:
            head, _, tail = name.split("-")
            rows = st.tuples(
                st.sampled_from(NODE_IDS[head]),
                st.sampled_from(NODE_IDS[tail]),
                st.sampled_from(DETAILS),
            )
            edges[name] = draw(st.lists(rows, max_size=most_edges))
        rows_of_labels = st.tuples(st.sampled_from(every), st.sampled_from(LABELS))
        labels = [(node, *label) for node, label in draw(st.lists(rows_of_labels, max_size=6))]
        names = dict(nodes)
        if provenance is OTHER:
            names = {**nodes, "Gene": {"NCBIGene:1": "another name"}}
        sources.append(Handmade(names, edges, labels, provenance=provenance))
    return build(sources).graph


def to_memory(graph: OurGraph) -> Graph:
    """The same triples in rdflib's own memory store."""
    result = Graph(bind_namespaces="none")
    for triple in expected_triples(graph):
        result.add(triple)
    return result


def expected_triples(graph: OurGraph) -> set[Triple]:
    """Every triple, one node and one assertion after another."""
    found: set[Triple] = set()
    for node_type, ids in graph.ids.items():
        for row in range(len(ids)):
            found |= _of_node(graph, node_type, row)
    for edge_type, table in graph.edge_tables.items():
        spec = edge_spec(edge_type)
        for edge in range(len(table)):
            head = graph.node(edge_type.head, int(table.head[edge])).id
            tail = graph.node(edge_type.tail, int(table.tail[edge])).id
            subject, target = URIRef(to_iri(head)), URIRef(to_iri(tail))
            for predicate in (_biolink(spec.predicate), URIRef(f"{OWN}relation:{edge_type[1]}")):
                found.add((subject, predicate, target))
                if spec.symmetric:
                    found.add((target, predicate, subject))
            for number, assertion in enumerate(graph.assertions(edge_type, edge)):
                said = URIRef(f"{OWN}assertion:{edge_type}/{_part(head)}/{_part(tail)}/{number}")
                found |= {
                    (said, RDF.subject, subject),
                    (said, RDF.predicate, _biolink(spec.predicate)),
                    (said, RDF.object, target),
                    (said, URIRef(f"{OWN}relation"), URIRef(f"{OWN}relation:{edge_type[1]}")),
                }
                found |= _of_assertion(said, assertion.provenance, assertion.details)
    return found


def _of_node(graph: OurGraph, node_type: str, row: int) -> set[Triple]:
    node = graph.node(node_type, row)
    subject = URIRef(to_iri(node.id))
    found: set[Triple] = {
        (subject, RDF.type, _biolink(NODES[node_type].category)),
        (subject, RDF.type, URIRef(f"{OWN}type:{node_type}")),
        (subject, RDFS.label, Literal(node.name)),
    }
    for label in graph.labels_of(node_type, row):
        text = Literal(label.text)
        if label.kind in ("name", "synonym") and label.text != node.name:
            found.add((subject, SKOS.altLabel, text))
        elif label.kind == "product":
            found.add((subject, URIRef(f"{OWN}product"), text))
        elif label.kind == "code":
            xref = URIRef("http://www.geneontology.org/formats/oboInOwl#hasDbXref")
            found |= {(subject, xref, text), (subject, SKOS.closeMatch, URIRef(to_iri(label.text)))}
        elif label.kind == "broader":
            found.add((subject, URIRef(f"{OWN}narrower_label"), text))
        elif label.kind == "broader-code":
            found.add((subject, SKOS.narrowMatch, URIRef(to_iri(label.text))))
    return found


def _of_assertion(said: URIRef, provenance: Provenance, details: Any) -> set[Triple]:
    found: set[Triple] = {
        (said, RDF.type, RDF.Statement),
        (said, RDF.type, URIRef(f"{BIOLINK}Association")),
        (said, URIRef(f"{BIOLINK}primary_knowledge_source"),
         URIRef(to_iri(provenance.primary_knowledge_source))),
        (said, URIRef(f"{BIOLINK}aggregator_knowledge_source"),
         URIRef(to_iri(f"infores:{provenance.source}"))),
        (said, URIRef("http://purl.org/dc/terms/license"), Literal(provenance.licence)),
        (said, URIRef(f"{BIOLINK}knowledge_level"), Literal(provenance.knowledge_level)),
        (said, URIRef(f"{BIOLINK}agent_type"), Literal(provenance.agent_type)),
    }  # fmt: skip
    for name, values in details.items():
        predicate = URIRef(f"{OWN}detail:{_part(name)}")
        if name == "reference":
            predicate = URIRef(f"{BIOLINK}publications")
        for value in values if isinstance(values, list) else [values]:
            if isinstance(value, dict):
                text = json.dumps(value, ensure_ascii=False, sort_keys=True)
                found.add((said, predicate, Literal(text)))
            elif value is not None:
                found.add((said, predicate, Literal(value)))
    return found


def _biolink(curie: str) -> URIRef:
    return URIRef(BIOLINK + curie.removeprefix("biolink:"))


def _part(text: str) -> str:
    """Percent-encoded, but for what an IRI may hold between two slashes."""
    plain = "._~:@!$&'()*+,;=-"
    return "".join(
        c if (c.isascii() and c.isalnum()) or c in plain
        else "".join(f"%{byte:02X}" for byte in c.encode())
        for c in text
    )  # fmt: skip
