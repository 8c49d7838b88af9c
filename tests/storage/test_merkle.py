"""The Merkle tree against published roots and a slow recursive oracle."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import merkle
from storage.merkle import Frontier, is_consistent, is_included, leaf_hash

# Inputs and roots of the Certificate Transparency project's reference tests.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
SIZE = 40


def slow_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 9162, 2.1.1, as it is written there."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = next(2**i for i in range(64) if 2**i < len(leaves) <= 2 ** (i + 1))
    return hashlib.sha256(b"\x01" + slow_root(leaves[:k]) + slow_root(leaves[k:])).digest()


def slow_path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 9162, 2.1.3.1."""
    if len(leaves) == 1:
        return []
    k = next(2**i for i in range(64) if 2**i < len(leaves) <= 2 ** (i + 1))
    if m < k:
        return [*slow_path(m, leaves[:k]), slow_root(leaves[k:])]
    return [*slow_path(m - k, leaves[k:]), slow_root(leaves[:k])]


def slow_subproof(m: int, leaves: list[bytes], is_whole: bool) -> list[bytes]:
    """SUBPROOF of RFC 9162, 2.1.4.1."""
    if m == len(leaves):
        return [] if is_whole else [slow_root(leaves)]
    k = next(2**i for i in range(64) if 2**i < len(leaves) <= 2 ** (i + 1))
    if m <= k:
        return [*slow_subproof(m, leaves[:k], is_whole), slow_root(leaves[k:])]
    return [*slow_subproof(m - k, leaves[k:], False), slow_root(leaves[:k])]


def grow(leaves: list[bytes]) -> tuple[Frontier, dict[tuple[int, int], bytes]]:
    """The tree and every node it completed."""
    tree, nodes = Frontier(), {}
    for leaf in leaves:
        for level, position, digest in tree.append(leaf_hash(leaf)):
            nodes[level, position] = digest
    return tree, nodes


MANY = [bytes([i]) for i in range(SIZE)]
NODES = grow(MANY)[1]


def read(level: int, position: int) -> bytes:
    return NODES[level, position]


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_the_published_ones(size: int) -> None:
    assert grow(LEAVES[:size])[0].root().hex() == ROOTS[size - 1]


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert Frontier().root() == slow_root([]) == merkle.EMPTY_ROOT


@pytest.mark.parametrize("size", range(SIZE + 1))
def test_a_frontier_taken_up_again_gives_the_oracles_root(size: int) -> None:
    peaks = [read(level, position) for level, position in merkle.frontier_places(size)]

    assert Frontier(size, peaks).root() == slow_root(MANY[:size])


def test_inclusion_proofs_are_the_oracles_and_hold() -> None:
    for size in range(1, SIZE + 1):
        root = slow_root(MANY[:size])
        for index in range(size):
            path = merkle.inclusion_proof(read, index, size)
            assert path == slow_path(index, MANY[:size])
            assert is_included(leaf_hash(MANY[index]), index, size, path, root)


def test_consistency_proofs_are_the_oracles_and_hold() -> None:
    for new in range(1, SIZE + 1):
        for old in range(1, new + 1):
            path = merkle.consistency_proof(read, old, new)
            roots = slow_root(MANY[:old]), slow_root(MANY[:new])
            assert path == slow_subproof(old, MANY[:new], True)
            assert is_consistent(old, new, path, *roots)


def test_every_tree_extends_the_empty_one() -> None:
    assert merkle.consistency_proof(read, 0, 5) == []
    assert is_consistent(0, 5, [], merkle.EMPTY_ROOT, slow_root(MANY[:5]))
    assert not is_consistent(0, 5, [], slow_root(MANY[:1]), slow_root(MANY[:5]))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_proof_holds_for_nothing_else(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, SIZE))
    index = data.draw(st.integers(0, size - 1))
    path = merkle.inclusion_proof(read, index, size)
    root, leaf = slow_root(MANY[:size]), leaf_hash(MANY[index])
    step = data.draw(st.integers(0, len(path) - 1))
    broken = [*path[:step], bytes(32), *path[step + 1 :]]

    assert not is_included(leaf, index, size, broken, root)
    assert not is_included(leaf, index, size, path[:-1], root)
    assert not is_included(leaf, index, size, [*path, bytes(32)], root)
    assert not is_included(leaf_hash(b"other"), index, size, path, root)
    assert not is_included(leaf, size, size, path, root)
    assert not is_included(leaf, -1, size, path, root)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_tree_with_another_past_is_not_consistent(data: st.DataObject) -> None:
    new = data.draw(st.integers(2, SIZE))
    old = data.draw(st.integers(1, new))
    path = merkle.consistency_proof(read, old, new)
    changed = data.draw(st.integers(0, old - 1))
    other = [*MANY[:changed], b"other", *MANY[changed + 1 : old]]

    assert not is_consistent(old, new, path, slow_root(other), slow_root(MANY[:new]))
    assert not is_consistent(
        old, new, [*path, bytes(32)], slow_root(MANY[:old]), slow_root(MANY[:new])
    )
    assert not is_consistent(new, old - 1, path, slow_root(MANY[:old]), slow_root(MANY[:new]))
