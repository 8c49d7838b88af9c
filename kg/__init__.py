"""What medicine knows: sources in, one immutable graph out, questions answered.

A tour. ``sources`` holds one adapter a source; :func:`build` merges what they yield into a
:class:`Graph`, which :func:`write_graph` puts on disk and :func:`open_graph` maps back in
milliseconds. ``schema`` names node types, edge types and metapaths; ``identifiers`` knows CURIEs;
``names`` finds nodes by id, name, synonym or code; ``query`` answers questions; ``paths`` counts
and lists paths; ``export`` writes closed subsets; ``convert`` turns the columns into scipy or
networkx.

>>> graph = build([create_source("starter")]).graph
>>> describe(graph, "metformin").node.id
'DRUGBANK:DB00331'
"""

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
