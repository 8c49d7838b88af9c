"""The Merkle tree of RFC 9162, section 2.1: hashes, proofs and their checks, without storage.

A tree of n leaves is described by its *frontier*: the roots of the perfect
subtrees that n's binary digits name, largest first. Node (level, position)
covers the leaves from position * 2**level, 2**level of them.
"""

import hashlib
from collections.abc import Callable, Sequence

Node = tuple[int, int, bytes]  # level, position, hash
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Hash of a leaf; the prefix keeps a leaf from passing for a node."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def parents(hashes: Sequence[bytes]) -> list[bytes]:
    """The level above neighbouring nodes; one that has no partner yet has no parent."""
    sha256 = hashlib.sha256
    return [
        sha256(b"\x01" + left + right).digest()
        for left, right in zip(hashes[::2], hashes[1::2], strict=False)
    ]


def subtree_root(hashes: Sequence[bytes]) -> bytes:
    """Root over a power of two of neighbouring nodes."""
    while len(hashes) > 1:
        hashes = parents(hashes)
    return hashes[0]


def frontier_places(size: int) -> list[tuple[int, int]]:
    """(level, position) of the frontier of a tree of ``size`` leaves, largest first."""
    levels = range(size.bit_length() - 1, -1, -1)
    return [(level, (size >> level) - 1) for level in levels if size >> level & 1]


class Frontier:
    """A growing tree, of which only the O(log n) hashes that matter are kept."""

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        places = frontier_places(size)
        self.size = size
        self.peaks = {
            level: peak for (level, _), peak in zip(places, peaks, strict=True)
        }  # level -> hash, largest level first

    def copy(self) -> "Frontier":
        """The same tree, to be grown apart from this one."""
        twin = Frontier()
        twin.size, twin.peaks = self.size, dict(self.peaks)
        return twin

    def append(self, leaf: bytes) -> list[Node]:
        """Add a leaf hash; returns the nodes that are now complete, the leaf first."""
        level, position, digest = 0, self.size, leaf
        nodes = [(level, position, digest)]
        while position & 1:
            digest = node_hash(self.peaks.pop(level), digest)
            level, position = level + 1, position >> 1
            nodes.append((level, position, digest))
        self.peaks[level] = digest
        self.size += 1
        return nodes

    def root(self) -> bytes:
        """Root hash of the tree."""
        if not self.peaks:
            return EMPTY_ROOT
        smallest, *larger = reversed(self.peaks.values())
        digest = smallest
        for peak in larger:
            digest = node_hash(peak, digest)
        return digest


ReadNode = Callable[[int, int], bytes]  # (level, position) -> hash


def inclusion_proof(read: ReadNode, index: int, size: int) -> list[bytes]:
    """Hashes that lead from leaf ``index`` to the root of the first ``size`` leaves."""
    low, high, path = 0, size, []
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_range_root(read, middle, high))
            high = middle
        else:
            path.append(_range_root(read, low, middle))
            low = middle
    return path[::-1]


def consistency_proof(read: ReadNode, old: int, new: int) -> list[bytes]:
    """Hashes that show the first ``old`` leaves of ``new`` to be the tree of ``old`` leaves."""
    if old in (0, new):
        return []
    low, high, path, is_whole = 0, new, [], True
    while high != old:
        middle = low + _split(high - low)
        if old <= middle:
            path.append(_range_root(read, middle, high))
            high = middle
        else:
            path.append(_range_root(read, low, middle))
            low, is_whole = middle, False
    if not is_whole:
        path.append(_range_root(read, low, high))
    return path[::-1]


def is_included(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """``path`` shows leaf hash ``leaf`` at ``index`` of the tree (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    first, last, digest = index, size - 1, leaf
    for step in path:
        if last == 0:
            return False
        if first & 1 or first == last:
            digest = node_hash(step, digest)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            digest = node_hash(digest, step)
        first, last = first >> 1, last >> 1
    return last == 0 and digest == root


def is_consistent(
    old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes
) -> bool:
    """``path`` shows the new tree to extend the old one (RFC 9162, 2.1.4.2)."""
    if not 0 <= old <= new:
        return False
    if old in (0, new):
        return not path and old_root == (EMPTY_ROOT if old == 0 else new_root)
    steps = list(path) if old & (old - 1) else [old_root, *path]
    if not steps:
        return False
    first, last = old - 1, new - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    old_digest = new_digest = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if first & 1 or first == last:
            old_digest, new_digest = node_hash(step, old_digest), node_hash(step, new_digest)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            new_digest = node_hash(new_digest, step)
        first, last = first >> 1, last >> 1
    return last == 0 and old_digest == old_root and new_digest == new_root


def _split(size: int) -> int:
    """Largest power of two below ``size``."""
    return 1 << (size - 1).bit_length() - 1


def _range_root(read: ReadNode, low: int, high: int) -> bytes:
    """Root of leaves ``low`` to ``high``, from stored perfect subtrees."""
    size = high - low
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return read(level, low >> level)
    middle = low + _split(size)
    return node_hash(_range_root(read, low, middle), _range_root(read, middle, high))
