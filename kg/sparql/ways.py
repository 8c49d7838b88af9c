"""Relations made of others: property paths, and predicates that more than one relation serves."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from kg.sparql.relations import Pairs, Relation, Times, concatenate, spans
from kg.sparql.terms import Codes, Terms

_SHIFT = 40
_CODE = (1 << _SHIFT) - 1


class Either:
    """``a|b``: the pairs of each part; a pair that two parts have is there twice."""

    def __init__(self, parts: Sequence[Relation]) -> None:
        self._parts = parts
        self.size = sum(part.size for part in parts)
        self.n_subjects = sum(part.n_subjects for part in parts)
        self.n_objects = sum(part.n_objects for part in parts)

    def walk(self, terms: Terms, codes: Codes, *, forward: bool) -> Pairs:
        """See :class:`kg.sparql.relations.Relation`."""
        return concatenate([part.walk(terms, codes, forward=forward) for part in self._parts])

    def holds(self, terms: Terms, subjects: Codes, objects: Codes) -> Times:
        """See :class:`kg.sparql.relations.Relation`."""
        result = np.zeros(len(subjects), np.int64)
        for part in self._parts:
            result += part.holds(terms, subjects, objects)
        return result

    def scan(self, terms: Terms) -> Iterator[tuple[Codes, Codes]]:
        """See :class:`kg.sparql.relations.Relation`."""
        for part in self._parts:
            yield from part.scan(terms)

    def degree(self, terms: Terms, code: int, *, forward: bool) -> int:
        """See :class:`kg.sparql.relations.Relation`."""
        return sum(part.degree(terms, code, forward=forward) for part in self._parts)


class Inverse:
    """``^a``."""

    def __init__(self, inner: Relation) -> None:
        self._inner = inner
        self.size, self.n_subjects, self.n_objects = inner.size, inner.n_objects, inner.n_subjects

    def walk(self, terms: Terms, codes: Codes, *, forward: bool) -> Pairs:
        """See :class:`kg.sparql.relations.Relation`."""
        return self._inner.walk(terms, codes, forward=not forward)

    def holds(self, terms: Terms, subjects: Codes, objects: Codes) -> Times:
        """See :class:`kg.sparql.relations.Relation`."""
        return self._inner.holds(terms, objects, subjects)

    def scan(self, terms: Terms) -> Iterator[tuple[Codes, Codes]]:
        """See :class:`kg.sparql.relations.Relation`."""
        for subjects, objects in self._inner.scan(terms):
            yield objects, subjects

    def degree(self, terms: Terms, code: int, *, forward: bool) -> int:
        """See :class:`kg.sparql.relations.Relation`."""
        return self._inner.degree(terms, code, forward=not forward)


class Chain:
    """``a/b``: one pair for each way through."""

    def __init__(self, parts: Sequence[Relation]) -> None:
        self._parts = parts
        self.n_subjects, self.n_objects = parts[0].n_subjects, parts[-1].n_objects
        fan = 1.0
        for part in parts:
            fan *= part.size / max(part.n_subjects, 1)
        self.size = int(min(fan * self.n_subjects, 1e15)) + 1

    def walk(self, terms: Terms, codes: Codes, *, forward: bool) -> Pairs:
        """See :class:`kg.sparql.relations.Relation`."""
        pairs = Pairs(np.arange(len(codes)), codes)
        for part in self._parts if forward else reversed(self._parts):
            step = part.walk(terms, pairs.reached, forward=forward)
            pairs = Pairs(pairs.origin[step.origin], step.reached)
        return pairs

    def holds(self, terms: Terms, subjects: Codes, objects: Codes) -> Times:
        """See :class:`kg.sparql.relations.Relation`."""
        return _count(self.walk(terms, subjects, forward=True), objects)

    def scan(self, terms: Terms) -> Iterator[tuple[Codes, Codes]]:
        """See :class:`kg.sparql.relations.Relation`."""
        rest = Chain(self._parts[1:])
        for subjects, objects in self._parts[0].scan(terms):
            pairs = rest.walk(terms, objects, forward=True)
            yield subjects[pairs.origin], pairs.reached

    def degree(self, terms: Terms, code: int, *, forward: bool) -> int:  # noqa: ARG002
        """See :class:`kg.sparql.relations.Relation`."""
        return max(self.size // max(self.n_subjects if forward else self.n_objects, 1), 1)


class Closure:
    """``a+``, ``a*`` and ``a?``: what can be reached, each term once, by breadth-first search."""

    def __init__(self, inner: Relation, *, zero: bool, more: bool) -> None:
        self._inner, self._zero, self._more = inner, zero, more
        self.n_subjects, self.n_objects = inner.n_subjects, inner.n_objects
        self.size = inner.size * (8 if more else 1) + inner.n_subjects

    def walk(self, terms: Terms, codes: Codes, *, forward: bool) -> Pairs:
        """See :class:`kg.sparql.relations.Relation`."""
        distinct, place = np.unique(codes, return_inverse=True)
        border = _pack(np.arange(len(distinct)), distinct)
        seen = border if self._zero else border[:0]
        while len(border):
            step = self._inner.walk(terms, border & _CODE, forward=forward)
            reached = np.unique(_pack((border >> _SHIFT)[step.origin], step.reached))
            border = np.setdiff1d(reached, seen, assume_unique=True)
            seen = np.union1d(seen, border)
            if not self._more:
                break
        first = np.searchsorted(seen, _pack(np.arange(len(distinct) + 1), np.int64(0)))
        origin, picked = spans(first[place], first[place + 1])
        return Pairs(origin, seen[picked] & _CODE)

    def holds(self, terms: Terms, subjects: Codes, objects: Codes) -> Times:
        """See :class:`kg.sparql.relations.Relation`."""
        return _count(self.walk(terms, subjects, forward=True), objects)

    def scan(self, terms: Terms) -> Iterator[tuple[Codes, Codes]]:
        """See :class:`kg.sparql.relations.Relation`. Without the zero-length ones of all terms."""
        done = np.empty(0, np.int64)
        for subjects, _ in self._inner.scan(terms):
            new = np.setdiff1d(subjects, done)
            done = np.union1d(done, new)
            pairs = self.walk(terms, new, forward=True)
            yield new[pairs.origin], pairs.reached

    def degree(self, terms: Terms, code: int, *, forward: bool) -> int:
        """See :class:`kg.sparql.relations.Relation`."""
        return 1 + self._inner.degree(terms, code, forward=forward) * (8 if self._more else 1)


def _count(pairs: Pairs, objects: Codes) -> NDArray[np.int64]:
    """How often each position leads to its own object."""
    hits = pairs.origin[objects[pairs.origin] == pairs.reached]
    return np.bincount(hits, minlength=len(objects))


def _pack(origin: NDArray[np.int64], codes: Codes | np.int64) -> NDArray[np.int64]:
    """Pairs as single numbers in the same order; there are fewer than 2**40 codes."""
    return (origin << _SHIFT) | codes
