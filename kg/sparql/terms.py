"""RDF terms as integers, so that patterns are joined on numbers.

A *code* is one int64 for each term: first the graph's nodes by their global number, then its
assertions, then whatever else a query meets (classes, predicates, texts), numbered as it comes.
The first two need no table; the third lives as long as one evaluation.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdflib.term import Identifier, Literal, URIRef

from kg.graph import Graph, Rows
from kg.iris import assertion_iri, parse_assertion, to_curie, to_iri
from kg.schema import EdgeType

Codes = NDArray[np.int64]
_MOST_REMEMBERED = 1 << 18  # terms; about 50 MB
_ABSENT = -1


class Numbering:
    """Codes of nodes and assertions of one graph. Safe to share between threads."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.types = list(graph.node_types)
        self.starts = np.array([*graph.offsets.values(), graph.n_nodes()], np.int64)
        self.edge_types = list(graph.edge_types)
        sizes = [n_assertions(graph, edge_type) for edge_type in self.edge_types]
        self.assertion_starts = graph.n_nodes() + np.concatenate([[0], np.cumsum(sizes)]).astype(
            np.int64
        )
        # Terms that were made or looked up lately; forgotten all at once when there are too many.
        self.made: dict[int, Identifier] = {}
        self.found: dict[str, int] = {}
        # Classes, predicates and the words of provenances: the first codes after the assertions.
        self.fixed: list[Identifier | str] = []
        self.fixed_iris: dict[Identifier, int] = {}
        self.fixed_texts: dict[str, int] = {}

    @property
    def n_nodes(self) -> int:
        """Codes below this are nodes."""
        return int(self.starts[-1])

    @property
    def end(self) -> int:
        """Codes below this, and not of nodes, are assertions."""
        return int(self.assertion_starts[-1])

    @cached_property
    def type_rows(self) -> dict[str, tuple[int, int]]:
        """Node type -> first code and the one after the last."""
        bounds = self.starts.tolist()
        return {t: (bounds[i], bounds[i + 1]) for i, t in enumerate(self.types)}

    @cached_property
    def assertion_rows(self) -> dict[EdgeType, tuple[int, int]]:
        """Edge type -> first code of its assertions and the one after the last."""
        bounds = self.assertion_starts.tolist()
        return {t: (bounds[i], bounds[i + 1]) for i, t in enumerate(self.edge_types)}

    def fix(self, term: Identifier | str) -> int:
        """Give an IRI or a plain text a code for good; only while the store is being made."""
        if not isinstance(term, URIRef):
            code = self.fixed_texts.setdefault(term, self.end + len(self.fixed))
        else:
            found = self.find(term)
            if found is not None:
                return found
            code = self.fixed_iris.setdefault(term, self.end + len(self.fixed))
        if code == self.end + len(self.fixed):
            self.fixed.append(term)
        return code

    def remember(self, codes: Iterable[int], terms: Iterable[Identifier]) -> None:
        """Keep terms of nodes and assertions for the next time."""
        if len(self.made) > _MOST_REMEMBERED:
            self.made, self.found = {}, {}
        for code, term in zip(codes, terms, strict=True):
            self.made[code] = term
            self.found[str(term)] = code

    def find(self, iri: str) -> int | None:
        """The code of a node's or an assertion's IRI, or None."""
        iri = str(iri)  # a URIRef equals no plain text
        code = self.found.get(iri)
        if code is None:
            curie = to_curie(iri)
            code = self._node(curie) if curie is not None else self._assertion(iri)
            if code is not None:
                self.remember([code], [URIRef(iri)])
            elif len(self.found) < _MOST_REMEMBERED:
                self.found[iri] = _ABSENT
        return None if code == _ABSENT else code

    def node_codes(self, curies: Sequence[str]) -> list[int | None]:
        """The code of each CURIE that is a node's."""
        if len(curies) < 64:
            return [self.find(to_iri(curie)) for curie in curies]
        import pyarrow as pa
        import pyarrow.compute as pc

        wanted = pa.array(curies, pa.string())
        result: list[int | None] = [None] * len(curies)
        for node_type, ids in self.graph.ids.items():
            rows = pc.index_in(wanted, value_set=ids)
            start = self.type_rows[node_type][0]
            for i in np.flatnonzero(rows.is_valid().to_numpy(zero_copy_only=False)).tolist():
                result[i] = start + rows[i].as_py()
        return result

    def iris(self, codes: Codes) -> list[str]:
        """The IRIs of nodes and assertions, in order."""
        if not len(codes):
            return []
        if codes[-1] < self.n_nodes and codes[0] < self.n_nodes and (codes < self.n_nodes).all():
            return [to_iri(curie) for curie in self.curies(codes)]
        result = np.empty(len(codes), object)
        nodes = codes < self.n_nodes
        result[nodes] = [to_iri(curie) for curie in self.curies(codes[nodes])]
        kinds = np.searchsorted(self.assertion_starts, codes, side="right") - 1
        for kind in np.unique(kinds[~nodes]).tolist():
            here = np.flatnonzero(~nodes & (kinds == kind))
            result[here] = self._assertion_iris(kind, codes[here] - self.assertion_starts[kind])
        return list(result)

    def curies(self, codes: Codes) -> list[str]:
        """The CURIEs of nodes, in order."""
        if len(codes) == 1:
            node_type, row = self.graph.locate(int(codes[0]))
            return [self.graph.ids[node_type][row].as_py()]
        return self.texts(self.graph.ids, codes)

    def texts(self, columns: Mapping[str, Any], codes: Codes) -> list[str]:
        """What a column of each node type holds for the given nodes, in order."""
        import pyarrow as pa

        kinds = np.searchsorted(self.starts, codes, side="right") - 1
        result = np.empty(len(codes), object)
        for kind in np.unique(kinds).tolist():
            here = np.flatnonzero(kinds == kind)
            rows = pa.array(codes[here] - self.starts[kind])
            result[here] = columns[self.types[kind]].take(rows).to_pylist()
        return list(result)

    def edge_of(self, edge_type: EdgeType, assertions: NDArray[np.int64]) -> Rows:
        """Edge numbers that the assertions of one edge type are about."""
        table = self.graph.assertion_tables[edge_type]
        if table.uniform >= 0:
            return assertions.astype(np.int32)
        return table.edge[assertions]

    def _node(self, curie: str) -> int | None:
        found = self.graph.find(curie)
        return None if found is None else self.type_rows[found[0]][0] + found[1]

    def _assertion(self, iri: str) -> int | None:
        parsed = parse_assertion(iri)
        if parsed is None:
            return None
        name, head_id, tail_id, number = parsed
        edge_type = EdgeType(*name.split("-")) if name.count("-") == 2 else None
        if edge_type not in self.assertion_rows:
            return None
        try:
            head = self.graph.row(edge_type.head, head_id)
            tail = self.graph.row(edge_type.tail, tail_id)
        except LookupError:
            return None
        edge = self.graph.edges(edge_type).find(head, tail)
        if edge is None:
            return None
        table = self.graph.assertion_tables[edge_type]
        if table.uniform >= 0:
            first, last = edge, edge + 1
        else:
            first, last = np.searchsorted(table.edge, [edge, edge + 1]).tolist()
        if number >= last - first:
            return None
        return self.assertion_rows[edge_type][0] + first + number

    def _assertion_iris(self, kind: int, assertions: NDArray[np.int64]) -> list[str]:
        edge_type = self.edge_types[kind]
        table = self.graph.edges(edge_type)
        edges = self.edge_of(edge_type, assertions)
        heads = self.curies(self.type_rows[edge_type.head][0] + table.head_of(edges).astype(int))
        tails = self.curies(self.type_rows[edge_type.tail][0] + table.tail[edges].astype(int))
        said = self.graph.assertion_tables[edge_type]
        if said.uniform >= 0:
            numbers = np.zeros(len(edges), np.int64)
        else:
            numbers = assertions - np.searchsorted(said.edge, edges)
        name = str(edge_type)
        return [
            assertion_iri(name, head, tail, number)
            for head, tail, number in zip(heads, tails, numbers.tolist(), strict=True)
        ]


