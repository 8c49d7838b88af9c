"""Small random graphs of which three sources state some edges each, some of them together."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from kg.builder import build
from kg.graph import Graph, Provenance
from tests.graphs import Handmade
from tests.kg.random_graphs import EDGE_TYPES, PREFIXES

PROVENANCES = (
    Provenance("one", "infores:one", "CC0-1.0", "knowledge_assertion", "manual_agent"),
    Provenance("two", "infores:two", "CC-BY-4.0", "prediction", "computational_model"),
    Provenance("two", "infores:three", "CC0-1.0", "prediction", "manual_agent"),
)


@st.composite
def sourced_graphs(draw: st.DrawFn, largest: int = 4, most_edges: int = 8) -> Graph:
    """A graph of up to ``largest`` nodes a type; each edge is stated once or more."""
    nodes = {
        node_type: {
            f"{prefix}:{i}": f"{node_type} {i}" for i in range(draw(st.integers(1, largest)))
        }
        for node_type, prefix in PREFIXES.items()
    }
    sources: list[Handmade] = []
    for provenance in PROVENANCES:
        edges = {}
        for edge_type in EDGE_TYPES:
            heads, tails = list(nodes[edge_type.head]), list(nodes[edge_type.tail])
            pairs = st.tuples(st.sampled_from(heads), st.sampled_from(tails))
            edges[str(edge_type)] = draw(st.lists(pairs, max_size=most_edges))
        sources.append(Handmade(nodes if not sources else {}, edges, provenance=provenance))
    return build(sources).graph


def dense_graph(seed: int, edge_types: Sequence[str], *, size: int, share: float) -> Graph:
    """``size`` nodes a type; each source states each edge with probability ``share``."""
    rng = np.random.default_rng(seed)
    nodes = {t: {f"{p}:{i}": f"{t} {i}" for i in range(size)} for t, p in PREFIXES.items()}
    sources: list[Handmade] = []
    for provenance in PROVENANCES:
        edges = {}
        for name in edge_types:
            heads, tails = (list(nodes[node_type]) for node_type in name.split("-")[::2])
            chosen = np.argwhere(rng.random((size, size)) < share)
            edges[name] = [(heads[i], tails[j]) for i, j in chosen]
        sources.append(Handmade(nodes if not sources else {}, edges, provenance=provenance))
    return build(sources).graph
