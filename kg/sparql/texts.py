"""Names, synonyms and codes of nodes as relations over the label columns."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from kg.graph import LABEL_KINDS, Rows
from kg.iris import to_curie
from kg.names import key
from kg.sparql.relations import Origin, Pairs, growing
from kg.sparql.terms import Codes, Numbering, Terms


class NameRelation:
    """``rdfs:label``: each node's shown name, exactly one."""

    def __init__(self, numbering: Numbering) -> None:
        self._numbering = numbering
        self.size = self.n_subjects = self.n_objects = numbering.n_nodes

    def walk(self, terms: Terms, codes: Codes, *, forward: bool) -> Pairs:
        """See :class:`kg.sparql.relations.Relation`."""
        if forward:
            here = np.flatnonzero(codes < self.n_subjects)
            return Pairs(here, terms.encode_texts(self._names(codes[here])))
        return _walk_back(self, terms, codes)

    def nodes(self, terms: Terms, code: int) -> Codes:
        """The nodes whose name is the text of ``code``."""
        text, labels = terms.text(code), self._numbering.graph.labels
        if text is None:
            return np.empty(0, np.int64)
        nodes = np.unique(labels.node[labels.with_key(key(text))]).astype(np.int64)
        return nodes[[name == text for name in self._names(nodes)]]

    def holds(self, terms: Terms, subjects: Codes, objects: Codes) -> NDArray[np.bool_]:
        """See :class:`kg.sparql.relations.Relation`."""
        pairs = self.walk(terms, subjects, forward=True)
        result = np.zeros(len(subjects), bool)
        result[pairs.origin] = objects[pairs.origin] == pairs.reached
        return result

    def scan(self, terms: Terms) -> Iterator[tuple[Codes, Codes]]:
        """See :class:`kg.sparql.relations.Relation`."""
        for codes in growing(0, self.n_subjects):
            yield codes, self.walk(terms, codes, forward=True).reached

    def degree(self, terms: Terms, code: int, *, forward: bool) -> int:  # noqa: ARG002
        """See :class:`kg.sparql.relations.Relation`."""
        return 1

    def _names(self, nodes: Codes) -> list[str]:
        if len(nodes) == 1:
            node_type, row = self._numbering.graph.locate(int(nodes[0]))
            return [self._numbering.graph.names[node_type][row].as_py()]
        return self._numbering.texts(self._numbering.graph.names, nodes)


class TextRelation:
    """Labels of some kinds, other than the shown name: literals, or IRIs where they are CURIEs."""

    def __init__(self, numbering: Numbering, kinds: Sequence[str], *, as_iri: bool) -> None:
        self._numbering = numbering
        self._labels = numbering.graph.labels
        self._kinds = np.array([LABEL_KINDS.index(kind) for kind in kinds], np.int8)
        self._as_iri = as_iri
        self._beside_names = "name" in kinds
        self.size = self.n_subjects = self.n_objects = len(self._labels.node)

    def walk(self, terms: Terms, codes: Codes, *, forward: bool) -> Pairs:
        """See :class:`kg.sparql.relations.Relation`."""
        if not forward:
            return _walk_back(self, terms, codes)
        here = np.flatnonzero(codes < self._numbering.n_nodes)
        nodes = codes[here].astype(self._labels.node.dtype)
        begin = np.searchsorted(self._labels.node, nodes, side="left")
        counts = np.searchsorted(self._labels.node, nodes, side="right") - begin
        origin = np.repeat(np.arange(len(here)), counts)
        first = np.cumsum(counts) - counts
        rows = (begin - first)[origin] + np.arange(len(origin))
        wanted = np.isin(self._labels.kind[rows], self._kinds)
        return self._unique(terms, here[origin[wanted]], codes, rows[wanted])

    def nodes(self, terms: Terms, code: int) -> Codes:
        """The nodes that have the text, or the CURIE of the IRI, of ``code``."""
        text = terms.text(code)
        if self._as_iri:
            term = terms.decode(np.array([code]))[0]
            text = to_curie(str(term)) if text is None else None
        if text is None:
            return np.empty(0, np.int64)
        rows = self._labels.with_key(key(text))
        rows = rows[np.isin(self._labels.kind[rows], self._kinds)]
        rows = rows[[value == text for value in self._texts(rows)]]
        nodes = np.unique(self._labels.node[rows]).astype(np.int64)
        return nodes[self._others(nodes, [text] * len(nodes))]

    def holds(self, terms: Terms, subjects: Codes, objects: Codes) -> NDArray[np.bool_]:
        """See :class:`kg.sparql.relations.Relation`."""
        pairs = self.walk(terms, subjects, forward=True)
        result = np.zeros(len(subjects), bool)
        result[pairs.origin[objects[pairs.origin] == pairs.reached]] = True
        return result

    def scan(self, terms: Terms) -> Iterator[tuple[Codes, Codes]]:
        """See :class:`kg.sparql.relations.Relation`."""
        for codes in growing(0, self._numbering.n_nodes):
            pairs = self.walk(terms, codes, forward=True)
            yield codes[pairs.origin], pairs.reached

    def degree(self, terms: Terms, code: int, *, forward: bool) -> int:  # noqa: ARG002
        """See :class:`kg.sparql.relations.Relation`."""
        return 4 if forward else 1

    def _unique(self, terms: Terms, origin: Origin, codes: Codes, rows: Origin) -> Pairs:
        """The texts of the rows; one that two sources bring counts once."""
        texts = self._texts(rows)
        if self._beside_names:
            other = self._others(codes[origin], texts)
            origin, texts = origin[other], [t for t, keep in zip(texts, other, strict=True) if keep]
        reached = terms.encode_curies(texts) if self._as_iri else terms.encode_texts(texts)
        if len(origin) < 2:
            return Pairs(origin, reached)
        pairs = np.unique(np.stack([origin, reached], axis=1), axis=0)
        return Pairs(pairs[:, 0], pairs[:, 1])

    def _others(self, nodes: Codes, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Which of the texts are not the shown name of their node."""
        if not self._beside_names:
            return np.ones(len(texts), bool)
        names = self._numbering.texts(self._numbering.graph.names, nodes)
        return np.array([a != b for a, b in zip(names, texts, strict=True)], bool)

    def _texts(self, rows: Rows | Origin) -> list[str]:
        import pyarrow as pa

        texts: list[str] = self._labels.text.take(pa.array(rows)).to_pylist()
        return texts


def _walk_back(relation: NameRelation | TextRelation, terms: Terms, codes: Codes) -> Pairs:
    """From texts to nodes, each distinct text looked up once."""
    distinct, place = np.unique(codes, return_inverse=True)
    found = [relation.nodes(terms, int(code)) for code in distinct.tolist()]
    origin = np.repeat(np.arange(len(codes)), [len(found[i]) for i in place.tolist()])
    pieces = [found[i] for i in place.tolist()]
    return Pairs(origin, np.concatenate(pieces) if pieces else np.empty(0, np.int64))
