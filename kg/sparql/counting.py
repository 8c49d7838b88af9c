"""COUNT over a basic graph pattern, grouped by its variables, without making the solutions."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdflib.plugins.sparql.parserutils import CompValue
from rdflib.plugins.sparql.sparql import FrozenBindings, QueryContext
from rdflib.term import Identifier, Literal, Variable

from kg.sparql.model import Model
from kg.sparql.patterns import Batch, bare
from kg.sparql.terms import Codes

Counts = NDArray[np.int64]


def count(model: Model, ctx: QueryContext, part: CompValue) -> Iterator[FrozenBindings]:
    """The groups and counts of an AggregateJoin that does nothing else.

    Raises:
        NotImplementedError: it does: rdflib shall evaluate it.
    """
    pattern, keys = bare(part.p.p), part.p.expr
    if pattern.name != "BGP" or not all(isinstance(key, Variable) for key in keys or ()):
        raise NotImplementedError
    keys = list(dict.fromkeys(keys or ()))
    batch = Batch(model, pattern.triples)
    if batch.patterns is None or not all(_is_simple(a, keys, batch.names) for a in part.A):
        raise NotImplementedError
    if not batch.names.issuperset(keys):
        raise NotImplementedError
    given = dict(ctx.bindings.items())
    batch.check(given.keys())
    return _groups(batch, ctx.clone(), given, keys, part)


def _is_simple(aggregate: CompValue, keys: Sequence[Variable], names: set[Any]) -> bool:
    if aggregate.name == "Aggregate_Sample":
        return aggregate.vars in keys
    if aggregate.name != "Aggregate_Count":
        return False
    if isinstance(aggregate.vars, Variable):
        return aggregate.vars in names
    return bool(aggregate.vars == "*" and not aggregate.distinct)


def _groups(
    batch: Batch,
    ctx: QueryContext,
    given: dict[Identifier, Identifier],
    keys: list[Variable],
    part: CompValue,
) -> Iterator[FrozenBindings]:
    wanted = {a.vars for a in part.A if a.name == "Aggregate_Count" and a.distinct}
    plain: list[tuple[list[Codes], Counts]] = []
    distinct: dict[Any, list[tuple[list[Codes], Counts]]] = {name: [] for name in wanted}
    for block in batch.blocks([given]):
        columns = [block.columns[key] for key in keys]
        plain.append(_sum(columns, np.ones(block.size, np.int64)))
        for name, pieces in distinct.items():
            found, counts = _sum([*columns, block.columns[name]], np.ones(block.size, np.int64))
            pieces.append((found, counts))
    if not plain:
        if keys:
            yield FrozenBindings(ctx)
        else:
            yield FrozenBindings(ctx, {a.res: Literal(0) for a in part.A})
        return
    groups, totals = _merge(plain)
    counted: dict[Any, Counts] = {}
    for name, pieces in distinct.items():
        pairs, _ = _merge(pieces)
        _, counted[name] = _sum(pairs[:-1], np.ones(len(pairs[-1]), np.int64))
    terms = {key: batch.terms.decode(column) for key, column in zip(keys, groups, strict=True)}
    for i, total in enumerate(totals.tolist()):
        values: dict[Any, Identifier] = {}
        for a in part.A:
            if a.name == "Aggregate_Sample":
                values[a.res] = terms[a.vars][i]
            else:
                values[a.res] = Literal(int(counted[a.vars][i]) if a.distinct else total)
        yield FrozenBindings(ctx, values)


def _merge(pieces: list[tuple[list[Codes], Counts]]) -> tuple[list[Codes], Counts]:
    columns = [np.concatenate(parts) for parts in zip(*(c for c, _ in pieces), strict=True)]
    return _sum(columns, np.concatenate([weights for _, weights in pieces]))


def _sum(columns: Sequence[Codes], weights: Counts) -> tuple[list[Codes], Counts]:
    """The distinct rows of the columns, in order, and the sum of the weights of each."""
    if not columns:
        return [], weights.sum(keepdims=True)
    order = np.lexsort(columns[::-1])
    ordered = [column[order] for column in columns]
    new = np.zeros(len(order), bool)
    new[:1] = True
    for column in ordered:
        new[1:] |= column[1:] != column[:-1]
    first = np.flatnonzero(new)
    return [column[first] for column in ordered], np.add.reduceat(weights[order], first)
