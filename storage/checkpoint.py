"""The signed head of the store, in a form that can be kept outside the database."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

from storage.errors import AuditError
from storage.keys import KeyRing

ENTRIES = "entries"
PATIENTS = "patients"
ACTORS = "actors"
BREAK_GLASS = "break-glass"
ERASED = "erased"
# What a head commits to, by its version; version 1 was written by the first schema.
_PARTS = {1: (ENTRIES, PATIENTS), 2: (ENTRIES, PATIENTS, ACTORS, BREAK_GLASS, ERASED)}
_FIRST_LINE = {f"pharmakon-audit-head/{version}": version for version in _PARTS}


class Part(NamedTuple):
    """How many leaves, and the hash over them."""

    size: int
    root: bytes


@dataclass(frozen=True)
class Checkpoint:
    """A signed head: size and root of each tree, and of the list of erasures, at one time.

    Its text is what to keep elsewhere (print it, mail it, give it to a witness).
    """

    store_id: str
    time: str
    parts: Mapping[str, Part]
    version: int = 2
    signature: bytes = b""

    @property
    def n_entries(self) -> int:
        """Number of audit entries."""
        return self.parts[ENTRIES].size

    @property
    def entries_root(self) -> bytes:
        """Root of the audit tree."""
        return self.parts[ENTRIES].root

    @property
    def n_patients(self) -> int:
        """Number of patients, erased ones too."""
        return self.parts[PATIENTS].size

    @property
    def body(self) -> bytes:
        """The signed bytes."""
        lines = [f"pharmakon-audit-head/{self.version}", f"store {self.store_id}"]
        lines.append(f"time {self.time}")
        for name in _PARTS[self.version]:
            size, root = self.parts[name]
            lines.append(f"{name} {size} {root.hex()}")
        return ("\n".join(lines) + "\n").encode()

    @property
    def text(self) -> str:
        """Body and signature, a line each."""
        return f"{self.body.decode()}signature {base64.b64encode(self.signature).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The checkpoint with this text; white space around it does not matter.

        Raises:
            AuditError: it is not one, down to the last character.
        """
        try:
            first, *lines = text.strip().splitlines()
            version = _FIRST_LINE[first]
            store, time, *parts, signature = (line.split(" ") for line in lines)
            checkpoint = cls(
                store[1],
                time[1],
                {name: Part(int(size), bytes.fromhex(root)) for name, size, root in parts},
                version,
                base64.b64decode(signature[1]),
            )
            is_exact = checkpoint.text.strip() == text.strip()
        except (ValueError, LookupError):
            is_exact = False
        if not is_exact:
            raise AuditError("this is not the text of an audit checkpoint")
        return checkpoint

    def sign(self, ring: KeyRing) -> Self:
        """The same head with the ring's signature."""
        return replace(self, signature=ring.sign(self.body))

    def check(self, ring: KeyRing) -> None:
        """Pass only a head that this ring signed for this store, now or under an earlier audit key.

        Raises:
            AuditError: of another store, or not signed by this ring.
        """
        if self.store_id != ring.store_id:
            raise AuditError(f"the checkpoint is of store {self.store_id}, not {ring.store_id}")
        if not ring.is_signed(self.signature, self.body, n_entries=self.n_entries):
            raise AuditError("the audit head carries no signature of this store's key ring")
