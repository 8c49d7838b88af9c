"""The exact parts of a score, and what an edge is worth."""

from pathlib import Path

import numpy as np
import pytest

from kg.graph import Graph
from recommend.bundle import Bundle
from recommend.errors import BundleError
from recommend.explanation import Explainer, Explanation, without_edges
from recommend.interactions import training_data
from tests.recommend.planted import planted_graph
from tests.recommend.small import train_lightly

pytest.importorskip("torch_geometric", reason="the extra train is not installed")


@pytest.fixture(scope="module")
def explainer(starter: Graph, starter_bundle: Bundle) -> Explainer:
    return Explainer(starter, starter_bundle)


@pytest.fixture(scope="module")
def pair(starter: Graph) -> tuple[int, int]:
    """Metformin for type 2 diabetes: recorded, and with paths that speak for it."""
    return starter.row("Drug", "DRUGBANK:DB00331"), starter.row("Disease", "DOID:9352")


@pytest.fixture(scope="module")
def explained(explainer: Explainer, pair: tuple[int, int]) -> Explanation:
    return explainer.explain(*pair, n_edges=2)


def test_the_members_add_up_to_what_the_score_rises_with(
    explainer: Explainer, starter_bundle: Bundle, pair: tuple[int, int]
) -> None:
    scores = starter_bundle.scores().astype(np.float64)
    drugs, offsets = range(0, 100, 7), []
    for drug in drugs:
        found = explainer.explain(drug, pair[1], n_edges=0)
        assert found.weighted_sum == pytest.approx(sum(m.part for m in found.members))
        assert all(m.part == pytest.approx(m.weight * m.standardised) for m in found.members)
        score = scores[drug, pair[1]]
        offsets.append(np.log(score / (1 - score)) - found.weighted_sum)

    # Untaught, the calibration is a shift of the log-odds, the same for every drug.
    assert np.ptp(offsets) < 1e-3


def test_the_linear_terms_add_up_to_the_metapath_members_score(
    starter_bundle: Bundle, explained: Explanation, pair: tuple[int, int]
) -> None:
    total = explained.linear_intercept + sum(part for _, part in explained.linear)

    assert total == pytest.approx(float(starter_bundle.member_scores("metapath")[pair]), abs=1e-3)
    amounts = [abs(part) for _, part in explained.linear]
    assert amounts == sorted(amounts, reverse=True)


def test_the_trees_parts_add_up_to_the_trees_members_score(
    starter_bundle: Bundle, explained: Explanation, pair: tuple[int, int]
) -> None:
    total = explained.trees_base + explained.trees_rest + sum(p for _, p in explained.trees)

    assert total == pytest.approx(float(starter_bundle.member_scores("trees")[pair]), abs=0.02)


def test_a_counterfactual_is_what_the_same_model_says_of_the_graph_without_the_edge(
    tmp_path: Path,
) -> None:
    from recommend.train import train

    with pytest.MonkeyPatch.context() as patch:
        train_lightly(patch)
        graph = planted_graph()
        bundle = train(graph, tmp_path / "bundle", device="cpu", epochs=2, validate=False)
    explainer = Explainer(graph, bundle)
    cut = next(e for e in graph.edge_types if e.relation == "binds")
    head, tail = 2, int(training_data(graph).matrix(cut)[2].indices[0])

    found = explainer.log_odds(without_edges(explainer.data, [(cut, head, tail)]), 0)

    other = training_data(graph)
    kept = other.matrix(cut).tolil()
    kept[head, tail] = 0
    other.matrices[cut] = kept.tocsr()  # type: ignore[index]
    other.matrices[cut].eliminate_zeros()
    np.testing.assert_allclose(found, explainer.log_odds(other, 0), rtol=1e-5)
    assert abs(found[head] - explainer.log_odds(explainer.data, 0)[head]) > 1e-6


def test_counterfactuals_name_the_edge_and_both_ranks(
    explained: Explanation, starter: Graph
) -> None:
    assert 1 <= len(explained.counterfactuals) <= 2
    for found in explained.counterfactuals:
        assert (
            f"rank {found.rank} -> {found.rank_without} of {starter.n_nodes('Drug')}" in found.text
        )
        assert "linear" in found.text
        assert found.edge.sources
        own = (found.edge.head, found.edge.tail) == (explained.drug, explained.disease)
        assert not own
    changes = [found.change for found in explained.counterfactuals]
    assert changes == sorted(changes)


def test_a_symmetric_edge_is_taken_out_both_ways() -> None:
    graph = planted_graph()
    data = training_data(graph)
    cut = next(e for e in graph.edge_types if str(e) == "Gene-interacts-Gene")
    head, tail = 0, 2

    left = without_edges(data, [(cut, head, tail)])

    assert data.matrix(cut)[tail, head] == 1
    assert left.matrix(cut)[head, tail] == left.matrix(cut)[tail, head] == 0
    assert left.matrix(cut).nnz == data.matrix(cut).nnz - 2


def test_terms_of_models_from_which_something_was_hidden_are_refused(tmp_path: Path) -> None:
    from recommend.train import train

    with pytest.MonkeyPatch.context() as patch:
        train_lightly(patch)
        graph = planted_graph()
        bundle = train(
            graph, tmp_path / "bundle", device="cpu", epochs=2, validate=False,
            hide_diseases=["DOID:100"],
        )  # fmt: skip

    with pytest.raises(BundleError, match="without --hide"):
        Explainer(graph, bundle)
