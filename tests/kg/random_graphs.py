"""Small random graphs for oracles: few nodes, many edge types, self-loops and repeats included."""

from hypothesis import strategies as st

from kg.graph import Graph
from kg.schema import EdgeType
from tests.graphs import make_graph

PREFIXES = {"Disease": "DOID", "Drug": "DRUGBANK", "Gene": "NCBIGene", "SideEffect": "UMLS"}
EDGE_TYPES = [
    EdgeType("Disease", "associates", "Gene"),
    EdgeType("Disease", "subclass_of", "Disease"),
    EdgeType("Drug", "binds", "Gene"),
    EdgeType("Drug", "causes", "SideEffect"),
    EdgeType("Drug", "interacts", "Drug"),
    EdgeType("Drug", "treats", "Disease"),
    EdgeType("Gene", "interacts", "Gene"),
    EdgeType("Gene", "regulates", "Gene"),
]


@st.composite
def graphs(draw: st.DrawFn, largest: int = 5, most_edges: int = 9) -> Graph:
    """A graph of up to ``largest`` nodes a type; edges are drawn with repetition."""
    sizes = {node_type: draw(st.integers(1, largest)) for node_type in PREFIXES}
    nodes = {
        node_type: {f"{PREFIXES[node_type]}:{i}": f"{node_type} {i}" for i in range(size)}
        for node_type, size in sizes.items()
    }
    edges = {}
    for edge_type in EDGE_TYPES:
        heads, tails = list(nodes[edge_type.head]), list(nodes[edge_type.tail])
        pairs = st.tuples(st.sampled_from(heads), st.sampled_from(tails))
        edges[str(edge_type)] = draw(st.lists(pairs, max_size=most_edges))
    return make_graph(nodes, edges)
