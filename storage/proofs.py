"""Evidence about the log that can be checked without the database."""

from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from storage.audit import AuditEntry
from storage.checkpoint import Checkpoint
from storage.merkle import is_included, leaf_hash


@dataclass(frozen=True)
class AuditProof:
    """An entry, the hashes from it to the root, and the head that signs the root."""

    entry: AuditEntry
    path: tuple[bytes, ...]
    head: Checkpoint

    def holds(self, public_key: Ed25519PublicKey) -> bool:
        """The head is signed by ``public_key`` and contains the entry."""
        try:
            public_key.verify(self.head.signature, self.head.body)
        except InvalidSignature:
            return False
        leaf = leaf_hash(self.entry.to_bytes())
        head = self.head
        return is_included(leaf, self.entry.index, head.n_entries, self.path, head.entries_root)
