"""Edges gathered by what they have in common; one costs 16 bytes until all are read."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kg.graph import Provenance
from kg.schema import NODES, EdgeType, is_edge_type
from kg.sources.base import Batch, EdgeBatch, Refusal
from kg.sources.rdf.vocabulary import Meaning
from kg.sources.vocabularies import biolink

_UNTYPED = (
    "{} edge: nobody says what {} is; give it an rdf:type or its prefix a node type under [types]"
)


class EdgeKind(NamedTuple):
    """What edges of one list have in common."""

    file: int
    meaning: Meaning
    provenance: Provenance
    is_stated: bool  # by an rdf:Statement


@dataclass
class _List:
    heads: "array[int]" = field(default_factory=lambda: array("i"))
    tails: "array[int]" = field(default_factory=lambda: array("i"))
    lines: "array[int]" = field(default_factory=lambda: array("q"))
    details: list[Mapping[str, Any]] = field(default_factory=list)


class Edges:
    """The edges of all files; their nodes are numbers."""

    def __init__(self) -> None:
        self._lists: dict[EdgeKind, _List] = {}

    def add(
        self, kind: EdgeKind, head: int, tail: int, line: int, details: Mapping[str, Any] | None
    ) -> None:
        """Take one edge; ``details`` are kept of those that an rdf:Statement states."""
        edges = self._lists.get(kind)
        if edges is None:
            edges = self._lists[kind] = _List()
        edges.heads.append(head)
        edges.tails.append(tail)
        edges.lines.append(line)
        if kind.is_stated:
            edges.details.append(details or {})

    def batches(
        self, files: Sequence[str], curies: Sequence[str], types: Sequence[str | None]
    ) -> Iterator[Batch]:
        """The edges of each list that have one type together, those with provenance first.

        Args:
            files: names of the files, by number.
            curies: of the nodes, by number.
            types: of the nodes, by number; None for what nobody says.
        """
        names = list(NODES)
        codes = np.array([-1 if t is None else names.index(t) for t in types], np.int8)
        stated: dict[tuple[int, EdgeType], list[NDArray[np.int64]]] = {}
        has_own = {kind.file for kind in self._lists if kind.meaning.what == "relation"}
        words = pa.array(curies, pa.string())
        for kind, edges in sorted(self._lists.items(), key=lambda item: not item[0].is_stated):
            if kind.meaning.what == "biolink" and kind.file in has_own and not kind.is_stated:
                continue  # our export writes each edge both ways
            heads = np.frombuffer(edges.heads, np.int32)
            tails = np.frombuffer(edges.tails, np.int32)
            lines = np.frombuffer(edges.lines, np.int64)
            for pair in np.unique(codes[heads].astype(np.int16) * 256 + codes[tails]).tolist():
                rows = np.flatnonzero(codes[heads].astype(np.int16) * 256 + codes[tails] == pair)
                first = rows[0]
                found = _edge_type(kind.meaning, types[heads[first]], types[tails[first]])
                if found is None:
                    unknown = heads if types[heads[first]] is None else tails
                    for row in rows.tolist():
                        reason = _UNTYPED.format(kind.meaning.word, curies[unknown[row]])
                        yield Refusal(files[kind.file], int(lines[row]), reason)
                    continue
                packed = heads[rows].astype(np.int64) << 32 | tails[rows]
                if kind.is_stated:
                    stated.setdefault((kind.file, found), []).append(packed)
                    back = tails[rows].astype(np.int64) << 32 | heads[rows]
                    stated[kind.file, found].append(back)
                elif (kind.file, found) in stated:
                    rows = rows[~np.isin(packed, np.concatenate(stated[kind.file, found]))]
                if not len(rows):
                    continue
                yield EdgeBatch(
                    type=found,
                    file=files[kind.file],
                    lines=lines[rows],
                    heads=pa.DictionaryArray.from_arrays(pa.array(heads[rows]), words),
                    tails=pa.DictionaryArray.from_arrays(pa.array(tails[rows]), words),
                    provenance=kind.provenance,
                    details=[edges.details[row] for row in rows] if kind.is_stated else None,
                )


def _edge_type(meaning: Meaning, head: str | None, tail: str | None) -> EdgeType | None:
    if head is None or tail is None:
        return None
    if meaning.what == "biolink":
        return biolink.edge_type(meaning.word, head, tail)
    found = EdgeType(head, meaning.word, tail)
    return found if is_edge_type(found) else None