def n_assertions(graph: Graph, edge_type: EdgeType) -> int:
    """How many assertions the edges of one type have together."""
    table = graph.assertion_tables[edge_type]
    return len(graph.edges(edge_type)) if table.uniform >= 0 else len(table.edge)


class Terms:
    """The codes of one evaluation: the graph's numbering and what else has come up so far."""

    def __init__(self, numbering: Numbering) -> None:
        self.numbering = numbering
        self._codes: dict[Identifier, int] = numbering.fixed_iris.copy()
        self._text_codes: dict[str, int] = numbering.fixed_texts.copy()  # of plain literals
        self._new: list[Identifier | str] = numbering.fixed.copy()  # a text is a plain literal
        self._literals: dict[int, Identifier] = {}  # made of such texts, when they are shown

    def encode(self, term: Identifier) -> int:
        """The code of any term; one that is not in the graph gets a new one."""
        if isinstance(term, URIRef):
            code = self._codes.get(term)
            if code is None:
                code = self.numbering.find(term)
            if code is not None:
                return code
        elif isinstance(term, Literal) and term.language is None and term.datatype is None:
            return self._text(str(term))
        code = self._codes.get(term)
        if code is None:
            code = self._codes[term] = self._add(term)
        return code

    def encode_texts(self, texts: Iterable[str]) -> Codes:
        """The codes of plain literals."""
        return np.array([self._text(text) for text in texts], np.int64)

    def encode_curies(self, curies: Sequence[str]) -> Codes:
        """The codes of the IRIs of CURIEs, of nodes and of others."""
        found = self.numbering.node_codes(curies)
        return np.array(
            [
                self.encode(URIRef(to_iri(curie))) if code is None else code
                for curie, code in zip(curies, found, strict=True)
            ],
            np.int64,
        )

    def text(self, code: int) -> str | None:
        """The text of a plain literal; None for any other term."""
        if code < self.numbering.end:
            return None
        term = self._new[code - self.numbering.end]
        return None if isinstance(term, Identifier) else term

    def decode(self, codes: Codes) -> list[Identifier]:
        """The terms of the codes, in order."""
        made, end = self.numbering.made, self.numbering.end
        wanted = codes.tolist()
        missing = [code for code in set(wanted) if code < end and code not in made]
        if missing:
            iris = map(URIRef, self.numbering.iris(np.array(sorted(missing), np.int64)))
            self.numbering.remember(sorted(missing), iris)
            made = self.numbering.made
        result = []
        for code in wanted:
            term = made.get(code) if code < end else self._literal(code - end)
            result.append(term if term is not None else self.decode_one(code))
        return result

    def decode_one(self, code: int) -> Identifier:
        """The term of one code."""
        if code >= self.numbering.end:
            return self._literal(code - self.numbering.end)
        return URIRef(self.numbering.iris(np.array([code], np.int64))[0])

    def _literal(self, index: int) -> Identifier:
        term = self._new[index]
        if isinstance(term, Identifier):
            return term
        literal = self._literals.get(index)
        if literal is None:
            literal = self._literals[index] = Literal(term)
        return literal

    def _text(self, text: str) -> int:
        code = self._text_codes.get(text)
        if code is None:
            code = self._text_codes[text] = self._add(text)
        return code

    def _add(self, term: Identifier | str) -> int:
        self._new.append(term)
        return self.numbering.end + len(self._new) - 1
