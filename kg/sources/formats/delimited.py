"""Delimited text (CSV, TSV and the like): rows of cells with their lines, quoted line ends too."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from kg.errors import SourceError
from kg.sources.base import Refusal
from kg.sources.formats.lines import read_lines


class Row(NamedTuple):
    """The wanted cells of a row, without the spaces around them."""

    line: int  # where the row ends
    cells: tuple[str, ...]


def read_rows(
    path: Path,
    wanted: Sequence[str],
    *,
    separator: str = "\t",
    header: Sequence[str] | None = None,
    quoted: bool = True,
) -> Iterator[Row | Refusal]:
    """The rows of ``path``, plain or gzip; one with another number of columns is refused.

    Args:
        path: UTF-8 text; a byte order mark is ignored.
        wanted: columns, in the order in which a row's cells are given.
        separator: between cells.
        header: all columns, for a file without a header; else its first row names them.
        quoted: whether a cell may stand in double quotes.

    Raises:
        SourceError: the file cannot be read, is not UTF-8, or lacks a wanted column.
    """
    rows = read_cells(path, separator, quoted=quoted)
    names = next(rows, (1, []))[1] if header is None else list(header)
    missing = [name for name in wanted if name not in names]
    if missing:
        raise SourceError(
            f"{path.name}: the header is {[name[:40] for name in names[:6]]}, "
            f"without {', '.join(missing)}"
        )
    places = [names.index(name) for name in wanted]
    for line, cells in rows:
        if len(cells) == len(names):
            yield Row(line, tuple(cells[place].strip() for place in places))
        else:
            reason = f"{len(cells)} columns, not {len(names)}" if cells else "an empty line"
            yield Refusal(path.name, line, reason)


def read_cells(
    path: Path, separator: str, *, quoted: bool = True
) -> Iterator[tuple[int, list[str]]]:
    """Every row of ``path``, the header too: the line where it ends, and all its cells.

    Raises:
        SourceError: the file cannot be read, or is not UTF-8 or not delimited; with the line.
    """
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    reader = csv.reader(_lines(path), delimiter=separator, quoting=quoting, strict=True)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error as error:
        raise SourceError(f"{path.name} line {reader.line_num}: not CSV ({error})") from None


def _lines(path: Path) -> Iterator[str]:
    for number, line in read_lines(path):
        if isinstance(line, Refusal):
            raise SourceError(
                f"{path.name} line {number} is {line.reason}; save a table as 'CSV UTF-8'"
            )
        yield line
