"""Names, synonyms and codes follow the filters of licences, sources and evidence, as edges do."""

from dataclasses import replace
from pathlib import Path

import pytest

from kg.builder import build
from kg.export import FORMATS, export, node_rows
from kg.selection import Selection, select
from tests.graphs import Handmade
from tests.kg.exported import NC, Strict, hard_graph


def test_texts_that_only_another_licence_gives_are_left_out() -> None:
    graph = hard_graph()
    free = {row["id"]: row for row in node_rows(select(graph, Selection(licences=("CC0-1.0",))))}
    strict = select(graph, Selection(licences=("CC-BY-NC-4.0",)))

    assert "strict name" not in free["DRUGBANK:A"]["synonym"]
    assert free["DRUGBANK:A"]["name"] == "Aspirin"
    rows = {row["id"]: row for row in node_rows(strict)}
    assert rows["DRUGBANK:A"]["name"] == "DRUGBANK:A"
    assert "strict name" in rows["DRUGBANK:A"]["synonym"]
    assert rows["DRUGBANK:A"]["xref"] == []
    assert rows["DRUGBANK:E"]["name"] == "Exclusive"


@pytest.mark.parametrize(
    ("strict_only", "free_only"),
    [
        (Selection(sources=("strict",)), Selection(sources=("infores:test",))),
        (Selection(evidence=("text_mining_agent",)), Selection(evidence=("manual_agent",))),
        (
            Selection(sources=("strict",), evidence=("agent_type=text_mining_agent",)),
            Selection(licences=("CC0-1.0",), evidence=("manual_agent",)),
        ),
    ],
)
def test_texts_follow_sources_and_evidence_as_edges_do(
    strict_only: Selection, free_only: Selection, tmp_path: Path
) -> None:
    """A name, synonym or code that only a source gives that was not asked for is left out."""
    mined = replace(NC, agent_type="text_mining_agent")
    nodes = {"Drug": {"DRUGBANK:A": "Aspirin"}, "Disease": {"DOID:1": "one"}}
    edges: dict[str, list[tuple[str, ...]]] = {"Drug-treats-Disease": [("DRUGBANK:A", "DOID:1")]}
    labels = [("DRUGBANK:A", "synonym", "ASA"), ("DRUGBANK:A", "code", "ATC:A")]
    other = Strict({}, edges, [("DRUGBANK:A", "synonym", "mined")], provenance=mined)
    graph = build([Handmade(nodes, edges, labels), other]).graph

    strict = {row["id"]: row for row in node_rows(select(graph, strict_only))}
    free = {row["id"]: row for row in node_rows(select(graph, free_only))}

    assert strict["DRUGBANK:A"]["name"] == "DRUGBANK:A"
    assert strict["DOID:1"]["name"] == "DOID:1"
    assert (strict["DRUGBANK:A"]["synonym"], strict["DRUGBANK:A"]["xref"]) == (["mined"], [])
    assert free["DRUGBANK:A"]["name"] == "Aspirin"
    assert (free["DRUGBANK:A"]["synonym"], free["DRUGBANK:A"]["xref"]) == (["ASA"], ["ATC:A"])
    manifest = export(select(graph, strict_only), FORMATS, tmp_path / "out")
    assert manifest["sources"] == ["infores:strict"]
    for path in (tmp_path / "out").iterdir():
        if path.suffix in (".tsv", ".jsonl", ".nt", ".ttl", ".csv", ".cyjs", ".graphml"):
            assert "Aspirin" not in path.read_text(encoding="utf-8")
