"""Basic graph patterns as rdflib has parsed them, made ready for the joins."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any

import numpy as np
from rdflib.paths import AlternativePath, InvPath, MulPath, Path, SequencePath
from rdflib.plugins.sparql.parserutils import CompValue
from rdflib.term import BNode, Identifier, Variable

from kg.sparql.join import Block, Pattern, order, solve
from kg.sparql.model import Model
from kg.sparql.relations import Relation
from kg.sparql.terms import Terms
from kg.sparql.ways import Chain, Closure, Either, Inverse

Solution = Mapping[Identifier, Identifier]
ORIGIN = object()  # the column that tells which given solution a new one extends


def bare(part: CompValue) -> CompValue:
    """``part`` without the empty pattern that rdflib puts before the first of a group."""
    while part.name == "Join" and part.p1.name == "BGP" and not part.p1.triples:
        part = part.p2
    return part


def compile_patterns(
    model: Model, terms: Terms, triples: Iterable[tuple[Any, Any, Any]]
) -> list[Pattern] | None:
    """The triple patterns of a query as patterns of codes; None if one can match nothing.

    Raises:
        NotImplementedError: a property path that only rdflib evaluates.
    """
    result: list[Pattern] = []
    waiting = list(triples)[::-1]
    while waiting:
        subject, predicate, target = waiting.pop()
        if isinstance(predicate, InvPath):
            waiting.append((target, predicate.arg, subject))
            continue
        if isinstance(predicate, SequencePath):
            ends = [subject, *(object() for _ in predicate.args[1:]), target]
            waiting += zip(ends, predicate.args, ends[1:], strict=False)
            continue
        slots = (_slot(terms, subject), _slot(terms, predicate), _slot(terms, target))
        relation = None
        if not _is_variable(predicate):
            relation = _relation(model, terms, predicate)
            if relation is None:
                return None
        result.append(Pattern(*slots, relation, not _may_be_empty(predicate)))
    return result


def _relation(model: Model, terms: Terms, path: Identifier | Path) -> Relation | None:
    if not isinstance(path, Path):
        return model.relation(terms, path)
    if isinstance(path, InvPath):
        inner = _relation(model, terms, path.arg)
        return None if inner is None else Inverse(inner)
    if isinstance(path, AlternativePath):
        parts = [_relation(model, terms, arg) for arg in path.args]
        return Either([part for part in parts if part is not None])
    if isinstance(path, SequencePath):
        parts = [_relation(model, terms, arg) for arg in path.args]
        known = [part for part in parts if part is not None]
        return Chain(known) if len(known) == len(parts) else None
    if isinstance(path, MulPath):
        inner = _relation(model, terms, path.path)
        return Closure(inner or Either([]), zero=path.zero, more=path.more)
    raise NotImplementedError


def _may_be_empty(path: Any) -> bool:
    """Whether a path holds one of no length, which begins at any term at all."""
    if isinstance(path, MulPath):
        return bool(path.zero) or _may_be_empty(path.path)
    if isinstance(path, InvPath):
        return _may_be_empty(path.arg)
    if isinstance(path, AlternativePath | SequencePath):
        return any(map(_may_be_empty, path.args))
    return False


def _is_variable(term: Any) -> bool:
    return isinstance(term, Variable | BNode)


def _slot(terms: Terms, term: Any) -> Any:
    if isinstance(term, Identifier) and not _is_variable(term):
        return terms.encode(term)
    return term


class Batch:
    """Basic graph patterns for many given solutions at once."""

    def __init__(self, model: Model, triples: Iterable[tuple[Any, Any, Any]]) -> None:
        self.model, self.terms = model, model.terms()
        self.patterns = compile_patterns(model, self.terms, triples)
        self.names = {
            name
            for pattern in self.patterns or ()
            for name in pattern[:3]
            if not isinstance(name, int)
        }

    def check(self, given: Iterable[Identifier]) -> None:
        """See that all patterns can be joined where the variables ``given`` are known.

        Raises:
            NotImplementedError: a path could begin anywhere; rdflib shall evaluate it.
        """
        if self.patterns is not None:
            order(self.terms, self.patterns, self.names & set(given))

    def blocks(self, given: Sequence[Solution]) -> Iterator[Block]:
        """Solutions that extend the given ones; ``ORIGIN`` tells which."""
        if self.patterns is None:
            return
        alike: dict[tuple[Any, ...], list[int]] = {}
        for i, solution in enumerate(given):
            alike.setdefault(tuple(n for n in self.names if n in solution), []).append(i)
        for bound, places in alike.items():
            columns = {
                name: np.array([self.terms.encode(given[i][name]) for i in places], np.int64)
                for name in bound
            }
            columns[ORIGIN] = np.array(places, np.int64)
            ordered = order(self.terms, self.patterns, set(bound))
            yield from solve(self.model, self.terms, ordered, Block(len(places), columns))

    def rows(self, block: Block) -> tuple[list[int], list[Identifier], Iterable[tuple[Any, ...]]]:
        """A block's origins, its variables, and their terms row by row."""
        names = [name for name in block.columns if isinstance(name, Identifier)]
        terms = [self.terms.decode(block.columns[name]) for name in names]
        rows = zip(*terms, strict=True) if names else repeat((), block.size)
        return block.columns[ORIGIN].tolist(), names, rows
