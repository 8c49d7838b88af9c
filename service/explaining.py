"""One pair named by people, and all parts of its score."""

from pathlib import Path

from kg.graph import Graph
from kg.query import find_node
from recommend.bundle import open_bundle
from recommend.explanation import Explanation
from recommend.recommender import Recommender


def explain(graph: Graph, bundle: Path, drug: str, disease: str, *, n_edges: int) -> Explanation:
    """See :meth:`Recommender.explain`.

    Args:
        graph: of the bundle.
        bundle: its folder.
        drug: a name, a code or a CURIE.
        disease: the same.
        n_edges: how many edges are taken out.

    Raises:
        UnknownNodeError, SchemaError: no such drug or disease.
        BundleError: the bundle cannot be used, or something was hidden from its training.
    """
    asked = ((drug, "Drug"), (disease, "Disease"))
    ids = [find_node(graph, text, (kind,), "what is explained is").id for text, kind in asked]
    recommender = Recommender.load(open_bundle(bundle, graph, verify=True), graph=graph)
    return recommender.explain(*ids, n_edges=n_edges)
