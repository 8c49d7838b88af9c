"""Where rdflib's evaluator hands over to the columns: basic graph patterns, and joins with them.

rdflib calls :func:`hook` for each part of a query's algebra. On a graph whose store is ours, the
parts below are evaluated here, for many solutions at once; everything else, and every other graph,
is left to rdflib by raising ``NotImplementedError``, as its protocol asks.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from rdflib import RDF
from rdflib import Graph as RdfGraph
from rdflib.plugins.sparql.evaluate import evalPart
from rdflib.plugins.sparql.evalutils import _ebv
from rdflib.plugins.sparql.parserutils import CompValue
from rdflib.plugins.sparql.sparql import FrozenBindings, QueryContext
from rdflib.term import Identifier, URIRef, Variable

from kg.sparql.counting import count
from kg.sparql.errors import SparqlError
from kg.sparql.join import Block, Pattern, solve
from kg.sparql.model import Model
from kg.sparql.patterns import ORIGIN, Batch, bare
from kg.sparql.rows import (
    extended,
    filtered,
    hash_join,
    merged,
    minus,
    ordered,
    visible,
)

_EXISTS = ("Builtin_EXISTS", "Builtin_NOTEXISTS")
REFUSED_SERVICE = "SERVICE is refused: a query reaches no other machine"
REFUSED_GRAPH = "GRAPH is refused: the graph has no named graphs"
_REFUSED = {"ServiceGraphPattern": REFUSED_SERVICE, "Graph": REFUSED_GRAPH}


def hook(ctx: QueryContext, part: CompValue) -> Any:
    """Evaluate ``part`` on the columns, if it is one that is known here and the graph is ours.

    Raises:
        NotImplementedError: rdflib shall evaluate it.
        SparqlError: it would reach another machine, or named graphs.
    """
    model = getattr(getattr(ctx.graph, "store", None), "pharmakon_model", None)
    if model is None:
        raise NotImplementedError
    name = part.name
    if name in _REFUSED:
        raise SparqlError(_REFUSED[name])
    evaluate = _EVALUATORS.get(name)
    if evaluate is None:
        raise NotImplementedError
    return evaluate(model, ctx, part)


def _bgp(model: Model, ctx: QueryContext, part: CompValue) -> Iterator[FrozenBindings]:
    batch = Batch(model, part.triples)
    given = dict(ctx.bindings.items())
    batch.check(given.keys())
    return _solutions(batch, ctx.clone(), given)


def _solutions(
    batch: Batch, ctx: QueryContext, given: dict[Identifier, Identifier]
) -> Iterator[FrozenBindings]:
    for block in batch.blocks([given]):
        _, names, rows = batch.rows(block)
        if len(given) > sum(name in given for name in names):
            for row in rows:
                yield FrozenBindings(ctx, {**given, **dict(zip(names, row, strict=True))})
        else:
            for row in rows:
                yield FrozenBindings(ctx, zip(names, row, strict=True))


def _extensions(
    model: Model, ctx: QueryContext, part: CompValue, given: Sequence[FrozenBindings]
) -> list[list[FrozenBindings]]:
    """What rdflib's evaluator would find for ``part`` from each of the given solutions."""
    part = bare(part)
    if part.name == "BGP":
        try:
            return _bgp_extensions(Batch(model, part.triples), ctx, given)
        except NotImplementedError:
            pass  # a path that only rdflib evaluates, one solution at a time
    if part.name == "Filter" and not any(map(_is_exists, _tests(part.expr))):
        inner = _extensions(model, ctx, part.p, given)
        return [
            [found for found in founds if _passes(part, found, one, ctx)]
            for one, founds in zip(given, inner, strict=True)
        ]
    if part.name == "Join" and part.lazy:
        inner = _extensions(model, ctx, part.p1, given)
        flat = [first for firsts in inner for first in firsts]
        seconds = iter(_extensions(model, ctx, part.p2, flat))
        return [
            [merged(second, first) for first in firsts for second in next(seconds)]
            for firsts in inner
        ]
    return [list(evalPart(ctx.thaw(one), part)) for one in given]


def _bgp_extensions(
    batch: Batch, ctx: QueryContext, given: Sequence[FrozenBindings]
) -> list[list[FrozenBindings]]:
    known = _known(ctx, given)
    result: list[list[FrozenBindings]] = [[] for _ in given]
    inner = ctx.clone()
    for block in batch.blocks(known):
        origins, names, rows = batch.rows(block)
        for origin, row in zip(origins, rows, strict=True):
            found = {**known[origin], **dict(zip(names, row, strict=True))}
            result[origin].append(FrozenBindings(inner, found))
    return result


def _known(ctx: QueryContext, given: Sequence[FrozenBindings]) -> list[dict[Any, Identifier]]:
    """Each solution as a dictionary; an empty one is the context's own, as in its ``thaw``."""
    outer = dict(ctx.bindings.items())
    return [one._d if one._d else outer for one in given]


def _lazy_join(model: Model, ctx: QueryContext, join: CompValue) -> Iterator[FrozenBindings]:
    ctx = ctx.clone()
    for given in _pieces(evalPart(ctx, join.p1)):
        for one, founds in zip(given, _extensions(model, ctx, join.p2, given), strict=True):
            for found in founds:
                yield merged(found, one)


