"""The points of a precision-recall curve."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommend.evaluate.curves import precision_recall
from recommend.evaluate.metrics import average_precision

RANKED = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=30).filter(
    lambda pairs: any(right for _, right in pairs)
)


@given(RANKED)
def test_each_point_is_the_share_that_is_right_among_all_that_score_as_high(
    pairs: list[tuple[int, bool]],
) -> None:
    found = precision_recall(*zip(*pairs, strict=True))

    n_right = sum(right for _, right in pairs)
    cuts = sorted({score for score, right in pairs if right}, reverse=True)
    above = [[right for score, right in pairs if score >= cut] for cut in cuts]
    assert found["precision"] == pytest.approx([sum(part) / len(part) for part in above])
    assert found["recall"] == pytest.approx([sum(part) / n_right for part in above])
    assert found["prevalence"] == pytest.approx(n_right / len(pairs))


def test_the_area_under_the_steps_is_the_average_precision_of_a_matrix() -> None:
    rng = np.random.default_rng(0)
    scores, right = rng.integers(0, 9, (20, 15)), rng.random((20, 15)) < 0.1

    found = precision_recall(scores, right)

    steps = np.diff(found["recall"], prepend=0)
    assert steps @ found["precision"] == pytest.approx(
        average_precision(scores.ravel(), right.ravel())
    )
    assert found["recall"][-1] == 1


def test_a_curve_without_a_positive_or_of_two_shapes_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one positive"):
        precision_recall([1, 2], [False, False])
    with pytest.raises(ValueError, match="one shape"):
        precision_recall([1, 2], [True])
