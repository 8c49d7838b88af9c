"""rdflib's operators that take solutions one by one, with the same answers in less time.

A solution's dictionary (``_d``) is read directly: going through its Mapping methods costs more than
all the rest.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rdflib.namespace import XSD
from rdflib.plugins.sparql.evaluate import evalPart
from rdflib.plugins.sparql.evalutils import _ebv, _eval, _val
from rdflib.plugins.sparql.parserutils import CompValue, value
from rdflib.plugins.sparql.sparql import FrozenBindings, QueryContext, SPARQLError
from rdflib.term import Literal, URIRef, Variable

from kg.sparql.model import Model


def merged(one: FrozenBindings, other: FrozenBindings) -> FrozenBindings:
    """Both solutions in one."""
    if one._d.keys() >= other._d.keys():
        return one
    return FrozenBindings(one.ctx, {**one._d, **other._d})


def visible(part: CompValue, one: FrozenBindings, before: QueryContext) -> FrozenBindings:
    """What an expression of ``part`` sees of a solution: not what was bound outside of it."""
    if not len(before.bindings) or part.no_isolated_scope:
        return one
    return one.forget(before, _except=part._vars)


def filtered(_: Model, ctx: QueryContext, part: CompValue) -> Iterator[FrozenBindings]:
    """FILTER."""
    for one in evalPart(ctx, part.p):
        if _ebv(part.expr, visible(part, one, ctx)):
            yield one


def extended(_: Model, ctx: QueryContext, part: CompValue) -> Iterator[FrozenBindings]:
    """BIND, and expressions of a SELECT."""
    for one in evalPart(ctx, part.p):
        try:
            found = _eval(part.expr, visible(part, one, ctx))
            if isinstance(found, SPARQLError):
                raise found
        except SPARQLError:
            yield one
        else:
            yield FrozenBindings(one.ctx, {**one._d, part.var: found})


def ordered(_: Model, ctx: QueryContext, part: CompValue) -> list[FrozenBindings]:
    """ORDER BY; rdflib compares terms pair by pair, here most are compared as texts."""
    rows = list(evalPart(ctx, part.p))
    for condition in reversed(part.expr):
        keys = _sort_keys(rows, condition.expr)
        places = sorted(range(len(rows)), key=keys.__getitem__, reverse=condition.order == "DESC")
        rows = [rows[place] for place in places]
    return rows


def _sort_keys(rows: Sequence[FrozenBindings], expression: Any) -> list[Any]:
    """Keys in rdflib's order: unbound, blank, IRIs, literals."""
    if isinstance(expression, Variable):
        terms = [row._d.get(expression) for row in rows]
        literals = {(t.datatype, t.language) for t in terms if isinstance(t, Literal)}
        sound = not any(t.ill_typed for t in terms if isinstance(t, Literal))
        if (
            sound
            and all(t is None or type(t) in (URIRef, Literal) for t in terms)
            and (literals <= {(None, None)} or literals == {(XSD.integer, None)})
        ):
            as_number = (XSD.integer, None) in literals
            return [
                (0,) if t is None
                else (2, str(t)) if type(t) is URIRef
                else (3, t.toPython() if as_number and isinstance(t, Literal) else str(t))
                for t in terms
            ]  # fmt: skip
    return [_val(value(row, expression, variables=True)) for row in rows]


def hash_join(ctx: QueryContext, part: CompValue) -> Iterator[FrozenBindings]:
    """Solutions of both sides that agree; rdflib compares all pairs."""
    right = Compatible(list(dict.fromkeys(evalPart(ctx, part.p2))))
    for one in evalPart(ctx, part.p1):
        for other in right.with_(one):
            yield FrozenBindings(one.ctx, {**one._d, **other._d})


def minus(_: Model, ctx: QueryContext, part: CompValue) -> Iterator[FrozenBindings]:
    """MINUS."""
    right = Compatible(list(dict.fromkeys(evalPart(ctx, part.p2))))
    for one in evalPart(ctx, part.p1):
        if all(one._d.keys().isdisjoint(other._d) for other in right.with_(one)):
            yield one


class Compatible:
    """Solutions by their values, to find those that agree with a given one."""

    def __init__(self, solutions: Sequence[FrozenBindings]) -> None:
        self._solutions = solutions
        names = [frozenset(one._d) for one in solutions]
        self._always = frozenset.intersection(*names) if names else frozenset()
        self._uniform = all(found == self._always for found in names)
        self._index: dict[frozenset[Any], dict[Any, list[FrozenBindings]]] = {}

    def with_(self, one: FrozenBindings) -> Iterable[FrozenBindings]:
        """Those that agree with ``one`` in all variables that both have."""
        shared = self._always.intersection(one._d)
        table = self._index.get(shared)
        if table is None:
            table = self._index[shared] = {}
            for other in self._solutions:
                table.setdefault(tuple(map(other._d.__getitem__, shared)), []).append(other)
        found = table.get(tuple(map(one._d.__getitem__, shared)), ())
        if self._uniform:
            return found
        return (other for other in found if one.compatible(other))
