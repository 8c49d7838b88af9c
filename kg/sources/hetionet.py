"""Hetionet v1.0 (https://het.io): the nodes' TSV and the edges' SIF files, plain or gzip.

Reads ``hetionet-v1.0-nodes.tsv`` and every ``hetionet-v1.0-edges*.sif`` or ``.sif.gz`` of its
folders; without a folder it downloads the published files, pinned by SHA-256. Edges of a file whose
name says ``reconstructed`` were derived again from Hetionet's sources; its authors never stated
them, and they are marked as predicted. Licence: CC0 for the compilation, and for names and edges
that of the database they come from (``hetionet_relations``). Quirks: kinds contain spaces, the
metaedge ``Gr>G`` contains ``>``, undirected edges are stored once, an edge does not say which of
metaedge's databases states it.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow.compute as pc

from kg.errors import SourceError
from kg.identifiers import HETIONET_KINDS, from_hetionet
from kg.sources.base import Batch, EdgeBatch, NodeBatch, Refusal
from kg.sources.files import Download, describe, find_all, locate
from kg.sources.formats.blocks import Block, read_blocks
from kg.sources.hetionet_relations import METAEDGES, NAMES, reconstructed

_URL = "https://github.com/hetio/hetionet/raw/38873689199f81b0e6e11554d9803b94f0c4a12c/hetnet/tsv/"
_NODES = "hetionet-v1.0-nodes.tsv"
_EDGES = "hetionet-v1.0-edges.sif.gz"
_PINNED = {
    _NODES: Download(
        _URL + _NODES, "3ad9eb86c031df8bc7d5efefa6edc93562182eb9a6a71e5129d3f18b9d42c50e"
    ),
    _EDGES: Download(
        _URL + _EDGES, "611f0411ac666be4e0270e54bbca67407e14720bfc3099311f0f5eec25c5a947"
    ),
}


class Hetionet:
    """The whole hetnet: 47,031 nodes of 11 kinds and up to 2,250,197 edges of 24 metaedges."""

    name: ClassVar[str] = "hetionet"
    licence: ClassVar[str] = "CC0-1.0 AND LicenseRef-per-edge"
    describes: ClassVar[str] = "Hetionet v1.0: nodes TSV and edges SIF, from a folder or het.io"
    stage: ClassVar[int] = 0

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._files: list[Path] = []

    def read(self) -> Iterator[Batch]:
        """Yield nodes kind by kind, then edges block by block; see the contract in ``base``."""
        nodes, edges = self._find()
        self._files = [nodes, *edges]
        yield from _read_nodes(nodes)
        for path in edges:
            yield from _read_edges(path)

    def version(self) -> Mapping[str, Any]:
        """Release and the files read, each with size and SHA-256."""
        return {"release": "v1.0", **describe(self._files)}

    def _find(self) -> tuple[Path, list[Path]]:
        nodes = locate("hetionet", self._folders, _NODES, _PINNED[_NODES])
        if not self._folders:
            return nodes, [locate("hetionet", (), _EDGES, _PINNED[_EDGES])]
        edges = find_all(self._folders, "hetionet-v1.0-edges*.sif")
        if not edges:
            raise SourceError(
                f"hetionet: no hetionet-v1.0-edges*.sif or .sif.gz in "
                f"{', '.join(map(str, self._folders))}"
            )
        return nodes, edges


def _read_nodes(path: Path) -> Iterator[Batch]:
    for table, lines, refused in _read(path, "id", "name", "kind"):
        yield from refused
        kinds = table.column("kind")
        ids = table.column("id").dictionary_decode()
        for code, kind in enumerate(kinds.dictionary.to_pylist()):
            of_kind = kinds.indices.to_numpy() == code
            if not of_kind.any():  # the word of a refused row
                continue
            if kind not in HETIONET_KINDS:
                raise SourceError(
                    f"{path.name}: nobody knows the node kind {kind!r}; "
                    f"known are {', '.join(HETIONET_KINDS)}"
                )
            named = pc.starts_with(ids, f"{kind}::").to_numpy(zero_copy_only=False)
            for row in np.flatnonzero(of_kind & ~named).tolist():
                identifier = ids[row].as_py()
                reason = f"identifier {identifier!r} is not of the kind {kind!r}"
                yield Refusal(path.name, int(lines[row]), reason)
            rows = np.flatnonzero(of_kind & named)
            keys = ids.take(rows).to_pylist()
            yield NodeBatch(
                type=HETIONET_KINDS[kind][0],
                file=path.name,
                lines=lines[rows],
                keys=keys,
                ids=[from_hetionet(key) or key for key in keys],
                names=table.column("name").take(rows).to_pylist(),
                provenance=NAMES[kind],
            )


def _read_edges(path: Path) -> Iterator[Batch]:
    for table, lines, refused in _read(path, "source", "metaedge", "target"):
        yield from refused
        metaedges = table.column("metaedge")
        for code, metaedge in enumerate(metaedges.dictionary.to_pylist()):
            rows = np.flatnonzero(metaedges.indices.to_numpy() == code)
            if not len(rows):  # the word of a refused row
                continue
            if metaedge not in METAEDGES:
                raise SourceError(
                    f"{path.name}: damaged, or nobody knows the metaedge {metaedge!r}; "
                    f"known are {', '.join(METAEDGES)}"
                )
            whole = len(rows) == len(table)
            edge_type, provenance = METAEDGES[metaedge]
            if "reconstructed" in path.name:
                provenance = reconstructed(provenance)
            yield EdgeBatch(
                type=edge_type,
                file=path.name,
                lines=lines[rows],
                heads=table.column("source") if whole else table.column("source").take(rows),
                tails=table.column("target") if whole else table.column("target").take(rows),
                provenance=provenance,
            )


def _read(path: Path, *columns: str) -> Iterator[Block]:
    return read_blocks(path, columns, separator="\t", quoted=False)
