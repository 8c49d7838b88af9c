"""One pair named by people, and all parts of its score."""

from pathlib import Path

from kg.graph import Graph
from kg.query import find_node
from recommend.bundle import open_bundle
from recommend.explanation import Explanation
from recommend.recommender import Recommender
from service.profiles import read_profile_file


def explain(
    graph: Graph,
    bundle: Path,
    drug: str,
    disease: str,
    *,
    profile: Path | None = None,
    n_edges: int = 3,
) -> Explanation:
    """See :meth:`Recommender.explain`.

    Args:
        graph: of the bundle.
        bundle: its folder.
        drug: a name, a code or a CURIE.
        disease: the same.
        profile: a JSON file, for what the patient's history adds.
        n_edges: how many edges are taken out.

    Raises:
        UnknownNodeError, SchemaError: no such drug or disease.
        BundleError: the bundle cannot be used, or something was hidden from its training.
    """
    asked = ((drug, "Drug"), (disease, "Disease"))
    ids = [find_node(graph, text, (kind,), "what is explained is").id for text, kind in asked]
    recommender = Recommender.load(open_bundle(bundle, graph, verify=True), graph=graph)
    known = read_profile_file(profile, graph) if profile else None
    return recommender.explain(ids[0], ids[1], profile=known, n_edges=n_edges)
