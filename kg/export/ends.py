"""What a written file says of its nodes and of the ends of its edges, as ``check`` reads it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Ends:
    """The nodes and edges of one format's files, by identifier.

    Attributes:
        nodes: identifiers of all nodes, in the order of the file.
        edges: (subject, object) of all edges, in the order of the file.
        node_types: of each of ``nodes``; empty where the format does not name our types.
        edge_types: of each of ``edges``, such as ``Drug-treats-Disease``; where the format names no
            node types and so no more, the relation.
    """

    nodes: Sequence[str]
    edges: Sequence[tuple[str, str]]
    node_types: Sequence[str] = ()
    edge_types: Sequence[str] = ()

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

    def mistyped(
        self, nodes: Mapping[str, int], edges: Mapping[str, int], *, whole: bool = True
    ) -> Iterator[str]:
        """How the counts of types differ from the expected ones, as far as the file names types.

        Args:
            nodes: node type -> how many nodes.
            edges: edge type -> how many edges; an edge with several assertions is one.
            whole: False where the file may hold fewer.
        """
        by_type = Counter(kind for kind, *_ in set(zip(self.edge_types, self.edges, strict=False)))
        what, wanted = "edges of the type", Counter(edges)
        if not any("-" in kind for kind in by_type):
            what, wanted = "edges of the relation", Counter()
            for edge_type, count in edges.items():
                wanted[edge_type.split("-")[1]] += count
        for says, found, expected in (
            ("nodes of the type", Counter(self.node_types), Counter(nodes)),
            (what, by_type, wanted),
        ):
            for kind in sorted({*found, *expected}) if found else ():
                if found[kind] > expected[kind] or (whole and found[kind] != expected[kind]):
                    yield f"{found[kind]} {says} {kind}, not {expected[kind]}"


def ends(
    nodes: Iterable[str],
    types: Iterable[str],
    subjects: Iterable[str],
    objects: Iterable[str],
    relations: Iterable[str],
) -> Ends:
    """Put together what was read column by column; edge types follow from nodes and relations."""
    nodes, types = list(nodes), list(types)
    type_of = dict(zip(nodes, types, strict=True))
    edges = list(zip(subjects, objects, strict=True))
    kinds = [
        f"{type_of.get(subject)}-{relation}-{type_of.get(target)}"
        for (subject, target), relation in zip(edges, relations, strict=True)
    ]
    return Ends(nodes, edges, types, kinds)
