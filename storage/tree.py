"""A Merkle tree kept in the database, extended and changed only where it is known to be whole."""

from collections.abc import Sequence

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storage import merkle
from storage.errors import AuditError
from storage.merkle import Frontier, Node, node_hash
from storage.tables import TreeNodeRow


class StoredTree:
    """One named tree inside the caller's transaction.

    Invariant: the frontier in memory hashes to a root that was signed, or to
    what this transaction made of it. Every hash read from the database is
    checked against the frontier before anything is built on it, so a changed
    row is never signed over.
    """

    def __init__(self, session: Session, name: str, *, size: int, root: bytes) -> None:
        """Load the frontier of the tree that was signed with ``size`` leaves and ``root``.

        Raises:
            AuditError: the stored hashes do not give that root.
        """
        self._session = session
        self._name = name
        peaks = [self.read(level, position) for level, position in merkle.frontier_places(size)]
        self._frontier = Frontier(size, peaks)
        if self.root() != root:
            raise AuditError(f"the {name} tree is not the one that was signed: run audit verify")

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self._frontier.size

    def root(self) -> bytes:
        """Root hash."""
        return self._frontier.root()

    def append(self, leaf: bytes) -> int:
        """Add a leaf hash and return its index.

        Raises:
            AuditError: there is already something where the new nodes belong.
        """
        index = self.size
        grown = self._frontier.copy()
        nodes = grown.append(leaf)
        try:
            self._session.execute(insert(TreeNodeRow), self._rows(nodes))
        except IntegrityError as error:
            raise AuditError(
                f"the {self._name} tree holds hashes beyond its signed size {index}", index=index
            ) from error
        self._frontier = grown
        return index

    def holds(self, index: int, leaf: bytes) -> bool:
        """``leaf`` is the leaf hash at ``index``, by the hashes above it up to the root."""
        # A writer of the database can put text where a number belongs.
        if not isinstance(index, int) or not 0 <= index < self.size:
            return False
        *_, peak = self._climb(index, leaf, self._siblings(index))
        level, _, digest = peak
        return self._frontier.peaks[level] == digest

    def replace(self, index: int, old: bytes, new: bytes) -> None:
        """Change the leaf hash at ``index`` from ``old`` to ``new``.

        Raises:
            AuditError: ``old`` is not what the tree holds there.
        """
        siblings = self._siblings(index)
        level, _, digest = self._climb(index, old, siblings)[-1]
        if self._frontier.peaks[level] != digest:
            raise AuditError(f"leaf {index} of the {self._name} tree is not the one signed")
        nodes = self._climb(index, new, siblings)
        self._session.execute(update(TreeNodeRow), self._rows(nodes))
        self._frontier.peaks[level] = nodes[-1][2]

    def inclusion_proof(self, index: int) -> list[bytes]:
        """Hashes from leaf ``index`` to the root."""
        return merkle.inclusion_proof(self.read, index, self.size)

    def consistency_proof(self, old_size: int) -> list[bytes]:
        """Hashes that show the first ``old_size`` leaves to be unchanged."""
        return merkle.consistency_proof(self.read, old_size, self.size)

    def read(self, level: int, position: int) -> bytes:
        """Stored hash of one perfect subtree.

        Raises:
            AuditError: it is missing.
        """
        digest = self._session.scalar(
            select(TreeNodeRow.hash).where(
                TreeNodeRow.tree == self._name,
                TreeNodeRow.level == level,
                TreeNodeRow.position == position,
            )
        )
        if digest is None:
            first = position << level
            raise AuditError(
                f"the {self._name} tree lacks a hash above leaf {first}: run audit verify",
                index=first,
            )
        return digest

    def _siblings(self, index: int) -> list[bytes]:
        """Hashes beside the way from leaf ``index`` up to its peak."""
        siblings = []
        peaks = merkle.frontier_places(self.size)
        level, position = 0, index
        while (level, position) not in peaks:
            siblings.append(self.read(level, position ^ 1))
            level, position = level + 1, position >> 1
        return siblings

    @staticmethod
    def _climb(index: int, leaf: bytes, siblings: Sequence[bytes]) -> list[Node]:
        """The nodes from ``leaf`` up to its peak."""
        nodes = [(0, index, leaf)]
        for level, sibling in enumerate(siblings, start=1):
            _, position, digest = nodes[-1]
            pair = (sibling, digest) if position & 1 else (digest, sibling)
            nodes.append((level, position >> 1, node_hash(*pair)))
        return nodes

    def _rows(self, nodes: Sequence[Node]) -> list[dict[str, object]]:
        return [
            {"tree": self._name, "level": level, "position": position, "hash": digest}
            for level, position, digest in nodes
        ]
