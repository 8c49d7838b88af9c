"""What networkx reads about this backend when it is imported; loads nothing."""

FUNCTIONS = {
    "bfs_edges": "Level by level over the columns; sort_neighbors runs networkx's own code.",
    "connected_components": "scipy's search over the columns.",
    "degree_centrality": "From the row lengths.",
    "has_path": "From both ends at once over the columns.",
    "pagerank": "Power iteration over the columns; every argument is supported.",
    "shortest_path": "Over the columns; with weight, networkx's own code reads the view.",
}


def backend_info() -> dict[str, object]:
    """The backend's name, and the functions that run on its columns."""
    return {
        "backend_name": "pharmakon",
        "project": "pharmakon",
        "package": "pharmakon",
        "short_summary": "Runs on the columns of a medical knowledge graph, without a copy.",
        "functions": {name: {"additional_docs": text} for name, text in FUNCTIONS.items()},
    }
