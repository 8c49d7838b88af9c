"""What the triples of one predicate are: ways from codes of subjects to codes of objects and back.

Each relation is a set of pairs that is computed from the graph's columns when it is asked for.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from kg.graph import EdgeTable, Graph, Rows
from kg.schema import Step, edge_spec
from kg.sparql.terms import Codes, Numbering, Terms

Origin = NDArray[np.int64]  # positions in the codes that were asked about
Times = NDArray[np.int64] | NDArray[np.bool_]


class Pairs(NamedTuple):
    """Which of the codes asked about leads where; both (n,)."""

    origin: Origin
    reached: Codes


class Relation(Protocol):
    """The triples of one predicate."""

    @property
    def size(self) -> int:
        """The number of triples, roughly."""
        ...

    @property
    def n_subjects(self) -> int:
        """The number of terms that may be subjects, roughly."""
        ...

    @property
    def n_objects(self) -> int:
        """The number of terms that may be objects, roughly."""
        ...

    def walk(self, terms: Terms, codes: Codes, *, forward: bool) -> Pairs:
        """From subjects to objects (or back); no pair twice."""
        ...

    def holds(self, terms: Terms, subjects: Codes, objects: Codes) -> Times:
        """How often each pair is there: (n,); once at most, but for paths."""
        ...

    def scan(self, terms: Terms) -> Iterator[tuple[Codes, Codes]]:
        """All pairs, in blocks."""
        ...

    def degree(self, terms: Terms, code: int, *, forward: bool) -> int:
        """How many triples lead from one term, roughly."""
        ...


def concatenate(pieces: Sequence[Pairs]) -> Pairs:
    """Several sets of pairs as one."""
    if len(pieces) == 1:
        return pieces[0]
    if not pieces:
        empty = np.empty(0, np.int64)
        return Pairs(empty, empty)
    return Pairs(
        np.concatenate([piece.origin for piece in pieces]),
        np.concatenate([piece.reached for piece in pieces]),
    )


def spans(
    begin: NDArray[np.signedinteger], end: NDArray[np.signedinteger]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All numbers in ``begin[i]:end[i]``, and the ``i`` of each."""
    counts = (end - begin).astype(np.int64)
    origin = np.repeat(np.arange(len(counts)), counts)
    first = np.cumsum(counts) - counts
    return origin, (begin - first)[origin] + np.arange(len(origin))


def growing(first: int, end: int) -> Iterator[Codes]:
    """The codes from ``first`` to ``end`` in pieces; the first is short and quickly done with."""
    size = 16
    while first < end:
        yield np.arange(first, min(first + size, end))
        first, size = first + size, min(4 * size, 4096)


class EdgeRelation:
    """Edges under their Biolink predicate or under our relation's own IRI.

    A symmetric edge is a triple each way. Several edge types may share a predicate (Biolink knows
    one ``affects`` for our upregulates and downregulates): a pair that two of them have is one
    triple.
    """

    def __init__(self, numbering: Numbering, steps: Sequence[Step]) -> None:
        self._graph = numbering.graph
        self._rows = numbering.type_rows
        self._steps = {True: list(steps), False: [_flipped(step) for step in steps]}
        sizes = [len(self._graph.edges(step.edge_type)) for step in steps]
        self.size = sum(
            size * (2 if edge_spec(step.edge_type).symmetric else 1)
            for step, size in zip(steps, sizes, strict=True)
        )
        self.n_subjects = sum(self._graph.n_nodes(t) for t in {step.source for step in steps})
        self.n_objects = sum(self._graph.n_nodes(t) for t in {step.target for step in steps})

    def walk(self, terms: Terms, codes: Codes, *, forward: bool) -> Pairs:  # noqa: ARG002
        """See :class:`Relation`."""
        steps = self._steps[forward]
        pieces = []
        for i, step in enumerate(steps):
            here, rows = self._inside(step.source, codes)
            if not len(rows):
                continue
            origin, reached, _ = self._graph.spread(step, rows)
            for earlier in steps[:i]:
                if (earlier.source, earlier.target) == (step.source, step.target):
                    new = ~self._has(earlier, rows[origin], reached)
                    origin, reached = origin[new], reached[new]
            origin = origin if here is None else here[origin]
            pieces.append(Pairs(origin, reached + np.int64(self._rows[step.target][0])))
        return concatenate(pieces)

    def holds(self, terms: Terms, subjects: Codes, objects: Codes) -> NDArray[np.bool_]:  # noqa: ARG002
        """See :class:`Relation`."""
        result = np.zeros(len(subjects), bool)
        for step in self._steps[True]:
            (head, head_end), (tail, tail_end) = self._rows[step.source], self._rows[step.target]
            here = (
                (subjects >= head)
                & (subjects < head_end)
                & (objects >= tail)
                & (objects < tail_end)
                & ~result
            )
            if here.any():
                places = np.flatnonzero(here)
                rows = (subjects[places] - head).astype(np.int32)
                result[places] = self._has(step, rows, (objects[places] - tail).astype(np.int32))
        return result

    def scan(self, terms: Terms) -> Iterator[tuple[Codes, Codes]]:
        """See :class:`Relation`."""
        for node_type in dict.fromkeys(step.source for step in self._steps[True]):
            first, end = self._rows[node_type]
            for codes in growing(first, end):
                pairs = self.walk(terms, codes, forward=True)
                yield codes[pairs.origin], pairs.reached

    def degree(self, terms: Terms, code: int, *, forward: bool) -> int:  # noqa: ARG002
        """See :class:`Relation`."""
        total = 0
        for step in self._steps[forward]:
            first, end = self._rows[step.source]
            if first <= code < end:
                table, row = self._graph.edges(step.edge_type), code - first
                both = edge_spec(step.edge_type).symmetric
                if step.forward or both:
                    total += int(table.head_start[row + 1] - table.head_start[row])
                if not step.forward or both:
                    total += int(table.tail_start[row + 1] - table.tail_start[row])
        return total

    def _inside(self, node_type: str, codes: Codes) -> tuple[Origin | None, Rows]:
        """Positions (None for all) and rows of the codes that are of ``node_type``."""
        first, end = self._rows[node_type]
        inside = (codes >= first) & (codes < end)
        if inside.all():
            return None, (codes - first).astype(np.int32)
        here = np.flatnonzero(inside)
        return here, (codes[here] - first).astype(np.int32)

    def _has(self, step: Step, rows: Rows, reached: Rows) -> NDArray[np.bool_]:
        table = self._graph.edges(step.edge_type)
        if edge_spec(step.edge_type).symmetric:
            return find_edges(table, rows, reached) | find_edges(table, reached, rows)
        if step.forward:
            return find_edges(table, rows, reached)
        return find_edges(table, reached, rows)


