"""The graph as RDF: an rdflib store over the columns, and SPARQL on it.

A tour. ``iris`` turns CURIEs into IRIs and back by parsing alone; ``terms`` numbers RDF terms;
``relations``, ``texts`` and ``assertions`` say which numbers each predicate joins, straight from
the columns; ``ways`` makes property paths of them; ``model`` lists the predicates; ``join`` joins
triple patterns on numbers; ``evaluate`` is where rdflib's evaluator hands over; ``store`` is the
rdflib store; ``query`` runs one query and keeps to what is allowed. What the triples are is in
``docs/sparql.md``. rdflib is loaded with this package, and by nothing else.

>>> answer = run(graph, "ASK { DRUGBANK:DB00331 biolink:treats ?disease }")
>>> answer.boolean
True
"""

from kg.iris import to_curie, to_iri
from kg.sparql.errors import SparqlError
from kg.sparql.query import Answer, run
from kg.sparql.store import Store, to_rdflib

__all__ = ["Answer", "SparqlError", "Store", "run", "to_curie", "to_iri", "to_rdflib"]
