"""Folds: nobody is tested whom a near synonym gave away, and everybody is tested once."""

from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommend.errors import ModelError
from recommend.folds import (
    disease_folds,
    disease_groups,
    drug_folds,
    pair_splits,
)
from recommend.interactions import (
    ALIKE_DISEASES,
    BROADER_DISEASES,
    TREATS,
    TrainingData,
    from_pairs,
    to_pairs,
)

N_DRUGS, N_DISEASES = 40, 30


def training(
    alike: list[tuple[int, int]], treats: list[tuple[int, int]] | None = None
) -> TrainingData:
    """Diseases that resemble each other; unless told, each is treated by one drug of its own."""
    treats = [(j, j) for j in range(N_DISEASES)] if treats is None else treats
    both = [*alike, *((j, i) for i, j in alike)]
    matrices = {TREATS: from_pairs(np.array(treats).reshape(-1, 2), (N_DRUGS, N_DISEASES))}
    if both:
        matrices[ALIKE_DISEASES] = from_pairs(np.array(both), (N_DISEASES, N_DISEASES))
    return TrainingData({"Drug": N_DRUGS, "Disease": N_DISEASES}, matrices)


def cliques(*sizes: int) -> list[tuple[int, int]]:
    """Edges of separate groups of diseases in which all resemble all."""
    ends = np.cumsum([0, *sizes])
    return [edge for low, high in pairwise(ends) for edge in combinations(range(low, high), 2)]


def members(folds: list[np.ndarray]) -> list[int]:
    return sorted(row for fold in folds for row in fold.tolist())


def groups_one_by_one(
    alike: set[frozenset[int]], diseases: set[int], cut: float
) -> set[frozenset[int]]:
    """The slow oracle: closed neighbourhoods as sets, groups merged edge by edge."""
    near = {i: {i} | {j for edge in alike if i in edge for j in edge} for i in range(N_DISEASES)}
    groups = {i: frozenset([i]) for i in diseases}
    for i, j in combinations(sorted(diseases), 2):
        jaccard = len(near[i] & near[j]) / len(near[i] | near[j])
        if frozenset([i, j]) in alike and jaccard >= cut:
            merged = groups[i] | groups[j]
            groups |= dict.fromkeys(merged, merged)
    return set(groups.values())


@given(
    edges=st.sets(
        st.frozensets(st.integers(0, N_DISEASES - 1), min_size=2, max_size=2), max_size=60
    ),
    diseases=st.sets(st.integers(0, N_DISEASES - 1)),
    cut=st.sampled_from([0.0, 0.2, 0.4, 0.5, 1.0, 1.1]),
)
def test_groups_are_those_of_the_definition(
    edges: set[frozenset[int]], diseases: set[int], cut: float
) -> None:
    data = training([(min(edge), max(edge)) for edge in edges])

    groups = disease_groups(data, diseases, cut)

    assert {frozenset(group.tolist()) for group in groups} == groups_one_by_one(
        edges, diseases, cut
    )
    assert [group[0] for group in groups] == sorted(group.min() for group in groups)
    assert members(groups) == sorted(diseases)


def test_the_cut_parts_a_chain_and_keeps_a_clique() -> None:
    chain = [(10, 11), (11, 12), (12, 13)]
    data = training([*cliques(4), *chain])

    groups = disease_groups(data, [0, 1, 2, 3, 10, 11, 12, 13], 0.6)

    assert [group.tolist() for group in groups] == [[0, 1, 2, 3], [10, 11], [12, 13]]


def test_two_diseases_are_not_joined_by_one_that_nothing_treats() -> None:
    data = training([(0, 1), (1, 2)])

    assert [g.tolist() for g in disease_groups(data, [0, 2], 0)] == [[0], [2]]
    assert [g.tolist() for g in disease_groups(data, [2, 0, 1, 1], 0)] == [[0, 1, 2]]


@given(
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=6),
    n=st.integers(2, 5),
    seed=st.integers(0, 99),
)
def test_grouped_folds_hold_every_treated_disease_once_and_no_group_is_parted(
    sizes: list[int], n: int, seed: int
) -> None:
    sizes = [*sizes, *[1] * n][: max(len(sizes), n)]
    edges = [(i, j) for i, j in cliques(*sizes) if j < N_DISEASES]
    treats = [(j, j) for j in range(min(sum(sizes), N_DISEASES))]
    data = training(edges, treats)
    if len(disease_groups(data, range(len(treats)))) < n:
        return

    folds = disease_folds(data, n, seed)

    assert len(folds) == n
    assert members(folds) == list(range(len(treats)))
    where = {row: i for i, fold in enumerate(folds) for row in fold.tolist()}
    assert all(where[i] == where[j] for i, j in edges)
    counts = [len(fold) for fold in folds]
    assert max(counts) - min(counts) <= max(sizes)


