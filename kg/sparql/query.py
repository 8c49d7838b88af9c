"""One SPARQL query, read, checked and answered."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, Literal

from pyparsing import ParseBaseException
from rdflib import Graph as RdfGraph
from rdflib import Literal as RdfLiteral
from rdflib.namespace import XSD
from rdflib.plugins.sparql.algebra import translateQuery
from rdflib.plugins.sparql.parser import parseQuery, parseUpdate
from rdflib.plugins.sparql.parserutils import CompValue
from rdflib.plugins.sparql.sparql import Query, SPARQLError
from rdflib.term import BNode, Identifier, URIRef

from kg.graph import Graph
from kg.iris import to_curie
from kg.sparql.errors import SparqlError
from kg.sparql.evaluate import REFUSED_GRAPH, REFUSED_SERVICE
from kg.sparql.model import NAMESPACES
from kg.sparql.store import to_rdflib

_REFUSED = {
    "ServiceGraphPattern": REFUSED_SERVICE,
    "GraphGraphPattern": REFUSED_GRAPH,
    "DatasetClause": "FROM is refused: a query reads this graph and no other",
}


@dataclass(frozen=True)
class Answer:
    """What a query found.

    Attributes:
        form: of the query.
        variables: names of the columns of ``rows``; subject, predicate, object for triples.
        rows: solutions of SELECT, or triples of CONSTRUCT and DESCRIBE; None is unbound.
        boolean: the answer of ASK.
        truncated: whether there were more rows than the limit.
    """

    form: Literal["SELECT", "ASK", "CONSTRUCT", "DESCRIBE"]
    variables: tuple[str, ...] = ()
    rows: tuple[tuple[Identifier | None, ...], ...] = ()
    boolean: bool | None = None
    truncated: bool = False

    def cells(self) -> Iterator[tuple[str, ...]]:
        """The rows as people read them: CURIEs for IRIs, bare texts, "" for unbound."""
        for row in self.rows:
            yield tuple(map(_cell, row))

    def to_json(self) -> dict[str, Any]:
        """SPARQL 1.1 Query Results JSON; triples as rows of subject, predicate, object.

        ``truncated`` is added beside ``head`` where rows were left out.
        """
        if self.form == "ASK":
            return {"head": {}, "boolean": self.boolean}
        bindings = [
            {name: _json(term) for name, term in zip(self.variables, row, strict=True)
             if term is not None}
            for row in self.rows
        ]  # fmt: skip
        result = {"head": {"vars": list(self.variables)}, "results": {"bindings": bindings}}
        return {**result, "truncated": True} if self.truncated else result

    def to_ntriples(self) -> str:
        """The triples of CONSTRUCT and DESCRIBE as N-Triples, sorted.

        Raises:
            SparqlError: the query was a SELECT or an ASK.
        """
        if self.form not in ("CONSTRUCT", "DESCRIBE"):
            raise SparqlError(f"{self.form} answers no triples; ask with CONSTRUCT or DESCRIBE")
        graph = RdfGraph(bind_namespaces="none")
        for row in self.rows:
            graph.add((row[0], row[1], row[2]))  # type: ignore[arg-type]
        return "".join(sorted(graph.serialize(format="nt").splitlines(keepends=True)))


def run(graph: Graph, text: str, *, limit: int | None = None) -> Answer:
    """Answer one SPARQL 1.1 query on ``graph``.

    Args:
        graph: any graph.
        text: SELECT, ASK, CONSTRUCT or DESCRIBE. The prefixes of ``docs/sparql.md`` need not be
            declared.
        limit: rows to return at most, whatever the query's own LIMIT; None for all.

    Raises:
        SparqlError: the query cannot be read, would change the graph, or would reach another
            graph or machine.
    """
    if limit is not None and limit < 0:
        raise SparqlError(f"the limit must be 0 or more, not {limit}")
    query = _read(text)
    try:
        result = _opened(graph).query(query)
        form = str(result.type)
        if form == "ASK":
            return Answer("ASK", boolean=bool(result.askAnswer))
        if form == "SELECT":
            names = tuple(map(str, result.vars or ()))
            found: Iterator[Any] = (tuple(row) for row in result)  # type: ignore[arg-type]
        else:
            names = ("subject", "predicate", "object")
            found = iter(sorted(result.graph or (), key=_sortable))
        rows = list(found if limit is None else islice(found, limit + 1))
    except RecursionError:
        raise SparqlError("the query is nested too deeply") from None
    except Exception as error:
        if type(error) is not Exception and not isinstance(error, SPARQLError):
            raise  # a fault of ours; rdflib raises bare exceptions for what it does not support
        raise SparqlError(f"the query cannot be answered: {_one_line(error)}") from error
    truncated = limit is not None and len(rows) > limit
    rows = rows[:limit] if truncated else rows
    return Answer(form, names, tuple(rows), truncated=truncated)  # type: ignore[arg-type]


def _opened(graph: Graph) -> RdfGraph:
    """The graph as rdflib sees it, kept with the graph as its cached properties are."""
    kept: dict[str, Any] = vars(graph)
    if "_rdflib" not in kept:
        kept["_rdflib"] = to_rdflib(graph)
    opened: RdfGraph = kept["_rdflib"]
    return opened


@lru_cache(maxsize=64)
def _read(text: str) -> Query:
    try:
        tree = parseQuery(text)
    except RecursionError:
        raise SparqlError("the query is nested too deeply") from None
    except ParseBaseException as error:
        if _is_update(text):
            raise SparqlError(
                "updates are refused: the graph is read-only; ask with SELECT, ASK, CONSTRUCT or "
                "DESCRIBE"
            ) from None
        line = error.line.strip()[:80]
        raise SparqlError(
            f"not SPARQL, line {error.lineno}, column {error.column}: near {line!r}"
        ) from None
    for message in _refused(tree):
        raise SparqlError(message)
    try:
        return translateQuery(tree, initNs=dict(NAMESPACES))
    except RecursionError:
        raise SparqlError("the query is nested too deeply") from None
    except Exception as error:  # rdflib raises bare exceptions here: an unknown prefix, a bad alias
        raise SparqlError(f"not a valid query: {_one_line(error)}") from error


def _is_update(text: str) -> bool:
    try:
        return bool(parseUpdate(text).request)
    except (ParseBaseException, RecursionError):
        return False


def _refused(tree: Any) -> Iterator[str]:
    """What the query asks for that is refused."""
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        if isinstance(part, CompValue):
            if part.name in _REFUSED:
                yield _REFUSED[part.name]
            waiting.extend(part.values())
        elif not isinstance(part, str) and hasattr(part, "__iter__"):
            waiting.extend(part)


def _sortable(triple: tuple[Any, ...]) -> list[tuple[str, str, str]]:
    return [(type(t).__name__, str(t), str(getattr(t, "datatype", ""))) for t in triple]


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


@lru_cache(maxsize=4096)
def _short(iri: str) -> str:
    curie = to_curie(iri)
    if curie is not None:
        return curie
    for prefix, base in NAMESPACES.items():
        if iri.startswith(base) and prefix != "pharmakon":
            return f"{prefix}:{iri[len(base) :]}"
    return iri


def _cell(term: Identifier | None) -> str:
    if term is None:
        return ""
    return _short(str(term)) if isinstance(term, URIRef) else str(term)


def _json(term: Identifier) -> dict[str, str]:
    if isinstance(term, URIRef):
        return {"type": "uri", "value": str(term)}
    if isinstance(term, BNode):
        return {"type": "bnode", "value": str(term)}
    result = {"type": "literal", "value": str(term)}
    if isinstance(term, RdfLiteral) and term.language:
        result["xml:lang"] = term.language
    elif isinstance(term, RdfLiteral) and term.datatype and term.datatype != XSD.string:
        result["datatype"] = str(term.datatype)
    return result
