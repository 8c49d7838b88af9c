"""The combination of the members' percentiles."""

import numpy as np
import pytest

from recommend.models.stack import WEIGHTS, combine, percentiles


def test_a_percentile_is_the_share_of_drugs_beaten_and_ties_count_half() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 5, size=(9, 4)).astype(np.float32)

    result = percentiles(scores)

    for (i, j), value in np.ndenumerate(result):
        column = scores[:, j]
        wins = (column < scores[i, j]).sum() + (column == scores[i, j]).sum() / 2
        assert value == pytest.approx(wins / 9)
    np.testing.assert_array_equal(percentiles(scores[:, 2]), result[:, 2])


def test_a_member_that_knows_nothing_gives_everyone_a_half() -> None:
    assert percentiles(np.zeros(5, np.float32)).tolist() == [0.5] * 5


def test_the_stack_is_the_weighted_mean_whatever_the_members_scales() -> None:
    rng = np.random.default_rng(1)
    members = {name: rng.normal(size=(6, 3)).astype(np.float32) for name in "ab"}
    weights = {"a": 3.0, "b": 1.0}

    stack = combine(members, weights)

    expected = 0.75 * percentiles(members["a"]) + 0.25 * percentiles(members["b"])
    np.testing.assert_allclose(stack, expected, rtol=1e-6)
    stretched = {**members, "a": np.exp(3 * members["a"])}
    np.testing.assert_array_equal(combine(stretched, weights), stack)


def test_the_stated_weights_sum_to_one() -> None:
    assert sum(WEIGHTS.values()) == pytest.approx(1)
