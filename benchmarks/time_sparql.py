"""SPARQL on Hetionet's columns, beside rdflib's own memory store with the same triples.

    python benchmarks/time_sparql.py DATA        (the folder that holds hetionet/)

The memory store is loaded in the same process with the triples that the queries touch: types,
names, and every edge under our relation's IRI (all triples, provenance included, would not fit).
pyoxigraph joins in where it is installed. Each figure is the median of warm runs, parsing included;
all three must give the same number of rows.
"""

import sys
import tempfile

from record import child, record

BUILD = """
import json, sys
from pathlib import Path
from kg.builder import build
from kg.sources import create_source
from kg.store import write_graph
graph = build([create_source("starter"), create_source("hetionet", Path(sys.argv[1]))]).graph
print(json.dumps({"edges": write_graph(graph, Path(sys.argv[2])).n_edges()}))
"""

# At most 2,000 solutions on the way: answered within 60 ms.
ANCHORED = {
    "names": "SELECT ?d ?n { DRUGBANK:DB00331 relation:treats ?d . ?d rdfs:label ?n }",
    "two_hops": "SELECT ?d ?g { DRUGBANK:DB00331 relation:treats ?d . ?d relation:associates ?g }",
    "optional": "SELECT ?g ?n { DRUGBANK:DB00331 relation:treats/relation:associates ?g "
    "OPTIONAL { ?g rdfs:label ?n } }",
    "not_exists": "SELECT DISTINCT ?d { DOID:9352 relation:associates ?g . ?d relation:binds ?g "
    "FILTER NOT EXISTS { ?d relation:treats DOID:9352 } }",
    "minus": "SELECT DISTINCT ?d { DOID:9352 relation:associates ?g . ?d relation:binds ?g "
    "MINUS { ?d relation:treats DOID:9352 } }",
    "filter": "SELECT ?g ?n { DOID:9352 relation:associates ?g . ?g rdfs:label ?n "
    "FILTER(STRSTARTS(?n, 'A')) }",
    "union": "SELECT ?g { { DRUGBANK:DB00331 relation:upregulates ?g } UNION "
    "{ DRUGBANK:DB00331 relation:downregulates ?g } }",
    "values": "SELECT ?d ?g { VALUES ?d { DRUGBANK:DB00331 DRUGBANK:DB00641 DRUGBANK:DB00945 } "
    "?d relation:binds ?g }",
    "by_name": "SELECT ?d { ?x rdfs:label 'Metformin' . ?x relation:treats ?d }",
    "all_of_one": "SELECT ?p ?o { DRUGBANK:DB00331 ?p ?o "
    "FILTER(STRSTARTS(STR(?p), STR(relation:))) }",
    "group": "SELECT ?d (COUNT(?g) AS ?n) { DOID:9352 relation:associates ?g . "
    "?d relation:binds ?g } GROUP BY ?d ORDER BY DESC(?n) LIMIT 10",
}
# More: at most 25 microseconds a solution, and no slower than the memory store.
LARGE = {
    "drug_gene_disease": "SELECT ?c ?g ?d { ?c relation:binds ?g . ?d relation:associates ?g }",
    "treats_binds": "SELECT ?c ?d ?g { ?c relation:treats ?d . ?c relation:binds ?g }",
    "regulates_back": "SELECT ?a ?b { ?a relation:regulates ?b . ?b relation:regulates ?a }",
    "every_optional": "SELECT ?c ?g ?n { ?c relation:binds ?g OPTIONAL { ?g rdfs:label ?n } }",
    "every_not_exists": "SELECT ?c ?g { ?c relation:binds ?g "
    "FILTER NOT EXISTS { ?d relation:associates ?g } }",
    "names_of_genes": "SELECT ?g ?n { ?g a type:Gene ; rdfs:label ?n }",
    "side_effects": "SELECT ?c ?s { ?c relation:causes ?s }",
}
HUBS = {
    "pathways_of_interacting_genes": "SELECT ?p (COUNT(?g) AS ?n) { NCBIGene:7157 "
    "relation:interacts ?g . ?g relation:participates ?p } GROUP BY ?p ORDER BY DESC(?n) LIMIT 10",
    "genes_of_drugs_of_a_side_effect": "SELECT (COUNT(*) AS ?n) { "
    "?c relation:causes UMLS:C0027497 . ?c relation:binds ?g . ?g relation:interacts ?h }",
    "side_effects_by_drugs": "SELECT ?s (COUNT(?c) AS ?n) { ?c relation:causes ?s } GROUP BY ?s "
    "ORDER BY DESC(?n) LIMIT 10",
}

