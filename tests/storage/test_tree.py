"""The stored tree against the one in memory, over random sequences of changes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, update
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from storage.errors import AuditError
from storage.merkle import EMPTY_ROOT, Frontier, leaf_hash
from storage.tables import Base, TreeNodeRow
from storage.tree import StoredTree


def leaf(number: int) -> bytes:
    return leaf_hash(str(number).encode())


def root_of(leaves: list[bytes]) -> bytes:
    tree = Frontier()
    for digest in leaves:
        tree.append(digest)
    return tree.root()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(0, 99)), max_size=40))
def test_a_stored_tree_is_the_tree_of_its_current_leaves(steps: list[int | None]) -> None:
    """None appends; a number replaces the leaf of that index, modulo the size."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        tree = StoredTree(session, "audit", size=0, root=EMPTY_ROOT)
        leaves: list[bytes] = []
        for number, step in enumerate(steps):
            if step is None or not leaves:
                assert tree.append(leaf(number)) == len(leaves)
                leaves.append(leaf(number))
            else:
                index = step % len(leaves)
                tree.replace(index, leaves[index], leaf(number))
                leaves[index] = leaf(number)
            assert tree.root() == root_of(leaves)

        again = StoredTree(session, "audit", size=len(leaves), root=root_of(leaves))
        assert all(again.holds(index, digest) for index, digest in enumerate(leaves))
        assert not again.holds(len(leaves), leaf(0))
        assert not any(again.holds(index, leaf(-1)) for index in range(len(leaves)))
    engine.dispose()


def test_a_leaf_is_replaced_only_by_who_knows_it_and_its_siblings() -> None:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        tree = StoredTree(session, "audit", size=0, root=EMPTY_ROOT)
        for number in range(4):
            tree.append(leaf(number))
        before = tree.root()

        with pytest.raises(AuditError):
            tree.replace(2, leaf(9), leaf(5))
        session.execute(update(TreeNodeRow).where(TreeNodeRow.level == 1).values(hash=bytes(32)))
        with pytest.raises(AuditError):
            tree.replace(2, leaf(2), leaf(5))

        assert tree.root() == before
    engine.dispose()
