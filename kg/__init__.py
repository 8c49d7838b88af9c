"""What medicine knows: sources in, one immutable graph out, questions answered.

A tour. ``sources`` holds one adapter a source; :func:`build` merges what they yield into a
:class:`Graph`, which :func:`write_graph` puts on disk and :func:`open_graph` maps back in
milliseconds; ``diff`` says what changed. ``schema`` names node types, edge types and metapaths;
``identifiers`` knows CURIEs; ``names`` finds nodes by id, name, synonym or code, and reads what
hospitals write. ``query`` answers questions, ``selection`` finds a closed subset, ``neighborhood``
what lies how far away, ``paths`` counts and lists paths, ``sparql`` is the graph as an rdflib
store. ``export`` writes subsets in many formats; ``convert`` turns the columns into scipy or
networkx, or shows them as a networkx graph.

>>> graph = build([create_source("starter")]).graph
>>> describe(graph, "metformin").node.id
'DRUGBANK:DB00331'
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kg.builder import BuildReport, BuildResult, build
    from kg.errors import (
        FolderError,
        InvalidGraphError,
        KgError,
        SchemaError,
        SourceError,
        UnknownNodeError,
    )
    from kg.graph import Assertion, Graph, Node, Provenance
    from kg.query import describe, follow
    from kg.schema import EdgeType, parse_metapath
    from kg.sources import create_source, source_names
    from kg.store import open_graph, write_graph

__all__ = [
    "Assertion",
    "BuildReport",
    "BuildResult",
    "EdgeType",
    "FolderError",
    "Graph",
    "InvalidGraphError",
    "KgError",
    "Node",
    "Provenance",
    "SchemaError",
    "SourceError",
    "UnknownNodeError",
    "build",
    "create_source",
    "describe",
    "follow",
    "open_graph",
    "parse_metapath",
    "source_names",
    "write_graph",
]

# Loaded when they are asked for: networkx reads kg.nx.info whenever it is imported.
_HOMES = {
    "kg.builder": ("BuildReport", "BuildResult", "build"),
    "kg.errors": (
        "FolderError",
        "InvalidGraphError",
        "KgError",
        "SchemaError",
        "SourceError",
        "UnknownNodeError",
    ),
    "kg.graph": ("Assertion", "Graph", "Node", "Provenance"),
    "kg.query": ("describe", "follow"),
    "kg.schema": ("EdgeType", "parse_metapath"),
    "kg.sources": ("create_source", "source_names"),
    "kg.store": ("open_graph", "write_graph"),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module 'kg' has no attribute {name!r}")
