"""Reasons name their sources, and their paths exist and lead from the drug to the disease."""

from itertools import pairwise

import numpy as np
import pytest

from kg.errors import SchemaError
from kg.graph import Graph
from kg.paths import Path, heaviest_path
from kg.schema import EdgeType, Metapath
from recommend.bundle import Bundle
from recommend.contributions import Contributions, top_contributions
from recommend.explain import PALLIATES, TREATS, path_reasons, reasons, recorded
from recommend.recommender import Recommender
from recommend.suggestion import PathEdge, Reason
from tests.graphs import make_graph
from tests.recommend.cases import patient
from tests.recommend.ward import GENE, ILL, D, ward, ward_bundle


@pytest.fixture(scope="module")
def graph() -> Graph:
    return ward()


@pytest.fixture(scope="module")
def bundle(graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return ward_bundle(tmp_path_factory.mktemp("ward") / "bundle", graph)


def walk(edges: tuple[PathEdge, ...]) -> list[str]:
    """The nodes of a path in order, each edge beginning where the last one ended."""
    assert all(a.tail == b.head for a, b in pairwise(edges))
    return [edges[0].head, *(edge.tail for edge in edges)]


def exists(graph: Graph, edge: PathEdge) -> bool:
    head, tail = (edge.head, edge.tail) if edge.forward else (edge.tail, edge.head)
    (head_type, head_row), (tail_type, tail_row) = graph.find(head), graph.find(tail)  # type: ignore[misc]
    edge_type = EdgeType(head_type, edge.relation, tail_type)
    return graph.find_edge(edge_type, head_row, tail_row) is not None


def test_a_recorded_use_names_its_source_and_references(graph: Graph) -> None:
    reason = recorded(graph, TREATS, 0, 0)

    assert reason is not None
    assert reason.text == "recorded as treatment by test (guide-1, guide-2)"
    assert reason.edges == (PathEdge(D[0], "treats", ILL, True, ("infores:test",)),)
    assert (reason.metapath, reason.share) == ("", None)


def test_a_use_that_no_one_records_has_no_record(graph: Graph) -> None:
    assert recorded(graph, TREATS, 5, 0) is None
    assert recorded(graph, EdgeType("Drug", "causes", "SideEffect"), 0, 0) is None


def test_relief_is_said_to_be_relief(graph: Graph, bundle: Bundle) -> None:
    both = reasons(graph, bundle.contributions, 4, 0, limit=3)

    assert [r.text for r in both] == [
        "recorded as treatment by test",
        "recorded as relief of symptoms by test",
    ]
    assert reasons(graph, bundle.contributions, 4, 0, limit=1) == both[:1]
    assert recorded(graph, PALLIATES, 3, 0) is not None


def test_paths_come_from_positive_parts_that_the_graph_can_show(
    graph: Graph, bundle: Bundle
) -> None:
    found = path_reasons(graph, bundle.contributions, 5, 0, limit=3)

    assert [r.metapath for r in found] == ["CbGaD"]  # no CrCbGaD path, and a degree is no path
    assert walk(found[0].edges) == [D[5], GENE, ILL]
    assert [edge.forward for edge in found[0].edges] == [True, False]
    assert found[0].share == 0.5  # 3 of 3 + 1 + 2
    assert "drug 5" in found[0].text
    assert "illness" in found[0].text
    assert path_reasons(graph, bundle.contributions, 8, 0, limit=3) == []
    assert path_reasons(graph, bundle.contributions, 7, 0, limit=3) == []  # its path speaks against
    assert path_reasons(graph, bundle.contributions, 5, 0, limit=0) == []


def explained(graph: Graph, features: list[str], parts: list[float]) -> Contributions:
    """All pairs with the same ``parts``."""
    shape = graph.n_nodes("Drug"), graph.n_nodes("Disease")
    dense = np.tile(parts, (shape[0] * shape[1], 1))
    return top_contributions(features, [dense], base=np.zeros(shape[1]), shape=shape)


def test_a_metapath_that_several_features_stand_for_is_one_reason(graph: Graph) -> None:
    features = ["CbGaD", "Drug-binds-Gene degree", "CbGaD"]
    contributions = explained(graph, features, [1.0, 2.0, 1.0])

    (reason,) = path_reasons(graph, contributions, 5, 0, limit=3)

    assert (reason.metapath, reason.share) == ("CbGaD", 0.5)


def test_a_metapath_whose_features_speak_against_it_together_is_no_reason(graph: Graph) -> None:
    contributions = explained(graph, ["CbGaD", "CbGaD"], [1.0, -3.0])

    assert path_reasons(graph, contributions, 5, 0, limit=3) == []


def test_a_share_counts_what_is_not_kept_one_by_one(graph: Graph) -> None:
    names = [f"degree {i}" for i in range(20)]
    contributions = explained(graph, ["CbGaD", *names], [3.0, *[0.5] * 20])

    (reason,) = path_reasons(graph, contributions, 5, 0, limit=3)

    assert reason.share == pytest.approx(3 / 13, abs=1e-4)


def test_long_metapaths_are_reasons_as_well() -> None:
    genes = [f"NCBIGene:{i}" for i in range(1, 4)]
    way = [("PW:1", genes[1]), ("PW:1", genes[2])]
    graph = make_graph(
        {
            "Drug": {D[0]: "new", D[1]: "known"},
            "Disease": {ILL: "illness"},
            "Gene": {gene: gene for gene in genes},
            "Pathway": {"PW:1": "way"},
        },
        {
            "Drug-binds-Gene": [(D[0], genes[0]), (D[1], genes[2])],
            "Drug-treats-Disease": [(D[1], ILL)],
            "Gene-interacts-Gene": [(genes[0], genes[1])],
            "Gene-participates-Pathway": [(gene, pathway) for pathway, gene in way],
        },
    )
    contributions = explained(graph, ["CbGiGpPWpGbCtD"], [1.0])

    (reason,) = path_reasons(graph, contributions, 0, 0, limit=3)

    assert walk(reason.edges) == [D[0], genes[0], genes[1], "PW:1", genes[2], D[1], ILL]
    assert path_reasons(graph, contributions, 1, 0, limit=3) == []  # not by way of itself


def test_a_path_that_takes_too_long_to_find_makes_room_for_the_next(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(graph: Graph, metapath: Metapath, *ends: int) -> Path | None:
        if len(metapath) > 2:
            raise SchemaError("too many")
        return heaviest_path(graph, metapath, *ends)

    monkeypatch.setattr("recommend.explain.heaviest_path", refuse)
    contributions = explained(graph, ["CbGiGaD", "CbGaD"], [2.0, 1.0])

    found = path_reasons(graph, contributions, 5, 0, limit=3)

    assert [reason.metapath for reason in found] == ["CbGaD"]


def test_without_record_and_path_the_one_reason_says_what_the_score_rests_on(
    graph: Graph, bundle: Bundle
) -> None:
    assert path_reasons(graph, bundle.contributions, 5, 1, limit=3) == []
    (reason,) = reasons(graph, bundle.contributions, 5, 1, limit=3)

    assert reason.text.startswith("no path in the graph speaks for it; its score")
    assert (reason.metapath, reason.edges, reason.share) == ("", (), None)


def _all_reasons(recommender: Recommender) -> list[tuple[str, str, Reason]]:
    profile = patient(
        recommender.graph,
        conditions=["hypertension", "asthma", "type 2 diabetes mellitus", "migraine"],
    )
    answer = recommender.recommend(profile, k=5)
    assert all(s.reasons for s in answer.suggestions)
    return [(s.drug, s.condition, r) for s in answer.suggestions for r in s.reasons if r.edges]


def test_on_the_starter_every_reason_is_a_path_of_edges_that_exist(
    recommender: Recommender,
) -> None:
    found = _all_reasons(recommender)

    assert len(found) > 30
    for drug, disease, reason in found:
        nodes = walk(reason.edges)
        assert (nodes[0], nodes[-1]) == (drug, disease)
        assert len(set(nodes)) == len(nodes)
        assert all(exists(recommender.graph, edge) for edge in reason.edges)
        assert all(edge.sources for edge in reason.edges)
        assert reason.share is None or 0 < reason.share <= 1
        assert len(reason.edges) == 1 or reason.metapath