def find_edges(table: EdgeTable, heads: Rows, tails: Rows) -> NDArray[np.bool_]:
    """Whether each pair is an edge: (n,). A bisection within each head's edges, all at once."""
    low = table.head_start[heads].astype(np.int64)
    end = table.head_start[heads + 1].astype(np.int64)
    high, last = end.copy(), max(len(table) - 1, 0)
    for _ in range(int((high - low).max(initial=0)).bit_length()):
        open_ = low < high
        middle = (low + high) >> 1
        less = open_ & (table.tail[np.minimum(middle, last)] < tails)
        low = np.where(less, middle + 1, low)
        high = np.where(open_ & ~less, middle, high)
    inside = low < end
    found = np.zeros(len(heads), bool)
    found[inside] = table.tail[low[inside]] == tails[inside]
    return found


class TypeRelation:
    """``rdf:type``: ranges of codes, each with its classes."""

    def __init__(self, ranges: Sequence[tuple[int, int, tuple[int, ...]]]) -> None:
        self._ranges = [entry for entry in ranges if entry[1] > entry[0]]
        self.size = sum((end - first) * len(classes) for first, end, classes in self._ranges)
        self.n_subjects = sum(end - first for first, end, _ in self._ranges)
        self.n_objects = max(len({c for *_, classes in self._ranges for c in classes}), 1)

    def walk(self, terms: Terms, codes: Codes, *, forward: bool) -> Pairs:  # noqa: ARG002
        """See :class:`Relation`."""
        pieces = []
        for first, end, classes in self._ranges:
            if forward:
                here = np.flatnonzero((codes >= first) & (codes < end))
                pieces += [Pairs(here, np.full(len(here), c)) for c in classes if len(here)]
                continue
            for position in np.flatnonzero(np.isin(codes, classes)).tolist():
                reached = np.arange(first, end)
                pieces.append(Pairs(np.full(len(reached), position), reached))
        return concatenate(pieces)

    def holds(self, terms: Terms, subjects: Codes, objects: Codes) -> NDArray[np.bool_]:  # noqa: ARG002
        """See :class:`Relation`."""
        result = np.zeros(len(subjects), bool)
        for first, end, classes in self._ranges:
            result |= (subjects >= first) & (subjects < end) & np.isin(objects, classes)
        return result

    def scan(self, terms: Terms) -> Iterator[tuple[Codes, Codes]]:  # noqa: ARG002
        """See :class:`Relation`."""
        for first, end, classes in self._ranges:
            for codes in growing(first, end):
                for code in classes:
                    yield codes, np.full(len(codes), code)

    def degree(self, terms: Terms, code: int, *, forward: bool) -> int:  # noqa: ARG002
        """See :class:`Relation`."""
        if forward:
            return 2
        return sum(end - first for first, end, classes in self._ranges if code in classes)


def _flipped(step: Step) -> Step:
    if edge_spec(step.edge_type).symmetric:
        return step
    return Step(step.edge_type, not step.forward)


def graph_steps(graph: Graph) -> dict[str, list[Step]]:
    """The Biolink predicates (as CURIEs) and our relations (bare) of a graph, with their edges."""
    result: dict[str, list[Step]] = {}
    for edge_type in graph.edge_types:
        step = Step(edge_type, True)
        result.setdefault(edge_spec(edge_type).predicate, []).append(step)
        result.setdefault(edge_type.relation, []).append(step)
    return result
