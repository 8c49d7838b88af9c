"""The stored trees against the one in memory, over random sequences of changes."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, delete, insert, select, update
from sqlalchemy.pool import StaticPool

from storage.checkpoint import Part
from storage.errors import AuditError
from storage.merkle import Frontier, is_consistent, is_included, leaf_hash
from storage.tables import AuditEntryRow, AuditNodeRow, Base, StateTileRow
from storage.tree import EntryTree, StateTree, expected_tiles, frontier_of


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    Base.metadata.create_all(engine)
    with engine.connect() as opened:
        yield opened
    engine.dispose()


def leaf(number: int) -> bytes:
    return leaf_hash(str(number).encode())


def frontier(leaves: list[bytes]) -> Frontier:
    tree = Frontier()
    for digest in leaves:
        tree.append(digest)
    return tree


def state_tree(connection: Connection, leaves: list[bytes]) -> StateTree:
    """A stored tree of these leaves, taken up anew from its signed root and peaks."""
    tree = StateTree(connection, "patients", Frontier())
    for digest in leaves:
        tree.append(digest)
    tree.write()
    part = Part(len(leaves), frontier(leaves).root())
    return StateTree(
        connection, "patients", frontier_of(part, list(tree.frontier.peaks.values()), "patients")
    )


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    n_before=st.sampled_from([0, 1, 15, 16, 17, 255, 256, 257, 300]),
    steps=st.lists(st.one_of(st.none(), st.integers(0, 400), st.just(-1)), max_size=40),
)
def test_a_state_tree_is_the_tree_of_its_current_leaves(
    connection: Connection, n_before: int, steps: list[int | None]
) -> None:
    """None appends, -1 writes and takes the tree up anew, a number replaces that leaf."""
    connection.execute(delete(StateTileRow))
    leaves = [leaf(-number) for number in range(n_before)]
    tree = state_tree(connection, leaves)
    for number, step in enumerate(steps):
        if step == -1:
            tree.write()
            part = Part(len(leaves), frontier(leaves).root())
            tree = StateTree(
                connection,
                "patients",
                frontier_of(part, list(tree.frontier.peaks.values()), "patients"),
            )
        elif step is None or not leaves:
            tree.append(leaf(number))
            leaves.append(leaf(number))
        else:
            index = step % len(leaves)
            tree.replace(index, leaves[index], leaf(number))
            leaves[index] = leaf(number)
        assert (tree.size, tree.root()) == (len(leaves), frontier(leaves).root())
    tree.write()

    assert all(tree.holds(index, digest) for index, digest in enumerate(leaves))
    assert not tree.holds(len(leaves), leaf(0))
    assert not any(tree.holds(index, leaf(-999)) for index in range(len(leaves)))
    stored = {row.place: row.hashes for row in connection.execute(select(StateTileRow.__table__))}
    assert stored == expected_tiles(leaves)


@pytest.mark.parametrize("size", [3, 4, 16, 17, 40, 300])
def test_a_leaf_is_replaced_only_by_who_knows_it_and_its_siblings(
    connection: Connection, size: int
) -> None:
    leaves = [leaf(number) for number in range(size)]
    with pytest.raises(AuditError):
        state_tree(connection, leaves).replace(0, leaf(9), leaf(5))

    rows = connection.execute(select(StateTileRow.place, StateTileRow.hashes)).all()
    for place, hashes in rows:
        at = StateTileRow.place == place
        for changed in (bytes(len(hashes)), hashes[1:]):
            connection.execute(update(StateTileRow).where(at), {"hashes": changed})
            part = Part(size, frontier(leaves).root())
            peaks = list(frontier(leaves).peaks.values())
            tree = StateTree(connection, "patients", frontier_of(part, peaks, "patients"))
            refused = 0
            for index in range(size):
                try:
                    tree.replace(index, leaves[index], leaves[index])
                except AuditError:
                    refused += 1
            # What is not under the changed hashes may go on; what is, never.
            if len(hashes) > 32:
                assert refused
            assert tree.root() == frontier(leaves).root()
        connection.execute(update(StateTileRow).where(at), {"hashes": hashes})


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 513, 700])
def test_an_entry_tree_proves_what_it_holds(connection: Connection, size: int) -> None:
    entries = [f'{{"index":{number}}}'.encode() for number in range(size)]
    tree = EntryTree(connection, Frontier())
    for number, entry in enumerate(entries):
        tree.append(leaf_hash(entry))
        values = {"position": number, "entry": entry, "subject": "", "leaf": leaf_hash(entry)}
        connection.execute(insert(AuditEntryRow), values)
    tree.write()
    again = EntryTree(connection, frontier([leaf_hash(entry) for entry in entries]))

    for number in {0, size // 2, size - 1}:
        path = again.inclusion_proof(number)
        assert is_included(leaf_hash(entries[number]), number, size, path, tree.root())
        assert again.holds(number, leaf_hash(entries[number]))
        assert not again.holds(number, leaf(0))
    for old in {1, size // 3 + 1, size}:
        old_root = frontier([leaf_hash(entry) for entry in entries[:old]]).root()
        proof = again.consistency_proof(old)
        assert is_consistent(old, size, proof, old_root, tree.root())


def test_an_entry_tree_without_its_hashes_proves_nothing(connection: Connection) -> None:
    entries = [b"%d" % number for number in range(600)]
    rows = [
        {"position": n, "entry": entry, "subject": "", "leaf": leaf_hash(entry)}
        for n, entry in enumerate(entries)
    ]
    connection.execute(insert(AuditEntryRow), rows)
    tree = EntryTree(connection, Frontier())
    for entry in entries:
        tree.append(leaf_hash(entry))
    tree.write()
    connection.execute(delete(AuditNodeRow).where(AuditNodeRow.position == 0))
    again = EntryTree(connection, frontier([leaf_hash(entry) for entry in entries]))

    with pytest.raises(AuditError, match="lacks a hash above entry 0"):
        again.inclusion_proof(300)
    connection.execute(delete(AuditEntryRow).where(AuditEntryRow.position == 20))
    with pytest.raises(AuditError, match="between 0 and 255 is missing"):
        again.inclusion_proof(30)


def test_a_frontier_must_be_the_signed_one() -> None:
    leaves = [leaf(number) for number in range(5)]
    part = Part(5, frontier(leaves).root())
    peaks = list(frontier(leaves).peaks.values())

    assert frontier_of(part, peaks, "entries").root() == part.root
    for wrong in (peaks[:1], [*peaks, peaks[0]], peaks[::-1], []):
        with pytest.raises(AuditError, match="not the one that was signed"):
            frontier_of(part, wrong, "entries")
