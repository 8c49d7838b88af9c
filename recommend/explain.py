"""Why a drug is suggested for a disease: the record, and the strongest paths behind the score.

A model that counts paths says which kinds of path speak for a pair (its contributions add up to its
score); the graph gives the heaviest path of each kind. Sources are named edge by edge.
"""

from collections.abc import Iterable
from functools import lru_cache

from kg.errors import SchemaError
from kg.graph import Graph
from kg.paths import Path, heaviest_path
from kg.query import path_in_words
from kg.schema import EdgeType, Metapath, parse_metapath
from recommend.contributions import Contributions, is_metapath
from recommend.suggestion import PathEdge, Reason

TREATS = EdgeType("Drug", "treats", "Disease")
PALLIATES = EdgeType("Drug", "palliates", "Disease")

NO_PATH = Reason(
    "no path in the graph speaks for it; its score rests on what cannot be shown as a path",
    "",
    (),
    None,
)

_RECORDED = {TREATS: "treatment", PALLIATES: "relief of symptoms"}


def reasons(
    graph: Graph, contributions: Contributions, drug: int, disease: int, *, limit: int
) -> tuple[Reason, ...]:
    """Records of the use itself, then the paths that speak most for it; ``limit`` at most.

    Never nothing: where neither is found, the one reason says what the score rests on.
    """
    stated = [recorded(graph, edge_type, drug, disease) for edge_type in (TREATS, PALLIATES)]
    found = [reason for reason in stated if reason is not None][:limit]
    paths = path_reasons(graph, contributions, drug, disease, limit=limit - len(found))
    return (*found, *paths) or (NO_PATH,)


def recorded(graph: Graph, edge_type: EdgeType, drug: int, disease: int) -> Reason | None:
    """The reason that a source records the use itself, or None if none does."""
    edge = graph.find_edge(edge_type, drug, disease)
    if edge is None:
        return None
    assertions = graph.assertions(edge_type, edge)
    said = []
    for assertion in assertions:
        references = ", ".join(assertion.details.get("reference", ()))
        source = assertion.provenance.primary_knowledge_source.removeprefix("infores:")
        said.append(f"{source} ({references})" if references else source)
    text = f"recorded as {_RECORDED[edge_type]} by {'; '.join(said)}"
    sources = tuple(a.provenance.primary_knowledge_source for a in assertions)
    head = graph.ids[edge_type.head][drug].as_py()
    tail = graph.ids[edge_type.tail][disease].as_py()
    return Reason(text, "", (PathEdge(head, edge_type.relation, tail, True, sources),), None)


def path_reasons(
    graph: Graph, contributions: Contributions, drug: int, disease: int, *, limit: int
) -> list[Reason]:
    """The heaviest path of each of the ``limit`` metapaths that speak most for the pair.

    Args:
        graph: the bundle's graph.
        contributions: of the bundle.
        drug: row of the drug.
        disease: row of the disease.
        limit: how many reasons at most.

    Returns:
        Strongest first, each metapath once; empty where no path speaks for the pair. A share is of
        all that speaks for it, what has no path included.
    """
    parts = contributions.of(drug, disease)
    total = sum(part for _, part in parts if part > 0)
    total += max(float(contributions.rest[drug, disease]), 0.0)
    reasons: list[Reason] = []
    for name, part in _by_metapath(parts):
        if part <= 0 or len(reasons) == limit:
            break
        metapath = _steps(name, graph.edge_types)
        try:
            path = heaviest_path(graph, metapath, drug, disease)
        except SchemaError:  # it cannot be found in a moment: the next one may
            continue
        if path is not None:
            edges = tuple(path_edges(graph, metapath, path))
            text = path_in_words(graph, metapath, path)
            reasons.append(Reason(text, name, edges, round(part / total, 4)))
    return reasons


def _by_metapath(parts: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    """The parts of features that are metapaths, several of one metapath summed; largest first."""
    sums: dict[str, float] = {}
    for name, part in parts:
        if is_metapath(name):
            sums[name] = sums.get(name, 0.0) + part
    return sorted(sums.items(), key=lambda item: -item[1])


@lru_cache(maxsize=1024)
def _steps(name: str, edge_types: tuple[EdgeType, ...]) -> Metapath:
    return parse_metapath(name, edge_types)


def path_edges(graph: Graph, metapath: Metapath, path: Path) -> Iterable[PathEdge]:
    """The edges of a path as walked, each with its sources."""
    for step, begin, end, edge in zip(metapath, path.rows, path.rows[1:], path.edges, strict=False):
        assertions = graph.assertions(step.edge_type, edge)
        yield PathEdge(
            graph.ids[step.source][begin].as_py(),
            step.edge_type.relation,
            graph.ids[step.target][end].as_py(),
            step.forward,
            tuple(dict.fromkeys(a.provenance.primary_knowledge_source for a in assertions)),
        )
