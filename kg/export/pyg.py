"""PyTorch Geometric: arrays as safetensors, texts as JSON, and the reader that joins them again.

One column of ``edge_index`` an edge, in the direction of its type; a symmetric edge stands once.
Who says an edge is kept beside it: ``assertion_edge`` holds the column of each assertion,
``assertion_statement`` what it says, a row of ``statements``. Writing needs neither torch nor
torch-geometric.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kg.errors import FolderError
from kg.export.ends import Ends
from kg.export.kgx import to_json
from kg.export.tables import Tables
from kg.graph import Rows

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

_ARRAYS = ("edge_index", "assertion_edge", "assertion_statement")


def write(tables: Tables, folder: Path) -> None:
    """``pyg.safetensors`` and ``pyg.json``."""
    from safetensors.numpy import save_file

    nodes = tables.nodes.select(["id", "name", "node_type"]).to_pydict()
    types = list(tables.subset.nodes)
    sizes = [len(rows) for rows in tables.subset.nodes.values()]
    starts = dict(zip(types, np.concatenate([[0], np.cumsum(sizes)]).tolist(), strict=False))
    arrays: dict[str, Any] = {}
    for edge_type in tables.edge_counts:
        said = np.array([s.edge_type == edge_type for s in tables.statements])
        rows = np.flatnonzero(said[tables.statement])
        first = tables.is_first[rows]
        ends = [
            (column[rows[first]] - starts[node_type]).astype(np.int64)
            for column, node_type in (
                (tables.subject, edge_type.head), (tables.object, edge_type.tail),
            )
        ]  # fmt: skip
        arrays[f"{edge_type}/edge_index"] = np.stack(ends)
        arrays[f"{edge_type}/assertion_edge"] = np.cumsum(first, dtype=np.int64) - 1
        arrays[f"{edge_type}/assertion_statement"] = tables.statement[rows].astype(np.int64)
    save_file(arrays, folder / "pyg.safetensors")
    text = to_json(
        {
            "nodes": {
                node_type: {
                    "id": nodes["id"][starts[node_type] : starts[node_type] + size],
                    "name": nodes["name"][starts[node_type] : starts[node_type] + size],
                }
                for node_type, size in zip(types, sizes, strict=True)
            },
            "edges": [list(edge_type) for edge_type in tables.edge_counts],
            "statements": tables.statement_columns,
        }
    )
    (folder / "pyg.json").write_text(text + "\n", encoding="utf-8")


def read_pyg(folder: Path | str) -> "HeteroData":
    """The ``HeteroData`` of an export in the format ``pyg``.

    Node stores hold ``num_nodes``, ``node_id`` and ``name`` (lists); edge stores ``edge_index``
    (2, m), ``assertion_edge`` and ``assertion_statement`` (a,), all int64. ``statements`` is a list
    of dictionaries: predicate, knowledge level, source, licence and so on.

    Raises:
        FolderError: the files are missing, damaged, or point at nodes that are not there.
    """
    import torch
    from torch_geometric.data import HeteroData

    texts, arrays = _read(Path(folder))
    data = HeteroData(statements=texts["statements"])
    for node_type, columns in texts["nodes"].items():
        data[node_type].num_nodes = len(columns["id"])
        data[node_type].node_id = columns["id"]
        data[node_type].name = columns["name"]
    for edge_type in map(tuple, texts["edges"]):
        for name in _ARRAYS:
            data[edge_type][name] = torch.from_numpy(arrays[f"{'-'.join(edge_type)}/{name}"])
    return data


def read(folder: Path) -> Ends:
    """What :func:`write` wrote."""
    texts, arrays = _read(folder)
    ids = {node_type: columns["id"] for node_type, columns in texts["nodes"].items()}
    edges: list[tuple[str, str]] = []
    kinds: list[str] = []
    for head, relation, tail in texts["edges"]:
        heads, tails = arrays[f"{head}-{relation}-{tail}/edge_index"].tolist()
        edges += [(ids[head][i], ids[tail][j]) for i, j in zip(heads, tails, strict=True)]
        kinds += [f"{head}-{relation}-{tail}"] * len(heads)
    types = [node_type for node_type, columns in ids.items() for _ in columns]
    return Ends([node for columns in ids.values() for node in columns], edges, types, kinds)


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, Rows]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        texts = json.loads((folder / "pyg.json").read_bytes())
        arrays = load_file(folder / "pyg.safetensors")
        sizes = {node_type: len(columns["id"]) for node_type, columns in texts["nodes"].items()}
        for head, relation, tail in texts["edges"]:
            name = f"{head}-{relation}-{tail}"
            index, edge, statement = (arrays[f"{name}/{array}"] for array in _ARRAYS)
            _within(f"{name}/edge_index[0]", index[0], sizes[head])
            _within(f"{name}/edge_index[1]", index[1], sizes[tail])
            _within(f"{name}/assertion_edge", edge, index.shape[1])
            _within(f"{name}/assertion_statement", statement, len(texts["statements"]))
    except FileNotFoundError as error:
        raise FolderError(
            f"{folder} holds no export in the format pyg: no {error.filename}"
        ) from None
    except FolderError:
        raise
    except (
        SafetensorError, LookupError, TypeError, ValueError, AttributeError, RecursionError
    ) as error:  # fmt: skip
        raise FolderError(f"the files pyg.* in {folder} are damaged: {error}") from error
    return texts, arrays


def _within(name: str, values: Rows, size: int) -> None:
    if len(values) and not (values.min() >= 0 and values.max() < size):
        raise FolderError(f"{name} points outside [0, {size}): {values.min()} to {values.max()}")
