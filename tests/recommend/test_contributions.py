"""The sparse form of contributions keeps the largest parts and loses nothing of the sum."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from recommend.contributions import N_PARTS, Contributions, top_contributions
from recommend.errors import ModelError

SHAPE = (7, 5)
FEATURES = [f"feature {i}" for i in range(30)]
BASE = np.linspace(-6, -4, SHAPE[1])
PARTS = np.random.default_rng(0).normal(size=(35, 30)) ** 3


def blocks(size: int = 8) -> Iterator[NDArray[np.float64]]:
    return (PARTS[i : i + size] for i in range(0, len(PARTS), size))


def sparse() -> Contributions:
    return top_contributions(FEATURES, blocks(), base=BASE, shape=SHAPE)


def test_base_parts_and_rest_add_up_to_the_log_odds() -> None:
    made = sparse()

    total = made.base + made.part.astype(float).sum(axis=2) + made.rest
    expected = BASE + PARTS.sum(axis=1).reshape(SHAPE)
    np.testing.assert_allclose(total, expected, atol=0.02)  # float16 of a rest of up to 30
    assert made.part.dtype == made.rest.dtype == np.float16


def test_the_largest_parts_by_amount_are_kept_largest_first() -> None:
    made = sparse()

    for drug, disease in np.ndindex(SHAPE):
        row = PARTS[drug * SHAPE[1] + disease]
        expected = sorted(range(30), key=lambda i: -abs(row[i]))[:N_PARTS]
        kept = made.of(drug, disease)
        assert [name for name, _ in kept] == [FEATURES[i] for i in expected]
        np.testing.assert_allclose([part for _, part in kept], row[expected], rtol=1e-3)


def test_how_the_pairs_are_cut_into_blocks_makes_no_difference() -> None:
    whole = top_contributions(FEATURES, [PARTS], base=BASE, shape=SHAPE)

    for name in ("feature", "part", "rest", "base"):
        np.testing.assert_array_equal(getattr(sparse(), name), getattr(whole, name))


def test_parts_of_zero_are_not_named() -> None:
    parts = np.zeros((35, 30))
    parts[:, [4, 29]] = [1.0, -2.0]

    made = top_contributions(FEATURES, [parts], base=BASE, shape=SHAPE)

    assert made.of(3, 2) == [("feature 29", -2.0), ("feature 4", 1.0)]
    assert not made.rest.any()
    assert set(made.feature[made.part == 0].tolist()) == {0}  # the same bytes on every machine


def test_equal_parts_stand_in_the_order_of_the_features() -> None:
    made = top_contributions(FEATURES[:5], [np.ones((35, 5))], base=BASE, shape=SHAPE)

    assert made.of(0, 0) == [(name, 1.0) for name in FEATURES[:5]]


@pytest.mark.parametrize("features", [[], ["CbGaD"], ["CbGaD", "Drug-binds-Gene degree"]])
def test_arrays_hold_all_of_it(features: list[str]) -> None:
    parts = PARTS[:, : len(features)]
    made = top_contributions(features, [parts], base=BASE, shape=SHAPE)

    again = Contributions.from_arrays(made.to_arrays())

    assert again.features == tuple(features)
    assert again.of(6, 4) == made.of(6, 4)
    assert len(again.of(6, 4)) == len(features)


def test_missing_surplus_and_broken_blocks_are_refused() -> None:
    broken = PARTS.copy()
    broken[3, 3] = np.nan

    for wrong, message in (
        ([PARTS[:30]], "30 pairs have parts, not 35"),
        ([PARTS, PARTS[:1]], "expected 30, of 35 pairs"),
        ([PARTS[:, :29]], "have 29 parts each; expected 30"),
        ([broken], "not finite"),
    ):
        with pytest.raises(ModelError, match=message):
            top_contributions(FEATURES, wrong, base=BASE, shape=SHAPE)