@pytest.mark.parametrize("seed", range(5))
def test_the_largest_group_is_dealt_first_so_that_folds_come_out_even(seed: int) -> None:
    data = training(cliques(6, 3), [(j, j) for j in range(18)])

    folds = disease_folds(data, 3, seed)

    assert list(map(len, folds)) == [6, 6, 6]


def test_only_treated_diseases_are_dealt() -> None:
    data = training([], [(0, 3), (1, 3), (1, 7), (2, 9)])

    assert members(disease_folds(data, 3, 0)) == [3, 7, 9]


def test_folds_without_groups_differ_by_one_disease_at_most() -> None:
    data = training(cliques(20))

    folds = disease_folds(data, 4, 0, grouped=False)

    assert sorted(map(len, folds)) == [7, 7, 8, 8]
    assert members(folds) == list(range(N_DISEASES))
    assert all(fold.tolist() == sorted(fold) and fold.dtype == np.int64 for fold in folds)


@pytest.mark.parametrize("grouped", [True, False])
def test_folds_follow_from_the_seed(grouped: bool) -> None:
    data = training(cliques(3, 3, 3))

    dealt = {
        seed: [f.tolist() for f in disease_folds(data, 3, seed, grouped=grouped)]
        for seed in range(5)
    }

    assert dealt[2] == [f.tolist() for f in disease_folds(data, 3, 2, grouped=grouped)]
    assert len({str(folds) for folds in dealt.values()}) == 5


def test_drug_folds_hold_each_drug_that_treats_once() -> None:
    data = training([], [(i, i % 3) for i in range(5, 27)])

    folds = drug_folds(data, 5, 1)

    assert members(folds) == list(range(5, 27))
    assert sorted(map(len, folds)) == [4, 4, 4, 5, 5]
    assert members(folds[:1]) != members(drug_folds(data, 5, 2)[:1])


def test_too_few_to_deal_is_said_in_words() -> None:
    data = training(cliques(4), [(j, j) for j in range(4)])

    with pytest.raises(ModelError, match=r"1 treated diseases in groups \(cut 0.4\) cannot fill 3"):
        disease_folds(data, 3, 0)
    with pytest.raises(ModelError, match="4 treated diseases cannot fill 5 folds"):
        disease_folds(data, 5, 0, grouped=False)
    with pytest.raises(ModelError, match="4 drugs that treat cannot fill 5 folds"):
        drug_folds(data, 5, 0)
    with pytest.raises(ModelError, match="at least 2"):
        drug_folds(data, 1, 0)
    with pytest.raises(ModelError, match="1 treats edges cannot be split"):
        pair_splits(training([], [(0, 0)]), 0)


@given(n=st.integers(5, 300), seed=st.integers(0, 9))
def test_pair_splits_part_the_edges_64_16_20(n: int, seed: int) -> None:
    rng = np.random.default_rng(n)
    cells = rng.choice(N_DRUGS * N_DISEASES, n, replace=False)
    data = training([], list(zip(*np.divmod(cells, N_DISEASES), strict=True)))

    split = pair_splits(data, seed)

    everything = np.concatenate(split)
    np.testing.assert_array_equal(everything[np.lexsort(everything.T[::-1])], to_pairs(data.treats))
    for part, share in zip(split, (0.64, 0.16, 0.20), strict=True):
        assert abs(len(part) - share * n) <= 1
        np.testing.assert_array_equal(part, part[np.lexsort(part.T[::-1])])


def test_pair_splits_of_two_seeds_have_other_test_edges() -> None:
    data = training([])

    first, again, second = (pair_splits(data, seed).test for seed in (0, 0, 1))

    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, second)


def test_a_disease_that_resembles_itself_is_in_its_neighbourhood_once() -> None:
    data = training([*cliques(3), (0, 0)])

    assert [group.tolist() for group in disease_groups(data, range(3), 1)] == [[0, 1, 2]]


def test_a_kind_of_a_disease_stays_with_it() -> None:
    shape = (N_DISEASES, N_DISEASES)
    data = training([])
    data = replace(
        data,
        matrices={
            **data.matrices,
            BROADER_DISEASES: from_pairs(np.array([[0, 2], [9, 5]]), shape),
        },
    )

    groups = [group.tolist() for group in disease_groups(data, range(N_DISEASES))]
    strict = data.without(diseases=[2], resemblance=True)

    assert [0, 2] in groups
    assert [5, 9] in groups
    assert len(groups) == N_DISEASES - 2
    assert to_pairs(strict.matrix(BROADER_DISEASES)).tolist() == [[9, 5]]
