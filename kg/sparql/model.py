"""Which predicates the graph has in RDF, and the relation behind each; see ``docs/sparql.md``."""

import json
from functools import cached_property
from urllib.parse import unquote

from rdflib.namespace import OWL, RDF, RDFS, SKOS, XSD
from rdflib.term import Identifier, URIRef

from kg.graph import Graph
from kg.iris import BASES, BIOLINK, DETAIL, OWN, RELATION, TYPE, escape, to_iri
from kg.schema import NODES, EdgeType, edge_spec
from kg.sparql.assertions import (
    PUBLICATIONS,
    DetailRelation,
    EndRelation,
    KindRelation,
    ProvenanceRelation,
    detail_predicate,
)
from kg.sparql.relations import EdgeRelation, Relation, TypeRelation, graph_steps
from kg.sparql.terms import Numbering, Terms
from kg.sparql.texts import NameRelation, TextRelation
from kg.sparql.ways import Either

LICENCE = URIRef("http://purl.org/dc/terms/license")
XREF = URIRef("http://www.geneontology.org/formats/oboInOwl#hasDbXref")
PRODUCT = URIRef(f"{OWN}product")
NARROWER = URIRef(f"{OWN}narrower_label")
RELATED_BY = URIRef(f"{OWN}relation")

# Prefixes that a query may use without declaring them.
NAMESPACES = {
    "rdf": str(RDF),
    "rdfs": str(RDFS),
    "skos": str(SKOS),
    "owl": str(OWL),
    "xsd": str(XSD),
    "dcterms": "http://purl.org/dc/terms/",
    "oboInOwl": "http://www.geneontology.org/formats/oboInOwl#",
    "type": TYPE,
    "relation": RELATION,
    "detail": DETAIL,
    "pharmakon": OWN,
    **BASES,
}


class Model:
    """The relations of one graph by predicate. Made once a store; safe to share."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.numbering = Numbering(graph)

    def terms(self) -> Terms:
        """An empty book of codes for one evaluation."""
        self.relations  # noqa: B018  (its classes and predicates have the first codes)
        return Terms(self.numbering)

    @cached_property
    def relations(self) -> dict[int, Relation]:
        """Predicate's code -> relation, for all predicates but those of details."""
        found: dict[int, list[Relation]] = {}
        for iri, relation in self._all():
            found.setdefault(self.numbering.fix(iri), []).append(relation)
        result: dict[int, Relation] = {}
        for code, parts in found.items():
            result[code] = parts[0] if len(parts) == 1 else Either(parts)
        return result

    def all_relations(self, terms: Terms) -> dict[int, Relation]:
        """Predicate's code -> relation, with one for each key of the details."""
        result = dict(self.relations)
        for name in self._detail_names:
            relation = DetailRelation(self.numbering, name)
            result[terms.encode(detail_predicate(name))] = relation
        return result

    def relation(self, terms: Terms, predicate: Identifier) -> Relation | None:
        """The relation of a predicate; None where there is no such triple."""
        if not isinstance(predicate, URIRef):
            return None
        relation = self.relations.get(terms.encode(predicate))
        if relation is None and predicate.startswith(DETAIL):
            name = unquote(predicate[len(DETAIL) :])
            if detail_predicate(name) == predicate:
                return DetailRelation(self.numbering, name)
        return relation

    @cached_property
    def _detail_names(self) -> list[str]:
        names = {name for text in self.graph.details.to_pylist() for name in json.loads(text)}
        return sorted(names - {"reference"})  # which has the predicate of publications

    def _all(self) -> list[tuple[URIRef, Relation]]:
        numbering, graph = self.numbering, self.graph
        fix = numbering.fix
        result: list[tuple[URIRef, Relation]] = []
        for name, steps in graph_steps(graph).items():
            iri = to_iri(name) if ":" in name else RELATION + escape(name)
            result.append((URIRef(iri), EdgeRelation(numbering, steps)))
        ranges = [
            (*rows, (fix(URIRef(to_iri(NODES[t].category))), fix(URIRef(TYPE + escape(t)))))
            for t, rows in numbering.type_rows.items()
        ]
        of_assertions = (fix(RDF.Statement), fix(URIRef(f"{BIOLINK}Association")))
        ranges.append((numbering.n_nodes, numbering.end, of_assertions))
        predicates: dict[EdgeType, int] = {}
        relations: dict[EdgeType, int] = {}
        for edge_type in graph.edge_types:
            predicates[edge_type] = fix(URIRef(to_iri(edge_spec(edge_type).predicate)))
            relations[edge_type] = fix(URIRef(RELATION + escape(edge_type.relation)))
        said = graph.provenances
        primary = [fix(URIRef(to_iri(p.primary_knowledge_source))) for p in said]
        through = [fix(URIRef(to_iri(f"infores:{p.source}"))) for p in said]
        codes = ["code"]
        return [
            *result,
            (RDF.type, TypeRelation(ranges)),
            (RDFS.label, NameRelation(numbering)),
            (SKOS.altLabel, TextRelation(numbering, ["name", "synonym"], as_iri=False)),
            (PRODUCT, TextRelation(numbering, ["product"], as_iri=False)),
            (XREF, TextRelation(numbering, codes, as_iri=False)),
            (SKOS.closeMatch, TextRelation(numbering, codes, as_iri=True)),
            (NARROWER, TextRelation(numbering, ["broader"], as_iri=False)),
            (SKOS.narrowMatch, TextRelation(numbering, ["broader-code"], as_iri=True)),
            (RDF.subject, EndRelation(numbering, head=True)),
            (RDF.object, EndRelation(numbering, head=False)),
            (RDF.predicate, KindRelation(numbering, predicates)),
            (RELATED_BY, KindRelation(numbering, relations)),
            (_biolink("primary_knowledge_source"), ProvenanceRelation(numbering, primary)),
            (_biolink("aggregator_knowledge_source"), ProvenanceRelation(numbering, through)),
            (LICENCE, ProvenanceRelation(numbering, [fix(p.licence) for p in said])),
            (
                _biolink("knowledge_level"),
                ProvenanceRelation(numbering, [fix(p.knowledge_level) for p in said]),
            ),
            (
                _biolink("agent_type"),
                ProvenanceRelation(numbering, [fix(p.agent_type) for p in said]),
            ),
            (PUBLICATIONS, DetailRelation(numbering, "reference")),
        ]


def _biolink(name: str) -> URIRef:
    return URIRef(BIOLINK + name)
