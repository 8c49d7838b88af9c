"""The hold-out report: what the models are given, and what is counted."""

import json

import numpy as np
import pytest

from recommend.evaluate.holdout import FLOOR, choose_diseases, evaluate_holdout, to_rows
from recommend.interactions import TrainingData, training_data
from recommend.models.base import Scores
from tests.recommend.planted import DISEASES, HELD_OUT, N, planted_graph


def planted() -> TrainingData:
    return training_data(planted_graph(palliates=HELD_OUT))


def blocks(_: TrainingData) -> dict[str, Scores]:
    """A floor that knows nothing and a model that knows the blocks."""
    i, j = np.indices((N, N))
    return {FLOOR: np.zeros((N, N), np.float32), "blocks": ((i - j) % 2 == 0).astype(np.float32)}


def test_models_see_nothing_of_the_test_diseases_and_all_of_the_others() -> None:
    data = planted()
    given: list[TrainingData] = []

    def spy(training: TrainingData) -> dict[str, Scores]:
        given.append(training)
        return blocks(training)

    evaluation = evaluate_holdout(data, spy, seed=0)

    (seen,) = given
    test = list(evaluation.diseases)
    rest = [j for j in range(N) if j not in test]
    assert len(test) == 2
    assert seen.treats[:, test].nnz == seen.palliates[:, test].nnz == 0
    for matrix, whole in ((seen.treats, data.treats), (seen.palliates, data.palliates)):
        np.testing.assert_array_equal(matrix[:, rest].toarray(), whole[:, rest].toarray())


def test_figures_are_those_of_the_test_diseases() -> None:
    evaluation = evaluate_holdout(planted(), blocks, seed=0)

    rows = {row.model: row for row in evaluation.rows}
    assert evaluation.n_positives == 2 * 5
    assert rows[FLOOR].auroc == 0.5
    assert rows[FLOOR].ap == pytest.approx(5 / 12)
    assert rows[FLOOR].ap_gain == 0
    assert rows["blocks"].ap == pytest.approx(
        5 / 6
    )  # the drug that is not recorded is in the block
    assert rows["blocks"].ap_gain_interval == pytest.approx((5 / 12, 5 / 12))
    assert rows["blocks"].auroc == pytest.approx((6 + 0.5) / 7)


def test_the_choice_of_diseases_follows_from_the_seed() -> None:
    data = planted()

    chosen = {tuple(choose_diseases(data, seed)) for seed in range(20)}

    assert tuple(choose_diseases(data, 3)) == tuple(choose_diseases(data, 3))
    assert len(chosen) > 5
    assert all(set(rows) <= set(range(N)) for rows in chosen)


def test_too_few_treated_diseases_give_no_figures_but_a_reason() -> None:
    data = training_data(planted_graph(without_diseases=tuple(DISEASES)[4:]))

    evaluation = evaluate_holdout(data, lambda _: pytest.fail("nothing to fit"), seed=0)

    assert evaluation.rows == ()
    assert "fewer than 5" in evaluation.skipped
    assert len(to_rows(evaluation.to_json())) == 1


def test_the_table_reads_the_same_from_what_is_stored() -> None:
    evaluation = evaluate_holdout(planted(), blocks, seed=0).to_json()

    table = to_rows(json.loads(json.dumps(evaluation)))

    assert table == to_rows(evaluation)
    assert table[0][:2] == ("model", "AP")
    assert table[2][:4] == ("blocks", "0.833", "0.833 to 0.833", "+0.417")
