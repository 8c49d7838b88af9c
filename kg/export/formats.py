"""The formats: what each writes, and how ``check`` reads it again."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kg.export import graphs, kgx, neo4j, picture, pyg, rdf
from kg.export.ends import Ends
from kg.export.nodes import SHOWN
from kg.export.tables import Tables
from kg.graph import LABEL_KINDS


@dataclass(frozen=True)
class Format:
    """One way to write a subset.

    Attributes:
        describes: one line for people.
        files: the names of the files that it writes.
        write: writes them to a folder.
        read: their nodes and edges, for ``check``.
        holds: what stands once each: an assertion, an edge, or an edge as far as there is room.
        texts: the kinds of labels that it writes.
    """

    describes: str
    files: tuple[str, ...]
    write: Callable[[Tables, Path], None]
    read: Callable[[Path], Ends]
    holds: Literal["assertions", "edges", "some edges"] = "assertions"
    texts: tuple[str, ...] = SHOWN


FORMATS: dict[str, Format] = {
    "cytoscape": Format(
        "Cytoscape JSON", ("graph.cyjs",), graphs.write_cytoscape, graphs.read_cytoscape
    ),
    "graphml": Format(
        "GraphML, a directed multigraph",
        ("graph.graphml",),
        graphs.write_graphml,
        graphs.read_graphml,
    ),
    "html": Format(
        "a picture in one file, for a browser without network",
        ("graph.html",),
        picture.write,
        picture.read,
        "some edges",
    ),
    "kgx": Format("KGX TSV", ("nodes.tsv", "edges.tsv"), kgx.write_tsv, kgx.read_tsv),
    "kgx-jsonl": Format(
        "KGX JSON Lines", ("nodes.jsonl", "edges.jsonl"), kgx.write_jsonl, kgx.read_jsonl
    ),
    "neo4j": Format(
        "CSV for neo4j-admin, and its command",
        ("neo4j-nodes.csv", "neo4j-edges.csv", "neo4j-import.txt"),
        neo4j.write,
        neo4j.read,
    ),
    "nt": Format("RDF as N-Triples", ("graph.nt",), rdf.write_nt, rdf.read_nt, texts=LABEL_KINDS),
    "parquet": Format(
        "Parquet with the columns of KGX",
        ("nodes.parquet", "edges.parquet"),
        kgx.write_parquet,
        kgx.read_parquet,
    ),
    "pyg": Format(
        "safetensors and JSON for PyTorch Geometric",
        ("pyg.safetensors", "pyg.json"),
        pyg.write,
        pyg.read,
        "edges",
        ("id", "name"),
    ),
    "sif": Format(
        "SIF: head, relation, tail",
        ("graph.sif",),
        graphs.write_sif,
        graphs.read_sif,
        "edges",
        ("id",),
    ),
    "turtle": Format(
        "RDF as Turtle", ("graph.ttl",), rdf.write_turtle, rdf.read_turtle, texts=LABEL_KINDS
    ),
}
