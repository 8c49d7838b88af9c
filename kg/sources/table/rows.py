"""The rows of a person's own table, as texts: CSV or TSV, plain or gzip, or Parquet."""

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from kg.errors import SourceError
from kg.sources.formats.delimited import read_cells

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_BATCH = 10_000

Row = dict[str, str]  # column -> cell, without blanks around it; empty where there is nothing


def read_rows(
    path: Path, columns: Iterable[str], delimiter: str | None = None
) -> Iterator[tuple[int, Row | str]]:
    """Each row's number and its cells in ``columns``; a row that is none comes as the reason.

    Rows in which every cell is empty are skipped. The number is that of a text's last line, or of
    the row in a Parquet file, counted from 1.

    Args:
        path: what it is, its name says: ``.parquet``, ``.tsv``, ``.tab``, else comma-separated.
        columns: to read; each must be there, once.
        delimiter: of a text file, if its name does not say it.

    Raises:
        SourceError: a column is missing, or the file is not what its name says.
    """
    wanted = list(dict.fromkeys(columns))
    if path.suffix == ".parquet":
        yield from _parquet(path, wanted)
        return
    suffix = Path(path.name.removesuffix(".gz")).suffix
    delimiter = delimiter or ("\t" if suffix in (".tsv", ".tab") else ",")
    rows = read_cells(path, delimiter)
    header = [name.strip() for name in next(rows, (1, []))[1]]
    hint = f" (cells are separated by a {DELIMITERS[delimiter]})"
    places = _places(path, header, wanted, hint)
    for line, cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            yield line, f"{len(cells)} columns, not {len(header)}"
            continue
        yield line, _printable({name: cells[place].strip() for name, place in places.items()})


def _places(path: Path, header: Sequence[str], wanted: list[str], hint: str = "") -> dict[str, int]:
    for name in wanted:
        if header.count(name) != 1:
            near = difflib.get_close_matches(name, header, 1)
            ask = f"did you mean {near[0]!r}? " if near and near[0] != name else ""
            have = ", ".join(map(repr, header[:20]))[:300]
            problem = "two columns are" if name in header else "no column is"
            raise SourceError(f"{path.name}: {problem} called {name!r}; {ask}have {have}{hint}")
    return {name: header.index(name) for name in wanted}


def _parquet(path: Path, wanted: list[str]) -> Iterator[tuple[int, Row | str]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            _places(path, file.schema_arrow.names, wanted)
            for batch in file.iter_batches(batch_size=_BATCH, columns=wanted):
                columns = [_texts(path, name, batch.column(name)) for name in wanted]
                for cells in zip(*columns, strict=True):
                    number += 1
                    row = {
                        name: (cell or "").strip() for name, cell in zip(wanted, cells, strict=True)
                    }
                    if any(row.values()):
                        yield number, _printable(row)
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError(f"{path.name} is not a whole Parquet file ({error})"[:300]) from None


def _texts(path: Path, name: str, column: Any) -> list[str | None]:
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
        raise SourceError(f"{path.name}: column {name!r} holds {column.type}, not texts or numbers")
    texts: list[str | None] = column.cast(pa.string()).to_pylist()
    return texts


def _printable(row: Row) -> Row | str:
    return "a control character" if any(map(_CONTROL.search, row.values())) else row
