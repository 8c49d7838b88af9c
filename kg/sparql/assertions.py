"""Who says an edge: the relations of its assertions, each a resource of its own in RDF."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdflib.term import Identifier, Literal, URIRef

from kg.graph import Rows
from kg.iris import BIOLINK, DETAIL, escape
from kg.schema import EdgeType
from kg.sparql.relations import Pairs, concatenate, growing, spans
from kg.sparql.terms import Codes, Numbering, Terms

PUBLICATIONS = URIRef(f"{BIOLINK}publications")


class AssertionRelation:
    """What all relations from assertions share: they are walked one edge type at a time."""

    def __init__(self, numbering: Numbering) -> None:
        self._numbering = numbering
        self._graph = numbering.graph
        self.size = self.n_subjects = numbering.end - numbering.n_nodes
        self.n_objects = 16

    def walk(self, terms: Terms, codes: Codes, *, forward: bool) -> Pairs:
        """See :class:`kg.sparql.relations.Relation`."""
        pieces = []
        if not forward:
            for edge_type in self._numbering.edge_types if self._may_reach(codes) else ():
                first = self._numbering.assertion_rows[edge_type][0]
                pairs = self._back(terms, edge_type, codes)
                if len(pairs.origin):
                    pieces.append(Pairs(pairs.origin, pairs.reached + first))
            return concatenate(pieces)
        places = np.flatnonzero((codes >= self._numbering.n_nodes) & (codes < self._numbering.end))
        starts = self._numbering.assertion_starts
        kinds = np.searchsorted(starts, codes[places], side="right") - 1
        for kind in np.unique(kinds).tolist():
            here = places[kinds == kind]
            edge_type = self._numbering.edge_types[kind]
            pairs = self._of(terms, edge_type, codes[here] - starts[kind])
            pieces.append(Pairs(here[pairs.origin], pairs.reached))
        return concatenate(pieces)

    def holds(self, terms: Terms, subjects: Codes, objects: Codes) -> NDArray[np.bool_]:
        """See :class:`kg.sparql.relations.Relation`."""
        pairs = self.walk(terms, subjects, forward=True)
        result = np.zeros(len(subjects), bool)
        result[pairs.origin[objects[pairs.origin] == pairs.reached]] = True
        return result

    def scan(self, terms: Terms) -> Iterator[tuple[Codes, Codes]]:
        """See :class:`kg.sparql.relations.Relation`."""
        for codes in growing(self._numbering.n_nodes, self._numbering.end):
            pairs = self.walk(terms, codes, forward=True)
            yield codes[pairs.origin], pairs.reached

    def degree(self, terms: Terms, code: int, *, forward: bool) -> int:  # noqa: ARG002
        """See :class:`kg.sparql.relations.Relation`."""
        return 1 if forward else max(self.size // max(self.n_objects, 1), 1)

    def _may_reach(self, codes: Codes) -> bool:
        """Whether any of the codes may be an object."""
        raise NotImplementedError

    def _of(self, terms: Terms, edge_type: EdgeType, assertions: NDArray[np.int64]) -> Pairs:
        """Objects of the assertions with the given numbers."""
        raise NotImplementedError

    def _back(self, terms: Terms, edge_type: EdgeType, codes: Codes) -> Pairs:
        """Numbers of the assertions of one edge type that lead to ``codes``."""
        raise NotImplementedError


class EndRelation(AssertionRelation):
    """``rdf:subject`` or ``rdf:object``: the edge's head or tail, as it is stored."""

    def __init__(self, numbering: Numbering, *, head: bool) -> None:
        super().__init__(numbering)
        self._head = head
        self.n_objects = numbering.n_nodes

    def degree(self, terms: Terms, code: int, *, forward: bool) -> int:  # noqa: ARG002
        """See :class:`kg.sparql.relations.Relation`."""
        if forward or code >= self._numbering.n_nodes:
            return 1
        total = 0
        for edge_type in self._numbering.edge_types:
            first, end = self._numbering.type_rows[edge_type.head if self._head else edge_type.tail]
            if first <= code < end:
                starts = self._starts(edge_type)
                total += int(starts[code - first + 1] - starts[code - first])
        return total

    def _may_reach(self, codes: Codes) -> bool:
        return bool((codes < self._numbering.n_nodes).any())

    def _starts(self, edge_type: EdgeType) -> Rows:
        table = self._graph.edges(edge_type)
        return table.head_start if self._head else table.tail_start

    def _of(self, terms: Terms, edge_type: EdgeType, assertions: NDArray[np.int64]) -> Pairs:  # noqa: ARG002
        table = self._graph.edges(edge_type)
        edges = self._numbering.edge_of(edge_type, assertions)
        rows = table.head_of(edges) if self._head else table.tail[edges]
        first, _ = self._numbering.type_rows[edge_type.head if self._head else edge_type.tail]
        return Pairs(np.arange(len(rows)), rows + np.int64(first))

    def _back(self, terms: Terms, edge_type: EdgeType, codes: Codes) -> Pairs:  # noqa: ARG002
        first, end = self._numbering.type_rows[edge_type.head if self._head else edge_type.tail]
        here = np.flatnonzero((codes >= first) & (codes < end))
        if not len(here):
            return concatenate([])
        starts = self._starts(edge_type)
        rows = codes[here] - first
        origin, places = spans(starts[rows], starts[rows + 1])
        edges = places if self._head else self._graph.edges(edge_type).by_tail[places]
        said = self._graph.assertion_tables[edge_type]
        if said.uniform >= 0:
            return Pairs(here[origin], edges.astype(np.int64))
        which, assertions = spans(
            np.searchsorted(said.edge, edges), np.searchsorted(said.edge, edges, side="right")
        )
        return Pairs(here[origin[which]], assertions)


