"""Ranks among drugs of equal degree, against a slow and obvious count."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from recommend.answers.degrees import degree_groups, degree_ranks, standing


@settings(max_examples=50)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=40), st.integers(1, 12))
def test_equal_degrees_share_a_group_and_no_group_is_too_small(
    degrees: list[int], least: int
) -> None:
    groups = degree_groups(np.array(degrees), least=least)

    by_degree = sorted(zip(degrees, groups.tolist(), strict=True))
    assert [g for _, g in by_degree] == sorted(groups.tolist())
    assert len(set(by_degree)) == len(set(degrees))
    sizes = np.unique(groups, return_counts=True)[1]
    assert sorted(set(groups.tolist())) == list(range(len(sizes)))
    assert len(sizes) == 1 or (sizes >= least).all()


def test_groups_are_no_larger_than_they_need_to_be() -> None:
    degrees = np.repeat([0, 1, 2, 3, 9], [7, 4, 2, 1, 1])

    assert degree_groups(degrees, least=4).tolist() == [0] * 7 + [1] * 4 + [2] * 4
    assert degree_groups(degrees, least=1).tolist() == [0] * 7 + [1] * 4 + [2] * 2 + [3, 4]
    assert set(degree_groups(degrees, least=50).tolist()) == {0}


@settings(max_examples=50)
@given(st.integers(0, 10_000))
def test_a_rank_is_the_share_of_its_group_that_a_drug_beats(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 30))
    scores, groups = rng.integers(4, size=n).astype(float), rng.integers(3, size=n)
    candidates = rng.random(n) < 0.7
    ranks = degree_ranks(scores, groups, candidates)

    for i in range(n):
        mates = [j for j in range(n) if candidates[j] and groups[j] == groups[i]]
        beaten = sum((scores[j] < scores[i]) + 0.5 * (scores[j] == scores[i]) for j in mates)
        assert ranks[i] == (np.float32(beaten / len(mates)) if candidates[i] else 0)


@settings(max_examples=50)
@given(st.integers(0, 10_000))
def test_the_best_of_each_group_stand_before_the_second_of_any(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 30))
    scores, groups = rng.integers(4, size=n).astype(float), rng.integers(3, size=n)
    candidates = rng.random(n) < 0.7
    found = standing(scores, groups, candidates)

    def key(i: int) -> tuple[int, float, int]:
        mates = [j for j in range(n) if candidates[j] and groups[j] == groups[i]]
        place = sum((-scores[j], j) < (-scores[i], i) for j in mates)
        return place, -scores[i], i

    rows = [i for i in range(n) if candidates[i]]
    assert sorted(rows, key=key) == sorted(rows, key=lambda i: -found[i])
    assert all(0 < found[i] < 1 for i in rows)
    assert all(found[i] == 0 for i in range(n) if not candidates[i])
