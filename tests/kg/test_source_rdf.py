"""RDF files as a source: what the words mean, and what is kept, left out or refused."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from kg.builder import BuildResult, build
from kg.errors import SourceError
from kg.export import export
from kg.graph import Graph, Provenance
from kg.schema import EdgeType
from kg.selection import Selection, select
from kg.sources.rdf import Rdf
from tests.graphs import make_graph
from tests.kg.mutations import mutated
from tests.kg.random_graphs import graphs

TOML = """licence = "LicenseRef-St-Elsewhere"
primary_knowledge_source = "infores:st-elsewhere"
knowledge_level = "knowledge_assertion"
agent_type = "manual_agent"

[prefixes]
FORM = "https://e.org/drug/"

[types]
"https://e.org/Drug" = "Drug"
DOID = "Disease"

[relations]
"https://e.org/treats" = "treats"

[labels]
"https://e.org/brand" = "product"
"""
HEAD = """@prefix e: <https://e.org/> .
@prefix obo: <http://purl.obolibrary.org/obo/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
@prefix in: <http://www.geneontology.org/formats/oboInOwl#> .
@prefix biolink: <https://w3id.org/biolink/vocab/> .
@prefix dct: <http://purl.org/dc/terms/> .
@prefix drug: <https://e.org/drug/> .
"""
NODES = """drug:7 a e:Drug ; rdfs:label "metformin"@en, "Metformin (DE)"@de ; skos:altLabel "DMBG" ;
  skos:exactMatch <https://identifiers.org/drugbank:DB00331> ; e:brand "Glucophage" .
