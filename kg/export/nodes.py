"""The nodes of a subset as columns, with the texts that the asked sources and licences allow."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kg.graph import LABEL_KINDS, Graph, Rows
from kg.schema import NODES
from kg.selection import Subset

if TYPE_CHECKING:
    import pyarrow as pa

SHOWN = ("id", "name", "synonym", "code")  # the kinds of labels that most formats carry


def label_rows(subset: Subset, place: Mapping[str, Rows]) -> Rows:
    """The row in the nodes table of each label of the graph: (l,).

    Args:
        subset: what was selected.
        place: node type -> (n,) row in the nodes table of each node of the graph, -1 for none.

    Returns:
        -1 for a label of another node, or of a provenance that the selection does not let pass.
    """
    graph, passing = subset.graph, subset.provenances
    labels = graph.labels
    if not len(labels.node):
        return np.empty(0, np.int32)
    row = np.concatenate([place[t] for t in graph.node_types])[labels.node]
    if not passing.all():
        row[~passing[labels.provenance]] = -1
    result: Rows = row
    return result


def nodes_table(subset: Subset, label_row: Rows) -> "pa.Table":
    """One row a node: id, category, name, synonym, xref, node_type; by type, then id."""
    import pyarrow as pa

    graph = subset.graph
    types = list(subset.nodes)
    sizes = [len(rows) for rows in subset.nodes.values()]
    ids = _concatenated([graph.ids[t].take(pa.array(subset.nodes[t])) for t in types])
    names = _concatenated([graph.names[t].take(pa.array(subset.nodes[t])) for t in types])
    if not subset.provenances.all():
        names = _allowed_names(ids, names, graph, label_row)
    by_type = pa.array(np.repeat(np.arange(len(types), dtype=np.int8), sizes))
    categories = pa.array([NODES[t].category for t in types], pa.string())
    synonyms = texts(graph, label_row, ("name", "synonym"), len(ids), names)
    return pa.table(
        {
            "id": ids,
            "category": pa.DictionaryArray.from_arrays(by_type, categories),
            "name": names,
            "synonym": synonyms,
            "xref": texts(graph, label_row, ("code",), len(ids)),
            "node_type": pa.DictionaryArray.from_arrays(by_type, pa.array(types, pa.string())),
        }
    )


def _concatenated(arrays: list[Any]) -> Any:
    import pyarrow as pa

    return pa.concat_arrays(arrays) if arrays else pa.array([], pa.string())


def _allowed_names(ids: Any, names: Any, graph: Graph, label_row: Rows) -> Any:
    """Each name that an allowed source gives; the identifier in place of the others."""
    import pyarrow as pa
    import pyarrow.compute as pc

    labels = graph.labels
    numbers = np.flatnonzero((label_row >= 0) & (labels.kind == LABEL_KINDS.index("name")))
    rows = label_row[numbers]
    same = pc.equal(labels.text.take(pa.array(numbers)), names.take(pa.array(rows)))
    said = np.zeros(len(ids), bool)
    said[rows[same.to_numpy(zero_copy_only=False)]] = True
    return pc.if_else(pa.array(said), names, ids)


def texts(
    graph: Graph, label_row: Rows, kinds: Sequence[str], n_nodes: int, besides: Any = None
) -> "pa.ListArray":
    """Each node's texts of some kinds, each once, sorted, and not its text in ``besides``."""
    import pyarrow as pa
    import pyarrow.compute as pc

    labels = graph.labels
    wanted = np.isin(labels.kind, [LABEL_KINDS.index(kind) for kind in kinds])
    numbers = np.flatnonzero((label_row >= 0) & wanted)
    found = labels.text.take(pa.array(numbers))
    if besides is not None:
        other = pc.not_equal(found, besides.take(pa.array(label_row[numbers])))
        other = other.to_numpy(zero_copy_only=False).astype(bool)
        numbers, found = numbers[other], found.filter(pa.array(other))
    coded = found.dictionary_encode()
    order = pc.sort_indices(coded.dictionary).to_numpy()
    n_texts = max(len(order), 1)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    keys = np.unique(label_row[numbers].astype(np.int64) * n_texts + rank[coded.indices.to_numpy()])
    values = coded.dictionary.take(pa.array(order[keys % n_texts]))
    starts = np.searchsorted(keys // n_texts, np.arange(n_nodes + 1)).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(starts), values)