def _left_join(model: Model, ctx: QueryContext, join: CompValue) -> Iterator[FrozenBindings]:
    ctx = ctx.clone()
    own = join.p1._vars
    trivial, outermost = join.expr.name == "TrueFilter", not len(ctx.bindings)
    for given in _pieces(evalPart(ctx, join.p1)):
        for one, founds in zip(given, _extensions(model, ctx, join.p2, given), strict=True):
            good = [
                f for f in founds
                if trivial or _ebv(join.expr, f if outermost else f.forget(ctx))
            ]  # fmt: skip
            if good:
                for found in good:
                    yield merged(found, one)
            elif own is None or all(n in own or not isinstance(n, Variable) for n in one._d):
                yield one  # what it was joined on is its own: there is nothing to join
            elif not any(
                _ebv(join.expr, found) for found in evalPart(ctx.thaw(one.remember(own)), join.p2)
            ):
                yield one


def _filter(model: Model, ctx: QueryContext, part: CompValue) -> Iterator[FrozenBindings]:
    """A filter; EXISTS among its conditions is asked of many solutions at once."""
    if not any(map(_is_exists, _tests(part.expr))):
        yield from filtered(model, ctx, part)
        return
    ctx = ctx.clone()
    tests = sorted(_tests(part.expr), key=_is_exists)
    for given in _pieces(evalPart(ctx, part.p)):
        left = list(given)
        for test in tests:
            seen = [visible(part, one, ctx) for one in left]
            if _is_exists(test):
                exists = _exist(model, ctx, test.graph, seen)
                wanted = test.name == "Builtin_EXISTS"
                left = [one for one, e in zip(left, exists, strict=True) if e == wanted]
            else:
                left = [one for one, s in zip(left, seen, strict=True) if _ebv(test, s)]
        yield from left


def _exist(
    model: Model, ctx: QueryContext, part: CompValue, given: Sequence[FrozenBindings]
) -> list[bool]:
    part = bare(part)
    if part.name == "BGP":
        try:
            batch = Batch(model, part.triples)
            found = np.zeros(len(given), bool)
            for block in batch.blocks(_known(ctx, given)):
                found[block.columns[ORIGIN]] = True
            return list(map(bool, found))
        except NotImplementedError:
            pass  # a path that only rdflib evaluates
    if part.name in ("Filter", "Join"):
        return list(map(bool, _extensions(model, ctx, part, given)))
    return [any(True for _ in evalPart(ctx.thaw(one), part)) for one in given]


def _passes(part: CompValue, found: FrozenBindings, one: FrozenBindings, ctx: Any) -> bool:
    if not part.no_isolated_scope and not one._d.keys() <= (part._vars or set()):
        found = found.forget(ctx.thaw(one), _except=part._vars)
    return bool(_ebv(part.expr, found))


def _tests(expression: Any) -> list[Any]:
    """The conditions that must all hold."""
    if getattr(expression, "name", "") == "ConditionalAndExpression":
        return [test for e in (expression.expr, *expression.other) for test in _tests(e)]
    return [expression]


def _is_exists(test: Any) -> bool:
    return getattr(test, "name", "") in _EXISTS


def _join(model: Model, ctx: QueryContext, join: CompValue) -> Iterator[FrozenBindings]:
    return _lazy_join(model, ctx, join) if join.lazy else hash_join(ctx, join)


def _describe(model: Model, ctx: QueryContext, query: CompValue) -> dict[str, Any]:
    """What rdflib would describe: all triples of each term, and of the assertions about it."""
    wanted = {term for term in query.PV if isinstance(term, URIRef)}
    if query.p is not None:
        wanted.update(*(set(found.values()) for found in evalPart(ctx, query.p)))
    result = RdfGraph(bind_namespaces="none")
    assert ctx.graph is not None  # noqa: S101  (it is ours, or the hook had not come here)
    for prefix, namespace in ctx.graph.namespaces():
        result.bind(prefix, namespace)
    terms = model.terms()
    codes = np.array(sorted({terms.encode(term) for term in wanted}), np.int64)
    about = model.relations[terms.encode(RDF.subject)].walk(terms, codes, forward=False)
    codes = np.unique(np.concatenate([codes, about.reached]))
    names = Variable("s"), Variable("p"), Variable("o")
    block = Block(len(codes), {names[0]: codes})
    for found in solve(model, terms, [Pattern(*names, None)], block):
        columns = [terms.decode(found.columns[name]) for name in names]
        for triple in zip(*columns, strict=True):
            result.add(triple)
    return {"type_": "DESCRIBE", "graph": result}


def _pieces(solutions: Iterable[FrozenBindings]) -> Iterator[list[FrozenBindings]]:
    """Solutions in lists, short ones first, so that the first answers come early."""
    waiting, size = iter(solutions), 256
    while piece := list(islice(waiting, size)):
        yield piece
        size = min(4 * size, 4096)


_EVALUATORS: dict[str, Callable[[Model, QueryContext, CompValue], Any]] = {
    "AggregateJoin": count,
    "BGP": _bgp,
    "DescribeQuery": _describe,
    "Extend": extended,
    "Filter": _filter,
    "Join": _join,
    "LeftJoin": _left_join,
    "Minus": minus,
    "OrderBy": ordered,
}


def register(evaluators: dict[str, Callable[..., Any]]) -> None:
    """Put :func:`hook` among rdflib's custom evaluators, once."""
    evaluators.setdefault("pharmakon", hook)
