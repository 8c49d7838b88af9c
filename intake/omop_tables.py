"""OMOP tables as files: found in a folder, read by column, sorted by person.

A table is ``person.csv``, ``person.csv.gz`` or ``person.parquet``, in any case, with the columns'
names in any case and order. CSV has a header and is separated by commas or, as vocabularies are
downloaded, by tabs without quotes. Every cell becomes text: ``""`` where nothing is said.

Of a table, only the columns that are asked for are in memory, as compact columns; of the concepts,
only those that a table mentions.
"""

import gzip
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from intake.errors import NotOmopError, UnreadableError
from intake.grouping import Problem
from intake.resource import clean

Row = dict[str, str]
Report = Callable[[Problem], None]

SUFFIXES = (".csv", ".csv.gz", ".parquet")

_NOTHING = frozenset(["", "NULL", "null", "\\N"])
_INTEGER = re.compile(r"(-?[0-9]{1,18})(?:\.0*)?")  # whole numbers written as floats, too


class Columns(NamedTuple):
    """Which columns of a table are read."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @property
    def concepts(self) -> tuple[str, ...]:
        """Those that hold concepts."""
        return tuple(c for c in self.required + self.optional if c.endswith("_concept_id"))


class Concept(NamedTuple):
    """One row of the vocabulary."""

    vocabulary: str
    code: str
    name: str


@dataclass(frozen=True, eq=False)
class Table:
    """The rows of one table, those of a person next to each other.

    Attributes:
        place: the file's name.
        content: a pyarrow Table of texts, sorted by person.
        spans: person -> first row and number of rows.
    """

    place: str
    content: Any
    spans: Mapping[int, tuple[int, int]]

    def rows(self, person: int) -> Iterator[Row]:
        """The rows of a person, in the order of the file."""
        start, length = self.spans.get(person, (0, 0))
        for row in self.content.slice(start, length).to_pylist():
            yield {name: "" if cell is None or cell in _NOTHING else cell.strip()
                   for name, cell in row.items()}  # fmt: skip

    def values(self, columns: Iterable[str]) -> set[str]:
        """The different texts in these columns."""
        import pyarrow.compute as pc

        return {
            text
            for column in columns
            for text in pc.unique(self.content[column]).to_pylist()
            if text is not None and text not in _NOTHING
        }


def to_id(text: str) -> int | None:
    """A whole number, or None for anything else."""
    match = _INTEGER.fullmatch(text.strip())
    return int(match.group(1)) if match else None


def find_tables(folder: Path, names: Collection[str]) -> dict[str, Path]:
    """The file of each table that is there.

    Raises:
        UnreadableError: no such folder.
        NotOmopError: two files of one table.
    """
    try:
        files = sorted(folder.iterdir())
    except OSError as error:
        reason = f"cannot be opened as a folder of OMOP tables ({error.strerror})"
        raise UnreadableError(clean(folder.name), reason) from None
    found: dict[str, Path] = {}
    for file in files:
        stem = file.name.lower()
        suffix = next((s for s in SUFFIXES if stem.endswith(s)), None)
        name = stem.removesuffix(suffix) if suffix else ""
        if name not in names:
            continue
        if name in found:
            raise NotOmopError(file.name, f"is the same table as {found[name].name}; keep one")
        found[name] = file
    return found


def read_table(path: Path, columns: Columns, report: Report) -> Table:
    """The columns of a table, sorted by ``person_id``.

    Args:
        path: the file.
        columns: what is read of it; ``person_id`` is required. Optional ones that are missing are
            empty.
        report: called for each row that has no usable ``person_id`` or the wrong number of cells.

    Raises:
        UnreadableError: the file may not be read.
        NotOmopError: it is damaged, or a required column is missing.
    """
    import pyarrow as pa

    wanted = columns.required + columns.optional
    schema = pa.schema([(name, pa.string()) for name in wanted])
    content = pa.Table.from_batches(_batches(path, columns, report), schema)
    people = [to_id(text or "") for text in content["person_id"].to_pylist()]
    for number, person in enumerate(people, 1):
        if person is None:
            report(Problem(f"{path.name}: row {number}", "person_id is no whole number"))
    known = np.array([i for i, person in enumerate(people) if person is not None], np.int64)
    ids = np.array([people[i] for i in known], np.int64)
    order = np.argsort(ids, kind="stable")
    persons, starts, lengths = np.unique(ids[order], return_index=True, return_counts=True)
    spans = {
        int(person): (int(start), int(length))
        for person, start, length in zip(persons, starts, lengths, strict=True)
    }
    return Table(path.name, content.take(pa.array(known[order])), spans)


def read_concepts(path: Path, wanted: Collection[int], report: Report) -> dict[int, Concept]:
    """The wanted rows of the ``concept`` table.

    Raises:
        UnreadableError: the file may not be read.
        NotOmopError: it is damaged, or a column is missing.
    """
    columns = Columns(("concept_id", "vocabulary_id", "concept_code", "concept_name"))
    found: dict[int, Concept] = {}
    for batch in _batches(path, columns, report):
        ids = [to_id(text or "") for text in batch.column(0).to_pylist()]
        rows = [i for i, number in enumerate(ids) if number in wanted]
        for i, row in zip(rows, batch.take(rows).to_pylist() if rows else (), strict=True):
            _, *cells = (clean(cell) for cell in row.values())
            found[ids[i] or 0] = Concept(*cells)
    return found


def _batches(path: Path, columns: Columns, report: Report) -> Iterator[Any]:
    """The columns as pyarrow RecordBatches of texts, in the order asked for."""
    import pyarrow as pa

    try:
        if path.name.lower().endswith(".parquet"):
            yield from _parquet(path, columns)
        else:
            yield from _csv(path, columns, report)
    except pa.ArrowException as error:  # its message may quote a row
        reason = f"cannot be read as an OMOP table ({type(error).__name__})"
        raise NotOmopError(path.name, reason) from None
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise UnreadableError(path.name, f"cannot be read ({type(error).__name__})") from None


def _csv(path: Path, columns: Columns, report: Report) -> Iterator[Any]:
    import pyarrow as pa
    from pyarrow import csv

    with (gzip.open if path.name.lower().endswith(".gz") else open)(path, "rb") as file:
        first = file.readline().decode("utf-8-sig").rstrip("\r\n")
    tabs = "\t" in first
    header = [cell.strip().strip('"') for cell in first.split("\t" if tabs else ",")]
    names = _match(path, header, columns)

    def skip(row: Any) -> str:
        place = f"{path.name}: row {row.number - 1}" if row.number else path.name
        reason = f"has {row.actual_columns} cells instead of {row.expected_columns}; it is left out"
        report(Problem(place, reason))
        return "skip"

    reader = csv.open_csv(
        path,
        read_options=csv.ReadOptions(use_threads=False, column_names=header, skip_rows=1),
        parse_options=csv.ParseOptions(
            delimiter="\t" if tabs else ",",
            quote_char=False if tabs else '"',
            newlines_in_values=not tabs,
            invalid_row_handler=skip,
        ),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()),
            include_columns=[name for name in names.values() if name],
            strings_can_be_null=False,
        ),
    )
    for batch in reader:
        yield _ordered(batch, names)


def _parquet(path: Path, columns: Columns) -> Iterator[Any]:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        names = _match(path, file.schema_arrow.names, columns)
        for batch in file.iter_batches(columns=[name for name in names.values() if name]):
            yield _ordered(batch, names)


def _match(path: Path, header: Collection[str], columns: Columns) -> dict[str, str]:
    """What the file calls each column; "" for an optional one that it has not."""
    own = {name.lower(): name for name in header}
    missing = [name for name in columns.required if name not in own]
    if missing:
        raise NotOmopError(
            path.name, f"has no column {', '.join(missing)}, which OMOP CDM v5.4 requires"
        )
    return {name: own.get(name, "") for name in columns.required + columns.optional}


def _ordered(batch: Any, names: Mapping[str, str]) -> Any:
    import pyarrow as pa

    cells = [
        batch.column(own).cast(pa.string()) if own else pa.nulls(len(batch), pa.string())
        for own in names.values()
    ]
    return pa.RecordBatch.from_arrays(cells, names=list(names))
