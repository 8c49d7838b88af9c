"""Formats of graph programs: GraphML, Cytoscape JSON and SIF.

One edge an assertion in GraphML and Cytoscape JSON; SIF has no room for one, so each edge stands
once there. Nodes and edges carry the columns of KGX; lists are joined by ``|`` in GraphML and are
lists in Cytoscape JSON.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from kg.errors import FolderError
from kg.export.ends import Ends, ends
from kg.export.kgx import edge_id, to_json
from kg.export.lines import Piece, blocks
from kg.export.tables import EDGE_COLUMNS, LISTS, NODE_COLUMNS, Tables, digits
from kg.graph import Rows

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NODE_DATA = NODE_COLUMNS[1:]
_EDGE_DATA = ("predicate", *EDGE_COLUMNS[4:])


def write_graphml(tables: Tables, folder: Path) -> None:
    """``graph.graphml``: a directed multigraph; characters that XML cannot hold become U+FFFD."""
    keys = [f"n_{name}" for name in _NODE_DATA], [f"e_{name}" for name in _EDGE_DATA]
    declared = [
        f'<key id="{key}" for="{what}" attr.name="{key[2:]}" attr.type="string"/>\n'
        for what, names in zip(("node", "edge"), keys, strict=True)
        for key in names
    ]
    ids = [_attribute(value) for value in tables.ids]
    nodes = [
        f'<node id="{i}">{_graphml_data(row, "n_", _NODE_DATA)}</node>\n'
        for i, row in zip(ids, tables.nodes.to_pylist(), strict=True)
    ]
    said = [_graphml_data(row, "e_", _EDGE_DATA) for row in tables.statement_columns]
    edges: list[Piece] = [
        '<edge id="', *edge_id(tables, ids, _attribute),
        '" source="', (ids, tables.subject), '" target="', (ids, tables.object), '">',
        (said, tables.statement), "</edge>\n",
    ]  # fmt: skip
    with (folder / "graph.graphml").open("wb") as file:
        file.write(_GRAPHML.encode())
        file.write("".join(declared).encode())
        file.write(b'<graph id="graph" edgedefault="directed">\n')
        file.write("".join(nodes).encode())
        file.writelines(blocks(len(tables), edges))
        file.write(b"</graph>\n</graphml>\n")


def write_cytoscape(tables: Tables, folder: Path) -> None:
    """``graph.cyjs``: Cytoscape opens it, cytoscape.js takes its ``elements``.

    ``directed``, ``multigraph``, ``value`` and ``key`` are for ``networkx.cytoscape_graph``.
    """
    rows = tables.nodes.to_pylist()
    nodes = [to_json({"data": {**row, "value": row["id"]}}) for row in rows]
    ids = [to_json(value)[1:-1] for value in tables.ids]
    said = [
        to_json({name: row[name] for name in _EDGE_DATA} | {"interaction": row["relation_name"]})
        for row in tables.statement_columns
    ]
    relations = [to_json(statement.edge_type.relation)[1:-1] for statement in tables.statements]
    edges: list[Piece] = [
        '{"data": {"id": "', *edge_id(tables, ids, lambda text: to_json(text)[1:-1]),
        '", "source": "', (ids, tables.subject), '", "target": "', (ids, tables.object),
        '", "key": "', (relations, tables.statement), "~",
        (digits(tables.number), tables.number), '", ',
        ([text[1:] for text in said], tables.statement), "}",
    ]  # fmt: skip
    name = tables.subset.graph.fingerprint
    head = to_json({"shared_name": "pharmakon", "name": "pharmakon", "graph": name})
    with (folder / "graph.cyjs").open("wb") as file:
        file.write(f'{{"data": {head}, "directed": true, "multigraph": true,\n'.encode())
        file.write(b'"elements": {\n"nodes": [\n')
        file.write(",\n".join(nodes).encode())
        file.write(b'\n],\n"edges": [\n')
        file.writelines(blocks(len(tables), edges, separator=",\n"))
        file.write(b"\n]\n}}\n")


def write_sif(tables: Tables, folder: Path) -> None:
    """``graph.sif``: head, relation, tail by tabs; a node without an edge stands alone."""
    ids = [re.sub(r"[\t\r\n]", " ", value) for value in tables.ids]
    relations = [statement.edge_type.relation for statement in tables.statements]
    first = np.flatnonzero(tables.is_first)
    subject, target = tables.subject[first], tables.object[first]
    edges: list[Piece] = [
        (ids, subject), "\t", (relations, tables.statement[first]), "\t", (ids, target), "\n",
    ]  # fmt: skip
    with (folder / "graph.sif").open("wb") as file:
        file.writelines(blocks(len(first), edges))
        file.write("".join(f"{ids[row]}\n" for row in _alone(len(ids), subject, target)).encode())


def read_graphml(folder: Path) -> Ends:
    """What ``write_graphml`` wrote.

    Raises:
        FolderError: the file is not XML, or declares a document type, which ours never does.
    """
    from xml.parsers.expat import ExpatError, ParserCreate

    nodes: list[str] = []
    edges: list[tuple[str, str]] = []

    said: dict[str, list[str]] = {"n_node_type": [], "e_relation_name": []}
    key: str | None = None

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal key
        if tag == "node":
            nodes.append(attributes["id"])
        elif tag == "edge":
            edges.append((attributes["source"], attributes["target"]))
        elif tag == "data" and attributes["key"] in said:
            key = attributes["key"]
            said[key].append("")

    def end(_: str) -> None:
        nonlocal key
        key = None

    def text(part: str) -> None:
        if key:
            said[key][-1] += part

    def refuse(*_: object) -> None:
        raise FolderError("graph.graphml declares a document type")

    parser = ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    try:
        with (folder / "graph.graphml").open("rb") as file:
            parser.ParseFile(file)
    except ExpatError as error:
        raise FolderError(f"graph.graphml is not XML: {error}") from None
    subjects, objects = zip(*edges, strict=True) if edges else ((), ())
    return ends(nodes, said["n_node_type"], subjects, objects, said["e_relation_name"])


def read_cytoscape(folder: Path) -> Ends:
    """What ``write_cytoscape`` wrote."""
    elements = json.loads((folder / "graph.cyjs").read_bytes())["elements"]
    nodes, edges = ([row["data"] for row in elements[name]] for name in ("nodes", "edges"))
    return ends(
        (row["id"] for row in nodes),
        (row["node_type"] for row in nodes),
        (row["source"] for row in edges),
        (row["target"] for row in edges),
        (row["relation_name"] for row in edges),
    )


def read_sif(folder: Path) -> Ends:
    """What ``write_sif`` wrote; its nodes are the ends of its edges and those that stand alone."""
    rows = (folder / "graph.sif").read_text(encoding="utf-8").split("\n")[:-1]
    cells = [row.split("\t") for row in rows]
    edges = [row for row in cells if len(row) == 3]
    nodes = list(dict.fromkeys(end for row in cells for end in row[::2]))
    ends = [(row[0], row[2]) for row in edges]
    return Ends(nodes, ends, edge_types=[row[1] for row in edges])


def _alone(n_nodes: int, subject: Rows, target: Rows) -> list[int]:
    joined = np.zeros(n_nodes, bool)
    joined[subject] = joined[target] = True
    rows: list[int] = np.flatnonzero(~joined).tolist()
    return rows


def _xml(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text), {"\r": "&#13;"})


def _attribute(text: str) -> str:
    return quoteattr(_NOT_XML.sub("\ufffd", f"\"'{text}"))[len("\"&quot;'") : -1]


def _graphml_data(row: dict[str, Any], prefix: str, names: Sequence[str]) -> str:
    values = ("|".join(row[name]) if name in LISTS else row[name] for name in names)
    return "".join(
        f'<data key="{prefix}{name}">{_xml(value)}</data>'
        for name, value in zip(names, values, strict=True)
    )


_GRAPHML = (
    '<?xml version="1.0" encoding="utf-8"?>\n'
    '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n'
)
