"""Where paths may go: through some nodes, around others, never twice through their own ends."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from kg.errors import SchemaError
from kg.graph import Graph, Node
from kg.schema import Metapath, abbreviate

Mask = NDArray[np.bool_]  # (n,) the nodes of one type that may stand somewhere


def node_types(metapath: Metapath) -> list[str]:
    """The node type of each position, one more than there are steps."""
    return [metapath[0].source, *(step.target for step in metapath)]


def cases(
    graph: Graph, metapath: Metapath, through: Iterable[Node], avoid: Iterable[Node]
) -> list[list[Mask | None]]:
    """Ways for a path to be wanted, no two of which a path can meet at once.

    Each is a list with a mask of rows a position, None where every node may stand. With ``through``
    there is one for each position at which a path may meet the first of these nodes.

    Raises:
        SchemaError: no inner node can be one of ``through``.
        UnknownNodeError: a node is not in the graph.
    """
    types = node_types(metapath)
    avoided, wanted = _masks(graph, avoid), _masks(graph, through)
    inner = range(1, len(types) - 1)
    free: list[Mask | None] = [None] * len(types)
    for i in inner:
        if types[i] in avoided:
            free[i] = ~avoided[types[i]]
    if not wanted:
        return [free]
    places = [i for i in inner if types[i] in wanted]
    if not places:
        between = ", ".join(dict.fromkeys(types[i] for i in inner)) or "no node"
        raise SchemaError(
            f"{abbreviate(metapath)} has {between} between its ends; "
            f"it cannot pass through a {' or '.join(wanted)}"
        )
    found = []
    for first in places:
        masks = list(free)
        for i in places:
            if i <= first:
                mask = wanted[types[i]] if i == first else ~wanted[types[i]]
                known = masks[i]
                masks[i] = mask if known is None else known & mask
        found.append(masks)
    return found


def without_ends(
    graph: Graph, types: list[str], masks: list[Mask | None], ends: Mapping[int, int]
) -> list[Mask | None]:
    """``masks`` without the fixed ends at every other position of their types."""
    result = list(masks)
    for i, node_type in enumerate(types):
        others = [end for at, end in ends.items() if types[at] == node_type]
        known = result[i]
        if i in ends or not others:
            continue
        mask = np.ones(graph.n_nodes(node_type), bool) if known is None else known.copy()
        mask[others] = False
        result[i] = mask
    return result


def _masks(graph: Graph, nodes: Iterable[Node]) -> dict[str, Mask]:
    masks: dict[str, Mask] = {}
    for node in nodes:
        mask = masks.setdefault(node.type, np.zeros(graph.n_nodes(node.type), bool))
        mask[graph.row(node.type, node.id)] = True
    return masks
