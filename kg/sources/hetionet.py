"""Hetionet v1.0 (https://het.io): the nodes' TSV and the edges' SIF files, plain or gzip.

Reads ``hetionet-v1.0-nodes.tsv`` and every ``hetionet-v1.0-edges*.sif`` or ``.sif.gz`` of its
folders; without a folder it downloads the published files, pinned by SHA-256. Edges of a file whose
name says ``reconstructed`` were derived again from Hetionet's sources; its authors never stated
them, and they are marked as predicted. Licence: CC0 for the compilation, and for names and edges
that of the database they come from (``hetionet_provenance``). Quirks: kinds contain spaces, the
metaedge ``Gr>G`` contains ``>``, undirected edges are stored once, an edge does not say which of
metaedge's databases states it.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from kg.errors import SourceError
from kg.identifiers import HETIONET_KINDS, from_hetionet
from kg.sources.base import Batch, EdgeBatch, NodeBatch, Refusal
from kg.sources.files import Download, describe, locate, open_bytes
from kg.sources.hetionet_provenance import METAEDGES, NAMES, reconstructed

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

_BLOCK = 8 << 20  # bytes of text read at a time

Lines = np.ndarray[Any, np.dtype[np.int64]]


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
        edges = [
            path
            for pattern in ("hetionet-v1.0-edges*.sif", "hetionet-v1.0-edges*.sif.gz")
            for folder in self._folders
            for path in sorted(folder.glob(pattern))
        ]
        plain = {p.name.removesuffix(".gz"): p for p in reversed(edges) if p.is_file()}
        if not plain:
            raise SourceError(
                f"hetionet: no hetionet-v1.0-edges*.sif or .sif.gz in "
                f"{', '.join(map(str, self._folders))}"
            )
        return nodes, sorted(plain.values())


def _read_nodes(path: Path) -> Iterator[Batch]:
    for table, lines, refused in _blocks(path, ("id", "name", "kind")):
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
    for table, lines, refused in _blocks(path, ("source", "metaedge", "target")):
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


def _blocks(
    path: Path, columns: tuple[str, ...]
) -> Iterator[tuple[pa.RecordBatch, Lines, list[Refusal]]]:
    """Read a TSV in blocks: the good rows, the line number of each, and the rows refused.

    Columns are dictionaries of strings: an identifier is kept once a block, however often it
    stands there.
    """
    start = 2
    for text in _whole_lines(path, columns):
        count = text.count(b"\n") + (not text.endswith(b"\n"))
        try:
            if not text.isascii():  # Arrow only mumbles where a row that it refuses is not UTF-8
                text.decode()
            batch, bad = _parse(text, columns)
        except (pa.ArrowInvalid, UnicodeDecodeError) as error:
            raise SourceError(
                f"{path.name}: lines {start} to {start + count - 1} are not UTF-8 tab-separated "
                f"text ({error})"
            ) from None
        if len(batch) + len(bad) != count:
            raise SourceError(
                f"{path.name}: stray carriage returns in lines {start} to {start + count - 1}"
            )
        lines = np.delete(np.arange(start, start + count), list(bad))
        refused = {start + offset: reason for offset, reason in bad.items()}
        holes = _holes(batch)
        for row in np.flatnonzero(holes).tolist():
            empty = not any(batch.slice(row, 1).to_pylist()[0].values())
            refused[int(lines[row])] = "an empty line" if empty else "an empty cell"
        if holes.any():
            batch, lines = batch.filter(pa.array(~holes)), lines[~holes]
        yield batch, lines, [Refusal(path.name, line, refused[line]) for line in sorted(refused)]
        start += count


def _whole_lines(path: Path, columns: tuple[str, ...]) -> Iterator[bytes]:
    """The file's text after its header, in blocks that end where a line ends."""
    with open_bytes(path) as file:
        header = file.readline(60).decode("utf-8", "replace").rstrip("\r\n").split("\t")
        if header != list(columns):
            raise SourceError(
                f"{path.name}: the header is {header[:4]}, not {list(columns)}; "
                "is it a Hetionet v1.0 file?"
            )
        rest = b""
        while block := file.read(_BLOCK):
            end = block.rfind(b"\n") + 1
            if end:
                yield rest + block[:end]
                rest = b""
            rest += block[end:]
        if rest:
            yield rest


def _parse(text: bytes, columns: tuple[str, ...]) -> tuple[pa.RecordBatch, dict[int, str]]:
    """The rows of ``text``, and which of its lines (from 0) have another number of columns."""
    bad: dict[int, str] = {}

    def refuse(row: Any) -> str:
        bad[row.number - 1] = f"{row.actual_columns} columns, not {row.expected_columns}"
        return "skip"

    table = pa.csv.read_csv(
        pa.BufferReader(text),
        # One block: Arrow numbers the rows of a block, and we number the blocks.
        read_options=pa.csv.ReadOptions(
            column_names=list(columns), block_size=len(text) + 1, use_threads=False
        ),
        parse_options=pa.csv.ParseOptions(
            delimiter="\t",
            quote_char=False,
            ignore_empty_lines=False,
            invalid_row_handler=refuse,
        ),
        convert_options=pa.csv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.dictionary(pa.int32(), pa.string())),
            strings_can_be_null=False,
        ),
    )
    arrays = [table.column(name).combine_chunks() for name in columns]
    return pa.record_batch(arrays, names=list(columns)), bad


def _holes(batch: pa.RecordBatch) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which rows have an empty cell."""
    holes = np.zeros(len(batch), bool)
    for column in batch.columns:
        empty = column.dictionary.index("").as_py()
        if empty >= 0:
            holes |= column.indices.to_numpy() == empty
    return holes
