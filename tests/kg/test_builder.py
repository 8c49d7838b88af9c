"""Merging: nodes by CURIE, edges by head, relation and tail; bad rows refused, the rest kept."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.builder import Conflict, build
from kg.errors import KgError, SourceError
from kg.graph import Graph, Provenance
from kg.names import lookup
from kg.schema import EdgeType
from kg.sources.base import Batch, EdgeBatch, LabelBatch, LabelRow, NodeBatch, StatementBatch
from tests.graphs import TEST, Handmade

TREATS = EdgeType("Drug", "treats", "Disease")
INTERACTS = EdgeType("Drug", "interacts", "Drug")
SAID = replace(TEST, source="other", primary_knowledge_source="infores:other", licence="CC-BY-4.0")
NODES = {
    "Disease": {"DOID:1": "one", "DOID:2": "two"},
    "Drug": {"DRUGBANK:A": "Aspirin", "DRUGBANK:B": "Bosentan"},
}


class Given:
    """A source that yields what it is given."""

    name: ClassVar[str] = "given"
    licence: ClassVar[str] = "CC0-1.0"
    describes: ClassVar[str] = "batches written in a test"
    stage: ClassVar[int] = 0

    def __init__(self, *batches: Any) -> None:
        self.batches = batches

    def read(self) -> Iterator[Batch]:
        yield from self.batches

    def version(self) -> Mapping[str, Any]:
        return {}


def nodes(node_type: str, ids: Sequence[str], names: Sequence[str] = ()) -> NodeBatch:
    lines = range(2, 2 + len(ids))
    names = names or [f"name {i}" for i in ids]
    return NodeBatch(node_type, "nodes.tsv", lines, ids, ids, names, TEST)


def edges(
    edge_type: EdgeType, pairs: Sequence[tuple[str, str]], said: Provenance = TEST
) -> EdgeBatch:
    heads, tails = (pa.array([pair[i] for pair in pairs], pa.string()) for i in (0, 1))
    return EdgeBatch(edge_type, "edges.tsv", range(2, 2 + len(pairs)), heads, tails, said)


def pairs_of(graph: Graph, edge_type: EdgeType) -> list[tuple[str, str]]:
    table = graph.edges(edge_type)
    return [
        (graph.node(edge_type.head, h).id, graph.node(edge_type.tail, t).id)
        for h, t in zip(table.head, table.tail, strict=True)
    ]


def test_an_edge_that_two_sources_assert_is_one_edge_with_two_assertions() -> None:
    pairs = [("DRUGBANK:A", "DOID:1", {"line": "1"})]
    first = Handmade(NODES, {str(TREATS): pairs})
    second = Handmade({}, {str(TREATS): [pairs[0][:2]]}, provenance=SAID)
    second.name = "other"  # type: ignore[misc]

    result = build([first, second])

    graph = result.graph
    assert pairs_of(graph, TREATS) == [("DRUGBANK:A", "DOID:1")]
    said = graph.assertions(TREATS, 0)
    assert [(a.provenance, a.details) for a in said] == [(TEST, {"line": "1"}), (SAID, {})]
    assert {a.provenance.licence for a in said} == {"CC0-1.0", "CC-BY-4.0"}
    assert result.report.merged["all sources", str(TREATS)] == 1
    assert set(graph.sources) == {"test", "other"}


def test_a_symmetric_edge_is_stored_once_whatever_its_order() -> None:
    both = [("DRUGBANK:B", "DRUGBANK:A"), ("DRUGBANK:A", "DRUGBANK:B")]

    graphs = [build([Handmade(NODES, {str(INTERACTS): p})]).graph for p in (both, both[:1])]

    assert [pairs_of(g, INTERACTS) for g in graphs] == [[("DRUGBANK:A", "DRUGBANK:B")]] * 2
    assert graphs[0].fingerprint == graphs[1].fingerprint
    assert graphs[0].find_edge(INTERACTS, 1, 0) == graphs[0].find_edge(INTERACTS, 0, 1) == 0


def test_directed_edges_between_one_type_keep_their_direction() -> None:
    subclass = EdgeType("Disease", "subclass_of", "Disease")
    both = [("DOID:2", "DOID:1"), ("DOID:1", "DOID:2"), ("DOID:2", "DOID:2")]

    graph = build([Handmade(NODES, {str(subclass): both})]).graph

    assert pairs_of(graph, subclass) == sorted(both)


def test_saying_the_same_twice_is_one_assertion_and_differing_details_are_two() -> None:
    pair = ("DRUGBANK:A", "DRUGBANK:B")
    rows = [(*pair, {"severity": "major"}), (*pair, {"severity": "major"}), (*pair[::-1], {"x": 1})]

    graph = build([Handmade(NODES, {str(INTERACTS): rows})]).graph

    assert [a.details for a in graph.assertions(INTERACTS, 0)] == [{"severity": "major"}, {"x": 1}]


def test_a_node_given_twice_keeps_its_first_name_and_finds_by_both() -> None:
    first = Handmade({"Drug": {"DRUGBANK:A": "Aspirin"}}, {})
    second = Handmade({"Drug": {"DRUGBANK:A": "Acetylsalicylic acid"}}, {})
    third = Handmade({"Drug": {"DRUGBANK:A": "ASPIRIN"}}, {})

    result = build([first, second, third])

    assert result.graph.node("Drug", 0).name == "Aspirin"
    assert result.report.conflicts == [
        Conflict("two names", "test", 0, "DRUGBANK:A", "Aspirin", "Acetylsalicylic acid")
    ]
    assert result.report.merged["test", "Drug"] == 2
    assert lookup(result.graph, "acetylsalicylic acid")[0].node.id == "DRUGBANK:A"


def test_the_same_id_in_two_types_is_refused_with_its_place() -> None:
    result = build([Given(nodes("Drug", ["X:1"]), nodes("Gene", ["X:1", "X:2"]))])

    assert result.report.refused == [
        ("nodes.tsv", 2, "node X:1 is a Drug elsewhere, here a Gene"),
    ]
    assert result.graph.n_nodes("Drug") == result.graph.n_nodes("Gene") == 1


@pytest.mark.parametrize(
    ("node_id", "name", "reason"),
    [
        ("DB00331", "x", "identifier 'DB00331' is not a CURIE such as DRUGBANK:DB00331"),
        ("", "x", "identifier '' is not a CURIE such as DRUGBANK:DB00331"),
        ("X:1", "", "node X:1 has no name"),
        ("X:1", " \u200b", "node X:1 has no name"),
    ],
)
def test_a_node_without_a_proper_id_or_name_is_refused(
    node_id: str, name: str, reason: str
) -> None:
    batch = nodes("Drug", [node_id, "X:2"], [name, "fine"])
    batch = replace(batch, labels=[LabelRow(0, "synonym", "lost"), LabelRow(1, "synonym", "kept")])

    result = build([Given(batch)])

    assert result.report.refused == [("nodes.tsv", 2, reason)]
    assert result.graph.n_nodes() == 1
    assert lookup(result.graph, "kept") != ()
    assert lookup(result.graph, "lost") == ()


def test_an_edge_to_an_unknown_node_is_refused_and_the_others_stay() -> None:
    pairs = [("X:9", "DOID:1"), ("DRUGBANK:A", "DOID:1"), ("DRUGBANK:A", "DOID:9"),
             ("DRUGBANK:A", "DRUGBANK:B"), ("", "DOID:1")]  # fmt: skip

    result = build([Handmade(NODES, {}), Given(edges(TREATS, pairs))])

    assert result.report.refused == [
        ("edges.tsv", 2, "treats edge to unknown Drug 'X:9'"),
        ("edges.tsv", 4, "treats edge to unknown Disease 'DOID:9'"),
        ("edges.tsv", 5, "treats edge to unknown Disease 'DRUGBANK:B'"),
        ("edges.tsv", 6, "treats edge to unknown Drug ''"),
    ]
    assert pairs_of(result.graph, TREATS) == [("DRUGBANK:A", "DOID:1")]
    assert result.report.to_json()["refused"] == 4


def test_labels_and_statements_of_unknown_nodes_are_refused() -> None:
    labels = LabelBatch(
        "labels.tsv",
        [(2, "X:9", "synonym", "nobody"), (3, "DOID:1", "synonym", "\u200b"),
         (4, "DOID:1", "synonym", "somebody")],
        TEST,
    )  # fmt: skip
    rows = [{"drug": "X:9"}, {"drug": "DRUGBANK:A"}]
    statements = StatementBatch("kidney", "kidney.tsv", [2, 3], rows, ("drug",))

    result = build([Handmade(NODES, {}), Given(labels, statements)])

    assert [(r.file, r.line) for r in result.report.refused] == [
        ("labels.tsv", 2), ("labels.tsv", 3), ("kidney.tsv", 2),
    ]  # fmt: skip
    assert result.graph.statements["kidney"] == [{"drug": "DRUGBANK:A", "source": "given"}]
    assert lookup(result.graph, "somebody")[0].node.id == "DOID:1"


def test_a_kind_that_nobody_knows_fails_with_what_is_known() -> None:
    with pytest.raises(SourceError, match="nobody knows the node kind 'Planet'; known are Anatomy"):
        build([Given(nodes("Planet", ["X:1"]))])
    orbits = EdgeType("Drug", "Orbits!", "Disease")
    with pytest.raises(SourceError, match="nobody knows the edge type Drug-Orbits!-Disease"):
        build([Handmade(NODES, {}), Given(edges(orbits, [("DRUGBANK:A", "DOID:1")]))])


def test_sources_without_any_node_are_refused() -> None:
    with pytest.raises(SourceError, match="no node at all"):
        build([Given()])
    with pytest.raises(KgError, match="no node at all"):
        build([])


def test_edges_may_name_nodes_of_an_earlier_source_by_curie() -> None:
    own = NodeBatch("Drug", "nodes.tsv", [2], ["mine"], ["DRUGBANK:A"], ["Aspirin"], TEST)
    pairs = [("mine", "DOID:1"), ("DRUGBANK:B", "DOID:2")]

    result = build([Handmade(NODES, {}), Given(own, edges(TREATS, pairs))])

    assert result.report.refused == []
    assert pairs_of(result.graph, TREATS) == [("DRUGBANK:A", "DOID:1"), ("DRUGBANK:B", "DOID:2")]


def test_keys_may_come_as_plain_or_dictionary_strings() -> None:
    plain = edges(TREATS, [("DRUGBANK:A", "DOID:1"), ("X:9", "DOID:1")])
    coded = replace(plain, heads=plain.heads.dictionary_encode())

    results = [build([Handmade(NODES, {}), Given(batch)]) for batch in (plain, coded)]

    assert [pairs_of(r.graph, TREATS) for r in results] == [[("DRUGBANK:A", "DOID:1")]] * 2
    assert results[0].report.refused == results[1].report.refused


def test_progress_tells_rows_by_source() -> None:
    told: list[tuple[str, int]] = []

    build([Handmade(NODES, {})], progress=lambda name, rows: told.append((name, rows)))

    assert sum(rows for name, rows in told if name == "test") == 4


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_leaves_no_trace(chance: random.Random) -> None:
    def source(mixed: bool) -> Handmade:
        def order(rows: Sequence[Any]) -> list[Any]:
            return chance.sample(rows, len(rows)) if mixed else list(rows)

        disease = dict(order([(f"DOID:{i}", f"d{i}") for i in range(5)]))
        drug = dict(order([(f"DRUGBANK:{i}", f"c{i}") for i in range(4)]))
        treats = [(f"DRUGBANK:{i}", f"DOID:{j}", {"line": str(i * j)})
                  for i in range(4) for j in range(5)]  # fmt: skip
        inter = [(f"DRUGBANK:{i}", f"DRUGBANK:{j}", {"s": n})
                 for i in range(4) for j in range(4) for n in "ba"]  # fmt: skip
        labels = [(f"DOID:{i}", "synonym", f"s{i % 2}") for i in range(5)]
        rows = [{"drug": f"DRUGBANK:{i}", "why": f"{i % 2}"} for i in range(4)]
        return Handmade(
            dict(order(list({"Disease": disease, "Drug": drug}.items()))),
            dict(order([(str(TREATS), order(treats)), (str(INTERACTS), order(inter))])),
            order(labels),
            {"kidney": order(rows)},
        )

    assert build([source(True)]).graph.fingerprint == build([source(False)]).graph.fingerprint


def test_provenances_in_another_order_leave_no_trace() -> None:
    third = replace(TEST, primary_knowledge_source="infores:a")
    pairs = [("DRUGBANK:A", "DOID:1"), ("DRUGBANK:B", "DOID:2")]
    batches = [edges(TREATS, pairs, third), edges(TREATS, pairs[::-1], TEST)]

    prints = {
        build([Handmade(NODES, {}), Given(*order)]).graph.fingerprint
        for order in (batches, batches[::-1])
    }

    assert len(prints) == 1


def test_different_content_has_a_different_fingerprint() -> None:
    pairs = [("DRUGBANK:A", "DOID:1", {"line": "1"})]
    base = Handmade(NODES, {str(TREATS): pairs})
    variants = [
        base,
        Handmade(NODES, {str(TREATS): [(*pairs[0][:2], {"line": "2"})]}),
        Handmade(NODES, {str(TREATS): [("DRUGBANK:A", "DOID:2", {"line": "1"})]}),
        Handmade(NODES, {"Drug-palliates-Disease": pairs}),
        Handmade(NODES, {str(TREATS): pairs}, [("DOID:1", "synonym", "uno")]),
        Handmade(NODES, {str(TREATS): pairs}, statements={"kidney": [{"a": "b"}]}),
        Handmade(NODES, {str(TREATS): pairs}, provenance=SAID),
    ]

    assert len({build([source]).graph.fingerprint for source in variants}) == len(variants)


def test_a_source_whose_rows_are_mostly_refused_is_not_what_it_says() -> None:
    edges = {"Drug-treats-Disease": [("DRUGBANK:A", f"DOID:{i}") for i in range(30)]}

    with pytest.raises(SourceError, match="test: 30 of 31 rows cannot be used"):
        build([Handmade({"Drug": {"DRUGBANK:A": "Aspirin"}}, edges)])


def test_a_name_with_a_control_character_is_refused() -> None:
    drugs = {"DRUGBANK:A": "Aspirin", "DRUGBANK:B": "\x1b[31mEvil"}

    result = build([Handmade({"Drug": drugs}, {})])

    assert result.graph.ids["Drug"].to_pylist() == ["DRUGBANK:A"]
    assert [row.reason for row in result.report.refused] == [
        "the name of node DRUGBANK:B holds a control character"
    ]