TIME = """
import json, resource, statistics, sys, time
def rss():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 2**20
from pathlib import Path
from rdflib import RDF, RDFS, Graph, URIRef
from kg.sparql import Store, to_rdflib
from kg.sparql.model import NAMESPACES
from kg.store import open_graph
queries = json.loads(sys.argv[2])
graph = open_graph(Path(sys.argv[1]))
start = time.perf_counter()
store = Store(graph)
result = {"open": time.perf_counter() - start}
ours = Graph(store=store, bind_namespaces="none")
before, start = rss(), time.perf_counter()
memory = Graph(bind_namespaces="none")
wanted = [RDF.type, RDFS.label] + [
    URIRef(NAMESPACES["relation"] + r) for r in sorted({e.relation for e in graph.edge_types})
]
for predicate in wanted:
    for triple in ours.triples((None, predicate, None)):
        if not triple[0].startswith("urn:pharmakon:assertion"):
            memory.add(triple)
result["load"], result["grown"], result["triples"] = (
    time.perf_counter() - start, rss() - before, len(memory))
try:
    import pyoxigraph as ox
except ImportError:
    oxigraph = None
else:
    oxigraph = ox.Store()
    oxigraph.bulk_load(
        "".join(f"{s.n3()} {p.n3()} {o.n3()} .\\n" for s, p, o in memory).encode(),
        format=ox.RdfFormat.N_TRIPLES)
    prologue = "".join(f"PREFIX {p}: <{i}>\\n" for p, i in NAMESPACES.items())
def timed(ask, runs):
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        rows = sum(1 for _ in ask())
        times.append(time.perf_counter() - start)
    return min(times) if runs < 2 else statistics.median(times[1:]), rows
for name, (text, runs) in queries.items():
    mine, rows = timed(lambda: ours.query(text, initNs=NAMESPACES), runs)
    theirs, rows_memory = timed(lambda: memory.query(text, initNs=NAMESPACES), min(runs, 3))
    times = {"ours": mine, "memory": theirs, "rows": rows, "rows_memory": rows_memory}
    if oxigraph is not None:
        times["oxigraph"], times["rows_oxigraph"] = timed(
            lambda: oxigraph.query(prologue + text), min(runs, 3))
    result[name] = times
print(json.dumps(result))
"""


def main(data: str) -> None:
    import json

    with tempfile.TemporaryDirectory() as folder:
        graph = f"{folder}/graph"
        edges = child(BUILD, f"{data}/hetionet", graph)["edges"]
        queries = {name: (text, 9) for name, text in ANCHORED.items()}
        queries |= {name: (text, 1) for name, text in (LARGE | HUBS).items()}
        times: dict[str, dict[str, float]] = child(TIME, graph, json.dumps(queries))  # type: ignore[assignment]
    record("sparql.open", 1000 * float(times["open"]), "ms", edges=edges)  # type: ignore[arg-type]
    record(
        "sparql.memory_store.load",
        float(times["load"]),
        "s",  # type: ignore[arg-type]
        triples=times["triples"],
        grown_mb=round(float(times["grown"])),
    )  # type: ignore[arg-type]
    for name in ANCHORED:
        _record(f"sparql.anchored.{name}", times[name], 1e3, "ms")
    for name in LARGE:
        found = times[name]
        _record(f"sparql.large.{name}", found, 1e6 / found["rows"], "us a solution")
    for name in HUBS:
        _record(f"sparql.hub.{name}", times[name], 1e3, "ms")


def _record(name: str, times: dict[str, float], factor: float, unit: str) -> None:
    others = {
        other: round(factor * times[other], 3) for other in ("memory", "oxigraph") if other in times
    }
    same = len({value for key, value in times.items() if key.startswith("rows")}) == 1
    record(name, factor * times["ours"], unit, **others, rows=times["rows"], same_rows=same)


if __name__ == "__main__":
    main(sys.argv[1])
