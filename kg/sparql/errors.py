"""What can go wrong with a query in SPARQL."""

from kg.errors import KgError


class SparqlError(KgError, ValueError):
    """A query that cannot be read, asks for what is refused, or would change the graph."""
