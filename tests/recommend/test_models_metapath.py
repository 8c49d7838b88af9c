"""The two regressions: contributions that add up, the six columns of the floor, the regimes."""

import numpy as np
import pytest

from kg.schema import EdgeType
from recommend.errors import ModelError
from recommend.interactions import ALIKE_DISEASES, TREATS, TrainingData, from_pairs, training_data
from recommend.models.features import feature_names
from recommend.models.lessons import Regime, regimes_of
from recommend.models.metapath import SIX, MetapathRegression, SixMetapaths
from tests.recommend.planted import DISEASES, N, planted_graph

REGRESSIONS = [MetapathRegression, SixMetapaths]
AWAY = (list(DISEASES)[4],)


def planted(*, without_diseases: tuple[str, ...] = ()) -> TrainingData:
    """The planted graph, in which every disease but the last resembles the next of its block."""
    data = training_data(planted_graph(without_diseases=without_diseases))
    near = np.array([(j, j + 2) for j in range(N - 3)])
    alike = from_pairs(np.concatenate([near, near[:, ::-1]]), (N, N))
    return TrainingData(data.n_nodes, {**data.matrices, ALIKE_DISEASES: alike})


@pytest.mark.parametrize("kind", REGRESSIONS)
def test_contributions_and_intercept_add_up_to_the_score(kind: type[MetapathRegression]) -> None:
    data = planted(without_diseases=(*AWAY, list(DISEASES)[N - 1]))
    assert set(regimes_of(data)) == set(Regime)
    model = kind().fit(data)

    parts = np.stack(list(model.contributions(data)))

    total = model.intercepts[regimes_of(data)] + parts.astype(np.float64).sum(axis=-1)
    np.testing.assert_allclose(total, model.score(), rtol=1e-4, atol=1e-4)
    assert parts.shape == (*data.shape, len(model.features))
    assert parts.any(axis=(0, 1)).sum() > 3


def test_the_floor_has_six_metapaths_and_two_degrees() -> None:
    data = planted()

    six, every = SixMetapaths().fit(data), MetapathRegression().fit(data)

    assert sorted(six.features) == sorted(SIX)
    assert six.coefficients.shape == (3, 8)
    assert every.features == feature_names(data)
    assert set(SIX) < set(every.features)


def test_the_floor_does_without_what_the_graph_does_not_have() -> None:
    data = planted()
    classes = EdgeType("DrugClass", "includes", "Drug")
    rest = {edge_type: m for edge_type, m in data.matrices.items() if edge_type != classes}

    model = SixMetapaths().fit(TrainingData(data.n_nodes, rest))

    assert set(SIX) - set(model.features) == {"CiPCiCtD"}


def test_a_column_that_never_differs_counts_nothing() -> None:
    model = MetapathRegression().fit(training_data(planted_graph()))

    known = dict(zip(model.features, model.coefficients[Regime.KNOWN], strict=True))

    assert known["CpDpCtD"] == 0  # the graph palliates nothing
    assert known["CbGbCtD"] > 0


@pytest.mark.parametrize("kind", REGRESSIONS)
def test_a_regression_comes_back_with_its_reasons(kind: type[MetapathRegression]) -> None:
    data = planted(without_diseases=AWAY)
    model = kind().fit(data)

    again = kind.load(model.save())

    assert again.features == model.features
    np.testing.assert_array_equal(again.score(), model.score())
    for one, other in zip(again.contributions(data), model.contributions(data), strict=True):
        np.testing.assert_array_equal(one, other)


def test_diseases_without_treatments_follow_their_own_regression() -> None:
    data = planted(without_diseases=AWAY)
    model = MetapathRegression().fit(data)

    ends_in_treatment = [i for i, f in enumerate(model.features) if f in ("CbGbCtD", "CiPCiCtD")]

    assert regimes_of(data).tolist().count(Regime.NEW) == 1
    np.testing.assert_allclose(model.coefficients[Regime.NEW, ends_in_treatment], 0, atol=1e-6)
    assert (model.coefficients[Regime.KNOWN, ends_in_treatment] != 0).all()


def test_a_regime_that_the_data_do_not_have_is_not_learnt() -> None:
    model = SixMetapaths().fit(planted())

    assert model.coefficients[Regime.KNOWN].any()
    assert not model.coefficients[Regime.NEW].any()


def test_a_symptomatic_treatment_is_no_negative() -> None:
    """With every other pair recorded as palliates, nothing is left to compare with."""
    data = training_data(planted_graph())
    others = np.argwhere(data.treats.toarray() == 0)
    palliates = from_pairs(others, data.shape)
    matrices = {**data.matrices, TREATS._replace(relation="palliates"): palliates}

    model = MetapathRegression().fit(TrainingData(data.n_nodes, matrices))

    assert not model.coefficients.any()


def test_data_without_treatments_are_refused() -> None:
    with pytest.raises(ModelError, match="treats"):
        SixMetapaths().fit(training_data(planted_graph(), hide_diseases=DISEASES))