obo:DOID_9352 rdfs:label "type 2 diabetes" ; in:hasDbXref "MSH:D003924", "url:http://x" .
"""
TREATS = EdgeType("Drug", "treats", "Disease")
SAID = Provenance(
    "rdf",
    "infores:st-elsewhere",
    "LicenseRef-St-Elsewhere",
    "knowledge_assertion",
    "manual_agent",
)


def read_toml_bytes(content: bytes, tmp: Path) -> None:
    """Fuzz targets: come back or raise SourceError."""
    folder = tmp / "rdf-toml"
    folder.mkdir(exist_ok=True)
    (folder / "rdf.toml").write_bytes(content)
    (folder / "case.ttl").write_text(HEAD + NODES + "drug:7 e:treats obo:DOID_9352 .")
    build([Rdf(folder)])


def read_bytes(content: bytes, tmp: Path) -> None:
    folder = tmp / "rdf-turtle"
    folder.mkdir(exist_ok=True)
    (folder / "rdf.toml").write_text(TOML)
    (folder / "case.ttl").write_bytes(content)
    build([Rdf(folder)])


def read(folder: Path, turtle: str, toml: str = TOML) -> tuple[BuildResult, Rdf]:
    (folder / "x.ttl").write_text(HEAD + turtle, encoding="utf-8")
    if toml:
        (folder / "rdf.toml").write_text(toml, encoding="utf-8")
    source = Rdf(folder)
    return build([source]), source


def labels(graph: Graph, node_type: str, node_id: str) -> set[tuple[str, str]]:
    found = graph.labels_of(node_type, graph.row(node_type, node_id))
    return {(label.kind, label.text) for label in found}


def test_a_toml_says_what_iris_classes_and_predicates_mean(tmp_path: Path) -> None:
    result, source = read(tmp_path, NODES + "drug:7 e:treats obo:DOID_9352 ; e:weight 129 .")

    graph = result.graph
    assert result.report.refused == []
    assert graph.node("Drug", graph.row("Drug", "FORM:7")).name == "metformin"
    assert labels(graph, "Drug", "FORM:7") == {
        ("id", "FORM:7"),
        ("name", "metformin"),
        ("synonym", "DMBG"),
        ("code", "DRUGBANK:DB00331"),
        ("product", "Glucophage"),
    }
    assert labels(graph, "Disease", "DOID:9352") == {
        ("id", "DOID:9352"),
        ("name", "type 2 diabetes"),
        ("code", "MESH:D003924"),
    }
    assert graph.n_edges() == 1
    assert [a.provenance for a in graph.assertions(TREATS, 0)] == [SAID]
    assert source.version()["left_out"] == {
        "texts in other languages": 1,
        "codes of no use": 1,
        "predicate https://e.org/weight": 1,
    }
    assert set(source.version()["files"]) == {"rdf.toml", "x.ttl"}


def test_biolink_needs_no_toml(tmp_path: Path) -> None:
    turtle = (
        '<https://identifiers.org/drugbank:DB1> a biolink:SmallMolecule ; rdfs:label "a" ;'
        " biolink:treats obo:DOID_1 .\n"
        'obo:DOID_1 a biolink:Disease ; rdfs:label "b" .\n'
    )

    result, _ = read(tmp_path, turtle, toml="")

    assert result.report.refused == []
    assert result.graph.edge_types == (TREATS,)
    said = result.graph.assertions(TREATS, 0)[0].provenance
    assert (said.primary_knowledge_source, said.knowledge_level) == (
        "infores:not-provided",
        "not_provided",
    )


def test_an_edge_brings_the_provenance_and_details_of_its_statement(tmp_path: Path) -> None:
    turtle = NODES + (
        "drug:7 e:treats obo:DOID_9352 .\n"
        "[] a rdf:Statement ; rdf:subject drug:7 ; rdf:predicate e:treats ;"
        " rdf:object obo:DOID_9352 ; biolink:primary_knowledge_source"
        " <https://w3id.org/biolink/infores/drugcentral> ;"
        " dct:license <https://creativecommons.org/licenses/by/4.0/> ;"
        ' biolink:knowledge_level "observation" ; biolink:publications "PMID:1" ;'
        " <urn:pharmakon:detail:line> 2 .\n"
    )

    result, _ = read(tmp_path, turtle)

    [assertion] = result.graph.assertions(TREATS, 0)
    assert assertion.provenance == Provenance(
        "rdf", "infores:drugcentral", "CC-BY-4.0", "observation", "manual_agent"
    )
    assert assertion.details == {"reference": ["PMID:1"], "line": 2}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("<https://e.org/drug/7> <https://e.org/treats> <http://z.org/1> .", "no CURIE for"),
        ('<https://e.org/drug/7> <https://e.org/treats> "text" .', "leads to a text"),
        ("<https://e.org/drug/7> <https://e.org/treats> <urn:pharmakon:id:X:1> .", "what X:1 is"),
        ("<https://e.org/drug/7> <https://e.org/brand> <http://z.org/1> .", "is not a text"),
        ("<https://e.org/drug/7> <https://e.org/treats> <http://purl.obolibrary.org/obo/DOID_8> .",
         "edge to unknown Disease 'DOID:8'"),
        ("_:s <http://www.w3.org/1999/02/22-rdf-syntax-ns#subject> <https://e.org/drug/7> .",
         "an rdf:Statement with 0 of object, not 1"),
        ("nonsense", "not a triple"),
    ],
)  # fmt: skip
def test_a_triple_that_cannot_be_used_is_refused_with_file_and_line(
    tmp_path: Path, line: str, reason: str
) -> None:
    (tmp_path / "edges.nt").write_text(f"# edges\n{line}\n")

    result, _ = read(tmp_path, NODES)

    [refusal] = result.report.refused
    assert (refusal.file, refusal.line) == ("edges.nt", 2)
    assert reason in refusal.reason
    assert result.graph.n_nodes() == 2


def test_blank_nodes_are_left_out_and_counted(tmp_path: Path) -> None:
    turtle = NODES + "drug:7 e:treats [ rdfs:label 'some disease' ] ."

    result, source = read(tmp_path, turtle)

    assert result.report.refused == []
    assert result.graph.n_edges() == 0
    assert source.version()["left_out"]["blank nodes"] == 2


def test_an_edge_may_stand_in_another_file_than_its_nodes_and_before_them(tmp_path: Path) -> None:
    (tmp_path / "a.nt").write_text(
        "<https://e.org/drug/7> <https://e.org/treats> "
        "<http://purl.obolibrary.org/obo/DOID_9352> .\n"
    )

    result, _ = read(tmp_path, NODES)

    assert result.graph.n_edges() == 1


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("licence = ", "rdf.toml is not TOML"),
        ("license = 'x'", "unknown key 'license'; did you mean 'licence'"),
        ("primary_knowledge_source = 'me'", "'me' is not of the form infores:"),
        ("agent_type = 'robot'", "agent_type = 'robot'; choose from"),
        ("[types]\nx = 'Medicine'", "x = 'Medicine'; choose from"),
        ("[labels]\nx = 'nickname'", "x = 'nickname'; choose from name, synonym"),
        ("[relations]\nx = 'is treated by'", "must be in snake case"),
        ("[prefixes]\n'x y' = 'http://x'", "is not a CURIE's prefix"),
        ("[types]\nx = 1", "'x' must be a text"),
        ("types = 1", "[types] must be a table"),
        ("x = " + "[\n" * 5000, "nested too deeply"),
        ("x = " + "[" * 5000, "line 1 is longer than 1,000 bytes"),
        ("#" * 200_000, "longer than"),
    ],
)
def test_a_toml_with_a_mistake_says_where(tmp_path: Path, toml: str, says: str) -> None:
    with pytest.raises(SourceError) as refused:
        read(tmp_path, NODES, toml)

    assert says in str(refused.value)


def test_a_folder_without_rdf_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rdf.toml").write_text(TOML)

    for source in (Rdf(tmp_path), Rdf()):
        with pytest.raises(SourceError, match=r"rdf: no \*.nt, \*.ttl or \*.jsonld in"):
            build([source])


@pytest.mark.parametrize("form", ["nt", "turtle"])
def test_an_export_reads_back_as_the_same_nodes_edges_and_assertions(
    tmp_path: Path, starter: Graph, form: str
) -> None:
    subset = select(starter, Selection(seeds=("metformin",), hops=1))
    export(subset, [form], tmp_path / "export")

    result = build([Rdf(tmp_path / "export")])

    assert result.report.refused == []
    found = content(result.graph)
    whole = content(starter)
    assert found["nodes"]
    assert found["edges"]
    assert found["nodes"] <= whole["nodes"]
    assert len(found["nodes"]) == sum(map(len, subset.nodes.values()))
    assert found["edges"] <= whole["edges"]
    assert len(found["edges"]) == sum(map(len, subset.edges.values()))


@given(graph=graphs())
@settings(max_examples=10)
def test_any_graph_written_as_n_triples_reads_back(
    graph: Graph, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("round-trip") / "export"
    export(select(graph, Selection()), ["nt"], folder)

    assert content(build([Rdf(folder)]).graph) == content(graph)


def content(graph: Graph) -> dict[str, set[tuple[object, ...]]]:
    """What must survive a round trip: nodes and their names, edges and who says them."""
    nodes: set[tuple[object, ...]] = {
        (node_type, node.id, node.name)
        for node_type in graph.node_types
        for node in (graph.node(node_type, row) for row in range(graph.n_nodes(node_type)))
    }
    edges: set[tuple[object, ...]] = set()
    for edge_type in graph.edge_types:
        table = graph.edges(edge_type)
        for edge in range(len(table)):
            ends = (
                graph.node(edge_type.head, int(table.head[edge])).id,
                graph.node(edge_type.tail, int(table.tail[edge])).id,
            )
            said = sorted(
                (a.provenance.primary_knowledge_source, a.provenance.licence, unordered(a.details))
                for a in graph.assertions(edge_type, edge)
            )
            edges.add((edge_type, *ends, *said))
    return {"nodes": nodes, "edges": edges}


def unordered(details: Mapping[str, Any]) -> str:
    """Details as a text; several values of one predicate have no order in RDF."""
    return repr({k: sorted(v) if isinstance(v, list) else v for k, v in sorted(details.items())})


def test_the_round_trip_notices_a_missing_edge() -> None:
    nodes = {"Drug": {"A:1": "a"}, "Disease": {"B:1": "b"}}

    assert content(make_graph(nodes, {})) != content(
        make_graph(nodes, {"Drug-treats-Disease": [("A:1", "B:1")]})
    )


SEED = (HEAD + NODES + "drug:7 e:treats obo:DOID_9352 .").encode()


@given(content=mutated([SEED]))
@settings(max_examples=50)
def test_a_damaged_file_is_read_or_refused(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with suppress(SourceError):
        read_bytes(content, tmp_path_factory.getbasetemp())


@given(content=mutated([TOML.encode()]))
@settings(max_examples=50)
def test_a_damaged_toml_is_read_or_refused(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with suppress(SourceError):
        read_toml_bytes(content, tmp_path_factory.getbasetemp())
