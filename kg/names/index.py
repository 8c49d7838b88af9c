"""What names are found by: small indices over the labels of a graph.

Built once a graph, by pure functions of its labels, and kept as plain arrays, so that a stored
graph maps them into memory.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kg.graph import LABEL_KINDS, Graph
from kg.hashes import hash_text, hash_texts
from kg.names.keys import bag
from kg.trigrams import TrigramIndex, index_trigrams

# Types of which people write the names; of genes and processes they copy them.
_WRITTEN = ("Disease", "Drug", "DrugClass", "Exposure", "Phenotype", "SideEffect", "Symptom")
_OWN = ("name", "synonym", "product", "xref")
_TEXTS = (*_OWN, "broader")


@dataclass(frozen=True, eq=False)
class NameIndex:
    """Labels by the bag of their words, and distinct names by trigram.

    Attributes:
        bag_hashes: (b,) hashes of bags, sorted.
        bag_labels: (b,) the label of each.
        named: (n,) a label for each distinct key of a node type, in the order of labels.
        trigrams: of the keys of ``named``.
    """

    bag_hashes: NDArray[np.uint64]
    bag_labels: NDArray[np.int32]
    named: NDArray[np.int32]
    trigrams: TrigramIndex

    def with_bag(self, words: str) -> NDArray[np.int32]:
        """Labels whose bag has the hash of ``words``; the caller compares the bags themselves."""
        wanted = np.uint64(hash_text(words))
        start = self.bag_hashes.searchsorted(wanted)
        return self.bag_labels[start : self.bag_hashes.searchsorted(wanted, "right")]

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The columns by name, for the store."""
        return {
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
    bags = list(map(bag, labels.text.take(texts).to_pylist()))
    hashes = hash_texts(pa.array(bags, pa.string()))
    by_bag = np.argsort(hashes, kind="stable")

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
        bag_hashes=hashes[by_bag],
        bag_labels=texts[by_bag].astype(np.int32),
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
