"""The signed head of the audit log, in a form that can be kept outside the database."""

import base64
from dataclasses import dataclass, replace
from typing import Self

from storage.errors import AuditError
from storage.keys import KeyRing


@dataclass(frozen=True)
class Checkpoint:
    """A signed head: sizes and roots of both trees at one time.

    Its text is what to keep elsewhere (print it, mail it, give it to a witness).
    """

    store_id: str
    time: str
    n_entries: int
    entries_root: bytes
    n_patients: int
    patients_root: bytes
    signature: bytes = b""

    @property
    def body(self) -> bytes:
        """The signed bytes."""
        return (
            "pharmakon-audit-head/1\n"
            f"store {self.store_id}\n"
            f"time {self.time}\n"
            f"entries {self.n_entries} {self.entries_root.hex()}\n"
            f"patients {self.n_patients} {self.patients_root.hex()}\n"
        ).encode()

    @property
    def text(self) -> str:
        """Body and signature, six lines."""
        return f"{self.body.decode()}signature {base64.b64encode(self.signature).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The checkpoint with this text; white space around it does not matter.

        Raises:
            AuditError: it is not one, down to the last character.
        """
        try:
            _, store, time, entries, patients, signature = (
                line.split(" ") for line in text.strip().splitlines()
            )
            checkpoint = cls(
                store[1],
                time[1],
                int(entries[1]),
                bytes.fromhex(entries[2]),
                int(patients[1]),
                bytes.fromhex(patients[2]),
                base64.b64decode(signature[1]),
            )
        except (ValueError, IndexError):
            raise AuditError("this is not the text of an audit checkpoint") from None
        if checkpoint.text.strip() != text.strip():
            raise AuditError("this is not the text of an audit checkpoint")
        return checkpoint

    def sign(self, ring: KeyRing) -> Self:
        """The same head with the ring's signature."""
        return replace(self, signature=ring.sign(self.body))

    def check(self, ring: KeyRing) -> None:
        """Pass only a head that this ring signed for this store.

        Raises:
            AuditError: of another store, or not signed by this ring.
        """
        if self.store_id != ring.store_id:
            raise AuditError(f"the checkpoint is of store {self.store_id}, not {ring.store_id}")
        if not ring.is_signed(self.signature, self.body):
            raise AuditError("the audit head carries no signature of this store's key ring")
