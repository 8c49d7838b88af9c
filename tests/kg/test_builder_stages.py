"""Sources that speak of nodes which others bring: found by id, code or name, else left out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from kg.builder import BuildResult, Conflict, build
from kg.errors import SourceError
from kg.graph import Graph, Label, Provenance
from kg.schema import EdgeType
from kg.sources.base import Batch, EdgeBatch, LabelBatch, NodeBatch, StatementBatch, Term, TermBatch
from tests.graphs import TEST, Handmade

INTERACTS = EdgeType("Drug", "interacts", "Drug")
SUBCLASS = EdgeType("Disease", "subclass_of", "Disease")
OTHER = replace(TEST, source="other", primary_knowledge_source="infores:other")
DRUGS = {"DRUGBANK:A": "Aspirin", "DRUGBANK:B": "Bosentan", "DRUGBANK:C": "Codeine"}
CODES = [
    ("DRUGBANK:A", "code", "RXNORM:1191"),
    ("DRUGBANK:B", "code", "RXNORM:75207"),
    ("DRUGBANK:A", "code", "UNII:SHARED"),
    ("DRUGBANK:B", "code", "UNII:SHARED"),
    ("DRUGBANK:A", "synonym", "ASA"),
    ("DRUGBANK:B", "synonym", "Painkiller"),
    ("DRUGBANK:C", "synonym", "painkiller"),
    ("DRUGBANK:B", "synonym", "codeine"),
]


class Speaking:
    """A source that yields what it is given, about nodes of others."""

    name: ClassVar[str] = "other"
    licence: ClassVar[str] = "CC0-1.0"
    describes: ClassVar[str] = "batches written in a test"
    stage: ClassVar[int] = 2

    def __init__(self, *batches: Any) -> None:
        self.batches = batches

    def read(self) -> Iterator[Batch]:
        yield from self.batches

    def version(self) -> Mapping[str, Any]:
        return {}


class Lending(Speaking):
    stage: ClassVar[int] = 1


def interactions(
    pairs: Sequence[tuple[str, str]],
    severity: str = "major",
    by: Any = "id",
    said: Provenance = OTHER,
) -> EdgeBatch:
    heads, tails = (pa.array([pair[i] for pair in pairs], pa.string()) for i in (0, 1))
    details = [{"severity": severity}] * len(pairs)
    return EdgeBatch(
        INTERACTS, "ddi.tsv", range(2, 2 + len(pairs)), heads, tails, said, details, by
    )


def ends(graph: Graph) -> list[tuple[str, str]]:
    ids, table = graph.ids["Drug"].to_pylist(), graph.edges(INTERACTS)
    return [(ids[h], ids[t]) for h, t in zip(table.head, table.tail, strict=True)]


def built(*sources: Any) -> BuildResult:
    return build([*sources, Handmade({"Drug": DRUGS}, {}, CODES)])  # nodes last: order is no matter


def test_an_edge_finds_nodes_by_the_codes_of_exactly_one() -> None:
    pairs = [("RXNORM:1191", "RXNORM:75207"), ("UNII:SHARED", "DRUGBANK:C"), ("X:1", "DRUGBANK:A")]

    result = built(Speaking(interactions(pairs)))

    assert ends(result.graph) == [("DRUGBANK:A", "DRUGBANK:B")]
    assert result.report.refused == []
    assert result.report.left_out == {("other", "UNII:SHARED"): 1, ("other", "X:1"): 1}


def test_an_edge_by_name_prefers_names_and_takes_only_synonyms_of_one_node() -> None:
    pairs = [("aspirin", "Bosentan"), ("asa", "CODEINE"), ("painkiller", "Aspirin"), ("", "ASA")]

    result = built(Speaking(interactions(pairs, by="name")))

    assert ends(result.graph) == [("DRUGBANK:A", "DRUGBANK:B"), ("DRUGBANK:A", "DRUGBANK:C")]
    assert result.report.left_out == {("other", "painkiller"): 1, ("other", ""): 1}


def test_labels_and_statements_find_nodes_by_code_too() -> None:
    labels = [(2, "RXNORM:1191", "synonym", "Acetylsalicylate"), (3, "X:1", "synonym", "nobody")]
    advice = [{"drug": "RXNORM:75207", "text": "less"}, {"drug": "X:2", "text": "none"}]

    result = built(
        Lending(LabelBatch("names.tsv", labels, OTHER)),
        Speaking(StatementBatch("kidney", "kidney.tsv", [2, 3], advice, ("drug",))),
    )

    assert Label("synonym", "Acetylsalicylate") in result.graph.labels_of("Drug", 0)
    rows = [{"drug": "DRUGBANK:B", "text": "less", "source": "other"}]
    assert result.graph.statements["kidney"] == rows
    assert result.report.left_out == {("other", "X:1"): 1, ("other", "X:2"): 1}
    assert result.report.to_json()["left_out"] == {"other": 2}


def test_the_same_row_in_a_source_that_brings_nodes_is_refused() -> None:
    class Bringing(Speaking):
        stage: ClassVar[int] = 0

    result = build([Handmade({"Drug": DRUGS}, {}), Bringing(interactions([("X:1", "DRUGBANK:A")]))])

    assert [row.reason for row in result.report.refused] == ["interacts edge to unknown Drug 'X:1'"]
    assert not result.report.left_out


def test_two_severities_are_kept_and_the_first_source_is_shown_first() -> None:
    pair = [("DRUGBANK:A", "DRUGBANK:B")]
    told = Handmade({}, {str(INTERACTS): [(*pair[0], {"severity": "moderate"})]})
    nodes = Handmade({"Drug": DRUGS}, {})

    first = build([Speaking(interactions(pair)), nodes, told])
    second = build([nodes, told, Speaking(interactions(pair))])

    edge = "DRUGBANK:A interacts DRUGBANK:B"
    assert first.report.conflicts == [Conflict("two severities", "", 0, edge, "major", "moderate")]
    assert [c.shown for c in second.report.conflicts] == ["moderate"]
    shown = [a.details["severity"] for a in second.graph.assertions(INTERACTS, 0)]
    assert shown == ["moderate", "major"]


def test_within_one_source_the_worst_severity_stands_first() -> None:
    pair = [("DRUGBANK:A", "DRUGBANK:B")]
    first = replace(OTHER, primary_knowledge_source="infores:a")
    last = replace(OTHER, primary_knowledge_source="infores:z")

    graph = built(
        Speaking(
            interactions(pair, "minor", said=first),
            interactions(pair, "dreadful", said=first),
            interactions(pair, "major", said=last),
        )
    ).graph

    shown = [a.details["severity"] for a in graph.assertions(INTERACTS, 0)]
    assert shown == ["major", "minor", "dreadful"]


def test_the_name_of_the_source_named_first_is_shown_whichever_is_read_first() -> None:
    class Renaming(Speaking):
        def read(self) -> Iterator[Batch]:
            yield NodeBatch("Drug", "n", [1], ["A"], ["DRUGBANK:A"], ["ASA-Ratio"], OTHER)

    nodes = Handmade({"Drug": DRUGS}, {})

    first, second = build([Renaming(), nodes]), build([nodes, Renaming()])

    assert first.graph.node("Drug", 0).name == "ASA-Ratio"
    assert second.graph.node("Drug", 0).name == "Aspirin"
    assert [c.shown for c in first.report.conflicts] == ["ASA-Ratio"]
    for result in (first, second):
        labels = {label.text for label in result.graph.labels_of("Drug", 0)}
        assert labels == {"DRUGBANK:A", "Aspirin", "ASA-Ratio"}


def test_the_same_severity_told_twice_is_no_conflict() -> None:
    pair = [("DRUGBANK:A", "DRUGBANK:B")]
    result = built(Speaking(interactions(pair), interactions(pair, said=TEST)))

    assert result.report.conflicts == []
    assert len(result.graph.assertions(INTERACTS, 0)) == 2


def test_every_text_says_who_gives_it() -> None:
    again = Handmade({"Drug": {"DRUGBANK:A": "Aspirin"}}, {}, provenance=replace(TEST, source="t2"))
    labels = LabelBatch("names.tsv", [(2, "DRUGBANK:A", "synonym", "ASA")], OTHER)

    graph = built(Lending(labels), again).graph

    said: dict[str, set[str]] = {}
    for number in graph.labels.of_node(graph.offsets["Drug"]):
        text = graph.labels.text[number].as_py()
        provenance = graph.provenances[graph.labels.provenance[number]]
        said.setdefault(text, set()).add(provenance.source)
    assert said["ASA"] == {"test", "other"}
    assert said["DRUGBANK:A"] == said["Aspirin"] == {"test", "t2"}
    assert len(graph.labels_of("Drug", 0)) == len(set(graph.labels_of("Drug", 0)))


# ---- ontologies

TERMS = [
    Term(1, "DOID:1", "vascular disease", ("angiopathy",), ("MESH:D1",)),
    Term(2, "DOID:2", "hypertension", ("high blood pressure",), ("MESH:D2",), ("DOID:1",)),
    Term(3, "DOID:3", "essential hypertension", (), ("ICD10CM:I10",), ("DOID:2",)),
    Term(4, "DOID:4", "rare essential hypertension", (), (), ("DOID:3", "DOID:404")),
    Term(5, "DOID:5", "pre-eclampsia", (), ("ICD10CM:O14",), ("DOID:2",)),
    Term(6, "DOID:6", "HELLP", (), (), ("DOID:5",)),
    Term(7, "DOID:7", "cold", (), ("X:9",), ()),
    Term(8, "DOID:8", "circle", (), (), ("DOID:9",)),
    Term(9, "DOID:9", "circle back", (), (), ("DOID:8", "DOID:9")),
]
ONTOLOGY = Lending(TermBatch("Disease", "do.obo", TERMS, OTHER))
DISEASES = {"DOID:1": "vascular disease", "DOID:2": "Hypertension", "X:9": "common cold"}


def labels_of(graph: Graph, node_id: str) -> set[Label]:
    return set(graph.labels_of("Disease", graph.row("Disease", node_id)))


def test_a_term_that_is_a_node_lends_it_its_texts_and_codes() -> None:
    graph = build([ONTOLOGY, Handmade({"Disease": DISEASES}, {})]).graph

    assert graph.ids["Disease"].to_pylist() == sorted(DISEASES)
    mine = labels_of(graph, "DOID:2")
    assert {Label("synonym", "high blood pressure"), Label("code", "MESH:D2")} <= mine


def test_a_term_that_is_no_node_leads_to_its_nearest_ancestor_with_the_distance() -> None:
    graph = build([ONTOLOGY, Handmade({"Disease": DISEASES}, {})]).graph

    mine = labels_of(graph, "DOID:2")
    assert Label("broader", "essential hypertension", 1) in mine
    assert Label("broader-code", "ICD10CM:I10", 1) in mine
    assert Label("broader-code", "DOID:3", 1) in mine
    assert Label("broader", "rare essential hypertension", 2) in mine
    above = labels_of(graph, "DOID:1")
    assert not any(label.kind.startswith("broader") for label in above)


def test_a_pregnancy_disorder_lends_nothing_to_the_disease_outside_pregnancy() -> None:
    graph = build([ONTOLOGY, Handmade({"Disease": DISEASES}, {})]).graph

    texts = {label.text for node_id in DISEASES for label in labels_of(graph, node_id)}
    assert texts.isdisjoint({"pre-eclampsia", "HELLP", "ICD10CM:O14", "DOID:5", "DOID:6"})


def test_a_term_equated_by_a_cross_reference_lends_its_names_as_such() -> None:
    graph = build([ONTOLOGY, Handmade({"Disease": DISEASES}, {})]).graph

    assert {Label("xref", "cold"), Label("code", "DOID:7")} <= labels_of(graph, "X:9")


def test_is_a_between_nodes_leads_over_terms_that_are_none() -> None:
    nodes = {"DOID:1": "vascular disease", "DOID:4": "rare essential hypertension"}
    graph = build([ONTOLOGY, Handmade({"Disease": nodes}, {})]).graph

    table = graph.edges(SUBCLASS)
    assert [(table.head[i], table.tail[i]) for i in range(len(table))] == [(1, 0)]
    assert graph.assertions(SUBCLASS, 0)[0].provenance == OTHER


@pytest.mark.parametrize("terms", ["auto", "nodes"])
def test_terms_become_nodes_where_nobody_else_brings_some(terms: Any) -> None:
    others = [Handmade({"Drug": DRUGS} if terms == "auto" else {"Disease": DISEASES}, {})]

    graph = build([ONTOLOGY, *others], terms=terms).graph

    assert set(graph.ids["Disease"].to_pylist()) >= {term.id for term in TERMS}
    rows = [graph.row("Disease", term) for term in ("DOID:3", "DOID:2")]
    assert graph.find_edge(SUBCLASS, *rows) is not None
    assert Label("code", "ICD10CM:I10") in labels_of(graph, "DOID:3")


def test_terms_as_names_of_nothing_leave_no_graph() -> None:
    with pytest.raises(SourceError, match="no node at all"):
        build([ONTOLOGY], terms="names")
