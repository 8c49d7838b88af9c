"""What names are found by: small indices over the labels of a graph.

Built once a graph, by pure functions of its labels, and kept as plain arrays, so that a stored
graph maps them into memory.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.graph import LABEL_KINDS, Graph
from kg.names.keys import bag
from kg.trigrams import TrigramIndex, index_trigrams

# Types of which people write the names; of genes and processes they copy them.
_WRITTEN = ("Disease", "Drug", "DrugClass", "Exposure", "Phenotype", "SideEffect", "Symptom")
_OWN = ("name", "synonym", "product", "xref")
_TEXTS = (*_OWN, "broader")


@dataclass(frozen=True, eq=False)
class NameIndex:
    """Labels by key, by the bag of their words, and distinct names by trigram.

    Attributes:
        key_hashes: (l,) hashes of all labels' keys, sorted.
        key_labels: (l,) the label of each, ascending for equal hashes.
        bag_hashes: (b,) hashes of bags, sorted.
        bag_labels: (b,) the label of each.
        named: (n,) a label for each distinct key of a node type, in the order of labels.
        trigrams: of the keys of ``named``.
    """

    key_hashes: NDArray[np.uint64]
    key_labels: NDArray[np.int32]
    bag_hashes: NDArray[np.uint64]
    bag_labels: NDArray[np.int32]
    named: NDArray[np.int32]
    trigrams: TrigramIndex

    def with_key(self, key: str) -> NDArray[np.int32]:
        """Labels whose key has the hash of ``key``; the caller compares the keys themselves."""
        return _equal(self.key_hashes, self.key_labels, key)

    def with_bag(self, words: str) -> NDArray[np.int32]:
        """Labels whose bag has the hash of ``words``; the caller compares the bags themselves."""
        return _equal(self.bag_hashes, self.bag_labels, words)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The columns by name, for the store."""
        return {
            "key_hashes": self.key_hashes,
            "key_labels": self.key_labels,
            "bag_hashes": self.bag_hashes,
            "bag_labels": self.bag_labels,
            "named": self.named,
            "trigram_codes": self.trigrams.codes,
            "trigram_starts": self.trigrams.starts,
            "trigram_texts": self.trigrams.texts,
            "trigram_sizes": self.trigrams.sizes,
        }


def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> NameIndex:
    """The index that :meth:`NameIndex.to_arrays` gave."""
    return NameIndex(
        arrays["key_hashes"],
        arrays["key_labels"],
        arrays["bag_hashes"],
        arrays["bag_labels"],
        arrays["named"],
        TrigramIndex(
            arrays["trigram_codes"],
            arrays["trigram_starts"],
            arrays["trigram_texts"],
            arrays["trigram_sizes"],
        ),
    )


def index_names(graph: Graph) -> NameIndex:
    """The index of a graph's labels; a second for every 100,000 of them."""
    labels = graph.labels
    kinds = np.asarray(labels.kind)
    written = np.zeros(len(kinds), bool)
    for start, end in _ranges(graph, _WRITTEN):
        written[start:end] = True
    texts = np.flatnonzero(written & np.isin(kinds, [LABEL_KINDS.index(kind) for kind in _TEXTS]))
    by_key = _sorted(labels.key.to_pylist(), np.arange(len(kinds)))
    by_bag = _sorted([bag(text) for text in labels.text.take(texts).to_pylist()], texts)

    own = np.flatnonzero(np.isin(kinds, [LABEL_KINDS.index(kind) for kind in _OWN]))
    keys = labels.key.take(own).to_pylist()
    seen: set[tuple[int, str]] = set()
    first = []
    types = np.searchsorted(list(graph.offsets.values()), labels.node[own], side="right").tolist()
    for position, named in enumerate(zip(types, keys, strict=True)):
        if named not in seen:
            seen.add(named)
            first.append(position)
    return NameIndex(
        key_hashes=by_key[0],
        key_labels=by_key[1],
        bag_hashes=by_bag[0],
        bag_labels=by_bag[1],
        named=own[first].astype(np.int32),
        trigrams=index_trigrams([keys[position] for position in first]),
    )


def name_index(graph: Graph) -> NameIndex:
    """The graph's index, as it was stored with it; built anew for a graph that has none."""
    return from_arrays(graph.index) if graph.index else index_names(graph)


def among_types(graph: Graph, labels: NDArray[np.int32], types: Iterable[str]) -> Any:
    """(n,) which of ``labels`` belong to nodes of the ``types``."""
    chosen = np.zeros(len(labels), bool)
    for start, end in _ranges(graph, types):
        chosen |= (labels >= start) & (labels < end)
    return chosen


def _ranges(graph: Graph, types: Iterable[str]) -> Iterable[tuple[int, int]]:
    """The labels of each type: they are sorted by node, and nodes by type."""
    for node_type in types:
        if node_type in graph.node_types:
            offset = graph.offsets[node_type]
            bounds = (offset, offset + graph.n_nodes(node_type))
            start, end = np.searchsorted(graph.labels.node, bounds)
            yield int(start), int(end)


def _sorted(
    texts: Sequence[str], labels: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
    """Hashes of ``texts``, sorted, and the label of each."""
    hashes = np.array([_hash(text) for text in texts], np.uint64)
    order = np.argsort(hashes, kind="stable")
    return hashes[order], labels[order].astype(np.int32)


def _equal(hashes: NDArray[np.uint64], labels: NDArray[np.int32], text: str) -> NDArray[np.int32]:
    wanted = np.uint64(_hash(text))
    return labels[hashes.searchsorted(wanted) : hashes.searchsorted(wanted, "right")]


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(errors="replace"), digest_size=8).digest())
