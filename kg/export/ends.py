"""What a written file says of its nodes and of the ends of its edges, as ``check`` reads it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Ends:
    """The nodes and edges of one format's files, by identifier.

    Attributes:
        nodes: identifiers of all nodes, in the order of the file.
        edges: (subject, object) of all edges, in the order of the file.
    """

    nodes: Sequence[str]
    edges: Sequence[tuple[str, str]]

    def twice(self) -> Iterator[str]:
        """Identifiers of nodes that stand more than once."""
        seen: set[str] = set()
        for node in self.nodes:
            if node in seen:
                yield node
            seen.add(node)

    def dangling(self) -> Iterator[str]:
        """Ends of edges that are no nodes."""
        nodes = set(self.nodes)
        yield from (end for edge in self.edges for end in edge if end not in nodes)


def ends(nodes: Iterable[str], subjects: Iterable[str], objects: Iterable[str]) -> Ends:
    """Put together what was read column by column."""
    return Ends(list(nodes), list(zip(subjects, objects, strict=True)))
