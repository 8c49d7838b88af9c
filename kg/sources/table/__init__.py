"""Anyone's own tables: TSV, CSV or Parquet, and a ``table.toml`` that says what the columns mean.

Reads ``table.toml`` of a folder and every file that it names, plain or gzip; there is nothing to
download. Licence, primary source, ``knowledge_level`` and ``agent_type`` are what the file says.
This is how a hospital adds its formulary or its contraindications::

    licence = "LicenseRef-StElsewhere"
    primary_knowledge_source = "infores:st-elsewhere"

    [[table]]
    file = "contraindications.csv"
    what = "edges"
    edge = "Drug-contraindicated-Disease"
    head = "drug"                    # the columns
    head_prefix = "DRUGBANK"         # where the cells are bare, such as DB00331
    tail = "diagnosis"
    tail_prefix = "ICD10CM"
    details = ["severity", "reference"]

``what`` may be "edges" (as above; with ``by = "name"`` head and tail are names), "nodes" (``type``,
``id``, ``id_prefix``, ``name``, ``synonyms``, and ``codes`` such as ``{icd = "ICD10CM"}``) or
"labels" (``id``, ``id_prefix``, ``kind``, ``text``, ``text_prefix``). Every table may have a
``delimiter`` and its own licence, primary source, level and agent.

Quirks: read after the sources that bring nodes. A row about a node that nobody brings is left out,
and the report of the build lists what it asked for. An ontology lends no names to nodes that only
a table brings. A CSV is UTF-8; cells may hold line ends, a row's number is that of its last line.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from kg.errors import SourceError
from kg.sources.base import Batch, Refusal
from kg.sources.files import describe, locate
from kg.sources.formats.toml import check_keys, read_toml, text
from kg.sources.table.columns import Edges, Labels, Meaning, Nodes, RowError
from kg.sources.table.rows import DELIMITERS, read_rows
from kg.sources.vocabularies.provenance import NOT_SAID, stated

_SETTINGS = "table.toml"
_SOURCE = {  # whose table it is, where nothing is said
    **NOT_SAID,
    "licence": "LicenseRef-local",
    "primary_knowledge_source": "infores:local",
}
_KINDS: Mapping[str, tuple[Callable[[str, Mapping[str, Any]], Meaning], tuple[str, ...]]] = {
    "nodes": (Nodes.of, ("type", "id", "id_prefix", "name", "synonyms", "codes")),
    "edges": (
        Edges.of,
        ("edge", "head", "head_prefix", "tail", "tail_prefix", "by", "details"),
    ),
    "labels": (Labels.of, ("id", "id_prefix", "kind", "text", "text_prefix")),
}
_BATCH = 10_000  # rows


class Table:
    """The tables that a ``table.toml`` describes."""

    name: ClassVar[str] = "table"
    licence: ClassVar[str] = "LicenseRef-per-table"
    describes: ClassVar[str] = "your own TSV, CSV or Parquet files, by a table.toml in their folder"
    stage: ClassVar[int] = 2

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._files: list[Path] = []

    def read(self) -> Iterator[Batch]:
        """Yield the tables of nodes, then the others, in the order in which they are described."""
        self._files = []
        tables: list[_Table] = []
        for path in self._settings():
            given = read_toml(path)
            check_keys(path.name, given, ("table", *_SOURCE))
            entries = given.get("table")
            if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
                raise SourceError(f"{path.name}: needs a [[table]] for each file")
            self._files.append(path)
            tables += [_Table(path, i, entry, given) for i, entry in enumerate(entries, start=1)]
        for table in sorted(tables, key=lambda table: table.what != "nodes"):
            if table.file not in self._files:
                self._files.append(table.file)
            yield from table.read()

    def version(self) -> Mapping[str, Any]:
        """The files read, each with size and SHA-256."""
        return describe(self._files)

    def _settings(self) -> Sequence[Path]:
        if not self._folders:
            return [locate("table", (), _SETTINGS)]
        return [locate("table", [folder], _SETTINGS) for folder in self._folders]


class _Table:
    """One ``[[table]]``, checked.

    Raises:
        SourceError: a key is unknown, missing or of no use; says which and what would be right.
    """

    def __init__(
        self, path: Path, number: int, given: Mapping[str, Any], above: Mapping[str, Any]
    ) -> None:
        where = f"{path.name}, table {number}"
        self.what = text(where, given, "what")
        if self.what not in _KINDS:
            raise SourceError(f"{where}: what = {self.what!r}; choose from {', '.join(_KINDS)}")
        meaning, keys = _KINDS[self.what]
        check_keys(where, given, ("file", "what", "delimiter", *keys, *_SOURCE))
        self._meaning = meaning(where, given)
        self._provenance = stated(Table.name, where, {**_SOURCE, **above, **given})
        self._delimiter = given.get("delimiter")
        if self._delimiter is not None and self._delimiter not in list(DELIMITERS):
            known = ", ".join(map(repr, DELIMITERS))
            raise SourceError(f"{where}: delimiter {self._delimiter!r} is none of {known}")
        name = text(where, given, "file")
        if Path(name).name != name or not name.isprintable():
            raise SourceError(f"{where}: file {name[:80]!r} must lie beside {path.name}")
        self.file = locate("table", [path.parent], name)

    def read(self) -> Iterator[Batch]:
        """The batches of this table."""
        lines: list[int] = []
        rows: list[tuple[Any, ...]] = []
        for line, row in read_rows(self.file, self._meaning.columns, self._delimiter):
            try:
                if isinstance(row, str):
                    raise RowError(row)
                rows.append(self._meaning.read(row))
            except RowError as error:
                yield Refusal(self.file.name, line, str(error))
                continue
            lines.append(line)
            if len(rows) == _BATCH:
                yield self._meaning.batch(self.file.name, lines, rows, self._provenance)
                lines, rows = [], []
        if rows:
            yield self._meaning.batch(self.file.name, lines, rows, self._provenance)
