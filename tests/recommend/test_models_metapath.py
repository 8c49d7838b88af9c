"""The metapath regression: its features, its folds, and contributions that add up."""

import numpy as np
import pytest

from recommend.interactions import TREATS, TrainingData, from_pairs, training_data
from recommend.models import metapath as module
from recommend.models.metapath import MetapathRegression, compute_features
from tests.graphs import make_graph
from tests.recommend.planted import DISEASES, DRUGS, HELD_OUT, N, planted_graph


def test_contributions_and_intercept_add_up_to_the_score() -> None:
    model = MetapathRegression().fit(training_data(planted_graph()))

    total = model.intercepts[model.regime] + model.contributions().astype(np.float64).sum(axis=0)

    np.testing.assert_allclose(total, model.score(), atol=0.02)
    assert len(model.features) == len(model.contributions()) == model.coefficients.shape[1]


def test_features_follow_a_slow_count_over_the_paths() -> None:
    graph = make_graph(
        {
            "Drug": {"DRUGBANK:DB00001": "a", "DRUGBANK:DB00002": "b", "DRUGBANK:DB00003": "c"},
            "Disease": {"DOID:1": "x", "DOID:2": "y"},
            "Gene": {"NCBIGene:1": "g", "NCBIGene:2": "h"},
        },
        {
            "Drug-binds-Gene": [
                ("DRUGBANK:DB00001", "NCBIGene:1"),
                ("DRUGBANK:DB00002", "NCBIGene:1"),
                ("DRUGBANK:DB00002", "NCBIGene:2"),
                ("DRUGBANK:DB00003", "NCBIGene:2"),
            ],
            "Drug-treats-Disease": [
                ("DRUGBANK:DB00001", "DOID:1"),
                ("DRUGBANK:DB00002", "DOID:1"),
                ("DRUGBANK:DB00003", "DOID:2"),
            ],
        },
    )
    data = training_data(graph)
    binds = next(m for e, m in data.matrices.items() if e.relation == "binds").toarray()
    treats = data.treats.toarray()
    expected = np.zeros((3, 2))
    for c, d in np.ndindex(3, 2):
        for other in range(3):
            for g in range(2):
                if other == c or not (binds[c, g] and binds[other, g] and treats[other, d]):
                    continue
                degrees = [binds[c].sum(), binds[:, g].sum(), binds[:, g].sum()]
                degrees += [binds[other].sum(), treats[other].sum(), treats[:, d].sum()]
                expected[c, d] += np.prod(degrees) ** -0.4

    features = compute_features(data, ["CbGbCtD"])

    np.testing.assert_allclose(features[0], expected, rtol=1e-6)
    np.testing.assert_array_equal(features[1], np.repeat([[1], [2], [1]], 2, axis=1))


def test_only_metapaths_of_the_graphs_edge_types_are_used() -> None:
    model = MetapathRegression().fit(training_data(planted_graph()))

    assert model.features == (
        "CbGbCtD",
        "CiPCiCtD",
        "CbGaD",
        "CtDtCtD",
        "CtDaGaD",
        "Drug-binds-Gene degree",
        "Disease-associates-Gene degree",
    )


def test_no_training_pair_is_described_with_its_own_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    data = training_data(planted_graph(palliates=HELD_OUT))
    seen: list[TrainingData] = []

    def spy(view: TrainingData, metapaths: list[str]) -> object:
        seen.append(view)
        return compute_features(view, metapaths)

    monkeypatch.setattr(module, "compute_features", spy)

    MetapathRegression().fit(data)

    whole, *views = seen
    assert whole is data
    hidden = [
        data.treats.toarray()
        + data.palliates.toarray()
        - v.treats.toarray()
        - v.palliates.toarray()
        for v in views
    ]
    by_disease, by_pair = hidden[: module.N_FOLDS], hidden[module.N_FOLDS :]
    recorded = data.treats.toarray() + data.palliates.toarray()
    np.testing.assert_array_equal(np.sum(by_pair, axis=0), recorded)
    np.testing.assert_array_equal(np.sum(by_disease, axis=0), recorded)
    for fold in by_disease:  # all of a disease or nothing
        touched = fold.any(axis=0)
        np.testing.assert_array_equal(fold[:, touched], recorded[:, touched])


def test_a_feature_that_is_nothing_but_the_own_edge_is_worth_nothing() -> None:
    """Every drug treats one disease and binds one gene, alone: only its own edge would tell."""
    drugs, diseases = list(DRUGS), list(DISEASES)
    genes = {f"NCBIGene:{g}": f"gene {g}" for g in range(1, N + 1)}
    graph = make_graph(
        {"Drug": DRUGS, "Disease": DISEASES, "Gene": genes},
        {
            "Drug-treats-Disease": list(zip(drugs, diseases, strict=True)),
            "Drug-binds-Gene": list(zip(drugs, genes, strict=True)),
        },
    )

    model = MetapathRegression().fit(training_data(graph))

    np.testing.assert_allclose(model.score(), model.score()[0, 0], atol=1e-3)


def test_diseases_without_treatments_follow_their_own_regression() -> None:
    disease = list(DISEASES)[4]
    model = MetapathRegression().fit(training_data(planted_graph(without_diseases=(disease,))))

    assert model.regime.tolist() == [int(j != 4) for j in range(N)]
    ends_in_treatments = [i for i, f in enumerate(model.features) if f in ("CbGbCtD", "CiPCiCtD")]
    np.testing.assert_allclose(model.coefficients[0, ends_in_treatments], 0, atol=1e-6)
    assert (model.coefficients[1, ends_in_treatments] != 0).all()


def test_a_symptomatic_treatment_is_no_negative() -> None:
    """With every other pair recorded as palliates, nothing is left to compare with."""
    data = training_data(planted_graph())
    others = np.argwhere(data.treats.toarray() == 0)
    palliates = from_pairs(others, data.shape)
    matrices = {**data.matrices, TREATS._replace(relation="palliates"): palliates}

    model = MetapathRegression().fit(TrainingData(data.n_nodes, matrices))

    assert not model.coefficients.any()