class KindRelation(AssertionRelation):
    """One object for all assertions of an edge type: the predicate, or our relation."""

    def __init__(self, numbering: Numbering, objects: Mapping[EdgeType, int]) -> None:
        super().__init__(numbering)
        self._objects = objects
        self.n_objects = max(len(set(objects.values())), 1)

    def _may_reach(self, codes: Codes) -> bool:
        return not set(self._objects.values()).isdisjoint(codes.tolist())

    def _of(self, terms: Terms, edge_type: EdgeType, assertions: NDArray[np.int64]) -> Pairs:  # noqa: ARG002
        return Pairs(np.arange(len(assertions)), np.full(len(assertions), self._objects[edge_type]))

    def _back(self, terms: Terms, edge_type: EdgeType, codes: Codes) -> Pairs:  # noqa: ARG002
        first, end = self._numbering.assertion_rows[edge_type]
        here = np.flatnonzero(codes == self._objects[edge_type])
        return Pairs(np.repeat(here, end - first), np.tile(np.arange(end - first), len(here)))


class ProvenanceRelation(AssertionRelation):
    """One column of the provenances: source, licence, knowledge level, agent."""

    def __init__(self, numbering: Numbering, objects: Sequence[int]) -> None:
        super().__init__(numbering)
        self._objects = np.array(objects, np.int64)  # code by row of Graph.provenances
        self.n_objects = max(len(set(objects)), 1)

    def _may_reach(self, codes: Codes) -> bool:
        return bool(np.isin(codes, self._objects).any())

    def _of(self, terms: Terms, edge_type: EdgeType, assertions: NDArray[np.int64]) -> Pairs:  # noqa: ARG002
        table = self._graph.assertion_tables[edge_type]
        if table.uniform >= 0:
            codes = np.full(len(assertions), self._objects[table.uniform])
        else:
            codes = self._objects[table.provenance[assertions]]
        return Pairs(np.arange(len(assertions)), codes)

    def _back(self, terms: Terms, edge_type: EdgeType, codes: Codes) -> Pairs:  # noqa: ARG002
        table = self._graph.assertion_tables[edge_type]
        pieces = []
        for code in np.unique(codes).tolist():
            good = self._objects == code
            if table.uniform >= 0:
                size = len(self._graph.edges(edge_type)) if good[table.uniform] else 0
                assertions = np.arange(size)
            else:
                assertions = np.flatnonzero(good[table.provenance])
            here = np.flatnonzero(codes == code)
            origin = np.repeat(here, len(assertions))
            pieces.append(Pairs(origin, np.tile(assertions, len(here))))
        return concatenate(pieces)


