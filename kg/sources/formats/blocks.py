"""Delimited text of millions of rows, in blocks of Arrow columns with the line number of each row.

Its cells hold no line ends; for texts whose cells may, see ``delimited``. What cannot be told apart
row by row (not UTF-8, a quote that never ends) is an error that names the lines.
"""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from kg.errors import SourceError
from kg.sources.base import Refusal
from kg.sources.files import open_bytes
from kg.sources.formats.lines import LONGEST

BLOCK = 8 << 20  # bytes of text read at a time
_KINDS = {",": "CSV", "\t": "tab-separated text"}


class Block(NamedTuple):
    """Some rows of a file: those with all cells filled, and why others were left out."""

    rows: pa.RecordBatch  # dictionaries of strings: a word is kept once a block
    lines: NDArray[np.int64]  # (n,) line number of each row
    refused: list[Refusal]


def read_blocks(
    path: Path, wanted: Sequence[str], *, separator: str = ",", quoted: bool = True
) -> Iterator[Block]:
    """The columns ``wanted`` of a file with a header, plain or gzip.

    Args:
        path: UTF-8 text; a byte order mark is ignored.
        wanted: columns, in the order in which a block has them.
        separator: between cells, a comma or a tab.
        quoted: whether a cell may stand in double quotes.

    Raises:
        SourceError: a wanted column is missing, or the text is not UTF-8 or not delimited.
    """
    start = 2
    header: list[str] = []
    for text in _whole_lines(path):
        if not header:
            header = _header(path, text, wanted, separator)
            continue
        count = text.count(b"\n") + (not text.endswith(b"\n"))
        place = f"{path.name}: lines {start} to {start + count - 1}"
        try:
            if not text.isascii():  # Arrow only mumbles where a row that it refuses is not UTF-8
                text.decode()
            batch, bad = _parse(text, header, wanted, separator, quoted=quoted)
        except (UnicodeDecodeError, pa.ArrowInvalid) as error:
            raise SourceError(
                f"{place} are not UTF-8 {_KINDS[separator]} ({error})"[:300]
            ) from None
        if len(batch) + len(bad) != count:
            stray = "a quote that does not end, or stray" if quoted else "stray"
            raise SourceError(f"{place} hold {stray} carriage returns")
        lines = np.delete(np.arange(start, start + count), list(bad))
        refused = {start + offset: reason for offset, reason in bad.items()}
        some, all_ = _holes(batch)
        if some.any():
            refused.update(dict.fromkeys(lines[some].tolist(), "an empty cell"))
            refused.update(dict.fromkeys(lines[all_].tolist(), "an empty line"))
            batch, lines = batch.filter(pa.array(~some)), lines[~some]
        yield Block(batch, lines, [Refusal(path.name, n, refused[n]) for n in sorted(refused)])
        start += count


def _whole_lines(path: Path) -> Iterator[bytes]:
    """The file's first line, then the rest in blocks that end where a line ends."""
    with open_bytes(path) as file:
        first = file.readline(LONGEST)
        if len(first) == LONGEST:
            raise SourceError(f"{path.name}: line 1 is longer than {LONGEST:,} bytes")
        yield first
        rest = b""
        while block := file.read(BLOCK):
            end = block.rfind(b"\n") + 1
            if end:
                yield rest + block[:end]
                rest = b""
            rest += block[end:]
            if len(rest) > max(LONGEST, BLOCK):
                raise SourceError(f"{path.name}: a line is longer than {len(rest):,} bytes")
        if rest:
            yield rest


def _header(path: Path, text: bytes, wanted: Sequence[str], separator: str) -> list[str]:
    line = [text.decode("utf-8-sig", "replace").rstrip("\r\n")]
    try:
        header = next(csv.reader(line, delimiter=separator, strict=True), [])
    except csv.Error:
        header = []
    if missing := [column for column in wanted if header.count(column) != 1]:
        found = repr(", ".join(header[:20]))[:200]
        raise SourceError(f"{path.name}: no column {', '.join(missing)}; the header is {found}")
    return header


def _parse(
    text: bytes, header: list[str], wanted: Sequence[str], separator: str, *, quoted: bool
) -> tuple[pa.RecordBatch, dict[int, str]]:
    """The rows of ``text``, and which of its lines (from 0) have another number of columns."""
    bad: dict[int, str] = {}

    def refuse(row: Any) -> str:
        bad[row.number - 1] = f"{row.actual_columns} columns, not {row.expected_columns}"
        return "skip"

    # Arrow wants distinct names, also for the columns that nobody wants.
    names = [name if name in wanted else f"{i} {name}" for i, name in enumerate(header)]
    table = pa.csv.read_csv(
        pa.BufferReader(text),
        # One block: Arrow numbers the rows of a block, and we number the blocks.
        read_options=pa.csv.ReadOptions(
            column_names=names, block_size=len(text) + 1, use_threads=False
        ),
        parse_options=pa.csv.ParseOptions(
            delimiter=separator,
            quote_char='"' if quoted else False,
            ignore_empty_lines=False,
            invalid_row_handler=refuse,
        ),
        convert_options=pa.csv.ConvertOptions(
            include_columns=list(wanted),
            column_types=dict.fromkeys(wanted, pa.dictionary(pa.int32(), pa.string())),
            strings_can_be_null=False,
        ),
    )
    arrays = [table.column(name).combine_chunks() for name in wanted]
    return pa.record_batch(arrays, names=list(wanted)), bad


def _holes(batch: pa.RecordBatch) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which rows have an empty cell, and which have nothing else."""
    some, all_ = np.zeros(len(batch), bool), np.ones(len(batch), bool)
    for column in batch.columns:
        empty = column.dictionary.index("").as_py()
        holes = column.indices.to_numpy() == empty
        some |= holes
        all_ &= holes
    return some, all_
