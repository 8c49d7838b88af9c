"""Delimited text of a source: each good row with its line number, each other one refused."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from kg.errors import SourceError
from kg.sources.base import Refusal
from kg.sources.files import read_text


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
    """The rows of ``path``, plain or gzip.

    Args:
        path: UTF-8 text; a byte order mark is ignored.
        wanted: columns, in the order in which a row's cells are given.
        separator: between cells.
        header: all columns, for a file without a header; else its first row names them.
        quoted: whether a cell may stand in double quotes.

    Raises:
        SourceError: the file cannot be read, is not UTF-8, or lacks a wanted column.
    """
    reader = csv.reader(
        io.StringIO(read_text(path), newline=""),
        delimiter=separator,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
    )
    try:
        names = next(reader, []) if header is None else list(header)
        missing = [name for name in wanted if name not in names]
        if missing:
            raise SourceError(
                f"{path.name}: the header is {[name[:40] for name in names[:6]]}, "
                f"without {', '.join(missing)}"
            )
        places = [names.index(name) for name in wanted]
        for row in reader:
            if len(row) == len(names):
                yield Row(reader.line_num, tuple(row[place].strip() for place in places))
            else:
                reason = f"{len(row)} columns, not {len(names)}" if row else "an empty line"
                yield Refusal(path.name, reader.line_num, reason)
    except csv.Error as error:
        raise SourceError(f"{path.name}: line {reader.line_num} cannot be read ({error})") from None
