"""A graph on disk: Arrow IPC files under one manifest (see ``docs/formats.md``).

Opening maps the files and checks versions and sizes, not hashes: milliseconds, whatever the size.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from kg.errors import FolderError
from kg.folder import Folder, Writer, content_fingerprint, open_folder, write_folder
from kg.graph import (
    LABEL_KINDS,
    AssertionTable,
    EdgeTable,
    Graph,
    LabelTable,
    Provenance,
)
from kg.schema import NODES, EdgeType, is_edge_type

KIND = "pharmakon-graph"
VERSION = 2

_NODES = pa.schema([("id", pa.string()), ("name", pa.string())])
_EDGES = pa.schema([("tail", pa.int32()), ("by_tail", pa.int32())])
_STARTS = pa.schema([("start", pa.int32())])
_ASSERTIONS = pa.schema([("edge", pa.int32()), ("provenance", pa.int16()), ("details", pa.int32())])
_DETAILS = pa.schema([("json", pa.string())])
_LABELS = pa.schema(
    [
        ("node", pa.int32()),
        ("kind", pa.int8()),
        ("text", pa.string()),
        ("key", pa.string()),
        ("distance", pa.int8()),
        ("provenance", pa.int16()),
        ("key_hash", pa.uint64()),
        ("by_key", pa.int32()),
    ]
)


def write_graph(
    graph: Graph, path: Path | str, *, report: Mapping[str, Any] | None = None
) -> Graph:
    """Write ``graph`` to the folder ``path`` and return it as opened from there.

    Args:
        graph: a valid graph.
        path: created, or an earlier graph, which is replaced as a whole.
        report: what the builder has to say (JSON values); kept in the manifest, outside the
            fingerprint.

    Raises:
        FolderError: ``path`` holds something that is not a graph.
    """
    path = Path(path)
    write_folder(
        path,
        kind=KIND,
        version=VERSION,
        files=_files(graph),
        header={**_header(graph), "sources": graph.sources, "report": report or {}},
    )
    return open_graph(path)


def fingerprint(graph: Graph) -> str:
    """The SHA-256 of what :func:`write_graph` would write, as it stands in the manifest."""
    return content_fingerprint(_files(graph))


def open_graph(path: Path | str, *, verify: bool = False) -> Graph:
    """Open the graph in the folder ``path`` by memory map.

    Args:
        path: a folder written by :func:`write_graph`.
        verify: also read every file and compare its SHA-256.

    Raises:
        FolderError: not a graph, of an unknown version, or damaged.
    """
    path = Path(path)
    folder = open_folder(path, kind=KIND, versions=(VERSION,))
    if verify:
        folder.verify()
    try:
        return _read(folder)
    except FolderError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, OSError) as error:
        raise FolderError(f"{path} is damaged: {type(error).__name__} while reading it") from error


def _header(graph: Graph) -> dict[str, Any]:
    return {
        "node_types": {node_type: len(ids) for node_type, ids in graph.ids.items()},
        "edge_types": [
            {**edge_type._asdict(), "edges": len(table),
             "uniform": graph.assertion_tables[edge_type].uniform}
            for edge_type, table in graph.edge_tables.items()
        ],
        "label_kinds": list(LABEL_KINDS),
        "provenances": [asdict(provenance) for provenance in graph.provenances],
    }  # fmt: skip


def _files(graph: Graph) -> dict[str, Writer]:
    tables = list(graph.edge_tables.values())
    assertions = list(graph.assertion_tables.values())
    labels = graph.labels
    return {
        "nodes.arrow": _batches(_NODES, [[graph.ids[t], graph.names[t]] for t in graph.ids]),
        "edges.arrow": _batches(_EDGES, [[table.tail, table.by_tail] for table in tables]),
        "starts.arrow": _batches(
            _STARTS,
            [[start] for table in tables for start in (table.head_start, table.tail_start)],
        ),
        "assertions.arrow": _batches(
            _ASSERTIONS, [[table.edge, table.provenance, table.details] for table in assertions]
        ),
        "details.arrow": _batches(_DETAILS, [[graph.details]]),
        "labels.arrow": _batches(
            _LABELS,
            [
                [
                    labels.node,
                    labels.kind,
                    labels.text,
                    labels.key,
                    labels.distance,
                    labels.provenance,
                    labels.key_hash,
                    labels.by_key,
                ]
            ],
        ),
        "names.arrow": _rows(graph.index),
        "statements.json": _json({kind: list(rows) for kind, rows in graph.statements.items()}),
        "types.json": _json(_header(graph)),
    }


def _read(folder: Folder) -> Graph:
    header = json.loads(folder.file("types.json").read_bytes())
    types = [EdgeType(e["head"], e["relation"], e["tail"]) for e in header["edge_types"]]
    strange = [t for t in header["node_types"] if t not in NODES]
    strange += [str(t) for t in types if not is_edge_type(t)]
    strange += [kind for kind in header["label_kinds"] if kind not in LABEL_KINDS]
    if strange or header["label_kinds"] != list(LABEL_KINDS):
        raise FolderError(
            f"{folder.path} has types that this program does not know: "
            f"{', '.join(strange) or header['label_kinds']}"
        )
    nodes = _map(folder, "nodes.arrow", _NODES)
    edges = _map(folder, "edges.arrow", _EDGES)
    starts = _map(folder, "starts.arrow", _STARTS)
    assertions = _map(folder, "assertions.arrow", _ASSERTIONS)
    details = _map(folder, "details.arrow", _DETAILS)(0)
    labels = _map(folder, "labels.arrow", _LABELS)(0)
    edge_tables, assertion_tables = {}, {}
    for i, edge_type in enumerate(types):
        tail, by_tail = map(_array, edges(i))
        edge_tables[edge_type] = EdgeTable(
            tail, _array(starts(2 * i)[0]), by_tail, _array(starts(2 * i + 1)[0])
        )
        edge, provenance, detail = map(_array, assertions(i))
        uniform = header["edge_types"][i]["uniform"]
        assertion_tables[edge_type] = AssertionTable(edge, provenance, detail, uniform)
    columns = [nodes(i) for i in range(len(header["node_types"]))]
    return Graph(
        ids={t: columns[i][0] for i, t in enumerate(header["node_types"])},
        names={t: columns[i][1] for i, t in enumerate(header["node_types"])},
        edge_tables=edge_tables,
        assertion_tables=assertion_tables,
        provenances=[Provenance(**row) for row in header["provenances"]],
        details=details[0],
        labels=LabelTable(
            _array(labels[0]), _array(labels[1]), labels[2], labels[3], *map(_array, labels[4:])
        ),
        statements=json.loads(folder.file("statements.json").read_bytes()),
        sources=folder.manifest["sources"],
        fingerprint=folder.fingerprint,
        index=_index(folder),
    )


def _batches(schema: pa.Schema, columns: list[list[Any]]) -> Writer:
    def write(file: BinaryIO) -> None:
        with pa.ipc.new_file(file, schema) as writer:
            for arrays in columns:
                typed = [pa.array(a, type=f.type) for a, f in zip(arrays, schema, strict=True)]
                writer.write_batch(pa.record_batch(typed, schema=schema))

    return write


def _rows(columns: Mapping[str, Any]) -> Writer:
    """One row, each cell a whole column: they differ in length."""
    types = {name: pa.list_(pa.from_numpy_dtype(column.dtype)) for name, column in columns.items()}
    cells = [pa.array([column], types[name]) for name, column in columns.items()]
    return _batches(pa.schema(list(types.items())), [cells])


def _json(value: object) -> Writer:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return lambda file: _discard(file.write(text.encode()))


def _discard(_: object) -> None:
    return None


def _map(folder: Folder, name: str, schema: pa.Schema) -> Callable[[int], list[Any]]:
    reader = pa.ipc.open_file(pa.memory_map(str(folder.file(name))))
    if reader.schema != schema:
        raise FolderError(f"{folder.file(name)} has columns {reader.schema.names}, not expected")
    return lambda index: list(reader.get_batch(index).columns)


def _index(folder: Folder) -> dict[str, np.ndarray[Any, Any]]:
    reader = pa.ipc.open_file(pa.memory_map(str(folder.file("names.arrow"))))
    batch = reader.get_batch(0)
    return {name: _array(batch.column(name).values) for name in reader.schema.names}


def _array(column: pa.Array) -> np.ndarray[Any, Any]:
    return column.to_numpy(zero_copy_only=True)  # type: ignore[no-any-return]
