"""One query: its answer, its errors, what it refuses; and the examples of docs/sparql.md."""

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from rdflib import Literal, URIRef

from kg.errors import KgError
from kg.graph import Graph
from kg.sparql import SparqlError, run, to_rdflib
from tests.graphs import make_graph

ROOT = Path(__file__).parent.parent.parent
DOCS = (ROOT / "docs" / "sparql.md").read_text(encoding="utf-8")


def small() -> Graph:
    return make_graph(
        {"Drug": {"DRUGBANK:1": "one", "DRUGBANK:2": "two"}, "Disease": {"DOID:1": "ill"}},
        {
            "Drug-treats-Disease": [
                ("DRUGBANK:1", "DOID:1", {"line": 1}),
                ("DRUGBANK:2", "DOID:1"),
            ]
        },
    )


def test_select_answers_rows_of_terms_and_reads_as_curies() -> None:
    answer = run(small(), "SELECT ?d ?n ?x { ?d relation:treats DOID:1 ; rdfs:label ?n }")

    assert answer.form == "SELECT"
    assert answer.variables == ("d", "n", "x")
    assert sorted(answer.cells()) == [("DRUGBANK:1", "one", ""), ("DRUGBANK:2", "two", "")]
    assert (URIRef("https://identifiers.org/drugbank:1"), Literal("one"), None) in answer.rows


def test_json_is_the_results_format_of_the_standard_and_reads_back() -> None:
    text = "SELECT ?d ?v { ?a rdf:subject ?d OPTIONAL { ?a detail:line ?v } } ORDER BY ?d"

    answer = run(small(), text)

    assert json.loads(json.dumps(answer.to_json())) == {
        "head": {"vars": ["d", "v"]},
        "results": {
            "bindings": [
                {
                    "d": {"type": "uri", "value": "https://identifiers.org/drugbank:1"},
                    "v": {
                        "type": "literal",
                        "value": "1",
                        "datatype": "http://www.w3.org/2001/XMLSchema#integer",
                    },
                },
                {"d": {"type": "uri", "value": "https://identifiers.org/drugbank:2"}},
            ]
        },
    }


def test_ask_answers_yes_or_no() -> None:
    assert run(small(), "ASK { ?d relation:treats DOID:1 }").boolean is True
    assert run(small(), "ASK { DOID:1 relation:treats ?d }").to_json() == {
        "head": {},
        "boolean": False,
    }


def test_construct_and_describe_answer_triples() -> None:
    made = run(small(), "CONSTRUCT { ?x <urn:by> ?d } { ?d relation:treats ?x }")
    described = run(small(), "DESCRIBE DRUGBANK:1")

    assert made.to_ntriples() == (
        "<http://purl.obolibrary.org/obo/DOID_1> <urn:by> <https://identifiers.org/drugbank:1> .\n"
        "<http://purl.obolibrary.org/obo/DOID_1> <urn:by> <https://identifiers.org/drugbank:2> .\n"
    )
    assert len(made.rows) == 2
    assert '"CC0-1.0"' in described.to_ntriples()  # the licence of the assertion about it
    with pytest.raises(SparqlError, match="CONSTRUCT or DESCRIBE"):
        run(small(), "ASK { ?s ?p ?o }").to_ntriples()


def test_a_limit_cuts_the_rows_and_says_so() -> None:
    text = "SELECT ?d { ?d relation:treats DOID:1 }"

    cut = run(small(), text, limit=1)
    whole = run(small(), text, limit=2)

    assert (len(cut.rows), cut.truncated, cut.to_json()["truncated"]) == (1, True, True)
    assert (len(whole.rows), whole.truncated) == (2, False)
    with pytest.raises(SparqlError, match="0 or more"):
        run(small(), text, limit=-1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT ?x {\n ?x ?p }", "not SPARQL, line 2"),
        ("", "not SPARQL, line 1"),
        ("SELECT ?x { ?x nowhere:p ?y }", "nowhere"),
        ("INSERT DATA { <urn:a> <urn:b> <urn:c> }", "updates are refused"),
        ("DELETE WHERE { ?s ?p ?o }", "updates are refused"),
        ("LOAD <http://127.0.0.1:9/x.ttl>", "updates are refused"),
        ("CLEAR ALL", "updates are refused"),
        ("SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }", "SERVICE is refused"),
        ("SELECT * { OPTIONAL { SERVICE SILENT <http://127.0.0.1:9/> { ?s ?p ?o } } }", "SERVICE"),
        ("SELECT * FROM <http://127.0.0.1:9/x> { ?s ?p ?o }", "FROM is refused"),
        ("ASK FROM NAMED <http://127.0.0.1:9/x> { ?s ?p ?o }", "FROM is refused"),
        ("SELECT * { GRAPH ?g { ?s ?p ?o } }", "GRAPH is refused"),
        ("SELECT * { ?x !^relation:treats ?y }", "cannot be answered"),
        ("SELECT * {" * 3000 + "}" * 3000, "nested too deeply"),
    ],
)
def test_what_cannot_be_answered_is_one_line(text: str, message: str) -> None:
    with pytest.raises(KgError, match=message) as caught:
        run(small(), text)

    assert isinstance(caught.value, SparqlError)
    assert "\n" not in str(caught.value)


def test_a_service_is_refused_through_rdflib_as_well() -> None:
    text = "SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }"

    with pytest.raises(SparqlError, match="SERVICE is refused"):
        list(to_rdflib(small()).query(text))


def test_threads_share_a_graph(starter: Graph) -> None:
    text = "SELECT ?d ?n { ?d relation:treats DOID:{} . ?d rdfs:label ?n } ORDER BY ?d"
    diseases = ["9352", "10763", "2841", "1612"] * 5
    expected = [run(starter, text.replace("{}", d)).rows for d in diseases]

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda d: run(starter, text.replace("{}", d)).rows, diseases))

    assert found == expected
    assert all(expected)


def test_the_package_is_not_loaded_with_the_graph() -> None:
    code = "import sys, kg; print('rdflib' in sys.modules, 'kg.sparql' in sys.modules)"

    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()

    assert printed == ["False", "False"]


@pytest.mark.parametrize("number", range(4))
def test_the_examples_of_the_documentation_are_true(starter: Graph, number: int) -> None:
    query, shown = re.findall(r"```sparql\n(.*?)```\n\n```text\n(.*?)```", DOCS, re.DOTALL)[number]

    cells = run(starter, query).cells()

    assert ["  ".join(row) for row in cells] == shown.splitlines()
