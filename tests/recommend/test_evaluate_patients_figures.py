"""The figures of rankings against slow ones written out, and on rankings with a known answer."""

from math import log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommend.evaluate.patients.figures import LIST, figures, interacting, rank, shares


def slowly(scores: list[float], started: set[int], had: set[int]) -> dict[str, float]:
    """Every figure of one encounter, drug by drug."""
    order = sorted((d for d in range(len(scores)) if d not in had), key=lambda d: (-scores[d], d))
    order = [d for d in order if scores[d] > -np.inf]
    hits = [d in started for d in order]
    result = {f"Recall@{k}": sum(hits[:k]) / len(started) for k in (1, 5, 10)}
    gained = sum(1 / log2(2 + i) for i, hit in enumerate(hits[:10]) if hit)
    result["NDCG@10"] = gained / sum(1 / log2(2 + i) for i in range(min(10, len(started))))
    precisions = [sum(hits[: i + 1]) / (i + 1) for i, hit in enumerate(hits) if hit]
    result["MAP"] = sum(precisions) / len(started)
    first = set(order[:LIST])
    result[f"Jaccard@{LIST}"] = len(first & started) / len(first | started)
    result[f"F1@{LIST}"] = 2 * len(first & started) / (len(first) + len(started))
    return result


@given(st.integers(0, 2**32), st.integers(3, 15))
@settings(max_examples=60)
def test_every_figure_is_the_one_written_out_slowly(seed: int, n_drugs: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 5, (4, n_drugs)).astype(float)  # with ties
    scores[rng.random(scores.shape) < 0.1] = -np.inf
    had = rng.random(scores.shape) < 0.3
    started = (rng.random(scores.shape) < 0.3) & ~had
    had[:, 0], started[:, 0] = False, True

    found = figures(rank(scores, started, had))

    for i in range(4):
        expected = slowly(
            scores[i].tolist(), set(np.flatnonzero(started[i])), set(np.flatnonzero(had[i]))
        )
        assert {name: values[i] for name, values in found.items()} == pytest.approx(expected)


def test_the_best_ranking_reaches_one_and_no_suggestion_reaches_nothing() -> None:
    started = np.zeros((2, 12), np.bool_)
    started[:, [3, 7]] = True
    scores = np.stack([started[0].astype(float), np.full(12, -np.inf)])

    found = figures(rank(scores, started, np.zeros_like(started)))

    assert [found[name][0] for name in ("Recall@5", "NDCG@10", "MAP")] == [1, 1, 1]
    assert all(values[1] == 0 for values in found.values())


def test_shares_add_up_to_one_and_leave_out_what_was_given_before() -> None:
    had = np.array([[True, False, False], [False, False, False]])

    found = shares(np.log([[5.0, 3.0, 1.0], [1.0, 1.0, 2.0]]), had)

    np.testing.assert_allclose(found, [[0, 0.75, 0.25], [0.25, 0.25, 0.5]])


def test_a_suggestion_interacts_with_what_is_taken_or_with_another_suggestion() -> None:
    pairs = np.zeros((5, 5), np.bool_)
    pairs[0, 4] = pairs[4, 0] = pairs[1, 2] = pairs[2, 1] = True
    order = np.array([[5.0, 4, 3, 2, 1]] * 3)
    nothing = np.zeros((3, 5), np.bool_)
    lately = nothing.copy()
    lately[0, 4] = True
    ranked = rank(order, ~nothing, nothing)

    assert interacting(ranked, lately, pairs, depth=np.array([2, 2, 3])).tolist() == [1, 0, 2]
