"""KGX: the records of a file, TSV with a header, or JSON Lines, plain or gzip, one at a time."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from kg.errors import SourceError
from kg.sources.base import Refusal
from kg.sources.formats.lines import read_lines

DEEPEST = 8  # lists and objects within each other in one record

# Columns of KGX TSV that hold lists, joined by "|".
LISTS = frozenset(
    [
        "aggregator_knowledge_source", "category", "equivalent_identifiers", "has_evidence",
        "in_taxon", "knowledge_source", "provided_by", "publications", "same_as", "synonym", "xref",
    ]
)  # fmt: skip
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\ud800-\udfff]")
_SUSPECT = re.compile(r"\\u|\d[eE]")  # half of a surrogate pair, or a number too large?

Record = dict[str, Any]  # what is not empty: texts, lists of texts, in JSON Lines any JSON value
Line = tuple[int, Record | str]  # line number and record, or why there is none


def read_records(path: Path, required: Iterable[str]) -> Iterator[Line]:
    """Each line's record, its number first; a line that is none comes as the reason.

    Raises:
        SourceError: the header of a TSV lacks a required column, or names one twice.
    """
    if ".jsonl" in path.suffixes[-2:]:
        return _json_lines(path)
    return _tsv_lines(path, required)


def _lines(path: Path) -> Iterator[tuple[int, str | None, str]]:
    """Number, text and, where there is no text, the reason."""
    for number, line in read_lines(path):
        if isinstance(line, Refusal):
            yield number, None, line.reason
        else:
            yield number, line.rstrip("\r\n") if line.strip() else None, "an empty line"


def _tsv_lines(path: Path, required: Iterable[str]) -> Iterator[Line]:
    from kg.export.kgx import from_cell

    lines = _lines(path)
    _, head, _ = next(lines, (1, None, ""))
    columns = [column.strip() for column in (head or "").split("\t")]
    missing = [column for column in required if column not in columns]
    if missing or len(set(columns)) < len(columns):
        problem = f"no column {', '.join(missing)}" if missing else "a column named twice"
        raise SourceError(f"{path.name}: {problem} in the header {', '.join(columns)[:200]!r}")
    # Our own export keeps spreadsheets from running a cell.
    ours = "node_type" in columns or "relation_name" in columns
    lists = [column in LISTS for column in columns]
    for number, text, reason in lines:
        if text is None:
            yield number, reason
        elif _CONTROL.search(text):
            yield number, "a control character"
        elif (n_cells := text.count("\t") + 1) != len(columns):
            yield number, f"{n_cells} columns, not {len(columns)}"
        else:
            cells = text.split("\t")
            if ours and "'" in text:
                cells = [from_cell(cell) for cell in cells]
            yield (
                number,
                {
                    column: [part for part in value.split("|") if part] if is_list else value
                    for column, is_list, cell in zip(columns, lists, cells, strict=True)
                    if (value := cell.strip())
                },
            )


def _json_lines(path: Path) -> Iterator[Line]:
    for number, text, reason in _lines(path):
        if text is None:
            yield number, reason
            continue
        try:
            record = json.loads(text, parse_constant=_refuse_constant)
        except RecursionError:
            yield number, "nested too deeply"
            continue
        except ValueError as error:
            yield number, f"not JSON: {error}"[:120]
            continue
        if not isinstance(record, dict):
            yield number, "not a JSON object"
        elif not is_plain(record, check_text=_SUSPECT.search(text) is not None):
            yield number, "nested too deeply, or what JSON cannot say in UTF-8"
        else:
            yield number, {k: v for k, v in record.items() if v not in (None, "", [], {})}


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def is_plain(record: object, *, check_text: bool = True) -> bool:
    """Whether a JSON value is an object, not too deep, and can be written as UTF-8."""
    if not isinstance(record, dict) or not _is_shallow(record, DEEPEST):
        return False
    try:
        text = json.dumps(record, ensure_ascii=False, allow_nan=False) if check_text else "{}"
        return bool(text.encode())
    except ValueError:  # half of a surrogate pair, an infinite number
        return False


def _is_shallow(value: Any, depth: int) -> bool:
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return depth > 0 and all(_is_shallow(each, depth - 1) for each in inner)