class DetailRelation(AssertionRelation):
    """One key of the assertions' details: severity, mechanism, references and others."""

    def __init__(self, numbering: Numbering, name: str) -> None:
        super().__init__(numbering)
        self._name = name
        self.size = max(self.size // 50, 1)
        self.n_objects = 64

    def _may_reach(self, codes: Codes) -> bool:
        return bool((codes >= self._numbering.end).any())

    def _of(self, terms: Terms, edge_type: EdgeType, assertions: NDArray[np.int64]) -> Pairs:
        table = self._graph.assertion_tables[edge_type]
        if table.uniform >= 0:
            return concatenate([])
        return self._values(terms, table.details[assertions])

    def _back(self, terms: Terms, edge_type: EdgeType, codes: Codes) -> Pairs:
        table = self._graph.assertion_tables[edge_type]
        if table.uniform >= 0 or not (table.details >= 0).any():
            return concatenate([])
        pairs = self._values(terms, table.details, frozenset(codes.tolist()))
        pieces = []
        for position, code in enumerate(codes.tolist()):
            assertions = pairs.origin[pairs.reached == code]
            pieces.append(Pairs(np.full(len(assertions), position), assertions))
        return concatenate(pieces)

    def _values(self, terms: Terms, details: Rows, only: frozenset[int] | None = None) -> Pairs:
        """Values by position in ``details``; only some of them if ``only`` is given."""
        found = []
        for row in self._candidates(terms, np.unique(details), only):
            values = detail_values(json.loads(self._graph.details[row].as_py()).get(self._name))
            codes = {terms.encode(value) for value in values}
            found += [(row, code) for code in codes if only is None or code in only]
        if not found:
            return concatenate([])
        rows, codes_found = np.array(sorted(found), np.int64).T
        origin, picked = spans(
            np.searchsorted(rows, details), np.searchsorted(rows, details, side="right")
        )
        return Pairs(origin, codes_found[picked])

    def _candidates(self, terms: Terms, rows: Rows, only: frozenset[int] | None) -> list[int]:
        """Rows whose JSON may hold the key, and the text if only one is wanted."""
        import pyarrow as pa
        import pyarrow.compute as pc

        rows = rows[rows >= 0]
        if len(rows) < 64:
            return [int(row) for row in rows.tolist()]
        texts = self._graph.details.take(pa.array(rows))
        may = pc.match_substring(texts, json.dumps(self._name, ensure_ascii=False) + ":")
        if only is not None and len(only) == 1:
            text = terms.text(next(iter(only)))
            if text is not None:
                inside = json.dumps(text, ensure_ascii=False)[1:-1]
                may = pc.and_(may, pc.match_substring(texts, inside))
        return [int(row) for row in rows[may.to_numpy(zero_copy_only=False)].tolist()]


def detail_values(value: Any) -> list[Identifier]:
    """A value of an assertion's details as literals; a list is one for each entry."""
    if value is None:
        return []
    if isinstance(value, list):
        return [literal for entry in value for literal in detail_values(entry)]
    if isinstance(value, dict):
        return [Literal(json.dumps(value, ensure_ascii=False, sort_keys=True))]
    return [Literal(value)]


def detail_predicate(name: str) -> URIRef:
    """The predicate of one key of the details."""
    return PUBLICATIONS if name == "reference" else URIRef(DETAIL + escape(name))
