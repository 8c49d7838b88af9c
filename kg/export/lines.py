"""Rows of text from columns: pieces are looked up in dictionaries and joined by Arrow.

A row is a list of *pieces*: a text that is the same in every row, or a dictionary of texts with one
number a row. Neighbouring constants are moved into the dictionaries first, so a row costs one copy
a piece.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from kg.graph import Rows

Looked = tuple[Sequence[str], Rows]  # a dictionary of texts, and the place in it of each row
Piece = str | Looked
_Block = TypeVar("_Block")

_BLOCK = 1 << 16  # rows
_LARGEST = 1 << 26  # bytes of a block, about: several are held at a time
_THREADS = 2


def blocks(n_rows: int, pieces: Sequence[Piece], separator: str = "") -> Iterator[memoryview]:
    """The UTF-8 of all rows, in order, a block of rows at a time.

    Args:
        n_rows: how many rows.
        pieces: what each row is put together from.
        separator: between two rows.
    """
    parts = _dictionaries([separator, *pieces])
    skip = len(separator.encode())
    step = _rows_a_block(parts)
    for block in _ahead(lambda start: _render(parts, start, min(start + step, n_rows)),
                        range(0, n_rows, step)):  # fmt: skip
        yield block[skip:]
        skip = 0


def column(n_rows: int, pieces: Sequence[Piece]) -> Any:
    """All rows as a chunked Arrow column of strings."""
    import pyarrow as pa

    parts = _dictionaries(pieces)
    step = _rows_a_block(parts)
    chunks = _ahead(lambda start: _join(parts, start, min(start + step, n_rows)),
                    range(0, n_rows, step))  # fmt: skip
    return pa.chunked_array(list(chunks), pa.string())


def write_rows(path: Path, head: str, n_rows: int, pieces: Sequence[Piece]) -> None:
    """Write ``head`` and the rows to a new UTF-8 file."""
    with path.open("wb") as file:
        file.write(head.encode())
        file.writelines(blocks(n_rows, pieces))


def _dictionaries(pieces: Sequence[Piece]) -> list[tuple[Any, Rows]]:
    """Each piece as an Arrow dictionary with its numbers; constants joined to their neighbours."""
    import pyarrow as pa

    texts: list[list[str]] = []
    numbers: list[Rows] = []
    before = ""
    for piece in pieces:
        if isinstance(piece, str):
            before += piece
        elif numbers and numbers[-1] is piece[1]:
            texts[-1] = [f"{a}{before}{b}" for a, b in zip(texts[-1], piece[0], strict=True)]
            before = ""
        else:
            texts.append([before + text for text in piece[0]])
            numbers.append(piece[1])
            before = ""
    if before and texts:
        texts[-1] = [text + before for text in texts[-1]]
    return [
        (pa.array(values, pa.string()), codes) for values, codes in zip(texts, numbers, strict=True)
    ]


def _rows_a_block(parts: list[tuple[Any, Rows]]) -> int:
    longest = sum(
        int(np.diff(np.frombuffer(texts.buffers()[1], np.int32)[: len(texts) + 1]).max())
        for texts, _ in parts
        if len(texts)
    )
    return max(1, min(_BLOCK, _LARGEST // max(longest, 1)))


def _join(parts: list[tuple[Any, Rows]], start: int, end: int) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    taken = [texts.take(pa.array(codes[start:end])) for texts, codes in parts]
    return pc.binary_join_element_wise(*taken, "")


def _render(parts: list[tuple[Any, Rows]], start: int, end: int) -> memoryview:
    joined = _join(parts, start, end)
    offsets = np.frombuffer(joined.buffers()[1], np.int32)[joined.offset :]
    return memoryview(joined.buffers()[2])[int(offsets[0]) : int(offsets[end - start])]


def _ahead(work: Callable[[int], _Block], starts: range) -> Iterator[_Block]:
    """``work`` of each start, in order, a few of them ahead in other threads."""
    if len(starts) <= 1:
        yield from map(work, starts)
        return
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        waiting: deque[Future[_Block]] = deque()
        for start in starts:
            waiting.append(pool.submit(work, start))
            if len(waiting) > _THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
