"""A graph with everything that makes an export hard, and its rows, read the slow way."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from kg.builder import build
from kg.graph import Graph
from kg.schema import NODES, edge_spec
from kg.selection import Subset
from tests.graphs import TEST, Handmade

NC = replace(TEST, source="strict", licence="CC-BY-NC-4.0",
             primary_knowledge_source="infores:strict")  # fmt: skip
ODD = 'back\\slash here, | "quoted" & <b>\u2028二甲 ]]>'
SCRIPT = "</script><img src=x onerror=alert(1)>"


class Strict(Handmade):
    """A second source, with another name and licence."""

    name = "strict"
    licence = "CC-BY-NC-4.0"


def hard_graph() -> Graph:
    """Two sources, two licences, symmetric edges, a loop, and texts that break careless writers."""
    nodes = {
        "Disease": {"DOID:1": "one", "DOID:2": "-"},
        "Drug": {
            "DRUGBANK:A": "Aspirin",
            "DRUGBANK:B": SCRIPT,
            "DRUGBANK:C": "alone",
        },
        "Gene": {"NCBIGene:1": "=1+1"},
    }
    free: dict[str, list[tuple[Any, ...]]] = {
        "Drug-treats-Disease": [("DRUGBANK:A", "DOID:1", {"line": "1", "reference": ["x", "y"]})],
        "Drug-interacts-Drug": [("DRUGBANK:B", "DRUGBANK:A", {"severity": ODD, "level": 2})],
        "Gene-regulates-Gene": [("NCBIGene:1", "NCBIGene:1")],
        "Drug-binds-Gene": [("DRUGBANK:A", "NCBIGene:1", {"reference": "x", "known": True})],
    }
    strict: dict[str, list[tuple[Any, ...]]] = {
        "Drug-treats-Disease": [("DRUGBANK:A", "DOID:1"), ("DRUGBANK:E", "DOID:2")],
        "Drug-downregulates-Gene": [("DRUGBANK:B", "NCBIGene:1")],
        "Drug-upregulates-Gene": [("DRUGBANK:B", "NCBIGene:1")],
    }
    labels = [
        ("DRUGBANK:A", "synonym", ODD), ("DRUGBANK:A", "code", "ATC:A"),
        ("DRUGBANK:A", "product", "Pill"), ("DRUGBANK:B", "synonym", "+1"),
    ]  # fmt: skip
    references = {"references": [{"key": "x", "pmid": "17"}, {"key": "y", "pmid": ""}]}
    more = [("DRUGBANK:A", "synonym", "strict name"), ("DRUGBANK:A", "synonym", ODD)]
    return build(
        [
            Handmade(nodes, free, labels, references),
            Strict({"Drug": {"DRUGBANK:E": "Exclusive"}}, strict, more, provenance=NC),
        ]
    ).graph


def slow_nodes(subset: Subset) -> dict[str, dict[str, Any]]:
    """Identifier -> the node's row, read from the graph one by one."""
    graph, good = subset.graph, set(np.flatnonzero(subset.provenances).tolist())
    result = {}
    for node_type, rows in subset.nodes.items():
        for row in rows.tolist():
            node = graph.node(node_type, row)
            texts: dict[str, set[str]] = {}
            for i in graph.labels.of_node(graph.offsets[node_type] + row):
                if int(graph.labels.provenance[i]) in good:
                    kind = KINDS[int(graph.labels.kind[i])]
                    texts.setdefault(kind, set()).add(graph.labels.text[i].as_py())
            name = node.name if node.name in texts.get("name", ()) else node.id
            synonyms = texts.get("synonym", set()) | texts.get("name", set())
            result[node.id] = {
                "id": node.id,
                "category": NODES[node_type].category,
                "name": name,
                "synonym": sorted(synonyms - {name}),
                "xref": sorted(texts.get("code", ())),
                "node_type": node_type,
            }
    return result


def slow_edges(subset: Subset) -> Iterator[dict[str, Any]]:
    """The row of every assertion, read from the graph one by one."""
    graph = subset.graph
    references = {row["key"]: row["pmid"] for row in graph.statements.get("references", ())}
    for edge_type, edges in subset.edges.items():
        table = graph.edges(edge_type)
        for edge in edges.tolist():
            head = graph.ids[edge_type.head][int(table.head[edge])].as_py()
            tail = graph.ids[edge_type.tail][int(table.tail[edge])].as_py()
            for number, said in enumerate(graph.assertions(edge_type, edge)):
                if not subset.provenances[graph.provenances.index(said.provenance)]:
                    continue
                details = dict(said.details)
                said_by_type = QUALIFIED.get(edge_type.relation, ("", "", ""))
                qualified = {
                    name: details.pop(name, value)
                    for name, value in zip(QUALIFIERS, said_by_type, strict=True)
                }
                given = details.pop("reference", [])
                keys = given if isinstance(given, list) else [given]
                yield {
                    "id": f"{head}~{edge_type.relation}~{tail}~{number}",
                    "subject": head,
                    "predicate": edge_spec(edge_type).predicate,
                    "object": tail,
                    "relation_name": edge_type.relation,
                    "knowledge_level": said.provenance.knowledge_level,
                    "agent_type": said.provenance.agent_type,
                    "primary_knowledge_source": said.provenance.primary_knowledge_source,
                    "aggregator_knowledge_source": f"infores:{said.provenance.source}",
                    "license": said.provenance.licence,
                    "publications": [
                        f"PMID:{references[key]}" if references.get(key) else key for key in keys
                    ],
                    **qualified,
                    "qualifiers": json.dumps(details, ensure_ascii=False) if details else "",
                }


QUALIFIERS = ("qualified_predicate", "object_aspect_qualifier", "object_direction_qualifier")
QUALIFIED = {
    "upregulates": ("biolink:causes", "activity_or_abundance", "increased"),
    "downregulates": ("biolink:causes", "activity_or_abundance", "decreased"),
}  # of the random graphs and the hard one, where they join listed types only
KINDS = ("id", "name", "synonym", "product", "code", "broader", "broader-code")
