"""The graph as an rdflib store: triples are made from the columns when they are asked for."""

from collections.abc import Generator, Iterator
from typing import Any, NoReturn

import numpy as np
from rdflib import Graph as RdfGraph
from rdflib.plugins.sparql import CUSTOM_EVALS
from rdflib.store import Store as RdfStore
from rdflib.term import Identifier, URIRef

from kg.graph import Graph
from kg.sparql.errors import SparqlError
from kg.sparql.evaluate import register
from kg.sparql.join import Block, Pattern, solve
from kg.sparql.model import NAMESPACES, Model

Triple = tuple[Identifier, Identifier, Identifier]
Wanted = tuple[Identifier | None, Identifier | None, Identifier | None]

_READ_ONLY = "the graph is read-only: it changes by `build`, not by SPARQL or rdflib"


class Store(RdfStore):
    """A graph's nodes, edges, labels and assertions as triples; nothing is copied.

    Opening costs nothing beyond the graph's own; threads may share a store. The triples are those
    of ``docs/sparql.md``.

    >>> from rdflib import Graph as RdfGraph
    >>> triples = RdfGraph(store=Store(graph))  # doctest: +SKIP
    """

    context_aware = False
    formula_aware = False
    transaction_aware = False
    graph_aware = False

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.pharmakon_model = Model(graph)
        self._prefixes = {prefix: URIRef(iri) for prefix, iri in NAMESPACES.items()}
        self._size: int | None = None
        register(CUSTOM_EVALS)

    def triples(
        self,
        triple_pattern: Any,
        context: Any = None,  # noqa: ARG002
    ) -> Iterator[tuple[Triple, Iterator[None]]]:
        """All triples that match; None matches anything. ``context`` is of no effect."""
        for triple in self._matching(triple_pattern):
            yield triple, iter(())

    def triples_choices(
        self, triple: Any, context: Any = None
    ) -> Generator[tuple[Triple, Iterator[None]], None, None]:
        """As :meth:`triples`, with a list of terms in one place; an empty list matches anything."""
        for place, terms in enumerate(triple):
            if isinstance(terms, list):
                for term in terms or [None]:
                    yield from self.triples((*triple[:place], term, *triple[place + 1 :]), context)
                return
        yield from self.triples(triple, context)

    def __len__(self, context: Any = None) -> int:
        """The number of triples; counted once, by making them all as numbers."""
        if self._size is None:
            terms, total = self.pharmakon_model.terms(), 0
            for relation in self.pharmakon_model.all_relations(terms).values():
                total += sum(len(subjects) for subjects, _ in relation.scan(terms))
            self._size = total
        return self._size

    def contexts(self, triple: Any = None) -> Generator[Any, None, None]:  # noqa: ARG002
        """No named graphs."""
        yield from ()

    def bind(self, prefix: str, namespace: URIRef, override: bool = True) -> None:
        """Give a namespace a prefix in what this store is asked and answers."""
        if override or prefix not in self._prefixes:
            self._prefixes[prefix] = URIRef(namespace)

    def namespace(self, prefix: str) -> URIRef | None:
        """The namespace of a prefix."""
        return self._prefixes.get(prefix)

    def prefix(self, namespace: URIRef) -> str | None:
        """The prefix of a namespace."""
        return next((p for p, iri in self._prefixes.items() if iri == namespace), None)

    def namespaces(self) -> Iterator[tuple[str, URIRef]]:
        """All prefixes with their namespaces."""
        yield from list(self._prefixes.items())

    def add(self, *_: Any, **__: Any) -> NoReturn:
        """Refused.

        Raises:
            SparqlError: always.
        """
        raise SparqlError(_READ_ONLY)

    addN = remove = update = add_graph = remove_graph = create = destroy = add  # noqa: N815

    def _matching(self, wanted: Wanted) -> Iterator[Triple]:
        model = self.pharmakon_model
        terms = model.terms()
        predicate = wanted[1]
        relation = None
        if predicate is not None:
            relation = model.relation(terms, predicate)
            if relation is None:
                return
        slots = [
            name if term is None else terms.encode(term)
            for name, term in zip(_SLOTS, wanted, strict=True)
        ]
        pattern = Pattern(slots[0], slots[1], slots[2], relation)
        for block in solve(model, terms, [pattern], Block(1, {_ROW: np.zeros(1, np.int64)})):
            columns = [
                [term] * block.size if term is not None else terms.decode(block.columns[name])
                for name, term in zip(_SLOTS, wanted, strict=True)
            ]
            yield from zip(*columns, strict=True)


_ROW = object()
_SLOTS = (object(), object(), object())


def to_rdflib(graph: Graph) -> RdfGraph:
    """``graph`` as an rdflib graph over its columns, with the prefixes of ``docs/sparql.md``."""
    return RdfGraph(store=Store(graph), bind_namespaces="none")
