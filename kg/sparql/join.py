"""Basic graph patterns joined on codes: the order of the joins, and the joins."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.sparql.model import Model
from kg.sparql.relations import Relation
from kg.sparql.terms import Codes, Terms

_FIRST_SLICE = 2048  # rows joined before the first solution is handed out
_FIRST_PRODUCT = 32  # the same where each row meets all triples of a predicate
_SLICE = 1 << 16

Slot = int | object  # a term's code, or a variable (any object that is no int)


class Pattern(NamedTuple):
    """One triple pattern. ``relation`` is None where the predicate is a variable."""

    subject: Slot
    predicate: Slot
    object: Slot
    relation: Relation | None
    scannable: bool = True  # False: one end must be known (``a*`` between two unknown ends)


@dataclass(frozen=True)
class Block:
    """Solutions so far: one column of codes a variable."""

    size: int
    columns: Mapping[object, Codes]

    def take(self, rows: NDArray[np.int64], more: Mapping[object, Codes]) -> "Block":
        """The solutions at ``rows``, each with new columns."""
        columns = {name: column[rows] for name, column in self.columns.items()}
        return Block(len(rows), {**columns, **more})

    def part(self, start: int, end: int) -> "Block":
        """The solutions from ``start`` to ``end``."""
        columns = {name: column[start:end] for name, column in self.columns.items()}
        return Block(min(end, self.size) - start, columns)


def order(terms: Terms, patterns: Sequence[Pattern], bound: set[object]) -> list[Pattern]:
    """The patterns in the order in which they are joined: the least growth first.

    Raises:
        NotImplementedError: a path cannot be begun at either end.
    """
    left, bound, result = list(patterns), set(bound), []
    while left:
        best = min(left, key=lambda pattern: _growth(terms, pattern, bound))
        if not (best.scannable or _known(best.subject, bound) or _known(best.object, bound)):
            raise NotImplementedError
        left.remove(best)
        result.append(best)
        bound |= {slot for slot in best[:3] if not isinstance(slot, int)}
    return result


def solve(model: Model, terms: Terms, patterns: Sequence[Pattern], block: Block) -> Iterator[Block]:
    """All solutions of the patterns, in their order, that agree with those of ``block``."""
    if not patterns:
        yield block
        return
    known = block.columns.keys()
    meets = _known(patterns[0].subject, known) or _known(patterns[0].object, known)
    start, size = 0, _FIRST_SLICE if meets else _FIRST_PRODUCT
    while start < block.size:
        part = block if start == 0 and block.size <= size else block.part(start, start + size)
        largest = 1
        for extended in _extend(model, terms, patterns[0], part):
            largest = max(largest, extended.size)
            if extended.size:
                yield from solve(model, terms, patterns[1:], extended)
        # No more rows next time than should again become a slice: hubs reach very many.
        start += part.size
        size = min(4 * size, _SLICE, max(_SLICE * part.size // largest, 16))


def _known(slot: Slot, bound: Collection[object]) -> bool:
    return isinstance(slot, int) or slot in bound


def _growth(terms: Terms, pattern: Pattern, bound: Collection[object]) -> float:
    """How many solutions one solution becomes, roughly."""
    subject, target = _known(pattern.subject, bound), _known(pattern.object, bound)
    relation = pattern.relation
    if relation is None:
        known = subject + target + _known(pattern.predicate, bound)
        return (1e9, 1e4, 20.0, 0.6)[known]
    if subject and target:
        return 0.5
    if not subject and not target:
        return (1.0 if pattern.scannable else 1e9) * max(relation.size, 1)
    slot = pattern.subject if subject else pattern.object
    if isinstance(slot, int):
        return float(relation.degree(terms, slot, forward=subject))
    return relation.size / max(relation.n_subjects if subject else relation.n_objects, 1)


def _extend(model: Model, terms: Terms, pattern: Pattern, block: Block) -> Iterator[Block]:
    if pattern.relation is not None:
        yield from _follow(terms, pattern, pattern.relation, block)
        return
    relations = model.all_relations(terms)
    column = block.columns.get(pattern.predicate)
    for code, relation in relations.items():
        if column is None:
            for extended in _follow(terms, pattern, relation, block):
                predicates = np.full(extended.size, code, np.int64)
                old = extended.columns.get(pattern.predicate)  # the variable is an end as well
                if old is not None:
                    rows = np.flatnonzero(old == predicates)
                    yield extended.take(rows, {})
                else:
                    columns = {**extended.columns, pattern.predicate: predicates}
                    yield Block(extended.size, columns)
        elif (rows := np.flatnonzero(column == code)).size:
            yield from _follow(terms, pattern, relation, block.take(rows, {}))


def _follow(terms: Terms, pattern: Pattern, relation: Relation, block: Block) -> Iterator[Block]:
    subjects, objects = _codes(pattern.subject, block), _codes(pattern.object, block)
    if subjects is not None and objects is not None:
        subjects, objects = _spread(subjects, block.size), _spread(objects, block.size)
        times = relation.holds(terms, subjects, objects).astype(np.int64)
        yield block.take(np.repeat(np.arange(block.size), times), {})
    elif subjects is None and objects is None:
        for starts, ends in relation.scan(terms):
            new = {pattern.subject: starts, pattern.object: ends}
            if pattern.subject == pattern.object:
                new = {pattern.subject: starts[starts == ends]}
            yield _product(block, new, len(new[pattern.subject]))
    else:
        forward = subjects is not None
        codes = subjects if subjects is not None else objects
        assert codes is not None  # noqa: S101  (for the type checker: one of them is)
        name = pattern.object if forward else pattern.subject
        pairs = relation.walk(terms, codes, forward=forward)
        if len(codes) == block.size:
            yield block.take(pairs.origin, {name: pairs.reached})
        else:
            yield _product(block, {name: pairs.reached}, len(pairs.reached))


def _codes(slot: Slot, block: Block) -> Codes | None:
    """The codes of a slot: one for a term, a column for a known variable, else None."""
    return np.array([slot], np.int64) if isinstance(slot, int) else block.columns.get(slot)


def _spread(codes: Codes, size: int) -> Codes:
    return codes if len(codes) == size else np.full(size, codes[0])


def _product(block: Block, new: Mapping[object, Codes], size: int) -> Block:
    """Every solution of ``block`` with every row of ``new``."""
    rows = np.repeat(np.arange(block.size), size)
    return block.take(rows, {name: np.tile(codes, block.size) for name, codes in new.items()})
